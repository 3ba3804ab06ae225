//! `/event Team lunch friday 12:30-13:30 every week at Café Roma`: reading it, and helping to write
//! it.
//!
//! Where the title ends and the time begins nobody says. The time begins at the first word from which
//! on all that follows is understood: “The sun party tomorrow 18:00” is not on Sunday. A title in
//! quotes leaves no doubt. Completion shows what is understood before it is sent.

pub mod clauses;

use althing_plugin::Choice;

use crate::new::NewEvent;
use crate::settings::Settings;
use crate::view;

/// What to write, for those who didn't.
pub const USAGE: &str = "Say what and when: `/event Team lunch friday 12:30-13:30 every week at Café \
    Roma`. Also `tomorrow at 9 for 2h`, `2026-12-24 all day`, `every 2 weeks`, `every monday`, `every \
    month`, `until 2027-06-30`, `10 times`. Put the title in quotes if it has a time in it.";

/// Reads what follows `/event`. The error is a sentence.
pub fn parse(text: &str, settings: &Settings, now_ms: u64) -> Result<NewEvent, String> {
    let clock = settings.clock(now_ms);
    let text = text.trim();
    if text.is_empty() {
        return Err(USAGE.to_owned());
    }
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if let Some((title, rest)) = quoted(text) {
        words = rest.split_whitespace().collect();
        return clauses::read(&words, &clock).map(|event| titled(event, title));
    }
    // All of it is a time: there is no title.
    if clauses::read(&words, &clock).is_ok() {
        return Err(USAGE.to_owned());
    }
    let mut why = USAGE.to_owned();
    for at in 1..words.len() {
        match clauses::read(&words[at..], &clock) {
            Ok(event) => return Ok(titled(event, &words[..at].join(" "))),
            // The last that began like a time is the one to tell of.
            Err(error) if clauses::begins(&words[at..], &clock) => why = error,
            Err(_) => {}
        }
    }
    Err(why)
}

fn titled(event: NewEvent, title: &str) -> NewEvent {
    NewEvent {
        title: title.to_owned(),
        ..event
    }
}

/// A title in quotes, and what follows; phones write quotes in many ways.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next()?;
    let ends: &[char] = match first {
        '"' | '“' | '„' | '”' => &['"', '”', '“'],
        '«' => &['»'],
        _ => return None,
    };
    let inner = &text[first.len_utf8()..];
    let end = inner.find(ends)?;
    let closing = inner[end..].chars().next().map_or(0, char::len_utf8);
    Some((&inner[..end], &inner[end + closing..]))
}

/// Completions for what is typed so far.
pub fn complete(text: &str, settings: &Settings, now_ms: u64) -> Vec<Choice> {
    let trimmed = text.trim_end();
    if trimmed.is_empty() {
        let example = "Team lunch friday 12:30-13:30 at Café Roma";
        return vec![Choice::new(example, example)];
    }
    let understood = parse(text, settings, now_ms).and_then(|event| event.check(settings, now_ms));
    match understood {
        Ok(plan) => {
            let mut label = format!("{}: {}", plan.title, view::when(&plan));
            if !plan.place.is_empty() {
                label.push_str(&format!(", at {}", plan.place));
            }
            vec![Choice::new(text, label)]
        }
        Err(_) => [
            "tomorrow at 10:00",
            "friday 12:30-13:30",
            "monday 9:00 every week",
        ]
        .map(|when| Choice::new(format!("{trimmed} {when}"), when))
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use althing_plugin::recurrence::{Frequency, Rule, Weekday};

    /// Friday, 2026-11-20, 12:00 UTC.
    const NOON: u64 = 1_795_176_000_000;

    fn parsed(text: &str) -> NewEvent {
        let event = parse(text, &Settings::default(), NOON);
        let event = event.unwrap_or_else(|error| panic!("{text}: {error}"));
        if let Err(error) = event.check(&Settings::default(), NOON) {
            panic!("{text}: {error}");
        }
        event
    }

    fn times(text: &str) -> (String, String, Option<String>) {
        let event = parsed(text);
        (event.title, event.starts, event.ends)
    }

    #[test]
    fn titles_and_times() {
        let expect = |text: &str, title: &str, starts: &str, ends: Option<&str>| {
            let expected = (title.to_owned(), starts.to_owned(), ends.map(str::to_owned));
            assert_eq!(times(text), expected, "{text}");
        };
        let lunch = Some("2026-11-27T13:30");
        expect(
            "Team lunch friday 12:30-13:30",
            "Team lunch",
            "2026-11-27T12:30",
            lunch,
        );
        expect(
            "Lunch on friday at 12:30 to 13:30",
            "Lunch",
            "2026-11-27T12:30",
            lunch,
        );
        expect(
            "Lunch friday 12:30 – 13:30",
            "Lunch",
            "2026-11-27T12:30",
            lunch,
        );
        expect("Call tomorrow at 9", "Call", "2026-11-21T09:00", None);
        expect(
            "Call tomorrow at 9 for 90 min",
            "Call",
            "2026-11-21T09:00",
            Some("2026-11-21T10:30"),
        );
        expect("Call at 15:00", "Call", "2026-11-20T15:00", None);
        expect("Call in 2 hours", "Call", "2026-11-20T14:00", None);
        expect(
            "Party tomorrow 22:00-2:00",
            "Party",
            "2026-11-21T22:00",
            Some("2026-11-22T02:00"),
        );
        expect("Fair 2026-12-04", "Fair", "2026-12-04", None);
        expect(
            "Fair 2026-12-04 to 2026-12-06",
            "Fair",
            "2026-12-04",
            Some("2026-12-06"),
        );
        expect("Off tomorrow all day", "Off", "2026-11-21", None);
        expect(
            "The sun party tomorrow 18:00",
            "The sun party",
            "2026-11-21T18:00",
            None,
        );
        expect(
            "“Friday 9:00 club” monday 9:00",
            "Friday 9:00 club",
            "2026-11-23T09:00",
            None,
        );
        expect(
            "Meeting at Berlin tomorrow 9:00",
            "Meeting at Berlin",
            "2026-11-21T09:00",
            None,
        );
    }

    #[test]
    fn series_and_places() {
        let rule = |text: &str| parsed(text).repeat.unwrap();
        assert_eq!(
            rule("x monday 9:00 every week"),
            Rule::every(Frequency::Weekly, 1)
        );
        assert_eq!(
            rule("x monday 9:00 every 2 weeks"),
            Rule::every(Frequency::Weekly, 2)
        );
        assert_eq!(
            rule("x monday 9:00 daily"),
            Rule::every(Frequency::Daily, 1)
        );
        assert_eq!(rule("x monday 9:00 every other month").interval, 2);
        let weekdays = rule("x monday 9:00 every weekday");
        assert_eq!(weekdays.weekdays, Weekday::ALL[..5]);
        let some = rule("x monday 9:00 every monday and thursday 10 times");
        assert_eq!(
            (some.weekdays, some.count),
            (vec![Weekday::Mo, Weekday::Th], Some(10))
        );
        // The first date of a series is the first of its days.
        let next = parsed("x every tuesday at 9:00 until 2027-06-30 at Café Roma");
        assert_eq!(next.starts, "2026-11-24T09:00");
        assert_eq!(next.place, "Café Roma");
        let whole = parsed("x tomorrow at the old mill");
        assert_eq!(
            (whole.starts.as_str(), whole.place.as_str()),
            ("2026-11-21", "the old mill")
        );
        let place = parsed("x tomorrow at 9 at the old mill for 2h every year");
        assert_eq!(
            (place.place.as_str(), place.ends.as_deref()),
            ("the old mill", Some("2026-11-21T11:00"))
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| parse(text, &Settings::default(), NOON).unwrap_err();
        assert_eq!(error(""), USAGE);
        assert_eq!(error("Lunch"), USAGE);
        assert_eq!(error("tomorrow at 9"), USAGE);
        assert!(error("Lunch tomorrow at 9 every blue moon").contains("blue"));
        assert!(error("Lunch tomorrow at 9 until easter").contains("`until`"));
    }

    #[test]
    fn completion_shows_what_is_understood() {
        let labels = |text: &str| -> Vec<String> {
            let choices = complete(text, &Settings::default(), NOON).into_iter();
            choices.map(|choice| choice.label).collect()
        };
        assert_eq!(
            labels("Lunch tomorrow 12:30-13:30 every week at Roma"),
            ["Lunch: Saturday 2026-11-21, 12:30–13:30 UTC, every week, at Roma"]
        );
        assert_eq!(labels("Lunch").len(), 3);
        assert_eq!(labels("").len(), 1);
    }

    #[test]
    fn any_text_is_read_or_refused() {
        let pieces = [
            "x",
            "on",
            "friday",
            "12:30-13:30",
            "12:30",
            "-",
            "to",
            "for",
            "2h",
            "every",
            "week",
            "2",
            "weeks",
            "monday",
            "and",
            "until",
            "2027-06-30",
            "10",
            "times",
            "at",
            "Roma",
            "all",
            "day",
            "in",
            "tomorrow",
            "\"",
            "–",
            "é",
            "25:00",
            "9999-12-31",
            "daily",
            "weekday",
            "0",
            "99999999999",
        ];
        let mut random = althing_plugin::Context::default().random();
        for _ in 0..5_000 {
            let words: Vec<&str> = (0..random.below(9))
                .filter_map(|_| random.pick(&pieces).copied())
                .collect();
            let text = words.join(" ");
            if let Ok(event) = parse(&text, &Settings::default(), NOON) {
                let _ = event.check(&Settings::default(), NOON);
            }
            assert!(!complete(&text, &Settings::default(), NOON).is_empty());
        }
    }
}
