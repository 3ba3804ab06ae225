//! The assistant: commands, answers, reminders and greetings, each once, whatever becomes of the
//! host meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, ChildHost, Database, Person, TestHost, eventually, stories, typed};

stories!(
    commands_are_listed_and_completed,
    questions_are_answered,
    a_reminder_comes_once,
    reminders_are_the_users_own,
    reminders_go_by_the_clock_on_the_wall,
    newcomers_are_greeted_once,
    newcomers_are_greeted_together,
    a_refused_greeting_holds_up_nobody,
    reminders_survive_a_crash,
    greetings_survive_a_crash,
    greetings_of_many_survive_a_crash,
);

/// What the tenant taught it.
fn taught() -> Value {
    json!({ "greeting": "", "answers": [
        { "question": "How do I reset my password?", "answer": "Click *Forgot password*.", "keywords": ["login"] },
        { "question": "Where is the office?", "answer": "Main Street 1." },
    ] })
}

/// The texts of a channel that the assistant wrote, old to new.
async fn said(who: &Person, channel: &str) -> Vec<String> {
    let path = format!("/v1/channels/{channel}/messages?limit=100");
    let page = who.get(path).await;
    let messages = page.body["messages"].as_array().expect("messages").iter();
    messages
        .filter(|message| message["from"] == "bot:assistant")
        .map(|message| message["data"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn commands_are_listed_and_completed(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("poll", json!({})).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    assert_eq!(
        alice.get("/v1/commands").await.is(200),
        json!({ "commands": [] })
    );
    host.app.plugin("assistant", taught()).await;
    let list = alice.get("/v1/commands").await.is(200);
    let commands = list["commands"].as_array().expect("a list");
    let names: Vec<_> = commands.iter().map(|command| &command["name"]).collect();
    assert_eq!(names, ["ai", "ask", "help", "remind"]);
    let ask = json!({ "name": "ask", "usage": "<question>", "plugin": "assistant",
        "description": "Answers a question about this place." });
    assert_eq!(commands[1], ask);
    let mut phone = alice.connect().await;
    assert_eq!(phone.request("commands", json!({})).await.ok(), list);

    let complete = async |line: &str| {
        let path = "/v1/channels/general/commands/complete";
        alice.post(path, typed(line)).await.is(200)["choices"].clone()
    };
    let choices = complete("/ask how do i").await;
    let question = "How do I reset my password?";
    assert_eq!(choices, json!([{ "value": question, "label": question }]));
    let mut typed = typed("/ask how do i");
    typed["channel_id"] = json!("general");
    let reply = phone.request("complete", typed).await.ok();
    assert_eq!(reply, json!({ "choices": choices }));
    let choices = complete("/remind in").await;
    assert_eq!(choices[0]["value"], "in 10 minutes ");
    assert_eq!(complete("/help me").await, json!([]));
    alice
        .types("general", "/dance")
        .await
        .refused(404, "not_found");
    alice
        .types("general", "/poll help")
        .await
        .refused(404, "not_found");
    phone.close().await;
}

async fn questions_are_answered(database: Database) {
    let host = TestHost::start(&database).await;
    host.other.plugin("assistant", json!({})).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.plugin("assistant", taught()).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let [mut alices, mut bobs] = [alice.connect().await, bob.connect().await];
    let ask = async |line: &str| {
        let answer = alice.types("general", line).await.is(200);
        answer["reply"]["text"]
            .as_str()
            .expect("a reply")
            .to_owned()
    };
    let help = ask("/help").await;
    assert!(help.contains("/ask") && help.contains("/remind"), "{help}");
    let answer = ask("/ask how can I reset the password").await;
    assert_eq!(answer, "Click *Forgot password*.");
    let unknown = ask("/ask what is the meaning of life").await;
    assert!(
        unknown.contains("password"),
        "it says what it knows: {unknown}"
    );
    let mut command = typed("/ask where is the office");
    command["channel_id"] = json!("general");
    let reply = alices.request("command", command).await.ok();
    assert_eq!(reply["reply"]["text"], "Main Street 1.");
    alice
        .types("general", "/ask")
        .await
        .refused(422, "action_refused");
    // The answer to a command is for whoever asked; a question in a message, for all to see.
    bobs.subscribe("general").await;
    assert!(bobs.caught_up(&host.app).await.is_empty());
    bob.send("general", "@assistant where is the office?").await;
    bobs.next_event("message.new").await;
    let message = &bobs.next_event("message.new").await["data"]["message"];
    assert_eq!(message["data"], "Main Street 1.");
    assert_eq!(message["from"], "bot:assistant");
    // Each event is handled once: the answer to the next question comes right after the last one.
    bob.send("general", "@assistant how do I reset my password?")
        .await;
    let answered = async || (said(&bob, "general").await.len() > 1).then_some(());
    eventually("the second question is answered", answered).await;
    let answers = ["Main Street 1.", "Click *Forgot password*."];
    assert_eq!(said(&bob, "general").await, answers);
    let theirs = host.other.session("alice").await;
    let reply = theirs.types("general", "/ask where is the office").await;
    let text = reply.is(200)["reply"]["text"].clone();
    assert!(text.to_string().contains("Nobody has taught me"), "{text}");
}

async fn a_reminder_comes_once(database: Database) {
    let host = TestHost::timeless(&database).await;
    host.other.plugin("assistant", json!({})).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app
        .plugin("assistant", json!({ "greeting": "" }))
        .await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let answer = alice
        .types("general", "/remind in 10 minutes stretch")
        .await;
    assert_eq!(
        answer.is(200)["reply"]["text"],
        "I'll remind you today at 12:10 (UTC): stretch"
    );
    host.pass(Duration::from_secs(599)).await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    host.pass(Duration::from_secs(1)).await;
    let event = phone.next_event("message.new").await;
    assert_eq!(event["data"]["message"]["data"], "⏰ @alice: stretch");
    // The next comes due while the host is away.
    alice
        .types("general", "/remind in 10 minutes walk")
        .await
        .is(200);
    host.stop().await;
    host.pass(Duration::from_secs(600)).await;
    for _ in 0..2 {
        host.restart().await;
        let all = async || (said(&bob, "general").await.len() == 2).then_some(());
        eventually("the second reminder has come", all).await;
    }
    host.pass(Duration::from_secs(600)).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    let all = ["⏰ @alice: stretch", "⏰ @alice: walk"];
    assert_eq!(said(&bob, "general").await, all);
    let answer = alice.types("general", "/remind list").await.is(200);
    assert_eq!(answer["reply"]["text"], "You have no reminders.");
    phone.close().await;
}

async fn reminders_are_the_users_own(database: Database) {
    let host = TestHost::timeless(&database).await;
    host.other.plugin("assistant", json!({})).await;
    let namesake = host.other.session("alice").await;
    namesake
        .types("general", "/remind in 5 minutes the neighbour's")
        .await
        .is(200);
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    host.app
        .plugin("assistant", json!({ "greeting": "" }))
        .await;
    host.app.channel("general", &[&alice, &bob, &carol]).await;
    for (who, what) in [
        (&carol, "four"),
        (&alice, "one"),
        (&alice, "two"),
        (&bob, "three"),
    ] {
        let line = format!("/remind in 10 minutes {what}");
        who.types("general", &line).await.is(200);
    }
    let list = async |who: &Person| {
        let answer = who.types("general", "/remind list").await.is(200);
        answer["reply"]["text"].as_str().expect("a list").to_owned()
    };
    assert_eq!(
        list(&alice).await,
        "Your reminders (UTC):\n1. today at 12:10: one\n2. today at 12:10: two"
    );
    assert_eq!(
        list(&bob).await,
        "Your reminders (UTC):\n1. today at 12:10: three"
    );
    bob.types("general", "/remind cancel 2")
        .await
        .refused(422, "action_refused");
    alice.types("general", "/remind cancel 1").await.is(200);
    // Whoever has left is not reminded before those who stay.
    let seat = "/v1/channels/general/participants/carol";
    host.app.backend.delete(seat).await.is(204);
    // Those of an erased user go with the user.
    host.app.backend.delete("/v1/users/bob").await.is(204);
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    host.pass(Duration::from_secs(600)).await;
    let event = phone.next_event("message.new").await;
    assert_eq!(event["data"]["message"]["data"], "⏰ @alice: two");
    assert_eq!(said(&alice, "general").await, ["⏰ @alice: two"]);
    let theirs = async || (said(&namesake, "general").await.len() == 1).then_some(());
    eventually("the neighbour's comes there", theirs).await;
    phone.close().await;
}

async fn reminders_go_by_the_clock_on_the_wall(database: Database) {
    let host = TestHost::timeless(&database).await;
    let alice = host.app.user("alice").await;
    let settings = json!({ "greeting": "", "time_zone": "Europe/Berlin" });
    host.app.plugin("assistant", settings).await;
    host.app.channel("general", &[&alice]).await;
    let remind = async |line: &str| {
        let answer = alice.types("general", line).await.is(200);
        answer["reply"]["text"].as_str().expect("a text").to_owned()
    };
    assert_eq!(
        remind("/remind at 14:00 walk").await,
        "I'll remind you today at 14:00 (Europe/Berlin): walk"
    );
    // Noon is noon, also after the clocks have gone forward.
    assert_eq!(
        remind("/remind on 2027-06-01 at 12:00 swim").await,
        "I'll remind you on Tuesday 2027-06-01 at 12:00 (Europe/Berlin): swim"
    );
    let list = remind("/remind list").await;
    assert!(
        list.contains("on Tuesday 2027-06-01 at 12:00: swim"),
        "{list}"
    );
    // 14:00 in Berlin is 13:00 in UTC, where it is noon.
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    host.pass(Duration::from_secs(3_599)).await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    phone.close().await;
    host.pass(Duration::from_secs(1)).await;
    let alice = host.app.session("alice").await;
    let told = async || (said(&alice, "general").await == ["⏰ @alice: walk"]).then_some(());
    eventually("Alice is reminded", told).await;
    let wrong = json!({ "config": { "time_zone": "Berlin" } });
    let refused = host.app.backend.put("/v1/plugins/assistant", wrong).await;
    assert_eq!(refused.invalid(), ["config.time_zone"]);
}

async fn newcomers_are_greeted_once(database: Database) {
    let host = TestHost::start(&database).await;
    host.other
        .plugin("assistant", json!({ "greeting": "" }))
        .await;
    let [alice, _] = host.app.users(["alice", "bob"]).await;
    let settings = greeting("Hello {name}, this is {channel}.", 0);
    host.app.plugin("assistant", settings).await;
    for channel in ["general", "second"] {
        host.app.channel(channel, &[&alice]).await;
    }
    // Whoever comes at the same time as the channel comes with it.
    host.app.handled_all("assistant").await;
    let backend = &host.app.backend;
    let named = json!({ "users": [{ "id": "bob", "name": "Bob {channel}" }] });
    backend.put("/v1/users", named).await.is(200);
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    let seat = "/v1/channels/general/participants/bob";
    for _ in 0..2 {
        backend.put(seat, json!({})).await.is(200);
        phone.next_event("member.added").await;
        backend.delete(seat).await.is(204);
    }
    backend
        .put("/v1/channels/second/participants/bob", json!({}))
        .await
        .is(200);
    // Handled in the order of the log: once Carol was greeted, whatever was due to Bob has come.
    host.app.user("carol").await;
    for channel in ["general", "second"] {
        let path = format!("/v1/channels/{channel}/participants/carol");
        backend.put(path, json!({})).await.is(200);
    }
    let all = async || {
        let second = said(&alice, "second").await;
        (second.len() == 2).then_some(second)
    };
    let second = eventually("Carol is greeted", all).await;
    let expected = [
        "Hello Bob {channel}, this is second.",
        "Hello carol, this is second.",
    ];
    assert_eq!(second, expected);
    let expected = [
        "Hello Bob {channel}, this is general.",
        "Hello carol, this is general.",
    ];
    assert_eq!(said(&alice, "general").await, expected);
    let namesake = host.other.session("alice").await;
    assert!(said(&namesake, "general").await.is_empty());
    phone.close().await;
}

async fn a_refused_greeting_holds_up_nobody(database: Database) {
    // No time passes: what is tried again is so in vain.
    let host = TestHost::timeless(&database).await;
    let alice = host.app.user("alice").await;
    host.app.crowd(&["mallory", "carol"]).await;
    let rules = json!({ "words": [{ "name": "rude", "words": ["slur"], "action": "reject" }] });
    host.app.plugin("moderation", rules).await;
    host.app
        .plugin("assistant", greeting("Hello {name}", 0))
        .await;
    host.app.channel("general", &[&alice]).await;
    host.pass(Duration::from_millis(1)).await;
    let backend = &host.app.backend;
    let named = json!({ "users": [{ "id": "mallory", "name": "A slur" }] });
    backend.put("/v1/users", named).await.is(200);
    for user in ["mallory", "carol"] {
        let path = format!("/v1/channels/general/participants/{user}");
        backend.put(path, json!({})).await.is(200);
    }
    let next = async || (said(&alice, "general").await == ["Hello carol"]).then_some(());
    eventually("Carol is greeted", next).await;
    let log = backend.get("/v1/plugins/assistant/log").await.is(200);
    let lines = log["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), 1, "{log}");
    assert!(
        log.to_string().contains("a greeting was not posted"),
        "{log}"
    );
}

/// Settings with a greeting for those who come within so many seconds.
fn greeting(words: &str, wait_seconds: u32) -> Value {
    json!({ "greeting": words, "greeting_wait_seconds": wait_seconds })
}

/// Lets people come into `general`, one after the other.
async fn come(app: &App, users: &[&str]) {
    for user in users {
        let path = format!("/v1/channels/general/participants/{user}");
        app.backend.put(path, json!({})).await.is(200);
    }
}

async fn newcomers_are_greeted_together(database: Database) {
    let host = TestHost::timeless(&database).await;
    let app = &host.app;
    let people = app
        .crowd(&[
            "alice", "bob", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9",
        ])
        .await;
    app.plugin("assistant", greeting("Hello {name}!", 15)).await;
    // Bob comes with the channel, and is no newcomer.
    app.channel("general", &[&people[0], &people[1]]).await;
    host.pass(Duration::from_millis(1)).await;
    let alice = &people[0];
    come(app, &["u1"]).await;
    app.handled_all("assistant").await;
    host.pass(Duration::from_secs(14)).await;
    come(app, &["u2", "u3"]).await;
    // Whoever has left again when the others are greeted is greeted another time.
    let seat = "/v1/channels/general/participants/u3";
    app.backend.delete(seat).await.is(204);
    app.handled_all("assistant").await;
    assert!(said(alice, "general").await.is_empty());
    host.pass(Duration::from_secs(1)).await;
    let some = async |many: usize| {
        let what = format!("{many} greetings");
        eventually(&what, async || {
            let said = said(alice, "general").await;
            (said.len() >= many).then_some(said)
        })
        .await
    };
    assert_eq!(some(1).await, ["Hello u1 and u2!"]);
    app.backend
        .delete("/v1/channels/general/participants/u1")
        .await
        .is(204);
    come(app, &["u1", "u3", "u4", "u5", "u6", "u7", "u8", "u9"]).await;
    app.handled_all("assistant").await;
    host.pass(Duration::from_secs(15)).await;
    let all = ["Hello u1 and u2!", "Hello u3, u4, u5, u6, u7 and 2 others!"];
    assert_eq!(some(2).await, all);
    // A week later what is known of them is gone, and so is its place.
    host.pass(Duration::from_secs(8 * 86_400)).await;
    let alice = app.day_session("alice").await;
    app.backend
        .delete("/v1/channels/general/participants/u2")
        .await
        .is(204);
    come(app, &["u2"]).await;
    app.handled_all("assistant").await;
    host.pass(Duration::from_secs(15)).await;
    let again = async || {
        let said = said(&alice, "general").await;
        (said.len() == 3).then_some(said)
    };
    let said = eventually("the one who came again is greeted", again).await;
    assert_eq!(said[2], "Hello u2!");
}

/// Kills the host once something of what is due has come, starts it again, and waits until each of
/// `due` is in `general`. None may be there twice.
async fn crash_amid(host: &mut ChildHost, reader: &Person, due: &[String]) {
    let some = async || (said(reader, "general").await.len() >= 2).then_some(());
    eventually("something has come", some).await;
    host.kill_and_restart().await;
    let count = async || {
        let mut count = BTreeMap::<String, usize>::new();
        for text in said(reader, "general").await {
            *count.entry(text).or_default() += 1;
        }
        count
    };
    let all = async || (count().await.len() >= due.len()).then_some(());
    eventually("all that is due has come", all).await;
    // What would come twice would do so as the host begins: let it begin once more.
    host.kill_and_restart().await;
    let expected = due.iter().map(|text| (text.clone(), 1)).collect();
    assert_eq!(count().await, expected);
}

/// Two dozen people in `general`, who came one after the other when the assistant was there.
async fn crowd(app: &App, settings: Value) -> Vec<Person> {
    let names: Vec<String> = (0..24).map(|n| format!("u{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let people = app.crowd(&names).await;
    app.plugin("assistant", settings).await;
    app.channel("general", &[&people[0]]).await;
    // Whoever comes at the same time as the channel comes with it.
    app.handled_all("assistant").await;
    come(app, &names[1..]).await;
    people
}

async fn reminders_survive_a_crash(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let people = crowd(&host.app, greeting("", 0)).await;
    let mut due = Vec::new();
    for person in &people {
        person
            .types("general", "/remind in 1 second run")
            .await
            .is(200);
        due.push(format!("⏰ @{}: run", person.id));
    }
    crash_amid(&mut host, &people[0], &due).await;
}

async fn greetings_survive_a_crash(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let people = crowd(&host.app, greeting("Hello {name}", 0)).await;
    let due: Vec<String> = people[1..]
        .iter()
        .map(|person| format!("Hello {}", person.id))
        .collect();
    crash_amid(&mut host, &people[0], &due).await;
}

/// Whoever comes is noted in one transaction and greeted in another: a crash between or within the two greets nobody
/// twice and leaves nobody out.
async fn greetings_of_many_survive_a_crash(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let names: Vec<String> = (0..24).map(|n| format!("u{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let people = host.app.crowd(&names).await;
    host.app
        .plugin("assistant", greeting("Hello {name}", 1))
        .await;
    let reader = &people[0];
    host.app.channel("general", &[reader]).await;
    host.app.handled_all("assistant").await;
    // Those who are named, and how many others there are.
    let greeted = async || {
        let (mut named, mut others) = (Vec::new(), 0);
        for text in said(reader, "general").await {
            let who = text
                .strip_prefix("Hello ")
                .expect("a greeting")
                .replace(" and ", ", ");
            for part in who.split(", ") {
                match part.split_once(" other") {
                    Some((count, _)) => others += count.parse::<usize>().expect("a number"),
                    None => named.push(part.to_owned()),
                }
            }
        }
        named.sort();
        (named, others)
    };
    // They come in groups: the host ends when a group has come, and when something of it was said.
    for group in names[1..].chunks(8) {
        let before = greeted().await;
        come(&host.app, group).await;
        host.kill_and_restart().await;
        let more = async || (greeted().await != before).then_some(());
        eventually("somebody is greeted", more).await;
        host.kill_and_restart().await;
    }
    let all = async || {
        let (named, others) = greeted().await;
        (named.len() + others >= people.len() - 1).then_some(())
    };
    eventually("all are greeted", all).await;
    // What would come twice would do so as the host begins: let it begin once more.
    host.kill_and_restart().await;
    host.app.handled_all("assistant").await;
    let (mut named, others) = greeted().await;
    assert_eq!(named.len() + others, people.len() - 1);
    named.dedup();
    assert_eq!(
        named.len() + others,
        people.len() - 1,
        "nobody is named twice"
    );
}
