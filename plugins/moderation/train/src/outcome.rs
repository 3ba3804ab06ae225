//! What comes of judging messages at a level, counted and said.

use std::fmt::Write as _;

use crate::measure::{Judged, LEVELS};

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
    pub chat: usize,
    pub chat_mistaken: usize,
}

impl Outcome {
    /// Counts in what was judged, at a threshold.
    pub fn add(&mut self, judged: &Judged, threshold: f32) {
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

    /// How many of those that were taken for spam are.
    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.mistaken)
    }

    fn recall(&self) -> f64 {
        share(self.found, self.spam)
    }

    fn precision_with_copies(&self) -> f64 {
        share(self.all_found, self.all_found + self.all_mistaken)
    }

    fn recall_with_copies(&self) -> f64 {
        share(self.all_found, self.all_spam)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// How many scores reach a threshold.
pub fn count(scores: &[f32], threshold: f32) -> usize {
    scores.iter().filter(|score| **score >= threshold).count()
}

/// What came of the levels, for people: the mean, and from the least to the most.
pub fn table(deals: &[[Outcome; 3]]) -> String {
    let mut table = String::from(
        "| sensitivity | precision | recall | spam found | ham mistaken | with copies: precision | recall | chat mistaken |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |",
    );
    for (at, level) in LEVELS.iter().enumerate() {
        let spread = |figure: &dyn Fn(&Outcome) -> f64, digits: usize| {
            let figures: Vec<f64> = deals.iter().map(|deal| figure(&deal[at])).collect();
            let mean = figures.iter().sum::<f64>() / figures.len().max(1) as f64;
            let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
            let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let range = digits.saturating_sub(1);
            format!("{mean:.digits$} ({least:.range$}–{most:.range$})")
        };
        let percent = |figure: fn(&Outcome) -> f64, digits: usize| {
            spread(&|outcome| figure(outcome) * 100.0, digits) + " %"
        };
        let count = |figure: fn(&Outcome) -> usize, of: fn(&Outcome) -> usize| {
            let all = deals.first().map_or(0, |deal| of(&deal[at]));
            format!("{} of {all}", spread(&|outcome| figure(outcome) as f64, 1))
        };
        let _ = write!(
            table,
            "\n| {} | {} | {} | {} | {} | {} | {} | {} |",
            level.name,
            percent(Outcome::precision, 2),
            percent(Outcome::recall, 2),
            count(|outcome| outcome.found, |outcome| outcome.spam),
            count(|outcome| outcome.mistaken, |outcome| outcome.ham),
            percent(Outcome::precision_with_copies, 2),
            percent(Outcome::recall_with_copies, 2),
            count(|outcome| outcome.chat_mistaken, |outcome| outcome.chat),
        );
    }
    table
}
