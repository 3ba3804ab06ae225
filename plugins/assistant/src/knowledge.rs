//! Which of the known questions a person means.
//!
//! A term counts the more the fewer known questions have it. How much of what was asked a known
//! question covers, and how much of the known question was asked, make its score from 0 to 1.

use std::collections::{BTreeMap, BTreeSet};

use crate::settings::Answer;
use crate::terms;

/// A question with a lower score is never surely meant.
const SURE: f64 = 0.4;
/// How far behind the next one has to be.
const AHEAD: f64 = 0.15;
/// The score and how far it is ahead, together: a weak one has to be further ahead.
const SURE_AND_AHEAD: f64 = 0.7;
/// From here on, a question may be meant.
const POSSIBLE: f64 = 0.22;
/// What a term counts that only the answer has.
const IN_ANSWER: f64 = 0.4;
/// What a term counts that has a typing error.
const NEARLY: f64 = 0.8;

/// What the assistant makes of a question.
#[derive(Debug, PartialEq)]
pub enum Found<'a> {
    Sure(&'a Answer),
    /// The best few, best first.
    Perhaps(Vec<&'a Answer>),
    Nothing,
}

/// A known question as terms.
struct Known<'a> {
    answer: &'a Answer,
    /// Of the question and the keywords.
    asked: BTreeSet<String>,
    /// Of the question alone.
    question: BTreeSet<String>,
    told: BTreeSet<String>,
}

/// Finds what a person means by `question`.
pub fn find<'a>(answers: &'a [Answer], question: &str) -> Found<'a> {
    let ranked = rank(answers, question);
    let Some((best, answer)) = ranked.first() else {
        return Found::Nothing;
    };
    let ahead = best - ranked.get(1).map_or(0.0, |next| next.0);
    if *best >= SURE && ahead >= AHEAD && best + ahead >= SURE_AND_AHEAD {
        Found::Sure(answer)
    } else {
        let few = ranked.into_iter().take(3);
        Found::Perhaps(few.map(|(_, answer)| answer).collect())
    }
}

/// The known questions that may be meant, with their scores, best first.
fn rank<'a>(answers: &'a [Answer], question: &str) -> Vec<(f64, &'a Answer)> {
    let known: Vec<Known<'_>> = answers.iter().map(Known::new).collect();
    let mut frequency: BTreeMap<&str, u32> = BTreeMap::new();
    for term in known
        .iter()
        .flat_map(|known| known.asked.union(&known.told))
    {
        *frequency.entry(term).or_default() += 1;
    }
    let count = known.len() as f64;
    let weight = |term: &str| match frequency.get(term) {
        Some(of) => (1.0 + count / f64::from(*of)).ln(),
        // Nobody knows it: it tells little, but more than nothing.
        None => 2.0_f64.ln(),
    };
    let asked: Vec<Asked> = terms::of(question)
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|term| Asked::new(term, &frequency))
        .collect();
    let mut ranked: Vec<(f64, &Answer)> = known
        .iter()
        .map(|known| (known.score(&asked, weight), known.answer))
        .filter(|(score, _)| *score >= POSSIBLE)
        .collect();
    // Stable: of two alike, the one that the tenant wrote first.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
}

/// A term of what was asked.
struct Asked {
    term: String,
    /// Below 1 if it was mended.
    trust: f64,
}

impl Asked {
    /// Takes a term that nobody knows for the known one that it nearly is.
    fn new(term: String, frequency: &BTreeMap<&str, u32>) -> Asked {
        if !frequency.contains_key(term.as_str())
            && let Some(known) = frequency
                .keys()
                .find(|known| terms::nearly_equal(known, &term))
        {
            return Asked {
                term: (*known).to_owned(),
                trust: NEARLY,
            };
        }
        Asked { term, trust: 1.0 }
    }
}

impl<'a> Known<'a> {
    fn new(answer: &'a Answer) -> Known<'a> {
        let question: BTreeSet<String> = terms::of(&answer.question).into_iter().collect();
        let keywords = answer
            .keywords
            .iter()
            .flat_map(|keyword| terms::of(keyword));
        Known {
            answer,
            asked: question.iter().cloned().chain(keywords).collect(),
            question,
            told: terms::of(&answer.answer).into_iter().collect(),
        }
    }

    fn score(&self, asked: &[Asked], weight: impl Fn(&str) -> f64) -> f64 {
        let all: f64 = asked.iter().map(|asked| weight(&asked.term)).sum();
        let hit: f64 = asked
            .iter()
            .map(|asked| {
                let place = if self.asked.contains(&asked.term) {
                    1.0
                } else if self.told.contains(&asked.term) {
                    IN_ANSWER
                } else {
                    0.0
                };
                place * asked.trust * weight(&asked.term)
            })
            .sum();
        if hit == 0.0 {
            return 0.0;
        }
        let of_question: f64 = self.question.iter().map(|term| weight(term)).sum();
        let in_question: f64 = asked
            .iter()
            .filter(|asked| self.question.contains(&asked.term))
            .map(|asked| asked.trust * weight(&asked.term))
            .sum();
        let covered = if of_question > 0.0 {
            in_question / of_question
        } else {
            0.0
        };
        0.75 * hit / all + 0.25 * covered
    }
}

/// The known questions to offer while a person types one.
pub fn complete<'a>(answers: &'a [Answer], typed: &str) -> Vec<&'a Answer> {
    let typed = typed.trim().to_lowercase();
    let begins = |answer: &&Answer| answer.question.to_lowercase().starts_with(&typed);
    let mut found: Vec<&Answer> = answers.iter().filter(begins).collect();
    for (_, answer) in rank(answers, &typed) {
        if !found.iter().any(|other| std::ptr::eq(*other, answer)) {
            found.push(answer);
        }
    }
    found.truncate(10);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Vec<Answer> {
        let entry = |question: &str, answer: &str, keywords: &[&str]| Answer {
            question: question.into(),
            answer: answer.into(),
            keywords: keywords.iter().map(|&keyword| keyword.to_owned()).collect(),
        };
        vec![
            entry(
                "How do I reset my password?",
                "Use “Forgot password” on the login page.",
                &["login", "locked out"],
            ),
            entry(
                "How do I change my email address?",
                "Under Settings, Account.",
                &["mail"],
            ),
            entry(
                "How do I delete my account?",
                "Write to support; it takes a day.",
                &["leave", "remove"],
            ),
            entry(
                "What are your opening hours?",
                "Monday to Friday, 9 to 17.",
                &["open", "time"],
            ),
            entry(
                "Where can I park?",
                "Behind the house.",
                &["car", "parking"],
            ),
        ]
    }

    fn sure(question: &str) -> String {
        match find(&answers(), question) {
            Found::Sure(answer) => answer.question.clone(),
            other => panic!("{question}: {other:?}"),
        }
    }

    #[test]
    fn knows_a_question_in_other_words() {
        assert!(sure("resetting passwords").contains("password"));
        assert!(sure("I forgot my pasword, what now?").contains("password"));
        assert!(sure("can't log in, locked out!").contains("password"));
        assert!(sure("hi, how can I change my mail").contains("email"));
        assert!(sure("when are you open").contains("hours"));
        assert!(sure("is there parking for cars?").contains("park"));
    }

    #[test]
    fn asks_back_when_several_may_be_meant() {
        let answers = answers();
        let Found::Perhaps(found) = find(&answers, "delete or change something") else {
            panic!("not unsure");
        };
        assert!(found.len() >= 2);
    }

    #[test]
    fn says_so_when_it_knows_nothing() {
        assert_eq!(
            find(&answers(), "who won the football match"),
            Found::Nothing
        );
        assert_eq!(find(&answers(), "how do I?"), Found::Nothing);
        assert_eq!(find(&[], "anything"), Found::Nothing);
    }

    #[test]
    fn completes_by_beginning_and_by_meaning() {
        let answers = answers();
        let questions = |typed| -> Vec<&str> {
            complete(&answers, typed)
                .iter()
                .map(|answer| answer.question.as_str())
                .collect()
        };
        assert_eq!(questions("where"), ["Where can I park?"]);
        assert_eq!(questions("login"), ["How do I reset my password?"]);
        assert_eq!(questions("").len(), 5);
    }
}
