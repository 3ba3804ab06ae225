//! `Idempotency-Key`: whoever asks again gets the first answer, and nothing happens twice.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Database, Kind, Person, TestHost, component, draft, eventually, rewritten, stories,
};

stories!(
    a_retry_gets_the_first_answer,
    a_key_belongs_to_whoever_used_it,
    a_failed_request_frees_its_key,
    what_was_not_confirmed_is_not_done_again,
    many_retries_at_once_do_the_work_once,
    a_message_takes_its_key_as_its_id,
    a_component_with_a_key_is_bounded_too,
);

fn keyed(person: &Person, key: &str) -> Person {
    person.with_header("idempotency-key", key)
}

async fn apps(host: &TestHost) -> usize {
    let page = host
        .org
        .admin
        .get(&format!("/v1/orgs/{}/apps", host.org.id))
        .await
        .is(200);
    page["apps"].as_array().expect("apps").len()
}

async fn a_retry_gets_the_first_answer(database: Database) {
    let host = TestHost::start(&database).await;
    let (path, new) = (
        format!("/v1/orgs/{}/apps", host.org.id),
        json!({ "name": "Second" }),
    );
    let admin = keyed(&host.org.admin, "make-it-once");
    let first = admin.post(&path, new.clone()).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let first = first.is(201);
    let again = admin.post(&path, new.clone()).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    // The secret, too, which is shown this once: else whoever lost the answer would have lost the app.
    assert_eq!(again.is(201), first);
    assert_eq!(apps(&host).await, 2);
    let secret = first["key"].as_str().expect("a secret");
    host.bearer(secret).get("/v1/users").await.is(200);
    let body = secret.split_once('_').map_or(secret, |(_, body)| body);
    assert!(
        !database.dump().await.contains(body),
        "the secret is kept in plain text"
    );
    host.restart().await;
    assert_eq!(admin.post(&path, new.clone()).await.is(201), first);
    // Another body, or another route, under the same key is a mistake.
    admin
        .post(&path, json!({ "name": "Third" }))
        .await
        .refused(409, "idempotency_conflict");
    let keys = format!("/v1/orgs/{}/keys", host.org.id);
    admin
        .post(&keys, new)
        .await
        .refused(409, "idempotency_conflict");
    assert_eq!(apps(&host).await, 2);
    for bad in ["", &"x".repeat(129), "é"] {
        let answer = keyed(&host.org.admin, bad)
            .post(&keys, json!({ "name": "x" }))
            .await;
        assert_eq!(answer.invalid(), ["Idempotency-Key"], "{bad}");
    }
}

async fn a_key_belongs_to_whoever_used_it(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    let mut made = Vec::new();
    for who in [&alice, &bob, &host.app.backend, &host.other.backend] {
        let channel = keyed(who, "same")
            .post("/v1/channels", json!({ "name": "mine" }))
            .await
            .is(201);
        made.push(channel["id"].clone());
    }
    let first = made.clone();
    made.sort_by_key(Value::to_string);
    made.dedup();
    assert_eq!(made.len(), 4);
    let again = keyed(&alice, "same")
        .post("/v1/channels", json!({ "name": "mine" }))
        .await
        .is(201);
    assert_eq!(again["id"], first[0]);
    keyed(&host.org.admin, "same")
        .post(
            &format!("/v1/orgs/{}/apps", host.org.id),
            json!({ "name": "x" }),
        )
        .await
        .is(201);
}

async fn a_failed_request_frees_its_key(database: Database) {
    let host = TestHost::start(&database).await;
    let backend = keyed(&host.app.backend, "try");
    assert_eq!(
        backend
            .post("/v1/sessions", json!({ "user_id": "alice" }))
            .await
            .invalid(),
        ["user_id"]
    );
    // With the user made, the same request goes through, and so does another body before that.
    assert_eq!(
        backend
            .post("/v1/sessions", json!({ "user": "alice" }))
            .await
            .invalid()
            .len(),
        1
    );
    host.app
        .backend
        .put("/v1/users", json!({ "users": [{ "id": "alice" }] }))
        .await
        .is(200);
    let session = backend
        .post("/v1/sessions", json!({ "user_id": "alice" }))
        .await
        .is(201);
    assert_eq!(
        backend
            .post("/v1/sessions", json!({ "user_id": "alice" }))
            .await
            .is(201),
        session
    );
}

async fn what_was_not_confirmed_is_not_done_again(database: Database) {
    let host = TestHost::timeless(&database).await;
    let poll = component("poll");
    host.app.install(&poll, json!({})).await;
    let newer = rewritten(&poll, "version = \"0.1.0\"", "version = \"0.2.0\"");
    host.app.install(&newer, json!({})).await;
    let back = async |key: &str| {
        let backend = keyed(&host.app.backend, key);
        backend.post("/v1/plugins/poll/rollback", json!({})).await
    };
    let inside = host.inside().await;
    let turn = async || inside.installing.take(inside.loadouts()[0].0).await;
    let claimed = async |count: i64| {
        eventually("the key is claimed", async || {
            let claimed = database.number("SELECT COUNT(*) FROM idempotency").await;
            (claimed == count).then_some(())
        })
        .await;
    };
    // Who doesn't end in time may have died with the host.
    let waits = turn().await;
    let asking_again = async {
        claimed(1).await;
        back("late").await.refused(409, "idempotency_in_progress");
        host.pass(Duration::from_secs(61)).await;
        back("late").await.refused(409, "outcome_unknown");
        drop(waits);
    };
    let (first, ()) = tokio::join!(back("late"), asking_again);
    let first = first.is(200);
    assert_eq!(back("late").await.is(200), first, "it was not dead");
    if database.kind() == Kind::Sqlite {
        return; // Nobody takes its connection away.
    }
    host.app.install(&newer, json!({})).await;
    let waits = turn().await;
    let failing = async {
        claimed(2).await;
        let held = database.block_writes().await;
        drop(waits);
        eventually("the writer has lost its connection", async || {
            let ended = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                         WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (database.number(ended).await == 1).then_some(())
        })
        .await;
        held.end().await;
    };
    let (first, ()) = tokio::join!(back("once"), failing);
    first.refused(503, "unavailable");
    back("once").await.refused(409, "outcome_unknown");
    host.restart().await;
    back("once").await.refused(409, "outcome_unknown");
    back("once more").await.is(200);
}

async fn many_retries_at_once_do_the_work_once(database: Database) {
    let host = TestHost::start(&database).await;
    let path = format!("/v1/orgs/{}/apps", host.org.id);
    let admin = keyed(&host.org.admin, "all-at-once");
    let tries = (0..16).map(|_| admin.post(&path, json!({ "name": "Second" })));
    let answers = futures_util::future::join_all(tries).await;
    let mut made = None;
    for answer in answers {
        match answer.status {
            201 => {
                let id = answer.is(201)["app"]["id"].clone();
                assert_eq!(*made.get_or_insert(id.clone()), id);
            }
            _ => {
                assert!(answer.header("retry-after").is_some());
                assert_eq!(
                    answer.refused(409, "idempotency_in_progress")["retryable"],
                    true
                );
            }
        }
    }
    assert!(made.is_some());
    assert_eq!(apps(&host).await, 2);
}

async fn a_message_takes_its_key_as_its_id(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let me = keyed(&alice, "k1");
    let first = me
        .post("/v1/messages", draft("general", "once"))
        .await
        .is(201);
    assert_eq!(first["client_id"], "k1");
    let again = me
        .post("/v1/messages", draft("general", "once"))
        .await
        .is(200);
    assert_eq!(
        (&again["id"], &again["replayed"]),
        (&first["id"], &json!(true))
    );
    me.post("/v1/messages", draft("general", "twice"))
        .await
        .refused(409, "idempotency_conflict");
    let mut own = draft("general", "mine");
    own["client_id"] = json!("c1");
    assert_eq!(
        me.post("/v1/messages", own).await.is(201)["client_id"],
        "c1"
    );
    assert_eq!(alice.history("general").await.len(), 2);
}

async fn a_component_with_a_key_is_bounded_too(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.plugins.component_bytes_max = 64 * 1024
    })
    .await;
    let large = vec![0; 64 * 1024 + 1];
    for who in [&host.app.backend, &keyed(&host.app.backend, "k")] {
        who.upload(&large).await.refused(413, "payload_too_large");
    }
}
