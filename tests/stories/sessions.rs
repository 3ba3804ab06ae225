//! Sessions: tokens that the host makes, how long they hold, and how they are ended before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use althing::clock::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Database, TestHost, stories};

stories!(
    a_backend_makes_sessions_for_its_users,
    an_expired_session_is_over,
    a_session_goes_on_with_a_new_token,
    sessions_of_one_user_are_revoked,
    sessions_of_a_whole_app_are_revoked,
    a_deactivated_user_is_out,
    a_token_is_good_in_its_own_app_alone,
);

const BEGAN: i64 = 1_800_000_000_000;

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("JSON")
}

async fn a_backend_makes_sessions_for_its_users(database: Database) {
    let host = TestHost::at(
        &database,
        Clock::Fixed(Arc::new(AtomicI64::new(BEGAN))),
        |_| {},
    )
    .await;
    let backend = &host.app.backend;
    backend
        .put("/v1/users", json!({ "users": [{ "id": "alice" }] }))
        .await
        .is(200);
    let made = backend
        .post(
            "/v1/sessions",
            json!({ "user_id": "alice", "expires_in_s": 600 }),
        )
        .await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.is(201);
    assert_eq!(made["expires_at"], "2027-01-15T08:10:00.000Z");
    let claims = claims(made["token"].as_str().expect("a token"));
    let began = BEGAN / 1000;
    assert_eq!(
        claims,
        json!({ "sub": "alice", "app": host.app.id, "iat": began, "exp": began + 600 })
    );
    let made = backend
        .post("/v1/sessions", json!({ "user_id": "alice" }))
        .await
        .is(201);
    assert_eq!(made["expires_at"], "2027-01-15T09:00:00.000Z");
    for bad in [0, -1, 86_401] {
        let faults = backend
            .post(
                "/v1/sessions",
                json!({ "user_id": "alice", "expires_in_s": bad }),
            )
            .await
            .invalid();
        assert_eq!(faults, ["expires_in_s"]);
    }
    assert_eq!(
        backend
            .post("/v1/sessions", json!({ "user_id": "nobody" }))
            .await
            .invalid(),
        ["user_id"]
    );
    let alice = host.app.session("alice").await;
    alice
        .post("/v1/sessions", json!({ "user_id": "alice" }))
        .await
        .refused(403, "forbidden");
    host.org
        .admin
        .post("/v1/sessions", json!({ "user_id": "alice" }))
        .await
        .refused(403, "forbidden");
    assert_eq!(alice.connect().await.greeting["user"]["id"], "alice");
}

async fn an_expired_session_is_over(database: Database) {
    let now = Arc::new(AtomicI64::new(BEGAN));
    let host = TestHost::at(&database, Clock::Fixed(now.clone()), |config| {
        config.socket.ping_interval_ms = 100
    })
    .await;
    let alice = host.app.user("alice").await;
    let mut phone = alice.connect().await;
    assert_eq!(phone.greeting["expires_at"], "2027-01-15T09:00:00.000Z");
    now.fetch_add(3_599_000, Ordering::Relaxed);
    alice.get("/v1/channels").await.is(200);
    now.fetch_add(1_000, Ordering::Relaxed);
    assert_eq!(phone.closed().await, 3003);
    // Another half minute for clocks that differ.
    now.fetch_add(30_000, Ordering::Relaxed);
    alice
        .get("/v1/channels")
        .await
        .refused(401, "token_expired");
    let mut late = alice.open_socket().await;
    late.request("connect", json!({ "token": alice.credential() }))
        .await
        .refused("token_expired");
    assert_eq!(late.closed().await, 3003);
}

async fn a_session_goes_on_with_a_new_token(database: Database) {
    let now = Arc::new(AtomicI64::new(BEGAN));
    let host = TestHost::at(&database, Clock::Fixed(now.clone()), |config| {
        config.socket.ping_interval_ms = 100
    })
    .await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    let mut phone = alice.connect().await;
    now.fetch_add(3_000_000, Ordering::Relaxed);
    phone
        .request("refresh", json!({ "token": bob.credential() }))
        .await
        .refused("unauthenticated");
    phone
        .request("refresh", json!({ "token": "x" }))
        .await
        .refused("unauthenticated");
    let renewed = host.app.session("alice").await;
    let refreshed = phone
        .request("refresh", json!({ "token": renewed.credential() }))
        .await
        .ok();
    assert_eq!(refreshed["expires_at"], "2027-01-15T09:50:00.000Z");
    now.fetch_add(3_000_000, Ordering::Relaxed);
    phone
        .request("presence", json!({ "channel_id": "x" }))
        .await
        .refused("not_found");
    phone.round_trip().await;
    now.fetch_add(600_000, Ordering::Relaxed);
    assert_eq!(phone.closed().await, 3003);
}

async fn sessions_of_one_user_are_revoked(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    let namesake = host.other.session("alice").await;
    let mut phones = [alice.connect().await, alice.connect().await];
    let mut others = [bob.connect().await, namesake.connect().await];
    alice
        .post("/v1/sessions/revoke", json!({ "user_id": "bob" }))
        .await
        .refused(403, "forbidden");
    host.app
        .backend
        .post("/v1/sessions/revoke", json!({ "user_id": "alice" }))
        .await
        .is(204);
    for phone in &mut phones {
        assert_eq!(phone.closed().await, 3501);
    }
    for phone in &mut others {
        phone.round_trip().await;
    }
    alice
        .get("/v1/channels")
        .await
        .refused(401, "unauthenticated");
    let mut again = alice.open_socket().await;
    again
        .request("connect", json!({ "token": alice.credential() }))
        .await
        .refused("unauthenticated");
    assert_eq!(again.closed().await, 3501);
    bob.get("/v1/channels").await.is(200);
    // The next session is good at once.
    let renewed = host.app.session("alice").await;
    renewed.get("/v1/channels").await.is(200);
    renewed.connect().await.round_trip().await;
    host.app
        .backend
        .post("/v1/sessions/revoke", json!({ "user_id": "nobody" }))
        .await
        .refused(404, "not_found");
}

async fn sessions_of_a_whole_app_are_revoked(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    let namesake = host.other.session("alice").await;
    let mut phones = [alice.connect().await, bob.connect().await];
    let mut other = namesake.connect().await;
    host.app
        .backend
        .post("/v1/sessions/revoke", json!({}))
        .await
        .is(204);
    for phone in &mut phones {
        assert_eq!(phone.closed().await, 3501);
    }
    for user in [&alice, &bob] {
        user.get("/v1/channels")
            .await
            .refused(401, "unauthenticated");
    }
    other.round_trip().await;
    host.app
        .session("alice")
        .await
        .get("/v1/channels")
        .await
        .is(200);
}

async fn a_deactivated_user_is_out(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let sent = alice.send("general", "still here").await;
    let mut phone = alice.connect().await;
    let backend = &host.app.backend;
    let out = backend
        .post("/v1/users/alice/deactivate", json!({}))
        .await
        .is(200);
    assert!(out["deactivated_at"].is_string());
    assert_eq!(phone.closed().await, 3502);
    alice
        .get("/v1/channels")
        .await
        .refused(403, "user_deactivated");
    let mut again = alice.open_socket().await;
    again
        .request("connect", json!({ "token": alice.credential() }))
        .await
        .refused("user_deactivated");
    assert_eq!(again.closed().await, 3502);
    backend
        .post("/v1/sessions", json!({ "user_id": "alice" }))
        .await
        .refused(403, "user_deactivated");
    let on_behalf = json!({ "channel_id": "general", "type": "text", "data": "x", "as": "alice" });
    assert_eq!(
        backend.post("/v1/messages", on_behalf).await.invalid(),
        ["as"]
    );
    assert_eq!(bob.history("general").await, [sent]);
    let back = backend
        .post("/v1/users/alice/reactivate", json!({}))
        .await
        .is(200);
    assert_eq!(back.get("deactivated_at"), None);
    alice.send("general", "back").await;
    backend
        .post("/v1/users/nobody/deactivate", json!({}))
        .await
        .refused(404, "not_found");
}

async fn a_token_is_good_in_its_own_app_alone(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    let namesake = host.other.session("alice").await;
    assert_eq!(
        alice.get("/v1/channels").await.is(200),
        json!({ "channels": [] })
    );
    alice
        .get("/v1/channels/general")
        .await
        .refused(404, "not_found");
    assert_eq!(namesake.get("/v1/channels/general").await.status, 200);
    // The other app's signature under this app's name, and the other way round.
    let parts = |token: &str| -> Vec<String> { token.split('.').map(str::to_owned).collect() };
    let (own, others) = (parts(alice.credential()), parts(namesake.credential()));
    for forged in [
        format!("{}.{}.{}", own[0], own[1], others[2]),
        format!("{}.{}.{}", own[0], others[1], own[2]),
    ] {
        alice
            .with_token(&forged)
            .get("/v1/channels")
            .await
            .refused(401, "unauthenticated");
    }
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        own[1]
    );
    alice
        .with_token(&unsigned)
        .get("/v1/channels")
        .await
        .refused(401, "unauthenticated");
}
