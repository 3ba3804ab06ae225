//! What moderation does to what people write, and that there is no way around it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, Database, Person, TestHost, draft, eventually, stories};

stories!(
    words_are_masked_refused_or_held,
    edits_are_looked_at_too,
    channels_have_rules_of_their_own,
    rules_of_a_channel_hold_for_private_messages_in_it,
    what_polls_say_is_looked_at,
    what_can_not_be_masked_is_refused,
    nobody_is_masked_out_of_a_task,
    times_are_no_phone_numbers,
    a_flood_is_stopped,
    disguised_words_are_found,
    spam_is_counted_held_or_refused,
    a_refused_message_is_appealed,
    a_held_message_gets_a_note,
    appeals_have_limits,
    floods_are_not_appealed,
);

/// What the score takes for spam, and what it doesn't.
const SPAM: &str =
    "WINNER!! You have been selected to receive a £900 prize reward! To claim call 09061701461 now";
const HAM: &str = "are we still on for lunch tomorrow? i can bring the slides";

/// Word lists with one action each.
fn rules() -> Value {
    json!({ "words": [
        { "name": "mild", "words": ["darn"], "action": "mask" },
        { "name": "rude", "words": ["slur"], "action": "reject", "reason": "Please be kind." },
        { "name": "trade", "words": ["crypto"], "action": "hold", "reason": "Someone looks at this first." },
    ], "exempt": ["owner", "server"] })
}

/// Two people in `general`, of whom only the second is moderated: the first is the owner.
async fn general(app: &App) -> [Person; 2] {
    let people = app.users(["alice", "bob"]).await;
    app.channel("general", &people.each_ref()).await;
    people
}

/// What the sender of a refused text is told: the plugin's code and its sentence.
async fn refusal(who: &Person, channel: &str, text: &str) -> (String, String) {
    let answer = who.post("/v1/messages", draft(channel, text)).await;
    told(&answer.refused(422, "message_rejected"))
}

fn told(problem: &Value) -> (String, String) {
    let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("detail"))
}

fn pair(code: &str, sentence: &str) -> (String, String) {
    (code.to_owned(), sentence.to_owned())
}

async fn words_are_masked_refused_or_held(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    host.app.plugin("moderation", rules()).await;
    let [mut alices, mut bobs] = [alice.connect().await, bob.connect().await];
    for phone in [&mut alices, &mut bobs] {
        phone.subscribe("general").await;
    }
    let masked = bob.send("general", "Oh, DARN it").await;
    assert_eq!(masked["data"], "Oh, **** it");
    for phone in [&mut alices, &mut bobs] {
        let event = phone.next_event("message.new").await;
        assert_eq!(event["data"]["message"], masked);
    }
    let unkind = pair("word_not_allowed", "Please be kind.");
    assert_eq!(refusal(&bob, "general", "you slur").await, unkind);
    let over_socket = bobs.request("send", draft("general", "you slur")).await;
    assert_eq!(told(&over_socket.refused("message_rejected")), unkind);
    // A private message is a message.
    let mut private = draft("general", "you slur");
    private["to"] = json!("alice");
    bob.post("/v1/messages", private)
        .await
        .refused(422, "message_rejected");

    let held = bob
        .post("/v1/messages", draft("general", "buy crypto"))
        .await
        .is(202);
    let reason = "Someone looks at this first.";
    assert_eq!(
        (&held["held"], &held["reason"], held.get("seq")),
        (&json!(true), &json!(reason), None)
    );
    let held = bobs.request("send", draft("general", "buy crypto")).await;
    assert_eq!(held.ok()["held"], true);
    // Nobody saw either; the owner is exempt, and the neighbour has other rules.
    for phone in [&mut alices, &mut bobs] {
        assert!(phone.caught_up(&host.app).await.is_empty());
    }
    let exempt = alice.send("general", "darn slur crypto").await;
    assert_eq!(exempt["data"], "darn slur crypto");
    assert_eq!(alice.history("general").await, [masked, exempt]);
    let namesake = host.other.session("bob").await;
    let theirs = namesake.send("general", "darn slur crypto").await;
    assert_eq!(theirs["data"], "darn slur crypto");
}

async fn edits_are_looked_at_too(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    host.app.plugin("moderation", rules()).await;
    let sent = bob.send("general", "fine").await;
    let path = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    let edit = async |text: &str| bob.patch(&path, json!({ "data": text })).await;
    let rude = edit("a slur").await.refused(422, "message_rejected");
    assert_eq!(told(&rude), pair("word_not_allowed", "Please be kind."));
    // Nobody could look at an edit before it is there.
    let held = edit("crypto").await.refused(422, "message_rejected");
    assert_eq!(held["reason"], "edit_needs_review");
    assert_eq!(alice.history("general").await, std::slice::from_ref(&sent));
    let masked = edit("darn it").await.is(200);
    assert_eq!(masked["data"], "**** it");
    let mut phone = bob.connect().await;
    let edit = json!({ "message_id": sent["id"], "data": "a slur" });
    phone
        .request("edit", edit)
        .await
        .refused("message_rejected");
    assert_eq!(alice.history("general").await, [masked]);
    let queue = host.app.backend.get("/v1/held").await.is(200);
    assert_eq!(queue, json!({ "held": [] }));
    phone.close().await;
}

async fn rules_of_a_channel_hold_for_private_messages_in_it(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host.app).await;
    let market = json!({ "id": "square", "type": "market", "owner": "alice", "members": ["bob"] });
    host.app.backend.post("/v1/channels", market).await.is(201);
    let rules = json!({ "overrides": [
        { "channels": ["general"], "links": "block_all" },
        { "channel_types": ["market"], "words": ["there"] },
    ], "words": [
        { "name": "there", "words": ["slur"], "action": "reject", "everywhere": false },
    ], "exempt": ["owner", "server"] });
    host.app.plugin("moderation", rules).await;
    let private = |channel: &str, to: &str, text: &str| {
        let mut message = draft(channel, text);
        message["to"] = json!(to);
        message
    };
    let link = "see example.com/x";
    for (channel, text, code) in [
        ("general", link, "link_not_allowed"),
        ("square", "slur", "word_not_allowed"),
    ] {
        let message = private(channel, "alice", text);
        let problem = bob.post("/v1/messages", message).await;
        let problem = problem.refused(422, "message_rejected");
        assert_eq!(problem["reason"], code);
        let fine = private(channel, "alice", "hello");
        let sent = bob.post("/v1/messages", fine).await.is(201);
        let path = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
        let edited = bob.patch(&path, json!({ "data": text })).await;
        edited.refused(422, "message_rejected");
        // An admin or owner of the channel is exempt in private, too.
        let message = private(channel, "bob", text);
        let sent = alice.post("/v1/messages", message).await.is(201);
        let path = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
        alice.patch(&path, json!({ "data": text })).await.is(200);
    }
    let elsewhere = private("square", "alice", link);
    bob.post("/v1/messages", elsewhere).await.is(201);
    let decided = eventually("the decisions are kept", async || {
        let path = "/v1/plugins/moderation/decisions";
        let page = host.app.backend.get(path).await.is(200);
        let decisions = page["decisions"].as_array().expect("a list").clone();
        (decisions.len() == 4).then_some(decisions)
    })
    .await;
    for (decision, channel) in decided
        .iter()
        .zip(["square", "square", "general", "general"])
    {
        assert_eq!(decision["channel_id"], channel);
    }
}

async fn channels_have_rules_of_their_own(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    for channel in ["quiet", "market"] {
        host.app.channel(channel, &[&alice, &bob]).await;
    }
    let direct = host
        .app
        .backend
        .post(
            "/v1/channels/direct",
            json!({ "user_ids": ["alice", "bob"] }),
        )
        .await;
    let direct = direct.body["id"].as_str().expect("a channel").to_owned();
    let mut rules = rules();
    rules["overrides"] = json!([
        { "channels": ["quiet"], "links": "block_all", "max_characters": 20, "exempt": [] },
        { "channels": ["market"], "words": ["rude"] },
        { "channel_types": ["direct"], "words": [] },
    ]);
    host.app.plugin("moderation", rules).await;
    let link = "see example.com/x";
    bob.send("general", link).await;
    let (code, _) = refusal(&bob, "quiet", link).await;
    assert_eq!(code, "link_not_allowed");
    let long = "x".repeat(21);
    bob.send("general", &long).await;
    for who in [&alice, &bob] {
        let (code, _) = refusal(who, "quiet", &long).await;
        assert_eq!(code, "too_long", "nobody is exempt there");
    }
    let offer = bob.send("market", "darn good crypto").await;
    assert_eq!(offer["data"], "darn good crypto");
    let (code, _) = refusal(&bob, "market", "slur").await;
    assert_eq!(code, "word_not_allowed");
    let between_us = bob.send(&direct, "darn slur").await;
    assert_eq!(between_us["data"], "darn slur");
}

async fn what_polls_say_is_looked_at(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    host.app.plugin("moderation", rules()).await;
    host.app.plugin("poll", json!({})).await;
    let ask = async |option: &str| {
        let data = json!({ "question": "Lunch?", "options": ["Pizza", option] });
        let poll = json!({ "channel_id": "general", "type": "poll", "data": data });
        bob.post("/v1/messages", poll).await
    };
    let poll = ask("darn Sushi").await.is(201);
    assert_eq!(poll["data"]["options"], json!(["Pizza", "**** Sushi"]));
    assert!(!poll["view"].to_string().contains("darn"), "{poll}");
    let problem = ask("slur").await.refused(422, "message_rejected");
    assert_eq!(problem["detail"], "Please be kind.");
    ask("crypto").await.is(202);
    // What the plugin posts for Bob goes the same way.
    bob.types("general", r#"/poll "Lunch?" "Pizza" "slur""#)
        .await
        .refused(422, "action_refused");
    assert_eq!(alice.history("general").await, [poll]);
}

/// Whoever sends what a guard can't change must not wear the guard down: all messages would be refused.
async fn what_can_not_be_masked_is_refused(database: Database) {
    let host = TestHost::with(&database, |config| config.limits.text_bytes_max = 100).await;
    let app = &host.app;
    let names = ["alice", "b1", "b2", "b3", "b4"];
    let people = app.users(names).await;
    app.channel("general", &people.each_ref()).await;
    let mut rules = rules();
    rules["words"][0]["words"] = json!(["darn", "heck"]);
    rules["flood_messages"] = json!(0);
    rules["capitals_percent"] = json!(10);
    app.plugin("moderation", rules).await;
    app.plugin("poll", json!({})).await;
    for who in &people[1..] {
        for _ in 0..3 {
            let data = json!({ "question": "Which?", "options": ["darn", "heck"] });
            let poll = json!({ "channel_id": "general", "type": "poll", "data": data });
            let problem = who.post("/v1/messages", poll).await;
            let problem = problem.refused(422, "message_rejected");
            assert_eq!(problem["reason"], "words_not_allowed");
        }
        // In lower case it is longer.
        let (reason, _) = refusal(who, "general", &"Ⱥ".repeat(50)).await;
        assert_eq!(reason, "words_not_allowed");
    }
    let masked = people[1].send("general", "darn it").await;
    assert_eq!(masked["data"], "**** it");
}

async fn nobody_is_masked_out_of_a_task(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob, darn] = app.users(["alice", "bob", "darn"]).await;
    app.channel("general", &[&alice, &bob, &darn]).await;
    app.plugin("moderation", rules()).await;
    app.plugin("task", json!({})).await;
    let give = async |title: &str, user: &str| {
        let data = json!({ "title": title, "assignees": [user] });
        let task = json!({ "channel_id": "general", "type": "task", "data": data });
        bob.post("/v1/messages", task).await
    };
    let problem = give("Lunch", "darn").await.refused(422, "message_rejected");
    assert_eq!(problem["reason"], "words_not_allowed");
    let task = give("darn lunch", "alice").await.is(201);
    let data = &task["data"];
    assert_eq!(data["title"], "**** lunch");
    assert_eq!(data["assignees"], json!(["alice"]));
}

async fn times_are_no_phone_numbers(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = general(&host.app).await;
    let phones = json!({ "name": "phones", "pattern": r"\+?\d[\d -]{6,}\d", "action": "reject" });
    let rules = json!({ "patterns": [phones], "exempt": ["server"] });
    host.app.plugin("moderation", rules).await;
    for plugin in ["task", "event", "poll", "place"] {
        host.app.plugin(plugin, json!({})).await;
    }
    let send = async |kind: &str, data: Value| {
        let new = json!({ "channel_id": "general", "type": kind, "data": data });
        bob.post("/v1/messages", new).await
    };
    let due = host.inside().await.clock.now() + 30 * 24 * 3_600_000;
    let task = |title: &str| json!({ "title": title, "assignees": ["alice"], "due_at_ms": due });
    let poll = |question: &str| json!({ "question": question, "options": ["a", "b"], "closes_at_ms": due });
    let event = |title: &str| json!({ "title": title, "starts": "2027-06-04T12:30" });
    let given = send("task", task("Lunch")).await.is(201);
    send("poll", poll("Lunch?")).await.is(201);
    send("event", event("Lunch")).await.is(201);
    let live = json!({ "latitude": 52.52, "longitude": 13.405, "live_minutes": 15 });
    send("place", live).await.is(201);
    for line in [
        "/task Lunch @alice by 2027-06-04 12:30",
        r#"/poll "Lunch?" "a" "b""#,
    ] {
        let answer = bob.types("general", line).await;
        assert_eq!(answer.status, 200, "{line}: {}", answer.text);
    }
    bob.act(&given, "title", json!("Late lunch")).await.is(200);
    bob.act(&given, "due", json!(due + 60_000)).await.is(200);
    // What somebody wrote is looked at as before, wherever it is.
    let call = "Call 0555-123 4567";
    for (kind, data) in [
        ("task", task(call)),
        ("poll", poll(call)),
        ("event", event(call)),
        (
            "task",
            json!({ "title": "Call", "notes": call, "due_at_ms": due }),
        ),
    ] {
        let problem = send(kind, data).await.refused(422, "message_rejected");
        assert_eq!(problem["reason"], "pattern_not_allowed");
    }
    bob.act(&given, "title", json!(call))
        .await
        .refused(422, "message_rejected");
    assert!(!alice.history("general").await.is_empty());
}

async fn a_flood_is_stopped(database: Database) {
    let host = TestHost::timeless(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let people = host.app.users(["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = &people;
    for channel in ["general", "second"] {
        host.app.channel(channel, &people.each_ref()).await;
    }
    let rules = json!({ "flood_messages": 3, "flood_seconds": 60, "repeats": 2, "repeat_seconds": 600,
        "exempt": ["owner", "server"] });
    host.app.plugin("moderation", rules).await;
    for n in 0..3 {
        bob.send("general", &format!("hello {n}")).await;
    }
    for _ in 0..5 {
        let answer = bob.post("/v1/messages", draft("general", "hello 4")).await;
        let problem = answer.refused(422, "message_rejected");
        assert_eq!(problem["reason"], "too_many_messages");
        assert_eq!(problem["retryable"], true);
        let wait = problem["retry_after_ms"].as_u64().expect("when");
        assert!((1..=60_000).contains(&wait), "{wait}");
    }
    // It is Bob's flood, in this channel.
    for n in 0..5 {
        alice.send("general", &format!("owner {n}")).await;
    }
    carol.send("general", "me too").await;
    bob.send("second", "elsewhere").await;
    // An edit is no new message.
    let last = bob.history("second").await.remove(0);
    let path = format!("/v1/messages/{}", last["id"].as_str().expect("an id"));
    for n in 0..5 {
        let edit = json!({ "data": format!("edit {n}") });
        bob.patch(&path, edit).await.is(200);
    }
    host.pass(Duration::from_secs(61)).await;
    bob.send("general", "after a minute").await;
    // The same text over and over, wherever: folded as people read it.
    carol.send("general", "Buy NOW").await;
    carol.send("second", "buy  now").await;
    let (code, _) = refusal(carol, "second", "buy now").await;
    assert_eq!(code, "repeated_message");
    carol.send("second", "something else").await;
    host.pass(Duration::from_secs(601)).await;
    carol.send("second", "buy now").await;
}

async fn disguised_words_are_found(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    host.app.channel("plain", &[&alice, &bob]).await;
    let mut rules = rules();
    rules["overrides"] = json!([{ "channels": ["plain"], "disguises": ["spacing"] }]);
    host.app.plugin("moderation", rules).await;
    for (written, sent) in [
        ("oh d4rn!", "oh ****!"),
        ("d.a.r.n it", "******* it"),
        ("daaaarn it", "******* it"),
        ("dаrn (with a Cyrillic а)", "**** (with a Cyrillic а)"),
        ("𝗗𝗔𝗥𝗡 ⓓⓐⓡⓝ", "**** ****"),
        // No word is hidden in these.
        ("100 of 1337, d4 rn", "100 of 1337, d4 rn"),
        ("дарн", "дарн"),
    ] {
        let message = bob.send("general", written).await;
        assert_eq!(message["data"], sent, "{written}");
    }
    let (code, _) = refusal(&bob, "general", "you $lur").await;
    assert_eq!(code, "word_not_allowed");
    let held = bob.post("/v1/messages", draft("general", "c r y p t o"));
    held.await.is(202);
    // Where only letters set apart are seen through.
    for (written, sent) in [("d4rn", "d4rn"), ("d a r n", "*******")] {
        let message = bob.send("plain", written).await;
        assert_eq!(message["data"], sent);
    }
    let polite = host.other.session("bob").await;
    let theirs = polite.send("general", "d4rn").await;
    assert_eq!(theirs["data"], "d4rn");
}

async fn spam_is_counted_held_or_refused(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    for channel in ["market", "open", "quiet"] {
        host.app.channel(channel, &[&alice, &bob]).await;
    }
    let rules = json!({
        "spam_action": "hold",
        "repeats": 0,
        "overrides": [
            { "channels": ["market"], "spam_action": "reject" },
            { "channels": ["open"], "spam_action": "count" },
            { "channels": ["quiet"], "spam_action": "off" },
        ],
    });
    host.app.plugin("moderation", rules).await;
    for channel in ["general", "market", "open", "quiet"] {
        bob.send(channel, HAM).await;
    }
    let held = bob
        .post("/v1/messages", draft("general", SPAM))
        .await
        .is(202);
    assert_eq!(held["reason"], "This looks like spam.");
    let spam = pair("looks_like_spam", "This looks like spam.");
    assert_eq!(refusal(&bob, "market", SPAM).await, spam);
    // Neither harmless words around it nor a disguise help.
    let hidden = format!("{HAM} {HAM} {HAM} {SPAM} {HAM} {HAM} {HAM}");
    let disguised = SPAM.replace('e', "3").replace('o', "о");
    for text in [hidden, disguised] {
        assert_eq!(refusal(&bob, "market", &text).await, spam, "{text}");
    }
    for channel in ["open", "quiet"] {
        bob.send(channel, SPAM).await;
    }
    // Reviewers are told the score; its sender isn't.
    let queue = host.app.backend.get("/v1/held").await.is(200);
    let details = queue["held"][0]["details"].as_str().expect("details");
    assert!(details.starts_with("spam score "), "{details}");
    assert!(!bob.get("/v1/held").await.text.contains("score"));
    let usage = host.app.backend.get("/v1/plugins/moderation/usage").await;
    assert!(usage.text.contains("spam_at_low"), "{}", usage.text);
    // The neighbour didn't ask for it.
    host.other.session("bob").await.send("general", SPAM).await;
}

/// The text of a sender who wants a person to look at it.
fn appeal(channel: &str, text: &str, client_id: &str, note: &str) -> Value {
    let mut message = draft(channel, text);
    message["client_id"] = json!(client_id);
    message["appeal"] = json!(note);
    message
}

async fn a_refused_message_is_appealed(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", rules()).await;
    let [alice, bob] = general(&host.app).await;
    host.app.plugin("moderation", rules()).await;
    let (backend, mut phone) = (&host.app.backend, bob.connect().await);
    let refused = phone.request("send", draft("general", "a slur")).await;
    let refused = refused.refused("message_rejected");
    assert_eq!(refused["appealable"], true);
    let wish = appeal("general", "a slur", "1", "It is the name of a town.");
    let waiting = phone.request("send", wish.clone()).await.ok();
    assert_eq!(waiting["held"], true);
    assert_eq!(waiting["reason"], "Please be kind.");
    assert!(alice.history("general").await.is_empty());

    // The reviewer sees the rule, the sentence and the note; the sender all but the rule.
    let queue = backend.get("/v1/held").await.is(200);
    let held = &queue["held"][0];
    assert_eq!(held["details"], "word list “rude”: “slur”");
    let mine = bob.get("/v1/held").await.is(200)["held"][0].clone();
    for seen in [held, &mine] {
        assert_eq!(seen["id"], waiting["id"]);
        assert_eq!(seen["reason"], "Please be kind.");
        assert_eq!(seen["appeal"], "It is the name of a town.");
        assert_eq!(
            (&seen["from"], &seen["data"]),
            (&json!("bob"), &json!("a slur"))
        );
    }
    assert_eq!(
        (mine.get("details"), &mine["client_id"]),
        (None, &json!("1"))
    );
    for other in [&alice, &host.other.session("bob").await] {
        let none = other.get("/v1/held").await.is(200);
        assert_eq!(none, json!({ "held": [] }));
    }

    let path =
        |verdict: &str, id: &Value| format!("/v1/held/{}/{verdict}", id.as_str().expect("an id"));
    let approved = backend
        .post(path("approve", &waiting["id"]), json!({}))
        .await
        .is(201);
    let told = phone.next_event("notification.message_approved").await;
    let expected = json!({ "id": waiting["id"], "client_id": "1", "message_id": approved["id"] });
    assert_eq!(
        (&told["channel_id"], &told["data"]),
        (&json!("general"), &expected)
    );
    assert_eq!(alice.history("general").await, [approved]);
    // A retry gets the message that went through.
    assert_eq!(phone.request("send", wish).await.ok()["replayed"], true);

    let second = appeal("general", "one more slur", "2", "And this?");
    let waiting = bob.post("/v1/messages", second).await.is(202);
    let path = path("reject", &waiting["id"]);
    for bad in [
        json!({ "reason": " " }),
        json!({ "reason": "x".repeat(1001) }),
    ] {
        assert_eq!(backend.post(&path, bad).await.invalid(), ["reason"]);
    }
    let decision = json!({ "reason": "Not here." });
    backend.post(&path, decision).await.is(204);
    let told = phone.next_event("notification.message_rejected").await;
    let expected = json!({ "id": waiting["id"], "client_id": "2", "reason": "Not here." });
    assert_eq!(told["data"], expected);
    assert_eq!(alice.history("general").await.len(), 1);
    // What nobody objects to needs no appeal.
    let fine = appeal("general", "good morning", "3", "Please.");
    bob.post("/v1/messages", fine).await.is(201);
}

async fn a_held_message_gets_a_note(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [_, bob] = general(&host.app).await;
    host.app.plugin("moderation", rules()).await;
    let backend = &host.app.backend;
    let mut message = draft("general", "buy crypto");
    message["client_id"] = json!("1");
    let held = bob.post("/v1/messages", message).await.is(202);
    for note in ["It is a book.", "It is a book, by Stephenson."] {
        let again = appeal("general", "buy crypto", "1", note);
        assert_eq!(bob.post("/v1/messages", again).await.is(202), held);
        let queue = backend.get("/v1/held").await.is(200);
        assert_eq!(queue["held"].as_array().map(Vec::len), Some(1));
        assert_eq!(queue["held"][0]["appeal"], note);
    }
    // Without a note the last one stays; another text is another message.
    let mut message = draft("general", "buy crypto");
    message["client_id"] = json!("1");
    bob.post("/v1/messages", message).await.is(202);
    let another = appeal("general", "sell crypto", "1", "Please.");
    bob.post("/v1/messages", another)
        .await
        .refused(409, "idempotency_conflict");
    let queue = backend.get("/v1/held").await.is(200);
    assert_eq!(queue["held"][0]["appeal"], "It is a book, by Stephenson.");
}

async fn appeals_have_limits(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [alice, bob] = general(&host.app).await;
    host.app.channel("strict", &[&alice, &bob]).await;
    let mut rules = rules();
    rules["overrides"] = json!([{ "channels": ["strict"], "appeals": false }]);
    host.app.plugin("moderation", rules).await;
    for note in ["", " \u{200b}", "a\0b", &"x".repeat(1001)] {
        let bad = appeal("general", "a slur", "0", note);
        assert_eq!(bob.post("/v1/messages", bad).await.invalid(), ["appeal"]);
    }
    // Where the tenant doesn't want them a refusal is a refusal.
    let refused = bob
        .post("/v1/messages", appeal("strict", "a slur", "0", "Please."))
        .await;
    let refused = refused.refused(422, "message_rejected");
    assert_eq!(refused.get("appealable"), None);
    // Three of one person wait at a time; what a plugin held by itself doesn't count.
    bob.post("/v1/messages", draft("general", "buy crypto"))
        .await
        .is(202);
    let mut waiting = Vec::new();
    for n in ["1", "2", "3"] {
        let wish = appeal("general", &format!("slur {n}"), n, "Please.");
        waiting.push(bob.post("/v1/messages", wish).await.is(202));
    }
    let fourth = appeal("general", "slur 4", "4", "Please.");
    bob.post("/v1/messages", fourth.clone())
        .await
        .refused(422, "limit_reached");
    let changed = appeal("general", "slur 3", "3", "Pretty please.");
    bob.post("/v1/messages", changed).await.is(202);
    let id = waiting[0]["id"].as_str().expect("an id");
    let decided = host
        .app
        .backend
        .post(format!("/v1/held/{id}/reject"), json!({}));
    decided.await.is(204);
    bob.post("/v1/messages", fourth).await.is(202);
    // An edit waits for nobody.
    let sent = bob.send("general", "fine").await;
    let path = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    let edit = bob.patch(&path, json!({ "data": "a slur" })).await;
    let refused = edit.refused(422, "message_rejected");
    assert_eq!(refused.get("appealable"), None);
}

async fn floods_are_not_appealed(database: Database) {
    let host = TestHost::timeless(&database).await;
    host.other.plugin("moderation", json!({})).await;
    let [_, bob] = general(&host.app).await;
    host.app
        .plugin("moderation", json!({ "flood_messages": 1 }))
        .await;
    bob.send("general", "one").await;
    let second = appeal("general", "two", "2", "I am quick.");
    let refused = bob.post("/v1/messages", second).await;
    let refused = refused.refused(422, "message_rejected");
    assert_eq!(
        (&refused["reason"], refused.get("appealable")),
        (&json!("too_many_messages"), None)
    );
}
