//! How a WebSocket begins, what it takes, and how it ends.

use serde_json::json;

use crate::support::{ChildHost, Database, TestHost, stories};

stories!(the_first_request_is_connect, a_killed_host_comes_back);

async fn the_first_request_is_connect(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    let mut socket = alice.open_socket().await;
    socket
        .request("ping", json!({}))
        .await
        .refused("unauthenticated");
    assert_eq!(socket.closed().await, 3501);
}

async fn a_killed_host_comes_back(database: Database) {
    let mut host = ChildHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let sent = alice.send("general", "hello").await;
    host.kill_and_restart().await;
    assert_eq!(bob.history("general").await, [sent]);
}
