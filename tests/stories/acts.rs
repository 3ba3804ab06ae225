//! What people do with messages of plugins' kinds: the words that they bring pass the guards, and what
//! shows nothing new is told to nobody.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, eventually, stories};

stories!(
    words_in_acts_pass_the_guards,
    acts_without_new_words_ask_no_guard,
    words_that_are_not_shown_are_judged_too,
    what_a_kind_keeps_for_later_is_judged_at_once,
    names_of_fields_and_numbers_are_judged_where_they_are_shown,
    guards_answer_an_act_as_an_edit,
    acts_of_plugins_pass_the_guards,
    what_a_guard_changes_stays_its_persons,
    what_shows_nothing_new_is_told_to_nobody,
    loud_and_quiet_acts_lose_none,
);

fn rules() -> Value {
    json!({ "words": [
        { "name": "mild", "words": ["darn"], "action": "mask" },
        { "name": "rude", "words": ["slur"], "action": "reject", "reason": "Please be kind." },
        { "name": "trade", "words": ["crypto"], "action": "hold", "reason": "Someone looks first." },
    ], "exempt": ["owner", "server"] })
}

/// Alice, whom moderation lets say everything, and Bob in `general`, with these plugins. The neighbour
/// has the same without moderation.
async fn start(database: &Database, plugins: &[&str]) -> (TestHost, [Person; 2]) {
    let host = TestHost::timeless(database).await;
    for name in plugins {
        host.app.plugin(name, json!({})).await;
        host.other.plugin(name, json!({})).await;
    }
    let people = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

async fn post(who: &Person, kind: &str, data: Value) -> Value {
    let new = json!({ "channel_id": "general", "type": kind, "data": data });
    who.post("/v1/messages", new).await.is(201)
}

async fn now(who: &Person, message: &Value) -> Value {
    let id = message["id"].as_str().expect("a message");
    who.get(format!("/v1/messages/{id}")).await.is(200)
}

/// How often a plugin's guard of messages was called.
async fn judged(host: &TestHost, plugin: &str) -> u64 {
    let path = format!("/v1/plugins/{plugin}/usage");
    let usage = host.app.backend.get(path).await.is(200);
    let hooks = usage["hooks"].as_array().expect("hooks").iter();
    let guard = hooks.filter(|hook| hook["hook"] == "message-guard");
    guard.filter_map(|hook| hook["calls"].as_u64()).sum()
}

async fn words_in_acts_pass_the_guards(database: Database) {
    let (host, [alice, bob]) = start(&database, &["task", "event"]).await;
    host.app.plugin("moderation", rules()).await;
    let task = post(&bob, "task", json!({ "title": "Call Carol" })).await;
    let lunch =
        json!({ "title": "Lunch", "starts": "2026-12-04T12:30", "ends": "2026-12-04T13:30" });
    let lunch = post(&bob, "event", lunch).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    for (message, action, value) in [
        (&task, "title", json!("a slur")),
        (&task, "notes", json!("WHAT SLUR!")),
        (&task, "add_item", json!("slur")),
        (&lunch, "edit", json!({ "description": "what a slur" })),
        (&lunch, "edit", json!({ "place": "slur" })),
    ] {
        let answer = bob.act(message, action, value.clone()).await;
        let problem = answer.refused(422, "message_rejected");
        assert_eq!(problem["reason"], "word_not_allowed", "{action}");
        assert_eq!(problem["detail"], "Please be kind.");
        let act = json!({ "message_id": message["id"], "action": action, "value": value });
        let reply = phone.request("act", act).await;
        reply.refused("message_rejected");
    }
    // Nobody could look at it before it is there, and a mask fits into no act.
    let act = async |value: &str| bob.act(&task, "notes", json!(value)).await;
    let held = act("buy crypto").await.refused(422, "message_rejected");
    assert_eq!(held["reason"], "edit_needs_review");
    let masked = act("darn it").await.refused(422, "message_rejected");
    assert_eq!(masked["reason"], "content_not_allowed");
    for message in [&task, &lunch] {
        assert_eq!(now(&alice, message).await, *message, "nothing has changed");
    }
    assert!(phone.caught_up(&host.app).await.is_empty());
    // It is known who was refused what.
    let decided = eventually("all decisions", async || {
        let path = "/v1/plugins/moderation/decisions?limit=100";
        let page = host.app.backend.get(path).await.is(200);
        let decisions = page["decisions"].as_array().expect("a list").clone();
        (decisions.len() == 12).then_some(decisions)
    })
    .await;
    for decision in &decided {
        assert_eq!(decision["user_id"], "bob");
        assert_eq!(decision["outcome"], "rejected");
    }
    act("by phone").await.is(200);
    let event = phone.next_event("message.updated").await;
    let text = event["data"]["message"]["view"]["text"].clone();
    assert!(text.to_string().contains("by phone"), "{text}");
    // Those who may say everything may do so here, and the neighbour has no rules.
    alice.act(&task, "title", json!("a slur")).await.is(200);
    // What stands there already is judged with it.
    act("by fax").await.refused(422, "message_rejected");
}

async fn acts_without_new_words_ask_no_guard(database: Database) {
    let (host, [_, bob]) = start(&database, &["task", "poll", "event", "place"]).await;
    host.app.plugin("moderation", rules()).await;
    let task = json!({ "title": "Call Carol", "items": ["Find the number"] });
    let task = post(&bob, "task", task).await;
    let options = ["Pizza", "Sushi"];
    let poll = post(
        &bob,
        "poll",
        json!({ "question": "Lunch?", "options": options }),
    )
    .await;
    let lunch =
        json!({ "title": "Lunch", "starts": "2026-12-04T12:30", "ends": "2026-12-04T13:30" });
    let lunch = post(&bob, "event", lunch).await;
    let before = judged(&host, "moderation").await;
    for (message, action, value) in [
        (&poll, "vote", json!(1)),
        (&poll, "close", Value::Null),
        (&task, "take", Value::Null),
        (&task, "tick", json!({ "item": 1, "done": true })),
        (&task, "status", json!("doing")),
        (&task, "unassign", json!(["bob"])),
        (&task, "assign", json!(["bob"])),
        (&task, "title", json!("Call Carol")),
        (&task, "due", json!("2026-12-04")),
        (&lunch, "answer", json!("yes")),
        (&lunch, "skip", json!("2026-12-04")),
    ] {
        let answer = bob.act(message, action, value).await;
        assert!(matches!(answer.status, 200 | 422), "{}", answer.text);
        let asked = judged(&host, "moderation").await - before;
        assert_eq!(asked, 0, "{action}: {}", answer.text);
    }
    bob.act(&task, "title", json!("Call Dave")).await.is(200);
    assert_eq!(judged(&host, "moderation").await, before + 1);
}

/// This kind shows nothing of what it is told.
async fn words_that_are_not_shown_are_judged_too(database: Database) {
    let (host, [_, bob]) = start(&database, &["hostile"]).await;
    host.app.plugin("moderation", rules()).await;
    let message = post(&bob, "hostile", json!("")).await;
    for value in [
        json!("slur"),
        json!({ "deep": [{ "down": "a slur" }] }),
        json!(["fine", "slur"]),
    ] {
        let answer = bob.act(&message, "it", value).await;
        let problem = answer.refused(422, "message_rejected");
        assert_eq!(problem["detail"], "Please be kind.");
    }
    // What is only the name of a field, and not shown, is not said.
    bob.act(&message, "it", json!({ "slur": 1 })).await.is(200);
    bob.act(&message, "it", json!("fine")).await.is(200);
}

/// This kind keeps what its sender wrote, shows nothing of it, and later shows all.
async fn what_a_kind_keeps_for_later_is_judged_at_once(database: Database) {
    let (host, [_, bob]) = start(&database, &["hostile"]).await;
    let mut rules = rules();
    rules["patterns"] = json!([{ "pattern": "\\b1488\\b", "action": "reject", "reason": "No." }]);
    host.app.plugin("moderation", rules).await;
    let send = async |data: &str| {
        let data = serde_json::from_str::<Box<serde_json::value::RawValue>>(data).expect("JSON");
        let new = format!(r#"{{"channel_id":"general","type":"hostile","data":{data}}}"#);
        let body = ("application/json", new.into_bytes());
        bob.raw("POST", "/v1/messages", Some(body)).await
    };
    for (data, reason) in [
        (
            r#"{"title":"Riddle","answer":"a slur"}"#,
            "word_not_allowed",
        ),
        (r#"{"deep":[{"down":["slur"]}]}"#, "word_not_allowed"),
        // A name that somebody chose, and one that hides behind its namesake.
        (r#"{"votes":{"slur":1}}"#, "word_not_allowed"),
        (r#"{"answer":"slur","answer":"fine"}"#, "word_not_allowed"),
        (r#"{"code":1488}"#, "pattern_not_allowed"),
        (
            r#"{"blocks":"[{'type':'text','text':'slur'}]"}"#,
            "word_not_allowed",
        ),
        // There is nothing in the data that a mask could be put on.
        (r#"{"answer":"darn"}"#, "content_not_allowed"),
    ] {
        let problem = send(data).await.refused(422, "message_rejected");
        assert_eq!(problem["reason"], reason, "{data}");
    }
    let held = send(r#"{"answer":"crypto"}"#).await.is(202);
    assert_eq!(held["reason"], "Someone looks first.");
    let riddle = send(r#"{"title":"Riddle","answer":"a candle"}"#)
        .await
        .is(201);
    assert!(!riddle.to_string().contains("candle"), "{riddle}");
    bob.act(&riddle, "reveal", Value::Null).await.is(200);
    let text = now(&bob, &riddle).await["view"]["text"].to_string();
    assert!(text.contains("candle"), "{text}");
}

/// This kind shows what it is given as it is.
async fn names_of_fields_and_numbers_are_judged_where_they_are_shown(database: Database) {
    let (host, [_, bob]) = start(&database, &["hostile"]).await;
    let mut rules = rules();
    rules["patterns"] = json!([{ "pattern": "\\b1488\\b", "action": "reject", "reason": "No." }]);
    host.app.plugin("moderation", rules).await;
    let message = post(&bob, "hostile", json!("")).await;
    for value in [
        json!({ "slur": 1 }),
        json!({ "of": { "a slur": 2 } }),
        json!(1488),
    ] {
        let answer = bob.act(&message, "quote", value).await;
        answer.refused(422, "message_rejected");
    }
    assert_eq!(now(&bob, &message).await, message, "nothing has changed");
    bob.act(&message, "quote", json!({ "fine": 12 }))
        .await
        .is(200);
}

async fn guards_answer_an_act_as_an_edit(database: Database) {
    let (host, [_, bob]) = start(&database, &["hostile"]).await;
    host.expect_plugin_faults();
    let message = post(&bob, "hostile", json!("")).await;
    let act = async |value: &str| bob.act(&message, "it", json!(value)).await;
    let refused = async |value: &str| {
        let problem = act(value).await.refused(422, "message_rejected");
        let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
        (text("reason"), text("detail"))
    };
    let pair = |reason: &str, detail: &str| (reason.to_owned(), detail.to_owned());
    assert_eq!(refused("code silly").await, pair("silly", "because"));
    assert_eq!(refused("say-back it").await, pair("", "say-back it"));
    let changed = "The plugin `hostile` doesn't let these words pass as they are.";
    assert_eq!(refused("patch 3").await, pair("words_not_allowed", changed));
    for (on_fault, status) in [("open", 200), ("closed", 503), ("hold", 503)] {
        let install = json!({ "on_fault": on_fault });
        let backend = &host.app.backend;
        backend.put("/v1/plugins/hostile", install).await.is(200);
        let answer = act("trap").await;
        assert_eq!(answer.status, status, "{on_fault}: {}", answer.text);
    }
}

async fn acts_of_plugins_pass_the_guards(database: Database) {
    let (host, [_, bob]) = start(&database, &["hostile"]).await;
    host.app.plugin("moderation", rules()).await;
    let message = post(&bob, "hostile", json!("")).await;
    let act = async |words: &str| {
        let id = message["id"].as_str().expect("an id");
        let line = format!("/hostile act {id} {words}");
        let answer = bob.types("general", &line).await.is(200);
        let text = answer["reply"]["text"].as_str().unwrap_or_default();
        text.to_owned()
    };
    for words in ["slur", "crypto", "darn"] {
        let told = act(words).await;
        assert!(told.starts_with("Error::Invalid"), "{words}: {told}");
    }
    // A plugin is not its own guard: this one would refuse it.
    assert_eq!(act("code silly").await, "");
}

/// The numbers of a story's onlookers, by name.
async fn seen(who: &Person, story: &Value) -> (u64, Vec<Value>) {
    let id = story["id"].as_str().expect("an id");
    let path = format!("/v1/x/feed/stories/{id}/seen");
    let seen = who.get(path).await.is(200);
    let users = seen["users"].as_array().expect("users").clone();
    (seen["count"].as_u64().expect("a number"), users)
}

/// What a plugin posts for somebody is theirs also after a guard has masked a word: they may change it, and
/// it goes with them.
async fn what_a_guard_changes_stays_its_persons(database: Database) {
    let (host, [alice, bob]) = start(&database, &["task", "event", "place"]).await;
    host.app.plugin("moderation", rules()).await;
    // Where a live location is no guard sees, so that what it masked begins with the next move.
    let live =
        json!({ "latitude": 52.52, "longitude": 13.405, "live_minutes": 15, "label": "darn" });
    let live = post(&bob, "place", live).await;
    let words = "📍 @bob shares their location until 2026-11-20 12:15 UTC: ****";
    assert_eq!(live["view"]["text"], words);
    let there = json!({ "latitude": 1, "longitude": 2 });
    bob.act(&live, "move", there).await.is(200);
    let moved = now(&alice, &live).await;
    assert_eq!(moved["view"]["text"], format!("{words}\ngeo:1,2"));
    for line in [
        "/task darn up",
        "/event darn lunch tomorrow 12:30",
        "/here 52.52,13.405 darn",
    ] {
        bob.types("general", line).await.is(200);
    }
    let posted = alice.history("general").await;
    assert_eq!(posted.len(), 4);
    for message in &posted {
        assert!(!message.to_string().contains("darn"), "{message}");
        let is_bobs = message["from"] == "bob" || message["data"]["created_by"] == "bob";
        assert!(is_bobs, "{message}");
    }
    host.app.backend.delete("/v1/users/bob").await.is(204);
    eventually("it is gone", async || {
        // The walk after somebody left is made again after a minute.
        host.pass(Duration::from_secs(60)).await;
        let now = alice.history("general").await;
        let gone = now.iter().all(|message| message["deleted_at"].is_string());
        gone.then_some(())
    })
    .await;
}

async fn what_shows_nothing_new_is_told_to_nobody(database: Database) {
    let (host, [alice, bob]) = start(&database, &["feed"]).await;
    let told = post(&alice, "story", json!({ "text": "train", "lasts_s": 3600 })).await;
    let names: Vec<String> = (0..12).map(|n| format!("u{n:02}")).collect();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    let people = host.app.crowd(&ids).await;
    for id in &ids {
        let path = format!("/v1/channels/general/participants/{id}");
        host.app.backend.put(path, json!({})).await.is(200);
    }
    let mut phone = bob.connect().await;
    let subscribed = phone.subscribe("general").await;
    let log = bob.events("general", 0).await;
    for round in 0..2 {
        let looks = people.iter().map(async |person| {
            let answer = person.act(&told, "seen", Value::Null).await;
            assert_eq!(answer.is(200), json!({}), "{round}");
        });
        futures_util::future::join_all(looks).await;
        let (count, users) = seen(&alice, &told).await;
        assert_eq!(
            (count, users.len()),
            (12, 12),
            "each counts, and counts once"
        );
    }
    // No push, no entry in the log, and the message is the one that everybody has.
    assert!(phone.caught_up(&host.app).await.is_empty());
    assert_eq!(bob.events("general", 0).await, log);
    assert_eq!(now(&bob, &told).await, told);
    // It is stored all the same, and what comes next finds its place.
    host.restart().await;
    assert_eq!(seen(&alice, &told).await.0, 12);
    let next = bob.send("general", "and now?").await;
    let seq = log.last().expect("an entry")["seq"].as_u64();
    assert_eq!(next["seq"].as_u64(), seq.map(|seq| seq + 1), "{subscribed}");
    bob.act(&told, "seen", Value::Null).await.is(200);
    assert_eq!(seen(&alice, &told).await.0, 13);
    // The last look comes after the end: nothing of it is kept.
    host.pass(Duration::from_secs(3600)).await;
    let late = bob.act(&told, "seen", Value::Null).await;
    assert!(matches!(late.status, 409 | 422), "{}", late.text);
}

async fn loud_and_quiet_acts_lose_none(database: Database) {
    let (host, [alice, bob]) = start(&database, &["feed"]).await;
    let video = json!({ "type": "video", "url": "https://example.com/a.mp4" });
    let reel = post(&alice, "reel", json!({ "video": video, "duration_s": 9 })).await;
    let names: Vec<String> = (0..25).map(|n| format!("u{n:02}")).collect();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    let people = host.app.crowd(&ids).await;
    for id in &ids {
        let path = format!("/v1/channels/general/participants/{id}");
        host.app.backend.put(path, json!({})).await.is(200);
    }
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let acts = people.iter().enumerate().map(async |(n, person)| {
        person.act(&reel, "view", Value::Null).await.is(200);
        person.act(&reel, "view", Value::Null).await.is(200);
        if n % 2 == 0 {
            person.act(&reel, "like", json!(true)).await.is(200);
        }
    });
    futures_util::future::join_all(acts).await;
    let told = phone.caught_up(&host.app).await;
    // Thirteen likes; views at 1 to 10, and at 20.
    assert_eq!(told.len(), 13 + 11, "{told:#?}");
    let shown = now(&bob, &reel).await;
    let numbers = shown["view"]["blocks"]
        .as_array()
        .and_then(|all| all.last());
    let numbers = numbers.expect("the numbers");
    assert_eq!(
        (&numbers["likes"], &numbers["views"]),
        (&json!(13), &json!(20))
    );
    let last = &told.last().expect("an event")["data"]["message"];
    assert_eq!(*last, shown, "whoever watched has what is there");
    let kept = database.dump().await;
    assert!(kept.contains(r#""views":{"n":25,"#), "none is lost");
}
