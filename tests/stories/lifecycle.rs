//! A plugin has a say in its own install: which settings are good, and what a version does first.

use serde_json::{Value, json};

use crate::support::{Answer, App, Database, TestHost, component, rewritten, stories};

stories!(
    a_plugin_looks_at_its_settings,
    a_version_starts_once_and_whole,
    a_version_that_refuses_to_start_changes_nothing,
    a_start_that_fails_changes_nothing,
    nothing_is_asked_on_the_way_back,
);

/// Puts a version of the hostile plugin into use with these settings; the newest that was uploaded.
async fn install(app: &App, settings: Value) -> Answer {
    let known = app.backend.get("/v1/plugins/hostile").await.is(200);
    let digest = known["versions"].as_array().expect("a list").last();
    let digest = digest.expect("a version")["digest"].clone();
    let grants = [
        "kv",
        "counters",
        "chat-read",
        "chat-write",
        "chat-attach",
        "timers",
        "http",
    ];
    let install = json!({ "grants": grants, "config": settings, "digest": digest });
    app.backend.put("/v1/plugins/hostile", install).await
}

async fn upload(app: &App, version: &str) {
    let component = rewritten(
        &component("hostile"),
        "version = \"0.1.0\"",
        &format!("version = \"{version}\""),
    );
    app.backend.upload(&component).await.is(201);
}

async fn a_plugin_looks_at_its_settings(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    upload(app, "0.1.0").await;
    let refused = install(app, json!({ "check": "say-back too loud" })).await;
    let problem = refused.refused(422, "invalid");
    assert_eq!(
        problem["errors"],
        json!([{ "field": "config.check", "message": "say-back too loud" }])
    );
    let known = app.backend.get("/v1/plugins/hostile").await.is(200);
    assert_eq!(known.get("install"), None, "nothing has changed");
    // It can't write while it looks.
    let refused = install(app, json!({ "check": "set 1 1" })).await;
    let problem = refused.refused(422, "invalid");
    assert!(
        problem["errors"][0]["message"]
            .as_str()
            .expect("text")
            .contains("Denied"),
        "{problem}"
    );
    install(app, json!({ "check": "fine" })).await.is(200);
    host.expect_plugin_faults();
    let refused = install(app, json!({ "check": "loop" })).await;
    let problem = refused.refused(422, "plugin_refused");
    assert_eq!(problem["reason"], "plugin_lifecycle_failed");
    let known = app.backend.get("/v1/plugins/hostile").await.is(200);
    assert_eq!(known["install"]["config"]["check"], "fine");
}

async fn a_version_starts_once_and_whole(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice] = app.users(["alice"]).await;
    app.channel("general", &[&alice]).await;
    upload(app, "0.1.0").await;
    let greeted = async || {
        let history = alice.history("general").await;
        history
            .iter()
            .filter(|message| message["data"] == "spam")
            .count()
    };
    let settings = json!({ "start": "sends 2" });
    // One that is off does not start.
    let known = app.backend.get("/v1/plugins/hostile").await.is(200);
    let grants = [
        "kv",
        "counters",
        "chat-read",
        "chat-write",
        "chat-attach",
        "timers",
        "http",
    ];
    let off = json!({
        "grants": grants, "config": settings, "enabled": false, "digest": known["versions"][0]["digest"]
    });
    app.backend.put("/v1/plugins/hostile", off).await.is(200);
    assert_eq!(greeted().await, 0);
    install(app, settings.clone()).await.is(200);
    let on = json!({ "enabled": true });
    app.backend
        .put("/v1/plugins/hostile", on.clone())
        .await
        .is(200);
    assert_eq!(greeted().await, 2);
    // Settings, a pause and a restart of the host are no new start.
    install(app, json!({ "start": "sends 2", "check": "x" }))
        .await
        .is(200);
    let off = json!({ "enabled": false });
    app.backend.put("/v1/plugins/hostile", off).await.is(200);
    app.backend.put("/v1/plugins/hostile", on).await.is(200);
    host.restart().await;
    assert_eq!(greeted().await, 2);
    upload(app, "0.2.0").await;
    install(app, settings).await.is(200);
    assert_eq!(greeted().await, 4);
}

async fn a_version_that_refuses_to_start_changes_nothing(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice] = app.users(["alice"]).await;
    app.channel("general", &[&alice]).await;
    upload(app, "0.1.0").await;
    let refused = install(app, json!({ "start": "say-back previous" })).await;
    let problem = refused.refused(422, "plugin_refused");
    assert_eq!(problem["reason"], "plugin_start_refused");
    assert_eq!(
        problem["detail"], "say-back ",
        "there was no version before"
    );
    let known = app.backend.get("/v1/plugins/hostile").await.is(200);
    assert_eq!(known.get("install"), None);
    let bot = app.backend.get("/v1/users/bot:hostile").await;
    bot.refused(404, "not_found");

    let before = install(app, json!({})).await.is(200);
    upload(app, "0.2.0").await;
    let refused = install(app, json!({ "start": "say-back previous" })).await;
    let problem = refused.refused(422, "plugin_refused");
    assert_eq!(problem["detail"], "say-back 0.1.0");
    let after = app.backend.get("/v1/plugins/hostile").await.is(200);
    assert_eq!(after["install"], before["install"]);
    // It did start once, so the next one takes over from it; also on the way down.
    install(app, json!({})).await.is(200);
    let down = json!({
        "digest": before["install"]["digest"], "config": { "start": "say-back previous" }
    });
    let refused = app.backend.put("/v1/plugins/hostile", down).await;
    assert_eq!(
        refused.refused(422, "plugin_refused")["detail"],
        "say-back 0.2.0"
    );
}

async fn a_start_that_fails_changes_nothing(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    let app = &host.app;
    let [alice] = app.users(["alice"]).await;
    app.channel("general", &[&alice]).await;
    upload(app, "0.1.0").await;
    for deed in ["trap", "loop", "allocate 100"] {
        let refused = install(app, json!({ "start": deed })).await;
        let problem = refused.refused(422, "plugin_refused");
        assert_eq!(problem["reason"], "plugin_lifecycle_failed", "{deed}");
    }
    // More than it may send: what it did before is not there either.
    let refused = install(app, json!({ "start": "sends 100" })).await;
    refused.refused(422, "plugin_refused");
    assert_eq!(alice.history("general").await.len(), 0);
    let known = app.backend.get("/v1/plugins/hostile").await.is(200);
    assert_eq!(known.get("install"), None);
    install(app, json!({})).await.is(200);
}

async fn nothing_is_asked_on_the_way_back(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    upload(app, "0.1.0").await;
    let first = install(app, json!({})).await.is(200);
    upload(app, "0.2.0").await;
    let second = install(app, json!({ "check": "fine" })).await.is(200);
    assert_eq!(second["install"]["previous"], first["install"]["digest"]);
    let back = app
        .backend
        .post("/v1/plugins/hostile/rollback", json!({}))
        .await;
    let back = back.is(200);
    assert_eq!(back["install"]["digest"], first["install"]["digest"]);
    // It counts as started: the same version in other settings does not start again.
    let other = json!({ "config": { "start": "say-back again" } });
    app.backend.put("/v1/plugins/hostile", other).await.is(200);
}
