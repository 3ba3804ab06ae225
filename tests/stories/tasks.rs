//! Tasks: given, taken, done, listed by person, and told of in time, whatever becomes of the host
//! meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, ChildHost, Database, Person, TestHost, eventually, stories};

stories!(
    a_task_is_given_taken_and_done,
    what_is_no_task_is_refused,
    tasks_are_listed_by_person,
    lists_are_read_in_pages,
    long_tasks_are_read_in_pages,
    nobody_sees_tasks_of_channels_they_are_not_in,
    lists_follow_what_becomes_of_tasks_and_people,
    people_are_told_in_time,
    reminders_of_tasks_survive_a_crash,
    whoever_had_a_task_posted_takes_it_back,
);

/// Sends a task to a channel.
async fn give(who: &Person, channel: &str, data: Value) -> Value {
    let task = json!({ "channel_id": channel, "type": "task", "data": data });
    who.post("/v1/messages", task).await.is(201)
}

/// A host with tasks, and people in `general`; the neighbour has tasks of its own.
async fn start<const N: usize>(database: &Database, ids: [&str; N]) -> (TestHost, [Person; N]) {
    let host = TestHost::timeless(database).await;
    host.other.plugin("task", json!({})).await;
    let theirs = host.other.session("alice").await;
    let secret = json!({ "title": crate::support::OTHERS, "assignees": ["bob"] });
    let secret = json!({ "channel_id": "general", "type": "task", "data": secret });
    theirs.post("/v1/messages", secret).await.raw_is(201);
    host.app.plugin("task", json!({})).await;
    let mut people = host.app.users(ids).await;
    for person in &mut people {
        *person = host.app.day_session(&person.id).await;
    }
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

/// The titles of a list.
async fn list(who: &Person, query: &str) -> Vec<String> {
    let page = who.get(format!("/v1/x/task/tasks?{query}")).await.is(200);
    let tasks = page["tasks"].as_array().expect("a list").iter();
    tasks
        .map(|task| task["title"].as_str().expect("a title").to_owned())
        .collect()
}

/// Waits until a list is this: it follows the log.
async fn listed(who: &Person, query: &str, expected: &[&str]) {
    let what = format!("`{query}` lists {expected:?}");
    eventually(&what, async || {
        (list(who, query).await == expected).then_some(())
    })
    .await;
}

/// What a task shows in words.
async fn shown(who: &Person, task: &Value) -> String {
    let path = format!("/v1/messages/{}", task["id"].as_str().expect("an id"));
    let message = who.get(path).await.is(200);
    message["view"]["text"].as_str().expect("a text").to_owned()
}

async fn a_task_is_given_taken_and_done(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, ["alice", "bob", "carol"]).await;
    let mut phone = carol.connect().await;
    phone.subscribe("general").await;
    let asked = "/task Send the offer @bob !high by friday 17:00\n- Ask Carol\n- Write it";
    alice.types("general", asked).await.is(200);
    let task = phone.next_event("message.new").await["data"]["message"].clone();
    let data = json!({ "title": "Send the offer", "assignees": ["bob"], "priority": "high",
        "due_at_ms": 1_795_798_800_000_u64, "items": ["Ask Carol", "Write it"], "created_by": "alice" });
    assert_eq!((&task["type"], &task["data"]), (&json!("task"), &data));
    assert_eq!(task.get("state"), None);
    let words = "○ Send the offer\nopen · high priority · due 2026-11-27 17:00 UTC · for @bob · by @alice\n\
        [ ] Ask Carol\n[ ] Write it";
    assert_eq!(shown(&carol, &task).await, words);
    // Who may do what.
    let refused = carol.act(&task, "status", json!("done")).await;
    let problem = refused.refused(422, "action_refused");
    assert!(problem["detail"].to_string().contains("Take it first"));
    let refused = bob.act(&task, "title", json!("Rest")).await;
    refused.refused(422, "action_refused");
    carol.act(&task, "take", json!(null)).await.is(200);
    carol.act(&task, "status", json!("doing")).await.is(200);
    let tick = json!({ "item": 1, "done": true });
    bob.act(&task, "tick", tick).await.is(200);
    alice
        .act(&task, "title", json!("Send the new offer"))
        .await
        .is(200);
    alice.act(&task, "due", json!("in 2 hours")).await.is(200);
    bob.act(&task, "status", json!("done")).await.is(200);
    let done = shown(&alice, &task).await;
    assert!(
        done.starts_with("✓ Send the new offer\ndone · high priority · due 2026-11-20 14:00 UTC")
    );
    assert!(
        done.contains("for @bob and @carol") && done.contains("[x] Ask Carol"),
        "{done}"
    );
    // Whoever is assigned and isn't in the channel is taken off again.
    host.app.user("zoe").await;
    alice
        .act(&task, "assign", json!(["zoe", "nobody"]))
        .await
        .is(200);
    let only_theirs = async || {
        let text = shown(&alice, &task).await;
        text.contains("for @bob and @carol ·").then_some(())
    };
    eventually("strangers are taken off", only_theirs).await;
    let help = alice.types("general", "/task").await.is(200);
    assert!(help["reply"]["text"].to_string().contains("by friday"));
    // A time that was not read is no time that was guessed.
    let unclear = alice.types("general", "/task Rest by end of week").await;
    let reply = unclear.is(200)["reply"]["text"].to_string();
    assert!(reply.contains("no time in “by end of week”"), "{reply}");
    let clear = alice.types("general", "/task Rest by today").await.is(200);
    assert!(clear.get("reply").is_none_or(Value::is_null), "{clear}");
    let refused = alice.types("general", "/task Rest @zoe").await;
    let problem = refused.refused(422, "action_refused");
    assert_eq!(problem["detail"], "@zoe is not in this channel.");
    phone.close().await;
}

async fn what_is_no_task_is_refused(database: Database) {
    let (host, [alice]) = start(&database, ["alice"]).await;
    for data in [
        json!({}),
        json!("Rest"),
        json!({ "title": "" }),
        json!({ "title": "x", "status": "done" }),
        json!({ "title": "x", "created_by": "bob" }),
        json!({ "title": "x", "due_at_ms": 1 }),
        json!({ "title": "x", "priority": "urgent" }),
        json!({ "title": "x", "items": [""] }),
    ] {
        let task = json!({ "channel_id": "general", "type": "task", "data": data });
        let answer = alice.post("/v1/messages", task).await;
        assert_eq!(answer.invalid(), ["data"], "{data}");
    }
    assert!(alice.history("general").await.is_empty());
    let zone = json!({ "config": { "time_zone": "Berlin" } });
    let refused = host.app.backend.put("/v1/plugins/task", zone).await;
    assert_eq!(refused.invalid(), ["config.time_zone"]);
}

async fn tasks_are_listed_by_person(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let now = 1_795_176_000_000_u64;
    for (title, who, hours) in [
        ("later", json!(["bob"]), Some(50)),
        ("soon", json!(["bob", "alice"]), Some(2)),
        ("sometime", json!(["bob"]), None),
        ("hers", json!(["alice"]), Some(1)),
        ("anybody's", json!([]), Some(3)),
    ] {
        let due = hours.map(|hours| now + hours * 3_600_000);
        let data = json!({ "title": title, "assignees": who, "due_at_ms": due });
        give(&alice, "general", data).await;
    }
    // What is due first comes first.
    listed(&bob, "", &["soon", "later", "sometime"]).await;
    listed(&alice, "assignee=bob", &["soon", "later", "sometime"]).await;
    listed(
        &alice,
        "channel_id=general",
        &["hers", "soon", "anybody's", "later", "sometime"],
    )
    .await;
    listed(
        &alice,
        "channel_id=general&assignee=alice",
        &["hers", "soon"],
    )
    .await;
    listed(&bob, &format!("before={}", now + 3_600_000 * 10), &["soon"]).await;
    listed(&bob, "before=2026-11-23", &["soon", "later"]).await;
    listed(
        &host.app.backend,
        "",
        &["hers", "soon", "anybody's", "later", "sometime"],
    )
    .await;
    let tasks = alice
        .get("/v1/x/task/tasks?assignee=bob&limit=1")
        .await
        .is(200);
    let id = tasks["tasks"][0]["id"].as_str().expect("an id").to_owned();
    let one = alice.get(format!("/v1/x/task/tasks/{id}")).await.is(200);
    assert_eq!(one, tasks["tasks"][0]);
    let expected = json!({ "id": id, "channel_id": "general", "title": "soon", "notes": "", "status": "open",
        "priority": "normal", "assignees": ["bob", "alice"], "created_by": "alice",
        "due_at_ms": now + 7_200_000, "snoozed_until_ms": null, "done_at_ms": null, "items": [],
        "repeat": null, "done_times": 0 });
    assert_eq!(one, expected);
    // What is done is another list.
    let soon = json!({ "id": id });
    bob.act(&soon, "status", json!("doing")).await.is(200);
    listed(&bob, "status=doing", &["soon"]).await;
    listed(&bob, "status=open", &["later", "sometime"]).await;
    bob.act(&soon, "status", json!("done")).await.is(200);
    listed(&bob, "", &["later", "sometime"]).await;
    listed(&bob, "status=done", &["soon"]).await;
    listed(&bob, "status=all", &["later", "sometime", "soon"]).await;
    // The same in the chat.
    let say = async |who: &Person, line: &str| {
        let answer = who.types("general", line).await.is(200);
        answer["reply"]["text"].as_str().expect("a text").to_owned()
    };
    let mine = "Your tasks (UTC):\n○ hers (today at 13:00, @alice)";
    assert_eq!(say(&alice, "/tasks").await, mine);
    let bobs = say(&alice, "/tasks @bob").await;
    let expected =
        "Tasks of @bob (UTC):\n○ later (on Sunday 2026-11-22 at 14:00, @bob)\n○ sometime (@bob)";
    assert_eq!(bobs, expected);
    assert!(say(&bob, "/tasks here").await.contains("anybody's"));
    assert!(say(&bob, "/tasks done").await.contains("✓ soon"));
    assert_eq!(
        say(&alice, "/tasks @nobody").await,
        "Tasks of @nobody: none."
    );
    let complete = async |line: &str| {
        let path = "/v1/channels/general/commands/complete";
        alice.post(path, crate::support::typed(line)).await.is(200)["choices"].clone()
    };
    assert_eq!(
        complete("/tasks @b").await,
        json!([{ "value": "@bob ", "label": "@bob" }])
    );
    assert_eq!(complete("/task Rest @bo").await[0]["value"], "Rest @bob ");
    let due = complete("/task Rest by tomorrow 8:00").await;
    assert_eq!(due[0]["label"], "Rest: due tomorrow at 08:00 (UTC)");
    // Elsewhere the channel is named as people know it.
    let named = json!({ "name": "The office" });
    let backend = &host.app.backend;
    backend.patch("/v1/channels/general", named).await.is(200);
    host.app.channel("second", &[&alice]).await;
    let answer = alice.types("second", "/tasks").await.is(200);
    let mine = "Your tasks (UTC):\n○ hers (today at 13:00, @alice) in The office";
    assert_eq!(answer["reply"]["text"], mine);
}

async fn lists_are_read_in_pages(database: Database) {
    let (host, [alice]) = start(&database, ["alice"]).await;
    for n in 0..7 {
        let data = json!({ "title": format!("t{n}"), "assignees": ["alice"] });
        give(&alice, "general", data).await;
    }
    let all = ["t0", "t1", "t2", "t3", "t4", "t5", "t6"];
    listed(&alice, "", &all).await;
    let (mut found, mut query) = (Vec::new(), "limit=3".to_owned());
    loop {
        let page = host
            .app
            .backend
            .get(format!("/v1/x/task/tasks?{query}"))
            .await
            .is(200);
        let tasks = page["tasks"].as_array().expect("a list").iter();
        found.extend(tasks.map(|task| task["title"].as_str().expect("a title").to_owned()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("limit=3&after={next}");
    }
    assert_eq!(found, all);
    for query in [
        "limit=0",
        "limit=101",
        "after=x",
        "status=lost",
        "before=soon",
        "colour=red",
    ] {
        let answer = alice.get(format!("/v1/x/task/tasks?{query}")).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (400, &json!("invalid")),
            "{query}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    let answer = alice.post("/v1/x/task/tasks", json!({})).await;
    assert_eq!(answer.status, 405, "{}", answer.text);
    for path in [
        "",
        "/",
        "/tasks/",
        "/tasks/msg_0000000000000001",
        "/tasks/x",
        "/other",
    ] {
        let answer = alice.get(format!("/v1/x/task{path}")).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
}

async fn long_tasks_are_read_in_pages(database: Database) {
    let (_host, [alice]) = start(&database, ["alice"]).await;
    let mut all: Vec<String> = (0..20).map(|n| format!("t{n:02}")).collect();
    let mut last = json!(null);
    for title in &all {
        let data = json!({ "title": title, "assignees": ["alice"], "notes": "🙂".repeat(3_500) });
        last = give(&alice, "general", data).await;
    }
    alice.act(&last, "status", json!("done")).await.is(200);
    listed(&alice, "status=done", &["t19"]).await;
    let pages = async |status: &str| {
        let (mut found, mut query, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/v1/x/task/tasks?status={status}{query}");
            let page = alice.get(path).await.is(200);
            let tasks = page["tasks"].as_array().expect("a list").iter();
            found.extend(tasks.map(|task| task["title"].as_str().expect("a title").to_owned()));
            pages += 1;
            let Some(next) = page["next"].as_str() else {
                return (found, pages);
            };
            query = format!("&after={next}");
        }
    };
    let (found, many) = pages("all&limit=19").await;
    assert_eq!(found, all);
    assert!(many > 1, "{many} pages");
    all.pop();
    assert_eq!(pages("unfinished").await.0, all);
}

async fn nobody_sees_tasks_of_channels_they_are_not_in(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let zoe = host.app.user("zoe").await;
    host.app.channel("secret", &[&alice, &zoe]).await;
    let secret = give(
        &alice,
        "secret",
        json!({ "title": "hidden", "assignees": ["zoe"] }),
    )
    .await;
    give(
        &alice,
        "general",
        json!({ "title": "open", "assignees": ["bob"] }),
    )
    .await;
    listed(&zoe, "", &["hidden"]).await;
    listed(&bob, "", &["open"]).await;
    listed(&host.app.backend, "", &["hidden", "open"]).await;
    // Bob asks for Zoe's, for the channel's and for the task itself.
    assert!(list(&bob, "assignee=zoe").await.is_empty());
    assert!(list(&bob, "channel_id=secret").await.is_empty());
    assert!(list(&bob, "assignee=zoe&status=all").await.is_empty());
    let path = format!("/v1/x/task/tasks/{}", secret["id"].as_str().expect("an id"));
    assert_eq!(bob.get(&path).await.status, 404);
    zoe.get(&path).await.is(200);
    let answer = bob.types("general", "/tasks @zoe").await.is(200);
    assert_eq!(answer["reply"]["text"], "Tasks of @zoe: none.");
    // Nor does the neighbour see it, or show what it has.
    assert_eq!(host.other.backend.get(&path).await.status, 404);
    let theirs = host.other.session("bob").await;
    let answer = theirs.get("/v1/x/task/tasks").await;
    assert!(!answer.text.contains("hidden"), "{}", answer.text);
    host.stranger()
        .get("/v1/x/task/tasks")
        .await
        .refused(401, "unauthenticated");
    // Whoever is removed sees nothing any more, at once.
    host.app
        .backend
        .delete("/v1/channels/secret/participants/zoe")
        .await
        .is(204);
    assert!(list(&zoe, "status=all").await.is_empty());
    assert_eq!(zoe.get(&path).await.status, 404);
}

async fn lists_follow_what_becomes_of_tasks_and_people(database: Database) {
    let (host, [alice, bob, carol]) = start(&database, ["alice", "bob", "carol"]).await;
    let backend = &host.app.backend;
    host.app.channel("second", &[&alice, &bob]).await;
    for (channel, title) in [("general", "one"), ("general", "two"), ("second", "three")] {
        let data = json!({ "title": title, "assignees": ["bob", "carol"] });
        give(&alice, channel, data).await;
    }
    carol.types("general", "/task four @bob").await.is(200);
    listed(&bob, "", &["one", "two", "three", "four"]).await;
    // Carol isn't in the second channel.
    listed(&carol, "", &["one", "two"]).await;
    let found = backend
        .get("/v1/x/task/tasks?channel_id=general")
        .await
        .is(200);
    let two = json!({ "id": found["tasks"][1]["id"] });
    let path = format!("/v1/messages/{}", two["id"].as_str().expect("an id"));
    alice.delete(path).await.is(200);
    listed(&bob, "", &["one", "three", "four"]).await;
    // A channel goes with its tasks.
    backend.delete("/v1/channels/second").await.is(204);
    listed(&bob, "", &["one", "four"]).await;
    listed(backend, "", &["one", "four"]).await;
    // Whoever leaves has none of its tasks any more.
    backend
        .delete("/v1/channels/general/participants/bob")
        .await
        .is(204);
    listed(&bob, "", &[]).await;
    listed(backend, "assignee=bob", &[]).await;
    listed(&alice, "channel_id=general", &["one", "four"]).await;
    backend
        .put("/v1/channels/general/participants/bob", json!({}))
        .await
        .is(200);
    listed(backend, "assignee=bob", &[]).await;
    // What the plugin posted for Carol goes with Carol, and she is on no task any more.
    backend.delete("/v1/users/carol").await.is(204);
    let looks = [0, 60, 3_600];
    for seconds in looks {
        host.pass(Duration::from_secs(seconds)).await;
    }
    listed(&alice, "channel_id=general", &["one"]).await;
    listed(backend, "", &["one"]).await;
    let kept = format!(
        "{:?}{}",
        alice.history("general").await,
        backend.get("/v1/x/task/tasks").await.text
    );
    let one = kept.matches("carol").count();
    assert_eq!(
        one, 1,
        "only in what Alice wrote as she made the task: {kept}"
    );
    let log = backend.get("/v1/plugins/task/log").await.is(200);
    assert_eq!(log, json!({ "lines": [] }));
}

/// The texts of a channel that the plugin wrote, old to new.
async fn said(who: &Person, channel: &str) -> Vec<String> {
    let messages = who.history(channel).await;
    messages
        .iter()
        .filter(|message| message["from"] == "bot:task" && message["type"] == "text")
        .map(|message| message["data"].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn people_are_told_in_time(database: Database) {
    let (host, [alice, bob]) = start(&database, ["alice", "bob"]).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    alice
        .types("general", "/task Rest @bob by 14:00")
        .await
        .is(200);
    alice.types("general", "/task Never by 14:00").await.is(200);
    alice
        .types("general", "/task Moved @bob by 14:00")
        .await
        .is(200);
    listed(&alice, "channel_id=general", &["Rest", "Never", "Moved"]).await;
    let found = alice
        .get("/v1/x/task/tasks?channel_id=general")
        .await
        .is(200);
    let task = |at: usize| json!({ "id": found["tasks"][at]["id"] });
    alice.act(&task(1), "status", json!("done")).await.is(200);
    alice.act(&task(2), "due", json!("at 16:00")).await.is(200);
    listed(&alice, "channel_id=general", &["Rest", "Moved"]).await;
    let text = async |phone: &mut crate::support::Socket| {
        let fits = |event: &Value| event["data"]["message"]["type"] == "text";
        let event = phone.next_such("a reminder", fits).await;
        event["data"]["message"]["data"]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    host.pass(Duration::from_secs(3_600)).await;
    assert_eq!(
        text(&mut phone).await,
        "⏰ @bob: “Rest” is due today at 14:00 (UTC)."
    );
    // A change of the task at that moment doesn't tell it again.
    alice.act(&task(0), "priority", json!("high")).await.is(200);
    host.pass(Duration::from_secs(3_600)).await;
    assert_eq!(text(&mut phone).await, "⏰ @bob: “Rest” is due now.");
    // The other one's times come while the host is away: it is told once, late.
    host.stop().await;
    host.pass(Duration::from_secs(3 * 3_600)).await;
    for _ in 0..2 {
        host.restart().await;
        let all = async || (said(&bob, "general").await.len() == 3).then_some(());
        eventually("the last reminder has come", all).await;
    }
    host.pass(Duration::from_secs(86_400)).await;
    let bob = host.app.session("bob").await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    assert!(phone.caught_up(&host.app).await.is_empty());
    let last = said(&bob, "general").await.pop().expect("a reminder");
    assert_eq!(last, "⏰ @bob: “Moved” was due today at 16:00 (UTC).");
    phone.close().await;
}

/// Two dozen people in `general`, each with a task.
async fn crowd(app: &App) -> Vec<Person> {
    let names: Vec<String> = (0..24).map(|n| format!("u{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let people = app.crowd(&names).await;
    app.plugin("task", json!({ "remind_minutes_before": [] }))
        .await;
    app.channel("general", &people.iter().collect::<Vec<_>>())
        .await;
    people
}

async fn reminders_of_tasks_survive_a_crash(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let people = crowd(&host.app).await;
    let mut due = BTreeMap::new();
    for person in &people {
        let line = format!("/task Run @{} by in 2 seconds", person.id);
        person.types("general", &line).await.is(200);
        due.insert(person.id.clone(), 1);
    }
    let reader = &people[0];
    let count = async || {
        let mut count = BTreeMap::<String, usize>::new();
        for text in said(reader, "general").await {
            let (user, _) = text
                .trim_start_matches("⏰ @")
                .split_once(':')
                .expect("a name");
            *count.entry(user.to_owned()).or_default() += 1;
        }
        count
    };
    let some = async || (count().await.len() >= 2).then_some(());
    eventually("something has come", some).await;
    host.kill_and_restart().await;
    let all = async || (count().await.len() >= due.len()).then_some(());
    eventually("all that is due has come", all).await;
    // What would come twice would do so as the host begins: let it begin once more.
    host.kill_and_restart().await;
    assert_eq!(count().await, due);
    // The lists are as they should be, too, whatever was under way.
    let listed = async || (list(reader, "channel_id=general").await.len() == 24).then_some(());
    eventually("every task is listed", listed).await;
}

/// The plugin's bot is the sender, and nobody runs a direct channel.
async fn whoever_had_a_task_posted_takes_it_back(database: Database) {
    let (host, [_owner, alice, bob]) = start(&database, ["owner", "alice", "bob"]).await;
    let direct = json!({ "user_ids": ["bob"] });
    let direct = alice.post("/v1/channels/direct", direct).await.is(200);
    let direct = direct["id"].as_str().expect("an id");
    let noted = "SELECT COUNT(*) FROM commanded";
    for channel in ["general", direct] {
        alice.types(channel, "/task Lunch").await.is(200);
        let task = alice.history(channel).await.pop().expect("a task");
        assert_eq!(task["from"], "bot:task");
        let path = format!("/v1/messages/{}", task["id"].as_str().expect("an id"));
        bob.delete(&path).await.refused(403, "forbidden");
        assert_eq!(database.number(noted).await, 1);
        let left = alice.delete(&path).await.is(200);
        assert!(left["deleted_at"].is_string(), "{left}");
        assert_eq!(database.number(noted).await, 0);
    }
    // Who it was is forgotten with the person, and with the channel.
    bob.types("general", "/task Rest").await.is(200);
    alice.types(direct, "/task Rest").await.is(200);
    alice.types("general", "/task Rest").await.is(200);
    host.app.backend.delete("/v1/users/bob").await.is(204);
    assert_eq!(database.number(noted).await, 2);
    host.app
        .backend
        .delete("/v1/channels/general")
        .await
        .is(204);
    eventually("it is cleared away", async || {
        (database.number(noted).await == 1).then_some(())
    })
    .await;
}
