//! How a plugin runs is the tenant's to say: with which grants and settings, in which order, in
//! which version, and whether at all.

use serde_json::{Value, json};

use crate::support::{
    App, Database, Person, TestHost, component, draft, eventually, rewritten, stories,
};

stories!(
    a_plugin_runs_with_what_it_was_granted,
    settings_are_checked_by_field,
    guards_come_in_the_order_that_was_set,
    an_upgrade_keeps_what_was_set,
    an_upgrade_that_wants_more_is_asked_for,
    what_two_change_at_once_is_all_there,
    a_plugin_that_is_off_does_nothing,
    a_plugin_goes_with_everything_but_its_messages,
);

const LUNCH: &str = r#"/poll "Lunch?" "Pizza" "Sushi""#;

/// Two people in `general`, of whom only the second is moderated: the first is the owner.
async fn general(app: &App) -> [Person; 2] {
    let people = app.users(["alice", "bob"]).await;
    app.channel("general", &people.each_ref()).await;
    people
}

async fn a_plugin_runs_with_what_it_was_granted(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("poll", json!({})).await;
    let [alice, _] = general(&host.app).await;
    let backend = &host.app.backend;
    backend.upload(&component("poll")).await.is(201);
    let set = async |install: Value| backend.put("/v1/plugins/poll", install).await;
    for (grants, missing) in [
        (json!([]), ["`chat-write`", "`timers`"].as_slice()),
        (json!(["chat-write"]), &["`timers`"]),
    ] {
        let refused = set(json!({ "grants": grants })).await;
        let problem = refused.refused(422, "grant_missing");
        let detail = problem["detail"].as_str().expect("a sentence");
        for permission in missing {
            assert!(detail.contains(permission), "{detail}");
        }
    }
    set(json!({})).await.refused(422, "grant_missing");
    for (install, field) in [
        (
            json!({ "grants": ["chat-write", "chat-read", "kv", "timers", "counters"] }),
            "grants",
        ),
        (json!({ "grants": ["chat-write", "fly"] }), "grants[1]"),
        (json!({ "grants": "all" }), "grants"),
        (json!({ "on_fault": "maybe" }), "on_fault"),
        (json!({ "granted": [] }), "granted"),
    ] {
        assert_eq!(set(install.clone()).await.invalid(), [field], "{install}");
    }
    let plugin = backend.get("/v1/plugins/poll").await.is(200);
    assert_eq!(plugin.get("install"), None, "nothing has changed");
    alice
        .types("general", LUNCH)
        .await
        .refused(404, "not_found");

    let granted = json!(["timers", "kv", "chat-read", "chat-write"]);
    let plugin = set(json!({ "grants": granted })).await.is(200);
    let expected = json!({
        "digest": plugin["component"]["digest"], "enabled": true, "grants": granted,
        "config": {}, "order": 100, "on_fault": "closed",
    });
    assert_eq!(plugin["install"], expected);
    alice.types("general", LUNCH).await.is(200);
    set(json!({ "grants": ["timers"] }))
        .await
        .refused(422, "grant_missing");
    alice.types("general", LUNCH).await.is(200);
    assert_eq!(alice.history("general").await.len(), 2);
}

async fn settings_are_checked_by_field(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let before = host.app.plugin("moderation", json!({ "repeats": 7 })).await;
    // What was left out has the manifest's default.
    assert_eq!(before["install"]["config"]["repeats"], 7);
    assert_eq!(before["install"]["config"]["flood_messages"], 10);
    let backend = &host.app.backend;
    let path = "/v1/plugins/moderation";
    let set = async |config: Value| backend.put(path, json!({ "config": config })).await;
    let bad = json!({
        "colour": "red", "links": "sometimes", "flood_messages": -1, "repeats": "seven",
        "words": [{ "words": ["good"] }, { "words": [7], "action": "mask" }, { "name": "none" }],
    });
    let mut fields = set(bad).await.invalid();
    fields.sort();
    let expected = [
        "config.colour",
        "config.flood_messages",
        "config.links",
        "config.repeats",
        "config.words[1].words[0]",
        "config.words[2].words",
    ];
    assert_eq!(fields, expected);
    for no_object in [json!([]), json!("mask"), json!(7)] {
        assert_eq!(set(no_object).await.invalid(), ["config"]);
    }
    assert_eq!(backend.get(path).await.is(200), before);
}

/// Moderation that does this to messages with `pattern`, and says `reason`.
fn rule(action: &str, pattern: &str, reason: &str) -> Value {
    json!({ "patterns": [{ "pattern": pattern, "action": action, "reason": reason }] })
}

async fn guards_come_in_the_order_that_was_set(database: Database) {
    let host = TestHost::start(&database).await;
    host.other
        .plugin("moderation", rule("reject", "red", "other"))
        .await;
    let [_, bob] = general(&host.app).await;
    let backend = &host.app.backend;
    let first = component("moderation");
    let second = rewritten(&first, "name = \"moderation\"", "name = \"strictness\"");
    for (bytes, reason, order) in [(&first, "first", 1), (&second, "second", 2)] {
        let config = rule("reject", "red", reason);
        let install = json!({ "config": config, "order": order });
        host.app.install(bytes, install).await;
    }
    let reason = async || {
        let answer = bob.post("/v1/messages", draft("general", "red")).await;
        answer.refused(422, "message_rejected")["detail"].clone()
    };
    assert_eq!(reason().await, "first");
    let strictness = "/v1/plugins/strictness";
    backend
        .put(strictness, json!({ "order": -5 }))
        .await
        .is(200);
    assert_eq!(reason().await, "second");
    // Of two in one place, the name decides.
    backend.put(strictness, json!({ "order": 1 })).await.is(200);
    assert_eq!(reason().await, "first");
    // What a later one changes, an earlier one sees again.
    for (path, config) in [
        ("/v1/plugins/moderation", rule("reject", "\\*", "no stars")),
        (strictness, rule("mask", "red", "")),
    ] {
        backend.put(path, json!({ "config": config })).await.is(200);
    }
    assert_eq!(reason().await, "no stars");
    assert!(bob.history("general").await.is_empty());
}

async fn an_upgrade_keeps_what_was_set(database: Database) {
    let host = TestHost::start(&database).await;
    let [_, bob] = general(&host.app).await;
    let backend = &host.app.backend;
    let old = component("moderation");
    let settings = json!({ "config": rule("mask", "red", ""), "order": 7, "on_fault": "hold" });
    let before = host.app.install(&old, settings).await;
    let new = rewritten(&old, "version = \"0.2.0\"", "version = \"0.3.0\"");
    let digest = backend.upload(&new).await.is(201)["digest"].clone();
    let after = backend
        .put("/v1/plugins/moderation", json!({ "digest": digest }))
        .await
        .is(200);
    let mut expected = before["install"].clone();
    expected["previous"] = expected["digest"].take();
    expected["digest"] = digest;
    assert_eq!(after["install"], expected);
    assert_eq!(after["component"]["version"], "0.3.0");
    assert_eq!(
        bob.send("general", "a red nose").await["data"],
        "a *** nose"
    );
    host.restart().await;
    assert_eq!(
        backend.get("/v1/plugins/moderation").await.is(200),
        after,
        "and so it is when the host comes back"
    );
    assert_eq!(bob.send("general", "a red hat").await["data"], "a *** hat");
}

async fn an_upgrade_that_wants_more_is_asked_for(database: Database) {
    let host = TestHost::start(&database).await;
    let [_, bob] = general(&host.app).await;
    let backend = &host.app.backend;
    let path = "/v1/plugins/noop-guard";
    let before = host.app.plugin("noop-guard", json!({})).await;
    let greedy = rewritten(
        &component("hostile"),
        "name = \"hostile\"\nversion = \"0.1.0\"\ntitle = \"Hostile\"",
        "name = \"noop-guard\"\nversion = \"0.2.0\"\ntitle = \"More\"",
    );
    let known = backend.upload(&greedy).await.is(201);
    let upgrade = json!({ "digest": known["digest"] });
    let problem = backend.put(path, upgrade.clone()).await;
    let detail = problem.refused(422, "grant_missing")["detail"].clone();
    assert!(detail.as_str().is_some_and(|text| text.contains("`kv`")));
    let mut after = backend.get(path).await.is(200);
    after["versions"].as_array_mut().expect("a list").pop();
    assert_eq!(after, before, "the old one runs on");
    bob.send("general", "code no").await;

    let mut granted = upgrade;
    granted["grants"] = known["imports"].clone();
    let sees = known["sees"].as_array().expect("a list");
    let sees = sees.iter().map(|sight| sight["name"].clone());
    granted["grants"]
        .as_array_mut()
        .expect("a list")
        .extend(sees);
    backend.put(path, granted).await.is(200);
    bob.post("/v1/messages", draft("general", "code no"))
        .await
        .refused(422, "message_rejected");
    // The way back gives up what the older one never asked for.
    let back = json!({ "digest": before["install"]["digest"] });
    let mut after = backend.put(path, back).await.is(200);
    assert_eq!(after["install"]["previous"].take(), known["digest"]);
    after["install"]
        .as_object_mut()
        .expect("an object")
        .remove("previous");
    assert_eq!(after["install"], before["install"]);
    bob.send("general", "code no").await;
}

async fn what_two_change_at_once_is_all_there(database: Database) {
    let host = TestHost::start(&database).await;
    let [_, bob] = general(&host.app).await;
    let backend = &host.app.backend;
    let path = "/v1/plugins/noop-guard";
    for round in 0..10 {
        host.app.plugin("noop-guard", json!({})).await;
        let faults = if round % 2 == 0 { "open" } else { "hold" };
        let changes = [
            json!({ "order": round }),
            json!({ "on_fault": faults }),
            json!({ "enabled": round % 2 == 0 }),
        ];
        let changes = changes.map(|change| backend.put(path, change));
        for answer in futures_util::future::join_all(changes).await {
            answer.is(200);
        }
        let install = &backend.get(path).await.is(200)["install"];
        assert_eq!(
            (&install["order"], &install["on_fault"], &install["enabled"]),
            (&json!(round), &json!(faults), &json!(round % 2 == 0))
        );
        // Removed and installed at once: what runs is what is stored.
        let grants = json!([
            "kv",
            "counters",
            "chat-read",
            "chat-write",
            "chat-attach",
            "timers",
            "http"
        ]);
        let hostile = backend.upload(&component("hostile")).await.is(201);
        let again = json!({ "digest": hostile["digest"], "grants": grants, "enabled": true });
        let (removed, _) = futures_util::join!(
            backend.delete(path),
            backend.put("/v1/plugins/hostile", again)
        );
        removed.is(204);
        let answer = bob.post("/v1/messages", draft("general", "code no")).await;
        answer.refused(422, "message_rejected");
        backend.delete("/v1/plugins/hostile").await.is(204);
        bob.send("general", "code no").await;
    }
}

async fn a_plugin_that_is_off_does_nothing(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    let [alice, bob] = general(&host.app).await;
    host.other.plugin("hostile", json!({})).await;
    let before = host.app.plugin("hostile", json!({})).await;
    let backend = &host.app.backend;
    let path = "/v1/plugins/hostile";
    bob.post("/v1/messages", draft("general", "trap"))
        .await
        .refused(503, "plugin_failed");
    let log = backend.get(format!("{path}/log")).await.is(200);
    let line = &log["lines"][0];
    assert_eq!(line["level"], "fault");
    let after = backend.put(path, json!({ "enabled": false })).await.is(200);
    assert_eq!(after["install"]["enabled"], false);
    assert_eq!(after["install"]["grants"], before["install"]["grants"]);
    bob.send("general", "trap").await;
    alice
        .types("general", "/hostile config")
        .await
        .refused(404, "not_found");
    let commands = alice.get("/v1/commands").await.is(200);
    assert_eq!(commands, json!({ "commands": [] }));
    let message = json!({ "channel_id": "general", "type": "hostile", "data": {} });
    assert_eq!(
        bob.post("/v1/messages", message.clone()).await.invalid(),
        ["type"]
    );
    // Why it was switched off can still be read.
    assert_eq!(backend.get(format!("{path}/log")).await.is(200), log);
    backend.put(path, json!({ "enabled": true })).await.is(200);
    bob.post("/v1/messages", message).await.is(201);
    let theirs = host.other.backend.get(format!("{path}/log")).await;
    assert_eq!(theirs.is(200), json!({ "lines": [] }));
}

async fn a_plugin_goes_with_everything_but_its_messages(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host.app).await;
    host.other.plugin("assistant", json!({})).await;
    host.app.plugin("poll", json!({})).await;
    host.app.plugin("assistant", json!({})).await;
    let backend = &host.app.backend;
    alice.types("general", LUNCH).await.is(200);
    bob.types("general", "/remind in 2 hours feed the canary")
        .await
        .is(200);
    assert!(database.dump().await.contains("canary"));
    let poll = alice.history("general").await.remove(0);
    for plugin in ["poll", "assistant"] {
        let path = format!("/v1/plugins/{plugin}");
        backend.delete(&path).await.is(204);
        backend.delete(&path).await.refused(404, "not_found");
        backend.get(&path).await.refused(404, "not_found");
        backend
            .get(format!("{path}/log"))
            .await
            .refused(404, "not_found");
    }
    let gone = async || (!database.dump().await.contains("canary")).then_some(());
    eventually("what it kept is gone", gone).await;
    assert_eq!(
        backend.get("/v1/plugins").await.is(200),
        json!({ "plugins": [] })
    );
    assert_eq!(alice.history("general").await, std::slice::from_ref(&poll));
    bob.act(&poll, "vote", json!(0))
        .await
        .refused(409, "conflict");
    alice
        .types("general", LUNCH)
        .await
        .refused(404, "not_found");
    // What comes back under its name begins anew.
    host.app.plugin("assistant", json!({})).await;
    let reminders = bob.types("general", "/remind list").await.is(200);
    assert_eq!(reminders["reply"]["text"], "You have no reminders.");
}
