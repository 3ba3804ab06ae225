//! Messages are sent, changed and deleted, in one order for everybody.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{Database, TestHost, draft, stories};

stories!(
    a_message_reaches_everybody,
    senders_edit_and_delete_what_they_wrote,
    many_senders_make_one_order,
    a_socket_keeps_its_senders_order,
);

fn path(message: &Value) -> String {
    format!("/v1/messages/{}", message["id"].as_str().expect("an id"))
}

async fn a_message_reaches_everybody(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut phones = [bob.connect().await, alice.connect().await];
    for phone in &mut phones {
        phone.subscribe("general").await;
    }
    let sent = alice.send("general", "hello").await;
    let expected = json!({
        "id": sent["id"], "channel_id": "general", "seq": 4, "from": "alice", "to": "*", "type": "text",
        "data": "hello", "ts": sent["ts"],
    });
    assert_eq!(sent, expected);
    for phone in &mut phones {
        let event = phone.next_event("message.new").await;
        assert_eq!(
            (&event["channel_id"], &event["seq"]),
            (&json!("general"), &json!(4))
        );
        assert_eq!(event["data"], json!({ "message": sent }));
    }
    assert_eq!(bob.history("general").await, std::slice::from_ref(&sent));
    assert_eq!(bob.get(path(&sent)).await.is(200), sent);
    let [bobs, mut alices] = phones;
    bobs.close().await;
    // What comes by socket and what comes by REST are one.
    let answer = alices.send("general", "hello yourself").await;
    assert_eq!(answer["seq"], 5);
    assert_eq!(
        alices.next_event("message.new").await["data"]["message"],
        answer
    );
    let on_behalf =
        json!({ "channel_id": "general", "type": "text", "data": "from the shop", "as": "bob" });
    let third = host
        .app
        .backend
        .post("/v1/messages", on_behalf.clone())
        .await
        .is(201);
    assert_eq!((&third["from"], &third["seq"]), (&json!("bob"), &json!(6)));
    assert_eq!(alice.history("general").await, [sent, answer, third]);
    alice
        .post("/v1/messages", on_behalf)
        .await
        .refused(403, "forbidden");
    assert_eq!(
        host.app
            .backend
            .post("/v1/messages", draft("general", "whose?"))
            .await
            .invalid(),
        ["as"]
    );
    // The backend sends for those who are in the channel.
    let mut for_carol = draft("general", "from the shop");
    for_carol["as"] = json!("carol");
    let backend = &host.app.backend;
    backend
        .post("/v1/messages", for_carol)
        .await
        .refused(404, "not_found");
    for who in [&carol, &host.other.session("bob").await] {
        who.post("/v1/messages", draft("nowhere", "x"))
            .await
            .refused(404, "not_found");
    }
    carol
        .post("/v1/messages", draft("general", "x"))
        .await
        .refused(404, "not_found");
    alices.next_event("message.new").await;
    assert!(alices.caught_up(&host.app).await.is_empty());
    alices.close().await;
}

async fn senders_edit_and_delete_what_they_wrote(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    let sent = bob.send("general", "helo").await;
    assert_eq!(
        phone.next_event("message.new").await["data"]["message"],
        sent
    );
    let edited = bob
        .patch(path(&sent), json!({ "data": "hello" }))
        .await
        .is(200);
    assert_eq!(
        (&edited["data"], &edited["seq"], &edited["ts"]),
        (&json!("hello"), &sent["seq"], &sent["ts"])
    );
    assert!(edited["edited_at"].is_string());
    let event = phone.next_event("message.updated").await;
    assert_eq!(event["data"]["message"], edited);
    assert_eq!(event["seq"], 5);
    alice
        .patch(path(&sent), json!({ "data": "mine now" }))
        .await
        .refused(403, "forbidden");
    assert_eq!(
        bob.patch(path(&sent), json!({ "data": "" }))
            .await
            .invalid(),
        ["data"]
    );
    assert_eq!(
        bob.patch(path(&sent), json!({ "data": "x", "seq": 1 }))
            .await
            .invalid(),
        ["seq"]
    );
    bob.patch("/v1/messages/msg_0123456789abcdef", json!({ "data": "x" }))
        .await
        .refused(404, "not_found");
    bob.patch("/v1/messages/x", json!({ "data": "x" }))
        .await
        .refused(404, "not_found");
    assert_eq!(alice.history("general").await, [edited]);
    let by_backend = host
        .app
        .backend
        .patch(path(&sent), json!({ "data": "Hello." }))
        .await
        .is(200);
    assert_eq!(
        (&by_backend["data"], &by_backend["from"]),
        (&json!("Hello."), &json!("bob"))
    );
    phone.next_event("message.updated").await;

    let deleted = bob.delete(path(&sent)).await.is(200);
    assert_eq!(
        (&deleted["data"], &deleted["seq"]),
        (&Value::Null, &sent["seq"])
    );
    assert!(deleted["deleted_at"].is_string());
    assert_eq!(
        phone.next_event("message.deleted").await["data"]["message"],
        deleted
    );
    // Twice is the same as once, and says nothing.
    assert_eq!(bob.delete(path(&sent)).await.is(200), deleted);
    bob.patch(path(&sent), json!({ "data": "back" }))
        .await
        .refused(409, "conflict");
    assert_eq!(alice.history("general").await, [deleted]);
    assert!(
        !database.dump().await.contains("Hello."),
        "what is deleted is gone"
    );
    // The owner moderates.
    let second = bob.send("general", "rude").await;
    alice.delete(path(&second)).await.is(200);
    let third = alice.send("general", "polite").await;
    bob.delete(path(&third)).await.refused(403, "forbidden");
    // Edits at once: one after the other, or refused. None is half done.
    let edits = (0..8).map(|n| alice.patch(path(&third), json!({ "data": n.to_string() })));
    let mut last = Vec::new();
    for answer in futures_util::future::join_all(edits).await {
        match answer.status {
            200 => last.push(answer.is(200)["data"].clone()),
            _ => drop(answer.refused(409, "conflict")),
        }
    }
    assert!(
        last.contains(&alice.get(path(&third)).await.is(200)["data"]),
        "{last:?}"
    );
    phone.close().await;
}

async fn many_senders_make_one_order(database: Database) {
    let host = TestHost::start(&database).await;
    let names: Vec<String> = (0..64).map(|n| format!("u{n:02}")).collect();
    let people = host
        .app
        .crowd(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    for channel in ["one", "two"] {
        host.app
            .channel(channel, &people.iter().collect::<Vec<_>>())
            .await;
    }
    let mut watchers = [people[0].connect().await, people[1].connect().await];
    let mut heads = HashMap::new();
    for watcher in &mut watchers {
        for channel in ["one", "two"] {
            heads.insert(
                channel,
                watcher.subscribe(channel).await["head"]
                    .as_i64()
                    .expect("a head"),
            );
        }
    }
    let sends = people.iter().enumerate().map(async |(n, person)| {
        let channel = if n % 4 == 0 { "two" } else { "one" };
        if n % 2 == 0 {
            return vec![
                person.send(channel, "over REST").await,
                person.send("one", "again").await,
            ];
        }
        let mut socket = person.connect().await;
        let mut ids = Vec::new();
        for text in ["a", "b", "c"] {
            ids.push(socket.begin("send", draft(channel, text)).await);
        }
        let mut sent = Vec::new();
        for id in ids {
            sent.push(socket.reply(id).await.ok());
        }
        socket.close().await;
        sent
    });
    let mut sent: HashMap<&str, Vec<Value>> = HashMap::new();
    for message in futures_util::future::join_all(sends)
        .await
        .into_iter()
        .flatten()
    {
        let channel = if message["channel_id"] == "one" {
            "one"
        } else {
            "two"
        };
        sent.entry(channel).or_default().push(message);
    }
    for (channel, messages) in &mut sent {
        messages.sort_by_key(|message| message["seq"].as_i64());
        let seqs: Vec<i64> = messages
            .iter()
            .filter_map(|message| message["seq"].as_i64())
            .collect();
        let first = heads[channel] + 1;
        let expected: Vec<i64> = (first..first + messages.len() as i64).collect();
        assert_eq!(seqs, expected, "no gap and nothing twice in `{channel}`");
        for watcher in &mut watchers {
            for message in messages.iter() {
                let of_channel =
                    |event: &Value| event["seq"].is_i64() && event["channel_id"] == *channel;
                let event = watcher.next_such("a message", of_channel).await;
                assert_eq!(
                    event["data"]["message"], *message,
                    "watchers hear the same, in the same order"
                );
            }
        }
        let stored: Vec<Value> = people[5].events(channel, heads[channel]).await;
        let stored: Vec<&Value> = stored
            .iter()
            .map(|event| &event["data"]["message"])
            .collect();
        assert_eq!(stored, messages.iter().collect::<Vec<_>>());
    }
    assert_eq!(sent.values().map(Vec::len).sum::<usize>(), 32 * 2 + 32 * 3);
    for watcher in &mut watchers {
        assert!(watcher.caught_up(&host.app).await.is_empty());
    }
}

async fn a_socket_keeps_its_senders_order(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let (mut alices, mut bobs) = (alice.connect().await, bob.connect().await);
    let mut ids = Vec::new();
    for n in 0..100 {
        ids.push(
            alices
                .begin("send", draft("general", &format!("a{n}")))
                .await,
        );
        ids.push(bobs.begin("send", draft("general", &format!("b{n}"))).await);
    }
    for pair in ids.chunks(2) {
        alices.reply(pair[0]).await.ok();
        bobs.reply(pair[1]).await.ok();
    }
    let history = [alice.history("general").await, {
        let page = alice
            .get("/v1/channels/general/messages?limit=100")
            .await
            .is(200);
        let older = page["prev"].as_str().expect("there are older ones");
        let page = alice
            .get(format!(
                "/v1/channels/general/messages?limit=100&prev={older}"
            ))
            .await
            .is(200);
        page["messages"].as_array().expect("messages").clone()
    }];
    let texts: Vec<&str> = history
        .iter()
        .rev()
        .flatten()
        .filter_map(|message| message["data"].as_str())
        .collect();
    for prefix in ["a", "b"] {
        let own: Vec<String> = texts
            .iter()
            .filter(|text| text.starts_with(prefix))
            .map(|text| (*text).to_owned())
            .collect();
        let expected: Vec<String> = (0..100).map(|n| format!("{prefix}{n}")).collect();
        assert_eq!(own, expected);
    }
    alices.close().await;
    bobs.close().await;
}
