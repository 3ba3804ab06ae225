//! What repeats: one date of an event that is left out or moved, tasks that are due again once they are done, and
//! reminders that are put off.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, eventually, stories, typed};

stories!(
    one_date_of_a_series_is_changed,
    exceptions_follow_the_series,
    dates_are_changed_in_the_chat,
    a_date_that_was_moved_is_told_in_time,
    a_task_that_repeats_is_due_again,
    a_reminder_is_snoozed,
);

/// A host with one of these plugins, and people in `general`, of whom the first owns it; the neighbour has one, too.
async fn start<const N: usize>(
    database: &Database,
    plugin: &str,
    ids: [&str; N],
) -> (TestHost, [Person; N]) {
    let host = TestHost::timeless(database).await;
    host.other.plugin(plugin, json!({})).await;
    let theirs = host.other.session("alice").await;
    let secret = json!({ "title": crate::support::OTHERS, "starts": "2026-12-04T12:30" });
    let secret = json!({ "channel_id": "general", "type": "event", "data": secret });
    if plugin == "event" {
        theirs.post("/v1/messages", secret).await.raw_is(201);
    }
    let zone = if plugin == "event" {
        "Europe/Berlin"
    } else {
        "UTC"
    };
    host.app.plugin(plugin, json!({ "time_zone": zone })).await;
    let mut people = host.app.users(ids).await;
    for person in &mut people {
        *person = host.app.day_session(&person.id).await;
    }
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

async fn make(who: &Person, kind: &str, data: Value) -> Value {
    let message = json!({ "channel_id": "general", "type": kind, "data": data });
    who.post("/v1/messages", message).await.is(201)
}

fn weekly() -> Value {
    json!({ "title": "Lunch", "starts": "2026-12-04T12:30", "place": "Roma",
        "repeat": { "frequency": "weekly" } })
}

fn path(message: &Value, before: &str, after: &str) -> String {
    format!("{before}{}{after}", message["id"].as_str().expect("an id"))
}

async fn shown(who: &Person, message: &Value) -> String {
    let message = who.get(path(message, "/v1/messages/", "")).await.is(200);
    message["view"]["text"].as_str().expect("a text").to_owned()
}

/// What a plugin wrote in `general`, old to new.
async fn said(who: &Person) -> Vec<String> {
    let messages = who.history("general").await;
    let is_bots = |message: &&Value| {
        message["from"]
            .as_str()
            .is_some_and(|id| id.starts_with("bot:"))
    };
    let texts = messages
        .iter()
        .filter(is_bots)
        .filter(|message| message["type"] == "text");
    texts
        .map(|message| message["data"].as_str().expect("a text").to_owned())
        .collect()
}

/// Waits until a plugin has said so much, and gives the last of it.
async fn told(who: &Person, many: usize) -> String {
    let what = format!("{many} texts");
    let found = async || {
        let said = said(who).await;
        (said.len() == many).then(|| said.last().cloned().unwrap_or_default())
    };
    eventually(&what, found).await
}

/// Nothing more has been said once all that is due has been done.
async fn nothing_more(host: &TestHost, who: &str, many: usize) {
    let person = host.app.day_session(who).await;
    let mut phone = person.connect().await;
    phone.subscribe("general").await;
    phone.caught_up(&host.app).await;
    assert_eq!(said(&person).await.len(), many);
    phone.close().await;
}

/// The dates of this year, as the list has them: by which day each is known, and when it begins.
async fn dates(who: &Person) -> Vec<(String, i64)> {
    let path = "/v1/x/event/events?to_ms=1798761600000";
    let answer = who.get(path).await.is(200);
    let dates = answer["dates"].as_array().expect("a list").iter();
    dates
        .map(|date| {
            let day = date["date"].as_str().expect("a day").to_owned();
            (day, date["starts_at_ms"].as_i64().expect("a time"))
        })
        .collect()
}

/// 2026-12-04, 12:30 in Berlin.
const FIRST: i64 = 1_796_383_800_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

async fn one_date_of_a_series_is_changed(database: Database) {
    let (_host, [alice, bob, carol]) = start(&database, "event", ["alice", "bob", "carol"]).await;
    let lunch = make(&bob, "event", weekly()).await;
    let moved = json!({ "date": "2026-12-18", "starts": "2026-12-19T14:00", "place": "Upstairs" });
    for (action, value) in [
        ("skip", json!("2026-12-11")),
        ("move", moved.clone()),
        ("restore", json!("2026-12-11")),
    ] {
        let refused = carol.act(&lunch, action, value).await;
        let problem = refused.refused(422, "action_refused");
        assert!(
            problem["detail"].to_string().contains("Only who made"),
            "{problem}"
        );
    }
    carol.act(&lunch, "answer", json!("yes")).await.is(200);
    bob.act(&lunch, "skip", json!("2026-12-11")).await.is(200);
    alice.act(&lunch, "move", moved.clone()).await.is(200);
    for (action, value, part) in [
        (
            "skip",
            json!("2026-12-11"),
            "left out on 2026-12-11 already",
        ),
        ("skip", json!("2026-12-12"), "no date 2026-12-12"),
        ("skip", json!("2026-11-13"), "no date 2026-11-13"),
        ("skip", json!(5), "Which date?"),
        (
            "move",
            json!({ "date": "2026-12-11", "place": "x" }),
            "restore that first",
        ),
        (
            "move",
            json!({ "date": "2026-12-18", "starts": "2026-11-20T12:00" }),
            "over already",
        ),
        (
            "move",
            json!({ "date": "2026-12-18", "starts": "soon" }),
            "`starts`",
        ),
        (
            "move",
            json!({ "date": "2026-12-18", "title": "x" }),
            "`title`",
        ),
        ("move", json!("2026-12-18"), "A date is moved with"),
        ("restore", json!("2026-12-25"), "as the series has it"),
    ] {
        let refused = bob.act(&lunch, action, value.clone()).await;
        let problem = refused.refused(422, "action_refused");
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(detail.contains(part), "{action} {value}: {detail}");
    }
    // Answers are for the whole series.
    let words = "📅 Lunch\nFriday 2026-12-04, 12:30–13:30 Europe/Berlin, every week\n📍 Roma\nNot on 2026-12-11\n\
        On Saturday 2026-12-19, 14:00–15:00 Europe/Berlin instead of 2026-12-18, Upstairs\n1 comes: @carol\n\
        by @bob · changed 2 times";
    assert_eq!(shown(&carol, &lunch).await, words);
    let expected = [
        ("2026-12-04".to_owned(), FIRST),
        ("2026-12-18".to_owned(), FIRST + 15 * DAY + 3 * HOUR / 2),
        ("2026-12-25".to_owned(), FIRST + 21 * DAY),
    ];
    let listed = async || (dates(&carol).await == expected).then_some(());
    eventually("the dates are listed", listed).await;
    let document = carol
        .get(path(&lunch, "/v1/x/event/events/", ""))
        .await
        .is(200);
    assert_eq!(document["skipped"], json!(["2026-12-11"]));
    let moved = json!([{ "date": "2026-12-18", "starts": "2026-12-19T14:00", "ends": "2026-12-19T15:00",
        "place": "Upstairs" }]);
    assert_eq!(document["moved"], moved);
    // Calendars are told by the same name, and of the time that it is instead of.
    for calendar in [
        path(&lunch, "/v1/x/event/", ".ics"),
        "/v1/x/event/calendar.ics".to_owned(),
    ] {
        let file = carol.get(calendar).await.raw_is(200).replace("\r\n ", "");
        let lines: Vec<&str> = file.split("\r\n").collect();
        for line in [
            "TZID:Europe/Berlin",
            "RRULE:FREQ=WEEKLY",
            "EXDATE;TZID=Europe/Berlin:20261211T123000",
            "RECURRENCE-ID;TZID=Europe/Berlin:20261218T123000",
            "DTSTART;TZID=Europe/Berlin:20261219T140000",
            "DTEND;TZID=Europe/Berlin:20261219T150000",
            "LOCATION:Upstairs",
        ] {
            assert!(lines.contains(&line), "{line}: {file}");
        }
        for (line, times) in [
            (path(&lunch, "UID:", "@event.althing"), 2),
            ("SEQUENCE:2".to_owned(), 2),
            ("BEGIN:VTIMEZONE".to_owned(), 1),
        ] {
            let found = lines.iter().filter(|known| **known == line).count();
            assert_eq!(found, times, "{line}: {file}");
        }
    }
    bob.act(&lunch, "restore", json!("2026-12-11"))
        .await
        .is(200);
    bob.act(&lunch, "restore", json!("2026-12-18"))
        .await
        .is(200);
    let all: Vec<i64> = dates(&carol).await.into_iter().map(|(_, at)| at).collect();
    assert_eq!(all, [0, 7, 14, 21].map(|days| FIRST + days * DAY));
    let once = make(
        &bob,
        "event",
        json!({ "title": "x", "starts": "2026-12-04T12:30" }),
    )
    .await;
    let refused = bob.act(&once, "skip", json!("2026-12-04")).await;
    let problem = refused.refused(422, "action_refused");
    assert!(
        problem["detail"].to_string().contains("one date only"),
        "{problem}"
    );
}

async fn exceptions_follow_the_series(database: Database) {
    let (_host, [alice]) = start(&database, "event", ["alice"]).await;
    let lunch = make(&alice, "event", weekly()).await;
    for (action, value) in [
        ("skip", json!("2026-12-11")),
        ("skip", json!("2026-12-18")),
        ("move", json!({ "date": "2026-12-25", "place": "Upstairs" })),
        (
            "move",
            json!({ "date": "2027-01-01", "starts": "2027-01-02T14:00" }),
        ),
    ] {
        alice.act(&lunch, action, value).await.is(200);
    }
    let edit = async |change: Value| {
        alice.act(&lunch, "edit", change).await.is(200);
        let document = alice
            .get(path(&lunch, "/v1/x/event/events/", ""))
            .await
            .is(200);
        let moved = document["moved"].as_array().expect("a list").clone();
        let starts: Vec<Value> = moved.iter().map(|moved| moved["starts"].clone()).collect();
        json!([document["skipped"], starts])
    };
    // The one that is only elsewhere goes along with the others.
    let later = edit(json!({ "starts": "2026-12-04T13:00" })).await;
    let both = ["2026-12-11", "2026-12-18"];
    assert_eq!(
        later,
        json!([both, ["2026-12-25T13:00", "2027-01-02T14:00"]])
    );
    // What is said of days on which there is no date any more goes.
    let rule = json!({ "repeat": { "frequency": "weekly", "interval": 2 } });
    assert_eq!(
        edit(rule).await,
        json!([["2026-12-18"], ["2027-01-02T14:00"]])
    );
    let rule = json!({ "repeat": { "frequency": "weekly", "until": "2026-12-20" } });
    assert_eq!(edit(rule).await, json!([["2026-12-18"], []]));
    assert_eq!(edit(json!({ "repeat": null })).await, json!([[], []]));
}

async fn dates_are_changed_in_the_chat(database: Database) {
    let (host, [alice, bob, zoe]) = start(&database, "event", ["alice", "bob", "zoe"]).await;
    host.app.channel("second", &[&zoe, &bob]).await;
    let line = "/event Team lunch friday 12:30-13:30 every week at Café Roma";
    bob.types("general", line).await.is(200);
    let complete = async |who: &Person, line: &str| {
        let path = "/v1/channels/general/commands/complete";
        who.post(path, typed(line)).await.is(200)["choices"].clone()
    };
    let first = json!({ "value": "cancel 2026-11-27 Team lunch",
        "label": "Team lunch: Friday 2026-11-27, 12:30–13:30 Europe/Berlin" });
    let offered = async || (complete(&bob, "/calendar cancel ").await[0] == first).then_some(());
    eventually("the dates are offered", offered).await;
    let refused = async |who: &Person, channel: &str, line: &str, part: &str| {
        let problem = who
            .types(channel, line)
            .await
            .refused(422, "action_refused");
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(detail.contains(part), "{line}: {detail}");
    };
    refused(
        &zoe,
        "general",
        "/calendar cancel friday Team lunch",
        "Only who made",
    )
    .await;
    refused(
        &bob,
        "second",
        "/calendar cancel friday Team lunch",
        "Nothing in this channel",
    )
    .await;
    refused(
        &bob,
        "general",
        "/calendar cancel monday",
        "Nothing in this channel",
    )
    .await;
    refused(
        &bob,
        "general",
        "/calendar move friday Team lunch",
        "to saturday 13:00",
    )
    .await;
    assert!(said(&zoe).await.is_empty());
    // Who made it, and whoever runs the channel: everybody in it is told.
    bob.types("general", "/calendar cancel friday Team lunch")
        .await
        .is(200);
    assert_eq!(
        told(&zoe, 1).await,
        "✗ “Team lunch” is not on Friday 2026-11-27."
    );
    let line = "/calendar move 2026-12-04 to saturday 14:00 at Upstairs";
    alice.types("general", line).await.is(200);
    let expected = "📅 “Team lunch” is now on Saturday 2026-12-05, 14:00–15:00 Europe/Berlin instead of 2026-12-04, \
        Upstairs.";
    assert_eq!(told(&zoe, 2).await, expected);
    let reply = zoe.types("general", "/calendar").await.is(200)["reply"]["text"].clone();
    let begin = "Coming up (Europe/Berlin):\nTeam lunch: on Saturday 2026-12-05 at 14:00, Upstairs\n\
        Team lunch: on Friday 2026-12-11 at 12:30, Café Roma\n";
    assert!(
        reply.as_str().is_some_and(|text| text.starts_with(begin)),
        "{reply}"
    );
    let changed = complete(&bob, "/calendar restore").await;
    assert_eq!(changed[0]["label"], "Team lunch: not on Friday 2026-11-27");
    assert_eq!(changed[1]["value"], "restore 2026-12-04 Team lunch");
    bob.types("general", "/calendar restore 2026-11-27 Team lunch")
        .await
        .is(200);
    let expected = "📅 “Team lunch” is again on Friday 2026-11-27, 12:30–13:30 Europe/Berlin.";
    assert_eq!(told(&zoe, 3).await, expected);
    let first = json!({ "value": "cancel 2026-11-27 Team lunch",
        "label": "Team lunch: Friday 2026-11-27, 12:30–13:30 Europe/Berlin" });
    assert_eq!(
        complete(&bob, "/calendar cancel 2026-11-27").await,
        json!([first])
    );
}

async fn a_date_that_was_moved_is_told_in_time(database: Database) {
    let (host, [alice]) = start(&database, "event", ["alice"]).await;
    let data = json!({ "title": "Standup", "starts": "2026-11-20T14:00", "ends": "2026-11-20T14:15",
        "repeat": { "frequency": "daily", "count": 4 }, "remind_minutes_before": [10] });
    let standup = make(&alice, "event", data).await;
    alice
        .act(&standup, "skip", json!("2026-11-22"))
        .await
        .is(200);
    let moved = json!({ "date": "2026-11-21", "starts": "2026-11-21T16:00", "place": "Upstairs" });
    alice.act(&standup, "move", moved).await.is(200);
    let pass = async |minutes: u64| host.pass(Duration::from_secs(60 * minutes)).await;
    // 14:00 in Berlin is 13:00 in UTC, where it is noon.
    pass(50).await;
    let first = told(&host.app.backend, 1).await;
    assert!(
        first.starts_with("⏰ “Standup” begins today at 14:00"),
        "{first}"
    );
    pass(24 * 60 + 30).await;
    nothing_more(&host, "alice", 1).await;
    pass(90).await;
    let second = "⏰ “Standup” begins today at 16:00 (Europe/Berlin), Upstairs.";
    assert_eq!(told(&host.app.backend, 2).await, second);
    // The third is left out.
    pass(24 * 60).await;
    nothing_more(&host, "alice", 2).await;
    pass(22 * 60).await;
    let last = told(&host.app.backend, 3).await;
    assert!(
        last.starts_with("⏰ “Standup” begins today at 14:00"),
        "{last}"
    );
}

async fn one_task(who: &Person) -> Value {
    let listed = async || {
        let page = who
            .get("/v1/x/task/tasks?channel_id=general&status=all")
            .await
            .is(200);
        page["tasks"].get(0).cloned()
    };
    eventually("the task is listed", listed).await
}

async fn a_task_that_repeats_is_due_again(database: Database) {
    let (host, [alice, bob]) = start(&database, "task", ["alice", "bob"]).await;
    let unfit = json!({ "title": "x", "repeat": { "frequency": "daily" } });
    let unfit = json!({ "channel_id": "general", "type": "task", "data": unfit });
    assert_eq!(alice.post("/v1/messages", unfit).await.invalid(), ["data"]);
    let line = "/task Water the plants @bob every weekday at 14:00\n- The cactus";
    alice.types("general", line).await.is(200);
    let task = one_task(&alice).await;
    let noon = 1_795_176_000_000_i64;
    let weekdays = json!({ "frequency": "weekly", "weekdays": ["mo", "tu", "we", "th", "fr"] });
    assert_eq!(
        (&task["due_at_ms"], &task["repeat"]),
        (&json!(noon + 2 * HOUR), &weekdays)
    );
    bob.act(&task, "tick", json!({ "item": 1, "done": true }))
        .await
        .is(200);
    bob.act(&task, "repeat", json!(null))
        .await
        .refused(422, "action_refused");
    bob.act(&task, "status", json!("done")).await.is(200);
    // The same message goes on with Monday.
    let words = "○ Water the plants\nopen · due 2026-11-23 14:00 UTC · every week on Monday, Tuesday, Wednesday, \
        Thursday, Friday · done once · for @bob · by @alice\n[ ] The cactus";
    assert_eq!(shown(&alice, &task).await, words);
    let monday = json!(noon + 3 * DAY + 2 * HOUR);
    let moved = async || (one_task(&bob).await["due_at_ms"] == monday).then_some(());
    eventually("Monday is listed", moved).await;
    let pass = async |hours: u64| host.pass(Duration::from_secs(3_600 * hours)).await;
    pass(6).await;
    nothing_more(&host, "bob", 0).await;
    pass(2 * 24 + 19).await;
    let told = told(&host.app.backend, 1).await;
    assert_eq!(
        told,
        "⏰ @bob: “Water the plants” is due today at 14:00 (UTC)."
    );
    // Missed for days, it is due the next time after now.
    pass(30 * 24).await;
    let [alice, bob] = [
        host.app.day_session("alice").await,
        host.app.day_session("bob").await,
    ];
    bob.act(&task, "status", json!("done")).await.is(200);
    let late = one_task(&bob).await;
    assert_eq!(
        (&late["status"], &late["done_times"]),
        (&json!("open"), &json!(2))
    );
    assert_eq!(
        late["due_at_ms"],
        json!(noon + 33 * DAY + 2 * HOUR),
        "{late}"
    );
    // With its last date it is done for good.
    alice.act(&task, "repeat", json!(null)).await.is(200);
    bob.act(&task, "status", json!("done")).await.is(200);
    let done = shown(&alice, &task).await;
    assert!(
        done.starts_with("✓ Water the plants\ndone · ") && done.contains("done 2 times"),
        "{done}"
    );
}

async fn a_reminder_is_snoozed(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, "task", ["alice", "bob", "carol"]).await;
    alice
        .types("general", "/task Rest @bob by 14:00")
        .await
        .is(200);
    let task = one_task(&alice).await;
    let refused = carol.act(&task, "snooze", json!("tomorrow 9:00")).await;
    refused.refused(422, "action_refused");
    let pass = async |hours: u64| host.pass(Duration::from_secs(3_600 * hours)).await;
    pass(1).await;
    told(&host.app.backend, 1).await;
    let menu =
        bob.get(path(&task, "/v1/messages/", "")).await.is(200)["view"]["blocks"].to_string();
    assert!(menu.contains(r#""value":"tomorrow 9:00""#), "{menu}");
    for value in [json!("soon"), json!(1), json!([])] {
        bob.act(&task, "snooze", value)
            .await
            .refused(422, "action_refused");
    }
    bob.act(&task, "snooze", json!("tomorrow 9:00"))
        .await
        .is(200);
    let words = shown(&alice, &task).await;
    assert!(
        words.contains("due 2026-11-20 14:00 UTC · reminder 2026-11-21 09:00 UTC · for @bob"),
        "{words}"
    );
    let until = json!(1_795_176_000_000_i64 + 21 * HOUR);
    assert_eq!(one_task(&bob).await["snoozed_until_ms"], until);
    // It is due, and nobody is told.
    pass(5).await;
    nothing_more(&host, "bob", 1).await;
    pass(15).await;
    let late = "⏰ @bob: “Rest” was due on Friday 2026-11-20 at 14:00 (UTC).";
    assert_eq!(told(&host.app.backend, 2).await, late);
    let [alice, bob] = [
        host.app.day_session("alice").await,
        host.app.day_session("bob").await,
    ];
    let over = async || (!shown(&alice, &task).await.contains("reminder")).then_some(());
    eventually("it is no longer put off", over).await;
    pass(48).await;
    nothing_more(&host, "bob", 2).await;
    drop(bob);
}
