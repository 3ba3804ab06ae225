//! What passes: who is there, who is typing, who has read how far. It is in no log.

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, stories};

stories!(
    who_watches_is_there,
    typing_is_told_to_the_others,
    read_marks_only_go_forward,
    what_passes_stays_in_its_channel,
    whoever_is_added_is_told,
);

async fn online(who: &Person) -> Value {
    who.get("/v1/channels/general/presence").await.is(200)["online"].clone()
}

async fn who_watches_is_there(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut desk = alice.connect().await;
    desk.subscribe("general").await;
    assert_eq!(online(&bob).await, json!(["alice"]));
    desk.take_events();
    let mut phone = bob.connect().await;
    // Connected is not there yet.
    assert_eq!(online(&alice).await, json!(["alice"]));
    phone.subscribe("general").await;
    let event = desk
        .next_such("Bob", |event| event["data"]["user_id"] == "bob")
        .await;
    assert_eq!(
        (&event["event"], &event["data"]["online"]),
        (&json!("user.presence.changed"), &json!(true))
    );
    assert_eq!(
        (event.get("seq"), &event["channel_id"]),
        (None, &json!("general"))
    );
    assert_eq!(
        phone
            .request("presence", json!({ "channel_id": "general" }))
            .await
            .ok(),
        json!({ "online": ["alice", "bob"] })
    );
    // A second connection changes nothing, and neither does its end.
    let mut tablet = bob.connect().await;
    tablet.subscribe("general").await;
    tablet
        .request("unsubscribe", json!({ "channel_id": "general" }))
        .await
        .ok();
    assert_eq!(online(&alice).await, json!(["alice", "bob"]));
    desk.round_trip().await;
    assert!(
        desk.take_events()
            .iter()
            .all(|event| event["data"]["user_id"] != "bob")
    );
    tablet.subscribe("general").await;
    phone
        .request("unsubscribe", json!({ "channel_id": "general" }))
        .await
        .ok();
    assert_eq!(online(&alice).await, json!(["alice", "bob"]));
    // The last one goes away without a word: a little later Bob is gone.
    drop(tablet);
    let event = desk.next_event("user.presence.changed").await;
    assert_eq!(event["data"], json!({ "user_id": "bob", "online": false }));
    assert_eq!(online(&alice).await, json!(["alice"]));
    phone.subscribe("general").await;
    desk.next_event("user.presence.changed").await;
    // Whoever is removed is not there.
    alice
        .delete("/v1/channels/general/participants/bob")
        .await
        .is(204);
    desk.next_event("member.removed").await;
    assert_eq!(online(&alice).await, json!(["alice"]));
    desk.close().await;
    phone.close().await;
}

async fn typing_is_told_to_the_others(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let [mut phone, mut desk, mut other] = [
        bob.connect().await,
        bob.connect().await,
        alice.connect().await,
    ];
    for socket in [&mut phone, &mut desk, &mut other] {
        socket.subscribe("general").await;
        socket.round_trip().await;
    }
    for (typing, kind) in [(true, "typing.start"), (false, "typing.stop")] {
        phone
            .request(
                "typing",
                json!({ "channel_id": "general", "typing": typing }),
            )
            .await
            .ok();
        for socket in [&mut desk, &mut other] {
            let event = socket.next_event(kind).await;
            assert_eq!(
                (&event["data"], event.get("seq")),
                (&json!({ "user_id": "bob" }), None)
            );
        }
    }
    phone.round_trip().await;
    // What else passes, such as the news of being in the channel, may come at any time.
    for event in phone.take_events() {
        let typing = event["event"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("typing."));
        assert!(!typing, "not to where it came from: {event}");
    }
    bob.post("/v1/channels/general/typing", json!({ "typing": true }))
        .await
        .is(204);
    for socket in [&mut phone, &mut desk, &mut other] {
        socket.next_event("typing.start").await;
    }
    host.app
        .backend
        .post("/v1/channels/general/typing", json!({ "typing": true }))
        .await
        .refused(403, "forbidden");
    assert_eq!(
        bob.post("/v1/channels/general/typing", json!({ "typing": 1 }))
            .await
            .invalid(),
        ["typing"]
    );
    // It is in no log.
    assert_eq!(alice.events("general", 0).await.len(), 3);
    for socket in [phone, desk, other] {
        socket.close().await;
    }
}

async fn read_marks_only_go_forward(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    for n in 0..10 {
        alice.send("general", &n.to_string()).await;
    }
    let [mut desk, mut phone] = [alice.connect().await, bob.connect().await];
    for socket in [&mut desk, &mut phone] {
        socket.subscribe("general").await;
    }
    let read = phone
        .request("read", json!({ "channel_id": "general", "seq": 7 }))
        .await
        .ok();
    assert_eq!(read, json!({ "seq": 7 }));
    for socket in [&mut desk, &mut phone] {
        assert_eq!(
            socket.next_event("message.read").await["data"],
            json!({ "user_id": "bob", "seq": 7 })
        );
    }
    // Many marks at once, in any order: the furthest counts.
    let marks = [5, 12, 6, 13, 9, 8]
        .map(|seq| bob.post("/v1/channels/general/read", json!({ "seq": seq })));
    for answer in futures_util::future::join_all(marks).await {
        answer.is(200);
    }
    let seats = alice.get("/v1/channels/general/participants").await.is(200);
    assert_eq!(seats["participants"][1]["last_read_seq"], 13);
    let list = bob.get("/v1/channels").await.is(200);
    assert_eq!(
        (
            &list["channels"][0]["last_read_seq"],
            &list["channels"][0]["unread"]
        ),
        (&json!(13), &json!(0))
    );
    desk.round_trip().await;
    let events = desk.take_events();
    let told = events
        .iter()
        .filter(|event| event["event"] == "message.read");
    assert_eq!(
        told.filter_map(|event| event["data"]["seq"].as_i64()).max(),
        Some(13)
    );
    host.app
        .backend
        .post("/v1/channels/general/read", json!({ "seq": 1 }))
        .await
        .refused(403, "forbidden");
    desk.close().await;
    phone.close().await;
}

async fn what_passes_stays_in_its_channel(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    host.app.channel("second", &[&alice, &carol]).await;
    let mut others = [
        carol.connect().await,
        host.other.session("bob").await.connect().await,
    ];
    others[0].subscribe("second").await;
    others[1].subscribe("general").await;
    for other in &mut others {
        other.round_trip().await;
        other.take_events();
    }
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    phone
        .request("typing", json!({ "channel_id": "general", "typing": true }))
        .await
        .ok();
    phone
        .request("read", json!({ "channel_id": "general", "seq": 1 }))
        .await
        .ok();
    phone
        .request("typing", json!({ "channel_id": "second", "typing": true }))
        .await
        .refused("not_found");
    for other in &mut others {
        other.round_trip().await;
        assert_eq!(other.take_events(), [Value::Null; 0]);
    }
    phone.close().await;
}

async fn whoever_is_added_is_told(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    let mut phones = [bob.connect().await, bob.connect().await];
    let mut namesake = host.other.session("bob").await.connect().await;
    host.app.channel("general", &[&alice]).await;
    alice
        .put("/v1/channels/general/participants/bob", json!({}))
        .await
        .is(200);
    for phone in &mut phones {
        let event = phone.next_event("notification.added_to_channel").await;
        assert_eq!(
            (&event["channel_id"], &event["data"], event.get("seq")),
            (&json!("general"), &json!({}), None)
        );
        phone.subscribe("general").await;
    }
    host.app.channel("second", &[&alice, &bob]).await;
    for phone in &mut phones {
        assert_eq!(
            phone.next_event("notification.added_to_channel").await["channel_id"],
            "second"
        );
    }
    namesake.round_trip().await;
    assert!(namesake.take_events().is_empty());
    for phone in phones {
        phone.close().await;
    }
}
