//! The rules of a time zone as a calendar file spells them out (VTIMEZONE): the changes of its clocks
//! from some time on, each by itself, or as a yearly rule where they keep to one.

use althing_plugin::dates::{DAY_MS, date_of, day_of, weekday};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::lines::Lines;
use super::{local, weekday as weekday_code};
use althing_plugin::recurrence::Weekday;

const YEAR_MS: i64 = 366 * DAY_MS;
/// How far changes are looked at, in years. A rule holds if it holds for so long.
const YEARS: i64 = 30;
/// Changes by no rule are listed for so many years: no calendar app needs more, for each knows the
/// zone by its name.
const LISTED_YEARS: i64 = 10;

/// A change of the clocks.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    at_ms: i64,
    from_s: i32,
    to_s: i32,
    is_summer: bool,
    name: String,
}

impl Change {
    /// What the clocks show as they are changed.
    fn local_ms(&self) -> i64 {
        self.at_ms + i64::from(self.from_s) * 1000
    }
}

/// Writes the rules of a zone from a local time on.
pub fn write(out: &mut Lines, name: &str, from_local_ms: i64) {
    let Ok(zone) = TimeZone::get(name) else {
        return;
    };
    // A day earlier: local and other time differ by less.
    let from_ms = from_local_ms - DAY_MS;
    out.line("BEGIN", "VTIMEZONE");
    out.line("TZID", name);
    let changes = changes(&zone, from_ms);
    if changes.first().is_none_or(|first| first.at_ms > from_ms) {
        write_before(out, &zone, from_ms);
    }
    for is_summer in [false, true] {
        let of_kind: Vec<&Change> = changes
            .iter()
            .filter(|change| change.is_summer == is_summer)
            .collect();
        write_kind(out, &of_kind, from_ms);
    }
    out.line("END", "VTIMEZONE");
}

/// The last change before a time and those of the years after it.
fn changes(zone: &TimeZone, from_ms: i64) -> Vec<Change> {
    let Ok(from) = Timestamp::from_millisecond(from_ms) else {
        return Vec::new();
    };
    let until = from_ms + YEARS * YEAR_MS;
    let read = |change: jiff::tz::TimeZoneTransition<'_>| {
        let at_ms = change.timestamp().as_millisecond();
        let before = Timestamp::from_millisecond(at_ms - 1).unwrap_or(Timestamp::MIN);
        Change {
            at_ms,
            from_s: zone.to_offset(before).seconds(),
            to_s: change.offset().seconds(),
            is_summer: change.dst().is_dst(),
            name: change.abbreviation().to_owned(),
        }
    };
    let last = zone.preceding(from).next().map(read);
    let next = zone.following(from).map(read);
    last.into_iter()
        .chain(next.take_while(|change| change.at_ms < until))
        .collect()
}

/// What holds before the first change that is known.
fn write_before(out: &mut Lines, zone: &TimeZone, at_ms: i64) {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::MIN);
    let offset = zone.to_offset(at).seconds();
    write_change(
        out,
        &Change {
            at_ms: 0,
            from_s: offset,
            to_s: offset,
            is_summer: false,
            name: String::new(),
        },
        None,
    );
}

/// Writes the changes to summer time, or those to the other: by themselves until they keep to a rule.
fn write_kind(out: &mut Lines, changes: &[&Change], from_ms: i64) {
    let ruled = (0..changes.len()).find_map(|at| Some((at, rule(&changes[at..])?)));
    let alone = ruled.as_ref().map_or(changes.len(), |(at, _)| *at);
    let last = from_ms + LISTED_YEARS * YEAR_MS;
    for change in changes[..alone]
        .iter()
        .filter(|change| ruled.is_some() || change.at_ms < last)
    {
        write_change(out, change, None);
    }
    if let Some((at, rule)) = ruled {
        write_change(out, changes[at], Some(&rule));
    }
}

/// The yearly rule that these changes follow from the first to the last, if they do.
fn rule(changes: &[&Change]) -> Option<String> {
    let first = changes.first()?;
    let date = |change: &Change| date_of(day_of(change.local_ms()));
    let is_yearly = changes
        .windows(2)
        .all(|pair| date(pair[1]).year == date(pair[0]).year + 1);
    let reaches_the_end = changes.len() as i64 >= YEARS - 2;
    let alike = changes.iter().all(|change| {
        let same_time = change.local_ms().rem_euclid(DAY_MS) == first.local_ms().rem_euclid(DAY_MS);
        same_time
            && date(change).month == date(first).month
            && (change.from_s, change.to_s) == (first.from_s, first.to_s)
            && change.name == first.name
    });
    if !is_yearly || !reaches_the_end || !alike {
        return None;
    }
    let month = date(first).month;
    let of_week = |change: &&Change| weekday(day_of(change.local_ms()));
    let same_weekday = changes
        .iter()
        .all(|change| of_week(change) == of_week(first));
    let nth = |change: &Change| (date(change).day - 1) / 7 + 1;
    // Seven days on it is another month.
    let is_last = |change: &&Change| date_of(day_of(change.local_ms()) + 7).month != month;
    let day = weekday_code(Weekday::ALL[of_week(first)]);
    let by = if same_weekday && changes.iter().all(|change| nth(change) == nth(first)) {
        format!("BYDAY={}{day}", nth(first))
    } else if same_weekday && changes.iter().all(is_last) {
        format!("BYDAY=-1{day}")
    } else if changes
        .iter()
        .all(|change| date(change).day == date(first).day)
    {
        format!("BYMONTHDAY={}", date(first).day)
    } else if same_weekday {
        // The first such day on or after some day of the month.
        let from = changes.iter().map(|change| date(change).day).min()?;
        if changes.iter().any(|change| date(change).day > from + 6) {
            return None;
        }
        let days: Vec<String> = (from..from + 7).map(|day| day.to_string()).collect();
        format!("BYDAY={day};BYMONTHDAY={}", days.join(","))
    } else {
        return None;
    };
    Some(format!("FREQ=YEARLY;BYMONTH={month};{by}"))
}

fn write_change(out: &mut Lines, change: &Change, rule: Option<&str>) {
    let kind = if change.is_summer {
        "DAYLIGHT"
    } else {
        "STANDARD"
    };
    out.line("BEGIN", kind);
    out.line("DTSTART", &local(change.local_ms()));
    out.line("TZOFFSETFROM", &offset(change.from_s));
    out.line("TZOFFSETTO", &offset(change.to_s));
    if let Some(rule) = rule {
        out.line("RRULE", rule);
    }
    if !change.name.is_empty() {
        out.line("TZNAME", &change.name);
    }
    out.line("END", kind);
}

/// `+0100`
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let mut text = format!("{sign}{:02}{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 != 0 {
        text.push_str(&format!("{:02}", seconds % 60));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20, 12:00.
    const NOON: i64 = 1_795_176_000_000;

    fn written(name: &str) -> String {
        let mut out = Lines::default();
        write(&mut out, name, NOON);
        out.finish()
    }

    fn times(text: &str, part: &str) -> usize {
        text.matches(part).count()
    }

    #[test]
    fn zones_with_a_rule_are_told_by_it() {
        let berlin = written("Europe/Berlin");
        assert!(berlin.contains(
            "BEGIN:STANDARD\r\nDTSTART:20261025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
             RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZNAME:CET\r\nEND:STANDARD\r\n"
        ), "{berlin}");
        assert!(berlin.contains(
            "BEGIN:DAYLIGHT\r\nDTSTART:20270328T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n\
             RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZNAME:CEST\r\nEND:DAYLIGHT\r\n"
        ), "{berlin}");
        let york = written("America/New_York");
        assert!(
            york.contains("BYMONTH=3;BYDAY=2SU") && york.contains("BYMONTH=11;BYDAY=1SU"),
            "{york}"
        );
    }

    #[test]
    fn zones_without_a_rule_are_told_all_the_same() {
        let kolkata = written("Asia/Kolkata");
        assert_eq!(
            (times(&kolkata, "BEGIN:STANDARD"), times(&kolkata, "RRULE")),
            (1, 0)
        );
        assert!(kolkata.contains("TZOFFSETTO:+0530"), "{kolkata}");
        // On the Friday before the last Sunday of March.
        let jerusalem = written("Asia/Jerusalem");
        assert!(
            jerusalem.contains("BYMONTH=3;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29"),
            "{jerusalem}"
        );
        // Its clocks follow the moon.
        let gaza = written("Asia/Gaza");
        assert_eq!(times(&gaza, "RRULE"), 0, "{gaza}");
        assert!((5..60).contains(&times(&gaza, "BEGIN:STANDARD")), "{gaza}");
        let fixed = written("Etc/GMT+5");
        assert_eq!(times(&fixed, "TZOFFSETTO:-0500"), 1, "{fixed}");
    }
}
