//! A plugin is changed while it works: calls are under way, the new version has other hooks than the old one.

use std::time::Duration;

use althing::address::Networks;
use serde_json::{Value, json};

use crate::support::{
    App, Database, Outside, Person, TestHost, component, eventually, rewritten, stories,
};

stories!(
    a_call_lands_only_where_it_began,
    events_begin_when_a_plugin_first_wants_them,
    a_version_is_asked_for_what_it_has,
);

const HERALD: &str = "/v1/plugins/herald";
const NOOP: &str = "/v1/plugins/noop-guard";

/// The hostile plugin as a version of the guard that does nothing: it has every hook.
fn greedy_guard() -> Vec<u8> {
    rewritten(
        &component("hostile"),
        "name = \"hostile\"\nversion = \"0.1.0\"\ntitle = \"Hostile\"",
        "name = \"noop-guard\"\nversion = \"0.2.0\"\ntitle = \"More\"",
    )
}

/// The guard that does nothing as a version of the herald: it is told of no events.
fn mute_herald() -> Vec<u8> {
    rewritten(
        &component("noop-guard"),
        "name = \"noop-guard\"\nversion = \"0.1.0\"\ntitle = \"A guard that does nothing\"",
        "name = \"herald\"\nversion = \"0.0.1\"\ntitle = \"A herald that was never heard\"",
    )
}

/// Tries a version as a canary that serves nearly all channels.
async fn attempt(app: &App, plugin: &str, component: &[u8]) {
    let known = app.backend.upload(component).await.is(201);
    let canary = json!({
        "mode": "canary", "percent": 99, "consent": true, "digest": known["digest"],
    });
    let rollout = format!("{plugin}/rollout");
    app.backend.put(rollout, canary).await.is(200);
}

async fn texts(person: &Person, channel: &str) -> Vec<String> {
    let messages = person.history(channel).await;
    let texts = messages.iter().map(|message| message["data"].as_str());
    texts.map(|text| text.expect("a text").to_owned()).collect()
}

async fn a_call_lands_only_where_it_began(database: Database) {
    let host = TestHost::with(&database, |config| {
        let here = Networks::loopback();
        config.egress.allowed_networks = here.clone();
        config.egress.plain_http_networks = here;
    })
    .await;
    let outside = Outside::start().await;
    let courier = rewritten(&component("courier"), "localhost:11111", &outside.host());
    let app = &host.app;
    app.install(&courier, json!({})).await;
    let [alice] = app.users(["alice"]).await;
    app.channel("general", &[&alice]).await;
    let newer = rewritten(&courier, "version = \"0.1.0\"", "version = \"0.2.0\"");
    let newer = app.backend.upload(&newer).await.is(201);
    let path = "/v1/plugins/courier";
    let order = format!("GET {}", outside.url("/held"));
    let event = format!("fetch {order}");
    let mut expected: Vec<String> = Vec::new();
    let changes = [
        json!({ "order": 7 }),
        json!({ "digest": newer["digest"], "consent": true }),
    ];
    for change in changes {
        // An event's call is under way, and a timer's.
        let asked = outside.heard().len();
        outside.release(false);
        outside.set("the old one");
        alice.send("general", &event).await;
        alice
            .types("general", &format!("/fetch later {order}"))
            .await
            .is(200);
        eventually("both calls wait", async || {
            (outside.heard().len() == asked + 2).then_some(())
        })
        .await;
        outside.set("the new one");
        app.backend.put(path, change).await.is(200);
        outside.release(true);
        let texts = eventually("both have landed", async || {
            let texts = texts(&alice, "general").await;
            (texts.len() == expected.len() + 3).then_some(texts)
        })
        .await;
        expected.push(event.clone());
        expected.extend(["200 the new one".to_owned(), "200 the new one".to_owned()]);
        assert_eq!(texts, expected);
        assert_eq!(outside.heard().len(), asked + 4, "each was called again");
    }
}

async fn events_begin_when_a_plugin_first_wants_them(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let mute = app.install(&mute_herald(), json!({})).await;
    let backend = &app.backend;
    let [owner] = app.users(["owner"]).await;
    let mut rooms = Vec::new();
    for n in 0..4 {
        rooms.push(app.channel(&format!("room-{n}"), &[&owner]).await);
    }
    let comes = async |id: &str| {
        app.user(id).await;
        for room in &rooms {
            let path = format!("/v1/channels/{room}/participants/{id}");
            owner.put(path, json!({})).await.is(200);
        }
    };
    let announced = async |id: &str, at_least: usize| {
        eventually("who has come is announced", async || {
            let mut count = 0;
            for room in &rooms {
                let texts = texts(&owner, room).await;
                count += usize::from(texts.contains(&format!("{id} has come.")));
            }
            (count >= at_least).then_some(())
        })
        .await;
    };
    comes("early").await;
    // Of four rooms, a canary in nearly all of them serves one at least.
    attempt(app, HERALD, &component("herald")).await;
    comes("anew").await;
    announced("anew", 1).await;
    backend.delete(format!("{HERALD}/rollout")).await.is(204);
    comes("later").await;
    app.install(&component("herald"), json!({})).await;
    comes("now").await;
    announced("now", rooms.len()).await;
    // What happens while it is off is not for it.
    let switch = async |on: bool| {
        let on = json!({ "enabled": on });
        backend.put(HERALD, on).await.is(200);
    };
    switch(false).await;
    comes("nobody").await;
    switch(true).await;
    comes("again").await;
    announced("again", rooms.len()).await;
    // Whatever ran meanwhile, nothing is lost to the one that comes back.
    let first = json!({ "digest": mute["install"]["digest"], "consent": true });
    backend.put(HERALD, first).await.is(200);
    comes("afterwards").await;
    let back = backend.post(format!("{HERALD}/rollback"), json!({})).await;
    back.is(200);
    announced("afterwards", rooms.len()).await;
    for room in &rooms {
        let mut texts = texts(&owner, room).await;
        texts.retain(|text| text != "anew has come.");
        let expected = ["now", "again", "afterwards"].map(|id| format!("{id} has come."));
        assert_eq!(texts, expected);
    }
}

async fn a_version_is_asked_for_what_it_has(database: Database) {
    let host = TestHost::timeless(&database).await;
    let app = &host.app;
    app.plugin("noop-guard", json!({})).await;
    let [alice] = app.users(["alice"]).await;
    app.channel("general", &[&alice]).await;
    attempt(app, NOOP, &greedy_guard()).await;
    // Of a canary's feeds nobody knows: they are about no channel.
    let feeds = alice.get("/v1/feeds").await.is(200);
    assert_eq!(feeds, json!({ "feeds": [] }));
    alice
        .get("/v1/feeds/hostile")
        .await
        .refused(404, "not_found");
    // A timer without a channel is the active version's, which has none: it waits.
    let channels: Vec<String> = (0..20).map(|n| format!("room-{n}")).collect();
    for channel in &channels {
        app.channel(channel, &[&alice]).await;
        if alice.types(channel, "/hostile timers 1").await.status == 200 {
            break;
        }
    }
    let count = async |sql| database.number(sql).await;
    eventually("it was looked at", async || {
        let moved = "SELECT COUNT(*) FROM plugin_timers WHERE due_at > 1 AND attempts = 0";
        (count(moved).await == 1).then_some(())
    })
    .await;
    let promote = format!("{NOOP}/rollout/promote");
    app.backend.post(promote, json!({})).await.is(200);
    host.pass(Duration::from_secs(61)).await;
    eventually("the timer has run", async || {
        (count("SELECT COUNT(*) FROM plugin_timers").await == 0).then_some(())
    })
    .await;
    let usage: Value = app.backend.get(format!("{NOOP}/usage")).await.is(200);
    let mut hooks = usage["hooks"].as_array().expect("a list").iter();
    let schedule = hooks.find(|hook| hook["hook"] == "schedule");
    assert_eq!(schedule.expect("the hook")["calls"], 1, "{usage}");
}
