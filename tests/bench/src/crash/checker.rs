//! Judges a history. A pure function: the same history, the same verdict.
//!
//! Since `seq` says in which order things are to be, every rule is a walk over a list; nothing is
//! searched for.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::history::{Attempt, Effect, Entry, History, Log, Step, Stream};

#[cfg(test)]
mod tests;

/// Entries shown on either side of a bad one.
const NEIGHBOURS: usize = 3;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Anomaly {
    /// The log's `seq`s are not 1, 2, 3 … up to its head.
    Gap,
    /// Acknowledged, and not in the log.
    Lost,
    /// The log has it at another place, under another id or with another text than was acknowledged.
    AckMismatch,
    /// One client id, two entries.
    Duplicate,
    /// In the log, but nobody sent it, or it was refused, or its text is another.
    Phantom,
    /// Never acknowledged and never refused, however often it was tried.
    Stuck,
    /// One `seq`, two entries: somebody was shown what the log doesn't have there.
    Fork,
    /// A reader got a `seq` without all those before.
    Skip,
    /// A reader got a `seq` again, or an earlier one.
    Repeat,
    /// A reader was told that it can't catch up, though it could.
    NotRecovered,
    /// A reader has not got all of the log in the end.
    Unobserved,
    /// A plugin did not do what it does for every such event.
    EffectMissing,
    /// A plugin did twice what it does once.
    EffectTwice,
}

/// The first thing that is wrong, and what is around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub anomaly: Anomaly,
    pub channel: String,
    /// A sentence.
    pub what: String,
    /// What comes before and after it, a line each; the bad one is marked.
    pub neighbours: Vec<String>,
}

/// How much was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    pub entries: usize,
    pub acks: usize,
    /// Acknowledgements beyond the first of a message.
    pub replays: usize,
    pub seen: usize,
    /// Times that a reader came back and caught up.
    pub resumes: usize,
    pub effects: usize,
}

/// Checks all of it.
///
/// # Errors
/// The first anomaly.
pub fn check(history: &History) -> Result<Checked, Found> {
    let mut checked = Checked::default();
    for log in &history.logs {
        gap_free(log)?;
        checked.entries += log.entries.len();
    }
    let logs: HashMap<&str, &Log> = history
        .logs
        .iter()
        .map(|log| (log.channel.as_str(), log))
        .collect();
    for log in &history.logs {
        once_and_as_sent(log, history)?;
    }
    for attempt in &history.attempts {
        if let Some(log) = logs.get(attempt.channel.as_str()) {
            kept(attempt, log)?;
        }
        checked.acks += attempt.acks.len();
        checked.replays += attempt.acks.len().saturating_sub(1);
    }
    for stream in &history.streams {
        if let Some(log) = logs.get(stream.channel.as_str()) {
            one_order(stream, log)?;
        }
        checked.seen += stream
            .steps
            .iter()
            .filter(|step| matches!(step, Step::Seen(_)))
            .count();
        checked.resumes += stream
            .steps
            .iter()
            .filter(|step| matches!(step, Step::Subscribed { .. }))
            .skip(1)
            .count();
    }
    for effect in &history.effects {
        if let Some(log) = logs.get(effect.channel.as_str()) {
            took_effect(effect, log)?;
        }
        checked.effects += 1;
    }
    Ok(checked)
}

fn gap_free(log: &Log) -> Result<(), Found> {
    for (at, (entry, expected)) in log.entries.iter().zip(1..).enumerate() {
        if entry.seq != expected {
            let what = format!("the log has {} where {expected} should be", entry.seq);
            return Err(in_log(Anomaly::Gap, log, at, what));
        }
    }
    if log.head != log.entries.len() as i64 {
        let what = format!(
            "the head is {}, but the log has {} entries",
            log.head,
            log.entries.len()
        );
        return Err(in_log(Anomaly::Gap, log, log.entries.len(), what));
    }
    Ok(())
}

/// Each message once, and such as somebody has sent it.
fn once_and_as_sent(log: &Log, history: &History) -> Result<(), Found> {
    let in_channel = history
        .attempts
        .iter()
        .filter(|attempt| attempt.channel == log.channel);
    let sent: HashMap<(&str, &str), &Attempt> = in_channel
        .map(|attempt| ((attempt.user.as_str(), attempt.client_id.as_str()), attempt))
        .collect();
    let mut first = HashMap::new();
    for (at, entry) in log.entries.iter().enumerate() {
        if entry.event != "message.new" || entry.is_by_plugin() {
            continue;
        }
        let Some(client_id) = entry.client_id.as_deref() else {
            return Err(in_log(
                Anomaly::Phantom,
                log,
                at,
                "a message without a client id".into(),
            ));
        };
        if let Some(earlier) = first.insert((entry.user.as_str(), client_id), entry.seq) {
            let what = format!("{client_id} is at {earlier} and at {}", entry.seq);
            return Err(in_log(Anomaly::Duplicate, log, at, what));
        }
        let what = match sent.get(&(entry.user.as_str(), client_id)) {
            None => "nobody sent this".into(),
            Some(attempt) if attempt.text != entry.text => {
                format!("what was sent is {:?}", attempt.text)
            }
            Some(Attempt {
                refused: Some(refusal),
                acks,
                ..
            }) if acks.is_empty() => {
                format!("its sender was told that it is refused: {refusal}")
            }
            Some(_) => continue,
        };
        return Err(in_log(Anomaly::Phantom, log, at, what));
    }
    Ok(())
}

/// What was acknowledged is in the log, as it was acknowledged.
fn kept(attempt: &Attempt, log: &Log) -> Result<(), Found> {
    let client_id = &attempt.client_id;
    for ack in &attempt.acks {
        let at = usize::try_from(ack.seq - 1).unwrap_or(usize::MAX);
        let entry = log.entries.get(at);
        if entry.is_some_and(|entry| {
            is_entry_of(entry, attempt) && entry.id == ack.id && entry.text == ack.text
        }) {
            continue;
        }
        let Some(at) = log
            .entries
            .iter()
            .position(|entry| is_entry_of(entry, attempt))
        else {
            let what = format!(
                "{client_id} was acknowledged as {} ({}), and is not in the log",
                ack.seq, ack.id
            );
            return Err(in_log(Anomaly::Lost, log, at, what));
        };
        let what = format!(
            "{client_id} was acknowledged as {} ({}) with {:?}",
            ack.seq, ack.id, ack.text
        );
        return Err(in_log(Anomaly::AckMismatch, log, at, what));
    }
    if attempt.acks.is_empty() && attempt.refused.is_none() {
        let what = format!("{client_id} was tried to the end, without any answer");
        return Err(in_log(Anomaly::Stuck, log, log.entries.len(), what));
    }
    Ok(())
}

fn is_entry_of(entry: &Entry, attempt: &Attempt) -> bool {
    entry.event == "message.new"
        && entry.user == attempt.user
        && entry.client_id.as_ref() == Some(&attempt.client_id)
}

/// A reader got the log, whole and in order, from where it began.
fn one_order(stream: &Stream, log: &Log) -> Result<(), Found> {
    let mut last = None;
    for (at, step) in stream.steps.iter().enumerate() {
        let found = |anomaly, what| in_stream(anomaly, stream, at, what);
        match step {
            Step::Subscribed {
                since: None, head, ..
            } => last = Some(*head),
            Step::Subscribed {
                since: Some(since),
                recovered: true,
                ..
            } => last = Some(*since),
            Step::Subscribed {
                since: Some(since),
                recovered: false,
                head,
            } => {
                let what = format!(
                    "asked for all after {since}, and got `recovered: false` (head {head})"
                );
                return Err(found(Anomaly::NotRecovered, what));
            }
            Step::Seen(entry) => {
                let expected = last.unwrap_or(0) + 1;
                if entry.seq > expected {
                    return Err(found(
                        Anomaly::Skip,
                        format!("{} came where {expected} should have", entry.seq),
                    ));
                }
                if entry.seq < expected {
                    return Err(found(
                        Anomaly::Repeat,
                        format!("{} came after {}", entry.seq, expected - 1),
                    ));
                }
                let logged = usize::try_from(entry.seq - 1)
                    .ok()
                    .and_then(|at| log.entries.get(at));
                if logged != Some(entry) {
                    let what = match logged {
                        Some(logged) => format!("the log has there {}", show(logged)),
                        None => format!("the log ends with {}", log.head),
                    };
                    return Err(found(Anomaly::Fork, what));
                }
                last = Some(entry.seq);
            }
        }
    }
    if last.unwrap_or(0) != log.head {
        let what = format!(
            "it got all up to {}, but the log goes on to {}",
            last.unwrap_or(0),
            log.head
        );
        return Err(in_stream(
            Anomaly::Unobserved,
            stream,
            stream.steps.len(),
            what,
        ));
    }
    Ok(())
}

fn took_effect(effect: &Effect, log: &Log) -> Result<(), Found> {
    let is_it = |entry: &Entry| entry.is_by_plugin() && entry.text == effect.text;
    let places: HashSet<usize> = (0..log.entries.len())
        .filter(|at| is_it(&log.entries[*at]))
        .collect();
    match places.len() {
        1 => Ok(()),
        0 => {
            let what = format!("no plugin sent {:?}", effect.text);
            Err(in_log(Anomaly::EffectMissing, log, log.entries.len(), what))
        }
        times => {
            let at = places.into_iter().max().unwrap_or_default();
            Err(in_log(
                Anomaly::EffectTwice,
                log,
                at,
                format!("a plugin sent {:?} {times} times", effect.text),
            ))
        }
    }
}

fn in_log(anomaly: Anomaly, log: &Log, at: usize, what: String) -> Found {
    let neighbours = around(log.entries.len(), at, |n| show(&log.entries[n]));
    Found {
        anomaly,
        channel: log.channel.clone(),
        what,
        neighbours,
    }
}

fn in_stream(anomaly: Anomaly, stream: &Stream, at: usize, what: String) -> Found {
    let neighbours = around(stream.steps.len(), at, |n| match &stream.steps[n] {
        Step::Seen(entry) => show(entry),
        other => format!("{other:?}"),
    });
    let what = format!("{}: {what}", stream.reader);
    Found {
        anomaly,
        channel: stream.channel.clone(),
        what,
        neighbours,
    }
}

fn around(length: usize, at: usize, show: impl Fn(usize) -> String) -> Vec<String> {
    let at = at.min(length);
    (at.saturating_sub(NEIGHBOURS)..length.min(at + NEIGHBOURS + 1))
        .map(|n| format!("{} {}", if n == at { '>' } else { ' ' }, show(n)))
        .collect()
}

fn show(entry: &Entry) -> String {
    let Entry {
        seq,
        event,
        id,
        user,
        client_id,
        text,
    } = entry;
    format!(
        "{seq} {event} {id} {user} {} {text:?}",
        client_id.as_deref().unwrap_or("-")
    )
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:?} in channel {}: {}",
            self.anomaly, self.channel, self.what
        )?;
        self.neighbours
            .iter()
            .try_for_each(|line| writeln!(f, "    {line}"))
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} log entries, {} acks ({} of them replays), {} deliveries, {} resumes, {} effects of a plugin",
            self.entries, self.acks, self.replays, self.seen, self.resumes, self.effects
        )
    }
}
