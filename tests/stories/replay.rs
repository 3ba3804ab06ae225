//! What a plugin was asked on a host is recorded, and comes out the same when it is asked again.

use std::path::Path;
use std::time::Duration;

use althing::address::Networks;
use althing::config::Config;
use serde_json::{Value, json};

use crate::support::{
    App, Database, Outside, Person, TestHost, component, draft, eventually, rewritten, stories,
};

stories!(
    a_session_is_recorded_and_comes_out_the_same,
    presses_and_starts_are_recorded_too,
    another_version_shows_what_it_does_differently,
    recording_is_off_until_it_is_asked_for_and_ends_by_itself,
    recorded_calls_are_narrowed_and_paged,
    who_records_much_loses_its_own,
    an_erased_user_is_in_no_recording,
    what_an_instance_remembered_is_told,
    an_answer_read_as_it_comes_is_recorded,
    secrets_are_in_no_recording,
);

const SECRET: &str = "canary-7d20-token";

/// Servers on this machine may be asked, and five plugins take a while to compile.
fn outgoing(config: &mut Config) {
    config.server.request_timeout_ms = 60_000;
    let here = Networks::loopback();
    config.egress.allowed_networks = here.clone();
    config.egress.plain_http_networks = here;
}

fn path(plugin: &str, what: &str) -> String {
    format!("/v1/plugins/{plugin}/{what}")
}

async fn record(app: &App, plugin: &str) {
    let recording = app.backend.put(path(plugin, "recording"), json!({})).await;
    assert!(recording.is(200)["until"].is_string());
}

async fn calls(app: &App, plugin: &str) -> Vec<Value> {
    let page = app
        .backend
        .get(path(plugin, "calls?limit=100"))
        .await
        .is(200);
    page["calls"].as_array().expect("calls").clone()
}

/// One of them, newest first, as a case.
async fn case(app: &App, plugin: &str, at: usize) -> Value {
    let call = calls(app, plugin).await.swap_remove(at);
    let id = call["id"].as_str().expect("an id");
    app.backend
        .get(path(plugin, &format!("calls/{id}")))
        .await
        .is(200)
}

/// Saves what was recorded, and gives the folder.
async fn save(app: &App, plugin: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("plugin calls {plugin} --save saved");
    let (code, out, notes) = app.althing(folder.path(), &line).await;
    assert_eq!(code, 0, "{out}{notes}");
    folder
}

/// Makes all saved calls again: what came of each.
async fn replay(app: &App, folder: &Path, component: &[u8]) -> (i32, Vec<Value>) {
    std::fs::write(folder.join("version.wasm"), component).expect("a file");
    let (code, out, notes) = app
        .althing(folder, "--json plugin replay saved version.wasm")
        .await;
    let all: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{notes}"));
    (code, all["cases"].as_array().expect("cases").clone())
}

/// Replays what was recorded of a plugin by the same version: nothing differs, and these functions of
/// hooks are among it.
async fn comes_out_the_same(app: &App, plugin: &str, component: &[u8], functions: &[&str]) {
    let folder = save(app, plugin).await;
    let (code, cases) = replay(app, folder.path(), component).await;
    let others: Vec<_> = cases.iter().filter(|case| case["ok"] != true).collect();
    assert!(others.is_empty() && code == 0, "{plugin}: {others:#?}");
    for function in functions {
        let named = |case: &&Value| {
            let name = case["name"].as_str().unwrap_or_default();
            name.ends_with(&format!("-{function}"))
        };
        assert!(
            cases.iter().any(|case| named(&case)),
            "{plugin}: no {function}"
        );
    }
}

async fn said(who: &Person, text: &str) {
    eventually(text, async || {
        let history = who.history("general").await;
        let found = history
            .iter()
            .any(|m| m["data"].as_str().is_some_and(|d| d.contains(text)));
        found.then_some(())
    })
    .await;
}

async fn a_session_is_recorded_and_comes_out_the_same(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    host.expect_plugin_faults();
    let app = &host.app;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let courier = rewritten(&component("courier"), "localhost:11111", &first.host());
    let courier = rewritten(&courier, "localhost:22222", &second.host());
    let [alice, bob, _] = app.users(["alice", "bob", "carol"]).await;
    app.channel("general", &[&alice, &bob]).await;
    app.install(&courier, json!({ "config": { "token": SECRET } }))
        .await;
    for plugin in ["hostile", "poll", "moderation"] {
        app.plugin(plugin, json!({})).await;
    }
    app.plugin(
        "assistant",
        json!({ "greeting": "Welcome, {name}!", "greeting_wait_seconds": 0 }),
    )
    .await;
    for plugin in ["hostile", "poll", "assistant", "moderation", "courier"] {
        record(app, plugin).await;
    }

    orders(&bob).await;
    requests(&alice, &bob, &first).await;
    let poll = json!({ "channel_id": "general", "type": "poll",
        "data": { "question": "Lunch?", "options": ["Pizza", "Sushi"] } });
    let poll = alice.post("/v1/messages", poll).await.is(201);
    for (who, option) in [(&alice, 0), (&bob, 1), (&bob, 0)] {
        who.act(&poll, "vote", json!(option)).await.is(200);
    }
    alice
        .put("/v1/channels/general/participants/carol", json!({}))
        .await
        .is(200);
    bob.types("general", "/remind in 1 second tea")
        .await
        .is(200);
    let path = "/v1/channels/general/commands/complete";
    bob.post(path, json!({ "name": "hostile", "text": "list" }))
        .await
        .is(200);
    bob.connect().await;
    alice
        .raw(
            "POST",
            "/v1/x/hostile/echo?a=%20b",
            Some(("text/x", vec![0, 255])),
        )
        .await;
    app.backend
        .put("/v1/plugins/hostile", json!({ "config": {} }))
        .await
        .is(200);
    said(&bob, "Welcome").await;
    said(&bob, "tea").await;

    let hostile = [
        "before-send",
        "run",
        "complete",
        "before-seat",
        "before-connect",
        "endpoint-handle",
        "check",
        "schedule-run",
    ];
    comes_out_the_same(app, "hostile", &component("hostile"), &hostile).await;
    comes_out_the_same(app, "poll", &component("poll"), &["create", "act"]).await;
    let assistant = ["events-handle", "commands-run", "schedule-run"];
    comes_out_the_same(app, "assistant", &component("assistant"), &assistant).await;
    comes_out_the_same(
        app,
        "moderation",
        &component("moderation"),
        &["before-send"],
    )
    .await;
    let asked = [
        "events-handle",
        "commands-run",
        "schedule-run",
        "before-send",
    ];
    comes_out_the_same(app, "courier", &courier, &asked).await;
}

async fn an_answer_read_as_it_comes_is_recorded(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let app = &host.app;
    let outside = Outside::start().await;
    let hostile = rewritten(&component("hostile"), "localhost:10000", &outside.host());
    app.install(&hostile, json!({})).await;
    let [bob] = app.users(["bob"]).await;
    app.channel("general", &[&bob]).await;
    outside.serve("/words", "200 OK", "once upon a time");
    record(app, "hostile").await;
    let order = format!("/hostile stream {}", outside.url("/words"));
    let answer = bob.types("general", &order).await.is(200);
    let told = answer["reply"]["text"].as_str().expect("a text");
    assert!(told.starts_with("200,") && told.contains("once upon a time"));

    comes_out_the_same(app, "hostile", &hostile, &["commands-run"]).await;
    // It is the recording that speaks.
    let folder = save(app, "hostile").await;
    let saved = folder.path().join("saved").read_dir().expect("a folder");
    let file = saved.flatten().next().expect("a case").path();
    let text = std::fs::read_to_string(&file).expect("a case");
    let mut case: Value = serde_json::from_str(&text).expect("JSON");
    for asked in case["answers"].as_array_mut().expect("answers") {
        if asked["function"] == "http.read" && asked["answer"].to_string().contains("once") {
            asked["answer"] = json!("never");
        }
    }
    std::fs::write(&file, case.to_string()).expect("a file");
    let (code, cases) = replay(app, folder.path(), &hostile).await;
    let outcome = cases[0]["outcome"].to_string();
    assert!(code == 1 && outcome.contains("never"), "{cases:#?}");
}

/// A press on a button, a channel that is made, and what a version does before anything else.
async fn presses_and_starts_are_recorded_too(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    app.plugin("hostile", json!({ "start": "swap" })).await;
    record(app, "hostile").await;
    let message = alice.send("general", "hello").await;
    let id = message["id"].as_str().expect("an id");
    let button = json!([{ "type": "button", "text": "Press", "action": "press" }]);
    let line = format!("/hostile attach {id} {button}");
    bob.types("general", &line).await.is(200);
    for value in ["set 2 10", "history 5", "sends 1", "say-back it"] {
        let press = json!({ "action": "press", "value": value, "plugin": "hostile" });
        bob.post(format!("/v1/messages/{id}/actions"), press)
            .await
            .is(200);
    }
    bob.post("/v1/channels", json!({})).await.is(201);
    let next = component("hostile");
    let next = rewritten(&next, "version = \"0.1.0\"", "version = \"0.1.1\"");
    let known = app.backend.upload(&next).await.is(201);
    let upgrade = json!({ "digest": known["digest"], "config": { "start": "sends 2" } });
    let backend = &app.backend;
    backend.put("/v1/plugins/hostile", upgrade).await.is(200);
    said(&bob, "spam").await;
    let functions = ["interactions-handle", "before-create", "start"];
    comes_out_the_same(app, "hostile", &next, &functions).await;
    let started = calls(app, "hostile").await;
    let started = started.iter().find(|call| call["function"] == "start");
    assert_eq!(started.expect("a start")["digest"], known["digest"]);
}

/// What a plugin keeps, counts, reads and writes, and where it fails.
async fn orders(bob: &Person) {
    for order in [
        "set 3 10",
        "list",
        "get",
        "swap",
        "write-read 2 10",
        "count 2",
        "count 3",
        "sum",
        "history 5",
        "config",
        "metrics",
        "sends 2",
        "deletes 1",
        "logs 3 10",
        "fail after writing",
        "calls 3",
        "list",
        "timed 2 sends",
        "stray",
    ] {
        bob.types("general", &format!("/hostile {order}")).await;
    }
    bob.types("general", "/hostile trap")
        .await
        .refused(503, "plugin_failed");
    bob.send("general", "hello").await;
    bob.send("general", "patch 3").await;
    let refused = bob
        .post("/v1/messages", draft("general", "code silly"))
        .await;
    refused.refused(422, "message_rejected");
    bob.post("/v1/messages", draft("general", "return 20"))
        .await
        .is(202);
    said(bob, "spam").await;
}

/// What a plugin asks the outside: with a secret, where nobody is, where it may not, and later.
async fn requests(alice: &Person, bob: &Person, outside: &Outside) {
    let url = outside.url("/x");
    for order in [
        format!("GET {url} token"),
        format!("GET {url}"),
        "GET http://localhost:1/".to_owned(),
        "GET nowhere".to_owned(),
    ] {
        bob.types("general", &format!("/fetch {order}"))
            .await
            .is(200);
    }
    outside.set("an answer to an event");
    alice.send("general", &format!("fetch GET {url}")).await;
    said(bob, "an answer to an event").await;
    outside.set("an answer to a timer");
    let later = format!("/fetch later GET {url}");
    bob.types("general", &later).await.is(200);
    said(bob, "an answer to a timer").await;
}

async fn another_version_shows_what_it_does_differently(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let people = app.users(["alice", "bob"]).await;
    app.channel("general", &people.each_ref()).await;
    app.plugin("hostile", json!({})).await;
    let [_, bob] = people;
    record(app, "hostile").await;
    bob.post("/v1/messages", draft("general", "code silly"))
        .await
        .refused(422, "message_rejected");
    bob.types("general", "/hostile history 5").await.is(200);
    bob.types("general", "/hostile sends 1").await.is(200);
    bob.types("general", "/hostile config").await.is(200);

    // Another word in a refusal, a message to another channel, and a question about it.
    let other = rewritten(&component("hostile"), "because", "whereas");
    let other = rewritten(&other, "general", "another");
    let folder = save(app, "hostile").await;
    let (code, cases) = replay(app, folder.path(), &other).await;
    assert_eq!(code, 1);
    let found = |function: &str, came: &str| {
        let fits = |case: &&Value| {
            let name = case["name"].as_str().unwrap_or_default();
            name.contains(function) && case.to_string().contains(came)
        };
        cases
            .iter()
            .find(fits)
            .cloned()
            .unwrap_or_else(|| panic!("{came}: {cases:#?}"))
    };
    let refused = found("before-send", "whereas");
    let place = json!({
        "place": "result.reject.reason", "expected": "because", "came": "whereas",
    });
    assert_eq!(refused["differences"], json!([place]));
    let read = found("commands-run", "chat-read");
    assert_eq!(
        read["unknown"],
        json!(["chat-read.history(channel = \"another\", limit = 5)"])
    );
    let sent = found("commands-run", "writes[0]");
    let place = json!({ "place": "writes[0].channel", "expected": "general", "came": "another" });
    assert_eq!(sent["differences"], json!([place]));
    let same = cases.iter().filter(|case| case["ok"] == true).count();
    assert_eq!(same, cases.len() - 3, "{cases:#?}");

    let (code, out, notes) = app
        .althing(folder.path(), "plugin replay saved version.wasm")
        .await;
    assert_eq!(
        (code, notes.as_str()),
        (1, "error: 3 calls come out differently\n")
    );
    for line in [
        "  - result.reject.reason = \"because\"\n  + result.reject.reason = \"whereas\"\n",
        "  no answer to chat-read.history(channel = \"another\", limit = 5)\n",
        "same output",
        "DIFFERS",
    ] {
        assert!(out.contains(line), "{out}");
    }
}

async fn recording_is_off_until_it_is_asked_for_and_ends_by_itself(database: Database) {
    let host = TestHost::timeless_with(&database, |config| {
        config.plugins.recording_s_max = 120;
        config.plugins.recorded_calls_kept_s = 300;
    })
    .await;
    let app = &host.app;
    let [bob] = app.users(["bob"]).await;
    app.channel("general", &[&bob]).await;
    for app in [&host.app, &host.other] {
        app.plugin("hostile", json!({})).await;
    }
    let on = path("hostile", "recording");
    let quiet = json!({ "calls": 0, "bytes": 0, "left_out": 0 });
    bob.types("general", "/hostile list").await.is(200);
    assert_eq!(app.backend.get(&on).await.is(200), quiet);
    for bad in [0, 121] {
        let refused = app
            .backend
            .put(&on, json!({ "for_s": bad }))
            .await
            .invalid();
        assert_eq!(refused, ["for_s"]);
    }
    let standing = app.backend.put(&on, json!({ "for_s": 60 })).await.is(200);
    assert_eq!(standing["until"], "2026-11-20T12:01:00.000Z");
    let log = app.backend.get(path("hostile", "log")).await.is(200);
    let told = "calls are recorded until 2026-11-20T12:01:00.000Z";
    assert_eq!(log["lines"][0]["message"], told);
    bob.types("general", "/hostile list").await.is(200);
    // The neighbour's calls are its own, and nobody asked for them.
    host.other
        .session("alice")
        .await
        .types("general", "/hostile list")
        .await
        .is(200);
    assert_eq!(host.other.backend.get(&on).await.is(200), quiet);
    let call = calls(app, "hostile").await.remove(0);
    let id = path(
        "hostile",
        &format!("calls/{}", call["id"].as_str().expect("an id")),
    );
    assert_eq!(call["user_id"], "bob");
    app.backend.get(&id).await.is(200);
    host.other.backend.get(&id).await.refused(404, "not_found");

    host.pass(Duration::from_secs(60)).await;
    bob.types("general", "/hostile list").await.is(200);
    assert_eq!(calls(app, "hostile").await, [call]);
    assert_eq!(app.backend.get(&on).await.is(200).get("until"), None);
    host.pass(Duration::from_secs(240)).await;
    assert!(calls(app, "hostile").await.is_empty());

    let (code, out, _) = app
        .althing(Path::new("."), "plugin record hostile --for 2m")
        .await;
    assert_eq!((code, out.contains("12:07:00")), (0, true), "{out}");
    bob.types("general", "/hostile list").await.is(200);
    let (code, ..) = app
        .althing(Path::new("."), "plugin record hostile --stop")
        .await;
    assert_eq!(code, 0);
    bob.types("general", "/hostile list").await.is(200);
    assert_eq!(calls(app, "hostile").await.len(), 1);
    app.backend.delete(path("hostile", "calls")).await.is(204);
    assert!(calls(app, "hostile").await.is_empty());
}

async fn recorded_calls_are_narrowed_and_paged(database: Database) {
    let host = TestHost::with(&database, |config| config.plugins.recorded_calls_max = 4).await;
    host.expect_plugin_faults();
    let app = &host.app;
    let [bob] = app.users(["bob"]).await;
    app.channel("general", &[&bob]).await;
    app.plugin("hostile", json!({})).await;
    record(app, "hostile").await;
    for order in ["list", "trap", "get", "sum"] {
        bob.types("general", &format!("/hostile {order}")).await;
    }
    bob.post("/v1/channels", json!({})).await.is(201);
    let list = async |query: &str| {
        let page = app
            .backend
            .get(path("hostile", &format!("calls?{query}")))
            .await;
        let page = page.is(200);
        let brief =
            |call: &Value| format!("{} {}", call["function"], call["outcome"]).replace('"', "");
        let calls = page["calls"].as_array().expect("calls").iter().map(brief);
        (
            calls.collect::<Vec<_>>(),
            page["next"].as_str().map(str::to_owned),
        )
    };
    let all = ["before-create ok", "run ok", "run ok", "run trap"];
    assert_eq!(list("").await, (all.map(str::to_owned).to_vec(), None));
    assert_eq!(list("hook=membership-guard").await.0, all[..1]);
    assert_eq!(list("faults=true").await.0, all[3..]);
    let (page, next) = list("limit=3").await;
    assert_eq!(page, all[..3]);
    let next = next.expect("there is more");
    assert_eq!(
        list(&format!("limit=3&next={next}")).await,
        (vec![all[3].to_owned()], None)
    );
    let calls = path("hostile", "calls");
    let bad = app
        .backend
        .get(format!("{calls}?faults=true&next={next}"))
        .await;
    bad.refused(400, "bad_cursor");
    assert_eq!(
        app.backend.get(format!("{calls}?hook=x")).await.invalid(),
        ["hook"]
    );
    app.backend.delete("/v1/plugins/hostile").await.is(204);
    app.backend.get(calls).await.refused(404, "not_found");
}

async fn who_records_much_loses_its_own(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.plugins.recorded_calls_per_host_max = 6;
    })
    .await;
    let second = host.org.app("Petting zoo", json!({})).await;
    let (_, other) = App::create(&host.operator(), "Aquarium").await;
    let apps = [&other, &host.app, &second];
    let mut people = Vec::new();
    for app in apps {
        let bob = app.user("bob").await;
        app.channel("general", &[&bob]).await;
        app.plugin("hostile", json!({})).await;
        record(app, "hostile").await;
        people.push(bob);
    }
    let kept = async || {
        let mut kept = Vec::new();
        for app in apps {
            let standing = app.backend.get(path("hostile", "recording")).await.is(200);
            assert_eq!(standing["calls"], calls(app, "hostile").await.len());
            kept.push(standing["calls"].as_i64().expect("a number"));
        }
        kept
    };
    let call = async |who: usize| {
        people[who].types("general", "/hostile list").await.is(200);
    };
    call(0).await;
    call(0).await;
    // Two apps of another org fill the place, and then take it from each other.
    for _ in 0..8 {
        call(1).await;
    }
    assert_eq!(kept().await, [2, 4, 0]);
    for _ in 0..8 {
        call(2).await;
    }
    assert_eq!(kept().await, [2, 2, 2]);
    // Who has less gets what it is short of from them.
    call(0).await;
    assert_eq!(kept().await.iter().sum::<i64>(), 6);
    assert_eq!(kept().await[0], 3);
}

async fn an_erased_user_is_in_no_recording(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    app.plugin("hostile", json!({})).await;
    host.other.plugin("hostile", json!({})).await;
    record(app, "hostile").await;
    record(&host.other, "hostile").await;
    host.other
        .session("bob")
        .await
        .types("general", "/hostile list")
        .await
        .is(200);
    bob.types("general", "/hostile list").await.is(200);
    app.backend.delete("/v1/users/bob").await.is(204);
    assert!(calls(app, "hostile").await.is_empty());
    assert_eq!(calls(&host.other, "hostile").await.len(), 1);
    // It goes on with the others.
    alice.types("general", "/hostile list").await.is(200);
    assert_eq!(calls(app, "hostile").await[0]["user_id"], "alice");
}

async fn what_an_instance_remembered_is_told(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [bob] = app.users(["bob"]).await;
    app.channel("general", &[&bob]).await;
    app.plugin("rememberer", json!({})).await;
    record(app, "rememberer").await;
    for _ in 0..2 {
        bob.types("general", "/count").await.is(200);
    }
    let (first, second) = (
        case(app, "rememberer", 1).await,
        case(app, "rememberer", 0).await,
    );
    assert_eq!(first["recorded"].get("served_before"), None);
    assert_eq!(second["recorded"]["served_before"], 1);
}

async fn secrets_are_in_no_recording(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let app = &host.app;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let courier = rewritten(&component("courier"), "localhost:11111", &first.host());
    let courier = rewritten(&courier, "localhost:22222", &second.host());
    let [bob] = app.users(["bob"]).await;
    app.channel("general", &[&bob]).await;
    app.install(&courier, json!({ "config": { "token": SECRET } }))
        .await;
    record(app, "courier").await;
    let order = format!("/fetch GET {} token", first.url("/x"));
    bob.types("general", &order).await.is(200);
    assert!(first.heard()[0].contains(SECRET));
    let case = case(app, "courier", 0).await;
    assert!(!case.to_string().contains(SECRET), "{case}");
    let asked = &case["answers"][0];
    let secret = json!({ "secret": "token", "prefix": "Bearer " });
    assert_eq!(asked["arguments"]["headers"]["authorization"], secret);
    assert_eq!(asked["answer"]["status"], 200);
    let granted = case["grants"].as_array().expect("grants");
    assert!(granted.contains(&json!(format!("http:{}", first.host()))));
}
