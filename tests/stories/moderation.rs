//! What moderation does to what people write, and that there is no way around it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, Database, Person, TestHost, draft, stories};

stories!(
    words_are_masked_refused_or_held,
    edits_are_looked_at_too,
    channels_have_rules_of_their_own,
    what_polls_say_is_looked_at,
    a_flood_is_stopped,
);

/// Word lists with one action each.
fn rules() -> Value {
    json!({ "words": [
        { "name": "mild", "words": ["darn"], "action": "mask" },
        { "name": "rude", "words": ["slur"], "action": "reject", "reason": "Please be kind." },
        { "name": "trade", "words": ["crypto"], "action": "hold", "reason": "Someone looks at this first." },
    ] })
}

/// Two people in `general`, of whom only the second is moderated: the first is the owner.
async fn general(app: &App) -> [Person; 2] {
    let people = app.users(["alice", "bob"]).await;
    app.channel("general", &people.each_ref()).await;
    people
}

/// What the sender of a refused text is told: the plugin's code and its sentence.
async fn refusal(who: &Person, channel: &str, text: &str) -> (String, String) {
    let answer = who.post("/v1/messages", draft(channel, text)).await;
    told(&answer.refused(422, "message_rejected"))
}

fn told(problem: &Value) -> (String, String) {
    let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("detail"))
}

fn pair(code: &str, sentence: &str) -> (String, String) {
    (code.to_owned(), sentence.to_owned())
}

async fn words_are_masked_refused_or_held(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    host.app.plugin("moderation", rules()).await;
    let [mut alices, mut bobs] = [alice.connect().await, bob.connect().await];
    for phone in [&mut alices, &mut bobs] {
        phone.subscribe("general").await;
    }
    let masked = bob.send("general", "Oh, DARN it").await;
    assert_eq!(masked["data"], "Oh, **** it");
    for phone in [&mut alices, &mut bobs] {
        let event = phone.next_event("message.new").await;
        assert_eq!(event["data"]["message"], masked);
    }
    let unkind = pair("word_not_allowed", "Please be kind.");
    assert_eq!(refusal(&bob, "general", "you slur").await, unkind);
    let over_socket = bobs.request("send", draft("general", "you slur")).await;
    assert_eq!(told(&over_socket.refused("message_rejected")), unkind);
    // A private message is a message.
    let mut private = draft("general", "you slur");
    private["to"] = json!("alice");
    bob.post("/v1/messages", private)
        .await
        .refused(422, "message_rejected");

    let held = bob
        .post("/v1/messages", draft("general", "buy crypto"))
        .await
        .is(202);
    let reason = "Someone looks at this first.";
    assert_eq!(
        (&held["held"], &held["reason"], held.get("seq")),
        (&json!(true), &json!(reason), None)
    );
    let held = bobs.request("send", draft("general", "buy crypto")).await;
    assert_eq!(held.ok()["held"], true);
    // Nobody saw either; the owner is exempt, and the neighbour has other rules.
    for phone in [&mut alices, &mut bobs] {
        assert!(phone.caught_up(&host.app).await.is_empty());
    }
    let exempt = alice.send("general", "darn slur crypto").await;
    assert_eq!(exempt["data"], "darn slur crypto");
    assert_eq!(alice.history("general").await, [masked, exempt]);
    let namesake = host.other.session("bob").await;
    let theirs = namesake.send("general", "darn slur crypto").await;
    assert_eq!(theirs["data"], "darn slur crypto");
}

async fn edits_are_looked_at_too(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    host.app.plugin("moderation", rules()).await;
    let sent = bob.send("general", "fine").await;
    let path = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    let edit = async |text: &str| bob.patch(&path, json!({ "data": text })).await;
    let rude = edit("a slur").await.refused(422, "message_rejected");
    assert_eq!(told(&rude), pair("word_not_allowed", "Please be kind."));
    // Nobody could look at an edit before it is there.
    let held = edit("crypto").await.refused(422, "message_rejected");
    assert_eq!(held["reason"], "edit_needs_review");
    assert_eq!(alice.history("general").await, std::slice::from_ref(&sent));
    let masked = edit("darn it").await.is(200);
    assert_eq!(masked["data"], "**** it");
    let mut phone = bob.connect().await;
    let edit = json!({ "message_id": sent["id"], "data": "a slur" });
    phone
        .request("edit", edit)
        .await
        .refused("message_rejected");
    assert_eq!(alice.history("general").await, [masked]);
    let queue = host.app.backend.get("/v1/held").await.is(200);
    assert_eq!(queue, json!({ "held": [] }));
    phone.close().await;
}

async fn channels_have_rules_of_their_own(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    for channel in ["quiet", "market"] {
        host.app.channel(channel, &[&alice, &bob]).await;
    }
    let direct = host
        .app
        .backend
        .post(
            "/v1/channels/direct",
            json!({ "user_ids": ["alice", "bob"] }),
        )
        .await;
    let direct = direct.body["id"].as_str().expect("a channel").to_owned();
    let mut rules = rules();
    rules["overrides"] = json!([
        { "channels": ["quiet"], "links": "block_all", "max_characters": 20, "exempt": [] },
        { "channels": ["market"], "words": ["rude"] },
        { "channel_types": ["direct"], "words": [] },
    ]);
    host.app.plugin("moderation", rules).await;
    let link = "see example.com/x";
    bob.send("general", link).await;
    let (code, _) = refusal(&bob, "quiet", link).await;
    assert_eq!(code, "link_not_allowed");
    let long = "x".repeat(21);
    bob.send("general", &long).await;
    for who in [&alice, &bob] {
        let (code, _) = refusal(who, "quiet", &long).await;
        assert_eq!(code, "too_long", "nobody is exempt there");
    }
    let offer = bob.send("market", "darn good crypto").await;
    assert_eq!(offer["data"], "darn good crypto");
    let (code, _) = refusal(&bob, "market", "slur").await;
    assert_eq!(code, "word_not_allowed");
    let between_us = bob.send(&direct, "darn slur").await;
    assert_eq!(between_us["data"], "darn slur");
}

async fn what_polls_say_is_looked_at(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    host.app.plugin("moderation", rules()).await;
    host.app.plugin("poll", json!({})).await;
    let ask = async |option: &str| {
        let data = json!({ "question": "Lunch?", "options": ["Pizza", option] });
        let poll = json!({ "channel_id": "general", "type": "poll", "data": data });
        bob.post("/v1/messages", poll).await
    };
    let poll = ask("darn Sushi").await.is(201);
    assert_eq!(poll["data"]["options"], json!(["Pizza", "**** Sushi"]));
    assert!(!poll["view"].to_string().contains("darn"), "{poll}");
    let problem = ask("slur").await.refused(422, "message_rejected");
    assert_eq!(problem["detail"], "Please be kind.");
    ask("crypto").await.is(202);
    // What the plugin posts for Bob goes the same way.
    bob.types("general", r#"/poll "Lunch?" "Pizza" "slur""#)
        .await
        .refused(422, "action_refused");
    assert_eq!(alice.history("general").await, [poll]);
}

async fn a_flood_is_stopped(database: Database) {
    let host = TestHost::timeless(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let people = host.app.users(["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = &people;
    for channel in ["general", "second"] {
        host.app.channel(channel, &people.each_ref()).await;
    }
    let rules =
        json!({ "flood_messages": 3, "flood_seconds": 60, "repeats": 2, "repeat_seconds": 600 });
    host.app.plugin("moderation", rules).await;
    for n in 0..3 {
        bob.send("general", &format!("hello {n}")).await;
    }
    for _ in 0..5 {
        let answer = bob.post("/v1/messages", draft("general", "hello 4")).await;
        let problem = answer.refused(422, "message_rejected");
        assert_eq!(problem["reason"], "too_many_messages");
        assert_eq!(problem["retryable"], true);
        let wait = problem["retry_after_ms"].as_u64().expect("when");
        assert!((1..=60_000).contains(&wait), "{wait}");
    }
    // It is Bob's flood, in this channel.
    for n in 0..5 {
        alice.send("general", &format!("owner {n}")).await;
    }
    carol.send("general", "me too").await;
    bob.send("second", "elsewhere").await;
    // An edit is no new message.
    let last = bob.history("second").await.remove(0);
    let path = format!("/v1/messages/{}", last["id"].as_str().expect("an id"));
    for n in 0..5 {
        let edit = json!({ "data": format!("edit {n}") });
        bob.patch(&path, edit).await.is(200);
    }
    host.pass(Duration::from_secs(61)).await;
    bob.send("general", "after a minute").await;
    // The same text over and over, wherever: folded as people read it.
    carol.send("general", "Buy NOW").await;
    carol.send("second", "buy  now").await;
    let (code, _) = refusal(carol, "second", "buy now").await;
    assert_eq!(code, "repeated_message");
    carol.send("second", "something else").await;
    host.pass(Duration::from_secs(601)).await;
    carol.send("second", "buy now").await;
}
