//! What plugins show below messages of others: in their own name, within limits, past the guards, and
//! gone with the message.

use serde_json::{Value, json};

use crate::support::{
    App, Database, Person, TestHost, component, draft, eventually, rewritten, stories,
};

stories!(
    blocks_are_shown_below_a_message,
    they_go_with_the_message,
    each_plugin_has_its_own,
    guards_look_at_the_words,
    guards_look_at_the_words_beside_a_plugins_own_text,
    marks_of_a_plugin_are_no_words,
    a_masked_message_of_a_plugin_keeps_its_buttons,
    there_are_so_many_and_no_more,
    a_press_goes_to_whose_button_it_is,
    a_plugin_is_not_told_of_what_it_attached,
);

const CANARY: &str = "canary-9a3d";

/// Alice and Bob in `general`, and a plugin that attaches what it is told to.
async fn start(database: &Database) -> (TestHost, [Person; 2]) {
    let host = TestHost::start(database).await;
    let people = general(&host.app).await;
    (host, people)
}

async fn general(app: &App) -> [Person; 2] {
    app.plugin("hostile", json!({})).await;
    let people = app.users(["alice", "bob"]).await;
    app.channel("general", &people.each_ref()).await;
    people
}

/// What a plugin has to say to a command: nothing if it worked.
async fn told(who: &Person, line: &str) -> String {
    let answer = who.types("general", line).await.is(200);
    let text = answer["reply"]["text"].as_str().unwrap_or_default();
    text.to_owned()
}

/// Has the plugin attach blocks.
async fn attach(who: &Person, plugin: &str, message: &Value, blocks: &str) -> String {
    let id = message["id"].as_str().expect("a message");
    told(who, &format!("/{plugin} attach {id} {blocks}")).await
}

/// The message as it is now.
async fn now(who: &Person, message: &Value) -> Value {
    let id = message["id"].as_str().expect("a message");
    who.get(format!("/v1/messages/{id}")).await.is(200)
}

fn shown(text: &str) -> (String, Value) {
    let blocks = json!([{ "type": "text", "text": text }]);
    (blocks.to_string(), blocks)
}

async fn blocks_are_shown_below_a_message(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let message = alice.send("general", "hello").await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let (text, blocks) = shown("one");
    assert_eq!(attach(&bob, "hostile", &message, &text).await, "");
    let updated = phone.next_event("message.updated").await;
    let mut expected = message.clone();
    expected["attachments"] = json!([{ "plugin": "hostile", "blocks": blocks }]);
    assert_eq!(
        updated["data"]["message"], expected,
        "nothing else is changed"
    );
    assert_eq!(now(&alice, &message).await, expected);
    assert_eq!(bob.history("general").await, [expected]);
    // The same again is nothing new.
    assert_eq!(attach(&bob, "hostile", &message, &text).await, "");
    // Its sender's edit is not in its way, nor it in that of the edit.
    let path = format!("/v1/messages/{}", message["id"].as_str().expect("a text"));
    let edited = alice.patch(&path, json!({ "data": "hi" })).await.is(200);
    assert_eq!(edited["attachments"][0]["blocks"], blocks);
    let (text, blocks) = shown("two");
    assert_eq!(attach(&bob, "hostile", &message, &text).await, "");
    let changed = now(&alice, &message).await;
    assert_eq!(changed["data"], "hi");
    assert_eq!(changed["attachments"][0]["blocks"], blocks);
    for nothing in ["[]", ""] {
        assert_eq!(attach(&bob, "hostile", &message, nothing).await, "");
    }
    assert_eq!(now(&alice, &message).await.get("attachments"), None);
    let told = phone.caught_up(&host.app).await.len();
    assert_eq!(told, 3, "edited, changed, taken away");
    for wrong in ["{}", "[1]", "[\"a\"]", "[", "1"] {
        let told = attach(&bob, "hostile", &message, wrong).await;
        assert!(told.starts_with("Error::Invalid"), "{wrong}: {told}");
    }
}

async fn they_go_with_the_message(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let (text, _) = shown(CANARY);
    let [first, second] = [
        alice.send("general", "first").await,
        alice.send("general", "second").await,
    ];
    for message in [&first, &second] {
        assert_eq!(attach(&bob, "hostile", message, &text).await, "");
    }
    let path = format!("/v1/messages/{}", first["id"].as_str().expect("a text"));
    alice.delete(&path).await.is(200);
    let deleted = now(&bob, &first).await;
    assert_eq!(deleted.get("attachments"), None);
    let told = attach(&bob, "hostile", &first, &text).await;
    assert!(told.starts_with("Error::NotFound"), "{told}");
    assert!(database.dump().await.contains(CANARY));
    host.app.backend.delete("/v1/users/alice").await.is(204);
    eventually("nothing is left of it", async || {
        (!database.dump().await.contains(CANARY)).then_some(())
    })
    .await;
    let events = bob.events("general", 0).await;
    assert!(!json!(events).to_string().contains(CANARY));
}

async fn each_plugin_has_its_own(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let second = rewritten(&component("hostile"), "\"hostile\"", "\"hostil2\"");
    host.app.install(&second, json!({})).await;
    let message = alice.send("general", "hello").await;
    let plugins = async || {
        let message = now(&alice, &message).await;
        let shown = message["attachments"].as_array().cloned();
        let shown = shown.unwrap_or_default();
        let names = shown
            .iter()
            .map(|a| a["plugin"].as_str().expect("a text").to_owned());
        names.collect::<Vec<_>>()
    };
    let (text, _) = shown("mine");
    for plugin in ["hostile", "hostil2", "hostile"] {
        assert_eq!(attach(&bob, plugin, &message, &text).await, "");
    }
    assert_eq!(plugins().await, ["hostile", "hostil2"]);
    assert_eq!(attach(&bob, "hostile", &message, "[]").await, "");
    assert_eq!(plugins().await, ["hostil2"]);
    // Another app's message is not there.
    let theirs = host.other.session("alice").await;
    let theirs = theirs.send("general", "elsewhere").await;
    for message in [
        &theirs,
        &json!({ "id": "msg_0000000000000001" }),
        &json!({ "id": "x" }),
    ] {
        let told = attach(&bob, "hostile", message, &text).await;
        assert!(told.starts_with("Error::NotFound"), "{told}");
    }
    // What was shown stays when the plugin goes, as its messages do, and its buttons do nothing.
    host.app.backend.delete("/v1/plugins/hostil2").await.is(204);
    assert_eq!(plugins().await, ["hostil2"]);
    // Without the permission it can't be linked.
    let grants =
        json!({ "grants": ["kv", "counters", "chat-read", "chat-write", "timers", "http"] });
    let set = host.app.backend.put("/v1/plugins/hostile", grants).await;
    set.refused(422, "grant_missing");
}

async fn guards_look_at_the_words(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let rules = json!({ "words": [
        { "name": "mild", "words": ["darn"], "action": "mask" },
        { "name": "rude", "words": ["slur"], "action": "reject", "reason": "Please be kind." },
        { "name": "trade", "words": ["crypto"], "action": "hold", "reason": "Someone looks first." },
    ] });
    host.app.plugin("moderation", rules).await;
    let message = alice.send("general", "hello").await;
    let blocks = |word: &str| {
        [
            json!([{ "type": "text", "text": word }]),
            json!([{ "type": "row", "blocks": [{ "type": "button", "text": word, "action": "a" }] }]),
            json!([{ "type": "list", "items": ["fine", word] }]),
            json!([{ "type": "image", "url": "https://a.example/", "alt": word }]),
            json!([{ "type": "whatever", "words": { "deep": [word] } }]),
        ]
    };
    for word in ["darn", "slur", "crypto"] {
        for blocks in blocks(word) {
            let told = attach(&bob, "hostile", &message, &blocks.to_string()).await;
            assert!(told.starts_with("Error::Invalid"), "{blocks}: {told}");
        }
    }
    assert_eq!(now(&alice, &message).await.get("attachments"), None);
    for blocks in blocks("fine") {
        assert_eq!(
            attach(&bob, "hostile", &message, &blocks.to_string()).await,
            ""
        );
    }
    let told = host
        .app
        .backend
        .get("/v1/plugins/moderation/decisions")
        .await;
    assert!(told.is(200).to_string().contains("Please be kind."));
}

/// Blocks of a plugin's own message say more than its text, which is all that a guard's draft has.
async fn guards_look_at_the_words_beside_a_plugins_own_text(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let rules = json!({ "words": [
        { "name": "mild", "words": ["darn"], "action": "mask" },
        { "name": "rude", "words": ["slur", "post"], "action": "reject", "reason": "Please be kind." },
        { "name": "trade", "words": ["crypto"], "action": "hold", "reason": "Someone looks first." },
    ] });
    host.app.plugin("moderation", rules).await;
    let send = async |blocks: &Value| told(&bob, &format!("/hostile post {blocks}")).await;
    let blocks = |word: &str| {
        [
            json!([{ "type": "text", "text": word }]),
            json!([{ "type": "button", "text": "fine", "action": "a", "value": word }]),
            json!([{ "type": "list", "items": ["posted", word] }]),
            json!([{ "type": "text", "text": "fine", "marks": [{ "text": "fine", "user": word }] }]),
            json!([{ "type": "text", "text": "fine", "marks": [{ "text": "fine", "at": 1, "say": word }] }]),
        ]
    };
    // A part of a word of the text (`posted`) is another word.
    for word in ["slur", "crypto", "post"] {
        for blocks in blocks(word) {
            let told = send(&blocks).await;
            assert!(told.starts_with("Error::Invalid"), "{blocks}: {told}");
        }
    }
    assert!(alice.history("general").await.is_empty());
    // What is read is masked; what a button stands for can't be.
    let are_masked = [true, false, true, true, true];
    for (blocks, is_masked) in blocks("darn").iter().zip(are_masked) {
        let told = send(blocks).await;
        assert_eq!(told.is_empty(), is_masked, "{blocks}: {told}");
    }
    let sent = json!(alice.history("general").await).to_string();
    assert!(sent.contains("****") && !sent.contains("darn"), "{sent}");
    for blocks in blocks("fine") {
        assert_eq!(send(&blocks).await, "");
        let sent = alice.history("general").await.pop().expect("a message");
        assert_eq!(sent["view"], json!({ "text": "posted", "blocks": blocks }));
    }
}

/// What stands nowhere in the words is shown nowhere, and what is masked in them is found no more.
async fn marks_of_a_plugin_are_no_words(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let rules = json!({ "words": [
        { "name": "mild", "words": ["darn"], "action": "mask" },
        { "name": "rude", "words": ["slur", "date"], "action": "reject", "reason": "Please be kind." },
    ] });
    host.app.plugin("moderation", rules).await;
    let blocks = |word: &str| {
        json!([
            { "type": "text", "text": format!("a {word} for @bob"), "marks": [
                { "text": "slur", "user": "bob" }, { "text": "darn", "at": 1_796_403_600_000_u64, "show": "date" }] },
            { "type": "button", "text": "Go", "action": "go", "for": { "users": ["slur"], "role": "admin" } },
        ])
    };
    let sent = told(&bob, &format!("/hostile post {}", blocks("darn"))).await;
    assert_eq!(sent, "");
    let sent = alice.history("general").await.pop().expect("a message");
    assert_eq!(sent["view"]["blocks"], blocks("****"));
}

async fn a_masked_message_of_a_plugin_keeps_its_buttons(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let rules = json!({ "words": [{ "words": ["posted"], "action": "mask" }] });
    host.app.plugin("moderation", rules).await;
    let send = async |blocks: &Value| told(&bob, &format!("/hostile post {blocks}")).await;
    let button = |text: &str| {
        json!([
            { "type": "text", "text": text },
            { "type": "button", "text": "fine", "action": "a", "value": "go" },
        ])
    };
    assert_eq!(send(&button("fine")).await, "");
    let sent = alice.history("general").await.pop().expect("a message");
    let (data, blocks) = (&sent["data"], &sent["view"]["blocks"]);
    assert_eq!((data, blocks), (&json!("******"), &button("fine")));
    assert_eq!(sent["view"]["text"], "******");
    // So do blocks that have the word as well, whether or not the text has the same.
    for (text, masked) in [("posted", "******"), ("it is posted", "it is ******")] {
        assert_eq!(send(&button(text)).await, "");
        let sent = alice.history("general").await.pop().expect("a message");
        assert_eq!(sent["view"]["blocks"], button(masked));
    }
    // What a button stands for is not to be masked.
    let value = json!([{ "type": "button", "text": "fine", "action": "a", "value": "posted" }]);
    let told = send(&value).await;
    assert!(told.contains("doesn't let these words pass"), "{told}");
    assert_eq!(alice.history("general").await.len(), 3);
}

async fn there_are_so_many_and_no_more(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.limits.attachment_bytes_max = 100;
        config.limits.attachments_max = 1;
    })
    .await;
    let [alice, bob] = general(&host.app).await;
    let second = rewritten(&component("hostile"), "\"hostile\"", "\"hostil2\"");
    host.app.install(&second, json!({})).await;
    let message = alice.send("general", "hello").await;
    let (empty, _) = shown("");
    let (just, blocks) = shown(&"x".repeat(100 - empty.len()));
    let (over, _) = shown(&"x".repeat(101 - empty.len()));
    assert_eq!(attach(&bob, "hostile", &message, &just).await, "");
    let told = attach(&bob, "hostile", &message, &over).await;
    assert!(told.starts_with("Error::Limited"), "{told}");
    let told = attach(&bob, "hostil2", &message, &just).await;
    assert!(told.starts_with("Error::Limited"), "{told}");
    let expected = json!([{ "plugin": "hostile", "blocks": blocks }]);
    assert_eq!(now(&alice, &message).await["attachments"], expected);
    // Nothing takes no place.
    assert_eq!(attach(&bob, "hostil2", &message, "[]").await, "");
    assert_eq!(attach(&bob, "hostile", &message, "[]").await, "");
    assert_eq!(attach(&bob, "hostil2", &message, &just).await, "");
}

async fn a_press_goes_to_whose_button_it_is(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    host.app.plugin("poll", json!({})).await;
    let data = json!({ "question": "Lunch?", "options": ["Pizza", "Sushi"] });
    let poll = json!({ "channel_id": "general", "type": "poll", "data": data });
    let poll = alice.post("/v1/messages", poll).await.is(201);
    let plain = alice.post("/v1/messages", draft("general", "hello")).await;
    let plain = plain.is(201);
    let button = json!([{ "type": "button", "text": "Say", "action": "vote" }]).to_string();
    for message in [&poll, &plain] {
        assert_eq!(attach(&bob, "hostile", message, &button).await, "");
    }
    let press = async |who: &Person, message: &Value, act: Value| {
        let id = message["id"].as_str().expect("a message");
        who.post(format!("/v1/messages/{id}/actions"), act).await
    };
    let say = |plugin: Value| json!({ "action": "vote", "value": "say-back it", "plugin": plugin });
    for message in [&poll, &plain] {
        let answer = press(&bob, message, say(json!("hostile"))).await.is(200);
        assert_eq!(answer["reply"]["text"], "say-back it");
        // Of a plugin that shows nothing here, or none.
        for plugin in ["poll", "nobody", ""] {
            let refused = press(&bob, message, say(json!(plugin))).await;
            refused.refused(409, "conflict");
        }
        let other = json!({ "action": "dance", "plugin": "hostile" });
        press(&bob, message, other).await.refused(409, "conflict");
    }
    // The same action of the message's own goes where it always did.
    let refused = press(&bob, &plain, say(Value::Null)).await;
    refused.refused(409, "conflict");
    press(&bob, &poll, json!({ "action": "vote", "value": 0 }))
        .await
        .is(200);
    let voted = now(&bob, &poll).await;
    assert!(voted["view"]["text"].to_string().contains('1'), "{voted}");
    assert_eq!(voted["attachments"][0]["plugin"], "hostile");
    let mut phone = bob.connect().await;
    let act = json!({ "message_id": plain["id"], "action": "vote", "value": "say-back it", "plugin": "hostile" });
    let reply = phone.request("act", act).await.ok();
    assert_eq!(reply["reply"]["text"], "say-back it");
    phone.close().await;
    // Whoever is not in the channel presses nothing.
    let carol = host.app.user("carol").await;
    let refused = press(&carol, &plain, say(json!("hostile"))).await;
    refused.refused(404, "not_found");
}

/// Told of it, it would answer itself.
async fn a_plugin_is_not_told_of_what_it_attached(database: Database) {
    let host = TestHost::start(&database).await;
    let about = "Breaks one limit of the host for each word it is told. For the host's own tests.";
    let manifest = |about: &str, events: &[&str]| {
        let events = events.join("\", \"");
        format!("description = \"{about}\"\nevents = [\"{events}\"]")
    };
    let from = manifest(about, &["message.new"]);
    let both = ["message.new", "message.updated"];
    let room = from.len() - manifest("", &both).len();
    let to = manifest(&"x".repeat(room), &both);
    let plugin = rewritten(&component("hostile"), &from, &to);
    host.app.install(&plugin, json!({})).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let message = alice.send("general", "hello").await;
    // Whenever it hears of the message, it says so in its log, once as a guard and once afterwards.
    let edit = async |message: &Value, deed: &str| {
        let path = format!("/v1/messages/{}", message["id"].as_str().expect("a text"));
        let edited = alice.patch(&path, json!({ "data": deed })).await;
        edited.is(200);
    };
    let said = async |word: &str| {
        eventually("it has spoken", async || {
            let log = host.app.backend.get("/v1/plugins/hostile/log").await;
            let log = log.is(200);
            let lines = log["lines"].as_array().expect("lines").iter();
            let said: Vec<_> = lines.map(|line| line["message"].clone()).collect();
            let twice = said.iter().filter(|line| *line == word).count() >= 2;
            twice.then_some(said)
        })
        .await
    };
    // Told of a message later, it would find it edited already, and speak once more.
    let told = || host.app.handled_all("hostile");
    told().await;
    edit(&message, "logs 1 2").await;
    said("é").await;
    assert_eq!(attach(&bob, "hostile", &message, "[{}]").await, "");
    let second = alice.send("general", "hello").await;
    told().await;
    edit(&second, "logs 1 4").await;
    let said = said("éé").await;
    assert_eq!(said, ["é", "é", "éé", "éé"], "nothing for the attachment");
}
