//! `/calendar cancel friday Team lunch`, `/calendar move friday Team lunch to saturday 13:00`, `/calendar restore …`:
//! one date of an event of this channel, which everybody in it is told of.
//!
//! Of an event with one date it is the event that is cancelled or moved. A date goes by the day on which it is
//! or on which its series has it.

mod words;

use althing_plugin::chat::{self, Post};
use althing_plugin::dates::{DAY_MS, date_of, day_of};
use althing_plugin::prelude::{Choice, Context};
use althing_plugin::when::{Zone, weekday_name};

use crate::event::{Event, Occurrence};
use crate::listing::{self, Found, write_day};
use crate::settings::Settings;
use crate::view;
use words::{change, named, read_date};

/// Dates that a completion offers.
const CHOICES_MAX: usize = 15;
/// How far ahead dates are offered: a year.
const AHEAD_MS: u64 = 366 * DAY_MS as u64;

/// What is to become of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Cancel,
    Move,
    Restore,
}

impl Verb {
    const ALL: [Verb; 3] = [Verb::Cancel, Verb::Move, Verb::Restore];

    /// Reads the first word, if it is one, and gives what follows.
    pub fn read(text: &str) -> Option<(Verb, &str)> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let mut all = Verb::ALL.into_iter();
        let verb = all.find(|verb| word.eq_ignore_ascii_case(verb.word()))?;
        Some((verb, rest.trim_start()))
    }

    fn word(self) -> &'static str {
        match self {
            Verb::Cancel => "cancel",
            Verb::Move => "move",
            Verb::Restore => "restore",
        }
    }

    fn usage(self) -> String {
        let (word, more) = match self {
            Verb::Move => ("move", " to saturday 13:00"),
            verb => (verb.word(), ""),
        };
        format!("Which date of what? `/calendar {word} friday Team lunch{more}`.")
    }
}

/// Does it for whoever typed it, and tells the channel.
pub fn run(ctx: &Context, settings: &Settings, verb: Verb, text: &str) -> Result<(), String> {
    let clock = settings.clock(ctx.now_ms);
    let (day, rest) = read_date(text, &clock).ok_or_else(|| verb.usage())?;
    let events = listing::of_channels(std::slice::from_ref(&ctx.channel), ctx.now_ms)?;
    let dates = on_day(&events, verb, day, ctx.now_ms);
    let (found, date, rest) = named(&dates, day, rest)?;
    let mut after = found.event.clone();
    let (action, value) = change(&found.event, verb, date.day, rest, &clock)?;
    // Who may do what, and what is wrong with it, in the same words as for everybody.
    after.act(ctx, settings, action, &value)?;
    chat::act(&found.id, action, &value)?;
    let told = Post::text(sentence(&after, verb, date.day));
    chat::tell(&ctx.channel, told, "what became of a date")?;
    Ok(())
}

/// The dates of a day of these events that this can be done to.
fn on_day(events: &[Found], verb: Verb, day: i64, now_ms: u64) -> Vec<(&Found, Occurrence)> {
    let mut dates = Vec::new();
    for found in events {
        let (event, zone) = (&found.event, found.event.plan.zone());
        let all = match verb {
            Verb::Restore => changed(event, &zone, now_ms),
            _ if event.cancelled => Vec::new(),
            _ => around(event, &zone, day, now_ms),
        };
        // The date of that day before one that was moved there.
        let of_day = all.iter().find(|date| date.day == day);
        let is_here = |date: &&Occurrence| day_of(zone.local(date.start_ms)) == day;
        let date = of_day.or_else(|| all.iter().find(is_here));
        dates.extend(date.map(|date| (found, *date)));
    }
    dates
}

/// The date of a day and all that were moved, but those that are over: looking through all that are before it would take
/// its time.
fn around(event: &Event, zone: &Zone, day: i64, now_ms: u64) -> Vec<Occurrence> {
    let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let ruled = event.plan.days(day).next();
    let ruled = ruled.filter(|found| *found == day && !event.is_skipped(day));
    let moved = event.moved.iter().map(|moved| moved.day);
    let dates = ruled.into_iter().chain(moved);
    let dates = dates.map(|day| event.occurrence(zone, day));
    dates.filter(|date| date.end_ms > now).collect()
}

/// The dates that are not as their series has them, and not over, by their days.
fn changed(event: &Event, zone: &Zone, now_ms: u64) -> Vec<Occurrence> {
    let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let moved = event.moved.iter().map(|moved| moved.day);
    let days = event.skipped.iter().copied().chain(moved);
    let dates = days.map(|day| event.occurrence(zone, day));
    let mut dates: Vec<Occurrence> = dates.filter(|date| date.end_ms > now).collect();
    dates.sort_unstable();
    dates
}

/// `📅 “Team lunch” is not on Friday 2026-12-11.`
fn sentence(event: &Event, verb: Verb, day: i64) -> String {
    let title = &event.plan.title;
    if event.cancelled || event.is_skipped(day) {
        return format!(
            "✗ “{title}” is not on {} {}.",
            weekday_name(day),
            date_of(day)
        );
    }
    let words = match event.plan.repeat {
        Some(_) => event.date_in_words(day),
        None => {
            let place = match event.plan.place.as_str() {
                "" => String::new(),
                place => format!(", {place}"),
            };
            format!("On {}{place}", view::when(&event.plan))
        }
    };
    let verb = if verb == Verb::Restore {
        "is again"
    } else {
        "is now"
    };
    format!("📅 “{title}” {verb} {}.", words.replacen("On", "on", 1))
}

/// The dates that may be meant.
pub fn complete(ctx: &Context, verb: Verb, text: &str) -> Result<Vec<Choice>, String> {
    let events = listing::of_channels(std::slice::from_ref(&ctx.channel), ctx.now_ms)?;
    let dates = match verb {
        Verb::Restore => {
            let all = events.iter().enumerate().flat_map(|(at, found)| {
                let changed = changed(&found.event, &found.event.plan.zone(), ctx.now_ms);
                changed.into_iter().map(move |date| (at, date))
            });
            let mut all: Vec<(usize, Occurrence)> = all.collect();
            all.sort_by_key(|(_, date)| date.start_ms);
            all
        }
        _ => listing::dates(
            &events,
            ctx.now_ms,
            ctx.now_ms + AHEAD_MS,
            None,
            10 * CHOICES_MAX,
        ),
    };
    let typed = text.trim().to_lowercase();
    let choices = dates.iter().map(|(at, date)| {
        let event = &events[*at].event;
        let (word, day, title) = (verb.word(), write_day(date.day), &event.plan.title);
        let more = if verb == Verb::Move { " to " } else { "" };
        let label = match event.is_skipped(date.day) {
            true => format!("{title}: not on {} {day}", weekday_name(date.day)),
            false => format!("{title}: {}", view::when(&event.plan_on(date.day))),
        };
        Choice::new(format!("{word} {day} {title}{more}"), label)
    });
    let fits = |choice: &Choice| {
        let (value, label) = (choice.value.to_lowercase(), choice.label.to_lowercase());
        typed.is_empty() || value.contains(&typed) || label.contains(&typed)
    };
    Ok(choices.filter(fits).take(CHOICES_MAX).collect())
}

#[cfg(test)]
mod tests {
    use althing_plugin::Role;
    use althing_plugin::prelude::{Value, json, parse_json};

    use super::*;
    use crate::new::NewEvent;

    /// Friday, 2026-11-20, 12:00 UTC.
    const NOON: u64 = 1_795_176_000_000;

    fn found(title: &str, change: Value) -> Found {
        let mut data = json!({"title": title, "starts": "2026-11-27T12:30", "time_zone": "Europe/Berlin",
            "repeat": {"frequency": "weekly"}});
        let fields = change.as_object().unwrap().clone();
        data.as_object_mut().unwrap().extend(fields);
        let new: NewEvent = parse_json(&data.to_string()).unwrap();
        let plan = new.check(&Settings::default(), NOON).unwrap();
        Found {
            id: title.to_owned(),
            channel: "general".into(),
            event: Event::new(&alice(), plan, "alice".into()),
        }
    }

    fn alice() -> Context {
        Context {
            actor: "alice".into(),
            actor_role: Role::Member,
            now_ms: NOON,
            ..Context::default()
        }
    }

    /// What `/calendar …` does to which event, and what it says.
    fn done(events: &mut [Found], line: &str) -> Result<String, String> {
        let clock = Settings::default().clock(NOON);
        let (verb, text) = Verb::read(line).expect("a verb");
        let (day, rest) = read_date(text, &clock).ok_or_else(|| verb.usage())?;
        let dates = on_day(events, verb, day, NOON);
        let (found, date, rest) = named(&dates, day, rest)?;
        let (action, value) = change(&found.event, verb, date.day, rest, &clock)?;
        let id = found.id.clone();
        let event = &mut events
            .iter_mut()
            .find(|found| found.id == id)
            .unwrap()
            .event;
        event.act(&alice(), &Settings::default(), action, &value)?;
        Ok(sentence(event, verb, date.day))
    }

    #[test]
    fn one_date_is_changed_by_words() {
        let once = json!({"repeat": null, "starts": "2026-11-28T18:00"});
        let mut events = [found("Team lunch", json!({})), found("Sauna", once)];
        for (line, told) in [
            (
                "cancel friday Team lunch",
                "✗ “Team lunch” is not on Friday 2026-11-27.",
            ),
            (
                "restore 2026-11-27 team Lunch",
                "📅 “Team lunch” is again on Friday 2026-11-27, 12:30–13:30 Europe/Berlin.",
            ),
            (
                "move friday Team lunch to 14:00-15:30",
                "📅 “Team lunch” is now on Friday 2026-11-27, 14:00–15:30 Europe/Berlin.",
            ),
            // It is that of the Friday after, and goes to the day after that.
            (
                "move 2026-12-04 to saturday at Café Roma",
                "📅 “Team lunch” is now on Saturday 2026-12-05, 12:30–13:30 Europe/Berlin instead of 2026-12-04, \
                 Café Roma.",
            ),
            // Known by the day on which it is now, too, and what isn't said stays.
            (
                "move 2026-12-05 Team lunch at Upstairs",
                "📅 “Team lunch” is now on Saturday 2026-12-05, 12:30–13:30 Europe/Berlin instead of 2026-12-04, \
                 Upstairs.",
            ),
            (
                "move on friday to tomorrow 9:00",
                "📅 “Team lunch” is now on Saturday 2026-11-21, 09:00–10:30 Europe/Berlin instead of 2026-11-27.",
            ),
            (
                "cancel tomorrow",
                "✗ “Team lunch” is not on Friday 2026-11-27.",
            ),
            (
                "move 2026-11-28 Sauna to sunday 19:00 at the lake",
                "📅 “Sauna” is now on Sunday 2026-11-29, 19:00–20:00 Europe/Berlin, the lake.",
            ),
            (
                "cancel 2026-11-29",
                "✗ “Sauna” is not on Sunday 2026-11-29.",
            ),
        ] {
            assert_eq!(done(&mut events, line).as_deref(), Ok(told), "{line}");
        }
    }

    #[test]
    fn what_is_unclear_is_said() {
        let mut events = [found("Team lunch", json!({})), found("Team", json!({}))];
        for (line, part) in [
            ("cancel", "Which date of what?"),
            ("move Team lunch", "to saturday 13:00"),
            ("cancel friday", "“Team lunch”, “Team”: write its title"),
            ("cancel friday Dinner", "“Team lunch”, “Team”"),
            ("cancel monday Team", "Nothing in this channel"),
            ("restore friday Team", "Nothing in this channel"),
            (
                "cancel friday Team lunch please",
                "I don't understand `please`.",
            ),
            ("move friday Team lunch", "to saturday 13:00"),
            (
                "move friday Team lunch to easter",
                "I don't understand when",
            ),
            (
                "move friday Team lunch to monday every week",
                "doesn't repeat",
            ),
            ("move friday Team lunch to 2026-11-19 9:00", "over already"),
        ] {
            let error = done(&mut events, line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
        // The longer title counts.
        let told = done(&mut events, "cancel friday Team lunch").unwrap();
        assert!(told.contains("“Team lunch”"));
        assert!(
            done(&mut events, "cancel friday")
                .unwrap()
                .contains("“Team”")
        );
        let whole = found("Fair", json!({"starts": "2026-11-27"}));
        let error = done(&mut [whole], "move friday to saturday 13:00").unwrap_err();
        assert!(error.contains("whole days"), "{error}");
    }

    #[test]
    fn any_text_is_done_or_refused() {
        let pieces = [
            "cancel",
            "move",
            "restore",
            "friday",
            "on",
            "tomorrow",
            "2026-11-27",
            "Team",
            "lunch",
            "to",
            "at",
            "14:00",
            "9",
            "-",
            "é",
            "every",
            "week",
            "in",
            "2",
            "hours",
            "9999-12-31",
            "",
        ];
        let mut random = alice().random();
        for _ in 0..3_000 {
            let words = (0..random.below(8)).filter_map(|_| random.pick(&pieces).copied());
            let text: Vec<&str> = ["move"].into_iter().chain(words).collect();
            let _ = done(&mut [found("Team lunch", json!({}))], &text.join(" "));
        }
    }
}
