//! Channels are made, found, changed and removed.

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, draft, eventually, stories};

stories!(
    users_and_backends_make_channels,
    the_newest_activity_comes_first,
    lists_are_narrowed_by_tag_and_type,
    unread_messages_are_counted,
    owners_change_channels,
    an_inactive_channel_takes_nothing,
    a_removed_channel_is_gone_for_all,
    a_removed_log_goes_even_if_the_host_stops,
    two_users_have_one_direct_channel,
    a_direct_channel_keeps_its_two,
);

fn ids(page: &Value) -> Vec<&str> {
    page["channels"]
        .as_array()
        .expect("channels")
        .iter()
        .map(|channel| channel["id"].as_str().unwrap_or_default())
        .collect()
}

async fn users_and_backends_make_channels(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    let backend = &host.app.backend;
    let made = alice
        .post(
            "/v1/channels",
            json!({ "name": "Mine", "members": ["bob", "alice"] }),
        )
        .await
        .is(201);
    let id = made["id"].as_str().expect("an id");
    assert!(id.starts_with("chn_") && id.len() == 20);
    assert_eq!(
        (&made["type"], &made["active"], &made["participants_count"]),
        (&json!("messaging"), &json!(true), &json!(2))
    );
    assert_eq!(made["own_role"], "owner");
    assert_eq!(alice.get(&format!("/v1/channels/{id}")).await.is(200), made);
    assert_eq!(
        bob.get(&format!("/v1/channels/{id}")).await.is(200)["own_role"],
        "member"
    );
    alice
        .post("/v1/channels", json!({ "owner": "bob" }))
        .await
        .refused(403, "forbidden");

    let new = json!({
        "id": "team/red", "type": "team", "name": "Red", "icon": "/red.png", "tags": ["a", "b"],
        "custom": { "n": 1 }, "members": ["bob"],
    });
    let made = backend.post("/v1/channels", new.clone()).await.is(201);
    assert_eq!(
        (&made["id"], &made["type"], &made["icon"]),
        (&json!("team/red"), &json!("team"), &json!("/red.png"))
    );
    assert_eq!(
        (&made["tags"], &made["custom"]),
        (&json!(["a", "b"]), &json!({ "n": 1 }))
    );
    assert_eq!(made.get("own_role"), None);
    // Somebody has to own it.
    assert_eq!(
        bob.get("/v1/channels/team%2Fred").await.is(200)["own_role"],
        "owner"
    );
    backend
        .post("/v1/channels", new.clone())
        .await
        .refused(409, "already_exists");
    alice
        .get("/v1/channels/team%2Fred")
        .await
        .refused(404, "not_found");
    // The other app has a `general` already; that is its own affair.
    backend
        .post("/v1/channels", json!({ "id": "general" }))
        .await
        .is(201);
    backend
        .post("/v1/channels", json!({ "members": ["nobody"] }))
        .await
        .refused(404, "not_found");
    // There is a Carol in the other app.
    backend
        .post("/v1/channels", json!({ "members": ["carol"] }))
        .await
        .refused(404, "not_found");
    let many: Vec<String> = (0..17).map(|n| format!("t{n}")).collect();
    for (bad, field) in [
        (json!({ "id": "chn_0123456789abcdef" }), "id"),
        (json!({ "id": "" }), "id"),
        (json!({ "id": "x".repeat(129) }), "id"),
        (json!({ "type": "direct" }), "type"),
        (json!({ "type": "side" }), "type"),
        (json!({ "type": "Team" }), "type"),
        (json!({ "type": "" }), "type"),
        (json!({ "icon": "javascript:x" }), "icon"),
        (json!({ "name": "x".repeat(257) }), "name"),
        (json!({ "tags": [""] }), "tags[0]"),
        (json!({ "tags": ["x".repeat(65)] }), "tags[0]"),
        (json!({ "tags": many }), "tags"),
        (json!({ "custom": 1 }), "custom"),
        (json!({ "members": ["bob", ""] }), "members[1]"),
        (
            json!({ "members": (0..101).map(|n| n.to_string()).collect::<Vec<_>>() }),
            "members",
        ),
        (json!({ "head": 1 }), "head"),
    ] {
        let what = bad.to_string();
        assert_eq!(
            backend.post("/v1/channels", bad).await.invalid(),
            [field],
            "{what:.100}"
        );
    }
}

async fn the_newest_activity_comes_first(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    for n in 0..7 {
        host.app.channel(&format!("c{n}"), &[&alice, &bob]).await;
    }
    host.app.channel("bobs-own", &[&bob]).await;
    let mut last = String::new();
    for n in [3, 5, 0] {
        // What happens in one millisecond has no order.
        loop {
            let sent = bob.send(&format!("c{n}"), "news").await;
            let ts = sent["ts"].as_str().expect("a time").to_owned();
            if std::mem::replace(&mut last, ts) < last {
                break;
            }
        }
    }
    let all = alice.get("/v1/channels").await.is(200);
    assert_eq!(ids(&all)[..3], ["c0", "c5", "c3"]);
    let mut rest = ids(&all)[3..].to_vec();
    rest.sort_unstable();
    assert_eq!(rest, ["c1", "c2", "c4", "c6"]);
    assert_eq!(all["channels"][0]["last_message"]["data"], "news");
    assert_eq!(all["channels"][3].get("last_message"), None);
    assert_eq!(all["channels"][0]["own_role"], "owner");
    let (mut seen, mut path) = (Vec::new(), "/v1/channels?limit=3".to_owned());
    loop {
        let page = alice.get(&path).await.is(200);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/channels?limit=3&next={next}");
    }
    assert_eq!(seen, ids(&all));
    // The backend sees the app's, and those alone.
    assert_eq!(
        ids(&host.app.backend.get("/v1/channels").await.is(200)).len(),
        8
    );
    // Nobody goes on in somebody else's list.
    let page = alice.get("/v1/channels?limit=3").await.is(200);
    let path = format!(
        "/v1/channels?limit=3&next={}",
        page["next"].as_str().expect("a cursor")
    );
    bob.get(&path).await.refused(400, "bad_cursor");
    host.other
        .session("alice")
        .await
        .get(&path)
        .await
        .refused(400, "bad_cursor");
}

async fn lists_are_narrowed_by_tag_and_type(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    for (id, kind, tags) in [
        ("one", "team", json!(["red", "big"])),
        ("two", "team", json!(["Red"])),
        (
            "three",
            "messaging",
            json!(["red_", "re%d", "\"red\"", "r\\ed"]),
        ),
        ("four", "messaging", json!(["größe", "reda"])),
    ] {
        let new = json!({ "id": id, "type": kind, "tags": tags, "owner": "alice" });
        host.app.backend.post("/v1/channels", new).await.is(201);
    }
    let find = async |query: &str| -> Vec<String> {
        let page = alice.get(&format!("/v1/channels?{query}")).await.is(200);
        let mut found: Vec<String> = ids(&page).into_iter().map(str::to_owned).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(find("tag=red").await, ["one"]);
    assert_eq!(find("tag=Red").await, ["two"]);
    assert_eq!(find("tag=RED").await, [""; 0]);
    assert_eq!(find("tag=red_").await, ["three"]);
    assert_eq!(find("tag=re%25d").await, ["three"]);
    assert_eq!(find("tag=%22red%22").await, ["three"]);
    assert_eq!(find("tag=r%5Ced").await, ["three"]);
    assert_eq!(find("tag=gr%C3%B6%C3%9Fe").await, ["four"]);
    assert_eq!(find("tag=re").await, [""; 0]);
    assert_eq!(find("tag=%25").await, [""; 0]);
    assert_eq!(find("type=team").await, ["one", "two"]);
    assert_eq!(find("type=messaging&tag=reda").await, ["four"]);
    assert_eq!(find("type=team&tag=reda").await, [""; 0]);
    assert_eq!(
        alice.get("/v1/channels?colour=red").await.invalid(),
        ["colour"]
    );
    // The cursor of one narrowing is none of another.
    let page = alice.get("/v1/channels?type=team&limit=1").await.is(200);
    let next = page["next"].as_str().expect("a cursor");
    alice
        .get(&format!("/v1/channels?type=messaging&limit=1&next={next}"))
        .await
        .refused(400, "bad_cursor");
}

async fn unread_messages_are_counted(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let unread =
        async |who: &Person| who.get("/v1/channels").await.is(200)["channels"][0]["unread"].clone();
    for text in ["one", "two", "three"] {
        bob.send("general", text).await;
    }
    let mine = alice.send("general", "mine").await;
    assert_eq!(
        (unread(&alice).await, unread(&bob).await),
        (json!(3), json!(1))
    );
    let two = &bob.history("general").await[1];
    let read = alice
        .post("/v1/channels/general/read", json!({ "seq": two["seq"] }))
        .await
        .is(200);
    assert_eq!(read["seq"], two["seq"]);
    assert_eq!(unread(&alice).await, 1);
    // A mark never goes back, and not beyond the end.
    alice
        .post("/v1/channels/general/read", json!({ "seq": 1 }))
        .await
        .is(200);
    assert_eq!(unread(&alice).await, 1);
    let read = alice
        .post("/v1/channels/general/read", json!({ "seq": 1_000_000 }))
        .await
        .is(200);
    assert_eq!(read["seq"], mine["seq"]);
    assert_eq!(unread(&alice).await, 0);
    assert_eq!(
        alice
            .post("/v1/channels/general/read", json!({ "seq": -1 }))
            .await
            .invalid(),
        ["seq"]
    );
    bob.send("general", "four").await;
    assert_eq!(unread(&alice).await, 1);
    // What is deleted need not be read, and what was before is no news to whoever comes.
    let last = bob.history("general").await.pop().expect("a message");
    bob.delete(&format!(
        "/v1/messages/{}",
        last["id"].as_str().expect("an id")
    ))
    .await
    .is(200);
    assert_eq!(unread(&alice).await, 0);
    host.app
        .backend
        .put("/v1/channels/general/participants/carol", json!({}))
        .await
        .is(200);
    assert_eq!(unread(&carol).await, 0);
    for n in 0..105 {
        bob.send("general", &n.to_string()).await;
    }
    assert_eq!(unread(&carol).await, 100);
}

async fn owners_change_channels(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let path = "/v1/channels/general";
    let change = json!({ "name": "General", "icon": "/g.png", "tags": ["x"], "custom": { "a": [1] }, "type": "team" });
    let changed = alice.patch(path, change).await.is(200);
    assert_eq!(
        (&changed["name"], &changed["type"], &changed["custom"]),
        (&json!("General"), &json!("team"), &json!({ "a": [1] }))
    );
    let event = phone.next_event("channel.updated").await;
    assert_eq!(event["seq"], changed["head"]);
    let expected = json!({
        "type": "team", "name": "General", "icon": "/g.png", "active": true, "tags": ["x"], "custom": { "a": [1] },
    });
    assert_eq!(event["data"], expected);
    let changed = alice
        .patch(path, json!({ "name": null, "icon": null, "tags": [] }))
        .await
        .is(200);
    assert_eq!(
        (&changed["name"], &changed["icon"], &changed["tags"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    assert_eq!(changed["custom"], json!({ "a": [1] }));
    bob.patch(path, json!({ "name": "Bob's" }))
        .await
        .refused(403, "forbidden");
    assert_eq!(
        alice
            .patch(path, json!({ "type": "direct" }))
            .await
            .invalid(),
        ["type"]
    );
    assert_eq!(
        alice.patch(path, json!({ "id": "x" })).await.invalid(),
        ["id"]
    );
    assert_eq!(
        alice
            .patch(path, json!({ "active": "yes" }))
            .await
            .invalid(),
        ["active"]
    );
    host.app
        .backend
        .patch(path, json!({ "name": "Backend's" }))
        .await
        .is(200);
    assert_eq!(bob.get(path).await.is(200)["name"], "Backend's");
    phone.close().await;
}

async fn an_inactive_channel_takes_nothing(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let sent = bob.send("general", "before").await;
    let message = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    let mut phone = bob.connect().await;
    alice
        .patch("/v1/channels/general", json!({ "active": false }))
        .await
        .is(200);
    bob.post("/v1/messages", draft("general", "after"))
        .await
        .refused(409, "channel_inactive");
    phone
        .request("send", draft("general", "after"))
        .await
        .refused("channel_inactive");
    let on_behalf =
        json!({ "channel_id": "general", "type": "text", "data": "after", "as": "bob" });
    host.app
        .backend
        .post("/v1/messages", on_behalf)
        .await
        .refused(409, "channel_inactive");
    bob.patch(&message, json!({ "data": "changed" }))
        .await
        .refused(409, "channel_inactive");
    assert_eq!(bob.history("general").await, [sent]);
    // What must go can go.
    bob.delete(&message).await.is(200);
    alice
        .patch("/v1/channels/general", json!({ "active": true }))
        .await
        .is(200);
    bob.send("general", "again").await;
    phone.close().await;
}

async fn a_removed_channel_is_gone_for_all(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    for id in ["general", "other"] {
        host.app.channel(id, &[&alice, &bob]).await;
    }
    let sent = bob.send("general", "the canary sings").await;
    let private =
        json!({ "channel_id": "general", "type": "text", "data": "psst, canary", "to": "bob" });
    let private = alice.post("/v1/messages", private).await.is(201);
    let side = private["channel_id"].as_str().expect("an id");
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    phone.subscribe(side).await;
    phone.subscribe("other").await;
    bob.delete("/v1/channels/general")
        .await
        .refused(403, "forbidden");
    alice.delete("/v1/channels/general").await.is(204);
    for _ in 0..2 {
        assert_eq!(phone.next_event("channel.deleted").await["data"], json!({}));
    }
    for who in [&alice, &bob, &host.app.backend] {
        for path in [
            "/v1/channels/general".to_owned(),
            "/v1/channels/general/messages".to_owned(),
            "/v1/channels/general/events?since=0".to_owned(),
            format!("/v1/channels/{side}/messages"),
            format!("/v1/messages/{}", sent["id"].as_str().expect("an id")),
            format!("/v1/messages/{}", private["id"].as_str().expect("an id")),
        ] {
            who.get(&path).await.refused(404, "not_found");
        }
        assert_eq!(ids(&who.get("/v1/channels").await.is(200)), ["other"]);
    }
    bob.post("/v1/messages", draft("general", "hello?"))
        .await
        .refused(404, "not_found");
    phone
        .request("send", draft("general", "hello?"))
        .await
        .refused("not_found");
    phone
        .request("subscribe", json!({ "channel_id": "general" }))
        .await
        .refused("not_found");
    eventually("nothing is left of it", async || {
        (!database.dump().await.contains("canary")).then_some(())
    })
    .await;
    // Its name is free again, and what was is not there.
    host.app.channel("general", &[&alice, &bob]).await;
    assert!(bob.history("general").await.is_empty());
    phone.subscribe("general").await;
    let sent = alice.send("general", "anew").await;
    assert_eq!(
        phone.next_event("message.new").await["data"]["message"],
        sent
    );
    phone.close().await;
}

async fn two_users_have_one_direct_channel(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    let tries = (0..32).map(|n| {
        let (who, users) = match n % 4 {
            0 => (&alice, json!(["bob"])),
            1 => (&bob, json!(["bob", "alice"])),
            2 => (&host.app.backend, json!(["alice", "bob"])),
            _ => (&host.app.backend, json!(["bob", "alice"])),
        };
        who.post("/v1/channels/direct", json!({ "user_ids": users }))
    });
    let mut opened: Vec<String> = Vec::new();
    for answer in futures_util::future::join_all(tries).await {
        opened.push(answer.is(200)["id"].as_str().expect("an id").to_owned());
    }
    opened.dedup();
    assert_eq!(opened.len(), 1, "{opened:?}");
    let page = bob.get("/v1/channels").await.is(200);
    assert_eq!(ids(&page), [&opened[0]]);
    assert_eq!(
        (
            &page["channels"][0]["type"],
            &page["channels"][0]["participants_count"]
        ),
        (&json!("direct"), &json!(2))
    );
    assert_eq!(page["channels"][0]["own_role"], "member");
    carol
        .get(&format!("/v1/channels/{}", opened[0]))
        .await
        .refused(404, "not_found");
    let open = async |who: &Person, users: Value| {
        who.post("/v1/channels/direct", json!({ "user_ids": users }))
            .await
    };
    assert_eq!(open(&alice, json!(["alice"])).await.invalid(), ["user_ids"]);
    assert_eq!(open(&alice, json!([])).await.invalid(), ["user_ids"]);
    assert_eq!(
        open(&alice, json!(["alice", "bob", "carol"]))
            .await
            .invalid(),
        ["user_ids"]
    );
    assert_eq!(
        open(&host.app.backend, json!(["alice"])).await.invalid(),
        ["user_ids"]
    );
    open(&carol, json!(["alice", "bob"]))
        .await
        .refused(403, "forbidden");
    open(&alice, json!(["nobody"]))
        .await
        .refused(404, "not_found");
    let another = open(&carol, json!(["bob"])).await.is(200);
    assert_ne!(another["id"], opened[0].as_str());
}

async fn a_direct_channel_keeps_its_two(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, _bob, _carol] = host.app.users(["alice", "bob", "carol"]).await;
    let opened = alice
        .post("/v1/channels/direct", json!({ "user_ids": ["bob"] }))
        .await
        .is(200);
    assert_eq!(opened["own_capabilities"], json!(["read", "send"]));
    let path = format!("/v1/channels/{}", opened["id"].as_str().expect("an id"));
    for who in [&alice, &host.app.backend] {
        who.put(&format!("{path}/participants/carol"), json!({}))
            .await
            .refused(409, "conflict");
        who.delete(&format!("{path}/participants/bob"))
            .await
            .refused(409, "conflict");
        who.post(&format!("{path}/owner"), json!({ "user_id": "bob" }))
            .await
            .refused(409, "conflict");
    }
    alice
        .post(&format!("{path}/leave"), json!({}))
        .await
        .refused(409, "conflict");
    alice
        .patch(&path, json!({ "name": "Ours" }))
        .await
        .refused(403, "forbidden");
    alice.delete(&path).await.refused(403, "forbidden");
    assert_eq!(
        host.app
            .backend
            .patch(&path, json!({ "type": "team" }))
            .await
            .invalid(),
        ["type"]
    );
    let private =
        json!({ "channel_id": opened["id"], "type": "text", "data": "psst", "to": "bob" });
    assert_eq!(alice.post("/v1/messages", private).await.invalid(), ["to"]);
    assert_eq!(
        alice.get(&format!("{path}/participants")).await.is(200)["participants"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

/// As it is when the host ended just after it had removed a channel.
async fn a_removed_log_goes_even_if_the_host_stops(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("removed", &[&alice]).await;
    host.app.channel("kept", &[&alice]).await;
    alice.send("removed", "the canary sings").await;
    alice.send("kept", "the robin stays").await;
    host.stop().await;
    database
        .run(
            "INSERT INTO removed_channels (channel) SELECT key FROM channels WHERE id = 'removed'; \
             DELETE FROM channels WHERE id = 'removed'",
        )
        .await;
    assert!(database.dump().await.contains("canary"));
    host.restart().await;
    eventually("nothing is left of it", async || {
        (!database.dump().await.contains("canary")).then_some(())
    })
    .await;
    assert_eq!(alice.history("kept").await.len(), 1);
}
