//! Plugins that say who comes into a channel, who gets which role there, and who connects at all.

use serde_json::json;

use crate::support::{Database, TestHost, eventually, stories};

stories!(
    a_plugin_says_who_comes_in,
    a_plugin_says_who_makes_which_channel,
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
