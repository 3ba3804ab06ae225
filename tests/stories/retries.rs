//! A client that didn't hear the answer sends again, and the message is there once.

use serde_json::{Value, json};

use crate::support::{ChildHost, Database, TestHost, draft, stories};

stories!(
    a_retry_gets_the_first_message,
    a_client_id_is_shown_to_its_sender_alone,
    many_retries_at_once_store_one_message,
    a_retry_after_a_restart_is_still_one,
);

fn with_id(channel: &str, text: &str, id: &str) -> Value {
    let mut message = draft(channel, text);
    message["client_id"] = json!(id);
    message
}

async fn a_retry_gets_the_first_message(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    for channel in ["general", "second"] {
        host.app.channel(channel, &[&alice, &bob]).await;
    }
    let sent = alice
        .post("/v1/messages", with_id("general", "once", "c1"))
        .await
        .is(201);
    assert_eq!(sent["client_id"], "c1");
    let mut replayed = sent.clone();
    replayed["replayed"] = json!(true);
    assert_eq!(
        alice
            .post("/v1/messages", with_id("general", "once", "c1"))
            .await
            .is(200),
        replayed
    );
    let mut phone = alice.connect().await;
    assert_eq!(
        phone
            .request("send", with_id("general", "once", "c1"))
            .await
            .ok(),
        replayed
    );
    // The same id with something else in it is a mistake, whatever differs.
    alice
        .post("/v1/messages", with_id("general", "twice", "c1"))
        .await
        .refused(409, "idempotency_conflict");
    phone
        .request("send", with_id("general", "twice", "c1"))
        .await
        .refused("idempotency_conflict");
    // It is Alice's in this channel: elsewhere, and for others, it is free.
    for (who, channel) in [(&bob, "general"), (&alice, "second")] {
        who.post("/v1/messages", with_id(channel, "once", "c1"))
            .await
            .is(201);
    }
    // A retry that comes late gets the message as it is by then.
    let path = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    alice
        .patch(&path, json!({ "data": "edited" }))
        .await
        .is(200);
    let late = alice
        .post("/v1/messages", with_id("general", "once", "c1"))
        .await
        .is(200);
    assert_eq!(
        (&late["data"], &late["replayed"]),
        (&json!("edited"), &json!(true))
    );
    alice.delete(&path).await.is(200);
    let late = alice
        .post("/v1/messages", with_id("general", "once", "c1"))
        .await
        .is(200);
    assert_eq!(
        (&late["data"], &late["replayed"]),
        (&Value::Null, &json!(true))
    );
    for bad in ["", " ", &"x".repeat(129), "a\u{0}"] {
        assert_eq!(
            alice
                .post("/v1/messages", with_id("general", "x", bad))
                .await
                .invalid(),
            ["client_id"]
        );
    }
    assert_eq!(alice.history("general").await.len(), 2);
    phone.close().await;
}

/// It is a text of 128 bytes that no guard looks at.
async fn a_client_id_is_shown_to_its_sender_alone(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    app.plugin("feed", json!({})).await;
    let secret = "what nobody looks at";
    let mut phones = [alice.connect().await, bob.connect().await];
    for phone in &mut phones {
        phone.subscribe("general").await;
    }
    let sent = alice.post("/v1/messages", with_id("general", "one", secret));
    let sent = sent.await.is(201);
    let path = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    let edited = json!({ "data": "two" });
    assert_eq!(sent["client_id"], secret);
    assert_eq!(
        alice.patch(&path, edited).await.is(200)["client_id"],
        secret
    );
    // What is the same for all has it not, not even for its sender.
    for phone in &mut phones {
        let events = phone.caught_up(app).await;
        assert_eq!(events.len(), 2, "{events:?}");
        assert!(!json!(events).to_string().contains(secret), "{events:?}");
    }
    let log = bob.get("/v1/channels/general/events?since=0").await.is(200);
    let epoch = log["epoch"].as_str().expect("an epoch").to_owned();
    let [hers, his] = &mut phones;
    for (who, phone, sees) in [
        (&alice, Some(hers), true),
        (&bob, Some(his), false),
        (&app.backend, None, false),
    ] {
        let mut seen = vec![
            who.get(&path).await.text,
            json!(who.history("general").await).to_string(),
            json!(who.events("general", 0).await).to_string(),
        ];
        if let Some(phone) = phone {
            let page = json!({ "channel_id": "general" });
            seen.push(
                phone
                    .request("history", page.clone())
                    .await
                    .ok()
                    .to_string(),
            );
            phone.request("unsubscribe", page).await.ok();
            seen.push(
                phone
                    .subscribe_since("general", 0, &epoch)
                    .await
                    .to_string(),
            );
        }
        for seen in seen {
            assert!(seen.contains("two"));
            assert_eq!(seen.contains(secret), sees, "{} {seen}", who.id);
        }
        let listed = who.get("/v1/channels").await.text;
        assert!(!listed.contains(secret), "{listed}");
    }
    // A key for a request is no less the sender's own.
    let me = bob.with_header("idempotency-key", "a key of mine");
    me.post("/v1/messages", draft("general", "three"))
        .await
        .is(201);
    assert!(
        !json!(alice.history("general").await)
            .to_string()
            .contains("of mine")
    );
}

async fn many_retries_at_once_store_one_message(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let mut sockets = Vec::new();
    for _ in 0..4 {
        sockets.push(alice.connect().await);
    }
    let over_rest = (0..32).map(async |_| {
        let answer = alice
            .post("/v1/messages", with_id("general", "once", "c1"))
            .await;
        let status = answer.status;
        (status == 201, answer.is(status))
    });
    let over_sockets = sockets.iter_mut().map(async |socket| {
        let mut replies = Vec::new();
        for _ in 0..8 {
            replies.push(socket.begin("send", with_id("general", "once", "c1")).await);
        }
        let mut results = Vec::new();
        for id in replies {
            results.push(socket.reply(id).await.ok());
        }
        results
    });
    let (rest, sockets) = tokio::join!(
        futures_util::future::join_all(over_rest),
        futures_util::future::join_all(over_sockets)
    );
    let answers: Vec<Value> = rest
        .iter()
        .map(|(_, message)| message.clone())
        .chain(sockets.into_iter().flatten())
        .collect();
    assert_eq!(answers.len(), 64);
    let new = answers
        .iter()
        .filter(|message| message.get("replayed").is_none());
    assert_eq!(new.count(), 1, "one of them was first");
    assert!(
        rest.iter()
            .all(|(created, message)| *created == message.get("replayed").is_none())
    );
    assert!(
        answers
            .iter()
            .all(|message| message["id"] == answers[0]["id"] && message["seq"] == 3)
    );
    assert_eq!(alice.history("general").await.len(), 1);
    assert_eq!(alice.events("general", 0).await.len(), 3);
}

async fn a_retry_after_a_restart_is_still_one(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let sent = alice
        .post("/v1/messages", with_id("general", "once", "c1"))
        .await
        .is(201);
    host.kill_and_restart().await;
    let again = alice
        .post("/v1/messages", with_id("general", "once", "c1"))
        .await
        .is(200);
    assert_eq!(
        (&again["id"], &again["replayed"]),
        (&sent["id"], &json!(true))
    );
    alice
        .post("/v1/messages", with_id("general", "other", "c1"))
        .await
        .refused(409, "idempotency_conflict");
    assert_eq!(alice.history("general").await, [sent]);
}
