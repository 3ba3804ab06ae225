//! From which pages a browser may use an app.

use serde_json::json;

use crate::support::{Database, TestHost, stories};

stories!(
    pages_of_listed_origins_may_use_an_app,
    browsers_ask_before_they_send,
    sockets_look_at_the_origin_too
);

async fn allow(host: &TestHost, origins: &[&str]) {
    let path = format!("/v1/apps/{}", host.app.id);
    host.org
        .admin
        .patch(&path, json!({ "allowed_origins": origins }))
        .await
        .is(200);
}

async fn pages_of_listed_origins_may_use_an_app(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    let from = |origin: &str| alice.with_header("origin", origin);
    // To begin with, no page may. What is no browser names no origin.
    from("https://zoo.example")
        .get("/v1/channels")
        .await
        .refused(403, "origin_not_allowed");
    alice.get("/v1/channels").await.is(200);
    allow(
        &host,
        &[
            "https://zoo.example",
            "https://*.zoo.example",
            "http://localhost:8080",
        ],
    )
    .await;
    for good in [
        "https://zoo.example",
        "https://app.zoo.example",
        "http://localhost:8080",
        "https://ZOO.example",
    ] {
        let answer = from(good).get("/v1/channels").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(good));
        assert!(
            answer
                .header("vary")
                .is_some_and(|vary| vary.to_lowercase().contains("origin"))
        );
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        answer.is(200);
    }
    for bad in [
        "http://zoo.example",
        "https://zoo.example:444",
        "https://zoo.example.evil.example",
        "https://a.b.zoo.example",
        "https://evilzoo.example",
        "http://localhost",
        "null",
        "https://zoo.example/",
        "",
    ] {
        let answer = from(bad).get("/v1/channels").await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{bad}");
        answer.refused(403, "origin_not_allowed");
    }
    // A page of an allowed origin can read why it was refused.
    let answer = from("https://zoo.example")
        .with_token("x")
        .get("/v1/channels")
        .await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://zoo.example")
    );
    answer.refused(401, "unauthenticated");
    allow(&host, &[]).await;
    from("https://zoo.example")
        .get("/v1/channels")
        .await
        .refused(403, "origin_not_allowed");
    let path = format!("/v1/apps/{}", host.app.id);
    for bad in [
        "*",
        "https://*",
        "zoo.example",
        "https://zoo.example/x",
        "https://*.example.*",
        "null",
    ] {
        let faults = host
            .org
            .admin
            .patch(&path, json!({ "allowed_origins": [bad] }))
            .await
            .invalid();
        assert_eq!(faults, ["allowed_origins"], "{bad}");
    }
}

async fn browsers_ask_before_they_send(database: Database) {
    let host = TestHost::start(&database).await;
    allow(&host, &["https://zoo.example"]).await;
    let asks = |origin: &str| {
        host.stranger()
            .with_header("origin", origin)
            .with_header("access-control-request-method", "PATCH")
            .with_header(
                "access-control-request-headers",
                "authorization,content-type,idempotency-key",
            )
    };
    let answer = asks("https://zoo.example")
        .request("OPTIONS", "/v1/users/alice", None)
        .await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://zoo.example")
    );
    let list = |name: &str| answer.header(name).unwrap_or_default().to_lowercase();
    for method in ["get", "post", "put", "patch", "delete"] {
        assert!(list("access-control-allow-methods").contains(method));
    }
    for header in ["authorization", "content-type", "idempotency-key"] {
        assert!(list("access-control-allow-headers").contains(header));
    }
    answer.is(204);
    let answer = asks("https://evil.example")
        .request("OPTIONS", "/v1/users/alice", None)
        .await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("access-control-allow-methods"), None);
}

async fn sockets_look_at_the_origin_too(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    allow(&host, &["https://zoo.example"]).await;
    // A page of an origin that only the other app allows.
    let path = format!("/v1/apps/{}", host.other.id);
    host.other
        .org
        .admin
        .patch(
            &path,
            json!({ "allowed_origins": ["https://circus.example"] }),
        )
        .await
        .is(200);
    for bad in ["https://circus.example", "https://evil.example", "null"] {
        let mut socket = alice.with_header("origin", bad).open_socket().await;
        socket
            .request("connect", json!({ "token": alice.credential() }))
            .await
            .refused("origin_not_allowed");
        assert_eq!(socket.closed().await, 3505, "{bad}");
    }
    alice
        .with_header("origin", "https://zoo.example")
        .connect()
        .await
        .round_trip()
        .await;
    alice.connect().await.round_trip().await;
}
