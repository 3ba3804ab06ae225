//! Watching a channel: from now on, or from where one was, without a gap.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::{Database, Person, Socket, TestHost, draft, stories};

stories!(
    whoever_watches_hears_what_follows,
    whoever_comes_back_gets_what_was_missed,
    what_can_not_be_had_is_said,
    nothing_falls_between_history_and_live,
    a_watch_goes_on_after_a_restart,
    several_channels_are_watched_at_once,
);

async fn general(host: &TestHost) -> [Person; 2] {
    let people = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&people[0], &people[1]]).await;
    people
}

fn epoch(socket: &Socket) -> String {
    socket.greeting["epoch"]
        .as_str()
        .expect("an epoch")
        .to_owned()
}

fn seqs(events: &[Value]) -> Vec<i64> {
    events
        .iter()
        .filter_map(|event| event["seq"].as_i64())
        .collect()
}

async fn whoever_watches_hears_what_follows(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host).await;
    alice.send("general", "before").await;
    let mut phone = bob.connect().await;
    let subscribed = phone.subscribe("general").await;
    let expected = json!({ "recovered": true, "epoch": epoch(&phone), "head": 4, "events": [] });
    assert_eq!(subscribed, expected);
    phone
        .request("subscribe", json!({ "channel_id": "general" }))
        .await
        .refused("conflict");
    let sent = alice.send("general", "after").await;
    let event = phone.next_event("message.new").await;
    assert_eq!(
        (&event["seq"], &event["data"]["message"]),
        (&json!(5), &sent)
    );
    phone
        .request("unsubscribe", json!({ "channel_id": "general" }))
        .await
        .ok();
    alice.send("general", "unheard").await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    // Twice is the same as once.
    phone
        .request("unsubscribe", json!({ "channel_id": "general" }))
        .await
        .ok();
    let subscribed = phone.subscribe_since("general", 5, &epoch(&phone)).await;
    assert_eq!(
        subscribed["events"][0]["data"]["message"]["data"],
        "unheard"
    );
    alice.send("general", "heard").await;
    assert_eq!(phone.next_event("message.new").await["seq"], 7);
    phone
        .request("subscribe", json!({ "channel_id": "nowhere" }))
        .await
        .refused("not_found");
    // The other app's channel of that name is another.
    let mut stranger = host.other.session("carol").await.connect().await;
    stranger
        .request("subscribe", json!({ "channel_id": "general" }))
        .await
        .refused("not_found");
    phone.close().await;
}

async fn whoever_comes_back_gets_what_was_missed(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let first = alice.send("general", "one").await;
    assert_eq!(phone.next_event("message.new").await["seq"], 4);
    let known = epoch(&phone);
    phone.close().await;
    // Away: an edit, a deletion, somebody new, a channel renamed.
    let path = format!("/v1/messages/{}", first["id"].as_str().expect("an id"));
    alice
        .patch(&path, json!({ "data": "one, corrected" }))
        .await
        .is(200);
    let second = alice.send("general", "two").await;
    alice
        .delete(format!(
            "/v1/messages/{}",
            second["id"].as_str().expect("an id")
        ))
        .await
        .is(200);
    host.app.user("carol").await;
    alice
        .put("/v1/channels/general/participants/carol", json!({}))
        .await
        .is(200);
    alice
        .patch("/v1/channels/general", json!({ "name": "General" }))
        .await
        .is(200);
    let mut phone = bob.connect().await;
    let back = phone.subscribe_since("general", 4, &known).await;
    assert_eq!(
        (&back["recovered"], &back["head"]),
        (&json!(true), &json!(9))
    );
    let events = back["events"].as_array().expect("events");
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "message.updated",
            "message.new",
            "message.deleted",
            "member.added",
            "channel.updated"
        ]
    );
    assert_eq!(seqs(events), [5, 6, 7, 8, 9]);
    // By REST it is the same.
    let path = format!("/v1/channels/general/events?since=4&epoch={known}");
    assert_eq!(bob.get(path).await.is(200), back);
    let third = alice.send("general", "three").await;
    assert_eq!(
        phone.next_event("message.new").await["data"]["message"],
        third
    );
    phone.close().await;
}

async fn what_can_not_be_had_is_said(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.limits.replay_events_max = 10;
        config.socket.subscriptions_max = 2;
    })
    .await;
    let [alice, bob] = general(&host).await;
    for n in 0..12 {
        alice.send("general", &n.to_string()).await;
    }
    let mut phone = bob.connect().await;
    let known = epoch(&phone);
    for (since, of, what) in [
        (4, known.as_str(), "too much was missed"),
        (16, known.as_str(), "a place that the log never had"),
        (-1, known.as_str(), "no place at all"),
        (15, "0000000000000000", "another database"),
        (15, "", "no database at all"),
    ] {
        let answer = phone.subscribe_since("general", since, of).await;
        let expected = json!({ "recovered": false, "epoch": known, "head": 15, "events": [] });
        assert_eq!(answer, expected, "{what}");
        phone
            .request("unsubscribe", json!({ "channel_id": "general" }))
            .await
            .ok();
    }
    let answer = phone.subscribe_since("general", 5, &known).await;
    assert_eq!(
        (
            &answer["recovered"],
            answer["events"].as_array().map(Vec::len)
        ),
        (&json!(true), Some(10))
    );
    // Also who got nothing of the past hears the future.
    phone
        .request("unsubscribe", json!({ "channel_id": "general" }))
        .await
        .ok();
    phone.subscribe_since("general", 0, &known).await;
    alice.send("general", "news").await;
    assert_eq!(phone.next_event("message.new").await["seq"], 16);
    for id in ["second", "third"] {
        host.app.channel(id, &[&bob]).await;
    }
    phone.subscribe("second").await;
    phone
        .request("subscribe", json!({ "channel_id": "third" }))
        .await
        .refused("limit_reached");
    phone
        .request("unsubscribe", json!({ "channel_id": "second" }))
        .await
        .ok();
    phone.subscribe("third").await;
    // A channel that one was removed from doesn't count.
    host.app
        .backend
        .delete("/v1/channels/general/participants/bob")
        .await
        .is(204);
    phone.next_event("member.removed").await;
    phone.subscribe("second").await;
    phone.close().await;
}

async fn nothing_falls_between_history_and_live(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.limits.replay_events_max = 100_000;
        config.socket.queue_bytes_max = 64 << 20;
        config.socket.queue_frames_max = 1_000_000;
    })
    .await;
    let [alice, bob] = general(&host).await;
    let done = AtomicBool::new(false);
    let writing = async {
        let mut sockets = [alice.connect().await, alice.connect().await];
        while !done.load(Ordering::Relaxed) {
            for socket in &mut sockets {
                let mut ids = Vec::new();
                for n in 0..5 {
                    ids.push(socket.begin("send", draft("general", &n.to_string())).await);
                }
                for id in ids {
                    socket.reply(id).await.ok();
                }
            }
        }
    };
    // Comes and goes while others write, and must have everything exactly once.
    let reading = async {
        let mut seen = 3;
        for _ in 0..15 {
            let mut phone = bob.connect().await;
            let back = phone.subscribe_since("general", seen, &epoch(&phone)).await;
            assert_eq!(back["recovered"], true, "{back}");
            let mut heard = seqs(back["events"].as_array().expect("events"));
            assert_eq!(
                back["head"].as_i64(),
                Some(heard.last().copied().unwrap_or(seen))
            );
            for _ in 0..7 {
                heard.push(
                    phone.next_event("message.new").await["seq"]
                        .as_i64()
                        .expect("a seq"),
                );
            }
            phone.close().await;
            assert_eq!(
                heard,
                (seen + 1..=seen + heard.len() as i64).collect::<Vec<_>>()
            );
            seen += heard.len() as i64;
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(writing, reading);
}

async fn a_watch_goes_on_after_a_restart(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    alice.send("general", "one").await;
    phone.next_event("message.new").await;
    let known = epoch(&phone);
    let mut sender = alice.connect().await;
    sender.send("general", "two").await;
    host.restart().await;
    assert_eq!(phone.closed().await, 3000);
    alice.send("general", "three").await;
    let mut phone = bob.connect().await;
    assert_eq!(epoch(&phone), known);
    let back = phone.subscribe_since("general", 4, &known).await;
    assert_eq!(back["recovered"], true);
    assert_eq!(seqs(back["events"].as_array().expect("events")), [5, 6]);
    phone.close().await;
}

async fn several_channels_are_watched_at_once(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    let mut phone = bob.connect().await;
    for n in 0..20 {
        host.app.channel(&format!("c{n}"), &[&alice, &bob]).await;
        phone.subscribe(&format!("c{n}")).await;
    }
    let sends = (0..60).map(|n| {
        alice.post(
            "/v1/messages",
            draft(&format!("c{}", n % 20), &n.to_string()),
        )
    });
    for answer in futures_util::future::join_all(sends).await {
        answer.is(201);
    }
    let mut heard = vec![Vec::new(); 20];
    for event in phone.caught_up(&host.app).await {
        let channel: usize = event["channel_id"]
            .as_str()
            .and_then(|id| id[1..].parse().ok())
            .expect("a channel");
        heard[channel].push(event["seq"].as_i64().expect("a seq"));
    }
    assert!(heard.iter().all(|seqs| *seqs == [4, 5, 6]), "{heard:?}");
    phone.close().await;
}
