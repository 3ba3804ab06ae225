//! Days and dates, for plugins that show or read them: a component has no calendar of its own.
//!
//! A day is a number of days since 1970-01-01. All is UTC; for another zone, move the time first.

/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A date of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// Such as 2026.
    pub year: i64,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
}

/// The day that a time in milliseconds since 1970-01-01 falls on.
pub fn day_of(ms: i64) -> i64 {
    ms.div_euclid(DAY_MS)
}

/// The date of a day.
pub fn date_of(day: i64) -> Date {
    // Never past the year, and before it by few.
    let mut year = 1970 + day.div_euclid(366).min(day.div_euclid(365));
    while new_year(year + 1) <= day {
        year += 1;
    }
    let mut left = day - new_year(year);
    let mut month = 1;
    while left >= days_of_month(year, month) {
        left -= days_of_month(year, month);
        month += 1;
    }
    Date {
        year,
        month,
        day: left as u32 + 1,
    }
}

/// The day of a date that is written as `2026-11-20`, or `None` if there is no such date.
pub fn read_day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut next = |digits: usize| {
        let part = parts.next()?;
        let fits = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        fits.then_some(part)
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    let date = Date {
        year: year.parse().ok()?,
        month: month.parse().ok()?,
        day: day.parse().ok()?,
    };
    date.to_day().filter(|_| parts.next().is_none())
}

impl Date {
    /// The day of a date, or `None` if there is no such date. Years from 1970 to 9999.
    pub fn to_day(self) -> Option<i64> {
        let is_date = (1970..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_of_month(self.year, self.month)).contains(&i64::from(self.day));
        let months = || {
            (1..self.month)
                .map(|month| days_of_month(self.year, month))
                .sum::<i64>()
        };
        is_date.then(|| new_year(self.year) + months() + i64::from(self.day) - 1)
    }
}

/// `2026-11-20`.
impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The place of a day in its week, 0 for Monday.
pub fn weekday(day: i64) -> usize {
    (day + 3).rem_euclid(7) as usize
}

/// The first of January.
fn new_year(year: i64) -> i64 {
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

fn days_of_month(year: i64, month: u32) -> i64 {
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

    fn day(year: i64, month: u32, day: u32) -> Option<i64> {
        Date { year, month, day }.to_day()
    }

    #[test]
    fn dates_and_days_agree() {
        assert_eq!(day(1970, 1, 1), Some(0));
        assert_eq!(day(2000, 3, 1), Some(11_017));
        assert_eq!(day(2024, 2, 29), Some(19_782));
        for number in (0..40_000).step_by(17) {
            assert_eq!(date_of(number).to_day(), Some(number));
        }
        assert_eq!(date_of(-1).to_string(), "1969-12-31");
        assert_eq!(weekday(0), 3); // a Thursday
    }

    #[test]
    fn there_are_no_other_dates() {
        assert_eq!(day(2023, 2, 29), None);
        assert_eq!(day(2026, 13, 1), None);
        assert_eq!(day(2026, 0, 1), None);
        assert_eq!(day(2026, 4, 31), None);
        assert_eq!(day(2026, 4, 0), None);
        assert_eq!(day(99_999, 1, 1), None);
        assert_eq!(read_day("2000-03-01"), Some(11_017));
        for text in [
            "2026-2-3",
            "2026-02-30",
            "+026-02-03",
            "2026-02-03-",
            "",
            "soon",
        ] {
            assert_eq!(read_day(text), None, "{text}");
        }
    }
}
