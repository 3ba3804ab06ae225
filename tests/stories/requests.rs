//! Plugins ask the outside: where the tenant lets them, with secrets that nobody reads, and to
//! nobody's harm.

use althing::address::Networks;
use althing::config::Config;
use serde_json::{Value, json};

use crate::support::{
    App, ChildHost, Database, Outside, Person, TestHost, component, draft, eventually, rewritten,
    stories,
};

stories!(
    requests_go_where_the_tenant_lets_them,
    an_upgrade_reaches_no_more_than_before,
    handlers_send_and_guards_do_not,
    nothing_inside_is_reached,
    a_secret_goes_to_its_hosts_and_nowhere_else,
    a_secret_is_for_the_hosts_it_was_entered_for,
    a_version_that_comes_back_has_its_secrets,
    a_key_that_was_given_up_does_not_come_back,
    secrets_are_in_no_answer_database_or_log,
    who_does_not_answer_holds_up_nobody,
    an_answer_is_read_as_it_comes,
    a_shadow_is_told_what_was_told_to_the_other,
);

const PATH: &str = "/v1/plugins/courier";
const SECRET: &str = "canary-5f1c-token";

/// Servers on this machine may be asked.
fn outgoing(config: &mut Config) {
    let here = Networks::loopback();
    config.egress.allowed_networks = here.clone();
    config.egress.plain_http_networks = here;
}

/// The courier that asks for these two hosts, and for the first of them with its token.
fn courier(first: &Outside, second: &Outside) -> Vec<u8> {
    let courier = component("courier");
    let courier = rewritten(&courier, "localhost:11111", &first.host());
    rewritten(&courier, "localhost:22222", &second.host())
}

/// Alice and Bob in `general`; Alice owns it, so guards look at Bob.
async fn general(app: &App) -> [Person; 2] {
    let people = app.users(["alice", "bob"]).await;
    app.channel("general", &people.each_ref()).await;
    people
}

/// What the plugin tells of a request that it is told to send.
async fn fetch(who: &Person, order: impl AsRef<str>) -> String {
    let line = format!("/fetch {}", order.as_ref());
    let answer = who.types("general", &line).await.is(200);
    let text = answer["reply"]["text"].as_str();
    text.expect("a reply").to_owned()
}

async fn requests_go_where_the_tenant_lets_them(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, _] = general(&host.app).await;
    let backend = &host.app.backend;
    let known = backend.upload(&courier(&first, &second)).await.is(201);
    let asked = &known["permissions"][0];
    assert_eq!(asked["name"], "http");
    assert_eq!(asked["hosts"], json!([first.host(), second.host()]));
    assert_eq!(
        asked["secrets"],
        json!([{ "name": "token", "hosts": [first.host()] }])
    );
    let set = async |grants: Value| backend.put(PATH, json!({ "grants": grants })).await;
    let one = format!("http:{}", first.host());
    for (grants, code) in [
        (json!(["chat-write", "timers"]), "grant_missing"),
        (json!(["chat-write", "timers", "http:localhost"]), "invalid"),
        (
            json!(["chat-write", "timers", "http:evil.example"]),
            "invalid",
        ),
        (json!(["chat-write", "timers", "http:"]), "invalid"),
        (json!(["chat-write", "timers", "kv"]), "invalid"),
    ] {
        set(grants).await.refused(422, code);
    }
    // Fewer hosts than it asks for.
    let plugin = set(json!(["chat-write", "timers", one])).await.is(200);
    let granted = &plugin["install"]["grants"];
    assert_eq!(*granted, json!(["chat-write", "timers", one]));
    assert_eq!(
        fetch(&alice, format!("GET {}", first.url("/a"))).await,
        "200 hello"
    );
    for url in [
        second.url("/"),
        first.url(&format!("/away/{}", second.url("/"))),
        "https://example.com/".to_owned(),
        first.url("/").replace("localhost", "127.0.0.1"),
    ] {
        let told = fetch(&alice, format!("GET {url}")).await;
        assert!(told.starts_with("Denied(\"requests to "), "{url}: {told}");
    }
    assert_eq!(second.heard(), [""; 0]);
    for order in [
        "GET file:///etc/passwd",
        "GET https://user:pw@localhost/",
        &format!("BREW {}", first.url("/")),
        &format!("GET {}", first.url("/away/gopher://localhost/")),
    ] {
        let told = fetch(&alice, order).await;
        assert!(told.starts_with("Invalid"), "{order}: {told}");
    }
    // All that it asks for, written out.
    let plugin = set(json!(["http", "chat-write", "timers"])).await.is(200);
    let both = json!([
        one,
        format!("http:{}", second.host()),
        "chat-write",
        "timers"
    ]);
    assert_eq!(plugin["install"]["grants"], both);
    assert_eq!(
        fetch(&alice, format!("POST {}", second.url("/b"))).await,
        "200 hello"
    );
    let heard = second.heard().remove(0);
    assert!(heard.starts_with("POST /b HTTP/1.1\r\n"), "{heard}");
    assert!(!heard.contains("Zoo") && !heard.contains("app_"), "{heard}");
}

async fn an_upgrade_reaches_no_more_than_before(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (first, second, third) = (
        Outside::start().await,
        Outside::start().await,
        Outside::start().await,
    );
    let [alice, _] = general(&host.app).await;
    let backend = &host.app.backend;
    host.app.install(&courier(&first, &second), json!({})).await;
    let newer = rewritten(
        &courier(&first, &third),
        "version = \"0.1.0\"",
        "version = \"0.2.0\"",
    );
    let known = backend.upload(&newer).await.is(201);
    let plugin = backend
        .put(PATH, json!({ "digest": known["digest"] }))
        .await
        .is(200);
    let grants = json!([format!("http:{}", first.host()), "chat-write", "timers"]);
    assert_eq!(
        plugin["install"]["grants"], grants,
        "what is no longer asked for is gone"
    );
    assert_eq!(
        fetch(&alice, format!("GET {}", first.url("/"))).await,
        "200 hello"
    );
    for other in [&second, &third] {
        let told = fetch(&alice, format!("GET {}", other.url("/"))).await;
        assert!(told.starts_with("Denied"), "{told}");
        assert_eq!(other.heard(), [""; 0]);
    }
    let all = json!({ "grants": ["http", "chat-write", "timers"] });
    backend.put(PATH, all).await.is(200);
    assert_eq!(
        fetch(&alice, format!("GET {}", third.url("/"))).await,
        "200 hello"
    );
}

async fn handlers_send_and_guards_do_not(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, bob] = general(&host.app).await;
    host.app.install(&courier(&first, &second), json!({})).await;
    // A command was shown above; an event and a timer tell in the channel.
    bob.send("general", &format!("fetch PUT {}", first.url("/event")))
        .await;
    alice
        .types(
            "general",
            &format!("/fetch later DELETE {}", first.url("/timer")),
        )
        .await
        .is(200);
    let told = eventually("both have told what came back", async || {
        let messages = alice.history("general").await;
        let told = messages
            .iter()
            .filter(|message| message["from"] == "bot:courier");
        let told: Vec<Value> = told.map(|message| message["data"].clone()).collect();
        (told.len() == 2).then_some(told)
    })
    .await;
    assert_eq!(told, ["200 hello", "200 hello"]);
    let mut lines: Vec<String> = first
        .heard()
        .iter()
        .map(|request| request.lines().next().unwrap_or_default().to_owned())
        .collect();
    lines.sort();
    assert_eq!(lines, ["DELETE /timer HTTP/1.1", "PUT /event HTTP/1.1"]);
    // Nothing outside has a say in what is sent or typed.
    let order = format!("GET {}", second.url("/"));
    let refused = bob
        .post("/v1/messages", draft("general", &format!("guard {order}")))
        .await
        .refused(422, "message_rejected");
    let typed = json!({ "name": "fetch", "text": order });
    let completed = alice
        .post("/v1/channels/general/commands/complete", typed)
        .await
        .is(200);
    let parcel = json!({ "channel_id": "general", "type": "parcel", "data": order });
    let created = alice.post("/v1/messages", parcel).await;
    for (text, whose) in [
        (refused["detail"].to_string(), "a guard"),
        (completed["choices"][0]["value"].to_string(), "a completion"),
        (created.text, "a message kind"),
    ] {
        assert!(
            text.contains("http.send is not for") && text.contains(whose),
            "{text}"
        );
    }
    assert_eq!(second.heard(), [""; 0]);
}

async fn nothing_inside_is_reached(database: Database) {
    // As hosts are by default: nothing that is not public may be asked.
    let host = TestHost::start(&database).await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, _] = general(&host.app).await;
    host.app.install(&courier(&first, &second), json!({})).await;
    for url in [first.url("/"), first.url("/").replace("http:", "https:")] {
        let told = fetch(&alice, format!("GET {url}")).await;
        assert!(
            told.starts_with("Denied(\"`localhost:") && told.contains("at an address"),
            "{told}"
        );
    }
    assert_eq!(first.heard(), [""; 0]);
    // Not even the host's own API, whatever the tenant grants.
    let own = format!("localhost:{}", alice.address().port());
    let itself = rewritten(&component("courier"), "localhost:22222", &own);
    host.app.install(&itself, json!({})).await;
    let told = fetch(&alice, format!("GET http://{own}/metrics")).await;
    assert!(told.starts_with("Denied"), "{told}");
    let figures = host.stranger().get("/metrics").await.text;
    let refused = "althing_plugin_http_requests_total{outcome=\"address_not_allowed\"} 3";
    assert!(figures.contains(refused), "{figures}");
}

async fn a_secret_goes_to_its_hosts_and_nowhere_else(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, _] = general(&host.app).await;
    let backend = &host.app.backend;
    let courier = courier(&first, &second);
    let plugin = host.app.install(&courier, json!({})).await;
    let state = |plugin: &Value| plugin["install"]["secrets"][0].clone();
    assert_eq!(state(&plugin), json!({ "name": "token", "set": false }));
    let with_token = format!("GET {} token", first.url("/"));
    let told = fetch(&alice, &with_token).await;
    assert_eq!(told, "NotFound(\"the secret `token` is not set\")");
    let set = async |config: Value| backend.put(PATH, json!({ "config": config })).await;
    let answer = set(json!({ "token": SECRET, "colour": "blue" })).await;
    assert!(!answer.text.contains(SECRET), "{}", answer.text);
    let plugin = answer.is(200);
    assert_eq!(state(&plugin), json!({ "name": "token", "set": true }));
    assert_eq!(plugin["install"]["config"], json!({ "colour": "blue" }));

    assert_eq!(fetch(&alice, &with_token).await, "200 hello");
    let bearer = format!("\r\nauthorization: Bearer {SECRET}\r\n");
    assert!(
        first
            .heard()
            .pop()
            .is_some_and(|request| request.contains(&bearer))
    );
    assert_eq!(fetch(&alice, "config").await, "{\"colour\":\"blue\"}");
    let told = fetch(&alice, format!("GET {} token", second.url("/"))).await;
    assert_eq!(told, "Denied(\"the secret `token` is not for that host\")");
    let told = fetch(&alice, format!("GET {} colour", first.url("/"))).await;
    assert!(told.starts_with("NotFound"), "{told}");
    // Sent elsewhere on the way, it stays behind.
    let away = first.url(&format!("/away/{}", second.url("/there")));
    assert_eq!(
        fetch(&alice, format!("GET {away} token")).await,
        "200 hello"
    );
    let heard = second.heard().remove(0);
    assert!(
        heard.starts_with("GET /there ") && !heard.contains(SECRET),
        "{heard}"
    );

    // Left out, it stays; with null it goes; what can't be one is refused and not repeated.
    let plugin = set(json!({ "colour": "green" })).await.is(200);
    assert_eq!(state(&plugin)["set"], true);
    host.restart().await;
    assert_eq!(fetch(&alice, &with_token).await, "200 hello");
    assert!(
        first
            .heard()
            .pop()
            .is_some_and(|request| request.contains(&bearer))
    );
    for bad in [
        json!(7),
        json!(""),
        json!(format!("{SECRET}\r\nx: y")),
        json!([SECRET]),
    ] {
        let answer = set(json!({ "token": bad })).await;
        assert!(!answer.text.contains(SECRET), "{}", answer.text);
        assert_eq!(answer.invalid(), ["config.token"]);
    }
    let plugin = set(json!({ "token": null })).await.is(200);
    assert_eq!(state(&plugin)["set"], false);
    assert!(fetch(&alice, &with_token).await.starts_with("NotFound"));
    // Another app with the same plugin has none of it.
    set(json!({ "token": SECRET })).await.is(200);
    let theirs = host.other.install(&courier, json!({})).await;
    assert_eq!(state(&theirs)["set"], false);
    let namesake = host.other.session("alice").await;
    assert!(fetch(&namesake, &with_token).await.starts_with("NotFound"));
}

async fn a_secret_is_for_the_hosts_it_was_entered_for(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, _] = general(&host.app).await;
    let backend = &host.app.backend;
    let settings = json!({ "config": { "token": SECRET } });
    host.app.install(&courier(&first, &second), settings).await;
    // A later version wants to take it to the other host, which was granted before.
    let newer = rewritten(
        &courier(&second, &first),
        "version = \"0.1.0\"",
        "version = \"0.2.0\"",
    );
    let known = backend.upload(&newer).await.is(201);
    let digest = json!({ "digest": known["digest"] });
    backend.put(PATH, digest).await.is(200);
    for outside in [&first, &second] {
        let told = fetch(&alice, format!("GET {} token", outside.url("/"))).await;
        assert_eq!(told, "Denied(\"the secret `token` is not for that host\")");
        assert_eq!(outside.heard(), [""; 0]);
    }
    // Entered anew, it goes there.
    let anew = json!({ "config": { "token": SECRET } });
    backend.put(PATH, anew).await.is(200);
    let told = fetch(&alice, format!("GET {} token", second.url("/"))).await;
    assert_eq!(told, "200 hello");
    assert!(second.heard()[0].contains(SECRET));
}

async fn a_version_that_comes_back_has_its_secrets(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, _] = general(&host.app).await;
    let backend = &host.app.backend;
    let old = courier(&first, &second);
    let settings = json!({ "config": { "token": SECRET } });
    host.app.install(&old, settings).await;
    let newer = rewritten(
        &courier(&second, &first),
        "version = \"0.1.0\"",
        "version = \"0.2.0\"",
    );
    let known = backend.upload(&newer).await.is(201);
    let upgrade = json!({ "digest": known["digest"], "config": { "token": "another" } });
    backend.put(PATH, upgrade.clone()).await.is(200);
    let back = format!("{PATH}/rollback");
    backend.post(&back, json!({})).await.is(200);
    let with_token = format!("GET {} token", first.url("/"));
    assert_eq!(fetch(&alice, &with_token).await, "200 hello");
    assert!(first.heard()[0].contains(SECRET));
    // One that was cleared since doesn't come back.
    backend.put(PATH, upgrade).await.is(200);
    let cleared = json!({ "config": { "token": null } });
    backend.put(PATH, cleared).await.is(200);
    let plugin = backend.post(&back, json!({})).await.is(200);
    assert_eq!(plugin["component"]["version"], "0.1.0");
    assert_eq!(plugin["install"]["secrets"][0]["set"], false);
    assert!(fetch(&alice, &with_token).await.starts_with("NotFound"));
}

async fn a_key_that_was_given_up_does_not_come_back(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, _] = general(&host.app).await;
    let backend = &host.app.backend;
    let old = courier(&first, &second);
    let settings = json!({ "config": { "token": SECRET } });
    host.app.install(&old, settings).await;
    let version = |number: &str| rewritten(&old, "version = \"0.1.0\"", number);
    host.app
        .install(&version("version = \"0.2.0\""), json!({}))
        .await;
    let tried = backend
        .upload(&version("version = \"0.3.0\""))
        .await
        .is(201);
    let canary = json!({ "mode": "canary", "percent": 99, "digest": tried["digest"] });
    backend.put(format!("{PATH}/rollout"), canary).await.is(200);
    let anew = json!({ "config": { "token": "another" } });
    backend.put(PATH, anew).await.is(200);
    let with_token = format!("GET {} token", first.url("/"));
    let uses_the_new_one = async || {
        assert_eq!(fetch(&alice, &with_token).await, "200 hello");
        let heard = first.heard().pop().expect("a request");
        assert!(heard.contains("Bearer another"), "{heard}");
    };
    // Neither by the version that is tried, nor by the one before.
    uses_the_new_one().await;
    backend
        .post(format!("{PATH}/rollout/promote"), json!({}))
        .await
        .is(200);
    uses_the_new_one().await;
    let back = backend.post(format!("{PATH}/rollback"), json!({})).await;
    assert_eq!(back.is(200)["component"]["version"], "0.2.0");
    uses_the_new_one().await;
}

async fn secrets_are_in_no_answer_database_or_log(database: Database) {
    let mut host = ChildHost::with(
        &database,
        &[
            ("ALTHING_LOG__FILTER", "trace"),
            (
                "ALTHING_EGRESS__ALLOWED_NETWORKS",
                "[\"127.0.0.0/8\", \"::1\"]",
            ),
            (
                "ALTHING_EGRESS__PLAIN_HTTP_NETWORKS",
                "[\"127.0.0.0/8\", \"::1\"]",
            ),
        ],
    )
    .await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, _] = general(&host.app).await;
    let backend = &host.app.backend;
    let settings = json!({ "config": { "token": SECRET } });
    host.app.install(&courier(&first, &second), settings).await;
    // Also when the other side sends it back, in an answer that can't be read.
    for path in [
        "/ok",
        &format!("/away/ftp://{SECRET}/"),
        &format!("/away/http://{SECRET}:1/"),
    ] {
        fetch(&alice, format!("GET {} token", first.url(path))).await;
    }
    first.set(&SECRET.repeat(70_000));
    let told = fetch(&alice, format!("GET {} token", first.url("/large"))).await;
    assert!(told.starts_with("Limited"), "{}", &told[..40]);
    assert_eq!(first.heard().len(), 4);
    assert!(first.heard().iter().all(|request| request.contains(SECRET)));
    let mut answers = Vec::new();
    for path in [PATH, "/v1/plugins", "/v1/plugins/courier/log"] {
        let answer = backend.get(path).await;
        assert_eq!(answer.status, 200);
        answers.push(answer.text);
    }
    answers.push(host.stranger().get("/metrics").await.text);
    assert!(!answers.concat().contains(SECRET));
    host.terminate();
    assert!(host.ended().await.success());
    let dump = database.dump().await;
    assert!(dump.contains("sealed") && !dump.contains(SECRET));
    let log = host.log();
    assert!(log.contains("DEBUG"), "it logs nothing: {log}");
    if let Some(line) = log.lines().find(|line| line.contains(SECRET)) {
        panic!("it is in the log: {line}");
    }
}

async fn who_does_not_answer_holds_up_nobody(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, bob] = general(&host.app).await;
    host.app.install(&courier(&first, &second), json!({})).await;
    let silent = format!("GET {}", first.url("/silent"));
    let waiting = async {
        let calls = (0..12).map(|_| fetch(&alice, &silent));
        futures_util::future::join_all(calls).await
    };
    let talking = async {
        eventually("as many wait as may", async || {
            (first.heard().len() >= 8).then_some(())
        })
        .await;
        let namesake = host.other.session("alice").await;
        // Messages of the same app go through its guard, those of the other one are none of its
        // business; and another host is asked meanwhile.
        for n in 0..20 {
            bob.send("general", &format!("hello {n}")).await;
            namesake.send("general", &format!("hello {n}")).await;
        }
        first.heard().len()
    };
    let (told, heard) = tokio::join!(waiting, talking);
    assert_eq!(heard, 8, "so many at once");
    let count = |words: &str| told.iter().filter(|told| told.contains(words)).count();
    let outcomes = (
        count("no answer in time"),
        count("too many requests are under way"),
    );
    assert_eq!(outcomes, (8, 4), "{told:?}");
    assert_eq!(
        fetch(&alice, format!("GET {}", second.url("/"))).await,
        "200 hello"
    );
}

async fn an_answer_is_read_as_it_comes(database: Database) {
    let host = TestHost::with(&database, |config| {
        outgoing(config);
        config.egress.stream_silence_ms = 300;
        config.egress.stream_bytes_max = 64 << 10;
        config.egress.concurrent_streams_per_app_max = 1;
    })
    .await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, bob] = general(&host.app).await;
    host.app.install(&courier(&first, &second), json!({})).await;
    let stream = async |url: String| fetch(&alice, format!("STREAM {url}")).await;
    assert_eq!(stream(first.url("/")).await, "200 hello");
    let there = second.url("/there");
    assert_eq!(
        stream(first.url(&format!("/away/{there}"))).await,
        "200 hello"
    );
    let silent = "Unavailable(\"no answer in time\")";
    assert_eq!(stream(first.url("/silent")).await, silent);
    assert_eq!(
        stream(first.url("/drip")).await,
        format!("200 half {silent}")
    );
    let told = stream(first.url("/cut")).await;
    assert!(
        told.starts_with("200 half Unavailable(\"`localhost"),
        "{told}"
    );
    let told = stream("https://evil.example/".into()).await;
    assert!(told.starts_with("Denied"), "{told}");
    first.set(&"x".repeat((64 << 10) + 1));
    let told = stream(first.url("/")).await;
    assert!(
        told.starts_with("Limited(\"the answer is too large"),
        "{told}"
    );
    // One at a time, of an app; other requests have places of their own.
    first.set("hello");
    let (order, url) = (format!("STREAM {}", first.url("/drip")), first.url("/"));
    let dripping = fetch(&bob, order);
    let meanwhile = async {
        let heard = first.heard().len();
        let begun = async || (first.heard().len() > heard).then_some(());
        eventually("it is asked", begun).await;
        (
            stream(url.clone()).await,
            fetch(&alice, format!("GET {url}")).await,
        )
    };
    let (_, (refused, sent)) = tokio::join!(dripping, meanwhile);
    assert!(
        refused.starts_with("Unavailable(\"too many requests"),
        "{refused}"
    );
    assert_eq!(sent, "200 hello");
}

async fn a_shadow_is_told_what_was_told_to_the_other(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (first, second) = (Outside::start().await, Outside::start().await);
    let [alice, _] = general(&host.app).await;
    let backend = &host.app.backend;
    let active = courier(&first, &second);
    backend.upload(&active).await.is(201);
    let install = json!({
        "grants": ["http", "chat-write", "timers"], "config": { "token": SECRET },
    });
    backend.put(PATH, install).await.is(200);
    // The new version sends its token with another word.
    let newer = rewritten(&active, "version = \"0.1.0\"", "version = \"0.2.0\"");
    let newer = rewritten(&newer, "authorizationBearer ", "authorizationBEARER ");
    let digest = backend.upload(&newer).await.is(201)["digest"].clone();
    let shadow = json!({ "mode": "shadow", "digest": digest, "consent": true });
    let trial = format!("{PATH}/rollout");
    backend.put(&trial, shadow).await.is(200);
    let compared = async |calls: u64| {
        eventually("calls are compared", async || {
            let known = backend.get(&trial).await.is(200);
            let of = known["compared"].as_array()?.first()?.clone();
            (of["calls"] == calls).then_some((of["different"].clone(), known))
        })
        .await
    };
    // The same request: answered as the other's was, and sent once.
    let url = first.url("/a");
    assert_eq!(fetch(&alice, format!("GET {url}")).await, "200 hello");
    let (different, known) = compared(1).await;
    assert_eq!(different, 0, "{known}");
    assert_eq!(first.heard().len(), 1);
    // One that the other did not send is not sent.
    fetch(&alice, format!("GET {url} token")).await;
    let (different, known) = compared(2).await;
    assert_eq!(different, 1, "{known}");
    assert_eq!(first.heard().len(), 2, "the active version's alone");
    let difference = &known["differences"][0];
    assert_eq!(difference["active"], "done with a reply, 1 × request");
    assert!(!known.to_string().contains(SECRET), "{known}");
    assert_eq!(
        difference["candidate"],
        "done with a reply, 1 × request, with another content"
    );
}
