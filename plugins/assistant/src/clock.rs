//! Days and times of day, at a fixed distance from UTC.

const MINUTE_MS: i64 = 60 * 1000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

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

/// A clock on the tenant's wall.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    now_ms: i64,
    offset_minutes: i32,
}

impl Clock {
    /// A clock that shows `now_ms` (milliseconds since 1970-01-01 UTC) so many minutes from UTC.
    pub fn new(now_ms: u64, offset_minutes: i32) -> Clock {
        Clock {
            now_ms: i64::try_from(now_ms).unwrap_or(i64::MAX / 2),
            offset_minutes,
        }
    }

    /// Now, in milliseconds since 1970-01-01 UTC.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Today, in days since 1970-01-01.
    pub fn today(&self) -> i64 {
        self.day_of(self.now_ms)
    }

    /// When it is so many minutes after midnight of a day.
    pub fn at(&self, day: i64, minutes: u32) -> i64 {
        day * DAY_MS + (i64::from(minutes) - i64::from(self.offset_minutes)) * MINUTE_MS
    }

    /// `today at 15:30`, `tomorrow at 09:00`, `on Friday 2027-01-01 at 09:00`; with seconds where
    /// they matter.
    pub fn describe(&self, at_ms: i64) -> String {
        let local = self.local(at_ms);
        let seconds = local.rem_euclid(DAY_MS) / 1000;
        let time = format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
        let day = self.day_of(at_ms);
        match day - self.today() {
            0 if at_ms - self.now_ms < 5 * MINUTE_MS => {
                format!("today at {time}:{:02}", seconds % 60)
            }
            0 => format!("today at {time}"),
            1 => format!("tomorrow at {time}"),
            _ => {
                let (year, month, date) = date_of(day);
                format!(
                    "on {} {year}-{month:02}-{date:02} at {time}",
                    weekday_name(day)
                )
            }
        }
    }

    /// `UTC` or `UTC+05:30`.
    pub fn zone(&self) -> String {
        let minutes = self.offset_minutes.abs();
        match self.offset_minutes.signum() {
            0 => "UTC".to_owned(),
            sign => format!(
                "UTC{}{:02}:{:02}",
                if sign < 0 { '-' } else { '+' },
                minutes / 60,
                minutes % 60
            ),
        }
    }

    fn local(&self, at_ms: i64) -> i64 {
        at_ms + i64::from(self.offset_minutes) * MINUTE_MS
    }

    fn day_of(&self, at_ms: i64) -> i64 {
        self.local(at_ms).div_euclid(DAY_MS)
    }
}

/// The day's place in the week, 0 for Monday.
pub fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

fn weekday_name(day: i64) -> String {
    let name = WEEKDAYS[weekday(day) as usize];
    name[..1].to_uppercase() + &name[1..]
}

/// The day of a date, in days since 1970-01-01; `None` if there is no such date. Years from 1970 to
/// 9999.
pub fn day(year: i64, month: u32, date: u32) -> Option<i64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    if date < 1 || date > days_of_month(year, month) {
        return None;
    }
    let months: u32 = (1..month).map(|month| days_of_month(year, month)).sum();
    Some(new_year(year) + i64::from(months) + i64::from(date) - 1)
}

/// Year, month and date of a day.
fn date_of(day: i64) -> (i64, u32, u32) {
    // Close to the year and never past it by more than one.
    let mut year = 1970 + day.div_euclid(366);
    while new_year(year + 1) <= day {
        year += 1;
    }
    let mut date = (day - new_year(year)) as u32;
    let mut month = 1;
    while date >= days_of_month(year, month) {
        date -= days_of_month(year, month);
        month += 1;
    }
    (year, month, date + 1)
}

/// The first of January, in days since 1970-01-01.
fn new_year(year: i64) -> i64 {
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

fn days_of_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree() {
        assert_eq!(day(1970, 1, 1), Some(0));
        assert_eq!(day(2000, 3, 1), Some(11_017));
        assert_eq!(day(2024, 2, 29), Some(19_782));
        assert_eq!(day(2023, 2, 29), None);
        assert_eq!(day(2026, 13, 1), None);
        for number in (0..40_000).step_by(17) {
            let (year, month, date) = date_of(number);
            assert_eq!(day(year, month, date), Some(number));
        }
        assert_eq!(weekday(0), 3); // a Thursday
    }

    #[test]
    fn times_read_well() {
        // Friday, 2026-11-20, 23:30 in Berlin.
        let now = 1_795_213_800_000;
        let clock = Clock::new(now as u64, 60);
        assert_eq!(clock.describe(now + 2 * MINUTE_MS), "today at 23:32:00");
        assert_eq!(clock.describe(now + 10 * MINUTE_MS), "today at 23:40");
        assert_eq!(clock.describe(now + 60 * MINUTE_MS), "tomorrow at 00:30");
        assert_eq!(
            clock.describe(now + 3 * DAY_MS),
            "on Monday 2026-11-23 at 23:30"
        );
        assert_eq!(clock.zone(), "UTC+01:00");
        assert_eq!(Clock::new(0, -210).zone(), "UTC-03:30");
        assert_eq!(clock.at(clock.today(), 23 * 60 + 30), now);
    }
}
