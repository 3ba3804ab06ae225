//! The people of an app, as its backend manages them.

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, stories};

stories!(
    users_are_set_all_or_none,
    every_fault_names_its_field,
    absent_fields_stay_and_null_clears,
    users_are_listed_page_by_page,
    users_look_each_other_up_and_no_more,
    ids_are_the_apps_own,
);

async fn all(backend: &Person) -> Vec<String> {
    let page = backend.get("/v1/users?limit=100").await.is(200);
    page["users"]
        .as_array()
        .expect("users")
        .iter()
        .map(|user| user["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn users_are_set_all_or_none(database: Database) {
    let host = TestHost::start(&database).await;
    let backend = &host.app.backend;
    let users = json!({ "users": [{ "id": "bob", "name": "Bob" }, { "id": "alice" }] });
    let made = backend.put("/v1/users", users.clone()).await.is(200);
    let ids: Vec<&Value> = made["users"]
        .as_array()
        .expect("users")
        .iter()
        .map(|user| &user["id"])
        .collect();
    assert_eq!(
        ids,
        ["bob", "alice"],
        "the answer has the order of the request"
    );
    assert_eq!(made["users"][0]["custom"], json!({}));
    let long = "x".repeat(300);
    let bad =
        json!({ "users": [{ "id": "carol" }, { "id": "bob", "name": long }, { "id": "bot:x" }] });
    assert_eq!(
        backend.put("/v1/users", bad).await.invalid(),
        ["users[1].name", "users[2].id"]
    );
    assert_eq!(all(backend).await, ["alice", "bob"]);
    assert_eq!(backend.get("/v1/users/bob").await.is(200)["name"], "Bob");
    let again = backend.put("/v1/users", users).await.is(200);
    assert_eq!(
        again["users"][0]["created_at"],
        made["users"][0]["created_at"]
    );
    let many = |count: usize| json!({ "users": (0..count).map(|n| json!({ "id": format!("u{n:03}") })).collect::<Vec<_>>() });
    assert_eq!(
        backend.put("/v1/users", many(101)).await.invalid(),
        ["users"]
    );
    assert_eq!(backend.put("/v1/users", many(0)).await.invalid(), ["users"]);
    assert_eq!(all(backend).await, ["alice", "bob"]);
    backend.put("/v1/users", many(100)).await.is(200);
}

async fn every_fault_names_its_field(database: Database) {
    let host = TestHost::start(&database).await;
    let backend = &host.app.backend;
    let deep =
        |depth: usize| -> Value { (0..depth).fold(json!(1), |inner, _| json!({ "a": inner })) };
    for (user, field) in [
        (json!({}), "users[1].id"),
        (json!({ "id": "" }), "users[1].id"),
        (json!({ "id": " x" }), "users[1].id"),
        (json!({ "id": "a\u{0}b" }), "users[1].id"),
        (json!({ "id": "x".repeat(129) }), "users[1].id"),
        (json!({ "id": 7 }), "users[1].id"),
        (json!({ "id": "x", "name": 7 }), "users[1].name"),
        (json!({ "id": "x", "name": "a\nb" }), "users[1].name"),
        (
            json!({ "id": "x", "image": "javascript:alert(1)" }),
            "users[1].image",
        ),
        (json!({ "id": "x", "custom": [] }), "users[1].custom"),
        (json!({ "id": "x", "custom": "{}" }), "users[1].custom"),
        (
            json!({ "id": "x", "custom": { "a": "x".repeat(16 * 1024) } }),
            "users[1].custom",
        ),
        (json!({ "id": "x", "custom": deep(33) }), "users[1].custom"),
        (json!({ "id": "alice" }), "users[1].id"),
        (json!({ "id": "x", "nick": "y" }), "users[1].nick"),
        (json!({ "id": "x", "plugin": "poll" }), "users[1].plugin"),
    ] {
        let what = user.to_string();
        let faults = backend
            .put("/v1/users", json!({ "users": [{ "id": "alice" }, user] }))
            .await
            .invalid();
        assert_eq!(faults, [field], "{what:.100}");
    }
    assert!(all(backend).await.is_empty());
    backend
        .put(
            "/v1/users",
            json!({ "users": [{ "id": "x", "custom": deep(32) }] }),
        )
        .await
        .is(200);
    let body = |text: &str| Some(("application/json", text.as_bytes().to_vec()));
    for bad in ["", "{", "{\"users\": [}", "\u{feff}{}", "{\"users\": []} 2"] {
        backend
            .raw("PUT", "/v1/users", body(bad))
            .await
            .refused(400, "malformed");
    }
    backend
        .raw(
            "PUT",
            "/v1/users",
            Some(("application/json", b"{\"users\": \"\xff\"}".to_vec())),
        )
        .await
        .refused(400, "malformed");
    backend
        .raw("PUT", "/v1/users", Some(("text/plain", b"{}".to_vec())))
        .await
        .refused(415, "unsupported_media_type");
    backend
        .raw("PUT", "/v1/users", body("[]"))
        .await
        .refused(422, "invalid");
    backend
        .post("/v1/users", json!({}))
        .await
        .refused(405, "method_not_allowed");
    backend.get("/v1/user").await.refused(404, "not_found");
    let large = json!({ "users": [{ "id": "x", "custom": { "a": "x".repeat(1 << 20) } }] });
    backend
        .put("/v1/users", large)
        .await
        .refused(413, "payload_too_large");
}

async fn absent_fields_stay_and_null_clears(database: Database) {
    let host = TestHost::start(&database).await;
    let backend = &host.app.backend;
    let alice = json!({ "id": "alice", "name": "Alice", "image": "https://zoo.example/a.png", "custom": { "team": "red", "n": 1.50 } });
    backend
        .put("/v1/users", json!({ "users": [alice] }))
        .await
        .is(200);
    let changed = backend
        .patch("/v1/users/alice", json!({ "name": "Alice B." }))
        .await
        .is(200);
    assert_eq!(
        (&changed["name"], &changed["image"]),
        (&json!("Alice B."), &json!("https://zoo.example/a.png"))
    );
    assert_eq!(changed["custom"], json!({ "team": "red", "n": 1.5 }));
    let changed = backend
        .patch(
            "/v1/users/alice",
            json!({ "image": null, "custom": { "a": 1 } }),
        )
        .await
        .is(200);
    assert_eq!(
        (&changed["name"], &changed["image"]),
        (&json!("Alice B."), &Value::Null)
    );
    assert_eq!(changed["custom"], json!({ "a": 1 }));
    let changed = backend
        .put(
            "/v1/users",
            json!({ "users": [{ "id": "alice", "name": null }] }),
        )
        .await
        .is(200);
    assert_eq!(
        (&changed["users"][0]["name"], &changed["users"][0]["custom"]),
        (&Value::Null, &json!({ "a": 1 }))
    );
    backend
        .patch("/v1/users/nobody", json!({ "name": "x" }))
        .await
        .refused(404, "not_found");
    assert_eq!(
        backend
            .patch("/v1/users/alice", json!({ "id": "bob" }))
            .await
            .invalid(),
        ["id"]
    );
    assert!(all(backend).await == ["alice"]);
}

async fn users_are_listed_page_by_page(database: Database) {
    let host = TestHost::start(&database).await;
    let backend = &host.app.backend;
    let ids: Vec<String> = (0..25).map(|n| format!("u{n:02}")).collect();
    let users: Vec<Value> = ids.iter().rev().map(|id| json!({ "id": id })).collect();
    backend
        .put("/v1/users", json!({ "users": users }))
        .await
        .is(200);
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = backend
            .get(&format!("/v1/users?limit=10{next}"))
            .await
            .is(200);
        seen.extend(
            page["users"]
                .as_array()
                .expect("users")
                .iter()
                .map(|user| user["id"].as_str().unwrap_or_default().to_owned()),
        );
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    for bad in ["limit=0", "limit=101", "limit=-1", "limit=ten", "limit=1.5"] {
        assert_eq!(
            backend.get(&format!("/v1/users?{bad}")).await.invalid(),
            ["limit"],
            "{bad}"
        );
    }
    assert_eq!(backend.get("/v1/users?page=2").await.invalid(), ["page"]);
    let page = backend.get("/v1/users?limit=10").await.is(200);
    let cursor = page["next"].as_str().expect("a cursor");
    let mut changed = cursor.to_owned();
    let first = if changed.remove(0) == 'd' { 'e' } else { 'd' };
    changed.insert(0, first);
    for bad in ["x", "", &changed] {
        backend
            .get(&format!("/v1/users?next={bad}"))
            .await
            .refused(400, "bad_cursor");
    }
    // Nor is it good in another list, or for another app.
    backend
        .get(&format!("/v1/channels?next={cursor}"))
        .await
        .refused(400, "bad_cursor");
    host.other
        .backend
        .get(&format!("/v1/users?next={cursor}"))
        .await
        .refused(400, "bad_cursor");
}

async fn users_look_each_other_up_and_no_more(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, _bob] = host.app.users(["alice", "bob"]).await;
    assert_eq!(alice.get("/v1/users/bob").await.is(200)["id"], "bob");
    // There is a Carol in the other app.
    alice.get("/v1/users/carol").await.refused(404, "not_found");
    host.app
        .backend
        .get("/v1/users/carol")
        .await
        .refused(404, "not_found");
    alice.get("/v1/users").await.refused(403, "forbidden");
    alice
        .put(
            "/v1/users",
            json!({ "users": [{ "id": "alice", "name": "Queen" }] }),
        )
        .await
        .refused(403, "forbidden");
    alice
        .patch("/v1/users/alice", json!({ "name": "Queen" }))
        .await
        .refused(403, "forbidden");
    alice
        .delete("/v1/users/bob")
        .await
        .refused(403, "forbidden");
    alice
        .post("/v1/users/bob/deactivate", json!({}))
        .await
        .refused(403, "forbidden");
}

async fn ids_are_the_apps_own(database: Database) {
    let host = TestHost::start(&database).await;
    let long = "é".repeat(64);
    let odd = [
        "auth0|5f7c",
        "user@example.com",
        "a/b c",
        "Ünï",
        "😀",
        "%41",
        "'; DROP TABLE users; --",
        "A",
        "a",
        &long,
    ];
    let people = host.app.crowd(&odd).await;
    host.app
        .channel("odd/ones %", &people.iter().collect::<Vec<_>>())
        .await;
    for person in &people {
        let sent = person.send("odd/ones %", "hello").await;
        assert_eq!(sent["from"], person.id.as_str());
        assert_eq!(sent["channel_id"], "odd/ones %");
        let path = format!("/v1/users/{}", escaped(&person.id));
        assert_eq!(person.get(&path).await.is(200)["id"], person.id.as_str());
        let list = person.get("/v1/channels").await.is(200);
        assert_eq!(list["channels"][0]["id"], "odd/ones %");
    }
    assert_eq!(
        people[0].history(&escaped("odd/ones %")).await.len(),
        odd.len()
    );
    let page = host.app.backend.get("/v1/users").await.is(200);
    let listed: Vec<&str> = page["users"]
        .as_array()
        .expect("users")
        .iter()
        .filter_map(|user| user["id"].as_str())
        .collect();
    let mut sorted = odd;
    sorted.sort_unstable();
    assert_eq!(
        listed, sorted,
        "the order is that of bytes, whatever the database's language"
    );
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
