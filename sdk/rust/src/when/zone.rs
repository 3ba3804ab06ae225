//! Where a clock is: so far from UTC, or, with the feature `time-zones`, at a place whose clocks are
//! changed in spring and autumn.

use std::fmt;

#[cfg(feature = "time-zones")]
use jiff::{Timestamp, civil, tz::TimeZone};

#[cfg(feature = "time-zones")]
use crate::SettingFault;
#[cfg(feature = "time-zones")]
use crate::dates::{DAY_MS, date_of, day_of};

const MINUTE_MS: i64 = 60 * 1000;

/// A time zone. Local times are milliseconds too: those that a clock in UTC would have to show to
/// look the same.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Zone {
    /// Always so many minutes from UTC.
    Fixed(i32),
    /// A zone of the time zone database, such as `Europe/Berlin`. Made by [`Zone::named`].
    #[cfg(feature = "time-zones")]
    Named(TimeZone),
}

impl Zone {
    /// A zone of the time zone database by its name, such as `Europe/Berlin`; `None` for a name that
    /// isn't in it. The database is part of the component, about 200 KiB: rules that change after
    /// it was built come with a new version of the plugin.
    #[cfg(feature = "time-zones")]
    pub fn named(name: &str) -> Option<Zone> {
        if matches!(name, "UTC" | "Etc/UTC") {
            return Some(Zone::Fixed(0));
        }
        // Longer ones are in no database; `unknown` and POSIX rules are not what a name means here.
        let is_name =
            name.len() <= 64 && !name.is_empty() && !name.eq_ignore_ascii_case("Etc/Unknown");
        let found = is_name.then(|| TimeZone::get(name).ok()).flatten()?;
        found.iana_name()?;
        Some(Zone::Named(found))
    }

    /// What is wrong with a setting that names a zone, if something is: for `check` of the lifecycle.
    #[cfg(feature = "time-zones")]
    pub fn setting_fault(setting: &str, name: &str) -> Option<SettingFault> {
        Zone::named(name).is_none().then(|| SettingFault {
            setting: setting.to_owned(),
            detail: "There is no such time zone: write it as `Europe/Berlin` or `UTC`.".to_owned(),
        })
    }

    /// What a clock there shows at a time.
    pub fn local(&self, at_ms: i64) -> i64 {
        match self {
            Zone::Fixed(minutes) => at_ms.saturating_add(i64::from(*minutes) * MINUTE_MS),
            #[cfg(feature = "time-zones")]
            Zone::Named(zone) => {
                let Ok(at) = Timestamp::from_millisecond(at_ms) else {
                    return at_ms;
                };
                at_ms + i64::from(zone.to_offset(at).seconds()) * 1000
            }
        }
    }

    /// When a clock there shows this. Of a time that comes twice, as the clocks go back, the first;
    /// a time that is left out, as they go forward, counts as if they had not.
    pub fn utc(&self, local_ms: i64) -> i64 {
        match self {
            Zone::Fixed(minutes) => local_ms.saturating_sub(i64::from(*minutes) * MINUTE_MS),
            #[cfg(feature = "time-zones")]
            Zone::Named(zone) => named_utc(zone, local_ms).unwrap_or(local_ms),
        }
    }
}

/// `UTC`, `UTC+05:30` or `Europe/Berlin`.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Fixed(0) => f.write_str("UTC"),
            Zone::Fixed(minutes) => {
                let (sign, minutes) = (if *minutes < 0 { '-' } else { '+' }, minutes.abs());
                write!(f, "UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            #[cfg(feature = "time-zones")]
            Zone::Named(zone) => f.write_str(zone.iana_name().unwrap_or("UTC")),
        }
    }
}

#[cfg(feature = "time-zones")]
fn named_utc(zone: &TimeZone, local_ms: i64) -> Option<i64> {
    let date = date_of(day_of(local_ms));
    let within = local_ms.rem_euclid(DAY_MS);
    let part = |ms: i64, most: i64| i8::try_from(within / ms % most).ok();
    let time = civil::DateTime::new(
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
        part(60 * MINUTE_MS, 24)?,
        part(MINUTE_MS, 60)?,
        part(1000, 60)?,
        i32::try_from(within % 1000).ok()? * 1_000_000,
    );
    let at = zone.to_ambiguous_timestamp(time.ok()?).compatible().ok()?;
    Some(at.as_millisecond())
}

#[cfg(all(test, feature = "time-zones"))]
mod tests {
    use super::*;
    use crate::dates::Date;

    const HOUR: i64 = 60 * MINUTE_MS;

    fn local(year: i64, month: u32, day: u32, minutes: i64) -> i64 {
        Date { year, month, day }.to_day().expect("a day") * DAY_MS + minutes * MINUTE_MS
    }

    #[test]
    fn clocks_go_forward_and_back() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let at = |month, day, minutes| berlin.utc(local(2026, month, day, minutes));
        assert_eq!(at(1, 1, 12 * 60), local(2026, 1, 1, 11 * 60));
        assert_eq!(at(7, 1, 12 * 60), local(2026, 7, 1, 10 * 60));
        // 02:30 is left out on 2026-03-29, and comes twice on 2026-10-25.
        assert_eq!(at(3, 29, 150), local(2026, 3, 29, 90));
        assert_eq!(berlin.local(at(3, 29, 150)), local(2026, 3, 29, 210));
        assert_eq!(at(10, 25, 150), local(2026, 10, 25, 30));
        assert_eq!(
            berlin.local(at(10, 25, 150) + HOUR),
            local(2026, 10, 25, 150)
        );
        // Rules hold beyond the last year that the database lists.
        let far = local(2090, 7, 1, 720);
        assert_eq!(berlin.utc(far), far - 2 * HOUR);
    }

    #[test]
    fn names_are_those_of_the_database() {
        for name in [
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "Asia/Kolkata",
        ] {
            assert_eq!(Zone::named(name).unwrap().to_string(), name);
        }
        assert_eq!(Zone::named("UTC").unwrap().to_string(), "UTC");
        for name in [
            "",
            "Berlin",
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "../etc/passwd",
            "Etc/Unknown",
        ] {
            assert!(Zone::named(name).is_none(), "{name}");
        }
        assert!(Zone::named(&"x".repeat(65)).is_none());
    }

    #[test]
    fn any_number_is_some_time() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        for ms in [i64::MIN / 4, -1, 0, i64::MAX / 4] {
            let _ = (berlin.local(ms), Zone::Fixed(840).local(ms));
        }
        for ms in [-62_135_596_800_000, -1, 0, 253_402_300_799_000] {
            let _ = berlin.utc(ms);
        }
    }
}
