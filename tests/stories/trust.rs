//! Versions of plugins may be signed, and an app may insist on it.

use althing::plugins::{PublicKey, parse_manifest, sign};
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};

use crate::support::{Answer, Database, TestHost, component, rewritten, stories};

stories!(
    who_signed_a_version_is_told,
    an_app_may_insist_on_signatures,
    a_key_that_was_revoked_is_noticed,
    a_signature_holds_for_these_bytes_alone,
    signatures_may_lie_anywhere_at_the_top_and_twice,
    no_bytes_in_a_signature_do_harm,
    there_is_no_way_back_below_the_least_version,
    what_an_upgrade_wants_waits_for_consent,
);

const SECTION: &str = "althing:signature";
const SIGNED_AT: &str = "2026-03-01T12:00:00Z";

struct Signer {
    pair: Ed25519KeyPair,
    key: String,
}

fn signer() -> Signer {
    let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).expect("a pair");
    let key = PublicKey::of(&pair).expect("a public key").to_text();
    Signer { pair, key }
}

fn manifest() -> String {
    std::fs::read_to_string(crate::support::workspace().join("tests/guests/noop-guard/plugin.toml"))
        .expect("a manifest")
}

/// The guard that does nothing, signed.
fn signed(bytes: &[u8], signer: &Signer) -> Vec<u8> {
    let manifest = parse_manifest(manifest().as_bytes()).expect("it is read");
    sign(bytes, &manifest, &signer.pair, SIGNED_AT.into()).expect("it is signed")
}

const PLUGIN: &str = "/v1/plugins/noop-guard";

async fn trust(host: &TestHost, policy: Value) -> Value {
    let path = format!("/v1/apps/{}/plugin-trust", host.app.id);
    host.operator().put(path, policy).await.is(200)
}

async fn upload(host: &TestHost, bytes: &[u8]) -> Answer {
    host.app.backend.upload(bytes).await
}

fn refused_for(answer: Answer, reason: &str) {
    let problem = answer.refused(422, "plugin_refused");
    assert_eq!(problem["reason"], reason, "{problem}");
}

async fn who_signed_a_version_is_told(database: Database) {
    let host = TestHost::start(&database).await;
    let (ours, theirs) = (signer(), signer());
    let bytes = signed(&signed(&component("noop-guard"), &ours), &theirs);
    let known = upload(&host, &bytes).await.is(201);
    let expected = |signer: &Signer, trust: &str| {
        let id = PublicKey::parse(&signer.key).expect("a key").id();
        json!({ "key": signer.key, "key_id": id, "trust": trust, "signed_at": SIGNED_AT })
    };
    let unknown = json!([expected(&ours, "unknown"), expected(&theirs, "unknown")]);
    assert_eq!(known["signatures"], unknown);
    let policy = json!({ "keys": [
        { "key": ours.key, "name": "Our releases", "plugins": ["noop-*"] },
        { "key": theirs.key, "name": "Theirs", "plugins": ["poll"] },
    ] });
    let told = trust(&host, policy).await;
    assert_eq!(told["required"], false);
    assert_eq!(told["keys"][0]["id"], expected(&ours, "")["key_id"]);
    let plugin = host.app.backend.get(PLUGIN).await.is(200);
    for signatures in [
        &plugin["component"]["signatures"],
        &plugin["versions"][0]["signatures"],
    ] {
        assert_eq!(signatures[0]["trust"], "trusted");
        assert_eq!(signatures[0]["name"], "Our releases");
        assert_eq!(
            signatures[1]["trust"], "unknown",
            "it is trusted for another plugin"
        );
    }
    // The app next door trusts nobody, and is told nothing.
    let path = format!("/v1/apps/{}/plugin-trust", host.other.id);
    let nobody = host.other.backend.get(path).await.is(200);
    assert_eq!(
        nobody,
        json!({ "required": false, "keys": [], "least_versions": {} })
    );
    for (policy, field) in [
        (
            json!({ "keys": [{ "key": "AAAA", "name": "x" }] }),
            "keys[0].key",
        ),
        (
            json!({ "keys": [{ "key": ours.key, "name": "" }] }),
            "keys[0].name",
        ),
        (
            json!({ "keys": [{ "key": ours.key, "name": "x", "plugins": ["*a"] }] }),
            "keys[0].plugins",
        ),
        (
            json!({ "keys": [{ "key": ours.key, "name": "x" }, { "key": ours.key, "name": "y" }] }),
            "keys[1].key",
        ),
        (
            json!({ "least_versions": { "poll": "one" } }),
            "least_versions",
        ),
        (json!({ "necessary": true }), "necessary"),
    ] {
        let path = format!("/v1/apps/{}/plugin-trust", host.app.id);
        let answer = host.operator().put(path, policy.clone()).await;
        assert_eq!(answer.invalid(), [field], "{policy}");
    }
}

async fn an_app_may_insist_on_signatures(database: Database) {
    let host = TestHost::start(&database).await;
    let (ours, theirs) = (signer(), signer());
    let plain = component("noop-guard");
    let known = upload(&host, &plain).await.is(201);
    let key = |plugins: Value| json!({ "required": true, "keys": [{ "key": ours.key, "name": "Us", "plugins": plugins }] });
    trust(&host, key(json!([]))).await;
    // Also what was uploaded before.
    let set = async |digest: &Value| {
        let install = json!({ "digest": digest });
        host.app.backend.put(PLUGIN, install).await
    };
    refused_for(set(&known["digest"]).await, "plugin_not_signed");
    refused_for(upload(&host, &plain).await, "plugin_not_signed");
    refused_for(
        upload(&host, &signed(&plain, &theirs)).await,
        "plugin_not_signed",
    );
    let good = signed(&signed(&plain, &theirs), &ours);
    let known = upload(&host, &good).await.is(201);
    set(&known["digest"]).await.is(200);
    // For other plugins only.
    trust(&host, key(json!(["poll", "assist*"]))).await;
    refused_for(set(&known["digest"]).await, "plugin_not_signed");
    let off = json!({ "enabled": false });
    host.app.backend.put(PLUGIN, off).await.is(200);
    refused_for(upload(&host, &good).await, "plugin_not_signed");
    host.other.backend.upload(&plain).await.is(201);
}

async fn a_key_that_was_revoked_is_noticed(database: Database) {
    let host = TestHost::start(&database).await;
    let (ours, newer) = (signer(), signer());
    let old = signed(&component("noop-guard"), &ours);
    let known = upload(&host, &old).await.is(201);
    let key = |signer: &Signer, revoked: bool| json!({ "key": signer.key, "name": "Us", "revoked": revoked });
    trust(
        &host,
        json!({ "required": true, "keys": [key(&ours, false)] }),
    )
    .await;
    let install = json!({ "digest": known["digest"] });
    let backend = &host.app.backend;
    backend.put(PLUGIN, install.clone()).await.is(200);
    // Nobody insists any more, but what a revoked key has signed is not taken as if nobody had.
    trust(&host, json!({ "keys": [key(&ours, true)] })).await;
    let plugin = backend.get(PLUGIN).await.is(200);
    assert_eq!(plugin["component"]["signatures"][0]["trust"], "revoked");
    refused_for(
        backend.put(PLUGIN, install.clone()).await,
        "plugin_key_revoked",
    );
    refused_for(upload(&host, &old).await, "plugin_key_revoked");
    let [alice] = host.app.users(["alice"]).await;
    host.app.channel("general", &[&alice]).await;
    alice.send("general", "what runs runs on").await;
    // A trusted signature beside it is enough.
    trust(
        &host,
        json!({ "keys": [key(&ours, true), key(&newer, false)] }),
    )
    .await;
    let both = signed(&old, &newer);
    let known = upload(&host, &both).await.is(201);
    backend
        .put(PLUGIN, json!({ "digest": known["digest"] }))
        .await
        .is(200);
    // There is no way back to what only the revoked key has signed, and none by a trial.
    let back = backend.post(format!("{PLUGIN}/rollback"), json!({})).await;
    refused_for(back, "plugin_key_revoked");
    let trial = json!({ "mode": "shadow", "digest": install["digest"] });
    let trial = backend.put(format!("{PLUGIN}/rollout"), trial).await;
    refused_for(trial, "plugin_key_revoked");
}

async fn a_signature_holds_for_these_bytes_alone(database: Database) {
    let host = TestHost::start(&database).await;
    let (ours, theirs) = (signer(), signer());
    let plain = component("noop-guard");
    let good = signed(&plain, &ours);
    let bad = async |bytes: &[u8]| {
        refused_for(upload(&host, bytes).await, "plugin_signature_invalid");
    };
    // Another byte, as harmless as it may be.
    bad(&rewritten(
        &good,
        "Lets every message pass",
        "Lets every message Pass",
    ))
    .await;
    // Another key than the one that signed.
    bad(&rewritten(&good, &ours.key, &theirs.key)).await;
    // Another statement: the same signature for another time.
    bad(&rewritten(&good, SIGNED_AT, "2026-03-02T12:00:00Z")).await;
    // A signature of another component or version.
    let other = rewritten(&plain, "version = \"0.1.0\"", "version = \"0.2.0\"");
    let section = &good[plain.len()..];
    bad(&[&other[..], section].concat()).await;
    // Something more, signed or not.
    bad(&[&good[..], &custom("extra", b"x")].concat()).await;
    // One that holds does not make up for one that doesn't.
    let two = signed(&good, &theirs);
    bad(&rewritten(&two, &ours.key, &signer().key)).await;
    let known = host.app.backend.get("/v1/plugins").await.is(200);
    assert_eq!(known, json!({ "plugins": [] }));
    upload(&host, &good).await.is(201);
}

/// A custom section.
fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    let mut body = vec![name.len() as u8];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(content);
    let mut section = vec![0];
    let mut size = body.len();
    while size >= 0x80 {
        section.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    section.push(size as u8);
    section.extend(body);
    section
}

async fn signatures_may_lie_anywhere_at_the_top_and_twice(database: Database) {
    let host = TestHost::start(&database).await;
    let ours = signer();
    let plain = component("noop-guard");
    let good = signed(&plain, &ours);
    let section = &good[plain.len()..];
    let (head, rest) = plain.split_at(8);
    let twice = [&good[..], section].concat();
    let first = [head, section, rest].concat();
    let around = [head, section, rest, section].concat();
    for bytes in [twice, first, around] {
        let known = upload(&host, &bytes).await.is(201);
        let signatures = known["signatures"].as_array().expect("a list");
        assert_eq!(signatures.len(), 1, "a key counts once");
        assert_eq!(signatures[0]["key"], json!(ours.key));
    }
    // Signed again with the same key, the earlier signature goes.
    assert_eq!(signed(&good, &ours).len(), good.len());
    let many = [&plain[..], &section.repeat(9)].concat();
    refused_for(upload(&host, &many).await, "plugin_signature_invalid");
}

async fn no_bytes_in_a_signature_do_harm(database: Database) {
    let host = TestHost::start(&database).await;
    let ours = signer();
    let plain = component("noop-guard");
    let good = signed(&plain, &ours);
    let content = good[plain.len()..].to_vec();
    let start = content.iter().position(|byte| *byte == b'{').expect("JSON");
    let json = &content[start..];
    let text = String::from_utf8(json.to_vec()).expect("text");
    let mut contents: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{}".to_vec(),
        b"null".to_vec(),
        vec![0xff; 100],
        vec![b'['; 4_000],
        vec![b'x'; 100_000],
        text.replace("\"signature\":\"", "\"signature\":\"!")
            .into_bytes(),
        text.replace("{\"statement\"", "{\"more\":1,\"statement\"")
            .into_bytes(),
        text.replace("\\\"key\\\":", "\\\"key\\\":\\\"\\\",\\\"key\\\":")
            .into_bytes(),
    ];
    // Cut off anywhere, and with any byte another.
    contents.extend((0..json.len()).step_by(37).map(|at| json[..at].to_vec()));
    contents.extend((0..json.len()).step_by(29).map(|at| {
        let mut json = json.to_vec();
        json[at] ^= 0x15;
        json
    }));
    for content in contents {
        let bytes = [&plain[..], &custom(SECTION, &content)].concat();
        let answer = upload(&host, &bytes).await;
        assert_eq!(answer.status, 422, "{content:?}: {}", answer.text);
    }
    // Sections that reach beyond the end.
    for broken in [
        &[0][..],
        &[0, 0xff],
        &[0, 5, 17],
        &[0, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        let answer = upload(&host, &[&good[..], broken].concat()).await;
        assert_eq!(answer.status, 422, "{broken:?}: {}", answer.text);
    }
}

async fn there_is_no_way_back_below_the_least_version(database: Database) {
    let host = TestHost::start(&database).await;
    let old = component("noop-guard");
    let new = rewritten(&old, "version = \"0.1.0\"", "version = \"0.2.0\"");
    host.app.install(&old, json!({})).await;
    host.app.install(&new, json!({})).await;
    trust(
        &host,
        json!({ "least_versions": { "noop-guard": "0.2.0" } }),
    )
    .await;
    refused_for(upload(&host, &old).await, "plugin_version_too_low");
    let backend = &host.app.backend;
    let back = backend.post(format!("{PLUGIN}/rollback"), json!({})).await;
    refused_for(back, "plugin_version_too_low");
    upload(&host, &new).await.is(201);
    host.other.backend.upload(&old).await.is(201);
}

async fn what_an_upgrade_wants_waits_for_consent(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let backend = &app.backend;
    let path = "/v1/plugins/hostile";
    let old = component("hostile");
    let known = backend.upload(&old).await.is(201);
    let grants = json!([
        "kv",
        "counters",
        "chat-read",
        "chat-write",
        "chat-attach",
        "timers",
        "http",
        "public-routes:/hook"
    ]);
    let install = json!({ "digest": known["digest"], "grants": grants });
    let before = backend.put(path, install).await.is(200);
    assert_eq!(
        before["versions"][0].get("wants"),
        None,
        "it is the one that runs"
    );
    // A version that opens one route more, and goes to one host more.
    let new = rewritten(&old, "version = \"0.1.0\"", "version = \"0.2.0\"");
    let new = rewritten(
        &new,
        "paths = [\"/open/*\", \"/hook\"]",
        "paths = [\"/open/\", \"/hook\" ]",
    );
    let new = rewritten(
        &new,
        "hosts = [\"localhost:10000\"]\n",
        "hosts = [\"localhost:20000\"]\n",
    );
    let new = rewritten(
        &new,
        "secrets.key = [\"localhost:10000\"]",
        "secrets.key = [\"localhost:20000\"]",
    );
    let digest = backend.upload(&new).await.is(201)["digest"].clone();
    let plugin = backend.get(path).await.is(200);
    let wants = plugin["versions"][1]["wants"].as_array().expect("a list");
    let names: Vec<_> = wants.iter().map(|wanted| wanted["name"].as_str()).collect();
    assert_eq!(names, [Some("http"), Some("public-routes")]);
    assert_eq!(wants[0]["hosts"], json!(["localhost:20000"]));
    assert_eq!(wants[0]["required"], true);
    assert_eq!(wants[0]["reason"], "to ask where it should not");
    assert_eq!(wants[1]["paths"], json!(["/open/"]));
    assert!(
        wants[1]["allows"]
            .as_str()
            .is_some_and(|text| text.starts_with("Answer requests"))
    );
    // Without consent it gets what was granted before, and what was not is refused or stays shut.
    let refused = backend.put(path, json!({ "digest": digest })).await;
    let problem = refused.refused(422, "grant_missing");
    assert_eq!(problem["errors"][0]["field"], "grants.http");
    let text = problem["errors"][0]["message"].as_str().expect("a text");
    assert!(
        text.contains("localhost:20000") && text.contains("to ask where"),
        "{text}"
    );
    for (request, field) in [
        (json!({ "consent": true }), "digest"),
        (
            json!({ "consent": true, "digest": digest, "grants": [] }),
            "consent",
        ),
    ] {
        assert_eq!(backend.put(path, request).await.invalid(), [field]);
    }
    let stranger = host.stranger();
    let open = |path: &str| format!("/v1/apps/{}/x/hostile{path}", app.id);
    stranger.get(open("/open/")).await.refused(404, "not_found");
    let consent = json!({ "digest": digest, "consent": true });
    let upgraded = backend.put(path, consent).await.is(200);
    let granted = upgraded["install"]["grants"].as_array().expect("a list");
    for grant in [
        "http:localhost:20000",
        "public-routes:/open/",
        "public-routes:/hook",
        "kv",
    ] {
        assert!(granted.contains(&json!(grant)), "{grant}: {granted:?}");
    }
    assert!(!granted.contains(&json!("http:localhost:10000")));
    assert_eq!(stranger.get(open("/open/")).await.status, 200);
    // What was granted to this version is no grant for a later one.
    let later = rewritten(&old, "version = \"0.1.0\"", "version = \"0.3.0\"");
    let digest = backend.upload(&later).await.is(201)["digest"].clone();
    let refused = backend.put(path, json!({ "digest": digest })).await;
    refused.refused(422, "grant_missing");
    let some = json!({ "digest": digest, "grants": [
        "kv", "counters", "chat-read", "chat-write", "chat-attach", "timers", "http",
        "public-routes:/hook"
    ] });
    backend.put(path, some).await.is(200);
    stranger
        .get(open("/open/echo"))
        .await
        .refused(404, "not_found");
}
