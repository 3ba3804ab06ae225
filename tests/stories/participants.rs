//! Who is in a channel and as what; that there is exactly one owner, whatever happens at once.

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, stories};

stories!(
    capabilities_say_what_a_role_may,
    participants_are_listed_page_by_page,
    changes_of_seats_are_events,
    an_owner_who_leaves_is_succeeded,
    somebody_owns_every_channel_with_people_in_it,
    handing_over_at_once_leaves_one_owner,
    coming_and_going_at_once_leaves_one_owner,
    a_channel_takes_so_many,
);

/// The seats of a channel, as `user: role`.
async fn seats(who: &Person, channel: &str) -> Vec<String> {
    let page = who
        .get(&format!("/v1/channels/{channel}/participants"))
        .await
        .is(200);
    let seats = page["participants"].as_array().expect("seats");
    seats
        .iter()
        .map(|seat| format!("{}: {}", text(&seat["user_id"]), text(&seat["role"])))
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn seat(channel: &str, user: &str) -> String {
    format!("/v1/channels/{channel}/participants/{user}")
}

async fn capabilities_say_what_a_role_may(database: Database) {
    let host = TestHost::start(&database).await;
    let [owner, admin, member] = host.app.users(["owner", "admin", "member"]).await;
    host.app
        .channel("general", &[&owner, &admin, &member])
        .await;
    owner
        .put(&seat("general", "admin"), json!({ "role": "admin" }))
        .await
        .is(200);
    let everybody = ["read", "send", "send-private", "leave"];
    let admins = ["add-members", "remove-members", "delete-any-message"];
    let owners = [
        "set-roles",
        "transfer-ownership",
        "update-channel",
        "delete-channel",
    ];
    for (who, expected) in [
        (&member, everybody.to_vec()),
        (&admin, [&everybody[..], &admins].concat()),
        (&owner, [&everybody[..], &admins, &owners].concat()),
        (
            &host.app.backend,
            [&everybody[..3], &admins, &owners].concat(),
        ),
    ] {
        let channel = who.get("/v1/channels/general").await.is(200);
        assert_eq!(channel["own_capabilities"], json!(expected), "{}", who.id);
        let list = who.get("/v1/channels").await.is(200);
        assert_eq!(
            list["channels"][0]["own_capabilities"],
            json!(expected),
            "{}",
            who.id
        );
    }
}

async fn participants_are_listed_page_by_page(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app
        .backend
        .patch(
            "/v1/users/bob",
            json!({ "name": "Bob", "image": "/bob.png" }),
        )
        .await
        .is(200);
    let names: Vec<String> = (0..30).map(|n| format!("u{n:02}")).collect();
    host.app
        .crowd(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let members: Vec<&str> = ["bob"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    host.app
        .backend
        .post(
            "/v1/channels",
            json!({ "id": "general", "owner": "alice", "members": members }),
        )
        .await
        .is(201);
    host.app.channel("bobs-own", &[&bob]).await;
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = bob
            .get(&format!("/v1/channels/general/participants?limit=10{next}"))
            .await
            .is(200);
        seen.extend(
            page["participants"]
                .as_array()
                .expect("seats")
                .iter()
                .map(|seat| text(&seat["user_id"]).to_owned()),
        );
        let Some(cursor) = page["next"].as_str() else {
            break;
        };
        next = format!("&next={cursor}");
    }
    let mut expected = vec!["alice".to_owned(), "bob".to_owned()];
    expected.extend(names);
    assert_eq!(seen, expected);
    let page = alice
        .get("/v1/channels/general/participants?limit=2")
        .await
        .is(200);
    let (first, second) = (&page["participants"][0], &page["participants"][1]);
    assert_eq!(
        (&first["role"], &second["role"]),
        (&json!("owner"), &json!("member"))
    );
    assert_eq!(
        (&second["name"], &second["image"], &second["online"]),
        (&json!("Bob"), &json!("/bob.png"), &json!(false))
    );
    let cursor = text(&page["next"]);
    bob.get(&format!("/v1/channels/bobs-own/participants?next={cursor}"))
        .await
        .refused(400, "bad_cursor");
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let page = alice
        .get("/v1/channels/general/participants?limit=2")
        .await
        .is(200);
    assert_eq!(
        (
            &page["participants"][0]["online"],
            &page["participants"][1]["online"]
        ),
        (&json!(false), &json!(true))
    );
    phone.close().await;
}

async fn changes_of_seats_are_events(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let added = alice
        .put(&seat("general", "carol"), json!({}))
        .await
        .is(200);
    assert_eq!(
        (&added["user_id"], &added["role"]),
        (&json!("carol"), &json!("member"))
    );
    let event = phone.next_event("member.added").await;
    assert_eq!(
        event["data"],
        json!({ "user_id": "carol", "role": "member", "by": "alice" })
    );
    // Saying it again changes nothing, and says nothing.
    assert_eq!(
        alice
            .put(&seat("general", "carol"), json!({}))
            .await
            .is(200),
        added
    );
    alice
        .put(&seat("general", "carol"), json!({ "role": "member" }))
        .await
        .is(200);
    alice
        .put(&seat("general", "carol"), json!({ "role": "admin" }))
        .await
        .is(200);
    let event = phone.next_event("member.updated").await;
    assert_eq!(
        event["data"],
        json!({ "user_id": "carol", "role": "admin", "by": "alice" })
    );
    alice
        .post("/v1/channels/general/owner", json!({ "user_id": "carol" }))
        .await
        .is(200);
    let events = [
        phone.next_event("member.updated").await,
        phone.next_event("member.updated").await,
    ];
    assert_eq!(
        events[0]["data"],
        json!({ "user_id": "alice", "role": "admin", "by": "alice" })
    );
    assert_eq!(
        events[1]["data"],
        json!({ "user_id": "carol", "role": "owner", "by": "alice" })
    );
    carol
        .post("/v1/channels/general/leave", json!({}))
        .await
        .is(204);
    assert_eq!(
        phone.next_event("member.removed").await["data"],
        json!({ "user_id": "carol", "by": "carol" })
    );
    assert_eq!(
        phone.next_event("member.updated").await["data"]["user_id"],
        "alice"
    );
    assert_eq!(
        seats(&bob, "general").await,
        ["alice: owner", "bob: member"]
    );
    assert_eq!(
        bob.get("/v1/channels/general").await.is(200)["participants_count"],
        2
    );
    assert!(phone.caught_up(&host.app).await.is_empty());
    phone.close().await;
}

async fn an_owner_who_leaves_is_succeeded(database: Database) {
    let host = TestHost::start(&database).await;
    let [ann, ben, cem, dan] = host.app.users(["ann", "ben", "cem", "dan"]).await;
    host.app.channel("general", &[&ann, &ben, &cem]).await;
    ann.put(&seat("general", "dan"), json!({ "role": "admin" }))
        .await
        .is(200);
    ann.post("/v1/channels/general/leave", json!({}))
        .await
        .is(204);
    ann.get("/v1/channels/general")
        .await
        .refused(404, "not_found");
    // An admin before members, however late it came; then whoever is there longest.
    assert_eq!(
        seats(&ben, "general").await,
        ["ben: member", "cem: member", "dan: owner"]
    );
    dan.post("/v1/channels/general/leave", json!({}))
        .await
        .is(204);
    assert_eq!(seats(&ben, "general").await, ["ben: owner", "cem: member"]);
    host.app
        .backend
        .delete(&seat("general", "ben"))
        .await
        .is(204);
    assert_eq!(seats(&cem, "general").await, ["cem: owner"]);
    cem.post("/v1/channels/general/leave", json!({}))
        .await
        .is(204);
    let empty = host.app.backend.get("/v1/channels/general").await.is(200);
    assert_eq!(
        (&empty["active"], &empty["participants_count"]),
        (&json!(false), &json!(0))
    );
}

async fn somebody_owns_every_channel_with_people_in_it(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    let backend = &host.app.backend;
    // Made empty, or left by everybody: whoever comes first owns it.
    backend
        .post("/v1/channels", json!({ "id": "empty" }))
        .await
        .is(201);
    backend
        .put(&seat("empty", "alice"), json!({}))
        .await
        .is(200);
    assert_eq!(seats(&alice, "empty").await, ["alice: owner"]);
    host.app.channel("left", &[&alice]).await;
    alice
        .post("/v1/channels/left/leave", json!({}))
        .await
        .is(204);
    backend
        .put(&seat("left", "bob"), json!({ "role": "admin" }))
        .await
        .is(200);
    backend.put(&seat("left", "alice"), json!({})).await.is(200);
    assert_eq!(seats(&bob, "left").await, ["alice: member", "bob: owner"]);
}

async fn handing_over_at_once_leaves_one_owner(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    for round in 0..10 {
        let channel = host
            .app
            .channel(&format!("c{round}"), &[&alice, &bob, &carol])
            .await;
        let owner = format!("/v1/channels/{channel}/owner");
        let (one, two, three) = tokio::join!(
            alice.post(&owner, json!({ "user_id": "bob" })),
            alice.post(&owner, json!({ "user_id": "carol" })),
            host.app.backend.post(&owner, json!({ "user_id": "carol" })),
        );
        for answer in [one, two] {
            match answer.status {
                200 => drop(answer.is(200)),
                _ => drop(answer.refused(403, "forbidden")),
            }
        }
        three.is(200);
        let seats = seats(&host.app.backend, &channel).await;
        assert_eq!(
            seats
                .iter()
                .filter(|seat| seat.ends_with(": owner"))
                .count(),
            1,
            "{seats:?}"
        );
        assert_eq!(seats.len(), 3);
    }
}

async fn coming_and_going_at_once_leaves_one_owner(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    for round in 0..10 {
        let channel = host
            .app
            .channel(&format!("c{round}"), &[&alice, &bob])
            .await;
        let leave = format!("/v1/channels/{channel}/leave");
        let (handed, left, gone, came, promoted) = tokio::join!(
            alice.post(
                format!("/v1/channels/{channel}/owner"),
                json!({ "user_id": "bob" })
            ),
            alice.post(&leave, json!({})),
            bob.post(&leave, json!({})),
            host.app.backend.put(seat(&channel, "carol"), json!({})),
            alice.put(seat(&channel, "bob"), json!({ "role": "admin" })),
        );
        assert!(
            matches!(handed.status, 200 | 403 | 404 | 409),
            "{}",
            handed.text
        );
        assert!(
            matches!(promoted.status, 200 | 403 | 404),
            "{}",
            promoted.text
        );
        left.is(204);
        gone.is(204);
        came.is(200);
        let seats = seats(&carol, &channel).await;
        assert!(
            seats
                .iter()
                .filter(|seat| seat.ends_with(": owner"))
                .count()
                == 1,
            "{seats:?}"
        );
        // The log tells the same story.
        let events = carol.events(&channel, 0).await;
        let mut owners = std::collections::BTreeMap::new();
        for event in &events {
            let user = text(&event["data"]["user_id"]).to_owned();
            match text(&event["event"]) {
                "member.removed" => drop(owners.remove(&user)),
                "member.added" | "member.updated" => {
                    drop(owners.insert(user, text(&event["data"]["role"]).to_owned()))
                }
                _ => {}
            }
        }
        let told: Vec<String> = owners
            .into_iter()
            .map(|(user, role)| format!("{user}: {role}"))
            .collect();
        assert_eq!(told, seats);
    }
}

async fn a_channel_takes_so_many(database: Database) {
    let host = TestHost::with(&database, |config| config.limits.participants_max = 3).await;
    let people = host.app.crowd(&["a", "b", "c", "d", "e"]).await;
    host.app.channel("general", &[&people[0], &people[1]]).await;
    let put = |user: &str| host.app.backend.put(seat("general", user), json!({}));
    let answers = futures_util::future::join_all(["c", "d", "e"].map(put)).await;
    let (added, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((added.len(), refused.len()), (1, 2));
    for answer in refused {
        answer.refused(422, "limit_reached");
    }
    assert_eq!(seats(&people[0], "general").await.len(), 3);
    let new = json!({ "owner": "a", "members": ["b", "c", "d"] });
    host.app
        .backend
        .post("/v1/channels", new)
        .await
        .refused(422, "limit_reached");
}
