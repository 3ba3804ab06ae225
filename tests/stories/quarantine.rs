//! A plugin that keeps failing is left alone: for a while, then until somebody has looked at it, or
//! until the version before it has taken over. One person alone does not bring that about.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Database, Person, TestHost, component, draft, eventually, rewritten, stories,
};

stories!(
    a_guard_that_keeps_failing_rests_and_comes_back,
    one_person_does_not_switch_a_guard_off,
    what_never_recovers_waits_for_somebody,
    a_fresh_version_that_keeps_failing_gives_way,
    an_old_version_does_not_give_way,
    a_version_is_left_by_hand_and_no_event_is_lost,
    what_calls_took_is_told,
);

const HOSTILE: &str = "/v1/plugins/hostile";

async fn start(database: &Database, settings: Value) -> (TestHost, [Person; 3]) {
    let host = TestHost::timeless_with(database, |config| {
        config.plugins.fresh_version_ms = 1_200_000;
    })
    .await;
    host.expect_plugin_faults();
    host.other.plugin("hostile", json!({})).await;
    host.app.install(&component("hostile"), settings).await;
    let people = host.app.users(["alice", "bob", "carol"]).await;
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

/// All of them make the guard fail in turn, ten times together: enough to let it rest.
async fn break_it(people: &[Person; 3]) {
    for person in people.iter().cycle().take(10) {
        person.post("/v1/messages", draft("general", "trap")).await;
    }
}

/// Fails until it is not called any more.
async fn break_it_for_good(host: &TestHost, people: &[Person; 3]) {
    break_it(people).await;
    for seconds in [30, 120, 600] {
        host.pass(Duration::from_secs(seconds)).await;
        people[0]
            .post("/v1/messages", draft("general", "trap"))
            .await;
    }
}

async fn guard_calls(backend: &Person) -> u64 {
    let usage = backend.get(format!("{HOSTILE}/usage")).await.is(200);
    let mut hooks = usage["hooks"].as_array().expect("a list").iter();
    let guard = hooks.find(|hook| hook["hook"] == "message-guard");
    guard.map_or(0, |guard| guard["calls"].as_u64().expect("a number"))
}

async fn install(backend: &Person) -> Value {
    let mut plugin = backend.get(HOSTILE).await.is(200);
    plugin["install"].take()
}

async fn log(backend: &Person) -> String {
    let log = backend.get(format!("{HOSTILE}/log")).await.is(200);
    log["lines"].to_string()
}

async fn a_guard_that_keeps_failing_rests_and_comes_back(database: Database) {
    let (host, people) = start(&database, json!({ "on_fault": "closed" })).await;
    let [alice, bob, _] = &people;
    let backend = &host.app.backend;
    break_it(&people).await;
    assert_eq!(guard_calls(backend).await, 10);
    // At rest its outcome is the one of a fault, whatever the message, and costs no call.
    let refused = bob.post("/v1/messages", draft("general", "hello")).await;
    refused.refused(503, "plugin_failed");
    assert_eq!(guard_calls(backend).await, 10);
    assert!(log(backend).await.contains("it is not called for 30 s"));
    // The plugin's other hooks, and the same plugin elsewhere, are as they were.
    alice.types("general", "/hostile config").await.is(200);
    let [stranger] = host.other.users(["zelda"]).await;
    host.other.channel("next-door", &[&stranger]).await;
    stranger.send("next-door", "hello").await;
    assert_eq!(guard_calls(&host.other.backend).await, 1);
    // One call tries it out.
    host.pass(Duration::from_secs(30)).await;
    bob.send("general", "hello").await;
    bob.post("/v1/messages", draft("general", "code no"))
        .await
        .refused(422, "message_rejected");
    assert_eq!(guard_calls(backend).await, 12);
    assert_eq!(install(backend).await.get("quarantine"), None);
}

async fn one_person_does_not_switch_a_guard_off(database: Database) {
    let (host, [mallory, bob, _]) = start(&database, json!({ "on_fault": "open" })).await;
    for _ in 0..25 {
        mallory.send("general", "trap").await;
    }
    bob.post("/v1/messages", draft("general", "code no"))
        .await
        .refused(422, "message_rejected");
    assert_eq!(guard_calls(&host.app.backend).await, 26);
}

async fn what_never_recovers_waits_for_somebody(database: Database) {
    let (host, people) = start(&database, json!({ "on_fault": "open" })).await;
    let backend = &host.app.backend;
    break_it_for_good(&host, &people).await;
    let quarantine = eventually("a quarantine", async || {
        install(backend).await.get("quarantine").cloned()
    })
    .await;
    assert_eq!(quarantine[0]["hook"], "message-guard");
    assert!(
        quarantine[0]["detail"]
            .as_str()
            .expect("a text")
            .starts_with("trap")
    );
    // Time does not heal it, nor does a restart.
    let calls = guard_calls(backend).await;
    host.pass(Duration::from_secs(1000)).await;
    people[1].send("general", "code no").await;
    assert_eq!(guard_calls(backend).await, calls);
    host.restart().await;
    host.expect_plugin_faults();
    people[1].send("general", "code no").await;
    assert_eq!(install(backend).await["quarantine"], quarantine);
    people[0].types("general", "/hostile config").await.is(200);
    // Somebody has looked at it.
    let healed = backend.put(HOSTILE, json!({})).await.is(200);
    assert_eq!(healed["install"].get("quarantine"), None);
    people[1]
        .post("/v1/messages", draft("general", "code no"))
        .await
        .refused(422, "message_rejected");
}

/// The hostile plugin in another version.
fn second_version() -> Vec<u8> {
    let old = component("hostile");
    rewritten(&old, "version = \"0.1.0\"", "version = \"0.2.0\"")
}

async fn a_fresh_version_that_keeps_failing_gives_way(database: Database) {
    let (host, people) = start(&database, json!({ "on_fault": "closed" })).await;
    let backend = &host.app.backend;
    let before = install(backend).await;
    let after = host.app.install(&second_version(), json!({})).await;
    assert_ne!(after["install"]["digest"], before["digest"]);
    assert_eq!(after["install"]["previous"], before["digest"]);
    break_it_for_good(&host, &people).await;
    let back = eventually("the first version", async || {
        let install = install(backend).await;
        (install["digest"] == before["digest"]).then_some(install)
    })
    .await;
    assert_eq!(back, before, "as it was, with nothing to go back to");
    eventually("the first version at work", async || {
        let answer = people[1].post("/v1/messages", draft("general", "hello"));
        (answer.await.status == 201).then_some(())
    })
    .await;
    assert!(log(backend).await.contains("keeps failing: back to"));
    // It fails as well: there is nothing left to go back to.
    break_it_for_good(&host, &people).await;
    eventually("a quarantine", async || {
        install(backend).await.get("quarantine").cloned()
    })
    .await;
}

async fn an_old_version_does_not_give_way(database: Database) {
    let (host, people) = start(&database, json!({})).await;
    let backend = &host.app.backend;
    let after = host.app.install(&second_version(), json!({})).await;
    host.pass(Duration::from_secs(600)).await;
    break_it_for_good(&host, &people).await;
    eventually("a quarantine", async || {
        install(backend).await.get("quarantine").cloned()
    })
    .await;
    let now = install(backend).await;
    assert_eq!(now["digest"], after["install"]["digest"]);
}

async fn a_version_is_left_by_hand_and_no_event_is_lost(database: Database) {
    let host = TestHost::start(&database).await;
    let herald = component("herald");
    host.app.install(&herald, json!({})).await;
    host.other.install(&herald, json!({})).await;
    let backend = &host.app.backend;
    let path = "/v1/plugins/herald/rollback";
    backend.post(path, json!({})).await.refused(409, "conflict");
    let new = rewritten(&herald, "version = \"0.1.0\"", "version = \"0.2.0\"");
    host.app.install(&new, json!({})).await;
    let ids: Vec<String> = (0..30).map(|n| format!("user-{n:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let people = host.app.crowd(&ids).await;
    host.app.channel("general", &[&people[0]]).await;
    // People come while the version changes.
    let coming = async {
        for id in &ids[1..] {
            let path = format!("/v1/channels/general/participants/{id}");
            people[0].put(&path, json!({})).await;
        }
    };
    let ((), back) = tokio::join!(coming, backend.post(path, json!({})));
    let back = back.is(200);
    assert_eq!(back["component"]["version"], "0.1.0");
    assert_eq!(back["install"].get("previous"), None);
    backend.post(path, json!({})).await.refused(409, "conflict");
    let mut announced = eventually("all announcements", async || {
        let texts = people[0].history("general").await;
        let texts: Vec<String> = texts
            .iter()
            .map(|message| message["data"].as_str().expect("a text").to_owned())
            .collect();
        (texts.len() >= ids.len()).then_some(texts)
    })
    .await;
    announced.sort_unstable();
    let expected: Vec<String> = ids.iter().map(|id| format!("{id} has come.")).collect();
    assert_eq!(announced, expected);
}

async fn what_calls_took_is_told(database: Database) {
    let (host, [alice, ..]) = start(&database, json!({ "on_fault": "open" })).await;
    for text in ["hello", "trap", "calls 2000"] {
        alice.send("general", text).await;
    }
    alice.types("general", "/hostile history").await.is(200);
    let path = format!("{HOSTILE}/usage");
    let usage = host.app.backend.get(&path).await.is(200);
    let hooks = usage["hooks"].as_array().expect("a list");
    assert_eq!(hooks[0]["hook"], "message-guard");
    assert_eq!(hooks[0]["calls"], 3);
    assert_eq!(
        hooks[0]["faults"],
        json!({ "trap": 1, "host_call_limit": 1 })
    );
    for field in ["cpu_us", "wall_us", "host_calls", "memory_peak_bytes"] {
        assert!(hooks[0][field].as_u64() > Some(0), "{field}: {usage}");
    }
    let command = hooks.iter().find(|hook| hook["hook"] == "commands");
    assert_eq!(command.expect("the command")["calls"], 1);
    // And what it counts itself.
    assert_eq!(usage["figures"], json!([]));
    alice.types("general", "/hostile metrics 2").await.is(200);
    let counted = host.app.backend.get(&path).await.is(200);
    assert_eq!(
        counted["figures"],
        json!([
            { "name": "metric_0", "kind": "counter", "value": 0 },
            { "name": "metric_1", "kind": "counter", "value": 1 },
        ])
    );
    // The operator sees the same of each install.
    let figures = host.stranger().get("/metrics").await.text;
    let of = format!("{{app=\"{}\",plugin=\"hostile\"", host.app.id);
    for line in [
        format!("althing_install_calls_total{of},hook=\"message-guard\"}} 3"),
        format!("althing_install_faults_total{of},hook=\"message-guard\",fault=\"trap\"}} 1"),
        format!("althing_install_own_count_total{of},name=\"metric_1\"}} 1"),
    ] {
        assert!(figures.lines().any(|known| known == line), "{line}");
    }
    // The app next door has one that has only just begun.
    let other = host.other.backend.get(&path).await.is(200);
    let other = other["hooks"].as_array().expect("a list");
    let other: Vec<_> = other.iter().map(|hook| &hook["hook"]).collect();
    assert_eq!(other, ["lifecycle"]);
    let unknown = host.app.backend.get("/v1/plugins/nothing/usage").await;
    unknown.refused(404, "not_found");
}
