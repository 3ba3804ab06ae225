//! What is meant behind a disguise: letters of other alphabets that look like Latin ones, digits and
//! signs in place of letters (`v1agra`, `$ex`), and letters set apart (`s.p.a.m`).
//!
//! A disguise is a matter of what stands around it: `сор` in a Russian sentence is a Russian word,
//! `1337` is a number, and the dollar of `$50` is money. What is revealed knows where it stands in the
//! original, and which of its letters were hidden: where none was, nothing is disguised.

use crate::fold::{Folded, reads_as};
use crate::lookalikes::FOREIGN;

/// Which disguises are seen through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disguises {
    /// Letters of other alphabets.
    pub lookalikes: bool,
    /// Digits and signs for letters.
    pub leetspeak: bool,
    /// Letters with something between them.
    pub spacing: bool,
    /// Letters over and over.
    pub stretching: bool,
}

impl Disguises {
    /// All of them.
    #[cfg(test)]
    pub const ALL: Disguises = Disguises {
        lookalikes: true,
        leetspeak: true,
        spacing: true,
        stretching: true,
    };
}

/// A character as it is meant.
#[derive(Clone, Copy, Debug)]
pub struct Letter {
    pub char: char,
    /// The bytes of the original that it stands for.
    pub origin: (u32, u32),
    /// Whether it was disguised.
    pub hidden: bool,
}

impl Letter {
    fn is_letter(&self) -> bool {
        self.char.is_alphabetic()
    }
}

/// The characters of a text as they are meant; none if it certainly has no disguise. Stretched
/// letters stay as they are.
pub fn reveal(original: &str, folded: &Folded, disguises: Disguises) -> Option<Vec<Letter>> {
    if !may_hide(folded.text(), disguises) {
        return None;
    }
    let text = folded.text();
    let mut letters: Vec<Letter> = text
        .char_indices()
        .map(|(at, char)| {
            let origin = folded.origin(at..at + char.len_utf8());
            Letter {
                char,
                origin: (origin.start as u32, origin.end as u32),
                hidden: false,
            }
        })
        .collect();
    if disguises.lookalikes && !text.is_ascii() {
        see_lookalikes(original, &mut letters);
    }
    if disguises.leetspeak {
        letters
            .split_mut(|letter| letter.char == ' ')
            .for_each(read_leetspeak);
    }
    if disguises.spacing {
        letters = close_up(&letters);
    }
    Some(letters)
}

/// A quick look whether anything in a folded text may be a disguise.
fn may_hide(text: &str, disguises: Disguises) -> bool {
    let Disguises {
        lookalikes,
        leetspeak,
        spacing,
        stretching,
    } = disguises;
    // The last byte and the one before it; how long the word is that it belongs to, and how many
    // words of one letter came one after the other.
    let (mut before, mut last, mut length, mut singles) = (b' ', b' ', 0, 0);
    let found = text.bytes().chain([b' ']).any(|byte| {
        let after_letter = last.is_ascii_alphabetic();
        let is_letter = byte.is_ascii_alphabetic();
        if byte.is_ascii_alphanumeric() {
            length += 1;
        } else if length > 0 {
            singles = if length == 1 && after_letter {
                singles + 1
            } else {
                0
            };
            length = 0;
        }
        let found = (leetspeak && (after_letter && is_leet(byte) || is_letter && is_leet(last)))
            || (spacing && singles >= 3)
            || (stretching && is_letter && byte == last && last == before);
        (before, last) = (last, byte);
        found
    });
    let beyond_ascii = lookalikes || spacing || stretching;
    found
        || (leetspeak && (text.contains("@$") || text.contains("$$")))
        || (beyond_ascii && !text.is_ascii())
}

fn is_leet(byte: u8) -> bool {
    matches!(
        byte,
        b'0' | b'1'
            | b'3'..=b'5'
            | b'7'..=b'9'
            | b'@'
            | b'$'
            | b'!'
            | b'|'
            | b'+'
    )
}

/// Puts Latin letters in place of those that look like them: in words that mix the two, and in a text
/// that has no letter of another alphabet that doesn't look Latin.
fn see_lookalikes(original: &str, letters: &mut [Letter]) {
    let looks: Vec<Option<char>> = letters
        .iter()
        .map(|letter| {
            let before_folding = original[letter.origin.0 as usize..].chars().next();
            looks_like(before_folding?).or_else(|| looks_like(letter.char))
        })
        .collect();
    let is_latin = |letter: &Letter| matches!(letter.char, 'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
    let foreign_text = letters
        .iter()
        .zip(&looks)
        .any(|(letter, looks)| letter.is_letter() && looks.is_none() && !is_latin(letter));
    let mut from = 0;
    while from < letters.len() {
        let is_in_word = |at: &usize| letters[*at].is_letter() || looks[*at].is_some();
        let to = (from..letters.len())
            .find(|at| !is_in_word(at))
            .unwrap_or(letters.len());
        let mixed = (from..to).any(|at| looks[at].is_none() && is_latin(&letters[at]));
        if mixed || !foreign_text {
            for at in from..to {
                if let Some(latin) = looks[at] {
                    letters[at].char = latin;
                    letters[at].hidden = true;
                }
            }
        }
        from = to + 1;
    }
}

/// The Latin letter that a letter of another alphabet looks like.
pub fn looks_like(char: char) -> Option<char> {
    if char.is_ascii() {
        return None;
    }
    reads_as(&FOREIGN, char)?.next()
}

/// Puts letters in place of digits and signs, where a run of characters without a space looks like a
/// word: letters in it, and not fewer than digits.
fn read_leetspeak(token: &mut [Letter]) {
    let chars: Vec<char> = token.iter().map(|letter| letter.char).collect();
    let count = |is: fn(&char) -> bool| chars.iter().filter(|char| is(char)).count();
    let (letters, digits) = (
        count(|char| char.is_alphabetic()),
        count(char::is_ascii_digit),
    );
    let signs = count(|char| matches!(char, '@' | '$'));
    let is_number = chars
        .split(|char| !char.is_ascii_digit())
        .any(|run| run.len() > 2 && run.iter().any(|digit| *digit != run[0]));
    let is_address = chars.windows(3).any(|three| three == [':', '/', '/'])
        || chars
            .iter()
            .skip_while(|char| **char != '@')
            .any(|char| *char == '.');
    let is_money = chars
        .windows(2)
        .any(|two| two[0] == '$' && two[1].is_ascii_digit());
    if digits > letters || letters + signs / 2 == 0 || is_number || is_address || is_money {
        return;
    }
    let is_part = |at: Option<usize>| {
        at.and_then(|at| chars.get(at))
            .is_some_and(|char| char.is_alphanumeric() || matches!(char, '@' | '$'))
    };
    for (at, letter) in token.iter_mut().enumerate() {
        let (before, after) = (is_part(at.checked_sub(1)), is_part(Some(at + 1)));
        let meant = match letter.char {
            '0' => 'o',
            '1' => 'i',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            '7' => 't',
            '8' => 'b',
            '9' => 'g',
            '@' if before || after => 'a',
            '$' if before || after => 's',
            '!' | '|' if before && after => 'i',
            '+' if before && after => 't',
            '€' if before && after => 'e',
            _ => continue,
        };
        letter.char = meant;
        letter.hidden = true;
    }
}

/// Brings letters together that have the same sign between them, three or more.
fn close_up(letters: &[Letter]) -> Vec<Letter> {
    let mut closed = Vec::with_capacity(letters.len());
    let mut from = 0;
    while from < letters.len() {
        let stands_free = from == 0 || !letters[from - 1].char.is_alphanumeric();
        match spread(&letters[from..]).filter(|_| stands_free) {
            Some(length) => {
                let apart = letters[from..from + length].iter();
                closed.extend(
                    apart
                        .filter(|letter| letter.is_letter())
                        .map(|letter| Letter {
                            hidden: true,
                            ..*letter
                        }),
                );
                from += length;
            }
            None => {
                closed.push(letters[from]);
                from += 1;
            }
        }
    }
    closed
}

/// How much of the beginning is single letters with the same one to three signs between them.
fn spread(letters: &[Letter]) -> Option<usize> {
    const APART_MAX: usize = 3;
    let gap_at = |at: usize| {
        let rest = letters.get(at..).unwrap_or_default().iter();
        rest.map(|letter| letter.char)
            .take_while(|char| !char.is_alphanumeric())
            .take(APART_MAX + 1)
    };
    let gap: Vec<char> = gap_at(1).collect();
    if !(1..=APART_MAX).contains(&gap.len()) {
        return None;
    }
    let (mut count, mut end) = (0, 0);
    let mut at = 0;
    while letters.get(at).is_some_and(Letter::is_letter) {
        let alone = letters
            .get(at + 1)
            .is_none_or(|next| !next.char.is_alphanumeric());
        if !alone {
            break;
        }
        (count, end) = (count + 1, at + 1);
        if !gap_at(end).eq(gap.iter().copied()) {
            break;
        }
        at = end + gap.len();
    }
    (count >= 3).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text as it is meant; as it was folded where nothing is hidden.
    fn meant(text: &str) -> String {
        let folded = Folded::new(text);
        let letters = reveal(text, &folded, Disguises::ALL);
        letters.map_or(folded.text().to_owned(), |letters| {
            letters.iter().map(|letter| letter.char).collect()
        })
    }

    #[test]
    fn letters_of_other_alphabets_are_read_as_they_look() {
        assert_eq!(meant("сосаine"), "cocaine");
        assert_eq!(meant("Ρауpal"), "paypal");
        assert_eq!(meant("СОСА"), "coca", "all of them look Latin");
        assert_eq!(meant("🇸🇨🇦🇲"), "scam");
    }

    #[test]
    fn other_languages_stay_what_they_are() {
        for text in [
            "сор из избы",
            "какой сор!",
            "η σοφία",
            "schön",
            "sık sık",
            "naïve",
        ] {
            assert_eq!(meant(text), Folded::new(text).text(), "{text}");
        }
    }

    #[test]
    fn digits_and_signs_are_read_as_letters() {
        for (text, expected) in [
            ("v1agra", "viagra"),
            ("$ex", "sex"),
            ("h3ll0!", "hello!"),
            ("@$$", "ass"),
            ("sh!t", "shit"),
            ("b00bs", "boobs"),
            ("fr33 pr1ze", "free prize"),
        ] {
            assert_eq!(meant(text), expected);
        }
    }

    #[test]
    fn numbers_and_addresses_stay_what_they_are() {
        for text in [
            "100",
            "1337",
            "a55",
            "$50",
            "$5k",
            "2026-01-02",
            "hi!",
            "50%",
            "ann@example.com",
            "https://a1b.c0m/x",
            "win1000",
            "0800 123 456",
            "x86_64",
            "sha256",
        ] {
            assert_eq!(meant(text), text);
        }
    }

    #[test]
    fn letters_set_apart_come_together() {
        for (text, expected) in [
            ("s.p.a.m", "spam"),
            ("s p a m now", "spam now"),
            ("no s-p-a-m!", "no spam!"),
            ("s . p . a . m", "spam"),
            ("s.p.a", "spa"),
        ] {
            assert_eq!(meant(text), expected);
        }
        for text in ["e.g. this", "a b", "i am a cat", "x - y", "class.a.b"] {
            assert_eq!(meant(text), text);
        }
    }
}
