//! How an event is shown: the same to everybody, whatever they answered.

use althing_plugin::blocks::{Block, button, heading, muted, row, strong, text};
use althing_plugin::dates::date_of;
use althing_plugin::when::weekday_name;
use althing_plugin::{View, blocks};

use crate::event::{DAY_MINUTES, Event, Plan};

/// How many people of an answer are named.
const NAMES_MAX: usize = 10;

/// Blocks with buttons while it is on, and a text that says the same.
pub fn view(event: &Event, now_ms: u64) -> View {
    let plan = &event.plan;
    let mut shown = vec![heading(title(event)), marked_when(plan)];
    let mut words = vec![title(event), when(plan)];
    let mut say = |line: &str, block: Block| {
        words.push(line.to_owned());
        shown.push(block);
    };
    if !plan.place.is_empty() {
        let place = format!("📍 {}", plan.place);
        say(&place, text(&place));
    }
    if !plan.description.is_empty() {
        say(&plan.description, text(&plan.description));
    }
    for line in event.exceptions_in_words(now_ms) {
        say(&line, muted(&line));
    }
    if event.cancelled {
        let cancelled = "This event is cancelled.";
        say(cancelled, strong(cancelled));
    }
    for (line, people) in answers(event) {
        say(&line, muted(&line).users(named(people)));
    }
    let about = about(event);
    if !about.is_empty() {
        say(&about, muted(&about).user(&event.created_by));
    }
    if !event.cancelled {
        let yes = match is_full(event) {
            true => "Join the waiting list",
            false => "I'll come",
        };
        shown.push(row(blocks![
            button(yes, "answer").value("yes").primary(),
            button("Maybe", "answer").value("maybe"),
            button("No", "answer").value("no"),
        ]));
    }
    View::new(words.join("\n"), shown)
}

/// `by @alice · changed 2 times`. Each change shows, also one of the reminders: else nobody would be
/// told of it, this plugin among them.
fn about(event: &Event) -> String {
    let mut about = Vec::new();
    if !event.created_by.is_empty() {
        about.push(format!("by @{}", event.created_by));
    }
    match event.sequence {
        0 => {}
        1 => about.push("changed once".to_owned()),
        times => about.push(format!("changed {times} times")),
    }
    about.join(" · ")
}

fn is_full(event: &Event) -> bool {
    let capacity = event.plan.capacity;
    capacity.is_some_and(|capacity| event.answers.going.len() >= capacity as usize)
}

fn title(event: &Event) -> String {
    let mark = if event.cancelled { "✗" } else { "📅" };
    format!("{mark} {}", event.plan.title)
}

/// `Friday 2026-12-04, 12:30–13:30 Europe/Berlin, every week`
pub fn when(plan: &Plan) -> String {
    let (first, last) = (plan.day(), (end(plan) - 1).div_euclid(DAY_MINUTES));
    let mut words = match (plan.all_day, first == last) {
        (true, true) => date(first),
        (true, false) => format!("{} to {}", date(first), date(last)),
        (false, _) => {
            let (begin, end) = begin_and_end(plan);
            let to = if is_short(plan) { "–" } else { " to " };
            format!("{begin}{to}{end}")
        }
    };
    if let Some(rule) = &plan.repeat {
        words.push_str(", ");
        words.push_str(&rule.words());
    }
    words
}

/// The same with times that clients show on the reader's clock; but not where the days of the week are named, for
/// they may be others there. Whole days are the same everywhere.
fn marked_when(plan: &Plan) -> Block {
    let shown = text(when(plan));
    let repeat = plan.repeat.as_ref();
    if plan.all_day || repeat.is_some_and(|rule| !rule.weekdays.is_empty()) {
        return shown;
    }
    let occurrence = plan.occurrence(&plan.zone(), plan.day());
    let [start_ms, end_ms] = [occurrence.start_ms, occurrence.end_ms].map(|ms| ms.max(0) as u64);
    let (begin, end) = begin_and_end(plan);
    let shown = shown.date_time(begin, start_ms);
    match is_short(plan) {
        true => shown.time(end, end_ms),
        false => shown.date_time(end, end_ms),
    }
}

/// `Friday 2026-12-04, 12:30` and `13:30 Europe/Berlin`
fn begin_and_end(plan: &Plan) -> (String, String) {
    let time = |minutes: i64| {
        let minutes = minutes.rem_euclid(DAY_MINUTES);
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    };
    let begin = format!("{}, {}", date(plan.day()), time(plan.start));
    let ends = format!("{} {}", time(end(plan)), plan.time_zone);
    let last = end(plan).div_euclid(DAY_MINUTES);
    match is_short(plan) {
        true => (begin, ends),
        false => (begin, format!("{}, {ends}", date(last))),
    }
}

/// Whether the time at which it ends says enough.
fn is_short(plan: &Plan) -> bool {
    end(plan).div_euclid(DAY_MINUTES) == plan.day() || plan.minutes < DAY_MINUTES
}

fn end(plan: &Plan) -> i64 {
    plan.start + plan.minutes
}

fn date(day: i64) -> String {
    format!("{} {}", weekday_name(day), date_of(day))
}

/// `3 of 8 come: @alice, @bob and @carol`, and so on, and the people of each.
fn answers(event: &Event) -> Vec<(String, &[String])> {
    let answers = &event.answers;
    let of = match event.plan.capacity {
        Some(capacity) => format!(" of {capacity}"),
        None => String::new(),
    };
    let going = match event.plan.capacity {
        _ if !answers.going.is_empty() => line(&answers.going, &of, "come", "comes"),
        Some(capacity) => format!("Nobody has said yes yet. There is room for {capacity}."),
        None => "Nobody has said yes yet.".to_owned(),
    };
    let mut lines = vec![(going, answers.going.as_slice())];
    for (people, many, one) in [
        (
            &answers.waiting,
            "are on the waiting list",
            "is on the waiting list",
        ),
        (&answers.maybe, "may come", "may come"),
        (&answers.no, "don't come", "doesn't come"),
    ] {
        if !people.is_empty() {
            lines.push((line(people, "", many, one), people.as_slice()));
        }
    }
    lines
}

fn line(people: &[String], of: &str, many: &str, one: &str) -> String {
    let verb = if people.len() == 1 && of.is_empty() {
        one
    } else {
        many
    };
    format!("{}{of} {verb}: {}", people.len(), names(people))
}

/// Those of many people who are named.
pub fn named(people: &[String]) -> &[String] {
    &people[..people.len().min(NAMES_MAX)]
}

/// `@alice, @bob and 3 others`.
pub fn names(people: &[String]) -> String {
    let mut names: Vec<String> = named(people)
        .iter()
        .map(|user| format!("@{user}"))
        .collect();
    match people.len() - names.len() {
        0 => {}
        1 => names.push("1 other".to_owned()),
        others => names.push(format!("{others} others")),
    }
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use althing_plugin::Context;
    use althing_plugin::prelude::{Value, json, parse_json, to_json};

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
        Event::new(&Context::default(), plan, "alice".into())
    }

    fn at(starts: &str, ends: &str) -> String {
        when(&event(json!({"starts": starts, "ends": ends})).plan)
    }

    #[test]
    fn times_read_well() {
        assert_eq!(
            at("1976-12-04T12:30", "1976-12-04T13:30"),
            "Saturday 1976-12-04, 12:30–13:30 Europe/Berlin"
        );
        assert_eq!(
            at("1976-12-04T22:00", "1976-12-05T01:00"),
            "Saturday 1976-12-04, 22:00–01:00 Europe/Berlin"
        );
        assert_eq!(
            at("1976-12-04T22:00", "1976-12-06T01:00"),
            "Saturday 1976-12-04, 22:00 to Monday 1976-12-06, 01:00 Europe/Berlin"
        );
        assert_eq!(at("1976-12-04", "1976-12-04"), "Saturday 1976-12-04");
        assert_eq!(
            at("1976-12-04", "1976-12-05"),
            "Saturday 1976-12-04 to Sunday 1976-12-05"
        );
        let weekly = json!({"starts": "1976-12-04", "repeat": {"frequency": "weekly", "interval": 2, "count": 5}});
        assert_eq!(
            when(&event(weekly).plan),
            "Saturday 1976-12-04, every 2 weeks, 5 times"
        );
    }

    #[test]
    fn times_are_for_the_readers_clock_and_days_for_everybody() {
        let marks = |data: Value| {
            let shown = to_json(&marked_when(&event(data).plan));
            parse_json::<Value>(&shown).unwrap()["marks"].clone()
        };
        // 12:30 in Berlin.
        let noon = 218_547_000_000_u64;
        let begin = json!({"text": "Saturday 1976-12-04, 12:30", "at": noon, "show": "date_time"});
        let end = |text: &str, hours: u64, show: &str| json!({"text": text, "at": noon + hours * 3_600_000, "show": show});
        let lunch = json!({"starts": "1976-12-04T12:30", "ends": "1976-12-04T13:30", "repeat": {"frequency": "weekly"}});
        assert_eq!(
            marks(lunch),
            json!([begin, end("13:30 Europe/Berlin", 1, "time")])
        );
        let trip = json!({"starts": "1976-12-04T12:30", "ends": "1976-12-06T12:30"});
        let back = "Monday 1976-12-06, 12:30 Europe/Berlin";
        assert_eq!(marks(trip), json!([begin, end(back, 48, "date_time")]));
        assert_eq!(marks(json!({"starts": "1976-12-04"})), Value::Null);
        let named = json!({"starts": "1976-12-04T12:30", "repeat": {"frequency": "weekly", "weekdays": ["sa"]}});
        assert_eq!(marks(named), Value::Null);
    }

    #[test]
    fn words_and_blocks_say_the_same() {
        let mut event = event(json!({"starts": "1976-12-04", "place": "Roma", "capacity": 2}));
        event.answers.going = vec!["bob".into(), "carol".into()];
        event.answers.waiting = vec!["dave".into()];
        event.answers.no = (0..12).map(|n| format!("u{n:02}")).collect();
        let view = view(&event, 0);
        assert_eq!(
            view.text,
            "📅 Lunch\nSaturday 1976-12-04\n📍 Roma\n2 of 2 come: @bob and @carol\n\
             1 is on the waiting list: @dave\n12 don't come: @u00, @u01, @u02, @u03, @u04, @u05, @u06, @u07, \
             @u08, @u09 and 2 others\nby @alice"
        );
        assert!(view.blocks.contains("Join the waiting list"));
        assert!(
            view.blocks
                .contains(r#""marks":[{"text":"@dave","user":"dave"}]"#)
        );
        assert!(view.blocks.contains("u09\"}") && !view.blocks.contains("u10"));
        event.sequence = 1;
        assert!(
            super::view(&event, 0)
                .text
                .ends_with("by @alice · changed once")
        );
        (event.cancelled, event.sequence) = (true, 2);
        let view = super::view(&event, 0);
        assert!(view.text.ends_with("by @alice · changed 2 times"));
        assert!(view.text.contains("This event is cancelled."));
        assert!(!view.blocks.contains("button"));
        event.answers = Default::default();
        assert!(
            super::view(&event, 0)
                .text
                .contains("Nobody has said yes yet. There is room for 2.")
        );
    }
}
