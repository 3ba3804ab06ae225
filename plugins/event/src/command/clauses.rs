//! What stands behind an event's title: when it begins and ends, how it repeats, where it is.

use althing_plugin::when::{self, Clock, WEEKDAYS};

use crate::event::{DAY_MINUTES, MINUTE_MS};
use crate::new::{NewEvent, write_time};
use crate::rule::{Frequency, Rule, Weekday, read_date};

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
            ("every", after) => every(after, &mut rule)?,
            ("daily" | "weekly" | "monthly" | "yearly", after) => {
                let frequency = match lower.as_str() {
                    "daily" => Frequency::Daily,
                    "weekly" => Frequency::Weekly,
                    "monthly" => Frequency::Monthly,
                    _ => Frequency::Yearly,
                };
                rule = Some(Rule::every(frequency, 1));
                after
            }
            ("until", [date, after @ ..]) if read_date(date).is_some() => {
                let rule = rule
                    .as_mut()
                    .ok_or("Until then how often? `every week until …`.")?;
                rule.until = read_date(date);
                after
            }
            ("until", _) => {
                return Err(
                    "I don't know that day: `until` goes with a date such as 2027-06-30.".into(),
                );
            }
            (number, [times, after @ ..]) if is(times, "times") => {
                let rule = rule.as_mut().ok_or("How often? `every week 10 times`.")?;
                rule.count = Some(
                    number
                        .parse()
                        .map_err(|_| format!("`{number}` is no number."))?,
                );
                after
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
            || weekday(&word).is_some()
            || read_date(&word).is_some()
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
        && let Some(day) = read_date(date)
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

/// Reads what follows `every`.
fn every<'a, 'w>(words: &'a [&'w str], rule: &mut Option<Rule>) -> Result<&'a [&'w str], String> {
    let unclear = |word: &str| format!("I don't understand how often: every `{word}`?");
    let [first, after @ ..] = words else {
        return Err("How often? `every week`, `every 2 weeks`, `every monday`.".to_owned());
    };
    let first = first.trim_end_matches(',').to_lowercase();
    let unit = |word: &str| {
        Some(
            match word
                .trim_end_matches(',')
                .to_lowercase()
                .trim_end_matches('s')
            {
                "day" => Frequency::Daily,
                "week" => Frequency::Weekly,
                "month" => Frequency::Monthly,
                "year" => Frequency::Yearly,
                _ => return None,
            },
        )
    };
    if let Some(frequency) = unit(&first) {
        *rule = Some(Rule::every(frequency, 1));
        return Ok(after);
    }
    let number = if first == "other" || first == "second" {
        Some(2)
    } else {
        first.parse().ok()
    };
    if let (Some(interval), [word, after @ ..]) = (number, after) {
        let frequency = unit(word).ok_or_else(|| unclear(word))?;
        *rule = Some(Rule::every(frequency, interval));
        return Ok(after);
    }
    let mut weekly = Rule::every(Frequency::Weekly, 1);
    if first == "weekday" {
        weekly.weekdays = Weekday::ALL[..5].to_vec();
        *rule = Some(weekly);
        return Ok(after);
    }
    let mut rest = words;
    while let [word, after @ ..] = rest {
        let word = word.trim_end_matches(',').to_lowercase();
        match weekday(&word) {
            Some(day) => weekly.weekdays.push(Weekday::ALL[day]),
            None if word == "and" && !weekly.weekdays.is_empty() => {}
            None => break,
        }
        rest = after;
    }
    if weekly.weekdays.is_empty() {
        return Err(unclear(&first));
    }
    *rule = Some(weekly);
    Ok(rest)
}

fn weekday(word: &str) -> Option<usize> {
    let fits = |name: &&str| **name == *word || (word.len() == 3 && name.starts_with(word));
    WEEKDAYS.iter().position(fits)
}

/// Puts it together.
fn finish(
    mut event: NewEvent,
    times: Times,
    rule: Option<Rule>,
    clock: &Clock,
) -> Result<NewEvent, String> {
    let today = clock.today();
    let series_day = || {
        let rule = rule.as_ref()?;
        let fits = |day: &i64| rule.weekdays.contains(&Weekday::of(*day));
        let is_over = |day: i64| {
            times
                .start
                .is_some_and(|start| clock.at(day, start as u32) <= clock.now_ms())
        };
        (today..today + 8).filter(|day| !is_over(*day)).find(fits)
    };
    let is_series = rule.as_ref().is_some_and(|rule| !rule.weekdays.is_empty());
    let named = times.day.filter(|day| {
        !is_series
            || rule
                .as_ref()
                .is_some_and(|rule| rule.weekdays.contains(&Weekday::of(*day)))
    });
    let day = named
        .or_else(series_day)
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
