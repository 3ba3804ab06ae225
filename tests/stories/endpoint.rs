//! Routes that a plugin has of its own.

use serde_json::{Value, json};

use crate::support::{Answer, App, Database, Person, TestHost, component, stories};

stories!(
    users_and_the_backend_ask_a_plugin,
    strangers_ask_where_it_is_open_and_granted,
    an_answer_is_no_more_than_an_answer,
    what_a_route_wrote_lands_with_its_answer,
    a_route_that_fails_says_so,
    strangers_are_few_at_a_time,
);

fn open(app: &App, path: &str) -> String {
    format!("/v1/apps/{}/x/hostile{path}", app.id)
}

async fn bytes(person: &Person, method: &str, path: &str, body: &[u8]) -> Answer {
    let body = ("application/octet-stream", body.to_vec());
    person.raw(method, path, Some(body)).await
}

async fn users_and_the_backend_ask_a_plugin(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice] = app.users(["alice"]).await;
    app.plugin("hostile", json!({})).await;
    let alice = alice
        .with_header("x-wish", "tea")
        .with_header("cookie", "a=b")
        .with_header("x-forwarded-for", "192.0.2.7");
    for person in [&alice, &app.backend] {
        let answer = bytes(person, "POST", "/v1/x/hostile/echo?a=%20b&c", b"the body").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let lines: Vec<&str> = answer.text.lines().collect();
        assert_eq!(lines[0], "POST /echo?a=%20b&c");
        assert_eq!(lines.last(), Some(&"the body"));
        assert!(
            lines.contains(&"content-type: application/octet-stream"),
            "{lines:?}"
        );
        for hidden in [
            "authorization",
            "cookie",
            "host",
            "content-length",
            "x-forwarded-for",
        ] {
            let begins = format!("{hidden}:");
            assert!(
                !lines.iter().any(|line| line.starts_with(&begins)),
                "{hidden}: {lines:?}"
            );
        }
        assert!(!answer.text.contains(person.credential()));
    }
    let answer = alice.get("/v1/x/hostile/echo").await;
    assert!(
        answer.text.lines().any(|line| line == "x-wish: tea"),
        "{}",
        answer.text
    );
    let answer = alice.get("/v1/x/hostile/echo/%2e%2e/%2f?").await;
    assert_eq!(answer.status, 200);
    for method in ["PUT", "PATCH", "DELETE"] {
        let answer = alice.request(method, "/v1/x/hostile/echo", None).await;
        assert!(answer.text.starts_with(method), "{}", answer.text);
    }
    let head = alice.request("HEAD", "/v1/x/hostile/echo", None).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    let nothing = alice.get("/v1/x/hostile/").await;
    assert_eq!(nothing.status, 200);

    host.stranger()
        .get("/v1/x/hostile/echo")
        .await
        .refused(401, "unauthenticated");
    for path in [
        "/v1/x/nobody/echo",
        "/v1/x/hostile",
        "/v1/x/",
        "/v1/x/poll/a",
    ] {
        alice.get(path).await.refused(404, "not_found");
    }
    // The app next door has no such plugin.
    host.other
        .backend
        .get("/v1/x/hostile/echo")
        .await
        .refused(404, "not_found");
}

async fn strangers_ask_where_it_is_open_and_granted(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let stranger = host.stranger();
    stranger
        .get(open(app, "/open/echo"))
        .await
        .refused(404, "not_found");
    let known = app.backend.upload(&component("hostile")).await.is(201);
    let routes = known["permissions"].as_array().expect("a list");
    let routes = routes.iter().find(|asked| asked["name"] == "public-routes");
    assert_eq!(
        routes.expect("it asks")["paths"],
        json!(["/open/*", "/hook"])
    );
    let grants = [
        "kv",
        "counters",
        "chat-read",
        "chat-write",
        "chat-attach",
        "timers",
        "http",
    ];
    app.backend
        .put("/v1/plugins/hostile", json!({ "grants": grants }))
        .await
        .is(200);
    stranger
        .get(open(app, "/open/echo"))
        .await
        .refused(404, "not_found");

    app.plugin("hostile", json!({})).await;
    let answer = bytes(&stranger, "POST", &open(app, "/open/echo?a"), b"hi").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(
        answer.text.starts_with("POST /open/echo?a\n"),
        "{}",
        answer.text
    );
    stranger.get(open(app, "/hook")).await.raw_is(200);
    for path in [
        "/echo",
        "/",
        "/open",
        "/hook/",
        "/hook/a",
        "/OPEN/echo",
        "/%6fpen/echo",
        "/open%2fecho",
    ] {
        stranger
            .get(open(app, path))
            .await
            .refused(404, "not_found");
    }
    for app_id in [
        host.other.id.as_str(),
        "app_0000000000000001",
        "app",
        "..%2f",
    ] {
        let path = format!("/v1/apps/{app_id}/x/hostile/open/echo");
        stranger.get(path).await.refused(404, "not_found");
    }
    // A key makes no difference here, and reaches nobody.
    let answer = app.backend.get(open(app, "/open/echo")).await;
    assert!(!answer.text.contains("authorization"), "{}", answer.text);
}

async fn an_answer_is_no_more_than_an_answer(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    let app = &host.app;
    app.plugin("hostile", json!({})).await;
    let backend = &app.backend;
    let answer = backend.get("/v1/x/hostile/headers").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    for dropped in [
        "set-cookie",
        "x-fine",
        "x-split",
        "access-control-allow-origin",
        "transfer-encoding",
    ] {
        assert_eq!(answer.header(dropped), None, "{dropped}");
    }
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("sandbox;"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for status in [201, 302, 404, 418, 500, 599] {
        let answer = backend.get(format!("/v1/x/hostile/status/{status}")).await;
        assert_eq!((answer.status, answer.text.as_str()), (status, ""));
    }
    let answer = backend.get("/v1/x/hostile/status/204").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (204, Some("text/plain"))
    );
    for status in [0, 100, 101, 199, 600, 65_535] {
        let answer = backend.get(format!("/v1/x/hostile/status/{status}")).await;
        answer.refused(503, "plugin_failed");
    }
}

async fn what_a_route_wrote_lands_with_its_answer(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice] = app.users(["alice"]).await;
    app.channel("general", &[&alice]).await;
    app.plugin("hostile", json!({})).await;
    let asked = async |path: &str| alice.get(format!("/v1/x/hostile{path}")).await;
    asked("/fail").await.refused(503, "plugin_failed");
    assert_eq!(asked("/keys").await.text, "", "nothing of it is there");
    assert_eq!(asked("/list").await.text, "k1,k3");
    assert_eq!(asked("/keys").await.text, "k1,k3");
    asked("/sends/2").await.raw_is(200);
    assert_eq!(alice.history("general").await.len(), 2);
    let log = app.backend.get("/v1/plugins/hostile/log").await.is(200);
    assert!(log.to_string().contains("failed after writing"), "{log}");
}

async fn a_route_that_fails_says_so(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    let app = &host.app;
    let [alice] = app.users(["alice"]).await;
    app.plugin("hostile", json!({})).await;
    for deed in ["loop", "trap", "allocate/100", "return/300000"] {
        let answer = alice.get(format!("/v1/x/hostile/{deed}")).await;
        answer.refused(503, "plugin_failed");
    }
    let large = vec![b'a'; 256 * 1024 + 1];
    let refused = bytes(&app.backend, "POST", "/v1/x/hostile/echo", &large).await;
    refused.refused(413, "payload_too_large");
    let usage = app.backend.get("/v1/plugins/hostile/usage").await.is(200);
    let hook = usage["hooks"].as_array().expect("a list").iter();
    let hook: Vec<&Value> = hook.filter(|hook| hook["hook"] == "endpoint").collect();
    assert_eq!(hook[0]["faults"]["cpu_limit"], 1, "{usage}");
}

async fn strangers_are_few_at_a_time(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.limits.user_requests_burst = 3;
        config.limits.user_requests_per_second = 1;
    })
    .await;
    let app = &host.app;
    app.plugin("hostile", json!({})).await;
    let stranger = host.stranger();
    for _ in 0..3 {
        stranger.get(open(app, "/open/keys")).await.raw_is(200);
    }
    let refused = stranger.get(open(app, "/open/keys")).await;
    let problem = refused.refused(429, "rate_limited");
    assert!(problem["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0));
    app.backend.get("/v1/x/hostile/keys").await.raw_is(200);
}
