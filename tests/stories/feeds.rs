//! Feeds: what a plugin gets to choose from, what comes of its choice, and the pages of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, component, draft, rewritten, stories};

stories!(
    a_feed_is_made_of_what_its_reader_may_see,
    who_is_removed_sees_no_more_of_it,
    the_backend_reads_everything_or_for_a_user,
    a_plugin_orders_and_nothing_else,
    pages_stay_as_the_first_was,
    a_cursor_is_for_its_feed_alone,
    a_feed_that_fails_is_an_error,
    a_feed_has_its_limits,
    feeds_are_listed_and_have_one_plugin,
);

const FEED: &str = "/v1/feeds/hostile";

/// The path of the feed with this argument.
fn about(argument: &str) -> String {
    format!("{FEED}?argument={}", argument.replace(' ', "%20"))
}

/// The texts of a page, in its order; of a message of the plugin's kind `*`.
fn texts(page: &Value) -> Vec<String> {
    let messages = page["messages"].as_array().expect("messages");
    let text = |message: &Value| message["data"].as_str().unwrap_or("*").to_owned();
    messages.iter().map(text).collect()
}

async fn read(who: &Person, path: &str) -> Vec<String> {
    texts(&who.get(path).await.is(200))
}

/// What reaches the plugin.
async fn given(who: &Person) -> String {
    let problem = who.get(about("given")).await;
    let problem = problem.refused(422, "action_refused");
    let detail = problem["detail"].as_str().expect("a text");
    detail.strip_prefix("given: ").expect("a list").to_owned()
}

fn of_kind(channel: &str) -> Value {
    json!({ "channel_id": channel, "type": "hostile", "data": "" })
}

/// Three people with channels of their own and together; the neighbour has the same plugin.
async fn start(database: &Database) -> (TestHost, [Person; 3]) {
    let host = TestHost::timeless(database).await;
    host.app.plugin("hostile", json!({})).await;
    host.other.plugin("hostile", json!({})).await;
    let neighbour = host.other.session("alice").await;
    neighbour
        .post("/v1/messages", of_kind("general"))
        .await
        .is(201);
    let people = host.app.users(["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = &people;
    host.app.channel("general", &[alice, bob]).await;
    host.app.channel("others", &[bob, carol]).await;
    (host, people)
}

async fn a_feed_is_made_of_what_its_reader_may_see(database: Database) {
    let (host, [alice, bob, carol]) = start(&database).await;
    alice.send("general", "one").await;
    bob.send("others", "two").await;
    alice.post("/v1/messages", of_kind("general")).await.is(201);
    let gone = bob.send("general", "gone").await;
    carol.post("/v1/messages", of_kind("others")).await.is(201);
    let path = format!("/v1/messages/{}", gone["id"].as_str().expect("an id"));
    bob.delete(path).await.is(200);
    let private = json!({ "channel_id": "general", "type": "text", "data": "psst", "to": "alice" });
    bob.post("/v1/messages", private).await.is(201);

    assert_eq!(read(&alice, FEED).await, ["psst", "*", "one"]);
    assert_eq!(read(&bob, FEED).await, ["psst", "*", "*", "two", "one"]);
    assert_eq!(read(&carol, FEED).await, ["*", "two"]);
    // What is not shown to somebody does not reach the plugin for that one either, nor does the
    // state of others' messages reach anybody.
    assert_eq!(given(&alice).await, "bob psst ,alice  {},alice one ");
    assert_eq!(given(&carol).await, "carol  {},bob two ");
    let dave = host.app.user("dave").await;
    assert_eq!(read(&dave, FEED).await, [""; 0]);
    assert_eq!(given(&dave).await, "");
    // They come as in the history, with the channel that they are in.
    let page = alice.get(FEED).await.is(200);
    assert_eq!(page["messages"][1], alice.history("general").await[1]);
    assert!(page["next"].is_null(), "{page}");
    assert!(!page.to_string().contains("state"), "{page}");
    // The socket gives the same.
    let mut phone = alice.connect().await;
    let reply = phone.request("feed", json!({ "feed": "hostile" })).await;
    assert_eq!(reply.ok(), page);
    phone
        .request("feed", json!({ "feed": "hostile", "as": "bob" }))
        .await
        .refused("invalid");
    // A channel that is gone takes its messages along.
    host.app.backend.delete("/v1/channels/others").await.is(204);
    assert_eq!(read(&carol, FEED).await, [""; 0]);
    assert_eq!(given(&host.app.backend).await.matches("two").count(), 0);
}

async fn who_is_removed_sees_no_more_of_it(database: Database) {
    let (host, [alice, bob, _]) = start(&database).await;
    for text in ["one", "two", "three"] {
        alice.send("general", text).await;
        alice.post("/v1/messages", of_kind("general")).await.is(201);
    }
    let private = json!({ "channel_id": "general", "type": "text", "data": "psst", "to": "bob" });
    alice.post("/v1/messages", private).await.is(201);
    bob.send("others", "four").await;
    let first = bob.get(format!("{FEED}?limit=2")).await.is(200);
    assert_eq!(texts(&first), ["four", "psst"]);
    let next = first["next"].as_str().expect("a cursor");
    let seat = "/v1/channels/general/participants/bob";
    host.app.backend.delete(seat).await.is(204);
    // Neither from the beginning nor from where it was.
    assert_eq!(read(&bob, FEED).await, ["four"]);
    assert_eq!(read(&bob, &format!("{FEED}?next={next}")).await, [""; 0]);
    assert_eq!(given(&bob).await, "bob four ");
    // Whoever comes back sees it again.
    host.app.backend.put(seat, json!({})).await.is(200);
    assert!(read(&bob, FEED).await.contains(&"one".to_owned()));
}

async fn the_backend_reads_everything_or_for_a_user(database: Database) {
    let (host, [alice, bob, carol]) = start(&database).await;
    let backend = &host.app.backend;
    alice.send("general", "one").await;
    carol.post("/v1/messages", of_kind("others")).await.is(201);
    bob.send("others", "two").await;
    assert_eq!(read(backend, FEED).await, ["two", "*", "one"]);
    assert_eq!(read(backend, &format!("{FEED}?as=alice")).await, ["one"]);
    let asked = async |who: &Person, more: &str| {
        let problem = who.get(about("asked") + more).await;
        let problem = problem.refused(422, "action_refused");
        let detail = problem["detail"].as_str().expect("a text").to_owned();
        let (_, rest) = detail.split_once(' ').expect("the time comes first");
        rest.to_owned()
    };
    assert_eq!(asked(backend, "").await, " Role::Server ");
    // As a user it gets what that user gets.
    assert_eq!(asked(backend, "&as=alice").await, "alice Role::None ");
    assert_eq!(asked(&alice, "").await, "alice Role::None ");
    assert_eq!(asked(&alice, "&as=alice").await, "alice Role::None ");
    alice
        .get(format!("{FEED}?as=bob"))
        .await
        .refused(403, "forbidden");
    let nobody = backend.get(format!("{FEED}?as=nobody")).await;
    assert_eq!(nobody.invalid(), ["as"]);
    backend
        .post("/v1/users/alice/deactivate", json!({}))
        .await
        .is(200);
    let gone = backend.get(format!("{FEED}?as=alice")).await;
    assert_eq!(gone.invalid(), ["as"]);
}

async fn a_plugin_orders_and_nothing_else(database: Database) {
    let (_host, [alice, ..]) = start(&database).await;
    for text in ["one", "two", "three"] {
        alice.send("general", text).await;
    }
    let order = async |argument: &str| read(&alice, &about(argument)).await;
    assert_eq!(order("backwards").await, ["one", "two", "three"]);
    // Places that there are not, and the same one twice.
    assert_eq!(order("places").await, ["three"]);
    // What it says of itself is a sentence for the one who asked.
    let refused = alice.get(about("say-back that is no feed")).await;
    let problem = refused.refused(422, "action_refused");
    assert_eq!(problem["detail"], "say-back that is no feed");
    // It neither reads nor writes nor counts.
    for deed in ["get", "history 1", "set 1 1", "timers 1", "sends 1", "wait"] {
        let problem = alice.get(about(deed)).await;
        let problem = problem.refused(422, "action_refused");
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains("Denied"), "{deed}: {detail}");
    }
}

async fn pages_stay_as_the_first_was(database: Database) {
    let (host, [alice, bob, _]) = start(&database).await;
    for at in 0..12 {
        alice.send("general", &format!("m{at:02}")).await;
    }
    for argument in ["", "backwards", "by chance"] {
        let whole = read(&alice, &about(argument)).await;
        let mut page = alice.get(about(argument) + "&limit=5").await.is(200);
        let mut seen = texts(&page);
        let mut pages = 1;
        while let Some(next) = page["next"].as_str() {
            // What comes meanwhile is not on any of these pages, and shifts nothing.
            bob.send("general", &format!("new {argument} {pages}"))
                .await;
            host.pass(Duration::from_secs(60)).await;
            let path = format!("{}&limit=5&next={next}", about(argument));
            page = alice.get(&path).await.is(200);
            // A page that is asked for again is the same.
            assert_eq!(alice.get(&path).await.is(200), page);
            seen.extend(texts(&page));
            pages += 1;
        }
        match argument {
            // By chance is another one for each who begins anew.
            "by chance" => assert_eq!(
                seen.iter().collect::<BTreeSet<_>>(),
                whole.iter().collect::<BTreeSet<_>>()
            ),
            _ => assert_eq!(seen, whole, "{argument}"),
        }
        assert_eq!(pages, whole.len().div_ceil(5), "{argument}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    }
    // The time stands still, too.
    let first = alice.get(format!("{FEED}?limit=1")).await.is(200);
    let next = first["next"].as_str().expect("a cursor").to_owned();
    // What is deleted is gone from the pages to come, also the newest that the first page had.
    let newest = &first["messages"][0];
    let path = format!("/v1/messages/{}", newest["id"].as_str().expect("an id"));
    host.app.backend.delete(path).await.is(200);
    let rest = read(&alice, &format!("{FEED}?limit=100&next={next}")).await;
    let now = read(&alice, &format!("{FEED}?limit=100")).await;
    assert_eq!(rest, now);
}

async fn a_cursor_is_for_its_feed_alone(database: Database) {
    let (host, [alice, bob, _]) = start(&database).await;
    for text in ["one", "two", "three"] {
        alice.send("general", text).await;
    }
    let page = alice.get(about("backwards") + "&limit=1").await.is(200);
    let next = page["next"].as_str().expect("a cursor");
    let path = |argument: &str, cursor: &str| format!("{}&next={cursor}", about(argument));
    assert_eq!(
        read(&alice, &path("backwards", next)).await,
        ["two", "three"]
    );
    let refused = async |who: &Person, path: String| {
        who.get(path).await.refused(400, "bad_cursor");
    };
    refused(&alice, path("", next)).await;
    refused(&bob, path("backwards", next)).await;
    refused(&host.app.backend, path("backwards", next)).await;
    refused(&host.other.session("alice").await, path("backwards", next)).await;
    // The one whom it is for may have it read by the backend.
    let theirs = path("backwards", next) + "&as=alice";
    assert_eq!(read(&host.app.backend, &theirs).await, ["two", "three"]);
    let other = alice.get("/v1/channels?limit=1").await.is(200);
    let mut garbage = vec!["x".to_owned(), "A".repeat(20_000), next[1..].to_owned()];
    garbage.push(format!("{next}AAAA"));
    garbage.extend(other["next"].as_str().map(str::to_owned));
    for cursor in garbage {
        refused(&alice, path("backwards", &cursor)).await;
    }
    for (query, field) in [("limit=0", "limit"), ("limit=101", "limit")] {
        let answer = alice.get(format!("{FEED}?{query}")).await;
        assert_eq!(answer.invalid(), [field]);
    }
    let long = alice.get(about(&"x".repeat(257))).await;
    assert_eq!(long.invalid(), ["argument"]);
    alice.get("/v1/feeds/none").await.refused(404, "not_found");
}

async fn a_feed_that_fails_is_an_error(database: Database) {
    let (host, people) = start(&database).await;
    host.expect_plugin_faults();
    let [alice, bob, _] = &people;
    alice.send("general", "hello").await;
    // Whatever its guard's failure would mean.
    for policy in ["open", "closed"] {
        let install = json!({ "on_fault": policy });
        let backend = &host.app.backend;
        backend.put("/v1/plugins/hostile", install).await.is(200);
        for deed in ["trap", "loop", "allocate 100", "calls 1001"] {
            let problem = alice.get(about(deed)).await.refused(503, "plugin_failed");
            assert_eq!(problem["retry_after_ms"], 1000, "{deed}");
        }
    }
    assert_eq!(read(alice, FEED).await, ["hello"]);
    // Who fails too often rests, and the rest of the plugin goes on.
    for person in people.iter().cycle().take(10) {
        person
            .get(about("trap"))
            .await
            .refused(503, "plugin_failed");
    }
    bob.get(FEED).await.refused(503, "plugin_failed");
    bob.send("general", "still here").await;
    host.pass(Duration::from_secs(31)).await;
    assert_eq!(read(bob, FEED).await, ["still here", "hello"]);
    let usage = host.app.backend.get("/v1/plugins/hostile/usage").await;
    assert!(usage.is(200).to_string().contains("\"hook\":\"feed\""));
}

async fn a_feed_has_its_limits(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.plugins.feed_candidates_max = 10;
        config.plugins.feed_bytes_max = 40_000;
    })
    .await;
    host.app.plugin("hostile", json!({})).await;
    let [alice] = host.app.users(["alice"]).await;
    // Few in many channels and many in few: the newest are the newest.
    let mut sent = Vec::new();
    for channel in 0..25 {
        let channel = host.app.channel(&format!("c{channel}"), &[&alice]).await;
        for _ in 0..if sent.len() < 20 { 3 } else { 1 } {
            let message = alice.post("/v1/messages", of_kind(&channel)).await.is(201);
            sent.push(message["id"].clone());
        }
    }
    for _ in 0..12 {
        let message = alice.post("/v1/messages", of_kind("c3")).await.is(201);
        sent.push(message["id"].clone());
        let page = alice.get(FEED).await.is(200);
        let ids = page["messages"].as_array().expect("messages").iter();
        let ids: Vec<Value> = ids.map(|message| message["id"].clone()).collect();
        let newest: Vec<Value> = sent.iter().rev().take(10).cloned().collect();
        assert_eq!(ids, newest);
        let whole = host.app.backend.get(FEED).await.is(200);
        assert_eq!(whole["messages"], page["messages"]);
    }
    // Of large ones there are fewer.
    for _ in 0..3 {
        alice.send("c1", &"x".repeat(16_000)).await;
    }
    for who in [&alice, &host.app.backend] {
        let texts = read(who, FEED).await;
        let large = texts.iter().filter(|text| text.len() == 16_000);
        assert_eq!((texts.len(), large.count()), (10, 2));
    }
}

async fn feeds_are_listed_and_have_one_plugin(database: Database) {
    let (host, [alice, ..]) = start(&database).await;
    let hostile = json!({ "name": "hostile", "title": "Hostile feed", "types": ["text", "hostile"], "plugin": "hostile" });
    let listed = json!({ "feeds": [hostile] });
    for who in [&alice, &host.app.backend] {
        assert_eq!(who.get("/v1/feeds").await.is(200), listed);
    }
    let mut phone = alice.connect().await;
    assert_eq!(phone.request("feeds", json!({})).await.ok(), listed);
    let plugin = host.app.backend.get("/v1/plugins/hostile").await.is(200);
    assert_eq!(plugin["component"]["feeds"], listed["feeds"]);
    // Another plugin with other commands and kinds, but this feed.
    let same = component("hostile");
    let same = rewritten(
        &same,
        "name = \"hostile\"\nversion",
        "name = \"hostage\"\nversion",
    );
    let same = rewritten(
        &same,
        "[[commands]]\nname = \"hostile\"",
        "[[commands]]\nname = \"hostage\"",
    );
    let same = rewritten(
        &same,
        "[[kinds]]\nname = \"hostile\"",
        "[[kinds]]\nname = \"hostage\"",
    );
    let same = rewritten(&same, "\"text\", \"hostile\"", "\"text\", \"hostage\"");
    let known = host.app.backend.upload(&same).await.is(201);
    let grants: Vec<&Value> = known["permissions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|permission| &permission["name"])
        .collect();
    let enable = json!({ "grants": grants });
    let refused = host.app.backend.put("/v1/plugins/hostage", enable).await;
    let problem = refused.refused(409, "conflict");
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.contains("feed `hostile`"), "{detail}");
    // A plugin that is off has no feeds.
    let off = json!({ "enabled": false });
    host.app
        .backend
        .put("/v1/plugins/hostile", off)
        .await
        .is(200);
    assert_eq!(alice.get("/v1/feeds").await.is(200), json!({ "feeds": [] }));
    alice.get(FEED).await.refused(404, "not_found");
    // What it had posted is none of a feed that another plugin has.
    alice
        .post("/v1/messages", draft("general", "hi"))
        .await
        .is(201);
}
