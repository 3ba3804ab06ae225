//! Polls: a message of a kind, with votes, live results and an end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, eventually, stories};

stories!(
    a_poll_is_asked_and_answered,
    thirty_vote_at_once,
    one_vote_or_several,
    so_many_choices_and_no_more,
    results_are_hidden_until_the_end,
    an_anonymous_poll_names_nobody,
    a_poll_closes_when_its_time_is_over,
    whoever_asked_closes_it,
    what_is_no_poll_is_refused,
    who_leaves_is_in_no_poll,
    nothing_of_an_erased_user_is_in_polls,
);

/// Asks `general` with these settings.
async fn ask(who: &Person, settings: Value) -> Value {
    let mut data = json!({ "question": "Lunch?", "options": ["Pizza", "Sushi"] });
    let more = settings.as_object().expect("an object").clone();
    data.as_object_mut().expect("an object").extend(more);
    let poll = json!({ "channel_id": "general", "type": "poll", "data": data });
    who.post("/v1/messages", poll).await.is(201)
}

async fn vote(who: &Person, poll: &Value, option: u64) {
    let answer = who.act(poll, "vote", json!(option)).await.is(200);
    assert_eq!(answer, json!({}));
}

/// What a poll shows in words, without the question.
async fn shown(who: &Person, poll: &Value) -> String {
    let path = format!("/v1/messages/{}", poll["id"].as_str().expect("an id"));
    let message = who.get(path).await.is(200);
    let text = message["view"]["text"].as_str().expect("a text");
    let (_, rest) = text.split_once('\n').expect("the question comes first");
    rest.to_owned()
}

/// A host with polls, and people in `general`; the neighbour has polls of its own.
async fn start<const N: usize>(database: &Database, ids: [&str; N]) -> (TestHost, [Person; N]) {
    let host = TestHost::timeless(database).await;
    host.other.plugin("poll", json!({})).await;
    ask(&host.other.session("alice").await, json!({})).await;
    host.app.plugin("poll", json!({})).await;
    let people = host.app.users(ids).await;
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

async fn a_poll_is_asked_and_answered(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, ["alice", "bob", "carol"]).await;
    let mut phone = carol.connect().await;
    phone.subscribe("general").await;
    let poll = ask(&alice, json!({})).await;
    let checked = json!({ "question": "Lunch?", "options": ["Pizza", "Sushi"], "multiple": false, "anonymous": false });
    assert_eq!((&poll["type"], &poll["data"]), (&json!("poll"), &checked));
    assert_eq!(
        poll.get("state"),
        None,
        "who voted for what is the plugin's to show"
    );
    let event = phone.next_event("message.new").await;
    assert_eq!(event["data"]["message"], poll);
    // Every vote is a change of the message, in the log like any other.
    for (seq, (who, option, expected)) in (6..).zip([
        (&bob, 1, "Pizza 0, Sushi 1\n1 vote"),
        (&carol, 1, "Pizza 0, Sushi 2\n2 votes"),
        (&alice, 0, "Pizza 1, Sushi 2\n3 votes"),
    ]) {
        vote(who, &poll, option).await;
        let event = phone.next_event("message.updated").await;
        let message = &event["data"]["message"];
        assert_eq!(
            (&event["seq"], &message["id"], &message["seq"]),
            (&json!(seq), &poll["id"], &poll["seq"])
        );
        let text = message["view"]["text"].as_str().expect("a text");
        assert!(text.ends_with(expected), "{text}");
        assert_eq!(
            message.get("edited_at"),
            None,
            "a vote does not change what was said"
        );
    }
    let names = voters(&alice.history("general").await[0]);
    assert_eq!(names, ["@alice", "@bob and @carol"]);
    assert!(phone.caught_up(&host.app).await.is_empty());
    let command = alice.types("general", "/poll help").await.is(200);
    assert!(command["reply"]["text"].to_string().contains("in quotes"));
    bob.types("general", r#"/poll "Dinner?" "Soup" "Salad""#)
        .await
        .is(200);
    let asked = phone.next_event("message.new").await["data"]["message"].clone();
    assert_eq!(asked["data"]["asked_by"], "bob");
    vote(&alice, &asked, 0).await;
    assert_eq!(
        shown(&bob, &asked).await,
        "Soup 1, Salad 0\n1 vote · asked by @bob"
    );
    phone.close().await;
}

/// Who voted, as the blocks of a poll have it.
fn voters(poll: &Value) -> Vec<String> {
    let blocks = poll["view"]["blocks"].as_array().expect("blocks").iter();
    let texts = blocks.filter_map(|block| block["text"].as_str());
    texts
        .filter(|text| text.starts_with('@'))
        .map(str::to_owned)
        .collect()
}

async fn thirty_vote_at_once(database: Database) {
    let (host, [alice]) = start(&database, ["alice"]).await;
    let names: Vec<String> = (0..30).map(|n| format!("u{n:02}")).collect();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    let people = host.app.crowd(&ids).await;
    for id in &ids {
        let path = format!("/v1/channels/general/participants/{id}");
        host.app.backend.put(path, json!({})).await.is(200);
    }
    let poll = ask(&alice, json!({})).await;
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    let votes = people.iter().zip(0..).map(async |(person, n)| {
        if n % 2 == 0 {
            return vote(person, &poll, u64::from(n % 3 == 0)).await;
        }
        let mut socket = person.connect().await;
        let act =
            json!({ "message_id": poll["id"], "action": "vote", "value": u64::from(n % 3 == 0) });
        socket.request("act", act).await.ok();
        socket.close().await;
    });
    futures_util::future::join_all(votes).await;
    assert_eq!(
        shown(&alice, &poll).await,
        "Pizza 20, Sushi 10\n30 votes",
        "each counts, and counts once"
    );
    // Each step of the result was told once, in the order in which the votes were counted.
    for n in 1..=30 {
        let event = phone.next_event("message.updated").await;
        let text = event["data"]["message"]["view"]["text"].clone();
        let ending = format!("\n{n} vote{}", if n == 1 { "" } else { "s" });
        assert!(
            text.as_str().is_some_and(|text| text.ends_with(&ending)),
            "{n}: {text}"
        );
    }
    assert!(phone.caught_up(&host.app).await.is_empty());
}

async fn one_vote_or_several(database: Database) {
    let (_host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let poll = ask(&alice, json!({})).await;
    vote(&alice, &poll, 0).await;
    for (option, expected) in [
        (0, "Pizza 2, Sushi 0\n2 votes"),
        (1, "Pizza 1, Sushi 1\n2 votes"),
        (1, "Pizza 1, Sushi 0\n1 vote"),
    ] {
        vote(&bob, &poll, option).await;
        assert_eq!(shown(&bob, &poll).await, expected, "moved, then taken back");
    }
    let poll = ask(&alice, json!({ "multiple": true })).await;
    vote(&alice, &poll, 0).await;
    for (option, expected) in [
        (
            0,
            "Pizza 2, Sushi 0\n2 votes from 2 people · several choices",
        ),
        (
            1,
            "Pizza 2, Sushi 1\n3 votes from 2 people · several choices",
        ),
        (
            0,
            "Pizza 1, Sushi 1\n2 votes from 2 people · several choices",
        ),
    ] {
        vote(&bob, &poll, option).await;
        assert_eq!(shown(&bob, &poll).await, expected, "switched on and off");
    }
}

async fn so_many_choices_and_no_more(database: Database) {
    let (_host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let line = r#"/poll "Lunch?" "Pizza" "Sushi" "Salad" --max 2"#;
    alice.types("general", line).await.is(200);
    let poll = alice.history("general").await.pop().expect("the poll");
    let choose = async |value: Value| bob.act(&poll, "vote", value).await;
    for value in [json!([0, 2]), json!([0, 2])] {
        choose(value).await.is(200);
        let expected =
            "Pizza 1, Sushi 0, Salad 1\n2 votes from 1 person · up to 2 choices · asked by @alice";
        assert_eq!(shown(&bob, &poll).await, expected);
    }
    for value in [json!(1), json!([0, 1, 2])] {
        let refused = choose(value).await;
        let problem = refused.refused(422, "action_refused");
        assert_eq!(problem["detail"], "Choose 2 options at most.");
    }
    // Who chose Pizza are all who voted.
    let history = bob.history("general").await;
    let bar = &history[0]["view"]["blocks"][1]["blocks"][0];
    assert_eq!(bar["detail"], "1 vote · 100 %");
    choose(json!([])).await.is(200);
    assert!(shown(&bob, &poll).await.contains("0 votes from 0 people"));
}

async fn results_are_hidden_until_the_end(database: Database) {
    let (host, [alice, bob, zoe]) = start(&database, ["alice", "bob", "zoe"]).await;
    let poll = ask(&alice, json!({ "hide_results": true, "closes_in_s": 60 })).await;
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    vote(&zoe, &poll, 1).await;
    phone.next_event("message.updated").await;
    vote(&bob, &poll, 0).await;
    let told = phone.next_event("message.updated").await;
    // The same again changes nothing, and nobody can tell that somebody thought better of it.
    vote(&bob, &poll, 0).await;
    vote(&bob, &poll, 1).await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    let words = "Pizza, Sushi\n2 people voted · results at the end · closes 2026-11-20 12:01 UTC";
    assert_eq!(shown(&bob, &poll).await, words);
    let view = &told["data"]["message"]["view"];
    assert!(!view.to_string().contains("zoe") && !view.to_string().contains("progress"));
    host.pass(Duration::from_secs(60)).await;
    phone.next_event("message.updated").await;
    let ended = shown(&alice, &poll).await;
    assert!(ended.ends_with("Sushi wins with 2 of 2 votes."), "{ended}");
    let history = alice.history("general").await;
    assert_eq!(voters(&history[0]), ["@bob and @zoe"]);
    phone.close().await;
}

async fn an_anonymous_poll_names_nobody(database: Database) {
    let (host, [alice, bob, zoe]) = start(&database, ["alice", "bob", "zoe"]).await;
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    for anonymous in [false, true] {
        let poll = ask(&alice, json!({ "anonymous": anonymous })).await;
        vote(&zoe, &poll, 1).await;
        phone.next_event("message.new").await;
        let event = phone.next_event("message.updated").await;
        let history = bob.history("general").await;
        let log = bob.events("general", 0).await;
        let said = format!("{event}{history:?}{:?}", log.last());
        assert_eq!(!said.contains("zoe"), anonymous, "{said}");
        // Only the first of them is left to look at.
        let path = format!("/v1/messages/{}", poll["id"].as_str().expect("an id"));
        alice.delete(path).await.is(200);
    }
    phone.caught_up(&host.app).await;
    phone.close().await;
}

async fn a_poll_closes_when_its_time_is_over(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let poll = ask(&alice, json!({ "closes_in_s": 60 })).await;
    let open = ask(&alice, json!({ "closes_in_s": 120 })).await;
    vote(&bob, &poll, 1).await;
    host.pass(Duration::from_secs(59)).await;
    vote(&alice, &poll, 1).await;
    assert!(
        shown(&bob, &poll)
            .await
            .ends_with("closes 2026-11-20 12:01 UTC")
    );
    for _ in 0..2 {
        phone.next_event("message.updated").await;
    }
    host.pass(Duration::from_secs(1)).await;
    // From that moment no vote counts, whether the timer has run or not.
    let late = bob.act(&poll, "vote", json!(0)).await;
    let problem = late.refused(422, "action_refused");
    assert_eq!(problem["detail"], "This poll is closed.");
    let event = phone.next_event("message.updated").await;
    let closed = &event["data"]["message"];
    assert_eq!(closed["id"], poll["id"]);
    let text = closed["view"]["text"].as_str().expect("a text");
    assert!(text.ends_with("Sushi wins with 2 of 2 votes."), "{text}");
    assert!(!closed["view"]["blocks"].to_string().contains("button"));
    bob.act(&poll, "vote", json!(0))
        .await
        .refused(422, "action_refused");
    vote(&bob, &open, 0).await;
    phone.next_event("message.updated").await;
    // The other one's time comes while the host is away.
    host.stop().await;
    host.pass(Duration::from_secs(60)).await;
    host.restart().await;
    let ended = async || {
        let text = shown(&bob, &open).await;
        text.ends_with("Pizza wins with 1 of 1 vote.").then_some(())
    };
    eventually("the second poll is closed", ended).await;
    let log = bob.events("general", 0).await;
    let updates = log
        .iter()
        .filter(|event| event["event"] == "message.updated");
    assert_eq!(updates.count(), 3 + 2, "three votes, and each closes once");
}

async fn whoever_asked_closes_it(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, ["alice", "bob", "carol"]).await;
    let poll = ask(&bob, json!({ "closes_in_s": 60 })).await;
    let refused = carol.act(&poll, "close", json!(null)).await;
    let problem = refused.refused(422, "action_refused");
    assert!(problem["detail"].to_string().contains("Only whoever asked"));
    bob.act(&poll, "close", json!(null)).await.is(200);
    let closed = shown(&carol, &poll).await;
    assert!(closed.ends_with("Nobody voted."), "{closed}");
    alice
        .act(&poll, "close", json!(null))
        .await
        .refused(422, "action_refused");
    let second = ask(&bob, json!({})).await;
    alice.act(&second, "close", json!(null)).await.is(200);
    // The timer finds it closed already, and that is no fault.
    let third = ask(&bob, json!({ "closes_in_s": 120 })).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    host.pass(Duration::from_secs(120)).await;
    let fits = |event: &Value| event["data"]["message"]["id"] == third["id"];
    phone.next_such("the third is closed", fits).await;
    let unchanged = shown(&carol, &poll).await;
    assert_eq!(unchanged, closed);
    let log = host.app.backend.get("/v1/plugins/poll/log").await.is(200);
    assert_eq!(log, json!({ "lines": [] }));
    phone.close().await;
}

async fn what_is_no_poll_is_refused(database: Database) {
    let (_host, [alice]) = start(&database, ["alice"]).await;
    let mut phone = alice.connect().await;
    for data in [
        json!({}),
        json!("Lunch?"),
        json!(null),
        json!({ "question": "", "options": ["a", "b"] }),
        json!({ "question": "x", "options": ["a"] }),
        json!({ "question": "x", "options": ["a", "A"] }),
        json!({ "question": "x", "options": ["a", "b"], "closes_in_s": 1 }),
        json!({ "question": "x", "options": ["a", "b"], "asked_by": "bob" }),
        json!({ "question": "x", "options": ["a", "b"], "colour": "red" }),
    ] {
        let poll = json!({ "channel_id": "general", "type": "poll", "data": data });
        let answer = alice.post("/v1/messages", poll.clone()).await;
        assert_eq!(answer.invalid(), ["data"], "{data}");
        let error = phone.request("send", poll).await.refused("invalid");
        assert_eq!(error["errors"][0]["field"], "data", "{data}");
    }
    let poll = ask(&alice, json!({})).await;
    for vote in [
        json!(2),
        json!(-1),
        json!(0.5),
        json!("x"),
        json!(null),
        json!([0, 1]),
        json!([2]),
    ] {
        alice
            .act(&poll, "vote", vote)
            .await
            .refused(422, "action_refused");
    }
    assert_eq!(alice.history("general").await, std::slice::from_ref(&poll));
    // Its words are its own to change, by voting.
    let path = format!("/v1/messages/{}", poll["id"].as_str().expect("an id"));
    let other = json!({ "data": { "question": "Dinner?", "options": ["a", "b"] } });
    alice.patch(path, other).await.refused(409, "conflict");
    phone.close().await;
}

/// Who left has no vote in an open poll; what a closed one said it says on, without the name.
async fn who_leaves_is_in_no_poll(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, ["alice", "bob", "carol"]).await;
    let [open, closed] = [ask(&alice, json!({})).await, ask(&alice, json!({})).await];
    for (who, option) in [(&alice, 0), (&bob, 1), (&carol, 1)] {
        for poll in [&open, &closed] {
            vote(who, poll, option).await;
        }
    }
    alice.act(&closed, "close", json!(null)).await.is(200);
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    bob.delete("/v1/channels/general/participants/bob")
        .await
        .is(204);
    phone.next_event("member.removed").await;
    for _ in 0..2 {
        phone.next_event("message.updated").await;
    }
    assert_eq!(shown(&alice, &open).await, "Pizza 1, Sushi 1\n2 votes");
    let after = shown(&alice, &closed).await;
    assert!(after.ends_with("Sushi wins with 2 of 3 votes."), "{after}");
    let history = alice.history("general").await;
    assert_eq!(voters(&history[0]), ["@alice", "@carol"]);
    assert_eq!(voters(&history[1]), ["@alice", "@carol and 1 other"]);
    // Who comes back votes anew, once.
    let seat = "/v1/channels/general/participants/bob";
    host.app.backend.put(seat, json!({})).await.is(200);
    vote(&bob, &open, 0).await;
    assert_eq!(shown(&alice, &open).await, "Pizza 2, Sushi 1\n3 votes");
    phone.close().await;
}

async fn nothing_of_an_erased_user_is_in_polls(database: Database) {
    let who = ["alice", "zoe-5e1f", "carol"];
    let (host, [alice, zoe, carol]) = start(&database, who).await;
    host.app.channel("quiet", &[&carol, &zoe]).await;
    let mut asked = Vec::new();
    for (person, channel) in [(&zoe, "general"), (&zoe, "quiet")] {
        let line = r#"/poll "Dinner?" "Soup" "Salad""#;
        person.types(channel, line).await.is(200);
        asked.extend(carol.history(channel).await.pop());
    }
    asked.push(ask(&zoe, json!({})).await);
    let open = ask(&alice, json!({})).await;
    let several = ask(&alice, json!({ "multiple": true })).await;
    let hidden = ask(&alice, json!({ "anonymous": true, "closes_in_s": 60 })).await;
    for poll in [&open, &several, &hidden, &asked[0]] {
        vote(&zoe, poll, 1).await;
        vote(&carol, poll, 1).await;
    }
    vote(&zoe, &several, 0).await;
    alice.act(&several, "close", json!(null)).await.is(200);
    host.pass(Duration::from_secs(60)).await;
    // She had left one channel before.
    zoe.delete("/v1/channels/quiet/participants/zoe-5e1f")
        .await
        .is(204);
    assert!(database.dump().await.contains("zoe-5e1f"));
    let path = "/v1/users/zoe-5e1f";
    host.app.backend.delete(path).await.is(204);
    eventually("nothing of her is left", async || {
        // The walk after somebody left is made again after a minute.
        host.pass(Duration::from_secs(60)).await;
        (!database.dump().await.contains("zoe-5e1f")).then_some(())
    })
    .await;
    let carol = host.app.session("carol").await;
    for poll in &asked {
        let id = poll["id"].as_str().expect("an id");
        let gone = host.app.backend.get(format!("/v1/messages/{id}")).await;
        assert!(gone.is(200)["deleted_at"].is_string());
    }
    assert_eq!(shown(&carol, &open).await, "Pizza 0, Sushi 1\n1 vote");
    for (poll, expected) in [
        (&several, "Pizza 1, Sushi 2\n3 votes from 2 people"),
        (&hidden, "Pizza 0, Sushi 2\n2 votes · anonymous · closed"),
    ] {
        let text = shown(&carol, poll).await;
        assert!(text.starts_with(expected), "{text}");
    }
    let log = host.app.backend.get("/v1/plugins/poll/log").await.is(200);
    assert_eq!(log, json!({ "lines": [] }));
}
