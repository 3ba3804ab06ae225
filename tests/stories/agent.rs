//! The assistant with a language model behind it: what it says is seen as it comes and stands there
//! once, whatever becomes of the model, the host, and those who asked.

use std::time::Duration;

use althing::address::Networks;
use althing::config::Config;
use serde_json::{Value, json};

use crate::support::{
    App, ChildHost, Database, Model, Person, Reply, Socket, TestHost, eventually, stories,
};

stories!(
    an_answer_is_seen_as_it_comes,
    the_tenant_chooses_one_host,
    a_model_looks_things_up_where_it_is_asked,
    a_model_that_fails_says_so_once,
    a_model_that_is_busy_is_asked_again,
    what_is_too_long_is_asked_with_less,
    guards_look_at_what_is_shown,
    whoever_was_removed_sees_no_more,
    an_answer_is_stopped_and_asked_for_again,
    a_deleted_question_has_no_answer,
    so_many_questions_are_answered,
    answers_that_take_long_hold_up_no_reminder,
    an_answer_survives_a_crash,
);

const KEY: &str = "canary-77c2-key";
const PATH: &str = "/v1/plugins/assistant";

/// Servers on this machine may be asked.
fn outgoing(config: &mut Config) {
    let here = Networks::loopback();
    config.egress.allowed_networks = here.clone();
    config.egress.plain_http_networks = here;
    // A model waits for its story, and that may wait for the machine.
    config.egress.stream_silence_ms = 60_000;
}

fn settings(model: &Model) -> Value {
    json!({
        "greeting": "", "endpoint": model.endpoint(), "api_key": KEY, "model": "clever-1",
        "system_prompt": "Be brief.",
    })
}

/// Alice and Bob in `general`, with the assistant and this model.
async fn general(app: &App, model: &Model) -> [Person; 2] {
    let people = app.users(["alice", "bob"]).await;
    app.plugin("assistant", settings(model)).await;
    app.channel("general", &people.each_ref()).await;
    people
}

/// What the assistant's messages say, old to new.
async fn said(who: &Person) -> Vec<String> {
    let messages = who.history("general").await;
    let mut said: Vec<(i64, String)> = messages
        .iter()
        .filter(|message| message["from"] == "bot:assistant")
        .map(|message| {
            let text = message["data"].as_str().unwrap_or_default().to_owned();
            (message["seq"].as_i64().unwrap_or_default(), text)
        })
        .collect();
    said.sort();
    said.into_iter().map(|(_, text)| text).collect()
}

/// Waits until the assistant has said `texts` and nothing else.
async fn has_said(who: &Person, texts: &[&str]) {
    let mut last = Vec::new();
    let mut tries = 0;
    let said = eventually("the assistant has answered", async || {
        last = said(who).await;
        tries += 1;
        (last == texts || tries > 900).then(|| last.clone())
    });
    assert_eq!(said.await, texts);
}

/// The next text that is shown of a message in the making, and has these words in it.
async fn shown(socket: &mut Socket, words: &str) -> Value {
    let fits = |event: &Value| {
        event["event"] == "message.progress"
            && event["data"]["data"]
                .as_str()
                .is_some_and(|text| text.contains(words))
    };
    socket.next_such(words, fits).await["data"].clone()
}

async fn an_answer_is_seen_as_it_comes(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    host.other.plugin("assistant", json!({})).await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    let mut bobs = bob.connect().await;
    bobs.subscribe("general").await;
    alice
        .send("general", "The office moved to Main Street.")
        .await;
    model.will([Reply::stream()
        .says("It is in ")
        .waits()
        .says("Main Stréét 😀")
        .ends()]);
    let asked = alice
        .send("general", "@assistant where is the office?")
        .await;
    let fits = |event: &Value| {
        event["event"] == "message.new" && event["data"]["message"]["from"] == "bot:assistant"
    };
    let waiting = bobs.next_such("a message that waits", fits).await["data"]["message"].clone();
    assert_eq!(waiting["data"], "…");
    let part = shown(&mut bobs, "It is in").await;
    assert_eq!(
        (&part["id"], &part["data"]),
        (&waiting["id"], &json!("It is in …"))
    );
    let stop = &part["view"]["blocks"][1];
    assert_eq!(
        (&stop["type"], &stop["action"]),
        (&json!("button"), &json!("ai-stop"))
    );
    // It passes: nothing of it is stored.
    assert_eq!(said(&bob).await, ["…"]);
    model.go_on();
    let done = bobs.next_event("message.updated").await["data"]["message"].clone();
    assert_eq!(
        (&done["id"], &done["data"]),
        (&waiting["id"], &json!("It is in Main Stréét 😀"))
    );
    assert!(done.get("view").is_none(), "{done}");
    assert!(done["seq"].as_i64() > asked["seq"].as_i64());
    assert_eq!(said(&bob).await, ["It is in Main Stréét 😀"]);

    let (head, body) = model.heard().remove(0);
    assert!(
        head.starts_with("POST /v1/chat/completions HTTP/1.1"),
        "{head}"
    );
    assert!(
        head.contains(&format!("\r\nauthorization: Bearer {KEY}")),
        "{head}"
    );
    assert_eq!(
        (&body["model"], &body["stream"]),
        (&json!("clever-1"), &json!(true))
    );
    let messages = body["messages"].as_array().expect("messages");
    assert!(
        messages[0]["content"]
            .as_str()
            .is_some_and(|rules| rules.starts_with("Be brief."))
    );
    let told: Vec<_> = messages[1..]
        .iter()
        .map(|message| &message["content"])
        .collect();
    assert_eq!(
        told,
        [
            "alice: The office moved to Main Street.",
            "alice: where is the office?"
        ]
    );
    // A command asks as well, and so does whoever writes to the bot alone.
    model.will([Reply::stream().says("Yes.").ends()]);
    bob.types("general", "/ai is it open?").await.is(200);
    has_said(
        &alice,
        &["It is in Main Stréét 😀", "bob asks: is it open?\n\nYes."],
    )
    .await;
    // Who knows no streams is understood, too.
    let whole =
        json!({ "choices": [{ "message": { "content": "Whole." }, "finish_reason": "stop" }] });
    model.will([Reply::status(
        200,
        "content-type: application/json\r\n",
        &whole.to_string(),
    )]);
    let direct = json!({ "user_ids": ["bot:assistant"] });
    let direct = alice.post("/v1/channels/direct", direct).await;
    assert!(direct.status < 300, "{}", direct.text);
    let id = direct.body["id"].as_str().expect("an id").to_owned();
    alice.send(&id, "Hello?").await;
    let answered = async || {
        let messages = alice.history(&id).await;
        let whole = |message: &Value| message["data"] == "Whole.";
        messages.iter().any(whole).then_some(())
    };
    eventually("the bot answers in a channel of two", answered).await;
    let theirs = host.other.session("alice").await;
    theirs
        .types("general", "/ai where is the office?")
        .await
        .refused(422, "action_refused");
    bobs.close().await;
}

async fn the_tenant_chooses_one_host(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let (model, other) = (Model::start().await, Model::start().await);
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let backend = &host.app.backend;
    let plugin = host.app.plugin("assistant", json!({})).await;
    let asked = plugin["component"]["permissions"]
        .as_array()
        .expect("a list");
    let http = asked
        .iter()
        .find(|asked| asked["name"] == "http")
        .expect("http");
    assert_eq!(http["hosts"], json!(["{endpoint}"]));
    let grants = plugin["install"]["grants"].as_array().expect("a list");
    assert!(grants.contains(&json!("http:{endpoint}")), "{grants:?}");
    assert!(plugin["install"].get("reaches").is_none());
    let refused = alice.types("general", "/ai hello?").await;
    assert!(
        refused.refused(422, "action_refused")["detail"]
            .to_string()
            .contains("no model")
    );
    let set = async |config: Value| backend.put(PATH, json!({ "config": config })).await;
    for bad in [
        "models.example",
        "ftp://models.example",
        "https://me@models.example",
        "http://models.example:22/v1",
    ] {
        assert_eq!(
            set(json!({ "endpoint": bad })).await.invalid(),
            ["config.endpoint"],
            "{bad}"
        );
    }
    let plugin = set(settings(&model)).await.is(200);
    assert_eq!(plugin["install"]["reaches"], json!([model.host()]));
    assert_eq!(
        plugin["install"]["secrets"],
        json!([{ "name": "api_key", "set": true }])
    );
    model.will([Reply::stream().says("Here.").ends()]);
    alice.types("general", "/ai where?").await.is(200);
    has_said(&alice, &["alice asks: where?\n\nHere."]).await;
    // The key is for the host that it was entered for: another is asked without.
    let mut elsewhere = settings(&other);
    elsewhere
        .as_object_mut()
        .expect("an object")
        .remove("api_key");
    let plugin = set(elsewhere).await.is(200);
    assert_eq!(plugin["install"]["reaches"], json!([other.host()]));
    assert_eq!(
        plugin["install"]["secrets"],
        json!([{ "name": "api_key", "set": false }])
    );
    other.will([Reply::stream().says("There.").ends()]);
    alice.types("general", "/ai and now?").await.is(200);
    has_said(
        &alice,
        &[
            "alice asks: where?\n\nHere.",
            "alice asks: and now?\n\nThere.",
        ],
    )
    .await;
    assert_eq!((model.heard().len(), other.heard().len()), (1, 1));
    let (head, _) = other.heard().remove(0);
    assert!(
        !head.contains("authorization") && !head.contains(KEY),
        "{head}"
    );
    // Without the grant no setting opens anything.
    let few = json!({ "grants": ["kv", "timers", "chat-read", "chat-write", "counters"] });
    backend.put(PATH, few).await.refused(422, "grant_missing");
}

async fn a_model_looks_things_up_where_it_is_asked(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    host.app.channel("secret", &[&bob]).await;
    bob.send("secret", "The treasure is under the oak.").await;
    bob.send("general", "The treasure is nowhere.").await;
    model.will([
        Reply::stream()
            .says("Let me see.")
            .calls("find_messages", &json!({ "words": "treasure IS" })),
        Reply::stream().calls("read_history", &json!({ "channel": "secret" })),
        Reply::stream().calls("get_user", &json!({ "user": "bob" })),
        Reply::stream().says("Nowhere.").ends(),
    ]);
    alice
        .types("general", "/ai where is the treasure?")
        .await
        .is(200);
    has_said(
        &alice,
        &["alice asks: where is the treasure?\n\nLet me see.\n\nNowhere."],
    )
    .await;
    let heard = model.heard();
    assert_eq!(heard.len(), 4);
    let result = |at: usize| {
        let messages = heard[at].1["messages"].as_array().expect("messages");
        let last = messages.last().expect("a message");
        assert_eq!(
            (&last["role"], &last["tool_call_id"]),
            (&json!("tool"), &json!("call_1"))
        );
        last["content"].as_str().expect("a text").to_owned()
    };
    assert!(
        result(1).contains("nowhere") && !result(1).contains("oak"),
        "{}",
        result(1)
    );
    assert!(result(2).contains("unknown field"), "{}", result(2));
    assert!(result(3).contains("\"role\":\"member\""), "{}", result(3));
    for (_, body) in &heard {
        assert!(!body.to_string().contains("oak"), "{body}");
    }
}

async fn a_model_that_fails_says_so_once(database: Database) {
    let host = TestHost::with(&database, |config| {
        outgoing(config);
        // The last of them is cut off when its call has little time left.
        config.plugins.stream_wall_ms = 10_000;
    })
    .await;
    let model = Model::start().await;
    let [alice, _] = general(&host.app, &model).await;
    let json = "content-type: application/json\r\n";
    let wrong = json!({ "error": { "message": "bad key" } }).to_string();
    let mut all: Vec<String> = Vec::new();
    for (reply, words) in [
        (Reply::status(401, json, &wrong), "refuses my key"),
        (Reply::status(404, "", "<html>"), "no model `clever-1`"),
        (
            Reply::status(400, json, &wrong),
            "does not take the question",
        ),
        (
            Reply::status(429, "retry-after: 3600\r\n", ""),
            "Try again in 3600 s",
        ),
        (
            Reply::status(200, "", "<html>hello</html>"),
            "don't understand",
        ),
        (Reply::status(200, json, "[]"), "don't understand"),
        (
            Reply::stream().raw(b"data: {\"choices\"\n\n"),
            "don't understand",
        ),
        (Reply::stream().ends(), "said nothing"),
        (
            Reply::stream().event(&json!({ "error": { "message": "x" } })),
            "has a fault",
        ),
        (
            Reply::stream().says("Half").breaks_off(),
            "Half\n\n(My model broke off here.)",
        ),
        (
            Reply::stream().says("Half"),
            "Half\n\n(My model broke off here.)",
        ),
        (
            Reply::stream().says("Half").waits(),
            "Half\n\n(My model broke off here.)",
        ),
    ] {
        model.will([reply]);
        alice.types("general", "/ai why?").await.is(200);
        let answered = async || {
            let now = said(&alice).await;
            let last = now.last().cloned().unwrap_or_default();
            (now.len() > all.len() && !last.ends_with('…')).then_some(now)
        };
        all = eventually("an answer", answered).await;
        let last = all.last().expect("an answer");
        assert!(
            last.starts_with("alice asks: why?\n\n") && last.contains(words),
            "{last}"
        );
    }
    assert_eq!(model.heard().len(), 12, "none was asked twice");
    let log = host
        .app
        .backend
        .get(format!("{PATH}/log"))
        .await
        .is(200)
        .to_string();
    assert!(log.contains("bad key") && !log.contains(KEY), "{log}");
}

async fn a_model_that_is_busy_is_asked_again(database: Database) {
    let host = TestHost::timeless_with(&database, outgoing).await;
    let model = Model::start().await;
    let [alice, _] = general(&host.app, &model).await;
    let busy = || Reply::status(429, "retry-after: 7\r\n", "");
    model.will([busy(), Reply::stream().says("Now.").ends()]);
    alice.types("general", "/ai why?").await.is(200);
    let asked = async |times: usize| {
        let asked = async || (model.heard().len() == times).then_some(());
        eventually("it is asked", asked).await;
    };
    asked(1).await;
    // Until that has landed there is no timer to wait for.
    let due = async || {
        host.pass(Duration::from_secs(1)).await;
        (model.heard().len() == 2).then_some(())
    };
    eventually("it is asked again", due).await;
    has_said(&alice, &["alice asks: why?\n\nNow."]).await;
    // Three times are enough.
    model.will([(); 3].map(|()| Reply::status(503, "", "")));
    alice.types("general", "/ai and now?").await.is(200);
    let given_up = async || {
        host.pass(Duration::from_secs(1)).await;
        let now = said(&alice).await;
        now.last()
            .is_some_and(|last| last.contains("has a fault"))
            .then_some(())
    };
    eventually("it gives up", given_up).await;
    assert_eq!(model.heard().len(), 5);
}

async fn what_is_too_long_is_asked_with_less(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    for n in 0..4 {
        bob.send("general", &format!("line {n}")).await;
    }
    let too_long = || {
        let words = "This model's maximum context length is 4096 tokens.";
        let error = json!({ "error": { "message": words, "code": "context_length_exceeded" } });
        Reply::status(400, "", &error.to_string())
    };
    model.will([too_long(), Reply::stream().says("Yes.").ends()]);
    alice.send("general", "@assistant all well?").await;
    has_said(&bob, &["Yes."]).await;
    let told = |body: &Value| {
        let messages = body["messages"].as_array().expect("messages").iter();
        let told = messages.skip(1).map(|message| &message["content"]);
        told.cloned().collect::<Vec<_>>()
    };
    let heard = model.heard();
    assert_eq!(told(&heard[0].1).len(), 5);
    let less = ["bob: line 2", "bob: line 3", "alice: all well?"];
    assert_eq!(told(&heard[1].1), less);
    // Once: if that is too much as well, it is said.
    model.will([too_long(), too_long()]);
    alice.types("general", "/ai and now?").await.is(200);
    let words = "alice asks: and now?\n\nThat is more than my model can take at once.";
    has_said(&bob, &["Yes.", words]).await;
    assert_eq!(model.heard().len(), 4);
}

async fn guards_look_at_what_is_shown(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    let rules = json!({ "words": [
        { "name": "mild", "words": ["darn"], "action": "mask" },
        { "name": "bad", "words": ["scam"], "action": "reject", "reason": "No scams." },
    ] });
    host.app.plugin("moderation", rules).await;
    let mut bobs = bob.connect().await;
    bobs.subscribe("general").await;
    model.will([
        Reply::stream().says("darn it ").waits().says("all").ends(),
        Reply::stream()
            .says("fine ")
            .waits()
            .says("scam ")
            .waits()
            .says("over")
            .ends(),
    ]);
    alice.types("general", "/ai one?").await.is(200);
    let part = shown(&mut bobs, " it").await;
    assert!(!part.to_string().contains("darn"), "{part}");
    model.go_on();
    let first = "alice asks: one?\n\n**** it all";
    has_said(&alice, &[first]).await;
    alice.types("general", "/ai two?").await.is(200);
    shown(&mut bobs, "fine").await;
    model.go_on();
    // It was asked for more, so what it said before was looked at; nobody has seen it.
    model.go_on();
    let refused = "alice asks: two?\n\nI have an answer, but it may not be said here.";
    has_said(&alice, &[first, refused]).await;
    bobs.caught_up(&host.app).await;
    let seen = bobs.take_events();
    assert!(
        seen.iter().all(|event| !event.to_string().contains("scam")),
        "{seen:?}"
    );
    let path = "/v1/plugins/moderation/decisions";
    let decided = async || {
        let decided = host.app.backend.get(path).await.is(200).to_string();
        decided.contains("\"rejected\"").then_some(decided)
    };
    let decided = eventually("what was decided is kept", decided).await;
    // What is only shown is no decision. The words are masked in the text, and then in the blocks.
    assert_eq!(decided.matches("\"changed\"").count(), 2, "{decided}");
    assert_eq!(decided.matches("\"rejected\"").count(), 1, "{decided}");
}

async fn whoever_was_removed_sees_no_more(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    let (mut alices, mut bobs) = (alice.connect().await, bob.connect().await);
    alices.subscribe("general").await;
    bobs.subscribe("general").await;
    model.will([Reply::stream()
        .says("one ")
        .waits()
        .says("two ")
        .waits()
        .says("three")
        .ends()]);
    alice.types("general", "/ai count").await.is(200);
    shown(&mut bobs, "one").await;
    let seat = "/v1/channels/general/participants/bob";
    host.app.backend.delete(seat).await.is(204);
    bobs.next_event("member.removed").await;
    model.go_on();
    shown(&mut alices, "two").await;
    model.go_on();
    has_said(&alice, &["alice asks: count\n\none two three"]).await;
    bobs.round_trip().await;
    let seen = bobs.take_events();
    assert!(
        seen.iter().all(|event| !event.to_string().contains("two")),
        "{seen:?}"
    );
}

async fn an_answer_is_stopped_and_asked_for_again(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    let mut bobs = bob.connect().await;
    bobs.subscribe("general").await;
    model.will([
        Reply::stream()
            .says("one ")
            .waits()
            .says("two ")
            .waits()
            .says("three")
            .ends(),
        Reply::stream().says("four").ends(),
    ]);
    // Bob doesn't run the channel, and asks himself; Alice does.
    bob.types("general", "/ai count").await.is(200);
    let part = shown(&mut bobs, "one").await;
    let message = json!({ "id": part["id"] });
    bob.act(&message, "ai-stop", Value::Null).await.is(200);
    model.go_on();
    let stopped = eventually("it stops", async || {
        let said = said(&alice).await;
        said.last()
            .filter(|last| last.contains("(Stopped.)"))
            .cloned()
    });
    let stopped = stopped.await;
    assert!(stopped.starts_with("bob asks: count\n\none"), "{stopped}");
    assert!(!stopped.contains("three"), "{stopped}");
    bob.act(&message, "ai-stop", Value::Null)
        .await
        .refused(409, "conflict");
    alice.act(&message, "ai-again", Value::Null).await.is(200);
    has_said(&alice, &["bob asks: count\n\nfour"]).await;
    assert_eq!(model.heard().len(), 2);
    // Somebody else's answer is not theirs to stop.
    model.will([Reply::stream().says("five ").waits().ends()]);
    alice.types("general", "/ai more").await.is(200);
    let part = shown(&mut bobs, "five").await;
    let message = json!({ "id": part["id"] });
    bob.act(&message, "ai-stop", Value::Null)
        .await
        .refused(422, "action_refused");
    // Once for the answer that nobody reads any more.
    model.go_on();
    model.go_on();
    has_said(
        &alice,
        &["bob asks: count\n\nfour", "alice asks: more\n\nfive"],
    )
    .await;
}

async fn a_deleted_question_has_no_answer(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    let mut bobs = bob.connect().await;
    bobs.subscribe("general").await;
    model.will([
        Reply::stream().says("never ").waits().says("mind").ends(),
        Reply::stream().says("Yes.").ends(),
    ]);
    let asked = alice.send("general", "@assistant why?").await;
    shown(&mut bobs, "never").await;
    let id = asked["id"].as_str().expect("an id");
    alice.delete(format!("/v1/messages/{id}")).await;
    let fits = |event: &Value| {
        event["event"] == "message.deleted" && event["data"]["message"]["from"] == "bot:assistant"
    };
    bobs.next_such("the answer is gone", fits).await;
    model.go_on();
    alice.send("general", "@assistant and now?").await;
    has_said(&alice, &["", "Yes."]).await;
}

async fn so_many_questions_are_answered(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    let mut few = settings(&model);
    few["questions_per_user"] = json!(1);
    few["questions_per_channel"] = json!(2);
    few["agent_channels"] = json!(["general"]);
    host.app
        .backend
        .put(PATH, json!({ "config": few }))
        .await
        .is(200);
    model.will([(); 3].map(|()| Reply::stream().says("Yes.").ends()));
    alice.types("general", "/ai one?").await.is(200);
    let refused = alice
        .types("general", "/ai two?")
        .await
        .refused(422, "action_refused");
    assert!(
        refused["detail"]
            .to_string()
            .contains("You have asked me once"),
        "{refused}"
    );
    for n in 0..3 {
        alice.send("general", &format!("@assistant and {n}?")).await;
    }
    // What was too much for Alice took nothing of what the channel has left.
    bob.send("general", "@assistant me too?").await;
    has_said(&bob, &["alice asks: one?\n\nYes.", "Yes."]).await;
    // Where others read it, it names whom it means.
    bob.send("general", "@assistant and me again?").await;
    let over = "@bob, you have asked me once within an hour. Ask again later.";
    has_said(&bob, &["alice asks: one?\n\nYes.", "Yes.", over]).await;
    host.app.channel("second", &[&alice]).await;
    let elsewhere = alice
        .types("second", "/ai here?")
        .await
        .refused(422, "action_refused");
    assert!(
        elsewhere["detail"]
            .to_string()
            .contains("don't answer here"),
        "{elsewhere}"
    );
    assert_eq!(model.heard().len(), 2);
}

async fn answers_that_take_long_hold_up_no_reminder(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    // More than the host runs timers of an app at once, fewer than may wait for long.
    model.will([(); 6].map(|()| Reply::stream().says("so ").waits().says("long").ends()));
    for n in 0..6 {
        alice.types("general", &format!("/ai {n}")).await.is(200);
    }
    let asked = async || (model.heard().len() == 6).then_some(());
    eventually("all are asked", asked).await;
    bob.types("general", "/remind in 1 second run")
        .await
        .is(200);
    let reminded = async || {
        let said = said(&bob).await;
        said.iter()
            .any(|text| text == "⏰ @bob: run")
            .then_some(said)
    };
    let said_then = eventually("Bob is reminded", reminded).await;
    assert_eq!(
        said_then.iter().filter(|text| text.ends_with('…')).count(),
        6
    );
    (0..6).for_each(|_| model.go_on());
    let done = async || {
        let said = said(&bob).await;
        (said.iter().filter(|text| text.ends_with("so long")).count() == 6).then_some(())
    };
    eventually("all are answered", done).await;
    assert_eq!(model.heard().len(), 6);
}

async fn an_answer_survives_a_crash(database: Database) {
    let networks = "[\"127.0.0.0/8\"]";
    let mut host = ChildHost::with(
        &database,
        &[
            ("ALTHING_EGRESS__ALLOWED_NETWORKS", networks),
            ("ALTHING_EGRESS__PLAIN_HTTP_NETWORKS", networks),
        ],
    )
    .await;
    let model = Model::start().await;
    let [alice, bob] = general(&host.app, &model).await;
    let mut bobs = bob.connect().await;
    bobs.subscribe("general").await;
    model.will([
        Reply::stream()
            .says("lost ")
            .waits()
            .says("for ever")
            .ends(),
        Reply::stream().says("found").ends(),
    ]);
    alice.send("general", "@assistant why?").await;
    shown(&mut bobs, "lost").await;
    host.kill_and_restart().await;
    model.go_on();
    has_said(&alice, &["found"]).await;
    // What would come twice would do so as the host begins: let it begin once more.
    host.kill_and_restart().await;
    alice.types("general", "/remind list").await.is(200);
    assert_eq!(said(&alice).await, ["found"]);
    assert_eq!(model.heard().len(), 2);
}
