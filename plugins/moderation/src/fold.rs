//! Text as the rules see it: without the differences that people use to slip past a word list.
//!
//! Case, invisible characters, strokes and accents laid over letters, runs of spaces, and the many
//! ways to set a letter (full-width, 𝗯𝗼𝗹𝗱, ⓒⓘⓡⓒⓛⓔⓓ, ꜱᴍᴀʟʟ) make no difference. Precomposed accents do:
//! "schön" isn't "schon". Every byte of the folded text knows which character of the original it came
//! from, so that what is found can be masked there.

use std::ops::Range;

use crate::lookalikes::DRESSED;

/// A folded text.
pub struct Folded {
    text: String,
    /// For each byte of `text`, the bytes of the original's character behind it. `None` where that is
    /// the byte in the same place.
    origins: Option<Vec<(u32, u32)>>,
}

impl Folded {
    /// Folds `original`.
    pub fn new(original: &str) -> Folded {
        if is_plain(original) {
            return Folded {
                text: original.to_ascii_lowercase(),
                origins: None,
            };
        }
        let mut folding = Folding {
            text: String::with_capacity(original.len()),
            origins: Vec::with_capacity(original.len()),
        };
        for (start, char) in original.char_indices() {
            let origin = (start as u32, (start + char.len_utf8()) as u32);
            folding.push(char, origin);
        }
        Folded {
            text: folding.text,
            origins: Some(folding.origins),
        }
    }

    /// The folded text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a part of the folded text lies in the original.
    pub fn origin(&self, part: Range<usize>) -> Range<usize> {
        let Some(origins) = &self.origins else {
            return part;
        };
        match origins.get(part) {
            Some([first, .., last]) => first.0 as usize..last.1 as usize,
            Some([only]) => only.0 as usize..only.1 as usize,
            _ => 0..0,
        }
    }
}

/// Whether every character folds to one in its place, as in most of what people write.
fn is_plain(text: &str) -> bool {
    let mut before = 0;
    text.bytes().all(|byte| {
        let is_run = byte == b' ' && before == b' ';
        before = byte;
        byte.is_ascii() && !matches!(byte, b'\t'..=b'\r') && !is_run
    })
}

/// A text that is being folded.
struct Folding {
    text: String,
    origins: Vec<(u32, u32)>,
}

impl Folding {
    fn push(&mut self, char: char, origin: (u32, u32)) {
        if char.is_ascii() {
            match char {
                ' ' | '\t'..='\r' if self.text.ends_with(' ') => {}
                '\t'..='\r' => self.keep(' ', origin),
                char => self.keep(char.to_ascii_lowercase(), origin),
            }
        } else if is_invisible(char) {
        } else if is_mark(char) {
            if let Some(composed) = self
                .text
                .chars()
                .next_back()
                .and_then(|base| compose(base, char))
            {
                let start = self.origins.last().map_or(origin.0, |base| base.0);
                self.text.pop();
                self.origins.truncate(self.text.len());
                self.keep(composed, (start, origin.1));
            }
        } else if char.is_whitespace() {
            if !self.text.ends_with(' ') {
                self.keep(' ', origin);
            }
        } else {
            match char {
                'ß' | 'ẞ' => {
                    self.keep('s', origin);
                    self.keep('s', origin);
                }
                'ς' => self.keep('σ', origin),
                // Full-width forms of ASCII.
                '\u{ff01}'..='\u{ff5e}' => {
                    let plain = char::from_u32(char as u32 - 0xfee0).unwrap_or(char);
                    self.keep(plain.to_ascii_lowercase(), origin);
                }
                char => match reads_as(&DRESSED, char) {
                    Some(plain) => plain.for_each(|plain| self.keep(plain, origin)),
                    None => char
                        .to_lowercase()
                        .filter(|lower| !is_mark(*lower))
                        .for_each(|lower| self.keep(lower, origin)),
                },
            }
        }
    }

    fn keep(&mut self, char: char, origin: (u32, u32)) {
        self.text.push(char);
        self.origins.resize(self.text.len(), origin);
    }
}

/// Neighbouring characters that read as neighbouring letters, or one that reads as several.
pub struct Run {
    first: u32,
    count: u8,
    /// What the first reads as; zeros fill it up.
    reads: [u8; 3],
}

impl Run {
    /// `count` characters from `first` on, which reads as `reads`: 1 to 3 letters or digits.
    pub const fn new(first: u32, count: u8, reads: &str) -> Run {
        let reads = reads.as_bytes();
        Run {
            first,
            count,
            reads: match *reads {
                [a] => [a, 0, 0],
                [a, b] => [a, b, 0],
                [a, b, c] => [a, b, c],
                _ => panic!("1 to 3 letters"),
            },
        }
    }
}

/// The letters or digits that a character reads as by a table.
pub fn reads_as(table: &[Run], char: char) -> Option<impl Iterator<Item = char> + use<>> {
    let code = u32::from(char);
    let after = table.partition_point(|run| run.first <= code);
    let run = table.get(after.checked_sub(1)?)?;
    let further = u8::try_from(code - run.first).ok()?;
    let [first, rest @ ..] = run.reads;
    (further < run.count).then(|| {
        [first + further]
            .into_iter()
            .chain(rest)
            .take_while(|letter| *letter != 0)
            .map(char::from)
    })
}

/// Takes no room on the screen: soft hyphens, joiners, direction marks, variation selectors.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Drawn over the character before it.
fn is_mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}')
}

/// The one character for a letter and an accent that common alphabets have as a letter of its own.
/// Some keyboards send them as two.
fn compose(base: char, mark: char) -> Option<char> {
    let (bases, composed) = match mark {
        '\u{300}' => ("aeiou", "àèìòù"),
        '\u{301}' => ("aeiouyclnsrz", "áéíóúýćĺńśŕź"),
        '\u{302}' => ("aeiou", "âêîôû"),
        '\u{303}' => ("ano", "ãñõ"),
        '\u{306}' => ("agи", "ăğй"),
        '\u{307}' => ("ez", "ėż"),
        '\u{308}' => ("aeiouyе", "äëïöüÿё"),
        '\u{30a}' => ("au", "åů"),
        '\u{30b}' => ("ou", "őű"),
        '\u{30c}' => ("cdelnrstz", "čďěľňřšťž"),
        '\u{327}' => ("cst", "çşţ"),
        '\u{328}' => ("ae", "ąę"),
        _ => return None,
    };
    let place = bases.chars().position(|letter| letter == base)?;
    composed.chars().nth(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        Folded::new(text).text
    }

    #[test]
    fn what_looks_alike_folds_alike() {
        assert_eq!(folded("BaD\u{200b}Word"), "badword");
        assert_eq!(folded("b\u{336}a\u{336}d\u{336}"), "bad");
        assert_eq!(folded("ＢＡＤ"), "bad");
        assert_eq!(folded("a \t\n b"), "a b");
        assert_eq!(folded("STRASSE straße"), "strasse strasse");
        assert_eq!(folded("ΣΊΣΥΦΟΣ"), folded("σίσυφος"));
        assert_eq!(folded("İ"), "i");
    }

    #[test]
    fn plain_texts_fold_like_others() {
        for text in ["Well DARN, 2 of them", " a b ", "a  b", "a\tb", ""] {
            let marked = format!("{text}\u{200b}");
            assert_eq!(folded(text), folded(&marked), "{text:?}");
            let (plain, other) = (Folded::new(text), Folded::new(&marked));
            for at in 0..plain.text.len() {
                assert_eq!(plain.origin(at..at + 1), other.origin(at..at + 1));
            }
        }
    }

    #[test]
    fn accents_stay_however_they_are_typed() {
        assert_eq!(folded("scho\u{308}n"), "schön");
        assert_ne!(folded("schön"), folded("schon"));
    }

    #[test]
    fn parts_are_found_in_the_original() {
        let original = "É b\u{200b}Aß!";
        let folded = Folded::new(original);
        let at = folded.text().find("bass").unwrap();
        assert_eq!(&original[folded.origin(at..at + 4)], "b\u{200b}Aß");
        let composed = Folded::new("o\u{308}!");
        assert_eq!(composed.origin(0..2), 0..3);
    }
}
