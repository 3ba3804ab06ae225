//! How good the score is on messages that it didn't learn from.
//!
//! Messages that are nearly the same go together, into what is learned from or into what is judged,
//! and of those that are judged each kind counts once. Days of chat are dealt out whole.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::data::{self, Corpus, Line, Message};
use crate::fit::{Example, Model, RECIPE, fit};
use crate::fold::Folded;
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
        precision: 0.996,
        chat_of_100_000: 10,
    },
    Level {
        name: "medium",
        precision: 0.985,
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
    spam: Vec<f32>,
    ham: Vec<f32>,
    /// The same with all that are nearly the same.
    all_spam: Vec<f32>,
    all_ham: Vec<f32>,
    chat: Vec<f32>,
}

/// What came of one level.
#[derive(Clone, Copy, Default)]
pub struct Outcome {
    spam: usize,
    found: usize,
    ham: usize,
    mistaken: usize,
    all_spam: usize,
    all_found: usize,
    all_mistaken: usize,
    chat: usize,
    chat_mistaken: usize,
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

/// Judges each of `OUTER_PARTS` parts with levels and a model that know only the others.
pub fn nested(corpus: &Corpus) -> [Outcome; 3] {
    let mut outcomes = [Outcome::default(); 3];
    for (known, unseen) in split(&whole(corpus), OUTER_PARTS, SEEDS[0]) {
        let thresholds = thresholds(&validate(&known, SEEDS));
        let mut judged = Judged::default();
        judge(&fit(&known.examples(), RECIPE), &unseen, &mut judged);
        for (outcome, threshold) in outcomes.iter_mut().zip(thresholds) {
            outcome.add(&judged, threshold);
        }
    }
    outcomes
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

fn count(scores: &[f32], threshold: f32) -> usize {
    scores.iter().filter(|score| **score >= threshold).count()
}

impl Outcome {
    fn add(&mut self, judged: &Judged, threshold: f32) {
        self.spam += judged.spam.len();
        self.found += count(&judged.spam, threshold);
        self.ham += judged.ham.len();
        self.mistaken += count(&judged.ham, threshold);
        self.all_spam += judged.all_spam.len();
        self.all_found += count(&judged.all_spam, threshold);
        self.all_mistaken += count(&judged.all_ham, threshold);
        self.chat += judged.chat.len();
        self.chat_mistaken += count(&judged.chat, threshold);
    }

    fn precision(&self) -> f64 {
        share(self.found, self.found + self.mistaken)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// What came of the levels, for people.
pub fn table(outcomes: &[Outcome; 3]) -> String {
    let mut table = String::from(
        "| sensitivity | precision | recall | spam found | ham mistaken | with copies: precision | recall | chat mistaken |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |",
    );
    for (level, outcome) in LEVELS.iter().zip(outcomes) {
        let _ = write!(
            table,
            "\n| {} | {:.2} % | {:.1} % | {} of {} | {} of {} | {:.2} % | {:.1} % | {} of {} |",
            level.name,
            outcome.precision() * 100.0,
            share(outcome.found, outcome.spam) * 100.0,
            outcome.found,
            outcome.spam,
            outcome.mistaken,
            outcome.ham,
            share(outcome.all_found, outcome.all_found + outcome.all_mistaken) * 100.0,
            share(outcome.all_found, outcome.all_spam) * 100.0,
            outcome.chat_mistaken,
            outcome.chat,
        );
    }
    table
}
