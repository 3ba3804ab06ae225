//! A user is erased: nothing of the user is left anywhere, and everybody else's log stays whole.

use serde_json::{Value, json};

use crate::support::{Database, TestHost, draft, stories};

stories!(
    nothing_is_left_of_an_erased_user,
    much_is_erased_step_by_step,
    a_user_may_be_called_anything,
    an_erased_users_name_is_free_for_another,
    what_waits_for_a_review_goes_with_either_of_two
);

const CANARY: &str = "canary-7c1e";

async fn nothing_is_left_of_an_erased_user(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob, carol] = app.users(["alice-4d2f", "bob", "carol"]).await;
    let told =
        json!({ "name": CANARY, "image": format!("/{CANARY}.png"), "custom": { "note": CANARY } });
    app.backend
        .patch("/v1/users/alice-4d2f", told)
        .await
        .is(200);
    app.channel("general", &[&alice, &bob, &carol]).await;
    app.channel("quiet", &[&bob, &alice]).await;
    let mut bobs = bob.connect().await;
    bobs.subscribe("general").await;
    let mut alices = alice.connect().await;
    alices.subscribe("general").await;
    let mut ids = Vec::new();
    let keyed = alice.with_header("idempotency-key", "k");
    for channel in ["general", "quiet"] {
        let mut message = draft(channel, &format!("{CANARY} in {channel}"));
        message["client_id"] = json!(format!("{CANARY}-{channel}"));
        let sent = alice.post("/v1/messages", message.clone()).await.is(201);
        ids.push(sent["id"].as_str().expect("an id").to_owned());
        let on_behalf =
            json!({ "channel_id": channel, "type": "text", "data": CANARY, "as": "alice-4d2f" });
        app.backend
            .with_header("idempotency-key", channel)
            .post("/v1/messages", on_behalf)
            .await
            .is(201);
    }
    keyed.send("general", &format!("{CANARY} with a key")).await;
    alice
        .patch(
            &format!("/v1/messages/{}", ids[0]),
            json!({ "data": format!("{CANARY} edited") }),
        )
        .await
        .is(200);
    let private = json!({ "channel_id": "general", "type": "text", "data": format!("{CANARY} in private"), "to": "bob" });
    let side = alice.post("/v1/messages", private).await.is(201)["channel_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    bob.post(
        "/v1/messages",
        json!({ "channel_id": "general", "type": "text", "data": "bob's own", "to": "alice-4d2f" }),
    )
    .await
    .is(201);
    let direct = alice
        .post("/v1/channels/direct", json!({ "user_ids": ["bob"] }))
        .await
        .is(200);
    let direct = direct["id"].as_str().expect("an id").to_owned();
    alice.send(&direct, CANARY).await;
    let kept = bob.send("general", "bob's own").await;
    let before: Vec<(Value, Value)> = log(&bob.events("general", 0).await);
    assert!(database.dump().await.contains(CANARY));

    app.backend.delete("/v1/users/alice-4d2f").await.is(204);
    assert_eq!(alices.closed().await, 3502);
    alice
        .get("/v1/channels")
        .await
        .refused(401, "unauthenticated");
    app.backend
        .get("/v1/users/alice-4d2f")
        .await
        .refused(404, "not_found");
    app.backend
        .delete("/v1/users/alice-4d2f")
        .await
        .refused(404, "not_found");

    // In no table.
    let left = database.dump().await;
    for trace in [CANARY, "alice-4d2f"] {
        let lines: Vec<&str> = left.lines().filter(|line| line.contains(trace)).collect();
        assert!(lines.is_empty(), "`{trace}` is left: {lines:#?}");
    }
    // On no path.
    for path in [
        "/v1/users".to_owned(),
        "/v1/channels".to_owned(),
        "/v1/channels/general".to_owned(),
        "/v1/channels/general/participants".to_owned(),
        "/v1/channels/general/messages".to_owned(),
        "/v1/channels/general/events?since=0".to_owned(),
        "/v1/channels/quiet/events?since=0".to_owned(),
        format!("/v1/channels/{side}/events?since=0"),
        format!("/v1/channels/{direct}/events?since=0"),
        format!("/v1/messages/{}", ids[0]),
    ] {
        let who = if path == "/v1/users" {
            &app.backend
        } else {
            &bob
        };
        let answer = who.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert!(
            !answer.text.contains(CANARY) && !answer.text.contains("alice-4d2f"),
            "{path}: {}",
            answer.text
        );
    }
    // Everybody else's log is as it was, and has gone on without a gap.
    let after = log(&bob.events("general", 0).await);
    assert_eq!(after[..before.len()], before, "entries keep their places");
    assert!(after.len() > before.len());
    for (at, (seq, _)) in after.iter().enumerate() {
        assert_eq!(*seq, at + 1);
    }
    let path = format!("/v1/messages/{}", kept["id"].as_str().expect("an id"));
    assert_eq!(bob.get(&path).await.is(200), kept);
    // Bob, who owned the other channel, still does; this one went from Alice to somebody.
    let seats = bob.get("/v1/channels/general/participants").await.is(200);
    let owners = seats["participants"]
        .as_array()
        .expect("seats")
        .iter()
        .filter(|seat| seat["role"] == "owner");
    assert_eq!(owners.count(), 1);
    // Who watched was told.
    let heard = bobs.caught_up(app).await;
    assert_eq!(
        heard
            .iter()
            .filter(|event| event["event"] == "message.deleted")
            .count(),
        3
    );
    assert!(heard.iter().any(|event| event["event"] == "member.removed"));
    // The other app's are untouched.
    assert_eq!(host.other.backend.get("/v1/users/alice").await.status, 200);
}

/// The places and kinds of entries.
fn log(events: &[Value]) -> Vec<(Value, Value)> {
    events
        .iter()
        .map(|event| (event["seq"].clone(), event["event"].clone()))
        .collect()
}

/// Ids that are also words of the log's own.
async fn a_user_may_be_called_anything(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let names = ["member", "admin", "user_id", "role", "by", "null", "\"}"];
    let people = app.crowd(&names).await;
    let bob = app.user("bob").await;
    let everybody: Vec<_> = std::iter::once(&bob).chain(&people).collect();
    app.channel("general", &everybody).await;
    bob.put(
        "/v1/channels/general/participants/role",
        json!({ "role": "admin" }),
    )
    .await
    .is(200);
    let mut phone = bob.connect().await;
    let epoch = phone.greeting["epoch"]
        .as_str()
        .expect("an epoch")
        .to_owned();
    for name in names {
        let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        app.backend
            .delete(&format!("/v1/users/{escaped}"))
            .await
            .is(204);
    }
    let caught_up = phone.subscribe_since("general", 0, &epoch).await;
    for event in caught_up["events"].as_array().expect("events") {
        let data = &event["data"];
        match event["event"].as_str().expect("a kind") {
            "member.added" | "member.updated" => {
                assert!(
                    matches!(data["role"].as_str(), Some("member" | "admin" | "owner")),
                    "{event}"
                );
                assert!(data["user_id"].is_string(), "{event}");
            }
            "member.removed" => assert!(data["user_id"].is_string(), "{event}"),
            _ => {}
        }
    }
}

async fn an_erased_users_name_is_free_for_another(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    let open = json!({ "user_ids": ["alice", "bob"] });
    let first = app
        .backend
        .post("/v1/channels/direct", open.clone())
        .await
        .is(200);
    bob.send(
        first["id"].as_str().expect("an id"),
        "for the first Alice only",
    )
    .await;
    app.backend.delete("/v1/users/alice").await.is(204);
    let another = app.user("alice").await;
    assert_eq!(
        another.get("/v1/channels").await.is(200),
        json!({ "channels": [] })
    );
    // The token of the one before is not the other's.
    let second = app.backend.post("/v1/channels/direct", open).await.is(200);
    assert_ne!(second["id"], first["id"], "another person, another channel");
    assert!(
        another
            .history(second["id"].as_str().expect("an id"))
            .await
            .is_empty()
    );
}

/// More messages, channels and answers than one step takes, and some in a channel that it had left.
async fn much_is_erased_step_by_step(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice-4d2f", "bob"]).await;
    for n in 0..25 {
        app.channel(&format!("channel-{n}"), &[&bob, &alice]).await;
    }
    let mut phone = alice.connect().await;
    let mut asked = Vec::new();
    for n in 0..250 {
        let text = format!("{CANARY} {n}");
        let message = draft(&format!("channel-{}", n % 2), &text);
        asked.push(phone.begin("send", message).await);
    }
    for id in asked {
        phone.reply(id).await.ok();
    }
    phone.close().await;
    let private = json!({ "channel_id": "channel-0", "type": "text", "data": CANARY, "to": "bob" });
    alice.post("/v1/messages", private).await.is(201);
    // It leaves the pair's side channel with this one.
    let path = "/v1/channels/channel-0/participants/alice-4d2f";
    alice.delete(path).await.is(204);
    bob.send("channel-1", "bob's own").await;
    app.backend.delete("/v1/users/alice-4d2f").await.is(204);
    let left = database.dump().await;
    for trace in [CANARY, "alice-4d2f"] {
        let lines: Vec<&str> = left.lines().filter(|line| line.contains(trace)).collect();
        assert!(lines.is_empty(), "`{trace}` is left: {lines:#?}");
    }
    let events = bob.events("channel-1", 0).await;
    assert!(
        events
            .iter()
            .zip(1..)
            .all(|(event, seq)| event["seq"] == seq)
    );
    let deleted = events
        .iter()
        .filter(|event| event["event"] == "message.deleted");
    assert_eq!(deleted.count(), 125);
    assert!(
        bob.history("channel-1")
            .await
            .iter()
            .any(|message| message["data"] == "bob's own")
    );
}

/// Whoever decides later must not bring back what was erased.
async fn what_waits_for_a_review_goes_with_either_of_two(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice-4d2f", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    let rules =
        json!({ "words": [{ "words": ["crypto"], "action": "hold" }], "flood_messages": 0 });
    host.other.plugin("moderation", rules.clone()).await;
    app.plugin("moderation", rules).await;
    let say = async |who: &crate::support::Person, to: &str, text: String| {
        let mut message = draft("general", &text);
        message["to"] = json!(to);
        who.post("/v1/messages", message).await.is(202);
    };
    // More than one step takes.
    for n in 0..60 {
        say(&bob, "alice-4d2f", format!("crypto {CANARY} {n}")).await;
    }
    say(&alice, "bob", format!("crypto {CANARY}")).await;
    say(&bob, "*", "crypto for all".into()).await;
    app.backend.delete("/v1/users/alice-4d2f").await.is(204);
    let queue = app.backend.get("/v1/held").await.is(200);
    let held = queue["held"].as_array().expect("a list");
    let left: Vec<&Value> = held.iter().map(|held| &held["data"]).collect();
    assert_eq!(left, [&json!("crypto for all")], "{queue}");
    let left = database.dump().await;
    for trace in [CANARY, "alice-4d2f"] {
        let lines: Vec<&str> = left.lines().filter(|line| line.contains(trace)).collect();
        assert!(lines.is_empty(), "`{trace}` is left: {lines:#?}");
    }
}
