//! What is large goes in steps, and others are served in between: it is out of everybody's reach from the
//! first on, and the last comes even if the host ends before it.

use althing::store::{HandlerCommit, Kept, KvWrite, Landed, TimerWrite};
use serde_json::{Value, json};

use super::kept::{WRONG, keeping, newest};
use crate::support::{App, ChildHost, Database, Person, TestHost, eventually, stories};

stories!(
    whoever_leaves_is_out_of_all_side_channels_at_once,
    a_channel_takes_its_side_channels_with_it_at_once,
    what_is_kept_for_one_that_is_gone_is_out_of_reach_at_once,
    what_was_begun_is_carried_on_wherever_the_host_ends,
);

/// More than two steps take of what takes several statements each, and more than one of what goes with one.
const PAIRS: usize = 45;
const VALUES: usize = 700;

/// Alice and others in a channel, where she has a side channel with each.
async fn in_many_side_channels(app: &App) -> (Person, Vec<Person>, Vec<String>) {
    let alice = app.user("alice").await;
    let names: Vec<String> = (0..PAIRS).map(|n| format!("user-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let others = app.crowd(&names).await;
    let everybody: Vec<&Person> = others.iter().chain([&alice]).collect();
    app.channel("general", &everybody).await;
    let mut sides = Vec::new();
    for name in names {
        let private =
            json!({ "channel_id": "general", "type": "text", "data": "psst", "to": name });
        let sent = alice.post("/v1/messages", private).await.is(201);
        sides.push(sent["channel_id"].as_str().expect("an id").to_owned());
    }
    (alice, others, sides)
}

async fn sides_of(who: &Person) -> usize {
    let list = who.get("/v1/channels?type=side&limit=100").await.is(200);
    list["channels"].as_array().map_or(0, Vec::len)
}

/// How often it says in each of these logs that Alice was removed.
async fn removals(others: &[Person], sides: &[String]) -> Vec<usize> {
    let mut removals = Vec::new();
    for (other, side) in others.iter().zip(sides) {
        let events = other.events(side, 0).await;
        let of_alice = |event: &&Value| {
            event["event"] == "member.removed" && event["data"]["user_id"] == "alice"
        };
        removals.push(events.iter().filter(of_alice).count());
    }
    removals
}

async fn whoever_leaves_is_out_of_all_side_channels_at_once(database: Database) {
    let host = TestHost::start(&database).await;
    let (alice, others, sides) = in_many_side_channels(&host.app).await;
    let mut phone = alice.connect().await;
    for side in &sides {
        phone.subscribe(side).await;
    }
    phone.take_events();
    database.refuse_deletes("leaving", "TRUE").await;
    let seat = "/v1/channels/general/participants/alice";
    host.app.backend.delete(seat).await.is(204);
    let told = removals(&others, &sides).await.into_iter().sum::<usize>();
    assert!(0 < told && told < PAIRS, "{told}: is it still too few?");

    // On no path, whatever others say there.
    assert_eq!(sides_of(&alice).await, 0);
    for (other, side) in others.iter().zip(&sides) {
        other.send(side, "are you there?").await;
        for route in ["", "/messages", "/events?since=0", "/participants"] {
            let path = format!("/v1/channels/{side}{route}");
            alice.get(path).await.refused(404, "not_found");
        }
        let message = json!({ "channel_id": side, "type": "text", "data": "yes" });
        phone.request("send", message).await.refused("not_found");
        let watch = json!({ "channel_id": side, "since": 0 });
        phone.request("subscribe", watch).await.refused("not_found");
    }
    let typing = json!({ "channel_id": sides[0], "typing": true });
    phone.request("typing", typing).await.refused("not_found");
    let mut heard = phone.caught_up(&host.app).await;
    assert!(
        heard
            .iter()
            .all(|event| event["event"] == "member.removed" && event["data"]["user_id"] == "alice"),
        "{heard:?}"
    );

    // Whoever comes back begins anew, and nobody is left out or told twice.
    database.allow_deletes("leaving").await;
    host.app.backend.put(seat, json!({})).await.is(200);
    assert_eq!(sides_of(&alice).await, 0);
    assert_eq!(removals(&others, &sides).await, [1; PAIRS]);
    heard.extend(phone.caught_up(&host.app).await);
    let mut told: Vec<&str> = heard
        .iter()
        .filter_map(|event| event["channel_id"].as_str())
        .filter(|id| sides.iter().any(|side| side == id))
        .collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), PAIRS);
    let private =
        json!({ "channel_id": "general", "type": "text", "data": "again", "to": "user-7" });
    let sent = alice.post("/v1/messages", private).await.is(201);
    assert_eq!(sent["channel_id"], sides[7].as_str());
    assert_eq!(sides_of(&alice).await, 1);
    let seats = format!("/v1/channels/{}/participants", sides[7]);
    let seats = alice.get(seats).await.is(200);
    assert_eq!(seats["participants"].as_array().map(Vec::len), Some(2));
    let wrong = "SELECT COUNT(*) FROM channels c WHERE participants <> \
                 (SELECT COUNT(*) FROM participants p WHERE p.channel = c.key)";
    assert_eq!(database.number(wrong).await, 0);
    phone.close().await;
}

/// Rows of channels that are gone.
const LEFT_OVER: &str = "SELECT (SELECT COUNT(*) FROM removed_channels) \
    + (SELECT COUNT(*) FROM participants WHERE channel NOT IN (SELECT key FROM channels)) \
    + (SELECT COUNT(*) FROM held WHERE channel NOT IN (SELECT key FROM channels)) \
    + (SELECT COUNT(*) FROM events WHERE channel NOT IN (SELECT key FROM channels)) \
    + (SELECT COUNT(*) FROM channels WHERE parent NOT IN (SELECT key FROM channels))";

async fn a_channel_takes_its_side_channels_with_it_at_once(database: Database) {
    let host = TestHost::start(&database).await;
    let (alice, others, sides) = in_many_side_channels(&host.app).await;
    let rules =
        json!({ "words": [{ "words": ["crypto"], "action": "hold" }], "flood_messages": 0 });
    host.app.plugin("moderation", rules).await;
    let mut waits = json!({ "channel_id": "general", "type": "text", "data": "crypto" });
    alice.post("/v1/messages", waits.clone()).await.is(202);
    waits["to"] = json!("user-1");
    alice.post("/v1/messages", waits).await.is(202);
    let secret = alice.send(&sides[3], "a secret").await;
    let mut phone = alice.connect().await;
    for side in &sides {
        phone.subscribe(side).await;
    }
    phone.take_events();
    let elsewhere = host.app.channel("elsewhere", &[&alice, &others[0]]).await;
    database
        .refuse_deletes("channels", "OLD.parent IS NOT NULL")
        .await;
    let general = "/v1/channels/general";
    host.app.backend.delete(general).await.is(204);

    // For nobody, on no path.
    assert!(database.number(LEFT_OVER).await > PAIRS as i64);
    alice.send(&elsewhere, "others are served").await;
    assert_eq!(sides_of(&alice).await, 0);
    assert_eq!(sides_of(&host.app.backend).await, 0);
    for who in [&alice, &host.app.backend] {
        for side in &sides {
            let path = format!("/v1/channels/{side}");
            who.get(&path).await.refused(404, "not_found");
            let events = format!("{path}/events?since=0");
            who.get(events).await.refused(404, "not_found");
        }
        let message = format!("/v1/messages/{}", secret["id"].as_str().expect("an id"));
        who.get(&message).await.refused(404, "not_found");
    }
    let mut into = json!({ "channel_id": sides[0], "type": "text", "data": "x" });
    phone
        .request("send", into.clone())
        .await
        .refused("not_found");
    into["as"] = json!("alice");
    let refused = host.app.backend.post("/v1/messages", into).await;
    refused.refused(404, "not_found");
    let held = host.app.backend.get("/v1/held").await.is(200);
    assert_eq!(held["held"], json!([]));
    assert!(phone.caught_up(&host.app).await.is_empty());
    let heard = phone.take_events();
    let ends = heard.iter().filter(|e| e["event"] == "channel.deleted");
    assert_eq!(ends.count(), PAIRS, "{heard:?}");
    // Another one has the id at once, and nothing of the one before.
    host.app.channel("general", &[&others[0], &others[1]]).await;
    alice.get(general).await.refused(404, "not_found");
    assert!(others[0].history("general").await.is_empty());
    assert_eq!(sides_of(&others[0]).await, 0);

    // The rest goes when the host is back.
    phone.close().await;
    host.stop().await;
    database.allow_deletes("channels").await;
    host.restart().await;
    eventually("nothing is left of it", async || {
        (database.number(LEFT_OVER).await == 0).then_some(())
    })
    .await;
    assert_eq!(others[0].events("general", 0).await.len(), 3);
}

fn values(scope: &str) -> Vec<KvWrite> {
    let value = |n| KvWrite {
        scope: scope.into(),
        key: format!("k{n}"),
        value: Some(b"v".to_vec()),
        expires_at: None,
    };
    (0..VALUES).map(value).collect()
}

async fn what_is_kept_for_one_that_is_gone_is_out_of_reach_at_once(database: Database) {
    let host = TestHost::start(&database).await;
    host.app.plugin("hostile", json!({})).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    for id in ["general", "other"] {
        host.app.channel(id, &[&alice, &bob]).await;
    }
    let sent = alice.send("other", "hello").await;
    let id = sent["id"].as_str().expect("an id");
    let message = format!("m:{id}");
    let app = host.inside().await;
    let (install, as_of) = newest(&database).await;
    let many = Kept {
        kv_keys: 10_000,
        kv_bytes: 1_000_000,
        timers: 10_000,
    };
    let keep = async |commit: HandlerCommit| {
        let commit = HandlerCommit {
            kept_max: many,
            ..commit
        };
        let landed = app.store.commit_handler(commit, as_of).await;
        landed.expect("an answer")
    };
    let gone = [message.as_str(), "c:general", "u:bob"];
    for scope in gone.iter().chain(&["c:other", "u:alice"]) {
        let landed = keep(keeping(install, values(scope), Vec::new())).await;
        assert_eq!(landed, Landed::Done);
    }
    for channel in ["general", "other"] {
        let timer = |n| TimerWrite::Set {
            name: format!("{channel}-{n}"),
            due_at: i64::MAX,
            channel: channel.into(),
            payload: "{}".into(),
        };
        let timers = (0..VALUES).map(timer).collect();
        assert_eq!(
            keep(keeping(install, Vec::new(), timers)).await,
            Landed::Done
        );
    }
    let reads = async |scope: &str| {
        let keys = app.store.list_kv(install, scope, "", "", 1000).await;
        let keys = keys.expect("keys").len();
        let mut found = 0;
        for n in 0..VALUES {
            let read = app.store.find_kv(install, scope, &format!("k{n}")).await;
            found += usize::from(read.expect("a value or none").is_some());
        }
        assert_eq!(keys, found);
        found
    };
    let backend = althing::chat::access::host(host.app.id.parse().expect("an id"));
    let due = async || {
        let due = app.store.list_timers(backend.tenant(), i64::MAX, 10_000);
        due.await.expect("timers").len()
    };
    assert_eq!(due().await, 2 * VALUES);
    for scope in gone {
        assert_eq!(reads(scope).await, VALUES);
    }

    database.refuse_deletes("removed_owners", "TRUE").await;
    alice.delete(format!("/v1/messages/{id}")).await.is(200);
    let general = "/v1/channels/general";
    host.app.backend.delete(general).await.is(204);
    host.app.backend.delete("/v1/users/bob").await.is(204);
    let notes = "SELECT COUNT(*) FROM removed_owners";
    assert_eq!(database.number(notes).await, 2, "is it still too few?");
    alice.send("other", "others are served").await;
    for scope in gone {
        assert_eq!(reads(scope).await, 0, "{scope}");
        let late = keeping(install, values(scope), Vec::new());
        assert_eq!(keep(late).await, Landed::TooLate, "{scope}");
        // Whoever looked and found nothing is not told that somebody was quicker.
        let mut looked = keeping(install, Vec::new(), Vec::new());
        let found_none = |n| (scope.to_owned(), format!("k{n}"), None);
        looked.kv_reads = (0..VALUES).map(found_none).collect();
        assert_eq!(keep(looked).await, Landed::Done, "{scope}");
    }
    assert_eq!(due().await, VALUES);
    assert_eq!(database.number(WRONG).await, 0);
    let of_bob = "SELECT COUNT(*) FROM plugin_kv WHERE scope = 'u:bob'";
    assert_eq!(database.number(of_bob).await, 0);

    // Whoever has the id next begins with nothing.
    database.allow_deletes("removed_owners").await;
    host.app.channel("general", &[&alice]).await;
    let of_channel = "SELECT (SELECT COUNT(*) FROM plugin_kv WHERE scope = 'c:general') \
                      + (SELECT COUNT(*) FROM plugin_timers WHERE channel = 'general')";
    assert_eq!(database.number(of_channel).await, 0);
    assert_eq!(reads("c:general").await, 0);
    assert_eq!(database.number(WRONG).await, 0);
    for scope in ["c:other", "u:alice"] {
        assert_eq!(reads(scope).await, VALUES, "{scope}");
    }
    drop(app);
    host.restart().await;
    eventually("nothing is left", async || {
        (database.number(notes).await == 0).then_some(())
    })
    .await;
    let kept = "SELECT COUNT(*) FROM plugin_kv";
    assert_eq!(database.number(kept).await, 2 * VALUES as i64);
    assert_eq!(database.number(WRONG).await, 0);
}

async fn what_was_begun_is_carried_on_wherever_the_host_ends(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let (alice, others, sides) = in_many_side_channels(&host.app).await;
    host.kill();
    host.restart_to_crash_at("swept").await;
    let leave = "/v1/channels/general/leave";
    alice.try_post(leave, json!({})).await;
    host.ended().await;
    host.restart().await;
    eventually("all know that she left", async || {
        (removals(&others, &sides).await == [1; PAIRS]).then_some(())
    })
    .await;
    assert_eq!(sides_of(&alice).await, 0);
    host.kill();
    // In the middle of the side channels.
    host.restart_to_crash_at("swept:2").await;
    host.app.backend.try_delete("/v1/channels/general").await;
    host.ended().await;
    assert!(database.number(LEFT_OVER).await > 0);
    host.restart().await;
    eventually("nothing is left of the channel", async || {
        (database.number(LEFT_OVER).await == 0).then_some(())
    })
    .await;
    assert_eq!(sides_of(&others[0]).await, 0);
}
