//! What plugins keep, values and timers: how much of it, and how it goes.

use std::time::Duration;

use althing::model::InstallId;
use althing::store::{AsOf, Cause, HandlerCommit, Kept, KvWrite, Landed, TimerWrite};
use serde_json::json;

use crate::support::{Database, Person, TestHost, eventually, stories};

stories!(
    what_is_kept_is_counted,
    an_install_keeps_so_much,
    what_a_removed_plugin_kept_goes_even_if_the_host_stops,
    what_is_kept_of_messages_goes_with_their_channel,
    nothing_is_kept_for_somebody_who_is_gone,
    what_is_set_for_a_channel_ends_with_it,
    values_that_expire_do_not_pile_up,
);

/// Installs that keep another number of values, bytes or timers than they are said to.
pub const WRONG: &str = "SELECT COUNT(*) FROM installs i \
    WHERE kv_keys <> (SELECT COUNT(*) FROM plugin_kv k WHERE k.install = i.id) \
    OR kv_bytes <> (SELECT COALESCE(SUM(OCTET_LENGTH(key) + OCTET_LENGTH(value)), 0) FROM plugin_kv k WHERE k.install = i.id) \
    OR timers <> (SELECT COUNT(*) FROM plugin_timers t WHERE t.install = i.id)";
const KEYS: &str = "SELECT CAST(SUM(kv_keys) AS BIGINT) FROM installs";
const TIMERS: &str = "SELECT CAST(SUM(timers) AS BIGINT) FROM installs";

async fn types(who: &Person, line: &str) {
    let answer = who.types("general", line).await;
    assert_eq!(answer.status, 200, "{line}: {}", answer.text);
}

async fn what_is_kept_is_counted(database: Database) {
    let host = TestHost::timeless(&database).await;
    host.other.plugin("hostile", json!({})).await;
    host.app.plugin("hostile", json!({})).await;
    host.app
        .plugin("assistant", json!({ "greeting": "" }))
        .await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    types(&host.other.session("alice").await, "/hostile set 3 7").await;
    let keeps = async |keys: i64, timers: i64, when: &str| {
        assert_eq!(database.number(WRONG).await, 0, "{when}");
        let kept = (database.number(KEYS).await, database.number(TIMERS).await);
        assert_eq!(kept, (keys, timers), "{when}");
    };
    keeps(3, 0, "the neighbour's").await;
    for (line, keys, timers) in [
        ("/hostile set 5 10", 8, 0),
        ("/hostile set 3 20", 8, 0),
        ("/hostile swap", 9, 0),
        ("/hostile swap", 9, 0),
        ("/hostile write-read 3 5", 10, 0),
        ("/hostile list", 12, 0),
        ("/remind in 2 hours feed the cat", 13, 1),
        ("/remind in 1 minute öl nachfüllen", 14, 2),
        ("/remind cancel 1", 13, 1),
    ] {
        types(&alice, line).await;
        keeps(keys, timers, line).await;
    }
    // What `swap` wrote expires, and goes with the next write; the reminder comes and goes.
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    host.pass(Duration::from_secs(60)).await;
    phone.next_event("message.new").await;
    types(&bob, "/hostile set 1 1").await;
    keeps(11, 0, "after a minute").await;
    // What belongs to somebody goes with its owner.
    types(&alice, "/remind in 2 hours write").await;
    keeps(12, 1, "another reminder").await;
    host.app.backend.delete("/v1/users/alice").await.is(204);
    keeps(11, 1, "without Alice").await;
    host.app
        .backend
        .delete("/v1/channels/general")
        .await
        .is(204);
    keeps(6, 0, "without the channel").await;
    phone.close().await;
}

async fn an_install_keeps_so_much(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.plugins.kv_keys_max = 150;
        config.plugins.kv_bytes_max = 100_000;
    })
    .await;
    host.other.plugin("hostile", json!({})).await;
    host.app.plugin("hostile", json!({})).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    // The plugin is told at once, and what it wrote before is kept.
    let full = async |line: &str, at: &str| {
        let answer = alice.types("general", line).await.is(200);
        let report = answer["reply"]["text"].as_str().expect("a report");
        let told = report.starts_with(at) && report.contains("as many values");
        assert!(told, "{line}: {report}");
        assert_eq!(database.number(WRONG).await, 0, "{line}");
    };
    let namesake = host.other.session("alice").await;
    types(&namesake, "/hostile set 150 1").await;
    types(&alice, "/hostile set 149 1").await;
    types(&alice, "/hostile swap").await;
    full("/hostile set 150 1", "149: ").await;
    types(&alice, "/hostile set 149 2").await;
    full("/hostile set 2 60000", "1: ").await;
    types(&alice, "/hostile set 1 60000").await;
    types(&alice, "/hostile set 1 1").await;
    // What has expired takes no room, though there is too much of it to be cleared away at once.
    database
        .run(
            "UPDATE plugin_kv SET expires_at = 2 WHERE key = 'key'; UPDATE plugin_kv SET expires_at = 1 \
             WHERE install = (SELECT MIN(id) FROM installs)",
        )
        .await;
    types(&alice, "/hostile set 150 1").await;
    full("/hostile list", "").await;
    types(&namesake, "/hostile list").await;
    assert_eq!(database.number(WRONG).await, 0);
}

/// As it is when the host ended just after it had removed a plugin.
async fn what_a_removed_plugin_kept_goes_even_if_the_host_stops(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let namesake = host.other.session("alice").await;
    host.other.plugin("assistant", json!({})).await;
    host.app.plugin("assistant", json!({})).await;
    types(&alice, "/remind in 2 hours feed the canary").await;
    types(&namesake, "/remind in 2 hours watch the robin").await;
    host.stop().await;
    database
        .run(
            "INSERT INTO removed_installs (install) SELECT MAX(id) FROM installs; \
             DELETE FROM installs WHERE id = (SELECT MAX(id) FROM installs)",
        )
        .await;
    assert!(database.dump().await.contains("canary"));
    host.restart().await;
    eventually("nothing is left of it", async || {
        let left = "SELECT COUNT(*) FROM removed_installs";
        (database.number(left).await == 0).then_some(())
    })
    .await;
    let left = database.dump().await;
    assert!(!left.contains("canary") && left.contains("robin"));
    assert_eq!(
        database.number("SELECT COUNT(*) FROM plugin_timers").await,
        1
    );
}

async fn what_is_kept_of_messages_goes_with_their_channel(database: Database) {
    let host = TestHost::start(&database).await;
    host.app.plugin("hostile", json!({})).await;
    host.other.plugin("hostile", json!({})).await;
    let alice = host.app.user("alice").await;
    let namesake = host.other.session("alice").await;
    for id in ["general", "other"] {
        host.app.channel(id, &[&alice]).await;
    }
    let note = async |who: &Person, channel: &str| {
        let sent = who.send(channel, "hello").await;
        types(
            who,
            &format!("/hostile note {}", sent["id"].as_str().expect("an id")),
        )
        .await;
    };
    for _ in 0..3 {
        note(&alice, "general").await;
    }
    note(&alice, "other").await;
    note(&namesake, "general").await;
    assert_eq!(database.number(KEYS).await, 5);
    let general = "/v1/channels/general";
    host.app.backend.delete(general).await.is(204);
    eventually("the log is cleared away", async || {
        let left = "SELECT COUNT(*) FROM removed_channels";
        (database.number(left).await == 0).then_some(())
    })
    .await;
    assert_eq!(database.number(KEYS).await, 2);
    assert_eq!(database.number(WRONG).await, 0);
}

/// What a call writes for somebody who is removed before it is through.
async fn nothing_is_kept_for_somebody_who_is_gone(database: Database) {
    let host = TestHost::start(&database).await;
    host.app.plugin("hostile", json!({})).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    for id in ["general", "other"] {
        host.app.channel(id, &[&alice, &bob]).await;
    }
    let [here, gone] = [
        alice.send("other", "one").await,
        alice.send("other", "two").await,
    ];
    let [here, gone] = [&here, &gone].map(|sent| sent["id"].as_str().expect("an id").to_owned());
    let path = format!("/v1/messages/{gone}");
    alice.delete(&path).await.is(200);
    host.app.backend.delete("/v1/users/bob").await.is(204);
    host.app
        .backend
        .delete("/v1/channels/general")
        .await
        .is(204);
    let app = host.inside().await;
    let (install, as_of) = newest(&database).await;
    let keep = async |scope: &str, timer: &str| {
        let value = KvWrite {
            scope: scope.into(),
            key: "k".into(),
            value: Some(b"v".to_vec()),
            expires_at: None,
        };
        let timer = TimerWrite::Set {
            name: "t".into(),
            due_at: i64::MAX,
            channel: timer.into(),
            payload: "{}".into(),
        };
        let commit = keeping(install, vec![value], vec![timer]);
        let landed = app.store.commit_handler(commit, as_of).await;
        landed.expect("an answer") == Landed::Done
    };
    let (here, gone) = (format!("m:{here}"), format!("m:{gone}"));
    for (scope, timer, landed) in [
        ("p", "", true),
        ("u:alice", "", true),
        ("c:other", "other", true),
        (&here, "", true),
        ("u:bob", "", false),
        ("c:general", "", false),
        (&gone, "", false),
        ("m:nothing", "", false),
        ("p", "general", false),
    ] {
        assert_eq!(keep(scope, timer).await, landed, "{scope}, {timer}");
    }
    assert_eq!(database.number(KEYS).await, 4);
    assert_eq!(database.number(WRONG).await, 0);
}

/// The install that was changed last, and as of when.
pub async fn newest(database: &Database) -> (InstallId, AsOf) {
    let install = InstallId(database.number("SELECT MAX(id) FROM installs").await);
    let as_of = AsOf {
        updated_at: database
            .number("SELECT MAX(updated_at) FROM installs")
            .await,
        tried_since: None,
    };
    (install, as_of)
}

/// A call that keeps this.
pub fn keeping(install: InstallId, values: Vec<KvWrite>, timers: Vec<TimerWrite>) -> HandlerCommit {
    HandlerCommit {
        install,
        cause: Cause::Request,
        depth: 1,
        kv_reads: Vec::new(),
        kv_writes: values,
        timers,
        chat: Vec::new(),
        kept_max: Kept {
            kv_keys: 10,
            kv_bytes: 1000,
            timers: 10,
        },
    }
}

/// However short their lives are: what nobody may read any more takes room on the disk.
async fn values_that_expire_do_not_pile_up(database: Database) {
    const EACH: usize = 150;
    let host = TestHost::start(&database).await;
    host.app.plugin("bookkeeper", json!({})).await;
    let app = host.inside().await;
    let (install, as_of) = newest(&database).await;
    for round in 0..6 {
        let value = |n| KvWrite {
            scope: "p".into(),
            key: format!("{round}-{n}"),
            value: Some(b"v".to_vec()),
            expires_at: Some(1),
        };
        let commit = keeping(install, (0..EACH).map(value).collect(), Vec::new());
        let landed = app.store.commit_handler(commit, as_of).await;
        assert_eq!(landed.expect("an answer"), Landed::Done);
        assert_eq!(database.number(KEYS).await, EACH as i64, "round {round}");
    }
    assert_eq!(database.number(WRONG).await, 0);
}

/// A channel that is made anew under the same id is another one, perhaps of other people.
async fn what_is_set_for_a_channel_ends_with_it(database: Database) {
    let host = TestHost::timeless(&database).await;
    let quiet = json!({ "greeting": "" });
    host.other.plugin("assistant", quiet.clone()).await;
    host.app.plugin("assistant", quiet).await;
    let [alice, carol] = host.app.users(["alice", "carol"]).await;
    host.app.channel("general", &[&alice]).await;
    host.app.channel("other", &[&alice]).await;
    let namesake = host.other.session("alice").await;
    types(&alice, "/remind in 1 minute the canary").await;
    let elsewhere = alice.types("other", "/remind in 1 minute the robin").await;
    elsewhere.is(200);
    types(&namesake, "/remind in 1 minute the wren").await;
    assert_eq!(database.number(TIMERS).await, 3);
    let general = "/v1/channels/general";
    host.app.backend.delete(general).await.is(204);
    assert_eq!(database.number(TIMERS).await, 2);
    host.app.channel("general", &[&carol]).await;
    let mut phone = alice.connect().await;
    phone.subscribe("other").await;
    host.pass(Duration::from_secs(60)).await;
    phone.next_event("message.new").await;
    assert!(carol.history("general").await.is_empty());
    assert_eq!(database.number(WRONG).await, 0);
    phone.close().await;
}
