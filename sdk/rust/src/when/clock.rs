//! Days and times of day where somebody lives.

use super::Zone;
use crate::dates::{DAY_MS, date_of, day_of, weekday};

const MINUTE_MS: i64 = 60 * 1000;

/// How weekdays are written, from Monday.
pub const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// A clock on somebody's wall: what time it is, and where.
#[derive(Clone, Debug)]
pub struct Clock {
    now_ms: i64,
    zone: Zone,
}

impl Clock {
    /// A clock that shows `now_ms` (milliseconds since 1970-01-01 UTC) so many minutes from UTC.
    pub fn new(now_ms: u64, offset_minutes: i32) -> Clock {
        Clock::of(now_ms, Zone::Fixed(offset_minutes))
    }

    /// A clock that shows `now_ms` (milliseconds since 1970-01-01 UTC) in a zone.
    pub fn of(now_ms: u64, zone: Zone) -> Clock {
        Clock {
            now_ms: i64::try_from(now_ms).unwrap_or(i64::MAX / 2),
            zone,
        }
    }

    /// The same in the zone of a setting; UTC's for a name that is none, see
    /// [`Zone::setting_fault`].
    #[cfg(feature = "time-zones")]
    pub fn in_zone(now_ms: u64, name: &str) -> Clock {
        Clock::of(now_ms, Zone::named(name).unwrap_or(Zone::Fixed(0)))
    }

    /// Now, in milliseconds since 1970-01-01 UTC.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Where the clock is.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Today, in days since 1970-01-01.
    pub fn today(&self) -> i64 {
        self.day_of(self.now_ms)
    }

    /// When it is so many minutes after midnight of a day.
    pub fn at(&self, day: i64, minutes: u32) -> i64 {
        self.zone.utc(day * DAY_MS + i64::from(minutes) * MINUTE_MS)
    }

    /// `today at 15:30`, `tomorrow at 09:00`, `on Friday 2027-01-01 at 09:00`; with seconds where
    /// they matter.
    pub fn describe(&self, at_ms: i64) -> String {
        let local = self.zone.local(at_ms);
        let seconds = local.rem_euclid(DAY_MS) / 1000;
        let time = format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
        let day = day_of(local);
        match day - self.today() {
            0 if (0..5 * MINUTE_MS).contains(&(at_ms - self.now_ms)) => {
                format!("today at {time}:{:02}", seconds % 60)
            }
            0 => format!("today at {time}"),
            1 => format!("tomorrow at {time}"),
            _ => {
                format!("on {} {} at {time}", weekday_name(day), date_of(day))
            }
        }
    }

    fn day_of(&self, at_ms: i64) -> i64 {
        day_of(self.zone.local(at_ms))
    }
}

/// `Friday`.
pub fn weekday_name(day: i64) -> String {
    let name = WEEKDAYS[weekday(day)];
    name[..1].to_uppercase() + &name[1..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        // Friday, 2026-11-20, 23:30 in Berlin.
        let now = 1_795_213_800_000;
        let clock = Clock::new(now as u64, 60);
        assert_eq!(clock.describe(now + 2 * MINUTE_MS), "today at 23:32:00");
        assert_eq!(clock.describe(now + 10 * MINUTE_MS), "today at 23:40");
        assert_eq!(clock.describe(now - 10 * MINUTE_MS), "today at 23:20");
        assert_eq!(clock.describe(now + 60 * MINUTE_MS), "tomorrow at 00:30");
        assert_eq!(
            clock.describe(now + 3 * DAY_MS),
            "on Monday 2026-11-23 at 23:30"
        );
        assert_eq!(clock.zone().to_string(), "UTC+01:00");
        assert_eq!(Clock::new(0, -210).zone().to_string(), "UTC-03:30");
        assert_eq!(clock.at(clock.today(), 23 * 60 + 30), now);
    }
}
