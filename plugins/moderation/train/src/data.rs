//! The messages to learn from: read, and those that are nearly the same brought together, so that no
//! message is judged by what was learned from its copy.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use crate::fit::{Example, RECIPE};
use crate::fold::Folded;
use crate::random::Random;

/// All there is to learn from.
pub struct Corpus {
    pub messages: Vec<Message>,
    /// What was said on each day of a channel.
    pub days: Vec<Vec<Line>>,
}

/// A line of chat.
pub struct Line {
    pub text: String,
    pub example: Example,
}

impl Corpus {
    /// Reads the labelled messages and the chat.
    pub fn read(labelled: &Path, chat: &Path) -> Result<Corpus, String> {
        let line = |text: String| Line {
            example: Example::new(&text, false, RECIPE.chat_weight),
            text,
        };
        let days = read_chat(chat)?.into_iter();
        Ok(Corpus {
            messages: read_labelled(labelled)?,
            days: days
                .map(|day| day.into_iter().map(line).collect())
                .collect(),
        })
    }

    /// Everything as examples.
    pub fn examples(&self) -> Vec<&Example> {
        let labelled = self.messages.iter().map(|message| &message.example);
        let chat = self.days.iter().flatten().map(|line| &line.example);
        labelled.chain(chat).collect()
    }

    /// How much there is.
    pub fn describe(&self) -> String {
        let count = |is_spam| {
            let of_kind = self.messages.iter().filter(|one| one.is_spam == is_spam);
            let groups: HashSet<usize> = of_kind.clone().map(|one| one.group).collect();
            (of_kind.count(), groups.len())
        };
        let ((ham, different_ham), (spam, different_spam)) = (count(false), count(true));
        format!(
            "{ham} ham ({different_ham} that differ) and {spam} spam ({different_spam} that differ); {} lines of chat from {} days",
            self.days.iter().map(Vec::len).sum::<usize>(),
            self.days.len()
        )
    }
}

/// A message and what it is.
pub struct Message {
    pub text: String,
    pub example: Example,
    pub is_spam: bool,
    /// Those that are nearly the same have the same group.
    pub group: usize,
}

/// Reads lines of `ham` or `spam`, a tab, and the text.
fn read_labelled(path: &Path) -> Result<Vec<Message>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut messages = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let (label, text) = line
            .split_once('\t')
            .filter(|(label, _)| matches!(*label, "ham" | "spam"))
            .ok_or_else(|| format!("line {} has no label", at + 1))?;
        messages.push(Message {
            text: text.to_owned(),
            example: Example::new(text, label == "spam", 1.0),
            is_spam: label == "spam",
            group: 0,
        });
    }
    group(&mut messages);
    Ok(messages)
}

/// Reads what people said in the logs of a channel, `[12:00] <nick> text`, one list for each day.
fn read_chat(folder: &Path) -> Result<Vec<Vec<String>>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut logs: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    let said = |line: &str| {
        let (_, line) = line.split_once("] <")?;
        let (_, text) = line.split_once("> ")?;
        (!text.trim().is_empty()).then(|| text.to_owned())
    };
    let day = |path| {
        let bytes = fs::read(path).map_err(failed)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().filter_map(said).collect())
    };
    logs.iter().map(day).collect()
}

/// Gives nearly equal messages one group: those that share most of their pairs of words, numbers
/// being all the same.
fn group(messages: &mut [Message]) {
    let shingles: Vec<HashSet<u64>> = messages
        .iter()
        .map(|message| shingles(&message.text))
        .collect();
    let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
    for at in 0..messages.len() {
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for shingle in &shingles[at] {
            let holders = holders.entry(*shingle).or_default();
            for other in &*holders {
                *shared.entry(*other).or_default() += 1;
            }
            holders.push(at);
        }
        messages[at].group = at;
        let mut joined: Vec<usize> = shared
            .into_iter()
            .filter(|(other, shared)| {
                let all = shingles[at].len() + shingles[*other].len() - shared;
                shared * 2 >= all
            })
            .map(|(other, _)| messages[other].group)
            .collect();
        joined.sort_unstable();
        if let Some(first) = joined.first().copied() {
            for message in &mut messages[..=at] {
                if message.group == at || joined.contains(&message.group) {
                    message.group = first;
                }
            }
        }
    }
}

fn shingles(text: &str) -> HashSet<u64> {
    let folded = Folded::new(text);
    let words: Vec<String> = folded
        .text()
        .split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.replace(|char: char| char.is_ascii_digit(), "0"))
        .collect();
    let hash = |words: &[String]| {
        words
            .iter()
            .flat_map(|word| word.bytes().chain([0]))
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
    };
    match words.len() {
        0 | 1 => [hash(&words)].into(),
        _ => words.windows(2).map(hash).collect(),
    }
}

/// Deals groups out into `parts`, spam and ham each evenly. Gives the part of each message.
pub fn deal(messages: &[&Message], parts: usize, random: &mut Random) -> Vec<usize> {
    let mut part_of = HashMap::new();
    for is_spam in [false, true] {
        let mut groups: Vec<usize> = messages
            .iter()
            .filter(|message| message.is_spam == is_spam)
            .map(|message| message.group)
            .collect::<HashSet<_>>()
            .into_iter()
            .collect();
        groups.sort_unstable();
        random.shuffle(&mut groups);
        for (at, group) in groups.into_iter().enumerate() {
            part_of.entry(group).or_insert(at % parts);
        }
    }
    messages
        .iter()
        .map(|message| part_of[&message.group])
        .collect()
}
