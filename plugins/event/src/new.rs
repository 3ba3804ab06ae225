//! A new event: what may be in it, and what becomes of it.

use althing_plugin::dates::{DAY_MS, date_of, read_day};
use althing_plugin::recurrence::Rule;
use althing_plugin::when::Zone;
use serde::{Deserialize, Serialize};

use crate::event::{DAY_MINUTES, Plan};
use crate::settings::Settings;

const TITLE_CHARACTERS_MAX: usize = 200;
const PLACE_CHARACTERS_MAX: usize = 300;
const DESCRIPTION_CHARACTERS_MAX: usize = 4000;
const LENGTH_MINUTES_MAX: i64 = 31 * DAY_MINUTES;
const REMINDERS_MAX: usize = 3;
const REMIND_MINUTES_MAX: u32 = 40_320;
const CAPACITY_MAX: u32 = 100_000;
/// Ten years.
const AHEAD_MS_MAX: i64 = 3650 * DAY_MS;

/// The data of a new event, as its author writes it; filled in, the message's data.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    pub title: String,
    /// `2026-12-04T12:30`, or `2026-12-04` for whole days.
    pub starts: String,
    /// The same; of whole days the last. Left out, it lasts as long as the settings say, or a day.
    #[serde(default)]
    pub ends: Option<String>,
    /// Where the clock is that `starts` and `ends` go by; left out, that of the settings.
    #[serde(default)]
    pub time_zone: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Rule>,
    /// How many may come; more are on a waiting list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// When the channel is reminded; left out, when the settings say.
    #[serde(default)]
    pub remind_minutes_before: Option<Vec<u32>>,
    /// For whom the plugin posts it. Nobody else may say so. Part of the data, which guards may change and
    /// which is then looked at anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

impl NewEvent {
    /// Checks it. The error is a sentence for its author.
    pub fn check(&self, settings: &Settings, now_ms: u64) -> Result<Plan, String> {
        let time_zone = self
            .time_zone
            .as_ref()
            .unwrap_or(&settings.time_zone)
            .clone();
        let zone = Zone::named(&time_zone).ok_or_else(|| {
            format!("There is no time zone `{time_zone}`: write it as `Europe/Berlin`.")
        })?;
        let (start, all_day) = read_time("starts", &self.starts)?;
        let minutes = self.minutes(settings, start, all_day)?;
        let repeat = self.repeat.clone();
        let plan = Plan {
            title: check_line("The title", &self.title, TITLE_CHARACTERS_MAX)?,
            start,
            minutes,
            all_day,
            time_zone,
            place: check_place(&self.place)?,
            description: check_description(&self.description)?,
            repeat: repeat
                .map(|rule| rule.check(start.div_euclid(DAY_MINUTES)))
                .transpose()?,
            capacity: self.capacity,
            remind_minutes_before: self.reminders(settings)?,
        };
        if plan
            .capacity
            .is_some_and(|capacity| !(1..=CAPACITY_MAX).contains(&capacity))
        {
            return Err(format!("The capacity is 1 to {CAPACITY_MAX}."));
        }
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        check_start(plan.occurrence(&zone, plan.day()).start_ms, now_ms)?;
        // Nobody can come to what is over; a series may have begun.
        let is_on = plan.occurrences(&zone, 0).any(|date| date.end_ms > now_ms);
        match is_on {
            true => Ok(plan),
            false => Err("The event is over already.".to_owned()),
        }
    }

    fn minutes(&self, settings: &Settings, start: i64, all_day: bool) -> Result<i64, String> {
        let Some(ends) = &self.ends else {
            return Ok(if all_day {
                DAY_MINUTES
            } else {
                i64::from(settings.length_minutes)
            });
        };
        let (end, is_day) = read_time("ends", ends)?;
        if is_day != all_day {
            return Err("`starts` and `ends` are both days, or both have a time.".to_owned());
        }
        let minutes = if all_day {
            end - start + DAY_MINUTES
        } else {
            end - start
        };
        check_length(minutes)
    }

    fn reminders(&self, settings: &Settings) -> Result<Vec<u32>, String> {
        let given = self.remind_minutes_before.as_ref();
        let mut reminders = given.unwrap_or(&settings.remind_minutes_before).clone();
        reminders.sort_unstable();
        reminders.dedup();
        let fit = reminders
            .iter()
            .all(|minutes| *minutes <= REMIND_MINUTES_MAX);
        match fit && reminders.len() <= REMINDERS_MAX {
            true => Ok(reminders),
            false => Err(format!(
                "An event has at most {REMINDERS_MAX} reminders, each at most {REMIND_MINUTES_MAX} minutes before."
            )),
        }
    }
}

/// Refuses what ends before it begins or lasts too long.
pub fn check_length(minutes: i64) -> Result<i64, String> {
    match minutes {
        ..1 => Err("The event ends before it begins.".to_owned()),
        1..=LENGTH_MINUTES_MAX => Ok(minutes),
        _ => Err("An event lasts at most 31 days.".to_owned()),
    }
}

/// Where it is, in one line; nothing for nowhere.
pub fn check_place(place: &str) -> Result<String, String> {
    match place.trim() {
        "" => Ok(String::new()),
        place => check_line("The place", place, PLACE_CHARACTERS_MAX),
    }
}

/// Refuses what begins too far ahead.
pub fn check_start(start_ms: i64, now_ms: i64) -> Result<(), String> {
    match start_ms - now_ms > AHEAD_MS_MAX {
        true => Err("An event begins in at most ten years.".to_owned()),
        false => Ok(()),
    }
}

/// Reads `2026-12-04T12:30` or `2026-12-04`: minutes since 1970, and whether it is a whole day.
pub fn read_time(field: &str, text: &str) -> Result<(i64, bool), String> {
    let unclear = || {
        format!("`{field}` must be a time such as 2026-12-04T12:30, or a day such as 2026-12-04.")
    };
    let (date, time) = text
        .split_once('T')
        .map_or((text, None), |(date, time)| (date, Some(time)));
    let day = read_day(date).ok_or_else(unclear)?;
    let Some(time) = time else {
        return Ok((day * DAY_MINUTES, true));
    };
    // Seconds are allowed, as many write them, if they are none.
    let time = time
        .strip_suffix(":00")
        .filter(|time| time.len() == 5)
        .unwrap_or(time);
    let (hour, minute) = time.split_once(':').ok_or_else(unclear)?;
    let number = |text: &str, most: i64| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        plain
            .then(|| text.parse::<i64>().ok())
            .flatten()
            .filter(|number| *number < most)
    };
    let (hour, minute) = (number(hour, 24), number(minute, 60));
    let minutes = hour.zip(minute).map(|(hour, minute)| hour * 60 + minute);
    minutes
        .map(|minutes| (day * DAY_MINUTES + minutes, false))
        .ok_or_else(unclear)
}

/// The same the other way round.
pub fn write_time(minutes: i64, all_day: bool) -> String {
    let date = date_of(minutes.div_euclid(DAY_MINUTES));
    let time = minutes.rem_euclid(DAY_MINUTES);
    match all_day {
        true => date.to_string(),
        false => format!("{date}T{:02}:{:02}", time / 60, time % 60),
    }
}

/// One line of text, without space around it.
fn check_line(what: &str, text: &str, characters_max: usize) -> Result<String, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let characters = text.chars().count();
    if characters == 0 {
        return Err(format!("{what} is empty."));
    }
    if characters > characters_max {
        return Err(format!(
            "{what} has {characters} characters; {characters_max} are the most."
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has control characters in it."));
    }
    Ok(text)
}

fn check_description(text: &str) -> Result<String, String> {
    let text = text.trim();
    let characters = text.chars().count();
    if characters > DESCRIPTION_CHARACTERS_MAX {
        let most = DESCRIPTION_CHARACTERS_MAX;
        return Err(format!(
            "The description has {characters} characters; {most} are the most."
        ));
    }
    if text
        .chars()
        .any(|char| char.is_control() && char != '\n' && char != '\t')
    {
        return Err("The description has control characters in it.".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use althing_plugin::recurrence::Frequency;

    /// Friday, 2026-11-20, 12:00 UTC.
    const NOON: u64 = 1_795_176_000_000;

    fn new(starts: &str, ends: Option<&str>) -> NewEvent {
        NewEvent {
            title: "Lunch".into(),
            starts: starts.into(),
            ends: ends.map(str::to_owned),
            time_zone: Some("Europe/Berlin".into()),
            ..NewEvent::default()
        }
    }

    fn check(event: &NewEvent) -> Result<Plan, String> {
        event.check(&Settings::default(), NOON)
    }

    #[test]
    fn times_are_read_and_written() {
        let lunch = check(&new("2026-12-04T12:30", Some("2026-12-04T13:30"))).unwrap();
        assert_eq!((lunch.minutes, lunch.all_day), (60, false));
        assert_eq!(lunch.data().starts, "2026-12-04T12:30");
        assert_eq!(lunch.data().check(&Settings::default(), NOON), Ok(lunch));
        let fair = check(&new("2026-12-04", Some("2026-12-06"))).unwrap();
        assert_eq!((fair.minutes, fair.all_day), (3 * DAY_MINUTES, true));
        assert_eq!(fair.data().ends.as_deref(), Some("2026-12-06"));
        assert_eq!(
            check(&new("2026-12-04", None)).unwrap().minutes,
            DAY_MINUTES
        );
        assert_eq!(
            check(&new("2026-12-04T12:30:00", None)).unwrap().minutes,
            60
        );
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let error = |event: &NewEvent| check(event).unwrap_err();
        for starts in [
            "",
            "soon",
            "2026-12-04 12:30",
            "2026-12-04T24:00",
            "2026-02-30",
            "2026-12-04T1:30",
            "2026-12-04T12:30Z",
            "2026-12-04T12:30:01",
        ] {
            assert!(error(&new(starts, None)).contains("`starts`"), "{starts}");
        }
        let bad = |ends| error(&new("2026-12-04T12:30", Some(ends)));
        assert!(bad("2026-12-04T12:30").contains("before it begins"));
        assert!(bad("2026-12-05").contains("both"));
        assert!(bad("2027-02-05T12:30").contains("31 days"));
        assert!(error(&new("2026-11-20T11:00", None)).contains("over"));
        assert!(error(&new("2046-11-20T11:00", None)).contains("ten years"));
        let mut event = new("2026-12-04", None);
        event.time_zone = Some("Berlin".into());
        assert!(error(&event).contains("`Berlin`"));
        let mut event = new("2026-12-04", None);
        event.capacity = Some(0);
        assert!(error(&event).contains("capacity"));
        let mut event = new("2026-12-04", None);
        event.remind_minutes_before = Some(vec![1, 2, 3, 4]);
        assert!(error(&event).contains("at most 3"));
        let mut event = new("2020-12-04", None);
        event.repeat = Some(Rule::every(Frequency::Yearly, 1));
        assert!(check(&event).is_ok(), "a series may have begun");
    }
}
