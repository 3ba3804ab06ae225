//! A tenant's consent holds for what it was given to: what a version's hooks see is told in words and
//! waits for consent like a permission, and what was taken back stays taken back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, Database, TestHost, component, draft, eventually, rewritten, stories};

stories!(
    a_version_that_sees_more_waits_for_consent,
    what_is_seen_is_named_event_by_event,
    the_command_line_tells_what_a_version_sees,
    the_way_back_gives_nothing_back_that_was_taken_away,
    what_was_taken_away_is_missing_on_the_way_back,
    a_trial_ends_when_it_lacks_what_was_taken_away,
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

/// A version of the guard that does nothing, which needs what the hostile plugin needs.
fn needy_guard() -> Vec<u8> {
    rewritten(
        &component("hostile"),
        "name = \"hostile\"\nversion = \"0.1.0\"\ntitle = \"Hostile\"",
        "name = \"noop-guard\"\nversion = \"0.3.0\"\ntitle = \"More\"",
    )
}

/// Another, which asks for `kv` and can do without.
fn modest_guard() -> Vec<u8> {
    let old = component("noop-guard");
    let new = rewritten(&old, "version = \"0.1.0\"", "version = \"0.2.0\"");
    rewritten(
        &new,
        "title = \"A guard that does nothing\"\ndescription = \"Lets every message pass. For measuring what a call costs.\"",
        "title = \"Nothing new\"\ndescription = \"Keeps little.\"\n[[permissions]]\nname = \"kv\"\nreason = \"To keep something.\"",
    )
}

/// The hostile plugin in another version, which says the same.
fn second_version() -> Vec<u8> {
    let old = component("hostile");
    rewritten(&old, "version = \"0.1.0\"", "version = \"0.2.0\"")
}

/// What an install is granted, without these.
fn without(plugin: &Value, taken: &[&str]) -> Value {
    let grants = plugin["install"]["grants"]
        .as_array()
        .expect("a list")
        .iter();
    let is_left = |grant: &&Value| !taken.contains(&grant.as_str().expect("a name"));
    grants.filter(is_left).cloned().collect()
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

async fn the_way_back_gives_nothing_back_that_was_taken_away(database: Database) {
    let host = TestHost::timeless_with(&database, |config| {
        config.plugins.fresh_version_ms = 1_200_000;
    })
    .await;
    host.expect_plugin_faults();
    let (app, backend) = (&host.app, &host.app.backend);
    let people = app.users(["alice", "bob", "carol"]).await;
    app.channel("general", &people.each_ref()).await;
    let path = "/v1/plugins/hostile";
    let before = app.plugin("hostile", json!({})).await;
    let after = app.install(&second_version(), json!({})).await;
    let taken = ["public-routes:/hook"];
    let left = without(&after, &taken);
    backend.put(path, json!({ "grants": left })).await.is(200);
    let back = backend
        .post(format!("{path}/rollback"), json!({}))
        .await
        .is(200);
    assert_eq!(back["install"]["digest"], before["install"]["digest"]);
    assert_eq!(back["install"]["grants"], left);
    // Nor does the way back that nobody asks for.
    app.install(&second_version(), json!({})).await;
    backend.put(path, json!({ "grants": left })).await.is(200);
    for seconds in [0, 30, 120, 600] {
        host.pass(Duration::from_secs(seconds)).await;
        let count = if seconds == 0 { 12 } else { 1 };
        for person in people.iter().cycle().take(count) {
            person.post("/v1/messages", draft("general", "trap")).await;
        }
    }
    let back = eventually("the first version", async || {
        let now = backend.get(path).await.is(200);
        (now["install"]["digest"] == before["install"]["digest"]).then_some(now)
    })
    .await;
    assert_eq!(back["install"]["grants"], left);
}

async fn what_was_taken_away_is_missing_on_the_way_back(database: Database) {
    let host = TestHost::start(&database).await;
    let (app, backend) = (&host.app, &host.app.backend);
    let path = "/v1/plugins/noop-guard";
    let back = || backend.post(format!("{path}/rollback"), json!({}));
    let before = app.install(&needy_guard(), json!({})).await;
    let modest = app.install(&modest_guard(), json!({})).await;
    assert_eq!(modest["install"]["grants"], json!(["kv"]));
    backend.put(path, json!({ "grants": [] })).await.is(200);
    let problem = back().await;
    let problem = problem.refused(422, "grant_missing");
    assert_eq!(problem["errors"][0]["field"], "grants.kv");
    let now = backend.get(path).await.is(200);
    assert_eq!(now["install"]["digest"], modest["install"]["digest"]);
    // Given again, it is there for both. What the later one never asked for nobody took away.
    backend.put(path, json!({ "grants": ["kv"] })).await.is(200);
    let now = back().await.is(200);
    assert_eq!(now["install"]["grants"], before["install"]["grants"]);
}

async fn a_trial_ends_when_it_lacks_what_was_taken_away(database: Database) {
    let host = TestHost::start(&database).await;
    let (app, backend) = (&host.app, &host.app.backend);
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    let path = "/v1/plugins/noop-guard";
    app.install(&modest_guard(), json!({})).await;
    let needy = backend.upload(&needy_guard()).await.is(201);
    let canary =
        json!({ "mode": "canary", "percent": 99, "digest": needy["digest"], "consent": true });
    let rollout = format!("{path}/rollout");
    let tried = backend.put(&rollout, canary).await.is(200);
    assert!(tried["grants"].to_string().contains("kv"));
    backend.put(path, json!({ "order": 5 })).await.is(200);
    assert_eq!(backend.get(&rollout).await.is(200).get("ended"), None);
    backend.put(path, json!({ "grants": [] })).await.is(200);
    let tried = backend.get(&rollout).await.is(200);
    assert!(!tried["grants"].to_string().contains("kv"), "{tried}");
    let ended = &tried["ended"];
    assert_eq!(
        ended["detail"],
        "The plugin needs `kv`, which it was not granted."
    );
    assert_eq!(ended.get("hook"), None);
    bob.send("general", "served by the active version").await;
    let promoted = backend.post(format!("{rollout}/promote"), json!({})).await;
    promoted.refused(409, "conflict");
}
