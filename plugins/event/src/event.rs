//! An event: its times, its dates, and all else that is kept of it. The message's data is the event as it was
//! made; what it is now is the private state, which the view and the plugin's routes show.
//!
//! Its times are those of a clock on the wall where it takes place, so that a lunch at noon stays at
//! noon when the clocks are changed.

use althing_plugin::Context;
use althing_plugin::dates::DAY_MS;
use althing_plugin::recurrence::Rule;
use althing_plugin::when::Zone;
use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::exceptions::Moved;
use crate::new::{NewEvent, write_time};

/// The name of the message kind.
pub const KIND: &str = "event";

pub const DAY_MINUTES: i64 = 24 * 60;
pub const MINUTE_MS: i64 = 60_000;

/// What of an event its maker can change.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Plan {
    pub title: String,
    /// In minutes since 1970-01-01, by the clock on the wall.
    pub start: i64,
    pub minutes: i64,
    pub all_day: bool,
    pub time_zone: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Rule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    pub remind_minutes_before: Vec<u32>,
}

/// An event as it is now.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Event {
    pub created_by: String,
    pub plan: Plan,
    /// Days on which a series is left out, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<i64>,
    /// Its dates that are at another time or place, by their days; none of them is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<Moved>,
    #[serde(default)]
    pub cancelled: bool,
    /// How often it was changed: calendars take the highest.
    #[serde(default)]
    pub sequence: u32,
    /// When that was, or when it was made.
    pub changed_ms: u64,
    /// When its times were last set: reminders for before then are not sent.
    pub planned_ms: u64,
    pub answers: Answers,
}

/// One date of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// The day on which its rule has it, where it takes place: the date is known by that, wherever it was moved.
    pub day: i64,
    /// In milliseconds since 1970-01-01 UTC, as the next.
    pub start_ms: i64,
    pub end_ms: i64,
}

impl Plan {
    /// The data that would make it, with everything filled in.
    pub fn data(&self) -> NewEvent {
        let end = match self.all_day {
            true => self.start + self.minutes - DAY_MINUTES,
            false => self.start + self.minutes,
        };
        NewEvent {
            title: self.title.clone(),
            starts: write_time(self.start, self.all_day),
            ends: Some(write_time(end, self.all_day)),
            time_zone: Some(self.time_zone.clone()),
            place: self.place.clone(),
            description: self.description.clone(),
            repeat: self.repeat.clone(),
            capacity: self.capacity,
            remind_minutes_before: Some(self.remind_minutes_before.clone()),
            created_by: None,
        }
    }

    /// The zone; one that was in the database when the event was made is in it now.
    pub fn zone(&self) -> Zone {
        Zone::named(&self.time_zone).unwrap_or(Zone::Fixed(0))
    }

    /// The day of its first date.
    pub fn day(&self) -> i64 {
        self.start.div_euclid(DAY_MINUTES)
    }

    /// The days of its dates from a day on, in order.
    pub fn days(&self, from: i64) -> impl Iterator<Item = i64> + '_ {
        let once = self.repeat.is_none().then(|| self.day());
        let series = self.repeat.iter().flat_map(|rule| rule.days(self.day()));
        let days = once.into_iter().chain(series);
        days.skip_while(move |day| *day < from)
    }

    /// Its dates from a day on, in order.
    pub fn occurrences<'a>(
        &'a self,
        zone: &'a Zone,
        from: i64,
    ) -> impl Iterator<Item = Occurrence> + 'a {
        self.days(from).map(|day| self.occurrence(zone, day))
    }

    /// When the date of a day begins, by the clock on the wall.
    pub fn start_on(&self, day: i64) -> i64 {
        day * DAY_MINUTES + self.start.rem_euclid(DAY_MINUTES)
    }

    /// The first day that a date may begin on which is not over at a time; a little early.
    pub fn first_day(&self, now_ms: i64) -> i64 {
        now_ms.div_euclid(DAY_MS) - self.minutes / DAY_MINUTES - 2
    }

    /// The date that begins on a day.
    pub fn occurrence(&self, zone: &Zone, day: i64) -> Occurrence {
        let (start_ms, end_ms) = self.times(zone, self.start_on(day), self.minutes);
        Occurrence {
            day,
            start_ms,
            end_ms,
        }
    }

    /// When it begins and ends that begins then by the clock on the wall, in milliseconds since 1970-01-01 UTC.
    pub fn times(&self, zone: &Zone, start: i64, minutes: i64) -> (i64, i64) {
        let start_ms = zone.utc(start * MINUTE_MS);
        let end_ms = match self.all_day {
            // A day has 23 or 25 hours at times.
            true => zone.utc((start + minutes) * MINUTE_MS),
            false => start_ms + minutes * MINUTE_MS,
        };
        (start_ms, end_ms)
    }

    /// When the last date is over; `None` for a series without an end.
    pub fn end_ms(&self) -> Option<i64> {
        let last = match &self.repeat {
            Some(rule) if rule.count.is_none() && rule.until.is_none() => return None,
            Some(rule) => rule.days(self.day()).last(),
            None => None,
        };
        let day = last.unwrap_or(self.day());
        Some(self.occurrence(&self.zone(), day).end_ms)
    }
}

impl Event {
    /// An event to which nobody has answered.
    pub fn new(ctx: &Context, plan: Plan, created_by: String) -> Event {
        Event {
            created_by,
            plan,
            skipped: Vec::new(),
            moved: Vec::new(),
            cancelled: false,
            sequence: 0,
            changed_ms: ctx.now_ms,
            planned_ms: ctx.now_ms,
            answers: Answers::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use althing_plugin::recurrence::Frequency;

    /// 2026-03-01.
    const MARCH: u64 = 1_772_323_200_000;

    fn new(starts: &str, ends: Option<&str>) -> NewEvent {
        NewEvent {
            title: "Lunch".into(),
            starts: starts.into(),
            ends: ends.map(str::to_owned),
            time_zone: Some("Europe/Berlin".into()),
            ..NewEvent::default()
        }
    }

    #[test]
    fn noon_stays_noon_when_clocks_change() {
        let mut event = new("2026-03-27T12:00", None);
        event.repeat = Some(Rule::every(Frequency::Weekly, 1));
        let plan = event.check(&Settings::default(), MARCH).unwrap();
        let zone = plan.zone();
        let hours: Vec<i64> = plan
            .occurrences(&zone, 0)
            .take(2)
            .map(|date| date.start_ms.rem_euclid(DAY_MS) / 3_600_000)
            .collect();
        assert_eq!(
            hours,
            [11, 10],
            "in UTC, before and after the clocks go forward"
        );
        // That day has 23 hours.
        let whole = new("2026-03-29", None)
            .check(&Settings::default(), MARCH)
            .unwrap();
        let day = whole.occurrences(&zone, 0).next().unwrap();
        assert_eq!(day.end_ms - day.start_ms, 23 * 3_600_000);
    }
}
