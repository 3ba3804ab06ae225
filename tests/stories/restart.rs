//! The process is killed or stopped, at any moment, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{ChildHost, Database, draft, eventually, stories};

stories!(
    nothing_acknowledged_is_lost,
    a_stop_is_orderly,
    a_client_goes_on_where_it_was
);

async fn nothing_acknowledged_is_lost(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let names = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"];
    let people = host.app.users(names).await;
    host.app.channel("general", &people.each_ref()).await;
    for round in 0..3 {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut senders = Vec::new();
        for person in &people {
            let (mut socket, count) = (person.connect().await, acknowledged.clone());
            senders.push(tokio::spawn(async move {
                let (mut sent, mut lost) = (Vec::new(), None);
                for n in 0.. {
                    let mut message = draft("general", &format!("{round}.{n}"));
                    message["client_id"] = json!(format!("{round}.{n}"));
                    let id = socket.begin("send", message.clone()).await;
                    match socket.reply_or_close(id).await {
                        Some(reply) => sent.push(reply.ok()),
                        None => {
                            lost = Some(message);
                            break;
                        }
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
                (sent, lost)
            }));
        }
        let enough = async || (acknowledged.load(Ordering::Relaxed) >= 100).then_some(());
        eventually("some messages are sent", enough).await;
        host.kill_and_restart().await;
        let mut expected: Vec<Value> = Vec::new();
        for (sender, person) in senders.into_iter().zip(&people) {
            let (sent, lost) = sender.await.expect("the sender");
            expected.extend(sent);
            // Nobody knows what became of the last one: sent again, it is there once.
            if let Some(message) = lost {
                let answer = person.post("/v1/messages", message).await;
                assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
                let mut message = answer.body;
                message
                    .as_object_mut()
                    .expect("an object")
                    .remove("replayed");
                expected.push(message);
            }
        }
        expected.sort_by_key(|message| message["seq"].as_i64());
        let first = expected[0]["seq"].as_i64().expect("a seq");
        let log = people[0].events("general", first - 1).await;
        let stored: Vec<&Value> = log.iter().map(|event| &event["data"]["message"]).collect();
        assert_eq!(
            stored.len(),
            expected.len(),
            "as many as were acknowledged or sent again"
        );
        for (seq, (stored, expected)) in (first..).zip(stored.into_iter().zip(&expected)) {
            // Who reads is shown the ids of its own client, and no others.
            let mut expected = expected.clone();
            if expected["from"] != people[0].id {
                expected
                    .as_object_mut()
                    .expect("an object")
                    .remove("client_id");
            }
            assert_eq!(*stored, expected);
            assert_eq!(stored["seq"], seq);
        }
    }
}

async fn a_stop_is_orderly(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(bob.connect().await);
    }
    let mut sender = alice.connect().await;
    let mut ids = Vec::new();
    for n in 0..50 {
        ids.push(sender.begin("send", draft("general", &n.to_string())).await);
    }
    sender.reply(ids[0]).await.ok();
    host.terminate();
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 3000);
    }
    let mut acknowledged = 1;
    for id in ids.drain(1..) {
        let Some(reply) = sender.reply_or_close(id).await else {
            break;
        };
        acknowledged += i64::from(reply.0.get("result").is_some());
    }
    assert_eq!(sender.closed().await, 3000);
    assert!(host.ended().await.success(), "{}", host.log());
    host.restart().await;
    let history = alice.history("general").await;
    assert!(history.len() as i64 >= acknowledged);
    assert!(
        history
            .iter()
            .zip(4..)
            .all(|(message, seq)| message["seq"] == seq)
    );
}

async fn a_client_goes_on_where_it_was(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut phone = bob.connect().await;
    let epoch = phone.greeting["epoch"]
        .as_str()
        .expect("an epoch")
        .to_owned();
    phone.subscribe("general").await;
    alice.send("general", "one").await;
    assert_eq!(phone.next_event("message.new").await["seq"], 4);
    alice.send("general", "two").await;
    host.kill_and_restart().await;
    alice.send("general", "three").await;
    let mut phone = bob.connect().await;
    assert_eq!(phone.greeting["epoch"], epoch.as_str());
    let back = phone.subscribe_since("general", 4, &epoch).await;
    assert_eq!(
        (&back["recovered"], &back["head"]),
        (&json!(true), &json!(6))
    );
    // A database without an epoch draws one.
    host.terminate();
    host.ended().await;
    database.run("DELETE FROM meta").await;
    host.restart().await;
    let mut phone = bob.connect().await;
    assert_ne!(phone.greeting["epoch"], epoch.as_str());
    let back = phone.subscribe_since("general", 4, &epoch).await;
    assert_eq!(
        (&back["recovered"], &back["head"], &back["events"]),
        (&json!(false), &json!(6), &json!([]))
    );
}
