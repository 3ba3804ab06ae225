//! The plugin feed: posts, stories, reels and comments, and the feeds that they make.

use std::time::Duration;

use althing::config::Config;
use serde_json::{Value, json};

use crate::support::{Answer, App, Database, Person, TestHost, eventually, stories};

stories!(
    posts_are_liked_and_ranked,
    comments_are_counted_where_they_belong,
    who_follows_reads_comments_and_what_they_did,
    only_whose_channel_it_is_posts_there,
    a_story_is_seen_and_goes,
    a_story_ends_without_the_permission_to_delete,
    stories_for_which_no_timer_is_left_end_all_the_same,
    reels_and_profiles,
    who_leaves_is_named_in_no_post,
    nothing_of_an_erased_user_is_in_posts,
);

/// A person's own channel with these followers.
async fn profile(app: &App, id: &str, kind: &str, people: &[&Person]) {
    let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
    let new = json!({ "id": id, "type": kind, "owner": ids[0], "members": ids });
    app.backend.post("/v1/channels", new).await.is(201);
}

async fn post_as(who: &Person, channel: &str, kind: &str, data: Value) -> Value {
    let new = json!({ "channel_id": channel, "type": kind, "data": data });
    who.post("/v1/messages", new).await.is(201)
}

/// What a feed shows, in words; of each its first line.
async fn feed(who: &Person, path: &str) -> Vec<String> {
    let page = who.get(format!("/v1/feeds/{path}")).await.is(200);
    let messages = page["messages"].as_array().expect("messages").iter();
    let line = |message: &Value| {
        let text = message["view"]["text"].as_str().expect("a text");
        text.lines().next().unwrap_or_default().to_owned()
    };
    messages.map(line).collect()
}

/// The block with the numbers.
async fn numbers(who: &Person, post: &Value) -> Value {
    let path = format!("/v1/messages/{}", post["id"].as_str().expect("an id"));
    let message = who.get(path).await.is(200);
    let blocks = message["view"]["blocks"].as_array().expect("blocks");
    blocks.last().expect("a block").clone()
}

/// Alice, Bob and Carol have a channel each; Carol follows both, Bob follows Alice. The neighbour
/// has the same people and posts.
async fn start(database: &Database) -> (TestHost, [Person; 3]) {
    start_with(database, |_| {}).await
}

async fn start_with(database: &Database, set: impl FnOnce(&mut Config)) -> (TestHost, [Person; 3]) {
    let host = TestHost::timeless_with(database, set).await;
    host.other.plugin("feed", json!({})).await;
    let namesake = host.other.session("alice").await;
    post_as(&namesake, "general", "post", json!({ "text": "not here" })).await;
    host.app.plugin("feed", json!({})).await;
    let people = host.app.users(["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = &people;
    profile(&host.app, "alice", "profile", &[alice, bob, carol]).await;
    profile(&host.app, "bob", "profile", &[bob, carol]).await;
    profile(&host.app, "carol", "profile", &[carol]).await;
    (host, people)
}

async fn posts_are_liked_and_ranked(database: Database) {
    let (host, [alice, bob, carol]) = start(&database).await;
    let first = post_as(&alice, "alice", "post", json!({ "text": "one" })).await;
    host.pass(Duration::from_secs(60)).await;
    post_as(&bob, "bob", "post", json!({ "text": "two" })).await;
    assert_eq!(feed(&carol, "posts").await, ["two", "one"]);
    assert_eq!(feed(&bob, "posts").await, ["two", "one"]);
    // Whom one does not follow one does not see.
    assert_eq!(feed(&alice, "posts").await, ["one"]);
    carol.act(&first, "like", Value::Null).await.is(200);
    carol.act(&first, "like", json!(true)).await.is(200);
    bob.act(&first, "like", Value::Null).await.is(200);
    let shown = numbers(&alice, &first).await;
    assert_eq!(shown["likes"], 2);
    assert_eq!(shown["liked_by"], json!(["carol", "bob"]));
    assert_eq!(feed(&carol, "posts").await, ["one", "two"]);
    bob.act(&first, "like", Value::Null).await.is(200);
    assert_eq!(numbers(&alice, &first).await["liked_by"], json!(["carol"]));
    // What is liked between two pages comes once all the same.
    let page = carol.get("/v1/feeds/posts?limit=1").await.is(200);
    assert_eq!(page["messages"][0]["data"]["text"], "one");
    carol.act(&first, "like", json!(false)).await.is(200);
    let next = page["next"].as_str().expect("a cursor");
    assert_eq!(feed(&carol, &format!("posts?next={next}")).await, ["two"]);
    // The state of a post is nobody's to see.
    let text = carol.get("/v1/feeds/posts").await.is(200).to_string();
    assert!(
        !text.contains("\"state\"") && !text.contains("\"m\":"),
        "{text}"
    );
    // By command, in the chat.
    let line = "/post Good morning! https://example.com/sun.jpg";
    alice.types("alice", line).await.is(200);
    assert_eq!(feed(&alice, "posts").await[0], "@alice:");
    let made = alice.history("alice").await.pop().expect("the post");
    assert_eq!(made["data"]["posted_by"], "alice");
    assert_eq!(numbers(&bob, &made).await["author"], "alice");
    // Many like at once, and each counts once.
    let liking = [&alice, &bob, &carol].map(|who| who.act(&made, "like", json!(true)));
    for answer in futures_util::future::join_all(liking).await {
        answer.is(200);
    }
    assert_eq!(numbers(&bob, &made).await["likes"], 3);
}

async fn comments_are_counted_where_they_belong(database: Database) {
    let (host, [alice, bob, carol]) = start(&database).await;
    let post = post_as(&alice, "alice", "post", json!({ "text": "one" })).await;
    let on = |text: &str| json!({ "on": post["id"], "text": text });
    let nice = post_as(&bob, "alice", "comment", on("nice")).await;
    // From another channel, or on nothing, it counts for nothing.
    post_as(&carol, "bob", "comment", on("from elsewhere")).await;
    let nothing = json!({ "on": "msg_0000000000000001", "text": "to nobody" });
    post_as(&bob, "alice", "comment", nothing).await;
    let forged = bob.act(&post, "comment", json!("alice")).await;
    forged.refused(422, "action_refused");
    post_as(&carol, "alice", "comment", on("very nice")).await;
    let comments = async |count: u64| {
        eventually("the comments are counted", async || {
            (numbers(&alice, &post).await["comments"] == count).then_some(())
        })
        .await;
    };
    comments(2).await;
    let path = format!("/v1/messages/{}", nice["id"].as_str().expect("an id"));
    bob.delete(path).await.is(200);
    comments(1).await;
    let log = host.app.backend.get("/v1/plugins/feed/log").await.is(200);
    assert_eq!(log["lines"], json!([]));
}

async fn who_follows_reads_comments_and_what_they_did(database: Database) {
    let (host, [alice, bob, carol]) = start(&database).await;
    let post = post_as(&alice, "alice", "post", json!({ "text": "one" })).await;
    let other = post_as(&bob, "bob", "post", json!({ "text": "two" })).await;
    let id = post["id"].as_str().expect("an id");
    for (number, who) in [&bob, &carol, &bob].into_iter().enumerate() {
        let said = json!({ "on": id, "text": format!("comment {number}") });
        post_as(who, "alice", "comment", said).await;
    }
    alice.send("alice", "and something else").await;
    let told = |answer: Answer, status: u16, code: &str| {
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.body["code"], code);
    };
    let path = format!("/v1/x/feed/posts/{id}/comments");
    let read = async |who: &Person, query: &str| {
        let page = who.get(format!("{path}?{query}")).await.is(200);
        let comments = page["comments"].as_array().expect("a list").iter();
        let texts = comments.map(|one| one["text"].as_str().expect("a text").to_owned());
        let texts: Vec<String> = texts.collect();
        (texts, page["next"].as_str().map(str::to_owned))
    };
    let (first, next) = read(&carol, "limit=2").await;
    assert_eq!(first, ["comment 2", "comment 1"]);
    let next = next.expect("there is more");
    let (rest, end) = read(&carol, &format!("limit=2&after={next}")).await;
    assert_eq!((rest, end), (vec!["comment 0".to_owned()], None));
    assert_eq!(read(&host.app.backend, "").await.0.len(), 3);
    told(carol.get(format!("{path}?limit=0")).await, 400, "invalid");
    // Whoever follows somebody else alone learns nothing, nor does the neighbour.
    let theirs = other["id"].as_str().expect("an id");
    let namesake = host.other.session("alice").await;
    for (who, post) in [(&alice, theirs), (&namesake, id)] {
        let path = format!("/v1/x/feed/posts/{post}/comments");
        told(who.get(path).await, 404, "not_found");
    }
    for (who, post, action) in [(&carol, &post, "like"), (&carol, &other, "share")] {
        who.act(post, action, Value::Null).await.is(200);
    }
    let mine = format!("/v1/x/feed/mine?ids={id},{theirs},msg_0000000000000000");
    let did =
        |liked: bool, shared: bool| json!({ "liked": liked, "shared": shared, "viewed": false });
    let of_carol = carol.get(&mine).await.is(200);
    assert_eq!(
        of_carol,
        json!({ id: did(true, false), theirs: did(false, true) })
    );
    let of_alice = alice.get(&mine).await.is(200);
    assert_eq!(of_alice, json!({ id: did(false, false) }));
    assert_eq!(namesake.get(&mine).await.is(200), json!({}));
    told(host.app.backend.get(&mine).await, 403, "forbidden");
    told(carol.get("/v1/x/feed/mine").await, 400, "invalid");
}

async fn only_whose_channel_it_is_posts_there(database: Database) {
    let (host, [alice, bob, _]) = start(&database).await;
    let new =
        |kind: &str, data: Value| json!({ "channel_id": "alice", "type": kind, "data": data });
    let video = json!({ "type": "video", "url": "https://example.com/a.mp4" });
    let all = [
        ("post", json!({ "text": "mine" })),
        ("story", json!({ "text": "mine" })),
        ("reel", json!({ "video": video, "duration_s": 9 })),
    ];
    for (kind, data) in &all {
        let refused = bob.post("/v1/messages", new(kind, data.clone())).await;
        assert_eq!(refused.invalid(), ["data"], "{kind}");
        alice
            .post("/v1/messages", new(kind, data.clone()))
            .await
            .is(201);
    }
    for line in ["/post mine", "/story mine"] {
        let refused = bob.types("alice", line).await;
        let problem = refused.refused(422, "action_refused");
        let words = "Only whose channel this is posts here.";
        assert_eq!(problem["detail"], words);
    }
    // In a channel of many everybody does.
    host.app.channel("general", &[&alice, &bob]).await;
    post_as(&bob, "general", "post", json!({ "text": "ours" })).await;
    bob.types("general", "/story 1h ours").await.is(200);
    // Nobody speaks for others.
    for wrong in [
        json!({ "text": "x", "posted_by": "alice" }),
        json!({ "text": "x", "close_friends": true }),
        json!({ "text": "x", "likes": 1000 }),
        json!({ "media": [{ "type": "image", "url": "javascript:alert(1)" }] }),
        json!({}),
    ] {
        let post = json!({ "channel_id": "general", "type": "post", "data": wrong });
        assert_eq!(bob.post("/v1/messages", post).await.invalid(), ["data"]);
    }
}

async fn a_story_is_seen_and_goes(database: Database) {
    let (host, [alice, bob, carol]) = start(&database).await;
    profile(
        &host.app,
        "alices-friends",
        "close-friends",
        &[&alice, &carol],
    )
    .await;
    let told = post_as(
        &alice,
        "alice",
        "story",
        json!({ "text": "train", "lasts_s": 600 }),
    )
    .await;
    let close = post_as(
        &alice,
        "alices-friends",
        "story",
        json!({ "text": "secret" }),
    )
    .await;
    assert_eq!(close["data"]["close_friends"], true);
    post_as(&bob, "bob", "story", json!({ "text": "beach" })).await;
    assert_eq!(feed(&bob, "stories").await, ["beach", "train"]);
    assert_eq!(feed(&carol, "stories").await, ["beach", "train", "secret"]);
    // What Carol has seen comes after what she has not.
    let beach = bob.history("bob").await.pop().expect("the story");
    carol.act(&beach, "seen", Value::Null).await.is(200);
    assert_eq!(feed(&carol, "stories").await, ["train", "secret", "beach"]);
    for person in [&bob, &carol, &alice] {
        person.act(&told, "seen", Value::Null).await.is(200);
    }
    let id = told["id"].as_str().expect("an id");
    let path = format!("/v1/x/feed/stories/{id}/seen");
    eventually("both are named", async || {
        let seen = alice.get(&path).await.is(200);
        (seen == json!({ "count": 2, "users": ["bob", "carol"] })).then_some(())
    })
    .await;
    host.app.backend.get(&path).await.is(200);
    let namesake = host.other.session("alice").await;
    for person in [&bob, &carol, &namesake] {
        assert_eq!(person.get(&path).await.status, 404);
    }
    // Nothing of it is in what everybody gets.
    let shown = bob.get(format!("/v1/messages/{id}")).await.is(200);
    assert!(!shown["view"].to_string().contains("carol"), "{shown}");

    host.pass(Duration::from_secs(600)).await;
    assert_eq!(feed(&carol, "stories").await, ["secret", "beach"]);
    eventually("it is deleted", async || {
        let message = bob.get(format!("/v1/messages/{id}")).await.is(200);
        let gone = message["deleted_at"].is_string() && message["data"].is_null();
        gone.then_some(())
    })
    .await;
    assert_eq!(alice.get(&path).await.status, 404);
    alice
        .act(&told, "seen", Value::Null)
        .await
        .refused(409, "conflict");
    // The others last a day.
    host.pass(Duration::from_secs(24 * 3600)).await;
    let carol = host.app.session("carol").await;
    assert_eq!(feed(&carol, "stories").await, [""; 0]);
}

async fn a_story_ends_without_the_permission_to_delete(database: Database) {
    let (host, [alice, bob, _]) = start(&database).await;
    let grants = ["chat-write", "chat-read", "timers", "kv"];
    let install = json!({ "grants": grants, "config": { "story_hours": 1 } });
    host.app
        .backend
        .put("/v1/plugins/feed", install)
        .await
        .is(200);
    let long =
        json!({ "channel_id": "alice", "type": "story", "data": { "text": "x", "lasts_s": 7200 } });
    assert_eq!(alice.post("/v1/messages", long).await.invalid(), ["data"]);
    let told = post_as(&alice, "alice", "story", json!({ "text": "train" })).await;
    // By whomever it was told through the plugin, it is the plugin's own.
    alice.types("alice", "/story plane").await.is(200);
    host.pass(Duration::from_secs(3600)).await;
    let id = told["id"].as_str().expect("an id");
    eventually("nothing of it is shown", async || {
        let message = bob.get(format!("/v1/messages/{id}")).await.is(200);
        (message["view"]["text"] == "This story is over.").then_some(())
    })
    .await;
    eventually("the plugin's own is deleted", async || {
        let history = bob.history("alice").await;
        history[1]["deleted_at"].is_string().then_some(())
    })
    .await;
    let refused = bob.act(&told, "seen", Value::Null).await;
    refused.refused(422, "action_refused");
    assert_eq!(feed(&bob, "stories").await, [""; 0]);
}

async fn stories_for_which_no_timer_is_left_end_all_the_same(database: Database) {
    let set = |config: &mut Config| config.plugins.timers_max = 1;
    let (host, [alice, bob, carol]) = start_with(&database, set).await;
    let mut told = Vec::new();
    // Told in another order than they end in.
    for seconds in [60, 180, 120] {
        let new = json!({ "text": format!("{seconds} s"), "lasts_s": seconds });
        told.push(post_as(&alice, "alice", "story", new).await);
    }
    let waits = "SELECT COUNT(*) FROM plugin_kv WHERE key LIKE 'waiting/%'";
    eventually("two wait for a timer", async || {
        (database.number(waits).await == 2).then_some(())
    })
    .await;
    // Nor is there one to look for those who left, which holds up nothing.
    carol
        .delete("/v1/channels/alice/participants/carol")
        .await
        .is(204);
    for (ended, left) in [(0, &["120 s", "180 s"][..]), (2, &["180 s"]), (1, &[])] {
        host.pass(Duration::from_secs(60)).await;
        eventually("one is deleted", async || {
            let path = format!(
                "/v1/messages/{}",
                told[ended]["id"].as_str().expect("an id")
            );
            let message = bob.get(path).await.is(200);
            message["deleted_at"].is_string().then_some(())
        })
        .await;
        let mut shown = feed(&bob, "stories").await;
        shown.sort();
        assert_eq!(shown, left);
    }
    assert_eq!(database.number(waits).await, 0);
    eventually("the plugin's log has one line", async || {
        let log = host.app.backend.get("/v1/plugins/feed/log").await.is(200);
        let lines = log["lines"].as_array().expect("lines");
        assert!(lines.len() <= 1, "{log}");
        let line = lines.first()?["message"].to_string();
        line.contains("who left alice").then_some(())
    })
    .await;
}

async fn reels_and_profiles(database: Database) {
    let (host, [alice, bob, carol]) = start(&database).await;
    let reel = |caption: &str| {
        let video = json!({ "type": "video", "file": "fil_0123456789abcdef" });
        json!({ "video": video, "caption": caption, "duration_s": 30 })
    };
    let first = post_as(&alice, "alice", "reel", reel("one")).await;
    post_as(&bob, "bob", "reel", reel("two")).await;
    post_as(&alice, "alice", "post", json!({ "text": "three" })).await;
    post_as(&alice, "alice", "story", json!({ "text": "four" })).await;
    assert_eq!(feed(&carol, "reels").await, ["two", "one"]);
    // What was viewed comes last.
    let newest = bob.history("bob").await.pop().expect("the reel");
    carol.act(&newest, "view", Value::Null).await.is(200);
    assert_eq!(feed(&carol, "reels").await, ["one", "two"]);
    assert_eq!(numbers(&bob, &newest).await["views"], 1);
    assert_eq!(numbers(&alice, &first).await["views"], 0);

    let profile = "profile?argument=alice";
    assert_eq!(feed(&carol, profile).await, ["three", "one"]);
    assert_eq!(feed(&carol, "profile?argument=nobody").await, [""; 0]);
    let refused = carol.get("/v1/feeds/profile").await;
    refused.refused(422, "action_refused");
    // Whom Alice removes sees no more of her.
    let seat = "/v1/channels/alice/participants/carol";
    alice.delete(seat).await.is(204);
    assert_eq!(feed(&carol, profile).await, [""; 0]);
    assert_eq!(feed(&carol, "reels").await, ["two"]);
    let all = host.app.backend.get("/v1/feeds/reels").await.is(200);
    assert_eq!(all["messages"].as_array().map(Vec::len), Some(2));
}

/// However far back it was: likes are taken back, and whoever comes back likes anew, once.
async fn who_leaves_is_named_in_no_post(database: Database) {
    let (host, [alice, bob, carol]) = start(&database).await;
    let told = post_as(&alice, "alice", "story", json!({ "text": "train" })).await;
    let mut posts = Vec::new();
    // More than one call changes, and more than it reads at once.
    for number in 0..20 {
        let new = json!({ "text": format!("post {number}") });
        posts.push(post_as(&alice, "alice", "post", new).await);
    }
    for number in 0..100 {
        alice.send("alice", &format!("text {number}")).await;
    }
    for person in [&bob, &carol] {
        person.act(&told, "seen", Value::Null).await.is(200);
        for post in &posts {
            person.act(post, "like", json!(true)).await.is(200);
        }
        person.act(&posts[0], "share", Value::Null).await.is(200);
    }
    let seat = "/v1/channels/alice/participants/bob";
    bob.delete(seat).await.is(204);
    let id = told["id"].as_str().expect("an id");
    let path = format!("/v1/x/feed/stories/{id}/seen");
    eventually("the walk is at the oldest", async || {
        let seen = alice.get(&path).await.is(200);
        (seen == json!({ "count": 1, "users": ["carol"] })).then_some(())
    })
    .await;
    for post in &posts {
        let shown = numbers(&alice, post).await;
        assert_eq!(shown["liked_by"], json!(["carol"]));
        assert_eq!(shown["likes"], 1);
    }
    host.app.backend.put(seat, json!({})).await.is(200);
    for action in ["like", "share"] {
        bob.act(&posts[0], action, Value::Null).await.is(200);
    }
    bob.act(&told, "seen", Value::Null).await.is(200);
    let shown = numbers(&alice, &posts[0]).await;
    assert_eq!(shown["liked_by"], json!(["carol", "bob"]));
    assert_eq!((&shown["likes"], &shown["shares"]), (&json!(2), &json!(2)));
    assert_eq!(alice.get(&path).await.is(200)["count"], 2);
}

async fn nothing_of_an_erased_user_is_in_posts(database: Database) {
    let (host, [alice, bob, carol]) = start(&database).await;
    let [zoe] = host.app.users(["zoe-5e1f"]).await;
    for channel in ["alice", "bob"] {
        let seat = format!("/v1/channels/{channel}/participants/zoe-5e1f");
        host.app.backend.put(seat, json!({})).await.is(200);
    }
    host.app.channel("general", &[&carol, &zoe]).await;
    // What she posted herself, and through the plugin.
    for kind in ["post", "story"] {
        post_as(&zoe, "general", kind, json!({ "text": "mine" })).await;
        let line = format!("/{kind} mine");
        zoe.types("general", &line).await.is(200);
    }
    let video = json!({ "type": "video", "url": "https://example.com/a.mp4" });
    let reel = json!({ "video": video, "duration_s": 9 });
    let reel = post_as(&bob, "bob", "reel", reel).await;
    let post = post_as(&alice, "alice", "post", json!({ "text": "one" })).await;
    let told = post_as(&alice, "alice", "story", json!({ "text": "train" })).await;
    for person in [&zoe, &carol] {
        for (message, action) in [
            (&post, "like"),
            (&post, "share"),
            (&reel, "like"),
            (&reel, "view"),
            (&told, "seen"),
        ] {
            person.act(message, action, Value::Null).await.is(200);
        }
    }
    let comment = json!({ "on": post["id"], "text": "nice" });
    post_as(&zoe, "alice", "comment", comment).await;
    // She had left one channel before.
    let seat = "/v1/channels/bob/participants/zoe-5e1f";
    zoe.delete(seat).await.is(204);
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
    for message in carol.history("general").await {
        assert!(message["deleted_at"].is_string(), "{message}");
    }
    for message in [&post, &reel] {
        let shown = numbers(&carol, message).await;
        assert_eq!(shown["liked_by"], json!(["carol"]));
        assert_eq!(shown["likes"], 1);
    }
    let id = told["id"].as_str().expect("an id");
    let path = format!("/v1/x/feed/stories/{id}/seen");
    let seen = host.app.backend.get(path).await.is(200);
    assert_eq!(seen, json!({ "count": 1, "users": ["carol"] }));
    let log = host.app.backend.get("/v1/plugins/feed/log").await.is(200);
    assert_eq!(log, json!({ "lines": [] }));
}
