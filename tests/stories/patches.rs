//! A guard that makes something of a message that is none: the fault is the plugin's, never the sender's.

use serde_json::{Value, json};

use crate::support::{Database, TestHost, draft, eventually, stories};

stories!(
    a_guard_that_spoils_a_message_has_failed,
    a_change_that_can_not_be_made_is_a_refusal,
);

/// The text of a kind is made by its plugin.
async fn a_change_that_can_not_be_made_is_a_refusal(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    host.app.plugin("hostile", json!({})).await;
    let send = async |text: &str| {
        let new = json!({ "channel_id": "general", "type": "hostile", "data": text });
        alice.post("/v1/messages", new).await
    };
    let problem = send("patch 3").await.refused(422, "message_rejected");
    assert_eq!(problem["reason"], "words_not_allowed");
    assert!(alice.history("general").await.is_empty());
    let decided = eventually("the decision is kept", async || {
        let path = "/v1/plugins/hostile/decisions";
        let page = host.app.backend.get(path).await.is(200);
        page["decisions"].get(0).cloned()
    })
    .await;
    assert_eq!(decided["outcome"], "rejected");
    assert_eq!(decided["code"], "words_not_allowed");
    send("fine").await.is(201);
}

async fn a_guard_that_spoils_a_message_has_failed(database: Database) {
    let host = TestHost::with(&database, |config| config.limits.text_bytes_max = 1000).await;
    host.expect_plugin_faults();
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let installed = host.app.plugin("hostile", json!({})).await;
    let plain = alice.send("general", "a plain one").await;
    let path = format!("/v1/messages/{}", plain["id"].as_str().expect("an id"));
    // The guard wants an empty text.
    let spoiled = "patch 0";
    for (on_fault, sent, edited) in [("open", 201, 200), ("closed", 503, 503), ("hold", 202, 503)] {
        let install = json!({ "enabled": true, "grants": installed["grants"], "config": {}, "on_fault": on_fault });
        host.app
            .backend
            .put("/v1/plugins/hostile", install)
            .await
            .is(200);
        let answer = alice.post("/v1/messages", draft("general", spoiled)).await;
        assert_eq!(answer.status, sent, "{on_fault}: {}", answer.text);
        match on_fault {
            "open" => assert_eq!(answer.body["data"], spoiled),
            "hold" => assert_eq!(answer.body["held"], true),
            _ => drop(answer.refused(503, "plugin_failed")),
        }
        let answer = alice.patch(&path, json!({ "data": spoiled })).await;
        assert_eq!(answer.status, edited, "{on_fault}: {}", answer.text);
    }
    // One that has grown too long can't be helped.
    let answer = alice
        .post("/v1/messages", draft("general", "patch 1001"))
        .await;
    let problem = answer.refused(422, "message_rejected");
    assert_eq!(problem["reason"], "words_not_allowed");
    // What it can do well is done.
    let patched = alice.send("general", "patch 3").await;
    assert_eq!(patched["data"], "xxx");
    // Its tenant sees why.
    let log = host
        .app
        .backend
        .get("/v1/plugins/hostile/log")
        .await
        .is(200);
    let faults: Vec<&str> = log["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .filter(|line| line["level"] == "fault")
        .filter_map(|line| line["message"].as_str())
        .collect();
    assert!(faults.iter().any(|line| line.contains("must not be empty")));
    assert!(
        faults
            .iter()
            .all(|line| line.starts_with("bad_output in message-guard")),
        "{faults:#?}"
    );
    assert_ne!(plain["data"], Value::Null);
}
