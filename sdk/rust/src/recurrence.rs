//! What repeats: every other week, on the last Friday of each month, until a day.
//!
//! A [`Rule`] is the part of iCalendar's RRULE (RFC 5545, 3.3.10) that people ask for, and stands in a
//! message's data as it is: `{"frequency": "weekly", "weekdays": ["mo", "th"]}`. Days are counted since 1970-01-01 where
//! the one lives who asks; times of day don't matter here. [`Rule::read`] reads one as people write it.
//!
//! ```
//! use althing_plugin::dates::{date_of, read_day};
//! use althing_plugin::recurrence::Rule;
//!
//! let (rule, rest) = Rule::read("every 2 weeks at noon")?;
//! assert_eq!((rule.words().as_str(), rest), ("every 2 weeks", "at noon"));
//! let start = read_day("2026-11-27").ok_or("no day")?;
//! let rule = rule.check(start)?;
//! let second = rule.days(start).nth(1).map(|day| date_of(day).to_string());
//! assert_eq!(second.as_deref(), Some("2026-12-11"));
//! # Ok::<(), String>(())
//! ```

mod words;

use serde::{Deserialize, Serialize};

use crate::dates::{Date, date_of, weekday};

const INTERVAL_MAX: u32 = 999;
const COUNT_MAX: u32 = 1000;
/// No series goes on for longer than a hundred years.
const DAYS_MAX: i64 = 36_525;

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// Every day, or every so many.
    Daily,
    /// On one or some days of a week.
    Weekly,
    /// On one day of a month.
    Monthly,
    /// On one day of a year.
    Yearly,
}

/// A day of the week, as iCalendar writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mo,
    /// Tuesday.
    Tu,
    /// Wednesday.
    We,
    /// Thursday.
    Th,
    /// Friday.
    Fr,
    /// Saturday.
    Sa,
    /// Sunday.
    Su,
}

impl Weekday {
    /// All, from Monday.
    pub const ALL: [Weekday; 7] = [
        Weekday::Mo,
        Weekday::Tu,
        Weekday::We,
        Weekday::Th,
        Weekday::Fr,
        Weekday::Sa,
        Weekday::Su,
    ];

    /// That of a day.
    pub fn of(day: i64) -> Weekday {
        Weekday::ALL[weekday(day)]
    }
}

/// A rule. One that somebody wrote has to pass [`Rule::check`] before its days are counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the interval counts.
    pub frequency: Frequency,
    /// Every second week is 2; 1 to 999.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub interval: u32,
    /// How many times in all; 1 to 1000. Not with `until`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The last day on which it may be, in days since 1970-01-01; `2027-06-30` in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "as_date")]
    pub until: Option<i64>,
    /// With `weekly` the days of each week; with `monthly` and `nth` the one day. Else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
    /// With `monthly`: which of the month's days of that name, 1 to 4, or -1 for the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<i8>,
}

fn one() -> u32 {
    1
}

fn is_one(interval: &u32) -> bool {
    *interval == 1
}

/// A day as `2027-06-30`.
mod as_date {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::dates::{date_of, read_day};

    pub fn serialize<S: Serializer>(day: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => to.serialize_str(&date_of(*day).to_string()),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(None);
        };
        let day = read_day(&text);
        day.map(Some)
            .ok_or_else(|| serde::de::Error::custom("`until` must be a date such as 2027-06-30"))
    }
}

impl Rule {
    /// A rule without an end.
    pub fn every(frequency: Frequency, interval: u32) -> Rule {
        Rule {
            frequency,
            interval,
            count: None,
            until: None,
            weekdays: Vec::new(),
            nth: None,
        }
    }

    /// Checks it for a series that begins on the day `start`, which must be one of its own, and puts it into one
    /// form. The error is a sentence for whoever wrote it.
    pub fn check(mut self, start: i64) -> Result<Rule, String> {
        if !(1..=INTERVAL_MAX).contains(&self.interval) {
            return Err(format!(
                "It repeats every 1 to {INTERVAL_MAX} days, weeks, months or years."
            ));
        }
        if self
            .count
            .is_some_and(|count| !(1..=COUNT_MAX).contains(&count))
        {
            return Err(format!("It repeats 1 to {COUNT_MAX} times."));
        }
        if self.count.is_some() && self.until.is_some() {
            return Err("Give `count` or `until`, not both.".to_owned());
        }
        if self.until.is_some_and(|until| until < start) {
            return Err("The series ends before it begins.".to_owned());
        }
        self.weekdays.sort_unstable();
        self.weekdays.dedup();
        match (self.frequency, self.nth, self.weekdays.as_slice()) {
            (Frequency::Weekly, None, _) => {}
            (Frequency::Monthly, Some(nth), [_]) if nth == -1 || (1..=4).contains(&nth) => {}
            (Frequency::Monthly, Some(_), _) => {
                return Err(
                    "`nth` is 1 to 4, or -1 for the last, and goes with one weekday.".to_owned(),
                );
            }
            (_, None, []) => {}
            _ => return Err("`weekdays` go with `weekly`, `nth` with `monthly`.".to_owned()),
        }
        // The standard leaves open what a series means whose first day isn't one of its own.
        if self.days(start).next() != Some(start) {
            return Err("The first day must be one of those on which it repeats.".to_owned());
        }
        Ok(self)
    }

    /// The days of a series that begins on `start`, in order; at most a hundred years of them.
    pub fn days(&self, start: i64) -> impl Iterator<Item = i64> + '_ {
        let end = self.until.unwrap_or(i64::MAX).min(start + DAYS_MAX);
        let count = self.count.map_or(usize::MAX, |count| count as usize);
        // Periods without a day of the series, such as months without a 31st, are passed over; that
        // there are so many periods at most ends a search for a day that never comes.
        let periods = 0..=(DAYS_MAX / i64::from(self.interval.max(1)));
        periods
            .flat_map(move |period| self.days_of_period(start, period * i64::from(self.interval)))
            .skip_while(move |day| *day < start)
            .take_while(move |day| *day <= end)
            .take(count)
    }

    /// The days of the series that lie in one day, week, month or year, counted from that of `start`.
    fn days_of_period(&self, start: i64, period: i64) -> Vec<i64> {
        match self.frequency {
            Frequency::Daily => vec![start + period],
            Frequency::Weekly if self.weekdays.is_empty() => vec![start + 7 * period],
            Frequency::Weekly => {
                let monday = start - weekday(start) as i64 + 7 * period;
                let days = self.weekdays.iter();
                days.map(|day| monday + *day as i64).collect()
            }
            Frequency::Monthly => {
                let first = date_of(start);
                let month = first.year * 12 + i64::from(first.month) - 1 + period;
                let (year, month) = (month.div_euclid(12), month.rem_euclid(12) as u32 + 1);
                let day = match self.nth {
                    Some(nth) => self.nth_of(year, month, nth),
                    None => in_month(year, month, first.day),
                };
                day.into_iter().collect()
            }
            Frequency::Yearly => {
                let first = date_of(start);
                in_month(first.year + period, first.month, first.day)
                    .into_iter()
                    .collect()
            }
        }
    }

    fn nth_of(&self, year: i64, month: u32, nth: i8) -> Option<i64> {
        let wanted = *self.weekdays.first()? as i64;
        let first = in_month(year, month, 1)?;
        let ahead = |day: i64| (wanted - weekday(day) as i64).rem_euclid(7);
        if nth > 0 {
            return Some(first + ahead(first) + 7 * (i64::from(nth) - 1));
        }
        let last = (28..=31).rev().find_map(|day| in_month(year, month, day))?;
        Some(last - (weekday(last) as i64 - wanted).rem_euclid(7))
    }

    /// `every 2 weeks on Monday and Wednesday until 2027-06-30`.
    pub fn words(&self) -> String {
        let unit = match self.frequency {
            Frequency::Daily => "day",
            Frequency::Weekly => "week",
            Frequency::Monthly => "month",
            Frequency::Yearly => "year",
        };
        let mut words = match self.interval {
            1 => format!("every {unit}"),
            n => format!("every {n} {unit}s"),
        };
        if !self.weekdays.is_empty() {
            let names: Vec<String> = self.weekdays.iter().map(|day| name(*day)).collect();
            let nth = match self.nth {
                None => "",
                Some(1) => "the first ",
                Some(2) => "the second ",
                Some(3) => "the third ",
                Some(4) => "the fourth ",
                Some(_) => "the last ",
            };
            words.push_str(&format!(" on {nth}{}", names.join(", ")));
        }
        if let Some(until) = self.until {
            words.push_str(&format!(" until {}", date_of(until)));
        }
        if let Some(count) = self.count {
            words.push_str(&format!(", {count} times"));
        }
        words
    }
}

fn name(day: Weekday) -> String {
    // Day 4 was a Monday.
    crate::when::weekday_name(4 + day as i64)
}

fn in_month(year: i64, month: u32, day: u32) -> Option<i64> {
    Date { year, month, day }.to_day()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dates::read_day;

    fn day(text: &str) -> i64 {
        read_day(text).unwrap()
    }

    fn dates(rule: &Rule, start: &str, many: usize) -> Vec<String> {
        let days = rule.days(day(start)).take(many);
        days.map(|day| date_of(day).to_string()).collect()
    }

    #[test]
    fn series_as_people_ask_for_them() {
        let mut rule = Rule::every(Frequency::Weekly, 2);
        rule.weekdays = vec![Weekday::Mo, Weekday::We];
        let found = dates(&rule, "2026-11-25", 4);
        assert_eq!(
            found,
            ["2026-11-25", "2026-12-07", "2026-12-09", "2026-12-21"]
        );
        // Months without a 31st, and years without a February 29th, are left out.
        let found = dates(&Rule::every(Frequency::Monthly, 1), "2027-01-31", 3);
        assert_eq!(found, ["2027-01-31", "2027-03-31", "2027-05-31"]);
        let found = dates(&Rule::every(Frequency::Yearly, 1), "2028-02-29", 2);
        assert_eq!(found, ["2028-02-29", "2032-02-29"]);
        let mut rule = Rule::every(Frequency::Monthly, 1);
        (rule.weekdays, rule.nth) = (vec![Weekday::Fr], Some(-1));
        assert_eq!(dates(&rule, "2026-11-27", 2), ["2026-11-27", "2026-12-25"]);
        rule.nth = Some(2);
        assert_eq!(dates(&rule, "2026-11-13", 2), ["2026-11-13", "2026-12-11"]);
        let mut rule = Rule::every(Frequency::Daily, 3);
        rule.count = Some(2);
        assert_eq!(dates(&rule, "2026-12-30", 9), ["2026-12-30", "2027-01-02"]);
        rule.count = None;
        rule.until = Some(day("2027-01-04"));
        assert_eq!(dates(&rule, "2026-12-30", 9).len(), 2);
    }

    #[test]
    fn what_makes_no_series_is_refused() {
        let start = day("2026-11-27"); // a Friday
        let error = |change: fn(&mut Rule)| {
            let mut rule = Rule::every(Frequency::Weekly, 1);
            change(&mut rule);
            rule.check(start).unwrap_err()
        };
        assert!(error(|rule| rule.interval = 0).contains("1 to 999"));
        assert!(error(|rule| rule.count = Some(0)).contains("1 to 1000"));
        assert!(error(|rule| (rule.count, rule.until) = (Some(1), Some(30_000))).contains("both"));
        assert!(error(|rule| rule.until = Some(1)).contains("before it begins"));
        assert!(error(|rule| rule.nth = Some(1)).contains("`nth`"));
        assert!(error(|rule| rule.weekdays = vec![Weekday::Mo]).contains("first day"));
        let monthly = |nth, weekdays: &[Weekday]| {
            let mut rule = Rule::every(Frequency::Monthly, 1);
            (rule.nth, rule.weekdays) = (nth, weekdays.to_vec());
            rule.check(start)
        };
        assert!(monthly(Some(5), &[Weekday::Fr]).is_err());
        assert!(monthly(Some(-1), &[]).is_err());
        assert!(monthly(None, &[Weekday::Fr]).is_err());
        assert!(
            monthly(Some(1), &[Weekday::Fr])
                .unwrap_err()
                .contains("first day")
        );
        assert!(monthly(Some(4), &[Weekday::Fr]).is_ok());
    }

    /// Whether a day belongs to a series, by what the words of the standard say of that day alone.
    fn belongs(rule: &Rule, start: i64, day: i64) -> bool {
        let (first, date) = (date_of(start), date_of(day));
        let months = |date: Date| date.year * 12 + i64::from(date.month);
        let every = i64::from(rule.interval);
        let is_nth = |nth: i8| {
            let from_end = (day..)
                .take_while(|d| date_of(*d).month == date.month)
                .count() as u32;
            Weekday::of(day) == rule.weekdays[0]
                && match nth {
                    -1 => from_end <= 7,
                    nth => (date.day - 1) / 7 + 1 == nth as u32,
                }
        };
        match rule.frequency {
            Frequency::Daily => (day - start) % every == 0,
            Frequency::Weekly => {
                let week = |day: i64| (day + 3).div_euclid(7);
                let is_day = match rule.weekdays.is_empty() {
                    true => weekday(day) == weekday(start),
                    false => rule.weekdays.contains(&Weekday::of(day)),
                };
                is_day && (week(day) - week(start)) % every == 0
            }
            Frequency::Monthly => {
                let is_day = rule.nth.map_or(date.day == first.day, is_nth);
                is_day && (months(date) - months(first)) % every == 0
            }
            Frequency::Yearly => {
                (date.month, date.day) == (first.month, first.day)
                    && (date.year - first.year) % every == 0
            }
        }
    }

    fn rules() -> impl Strategy<Value = Rule> {
        let weekdays = prop::sample::subsequence(Weekday::ALL.to_vec(), 0..=7);
        let nth = prop::option::of(prop::sample::select(vec![1i8, 2, 3, 4, -1]));
        let end = (prop::option::of(1..40u32), prop::option::of(0..4000i64));
        (0..4usize, 1..6u32, weekdays, nth, end).prop_map(
            |(frequency, interval, days, nth, end)| {
                let frequencies = [
                    Frequency::Daily,
                    Frequency::Weekly,
                    Frequency::Monthly,
                    Frequency::Yearly,
                ];
                let mut rule = Rule::every(frequencies[frequency], interval);
                match rule.frequency {
                    Frequency::Weekly => rule.weekdays = days,
                    Frequency::Monthly if !days.is_empty() && nth.is_some() => {
                        (rule.weekdays, rule.nth) = (days[..1].to_vec(), nth);
                    }
                    _ => {}
                }
                match end {
                    (Some(count), _) => rule.count = Some(count),
                    (None, until) => rule.until = until,
                }
                rule
            },
        )
    }

    proptest! {
        #[test]
        fn a_series_has_the_days_that_belong_to_it(
            mut rule in rules(), start in 18_000..30_000i64, length in 200..3000i64
        ) {
            rule.until = rule.until.map(|after| start + after);
            let mut expected: Vec<i64> = (start..start + length)
                .filter(|day| belongs(&rule, start, *day))
                .filter(|day| rule.until.is_none_or(|until| *day <= until))
                .collect();
            expected.truncate(rule.count.map_or(usize::MAX, |count| count as usize));
            let found: Vec<i64> =
                rule.days(start).take_while(|day| *day < start + length).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_series_ends_and_is_in_order(rule in rules(), start in 0..40_000i64) {
            let days: Vec<i64> = rule.days(start).collect();
            prop_assert!(days.is_sorted_by(|a, b| a < b));
            prop_assert!(days.len() <= 36_526);
        }
    }
}
