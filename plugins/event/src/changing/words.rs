//! What stands behind the verb: the day, the title of the event, and its new time and place.

use althing_plugin::dates::date_of;
use althing_plugin::prelude::{Value, json};
use althing_plugin::when::{self, Clock, weekday_name};

use super::Verb;
use crate::command::clauses;
use crate::event::{DAY_MINUTES, Event, MINUTE_MS, Occurrence, Plan};
use crate::listing::{Found, write_day};
use crate::new::{NewEvent, read_time, write_time};

/// Titles that an error lists.
const TITLES_MAX: usize = 10;

/// The day at the front, as `friday`, `on friday`, `tomorrow` or `2026-12-11`, and what follows.
pub fn read_date<'a>(text: &'a str, clock: &Clock) -> Option<(i64, &'a str)> {
    let text = text.trim();
    let end = |text: &str| text.find(char::is_whitespace).unwrap_or(text.len());
    let mut at = end(text);
    if ["on", "next"].contains(&text[..at].to_lowercase().as_str()) {
        let rest = text[at..].trim_start();
        at = text.len() - rest.len() + end(rest);
    }
    let (moment, left) = when::moment(&text[..at], clock).ok()?;
    let is_day = moment.minutes.is_none() && left.is_empty();
    is_day.then(|| (moment.day, text[at..].trim_start()))
}

/// The one of these dates whose title stands at the front, and what follows. Without a title the only one.
pub fn named<'a, 't>(
    dates: &[(&'a Found, Occurrence)],
    day: i64,
    text: &'t str,
) -> Result<(&'a Found, Occurrence, &'t str), String> {
    let behind = |title: &str| {
        let title: Vec<&str> = title.split(' ').collect();
        let mut rest = text;
        for word in title {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            if rest[..end].to_lowercase() != word.to_lowercase() {
                return None;
            }
            rest = rest[end..].trim_start();
        }
        Some(rest)
    };
    let titled = dates.iter().filter_map(|(found, date)| {
        let title = &found.event.plan.title;
        behind(title).map(|rest| (title.len(), *found, *date, rest))
    });
    if let Some((_, found, date, rest)) = titled.max_by_key(|(length, ..)| *length) {
        return Ok((found, date, rest));
    }
    let says_no_title = ["", "to", "at"].contains(&text.split(' ').next().unwrap_or_default());
    let on = format!("{} {}", weekday_name(day), date_of(day));
    match dates {
        [] => Err(format!("Nothing in this channel to be changed on {on}.")),
        [(found, date)] if says_no_title => Ok((found, *date, text)),
        dates => {
            let titles = dates.iter().take(TITLES_MAX);
            let titles: Vec<String> = titles
                .map(|(found, _)| format!("“{}”", found.event.plan.title))
                .collect();
            let titles = titles.join(", ");
            Err(format!(
                "Which event of {on}? There is {titles}: write its title behind the date."
            ))
        }
    }
}

/// The action that does it, and its value.
pub fn change(
    event: &Event,
    verb: Verb,
    day: i64,
    rest: &str,
    clock: &Clock,
) -> Result<(&'static str, Value), String> {
    let is_series = event.plan.repeat.is_some();
    if verb != Verb::Move && !rest.is_empty() {
        return Err(format!("I don't understand `{rest}`."));
    }
    let date = write_day(day);
    Ok(match (verb, is_series) {
        (Verb::Cancel, true) => ("skip", json!(date)),
        (Verb::Cancel, false) => ("cancel", Value::Null),
        (Verb::Restore, _) => ("restore", json!(date)),
        (Verb::Move, _) => {
            let mut change = new_times(event, day, rest, clock)?;
            if !is_series {
                return Ok(("edit", change));
            }
            change["date"] = date.into();
            ("move", change)
        }
    })
}

/// Reads `to saturday 13:00-14:00 at Café Roma`, or `at Café Roma` alone.
fn new_times(event: &Event, day: i64, text: &str, clock: &Clock) -> Result<Value, String> {
    let date = event.plan_on(day);
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let new = match first.to_lowercase().as_str() {
        "at" if !rest.is_empty() => return Ok(json!({ "place": rest })),
        "to" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            clauses::read(&words, &from(&date, rest, clock))?
        }
        _ => return Err(Verb::Move.usage()),
    };
    if new.repeat.is_some() {
        return Err("One date doesn't repeat.".to_owned());
    }
    let mut change = json!({ "starts": starts(&new, &date)? });
    if let Some(ends) = new.ends {
        change["ends"] = ends.into();
    }
    if !new.place.is_empty() {
        change["place"] = new.place.into();
    }
    Ok(change)
}

/// A day alone leaves the time of day as it is.
fn starts(new: &NewEvent, date: &Plan) -> Result<String, String> {
    let (start, all_day) = read_time("starts", &new.starts)?;
    Ok(match all_day && !date.all_day {
        true => write_time(start + date.start.rem_euclid(DAY_MINUTES), false),
        false => new.starts.clone(),
    })
}

/// The clock by which new times are read: `14:00` is on the day of the date and `saturday` after it, where the event
/// takes place; but `today` and `tomorrow` are those of whoever writes.
fn from(date: &Plan, text: &str, clock: &Clock) -> Clock {
    let zone = date.zone();
    let is_relative = ["today", "tomorrow", "in"];
    let first = text.split_whitespace().next().unwrap_or_default();
    if is_relative.contains(&first.to_lowercase().as_str()) {
        return Clock::of(clock.now_ms().unsigned_abs(), zone);
    }
    let midnight = zone.utc(date.day() * DAY_MINUTES * MINUTE_MS);
    // A moment earlier: midnight is not over yet.
    Clock::of(midnight.saturating_sub(1).max(0).unsigned_abs(), zone)
}
