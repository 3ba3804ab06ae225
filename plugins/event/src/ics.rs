//! Calendar files by RFC 5545. One event is told in UTC; a series in its own zone, whose rules the
//! file then spells out, because noon stays noon only where the clocks are changed. Dates of a series that are
//! left out are among its `EXDATE`s; one that was moved is an event of its own with the same `UID` and the
//! `RECURRENCE-ID` of the time at which the rule has it.

mod lines;
mod zone;

use althing_plugin::dates::{Date, date_of};
use althing_plugin::recurrence::{Frequency, Rule, Weekday};
use althing_plugin::when::Zone;

use crate::event::{DAY_MINUTES, Event, KIND, MINUTE_MS, Plan};
use lines::Lines;

/// People of one event that a file lists.
pub const ATTENDEES_MAX: usize = 100;

/// An event as it goes into a file.
pub struct Entry<'a> {
    /// The message's id.
    pub id: &'a str,
    pub event: &'a Event,
    /// The people to be listed, with what they are called and how they answered.
    pub people: Vec<Person>,
}

/// Somebody who answered.
pub struct Person {
    pub id: String,
    pub name: String,
    /// `ACCEPTED`, `TENTATIVE`, `DECLINED` or `NEEDS-ACTION`.
    pub status: &'static str,
}

/// A calendar of the first of `entries`, as many as fit into so many bytes. `name` is what calendar apps show
/// for one that they follow.
pub fn calendar(name: Option<&str>, entries: &[Entry<'_>], bytes_max: usize) -> String {
    let (mut out, mut events) = (Lines::default(), Lines::default());
    out.line("BEGIN", "VCALENDAR");
    out.line("VERSION", "2.0");
    out.line("PRODID", "-//Althing//event//EN");
    out.line("CALSCALE", "GREGORIAN");
    // No METHOD: a file with one is a message between calendars, and one that publishes may name nobody who comes.
    if let Some(name) = name {
        out.text("NAME", name);
        out.text("X-WR-CALNAME", name);
        out.line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
        out.line("X-PUBLISHED-TTL", "PT1H");
    }
    let mut end = Lines::default();
    end.line("END", "VCALENDAR");
    let mut known: Vec<&str> = Vec::new();
    for entry in entries {
        let mut zone = Lines::default();
        let plan = &entry.event.plan;
        let is_new = is_zoned(plan) && !known.contains(&plan.time_zone.as_str());
        if is_new {
            write_zone(&mut zone, &plan.time_zone, entries);
        }
        let others = [&out, &events, &zone, &end].map(Lines::bytes);
        let room = bytes_max.saturating_sub(others.iter().sum());
        let mut written = [true, false]
            .into_iter()
            .map(|in_full| series(entry, in_full));
        let Some(event) = written.find(|event| event.bytes() <= room) else {
            break;
        };
        if is_new {
            known.push(&plan.time_zone);
        }
        out.append(zone);
        events.append(event);
    }
    out.append(events);
    out.append(end);
    out.finish()
}

/// The rules of a zone, from the first event on that is told in it.
fn write_zone(out: &mut Lines, name: &str, entries: &[Entry<'_>]) {
    let events = entries.iter().map(|entry| entry.event);
    let of_zone = events.filter(|event| is_zoned(&event.plan) && event.plan.time_zone == name);
    let first = of_zone.map(Event::first_start).min().unwrap_or(0);
    zone::write(out, name, first * MINUTE_MS);
}

/// Whether an event is told in its own zone.
fn is_zoned(plan: &Plan) -> bool {
    plan.repeat.is_some() && !plan.all_day && !is_utc(plan)
}

fn is_utc(plan: &Plan) -> bool {
    matches!(plan.time_zone.as_str(), "UTC" | "Etc/UTC")
}

/// An event, and each of its dates that were moved. Unless `in_full`, these say no more than what a calendar needs to
/// have them at their times and places.
fn series(entry: &Entry<'_>, in_full: bool) -> Lines {
    let (mut out, event) = (Lines::default(), entry.event);
    let form = Form::of(&event.plan);
    let times = |out: &mut Lines, plan: &Plan| {
        out.line(&form.name("DTSTART"), &form.write(plan.start));
        out.line(&form.name("DTEND"), &form.end(plan));
    };
    write_event(&mut out, entry, &event.plan, true, |out| {
        times(out, &event.plan);
        let Some(rule) = &event.plan.repeat else {
            return;
        };
        out.line("RRULE", &rrule(rule, &event.plan, &event.plan.zone()));
        for day in &event.skipped {
            let at = form.write(event.plan.start_on(*day));
            out.line(&form.name("EXDATE"), &at);
        }
    });
    for moved in &event.moved {
        let plan = event.plan_on(moved.day);
        write_event(&mut out, entry, &plan, in_full, |out| {
            let at = form.write(event.plan.start_on(moved.day));
            out.line(&form.name("RECURRENCE-ID"), &at);
            times(out, &plan);
        });
    }
    out
}

fn write_event(
    out: &mut Lines,
    entry: &Entry<'_>,
    plan: &Plan,
    in_full: bool,
    times: impl FnOnce(&mut Lines),
) {
    let event = entry.event;
    out.line("BEGIN", "VEVENT");
    out.line("UID", &format!("{}@{KIND}.althing", entry.id));
    let changed_ms = i64::try_from(event.changed_ms).unwrap_or(0);
    out.line("DTSTAMP", &utc(changed_ms));
    out.line("SEQUENCE", &event.sequence.to_string());
    times(out);
    out.text("SUMMARY", &plan.title);
    if !plan.place.is_empty() {
        out.text("LOCATION", &plan.place);
    }
    if !plan.description.is_empty() && in_full {
        out.text("DESCRIPTION", &plan.description);
    }
    let is_on = !event.cancelled;
    out.line("STATUS", if is_on { "CONFIRMED" } else { "CANCELLED" });
    if in_full {
        write_people(out, entry);
    }
    out.line("END", "VEVENT");
}

fn write_people(out: &mut Lines, entry: &Entry<'_>) {
    let maker = &entry.event.created_by;
    if !maker.is_empty() {
        let name = lines::parameter(maker);
        out.line(&format!("ORGANIZER;CN={name}"), &lines::user_uri(maker));
    }
    for person in entry.people.iter().take(ATTENDEES_MAX) {
        let name = if person.name.trim().is_empty() {
            &person.id
        } else {
            &person.name
        };
        let parameters = format!(
            "ATTENDEE;CN={};PARTSTAT={}",
            lines::parameter(name),
            person.status
        );
        out.line(&parameters, &lines::user_uri(&person.id));
    }
}

/// How the times of an event are written, and of all its dates.
enum Form {
    Days,
    InZone(String, Zone),
    InUtc(Zone),
}

impl Form {
    fn of(plan: &Plan) -> Form {
        match (plan.all_day, is_zoned(plan)) {
            (true, _) => Form::Days,
            (false, true) => Form::InZone(plan.time_zone.clone(), plan.zone()),
            (false, false) => Form::InUtc(plan.zone()),
        }
    }

    /// The name of a property with its parameters.
    fn name(&self, property: &str) -> String {
        match self {
            Form::Days => format!("{property};VALUE=DATE"),
            Form::InZone(name, _) => format!("{property};TZID={name}"),
            Form::InUtc(_) => property.to_owned(),
        }
    }

    /// A time on the wall, in minutes.
    fn write(&self, at: i64) -> String {
        match self {
            Form::Days => date(at.div_euclid(DAY_MINUTES)),
            Form::InZone(..) => local(at * MINUTE_MS),
            Form::InUtc(zone) => utc(zone.utc(at * MINUTE_MS)),
        }
    }

    /// When an event ends: so long after its start as a clock that isn't changed would have it. One that is under way
    /// as clocks change ends an hour off on the wall.
    fn end(&self, plan: &Plan) -> String {
        let end_ms = |zone: &Zone| zone.utc(plan.start * MINUTE_MS) + plan.minutes * MINUTE_MS;
        match self {
            Form::Days => self.write(plan.start + plan.minutes),
            Form::InZone(_, zone) => local(zone.local(end_ms(zone))),
            Form::InUtc(zone) => utc(end_ms(zone)),
        }
    }
}

/// `FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20270630T103000Z`
fn rrule(rule: &Rule, plan: &Plan, zone: &Zone) -> String {
    let mut parts = vec![match rule.frequency {
        Frequency::Daily => "FREQ=DAILY".to_owned(),
        Frequency::Weekly => "FREQ=WEEKLY".to_owned(),
        Frequency::Monthly => "FREQ=MONTHLY".to_owned(),
        Frequency::Yearly => "FREQ=YEARLY".to_owned(),
    }];
    if rule.interval != 1 {
        parts.push(format!("INTERVAL={}", rule.interval));
    }
    if !rule.weekdays.is_empty() {
        let nth = rule.nth.map(|nth| nth.to_string()).unwrap_or_default();
        let days: Vec<String> = rule
            .weekdays
            .iter()
            .map(|day| format!("{nth}{}", weekday(*day)))
            .collect();
        parts.push(format!("BYDAY={}", days.join(",")));
    }
    if let Some(count) = rule.count {
        parts.push(format!("COUNT={count}"));
    }
    if let Some(until) = rule.until {
        let last = until * DAY_MINUTES + plan.start.rem_euclid(DAY_MINUTES);
        parts.push(match plan.all_day {
            true => format!("UNTIL={}", date(until)),
            false => format!("UNTIL={}", utc(zone.utc(last * MINUTE_MS))),
        });
    }
    parts.join(";")
}

fn weekday(day: Weekday) -> &'static str {
    ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][day as usize]
}

/// `20261204`
fn date(day: i64) -> String {
    let Date { year, month, day } = date_of(day);
    format!("{year:04}{month:02}{day:02}")
}

/// `20261204T123000`
fn local(ms: i64) -> String {
    let seconds = ms.div_euclid(1000).rem_euclid(86_400);
    let day = date(althing_plugin::dates::day_of(ms));
    format!(
        "{day}T{:02}{:02}{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `20261204T113000Z`
fn utc(ms: i64) -> String {
    format!("{}Z", local(ms))
}

#[cfg(test)]
mod tests {
    use althing_plugin::Context;
    use althing_plugin::prelude::{Value, json, parse_json};
    use icalendar::parser::{Component, read_calendar, unfold};
    use proptest::prelude::*;

    use super::*;
    use crate::new::NewEvent;
    use crate::settings::Settings;

    fn event(data: Value) -> Event {
        let mut whole = json!({"title": "Lunch", "time_zone": "Europe/Berlin"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(data.as_object().unwrap().clone());
        let new: NewEvent = parse_json(&whole.to_string()).unwrap();
        let plan = new.check(&Settings::default(), 0).unwrap();
        let ctx = Context {
            now_ms: 1_795_176_000_000,
            ..Context::default()
        };
        Event::new(&ctx, plan, "alice".into())
    }

    fn file(event: &Event) -> String {
        let entry = Entry {
            id: "msg_1",
            event,
            people: Vec::new(),
        };
        let file = calendar(None, &[entry], usize::MAX);
        for line in file.split("\r\n") {
            assert!(line.len() <= 75 && !line.contains('\n'), "{line:?}");
        }
        assert!(file.ends_with("END:VCALENDAR\r\n"));
        file
    }

    /// The properties of the event in a file, read by a parser that isn't ours; names with parameters.
    fn read(file: &str) -> Vec<(String, String)> {
        let text = unfold(file);
        let calendar = read_calendar(&text).unwrap_or_else(|error| panic!("{error}: {file}"));
        let is_event = |component: &&Component| component.name == "VEVENT";
        let found: Vec<_> = calendar.components.iter().filter(is_event).collect();
        assert_eq!(found.len(), 1, "{file}");
        found[0]
            .properties
            .iter()
            .map(|property| {
                let parameters = property.params.iter().map(|parameter| {
                    let value = parameter.val.as_ref().map(ToString::to_string);
                    format!(";{}={}", parameter.key, value.unwrap_or_default())
                });
                let name = property.name.to_string() + &parameters.collect::<String>();
                (name, property.val.to_string())
            })
            .collect()
    }

    fn value(file: &str, name: &str) -> String {
        let found = read(file).into_iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("{name} in {file}")).1
    }

    #[test]
    fn one_event_is_told_in_utc() {
        let file = file(&event(
            json!({"starts": "1976-12-04T12:30", "place": "Roma, upstairs; left"}),
        ));
        assert_eq!(value(&file, "DTSTART"), "19761204T113000Z");
        assert_eq!(value(&file, "DTEND"), "19761204T123000Z");
        assert_eq!(value(&file, "DTSTAMP"), "20261120T120000Z");
        assert_eq!(value(&file, "UID"), "msg_1@event.althing");
        assert_eq!(value(&file, "STATUS"), "CONFIRMED");
        assert!(file.contains("LOCATION:Roma\\, upstairs\\; left\r\n"));
        assert!(!file.contains("VTIMEZONE"));
        assert!(!file.contains("METHOD"), "it may name who comes: {file}");
    }

    #[test]
    fn a_series_is_told_in_its_zone() {
        let mut series = event(json!({"starts": "1976-12-03T12:30", "repeat":
            {"frequency": "weekly", "interval": 2, "weekdays": ["we", "fr"], "until": "1977-05-30"}}));
        series.skip(&Context::default(), "1976-12-17").unwrap();
        let file = file(&series);
        assert_eq!(
            value(&file, "DTSTART;TZID=Europe/Berlin"),
            "19761203T123000"
        );
        assert_eq!(value(&file, "DTEND;TZID=Europe/Berlin"), "19761203T133000");
        let rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE,FR;UNTIL=19770530T113000Z";
        assert_eq!(value(&file, "RRULE"), rule);
        assert_eq!(value(&file, "EXDATE;TZID=Europe/Berlin"), "19761217T123000");
        assert!(file.contains("BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n"));
        let in_utc = event(json!({"starts": "1976-12-03T12:30", "time_zone": "UTC",
            "repeat": {"frequency": "monthly", "weekdays": ["fr"], "nth": 1, "count": 3}}));
        let file = super::tests::file(&in_utc);
        assert_eq!(value(&file, "DTSTART"), "19761203T123000Z");
        assert_eq!(value(&file, "RRULE"), "FREQ=MONTHLY;BYDAY=1FR;COUNT=3");
        assert!(!file.contains("VTIMEZONE"));
    }

    /// The properties of each event in a file.
    fn all(file: &str) -> Vec<Vec<(String, String)>> {
        let mut events: Vec<Vec<(String, String)>> = Vec::new();
        for line in file.replace("\r\n ", "").split("\r\n") {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            match (line, events.last_mut()) {
                ("BEGIN:VEVENT", _) => events.push(Vec::new()),
                (_, Some(event)) => event.push((name.to_owned(), value.to_owned())),
                _ => {}
            }
        }
        let text = unfold(file);
        let read = read_calendar(&text).unwrap();
        let is_event = |component: &&Component| component.name == "VEVENT";
        assert_eq!(
            events.len(),
            read.components.iter().filter(is_event).count()
        );
        events
    }

    fn of(event: &[(String, String)], name: &str) -> Option<String> {
        let found = event.iter().find(|(known, _)| known == name)?;
        Some(found.1.clone())
    }

    #[test]
    fn a_date_that_was_moved_is_an_event_of_its_own() {
        let mut series = event(json!({"starts": "1976-12-03T12:30", "place": "Roma",
            "repeat": {"frequency": "weekly", "count": 9}}));
        let now = Context::default();
        series.skip(&now, "1976-12-17").unwrap();
        for moved in [
            json!({"date": "1976-12-24", "starts": "1976-12-23T18:00", "ends": "1976-12-23T20:00", "place": "Upstairs"}),
            // Before the series begins: the rules of the zone reach back to there.
            json!({"date": "1976-12-31", "starts": "1976-08-20T12:30"}),
        ] {
            series.move_date(&now, &moved).unwrap();
        }
        let file = file(&series);
        let [whole, first, second] = &all(&file)[..] else {
            panic!("{file}");
        };
        let zoned = |name: &str| format!("{name};TZID=Europe/Berlin");
        assert_eq!(of(whole, "RRULE").as_deref(), Some("FREQ=WEEKLY;COUNT=9"));
        assert_eq!(
            of(whole, &zoned("EXDATE")).as_deref(),
            Some("19761217T123000")
        );
        assert_eq!(
            file.matches("EXDATE").count(),
            1,
            "what was moved is not left out"
        );
        for (event, name, expected) in [
            (whole, zoned("DTSTART"), "19761203T123000"),
            (first, zoned("RECURRENCE-ID"), "19761224T123000"),
            (first, zoned("DTSTART"), "19761223T180000"),
            (first, zoned("DTEND"), "19761223T200000"),
            (first, "LOCATION".into(), "Upstairs"),
            (second, zoned("RECURRENCE-ID"), "19761231T123000"),
            (second, zoned("DTSTART"), "19760820T123000"),
            (second, "LOCATION".into(), "Roma"),
            (second, "SUMMARY".into(), "Lunch"),
        ] {
            assert_eq!(of(event, &name).as_deref(), Some(expected), "{name}");
        }
        for event in [first, second] {
            assert_eq!(of(event, "RRULE"), None);
            for name in ["UID", "SEQUENCE", "DTSTAMP", "STATUS"] {
                assert_eq!(of(event, name), of(whole, name), "{name}");
            }
        }
        assert_eq!(file.matches("BEGIN:VTIMEZONE").count(), 1);
        let mut fair =
            super::tests::event(json!({"starts": "1976-12-04", "repeat": {"frequency": "yearly"}}));
        let moved = json!({"date": "1977-12-04", "starts": "1977-12-10", "ends": "1977-12-11"});
        fair.move_date(&now, &moved).unwrap();
        let file = super::tests::file(&fair);
        let moved = &all(&file)[1];
        for (name, expected) in [
            ("RECURRENCE-ID", "19771204"),
            ("DTSTART", "19771210"),
            ("DTEND", "19771212"),
        ] {
            assert_eq!(
                of(moved, &format!("{name};VALUE=DATE")).as_deref(),
                Some(expected)
            );
        }
        let mut in_utc =
            super::tests::event(json!({"starts": "1976-12-03T12:30", "time_zone": "UTC",
            "repeat": {"frequency": "weekly"}}));
        let moved = json!({"date": "1976-12-10", "starts": "1976-12-10T14:00"});
        in_utc.move_date(&now, &moved).unwrap();
        let file = super::tests::file(&in_utc);
        assert_eq!(
            of(&all(&file)[1], "RECURRENCE-ID").as_deref(),
            Some("19761210T123000Z")
        );
    }

    /// However much there is in it, a file of one event fits, with all its dates.
    #[test]
    fn a_file_of_one_event_holds_all_its_dates() {
        let mut daily = event(
            json!({"starts": "1976-12-03T12:30", "title": "🙂".repeat(200),
            "description": "\n".repeat(10) + &"🙂".repeat(3900), "place": "🙂".repeat(300), "repeat": {"frequency": "daily"}}),
        );
        let (mut moved, alice) = (
            0,
            Context {
                actor: "alice".into(),
                ..Context::default()
            },
        );
        for day in 0..200 {
            let date = date_of(daily.plan.day() + day);
            let moves = json!({"date": date.to_string(), "starts": format!("{date}T14:00")});
            moved += usize::from(
                daily
                    .act(&alice, &Settings::default(), "move", &moves)
                    .is_ok(),
            );
        }
        assert!((10..200).contains(&moved), "{moved}");
        let person = |n: usize| Person {
            id: format!("{n:0>128}"),
            name: "🙂".repeat(50),
            status: "ACCEPTED",
        };
        let entry = Entry {
            id: "msg_1",
            event: &daily,
            people: (0..ATTENDEES_MAX).map(person).collect(),
        };
        let file = calendar(None, &[entry], 240 * 1024);
        assert_eq!(all(&file).len(), 1 + moved);
        assert_eq!(
            file.matches("DESCRIPTION").count(),
            1,
            "of the series alone"
        );
    }

    #[test]
    fn whole_days_have_no_zone() {
        let mut fair = event(json!({"starts": "1976-12-04", "ends": "1976-12-06",
            "repeat": {"frequency": "yearly", "until": "1980-12-31"}}));
        fair.skip(&Context::default(), "1977-12-04").unwrap();
        let file = file(&fair);
        assert_eq!(value(&file, "DTSTART;VALUE=DATE"), "19761204");
        assert_eq!(
            value(&file, "DTEND;VALUE=DATE"),
            "19761207",
            "the day after the last"
        );
        assert_eq!(value(&file, "RRULE"), "FREQ=YEARLY;UNTIL=19801231");
        assert_eq!(value(&file, "EXDATE;VALUE=DATE"), "19771204");
    }

    #[test]
    fn people_and_changes_are_told() {
        let mut event = event(json!({"starts": "1976-12-04"}));
        (event.cancelled, event.sequence) = (true, 3);
        let person = |id: &str, name: &str, status| Person {
            id: id.into(),
            name: name.into(),
            status,
        };
        let people = vec![
            person("bob", "Bob; \"the\" Builder: 1, 2", "ACCEPTED"),
            person("zoë ü", "", "DECLINED"),
        ];
        let entry = Entry {
            id: "msg_1",
            event: &event,
            people,
        };
        let file = calendar(Some("Zoë's calendar"), &[entry], usize::MAX);
        assert_eq!(
            (value(&file, "STATUS"), value(&file, "SEQUENCE")),
            ("CANCELLED".into(), "3".into())
        );
        let attendees: Vec<_> = read(&file)
            .into_iter()
            .filter(|(name, _)| name.starts_with("ATTENDEE"))
            .collect();
        assert_eq!(attendees[0].1, "urn:althing:bob");
        assert!(
            attendees[0].0.contains("Bob; 'the' Builder: 1, 2"),
            "{attendees:?}"
        );
        assert!(attendees[0].0.ends_with(";PARTSTAT=ACCEPTED"));
        assert_eq!(attendees[1].1, "urn:althing:zo%C3%AB%20%C3%BC");
        assert!(file.contains("X-WR-CALNAME:Zoë's calendar\r\n") && !file.contains("METHOD"));
    }

    #[test]
    fn a_file_holds_as_many_as_fit() {
        let zones = ["UTC", "Europe/Berlin", "America/New_York"];
        let events: Vec<Event> = (0..60)
            .map(|n| {
                event(
                    json!({"title": format!("Lunch, {n}"), "starts": "1976-12-04T12:30", "place": "Café Roma",
                    "time_zone": zones[n % 3], "repeat": {"frequency": "weekly"}}),
                )
            })
            .collect();
        let entries: Vec<Entry<'_>> = events
            .iter()
            .map(|event| Entry {
                id: "msg_1",
                event,
                people: Vec::new(),
            })
            .collect();
        let count = |file: &str| file.matches("BEGIN:VEVENT").count();
        let whole = calendar(Some("All"), &entries, usize::MAX);
        assert_eq!(count(&whole), 60);
        assert_eq!(calendar(Some("All"), &entries, whole.len()), whole);
        for bytes_max in (0..whole.len()).step_by(701) {
            let file = calendar(Some("All"), &entries, bytes_max);
            let read = unfold(&file);
            assert!(read_calendar(&read).is_ok(), "{file}");
            assert!(file.len() <= bytes_max || count(&file) == 0);
            // The next one would not have fitted: an event and a zone take less than 3,000 bytes.
            assert!(
                file.len() + 3000 > bytes_max,
                "{} of {bytes_max}",
                file.len()
            );
        }
    }

    proptest! {
        /// Whatever people write, it comes out as it went in.
        #[test]
        fn any_text_survives(
            title in "[ -~äöü\u{1F600}\u{2028}]{1,80}", text in "(?s)([^\\p{Cc}]|\n){0,300}"
        ) {
            prop_assume!(!title.trim().is_empty());
            let event = event(json!({"starts": "1976-12-04", "title": title, "description": text}));
            let file = file(&event);
            let plain = |text: String| {
                text.replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
            };
            // A backslash before an `n` is told from a line break by reading from the front.
            if !event.plan.title.contains('\\') {
                prop_assert_eq!(plain(value(&file, "SUMMARY")), event.plan.title.clone());
            }
            if !event.plan.description.is_empty() && !event.plan.description.contains('\\') {
                prop_assert_eq!(plain(value(&file, "DESCRIPTION")), event.plan.description.clone());
            }
        }
    }
}
