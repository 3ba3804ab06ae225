//! What plugins do later.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use althing::clock::Clock;
use serde_json::json;

use crate::support::{App, Database, Person, TestHost, eventually, stories};

stories!(
    slow_timers_of_one_app_hold_up_nobody_else,
    an_install_has_so_many_timers,
    a_timer_that_is_moved_is_no_other,
);

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

async fn an_install_has_so_many_timers(database: Database) {
    let host = TestHost::with(&database, |config| config.plugins.timers_max = 3).await;
    let quiet = json!({ "greeting": "" });
    host.app.plugin("assistant", quiet.clone()).await;
    host.other.plugin("assistant", quiet).await;
    let names = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"];
    let people = host.app.users(names).await;
    host.app.channel("general", &people.each_ref()).await;
    let set = "/remind in 2 hours call home";
    let all = people.iter().map(|who| who.types("general", set));
    let mut lucky = Vec::new();
    for (who, answer) in people.iter().zip(futures_util::future::join_all(all).await) {
        match answer.status {
            200 => lucky.push(who),
            _ => assert!(
                ["action_refused", "limit_reached", "conflict"]
                    .contains(&answer.body["code"].as_str().expect("a code")),
                "{}",
                answer.text
            ),
        }
    }
    assert!((1..=3).contains(&lucky.len()), "{} were", lucky.len());
    for _ in lucky.len()..3 {
        lucky[0].types("general", set).await.is(200);
    }
    let refused = lucky[0].types("general", set).await;
    let problem = refused.refused(422, "action_refused");
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains("timers of a plugin: at most 3"), "{detail}");
    // The neighbour has timers of its own, and whoever takes one back makes room for one.
    let namesake = host.other.session("alice").await;
    namesake.types("general", set).await.is(200);
    lucky[0].types("general", "/remind cancel 1").await.is(200);
    lucky[0].types("general", set).await.is(200);
    lucky[0]
        .types("general", set)
        .await
        .refused(422, "action_refused");
}

async fn a_timer_that_is_moved_is_no_other(database: Database) {
    // So early that what the plugin sets, for the first millisecond of all, is not due.
    let clock = Clock::Fixed(Arc::new(AtomicI64::new(0)));
    let host = TestHost::at(&database, clock, |config| config.plugins.timers_max = 3).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    host.app.plugin("hostile", json!({})).await;
    for _ in 0..2 {
        set_timers(&alice, "timers 3").await;
    }
    let answer = alice.types("general", "/hostile timers 4").await.is(200);
    let report = answer["reply"]["text"].as_str().expect("a report");
    assert!(
        report.starts_with("3: ") && report.contains("timers of a plugin: at most 3"),
        "{report}"
    );
}
