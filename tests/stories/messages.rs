//! Messages are sent, changed and deleted, in one order for everybody.

use serde_json::json;

use crate::support::{Database, TestHost, draft, stories};

stories!(a_message_reaches_everybody);

async fn a_message_reaches_everybody(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut phone = bob.connect().await;
    phone.subscribe("general").await;
    let sent = alice.send("general", "hello").await;
    assert_eq!(sent["from"], "alice");
    assert_eq!(
        phone.next_event("message.new").await["data"]["message"],
        sent
    );
    assert_eq!(bob.history("general").await, std::slice::from_ref(&sent));
    let path = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    let edited = alice
        .patch(&path, json!({ "data": "hello there" }))
        .await
        .is(200);
    assert_eq!(edited["data"], "hello there");
    assert_eq!(
        phone.next_event("message.updated").await["data"]["message"],
        edited
    );
    bob.post("/v1/messages", draft("nowhere", "x"))
        .await
        .refused(404, "not_found");
    assert!(phone.caught_up(&host.app).await.is_empty());
    phone.close().await;
}
