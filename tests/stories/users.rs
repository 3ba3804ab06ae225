//! The people of an app, as its backend manages them.

use serde_json::json;

use crate::support::{Database, TestHost, stories};

stories!(users_are_set_all_or_none);

async fn users_are_set_all_or_none(database: Database) {
    let host = TestHost::start(&database).await;
    let backend = &host.app.backend;
    let long = "x".repeat(300);
    let users =
        json!({ "users": [{ "id": "alice" }, { "id": "bob", "name": long }, { "id": "bot:x" }] });
    let faults = backend.put("/v1/users", users).await.invalid();
    assert_eq!(faults, ["users[1].name", "users[2].id"]);
    let page = backend.get("/v1/users").await.is(200);
    assert_eq!(page, json!({ "users": [] }));
}
