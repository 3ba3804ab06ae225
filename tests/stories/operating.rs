//! What an operator sees of a running host: health, figures, its log; and what a restore needs.

use std::collections::{BTreeMap, BTreeSet};

use althing_corpus::laborious;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{
    ChildHost, Database, Kind, PATIENCE, Person, TestHost, component, draft, eventually, stories,
    workspace,
};

stories!(
    a_host_without_its_store_is_not_ready,
    figures_are_read_by_machines,
    secrets_and_texts_are_in_no_log,
    a_restored_backup_gets_a_new_epoch,
    a_stopping_host_answers_what_it_has_begun,
    a_stopping_host_is_not_ready,
    a_stopping_host_waits_for_no_compilation,
);

async fn a_host_without_its_store_is_not_ready(database: Database) {
    let host = TestHost::start(&database).await;
    let nobody = host.stranger();
    nobody.get("/healthz").await.is(200);
    nobody.get("/readyz").await.is(200);
    // Over a connection that is open already: new ones are refused.
    host.inside().await.store.close().await;
    nobody.get("/readyz").await.refused(503, "unavailable");
    nobody.get("/healthz").await.is(200);
}

async fn figures_are_read_by_machines(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    alice.connect().await.send("general", "hello").await;
    let answer = host.stranger().get("/metrics").await;
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.text;
    assert!(text.ends_with("# EOF\n"));
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(types.insert(name, kind).is_none(), "{name} twice");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            helped.insert(rest.split_once(' ').expect("a text").0);
        } else if !line.starts_with("# UNIT ") {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(seen.insert(series), "{series} twice");
            let name = series.split('{').next().unwrap_or(series);
            let of = types.iter().find(|(family, kind)| match **kind {
                "counter" => name == format!("{family}_total"),
                "gauge" => name == **family,
                _ => ["_bucket", "_count", "_sum"]
                    .iter()
                    .any(|end| name == format!("{family}{end}")),
            });
            assert!(of.is_some(), "{line} is of no known figure");
        }
    }
    assert_eq!(types.keys().copied().collect::<BTreeSet<_>>(), helped);
    let guide = std::fs::read_to_string(workspace().join("docs/operating.md")).expect("the guide");
    let documented: BTreeSet<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("althing_"))
        .map(|name| name.trim_end_matches("_total"))
        .collect();
    // Those that nothing was counted of yet are not shown; a test of the documents knows them all.
    assert!(helped.is_subset(&documented), "{helped:?}");
    assert!(!text.contains(&host.app.id) && !text.contains("alice"));
}

async fn secrets_and_texts_are_in_no_log(database: Database) {
    let mut host = ChildHost::with(&database, &[("ALTHING_LOG__FILTER", "trace")]).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let canary = "canary-91fe";
    alice.send("general", &format!("{canary} by rest")).await;
    let mut socket = bob.connect().await;
    socket.subscribe("general").await;
    socket.send("general", &format!("{canary} by socket")).await;
    // Whether the settings fit or not, nobody reads them in the log.
    let moderation = crate::support::component("moderation");
    host.app.backend.upload(&moderation).await.is(201);
    let install = json!({ "enabled": true, "grants": [canary], "config": { "api_key": canary } });
    host.app
        .backend
        .put("/v1/plugins/moderation", install)
        .await;
    let mut errors = Vec::new();
    for (path, body) in [
        (
            "/v1/messages",
            json!({ "channel_id": "nowhere", "type": "text", "data": canary }),
        ),
        (
            "/v1/messages",
            json!({ "channel_id": "general", "type": "nothing", "data": canary }),
        ),
        ("/v1/channels", json!({ "owner": 7, "custom": canary })),
    ] {
        errors.push(alice.post(path, body).await.text);
    }
    let token = format!("{}x", alice.credential());
    errors.push(alice.with_token(&token).get("/v1/users").await.text);
    let key = format!("{}x", host.app.backend.credential());
    errors.push(alice.with_token(&key).get("/v1/users").await.text);
    let operator =
        std::fs::read_to_string(database.data_dir().join("operator.key")).expect("a key");
    host.terminate();
    assert!(host.ended().await.success());
    let log = host.log();
    assert!(
        log.contains("DEBUG") && log.contains("/v1/messages"),
        "it logs nothing: {log}"
    );
    let secrets = [
        canary,
        "ops@zoo.example",
        operator.trim(),
        alice.credential(),
        bob.credential(),
        host.app.backend.credential(),
        host.org.admin.credential(),
        token.as_str(),
        key.as_str(),
    ];
    for secret in secrets {
        if let Some(line) = log.lines().find(|line| line.contains(secret)) {
            panic!("{secret} is in the log: {line}");
        }
        assert!(
            !errors.iter().any(|error| error.contains(secret)),
            "{secret} is in an error"
        );
    }
}

async fn a_restored_backup_gets_a_new_epoch(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    alice.send("general", "one").await;
    let socket = alice.connect().await;
    let before = socket.greeting["epoch"]
        .as_str()
        .expect("an epoch")
        .to_owned();
    if database.kind() == Kind::Sqlite {
        let said = new_epoch(&database);
        assert!(
            !said.0 && said.1.contains("another host is using this database"),
            "{}",
            said.1
        );
    }
    host.terminate();
    assert!(host.ended().await.success());
    let said = new_epoch(&database);
    assert!(said.0, "{}", said.1);
    host.restart().await;
    let mut socket = alice.connect().await;
    assert_ne!(socket.greeting["epoch"], before.as_str());
    let back = socket.subscribe_since("general", 1, &before).await;
    assert_eq!(
        (&back["recovered"], &back["events"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(alice.history("general").await.len(), 1);
}

/// Runs the command: whether it did it, and what it said.
fn new_epoch(database: &Database) -> (bool, String) {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_althing"))
        .arg("new-epoch")
        .env_clear()
        .env("ALTHING_DATA_DIR", database.data_dir())
        .env("ALTHING_STORE__URL", database.url())
        .output()
        .expect("the command runs");
    (
        done.status.success(),
        String::from_utf8_lossy(&done.stderr).into_owned(),
    )
}

async fn a_stopping_host_answers_what_it_has_begun(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut socket = bob.connect().await;
    // That the host asks for the body shows that it has begun with the request.
    let body = draft("general", "last").to_string();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: althing\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        alice.credential(),
        body.len()
    );
    let mut request = TcpStream::connect(alice.address()).await.expect("a host");
    request.write_all(head.as_bytes()).await.expect("it reads");
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    let asked = timeout(PATIENCE, request.read_exact(&mut go_on)).await;
    asked.expect("in time").expect("it asks for the body");
    assert!(go_on.starts_with(b"HTTP/1.1 100 "));
    host.terminate();
    assert_eq!(socket.closed().await, 3000);
    takes_no_connections(&alice).await;
    request.write_all(body.as_bytes()).await.expect("it reads");
    let answer = answer(request).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(host.ended().await.success(), "{}", host.log());
    let log = host.log();
    assert!(!log.contains("did not end in time"), "{log}");
    host.restart().await;
    let history = alice.history("general").await;
    let id = history[0]["id"].as_str().expect("an id");
    assert!(answer.contains(id), "{answer}");
}

async fn a_stopping_host_is_not_ready(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let nobody = host.stranger();
    // A probe that is on its way in when the host begins to stop; a later one finds nobody.
    let mut probe = TcpStream::connect(nobody.address()).await.expect("a host");
    let head = b"GET /readyz HTTP/1.1\r\nhost: althing\r\n";
    probe.write_all(head).await.expect("it reads");
    // The host has it when it has answered these, which came after it.
    for _ in 0..20 {
        nobody.get("/readyz").await.is(200);
    }
    host.terminate();
    takes_no_connections(&nobody).await;
    probe.write_all(b"\r\n").await.expect("it reads");
    let answer = answer(probe).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("\"unavailable\""), "{answer}");
    assert!(host.ended().await.success(), "{}", host.log());
}

async fn a_stopping_host_waits_for_no_compilation(database: Database) {
    let drain = [("ALTHING_SERVER__DRAIN_TIMEOUT_MS", "1")];
    let mut host = ChildHost::with(&database, &drain).await;
    let plugin = laborious(component("noop-guard")).expect("a component");
    let backend = host.app.backend.clone();
    let uploading = tokio::spawn(async move { backend.try_upload(&plugin).await });
    let compiler = eventually("it compiles", async || host.child()).await;
    host.terminate();
    assert!(host.ended().await.success(), "{}", host.log());
    uploading.await.expect("it ends");
    // It was still at work when the host was gone. Nobody hears it any more.
    let killed = std::process::Command::new("kill")
        .arg(compiler.to_string())
        .status();
    assert!(
        killed.is_ok_and(|status| status.success()),
        "the host waited"
    );
}

async fn takes_no_connections(who: &Person) {
    eventually("it takes no connections", async || {
        TcpStream::connect(who.address())
            .await
            .is_err()
            .then_some(())
    })
    .await;
}

/// What comes until the host closes the connection.
async fn answer(mut connection: TcpStream) -> String {
    let mut answer = String::new();
    let read = timeout(PATIENCE, connection.read_to_string(&mut answer)).await;
    // One that the host breaks off has said what it says.
    let _ = read.expect("the host answers in time");
    answer
}
