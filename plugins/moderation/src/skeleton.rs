//! Words found through their disguise.
//!
//! Text and words are compared by their skeletons: what was revealed, look-alikes read as Latin, i and
//! l as one, and a letter however often in a row as one. A find counts only if the part of the text
//! was disguised, and if each letter stands there as often as in the word or, stretched, more often.

use std::ops::Range;

use crate::reveal::{Letter, looks_like};
use crate::settings::Place;
use crate::words::{self, Pairs};

/// The fewest letters of a word that is looked for in disguise: shorter ones are found by chance.
const LETTERS_MIN: usize = 3;
/// Nobody writes a letter that often in a row without meaning it.
const STRETCHED_MIN: u8 = 3;

/// A text of which each run of one letter is one.
pub struct Skeleton {
    text: String,
    runs: Vec<Run>,
}

struct Run {
    /// Where it begins in the skeleton's text.
    at: usize,
    count: u8,
    hidden: bool,
    origin: (u32, u32),
}

impl Skeleton {
    /// That of a revealed text; `stretching` says whether stretched letters count as a disguise. None
    /// if nothing in it is disguised.
    pub fn new(letters: &[Letter], stretching: bool) -> Option<Skeleton> {
        let skeleton = Skeleton::of(letters, stretching);
        let disguised = skeleton.runs.iter().any(|run| run.hidden);
        disguised.then_some(skeleton)
    }

    fn of(letters: &[Letter], stretching: bool) -> Skeleton {
        let mut skeleton = Skeleton {
            text: String::with_capacity(letters.len()),
            runs: Vec::with_capacity(letters.len()),
        };
        let (mut last, mut same) = ('\0', 0_u8);
        for letter in letters {
            same = if letter.char == last {
                same.saturating_add(1)
            } else {
                1
            };
            last = letter.char;
            let is_letter = letter.char.is_alphabetic();
            let stretched = stretching && is_letter && same >= STRETCHED_MIN;
            let bone = match looks_like(letter.char).unwrap_or(letter.char) {
                'l' => 'i',
                other => other,
            };
            let hidden = letter.hidden || stretched;
            match skeleton.runs.last_mut() {
                Some(run) if is_letter && skeleton.text.ends_with(bone) => {
                    run.count = run.count.saturating_add(1);
                    run.hidden |= hidden;
                    run.origin.1 = letter.origin.1;
                }
                _ => {
                    skeleton.runs.push(Run {
                        at: skeleton.text.len(),
                        count: 1,
                        hidden,
                        origin: letter.origin,
                    });
                    skeleton.text.push(bone);
                }
            }
        }
        skeleton
    }

    /// The pairs of bytes in it.
    pub fn pairs(&self) -> Pairs {
        Pairs::new(&self.text)
    }

    /// Every place in the original where `word` is disguised.
    pub fn find(&self, pairs: &Pairs, word: &Word, place: Place) -> Vec<Range<usize>> {
        let place_of = |at: usize| self.runs.partition_point(|run| run.at < at);
        let found = words::find(&self.text, pairs, &word.0.text, place);
        let parts = found
            .into_iter()
            .map(|part| &self.runs[place_of(part.start)..place_of(part.end)]);
        let disguised = parts.filter(|runs| is_meant(runs, &word.0.runs));
        disguised
            .filter_map(|runs| {
                Some(runs.first()?.origin.0 as usize..runs.last()?.origin.1 as usize)
            })
            .collect()
    }
}

/// Whether a part of a text is a word in disguise.
fn is_meant(part: &[Run], word: &[Run]) -> bool {
    let often_enough = |(run, letter): (&Run, &Run)| {
        run.count == letter.count || (run.hidden && run.count >= letter.count.max(STRETCHED_MIN))
    };
    part.iter().any(|run| run.hidden) && part.iter().zip(word).all(often_enough)
}

/// A word as it is looked for in disguise.
pub struct Word(Skeleton);

impl Word {
    /// That of a folded word. None for one that is too short or isn't of letters alone.
    pub fn new(folded: &str) -> Option<Word> {
        let letters = folded.chars().filter(|char| char.is_alphabetic()).count();
        let others = folded
            .chars()
            .any(|char| !char.is_alphabetic() && char != ' ');
        if letters < LETTERS_MIN || others {
            return None;
        }
        let plain = |char| Letter {
            char,
            origin: (0, 0),
            hidden: false,
        };
        let letters: Vec<Letter> = folded.chars().map(plain).collect();
        Some(Word(Skeleton::of(&letters, false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::Folded;
    use crate::reveal::{Disguises, reveal};

    /// The parts of a text where a word is disguised.
    fn found<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
        let folded = Folded::new(text);
        let skeleton = reveal(text, &folded, Disguises::ALL)
            .and_then(|letters| Skeleton::new(&letters, Disguises::ALL.stretching));
        let Some(skeleton) = skeleton else {
            return Vec::new();
        };
        let word = Word::new(Folded::new(word).text()).unwrap();
        let parts = skeleton.find(&skeleton.pairs(), &word, Place::WholeWord);
        parts.into_iter().map(|part| &text[part]).collect()
    }

    #[test]
    fn disguised_words_are_found_where_they_stand() {
        for (text, word, expected) in [
            ("buy V1AGRA now", "viagra", "V1AGRA"),
            ("c1aim", "claim", "c1aim"),
            ("so s.p.a.m!", "spam", "s.p.a.m"),
            ("spaaaam", "spam", "spaaaam"),
            ("what an aaassss", "ass", "aaassss"),
            ("he11o", "hello", "he11o"),
            ("fr33 m0ney", "free money", "fr33 m0ney"),
            ("сосaine", "cocaine", "сосaine"),
            ("s\u{200b}p4m", "spam", "s\u{200b}p4m"),
            ("СПААААМ", "спам", "СПААААМ"),
        ] {
            assert_eq!(found(text, word), [expected], "{text}");
        }
    }

    #[test]
    fn what_is_written_plainly_is_no_disguise() {
        for (text, word) in [
            ("as good as 3 of them", "ass"),
            ("heil h3re", "hell"),
            ("aaas", "ass"),
            ("bass b4r", "bas"),
            ("cooool", "coll"),
            ("сор из избы coool", "cop"),
        ] {
            assert_eq!(found(text, word), [""; 0], "{text}");
        }
    }

    #[test]
    fn short_words_and_numbers_are_looked_for_as_they_are() {
        for word in ["as", "1337", "b2b", "a-b-c"] {
            assert!(Word::new(word).is_none(), "{word}");
        }
    }
}
