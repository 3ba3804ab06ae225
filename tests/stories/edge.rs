//! What comes in at the edge: proxies nobody trusts, tokens that end, readers that are busy, clients
//! that go away in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use althing::clock::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Database, Person, TestHost, draft, eventually, stories};

stories!(
    a_proxy_that_nobody_trusts_hides_its_clients,
    a_socket_ends_with_its_token,
    a_busy_reader_is_not_taken_for_silent,
    an_erased_users_tokens_are_not_the_next_ones,
    what_was_begun_with_a_key_is_finished,
    what_was_begun_is_finished_without_its_client,
    the_log_of_a_plugin_that_does_not_run_is_read,
);

async fn a_proxy_that_nobody_trusts_hides_its_clients(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.backend.get("/v1/users").await.is(200);
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", ""),
        ("forwarded", "for=127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
    ] {
        let behind = host.app.backend.with_header(name, value);
        let refused = behind.get("/v1/users").await;
        let problem = refused.refused(403, "address_not_allowed");
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|text| text.contains("trusted_proxies"))
        );
        let figures = host
            .stranger()
            .with_header(name, value)
            .get("/metrics")
            .await;
        figures.refused(403, "address_not_allowed");
        // Users come from anywhere.
        alice
            .with_header(name, value)
            .get("/v1/channels")
            .await
            .is(200);
    }
}

async fn a_socket_ends_with_its_token(database: Database) {
    let host = TestHost::with(&database, |config| config.socket.ping_interval_ms = 600_000).await;
    let alice = host.app.user("alice").await;
    let short = json!({ "user_id": "alice", "expires_in_s": 1 });
    let short = host.app.backend.post("/v1/sessions", short).await.is(201);
    let mut socket = alice.holding(&short["token"]).connect().await;
    // The next ping is minutes away.
    assert_eq!(socket.closed().await, 3003);
}

async fn a_busy_reader_is_not_taken_for_silent(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.socket.requests_in_flight_max = 1;
        config.socket.ping_interval_ms = 100;
        config.socket.pong_timeout_ms = 1_000;
    })
    .await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let (mut busy, mut witness) = (alice.connect().await, bob.connect().await);
    let held = database.block_writes().await;
    let id = busy
        .begin("send", draft("general", "waits for the disk"))
        .await;
    // Longer than the host waits for a pong, by its own count of pings.
    for _ in 0..15 {
        witness.pinged().await;
    }
    held.end().await;
    assert!(busy.reply_or_close(id).await.is_some(), "it was closed");
    busy.round_trip().await;
}

async fn an_erased_users_tokens_are_not_the_next_ones(database: Database) {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let host = TestHost::at(&database, Clock::Fixed(now.clone()), |_| {}).await;
    let first = host.app.user("alice").await;
    first.get("/v1/channels").await.is(200);
    host.app.backend.delete("/v1/users/alice").await.is(204);
    now.fetch_add(31_000, Ordering::Relaxed);
    let second = host.app.user("alice").await;
    first
        .get("/v1/channels")
        .await
        .refused(401, "unauthenticated");
    let mut socket = first.open_socket().await;
    let connect = json!({ "token": first.credential() });
    socket
        .request("connect", connect)
        .await
        .refused("unauthenticated");
    second.get("/v1/channels").await.is(200);
}

async fn what_was_begun_with_a_key_is_finished(database: Database) {
    let host = TestHost::start(&database).await;
    let (admin, path) = (&host.org.admin, format!("/v1/orgs/{}/apps", host.org.id));
    let new = json!({ "name": "Second" });
    let held = database.block_writes().await;
    let mut clients = Vec::new();
    for n in 0..8 {
        let key = format!("idempotency-key: k{n}\r\n");
        let client = asking(admin, "POST", &path, &key, &new).await;
        clients.push(client);
    }
    // The requests are behind these on the way in.
    for _ in 0..20 {
        admin.get(&path).await.is(200);
    }
    // The host has let go of every client before it may write.
    for mut client in clients {
        leave(&mut client).await;
    }
    held.end().await;
    for n in 0..8 {
        let again = admin.with_header("idempotency-key", &format!("k{n}"));
        eventually("the first answer is there", async || {
            (again.post(&path, new.clone()).await.status == 201).then_some(())
        })
        .await;
    }
    let page = admin.get(&path).await.is(200);
    assert_eq!(page["apps"].as_array().map(Vec::len), Some(9));
}

async fn what_was_begun_is_finished_without_its_client(database: Database) {
    let host = TestHost::start(&database).await;
    let backend = &host.app.backend;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let poll = crate::support::component("poll");
    let uploaded = backend.upload(&poll).await.is(201);
    let install = json!({ "digest": uploaded["digest"], "consent": true });
    let held = database.block_writes().await;
    let mut client = asking(backend, "PUT", "/v1/plugins/poll", "", &install).await;
    // The request is behind these on the way in.
    for _ in 0..20 {
        backend.get("/v1/plugins").await.is(200);
    }
    leave(&mut client).await;
    held.end().await;
    let asked = json!({
        "channel_id": "general", "type": "poll", "client_id": "p",
        "data": { "question": "Lunch?", "options": ["yes", "no"] },
    });
    eventually("what is stored is in use", async || {
        let sent = alice.post("/v1/messages", asked.clone()).await;
        (sent.status == 201).then_some(())
    })
    .await;
}

/// The client goes; the host has let go of it when this returns.
async fn leave(client: &mut TcpStream) {
    client.shutdown().await.expect("the client goes");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("an end");
    assert!(answer.is_empty(), "it was answered");
}

/// A request that is under way; whoever holds this may go away.
async fn asking(who: &Person, method: &str, path: &str, headers: &str, body: &Value) -> TcpStream {
    let mut client = TcpStream::connect(who.address())
        .await
        .expect("a connection");
    let (body, key) = (body.to_string(), who.credential());
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{headers}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    client
}

async fn the_log_of_a_plugin_that_does_not_run_is_read(database: Database) {
    let host = TestHost::start(&database).await;
    let backend = &host.app.backend;
    let log = "/v1/plugins/poll/log";
    backend.get(log).await.refused(404, "not_found");
    backend
        .upload(&crate::support::component("poll"))
        .await
        .is(201);
    assert_eq!(backend.get(log).await.is(200)["lines"], json!([]));
    host.app.plugin("poll", json!({})).await;
    let inside = host.inside().await;
    let [(_, loadout)] = &inside.loadouts()[..] else {
        panic!("one app has plugins")
    };
    loadout.logs["poll"].add(0, "info", "it was here".into());
    backend
        .put("/v1/plugins/poll", json!({ "enabled": false }))
        .await
        .is(200);
    let lines: Value = backend.get(log).await.is(200);
    assert_eq!(lines["lines"][0]["message"], "it was here");
    backend.delete("/v1/plugins/poll").await.is(204);
    backend.get(log).await.refused(404, "not_found");
    host.other.backend.get(log).await.refused(404, "not_found");
}
