//! What the rules say of one text: words, patterns, links, length, capitals, spam.

use std::ops::Range;

use crate::fold::Folded;
use crate::reveal::{Letter, reveal};
use crate::rules::Rules;
use crate::settings::{Action, CapitalsAction, LinkPolicy, Settings, SpamAction, WordList};
use crate::skeleton::Skeleton;
use crate::spam::{Score, Sensitivity};
use crate::{links, words};

/// What should become of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Judgement {
    Fine,
    /// Sent as this.
    Rewrite(String),
    Reject(Fault),
    Hold(Fault),
}

/// What is wrong with a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable, for programs.
    pub code: &'static str,
    /// A sentence for the sender.
    pub reason: String,
    /// For those who review it: which rule, and what it saw.
    pub rule: String,
}

/// A text as the rules for words and spam read it.
pub struct Reading {
    /// As it is written.
    pub folded: Folded,
    /// As it is meant, if that may be something else.
    pub revealed: Option<Vec<Letter>>,
}

impl Reading {
    fn new(rules: &Rules, text: &str) -> Reading {
        let folded = Folded::new(text);
        Reading {
            revealed: reveal(text, &folded, rules.disguises),
            folded,
        }
    }
}

/// What has been found so far. A refusal ends the search; of several reasons to hold, the first
/// counts.
struct Findings {
    masks: Vec<Range<usize>>,
    hold: Option<Fault>,
}

impl Findings {
    fn add(
        &mut self,
        action: Action,
        part: Range<usize>,
        fault: impl FnOnce() -> Fault,
    ) -> Result<(), Fault> {
        match action {
            Action::Reject => return Err(fault()),
            Action::Hold => {
                self.hold.get_or_insert_with(fault);
            }
            Action::Mask => self.masks.push(part),
        }
        Ok(())
    }
}

/// Judges `text` by all rules for texts.
pub fn judge(rules: &Rules, text: &str) -> Judgement {
    judge_and_score(rules, text, &|_| false).0
}

/// The same, with how much it looks like spam where that was looked at. What a pattern finds in a part of the
/// text that `is_passed_over` doesn't count.
pub fn judge_and_score(
    rules: &Rules,
    text: &str,
    is_passed_over: &dyn Fn(&Range<usize>) -> bool,
) -> (Judgement, Option<Score>) {
    let settings = &rules.settings;
    let scored = settings.spam_action != SpamAction::Off;
    let reading = (scored || !rules.words.is_empty()).then(|| Reading::new(rules, text));
    let score = reading
        .as_ref()
        .filter(|_| scored)
        .map(|reading| Score::of(text, reading));
    let mut findings = Findings {
        masks: Vec::new(),
        hold: None,
    };
    let searched = check_length(settings, text)
        .and_then(|()| match &reading {
            Some(reading) => find_words(rules, reading, &mut findings),
            None => Ok(()),
        })
        .and_then(|()| find_patterns(rules, text, is_passed_over, &mut findings))
        .and_then(|()| find_links(settings, text, &mut findings))
        .and_then(|()| check_spam(settings, score, &mut findings))
        .and_then(|()| check_capitals(settings, text, &mut findings));
    let judgement = match (searched, findings) {
        (Err(fault), _) => Judgement::Reject(fault),
        (
            Ok(_),
            Findings {
                hold: Some(fault), ..
            },
        ) => Judgement::Hold(fault),
        (Ok(lower), Findings { masks, .. }) if lower || !masks.is_empty() => {
            Judgement::Rewrite(rewrite(text, &masks, lower))
        }
        _ => Judgement::Fine,
    };
    (judgement, score)
}

fn check_length(rules: &Settings, text: &str) -> Result<(), Fault> {
    let max = rules.max_characters as usize;
    if max == 0 || text.len() <= max {
        return Ok(());
    }
    let count = text.chars().count();
    if count <= max {
        return Ok(());
    }
    Err(Fault {
        code: "too_long",
        reason: format!("Your message has {count} characters; {max} are the most here."),
        rule: "longest message".to_owned(),
    })
}

fn find_words(rules: &Rules, reading: &Reading, findings: &mut Findings) -> Result<(), Fault> {
    let text = &reading.folded;
    let pairs = words::Pairs::new(text.text());
    let skeleton = reading
        .revealed
        .as_deref()
        .and_then(|letters| Skeleton::new(letters, rules.disguises.stretching))
        .map(|skeleton| (skeleton.pairs(), skeleton));
    for (list, sought) in rules.settings.words.iter().zip(&rules.words) {
        for (word, sought) in list.words.iter().zip(sought) {
            for part in words::find(text.text(), &pairs, &sought.folded, list.place) {
                let part = text.origin(part);
                findings.add(list.action, part, || word_fault(list, word, ""))?;
            }
            let (Some((pairs, skeleton)), Some(disguised)) = (&skeleton, &sought.disguised) else {
                continue;
            };
            for part in skeleton.find(pairs, disguised, list.place) {
                findings.add(list.action, part, || word_fault(list, word, ", disguised"))?;
            }
        }
    }
    Ok(())
}

fn word_fault(list: &WordList, word: &str, how: &str) -> Fault {
    let word = clip(word.trim());
    Fault {
        code: "word_not_allowed",
        reason: given_or(&list.reason, || format!("“{word}” isn't allowed here.")),
        rule: match list.name.as_str() {
            "" => format!("word list: “{word}”{how}"),
            name => format!("word list “{}”: “{word}”{how}", clip(name)),
        },
    }
}

fn find_patterns(
    rules: &Rules,
    text: &str,
    is_passed_over: &dyn Fn(&Range<usize>) -> bool,
    findings: &mut Findings,
) -> Result<(), Fault> {
    for (rule, regex) in rules.settings.patterns.iter().zip(&rules.patterns) {
        let Some(regex) = regex else { continue };
        let counts = |part: &Range<usize>| !part.is_empty() && !is_passed_over(part);
        for found in regex.find_iter(text).filter(|found| counts(&found.range())) {
            findings.add(rule.action, found.range(), || Fault {
                code: "pattern_not_allowed",
                reason: given_or(&rule.reason, || match rule.name.as_str() {
                    "" => format!("“{}” isn't allowed here.", clip(found.as_str())),
                    name => format!("Not allowed here: {}.", clip(name)),
                }),
                rule: match rule.name.as_str() {
                    "" => format!("pattern: “{}”", clip(found.as_str())),
                    name => format!("pattern “{}”: “{}”", clip(name), clip(found.as_str())),
                },
            })?;
        }
    }
    Ok(())
}

fn find_links(rules: &Settings, text: &str, findings: &mut Findings) -> Result<(), Fault> {
    if rules.links == LinkPolicy::AllowAll {
        return Ok(());
    }
    for link in links::find(text) {
        if rules.links == LinkPolicy::AllowListed
            && links::is_listed(&link.host, &rules.link_domains)
        {
            continue;
        }
        let part = link.part;
        findings.add(rules.link_action, part.clone(), || Fault {
            code: "link_not_allowed",
            reason: match (rules.links, link.host.as_str()) {
                (LinkPolicy::BlockAll, _) | (_, "") => "Links aren't allowed here.".to_owned(),
                (_, host) => format!("Links to {} aren't allowed here.", clip(host)),
            },
            rule: format!("links: {}", clip(&text[part])),
        })?;
    }
    Ok(())
}

fn check_spam(
    rules: &Settings,
    score: Option<Score>,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let looks_like_spam = |level: Sensitivity| level >= rules.spam_sensitivity;
    let Some(score) = score.filter(|score| score.level().is_some_and(looks_like_spam)) else {
        return Ok(());
    };
    let fault = || Fault {
        code: "looks_like_spam",
        reason: "This looks like spam.".to_owned(),
        rule: format!(
            "spam score {} of 100, where {} and more counts as spam",
            score.points(),
            rules.spam_sensitivity.points()
        ),
    };
    match rules.spam_action {
        SpamAction::Reject => return Err(fault()),
        SpamAction::Hold => {
            findings.hold.get_or_insert_with(fault);
        }
        SpamAction::Off | SpamAction::Count => {}
    }
    Ok(())
}

/// Whether the text should be sent in lower case.
fn check_capitals(rules: &Settings, text: &str, findings: &mut Findings) -> Result<bool, Fault> {
    if rules.capitals_percent >= 100 {
        return Ok(false);
    }
    let (mut capitals, mut letters) = (0_u64, 0_u64);
    for char in text.chars() {
        let capital = char.is_uppercase();
        capitals += u64::from(capital);
        letters += u64::from(capital || char.is_lowercase());
    }
    if letters < u64::from(rules.capitals_min_letters)
        || capitals * 100 <= letters * u64::from(rules.capitals_percent)
    {
        return Ok(false);
    }
    let fault = || Fault {
        code: "too_many_capitals",
        reason: "Your message has too many capital letters.".to_owned(),
        rule: "capital letters".to_owned(),
    };
    match rules.capitals_action {
        CapitalsAction::Lower => Ok(true),
        CapitalsAction::Reject => Err(fault()),
        CapitalsAction::Hold => {
            findings.hold.get_or_insert_with(fault);
            Ok(false)
        }
    }
}

/// The text with a `*` for every character of `masks`, in lower case if asked.
fn rewrite(text: &str, masks: &[Range<usize>], lower: bool) -> String {
    let mut masks = masks.to_vec();
    masks.sort_by_key(|part| part.start);
    let mut masks = masks.into_iter().peekable();
    let mut rewritten = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        while masks.peek().is_some_and(|part| part.end <= at) {
            masks.next();
        }
        if masks.peek().is_some_and(|part| part.start <= at) {
            rewritten.push('*');
        } else if lower {
            rewritten.extend(char.to_lowercase());
        } else {
            rewritten.push(char);
        }
    }
    rewritten
}

fn given_or(given: &str, otherwise: impl FnOnce() -> String) -> String {
    match given {
        "" => otherwise(),
        given => given.to_owned(),
    }
}

/// The start of a text that goes into a sentence: the host takes at most 500 bytes.
fn clip(text: &str) -> &str {
    text.char_indices()
        .nth(80)
        .map_or(text, |(end, _)| &text[..end])
}
