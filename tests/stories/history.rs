//! What was said before: page by page, around a message, and as the log of events.

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, stories};

stories!(
    history_is_read_in_both_directions,
    a_message_is_found_with_what_stands_around_it,
    the_log_is_caught_up_with,
);

fn texts(page: &Value) -> Vec<&str> {
    page["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|m| m["data"].as_str().unwrap_or("-"))
        .collect()
}

async fn page(who: &Person, query: &str) -> Value {
    who.get(format!("/v1/channels/general/messages?{query}"))
        .await
        .is(200)
}

/// A channel with messages `m0` to `m11`, an edit in between, and one of them deleted.
async fn told(host: &TestHost) -> Person {
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let mut sent = Vec::new();
    for n in 0..12 {
        sent.push(alice.send("general", &format!("m{n}")).await);
        if n == 5 {
            let path = format!("/v1/messages/{}", sent[3]["id"].as_str().expect("an id"));
            alice.patch(&path, json!({ "data": "m3'" })).await.is(200);
            let path = format!("/v1/messages/{}", sent[4]["id"].as_str().expect("an id"));
            alice.delete(&path).await.is(200);
        }
    }
    alice
}

async fn history_is_read_in_both_directions(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = told(&host).await;
    let all = [
        "m0", "m1", "m2", "m3'", "-", "m5", "m6", "m7", "m8", "m9", "m10", "m11",
    ];
    let newest = page(&alice, "limit=5").await;
    assert_eq!(texts(&newest), all[7..]);
    assert_eq!(newest.get("next"), None, "there is nothing newer");
    let mut older = newest;
    let mut backwards = vec![older.clone()];
    while let Some(prev) = older["prev"].as_str() {
        older = page(&alice, &format!("limit=5&prev={prev}")).await;
        backwards.push(older.clone());
    }
    assert_eq!(backwards.len(), 3);
    let seen: Vec<&str> = backwards.iter().rev().flat_map(texts).collect();
    assert_eq!(seen, all);
    // And forwards again from the oldest page.
    let mut forwards = texts(&older)
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let mut newer = older.clone();
    while let Some(next) = newer["next"].as_str() {
        newer = page(&alice, &format!("limit=5&next={next}")).await;
        forwards.extend(texts(&newer).into_iter().map(str::to_owned));
    }
    assert_eq!(forwards, all);
    // One who waits at the end gets what comes.
    let second_last = page(&alice, "limit=1").await;
    let prev = second_last["prev"].as_str().expect("older ones");
    let before = page(&alice, &format!("limit=1&prev={prev}")).await;
    let next = before["next"].as_str().expect("newer ones");
    alice.send("general", "m12").await;
    assert_eq!(
        texts(&page(&alice, &format!("limit=5&next={next}")).await),
        ["m11", "m12"]
    );
    let path = "/v1/channels/general/messages";
    for bad in ["limit=0", "limit=101", "limit=x"] {
        assert_eq!(
            alice.get(format!("{path}?{bad}")).await.invalid(),
            ["limit"]
        );
    }
    alice
        .get(format!("{path}?next=x"))
        .await
        .refused(400, "bad_cursor");
    alice
        .get(format!("{path}?next={next}&prev={prev}"))
        .await
        .refused(422, "invalid");
    assert_eq!(
        alice.get(format!("{path}?before=1")).await.invalid(),
        ["before"]
    );
    assert_eq!(
        alice.get(format!("{path}?around=x")).await.invalid(),
        ["around"]
    );
    // A cursor belongs to its channel.
    host.app.channel("second", &[&alice]).await;
    alice
        .get(format!("/v1/channels/second/messages?next={next}"))
        .await
        .refused(400, "bad_cursor");
    assert_eq!(
        alice.get("/v1/channels/second/messages").await.is(200),
        json!({ "messages": [] })
    );
}

async fn a_message_is_found_with_what_stands_around_it(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = told(&host).await;
    let all = alice.history("general").await;
    let id = |n: usize| all[n]["id"].as_str().expect("an id");
    let found = page(&alice, &format!("limit=5&around={}", id(6))).await;
    assert_eq!(texts(&found), ["-", "m5", "m6", "m7", "m8"]);
    assert!(found["prev"].is_string() && found["next"].is_string());
    let found = page(&alice, &format!("limit=4&around={}", id(0))).await;
    assert_eq!(texts(&found), ["m0", "m1"]);
    assert_eq!(found.get("prev"), None);
    let found = page(&alice, &format!("limit=4&around={}", id(11))).await;
    assert_eq!(texts(&found), ["m9", "m10", "m11"]);
    assert_eq!(found.get("next"), None);
    assert_eq!(
        texts(&page(&alice, &format!("limit=1&around={}", id(3))).await),
        ["m3'"]
    );
    // Not by way of another channel, nor of another app.
    host.app.channel("second", &[&alice]).await;
    alice
        .get(format!("/v1/channels/second/messages?around={}", id(3)))
        .await
        .refused(404, "not_found");
    let namesake = host.other.session("alice").await;
    let path = format!("/v1/channels/general/messages?around={}", id(3));
    namesake.get(&path).await.refused(404, "not_found");
    namesake
        .get(format!("/v1/messages/{}", id(3)))
        .await
        .refused(404, "not_found");
    // By socket it is the same page.
    let mut phone = alice.connect().await;
    let by_socket = phone
        .request(
            "history",
            json!({ "channel_id": "general", "limit": 5, "around": id(6) }),
        )
        .await
        .ok();
    assert_eq!(
        by_socket,
        page(&alice, &format!("limit=5&around={}", id(6))).await
    );
    phone.close().await;
}

async fn the_log_is_caught_up_with(database: Database) {
    let host = TestHost::with(&database, |config| config.limits.replay_events_max = 12).await;
    let alice = told(&host).await;
    let path = "/v1/channels/general/events";
    let everything = alice.get(format!("{path}?since=4")).await.is(200);
    assert_eq!(
        (&everything["recovered"], &everything["head"]),
        (&json!(true), &json!(16))
    );
    let events = everything["events"].as_array().expect("events");
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(kinds[4..6], ["message.updated", "message.deleted"]);
    assert!(
        events
            .iter()
            .zip(5..)
            .all(|(event, seq)| event["seq"] == seq)
    );
    // An entry about a message shows it as it is now: what was deleted is nowhere.
    assert_eq!(
        (
            &events[0]["data"]["message"]["data"],
            &events[1]["data"]["message"]["data"]
        ),
        (&json!("m2"), &json!("m3'"))
    );
    assert_eq!(events[2]["data"]["message"]["data"], Value::Null);
    let epoch = everything["epoch"].as_str().expect("an epoch").to_owned();
    let none = alice
        .get(format!("{path}?since=16&epoch={epoch}"))
        .await
        .is(200);
    assert_eq!(
        none,
        json!({ "recovered": true, "epoch": epoch, "head": 16, "events": [] })
    );
    // All of it, or none of it.
    for (query, what) in [
        ("since=3".to_owned(), "more than is told at once"),
        ("since=17".to_owned(), "a place that the log never had"),
        ("since=-1".to_owned(), "no place at all"),
        (
            "since=16&epoch=0000000000000000".to_owned(),
            "another database",
        ),
    ] {
        let answer = alice.get(format!("{path}?{query}")).await.is(200);
        assert_eq!(
            (&answer["recovered"], &answer["head"], &answer["events"]),
            (&json!(false), &json!(16), &json!([])),
            "{what}"
        );
    }
    assert_eq!(alice.get(path).await.invalid(), ["since"]);
    assert_eq!(
        alice.get(format!("{path}?since=x")).await.invalid(),
        ["since"]
    );
}
