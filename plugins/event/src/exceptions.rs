//! Dates of a series that are not as its rule has them: left out, or at another time or place.
//!
//! A date is known by the day on which the rule has it, wherever it was moved. What is kept of one that was
//! moved is what is different: one that is only at another place goes along when the series gets another
//! time. Who comes is a matter of the whole series.

mod acts;
mod words;

use althing_plugin::when::Zone;
use serde::{Deserialize, Serialize};

use crate::event::{Event, Occurrence, Plan};

/// A date at another time or place.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Moved {
    /// The day by which it is known.
    pub day: i64,
    /// In minutes since 1970-01-01, by the clock on the wall; left out, as the series. So are the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minutes: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// When that was: its reminders for before then are not sent.
    pub set_ms: u64,
}

impl Moved {
    /// Keeps what is not as the series has it.
    fn of(day: i64, date: &Plan, series: &Plan, set_ms: u64) -> Moved {
        Moved {
            day,
            start: Some(date.start).filter(|start| *start != series.start_on(day)),
            minutes: Some(date.minutes).filter(|minutes| *minutes != series.minutes),
            place: Some(date.place.clone()).filter(|place| *place != series.place),
            set_ms,
        }
    }

    fn differs(&self) -> bool {
        self.start.is_some() || self.minutes.is_some() || self.place.is_some()
    }
}

impl Event {
    /// The dates from a day on but those left out, in the order of their times; of those moved all, whenever they are.
    pub fn occurrences<'a>(
        &'a self,
        zone: &'a Zone,
        from: i64,
    ) -> impl Iterator<Item = Occurrence> + 'a {
        let days = self.plan.days(from);
        let ruled = days.filter(|day| !self.is_skipped(*day) && self.moved(*day).is_none());
        // Days are counted fast; to find out when a day begins somewhere takes its time.
        let mut ruled = ruled.map(|day| self.plan.occurrence(zone, day)).peekable();
        let moved = self
            .moved
            .iter()
            .map(|moved| self.occurrence(zone, moved.day));
        let mut moved: Vec<Occurrence> = moved.collect();
        let place = |date: &Occurrence| (date.start_ms, date.day);
        moved.sort_unstable_by_key(place);
        let mut moved = moved.into_iter().peekable();
        std::iter::from_fn(move || match (ruled.peek(), moved.peek()) {
            (Some(next), Some(other)) if place(other) < place(next) => moved.next(),
            (None, _) => moved.next(),
            _ => ruled.next(),
        })
    }

    /// The dates that are not over at a time, and not left out.
    pub fn dates_after<'a>(
        &'a self,
        now_ms: u64,
        zone: &'a Zone,
    ) -> impl Iterator<Item = Occurrence> + 'a {
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        self.occurrences(zone, self.plan.first_day(now_ms))
            .filter(move |date| date.end_ms > now_ms)
    }

    /// The date of a day, wherever it was moved.
    pub fn occurrence(&self, zone: &Zone, day: i64) -> Occurrence {
        let (start, minutes) = self.times_on(day);
        let (start_ms, end_ms) = self.plan.times(zone, start, minutes);
        Occurrence {
            day,
            start_ms,
            end_ms,
        }
    }

    /// When the date of a day begins by the clock on the wall, and how long it is.
    fn times_on(&self, day: i64) -> (i64, i64) {
        let (start, moved) = (self.plan.start_on(day), self.moved(day));
        let moved = moved.map_or((None, None), |moved| (moved.start, moved.minutes));
        (
            moved.0.unwrap_or(start),
            moved.1.unwrap_or(self.plan.minutes),
        )
    }

    /// When the last date is over; `None` for a series without an end.
    pub fn end_ms(&self) -> Option<i64> {
        let zone = self.plan.zone();
        let moved = self.moved.iter();
        let ends = moved.map(|moved| self.occurrence(&zone, moved.day).end_ms);
        Some(ends.fold(self.plan.end_ms()?, i64::max))
    }

    /// When the first of its dates begins by the clock on the wall.
    pub fn first_start(&self) -> i64 {
        let moved = self.moved.iter().filter_map(|moved| moved.start);
        moved.fold(self.plan.start, i64::min)
    }

    /// How long the longest of its dates takes.
    pub fn longest_minutes(&self) -> i64 {
        let moved = self.moved.iter().filter_map(|moved| moved.minutes);
        moved.fold(self.plan.minutes, i64::max)
    }

    /// What was set of a date that was moved.
    pub fn moved(&self, day: i64) -> Option<&Moved> {
        let found = self.moved.binary_search_by_key(&day, |moved| moved.day);
        Some(&self.moved[found.ok()?])
    }

    /// Whether the date of a day is left out.
    pub fn is_skipped(&self, day: i64) -> bool {
        self.skipped.binary_search(&day).is_ok()
    }

    /// The date of a day as an event that has no other.
    pub fn plan_on(&self, day: i64) -> Plan {
        let (start, minutes) = self.times_on(day);
        Plan {
            start,
            minutes,
            place: self.place_on(day).to_owned(),
            repeat: None,
            ..self.plan.clone()
        }
    }

    /// Where the date of a day is.
    pub fn place_on(&self, day: i64) -> &str {
        let moved = self.moved(day).and_then(|moved| moved.place.as_deref());
        moved.unwrap_or(&self.plan.place)
    }
}

#[cfg(test)]
mod tests {
    use althing_plugin::dates::{date_of, read_day};
    use althing_plugin::prelude::{Context, Value, json, parse_json};
    use proptest::prelude::*;

    use super::*;
    use crate::new::NewEvent;
    use crate::settings::Settings;

    /// Friday, 2026-11-20, 12:00 UTC.
    const NOON: u64 = 1_795_176_000_000;

    fn at(now_ms: u64) -> Context {
        Context {
            now_ms,
            ..Context::default()
        }
    }

    fn event(change: Value) -> Event {
        let mut data = json!({"title": "Lunch", "starts": "2026-12-04T12:30", "time_zone": "Europe/Berlin",
            "place": "Roma", "repeat": {"frequency": "weekly"}});
        let fields = change.as_object().unwrap().clone();
        data.as_object_mut().unwrap().extend(fields);
        let new: NewEvent = parse_json(&data.to_string()).unwrap();
        let plan = new.check(&Settings::default(), NOON).unwrap();
        Event::new(&at(NOON), plan, "alice".into())
    }

    fn move_date(event: &mut Event, value: Value) {
        event.move_date(&at(NOON), &value).unwrap();
    }

    /// The first dates, by the clock on the wall, each with the date of its day.
    fn dates(event: &Event, many: usize) -> Vec<String> {
        let zone = event.plan.zone();
        let write = |date: Occurrence| {
            let local = zone.local(date.start_ms) / crate::event::MINUTE_MS;
            let minutes = (date.end_ms - date.start_ms) / crate::event::MINUTE_MS;
            let at = crate::new::write_time(local, false);
            format!("{}: {at} {minutes}", date_of(date.day))
        };
        event
            .dates_after(NOON, &zone)
            .take(many)
            .map(write)
            .collect()
    }

    #[test]
    fn one_date_is_left_out() {
        let mut lunch = event(json!({}));
        lunch.skip(&at(NOON), "2026-12-11").unwrap();
        let days: Vec<String> = dates(&lunch, 2)
            .iter()
            .map(|date| date[..10].into())
            .collect();
        assert_eq!(days, ["2026-12-04", "2026-12-18"]);
        let error =
            |event: &Event, now, date: &str| event.clone().skip(&at(now), date).unwrap_err();
        for date in ["2026-12-12", "x", "1999-01-01", "2026-11-27", ""] {
            assert!(error(&lunch, NOON, date).contains("no date"), "{date}");
        }
        assert!(error(&lunch, NOON, "2026-12-11").contains("left out on 2026-12-11 already"));
        // 12:30 to 13:30 in Berlin.
        let end = read_day("2026-12-04").unwrap().unsigned_abs() * 86_400_000 + 45_000_000;
        assert!(error(&lunch, end, "2026-12-04").contains("over already"));
        lunch.clone().skip(&at(end - 1), "2026-12-04").unwrap();
        lunch.restore(&at(NOON), "2026-12-11").unwrap();
        assert!(
            lunch
                .restore(&at(NOON), "2026-12-11")
                .unwrap_err()
                .contains("as the series has it")
        );
        assert!(lunch.skipped.is_empty());
        lunch.plan.repeat = None;
        assert!(error(&lunch, NOON, "2026-12-04").contains("cancel it"));
    }

    #[test]
    fn one_date_is_moved() {
        let mut lunch = event(json!({}));
        move_date(
            &mut lunch,
            json!({"date": "2026-12-11", "starts": "2026-12-19T14:00"}),
        );
        assert_eq!(
            dates(&lunch, 4),
            [
                "2026-12-04: 2026-12-04T12:30 60",
                "2026-12-18: 2026-12-18T12:30 60",
                "2026-12-11: 2026-12-19T14:00 60",
                "2026-12-25: 2026-12-25T12:30 60"
            ]
        );
        // What is left out stays as it is; `null` is the series'.
        move_date(
            &mut lunch,
            json!({"date": "2026-12-11", "place": "Upstairs", "ends": "2026-12-19T16:00"}),
        );
        move_date(&mut lunch, json!({"date": "2026-12-11", "starts": null}));
        assert_eq!(dates(&lunch, 2)[1], "2026-12-11: 2026-12-11T12:30 120");
        let day = read_day("2026-12-11").unwrap();
        assert_eq!(
            (lunch.place_on(day), lunch.place_on(day + 7)),
            ("Upstairs", "Roma")
        );
        move_date(
            &mut lunch,
            json!({"date": "2026-12-11", "ends": null, "place": null}),
        );
        assert!(lunch.moved.is_empty(), "as the series has it");
        let error = |value: Value| lunch.clone().move_date(&at(NOON), &value).unwrap_err();
        for (value, part) in [
            (json!(null), "A date is moved with"),
            (
                json!({"starts": "2026-12-12T12:00"}),
                "A date is moved with",
            ),
            (json!({"date": "2026-12-11", "title": "x"}), "no `title`"),
            (
                json!({"date": "2026-12-11", "starts": 5}),
                "`starts` must be a text",
            ),
            (
                json!({"date": "2026-12-11", "starts": "2026-12-12"}),
                "has a time",
            ),
            (
                json!({"date": "2026-12-11", "ends": "2026-12-11T12:00"}),
                "before it begins",
            ),
            (
                json!({"date": "2026-12-11", "starts": "2026-11-20T09:00"}),
                "over already",
            ),
            (
                json!({"date": "2026-12-11", "starts": "2046-11-20T09:00"}),
                "ten years",
            ),
            (
                json!({"date": "2026-12-11", "place": "x".repeat(301)}),
                "301 characters",
            ),
            (json!({"date": "2026-12-12", "place": "x"}), "no date"),
            (json!({"date": "2026-12-11"}), "how the series has"),
            (
                json!({"date": "2026-12-11", "place": "Roma"}),
                "how the series has",
            ),
        ] {
            assert!(
                error(value.clone()).contains(part),
                "{value}: {}",
                error(value.clone())
            );
        }
        lunch.skip(&at(NOON), "2026-12-11").unwrap();
        let value = json!({"date": "2026-12-11", "place": "Upstairs"});
        assert!(
            lunch
                .move_date(&at(NOON), &value)
                .unwrap_err()
                .contains("restore that first")
        );
        let mut fair = event(json!({"starts": "2026-12-04"}));
        move_date(
            &mut fair,
            json!({"date": "2026-12-11", "starts": "2026-12-12", "ends": "2026-12-13"}),
        );
        assert_eq!(dates(&fair, 2)[1], "2026-12-11: 2026-12-12T00:00 2880");
    }

    #[test]
    fn what_was_moved_to_later_ends_the_series() {
        let mut lunch = event(json!({"repeat": {"frequency": "weekly", "count": 2}}));
        let last = lunch.end_ms().unwrap();
        move_date(
            &mut lunch,
            json!({"date": "2026-12-04", "starts": "2026-12-20T12:30"}),
        );
        assert_eq!(lunch.end_ms(), Some(last + 9 * 86_400_000));
        lunch.plan.repeat.as_mut().unwrap().count = None;
        assert_eq!(lunch.end_ms(), None);
    }

    #[test]
    fn exceptions_follow_the_series() {
        let mut lunch = event(json!({}));
        lunch.skip(&at(NOON), "2026-12-25").unwrap();
        move_date(
            &mut lunch,
            json!({"date": "2026-12-11", "place": "Upstairs"}),
        );
        move_date(
            &mut lunch,
            json!({"date": "2026-12-18", "starts": "2026-12-18T14:00"}),
        );
        let edit = |event: &Event, change: Value| {
            let mut after = event.clone();
            let admin = Context {
                actor_role: althing_plugin::Role::Admin,
                ..at(NOON)
            };
            after
                .act(&admin, &Settings::default(), "edit", &change)
                .unwrap();
            after
        };
        // Where it is, is all that is different of the first: it goes along.
        let later = edit(&lunch, json!({"starts": "2026-12-04T13:00"}));
        assert_eq!(
            dates(&later, 4)[1..3],
            [
                "2026-12-11: 2026-12-11T13:00 60",
                "2026-12-18: 2026-12-18T14:00 60"
            ]
        );
        assert_eq!((later.skipped.len(), later.moved.len()), (1, 2));
        // What is no longer different is none.
        assert_eq!(
            edit(&lunch, json!({"starts": "2026-12-04T14:00"}))
                .moved
                .len(),
            1
        );
        assert_eq!(edit(&lunch, json!({"place": "Upstairs"})).moved.len(), 1);
        // Only every other week, and not before the second: the third alone is left.
        let rule = json!({"frequency": "weekly", "interval": 2});
        let other = edit(&lunch, json!({"repeat": rule}));
        assert_eq!((other.skipped.len(), other.moved.len()), (0, 1));
        let days = edit(&lunch, json!({"starts": "2026-12-04"}));
        assert_eq!(
            (days.skipped.len(), days.moved.len()),
            (1, 1),
            "times of whole days are none"
        );
        let once = edit(&lunch, json!({"repeat": null}));
        assert_eq!((once.skipped.len(), once.moved.len()), (0, 0));
    }

    #[test]
    fn there_are_so_many_at_most() {
        let mut daily = event(json!({"repeat": {"frequency": "daily"}}));
        let first = daily.plan.day();
        let date = |n: i64| date_of(first + n).to_string();
        for n in 0..200 {
            daily.skip(&at(NOON), &date(n)).unwrap();
        }
        let refused = daily.skip(&at(NOON), &date(200)).unwrap_err();
        assert_eq!(
            refused,
            "At most 200 dates of an event can be left out or moved."
        );
        let moved = json!({"date": date(200), "place": "Upstairs"});
        assert_eq!(daily.move_date(&at(NOON), &moved).unwrap_err(), refused);
        daily.restore(&at(NOON), &date(7)).unwrap();
        move_date(&mut daily, moved);
        // One that was moved can be moved again and left out all the same.
        move_date(
            &mut daily,
            json!({"date": date(200), "place": "Downstairs"}),
        );
        daily.skip(&at(NOON), &date(200)).unwrap();
        let lines = daily.exceptions_in_words(NOON);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with(" and 195 more"), "{lines:?}");
    }

    #[test]
    fn what_is_different_is_told_in_few_words() {
        let mut lunch = event(json!({}));
        for date in ["2026-12-25", "2026-12-11"] {
            lunch.skip(&at(NOON), date).unwrap();
        }
        move_date(
            &mut lunch,
            json!({"date": "2026-12-18", "starts": "2026-12-18T14:00"}),
        );
        move_date(
            &mut lunch,
            json!({"date": "2027-01-01", "starts": "2027-01-02T14:00", "place": "Upstairs"}),
        );
        assert_eq!(
            lunch.exceptions_in_words(NOON),
            [
                "Not on 2026-12-11, 2026-12-25",
                "On Friday 2026-12-18, 14:00–15:00 Europe/Berlin",
                "On Saturday 2027-01-02, 14:00–15:00 Europe/Berlin instead of 2027-01-01, Upstairs",
            ]
        );
        // What is over is no news.
        let later = NOON + 40 * 86_400_000;
        assert_eq!(lunch.exceptions_in_words(later).len(), 1);
        for n in 0..9 {
            let date = date_of(read_day("2027-01-08").unwrap() + 7 * n);
            move_date(&mut lunch, json!({"date": date.to_string(), "place": ""}));
        }
        let lines = lunch.exceptions_in_words(NOON);
        assert_eq!(
            (lines.len(), lines[6].as_str()),
            (7, "6 more at another time or place")
        );
        assert!(lines[4].ends_with(", at no place"), "{lines:?}");
    }

    proptest! {
        /// Whatever is moved and left out: the dates come in the order of their times, each once, and none that is
        /// left out.
        #[test]
        fn dates_are_those_of_the_rule_but_the_exceptions(
            steps in prop::collection::vec((0..12i64, 0..4u8, -20_000..20_000i64), 0..25)
        ) {
            let mut daily = event(json!({"repeat": {"frequency": "daily", "count": 12}}));
            let first = daily.plan.day();
            for (n, what, minutes) in steps {
                let date = date_of(first + n).to_string();
                let starts = crate::new::write_time(daily.plan.start_on(first + n) + minutes, false);
                let _ = match what {
                    0 => daily.skip(&at(NOON), &date),
                    1 => daily.restore(&at(NOON), &date),
                    _ => daily.move_date(&at(NOON), &json!({"date": date, "starts": starts})),
                };
            }
            let zone = daily.plan.zone();
            let found: Vec<Occurrence> = daily.occurrences(&zone, i64::MIN).collect();
            prop_assert!(found.is_sorted_by_key(|date| date.start_ms));
            let mut days: Vec<i64> = found.iter().map(|date| date.day).collect();
            days.sort_unstable();
            let expected: Vec<i64> = (first..first + 12).filter(|day| !daily.skipped.contains(day)).collect();
            prop_assert_eq!(days, expected);
            prop_assert!(daily.moved.iter().all(|moved| moved.differs() && !daily.is_skipped(moved.day)));
            prop_assert!(daily.skipped.is_sorted() && daily.moved.is_sorted_by_key(|moved| moved.day));
        }
    }
}
