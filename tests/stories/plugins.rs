//! Plugins come as bytes: what is uploaded is looked into before anything depends on it.

use std::time::Duration;

use althing::config::Config;
use serde_json::{Value, json};

use crate::support::{App, Database, Person, TestHost, component, rewritten, stories};

stories!(
    an_upload_is_looked_into,
    what_is_no_plugin_is_refused,
    versions_are_told_apart_by_their_bytes,
    apps_have_their_own_plugins,
    old_versions_make_place_for_new_ones,
    a_version_is_removed_by_itself,
    plugins_of_an_app_are_bounded,
    looking_at_a_plugin_reads_no_component,
);

/// The names of the plugins in the app's list.
async fn names(backend: &Person) -> Vec<String> {
    let list = backend.get("/v1/plugins").await.is(200);
    let plugins = list["plugins"].as_array().expect("a list").iter();
    let name = |plugin: &Value| plugin["name"].as_str().expect("a name").to_owned();
    plugins.map(name).collect()
}

async fn an_upload_is_looked_into(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("noop-guard", json!({})).await;
    let backend = &host.app.backend;
    assert!(names(backend).await.is_empty());
    let bytes = component("poll");
    let known = backend.upload(&bytes).await.is(201);
    for (field, expected) in [
        ("name", json!("poll")),
        ("version", json!("0.1.0")),
        ("title", json!("Polls")),
        ("bytes", json!(bytes.len())),
        (
            "exports",
            json!(["events", "commands", "message-kind", "schedule"]),
        ),
        (
            "imports",
            json!(["kv", "chat-read", "chat-write", "timers"]),
        ),
        (
            "events",
            json!(["message.new", "message.deleted", "member.removed"]),
        ),
        ("kinds", json!([{ "name": "poll", "title": "Poll" }])),
    ] {
        assert_eq!(known[field], expected, "{field}");
    }
    assert_eq!(known["digest"].as_str().map(str::len), Some(64));
    assert_eq!(known["commands"][0]["plugin"], "poll");
    for permission in known["permissions"].as_array().expect("a list") {
        for field in ["name", "reason", "allows"] {
            assert!(permission[field].is_string(), "{permission}");
        }
    }
    // Looked into is not installed: nothing runs.
    let plugin = backend.get("/v1/plugins/poll").await.is(200);
    assert_eq!(
        (&plugin["component"], plugin.get("install")),
        (&known, None)
    );
    assert_eq!(
        backend.get("/v1/commands").await.is(200),
        json!({ "commands": [] })
    );
    assert_eq!(
        backend.get("/v1/plugins/poll/log").await.is(200),
        json!({ "lines": [] })
    );
    assert_eq!(names(backend).await, ["poll"]);
}

async fn what_is_no_plugin_is_refused(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.plugins.component_bytes_max = 64 * 1024;
    })
    .await;
    host.other.plugin("noop-guard", json!({})).await;
    let backend = &host.app.backend;
    let good = component("noop-guard");
    for (bytes, reason) in [
        (b"".to_vec(), "plugin_invalid"),
        (b"hello, this is no component".to_vec(), "plugin_invalid"),
        (b"\0asm\x01\0\0\0".to_vec(), "plugin_not_a_component"),
        (good[..good.len() / 2].to_vec(), "plugin_invalid"),
        (
            rewritten(&good, "version = \"0.1.0\"", "version = \"first\""),
            "plugin_manifest_invalid",
        ),
        (
            rewritten(&good, "name = \"noop-guard\"", "name = \"Noop guard\""),
            "plugin_manifest_invalid",
        ),
    ] {
        let problem = backend.upload(&bytes).await.refused(422, "plugin_refused");
        assert_eq!(problem["reason"], reason, "{problem}");
    }
    let version = rewritten(&good, "version = \"0.1.0\"", "version = \"first\"");
    let problem = backend
        .upload(&version)
        .await
        .refused(422, "plugin_refused");
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains("`version`"), "names the field: {detail}");
    backend
        .upload(&component("poll"))
        .await
        .refused(413, "payload_too_large");
    backend
        .raw("POST", "/v1/plugins", Some(("application/json", good)))
        .await
        .refused(415, "unsupported_media_type");
    backend
        .put("/v1/plugins/noop-guard", json!({}))
        .await
        .refused(404, "not_found");
    assert!(names(backend).await.is_empty());
}

async fn versions_are_told_apart_by_their_bytes(database: Database) {
    let host = TestHost::start(&database).await;
    let backend = &host.app.backend;
    let path = "/v1/plugins/noop-guard";
    let first = component("noop-guard");
    // The same name and version, but other bytes: another component.
    let second = rewritten(&first, "does nothing\"", "does little!\"");
    let third = rewritten(&first, "version = \"0.1.0\"", "version = \"0.2.0\"");
    let mut digests = Vec::new();
    for bytes in [&first, &second] {
        let known = backend.upload(bytes).await.is(201);
        digests.push(known["digest"].clone());
    }
    let uploaded = backend.get(path).await.is(200);
    // The same bytes again change nothing.
    assert_eq!(
        backend.upload(&first).await.is(201)["digest"],
        digests[0],
        "the digest is that of the bytes"
    );
    assert_eq!(backend.get(path).await.is(200), uploaded);
    let versions = uploaded["versions"].as_array().expect("a list");
    let shown: Vec<_> = versions
        .iter()
        .map(|version| (&version["digest"], &version["version"]))
        .collect();
    let same = &json!("0.1.0");
    assert_eq!(shown, [(&digests[0], same), (&digests[1], same)]);
    // The newest is taken unless another is named, and what runs stays when a newer one comes.
    let plugin = backend.put(path, json!({})).await.is(200);
    assert_eq!(plugin["install"]["digest"], digests[1]);
    assert_eq!(plugin["component"]["title"], "A guard that does little!");
    backend.upload(&third).await.is(201);
    let plugin = backend.get(path).await.is(200);
    assert_eq!(plugin["install"]["digest"], digests[1]);
    assert_eq!(plugin["versions"].as_array().map(Vec::len), Some(3));
    let plugin = backend
        .put(path, json!({ "digest": digests[0] }))
        .await
        .is(200);
    assert_eq!(plugin["component"]["title"], "A guard that does nothing");
    let unknown = json!({ "digest": "0".repeat(64) });
    assert_eq!(backend.put(path, unknown).await.invalid(), ["digest"]);
    assert_eq!(
        backend.get(path).await.is(200)["install"]["digest"],
        digests[0]
    );
}

async fn apps_have_their_own_plugins(database: Database) {
    let host = TestHost::start(&database).await;
    let (app, other) = (&host.app, &host.other);
    let guard = component("noop-guard");
    app.plugin("poll", json!({})).await;
    let ours = app.install(&guard, json!({ "order": 1 })).await;
    other.plugin("hostile", json!({})).await;
    let newer = rewritten(&guard, "version = \"0.1.0\"", "version = \"0.2.0\"");
    let theirs = other.install(&newer, json!({ "order": 2 })).await;
    assert_eq!(names(&app.backend).await, ["noop-guard", "poll"]);
    assert_eq!(names(&other.backend).await, ["hostile", "noop-guard"]);
    for (who, plugin) in [(app, &ours), (other, &theirs)] {
        let path = "/v1/plugins/noop-guard";
        assert_eq!(who.backend.get(path).await.is(200), *plugin);
    }
    let stolen = json!({ "digest": theirs["install"]["digest"] });
    assert_eq!(
        app.backend
            .put("/v1/plugins/noop-guard", stolen)
            .await
            .invalid(),
        ["digest"]
    );
    // What another app has and what nobody has answer the same.
    for path in ["/v1/plugins/{}", "/v1/plugins/{}/log", "/v1/plugins/{}?x=y"] {
        let ask = async |name| {
            let answer = app.backend.get(path.replace("{}", name)).await;
            let mut problem = answer.refused(404, "not_found");
            problem["request_id"].take();
            problem
        };
        assert_eq!(ask("hostile").await, ask("nowhere").await);
    }
    app.backend
        .delete("/v1/plugins/hostile")
        .await
        .refused(404, "not_found");
    assert_eq!(names(&other.backend).await, ["hostile", "noop-guard"]);

    let [alice, namesake] = [app.user("alice").await, other.session("alice").await];
    app.channel("general", &[&alice]).await;
    for (who, theirs) in [(&alice, "poll"), (&namesake, "hostile")] {
        let list = who.get("/v1/commands").await.is(200);
        assert_eq!(list["commands"].as_array().map(Vec::len), Some(1));
        assert_eq!(list["commands"][0]["name"], theirs);
    }
    for (who, foreign) in [(&alice, "hostile"), (&namesake, "poll")] {
        who.post(
            "/v1/channels/general/commands",
            json!({ "name": foreign, "text": "" }),
        )
        .await
        .refused(404, "not_found");
        let message = json!({ "channel_id": "general", "type": foreign, "data": {} });
        assert_eq!(who.post("/v1/messages", message).await.invalid(), ["type"]);
    }
}

/// Few of each.
fn few(config: &mut Config) {
    config.plugins.versions_per_plugin_max = 4;
    config.plugins.plugins_per_app_max = 2;
}

/// The guard that does nothing, in its version 0.`minor`.0.
fn noop(minor: u8) -> Vec<u8> {
    let version = format!("version = \"0.{minor}.0\"");
    rewritten(&component("noop-guard"), "version = \"0.1.0\"", &version)
}

const NOOP: &str = "/v1/plugins/noop-guard";

async fn numbers(app: &App) -> Vec<String> {
    let plugin = app.backend.get(NOOP).await.is(200);
    let versions = plugin["versions"].as_array().expect("a list").iter();
    let mut numbers: Vec<_> = versions
        .map(|version| version["version"].as_str().expect("a version").to_owned())
        .collect();
    numbers.sort();
    numbers
}

/// Uploads a version, a moment after those before it, and gives its digest.
async fn upload(host: &TestHost, minor: u8) -> Value {
    host.pass(Duration::from_millis(5)).await;
    host.app.backend.upload(&noop(minor)).await.is(201)["digest"].clone()
}

async fn old_versions_make_place_for_new_ones(database: Database) {
    let host = TestHost::timeless_with(&database, few).await;
    let app = &host.app;
    let theirs = host.other.backend.upload(&noop(1)).await.is(201)["digest"].clone();
    let first = upload(&host, 1).await;
    assert_eq!(first, theirs);
    for minor in 2..=6 {
        upload(&host, minor).await;
    }
    assert_eq!(numbers(app).await, ["0.3.0", "0.4.0", "0.5.0", "0.6.0"]);
    // What runs, what is tried and the way back stay, however old they are.
    let put = async |path: &str, minor: u8, mut request: Value| {
        request["digest"] = upload(&host, minor).await;
        app.backend.put(path, request).await.is(200);
    };
    put(NOOP, 3, json!({})).await;
    put(NOOP, 4, json!({})).await;
    put(&format!("{NOOP}/rollout"), 5, json!({ "mode": "shadow" })).await;
    for minor in 7..=9 {
        upload(&host, minor).await;
        let newest = format!("0.{minor}.0");
        assert_eq!(numbers(app).await, ["0.3.0", "0.4.0", "0.5.0", &newest]);
    }
    // The same again takes nobody's place.
    upload(&host, 9).await;
    assert_eq!(numbers(app).await, ["0.3.0", "0.4.0", "0.5.0", "0.9.0"]);
    let back = app
        .backend
        .post(format!("{NOOP}/rollback"), json!({}))
        .await;
    assert_eq!(back.is(200)["component"]["version"], "0.3.0");
    // One that is gone comes back as a new one; another app has its own.
    let gone = app.backend.put(NOOP, json!({ "digest": first })).await;
    assert_eq!(gone.invalid(), ["digest"]);
    assert_eq!(numbers(&host.other).await, ["0.1.0"]);
    put(NOOP, 1, json!({})).await;
    assert_eq!(numbers(app).await, ["0.1.0", "0.3.0", "0.5.0", "0.9.0"]);
}

async fn a_version_is_removed_by_itself(database: Database) {
    let host = TestHost::timeless(&database).await;
    let (app, backend) = (&host.app, &host.app.backend);
    let mut digests = Vec::new();
    for minor in 1..=4 {
        digests.push(upload(&host, minor).await);
    }
    let path = |digest: &Value| format!("{NOOP}/versions/{}", digest.as_str().expect("a digest"));
    let (first, second) = (
        json!({ "digest": digests[0] }),
        json!({ "digest": digests[1] }),
    );
    backend.put(NOOP, first).await.is(200);
    backend.put(NOOP, second).await.is(200);
    let shadow = json!({ "digest": digests[2], "mode": "shadow" });
    backend.put(format!("{NOOP}/rollout"), shadow).await.is(200);
    for used in &digests[..3] {
        backend.delete(path(used)).await.refused(409, "conflict");
    }
    let theirs = host.other.backend.delete(path(&digests[3])).await;
    theirs.refused(404, "not_found");
    backend.delete(path(&digests[3])).await.is(204);
    backend
        .delete(path(&digests[3]))
        .await
        .refused(404, "not_found");
    assert_eq!(numbers(app).await, ["0.1.0", "0.2.0", "0.3.0"]);
    backend.delete(format!("{NOOP}/rollout")).await.is(204);
    let folder = tempfile::tempdir().expect("a folder");
    let line = "plugin remove noop-guard --digest 0.3.0";
    let (code, _, notes) = app.althing(folder.path(), line).await;
    assert_eq!(code, 0, "{notes}");
    assert_eq!(numbers(app).await, ["0.1.0", "0.2.0"]);
}

async fn plugins_of_an_app_are_bounded(database: Database) {
    let host = TestHost::with(&database, few).await;
    let backend = &host.app.backend;
    let named = |name: &str| rewritten(&noop(1), "noop-guard", name);
    for name in ["noop-guard", "calm-guard", "calm-guard"] {
        backend.upload(&named(name)).await.is(201);
    }
    let third = backend.upload(&named("late-guard")).await;
    third.refused(422, "limit_reached");
    host.other
        .backend
        .upload(&named("late-guard"))
        .await
        .is(201);
}

async fn looking_at_a_plugin_reads_no_component(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    let (app, backend) = (&host.app, &host.app.backend);
    app.plugin("poll", json!({})).await;
    backend.upload(&component("hostile")).await.is(201);
    let look = async || {
        let list = backend.get("/v1/plugins").await.is(200)["plugins"].clone();
        for plugin in list.as_array().expect("a list") {
            let path = format!("/v1/plugins/{}", plugin["name"].as_str().expect("a name"));
            assert_eq!(backend.get(path).await.is(200), *plugin);
        }
        list
    };
    let before = look().await;
    database
        .run("UPDATE plugin_versions SET component = ''")
        .await;
    assert_eq!(look().await, before);
    // What the host knows is put to use by its digest.
    backend
        .put("/v1/plugins/poll", json!({ "order": 7 }))
        .await
        .is(200);
    host.restart().await;
    let mut after = look().await;
    let fault = after[1]["install"]["fault"].take();
    assert!(
        fault.is_string(),
        "without its bytes it does not run: {fault}"
    );
    assert_eq!(after[1]["component"], before[1]["component"]);
    assert_eq!(after[0], before[0]);
}
