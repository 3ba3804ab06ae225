//! Tokens that an app's own backend signs, with keys registered for that app.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use althing::address::Networks;
use althing::clock::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{App, Database, Outside, Person, Signer, TestHost, stories};

stories!(
    an_app_signs_its_own_tokens,
    a_key_takes_its_own_algorithm_alone,
    claims_are_checked,
    an_app_may_demand_an_audience,
    keys_are_managed,
    keys_are_fetched_from_where_an_app_publishes_them,
);

const NOW_S: i64 = 1_800_000_000;
const SECRET: &[u8] = b"a secret of thirty-two bytes or so";

async fn host(database: &Database) -> TestHost {
    TestHost::at(
        database,
        Clock::Fixed(Arc::new(AtomicI64::new(NOW_S * 1000))),
        |_| {},
    )
    .await
}

fn keys(app: &App) -> String {
    format!("/v1/apps/{}/signing-keys", app.id)
}

/// The claims of a good token of `alice`, changed.
fn claims(app: &App, changes: Value) -> Value {
    let mut claims = json!({ "sub": "alice", "app": app.id, "iat": NOW_S, "exp": NOW_S + 600 });
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

async fn an_app_signs_its_own_tokens(database: Database) {
    let host = host(&database).await;
    let (app, admin) = (&host.app, &host.org.admin);
    let alice = app.user("alice").await;
    let secret = Signer::hs256("shared", SECRET);
    let signers = [
        Signer::eddsa("edwards"),
        Signer::es256("curve"),
        Signer::rs256("rsa"),
    ];
    let new = json!({ "kid": "shared", "secret": STANDARD.encode(SECRET) });
    let made = admin.post(&keys(app), new).await;
    assert!(!made.text.contains(&STANDARD.encode(SECRET)));
    let made = made.is(201);
    assert_eq!(
        (
            &made["signing_keys"][0]["kid"],
            &made["signing_keys"][0]["algorithm"]
        ),
        (&json!("shared"), &json!("HS256"))
    );
    for signer in &signers {
        let new = json!({ "kid": signer.kid, "public_key": signer.public_pem() });
        let made = admin.post(&keys(app), new).await.is(201);
        assert_eq!(made["signing_keys"][0]["algorithm"], signer.algorithm);
    }
    let set = [
        Signer::eddsa("set-edwards"),
        Signer::es256("set-curve"),
        Signer::rs256("set-rsa"),
    ];
    let jwks = json!({ "keys": set.iter().map(Signer::jwk).collect::<Vec<_>>() });
    let made = admin
        .post(&keys(app), json!({ "jwks": jwks }))
        .await
        .is(201);
    assert_eq!(made["signing_keys"].as_array().map(Vec::len), Some(3));
    for signer in signers.iter().chain(&set).chain([&secret]) {
        let token = signer.sign(&claims(app, json!({})));
        let me = alice.with_token(&token);
        me.get("/v1/channels").await.is(200);
        assert_eq!(me.connect().await.greeting["user"]["id"], "alice");
        // A user whom the backend never told the host about is none.
        let nobody = signer.sign(&claims(app, json!({ "sub": "nobody" })));
        me.with_token(&nobody)
            .get("/v1/channels")
            .await
            .refused(401, "unauthenticated");
        // Nor does the key open the other app, whose user has the same name.
        let others = signer.sign(&claims(&host.other, json!({})));
        me.with_token(&others)
            .get("/v1/channels")
            .await
            .refused(401, "unauthenticated");
    }
    assert!(
        !database
            .dump()
            .await
            .contains(std::str::from_utf8(SECRET).expect("text")),
        "the secret is kept in plain text"
    );
}

async fn a_key_takes_its_own_algorithm_alone(database: Database) {
    let host = host(&database).await;
    let (app, admin) = (&host.app, &host.org.admin);
    let alice = app.user("alice").await;
    let real = Signer::eddsa("edwards");
    admin
        .post(
            &keys(app),
            json!({ "kid": "edwards", "public_key": real.public_pem() }),
        )
        .await
        .is(201);
    let good = claims(app, json!({}));
    alice
        .with_token(&real.sign(&good))
        .get("/v1/channels")
        .await
        .is(200);
    let refused = async |token: String, what: &str| {
        let answer = alice.with_token(&token).get("/v1/channels").await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (401, Some("unauthenticated")),
            "{what}"
        );
    };
    // The public key, which anybody may know, as if it were a shared secret.
    let confused = Signer::hs256("edwards", real.public_pem().as_bytes());
    refused(confused.sign(&good), "HS256 with the public key").await;
    refused(
        real.sign_under(&json!({ "alg": "HS256", "kid": "edwards" }), &good),
        "another alg",
    )
    .await;
    refused(
        real.sign_under(&json!({ "alg": "none", "kid": "edwards" }), &good),
        "alg none",
    )
    .await;
    refused(
        real.sign_under(&json!({ "kid": "edwards" }), &good),
        "no alg",
    )
    .await;
    refused(
        real.sign_under(&json!({ "alg": "EdDSA", "kid": "curve" }), &good),
        "an unknown kid",
    )
    .await;
    refused(
        real.sign_under(&json!({ "alg": "EdDSA" }), &good),
        "no kid with several keys",
    )
    .await;
    refused(
        real.sign_under(
            &json!({ "alg": "EdDSA", "kid": "edwards", "crit": ["exp"] }),
            &good,
        ),
        "crit",
    )
    .await;
    refused(
        real.sign_under(&json!({ "alg": "EdDSA", "kid": "session" }), &good),
        "the host's own kid",
    )
    .await;
    refused(
        Signer::eddsa("edwards").sign(&good),
        "another key of the same name",
    )
    .await;
    let embedded =
        json!({ "alg": "EdDSA", "kid": "nowhere", "jwk": Signer::eddsa("nowhere").jwk() });
    refused(
        real.sign_under(&embedded, &good),
        "a key that the token brings",
    )
    .await;
}

async fn claims_are_checked(database: Database) {
    let host = host(&database).await;
    let app = &host.app;
    let alice = app.user("alice").await;
    let signer = Signer::hs256("shared", SECRET);
    host.org
        .admin
        .post(
            &keys(app),
            json!({ "kid": "shared", "secret": STANDARD.encode(SECRET) }),
        )
        .await
        .is(201);
    let ask = async |changes: Value| {
        alice
            .with_token(&signer.sign(&claims(app, changes)))
            .get("/v1/channels")
            .await
    };
    for good in [
        json!({}),
        json!({ "iat": NOW_S + 30, "exp": NOW_S + 60 }),
        json!({ "exp": NOW_S - 29, "iat": NOW_S - 30 }),
        json!({ "exp": NOW_S + 86_400 }),
        json!({ "nbf": NOW_S, "jti": "once", "name": "Alice", "role": "owner" }),
        json!({ "aud": ["a", "b"] }),
    ] {
        ask(good).await.is(200);
    }
    for bad in [
        json!({ "exp": (NOW_S + 600).to_string() }),
        json!({ "exp": NOW_S as f64 + 600.5 }),
        json!({ "exp": NOW_S * 1000 + 600_000, "iat": NOW_S * 1000 }),
        json!({ "exp": -1 }),
        json!({ "exp": true }),
        json!({ "exp": null }),
        json!({ "iat": null }),
        json!({ "iat": "now" }),
        json!({ "iat": NOW_S + 31, "exp": NOW_S + 60 }),
        json!({ "iat": NOW_S + 700 }),
        json!({ "nbf": NOW_S + 31 }),
        json!({ "nbf": "soon" }),
        json!({ "exp": NOW_S + 86_401 }),
        json!({ "sub": null }),
        json!({ "sub": 7 }),
        json!({ "sub": "" }),
        json!({ "sub": ["alice"] }),
        json!({ "sub": "alice " }),
        json!({ "app": null }),
        json!({ "app": "app_0123456789abcdef" }),
        json!({ "app": "x" }),
        json!({ "aud": 7 }),
        json!({ "aud": [7] }),
    ] {
        let what = bad.to_string();
        let answer = ask(bad).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (401, Some("unauthenticated")),
            "{what}"
        );
    }
    ask(json!({ "exp": NOW_S - 30, "iat": NOW_S - 600 }))
        .await
        .refused(401, "token_expired");
}

async fn an_app_may_demand_an_audience(database: Database) {
    let host = host(&database).await;
    let app = &host.app;
    let alice = app.user("alice").await;
    let signer = Signer::hs256("shared", SECRET);
    host.org
        .admin
        .post(
            &keys(app),
            json!({ "kid": "shared", "secret": STANDARD.encode(SECRET) }),
        )
        .await
        .is(201);
    let with = |audience: Value| -> Person {
        alice.with_token(&signer.sign(&claims(app, json!({ "aud": audience }))))
    };
    with(json!("anything")).get("/v1/channels").await.is(200);
    host.org
        .admin
        .patch(
            &format!("/v1/apps/{}", app.id),
            json!({ "audience": "chat" }),
        )
        .await
        .is(200);
    with(json!("chat")).get("/v1/channels").await.is(200);
    with(json!(["mail", "chat"]))
        .get("/v1/channels")
        .await
        .is(200);
    for bad in [json!("chats"), json!(["mail"]), json!([]), Value::Null] {
        with(bad)
            .get("/v1/channels")
            .await
            .refused(401, "unauthenticated");
    }
    // The host's own sessions name it, those from before don't.
    app.session("alice").await.get("/v1/channels").await.is(200);
    alice
        .get("/v1/channels")
        .await
        .refused(401, "unauthenticated");
    host.org
        .admin
        .patch(&format!("/v1/apps/{}", app.id), json!({ "audience": null }))
        .await
        .is(200);
    alice.get("/v1/channels").await.is(200);
}

async fn keys_are_managed(database: Database) {
    let host = host(&database).await;
    let (app, admin) = (&host.app, &host.org.admin);
    let alice = app.user("alice").await;
    let signer = Signer::es256("curve");
    let new = json!({ "kid": "curve", "public_key": signer.public_pem() });
    admin.post(&keys(app), new.clone()).await.is(201);
    admin
        .post(&keys(app), new)
        .await
        .refused(409, "already_exists");
    let listed = admin.get(&keys(app)).await.is(200);
    let kids: Vec<(&str, bool)> = listed["signing_keys"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| (key["kid"].as_str().unwrap_or_default(), key["own"] == true))
        .collect();
    assert_eq!(kids, [("curve", false), ("session", true)]);
    let me = alice.with_token(&signer.sign(&claims(app, json!({}))));
    me.get("/v1/channels").await.is(200);
    admin
        .delete(&format!("{}/session", keys(app)))
        .await
        .refused(404, "not_found");
    admin
        .delete(&format!("{}/nothing", keys(app)))
        .await
        .refused(404, "not_found");
    admin.delete(&format!("{}/curve", keys(app))).await.is(204);
    me.get("/v1/channels").await.refused(401, "unauthenticated");
    alice.get("/v1/channels").await.is(200);
    let short = STANDARD.encode(&SECRET[..31]);
    assert_eq!(
        admin
            .post(&keys(app), json!({ "kid": "a", "secret": short }))
            .await
            .invalid(),
        ["secret"]
    );
    assert_eq!(
        admin
            .post(&keys(app), json!({ "kid": "a", "secret": "not base64!" }))
            .await
            .invalid(),
        ["secret"]
    );
    assert_eq!(
        admin
            .post(&keys(app), json!({ "secret": STANDARD.encode(SECRET) }))
            .await
            .invalid(),
        ["kid"]
    );
    assert_eq!(
        admin
            .post(&keys(app), json!({ "kid": "a", "public_key": "x" }))
            .await
            .invalid(),
        ["public_key"]
    );
    assert_eq!(
        admin
            .post(&keys(app), json!({ "jwks": { "keys": [{}] } }))
            .await
            .invalid(),
        ["jwks"]
    );
    admin
        .post(&keys(app), json!({ "kid": "a" }))
        .await
        .refused(422, "invalid");
    let both =
        json!({ "kid": "a", "secret": STANDARD.encode(SECRET), "public_key": signer.public_pem() });
    admin.post(&keys(app), both).await.refused(422, "invalid");
    let private = json!({ "kid": "a", "public_key": include_str!("../support/rs256-private.pem") });
    assert_eq!(
        admin.post(&keys(app), private).await.invalid(),
        ["public_key"]
    );
    app.backend.get(&keys(app)).await.refused(403, "forbidden");
    alice.get(&keys(app)).await.refused(403, "forbidden");
}

async fn keys_are_fetched_from_where_an_app_publishes_them(database: Database) {
    let clock = Clock::Fixed(Arc::new(AtomicI64::new(NOW_S * 1000)));
    let host = TestHost::at(&database, clock, |config| {
        config.egress.allowed_networks = Networks::loopback();
        config.egress.plain_http_networks = Networks::loopback();
        config.sessions.lifetime_s_max = 86_400;
    })
    .await;
    let (app, admin) = (&host.app, &host.org.admin);
    let alice = app.user("alice").await;
    let outside = Outside::start().await;
    let path = format!("/v1/apps/{}", app.id);
    let set = async |url: &str| admin.patch(&path, json!({ "jwks_url": url })).await;
    // What can't be had is refused, and says why.
    let nowhere = Outside::start().await.url("/");
    for (url, why) in [
        ("file:///etc/passwd", "https://"),
        ("https://user@keys.example/", "user"),
        ("https://169.254.169.254/", "may not go to"),
        (&outside.url("/jwks"), "key set"),
        (
            &outside.url("/away/https://10.0.0.1/"),
            "not among the hosts",
        ),
        (&nowhere, "can't be reached"),
    ] {
        let problem = set(url).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "jwks_url");
        assert!(problem["detail"].to_string().contains(why), "{problem}");
    }
    assert_eq!(admin.get(&path).await.is(200)["jwks_url"], Value::Null);

    let [first, second] = [Signer::eddsa("first"), Signer::es256("second")];
    let publish = |signers: &[&Signer]| {
        let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
        outside.set(&json!({ "keys": keys }).to_string());
    };
    let token = |signer: &Signer| alice.with_token(&signer.sign(&claims(app, json!({}))));
    publish(&[&first]);
    let changed = set(&outside.url("/jwks")).await.is(200);
    assert_eq!(changed["jwks_url"], outside.url("/jwks"));
    let asked = outside.heard().len();
    for _ in 0..10 {
        token(&first).get("/v1/channels").await.is(200);
    }
    assert_eq!(outside.heard().len(), asked + 1, "it is kept");
    // Whoever holds no key of the set is nobody, and can't make the host ask again and again.
    for _ in 0..10 {
        token(&second)
            .get("/v1/channels")
            .await
            .refused(401, "unauthenticated");
        let other = Signer::eddsa("first");
        token(&other)
            .get("/v1/channels")
            .await
            .refused(401, "unauthenticated");
    }
    assert_eq!(outside.heard().len(), asked + 1);
    // A key that is added is found, one that is taken back is forgotten.
    publish(&[&second]);
    host.pass(Duration::from_secs(31)).await;
    token(&second).get("/v1/channels").await.is(200);
    token(&first)
        .get("/v1/channels")
        .await
        .refused(401, "unauthenticated");
    // The app of another org knows none of them, and the host's own sessions go on.
    let stranger = second.sign(&claims(&host.other, json!({})));
    alice
        .with_token(&stranger)
        .get("/v1/channels")
        .await
        .refused(401, "unauthenticated");
    alice.get("/v1/channels").await.is(200);
    // Without its server the set is good for a while, and then told from a bad token.
    outside.set("gone");
    host.pass(Duration::from_secs(700)).await;
    let late = |signer: &Signer, after: i64| {
        let times = json!({ "iat": NOW_S + after, "exp": NOW_S + after + 600 });
        alice.with_token(&signer.sign(&claims(app, times)))
    };
    late(&second, 700).get("/v1/channels").await.is(200);
    host.pass(Duration::from_secs(3600)).await;
    let gone = late(&second, 4300).get("/v1/channels").await;
    gone.refused(503, "unavailable");
    // Nobody publishes them any more.
    admin
        .patch(&path, json!({ "jwks_url": null }))
        .await
        .is(200);
    let nobody = late(&second, 4300).get("/v1/channels").await;
    nobody.refused(401, "unauthenticated");
}
