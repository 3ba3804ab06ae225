//! An event: its times, its dates, and all else that is kept of it. The message's data is the event as it was
//! made; what it is now is the private state, which the view and the plugin's routes show.
//!
//! Its times are those of a clock on the wall where it takes place, so that a lunch at noon stays at
//! noon when the clocks are changed.

use althing_plugin::Context;
use althing_plugin::dates::{DAY_MS, read_day};
use althing_plugin::recurrence::Rule;
use althing_plugin::when::Zone;
use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::new::{NewEvent, write_time};

/// The name of the message kind.
pub const KIND: &str = "event";

pub const DAY_MINUTES: i64 = 24 * 60;
pub const MINUTE_MS: i64 = 60_000;
const SKIPPED_MAX: usize = 200;

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
    /// Days on which it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<i64>,
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
    /// The day on which it begins, where it takes place.
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

    /// Its dates from a day on but those left out, in order.
    pub fn occurrences<'a>(
        &'a self,
        zone: &'a Zone,
        skipped: &'a [i64],
        from: i64,
    ) -> impl Iterator<Item = Occurrence> + 'a {
        let once = self.repeat.is_none().then(|| self.day());
        let series = self.repeat.iter().flat_map(|rule| rule.days(self.day()));
        // Days are counted fast; to find out when a day begins somewhere takes its time.
        once.into_iter()
            .chain(series)
            .skip_while(move |day| *day < from)
            .filter(|day| !skipped.contains(day))
            .map(|day| self.occurrence(zone, day))
    }

    /// The first day that a date may begin on which is not over at a time; a little early.
    pub fn first_day(&self, now_ms: i64) -> i64 {
        now_ms.div_euclid(DAY_MS) - self.minutes / DAY_MINUTES - 2
    }

    /// The date that begins on a day.
    pub fn occurrence(&self, zone: &Zone, day: i64) -> Occurrence {
        let start = day * DAY_MINUTES + self.start.rem_euclid(DAY_MINUTES);
        let start_ms = zone.utc(start * MINUTE_MS);
        let end_ms = match self.all_day {
            // A day has 23 or 25 hours at times.
            true => zone.utc((start + self.minutes) * MINUTE_MS),
            false => start_ms + self.minutes * MINUTE_MS,
        };
        Occurrence {
            day,
            start_ms,
            end_ms,
        }
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
            cancelled: false,
            sequence: 0,
            changed_ms: ctx.now_ms,
            planned_ms: ctx.now_ms,
            answers: Answers::default(),
        }
    }

    /// The dates that are not over at a time, and not left out.
    pub fn dates_after<'a>(
        &'a self,
        now_ms: u64,
        zone: &'a Zone,
    ) -> impl Iterator<Item = Occurrence> + 'a {
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        self.plan
            .occurrences(zone, &self.skipped, self.plan.first_day(now_ms))
            .skip_while(move |date| date.end_ms <= now_ms)
    }

    /// Leaves one date out.
    pub fn skip(&mut self, date: &str) -> Result<(), String> {
        let unknown = || format!("The event has no date {date}.");
        let day = read_day(date).ok_or_else(unknown)?;
        if self.plan.repeat.is_none() {
            return Err("The event has one date only: cancel it.".to_owned());
        }
        let zone = self.plan.zone();
        let dates = self.plan.occurrences(&zone, &self.skipped, day);
        if !dates
            .take_while(|date| date.day <= day)
            .any(|date| date.day == day)
        {
            return Err(unknown());
        }
        if self.skipped.len() >= SKIPPED_MAX {
            return Err(format!(
                "An event can leave out at most {SKIPPED_MAX} dates."
            ));
        }
        self.skipped.push(day);
        self.skipped.sort_unstable();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use althing_plugin::recurrence::Frequency;

    /// Friday, 2026-11-20, 12:00 UTC.
    const NOON: u64 = 1_795_176_000_000;
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

    fn check(event: &NewEvent) -> Result<Plan, String> {
        event.check(&Settings::default(), NOON)
    }

    #[test]
    fn noon_stays_noon_when_clocks_change() {
        let mut event = new("2026-03-27T12:00", None);
        event.repeat = Some(Rule::every(Frequency::Weekly, 1));
        let plan = event.check(&Settings::default(), MARCH).unwrap();
        let zone = plan.zone();
        let hours: Vec<i64> = plan
            .occurrences(&zone, &[], 0)
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
        let day = whole.occurrences(&zone, &[], 0).next().unwrap();
        assert_eq!(day.end_ms - day.start_ms, 23 * 3_600_000);
    }

    #[test]
    fn one_date_of_many_is_left_out() {
        let mut lunch = new("2026-12-04T12:30", None);
        lunch.repeat = Some(Rule::every(Frequency::Weekly, 1));
        let mut event = Event::new(&Context::default(), check(&lunch).unwrap(), "alice".into());
        event.skip("2026-12-11").unwrap();
        let zone = event.plan.zone();
        let days: Vec<i64> = event
            .dates_after(NOON, &zone)
            .take(2)
            .map(|date| date.day)
            .collect();
        assert_eq!(
            days,
            ["2026-12-04", "2026-12-18"].map(|day| read_day(day).unwrap())
        );
        for date in ["2026-12-11", "2026-12-12", "x", "1999-01-01"] {
            assert!(event.skip(date).unwrap_err().contains("no date"), "{date}");
        }
        event.plan.repeat = None;
        assert!(event.skip("2026-12-04").unwrap_err().contains("cancel it"));
    }
}
