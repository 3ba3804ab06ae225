//! A tenant's consent holds for what it was given to: what a version's hooks see is told in words and
//! waits for consent like a permission, and what was taken back stays taken back.

use serde_json::{Value, json};

use crate::support::{App, Database, TestHost, component, rewritten, stories};

stories!(
    a_version_that_sees_more_waits_for_consent,
    what_is_seen_is_named_event_by_event,
    the_command_line_tells_what_a_version_sees,
);

const HERALD: &str = "/v1/plugins/herald";

/// A version of the herald that guards messages and asks for no permission at all.
fn listening_herald() -> Vec<u8> {
    rewritten(
        &component("noop-guard"),
        "name = \"noop-guard\"\nversion = \"0.1.0\"\ntitle = \"A guard that does nothing\"",
        "name = \"herald\"\nversion = \"0.2.0\"\ntitle = \"A herald that does listen now\"",
    )
}

/// The hostile plugin in a version that asks for the same and gets more events.
fn nosy() -> Vec<u8> {
    let old = component("hostile");
    let new = rewritten(&old, "version = \"0.1.0\"", "version = \"0.2.0\"");
    rewritten(
        &new,
        "Breaks one limit of the host for each word it is told. For the host's own tests.\"\nevents = [\"message.new\"]",
        "Hears still more: changes, and what is gone.\"\nevents = [\"message.new\",\"message.updated\",\"message.deleted\"]",
    )
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list").iter();
    list.map(|one| one["name"].as_str().expect("a name"))
        .collect()
}

/// The hooks of the herald that were called.
async fn called(app: &App) -> Vec<String> {
    let usage = app.backend.get(format!("{HERALD}/usage")).await.is(200);
    let hooks = usage["hooks"].as_array().expect("a list").iter();
    hooks
        .map(|of| of["hook"].as_str().expect("a name").to_owned())
        .collect()
}

async fn a_version_that_sees_more_waits_for_consent(database: Database) {
    let host = TestHost::start(&database).await;
    let (app, backend) = (&host.app, &host.app.backend);
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    app.plugin("herald", json!({})).await;
    let known = backend.upload(&listening_herald()).await.is(201);
    assert_eq!(known["permissions"], json!([]));
    assert_eq!(names(&known["sees"]), ["message-guard"]);
    let before = backend.get(HERALD).await.is(200);
    assert_eq!(names(&before["component"]["sees"]), ["events:member.added"]);
    let wants = &before["versions"][1]["wants"];
    assert_eq!(names(wants), ["message-guard"]);
    let words = wants[0]["allows"].as_str().expect("words");
    assert!(
        words.starts_with("Read every message before it is sent"),
        "{words}"
    );
    assert_eq!(
        (&wants[0]["required"], wants[0].get("reason")),
        (&json!(true), None)
    );

    // No way leads past consent.
    let digest = &known["digest"];
    let rollout = format!("{HERALD}/rollout");
    for (path, request) in [
        (HERALD, json!({ "digest": digest })),
        (HERALD, json!({ "digest": digest, "grants": [] })),
        (HERALD, json!({ "digest": digest, "enabled": false })),
        (HERALD, json!({ "digest": digest, "consent": false })),
        (&rollout, json!({ "digest": digest, "mode": "shadow" })),
        (&rollout, json!({ "mode": "canary", "percent": 99 })),
    ] {
        let refused = backend.put(path, request).await;
        let problem = refused.refused(422, "grant_missing");
        assert_eq!(problem["errors"][0]["field"], "grants.message-guard");
        let message = problem["errors"][0]["message"].as_str().expect("a text");
        assert_eq!(message, format!("is missing. {words}"));
    }
    let other = json!({ "digest": digest, "grants": ["file-guard"] });
    assert_eq!(backend.put(HERALD, other).await.invalid(), ["grants[0]"]);
    assert_eq!(backend.get(HERALD).await.is(200), before);
    bob.send("general", "between us").await;
    assert!(!called(app).await.contains(&"message-guard".to_owned()));

    // Consent to a trial is consent to what comes of it, and the way back needs none.
    let canary =
        json!({ "mode": "canary", "percent": 1, "digest": digest, "grants": ["message-guard"] });
    backend.put(&rollout, canary).await.is(200);
    let more = json!({ "mode": "canary", "percent": 2 });
    backend.put(&rollout, more).await.is(200);
    let after = backend
        .post(format!("{rollout}/promote"), json!({}))
        .await
        .is(200);
    assert_eq!(after["install"]["digest"], *digest);
    bob.send("general", "and the herald").await;
    assert!(called(app).await.contains(&"message-guard".to_owned()));
    // What is taken over stays, whatever else is changed.
    backend
        .put(HERALD, json!({ "grants": [], "order": 3 }))
        .await
        .is(200);
    let back = backend
        .post(format!("{HERALD}/rollback"), json!({}))
        .await
        .is(200);
    assert_eq!(back["install"]["digest"], before["install"]["digest"]);
    assert_eq!(back["install"]["grants"], json!(["chat-write"]));
    let again = backend.put(HERALD, json!({ "digest": digest })).await;
    again.refused(422, "grant_missing");
    let consent = json!({ "digest": digest, "consent": true });
    backend.put(HERALD, consent).await.is(200);

    // Removed and enabled again is a beginning.
    backend.delete(HERALD).await.is(204);
    backend.upload(&listening_herald()).await.is(201);
    backend.put(HERALD, json!({})).await.is(200);
}

async fn what_is_seen_is_named_event_by_event(database: Database) {
    let host = TestHost::start(&database).await;
    let (app, backend) = (&host.app, &host.app.backend);
    let path = "/v1/plugins/hostile";
    let before = app.plugin("hostile", json!({})).await;
    let sees = [
        "message-guard",
        "events:message.new",
        "membership-guard",
        "session-guard",
        "file-guard",
        "feed:text",
    ];
    assert_eq!(names(&before["component"]["sees"]), sees);
    let digest = backend.upload(&nosy()).await.is(201)["digest"].clone();
    let plugin = backend.get(path).await.is(200);
    let wants = ["events:message.updated", "events:message.deleted"];
    assert_eq!(names(&plugin["versions"][1]["wants"]), wants);
    let mut grants = before["install"]["grants"].clone();
    for wanted in wants {
        let request = json!({ "digest": digest, "grants": grants });
        let refused = backend.put(path, request).await;
        let detail = refused.refused(422, "grant_missing")["detail"].to_string();
        assert!(detail.contains(wanted), "{detail}");
        grants.as_array_mut().expect("a list").push(wanted.into());
    }
    let request = json!({ "digest": digest, "grants": grants });
    let after = backend.put(path, request).await.is(200);
    assert_eq!(after["install"]["grants"], before["install"]["grants"]);
    assert_eq!(after["versions"][0].get("wants"), None, "it sees no more");
}

async fn the_command_line_tells_what_a_version_sees(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    app.plugin("herald", json!({})).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("new.wasm"), listening_herald()).expect("a file");
    let run = async |line: &str| app.althing(folder.path(), line).await;
    let words = "Read every message before it is sent";
    let (code, out, notes) = run("plugin upload new.wasm").await;
    assert_eq!(code, 0, "{notes}");
    assert!(
        out.contains("Sees, whatever it is granted\n  message-guard  Read every"),
        "{out}"
    );
    assert!(notes.contains("It wants more than is granted"), "{notes}");
    let (_, out, _) = run("plugin show herald").await;
    assert!(
        out.contains(
            "Version 0.2.0 wants more than is granted\n  message-guard\n      allows:  Read"
        ),
        "{out}"
    );
    let (code, _, notes) = run("plugin enable herald --digest latest").await;
    assert!(code != 0 && notes.contains(words), "{notes}");
    assert!(notes.contains("--grant-all"), "{notes}");
    let (code, out, notes) = run("plugin enable herald --digest latest --grant-all").await;
    assert_eq!(code, 0, "{notes}");
    assert!(out.contains("herald 0.2.0"), "{out}");
}
