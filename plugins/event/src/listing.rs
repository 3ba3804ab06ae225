//! Events of channels: who asks sees those of the channels that they are in, the app's backend all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use althing_plugin::dates::date_of;
use althing_plugin::when::Zone;
use althing_plugin::{Error, Value, chat, json};

use crate::event::{Event, KIND, Occurrence};
use crate::index;

/// Channels of one person that are looked through.
const CHANNELS_MAX: usize = 300;
/// Events that one answer is made of.
const EVENTS_MAX: usize = 300;
/// Parts of lists that are read for what is over; the host allows 1,000 questions in all.
const LOOKS_MAX: usize = 350;

/// An event and where it stands.
pub struct Found {
    pub id: String,
    pub channel: String,
    pub event: Event,
}

impl Found {
    /// As the plugin's routes show it.
    pub fn document(&self) -> Value {
        let (event, plan) = (&self.event, &self.event.plan);
        let mut document = json!(plan.data());
        let more = json!({
            "id": self.id, "channel_id": self.channel, "all_day": plan.all_day,
            "created_by": event.created_by, "cancelled": event.cancelled,
            "skipped": event.skipped.iter().map(|day| write_day(*day)).collect::<Vec<_>>(),
            "moved": event.moved.iter().map(|moved| {
                let date = event.plan_on(moved.day).data();
                json!({ "date": write_day(moved.day), "starts": date.starts, "ends": date.ends, "place": date.place })
            }).collect::<Vec<_>>(),
            "answers": {
                "going": event.answers.going, "waiting": event.answers.waiting,
                "maybe": event.answers.maybe, "no": event.answers.no,
            },
        });
        if let (Some(document), Some(more)) = (document.as_object_mut(), more.as_object()) {
            document.extend(more.clone());
        }
        document
    }
}

/// `2026-12-11`: how a date of a series is known.
pub fn write_day(day: i64) -> String {
    date_of(day).to_string()
}

/// The channels that a user is in.
pub fn channels_of(user: &str) -> Result<Vec<String>, Error> {
    let mut channels: Vec<String> = Vec::new();
    while channels.len() < CHANNELS_MAX {
        let after = channels.last().map(String::as_str);
        let page = chat::channels_of(user, after, 100)?;
        let is_last = page.len() < 100;
        channels.extend(page);
        if is_last {
            break;
        }
    }
    Ok(channels)
}

/// The events of these channels that are over for good after a time only, in no order.
pub fn of_channels(channels: &[String], after_ms: u64) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for channel in channels {
        let left = EVENTS_MAX - found.len();
        for id in index::of_channel(channel, after_ms, left)? {
            if let Some(event) = chat::find_state(&id)? {
                found.push(Found {
                    id,
                    channel: channel.clone(),
                    event,
                });
            }
        }
    }
    Ok(found)
}

/// The events of a calendar of these channels: those that are not over, the next first; then those that are over
/// since a time, the last first.
pub fn calendar(channels: &[String], from_ms: u64, now_ms: u64) -> Result<Vec<Found>, Error> {
    let mut found = of_channels(channels, now_ms)?;
    let (mut over, mut looks) = (Vec::new(), LOOKS_MAX);
    for channel in channels {
        if found.len() >= EVENTS_MAX || looks == 0 {
            break;
        }
        let keys = index::between(channel, from_ms, Some(now_ms), EVENTS_MAX)?;
        looks = looks.saturating_sub(1 + keys.len() / 100);
        over.extend(keys.into_iter().map(|key| (key, channel)));
    }
    // Keys sort by when an event is over.
    over.sort_by(|a, b| b.cmp(a));
    for (key, channel) in over.into_iter().take(EVENTS_MAX - found.len()) {
        if let Some(id) = index::message_of(&key)
            && let Some(event) = chat::find_state(id)?
        {
            found.push(Found {
                id: id.to_owned(),
                channel: channel.clone(),
                event,
            });
        }
    }
    sort(&mut found, now_ms);
    Ok(found)
}

/// By the next date, the next first; then what is over, the last first.
fn sort(events: &mut [Found], now_ms: u64) {
    events.sort_by_cached_key(|found| {
        let plan = &found.event.plan;
        let next = found.event.dates_after(now_ms, &plan.zone()).next();
        let place = match next {
            Some(date) => (false, date.start_ms),
            None => (true, -found.event.end_ms().unwrap_or(0)),
        };
        (place, found.id.clone())
    });
}

/// One event, if the user may see it; the backend is no user.
pub fn find(user: Option<&str>, message: &str) -> Result<Option<Found>, Error> {
    let known = match chat::message(message) {
        Ok(known) if !known.deleted && known.content.kind == KIND => known,
        Ok(_) | Err(Error::NotFound(_) | Error::Invalid(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(user) = user
        && chat::member(&known.channel, user)?.is_none()
    {
        return Ok(None);
    }
    let found = chat::find_state(message)?.map(|event| Found {
        id: known.id,
        channel: known.channel,
        event,
    });
    Ok(found)
}

/// A date among all of them: they are in the order of their times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub start_ms: i64,
    /// The event's message.
    pub event: String,
    /// The date's day, for two of one event may begin at the same time.
    pub day: i64,
}

/// The dates of these events between two times and after a place, the next first. Those that are cancelled
/// have none.
pub fn dates(
    events: &[Found],
    from_ms: u64,
    to_ms: u64,
    after: Option<&Place>,
    limit: usize,
) -> Vec<(usize, Occurrence)> {
    let to = i64::try_from(to_ms).unwrap_or(i64::MAX);
    // What began before the place was before it.
    let from = after.map_or(0, |after| u64::try_from(after.start_ms).unwrap_or(0));
    let from = from.max(from_ms);
    let after = after.map(|after| (after.start_ms, after.event.as_str(), after.day));
    let zones: Vec<Zone> = events.iter().map(|found| found.event.plan.zone()).collect();
    let mut series: Vec<_> = events
        .iter()
        .zip(&zones)
        .map(|(found, zone)| {
            let dates = found.event.dates_after(from, zone);
            let is_wanted = move |date: &Occurrence| {
                after.is_none_or(|after| (date.start_ms, found.id.as_str(), date.day) > after)
            };
            dates
                .take_while(move |date| date.start_ms < to && !found.event.cancelled)
                .filter(is_wanted)
        })
        .collect();
    // The next of each: a series may have many dates, and only the first of all are wanted.
    let mut heads: BinaryHeap<Reverse<(i64, &str, usize, Occurrence)>> = BinaryHeap::new();
    let mut dates = Vec::new();
    let head =
        |at: usize, date: Occurrence| Reverse((date.start_ms, events[at].id.as_str(), at, date));
    for (at, of_one) in series.iter_mut().enumerate() {
        heads.extend(of_one.next().map(|date| head(at, date)));
    }
    while dates.len() < limit
        && let Some(Reverse((_, _, at, date))) = heads.pop()
    {
        dates.push((at, date));
        heads.extend(series[at].next().map(|date| head(at, date)));
    }
    dates
}

#[cfg(test)]
pub mod tests {
    use althing_plugin::{Context, parse_json};

    use super::*;
    use crate::settings::Settings;

    pub fn found(id: &str, starts: &str, daily: bool) -> Found {
        let mut data = json!({"title": id, "starts": starts});
        if daily {
            data["repeat"] = json!({"frequency": "daily"});
        }
        let new: crate::new::NewEvent = parse_json(&data.to_string()).unwrap();
        let plan = new.check(&Settings::default(), 0).unwrap();
        Found {
            id: id.into(),
            channel: "general".into(),
            event: Event::new(&Context::default(), plan, "alice".into()),
        }
    }

    #[test]
    fn a_calendar_begins_with_what_comes_next() {
        let day = 86_400_000;
        let mut events = vec![
            found("past", "1970-01-02T12:00", false),
            found("last", "1970-01-04T12:00", false),
            found("soon", "1970-01-06T12:00", false),
            found("daily", "1970-01-01T09:00", true),
            found("later", "1970-02-01T12:00", false),
        ];
        sort(&mut events, 4 * day);
        let ids: Vec<&str> = events.iter().map(|found| found.id.as_str()).collect();
        assert_eq!(ids, ["daily", "soon", "later", "last", "past"]);
    }

    #[test]
    fn dates_of_all_come_in_one_order() {
        let mut events = vec![
            found("a", "1970-01-02T12:00", true),
            found("b", "1970-01-03T11:00", false),
        ];
        let order = |events: &[Found], limit: usize| -> String {
            let dates = dates(events, 0, 4 * 86_400_000, None, limit).into_iter();
            dates.map(|(at, _)| events[at].id.clone()).collect()
        };
        assert_eq!(order(&events, 100), "abaa");
        assert_eq!(order(&events, 2), "ab");
        events[0].event.cancelled = true;
        assert_eq!(order(&events, 100), "b");
        assert_eq!(events[0].document()["starts"], "1970-01-02T12:00");
        assert_eq!(
            events[0].document()["repeat"],
            json!({"frequency": "daily"})
        );
    }

    #[test]
    fn dates_at_the_same_time_are_told_apart() {
        let mut events = vec![found("a", "1970-01-02T12:00", true)];
        let moved = json!({"date": "1970-01-02", "starts": "1970-01-03T12:00", "place": "Roma"});
        let now = Context::default();
        events[0].event.move_date(&now, &moved).unwrap();
        events[0].event.skip(&now, "1970-01-04").unwrap();
        let (mut days, mut after) = (Vec::new(), None);
        while let [(_, date)] = dates(&events, 0, 5 * 86_400_000, after.as_ref(), 1)[..] {
            days.push(write_day(date.day));
            after = Some(Place {
                start_ms: date.start_ms,
                event: "a".into(),
                day: date.day,
            });
        }
        assert_eq!(days, ["1970-01-02", "1970-01-03", "1970-01-05"]);
        let document = events[0].document();
        let expected = json!([{"date": "1970-01-02", "starts": "1970-01-03T12:00", "ends": "1970-01-03T13:00",
            "place": "Roma"}]);
        assert_eq!(
            (&document["moved"], &document["skipped"]),
            (&expected, &json!(["1970-01-04"]))
        );
    }
}
