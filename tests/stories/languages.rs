//! The same plugin in Rust, JavaScript, Python and C: each is built with its own language's tools, and
//! what people see of it is the same.

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::{
    Answer, App, Database, Person, TestHost, component, draft, eventually, stories, typed,
    workspace,
};

stories!(the_same_plugin_in_every_language);

const LANGUAGES: [&str; 4] = ["rust", "javascript", "python", "c"];

/// Interpreters take long to compile, so only one of the databases does.
static COMPILING: Mutex<()> = Mutex::const_new(());

/// What comes of the script, in every language.
const TOLD: &str = "tests/stories/languages.txt";

/// What came of a script, a line for each thing that people did or saw.
type Told = Vec<String>;

/// The parts of an answer that don't differ from message to message.
fn told(did: &str, answer: &Answer) -> String {
    let fields = [
        "/code",
        "/reason",
        "/detail",
        "/data",
        "/view/text",
        "/held",
        "/reply/text",
        "/choices",
    ];
    let parts = fields.iter().filter_map(|field| answer.body.pointer(field));
    let parts: Vec<String> = parts.map(Value::to_string).collect();
    format!("{did}: {} {}", answer.status, parts.join(" "))
        .trim_end()
        .to_owned()
}

async fn sends(who: &Person, text: &str, told: &mut Told) -> Value {
    let answer = who.post("/v1/messages", draft("general", text)).await;
    told.push(self::told(text, &answer));
    answer.body
}

/// Messages: as they are, changed, refused, held, and a guard that traps.
async fn guards(alice: &Person, told: &mut Told) {
    let first = sends(alice, "good mörning", told).await;
    for text in [
        "teh cat and teh dog",
        "a durian for you",
        "hold on",
        "trap",
        "still here",
    ] {
        sends(alice, text, told).await;
    }
    let path = format!("/v1/messages/{}", first["id"].as_str().expect("an id"));
    for text in ["now a durian", "now teh end"] {
        let answer = alice.patch(&path, json!({ "data": text })).await;
        told.push(self::told(text, &answer));
    }
    let gone = alice.delete(&path).await;
    told.push(self::told("delete", &gone));
}

async fn commands(alice: &Person, told: &mut Told) {
    for line in [
        "/probe clock",
        "/probe random",
        "/probe dice 0d6",
        "/probe dice",
        "/probe fail",
        "/probe trap",
        "/probe düsseldorf",
    ] {
        let answer = alice.types("general", line).await;
        told.push(self::told(line, &answer));
    }
    let path = "/v1/channels/general/commands/complete";
    for line in ["/probe", "/probe d", "/probe x"] {
        let answer = alice.post(path, typed(line)).await;
        told.push(self::told(line, &answer));
    }
}

async fn kinds(alice: &Person, told: &mut Told) {
    let mut tallies = Vec::new();
    for data in [json!({ "title": "Lunch" }), json!({ "name": "Lunch" })] {
        let new = json!({ "channel_id": "general", "type": "tally", "data": data });
        let answer = alice.post("/v1/messages", new).await;
        told.push(self::told("a tally", &answer));
        tallies.push(answer.body);
    }
    for (action, value) in [
        ("add", json!(2)),
        ("add", json!(-1)),
        ("add", json!("x")),
        ("take", json!(1)),
    ] {
        let answer = alice.act(&tallies[0], action, value).await;
        told.push(self::told(action, &answer));
    }
    let path = format!("/v1/messages/{}", tallies[0]["id"].as_str().expect("an id"));
    let tally = alice.get(path).await;
    told.push(self::told("the tally", &tally));
}

/// What the plugin counted and said about it, and what it logged.
async fn handlers(app: &App, alice: &Person, told: &mut Told) {
    let said = eventually("the plugin has counted", async || {
        let history = alice.history("general").await;
        let texts = history.iter().filter(|message| message["from"] != "alice");
        let texts: Vec<Value> = texts.map(|message| message["data"].clone()).collect();
        (!texts.is_empty()).then_some(texts)
    })
    .await;
    told.push(json!(said).to_string());
    let log = app.backend.get("/v1/plugins/polyglot/log").await.is(200);
    let lines = log["lines"].as_array().expect("lines").iter();
    let lines = lines.filter(|line| line["level"] == "info");
    let mut lines: Vec<Value> = lines.map(|line| line["message"].clone()).collect();
    // Whether the plugin's own message was looked at before another is a matter of luck.
    lines.sort_by_key(Value::to_string);
    lines.dedup();
    told.push(json!(lines).to_string());
}

async fn the_same_plugin_in_every_language(database: Database) {
    let host = TestHost::with(&database, |config| {
        // Interpreters are large, and this machine may have more to do.
        config.server.request_timeout_ms = 120_000;
        config.plugins.guard_cpu_ms = 1_000;
        config.plugins.guard_wall_ms = 10_000;
        config.plugins.handler_cpu_ms = 1_000;
    })
    .await;
    host.expect_plugin_faults();
    let expected = std::fs::read_to_string(workspace().join(TOLD)).expect(TOLD);
    for language in LANGUAGES {
        let app = host.org.app(language, json!({})).await;
        let alice = app.user("alice").await;
        app.channel("general", &[&alice]).await;
        let settings = json!({ "on_fault": "closed" });
        // The code is kept: whoever comes second need not compile it.
        let compiling = COMPILING.lock().await;
        app.install(&component(language), settings).await;
        drop(compiling);
        let mut told = Vec::new();
        guards(&alice, &mut told).await;
        commands(&alice, &mut told).await;
        kinds(&alice, &mut told).await;
        handlers(&app, &alice, &mut told).await;
        assert_eq!(told.join("\n"), expected.trim_end(), "{language}");
        // What the neighbour has of the same plugin is its own.
        let path = "/v1/plugins/polyglot";
        host.other.backend.get(path).await.refused(404, "not_found");
    }
}

/// They ask for the same and offer the same.
#[test]
fn their_manifests_are_the_same() {
    let manifest = |language: &str| {
        let path = format!("tests/guests/{language}/plugin.toml");
        std::fs::read_to_string(workspace().join(path)).expect("a manifest")
    };
    for language in LANGUAGES {
        assert_eq!(manifest(language), manifest("rust"), "{language}");
    }
}
