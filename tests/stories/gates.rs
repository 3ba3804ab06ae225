//! Plugins that say who comes into a channel, who gets which role there, and who connects at all.

use serde_json::json;

use crate::support::{Database, Person, TestHost, eventually, stories};

stories!(
    a_plugin_says_who_comes_in,
    a_plugin_says_who_makes_which_channel,
    a_plugin_says_what_becomes_of_a_channel,
    what_a_channel_is_called_passes_the_guards,
    a_gate_that_fails_means_what_its_install_says,
    a_plugin_says_who_connects,
);

const REFUSED: &str = "membership_rejected";

async fn a_plugin_says_who_comes_in(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, ..] = app
        .users(["alice", "bob", "say not today", "code trial"])
        .await;
    app.channel("general", &[&alice]).await;
    // Who is in already stays in.
    let backend = &app.backend;
    let seat = |user: &str| format!("/v1/channels/general/participants/{user}");
    backend
        .put(seat("say%20not%20today"), json!({}))
        .await
        .is(200);
    app.plugin("hostile", json!({})).await;

    alice.put(seat("bob"), json!({})).await.is(200);
    let problem = alice.put(seat("code%20trial"), json!({})).await;
    let problem = problem.refused(422, REFUSED);
    assert_eq!(problem["reason"], "trial");
    assert_eq!(problem["retry_after_ms"], 1);
    // The backend is asked, too, and for a role as for a seat.
    backend
        .put(seat("code%20trial"), json!({}))
        .await
        .refused(422, REFUSED);
    let admin = json!({ "role": "admin" });
    let problem = alice.put(seat("say%20not%20today"), admin).await;
    let problem = problem.refused(422, REFUSED);
    assert_eq!(
        (&problem["reason"], &problem["detail"]),
        (&json!("said"), &json!("not today"))
    );
    let owner = json!({ "user_id": "say not today" });
    backend
        .post("/v1/channels/general/owner", owner)
        .await
        .refused(422, REFUSED);
    // What nobody may do, no plugin is asked about.
    let bob = app.session("bob").await;
    bob.put(seat("code%20trial"), json!({}))
        .await
        .refused(403, "forbidden");
    let people = alice.get("/v1/channels/general/participants").await.is(200);
    let people = people["participants"].as_array().expect("a list");
    let roles: Vec<_> = people.iter().map(|p| (&p["user_id"], &p["role"])).collect();
    assert_eq!(
        roles,
        [
            (&json!("alice"), &json!("owner")),
            (&json!("bob"), &json!("member")),
            (&json!("say not today"), &json!("member"))
        ]
    );
    // Nobody is kept in.
    let own = app.session("say not today").await;
    own.post("/v1/channels/general/leave", json!({}))
        .await
        .is(204);

    let decisions = eventually("the decisions are kept", async || {
        let page = backend.get("/v1/plugins/hostile/decisions").await.is(200);
        let decisions = page["decisions"].as_array().expect("a list").clone();
        (decisions.len() == 4).then_some(decisions)
    })
    .await;
    for decision in &decisions {
        assert_eq!(decision["hook"], "membership-guard");
        assert_eq!(decision["outcome"], "rejected");
        assert_eq!(decision["channel_id"], "general");
    }
    assert_eq!(decisions[3]["user_id"], "alice");
}

async fn a_plugin_says_who_makes_which_channel(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, ..] = app.users(["alice", "bob", "say no"]).await;
    app.plugin("hostile", json!({})).await;
    let make = async |channel| alice.post("/v1/channels", channel).await;
    make(json!({ "name": "fine", "members": ["bob"] }))
        .await
        .is(201);
    let problem = make(json!({ "name": "say not this one" })).await;
    assert_eq!(problem.refused(422, REFUSED)["detail"], "not this one");
    make(json!({ "name": "fine", "members": ["say no"] }))
        .await
        .refused(422, REFUSED);
    let direct = async |with: &str| {
        let users = json!({ "user_ids": [with] });
        alice.post("/v1/channels/direct", users).await
    };
    direct("say no").await.refused(422, REFUSED);
    let first = direct("bob").await.is(200);
    assert_eq!(direct("bob").await.is(200)["id"], first["id"]);
    let listed = alice.get("/v1/channels").await.is(200);
    assert_eq!(listed["channels"].as_array().expect("a list").len(), 2);
    // Private messages go between those who are in the channel already.
    let own = app.session("say no").await;
    own.post("/v1/channels/direct", json!({ "user_ids": ["bob"] }))
        .await
        .refused(422, REFUSED);
}

async fn a_plugin_says_what_becomes_of_a_channel(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.plugin("hostile", json!({})).await;
    let tagged = json!({ "name": "fine", "tags": ["say not so"] });
    let problem = alice.post("/v1/channels", tagged).await;
    assert_eq!(problem.refused(422, REFUSED)["detail"], "not so");
    app.channel("general", &[&alice, &bob]).await;
    let change = async |who: &Person, change| who.patch("/v1/channels/general", change).await;
    let before = alice.get("/v1/channels/general").await.is(200);
    for bad in [
        json!({ "name": "say not so" }),
        json!({ "tags": ["say not so"] }),
    ] {
        for who in [&alice, &app.backend] {
            let problem = change(who, bad.clone()).await.refused(422, REFUSED);
            assert_eq!(problem["detail"], "not so");
        }
        // What somebody may not do, no plugin is asked about.
        change(&bob, bad).await.refused(403, "forbidden");
    }
    assert_eq!(alice.get("/v1/channels/general").await.is(200), before);
    let fine = json!({ "name": "fine", "tags": ["red"] });
    change(&alice, fine.clone()).await.is(200);
    let asked = async || {
        let usage = app.backend.get("/v1/plugins/hostile/usage").await.is(200);
        usage["hooks"].to_string()
    };
    // What changes nothing that it says asks nobody.
    let before = asked().await;
    change(&alice, fine).await.is(200);
    change(&alice, json!({ "active": false })).await.is(200);
    assert_eq!(asked().await, before);
}

async fn what_a_channel_is_called_passes_the_guards(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    let rules = json!({ "words": [
        { "words": ["slur"], "action": "reject", "reason": "Please be kind." },
        { "words": ["darn"], "action": "mask" },
        { "words": ["crypto"], "action": "hold" },
    ] });
    app.plugin("moderation", rules).await;
    app.channel("general", &[&alice, &bob]).await;
    let before = alice.get("/v1/channels/general").await.is(200);
    let says = |word: &str| {
        [
            json!({ "name": format!("a {word}!") }),
            json!({ "tags": ["fine", word] }),
            json!({ "custom": { "about": [{ "us": word }] } }),
            json!({ "custom": { (format!("The {word}")): true } }),
        ]
    };
    for word in ["slur", "darn", "crypto"] {
        for says in says(word) {
            let made = alice.post("/v1/channels", says.clone()).await;
            let problem = made.refused(422, "message_rejected");
            if word == "slur" {
                assert_eq!(problem["detail"], "Please be kind.");
            }
            // Its owner, who may say everything in it, can't call it so, either.
            let changed = alice.patch("/v1/channels/general", says).await;
            changed.refused(422, "message_rejected");
        }
    }
    assert_eq!(alice.get("/v1/channels/general").await.is(200), before);
    let listed = alice.get("/v1/channels").await.is(200);
    assert_eq!(listed["channels"].as_array().expect("a list").len(), 1);
    for says in says("fine") {
        alice.post("/v1/channels", says.clone()).await.is(201);
        alice.patch("/v1/channels/general", says).await.is(200);
    }
    // The app itself may, as it may send what it likes.
    let slur = json!({ "name": "slur" });
    app.backend
        .patch("/v1/channels/general", slur)
        .await
        .is(200);
    // With what stands there others are not kept from what says nothing.
    let icon = json!({ "icon": "/i.png", "active": false });
    alice.patch("/v1/channels/general", icon).await.is(200);
    let decided = eventually("the decisions are kept", async || {
        let path = "/v1/plugins/moderation/decisions?limit=100";
        let page = app.backend.get(path).await.is(200);
        let decisions = page["decisions"].as_array().expect("a list").clone();
        (decisions.len() == 24).then_some(decisions)
    })
    .await;
    assert!(
        decided.iter().all(|one| one["user_id"] == "alice"),
        "{decided:?}"
    );
}

async fn a_gate_that_fails_means_what_its_install_says(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    let app = &host.app;
    let [alice, ..] = app.users(["alice", "trap", "loop", "allocate 100"]).await;
    app.channel("general", &[&alice]).await;
    app.plugin("hostile", json!({})).await;
    let backend = &app.backend;
    let seats = ["trap", "loop", "allocate%20100"];
    for (policy, status) in [("closed", 503), ("hold", 503), ("open", 200)] {
        let install = json!({ "on_fault": policy });
        backend.put("/v1/plugins/hostile", install).await.is(200);
        for user in seats {
            let path = format!("/v1/channels/general/participants/{user}");
            let answer = alice.put(path, json!({})).await;
            assert_eq!(answer.status, status, "{policy}, {user}: {}", answer.text);
        }
    }
}

async fn a_plugin_says_who_connects(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    let app = &host.app;
    let named = |id: &str, name: &str| json!({ "id": id, "name": name });
    let users = [
        named("alice", "Alice"),
        named("bob", "say come back tomorrow"),
        named("carol", "trap"),
    ];
    app.backend
        .put("/v1/users", json!({ "users": users }))
        .await
        .is(200);
    app.plugin("hostile", json!({})).await;
    let connect = async |id: &str| {
        let person = app.session(id).await;
        let mut socket = person.open_socket().await;
        let token = json!({ "token": person.credential() });
        (socket.request("connect", token).await, socket)
    };
    connect("alice").await.0.ok();
    let (reply, mut socket) = connect("bob").await;
    let problem = reply.refused("session_rejected");
    assert_eq!(problem["detail"], "come back tomorrow");
    assert_eq!(socket.closed().await, 3504);
    let (reply, mut socket) = connect("carol").await;
    reply.refused("plugin_failed");
    assert_eq!(socket.closed().await, 3000);
    // Nobody is seen who did not get in.
    let online = app.backend.get("/v1/users").await.is(200);
    assert!(!online.to_string().contains("\"online\":true"), "{online}");
    let open = json!({ "on_fault": "open" });
    app.backend.put("/v1/plugins/hostile", open).await.is(200);
    connect("carol").await.0.ok();
}
