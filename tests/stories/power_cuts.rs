//! The host ends between any two steps of what must happen once, as in a power cut, and comes back.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{ChildHost, Database, Person, draft, eventually, stories};

stories!(each_event_has_its_effect_once_wherever_the_host_ends);

/// Every place between two steps on the way of a message to its plugin, and of what the plugin does
/// to everybody. The number tells which of those that pass a place in turn it is: the message, what the
/// plugin does about it, what its timer does.
const PLACES: [&str; 24] = [
    "to be committed:1",
    "committed:1",
    "acknowledged:1",
    "published:1",
    "event called",
    "handler begun:1",
    "handler settled:1",
    "handler kept:1",
    "handler written:1",
    "to be committed:2",
    "committed:2",
    "acknowledged:2",
    "published:2",
    "event done",
    "timer called",
    "handler begun:2",
    "handler settled:2",
    "handler kept:2",
    "handler written:2",
    "to be committed:3",
    "committed:3",
    "acknowledged:3",
    "published:3",
    "timer done",
];

/// How often the bookkeeper has said what.
async fn said(reader: &Person) -> BTreeMap<String, usize> {
    let mut said = BTreeMap::new();
    let page = reader.get("/v1/channels/general/messages?limit=100").await;
    for message in page.is(200)["messages"].as_array().expect("messages") {
        if message["from"] == "bot:bookkeeper" {
            let text = message["data"].as_str().expect("a text").to_owned();
            *said.entry(text).or_default() += 1;
        }
    }
    said
}

/// All that is due after so many messages, each once.
fn due(messages: usize) -> BTreeMap<String, usize> {
    let each = |n| [(format!("counted {n}"), 1), (format!("again {n}"), 1)];
    (1..=messages).flat_map(each).collect()
}

async fn each_event_has_its_effect_once_wherever_the_host_ends(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let [alice] = host.app.users(["alice"]).await;
    host.app.channel("general", &[&alice]).await;
    host.app.plugin("bookkeeper", json!({})).await;
    // Nothing waits for it, and nothing will before somebody writes.
    for (before, place) in PLACES.into_iter().enumerate() {
        host.kill();
        host.restart_to_crash_at(place).await;
        let mut message = draft("general", "one more");
        message["client_id"] = json!(place);
        // Whether this is answered depends on the place.
        alice.try_post("/v1/messages", message.clone()).await;
        host.ended().await;
        host.restart().await;
        let answer = alice.post("/v1/messages", message).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
        let all = async || (said(&alice).await.len() >= 2 * (before + 1)).then_some(());
        eventually(&format!("all is done after it ended at `{place}`"), all).await;
        // Its own messages are events, too: the next time shall begin with none.
        host.app.handled_all("bookkeeper").await;
        assert_eq!(said(&alice).await, due(before + 1), "{place}");
    }
    // What would come twice would do so as the host begins.
    host.kill_and_restart().await;
    let answer = alice.send("general", "the last").await;
    assert!(answer["seq"].is_number());
    let all = async || (said(&alice).await.len() > 2 * PLACES.len() + 1).then_some(());
    eventually("the last is done", all).await;
    assert_eq!(said(&alice).await, due(PLACES.len() + 1));
}
