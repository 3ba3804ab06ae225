//! A version is tried beside the one that runs, before everybody has it: as a shadow, which changes
//! nothing, or as a canary in a share of the channels. Nothing is lost or done twice on the way.

use serde_json::{Value, json};

use crate::support::{
    App, Database, Person, TestHost, component, draft, eventually, rewritten, stories,
};

stories!(
    a_shadow_is_held_against_the_version_that_runs,
    a_shadow_changes_nothing,
    a_shadow_that_loops_and_floods_harms_nobody,
    a_shadow_may_have_hooks_of_its_own,
    a_shadow_orders_feeds,
    a_canary_serves_its_share_of_channels,
    every_event_has_its_effect_once_whatever_becomes_of_a_canary,
    what_a_canary_fails_on_is_for_the_active_version,
    a_canary_that_keeps_failing_ends_by_itself,
    timers_go_by_their_channel,
    private_messages_go_with_their_channel,
    messages_go_through_one_version_or_the_other,
    a_version_on_trial_starts_once_and_no_shadow_does,
    what_is_tried_has_rights_and_settings_of_its_own,
    a_trial_ends_with_the_version_that_runs,
    what_can_not_be_tried_is_refused,
);

const HOSTILE: &str = "/v1/plugins/hostile";
const HERALD: &str = "/v1/plugins/herald";

fn rollout(plugin: &str) -> String {
    format!("{plugin}/rollout")
}

/// The hostile plugin in another version, which gives another reason for what it rejects.
fn louder() -> Vec<u8> {
    let old = component("hostile");
    let new = rewritten(&old, "version = \"0.1.0\"", "version = \"0.2.0\"");
    rewritten(&new, "because", "BECAUSE")
}

/// The herald in another version, which says it with another word.
fn newer_herald() -> Vec<u8> {
    let old = component("herald");
    let new = rewritten(&old, "version = \"0.1.0\"", "version = \"0.2.0\"");
    rewritten(&new, " has come.", " is there.")
}

/// The same, and it trips over people who are called after stones.
fn unsteady_herald() -> Vec<u8> {
    rewritten(&newer_herald(), "gait: steady", "gait: shaky!")
}

/// The hostile plugin as a version of the guard that does nothing.
fn greedy_guard() -> Vec<u8> {
    rewritten(
        &component("hostile"),
        "name = \"hostile\"\nversion = \"0.1.0\"\ntitle = \"Hostile\"",
        "name = \"noop-guard\"\nversion = \"0.2.0\"\ntitle = \"More\"",
    )
}

/// Uploads a version and tries it.
async fn attempt(app: &App, plugin: &str, component: &[u8], mut how: Value) -> Value {
    let digest = app.backend.upload(component).await.is(201)["digest"].clone();
    how["digest"] = digest;
    how["consent"] = true.into();
    app.backend.put(rollout(plugin), how).await.is(200)
}

/// What came of one hook, once `calls` of it were held against each other.
async fn compared(app: &App, plugin: &str, hook: &str, calls: u64) -> Value {
    eventually("calls are compared", async || {
        let known = app.backend.get(rollout(plugin)).await.is(200);
        let hooks = known["compared"].as_array().expect("a list");
        let of = hooks.iter().find(|of| of["hook"] == hook)?;
        let all = of["calls"].as_u64()? + of["dropped"].as_u64()?;
        assert!(all <= calls, "{of}");
        (all == calls).then(|| of.clone())
    })
    .await
}

async fn texts(person: &Person, channel: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut path = format!("/v1/channels/{channel}/messages?limit=100");
    loop {
        let page = person.get(&path).await.is(200);
        let messages = page["messages"].as_array().expect("a list");
        let texts = messages.iter().map(|m| m["data"].as_str().expect("a text"));
        all.extend(texts.map(ToOwned::to_owned));
        match page["prev"].as_str() {
            Some(prev) => path = format!("/v1/channels/{channel}/messages?limit=100&prev={prev}"),
            None => return all,
        }
    }
}

async fn a_shadow_is_held_against_the_version_that_runs(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    host.other.plugin("hostile", json!({})).await;
    let app = &host.app;
    app.plugin("hostile", json!({})).await;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    let begun = attempt(app, HOSTILE, &louder(), json!({ "mode": "shadow" })).await;
    assert_eq!(begun["version"], "0.2.0");
    assert_eq!(begun["compared"], json!([]));
    for text in ["hello", "say stop", "patch 3", "sends 1"] {
        bob.post("/v1/messages", draft("general", text)).await;
    }
    let secret = "code no_secrets";
    let refused = bob.post("/v1/messages", draft("general", secret)).await;
    let problem = refused.refused(422, "message_rejected");
    assert_eq!(problem["detail"], "because", "the active version decides");
    let guard = compared(app, HOSTILE, "message-guard", 5).await;
    assert_eq!(
        (&guard["same"], &guard["different"], &guard["failed"]),
        (&json!(4), &json!(1), &json!(0)),
        "{guard}"
    );
    assert!(guard["cpu_us"].as_u64() > Some(0) && guard["active_cpu_us"].as_u64() > Some(0));
    let known = app.backend.get(rollout(HOSTILE)).await.is(200);
    let difference = &known["differences"][0];
    assert_eq!(difference["active"], "reject no_secrets: because");
    assert_eq!(difference["candidate"], "reject no_secrets: BECAUSE");
    assert_eq!(difference["channel_id"], "general");
    assert_eq!(known["differences"].as_array().map(Vec::len), Some(1));
    // Figures, decisions and the log of the plugin are those of the version that runs.
    let usage = app.backend.get(format!("{HOSTILE}/usage")).await.is(200);
    let mut hooks = usage["hooks"].as_array().expect("a list").iter();
    let guard = hooks.find(|hook| hook["hook"] == "message-guard");
    assert_eq!(guard.expect("the guard")["calls"], 5);
    let decisions = app
        .backend
        .get(format!("{HOSTILE}/decisions"))
        .await
        .is(200);
    for decision in decisions["decisions"].as_array().expect("a list") {
        assert_ne!(decision["digest"], begun["digest"]);
    }
    host.other
        .backend
        .get(rollout(HOSTILE))
        .await
        .refused(404, "not_found");
}

async fn a_shadow_changes_nothing(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    let app = &host.app;
    app.plugin("hostile", json!({})).await;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    attempt(app, HOSTILE, &louder(), json!({ "mode": "shadow" })).await;
    // Commands and events write values, messages and timers, each once.
    // The first keeps the shadow busy, so that it comes to the others when their writes have landed.
    let orders = [
        "spin 40",
        "swap-twice",
        "set 3 9",
        "sends 2",
        "timers 3",
        "swap",
        "list",
        "grow",
        "grow",
        // Nobody asks the outside: the one is told that it may not, and so is the other.
        "requests 1",
    ];
    for order in orders {
        let answer = bob.types("general", &format!("/hostile {order}")).await;
        assert_eq!(answer.status, 200, "{order}: {}", answer.text);
    }
    let commands = compared(app, HOSTILE, "commands", orders.len() as u64).await;
    assert_eq!(commands["different"], 0, "{commands}");
    let spam = texts(&alice, "general").await;
    assert_eq!(spam, ["spam", "spam"]);
    let keys = database
        .number("SELECT COUNT(*) FROM plugin_kv WHERE key LIKE 'k%'")
        .await;
    assert_eq!(keys, 3 + 1 + 2, "k0 to k2, key, and k1 and k3 of the list");
    // Counting in a guard is an effect, too: the shadow counts for itself.
    for n in 1..=3 {
        let held = bob.post("/v1/messages", draft("general", "count 1")).await;
        assert_eq!(held.is(202)["reason"], n.to_string());
    }
    let guard = compared(app, HOSTILE, "message-guard", 3).await;
    assert_eq!(guard["different"], 0, "{guard}");
    app.backend.delete(rollout(HOSTILE)).await.is(204);
    let held = bob.post("/v1/messages", draft("general", "count 1")).await;
    assert_eq!(held.is(202)["reason"], "4");
    app.backend
        .get(rollout(HOSTILE))
        .await
        .refused(404, "not_found");
}

async fn a_shadow_that_loops_and_floods_harms_nobody(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.plugins.shadow_waiting_max = 4;
    })
    .await;
    let app = &host.app;
    app.plugin("noop-guard", json!({})).await;
    let people = app.users(["alice", "bob", "carol"]).await;
    app.channel("general", &people.each_ref()).await;
    let plugin = "/v1/plugins/noop-guard";
    attempt(app, plugin, &greedy_guard(), json!({ "mode": "shadow" })).await;
    for round in 0..40 {
        let texts = [
            "loop",
            "trap",
            "allocate 100",
            "calls 5000",
            "sends 10",
            "set 256 100",
        ];
        let sending = people.iter().map(|person| {
            let text = texts[round % texts.len()];
            person.send("general", text)
        });
        futures_util::future::join_all(sending).await;
    }
    let guard = compared(app, plugin, "message-guard", 120).await;
    assert!(guard["failed"].as_u64() > Some(0), "{guard}");
    assert!(guard["dropped"].as_u64() > Some(0), "{guard}");
    let sent = texts(&people[0], "general").await;
    assert_eq!(sent.len(), 120, "and nothing that the shadow sent");
    assert_eq!(database.number("SELECT COUNT(*) FROM plugin_kv").await, 0);
    assert_eq!(
        database.number("SELECT COUNT(*) FROM plugin_timers").await,
        0
    );
    let known = app.backend.get(plugin).await.is(200);
    assert_eq!(known["install"].get("quarantine"), None);
    let log = app.backend.get(format!("{plugin}/log")).await.is(200);
    assert_eq!(
        log,
        json!({ "lines": [] }),
        "its faults are not the plugin's"
    );
    let log = app
        .backend
        .get(format!("{}/log", rollout(plugin)))
        .await
        .is(200);
    assert!(log.to_string().contains("cpu_limit"), "{log}");
}

async fn a_shadow_may_have_hooks_of_its_own(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    app.plugin("noop-guard", json!({})).await;
    let [alice] = app.users(["alice"]).await;
    let plugin = "/v1/plugins/noop-guard";
    attempt(app, plugin, &greedy_guard(), json!({ "mode": "shadow" })).await;
    app.channel("general", &[&alice]).await;
    alice.send("general", "set 2 5").await;
    // The active version guards no memberships, and wants no events.
    let memberships = compared(app, plugin, "membership-guard", 1).await;
    assert_eq!(memberships["same"], 1);
    let events = compared(app, plugin, "events", 1).await;
    assert_eq!(events["different"], 1, "{events}");
    // What the active version does nothing with is asked once all the same.
    alice.send("general", "hello").await;
    let events = compared(app, plugin, "events", 2).await;
    assert_eq!(events["same"], 1, "{events}");
    let known = app.backend.get(rollout(plugin)).await.is(200);
    let differences = known["differences"].as_array().expect("a list");
    let event = differences.iter().find(|one| one["hook"] == "events");
    let event = event.expect("the event");
    assert_eq!(event["active"], "done");
    assert_eq!(event["candidate"], "done, 2 × write of a value");
    // Its commands and kinds are nobody's.
    alice
        .types("general", "/hostile config")
        .await
        .refused(404, "not_found");
}

async fn a_shadow_orders_feeds(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    app.plugin("hostile", json!({})).await;
    let [alice] = app.users(["alice"]).await;
    app.channel("general", &[&alice]).await;
    alice.send("general", "one").await;
    alice.send("general", "two").await;
    let other = json!({ "mode": "shadow", "config": { "check": "hello" } });
    attempt(app, HOSTILE, &louder(), other).await;
    let feed = async |argument| {
        let path = format!("/v1/feeds/hostile?argument={argument}");
        alice.get(path).await
    };
    feed("backwards").await.is(200);
    let compared_once = compared(app, HOSTILE, "feed", 1).await;
    assert_eq!(compared_once["same"], 1, "{compared_once}");
    // What the two say depends on their settings.
    let refused = feed("config").await;
    refused.refused(422, "action_refused");
    let compared_twice = compared(app, HOSTILE, "feed", 2).await;
    assert_eq!(compared_twice["different"], 1, "{compared_twice}");
    let known = app.backend.get(rollout(HOSTILE)).await.is(200);
    let difference = &known["differences"][0];
    assert_eq!(difference["active"], "refuse");
    assert_eq!(difference["candidate"], "refuse, with another content");
}

/// Channels with one person in each, and what the newcomer is called who comes into each.
async fn rooms(app: &App, owner: &Person, count: usize) -> Vec<String> {
    let mut rooms = Vec::new();
    for n in 0..count {
        rooms.push(app.channel(&format!("room-{n:02}"), &[owner]).await);
    }
    rooms
}

/// `id` comes into every room.
async fn comes(app: &App, owner: &Person, rooms: &[String], id: &str) {
    app.user(id).await;
    for room in rooms {
        let path = format!("/v1/channels/{room}/participants/{id}");
        owner.put(path, json!({})).await.is(200);
    }
}

/// By which version the coming of each of `ids` was announced in each room: exactly once by one.
async fn announced(owner: &Person, rooms: &[String], ids: &[&str]) -> Vec<Vec<bool>> {
    let mut by_new = Vec::new();
    for room in rooms {
        let texts = eventually("all announcements", async || {
            let mut texts = texts(owner, room).await;
            texts.retain(|text| !text.starts_with("owner "));
            (texts.len() >= ids.len()).then_some(texts)
        })
        .await;
        let mut of_room = Vec::new();
        for id in ids {
            let said: Vec<_> = texts
                .iter()
                .filter(|t| t.starts_with(&format!("{id} ")))
                .collect();
            assert_eq!(said.len(), 1, "{room}: {id}: {texts:?}");
            of_room.push(said[0].ends_with(" is there."));
        }
        assert_eq!(texts.len(), ids.len(), "{room}: {texts:?}");
        by_new.push(of_room);
    }
    by_new
}

async fn a_canary_serves_its_share_of_channels(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let herald = component("herald");
    app.install(&herald, json!({})).await;
    host.other.install(&herald, json!({})).await;
    let [owner] = app.users(["owner"]).await;
    let rooms = rooms(app, &owner, 40).await;
    let canary = |percent: u8| json!({ "mode": "canary", "percent": percent });
    attempt(app, HERALD, &newer_herald(), canary(50)).await;
    comes(app, &owner, &rooms, "ann").await;
    let half = announced(&owner, &rooms, &["ann"]).await;
    let served = half.iter().filter(|by_new| by_new[0]).count();
    assert!((8..=32).contains(&served), "{served} of 40");
    // It is the same share after a restart, and a greater one holds all of it.
    host.restart().await;
    comes(app, &owner, &rooms, "ben").await;
    let again = announced(&owner, &rooms, &["ann", "ben"]).await;
    assert!(again.iter().all(|by_new| by_new[0] == by_new[1]));
    app.backend.put(rollout(HERALD), canary(80)).await.is(200);
    comes(app, &owner, &rooms, "cleo").await;
    let more = announced(&owner, &rooms, &["ann", "ben", "cleo"]).await;
    assert!(more.iter().all(|by_new| by_new[2] || !by_new[1]));
    assert!(more.iter().filter(|by_new| by_new[2]).count() > served);
    let known = app.backend.get(HERALD).await.is(200);
    assert_eq!(known["install"]["rollout"]["percent"], 80);
    assert_eq!(known["component"]["version"], "0.1.0");
    let usage = app.backend.get(rollout(HERALD)).await.is(200)["usage"].clone();
    assert_eq!(usage[0]["hook"], "events", "{usage}");
}

async fn every_event_has_its_effect_once_whatever_becomes_of_a_canary(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    app.install(&component("herald"), json!({})).await;
    let [owner] = app.users(["owner"]).await;
    let rooms = rooms(app, &owner, 12).await;
    let ids: Vec<String> = (0..12).map(|n| format!("user-{n:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut started = ids.chunks(3);
    let mut next = || started.next().expect("four parts");
    let coming = async |some: &[&str]| {
        for id in some {
            comes(app, &owner, &rooms, id).await;
        }
    };
    let backend = &app.backend;
    let canary = json!({ "mode": "canary", "percent": 50 });
    // While people come, it begins, is given up, begins again, and takes over.
    let new = newer_herald();
    tokio::join!(coming(next()), attempt(app, HERALD, &new, canary.clone()));
    let (_, abandoned) = tokio::join!(coming(next()), backend.delete(rollout(HERALD)));
    abandoned.is(204);
    attempt(app, HERALD, &newer_herald(), canary).await;
    let promote = format!("{}/promote", rollout(HERALD));
    let (_, promoted) = tokio::join!(coming(next()), backend.post(&promote, json!({})));
    let promoted = promoted.is(200);
    assert_eq!(promoted["component"]["version"], "0.2.0");
    assert_eq!(promoted["install"].get("rollout"), None);
    assert!(promoted["install"]["previous"].is_string());
    host.restart().await;
    let last = next();
    coming(last).await;
    let by_new = announced(&owner, &rooms, &ids).await;
    for of_room in by_new {
        assert_eq!(of_room[9..], [true; 3], "the new one has taken over");
    }
    // And back.
    let back = backend.post(format!("{HERALD}/rollback"), json!({})).await;
    assert_eq!(back.is(200)["component"]["version"], "0.1.0");
    backend
        .post(promote, json!({}))
        .await
        .refused(404, "not_found");
}

async fn what_a_canary_fails_on_is_for_the_active_version(database: Database) {
    // The clock stands still: whatever had to be tried again later would never come.
    let host = TestHost::timeless(&database).await;
    host.expect_plugin_faults();
    let app = &host.app;
    app.install(&component("herald"), json!({})).await;
    let [owner] = app.users(["owner"]).await;
    let rooms = rooms(app, &owner, 8).await;
    let canary = json!({ "mode": "canary", "percent": 99 });
    attempt(app, HERALD, &unsteady_herald(), canary).await;
    comes(app, &owner, &rooms, "ann").await;
    comes(app, &owner, &rooms[..2], "stone").await;
    comes(app, &owner, &rooms, "ben").await;
    let two = announced(&owner, &rooms[..2], &["ann", "stone", "ben"]).await;
    for of_room in &two {
        assert!(!of_room[1], "the active version stepped in");
        assert_eq!(of_room[0], of_room[2]);
    }
    announced(&owner, &rooms[2..], &["ann", "ben"]).await;
    let known = app.backend.get(rollout(HERALD)).await.is(200);
    assert_eq!(known.get("ended"), None, "two faults are not many");
}

async fn a_canary_that_keeps_failing_ends_by_itself(database: Database) {
    let host = TestHost::timeless(&database).await;
    host.expect_plugin_faults();
    let app = &host.app;
    app.install(&component("herald"), json!({})).await;
    app.plugin("noop-guard", json!({})).await;
    let people = app.users(["owner", "bob", "carol"]).await;
    let owner = &people[0];
    let rooms = rooms(app, owner, 4).await;
    let canary = json!({ "mode": "canary", "percent": 99 });
    // Events: none is lost.
    attempt(app, HERALD, &unsteady_herald(), canary.clone()).await;
    let ids: Vec<String> = (0..6).map(|n| format!("stone-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for id in &ids {
        comes(app, owner, &rooms, id).await;
    }
    let by_new = announced(owner, &rooms, &ids).await;
    assert!(by_new.iter().flatten().all(|by_new| !by_new));
    let ended = async |plugin: &str| {
        eventually("the canary has ended", async || {
            let known = app.backend.get(rollout(plugin)).await.is(200);
            known.get("ended").cloned()
        })
        .await
    };
    let why = ended(HERALD).await;
    assert_eq!(why["hook"], "events");
    assert!(
        why["detail"]
            .as_str()
            .is_some_and(|d| d.starts_with("trap")),
        "{why}"
    );
    let known = app.backend.get(HERALD).await.is(200);
    assert_eq!(
        known["install"].get("quarantine"),
        None,
        "the active one is well"
    );
    assert_eq!(known["install"]["rollout"]["ended"], why);
    let log = app.backend.get(format!("{HERALD}/log")).await.is(200);
    assert!(
        log.to_string().contains("it is not tried any more"),
        "{log}"
    );
    let promote = format!("{}/promote", rollout(HERALD));
    app.backend
        .post(promote, json!({}))
        .await
        .refused(409, "conflict");
    // Guards: nobody waits for it any longer.
    let plugin = "/v1/plugins/noop-guard";
    app.channel("general", &people.each_ref()).await;
    attempt(app, plugin, &greedy_guard(), canary).await;
    for person in people.iter().cycle().take(10) {
        person.post("/v1/messages", draft("general", "trap")).await;
    }
    for person in &people {
        person.send("general", "trap").await;
    }
    assert_eq!(ended(plugin).await["hook"], "message-guard");
    // And so it is when the host comes back.
    host.restart().await;
    people[1].send("general", "trap").await;
    let known = app.backend.get(rollout(HERALD)).await.is(200);
    assert_eq!(known["ended"], why);
    app.backend.delete(rollout(HERALD)).await.is(204);
}

async fn timers_go_by_their_channel(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    app.plugin("hostile", json!({})).await;
    let [alice] = app.users(["alice"]).await;
    app.channel("general", &[&alice]).await;
    let canary = json!({ "mode": "canary", "percent": 50 });
    attempt(app, HOSTILE, &louder(), canary).await;
    // Timers of no channel are the active version's; each sends one message, once.
    alice
        .types("general", "/hostile timed 5 sends")
        .await
        .is(200);
    let promote = format!("{}/promote", rollout(HOSTILE));
    app.backend.post(promote, json!({})).await.is(200);
    let spam = eventually("all timers", async || {
        let texts = texts(&alice, "general").await;
        (texts.len() >= 15).then_some(texts)
    })
    .await;
    assert_eq!(spam.len(), 1 + 2 + 3 + 4 + 5);
    eventually("no timer is left", async || {
        (database.number("SELECT COUNT(*) FROM plugin_timers").await == 0).then_some(())
    })
    .await;
    assert_eq!(texts(&alice, "general").await.len(), 15);
}

async fn private_messages_go_with_their_channel(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    app.plugin("noop-guard", json!({})).await;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    let canary = json!({ "mode": "canary", "percent": 50 });
    attempt(app, "/v1/plugins/noop-guard", &greedy_guard(), canary).await;
    // Only the canary has the kind: who can make a message of it in private can go on with it there.
    let mut made = 0;
    for n in 0..24 {
        let room = app.channel(&format!("room-{n}"), &[&alice, &bob]).await;
        let message = json!({ "channel_id": room, "to": "bob", "type": "hostile", "data": {} });
        let message = alice.post("/v1/messages", message).await;
        if message.status != 201 {
            assert_eq!(message.invalid(), ["type"]);
            continue;
        }
        made += 1;
        let message = message.is(201);
        bob.act(&message, "quote", json!("well")).await.is(200);
        // A command there, too.
        let side = message["channel_id"].as_str().expect("a channel");
        alice.types(side, "/hostile get").await.is(200);
    }
    assert!((1..24).contains(&made), "{made} of 24 rooms");
}

async fn messages_go_through_one_version_or_the_other(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let open = json!({ "on_fault": "open" });
    app.install(&component("hostile"), open).await;
    let ids = ["alice", "bob", "carol", "dave"];
    let people = app.users(ids).await;
    app.channel("general", &people.each_ref()).await;
    let promote = format!("{}/promote", rollout(HOSTILE));
    let refused = async |person: &Person| {
        let answer = person
            .post("/v1/messages", draft("general", "code no"))
            .await;
        let problem = answer.refused(422, "message_rejected");
        problem["detail"].as_str().expect("a text").to_owned()
    };
    for mode in [
        json!({ "mode": "shadow" }),
        json!({ "mode": "canary", "percent": 50 }),
    ] {
        attempt(app, HOSTILE, &louder(), mode).await;
        let sending = async |person: &Person| {
            for _ in 0..15 {
                let reason = refused(person).await;
                assert!(
                    ["because", "BECAUSE"].contains(&reason.as_str()),
                    "{reason}"
                );
            }
        };
        let all = futures_util::future::join_all(people.iter().map(sending));
        let promoting = async {
            let answer = app.backend.post(&promote, json!({})).await;
            answer.is(200);
            // From the answer on it is the new one for everybody.
            assert_eq!(refused(&people[0]).await, "BECAUSE");
        };
        tokio::join!(all, promoting);
        let back = app.backend.post(format!("{HOSTILE}/rollback"), json!({}));
        back.await.is(200);
        assert_eq!(refused(&people[0]).await, "because");
    }
    assert!(texts(&people[0], "general").await.is_empty());
}

async fn a_version_on_trial_starts_once_and_no_shadow_does(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice] = app.users(["alice"]).await;
    app.channel("general", &[&alice]).await;
    app.plugin("hostile", json!({})).await;
    let spam = async || texts(&alice, "general").await.len();
    let config = json!({ "start": "sends 1" });
    let shadow = json!({ "mode": "shadow", "config": config });
    attempt(app, HOSTILE, &louder(), shadow).await;
    assert_eq!(spam().await, 0);
    let canary = |percent: u8| json!({ "mode": "canary", "percent": percent });
    let backend = &app.backend;
    backend.put(rollout(HOSTILE), canary(10)).await.is(200);
    assert_eq!(spam().await, 1, "with the settings that it was tried with");
    backend.put(rollout(HOSTILE), canary(30)).await.is(200);
    host.restart().await;
    let promote = format!("{}/promote", rollout(HOSTILE));
    let promoted = backend.post(&promote, json!({})).await.is(200);
    assert_eq!(promoted["install"]["config"]["start"], "sends 1");
    assert_eq!(spam().await, 1);
    // What was only a shadow starts when it takes over.
    let third = rewritten(
        &component("hostile"),
        "version = \"0.1.0\"",
        "version = \"0.3.0\"",
    );
    attempt(app, HOSTILE, &third, json!({ "mode": "shadow" })).await;
    assert_eq!(spam().await, 1);
    backend.post(&promote, json!({})).await.is(200);
    assert_eq!(spam().await, 2);
    // A start that is refused leaves everything as it is.
    let fourth = rewritten(
        &component("hostile"),
        "version = \"0.1.0\"",
        "version = \"0.4.0\"",
    );
    let digest = backend.upload(&fourth).await.is(201)["digest"].clone();
    let refusing = json!({
        "mode": "canary", "percent": 5, "digest": digest, "config": { "start": "say-back no" },
    });
    let refused = backend.put(rollout(HOSTILE), refusing).await;
    assert_eq!(
        refused.refused(422, "plugin_refused")["reason"],
        "plugin_start_refused"
    );
    backend
        .get(rollout(HOSTILE))
        .await
        .refused(404, "not_found");
}

async fn what_is_tried_has_rights_and_settings_of_its_own(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let backend = &app.backend;
    app.plugin("noop-guard", json!({})).await;
    let plugin = "/v1/plugins/noop-guard";
    let before = backend.get(plugin).await.is(200)["install"].clone();
    let known = backend.upload(&greedy_guard()).await.is(201);
    let how = |extra: Value| {
        let mut how = json!({ "mode": "shadow", "digest": known["digest"] });
        let extra = extra.as_object().expect("an object").clone();
        how.as_object_mut().expect("an object").extend(extra);
        how
    };
    let refused = backend.put(rollout(plugin), how(json!({}))).await;
    let problem = refused.refused(422, "grant_missing");
    let fields = problem["errors"].as_array().expect("fields");
    let kv = fields.iter().find(|fault| fault["field"] == "grants.kv");
    let message = kv.expect("kv")["message"].as_str().expect("a text");
    assert_eq!(
        message,
        "is missing. Keep small values of its own between calls. What for: to write more than it may"
    );
    let mut grants = known["imports"].clone();
    let sees = known["sees"].as_array().expect("a list");
    let sees = sees.iter().map(|sight| sight["name"].clone());
    grants.as_array_mut().expect("a list").extend(sees);
    let config = json!({ "check": "fine" });
    let settings = json!({ "grants": grants, "config": config });
    let tried = backend.put(rollout(plugin), how(settings)).await.is(200);
    assert_eq!(tried["config"]["check"], "fine");
    assert!(!tried["grants"].to_string().contains("public-routes"));
    let after = backend.get(plugin).await.is(200)["install"].clone();
    assert_eq!(
        (&after["grants"], &after["config"]),
        (&before["grants"], &before["config"])
    );
    // What is left out stays as it is tried.
    let canary = json!({ "mode": "canary", "percent": 7 });
    let canary = backend.put(rollout(plugin), canary).await.is(200);
    assert_eq!(
        (&canary["grants"], &canary["config"]),
        (&tried["grants"], &tried["config"])
    );
    host.restart().await;
    assert_eq!(
        backend.get(rollout(plugin)).await.is(200)["grants"],
        tried["grants"]
    );
    let bad = how(json!({ "config": { "check": 7 } }));
    assert_eq!(
        backend.put(rollout(plugin), bad).await.invalid(),
        ["config.check"]
    );
}

async fn a_trial_ends_with_the_version_that_runs(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let backend = &app.backend;
    app.plugin("hostile", json!({})).await;
    attempt(app, HOSTILE, &louder(), json!({ "mode": "shadow" })).await;
    // Settings, a pause and a restart are no end.
    for change in [
        json!({ "order": 7 }),
        json!({ "enabled": false }),
        json!({ "enabled": true }),
    ] {
        backend.put(HOSTILE, change).await.is(200);
    }
    host.restart().await;
    let known = backend.get(rollout(HOSTILE)).await.is(200);
    // The same version put into use by hand is no longer tried.
    let upgrade = json!({ "digest": known["digest"] });
    let upgraded = backend.put(HOSTILE, upgrade).await.is(200);
    assert_eq!(upgraded["install"].get("rollout"), None);
    backend
        .get(rollout(HOSTILE))
        .await
        .refused(404, "not_found");
}

async fn what_can_not_be_tried_is_refused(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let backend = &app.backend;
    let put = async |how: Value| backend.put(rollout(HOSTILE), how).await;
    put(json!({ "mode": "shadow" }))
        .await
        .refused(404, "not_found");
    backend.upload(&component("hostile")).await.is(201);
    put(json!({ "mode": "shadow" }))
        .await
        .refused(409, "conflict");
    app.plugin("hostile", json!({})).await;
    for (how, field) in [
        (json!({ "mode": "shadow" }), "digest"),
        (json!({ "mode": "shadow", "digest": "0000" }), "digest"),
        (json!({ "mode": "loud" }), "mode"),
        (json!({}), "mode"),
        (json!({ "mode": "canary" }), "percent"),
        (json!({ "mode": "canary", "percent": 0 }), "percent"),
        (json!({ "mode": "canary", "percent": 100 }), "percent"),
        (json!({ "mode": "shadow", "percent": 5 }), "percent"),
        (json!({ "mode": "shadow", "colour": 5 }), "colour"),
    ] {
        assert_eq!(put(how.clone()).await.invalid(), [field], "{how}");
    }
    for (method, path) in [
        ("GET", rollout(HOSTILE)),
        ("DELETE", rollout(HOSTILE)),
        ("GET", format!("{}/log", rollout(HOSTILE))),
        ("POST", format!("{}/promote", rollout(HOSTILE))),
    ] {
        let answer = backend.request(method, &path, None).await;
        answer.refused(404, "not_found");
    }
}
