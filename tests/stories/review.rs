//! The review queue: what a guard held back is nowhere until a person has decided, and then it is
//! there, or gone, once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, Database, OTHERS, Person, TestHost, draft, eventually, stories};

stories!(
    an_approved_message_takes_its_place,
    a_rejected_message_is_gone,
    of_all_who_decide_one_does,
    the_queue_is_read_in_pages,
    what_waits_goes_with_its_channel_and_its_sender,
    what_its_sender_may_not_send_any_more_is_not_approved,
    so_many_messages_wait_and_no_more,
    what_waits_too_long_is_dropped,
);

/// Moderation that holds whatever says `later`.
async fn hold(app: &App) {
    let rule = json!({ "words": ["later"], "action": "hold", "reason": "Let us see." });
    app.plugin(
        "moderation",
        json!({ "words": [rule], "flood_messages": 0, "repeats": 0 }),
    )
    .await;
}

/// Two people in `general`, and a message that waits in the neighbour's queue.
async fn general(host: &TestHost) -> [Person; 2] {
    hold(&host.other).await;
    let namesake = host.other.session("bob").await;
    send(&namesake, &format!("later: {OTHERS}")).await;
    hold(&host.app).await;
    let people = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &people.each_ref()).await;
    people
}

/// Sends what is held. Gives its id in the queue.
async fn send(who: &Person, text: &str) -> String {
    let held = who.post("/v1/messages", draft("general", text)).await;
    let held = held.body["id"].as_str().expect("an id in the queue");
    held.to_owned()
}

async fn queue(backend: &Person) -> Vec<Value> {
    let page = backend.get("/v1/held").await.is(200);
    page["held"].as_array().expect("a list").clone()
}

/// Whether the neighbour's message still waits.
async fn neighbours_waits(host: &TestHost) -> bool {
    let page = host.other.backend.get("/v1/held").await;
    page.status == 200 && page.text.matches(OTHERS).count() == 1
}

async fn an_approved_message_takes_its_place(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host).await;
    let backend = &host.app.backend;
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    let mut message = draft("general", "later, maybe");
    message["client_id"] = json!("mine");
    let outcome = bob.post("/v1/messages", message.clone()).await.is(202);
    // A retry waits in the same place, and another content under its id is refused.
    assert_eq!(
        bob.post("/v1/messages", message.clone()).await.is(202),
        outcome
    );
    let mut another = message.clone();
    another["data"] = json!("later, perhaps");
    bob.post("/v1/messages", another)
        .await
        .refused(409, "idempotency_conflict");
    let waiting = queue(backend).await;
    assert_eq!(waiting.len(), 1);
    let expected = json!({
        "id": outcome["id"], "channel_id": "general", "from": "bob", "type": "text", "data": "later, maybe",
        "plugin": "moderation", "reason": "Let us see.", "details": "word list: “later”", "created_at": waiting[0]["created_at"],
    });
    assert_eq!(waiting[0], expected);
    bob.send("general", "first").await;
    let second = alice.send("general", "second").await;
    let path = format!(
        "/v1/held/{}/approve",
        outcome["id"].as_str().expect("an id")
    );
    for user in [&alice, &bob] {
        user.post(&path, json!({})).await.refused(403, "forbidden");
    }
    host.other
        .backend
        .post(&path, json!({}))
        .await
        .refused(404, "not_found");
    let approved = backend.post(&path, json!({})).await.is(201);
    assert_eq!(approved["seq"], second["seq"].as_i64().expect("a seq") + 1);
    for (field, expected) in [
        ("from", json!("bob")),
        ("data", json!("later, maybe")),
        // It is for its sender alone.
        ("client_id", Value::Null),
    ] {
        assert_eq!(approved[field], expected);
    }
    for _ in 0..2 {
        phone.next_event("message.new").await;
    }
    let event = phone.next_event("message.new").await;
    assert_eq!(event["data"]["message"], approved);
    assert!(phone.caught_up(&host.app).await.is_empty());
    assert_eq!(alice.history("general").await[2], approved);
    backend
        .post(&path, json!({}))
        .await
        .refused(404, "not_found");
    assert!(queue(backend).await.is_empty());
    let mut replayed = bob.post("/v1/messages", message).await.is(200);
    assert_eq!(replayed["replayed"].take(), true);
    let fields = replayed.as_object_mut().expect("an object");
    fields.remove("replayed");
    assert_eq!(fields.remove("client_id"), Some(json!("mine")));
    assert_eq!(replayed, approved);
    assert!(neighbours_waits(&host).await);
}

async fn a_rejected_message_is_gone(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host).await;
    let backend = &host.app.backend;
    let mut phones = [bob.connect().await, bob.connect().await];
    let mut others = [
        alice.connect().await,
        host.other.session("bob").await.connect().await,
    ];
    others[0].subscribe("general").await;
    let id = send(&bob, "later, canary").await;
    let path = format!("/v1/held/{id}/reject");
    bob.post(&path, json!({})).await.refused(403, "forbidden");
    host.other
        .backend
        .post(&path, json!({}))
        .await
        .refused(404, "not_found");
    backend.post(&path, json!({})).await.is(204);
    for phone in &mut phones {
        let event = phone.next_event("notification.message_rejected").await;
        assert_eq!(
            (&event["channel_id"], &event["data"]["id"], event.get("seq")),
            (&json!("general"), &json!(id), None)
        );
    }
    for other in &mut others {
        other.round_trip().await;
        let heard = other.take_events();
        assert!(
            heard
                .iter()
                .all(|event| event["event"] == "user.presence.changed"),
            "{heard:?}"
        );
    }
    for path in [path.clone(), format!("/v1/held/{id}/approve")] {
        backend
            .post(&path, json!({}))
            .await
            .refused(404, "not_found");
    }
    assert!(queue(backend).await.is_empty());
    assert!(alice.history("general").await.is_empty());
    assert!(!database.dump().await.contains("canary"));
}

async fn of_all_who_decide_one_does(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host).await;
    let backend = &host.app.backend;
    let mut approved = Vec::new();
    for n in 0..8 {
        let id = send(&bob, &format!("later {n}")).await;
        let decide = (0..6).map(|reviewer| {
            let verdict = if reviewer % 2 == 0 {
                "approve"
            } else {
                "reject"
            };
            backend.post(format!("/v1/held/{id}/{verdict}"), json!({}))
        });
        let mut done = 0;
        for answer in futures_util::future::join_all(decide).await {
            match answer.status {
                201 => approved.push(answer.body),
                204 => {}
                _ => {
                    answer.refused(404, "not_found");
                    continue;
                }
            }
            done += 1;
        }
        assert_eq!(done, 1, "one decides");
    }
    assert_eq!(alice.history("general").await, approved);
    assert!(queue(backend).await.is_empty());
}

async fn the_queue_is_read_in_pages(database: Database) {
    let host = TestHost::start(&database).await;
    let [_, bob] = general(&host).await;
    let backend = &host.app.backend;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(send(&bob, &format!("later {n}")).await);
    }
    let (mut found, mut path) = (Vec::new(), "/v1/held?limit=2".to_owned());
    let mut cursor = None;
    loop {
        let page = backend.get(&path).await.is(200);
        let held = page["held"].as_array().expect("a list").iter();
        found.extend(held.map(|held| held["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/held?limit=2&next={next}");
        cursor = Some(path.clone());
    }
    assert_eq!(found, sent, "old to new, each once");
    let cursor = cursor.expect("there was more than a page");
    host.other
        .backend
        .get(&cursor)
        .await
        .refused(400, "bad_cursor");
    backend
        .get("/v1/held?next=x")
        .await
        .refused(400, "bad_cursor");
    assert_eq!(backend.get("/v1/held?limit=0").await.invalid(), ["limit"]);
    for path in ["/v1/held/hld_0123456789abcdef/approve", "/v1/held/x/reject"] {
        backend
            .post(path, json!({}))
            .await
            .refused(404, "not_found");
    }
}

async fn what_waits_goes_with_its_channel_and_its_sender(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host).await;
    let carol = host.app.user("carol").await;
    let backend = &host.app.backend;
    alice
        .put("/v1/channels/general/participants/carol", json!({}))
        .await
        .is(200);
    let [of_bob, of_carol] = [
        send(&bob, "later, bob").await,
        send(&carol, "later, carol").await,
    ];
    // A channel that takes no messages takes none from the queue; what waits there goes on waiting.
    let path = format!("/v1/held/{of_bob}/approve");
    let active = async |active: bool| {
        let change = json!({ "active": active });
        backend.patch("/v1/channels/general", change).await.is(200)
    };
    active(false).await;
    backend
        .post(&path, json!({}))
        .await
        .refused(409, "channel_inactive");
    assert_eq!(queue(backend).await.len(), 2);
    active(true).await;
    backend.post(&path, json!({})).await.is(201);
    backend.delete("/v1/users/carol").await.is(204);
    let path = format!("/v1/held/{of_carol}/approve");
    backend
        .post(&path, json!({}))
        .await
        .refused(404, "not_found");
    send(&bob, "later, again").await;
    assert_eq!(queue(backend).await.len(), 1);
    alice.delete("/v1/channels/general").await.is(204);
    assert!(queue(backend).await.is_empty());
    assert!(neighbours_waits(&host).await);
}

async fn what_its_sender_may_not_send_any_more_is_not_approved(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host).await;
    let backend = &host.app.backend;
    let mut ids = Vec::new();
    for text in ["later, one", "later, two", "later, three", "later, four"] {
        ids.push(send(&bob, text).await);
    }
    let decide = async |id: &str, verdict: &str| {
        let path = format!("/v1/held/{id}/{verdict}");
        backend.post(path, json!({})).await
    };
    let seat = "/v1/channels/general/participants/bob";

    backend
        .post("/v1/users/bob/deactivate", json!({}))
        .await
        .is(200);
    let problem = decide(&ids[0], "approve").await;
    let problem = problem.refused(403, "user_deactivated");
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains("Its sender is deactivated"), "{detail}");
    decide(&ids[0], "reject").await.is(204);
    backend
        .post("/v1/users/bob/reactivate", json!({}))
        .await
        .is(200);
    decide(&ids[1], "approve").await.is(201);

    backend.delete(seat).await.is(204);
    let problem = decide(&ids[2], "approve").await.refused(409, "conflict");
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains("not in the channel any more"), "{detail}");
    assert_eq!(queue(backend).await.len(), 2, "they wait on");
    decide(&ids[2], "reject").await.is(204);
    backend.put(seat, json!({})).await.is(200);
    decide(&ids[3], "approve").await.is(201);
    let history = alice.history("general").await;
    let texts: Vec<_> = history.iter().map(|message| &message["data"]).collect();
    assert_eq!(texts, ["later, two", "later, four"]);
    assert!(queue(backend).await.is_empty());
    assert!(neighbours_waits(&host).await);
}

async fn so_many_messages_wait_and_no_more(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.limits.held_waiting_max = 2;
        config.limits.held_waiting_per_app_max = 3;
    })
    .await;
    let [alice, bob] = general(&host).await;
    let carol = host.app.user("carol").await;
    let backend = &host.app.backend;
    let path = "/v1/channels/general/participants/carol";
    backend.put(path, json!({})).await.is(200);
    host.app.channel("own", &[&carol]).await;
    let mut mine = draft("general", "later, mine");
    mine["client_id"] = json!("mine");
    bob.post("/v1/messages", mine.clone()).await.is(202);
    let second = send(&bob, "later, too").await;
    let refused = async |who: &Person, text: &str, words: &str| {
        let answer = who.post("/v1/messages", draft("general", text)).await;
        let problem = answer.refused(422, "limit_reached");
        assert_eq!(problem["retryable"], true);
        assert!(problem["retry_after_ms"].is_number());
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains(words), "{detail}");
    };
    refused(&bob, "later, three", "At most 2 of a person's messages").await;
    // What waits is retried, and what passes is sent.
    bob.post("/v1/messages", mine).await.is(202);
    bob.send("general", "now").await;
    send(&carol, "later").await;
    refused(&carol, "later, again", "Too many messages wait").await;
    assert_eq!(queue(backend).await.len(), 3);
    // The neighbour's queue is its own, and who decides makes room.
    let namesake = host.other.session("bob").await;
    send(&namesake, "later").await;
    let path = format!("/v1/held/{second}/reject");
    backend.post(&path, json!({})).await.is(204);
    send(&carol, "later, again").await;
    assert_eq!(queue(backend).await.len(), 3);
    assert_eq!(alice.history("general").await.len(), 1);
}

async fn what_waits_too_long_is_dropped(database: Database) {
    let host = TestHost::timeless(&database).await;
    let [alice, bob] = general(&host).await;
    let old = send(&bob, "later, the old one").await;
    host.pass(Duration::from_secs(29 * 24 * 3600)).await;
    // What is there when it starts is looked at, too.
    host.restart().await;
    let bob = host.app.session(&bob.id).await;
    let new = send(&bob, "later, the new one").await;
    assert_eq!(queue(&host.app.backend).await.len(), 2);
    host.pass(Duration::from_secs(24 * 3600 + 1)).await;
    host.restart().await;
    let left = eventually("the old one is gone", async || {
        let left = queue(&host.app.backend).await;
        (left.len() == 1).then_some(left)
    })
    .await;
    assert_eq!(left[0]["id"], new.as_str());
    let path = format!("/v1/held/{old}/approve");
    let late = host.app.backend.post(&path, json!({})).await;
    late.refused(404, "not_found");
    let alice = host.app.session(&alice.id).await;
    assert!(alice.history("general").await.is_empty());
}
