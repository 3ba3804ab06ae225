//! Tasks that repeat: done for one date, such a task is open for the next.
//!
//! The dates are those of a rule, at one time of day where the tenant's people are; that one of them is put
//! off or done late moves no other. Dates that are over by then are passed over: nobody does a week's dishes at once.

use althing_plugin::dates::{DAY_MS, day_of};
use althing_plugin::recurrence::Rule;
use althing_plugin::when::Clock;
use serde::{Deserialize, Serialize};

use crate::task::check_due;

/// How a task repeats, and where it stands.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Repeat {
    pub rule: Rule,
    /// The day of the first date, in days since 1970-01-01.
    start: i64,
    /// The time of day, in minutes after midnight.
    minutes: u32,
    /// The day of the date that is to be done, wherever its due time was moved.
    day: i64,
}

impl Repeat {
    /// One that begins with the date on which a task is due. The error is a sentence.
    pub fn new(rule: Rule, due_at_ms: Option<u64>, clock: &Clock) -> Result<Repeat, String> {
        let due = due_at_ms.ok_or("A task that repeats needs a time at which it is due.")?;
        let local = clock.zone().local(i64::try_from(due).unwrap_or(i64::MAX));
        let start = day_of(local);
        let minutes = local.rem_euclid(DAY_MS) / 60_000;
        Ok(Repeat {
            rule: rule.check(start)?,
            start,
            minutes: u32::try_from(minutes).unwrap_or(0),
            day: start,
        })
    }

    /// When the next date is due: the first after the one that is to be done, and after now. `None` at the end of
    /// the series.
    pub fn next(&self, clock: &Clock) -> Option<(Repeat, u64)> {
        let days = self
            .rule
            .days(self.start)
            .skip_while(|day| *day <= self.day);
        let now_ms = clock.now_ms().unsigned_abs();
        let mut dates = days.map(|day| {
            let due = u64::try_from(clock.at(day, self.minutes)).unwrap_or(0);
            (
                Repeat {
                    day,
                    ..self.clone()
                },
                due,
            )
        });
        let next = dates.find(|(_, due)| *due > now_ms);
        next.filter(|(_, due)| check_due(*due, now_ms).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    /// Friday, 2026-11-20, 12:00 UTC.
    const NOON: u64 = 1_795_176_000_000;
    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    fn repeat(words: &str, due: u64) -> Repeat {
        let (mut rule, rest) = Rule::read(words).unwrap();
        rule.read_end(rest).unwrap();
        Repeat::new(rule, Some(due), &Clock::new(NOON, 0)).unwrap()
    }

    /// How many days after noon the next date is, if the one before is done then.
    fn next(repeat: &Repeat, done: u64) -> Option<u64> {
        let (_, due) = repeat.next(&Clock::new(done, 0))?;
        assert_eq!((due - NOON) % DAY, 5 * HOUR, "at 17:00, as the first");
        Some((due - NOON) / DAY)
    }

    #[test]
    fn the_next_date_is_the_first_to_come() {
        let weekly = repeat("every week", NOON + 5 * HOUR);
        assert_eq!(next(&weekly, NOON), Some(7), "early");
        assert_eq!(next(&weekly, NOON + 6 * HOUR), Some(7), "late");
        assert_eq!(
            next(&weekly, NOON + 16 * DAY),
            Some(21),
            "two are passed over"
        );
        let (second, _) = weekly.next(&Clock::new(NOON, 0)).unwrap();
        assert_eq!(next(&second, NOON), Some(14), "one more, ahead of time");
        let weekdays = repeat("every weekday", NOON + 5 * HOUR);
        assert_eq!(next(&weekdays, NOON), Some(3), "Monday");
        let twice = repeat("every day 2 times", NOON + 5 * HOUR);
        let (last, _) = twice.next(&Clock::new(NOON, 0)).unwrap();
        assert_eq!(next(&last, NOON), None);
        assert_eq!(next(&twice, NOON + 9 * DAY), None);
        let far = repeat("every 9 years", NOON + 5 * HOUR);
        let (far, _) = far.next(&Clock::new(NOON, 0)).unwrap();
        assert_eq!(next(&far, NOON), None, "more than ten years ahead");
    }

    #[test]
    fn the_time_of_day_is_that_of_the_place() {
        let settings = Settings {
            time_zone: "Europe/Berlin".into(),
            ..Settings::default()
        };
        // Saturday, 2026-03-28, 17:00 in Berlin, the day before its clocks are changed.
        let due = 1_774_713_600_000;
        let (rule, _) = Rule::read("daily").unwrap();
        let daily = Repeat::new(rule, Some(due), &settings.clock(due - HOUR)).unwrap();
        let (_, next) = daily.next(&settings.clock(due)).unwrap();
        assert_eq!(next - due, 23 * HOUR);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let error = |words: &str, due| {
            let (rule, _) = Rule::read(words).unwrap();
            Repeat::new(rule, due, &Clock::new(NOON, 0)).unwrap_err()
        };
        assert!(error("daily", None).contains("needs a time"));
        assert!(error("every monday", Some(NOON + HOUR)).contains("first day"));
        assert!(error("every 1000 days", Some(NOON + HOUR)).contains("1 to 999"));
    }
}
