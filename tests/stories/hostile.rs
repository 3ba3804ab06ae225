//! A component that misbehaves in every way it can, in a running host: the outcome is the one that
//! its install chose, the tenant is told, and nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::{
    Database, Person, TestHost, component, draft, eventually, rewritten, stories,
};

stories!(
    a_failing_guard_means_what_its_install_says,
    edits_and_deletions_are_guarded_too,
    commands_and_kinds_that_fail_are_refused,
    a_flood_of_a_plugin_is_bounded,
    an_event_that_always_fails_is_given_up,
    an_event_that_nothing_comes_of_is_handled_once_as_well,
    neighbours_are_served_meanwhile,
    no_room_for_a_guard_is_no_verdict,
    what_a_plugin_deletes_is_guarded_too,
);

/// What a guard is told to do, and the fault in which that ends.
const DEEDS: [(&str, &str); 7] = [
    ("loop", "cpu_limit"),
    ("allocate 10", "memory_limit"),
    ("recurse 100000000", "trap"),
    ("trap", "trap"),
    ("patch 100000", "bad_output"),
    ("calls 2000", "host_call_limit"),
    ("pass 1000000", "host_call_limit"),
];

/// A host on which both apps have the hostile plugin, and two people in `general`.
async fn start(database: &Database) -> (TestHost, [Person; 2]) {
    let host = TestHost::with(database, |config| {
        config.plugins.memory_bytes_max = 4 * 1024 * 1024;
        config.plugins.event_attempts_max = 2;
        config.plugins.log_lines_kept = 100;
    })
    .await;
    host.expect_plugin_faults();
    host.other.plugin("hostile", json!({})).await;
    host.app.plugin("hostile", json!({})).await;
    let people = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

async fn on_fault(host: &TestHost, policy: &str) {
    let install = json!({ "on_fault": policy });
    let answer = host.app.backend.put("/v1/plugins/hostile", install).await;
    assert_eq!(answer.is(200)["install"]["on_fault"], policy);
}

/// The lines of the plugin's log with this level.
async fn log(backend: &Person, level: &str) -> Vec<String> {
    let log = backend.get("/v1/plugins/hostile/log").await.is(200);
    let lines = log["lines"].as_array().expect("lines").iter();
    lines
        .filter(|line| line["level"] == level)
        .map(|line| line["message"].as_str().expect("a text").to_owned())
        .collect()
}

fn guard_calls(outcome: &str) -> String {
    format!("althing_plugin_calls_total{{hook=\"message-guard\",outcome=\"{outcome}\"}}")
}

/// The host takes requests, and the app that misbehaved takes messages.
async fn is_well(host: &TestHost, who: &Person) {
    assert_eq!(host.stranger().get("/readyz").await.status, 200);
    who.send("general", "hello").await;
}

async fn a_failing_guard_means_what_its_install_says(database: Database) {
    let (host, [_, bob]) = start(&database).await;
    let backend = &host.app.backend;
    for (policy, status) in [("open", 201), ("closed", 503), ("hold", 202)] {
        on_fault(&host, policy).await;
        for (deed, _) in DEEDS {
            let answer = bob.post("/v1/messages", draft("general", deed)).await;
            assert_eq!(answer.status, status, "{policy}, {deed}: {}", answer.text);
            if policy == "closed" {
                let problem = answer.refused(503, "plugin_failed");
                assert!(problem["retry_after_ms"].is_u64(), "{problem}");
            }
        }
        is_well(&host, &bob).await;
    }
    let history = bob.history("general").await;
    let stored = history.iter().map(|message| message["data"].as_str());
    let opened = DEEDS.iter().map(|(deed, _)| Some(*deed));
    let hellos = [Some("hello"); 3];
    assert!(stored.eq(opened.chain(hellos)), "{history:?}");
    let queue = backend.get("/v1/held").await.is(200);
    let queue = queue["held"].as_array().expect("a list");
    for (held, (deed, _)) in queue.iter().zip(DEEDS) {
        assert_eq!(
            (&held["plugin"], &held["data"]),
            (&json!("hostile"), &json!(deed))
        );
    }
    assert_eq!(queue.len(), DEEDS.len());
    // The tenant reads what happened, and the operator sees how often.
    let faults = log(backend, "fault").await;
    for (_, fault) in DEEDS {
        let deeds = DEEDS.iter().filter(|(_, other)| *other == fault).count();
        let line = format!("{fault} in message-guard: ");
        let lines = faults.iter().filter(|text| text.starts_with(&line)).count();
        assert_eq!(lines, 3 * deeds, "{line}{faults:#?}");
        assert_eq!(host.figure(&guard_calls(fault)).await, 3 * deeds as u64);
    }
    assert_eq!(host.figure(&guard_calls("ok")).await, 3);
    assert!(log(&host.other.backend, "fault").await.is_empty());
}

async fn edits_and_deletions_are_guarded_too(database: Database) {
    let (host, [_, bob]) = start(&database).await;
    on_fault(&host, "open").await;
    let sent = bob.send("general", "trap").await;
    let path = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    let edit = async |text: &str| bob.patch(&path, json!({ "data": text })).await;
    for policy in ["closed", "hold"] {
        on_fault(&host, policy).await;
        edit("loop").await.refused(503, "plugin_failed");
        bob.delete(&path).await.refused(503, "plugin_failed");
        assert_eq!(bob.history("general").await, std::slice::from_ref(&sent));
    }
    let queue = host.app.backend.get("/v1/held").await.is(200);
    assert_eq!(queue, json!({ "held": [] }), "edits are not held");
    on_fault(&host, "open").await;
    assert_eq!(edit("loop").await.is(200)["data"], "loop");
    bob.delete(&path).await.is(200);
    is_well(&host, &bob).await;
}

async fn commands_and_kinds_that_fail_are_refused(database: Database) {
    let (host, [_, bob]) = start(&database).await;
    on_fault(&host, "open").await;
    let kind = |data: &str| json!({ "channel_id": "general", "type": "hostile", "data": data });
    let message = bob.post("/v1/messages", kind("")).await.is(201);
    let mut phone = bob.connect().await;
    for deed in [
        "loop",
        "allocate 10",
        "recurse 100000000",
        "trap",
        "pass 1000000",
    ] {
        bob.types("general", &format!("/hostile {deed}"))
            .await
            .refused(503, "plugin_failed");
        let typed = json!({ "name": "hostile", "text": deed });
        bob.post("/v1/channels/general/commands/complete", typed)
            .await
            .refused(503, "plugin_failed");
        bob.post("/v1/messages", kind(deed))
            .await
            .refused(503, "plugin_failed");
        bob.act(&message, deed, json!(null))
            .await
            .refused(503, "plugin_failed");
        let act = json!({ "message_id": message["id"], "action": deed });
        phone.request("act", act).await.refused("plugin_failed");
    }
    bob.types("general", "/hostile return 100000")
        .await
        .refused(503, "plugin_failed");
    let failed = bob.types("general", "/hostile fail after writing").await;
    let problem = failed.refused(422, "action_refused");
    assert_eq!(problem["detail"], "failed after writing");
    assert_eq!(bob.history("general").await, [message]);
    is_well(&host, &bob).await;
    phone.close().await;
}

async fn a_flood_of_a_plugin_is_bounded(database: Database) {
    let (host, [_, bob]) = start(&database).await;
    let said = async |line: &str| {
        let answer = bob.types("general", line).await.is(200);
        answer["reply"]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let report = said("/hostile sends 50").await;
    assert!(report.ends_with("at most 10\")"), "{report}");
    assert_eq!(bob.history("general").await.len(), 10);
    let report = said("/hostile timers 50").await;
    assert!(report.ends_with("at most 20\")"), "{report}");
    // What it logs is cut, and the newest lines are kept.
    for _ in 0..3 {
        said("/hostile logs 1000 100").await;
    }
    let lines = log(&host.app.backend, "warn").await;
    assert!((50..=100).contains(&lines.len()), "{}", lines.len());
    assert!(lines.iter().all(|line| line.len() <= 2048));
    assert!(log(&host.other.backend, "warn").await.is_empty());
    is_well(&host, &bob).await;
}

async fn an_event_that_always_fails_is_given_up(database: Database) {
    let (host, [_, bob]) = start(&database).await;
    on_fault(&host, "open").await;
    let sent = bob.send("general", "trap").await;
    // Both the guard and the handler write one line for this one.
    bob.send("general", "logs 1 8").await;
    let backend = &host.app.backend;
    let both = async || (log(backend, "warn").await.len() == 2).then_some(());
    eventually("the next event is handled", both).await;
    let faults = log(backend, "fault").await;
    let expected = [
        "trap in message-guard: ",
        "trap in events: ",
        "trap in events: ",
        &format!("gave up on message.new {} after 2 tries", sent["seq"]),
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}");
    }
    assert_eq!(host.figure("althing_plugin_events_given_up_total").await, 1);
    // What was given up does not come back.
    host.restart().await;
    host.expect_plugin_faults();
    bob.send("general", "logs 1 8").await;
    let both = async || (log(backend, "warn").await.len() == 2).then_some(());
    eventually("the new event is handled", both).await;
    assert!(log(backend, "fault").await.is_empty());
}

async fn an_event_that_nothing_comes_of_is_handled_once_as_well(database: Database) {
    let (host, [_, bob]) = start(&database).await;
    on_fault(&host, "open").await;
    let backend = &host.app.backend;
    // While the first one waits for its second try the others come together.
    for order in ["trap", "logs 1 8", "logs 1 8", "trap", "logs 1 8"] {
        bob.send("general", order).await;
    }
    host.app.handled_all("hostile").await;
    assert_eq!(host.figure("althing_plugin_events_given_up_total").await, 2);
    let by_guard_and_handler = 2 * 3;
    assert_eq!(log(backend, "warn").await.len(), by_guard_and_handler);
    host.restart().await;
    bob.send("general", "logs 1 8").await;
    host.app.handled_all("hostile").await;
    assert_eq!(log(backend, "warn").await.len(), 2);
}

async fn neighbours_are_served_meanwhile(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut attacks = Vec::new();
    for (n, deed) in (0..7).zip(DEEDS) {
        let (over, who) = (over.clone(), [&alice, &bob][n % 2].clone());
        attacks.push(tokio::spawn(async move {
            let mut refused = 0;
            while !over.load(Ordering::Relaxed) || refused == 0 {
                let answer = who.post("/v1/messages", draft("general", deed.0)).await;
                assert_eq!(answer.status, 503, "{}", answer.text);
                refused += 1;
            }
        }));
    }
    let namesake = host.other.session("bob").await;
    let mut phone = host.other.session("alice").await.connect().await;
    phone.subscribe("general").await;
    for n in 0..20 {
        let sent = namesake.send("general", &format!("undisturbed {n}")).await;
        let event = phone.next_event("message.new").await;
        assert_eq!(event["data"]["message"], sent);
    }
    over.store(true, Ordering::Relaxed);
    for attack in attacks {
        attack.await.expect("every attack is refused");
    }
    assert!(bob.history("general").await.is_empty());
    assert!(log(&host.other.backend, "fault").await.is_empty());
    is_well(&host, &bob).await;
    phone.close().await;
}

/// Whatever an install says of faults: nothing passes that its guard might have refused, and nobody is told
/// that the plugin failed.
async fn no_room_for_a_guard_is_no_verdict(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.plugins.concurrent_calls_max = 2;
        config.plugins.concurrent_calls_per_app_max = 2;
        config.plugins.guard_cpu_ms = 1_000;
        config.plugins.guard_wall_ms = 200;
    })
    .await;
    host.expect_plugin_faults();
    let app = &host.app;
    let people = app
        .crowd(&["ann", "ben", "cem", "dan", "eve", "fay", "gus", "hal"])
        .await;
    let all: Vec<&Person> = people.iter().collect();
    app.channel("general", &all).await;
    app.plugin("hostile", json!({})).await;
    let mut stored = 0;
    for (kind, on_fault, status) in [
        ("text", "open", 201),
        ("text", "closed", 503),
        ("hostile", "closed", 503),
    ] {
        let install = json!({ "on_fault": on_fault });
        app.backend
            .put("/v1/plugins/hostile", install)
            .await
            .is(200);
        let sends = people.iter().map(async |person| {
            let new = json!({ "channel_id": "general", "type": kind, "data": "loop" });
            person.post("/v1/messages", new).await
        });
        let answers = futures_util::future::join_all(sends).await;
        let (no_room, judged): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .partition(|answer| answer.body["code"] == "overloaded");
        assert!(!no_room.is_empty(), "{kind} {on_fault}");
        for answer in no_room {
            let problem = answer.refused(503, "overloaded");
            assert_eq!(problem["retryable"], true);
            assert!(problem["retry_after_ms"].is_number());
        }
        for answer in &judged {
            assert_eq!(answer.status, status, "{kind} {on_fault}: {}", answer.text);
        }
        stored += judged.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(people[0].history("general").await.len(), stored);
    }
}

async fn what_a_plugin_deletes_is_guarded_too(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let alice = app.user("alice").await;
    app.channel("general", &[&alice]).await;
    app.plugin("hostile", json!({})).await;
    let types = async |line: &str| {
        let answer = alice.types("general", line).await.is(200);
        answer["reply"]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    for text in ["say not this one", "fine"] {
        assert_eq!(types(&format!("/hostile tell {text}")).await, "");
    }
    let told = alice.history("general").await;
    // A plugin is not its own guard: this one is of another.
    let second = rewritten(&component("hostile"), "\"hostile\"", "\"hostil2\"");
    app.install(&second, json!({})).await;
    let delete = async |message: &Value| {
        let id = message["id"].as_str().expect("an id");
        types(&format!("/hostile delete {id}")).await
    };
    let refused = delete(&told[0]).await;
    assert!(refused.contains("not this one"), "{refused}");
    assert_eq!(delete(&told[1]).await, "");
    let left = alice.history("general").await;
    assert_eq!(left[0], told[0]);
    assert!(left[1]["deleted_at"].is_string());
}
