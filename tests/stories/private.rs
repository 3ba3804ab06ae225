//! Private messages within a channel: seen by the two, and by nobody else on any path.

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, stories};

stories!(
    a_private_message_is_between_two,
    a_pair_has_one_side_channel,
    whoever_leaves_the_channel_leaves_its_side_channels,
    whoever_comes_back_can_be_written_to_again,
);

fn to(user: &str, text: &str) -> Value {
    json!({ "channel_id": "general", "type": "text", "data": text, "to": user })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn a_private_message_is_between_two(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob, carol, dave] = host.app.users(["alice", "bob", "carol", "dave"]).await;
    host.app.channel("general", &[&carol, &alice, &bob]).await;
    let (mut bobs, mut carols) = (bob.connect().await, carol.connect().await);
    for phone in [&mut bobs, &mut carols] {
        phone.subscribe("general").await;
    }
    let sent = alice.post("/v1/messages", to("bob", "psst")).await.is(201);
    assert_eq!(
        (&sent["from"], &sent["to"]),
        (&json!("alice"), &json!("bob"))
    );
    let side = text(&sent["channel_id"]).to_owned();
    assert_ne!(side, "general");
    // Bob finds it and answers in either way.
    let list = bob.get("/v1/channels").await.is(200);
    assert_eq!(
        (&list["channels"][0]["id"], &list["channels"][0]["type"]),
        (&json!(side), &json!("side"))
    );
    assert_eq!(list["channels"][0]["unread"], 1);
    assert_eq!(bob.history(&side).await, std::slice::from_ref(&sent));
    bobs.subscribe(&side).await;
    let answer = bob.post("/v1/messages", to("alice", "what?")).await.is(201);
    assert_eq!(answer["channel_id"], side.as_str());
    assert_eq!(
        bobs.next_event("message.new").await["data"]["message"],
        answer
    );
    // Carol, who owns the channel, sees nothing of it, and Dave, who is in none, neither.
    let path = format!("/v1/messages/{}", text(&sent["id"]));
    for who in [&carol, &dave, &host.other.session("bob").await] {
        who.get(&path).await.refused(404, "not_found");
        who.patch(&path, json!({ "data": "x" }))
            .await
            .refused(404, "not_found");
        who.delete(&path).await.refused(404, "not_found");
        who.post(format!("{path}/actions"), json!({ "action": "x" }))
            .await
            .refused(404, "not_found");
        for route in [
            "",
            "/messages",
            "/events?since=0",
            "/participants",
            "/presence",
        ] {
            who.get(format!("/v1/channels/{side}{route}"))
                .await
                .refused(404, "not_found");
        }
        who.get(format!(
            "/v1/channels/general/messages?around={}",
            text(&sent["id"])
        ))
        .await
        .refused(404, "not_found");
        let into = json!({ "channel_id": side, "type": "text", "data": "me too" });
        who.post("/v1/messages", into)
            .await
            .refused(404, "not_found");
    }
    carols
        .request("subscribe", json!({ "channel_id": side }))
        .await
        .refused("not_found");
    carols
        .request("history", json!({ "channel_id": side }))
        .await
        .refused("not_found");
    carols
        .request("read", json!({ "channel_id": side, "seq": 1 }))
        .await
        .refused("not_found");
    assert!(carol.history("general").await.is_empty());
    let log = carol.events("general", 0).await;
    assert!(
        !log.iter()
            .any(|event| text(&event["event"]).starts_with("message.")),
        "{log:?}"
    );
    let list = carol.get("/v1/channels").await.is(200);
    assert_eq!(list["channels"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (
            &list["channels"][0]["unread"],
            list["channels"][0].get("last_message")
        ),
        (&json!(0), None)
    );
    assert!(carols.caught_up(&host.app).await.is_empty());
    // The app's backend may look after its users.
    assert_eq!(host.app.backend.get(&path).await.is(200), sent);
    bobs.close().await;
    carols.close().await;
}

async fn a_pair_has_one_side_channel(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    for channel in ["general", "second"] {
        host.app.channel(channel, &[&alice, &bob, &carol]).await;
    }
    let sends = (0..32).map(|n| match n % 2 {
        0 => alice.post("/v1/messages", to("bob", "a")),
        _ => bob.post("/v1/messages", to("alice", "b")),
    });
    let mut channels = Vec::new();
    let mut seqs = Vec::new();
    for answer in futures_util::future::join_all(sends).await {
        let sent = answer.is(201);
        channels.push(text(&sent["channel_id"]).to_owned());
        seqs.push(sent["seq"].as_i64().expect("a seq"));
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (seqs[0]..seqs[0] + 32).collect::<Vec<_>>());
    channels.dedup();
    assert_eq!(channels.len(), 1, "{channels:?}");
    // Other pairs, other channels; so has the same pair elsewhere, and directly.
    let mut others = vec![channels[0].clone()];
    for (who, message) in [
        (&alice, to("carol", "c")),
        (&bob, to("carol", "c")),
        (
            &alice,
            json!({ "channel_id": "second", "type": "text", "data": "x", "to": "bob" }),
        ),
    ] {
        others
            .push(text(&who.post("/v1/messages", message).await.is(201)["channel_id"]).to_owned());
    }
    let direct = alice
        .post("/v1/channels/direct", json!({ "user_ids": ["bob"] }))
        .await
        .is(200);
    others.push(text(&direct["id"]).to_owned());
    let count = others.len();
    others.sort_unstable();
    others.dedup();
    assert_eq!(others.len(), count);
    // It is the two's alone to write in, and keeps them.
    let side = format!("/v1/channels/{}", channels[0]);
    alice
        .put(format!("{side}/participants/carol"), json!({}))
        .await
        .refused(409, "conflict");
    alice
        .post(format!("{side}/leave"), json!({}))
        .await
        .refused(409, "conflict");
    assert_eq!(
        alice.get(&side).await.is(200)["own_capabilities"],
        json!(["read", "send"])
    );
    // A backend names both.
    let mut on_behalf = to("bob", "from the shop");
    on_behalf["as"] = json!("alice");
    let sent = host
        .app
        .backend
        .post("/v1/messages", on_behalf)
        .await
        .is(201);
    assert_eq!(
        (&sent["channel_id"], &sent["from"]),
        (&json!(channels[0]), &json!("alice"))
    );
    assert_eq!(
        alice
            .post("/v1/messages", to("nobody", "x"))
            .await
            .invalid(),
        ["to"]
    );
    // There is a Dave in the other app.
    assert_eq!(
        alice.post("/v1/messages", to("dave", "x")).await.invalid(),
        ["to"]
    );
}

async fn sides(who: &Person) -> usize {
    let list = who.get("/v1/channels?type=side").await.is(200);
    list["channels"].as_array().map_or(0, Vec::len)
}

async fn whoever_leaves_the_channel_leaves_its_side_channels(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let sent = alice.post("/v1/messages", to("bob", "psst")).await.is(201);
    let side = text(&sent["channel_id"]);
    let mut phone = bob.connect().await;
    phone.subscribe(side).await;
    alice
        .delete("/v1/channels/general/participants/bob")
        .await
        .is(204);
    assert_eq!(phone.next_event("member.removed").await["channel_id"], side);
    alice.send(side, "are you there?").await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    bob.get(format!("/v1/channels/{side}/messages"))
        .await
        .refused(404, "not_found");
    bob.get(format!("/v1/messages/{}", text(&sent["id"])))
        .await
        .refused(404, "not_found");
    bob.post("/v1/messages", to("alice", "x"))
        .await
        .refused(404, "not_found");
    assert_eq!(sides(&bob).await, 0);
    assert_eq!(
        alice.post("/v1/messages", to("bob", "x")).await.invalid(),
        ["to"]
    );
    phone.close().await;
}

async fn whoever_comes_back_can_be_written_to_again(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    alice.post("/v1/messages", to("bob", "one")).await.is(201);
    alice
        .delete("/v1/channels/general/participants/bob")
        .await
        .is(204);
    alice
        .put("/v1/channels/general/participants/bob", json!({}))
        .await
        .is(200);
    let sent = alice.post("/v1/messages", to("bob", "two")).await.is(201);
    let side = text(&sent["channel_id"]);
    assert_eq!(bob.history(side).await.last(), Some(&sent));
    let answer = bob.post("/v1/messages", to("alice", "three")).await.is(201);
    assert_eq!(answer["channel_id"], side);
    assert_eq!(alice.history(side).await.last(), Some(&answer));
    assert_eq!(sides(&bob).await, 1);
}
