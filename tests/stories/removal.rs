//! Removal from a channel is a barrier: whoever is removed learns that, and nothing after it, on any
//! path.

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, draft, eventually, stories};

stories!(
    nothing_follows_a_removal,
    nothing_is_sent_after_a_removal,
    who_reads_while_being_removed_reads_nothing_later,
    who_subscribes_while_being_removed_hears_nothing_later,
);

async fn add(host: &TestHost, channel: &str, user: &str) {
    host.app
        .backend
        .put(
            format!("/v1/channels/{channel}/participants/{user}"),
            json!({}),
        )
        .await
        .is(200);
}

async fn remove(host: &TestHost, channel: &str, user: &str) {
    host.app
        .backend
        .delete(format!("/v1/channels/{channel}/participants/{user}"))
        .await
        .is(204);
}

async fn say(host: &TestHost, channel: &str, text: &str) -> Value {
    let message = json!({ "channel_id": channel, "type": "text", "data": text, "as": "alice" });
    host.app.backend.post("/v1/messages", message).await.is(201)
}

async fn nothing_follows_a_removal(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let before = say(&host, "general", "before").await;
    assert_eq!(
        phone.next_event("message.new").await["data"]["message"],
        before
    );
    remove(&host, "general", "bob").await;
    let after = say(&host, "general", "after").await;
    let heard = phone.caught_up(&host.app).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(
        (&heard[0]["event"], &heard[0]["data"]["user_id"]),
        (&json!("member.removed"), &json!("bob"))
    );
    // Signals neither.
    let mut desk = alice.connect().await;
    desk.subscribe("general").await;
    desk.request("typing", json!({ "channel_id": "general", "typing": true }))
        .await
        .ok();
    phone.round_trip().await;
    let passing = phone.take_events();
    let late =
        |event: &Value| event["channel_id"] == "general" && event["data"]["user_id"] == "alice";
    assert!(!passing.iter().any(late), "{passing:?}");
    // Nor by asking, whatever was seen before.
    for message in [&before, &after] {
        bob.get(format!(
            "/v1/messages/{}",
            message["id"].as_str().expect("an id")
        ))
        .await
        .refused(404, "not_found");
    }
    for route in [
        "",
        "/messages",
        "/events?since=0",
        "/participants",
        "/presence",
    ] {
        bob.get(format!("/v1/channels/general{route}"))
            .await
            .refused(404, "not_found");
    }
    for (method, params) in [
        ("subscribe", json!({ "channel_id": "general", "since": 0 })),
        ("history", json!({ "channel_id": "general" })),
        ("send", draft("general", "x")),
        ("typing", json!({ "channel_id": "general", "typing": true })),
        ("read", json!({ "channel_id": "general", "seq": 1 })),
        ("edit", json!({ "message_id": before["id"], "data": "x" })),
    ] {
        phone.request(method, params).await.refused("not_found");
    }
    assert_eq!(
        bob.get("/v1/channels").await.is(200)["channels"]
            .as_array()
            .map(Vec::len),
        Some(1),
        "but for the fence"
    );
    // Who comes back sees what was, and watches anew.
    add(&host, "general", "bob").await;
    assert!(bob.history("general").await.contains(&after));
    let back = phone
        .request("subscribe", json!({ "channel_id": "general" }))
        .await
        .ok();
    assert_eq!(back["recovered"], true);
    let again = say(&host, "general", "again").await;
    assert_eq!(
        phone.next_event("message.new").await["data"]["message"],
        again
    );
    phone.close().await;
    desk.close().await;
}

async fn nothing_is_sent_after_a_removal(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut phone = bob.connect().await;
    // The host knows Bob's seat by heart.
    phone.send("general", "one").await;
    for _ in 0..10 {
        let (_, sent) = tokio::join!(remove(&host, "general", "bob"), async {
            let mut ids = Vec::new();
            for _ in 0..20 {
                ids.push(phone.begin("send", draft("general", "racing")).await);
            }
            let mut sent = Vec::new();
            for id in ids {
                let reply = phone.reply(id).await;
                match reply.0.get("result") {
                    Some(message) => sent.push(message["seq"].as_i64().expect("a seq")),
                    None => drop(reply.refused("not_found")),
                }
            }
            sent
        });
        nobody_sent_since(&alice, &sent).await;
        add(&host, "general", "bob").await;
        // Nor does the backend send for who is gone.
        let mut on_behalf = draft("general", "racing");
        on_behalf["as"] = json!("bob");
        let sends = (0..20).map(|_| host.app.backend.post("/v1/messages", on_behalf.clone()));
        let (answers, _) = tokio::join!(
            futures_util::future::join_all(sends),
            remove(&host, "general", "bob")
        );
        let mut sent = Vec::new();
        for answer in answers {
            match answer.status {
                201 => sent.push(answer.body["seq"].as_i64().expect("a seq")),
                _ => drop(answer.refused(404, "not_found")),
            }
        }
        nobody_sent_since(&alice, &sent).await;
        add(&host, "general", "bob").await;
    }
    phone.close().await;
}

/// Whether these messages, and all others, are from before the last removal.
async fn nobody_sent_since(alice: &Person, sent: &[i64]) {
    let log = alice.events("general", 0).await;
    let removed = log
        .iter()
        .rev()
        .find(|event| event["event"] == "member.removed")
        .expect("the removal");
    let removed = removed["seq"].as_i64().expect("a seq");
    assert!(
        sent.iter().all(|seq| *seq < removed),
        "{sent:?} after {removed}"
    );
    let last = log
        .iter()
        .rev()
        .find(|event| event["event"] == "message.new")
        .expect("a message");
    assert!(last["seq"].as_i64() < Some(removed));
}

/// In a channel of its own for each round: somebody asks all the time while being removed, and a
/// secret is told right after the removal.
async fn race<A>(
    host: &TestHost,
    asking: impl AsyncFn(Person, String) -> A,
    leaks: impl Fn(&A) -> bool,
) {
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    for round in 0..30 {
        let channel = host
            .app
            .channel(&format!("c{round}"), &[&alice, &bob])
            .await;
        let stop = std::sync::atomic::AtomicBool::new(false);
        let asked = async {
            let mut answers = Vec::new();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let some = (0..4).map(|_| asking(bob.clone(), channel.clone()));
                answers.extend(futures_util::future::join_all(some).await);
            }
            answers
        };
        let told = async {
            for n in 0..3 {
                say(host, &channel, &n.to_string()).await;
            }
            remove(host, &channel, "bob").await;
            for _ in 0..3 {
                say(host, &channel, "secret").await;
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        };
        let (answers, ()) = tokio::join!(asked, told);
        assert!(
            !answers.iter().any(&leaks),
            "round {round}: somebody who was removed reads on"
        );
    }
}

async fn who_reads_while_being_removed_reads_nothing_later(database: Database) {
    let host = TestHost::start(&database).await;
    let ask = async |bob: Person, channel: String| {
        let history = bob
            .get(format!("/v1/channels/{channel}/messages"))
            .await
            .text;
        history
            + &bob
                .get(format!("/v1/channels/{channel}/events?since=0"))
                .await
                .text
    };
    race(&host, ask, |answer| answer.contains("secret")).await;
}

async fn who_subscribes_while_being_removed_hears_nothing_later(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.socket.connections_per_user_max = 1000
    })
    .await;
    let ask = async |bob: Person, channel: String| {
        let mut phone = bob.connect().await;
        let since = json!({ "channel_id": channel, "since": 0 });
        let reply = phone.request("subscribe", since).await.0.to_string();
        phone.round_trip().await;
        let heard = format!("{reply}{:?}", phone.take_events());
        phone.close().await;
        heard
    };
    race(&host, ask, |heard| heard.contains("secret")).await;
    let app = host.inside().await;
    eventually("all sockets are forgotten", async || {
        (app.hub.sockets() == 0).then_some(())
    })
    .await;
}
