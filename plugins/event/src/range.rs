//! `GET /events`: the dates between two times and the events that have them, a page at a time.

use std::collections::BTreeSet;

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::{Context, Value, chat, json, to_json};

use crate::listing::{self, Found, Place};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const RANGE_DAYS: u64 = 31;
const RANGE_DAYS_MAX: u64 = 400;
/// Dates that one answer lists.
const DATES_MAX: usize = 500;
/// What an answer with dates and their events may have; the host passes on 256 KiB. It has one date at least.
const ANSWER_BYTES_MAX: usize = 200 * 1024;

/// `GET /events`: the dates between two times.
pub fn answer(ctx: &Context, user: Option<&str>, request: &Request) -> Result<Response, String> {
    let asked = match asked(ctx, request) {
        Ok(asked) => asked,
        Err(detail) => return Ok(Response::problem(400, "invalid", detail)),
    };
    let channels = match (user, asked.channel.clone()) {
        (Some(user), Some(channel)) => match chat::member(&channel, user) {
            Ok(Some(_)) => vec![channel],
            Ok(None) => Vec::new(),
            Err(error) => return Err(error.into()),
        },
        (Some(user), None) => listing::channels_of(user)?,
        (None, Some(channel)) => vec![channel],
        (None, None) => {
            let detail = "With a server key, say of which channel: `channel_id`.";
            return Ok(Response::problem(400, "invalid", detail));
        }
    };
    let events = listing::of_channels(&channels, asked.from_ms)?;
    Ok(Response::json(&page(&events, &asked)))
}

/// Dates and the events that have them, as many as fit, and where to go on if that is not all.
fn page(events: &[Found], asked: &Asked) -> Value {
    let (from, to, after) = (asked.from_ms, asked.to_ms, asked.after.as_ref());
    let found = listing::dates(events, from, to, after, DATES_MAX + 1);
    let (mut dates, mut documents, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
    let (mut bytes, mut next) = (0, None);
    for (at, date) in found {
        let Found { id, .. } = &events[at];
        let line = json!({
            "event_id": id, "date": listing::write_day(date.day), "starts_at_ms": date.start_ms,
            "ends_at_ms": date.end_ms,
        });
        let document = (!known.contains(id)).then(|| events[at].document());
        let parts = [Some(&line), document.as_ref()].into_iter().flatten();
        bytes += parts.map(|part| to_json(part).len() + 1).sum::<usize>();
        let is_full = dates.len() == DATES_MAX || bytes > ANSWER_BYTES_MAX;
        if is_full && !dates.is_empty() {
            let mut answer = json!({ "dates": dates, "events": documents });
            answer["next"] = json!(next);
            return answer;
        }
        next = Some(format!("{}/{id}/{}", date.start_ms, date.day));
        known.insert(id);
        dates.push(line);
        documents.extend(document);
    }
    json!({ "dates": dates, "events": documents })
}

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Asked {
    from_ms: u64,
    to_ms: u64,
    channel: Option<String>,
    after: Option<Place>,
}

fn asked(ctx: &Context, request: &Request) -> Result<Asked, String> {
    let (mut from, mut to, mut channel, mut after) = (ctx.now_ms, None, None, None);
    for (name, value) in request.params() {
        let time = || {
            let number = value.parse::<u64>();
            number.map_err(|_| format!("`{name}` must be milliseconds since 1970-01-01 UTC."))
        };
        match name.as_str() {
            "from_ms" => from = time()?,
            "to_ms" => to = Some(time()?),
            "channel_id" => channel = Some(value),
            "after" => {
                let place = read_place(&value);
                after = Some(place.ok_or("`after` must be the `next` of the page before.")?);
            }
            other => return Err(format!("There is no parameter `{other}`.")),
        }
    }
    let to = to.unwrap_or(from.saturating_add(RANGE_DAYS * DAY_MS));
    if to <= from || to - from > RANGE_DAYS_MAX * DAY_MS {
        return Err(format!(
            "`to_ms` must be after `from_ms`, by at most {RANGE_DAYS_MAX} days."
        ));
    }
    Ok(Asked {
        from_ms: from,
        to_ms: to,
        channel,
        after,
    })
}

/// Reads what a page gives as `next`.
fn read_place(text: &str) -> Option<Place> {
    let (start, rest) = text.split_once('/')?;
    let (event, day) = rest.split_once('/')?;
    Some(Place {
        start_ms: start.parse().ok()?,
        event: event.to_owned(),
        day: day.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let asked = |query: &str| {
            let request = Request {
                method: "GET".into(),
                path: "/events".into(),
                query: query.into(),
                headers: Vec::new(),
                body: Vec::new(),
            };
            let ctx = Context {
                now_ms: 1000,
                ..Context::default()
            };
            super::asked(&ctx, &request)
        };
        let all = asked("").unwrap();
        let month = 1000 + RANGE_DAYS * DAY_MS;
        assert_eq!((all.from_ms, all.to_ms, all.channel), (1000, month, None));
        let some = asked("from_ms=5&to_ms=6&channel_id=a%20b&after=7/msg_1/3").unwrap();
        let place = Place {
            start_ms: 7,
            event: "msg_1".into(),
            day: 3,
        };
        assert_eq!((some.from_ms, some.to_ms, some.after), (5, 6, Some(place)));
        assert_eq!(some.channel.as_deref(), Some("a b"));
        for (query, part) in [
            ("from_ms=x", "`from_ms`"),
            ("from_ms=6&to_ms=6", "`to_ms`"),
            ("to_ms=99999999999999", "400 days"),
            ("colour=red", "`colour`"),
            ("after=msg_1", "`after`"),
            ("after=7/msg_1", "`after`"),
            ("after=x/msg_1/3", "`after`"),
        ] {
            let error = asked(query).unwrap_err();
            assert!(error.contains(part), "{query}: {error}");
        }
    }

    /// All pages of an answer: the dates of each.
    fn pages(events: &[Found], to_ms: u64) -> Vec<Vec<(String, i64)>> {
        let mut asked = asked_until(to_ms);
        let mut pages = Vec::new();
        loop {
            let answer = page(events, &asked);
            assert!(to_json(&answer).len() <= ANSWER_BYTES_MAX + 100);
            let has = |event: &Value| {
                let listed = answer["events"].as_array().unwrap().iter();
                listed.filter(|known| known["id"] == *event).count()
            };
            let dates = answer["dates"].as_array().unwrap().iter().map(|date| {
                assert_eq!(has(&date["event_id"]), 1);
                let id = date["event_id"].as_str().unwrap().to_owned();
                (id, date["starts_at_ms"].as_i64().unwrap())
            });
            pages.push(dates.collect());
            match answer["next"].as_str() {
                Some(next) => asked.after = read_place(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn an_answer_is_no_longer_than_the_host_passes_on() {
        let found = listing::tests::found;
        let mut events: Vec<Found> = (0..180)
            .map(|n| found(&format!("m{n:03}"), "1970-01-02T12:00", false))
            .collect();
        for found in &mut events {
            let users = (0..20).map(|n| format!("{n:02}345678-9abc-def0-1234-56789abcdef0"));
            found.event.answers.going = users.collect();
            found.event.plan.description = "é".repeat(500);
        }
        let all = pages(&events, 9 * DAY_MS);
        assert!(all.len() > 1, "{} pages", all.len());
        let ids: Vec<String> = all.concat().into_iter().map(|(id, _)| id).collect();
        let expected: Vec<&str> = events.iter().map(|found| found.id.as_str()).collect();
        assert_eq!(ids, expected);
        // As many dates as there may be, of few events.
        let daily: Vec<Found> = ["a", "b", "c"]
            .map(|id| found(id, "1970-01-02T12:00", true))
            .into();
        let all = pages(&daily, 400 * DAY_MS);
        let lengths: Vec<usize> = all.iter().map(Vec::len).collect();
        assert_eq!(lengths, [DATES_MAX, DATES_MAX, 3 * 399 - 2 * DATES_MAX]);
        assert!(
            all.concat()
                .is_sorted_by_key(|(id, start)| (*start, id.clone()))
        );
        // Without a date in the time that is asked for an event is not listed.
        let later = [found("late", "1970-03-01T12:00", false)];
        assert_eq!(page(&later, &asked_until(DAY_MS))["events"], json!([]));
    }

    fn asked_until(to_ms: u64) -> Asked {
        Asked {
            from_ms: 0,
            to_ms,
            channel: None,
            after: None,
        }
    }
}
