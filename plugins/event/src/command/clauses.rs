//! What stands behind an event's title: when it begins and ends, how it repeats, where it is.

use althing_plugin::dates::read_day;
use althing_plugin::recurrence::{Rule, Weekday};
use althing_plugin::when::{self, Clock, WEEKDAYS};

use crate::event::{DAY_MINUTES, MINUTE_MS};
use crate::new::{NewEvent, write_time};

/// Words that begin another clause: a place ends before them.
const BEGIN: [&str; 7] = [
    "for", "every", "until", "daily", "weekly", "monthly", "yearly",
];

/// When an event begins and how long it is, by the clock on the wall.
#[derive(Default)]
struct Times {
    day: Option<i64>,
    /// After midnight.
    start: Option<i64>,
    /// From the start on.
    length: Option<i64>,
    last_day: Option<i64>,
    all_day: bool,
}

/// Whether this looks like the beginning of a time.
pub fn begins(words: &[&str], clock: &Clock) -> bool {
    let mut times = Times::default();
    start(words, clock, &mut times).is_ok() || words.first().is_some_and(|word| is(word, "every"))
}

/// Reads all of it; anything that isn't understood refuses the whole. The error is a sentence.
pub fn read(words: &[&str], clock: &Clock) -> Result<NewEvent, String> {
    let spaced = words.join(" ").replace(['–', '—'], "-");
    // `12:30-13:30` and `12:30 - 13:30` are `12:30 to 13:30`, but `2026-12-04` is no range.
    let apart: Vec<String> = spaced.split(' ').flat_map(range).collect();
    let words: Vec<&str> = apart.iter().map(String::as_str).collect();
    let mut rest = words.as_slice();
    let (mut times, mut event, mut rule) = (Times::default(), NewEvent::default(), None);
    if !rest.first().is_some_and(|word| is(word, "every")) {
        rest = start(rest, clock, &mut times)?;
    }
    while let [first, after @ ..] = rest {
        let lower = first.trim_end_matches(',').to_lowercase();
        rest = match (lower.as_str(), after) {
            ("to" | "-", after) => end(after, clock, &mut times)?,
            ("for", after) => {
                let text = after.join(" ");
                let (ms, left) = when::duration(&text)?;
                times.length = Some(ms / MINUTE_MS);
                &after[after.len() - count(left)..]
            }
            ("all", [day, after @ ..]) if is(day, "day") => {
                times.all_day = true;
                after
            }
            ("every" | "daily" | "weekly" | "monthly" | "yearly", _) => {
                let text = rest.join(" ");
                let (read, left) = Rule::read(&text)?;
                rule = Some(read);
                &rest[rest.len() - count(left)..]
            }
            ("until", _) => ending(
                rest,
                &mut rule,
                "`until` goes with how often: `every week until 2027-06-30`.",
            )?,
            (_, [times, ..]) if is(times, "times") => {
                ending(rest, &mut rule, "How often? `every week 10 times`.")?
            }
            // A time that stands behind `every monday`.
            _ if times.start.is_none() && start(rest, clock, &mut Times::default()).is_ok() => {
                start(rest, clock, &mut times)?
            }
            ("at" | "in" | "@", [_, ..]) if event.place.is_empty() => {
                let ends = after.iter().enumerate().position(|(at, word)| {
                    at > 0 && (BEGIN.iter().any(|begin| is(word, begin)) || is_times(&after[at..]))
                });
                let (place, after) = after.split_at(ends.unwrap_or(after.len()));
                event.place = place.join(" ");
                after
            }
            (word, _) => return Err(format!("I don't understand `{word}`.")),
        };
    }
    finish(event, times, rule, clock)
}

/// `10 times` ends a place, too.
fn is_times(words: &[&str]) -> bool {
    matches!(words, [number, times, ..] if is(times, "times") && number.parse::<u32>().is_ok())
}

fn is(word: &str, other: &str) -> bool {
    word.trim_end_matches(',').eq_ignore_ascii_case(other)
}

fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Takes `12:30-13:30` apart.
fn range(word: &str) -> Vec<String> {
    let is_time = |part: &str| {
        let digits = part.trim_end_matches(|char: char| char.is_ascii_alphabetic());
        !digits.is_empty()
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b':')
    };
    match word.split_once('-') {
        Some((from, to)) if is_time(from) && is_time(to) => {
            vec![from.to_owned(), "to".to_owned(), to.to_owned()]
        }
        _ => vec![word.to_owned()],
    }
}

/// Reads when it begins, and gives what follows.
fn start<'a, 'w>(
    words: &'a [&'w str],
    clock: &Clock,
    times: &mut Times,
) -> Result<&'a [&'w str], String> {
    let text = words.join(" ");
    if let Some(length) = text.strip_prefix("in ")
        && let Ok((ms, left)) = when::duration(length)
    {
        let local = clock.zone().local(clock.now_ms() + ms) / MINUTE_MS;
        times.day = Some(local.div_euclid(DAY_MINUTES));
        times.start = Some(local.rem_euclid(DAY_MINUTES));
        return Ok(&words[words.len() - count(left)..]);
    }
    let (moment, left) = when::moment(&text, clock)?;
    // Behind `every monday` a time alone says nothing of the day.
    let said_day = moment.minutes.is_none() || names_day(&text[..text.len() - left.len()]);
    if said_day || times.day.is_none() {
        times.day = Some(moment.day);
    }
    times.start = moment.minutes.map(i64::from);
    Ok(&words[words.len() - count(left)..])
}

fn names_day(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let word = word.trim_end_matches(',').to_lowercase();
        matches!(word.as_str(), "today" | "tomorrow")
            || is_weekday(&word)
            || read_day(&word).is_some()
    })
}

/// Reads when it ends: a time of the same day or of the next, or a last day.
fn end<'a, 'w>(
    words: &'a [&'w str],
    clock: &Clock,
    times: &mut Times,
) -> Result<&'a [&'w str], String> {
    let unclear = || "I don't understand when it ends.".to_owned();
    if let [date, after @ ..] = words
        && let Some(day) = read_day(date)
        && times.start.is_none()
    {
        times.last_day = Some(day);
        return Ok(after);
    }
    // `to 13` after `12:30`: what may begin a time needs `at` before a bare number.
    let text = format!("at {}", words.join(" ").trim_start_matches("at "));
    let (moment, left) = when::moment(&text, clock)?;
    let (start, end) = (
        times.start.ok_or_else(unclear)?,
        moment.minutes.ok_or_else(unclear)?,
    );
    let length = (i64::from(end) - start).rem_euclid(DAY_MINUTES);
    times.length = Some(if length == 0 { DAY_MINUTES } else { length });
    Ok(&words[words.len() - count(left).min(words.len())..])
}

/// Reads when a series ends; `unclear` where none was said to begin.
fn ending<'a, 'w>(
    words: &'a [&'w str],
    rule: &mut Option<Rule>,
    unclear: &str,
) -> Result<&'a [&'w str], String> {
    let text = words.join(" ");
    let left = rule.as_mut().ok_or(unclear)?.read_end(&text)?;
    Ok(&words[words.len() - count(left.unwrap_or_default())..])
}

fn is_weekday(word: &str) -> bool {
    WEEKDAYS
        .iter()
        .any(|name| *name == word || (word.len() == 3 && name.starts_with(word)))
}

/// Puts it together.
fn finish(
    mut event: NewEvent,
    times: Times,
    rule: Option<Rule>,
    clock: &Clock,
) -> Result<NewEvent, String> {
    let is_series = rule.as_ref().is_some_and(|rule| !rule.weekdays.is_empty());
    let named = times.day.filter(|day| {
        !is_series
            || rule
                .as_ref()
                .is_some_and(|rule| rule.weekdays.contains(&Weekday::of(*day)))
    });
    let day = named
        .or_else(|| {
            let minutes = times.start.map(|start| start as u32);
            let weekly = rule.as_ref().filter(|rule| !rule.weekdays.is_empty())?;
            Some(weekly.first_day(clock, minutes))
        })
        .or(times.day)
        .ok_or("When is it? `friday 12:30`.")?;
    let all_day = times.all_day || times.start.is_none();
    let start = day * DAY_MINUTES + if all_day { 0 } else { times.start.unwrap_or(0) };
    event.starts = write_time(start, all_day);
    event.ends = match (all_day, times.length, times.last_day) {
        (true, _, Some(last)) => Some(write_time(last * DAY_MINUTES, true)),
        (true, Some(length), None) if length >= DAY_MINUTES => {
            Some(write_time(start + length - DAY_MINUTES, true))
        }
        (false, Some(length), _) => Some(write_time(start + length, false)),
        _ => None,
    };
    event.repeat = rule;
    Ok(event)
}
