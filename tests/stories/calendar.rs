//! Events: answered, repeated, changed, told of in time, and found in people's own calendars.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ChildHost, Database, Person, TestHost, eventually, stories};

stories!(
    an_event_is_made_and_answered,
    whoever_waits_moves_up_and_is_told,
    who_cannot_be_told_holds_up_nothing,
    who_made_an_event_changes_it,
    what_is_no_event_is_refused,
    many_long_events_are_read_in_pages,
    an_event_is_a_calendar_file,
    a_calendar_is_followed_from_outside,
    nobody_sees_events_of_channels_they_are_not_in,
    calendars_follow_what_becomes_of_people,
    people_are_reminded_of_each_date,
    places_given_survive_a_crash,
);

/// Sends an event to a channel.
async fn make(who: &Person, channel: &str, data: Value) -> Value {
    let event = json!({ "channel_id": channel, "type": "event", "data": data });
    who.post("/v1/messages", event).await.is(201)
}

/// A host with events, and people in `general`; the neighbour has events of its own.
async fn start<const N: usize>(database: &Database, ids: [&str; N]) -> (TestHost, [Person; N]) {
    let host = TestHost::timeless(database).await;
    host.other.plugin("event", json!({})).await;
    let theirs = host.other.session("alice").await;
    let secret = json!({ "title": crate::support::OTHERS, "starts": "2026-12-04T12:30" });
    let secret = json!({ "channel_id": "general", "type": "event", "data": secret });
    theirs.post("/v1/messages", secret).await.raw_is(201);
    host.app
        .plugin("event", json!({ "time_zone": "Europe/Berlin" }))
        .await;
    let mut people = host.app.users(ids).await;
    for person in &mut people {
        *person = host.app.day_session(&person.id).await;
    }
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

fn path(message: &Value, before: &str, after: &str) -> String {
    format!("{before}{}{after}", message["id"].as_str().expect("an id"))
}

/// What an event shows in words.
async fn shown(who: &Person, event: &Value) -> String {
    let message = who.get(path(event, "/v1/messages/", "")).await.is(200);
    message["view"]["text"].as_str().expect("a text").to_owned()
}

/// The titles of the dates that somebody has before them, by a query.
async fn dates(who: &Person, query: &str) -> Vec<String> {
    let answer = who.get(format!("/v1/x/event/events?{query}")).await.is(200);
    let title = |id: &Value| {
        let events = answer["events"].as_array().expect("a list").iter();
        let found = events
            .into_iter()
            .find(|event| event["id"] == *id)
            .expect("its event");
        found["title"].as_str().expect("a title").to_owned()
    };
    let dates = answer["dates"].as_array().expect("a list").iter();
    dates.map(|date| title(&date["event_id"])).collect()
}

/// Waits until the dates are these: they follow the log.
async fn coming(who: &Person, query: &str, expected: &[&str]) {
    let what = format!("`{query}` lists {expected:?}");
    eventually(&what, async || {
        (dates(who, query).await == expected).then_some(())
    })
    .await;
}

/// A calendar file without its folds, by lines.
fn lines(file: &str) -> Vec<String> {
    assert!(
        file.starts_with("BEGIN:VCALENDAR\r\n") && file.ends_with("END:VCALENDAR\r\n"),
        "{file}"
    );
    assert!(file.split("\r\n").all(|line| line.len() <= 75), "{file}");
    file.replace("\r\n ", "")
        .split("\r\n")
        .map(str::to_owned)
        .collect()
}

async fn an_event_is_made_and_answered(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, ["alice", "bob", "carol"]).await;
    let mut phone = carol.connect().await;
    phone.subscribe("general").await;
    let line = "/event Team lunch friday 12:30-13:30 every week at Café Roma";
    let path = "/v1/channels/general/commands/complete";
    let choices = alice.post(path, crate::support::typed(line)).await.is(200);
    let label =
        "Team lunch: Friday 2026-11-27, 12:30–13:30 Europe/Berlin, every week, at Café Roma";
    assert_eq!(choices["choices"][0]["label"], label);
    alice.types("general", line).await.is(200);
    let event = phone.next_event("message.new").await["data"]["message"].clone();
    let data = json!({ "title": "Team lunch", "starts": "2026-11-27T12:30", "ends": "2026-11-27T13:30",
        "time_zone": "Europe/Berlin", "place": "Café Roma", "repeat": { "frequency": "weekly" },
        "remind_minutes_before": [15], "created_by": "alice" });
    assert_eq!((&event["type"], &event["data"]), (&json!("event"), &data));
    bob.act(&event, "answer", json!("yes")).await.is(200);
    carol.act(&event, "answer", json!("maybe")).await.is(200);
    alice.act(&event, "answer", json!("no")).await.is(200);
    let words = "📅 Team lunch\nFriday 2026-11-27, 12:30–13:30 Europe/Berlin, every week\n📍 Café Roma\n\
        1 comes: @bob\n1 may come: @carol\n1 doesn't come: @alice\nby @alice";
    assert_eq!(shown(&carol, &event).await, words);
    carol.act(&event, "answer", json!(null)).await.is(200);
    assert!(!shown(&carol, &event).await.contains("@carol"));
    for value in [json!("perhaps"), json!(1), json!(["yes"])] {
        bob.act(&event, "answer", value)
            .await
            .refused(422, "action_refused");
    }
    coming(&bob, "", &["Team lunch"; 4]).await;
    let calendar = bob.types("general", "/calendar").await.is(200)["reply"]["text"].clone();
    let calendar = calendar.as_str().expect("a text");
    let begin =
        "Coming up (Europe/Berlin):\nTeam lunch: on Friday 2026-11-27 at 12:30, Café Roma\n";
    assert!(calendar.starts_with(begin), "{calendar}");
    let help = alice.types("general", "/event").await.is(200);
    assert!(help["reply"]["text"].to_string().contains("what and when"));
    alice
        .types("general", "/event Lunch")
        .await
        .refused(422, "action_refused");
    phone.close().await;
    drop(host);
}

async fn whoever_waits_moves_up_and_is_told(database: Database) {
    let (_host, [alice, bob, carol, dave]) =
        start(&database, ["alice", "bob", "carol", "dave"]).await;
    let data = json!({ "title": "Sauna", "starts": "2026-12-04T18:00", "capacity": 1 });
    let event = make(&alice, "general", data).await;
    for who in [&bob, &carol, &dave] {
        who.act(&event, "answer", json!("yes")).await.is(200);
    }
    let full = shown(&alice, &event).await;
    assert!(
        full.contains("1 of 1 come: @bob\n2 are on the waiting list: @carol and @dave"),
        "{full}"
    );
    bob.act(&event, "answer", json!("no")).await.is(200);
    let told = async || {
        let said = alice.history("general").await;
        let texts: Vec<Value> = said.iter().map(|message| message["data"].clone()).collect();
        texts
            .contains(&json!("🎟 @carol has got a place: “Sauna”."))
            .then_some(())
    };
    eventually("Carol is told", told).await;
    alice
        .act(&event, "edit", json!({ "capacity": 5 }))
        .await
        .is(200);
    let more = shown(&alice, &event).await;
    assert!(more.contains("2 of 5 come: @carol and @dave"), "{more}");
}

async fn who_cannot_be_told_holds_up_nothing(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, ["alice", "bob", "carol"]).await;
    host.app.channel("second", &[&alice]).await;
    let data = json!({ "title": "Sauna", "starts": "2026-12-04T18:00", "capacity": 1 });
    let event = make(&alice, "general", data).await;
    for who in [&bob, &carol] {
        who.act(&event, "answer", json!("yes")).await.is(200);
    }
    coming(&alice, "", &["Sauna"]).await;
    // Elsewhere the channel is named as people know it.
    let (backend, general) = (&host.app.backend, "/v1/channels/general");
    let named = json!({ "name": "The office" });
    backend.patch(general, named).await.is(200);
    let answer = alice.types("second", "/calendar").await.is(200);
    let reply = answer["reply"]["text"].as_str().expect("a text");
    assert!(reply.ends_with(" in The office"), "{reply}");
    // The channel takes no messages when Bob's place gets free.
    let active = async |active: bool| {
        let change = json!({ "active": active });
        backend.patch(general, change).await.is(200);
    };
    active(false).await;
    let seat = format!("{general}/participants/bob");
    backend.delete(seat).await.is(204);
    let moved = async || {
        let shown = shown(&alice, &event).await;
        shown.contains("1 of 1 come: @carol").then_some(())
    };
    eventually("Carol has the place", moved).await;
    // No time passes: if that were tried again, nothing else would be listed meanwhile.
    let data = json!({ "title": "Walk", "starts": "2026-12-05T18:00" });
    make(&alice, "second", data).await;
    coming(&alice, "", &["Sauna", "Walk"]).await;
    let log = backend.get("/v1/plugins/event/log").await.is(200);
    assert!(
        log.to_string()
            .contains("who has got a place was not posted"),
        "{log}"
    );
}

async fn who_made_an_event_changes_it(database: Database) {
    let (_host, [alice, bob, carol]) = start(&database, ["alice", "bob", "carol"]).await;
    let data = json!({ "title": "Lunch", "starts": "2026-12-04T12:30", "repeat": { "frequency": "weekly" } });
    let event = make(&bob, "general", data).await;
    for (action, value) in [
        ("edit", json!({ "title": "Dinner" })),
        ("skip", json!("2026-12-11")),
        ("cancel", json!(null)),
    ] {
        let refused = carol.act(&event, action, value).await;
        let problem = refused.refused(422, "action_refused");
        assert!(
            problem["detail"].to_string().contains("Only who made"),
            "{problem}"
        );
    }
    bob.act(&event, "skip", json!("2026-12-11")).await.is(200);
    let change = json!({ "title": "Brunch", "place": "Roma" });
    alice.act(&event, "edit", change).await.is(200);
    let document = carol
        .get(path(&event, "/v1/x/event/events/", ""))
        .await
        .is(200);
    assert_eq!(
        (&document["title"], &document["skipped"]),
        (&json!("Brunch"), &json!(["2026-12-11"]))
    );
    assert_eq!(document["ends"], "2026-12-04T13:30");
    coming(&carol, "to_ms=1798000000000", &["Brunch", "Brunch"]).await;
    bob.act(&event, "cancel", json!(null)).await.is(200);
    assert!(
        shown(&carol, &event)
            .await
            .contains("This event is cancelled.")
    );
    carol
        .act(&event, "answer", json!("yes"))
        .await
        .refused(422, "action_refused");
    coming(&carol, "", &[]).await;
    let file = carol
        .get(path(&event, "/v1/x/event/", ".ics"))
        .await
        .raw_is(200);
    let file = lines(&file);
    assert!(
        file.contains(&"STATUS:CANCELLED".into()) && file.contains(&"SEQUENCE:3".into()),
        "{file:?}"
    );
    alice.act(&event, "revive", json!(null)).await.is(200);
    coming(&carol, "to_ms=1798000000000", &["Brunch", "Brunch"]).await;
}

async fn what_is_no_event_is_refused(database: Database) {
    let (host, [alice]) = start(&database, ["alice"]).await;
    for data in [
        json!({}),
        json!("Lunch"),
        json!({ "title": "x" }),
        json!({ "title": "x", "starts": "soon" }),
        json!({ "title": "x", "starts": "2020-01-01T10:00" }),
        json!({ "title": "x", "starts": "2026-12-04T10:00", "time_zone": "Berlin" }),
        json!({ "title": "x", "starts": "2026-12-04T10:00", "ends": "2026-12-04T09:00" }),
        json!({ "title": "x", "starts": "2026-12-04T10:00", "capacity": 0 }),
        json!({ "title": "x", "starts": "2026-12-04T10:00", "repeat": { "frequency": "hourly" } }),
        json!({ "title": "x", "starts": "2026-12-04T10:00", "created_by": "bob" }),
    ] {
        let event = json!({ "channel_id": "general", "type": "event", "data": data });
        let answer = alice.post("/v1/messages", event).await;
        assert_eq!(answer.invalid(), ["data"], "{data}");
    }
    assert!(alice.history("general").await.is_empty());
    let wrong = json!({ "config": { "time_zone": "Berlin", "feed_address": "chat" } });
    let refused = host.app.backend.put("/v1/plugins/event", wrong).await;
    assert_eq!(
        refused.invalid(),
        ["config.time_zone", "config.feed_address"]
    );
}

async fn many_long_events_are_read_in_pages(database: Database) {
    let (_host, [alice]) = start(&database, ["alice"]).await;
    let title = |n: usize| format!("e{n:02}");
    for n in 0..20 {
        let data = json!({ "title": title(n), "starts": format!("2026-12-{:02}", n + 1),
            "description": "🙂".repeat(3_500) });
        make(&alice, "general", data).await;
    }
    // The last of them is listed once the others are.
    coming(&alice, "from_ms=1797759000000", &["e19"]).await;
    let (mut found, mut query, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer = alice.get(format!("/v1/x/event/events?{query}")).await;
        let answer = answer.is(200);
        let events = answer["events"].as_array().expect("a list").iter();
        found.extend(events.map(|event| event["title"].as_str().expect("a title").to_owned()));
        pages += 1;
        let Some(next) = answer["next"].as_str() else {
            break;
        };
        query = format!("after={next}");
    }
    assert_eq!(found, (0..20).map(title).collect::<Vec<_>>());
    assert!(pages > 1, "{pages} pages");
    // The calendar holds the first that fit.
    let file = alice.get("/v1/x/event/calendar.ics").await.raw_is(200);
    let titles = |n: usize| file.contains(&format!("SUMMARY:e{n:02}\r\n"));
    assert!(titles(0) && titles(12) && !titles(19));
}

async fn an_event_is_a_calendar_file(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let named = json!({ "users": [{ "id": "bob", "name": "Bob, the builder" }] });
    host.app.backend.put("/v1/users", named).await.is(200);
    let data = json!({ "title": "Lunch; at last, with \\ and é", "starts": "2026-12-04T12:30",
        "description": "Bring\nmoney", "repeat": { "frequency": "weekly", "until": "2027-06-30" } });
    let event = make(&alice, "general", data).await;
    bob.act(&event, "answer", json!("yes")).await.is(200);
    let answer = bob.get(path(&event, "/v1/x/event/", ".ics")).await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/calendar; charset=utf-8")
    );
    let name = answer
        .header("content-disposition")
        .expect("a name")
        .to_owned();
    assert!(
        name.starts_with("attachment; filename=\"msg_") && name.ends_with(".ics\""),
        "{name}"
    );
    let file = lines(&answer.raw_is(200));
    for line in [
        "TZID:Europe/Berlin",
        "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
        &path(&event, "UID:", "@event.althing"),
        "SEQUENCE:0",
        "DTSTAMP:20261120T120000Z",
        "DTSTART;TZID=Europe/Berlin:20261204T123000",
        "DTEND;TZID=Europe/Berlin:20261204T133000",
        "RRULE:FREQ=WEEKLY;UNTIL=20270630T103000Z",
        "SUMMARY:Lunch\\; at last\\, with \\\\ and é",
        "DESCRIPTION:Bring\\nmoney",
        "STATUS:CONFIRMED",
        "ATTENDEE;CN=\"Bob, the builder\";PARTSTAT=ACCEPTED:urn:althing:bob",
    ] {
        assert!(file.contains(&line.to_owned()), "{line}: {file:?}");
    }
    assert!(
        !file.iter().any(|line| line.starts_with("METHOD")),
        "{file:?}"
    );
    for (path, status) in [
        ("/v1/x/event/msg_0000000000000001.ics", 404),
        ("/v1/x/event/.ics", 404),
        ("/v1/x/event/x", 404),
        ("/v1/x/event/events?from_ms=x", 400),
        ("/v1/x/event/events?colour=red", 400),
    ] {
        assert_eq!(bob.get(path).await.status, status, "{path}");
    }
    // With a server key a channel has to be named.
    assert_eq!(host.app.backend.get("/v1/x/event/events").await.status, 400);
    coming(
        &host.app.backend,
        "channel_id=general&to_ms=1796480000000",
        &["Lunch; at last, with \\ and é"],
    )
    .await;
}

async fn a_calendar_is_followed_from_outside(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let [lunch, dull] =
        ["Lunch", "Dull"].map(|title| json!({ "title": title, "starts": "2026-12-04T12:30" }));
    make(&alice, "general", lunch).await;
    let dull = make(&alice, "general", dull).await;
    bob.act(&dull, "answer", json!("no")).await.is(200);
    let titles = |file: &str| -> Vec<String> {
        let all = lines(file).into_iter();
        all.filter_map(|line| line.strip_prefix("SUMMARY:").map(str::to_owned))
            .collect()
    };
    coming(&bob, "", &["Lunch", "Dull"]).await;
    let own = bob.get("/v1/x/event/calendar.ics").await.raw_is(200);
    assert_eq!(titles(&own), ["Lunch"], "but what Bob has said no to");
    assert!(own.contains("X-WR-CALNAME:bob\r\n") && !own.contains("alice\";PARTSTAT"));
    let address = format!("/v1/apps/{}/x/event", host.app.id);
    // The address goes into a calendar app, which sends no token.
    let made = bob
        .post("/v1/x/event/subscription", json!({}))
        .await
        .is(201);
    let path = made["path"].as_str().expect("a path").to_owned();
    assert!(path.len() > 50 && made.get("url").is_none(), "{made}");
    let stranger = host.stranger();
    let outside = stranger.get(format!("{address}{path}")).await;
    assert_eq!(outside.header("cache-control"), Some("private, no-store"));
    assert_eq!(outside.raw_is(200), own);
    assert_eq!(
        bob.get("/v1/x/event/subscription").await.is(200),
        json!({ "active": true })
    );
    // Nothing else is open, and no other address is one.
    let (most, last) = path.trim_end_matches(".ics").split_at(path.len() - 5);
    let guess = format!("{most}{}.ics", if last == "0" { '1' } else { '0' });
    for path in [
        guess.as_str(),
        "/feed/",
        "/feed/x.ics",
        "/feed",
        "/calendar.ics",
        "/events",
        "/subscription",
    ] {
        let answer = stranger.get(format!("{address}{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let theirs = format!("/v1/apps/{}/x/event{path}", host.other.id);
    assert_eq!(
        stranger.get(theirs).await.status,
        404,
        "it is of this app alone"
    );
    // Another address takes the place of the first, and is taken back.
    let config = json!({ "config": { "time_zone": "Europe/Berlin", "feed_address": "https://chat.example/e/" } });
    host.app
        .backend
        .put("/v1/plugins/event", config)
        .await
        .is(200);
    let reply = bob.types("general", "/calendar link").await.is(200)["reply"]["text"].clone();
    let reply = reply.as_str().expect("a text");
    let (_, second) = reply
        .split_once("https://chat.example/e")
        .expect("a whole address");
    let second = second.lines().next().expect("a path").to_owned();
    assert_eq!(stranger.get(format!("{address}{path}")).await.status, 404);
    assert_eq!(stranger.get(format!("{address}{second}")).await.status, 200);
    // It is kept as a hash: nobody who reads what the plugin keeps learns it.
    let token = second.trim_start_matches("/feed/").trim_end_matches(".ics");
    let log = host.app.backend.get("/v1/plugins/event/log").await.text;
    assert!(!log.contains(token));
    bob.types("general", "/calendar unlink").await.is(200);
    assert_eq!(stranger.get(format!("{address}{second}")).await.status, 404);
    assert_eq!(
        bob.get("/v1/x/event/subscription").await.is(200),
        json!({ "active": false })
    );
    // It goes with its user: whoever has the id next is another person.
    let third = bob
        .post("/v1/x/event/subscription", json!({}))
        .await
        .is(201)["path"]
        .clone();
    let third = format!("{address}{}", third.as_str().expect("a path"));
    assert_eq!(titles(&stranger.get(&third).await.raw_is(200)), ["Lunch"]);
    // Who is shut out sees nothing by this way either.
    let shut = async |what: &str| {
        let path = format!("/v1/users/bob/{what}");
        host.app.backend.post(path, json!({})).await.is(200);
        titles(&stranger.get(&third).await.raw_is(200)).len()
    };
    assert_eq!(shut("deactivate").await, 0);
    assert_eq!(shut("reactivate").await, 1);
    host.app.backend.delete("/v1/users/bob").await.is(204);
    assert_eq!(stranger.get(&third).await.status, 404);
    host.app.user("bob").await;
    assert_eq!(stranger.get(&third).await.status, 404);
}

async fn nobody_sees_events_of_channels_they_are_not_in(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let zoe = host.app.user("zoe").await;
    host.app.channel("secret", &[&alice, &zoe]).await;
    let hidden = json!({ "title": "hidden", "starts": "2026-12-04T12:30" });
    let event = make(&alice, "secret", hidden).await;
    coming(&zoe, "", &["hidden"]).await;
    coming(&alice, "", &["hidden"]).await;
    assert!(dates(&bob, "").await.is_empty());
    assert!(dates(&bob, "channel_id=secret").await.is_empty());
    for path in [
        path(&event, "/v1/x/event/", ".ics"),
        path(&event, "/v1/x/event/events/", ""),
    ] {
        zoe.get(&path).await.raw_is(200);
        assert_eq!(bob.get(&path).await.status, 404);
        assert_eq!(host.other.backend.get(&path).await.status, 404);
        host.stranger()
            .get(&path)
            .await
            .refused(401, "unauthenticated");
    }
    let file = bob.get("/v1/x/event/calendar.ics").await.raw_is(200);
    assert!(!file.contains("hidden"), "{file}");
    let theirs = host
        .other
        .session("bob")
        .await
        .get("/v1/x/event/calendar.ics")
        .await;
    assert!(!theirs.text.contains("hidden"), "{}", theirs.text);
    host.app
        .backend
        .delete("/v1/channels/secret/participants/zoe")
        .await
        .is(204);
    assert!(dates(&zoe, "").await.is_empty(), "at once");
    assert_eq!(
        zoe.get(path(&event, "/v1/x/event/", ".ics")).await.status,
        404
    );
}

async fn calendars_follow_what_becomes_of_people(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, ["alice", "bob", "carol"]).await;
    let backend = &host.app.backend;
    let data = json!({ "title": "Sauna", "starts": "2026-12-04T18:00", "capacity": 1 });
    let sauna = make(&alice, "general", data).await;
    carol
        .types("general", "/event Party 2026-12-05 20:00")
        .await
        .is(200);
    coming(&alice, "", &["Sauna", "Party"]).await;
    bob.act(&sauna, "answer", json!("yes")).await.is(200);
    carol.act(&sauna, "answer", json!("yes")).await.is(200);
    // Whoever leaves gives the place to whoever waits.
    backend
        .delete("/v1/channels/general/participants/bob")
        .await
        .is(204);
    let moved = async || {
        shown(&alice, &sauna)
            .await
            .contains("1 of 1 come: @carol")
            .then_some(())
    };
    eventually("Carol has the place", moved).await;
    // What was posted for Carol goes with her.
    backend.delete("/v1/users/carol").await.is(204);
    for seconds in [0, 60, 3_600] {
        host.pass(Duration::from_secs(seconds)).await;
    }
    coming(&alice, "", &["Sauna"]).await;
    let empty = async || (!shown(&alice, &sauna).await.contains("carol")).then_some(());
    eventually("Carol is forgotten", empty).await;
    let gone = alice.get(path(&sauna, "/v1/messages/", "")).await.is(200);
    assert!(!gone.to_string().contains("carol"), "{gone}");
    // An event goes with its message, and with its channel.
    alice
        .delete(path(&sauna, "/v1/messages/", ""))
        .await
        .is(200);
    coming(&alice, "", &[]).await;
    let log = backend.get("/v1/plugins/event/log").await.is(200);
    assert_eq!(log, json!({ "lines": [] }));
}

/// The reminders in a channel, old to new.
async fn said(who: &Person) -> Vec<String> {
    let messages = who.history("general").await;
    messages
        .iter()
        .filter(|message| message["from"] == "bot:event" && message["type"] == "text")
        .map(|message| message["data"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn people_are_reminded_of_each_date(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let data = json!({ "title": "Standup", "starts": "2026-11-20T14:00", "ends": "2026-11-20T14:15",
        "repeat": { "frequency": "daily", "count": 5 }, "remind_minutes_before": [10] });
    let standup = make(&alice, "general", data).await;
    bob.act(&standup, "answer", json!("yes")).await.is(200);
    alice
        .act(&standup, "skip", json!("2026-11-22"))
        .await
        .is(200);
    coming(&bob, "", &["Standup"; 4]).await;
    let told = async |many: usize| {
        let what = format!("{many} reminders");
        eventually(&what, async || {
            let said = said(&host.app.backend).await;
            (said.len() == many).then_some(said)
        })
        .await
    };
    // 14:00 in Berlin is 13:00 in UTC, where it is noon.
    host.pass(Duration::from_secs(50 * 60)).await;
    let first = "⏰ “Standup” begins today at 14:00 (Europe/Berlin). 1 comes: @bob";
    assert_eq!(told(1).await, [first]);
    alice.act(&standup, "answer", json!("yes")).await.is(200);
    // The next date comes while the host is away, and is under way when it is back.
    host.stop().await;
    host.pass(Duration::from_secs(86_400 + 12 * 60)).await;
    for _ in 0..2 {
        host.restart().await;
        let late = told(2).await;
        assert!(
            late[1].starts_with("⏰ “Standup” began today at 14:00"),
            "{late:?}"
        );
    }
    // The third is left out; the fourth is over before anybody looks; the fifth is told in time.
    host.stop().await;
    host.pass(Duration::from_secs(2 * 86_400 + 3_600)).await;
    host.restart().await;
    host.pass(Duration::from_secs(86_400 - 3_600 - 12 * 60))
        .await;
    assert!(told(3).await[2].starts_with("⏰ “Standup” begins today"));
    let [alice, bob] = [
        host.app.day_session("alice").await,
        host.app.day_session("bob").await,
    ];
    // One that is moved is told at its new time alone.
    let data =
        json!({ "title": "Moved", "starts": "2026-11-24T15:00", "remind_minutes_before": [10] });
    let moved = make(&alice, "general", data).await;
    alice
        .act(&moved, "edit", json!({ "starts": "2026-11-24T16:00" }))
        .await
        .is(200);
    coming(&bob, "", &["Standup", "Moved"]).await;
    host.pass(Duration::from_secs(3_900)).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    phone.close().await;
    host.pass(Duration::from_secs(3_300)).await;
    assert_eq!(
        told(4).await[3],
        "⏰ “Moved” begins today at 16:00 (Europe/Berlin)."
    );
    host.pass(Duration::from_secs(10 * 86_400)).await;
    let bob = host.app.session("bob").await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    phone.close().await;
}

async fn places_given_survive_a_crash(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let people = host.app.users(["alice", "bob", "carol"]).await;
    host.app.plugin("event", json!({})).await;
    host.app.channel("general", &people.each_ref()).await;
    let [alice, bob, carol] = people;
    let mut due = BTreeMap::new();
    for n in 0..20 {
        let data = json!({ "title": format!("e{n:02}"), "starts": "2027-12-04", "capacity": 1 });
        let event = make(&alice, "general", data).await;
        for (who, answer) in [(&bob, "yes"), (&carol, "yes"), (&bob, "no")] {
            who.act(&event, "answer", json!(answer)).await.is(200);
        }
        due.insert(format!("🎟 @carol has got a place: “e{n:02}”."), 1);
    }
    let count = async || {
        let mut count = BTreeMap::<String, usize>::new();
        for text in said(&alice).await {
            *count.entry(text).or_default() += 1;
        }
        count
    };
    let some = async || (count().await.len() >= 2).then_some(());
    eventually("something has come", some).await;
    host.kill_and_restart().await;
    let all = async || (count().await.len() >= due.len()).then_some(());
    eventually("all that is due has come", all).await;
    host.kill_and_restart().await;
    assert_eq!(count().await, due);
}
