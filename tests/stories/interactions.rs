//! Buttons and what else a message offers: who may press them, when they are there, and that they
//! do what they do once.

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, stories, typed};

stories!(
    a_button_is_pressed_once,
    what_is_not_offered_is_refused,
    only_those_in_the_channel_act,
    the_backend_acts_for_a_user,
);

/// Two questions that are alike, so that the assistant asks back.
fn taught() -> Value {
    json!({ "greeting": "", "answers": [
        { "question": "How do I reset my password?", "answer": "By mail." },
        { "question": "How do I reset my phone?", "answer": "By hand." },
    ] })
}

/// A host with polls and the assistant, here and at the neighbour's, and people in `general`.
async fn start<const N: usize>(database: &Database, ids: [&str; N]) -> (TestHost, [Person; N]) {
    let host = TestHost::start(database).await;
    for app in [&host.other, &host.app] {
        app.plugin("poll", json!({})).await;
        app.plugin("assistant", taught()).await;
    }
    let people = host.app.users(ids).await;
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

/// Has the assistant ask back: a message with a button for each question, and one for none.
async fn asked_back(who: &Person) -> Value {
    let answer = who.types("general", "/ask how do I reset it").await;
    assert_eq!(answer.is(200), json!({}));
    let mut history = who.history("general").await;
    let message = history.pop().expect("a message");
    let blocks = message["view"]["blocks"].as_array().expect("blocks");
    let buttons = blocks.iter().filter(|block| block["type"] == "button");
    assert_eq!(buttons.count(), 3, "{message}");
    message
}

async fn ask(who: &Person) -> Value {
    let data = json!({ "question": "Lunch?", "options": ["Pizza", "Sushi"] });
    let poll = json!({ "channel_id": "general", "type": "poll", "data": data });
    who.post("/v1/messages", poll).await.is(201)
}

const PHONE: &str = "How do I reset my phone?";

async fn a_button_is_pressed_once(database: Database) {
    let ids = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"];
    let (host, people) = start(&database, ids).await;
    let mut watcher = people[0].connect().await;
    watcher.subscribe("general").await;
    let message = asked_back(&people[0]).await;
    watcher.next_event("message.new").await;
    let presses = people.iter().enumerate().map(async |(n, who)| {
        if n % 2 == 0 {
            let answer = who.act(&message, "answer", json!(PHONE)).await;
            return (answer.status == 200).then(|| answer.is(200));
        }
        let mut socket = who.connect().await;
        let act = json!({ "message_id": message["id"], "action": "answer", "value": PHONE });
        let reply = socket.request("act", act).await;
        socket.close().await;
        if reply.0.get("error").is_some() {
            reply.refused("conflict");
            return None;
        }
        Some(reply.ok())
    });
    let done = futures_util::future::join_all(presses).await;
    let done: Vec<Value> = done.into_iter().flatten().collect();
    assert_eq!(done, [json!({})], "one was in time");
    let updated = watcher.next_event("message.updated").await;
    let view = updated["data"]["message"]["view"].to_string();
    assert!(!view.contains("button"), "{view}");
    let answer = watcher.next_event("message.new").await;
    assert_eq!(answer["data"]["message"]["data"], "By hand.");
    assert!(watcher.caught_up(&host.app).await.is_empty());
    people[1]
        .act(&message, "answer", json!(PHONE))
        .await
        .refused(409, "conflict");
    assert_eq!(people[1].history("general").await.len(), 2);
    // The reply to a button is for whoever pressed it.
    let message = asked_back(&people[0]).await;
    let reply = people[1].act(&message, "none", json!(null)).await.is(200);
    let text = reply["reply"]["text"].as_str().expect("a reply");
    assert!(text.starts_with("Sorry!"), "{text}");
    let deleted = watcher.next_event("message.deleted").await;
    assert_eq!(deleted["data"]["message"]["id"], message["id"]);
}

async fn what_is_not_offered_is_refused(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let backend = &host.app.backend;
    let [plain, poll] = [bob.send("general", "hello").await, ask(&alice).await];
    let message = asked_back(&alice).await;
    let mut phone = bob.connect().await;
    let before = alice.history("general").await;
    for (message, action, status, code) in [
        (&plain, "vote", 409, "conflict"),
        (&message, "vote", 409, "conflict"),
        (&message, "dance", 409, "conflict"),
        (&poll, "dance", 422, "action_refused"),
        (&poll, "", 422, "invalid"),
        (&poll, &"x".repeat(129), 422, "invalid"),
    ] {
        bob.act(message, action, json!(0))
            .await
            .refused(status, code);
        let act = json!({ "message_id": message["id"], "action": action, "value": 0 });
        phone.request("act", act).await.refused(code);
    }
    // A value that is none of the buttons', as any client may send it.
    for value in [json!("How do I fly?"), json!(7), json!(null)] {
        bob.act(&message, "answer", value)
            .await
            .refused(422, "action_refused");
    }
    bob.act(&poll, "vote", json!("x".repeat(100_000)))
        .await
        .refused(413, "payload_too_large");
    let nobody = json!({ "id": "msg_0123456789abcdef" });
    bob.act(&nobody, "vote", json!(0))
        .await
        .refused(404, "not_found");
    let path = format!(
        "/v1/messages/{}/actions",
        poll["id"].as_str().expect("an id")
    );
    let more = json!({ "action": "vote", "value": 0, "sure": true });
    assert_eq!(bob.post(&path, more).await.invalid(), ["sure"]);
    assert_eq!(alice.history("general").await, before);
    // What was there and is gone.
    let path = format!("/v1/messages/{}", poll["id"].as_str().expect("an id"));
    alice.delete(path).await.is(200);
    bob.act(&poll, "vote", json!(0))
        .await
        .refused(409, "conflict");
    let unlearned = json!({ "config": { "greeting": "" } });
    backend
        .put("/v1/plugins/assistant", unlearned)
        .await
        .is(200);
    let stale = bob.act(&message, "answer", json!(PHONE)).await;
    let problem = stale.refused(422, "action_refused");
    assert!(problem["detail"].to_string().contains("any more"));
    backend.delete("/v1/plugins/assistant").await.is(204);
    bob.act(&message, "answer", json!(PHONE))
        .await
        .refused(409, "conflict");
    phone.close().await;
}

async fn only_those_in_the_channel_act(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let poll = ask(&alice).await;
    let message = asked_back(&alice).await;
    let outsider = host.app.user("carol").await;
    let namesake = host.other.session("alice").await;
    let removed = "/v1/channels/general/participants/bob";
    alice.delete(removed).await.is(204);
    for who in [&outsider, &namesake, &bob] {
        let mut phone = who.connect().await;
        for (message, action) in [(&poll, "vote"), (&message, "answer"), (&poll, "dance")] {
            who.act(message, action, json!(0))
                .await
                .refused(404, "not_found");
            let act = json!({ "message_id": message["id"], "action": action, "value": 0 });
            phone.request("act", act).await.refused("not_found");
        }
        phone.close().await;
    }
    host.stranger()
        .act(&poll, "vote", json!(0))
        .await
        .refused(401, "unauthenticated");
    let active = async |active: bool| {
        let change = json!({ "active": active });
        let channel = "/v1/channels/general";
        host.app.backend.patch(channel, change).await.is(200)
    };
    active(false).await;
    alice
        .act(&poll, "vote", json!(0))
        .await
        .refused(409, "channel_inactive");
    alice
        .types("general", "/help")
        .await
        .refused(409, "channel_inactive");
    active(true).await;
    assert_eq!(alice.history("general").await, [poll.clone(), message]);
    alice.act(&poll, "vote", json!(0)).await.is(200);
}

async fn the_backend_acts_for_a_user(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let poll = ask(&alice).await;
    let path = format!(
        "/v1/messages/{}/actions",
        poll["id"].as_str().expect("an id")
    );
    let vote = |who: Value| json!({ "action": "vote", "value": 1, "as": who });
    let backend = &host.app.backend;
    for (who, field) in [(json!(null), "as"), (json!("nobody"), "as")] {
        assert_eq!(backend.post(&path, vote(who)).await.invalid(), [field]);
    }
    host.other
        .backend
        .post(&path, vote(json!("alice")))
        .await
        .refused(404, "not_found");
    bob.post(&path, vote(json!("alice")))
        .await
        .refused(403, "forbidden");
    // Carol is a user of the app, but not in the channel.
    host.app.user("carol").await;
    let carol = backend.post(&path, vote(json!("carol"))).await;
    carol.refused(404, "not_found");
    for route in ["commands", "commands/complete"] {
        let mut command = typed("/poll help");
        command["as"] = json!("carol");
        let path = format!("/v1/channels/general/{route}");
        backend.post(path, command).await.refused(404, "not_found");
    }
    backend.post(&path, vote(json!("bob"))).await.is(200);
    bob.post(&path, vote(json!("bob"))).await.is(200);
    let shown = alice.history("general").await[0]["view"]["text"].clone();
    assert!(
        shown.to_string().contains("Sushi 0"),
        "Bob's vote, taken back by Bob: {shown}"
    );
}
