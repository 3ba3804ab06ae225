//! Places on a map, and live locations: moved by their sender, ended in time, and nothing left of them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, eventually, stories};

stories!(
    a_place_is_shown_on_a_map,
    a_live_location_is_moved_by_its_sender_alone,
    a_live_location_ends_by_itself,
    a_live_location_is_stopped,
    whoever_leaves_shares_nothing_any_more,
);

/// Sends a place to a channel.
async fn show(who: &Person, channel: &str, data: Value) -> Value {
    let place = json!({ "channel_id": channel, "type": "place", "data": data });
    who.post("/v1/messages", place).await.is(201)
}

fn live(minutes: u64) -> Value {
    json!({ "latitude": 52.52, "longitude": 13.405, "accuracy_m": 8, "live_minutes": minutes })
}

fn at(latitude: f64) -> Value {
    json!({ "latitude": latitude, "longitude": 13.405 })
}

/// A host with places, and people in `general`; the neighbour has places of its own.
async fn start<const N: usize>(
    database: &Database,
    config: Value,
    ids: [&str; N],
) -> (TestHost, [Person; N]) {
    let host = TestHost::timeless(database).await;
    host.other.plugin("place", json!({})).await;
    let theirs = host.other.session("alice").await;
    show(&theirs, "general", live(480)).await;
    host.app.plugin("place", config).await;
    let mut people = host.app.users(ids).await;
    for person in &mut people {
        *person = host.app.day_session(&person.id).await;
    }
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

async fn message(who: &Person, place: &Value) -> Value {
    let path = format!("/v1/messages/{}", place["id"].as_str().expect("an id"));
    who.get(path).await.is(200)
}

/// Whoever shares their location in `general`, as `/where` says it.
async fn whereabouts(who: &Person) -> String {
    let answer = who.types("general", "/where").await.is(200);
    answer["reply"]["text"].as_str().expect("a text").to_owned()
}

async fn a_place_is_shown_on_a_map(database: Database) {
    let (host, [alice, bob]) = start(&database, json!({}), ["alice", "bob"]).await;
    let data = json!({ "latitude": 52.52, "longitude": 13.405, "label": "The office", "address": "Main Street 1" });
    let office = show(&alice, "general", data.clone()).await;
    assert_eq!(office["data"], data);
    assert_eq!(
        office["view"]["text"],
        "📍 The office\nMain Street 1\ngeo:52.52,13.405"
    );
    let map =
        json!({ "type": "map", "latitude": 52.52, "longitude": 13.405, "label": "The office" });
    assert!(
        office["view"]["blocks"]
            .as_array()
            .expect("blocks")
            .contains(&map),
        "{office}"
    );
    bob.types("general", "/here 1.5, 2.5 Peak").await.is(200);
    let said = bob.history("general").await;
    let peak = said.last().expect("a message");
    assert_eq!(
        (&peak["from"], &peak["data"]["label"]),
        (&json!("bot:place"), &json!("Peak"))
    );
    for data in [
        json!({}),
        json!({ "latitude": 91, "longitude": 0 }),
        json!({ "latitude": 0, "longitude": 181 }),
        json!({ "latitude": "52", "longitude": 0 }),
        json!({ "latitude": 0, "longitude": 0, "created_by": "bob" }),
        json!({ "latitude": 0, "longitude": 0, "live_minutes": 481 }),
    ] {
        let place = json!({ "channel_id": "general", "type": "place", "data": data });
        assert_eq!(
            alice.post("/v1/messages", place).await.invalid(),
            ["data"],
            "{data}"
        );
    }
    for line in ["/here the office", "/here 91,0", "/where alice"] {
        bob.types("general", line)
            .await
            .refused(422, "action_refused");
    }
    for action in ["move", "stop", "dance"] {
        alice
            .act(&office, action, at(1.0))
            .await
            .refused(422, "action_refused");
    }
    assert_eq!(
        whereabouts(&bob).await,
        "Nobody is sharing their location here."
    );
    let wrong = json!({ "config": { "time_zone": "Berlin" } });
    let refused = host.app.backend.put("/v1/plugins/place", wrong).await;
    assert_eq!(refused.invalid(), ["config.time_zone"]);
}

async fn a_live_location_is_moved_by_its_sender_alone(database: Database) {
    let (host, [alice, bob]) = start(&database, json!({}), ["alice", "bob"]).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let place = show(&alice, "general", live(15)).await;
    let data = json!({ "live_minutes": 15, "ends_at_ms": 1_795_176_900_000_u64 });
    assert_eq!(
        place["data"], data,
        "the position is where it can be taken away"
    );
    phone.next_event("message.new").await;
    let refused = bob.act(&place, "move", at(1.0)).await;
    let problem = refused.refused(422, "action_refused");
    assert!(
        problem["detail"]
            .to_string()
            .contains("Only whoever shares")
    );
    let soon = alice
        .act(&place, "move", at(1.0))
        .await
        .refused(422, "action_refused");
    assert_eq!(soon["detail"], "Too soon: move again in 10 s.");
    host.pass(Duration::from_secs(10)).await;
    alice
        .act(&place, "move", at(91.0))
        .await
        .refused(422, "action_refused");
    alice.act(&place, "move", at(52.6)).await.is(200);
    let event = phone.next_event("message.updated").await;
    let shown = &event["data"]["message"]["view"];
    let words = "📍 @alice shares their location until 2026-11-20 12:15 UTC\ngeo:52.6,13.405";
    assert_eq!(shown["text"], words);
    assert!(
        !shown.to_string().contains("52.52"),
        "no trail is kept: {shown}"
    );
    alice
        .act(&place, "move", at(52.7))
        .await
        .refused(422, "action_refused");
    let there = async || {
        let text = whereabouts(&bob).await;
        (text == "📍 @alice, just now: geo:52.6,13.405").then_some(())
    };
    eventually("/where shows it", there).await;
    let nobody = bob.types("general", "/where @bob").await.is(200);
    assert_eq!(
        nobody["reply"]["text"],
        "Nobody is sharing their location here."
    );
    // Nothing of it shows in another channel, or next door.
    host.app.channel("second", &[&bob]).await;
    let second = bob.types("second", "/where").await.is(200);
    assert_eq!(
        second["reply"]["text"],
        "Nobody is sharing their location here."
    );
    let zoe = host.app.user("zoe").await;
    let path = format!("/v1/messages/{}", place["id"].as_str().expect("an id"));
    zoe.get(&path).await.refused(404, "not_found");
    zoe.act(&place, "move", at(1.0))
        .await
        .refused(404, "not_found");
    let theirs = host.other.session("bob").await;
    theirs.get(&path).await.refused(404, "not_found");
    assert!(!whereabouts(&theirs).await.contains("52.6"));
    phone.close().await;
}

async fn a_live_location_ends_by_itself(database: Database) {
    let (host, [alice, bob]) = start(&database, json!({}), ["alice", "bob"]).await;
    let place = show(&alice, "general", live(15)).await;
    let second = show(&bob, "general", live(60)).await;
    let both = async || (whereabouts(&bob).await.lines().count() == 2).then_some(());
    eventually("both share", both).await;
    host.pass(Duration::from_secs(15 * 60)).await;
    // From that moment nothing moves it, whether the timer has run or not.
    let late = alice
        .act(&place, "move", at(1.0))
        .await
        .refused(422, "action_refused");
    assert_eq!(late["detail"], "This live location has ended.");
    assert!(!whereabouts(&bob).await.contains("@alice"));
    let ended = async |place: &Value| {
        let text = message(&bob, place).await["view"]["text"].clone();
        text.to_string()
            .contains("has stopped sharing")
            .then_some(())
    };
    eventually("it has ended", async || ended(&place).await).await;
    let gone = message(&alice, &place).await;
    assert!(
        !gone.to_string().contains("52.52"),
        "nothing is left of it: {gone}"
    );
    // The other one's time comes while the host is away.
    host.stop().await;
    host.pass(Duration::from_secs(60 * 60)).await;
    for _ in 0..2 {
        host.restart().await;
        eventually("the second has ended", async || ended(&second).await).await;
    }
    let log = bob.events("general", 0).await;
    let updates = log
        .iter()
        .filter(|event| event["event"] == "message.updated");
    assert_eq!(updates.count(), 2, "each ends once");
    assert!(!format!("{log:?}").contains("52.52"), "{log:?}");
    let log = host.app.backend.get("/v1/plugins/place/log").await.is(200);
    assert_eq!(log, json!({ "lines": [] }));
}

async fn a_live_location_is_stopped(database: Database) {
    let config = json!({ "keep_last_position": true });
    let (host, [alice, bob, carol]) = start(&database, config, ["alice", "bob", "carol"]).await;
    let place = show(&bob, "general", live(60)).await;
    carol
        .act(&place, "stop", json!(null))
        .await
        .refused(422, "action_refused");
    bob.act(&place, "stop", json!(null)).await.is(200);
    let kept = message(&carol, &place).await;
    let words = "📍 @bob has stopped sharing their location\ngeo:52.52,13.405;u=8";
    assert_eq!(kept["view"]["text"], words, "as the settings have it");
    bob.act(&place, "stop", json!(null))
        .await
        .refused(422, "action_refused");
    bob.act(&place, "move", at(1.0))
        .await
        .refused(422, "action_refused");
    // The channel's owner may, too.
    let place = show(&carol, "general", live(60)).await;
    alice.act(&place, "stop", json!(null)).await.is(200);
    // One that is deleted needs no end.
    let place = show(&carol, "general", live(60)).await;
    let path = format!("/v1/messages/{}", place["id"].as_str().expect("an id"));
    carol.delete(path).await.is(200);
    let nobody = async || whereabouts(&bob).await.starts_with("Nobody").then_some(());
    eventually("nobody shares any more", nobody).await;
    let updates = async || {
        let log = bob.events("general", 0).await;
        let updates = log
            .iter()
            .filter(|event| event["event"] == "message.updated");
        updates.count()
    };
    let before = updates().await;
    host.pass(Duration::from_secs(3_600)).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    assert_eq!(updates().await, before, "no timer finds anything to do");
    phone.close().await;
}

async fn whoever_leaves_shares_nothing_any_more(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, json!({}), ["alice", "bob", "carol"]).await;
    let backend = &host.app.backend;
    let place = show(&bob, "general", live(60)).await;
    carol.types("general", "/here 1.5,2.5 Home").await.is(200);
    let shares = async || whereabouts(&alice).await.contains("@bob").then_some(());
    eventually("Bob shares", shares).await;
    backend
        .delete("/v1/channels/general/participants/bob")
        .await
        .is(204);
    let gone = async || {
        let text = message(&alice, &place).await.to_string();
        (!text.contains("52.52")).then_some(())
    };
    eventually("Bob's location is taken away", gone).await;
    // What was posted for Carol goes with her.
    backend.delete("/v1/users/carol").await.is(204);
    for seconds in [0, 60, 3_600] {
        host.pass(Duration::from_secs(seconds)).await;
    }
    let deleted = async || {
        let said = format!("{:?}", alice.history("general").await);
        (!said.contains("Home") && !said.contains("1.5")).then_some(())
    };
    eventually("Carol's place is deleted", deleted).await;
}
