//! How good the score is on messages that it didn't learn from.
//!
//! One way to deal messages out can be lucky: all is measured over several, and said with its spread.
//! Messages that are nearly the same go together, into what is learned from or into what is judged,
//! and of those that are judged each kind counts once. Days of chat are dealt out whole.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use crate::data::{self, Corpus, Line, Message};
use crate::fit::{Example, Model, RECIPE, fit};
use crate::fold::Folded;
use crate::outcome::{Outcome, count};
use crate::random::Random;
use crate::reveal::{Disguises, reveal};
use crate::spam::score::score;

/// The orders in which cross-validation deals messages out, all counted together.
pub const SEEDS: &[u64] = &[1, 2, 3];
/// What the plugin sees through unless its settings say otherwise.
const ALL_DISGUISES: Disguises = Disguises {
    lookalikes: true,
    leetspeak: true,
    spacing: true,
    stretching: true,
};
const PARTS: usize = 10;
const OUTER_PARTS: usize = 5;
/// The orders in which messages are dealt out to be judged, each for itself.
const OUTER_SEEDS: RangeInclusive<u64> = 1..=8;

/// What a level promises: a precision among the labelled messages, and how many lines of chat of a
/// hundred thousand are taken for spam at most.
pub struct Level {
    pub name: &'static str,
    precision: f64,
    chat_of_100_000: usize,
}

/// From the strictest.
pub const LEVELS: [Level; 3] = [
    Level {
        name: "low",
        precision: 0.998,
        chat_of_100_000: 10,
    },
    Level {
        name: "medium",
        precision: 0.99,
        chat_of_100_000: 50,
    },
    Level {
        name: "high",
        precision: 0.95,
        chat_of_100_000: 200,
    },
];

/// Scores of messages that were not learned from.
#[derive(Default)]
pub struct Judged {
    /// Of labelled messages, one of each kind.
    pub spam: Vec<f32>,
    pub ham: Vec<f32>,
    /// The same with all that are nearly the same.
    pub all_spam: Vec<f32>,
    pub all_ham: Vec<f32>,
    pub chat: Vec<f32>,
}

/// A part of the corpus.
struct Part<'c> {
    messages: Vec<&'c Message>,
    days: Vec<&'c Vec<Line>>,
}

impl Part<'_> {
    fn examples(&self) -> Vec<&Example> {
        let labelled = self.messages.iter().map(|message| &message.example);
        let chat = self.days.iter().copied().flatten();
        labelled.chain(chat.map(|line| &line.example)).collect()
    }
}

/// Judges each of `OUTER_PARTS` parts with levels and a model that know only the others; once for each
/// order of dealing out.
pub fn nested(corpus: &Corpus) -> Vec<[Outcome; 3]> {
    OUTER_SEEDS
        .map(|seed| {
            let mut outcomes = [Outcome::default(); 3];
            for (known, unseen) in split(&whole(corpus), OUTER_PARTS, seed) {
                let thresholds = thresholds(&validate(&known, SEEDS));
                let mut judged = Judged::default();
                judge(&fit(&known.examples(), RECIPE), &unseen, &mut judged);
                for (outcome, threshold) in outcomes.iter_mut().zip(thresholds) {
                    outcome.add(&judged, threshold);
                }
            }
            outcomes
        })
        .collect()
}

/// Judges each part with a model that knows the others, for each of the seeds.
pub fn cross_validate(corpus: &Corpus, seeds: &[u64]) -> Judged {
    validate(&whole(corpus), seeds)
}

fn validate(part: &Part<'_>, seeds: &[u64]) -> Judged {
    let mut judged = Judged::default();
    for seed in seeds {
        for (known, unseen) in split(part, PARTS, *seed) {
            judge(&fit(&known.examples(), RECIPE), &unseen, &mut judged);
        }
    }
    judged
}

fn whole(corpus: &Corpus) -> Part<'_> {
    Part {
        messages: corpus.messages.iter().collect(),
        days: corpus.days.iter().collect(),
    }
}

/// Each of `parts` parts, after all that is not in it.
fn split<'c>(part: &Part<'c>, parts: usize, seed: u64) -> Vec<(Part<'c>, Part<'c>)> {
    let dealt = data::deal(&part.messages, parts, &mut Random(seed));
    let pick = |wanted: &dyn Fn(usize) -> bool| Part {
        messages: (0..part.messages.len())
            .filter(|at| wanted(dealt[*at]))
            .map(|at| part.messages[at])
            .collect(),
        days: (0..part.days.len())
            .filter(|at| wanted(at % parts))
            .map(|at| part.days[at])
            .collect(),
    };
    (0..parts)
        .map(|unseen| (pick(&|part| part != unseen), pick(&|part| part == unseen)))
        .collect()
}

fn judge(model: &Model, part: &Part<'_>, judged: &mut Judged) {
    let weights = model.weights();
    let score = |text: &str| {
        let folded = Folded::new(text);
        let revealed = reveal(text, &folded, ALL_DISGUISES);
        score(&weights, text, folded.text(), revealed.as_deref())
    };
    let mut seen = HashSet::new();
    for message in &part.messages {
        let (one_of_each, all) = if message.is_spam {
            (&mut judged.spam, &mut judged.all_spam)
        } else {
            (&mut judged.ham, &mut judged.all_ham)
        };
        let score = score(&message.text);
        all.push(score);
        if seen.insert(message.group) {
            one_of_each.push(score);
        }
    }
    let lines = part.days.iter().copied().flatten();
    judged.chat.extend(lines.map(|line| score(&line.text)));
}

/// The lowest threshold of each level that keeps what the level promises.
pub fn thresholds(judged: &Judged) -> [f32; 3] {
    let mut candidates: Vec<f32> = [&judged.spam, &judged.ham, &judged.chat]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    candidates.sort_by(|a, b| b.total_cmp(a));
    candidates.dedup();
    LEVELS.each_ref().map(|level| {
        let keeps = |threshold: &f32| {
            let mut outcome = Outcome::default();
            outcome.add(judged, *threshold);
            let chat_max = outcome.chat * level.chat_of_100_000 / 100_000;
            outcome.chat_mistaken <= chat_max && outcome.precision() >= level.precision
        };
        // Precision goes up and down on the way, so the last that keeps it is looked for, but not
        // beyond where chat would suffer.
        let reach = candidates.partition_point(|threshold| {
            count(&judged.chat, *threshold) * 100_000 <= judged.chat.len() * level.chat_of_100_000
        });
        let found = candidates[..reach]
            .iter()
            .rev()
            .find(|threshold| keeps(threshold));
        found.copied().unwrap_or(f32::MAX)
    })
}

/// How many times as large scores must be to be the logarithm of the odds: logistic regression of
/// what messages are by how they were judged, by Newton's method.
pub fn stretch(judged: &Judged) -> f32 {
    let of_kind = |scores: &[f32], is_spam: f64| -> Vec<(f64, f64)> {
        scores
            .iter()
            .map(|one| (f64::from(*one), is_spam))
            .collect()
    };
    let messages = [of_kind(&judged.spam, 1.0), of_kind(&judged.ham, 0.0)].concat();
    let (mut times, mut bias) = (1.0, 0.0);
    for _ in 0..30 {
        let (mut slopes, mut bends) = ([0.0; 2], [0.0; 3]);
        for (score, is_spam) in &messages {
            let likely = 1.0 / (1.0 + (-(times * score + bias)).exp());
            let (off, bend) = (likely - is_spam, likely * (1.0 - likely));
            slopes = [slopes[0] + off * score, slopes[1] + off];
            bends = [
                bends[0] + bend * score * score,
                bends[1] + bend * score,
                bends[2] + bend,
            ];
        }
        let area = bends[0] * bends[2] - bends[1] * bends[1];
        times -= (bends[2] * slopes[0] - bends[1] * slopes[1]) / area;
        bias -= (bends[0] * slopes[1] - bends[1] * slopes[0]) / area;
    }
    times as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretched_scores_are_the_logarithm_of_the_odds() {
        let judged = Judged {
            spam: vec![2.0, 2.0, 2.0, -2.0],
            ham: vec![-2.0, -2.0, -2.0, 2.0],
            ..Judged::default()
        };
        // At 2 there are three spam for one ham.
        assert!((stretch(&judged) * 2.0 - 3_f32.ln()).abs() < 1e-4);
    }

    #[test]
    fn a_level_takes_as_much_spam_as_it_may() {
        let judged = Judged {
            spam: vec![4.0, 3.0, 1.0],
            ham: vec![2.0, 0.0],
            chat: vec![-1.0],
            ..Judged::default()
        };
        // Beyond 3 there is ham, which only a level with a precision of 3 in 4 could bear.
        assert_eq!(thresholds(&judged), [3.0; 3]);
    }
}
