//! What the rules say of one text: words, patterns, links, length, capitals.

use std::ops::Range;

use crate::fold::Folded;
use crate::rules::Rules;
use crate::settings::{Action, CapitalsAction, LinkPolicy, Settings};
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
    let settings = &rules.settings;
    let mut findings = Findings {
        masks: Vec::new(),
        hold: None,
    };
    let searched = check_length(settings, text)
        .and_then(|()| find_words(rules, text, &mut findings))
        .and_then(|()| find_patterns(rules, text, &mut findings))
        .and_then(|()| find_links(settings, text, &mut findings))
        .and_then(|()| check_capitals(settings, text, &mut findings));
    match (searched, findings) {
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
    }
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
    })
}

fn find_words(rules: &Rules, text: &str, findings: &mut Findings) -> Result<(), Fault> {
    if rules.words.is_empty() {
        return Ok(());
    }
    let text = Folded::new(text);
    let pairs = words::Pairs::new(text.text());
    for (list, folded) in rules.settings.words.iter().zip(&rules.words) {
        for (word, folded) in list.words.iter().zip(folded) {
            for part in words::find(text.text(), &pairs, folded, list.place) {
                findings.add(list.action, text.origin(part), || Fault {
                    code: "word_not_allowed",
                    reason: given_or(&list.reason, || {
                        format!("“{}” isn't allowed here.", clip(word.trim()))
                    }),
                })?;
            }
        }
    }
    Ok(())
}

fn find_patterns(rules: &Rules, text: &str, findings: &mut Findings) -> Result<(), Fault> {
    for (rule, regex) in rules.settings.patterns.iter().zip(&rules.patterns) {
        let Some(regex) = regex else { continue };
        for found in regex.find_iter(text).filter(|found| !found.is_empty()) {
            findings.add(rule.action, found.range(), || Fault {
                code: "pattern_not_allowed",
                reason: given_or(&rule.reason, || match rule.name.as_str() {
                    "" => format!("“{}” isn't allowed here.", clip(found.as_str())),
                    name => format!("Not allowed here: {}.", clip(name)),
                }),
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
        findings.add(rules.link_action, link.part, || Fault {
            code: "link_not_allowed",
            reason: match (rules.links, link.host.as_str()) {
                (LinkPolicy::BlockAll, _) | (_, "") => "Links aren't allowed here.".to_owned(),
                (_, host) => format!("Links to {} aren't allowed here.", clip(host)),
            },
        })?;
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
