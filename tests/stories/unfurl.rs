//! Link previews: what a page says about itself, below the message that links to it.

use std::time::Duration;

use althing::address::Networks;
use althing::config::Config;
use serde_json::{Value, json};

use crate::support::{
    App, ChildHost, Database, Outside, Person, TestHost, component, eventually, rewritten, stories,
};

stories!(
    a_link_gets_a_preview,
    a_page_is_asked_for_once,
    what_is_no_page_gets_none,
    nothing_inside_is_previewed,
    slow_and_huge_pages_hold_up_nobody,
    the_sender_takes_it_away,
    what_guards_refuse_is_not_shown,
    settings_say_where,
    previews_come_once_across_a_crash,
);

const PATH: &str = "/v1/plugins/unfurl";
const HTML: &str = "200 OK\r\ncontent-type: text/html; charset=utf-8";

/// Servers on this machine may be asked, by those who name them.
fn outgoing(config: &mut Config) {
    let here = Networks::loopback();
    config.egress.allowed_networks = here.clone();
    config.egress.plain_http_networks = here;
    // Each story has a component of its own to compile, for its ports.
    config.server.request_timeout_ms = 120_000;
}

/// The plugin with these hosts in its manifest in place of `*`.
fn reaching(hosts: &[&str]) -> Vec<u8> {
    let reason =
        "Asks for the pages that messages link to, wherever these are, and for nothing else.";
    let written =
        |reason: &str, hosts: &[&str]| format!("reason = \"{reason}\"\nhosts = {}", json!(hosts));
    let from = written(reason, &["*"]);
    let room = from.len() - written("", hosts).len();
    rewritten(
        &component("unfurl"),
        &from,
        &written(&"x".repeat(room), hosts),
    )
}

/// The settings of a story: servers on this machine have no certificates.
fn with(more: Value) -> Value {
    let mut settings = json!({ "plain_http": true });
    let more = more.as_object().expect("an object").clone();
    settings.as_object_mut().expect("an object").extend(more);
    json!({ "config": settings })
}

async fn start(database: &Database, outside: &Outside, settings: Value) -> (TestHost, [Person; 2]) {
    let host = TestHost::with(database, outgoing).await;
    let people = general(&host.app, &[&outside.host()], settings).await;
    (host, people)
}

async fn general(app: &App, hosts: &[&str], settings: Value) -> [Person; 2] {
    app.install(&reaching(hosts), with(settings)).await;
    let people = app.users(["alice", "bob"]).await;
    app.channel("general", &people.each_ref()).await;
    people
}

fn titled(title: &str) -> String {
    format!("<!doctype html><html><head><title>{title}</title></head><body>hello</body></html>")
}

async fn now(who: &Person, message: &Value) -> Value {
    let id = message["id"].as_str().expect("a message");
    who.get(format!("/v1/messages/{id}")).await.is(200)
}

/// The names of the links below a message, as it is now.
fn titles(message: &Value) -> Vec<String> {
    let attachments = message["attachments"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let blocks = attachments
        .iter()
        .flat_map(|a| a["blocks"].as_array().expect("blocks"));
    let links = blocks.filter(|block| block["type"] == "link");
    links
        .map(|link| link["text"].as_str().expect("a text").to_owned())
        .collect()
}

/// Sends a text and waits for its previews.
async fn previewed(who: &Person, text: &str, expected: &[&str]) -> Value {
    let message = who.send("general", text).await;
    shows(who, &message, expected).await
}

async fn shows(who: &Person, message: &Value, expected: &[&str]) -> Value {
    eventually(&format!("{expected:?} is shown"), async || {
        let message = now(who, message).await;
        (titles(&message) == expected).then_some(message)
    })
    .await
}

async fn a_link_gets_a_preview(database: Database) {
    let outside = Outside::start().await;
    let (host, [alice, bob]) = start(&database, &outside, json!({ "images": true })).await;
    outside.serve(
        "/news",
        HTML,
        "<html><head><title>Not this</title>\
         <meta property=og:title content=\"<script>alert('hello')</script> &amp; more\">\
         <meta property=og:description content=\"What is\nnew.\">\
         <meta property=og:site_name content=\"The News\">\
         <meta property=og:image content=https://cdn.example/a.png></head></html>",
    );
    outside.serve(
        "/latin",
        "200 OK\r\ncontent-type: text/html; charset=iso-8859-1",
        b"<title>Caf\xe9</title>",
    );
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let news = outside.url("/news");
    let text = format!("Look: {news}#top, and `{}`.", outside.url("/code"));
    let message = alice.send("general", &text).await;
    let updated = phone.next_event("message.updated").await;
    let shown = &updated["data"]["message"];
    let blocks = json!([
        { "type": "text", "text": "The News · localhost", "style": "muted" },
        { "type": "link", "url": news, "text": "<script>alert('hello')</script> & more" },
        { "type": "text", "text": "What is new." },
        { "type": "image", "url": "https://cdn.example/a.png", "alt": "" },
        { "type": "button", "text": "Remove preview", "action": "remove alice", "for": { "users": ["alice"] } },
    ]);
    let mut expected = message.clone();
    expected["attachments"] = json!([{ "plugin": "unfurl", "blocks": blocks }]);
    assert_eq!(*shown, expected);
    // It says nothing about who wrote, who reads or where.
    let heard = outside.heard();
    assert_eq!(heard.len(), 1);
    let head = heard[0].to_lowercase();
    assert!(
        head.contains("user-agent: mozilla/5.0 (compatible; althingunfurl"),
        "{head}"
    );
    for header in [
        "cookie:",
        "referer:",
        "authorization:",
        "origin:",
        "alice",
        "general",
    ] {
        assert!(!head.contains(header), "{head}");
    }
    // What was edited is looked at anew: another link, then none.
    let path = format!("/v1/messages/{}", message["id"].as_str().expect("a text"));
    let data = json!({ "data": format!("Rather {}", outside.url("/latin")) });
    alice.patch(&path, data).await.is(200);
    shows(&bob, &message, &["Café"]).await;
    alice
        .patch(&path, json!({ "data": "Never mind." }))
        .await
        .is(200);
    let none = shows(&bob, &message, &[]).await;
    assert_eq!(none.get("attachments"), None);
    // Each step once: the plugin does not answer itself.
    previewed(&alice, &news, &["<script>alert('hello')</script> & more"]).await;
    let told = phone.caught_up(&host.app).await;
    let kinds: Vec<_> = told
        .iter()
        .map(|event| event["event"].as_str().expect("a text"))
        .collect();
    let expected = [
        "new", "updated", "updated", "updated", "updated", "new", "updated",
    ];
    assert_eq!(kinds, expected.map(|kind| format!("message.{kind}")));
    // Several, in their order and up to the limit, each once.
    for name in ["a", "b", "c", "d"] {
        outside.serve(&format!("/{name}"), HTML, titled(name));
    }
    let [a, b, c, d] = ["/a", "/b", "/c", "/d"].map(|path| outside.url(path));
    previewed(&bob, &format!("{b} {a} {b} {c} {d}"), &["b", "a", "c"]).await;
}

async fn a_page_is_asked_for_once(database: Database) {
    let outside = Outside::start().await;
    let host = TestHost::timeless_with(&database, outgoing).await;
    let [alice, bob] = general(&host.app, &[&outside.host()], json!({})).await;
    outside.serve("/a", HTML, titled("a"));
    outside.serve("/marker", HTML, titled("marker"));
    let (page, missing, marker) = (
        outside.url("/a"),
        outside.url("/none"),
        outside.url("/marker"),
    );
    outside.serve(
        "/none",
        "404 Not Found\r\ncontent-type: text/html",
        titled("none"),
    );
    let asked = |path: &str| {
        let start = format!("GET {path} ");
        outside
            .heard()
            .iter()
            .filter(|request| request.starts_with(&start))
            .count()
    };
    for who in [&alice, &bob, &alice] {
        previewed(who, &page, &["a"]).await;
        let none = who.send("general", &missing).await;
        previewed(who, &marker, &["marker"]).await;
        assert_eq!(titles(&now(who, &none).await), [""; 0]);
    }
    assert_eq!((asked("/a"), asked("/none")), (1, 1));
    host.restart().await;
    previewed(&bob, &page, &["a"]).await;
    assert_eq!(asked("/a"), 1, "it is kept");
    host.pass(Duration::from_secs(11 * 60)).await;
    bob.send("general", &missing).await;
    outside.serve("/a", HTML, titled("newer"));
    previewed(&bob, &page, &["a"]).await;
    assert_eq!((asked("/a"), asked("/none")), (1, 2));
    host.pass(Duration::from_secs(61 * 60)).await;
    let alice = host.app.session("alice").await;
    previewed(&alice, &page, &["newer"]).await;
    assert_eq!(asked("/a"), 2);
}

async fn what_is_no_page_gets_none(database: Database) {
    let outside = Outside::start().await;
    let (_host, [alice, bob]) = start(&database, &outside, json!({ "max_previews": 5 })).await;
    outside.serve("/marker", HTML, titled("marker"));
    for (path, head, body) in [
        ("/png", "200 OK\r\ncontent-type: image/png", titled("x")),
        (
            "/json",
            "200 OK\r\ncontent-type: application/json",
            titled("x"),
        ),
        ("/untyped", "200 OK", titled("x")),
        ("/error", "500 Oops\r\ncontent-type: text/html", titled("x")),
        (
            "/gzip",
            "200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip",
            titled("x"),
        ),
        ("/empty", HTML, String::new()),
        ("/untitled", HTML, titled(" ")),
        ("/binary", HTML, "\u{0}\u{1}\u{2}".repeat(1000)),
    ] {
        outside.serve(path, head, body);
        let message = alice.send("general", &outside.url(path)).await;
        previewed(&bob, &outside.url("/marker"), &["marker"]).await;
        assert_eq!(
            now(&alice, &message).await.get("attachments"),
            None,
            "{path}"
        );
    }
    let elsewhere = Outside::start().await;
    let away = |to: String| outside.url(&format!("/away/{to}"));
    for link in [
        away(elsewhere.url("/")),
        away("file:///etc/passwd".into()),
        away(outside.url("/png")),
        // Around in a circle.
        outside.url("/away/"),
        "https://user:pw@localhost/".into(),
        "https://localhost:22/".into(),
    ] {
        let message = alice.send("general", &link).await;
        previewed(&bob, &outside.url("/marker"), &["marker"]).await;
        assert_eq!(
            now(&alice, &message).await.get("attachments"),
            None,
            "{link}"
        );
    }
    assert_eq!(elsewhere.heard(), [""; 0]);
    // A redirect among the same hosts is followed, and its end is what is shown.
    let shown = previewed(&alice, &away(outside.url("/marker")), &["marker"]).await;
    let blocks = &shown["attachments"][0]["blocks"];
    assert_eq!(blocks[1]["url"], outside.url("/marker").as_str());
}

/// As it comes with the host, for any public host. What the operator opens to plugins that name a host
/// there stays shut to what people link to.
async fn nothing_inside_is_previewed(database: Database) {
    let outside = Outside::start().await;
    let host = TestHost::with(&database, outgoing).await;
    let known = host.app.backend.upload(&component("unfurl")).await.is(201);
    let asked = known["permissions"].as_array().expect("a list");
    let http = asked
        .iter()
        .find(|asked| asked["name"] == "http")
        .expect("it asks for http");
    assert_eq!(http["hosts"], json!(["*"]));
    assert_eq!(
        http["allows"],
        "Send what it knows to any public address on the internet."
    );
    let hosts = ["*", &outside.host()];
    let [alice, bob] = general(&host.app, &hosts, json!({})).await;
    outside.serve("/marker", HTML, titled("marker"));
    let port = outside
        .host()
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    for link in [
        format!("http://127.0.0.1:{port}/inside"),
        format!("http://[::1]:{port}/inside"),
        format!("http://0x7f.1:{port}/inside"),
        format!("http://2130706433:{port}/inside"),
        "http://169.254.169.254/latest/meta-data/".into(),
        "https://169.254.169.254/".into(),
        "https://10.0.0.1/".into(),
        "http://localhost/".into(),
        "https://localhost/".into(),
        outside.url("/away/http://localhost/inside"),
        outside.url("/away/http://169.254.169.254/inside"),
    ] {
        let message = alice.send("general", &link).await;
        previewed(&bob, &outside.url("/marker"), &["marker"]).await;
        assert_eq!(
            now(&alice, &message).await.get("attachments"),
            None,
            "{link}"
        );
    }
    assert!(
        outside
            .heard()
            .iter()
            .all(|request| !request.starts_with("GET /inside"))
    );
}

async fn slow_and_huge_pages_hold_up_nobody(database: Database) {
    let (outside, silent) = (Outside::start().await, Outside::start().await);
    let host = TestHost::with(&database, outgoing).await;
    let hosts = [outside.host(), silent.host()];
    let hosts = hosts.each_ref().map(String::as_str);
    let [alice, bob] = general(&host.app, &hosts, json!({ "timeout_ms": 500 })).await;
    // A page's head is enough, however long the rest is.
    let huge = format!("{}{}", titled("huge"), "x".repeat(3 << 20));
    outside.serve("/huge", HTML, huge);
    let late = format!("{}{}", " ".repeat(256 << 10), titled("late"));
    outside.serve("/late", HTML, late);
    previewed(&alice, &outside.url("/huge"), &["huge"]).await;
    let none = alice.send("general", &outside.url("/late")).await;
    let slow = [
        alice.send("general", &silent.url("/silent")).await,
        alice
            .send(
                "general",
                &format!("{} {}", silent.url("/silent?2"), silent.url("/a")),
            )
            .await,
        bob.send("general", &silent.url("/silent")).await,
    ];
    previewed(&bob, &outside.url("/huge"), &["huge"]).await;
    for message in slow.iter().chain([&none]) {
        assert_eq!(now(&alice, message).await.get("attachments"), None);
    }
    assert_eq!(silent.heard().len(), 1, "nobody waits for it again");
}

async fn the_sender_takes_it_away(database: Database) {
    let outside = Outside::start().await;
    let (_host, [alice, bob]) = start(&database, &outside, json!({})).await;
    outside.serve("/a", HTML, titled("a"));
    outside.serve("/marker", HTML, titled("marker"));
    let message = previewed(&bob, &outside.url("/a"), &["a"]).await;
    let id = message["id"].as_str().expect("a text");
    let press = async |who: &Person, action: &str| {
        let act = json!({ "action": action, "plugin": "unfurl" });
        who.post(format!("/v1/messages/{id}/actions"), act).await
    };
    press(&alice, "remove bob")
        .await
        .refused(422, "action_refused");
    press(&alice, "remove alice").await.refused(409, "conflict");
    press(&bob, "remove").await.refused(409, "conflict");
    assert_eq!(titles(&now(&bob, &message).await), ["a"]);
    assert_eq!(press(&bob, "remove bob").await.is(200), json!({}));
    assert_eq!(now(&bob, &message).await.get("attachments"), None);
    press(&bob, "remove bob").await.refused(409, "conflict");
    // Nor does an edit bring it back.
    let data = json!({ "data": format!("Well, {}", outside.url("/a")) });
    bob.patch(format!("/v1/messages/{id}"), data).await.is(200);
    previewed(&alice, &outside.url("/marker"), &["marker"]).await;
    assert_eq!(now(&bob, &message).await.get("attachments"), None);
}

async fn what_guards_refuse_is_not_shown(database: Database) {
    let outside = Outside::start().await;
    let (host, [alice, bob]) = start(&database, &outside, json!({})).await;
    let rules = json!({ "words": [{ "name": "rude", "words": ["slur"], "action": "reject" }] });
    host.app.plugin("moderation", rules).await;
    outside.serve("/fine", HTML, titled("fine"));
    outside.serve("/rude", HTML, titled("a slur"));
    let message = previewed(&bob, &outside.url("/fine"), &["fine"]).await;
    let path = format!("/v1/messages/{}", message["id"].as_str().expect("a text"));
    let data = json!({ "data": outside.url("/rude") });
    bob.patch(&path, data).await.is(200);
    let now = shows(&alice, &message, &[]).await;
    assert_eq!(now.get("attachments"), None, "nor is what was there before");
    assert_eq!(now["data"], outside.url("/rude").as_str());
}

async fn settings_say_where(database: Database) {
    let (outside, other) = (Outside::start().await, Outside::start().await);
    let host = TestHost::with(&database, outgoing).await;
    let hosts = [outside.host(), other.host()];
    let hosts = hosts.each_ref().map(String::as_str);
    let [alice, bob] = general(&host.app, &hosts, json!({})).await;
    let backend = &host.app.backend;
    let set = async |more: Value| backend.put(PATH, with(more)).await;
    let wrong = set(json!({ "blocked_domains": ["https://example.org"] })).await;
    let fields = wrong.invalid();
    assert!(fields[0].contains("blocked_domains"), "{fields:?}");
    outside.serve("/a", HTML, titled("a"));
    for more in [
        json!({ "blocked_domains": ["localhost"] }),
        json!({ "allowed_domains": ["example.org"] }),
        json!({ "channel_types": ["direct"] }),
        json!({ "plain_http": false }),
    ] {
        set(more).await.is(200);
        // Whatever is still to be done is done under the settings of the moment.
        let message = alice.send("general", &outside.url("/a")).await;
        let handled = async || {
            let cursor = "SELECT COUNT(*) FROM installs i WHERE i.name = 'unfurl' AND i.cursor >= \
                          (SELECT MAX(e.position) FROM events e WHERE e.app_id = i.app_id)";
            (database.number(cursor).await == 1).then_some(())
        };
        eventually("it is handled", handled).await;
        assert_eq!(now(&alice, &message).await.get("attachments"), None);
    }
    set(json!({})).await.is(200);
    previewed(&bob, &outside.url("/a"), &["a"]).await;
    // So many of one person in a minute, and no more.
    set(json!({ "user_links_per_minute": 1 })).await.is(200);
    let carol = host.app.user("carol").await;
    backend
        .put("/v1/channels/general/participants/carol", json!({}))
        .await
        .is(200);
    previewed(&carol, &outside.url("/a"), &["a"]).await;
    let second = carol.send("general", &outside.url("/a")).await;
    let dave = host.app.user("dave").await;
    backend
        .put("/v1/channels/general/participants/dave", json!({}))
        .await
        .is(200);
    previewed(&dave, &outside.url("/a"), &["a"]).await;
    assert_eq!(now(&carol, &second).await.get("attachments"), None);
    assert_eq!(outside.heard().len(), 1);
}

async fn previews_come_once_across_a_crash(database: Database) {
    let outside = Outside::start().await;
    let local = "[\"127.0.0.0/8\", \"::1\"]";
    let mut host = ChildHost::with(
        &database,
        &[
            ("ALTHING_EGRESS__ALLOWED_NETWORKS", local),
            ("ALTHING_EGRESS__PLAIN_HTTP_NETWORKS", local),
            ("ALTHING_SERVER__REQUEST_TIMEOUT_MS", "120000"),
        ],
    )
    .await;
    let settings = json!({ "user_links_per_minute": 1000 });
    let [alice, bob] = general(&host.app, &[&outside.host()], settings).await;
    let titles_of: Vec<String> = (0..20).map(|n| format!("page {n}")).collect();
    let mut sent = Vec::new();
    for (n, title) in titles_of.iter().enumerate() {
        outside.serve(&format!("/{n}"), HTML, titled(title));
        let who = if n % 2 == 0 { &alice } else { &bob };
        sent.push(who.send("general", &outside.url(&format!("/{n}"))).await);
    }
    let shown = async || {
        let history = alice.history("general").await;
        history.iter().flat_map(titles).collect::<Vec<_>>()
    };
    eventually("some are shown", async || {
        (shown().await.len() >= 2).then_some(())
    })
    .await;
    host.kill_and_restart().await;
    eventually("all are shown", async || {
        (shown().await == titles_of).then_some(())
    })
    .await;
    host.kill_and_restart().await;
    let events = alice.events("general", 0).await;
    for message in &sent {
        let updates = events.iter().filter(|event| {
            event["event"] == "message.updated" && event["data"]["message"]["id"] == message["id"]
        });
        assert_eq!(updates.count(), 1, "{message}");
    }
    assert_eq!(shown().await, titles_of);
}
