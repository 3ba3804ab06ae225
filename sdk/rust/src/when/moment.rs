//! What day and time: `tomorrow at 9`, `on friday`, `15:30`.

use super::{Clock, WEEKDAYS, Words};
use crate::dates::{Date, weekday};

/// When a day is named without a time: minutes after midnight.
const MORNING: u32 = 9 * 60;
/// The same where it is said until when: the end of the working day.
const EVENING: u32 = 17 * 60;
/// A day's last minute.
const LAST: u32 = 24 * 60 - 1;

/// A day, and perhaps a time of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// In days since 1970-01-01. Where only a time was said: the next day on which it is so late.
    pub day: i64,
    /// In minutes after midnight; `None` where only a day was said.
    pub minutes: Option<u32>,
}

impl Moment {
    /// In milliseconds since 1970-01-01 UTC; a day alone means its morning, at 9.
    pub fn at_ms(&self, clock: &Clock) -> i64 {
        clock.at(self.day, self.minutes.unwrap_or(MORNING))
    }

    /// The same for what is to be done by then: a day alone means the end of its working day, at 17, or
    /// once that is over its last minute.
    pub fn deadline_ms(&self, clock: &Clock) -> i64 {
        let evening = clock.at(self.day, EVENING);
        match self.minutes {
            Some(minutes) => clock.at(self.day, minutes),
            None if evening > clock.now_ms() => evening,
            None => clock.at(self.day, LAST),
        }
    }
}

/// Until when: what [`read`] reads, and `end of day`, `friday eod`, `end of friday`, `tonight`.
pub fn read_deadline(words: &mut Words<'_>, clock: &Clock) -> Result<i64, String> {
    if words.skip(&["tonight"]) {
        let minutes = time_of_day(words)?.unwrap_or(LAST);
        return Ok(clock.at(clock.today(), minutes));
    }
    let before = *words;
    if end_of_day(words) {
        let day = day(words, clock)?.unwrap_or(clock.today());
        return Ok(Moment { day, minutes: None }.deadline_ms(clock));
    }
    if words.skip(&["end"])
        && words.skip(&["of"])
        && let Some(day) = day(words, clock)?
    {
        return Ok(Moment { day, minutes: None }.deadline_ms(clock));
    }
    *words = before;
    let moment = read(words, clock)?;
    if moment.minutes.is_none() {
        end_of_day(words);
    }
    Ok(moment.deadline_ms(clock))
}

/// `eod`, `end of day`, `the end of the day`.
fn end_of_day(words: &mut Words<'_>) -> bool {
    let before = *words;
    if words.skip(&["eod"]) {
        return true;
    }
    words.skip(&["the"]);
    let is_end = words.skip(&["end"]) && words.skip(&["of"]) && {
        words.skip(&["the"]);
        words.skip(&["day"])
    };
    if !is_end {
        *words = before;
    }
    is_end
}

/// A day, a time, or both in either order.
pub fn read(words: &mut Words<'_>, clock: &Clock) -> Result<Moment, String> {
    let mut time = time_of_day(words)?;
    let day = day(words, clock)?;
    if time.is_none() && day.is_some() && !names_place(*words) {
        time = time_of_day(words)?;
    }
    match (day, time) {
        (Some(day), minutes) => Ok(Moment { day, minutes }),
        // The next time that it is so late.
        (None, Some(time)) => {
            let is_over = clock.at(clock.today(), time) <= clock.now_ms();
            let day = clock.today() + i64::from(is_over);
            Ok(Moment { day, minutes: Some(time) })
        }
        (None, None) => Err("I don't understand when: say `in 10 minutes`, `at 15:30`, `tomorrow at 9`, `on friday` or `on 2027-01-31`, and then what.".to_owned()),
    }
}

/// Whether `at` is followed by no time: `friday at the office` says where.
fn names_place(mut words: Words<'_>) -> bool {
    let said_at = words.skip(&["at"]);
    let next = words.take();
    said_at
        && next.is_some_and(|word| {
            let is_time = word.starts_with(|char: char| char.is_ascii_digit());
            !is_time && word != "noon" && word != "midnight"
        })
}

/// `today`, `tomorrow`, `on friday`, `next friday`, `on 2027-01-31`.
fn day(words: &mut Words<'_>, clock: &Clock) -> Result<Option<i64>, String> {
    let before = *words;
    let named = words.skip(&["on", "next"]);
    let Some(word) = words.take() else {
        *words = before;
        return Ok(None);
    };
    let today = clock.today();
    let name =
        |weekday: &&str| **weekday == word || (word.len() == 3 && weekday.starts_with(&word));
    if word == "today" || word == "tomorrow" {
        return Ok(Some(today + i64::from(word == "tomorrow")));
    }
    if let Some(wanted) = WEEKDAYS.iter().position(name) {
        // Never today: whoever means that says so.
        let ahead = (wanted + 7 - weekday(today)) % 7;
        return Ok(Some(today + if ahead == 0 { 7 } else { ahead as i64 }));
    }
    let parts: Vec<&str> = word.split('-').collect();
    if let [year, month, date] = parts[..]
        && let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), date.parse())
    {
        return match (Date { year, month, day }).to_day() {
            Some(day) => Ok(Some(day)),
            None => Err(format!("There is no day {word}.")),
        };
    }
    if named {
        return Err(format!(
            "I don't know the day `{word}`: say `on friday` or `on 2027-01-31`."
        ));
    }
    *words = before;
    Ok(None)
}

/// `at 9`, `at 15:30`, `at 3pm`, `15:30`: minutes after midnight.
fn time_of_day(words: &mut Words<'_>) -> Result<Option<u32>, String> {
    let before = *words;
    let said_at = words.skip(&["at"]);
    let Some(word) = words.take() else {
        *words = before;
        return if said_at {
            Err(unclear_time(""))
        } else {
            Ok(None)
        };
    };
    if said_at && (word == "noon" || word == "midnight") {
        return Ok(Some(if word == "noon" { 12 * 60 } else { 0 }));
    }
    let digits = word.trim_end_matches(|char: char| char.is_ascii_alphabetic() || char == '.');
    let mut half = word[digits.len()..].replace('.', "");
    // Without `at`, a bare number is more likely something to be reminded of.
    if !said_at && !digits.contains(':') && half.is_empty() {
        *words = before;
        return Ok(None);
    }
    if half.is_empty() && words.skip(&["am", "a.m."]) {
        half.push_str("am");
    } else if half.is_empty() && words.skip(&["pm", "p.m."]) {
        half.push_str("pm");
    }
    match clock_time(digits, &half) {
        Some(minutes) => Ok(Some(minutes)),
        None if said_at => Err(unclear_time(&word)),
        None => {
            *words = before;
            Ok(None)
        }
    }
}

fn unclear_time(word: &str) -> String {
    match word {
        "" => "At what time? Say `at 15:30` or `at 9`.".to_owned(),
        word => format!("I don't know the time `{word}`: say `at 15:30` or `at 9`."),
    }
}

fn clock_time(digits: &str, half: &str) -> Option<u32> {
    let (hour, minute) = digits.split_once(':').unwrap_or((digits, "0"));
    let number = |text: &str| {
        let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let hour = match half {
        "" | "h" | "hrs" => hour,
        "am" if (1..=12).contains(&hour) => hour % 12,
        "pm" if (1..=12).contains(&hour) => hour % 12 + 12,
        _ => return None,
    };
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}
