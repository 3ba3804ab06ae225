//! What plugins do later.

use serde_json::json;

use crate::support::{App, Database, Person, TestHost, eventually, stories};

stories!(slow_timers_of_one_app_hold_up_nobody_else);

/// As many as a call may set. Each runs until its CPU time is used up.
const SLOW: usize = 20;

async fn slow_timers_of_one_app_hold_up_nobody_else(database: Database) {
    let host = TestHost::with(&database, |config| config.plugins.handler_cpu_ms = 500).await;
    host.expect_plugin_faults();
    let slow = host.app.user("alice").await;
    host.app.channel("general", &[&slow]).await;
    host.app.plugin("hostile", json!({})).await;
    host.other.plugin("hostile", json!({})).await;
    let quick = host.other.session("alice").await;

    set_timers(&slow, &format!("timed {SLOW} loop")).await;
    eventually("the slow timers run", async || {
        (failures(&host.app).await > 0).then_some(())
    })
    .await;
    set_timers(&quick, "timed 1 sends").await;
    eventually("the other app's timer has run", async || {
        let path = "/v1/channels/general/messages";
        let history = quick.get(path).await.body;
        let messages = history["messages"].as_array().expect("messages");
        messages
            .iter()
            .any(|message| message["data"] == "spam")
            .then_some(())
    })
    .await;
    let failed = failures(&host.app).await;
    assert!(failed < SLOW, "it had to wait for all of them");
}

async fn set_timers(who: &Person, order: &str) {
    let path = "/v1/channels/general/commands";
    let answer = who
        .post(path, json!({ "name": "hostile", "text": order }))
        .await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
}

/// How many timers have failed.
async fn failures(app: &App) -> usize {
    let log = app.backend.get("/v1/plugins/hostile/log").await.is(200);
    let lines = log["lines"].as_array().expect("lines").iter();
    lines
        .filter(|line| {
            line["message"]
                .as_str()
                .is_some_and(|message| message.starts_with("timer loop"))
        })
        .count()
}
