//! Whoever doesn't read as fast as others write is cut off, and nobody else notices.

use serde_json::json;

use crate::support::{Database, Person, Socket, TestHost, draft, stories};

stories!(
    a_slow_reader_is_cut_off,
    a_closed_socket_takes_no_more_requests
);

/// More than the host and the system keep for a connection: 8 MB.
const MESSAGES: i64 = 500;
const BYTES: usize = 16_000;

async fn host(database: &Database) -> TestHost {
    TestHost::with(database, |config| {
        config.socket.queue_bytes_max = 256 * 1024
    })
    .await
}

/// Watches a channel, and then doesn't read.
async fn watch_and_sleep(who: &Person) -> (Socket, String) {
    let mut socket = who.open_socket_buffering(Some(4096)).await;
    socket
        .request("connect", json!({ "token": who.credential() }))
        .await
        .ok();
    let subscribed = socket.subscribe("general").await;
    (
        socket,
        subscribed["epoch"].as_str().expect("an epoch").to_owned(),
    )
}

async fn a_slow_reader_is_cut_off(database: Database) {
    let host = host(&database).await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    host.app.channel("general", &[&alice, &bob, &carol]).await;
    let (mut slow, epoch) = watch_and_sleep(&bob).await;
    let mut quick = carol.connect().await;
    let head = quick.subscribe("general").await["head"]
        .as_i64()
        .expect("a head");
    let long = "x".repeat(BYTES);
    for n in (0..MESSAGES).step_by(10) {
        let batch = (0..10).map(|_| alice.post("/v1/messages", draft("general", &long)));
        for answer in futures_util::future::join_all(batch).await {
            answer.is(201);
        }
        // Carol has each at once.
        for m in 1..=10 {
            assert_eq!(quick.next_event("message.new").await["seq"], head + n + m);
        }
    }
    // What Bob got is whole, and the reason stands at its end.
    assert_eq!(slow.closed().await, 3001);
    let events = slow.take_events();
    let heard: Vec<i64> = events
        .iter()
        .filter_map(|event| event["seq"].as_i64())
        .collect();
    let count = heard.len() as i64;
    assert_eq!(heard, (head + 1..=head + count).collect::<Vec<_>>());
    assert!(count < MESSAGES);
    // He comes back. It is too much to be told at once, and that is said; the history has it.
    let mut again = bob.connect().await;
    let back = again.subscribe_since("general", head + count, &epoch).await;
    assert_eq!(
        (&back["recovered"], &back["head"]),
        (&json!(false), &json!(head + MESSAGES))
    );
    let back = again
        .request("history", json!({ "channel_id": "general", "limit": 1 }))
        .await
        .ok();
    assert_eq!(back["messages"][0]["seq"], head + MESSAGES);
    quick.round_trip().await;
    again.close().await;
    quick.close().await;
}

async fn a_closed_socket_takes_no_more_requests(database: Database) {
    let host = host(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let (mut stuck, _) = watch_and_sleep(&bob).await;
    let long = "x".repeat(BYTES);
    for _ in (0..MESSAGES).step_by(50) {
        let batch = (0..50).map(|_| alice.post("/v1/messages", draft("general", &long)));
        futures_util::future::join_all(batch).await;
    }
    host.app
        .backend
        .post("/v1/users/bob/deactivate", json!({}))
        .await
        .is(200);
    // The host can't tell him yet, for he does not read. He can still write.
    for _ in 0..10 {
        stuck.begin("send", draft("general", "from beyond")).await;
    }
    stuck.closed().await;
    let history = alice.history("general").await;
    assert!(
        history.iter().all(|message| message["from"] == "alice"),
        "a user who was shut out still writes"
    );
}
