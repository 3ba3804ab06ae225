//! Plugins come as bytes: what is uploaded is looked into before anything depends on it.

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, component, rewritten, stories};

stories!(
    an_upload_is_looked_into,
    what_is_no_plugin_is_refused,
    versions_are_told_apart_by_their_bytes,
    apps_have_their_own_plugins,
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
