//! Reminders before an event begins, for each of its dates. An event has one timer, for the next of
//! its reminders; which have been sent stands in a value of the message. Both change in the
//! transaction that sends one, so each is sent once.

use althing_plugin::blocks::text;
use althing_plugin::chat::{self, Post};
use althing_plugin::dates::{DAY_MS, day_of};
use althing_plugin::kv::{self, Scope};
use althing_plugin::{Context, Error, timers};
use serde::{Deserialize, Serialize};

use crate::event::{DAY_MINUTES, Event, MINUTE_MS, Occurrence};
use crate::view;

/// A timer may be a year ahead: those for later are set again on the way.
const AHEAD_MS_MAX: u64 = 360 * 24 * 60 * 60 * 1000;
/// Until when an event's reminders have been sent.
const SENT: &str = "reminded";
/// What reminders of whole days are counted from, in minutes after midnight: nobody wants to be told at night.
const MORNING: i64 = 9 * 60;
/// Dates that one call reminds of.
const POSTS_MAX: usize = 3;

/// What a timer is set with.
#[derive(Deserialize, Serialize)]
pub struct Due {
    pub message: String,
}

/// The timer of an event.
pub fn timer(message: &str) -> String {
    format!("remind/{message}")
}

/// The earliest reminders of which none has been sent since `sent_ms`: when, and of which dates. Perhaps
/// past.
fn earliest(event: &Event, sent_ms: u64) -> Option<(i64, Vec<Occurrence>)> {
    let before = &event.plan.remind_minutes_before;
    let longest = i64::from(*before.iter().max().filter(|_| !event.cancelled)?) * MINUTE_MS;
    let after = i64::try_from(sent_ms.max(event.planned_ms)).unwrap_or(i64::MAX);
    let zone = event.plan.zone();
    let mut found: Option<(i64, Vec<Occurrence>)> = None;
    let counted_from = |date: &Occurrence| match event.plan.all_day {
        true => {
            let day = day_of(zone.local(date.start_ms));
            zone.utc((day * DAY_MINUTES + MORNING) * MINUTE_MS)
        }
        false => date.start_ms,
    };
    // A reminder is at most some hours after its date begins.
    let from = after.div_euclid(DAY_MS) - 2;
    for date in event.occurrences(&zone, from) {
        // The dates are in order, but their reminders are not: a day before the one may be earlier than
        // an hour before the other.
        if found
            .as_ref()
            .is_some_and(|(at_ms, _)| counted_from(&date) - longest > *at_ms)
        {
            break;
        }
        let times = before
            .iter()
            .map(|minutes| counted_from(&date) - i64::from(*minutes) * MINUTE_MS);
        let moved_ms = event.moved(date.day).map_or(0, |moved| moved.set_ms);
        let after = after.max(i64::try_from(moved_ms).unwrap_or(i64::MAX));
        let Some(at_ms) = times.filter(|at_ms| *at_ms > after).min() else {
            continue;
        };
        match &mut found {
            Some((first, dates)) if *first == at_ms => dates.push(date),
            Some((first, _)) if *first < at_ms => {}
            _ => found = Some((at_ms, vec![date])),
        }
    }
    found
}

/// When the next reminder is to be sent; perhaps past.
pub fn next(event: &Event, sent_ms: u64) -> Option<u64> {
    let (at_ms, _) = earliest(event, sent_ms)?;
    u64::try_from(at_ms).ok()
}

/// Sets the event's timer, or takes it back.
pub fn set(ctx: &Context, message: &str, event: &Event) -> Result<(), Error> {
    set_next(ctx, message, next(event, sent(message)?))
}

fn set_next(ctx: &Context, message: &str, next: Option<u64>) -> Result<(), Error> {
    let name = timer(message);
    match next {
        Some(at_ms) => {
            let at_ms = at_ms.min(ctx.now_ms + AHEAD_MS_MAX);
            let due = Due {
                message: message.to_owned(),
            };
            timers::set(&name, at_ms, &ctx.channel, &due)
        }
        None => timers::cancel(&name),
    }
}

fn sent(message: &str) -> Result<u64, Error> {
    let scope = Scope::Message(message.to_owned());
    Ok(kv::get_json(&scope, SENT)?.unwrap_or(0))
}

/// A timer is due: reminds of what begins soon, and sets it for the next time.
pub fn remind(ctx: &Context, message: &str) -> Result<(), String> {
    let Some(event) = chat::find_state::<Event>(message)? else {
        return Ok(());
    };
    for date in due_dates(&event, sent(message)?, ctx.now_ms) {
        // What is refused will not go better later: the channel takes no messages, or a guard said no.
        let post = reminder(ctx, &event, &date);
        chat::tell(&ctx.channel, post, &format!("a reminder of {message}"))?;
    }
    let scope = Scope::Message(message.to_owned());
    kv::set_json(&scope, SENT, &ctx.now_ms)?;
    Ok(set_next(ctx, message, next(&event, ctx.now_ms))?)
}

/// The dates to be reminded of now: those whose reminder is due and that are not over. However many
/// reminders of a date were missed, one is sent.
fn due_dates(event: &Event, mut sent_ms: u64, now_ms: u64) -> Vec<Occurrence> {
    let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let mut dates: Vec<Occurrence> = Vec::new();
    // What is over by now needs no look, however long nobody looked. A day for clocks that change.
    let longest = event
        .plan
        .remind_minutes_before
        .iter()
        .max()
        .copied()
        .unwrap_or(0);
    let back = (event.longest_minutes() + i64::from(longest) + DAY_MINUTES) * MINUTE_MS;
    sent_ms = sent_ms.max((now - back).max(0).unsigned_abs());
    while let Some((at_ms, of_dates)) = earliest(event, sent_ms).filter(|(at_ms, _)| *at_ms <= now)
    {
        for date in of_dates.into_iter().filter(|date| date.end_ms > now) {
            if !dates.contains(&date) {
                dates.push(date);
            }
        }
        sent_ms = at_ms.unsigned_abs();
    }
    // Of very many those that begin last.
    dates.drain(..dates.len().saturating_sub(POSTS_MAX));
    dates
}

/// `⏰ “Team lunch” begins today at 12:30 (Europe/Berlin) at Café Roma. 2 come: @alice and @bob`
fn reminder(ctx: &Context, event: &Event, date: &Occurrence) -> Post {
    let plan = &event.plan;
    let clock = althing_plugin::when::Clock::of(ctx.now_ms, plan.zone());
    let at = clock.describe(date.start_ms);
    let at_where = format!("{at} ({})", clock.zone());
    let when = match i64::try_from(ctx.now_ms).unwrap_or(i64::MAX) - date.start_ms {
        // Of some days, perhaps under way.
        late if plan.all_day => {
            let verb = if late < DAY_MS { "is" } else { "began" };
            format!("{verb} {}", at.trim_end_matches(" at 00:00"))
        }
        ..0 => format!("begins {at_where}"),
        late if late < MINUTE_MS => "begins now".to_owned(),
        _ => format!("began {at_where}"),
    };
    let place = match event.place_on(date.day) {
        "" => String::new(),
        place => format!(", {place}"),
    };
    let going = &event.answers.going;
    let who = match going.len() {
        0 => String::new(),
        1 => format!(" 1 comes: {}", view::names(going)),
        many => format!(" {many} come: {}", view::names(going)),
    };
    let words = format!("⏰ “{}” {when}{place}.{who}", plan.title);
    let shown = text(&words).users(view::named(going));
    let shown = shown.date_time(at_where, date.start_ms.max(0) as u64);
    Post::text(words).with_blocks([shown])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use althing_plugin::prelude::{Value, json, parse_json};
    use proptest::prelude::*;

    use super::*;
    use crate::new::NewEvent;
    use crate::settings::Settings;

    const MINUTE: u64 = MINUTE_MS as u64;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;

    fn event(data: Value) -> Event {
        let mut whole = json!({"title": "Lunch", "starts": "1970-01-03T12:00"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(data.as_object().unwrap().clone());
        let new: NewEvent = parse_json(&whole.to_string()).unwrap();
        let plan = new.check(&Settings::default(), 0).unwrap();
        Event::new(&Context::default(), plan, "alice".into())
    }

    #[test]
    fn each_date_has_its_reminders() {
        let weekly =
            event(json!({"remind_minutes_before": [60, 1440], "repeat": {"frequency": "weekly"}}));
        let start = 2 * DAY + 12 * HOUR;
        assert_eq!(next(&weekly, 0), Some(start - DAY));
        assert_eq!(next(&weekly, start - DAY), Some(start - HOUR));
        assert_eq!(next(&weekly, start - HOUR), Some(start + 6 * DAY));
        let mut once = event(json!({}));
        assert_eq!(next(&once, 0), Some(start - 15 * MINUTE));
        assert_eq!(next(&once, start - 15 * MINUTE), None);
        once.planned_ms = start - 10 * MINUTE;
        assert_eq!(
            next(&once, 0),
            None,
            "what was over when it was planned is not told"
        );
        once.planned_ms = 0;
        once.cancelled = true;
        assert_eq!(next(&once, 0), None);
        assert_eq!(next(&event(json!({"remind_minutes_before": []})), 0), None);
    }

    #[test]
    fn a_date_that_was_moved_is_told_at_its_new_time_alone() {
        let rule = json!({"frequency": "weekly", "count": 3});
        let mut weekly = event(json!({"remind_minutes_before": [60], "repeat": rule}));
        let (start, week) = (2 * DAY + 12 * HOUR, 7 * DAY);
        let at = |now_ms| Context {
            now_ms,
            ..Context::default()
        };
        weekly.skip(&at(0), "1970-01-03").unwrap();
        let moved =
            json!({"date": "1970-01-10", "starts": "1970-01-18T12:00", "place": "Upstairs"});
        weekly.move_date(&at(0), &moved).unwrap();
        let times: Vec<u64> = [0, start + 2 * week - HOUR, start + 2 * week + DAY - HOUR]
            .into_iter()
            .filter_map(|sent| next(&weekly, sent))
            .collect();
        assert_eq!(
            times,
            [start + 2 * week - HOUR, start + 2 * week + DAY - HOUR]
        );
        let zone = weekly.plan.zone();
        let date = weekly.dates_after(0, &zone).nth(1).unwrap();
        let told = reminder(&at(start + 2 * week + DAY - HOUR), &weekly, &date);
        let words = "⏰ “Lunch” begins today at 12:00 (UTC), Upstairs.";
        assert_eq!(told.body, words);
        // Moved to so soon that its reminder is over: that is not told, the others are.
        let soon = start + 2 * week + DAY - HOUR / 2;
        weekly
            .move_date(&at(soon), &json!({"date": "1970-01-10", "place": null}))
            .unwrap();
        assert_eq!(next(&weekly, start), Some(start + 2 * week - HOUR));
        assert_eq!(next(&weekly, start + 2 * week - HOUR), None);
        // Of whole days that were moved it is the morning of the new first.
        let mut fair =
            event(json!({"starts": "1970-01-03", "repeat": {"frequency": "weekly", "count": 2}}));
        fair.move_date(
            &at(0),
            &json!({"date": "1970-01-03", "starts": "1970-01-05"}),
        )
        .unwrap();
        assert_eq!(next(&fair, 0), Some(4 * DAY + 9 * HOUR - 15 * MINUTE));
        // One that takes long is told while it is on, however late.
        let long = json!({"date": "1970-01-03", "starts": "1970-01-05", "ends": "1970-01-20"});
        fair.move_date(&at(0), &long).unwrap();
        assert_eq!(due_dates(&fair, 0, 15 * DAY).len(), 1);
    }

    #[test]
    fn whole_days_are_told_of_in_the_morning() {
        let fair = event(json!({"starts": "1970-01-10", "remind_minutes_before": [15, 1440]}));
        let morning = 9 * DAY + 9 * HOUR;
        assert_eq!(next(&fair, 0), Some(morning - DAY));
        assert_eq!(next(&fair, morning - DAY), Some(morning - 15 * MINUTE));
        assert_eq!(next(&fair, morning - 15 * MINUTE), None);
        assert_eq!(due_dates(&fair, morning - DAY, morning).len(), 1);
        assert!(due_dates(&fair, 0, 10 * DAY).is_empty(), "it is over");
        for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
            let there = event(json!({"starts": "1970-01-10", "time_zone": zone}));
            let at = there
                .plan
                .zone()
                .utc((9 * DAY + 9 * HOUR - 15 * MINUTE) as i64) as u64;
            assert_eq!(next(&there, at - 1), Some(at), "{zone}");
            assert_eq!(next(&there, at), None, "{zone}");
        }
    }

    #[test]
    fn what_is_over_is_not_told() {
        let daily = event(json!({"repeat": {"frequency": "daily"}}));
        let start = 2 * DAY + 12 * HOUR;
        let due = |now: u64| -> Vec<i64> {
            let dates = due_dates(&daily, 0, now).into_iter();
            dates.map(|date| date.day).collect()
        };
        assert!(due(start - 16 * MINUTE).is_empty());
        assert_eq!(due(start - 15 * MINUTE), [2]);
        assert_eq!(due(start + 59 * MINUTE), [2], "late, but not too late");
        assert!(due(start + 61 * MINUTE).is_empty());
        assert_eq!(
            due(start + 3 * DAY),
            [5],
            "after a long absence the one that is on"
        );
    }

    #[test]
    fn reminders_read_well() {
        let mut lunch = event(json!({"place": "Roma", "time_zone": "Europe/Berlin"}));
        let at = |event: &Event, now_ms| {
            let ctx = Context {
                now_ms,
                ..Context::default()
            };
            let zone = event.plan.zone();
            let date = event.dates_after(0, &zone).next().unwrap();
            reminder(&ctx, event, &date)
        };
        let start = 2 * DAY + 11 * HOUR;
        assert_eq!(
            at(&lunch, start - 15 * MINUTE).body,
            "⏰ “Lunch” begins today at 12:00 (Europe/Berlin), Roma."
        );
        lunch.answers.going = vec!["bob".into(), "carol".into()];
        assert_eq!(
            at(&lunch, start).body,
            "⏰ “Lunch” begins now, Roma. 2 come: @bob and @carol"
        );
        let early = at(&lunch, start - DAY).blocks;
        let marks =
            r#"{"text":"tomorrow at 12:00 (Europe/Berlin)","at":212400000,"show":"date_time"}]"#;
        assert!(
            early.contains(r#"{"text":"@bob","user":"bob"}"#) && early.contains(marks),
            "{early}"
        );
        let mut fair = event(json!({"starts": "1970-01-03", "ends": "1970-01-04"}));
        assert_eq!(at(&fair, DAY).body, "⏰ “Lunch” is tomorrow.");
        assert_eq!(at(&fair, 2 * DAY + 9 * HOUR).body, "⏰ “Lunch” is today.");
        fair.plan.time_zone = "America/New_York".into();
        assert_eq!(at(&fair, 2 * DAY + 14 * HOUR).body, "⏰ “Lunch” is today.");
        assert_eq!(
            at(&fair, 3 * DAY + 14 * HOUR).body,
            "⏰ “Lunch” began on Saturday 1970-01-03."
        );
    }

    proptest! {
        /// However often and late the timer runs: every date is told of at most as often as it has
        /// reminders, none that is over, and none is left out while the timer runs in time.
        #[test]
        fn each_reminder_comes_once(
            before in prop::collection::btree_set(0..4000u32, 1..4), late in prop::collection::vec(0..3*DAY, 40),
            in_time in any::<bool>()
        ) {
            let before: Vec<u32> = before.into_iter().collect();
            let daily = event(json!({"remind_minutes_before": before, "repeat": {"frequency": "daily", "count": 10}}));
            let (mut sent, mut told) = (0, Vec::new());
            for late in late {
                let Some(at) = next(&daily, sent) else { break };
                prop_assert!(at > sent);
                let now = if in_time { at } else { at + late };
                for date in due_dates(&daily, sent, now) {
                    prop_assert!(date.end_ms > now as i64);
                    told.push(date.day);
                }
                sent = now;
            }
            let days: BTreeSet<i64> = told.iter().copied().collect();
            for day in days {
                prop_assert!(told.iter().filter(|told| **told == day).count() <= before.len());
            }
            if in_time {
                let zone = daily.plan.zone();
                let expected: usize = daily.plan.occurrences(&zone, 0)
                    .flat_map(|date| before.iter().map(move |m| date.start_ms - i64::from(*m) * MINUTE_MS))
                    .filter(|at| *at > 0)
                    .count();
                prop_assert_eq!(told.len(), expected);
            }
        }
    }
}
