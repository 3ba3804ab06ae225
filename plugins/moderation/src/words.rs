//! Finding the words of a list in a folded text.
//!
//! Words are searched for one by one, and those whose letters don't even occur in the text are passed
//! over: for lists as people write them that is quicker than an automaton, and takes less memory.

use std::ops::Range;

use crate::settings::Place;

/// The pairs of neighbouring bytes in a text, as a small Bloom filter.
pub struct Pairs {
    bits: [u64; 16],
}

impl Pairs {
    /// Those of `text`.
    pub fn new(text: &str) -> Pairs {
        let mut pairs = Pairs { bits: [0; 16] };
        for pair in text.as_bytes().windows(2) {
            let place = hash(pair);
            pairs.bits[place / 64] |= 1 << (place % 64);
        }
        pairs
    }

    /// False if `word` is certainly not in the text.
    fn may_hold(&self, word: &str) -> bool {
        word.as_bytes().windows(2).all(|pair| {
            let place = hash(pair);
            self.bits[place / 64] & (1 << (place % 64)) != 0
        })
    }
}

fn hash(pair: &[u8]) -> usize {
    let number = usize::from(pair[0]) << 8 | usize::from(pair[1]);
    (number.wrapping_mul(0x9e37_79b1) >> 20) % 1024
}

/// Every place in `text` where `word` is, both folded.
pub fn find(text: &str, pairs: &Pairs, word: &str, place: Place) -> Vec<Range<usize>> {
    if word.is_empty() || !pairs.may_hold(word) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(word) {
        let part = from + at..from + at + word.len();
        if place == Place::Anywhere || stands_alone(text, &part) {
            from = part.end;
            found.push(part);
        } else {
            from = part.start + text[part.start..].chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

/// Whether a part of `text` is whole words: no letter or digit goes on before or after it.
fn stands_alone(text: &str, part: &Range<usize>) -> bool {
    let goes_on = |inner: Option<char>, outer: Option<char>| match (inner, outer) {
        (Some(inner), Some(outer)) => joins(inner) && joins(outer),
        _ => false,
    };
    let (before, word, after) = (&text[..part.start], &text[part.clone()], &text[part.end..]);
    !goes_on(word.chars().next(), before.chars().next_back())
        && !goes_on(word.chars().next_back(), after.chars().next())
}

/// Whether words of this character's script are told apart by the space between them.
fn joins(char: char) -> bool {
    let unspaced = matches!(
        char,
        '\u{e00}'..='\u{eff}'           // Thai, Lao
            | '\u{1000}'..='\u{109f}'   // Myanmar
            | '\u{1780}'..='\u{17ff}'   // Khmer
            | '\u{3040}'..='\u{30ff}'   // Hiragana, Katakana
            | '\u{3400}'..='\u{9fff}'   // Han
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
    );
    char.is_alphanumeric() && !unspaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::Folded;

    fn count(text: &str, word: &str, place: Place) -> usize {
        let (text, word) = (Folded::new(text), Folded::new(word.trim()));
        find(text.text(), &Pairs::new(text.text()), word.text(), place).len()
    }

    #[test]
    fn whole_words_stand_between_what_is_no_letter() {
        assert_eq!(count("Ass, ASS! _ass_ (ass)", "ass", Place::WholeWord), 4);
        assert_eq!(count("class assume äss ass9", "ass", Place::WholeWord), 0);
        assert_eq!(count("Äpfel und äpfel-saft", "ÄPFEL", Place::WholeWord), 2);
        assert_eq!(count("aaa aa", "aa", Place::WholeWord), 1);
    }

    #[test]
    fn anywhere_is_anywhere() {
        assert_eq!(count("class ASSUME", "ass", Place::Anywhere), 2);
    }

    #[test]
    fn phrases_match_over_any_space() {
        assert_eq!(
            count("buy \n  NOW please", " Buy now ", Place::WholeWord),
            1
        );
        assert_eq!(count("buynow", "buy now", Place::WholeWord), 0);
    }

    #[test]
    fn scripts_without_spaces_need_none() {
        assert_eq!(count("我不喜欢垃圾邮件", "垃圾", Place::WholeWord), 1);
    }

    #[test]
    fn nothing_is_nowhere() {
        assert_eq!(count("anything", "", Place::Anywhere), 0);
        assert_eq!(count("", "word", Place::Anywhere), 0);
        assert_eq!(count("a x b", "x", Place::WholeWord), 1);
    }
}
