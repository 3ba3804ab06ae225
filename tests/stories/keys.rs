//! Keys of orgs and apps: shown once, replaced, revoked, and good only where they should be.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use althing::address::Networks;
use althing::clock::Clock;
use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, stories};

stories!(
    a_secret_is_shown_once_and_not_kept,
    a_rotated_key_works_until_its_time_is_over,
    a_revoked_key_ends_at_once,
    what_is_no_key_opens_nothing,
    server_keys_work_from_listed_addresses,
    forwarded_addresses_count_behind_trusted_proxies_only,
);

async fn a_secret_is_shown_once_and_not_kept(database: Database) {
    let host = TestHost::start(&database).await;
    let keys = format!("/v1/apps/{}/keys", host.app.id);
    let made = host
        .org
        .admin
        .post(&keys, json!({ "name": "second" }))
        .await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.is(201);
    let secret = made["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("srk_") && secret.len() > 40);
    let (start, end) = made["hint"]
        .as_str()
        .and_then(|hint| hint.split_once('…'))
        .expect("a hint");
    assert!(start == "srk_" && end.len() == 4 && secret.ends_with(end));
    let listed = host.org.admin.get(&keys).await;
    assert!(!listed.text.contains(secret) && !listed.text.contains("\"secret\""));
    let listed = listed.is(200);
    let names: Vec<&Value> = listed["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| &key["name"])
        .collect();
    assert_eq!(names, ["first key", "second"]);
    let kept = database.dump().await;
    for secret in [
        secret,
        host.app.backend.credential(),
        host.org.admin.credential(),
    ] {
        let body = secret.split_once('_').map_or(secret, |(_, body)| body);
        assert!(!kept.contains(body), "a secret is in the database");
    }
    host.bearer(secret).get("/v1/users").await.is(200);
    host.org
        .admin
        .post(&keys, json!({ "name": " " }))
        .await
        .invalid();
    host.app.backend.get(&keys).await.refused(403, "forbidden");
}

async fn a_rotated_key_works_until_its_time_is_over(database: Database) {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let host = TestHost::at(&database, Clock::Fixed(now.clone()), |_| {}).await;
    let keys = format!("/v1/apps/{}/keys", host.app.id);
    let old = &host.app.backend;
    let listed = host.org.admin.get(&keys).await.is(200);
    let id = listed["keys"][0]["id"].as_str().expect("an id").to_owned();
    let rotated = host
        .org
        .admin
        .post(&format!("{keys}/{id}/rotate"), json!({ "overlap_s": 60 }))
        .await
        .is(201);
    let new = old.holding(&rotated["secret"]);
    assert_ne!(rotated["id"], json!(id));
    for key in [old, &new] {
        key.get("/v1/users").await.is(200);
    }
    now.fetch_add(59_999, Ordering::Relaxed);
    old.get("/v1/users").await.is(200);
    now.fetch_add(1, Ordering::Relaxed);
    old.get("/v1/users").await.refused(401, "unauthenticated");
    new.get("/v1/users").await.is(200);
    // Rotating what has ended does not bring it back.
    host.org
        .admin
        .post(&format!("{keys}/{id}/rotate"), json!({ "overlap_s": 3600 }))
        .await
        .is(201);
    old.get("/v1/users").await.refused(401, "unauthenticated");
    let path = format!("{keys}/{id}/rotate");
    assert_eq!(
        host.org
            .admin
            .post(&path, json!({ "overlap_s": 604_801 }))
            .await
            .invalid(),
        ["overlap_s"]
    );
    // Without an overlap the old one ends at once, and without a body an hour later.
    let id = rotated["id"].as_str().expect("an id");
    let last = host
        .org
        .admin
        .post(&format!("{keys}/{id}/rotate"), json!({ "overlap_s": 0 }))
        .await
        .is(201);
    new.get("/v1/users").await.refused(401, "unauthenticated");
    let id = last["id"].as_str().expect("an id");
    host.org
        .admin
        .request("POST", &format!("{keys}/{id}/rotate"), None)
        .await
        .is(201);
    now.fetch_add(3_599_999, Ordering::Relaxed);
    old.holding(&last["secret"]).get("/v1/users").await.is(200);
    now.fetch_add(1, Ordering::Relaxed);
    old.holding(&last["secret"])
        .get("/v1/users")
        .await
        .refused(401, "unauthenticated");
}

async fn a_revoked_key_ends_at_once(database: Database) {
    let host = TestHost::start(&database).await;
    let keys = format!("/v1/orgs/{}/keys", host.org.id);
    let made = host
        .org
        .admin
        .post(&keys, json!({ "name": "second" }))
        .await
        .is(201);
    let second = host.org.admin.holding(&made["secret"]);
    let id = made["id"].as_str().expect("an id");
    let org = format!("/v1/orgs/{}", host.org.id);
    second.get(&org).await.is(200);
    host.other
        .org
        .admin
        .delete(&format!("{keys}/{id}"))
        .await
        .refused(404, "not_found");
    // Nor under the other's own path.
    let elsewhere = format!("/v1/orgs/{}/keys/{id}", host.other.org.id);
    host.other
        .org
        .admin
        .delete(&elsewhere)
        .await
        .refused(404, "not_found");
    second.get(&org).await.is(200);
    host.org.admin.delete(&format!("{keys}/{id}")).await.is(204);
    second.get(&org).await.refused(401, "unauthenticated");
    host.org.admin.get(&org).await.is(200);
}

async fn what_is_no_key_opens_nothing(database: Database) {
    let host = TestHost::start(&database).await;
    let good = host.app.backend.credential();
    let mut changed = good.to_owned();
    let last = if changed.pop() == Some('a') { 'b' } else { 'a' };
    changed.push(last);
    let as_org = good.replace("srk_", "ogk_");
    for bad in [
        "x",
        "srk_",
        "srk_00000000000000000000",
        "opk_x",
        &changed,
        &as_org,
        "Bearer",
        "a.b.c",
        "eyJhbGciOiJub25lIn0.e30.",
    ] {
        host.bearer(bad)
            .get("/v1/users")
            .await
            .refused(401, "unauthenticated");
    }
    let stranger = host.stranger();
    stranger
        .get("/v1/users")
        .await
        .refused(401, "unauthenticated");
    let with = |value: &str| stranger.with_header("authorization", value);
    with(&format!("Basic {good}"))
        .get("/v1/users")
        .await
        .refused(401, "unauthenticated");
    with(good)
        .get("/v1/users")
        .await
        .refused(401, "unauthenticated");
    with(&format!("bearer {good}"))
        .get("/v1/users")
        .await
        .is(200);
    // Two credentials: whose request would it be?
    let two = host.app.backend.with_header(
        "authorization",
        &format!("Bearer {}", host.other.backend.credential()),
    );
    two.get("/v1/users").await.refused(401, "unauthenticated");
    // Credentials don't travel in URLs.
    stranger
        .get(&format!("/v1/users?token={good}"))
        .await
        .refused(401, "unauthenticated");
}

async fn server_keys_work_from_listed_addresses(database: Database) {
    let host = TestHost::start(&database).await;
    let path = format!("/v1/apps/{}", host.app.id);
    let alice = host.app.user("alice").await;
    host.org
        .admin
        .patch(&path, json!({ "allowed_ips": ["203.0.113.0/24"] }))
        .await
        .is(200);
    host.app
        .backend
        .get("/v1/users")
        .await
        .refused(403, "address_not_allowed");
    // End users may be anywhere, and so may the tenant's admin.
    alice.get("/v1/channels").await.is(200);
    host.org.admin.get(&path).await.is(200);
    host.org
        .admin
        .patch(&path, json!({ "allowed_ips": [] }))
        .await
        .is(200);
    host.app
        .backend
        .get("/v1/users")
        .await
        .refused(403, "address_not_allowed");
    // Nobody stands in front of this host whose word would count.
    let pretending = host.app.backend.with_header("x-forwarded-for", "127.0.0.1");
    pretending
        .get("/v1/users")
        .await
        .refused(403, "address_not_allowed");
    host.org
        .admin
        .patch(&path, json!({ "allowed_ips": ["127.0.0.1"] }))
        .await
        .is(200);
    host.app.backend.get("/v1/users").await.is(200);
    for bad in ["10.0.0.1/8", "10.0.0.0/33", "localhost", "", "::/0/0"] {
        let faults = host
            .org
            .admin
            .patch(&path, json!({ "allowed_ips": [bad] }))
            .await
            .invalid();
        assert_eq!(faults, ["allowed_ips"], "{bad}");
    }
    host.app.backend.get("/v1/users").await.is(200);
}

async fn forwarded_addresses_count_behind_trusted_proxies_only(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.server.trusted_proxies =
            Networks::parse(["127.0.0.1", "10.0.0.0/8"]).expect("networks");
    })
    .await;
    let path = format!("/v1/apps/{}", host.app.id);
    host.org
        .admin
        .patch(
            &path,
            json!({ "allowed_ips": ["203.0.113.0/24", "2001:db8::/32"] }),
        )
        .await
        .is(200);
    let from = |hops: &str| -> Person { host.app.backend.with_header("x-forwarded-for", hops) };
    for good in [
        "203.0.113.9",
        "198.51.100.1, 203.0.113.9",
        "203.0.113.9, 10.1.2.3",
        "203.0.113.9:4711",
        "::ffff:203.0.113.9",
        "2001:db8::1",
        "[2001:db8::1]:443",
    ] {
        from(good).get("/v1/users").await.is(200);
    }
    for bad in [
        "198.51.100.1",
        "203.0.113.9, 198.51.100.1",
        "2001:db9::1",
        "127.0.0.1",
    ] {
        from(bad)
            .get("/v1/users")
            .await
            .refused(403, "address_not_allowed");
    }
    for bad in ["rubbish", "203.0.113.9, ", "unknown"] {
        from(bad).get("/v1/users").await.refused(400, "malformed");
    }
    host.app
        .backend
        .get("/v1/users")
        .await
        .refused(403, "address_not_allowed");
    // A second header goes on where the first ends.
    from("203.0.113.9")
        .with_header("x-forwarded-for", "198.51.100.1")
        .get("/v1/users")
        .await
        .refused(403, "address_not_allowed");
}
