//! How a WebSocket begins, what it takes, and how it ends.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::{Database, Socket, TestHost, draft, eventually, stories};

stories!(
    the_first_request_is_connect,
    whoever_says_nothing_is_sent_away,
    requests_are_answered_under_their_ids,
    what_is_no_request_is_told_so,
    frames_that_break_the_protocol_end_it,
    pings_are_answered_and_expected,
    connections_are_counted,
    a_browser_tab_is_no_websocket,
    a_host_that_stops_says_so,
);

async fn the_first_request_is_connect(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    let token = alice.credential();
    for (frame, code, close) in [
        (
            json!({ "id": 1, "method": "ping", "params": {} }),
            "unauthenticated",
            3501,
        ),
        (
            json!({ "id": 1, "method": "send", "params": draft("general", "x") }),
            "unauthenticated",
            3501,
        ),
        (
            json!({ "id": 1, "method": "connect", "params": { "token": "x" } }),
            "unauthenticated",
            3501,
        ),
        (
            json!({ "id": 1, "method": "connect", "params": { "token": host.app.backend.credential() } }),
            "unauthenticated",
            3501,
        ),
        (
            json!({ "id": 1, "method": "connect", "params": {} }),
            "invalid",
            3503,
        ),
        (json!({ "id": 1, "method": "connect" }), "invalid", 3503),
        (
            json!({ "id": 1, "method": "connect", "params": { "token": token, "user": "bob" } }),
            "invalid",
            3503,
        ),
    ] {
        let mut socket = alice.open_socket().await;
        socket.write(Message::text(frame.to_string())).await;
        socket.reply(1).await.refused(code);
        assert_eq!(socket.closed().await, close, "{frame}");
    }
    for frame in [
        "",
        "hello",
        "[]",
        "{}",
        "{\"id\":1}",
        "{\"method\":\"connect\"}",
    ] {
        let mut socket = alice.open_socket().await;
        socket.write(Message::text(frame)).await;
        assert_eq!(socket.closed().await, 3503, "{frame}");
        assert_eq!(socket.complaints[0]["error"]["code"], "malformed");
    }
    let mut socket = alice.connect().await;
    let greeting = &socket.greeting;
    assert_eq!(
        (&greeting["user"]["id"], &greeting["ping_interval_ms"]),
        (&json!("alice"), &json!(2000))
    );
    assert!(
        greeting["epoch"]
            .as_str()
            .is_some_and(|epoch| epoch.len() == 16)
    );
    assert!(greeting["expires_at"].is_string());
    socket
        .request("connect", json!({ "token": token }))
        .await
        .refused("conflict");
    socket.round_trip().await;
}

async fn whoever_says_nothing_is_sent_away(database: Database) {
    let host = TestHost::with(&database, |config| config.socket.connect_timeout_ms = 100).await;
    let alice = host.app.user("alice").await;
    let mut connected = alice.connect().await;
    let mut silent = alice.open_socket().await;
    assert_eq!(silent.closed().await, 3500);
    connected.round_trip().await;
}

async fn requests_are_answered_under_their_ids(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let mut socket = alice.connect().await;
    for id in [0, 7, 7, 9_007_199_254_740_991_u64] {
        socket
            .write(Message::text(
                json!({ "id": id, "method": "ping" }).to_string(),
            ))
            .await;
        assert_eq!(socket.reply(id).await.ok(), json!({}));
    }
    // Many at once, more than are worked on at once: each gets its own answer.
    let mut ids = Vec::new();
    for n in 0..100 {
        ids.push(match n % 4 {
            0 => socket.begin("send", draft("general", &n.to_string())).await,
            1 => {
                socket
                    .begin("presence", json!({ "channel_id": "general" }))
                    .await
            }
            2 => {
                socket
                    .begin("history", json!({ "channel_id": "general", "limit": 1 }))
                    .await
            }
            _ => {
                socket
                    .begin("presence", json!({ "channel_id": "nowhere" }))
                    .await
            }
        });
    }
    for (n, id) in ids.into_iter().enumerate() {
        let reply = socket.reply(id).await;
        match n % 4 {
            0 => assert_eq!(reply.ok()["data"], n.to_string()),
            1 => assert_eq!(reply.ok(), json!({ "online": [] })),
            2 => assert!(reply.ok()["messages"].is_array()),
            _ => drop(reply.refused("not_found")),
        }
    }
    assert!(socket.complaints.is_empty());
}

async fn what_is_no_request_is_told_so(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    let mut socket = alice.connect().await;
    let bad = [
        "hello",
        "",
        "[]",
        "null",
        "{\"method\":\"ping\"}",
        "{\"id\":-1,\"method\":\"ping\"}",
        "{\"id\":1.5,\"method\":\"ping\"}",
        "{\"id\":\"1\",\"method\":\"ping\"}",
        "{\"id\":9007199254740992,\"method\":\"ping\"}",
        "{\"id\":1,\"method\":7}",
        "{\"id\":1,\"method\":\"ping\",\"token\":\"x\"}",
        "{\"id\":1,\"method\":\"ping\"} {}",
    ];
    for frame in bad {
        socket.write(Message::text(frame)).await;
    }
    socket.round_trip().await;
    assert_eq!(
        socket.complaints.len(),
        bad.len(),
        "{:?}",
        socket.complaints
    );
    for complaint in &socket.complaints {
        assert_eq!(complaint["id"], Value::Null);
        assert!(
            matches!(
                complaint["error"]["code"].as_str(),
                Some("malformed" | "invalid")
            ),
            "{complaint}"
        );
    }
    socket.request("fly", json!({})).await.refused("not_found");
    for params in [json!([]), json!("x"), json!(1)] {
        socket.request("subscribe", params).await.refused("invalid");
    }
    let error = socket
        .request("subscribe", json!({ "channel_id": "x", "from": 1 }))
        .await
        .refused("invalid");
    assert_eq!(error["errors"][0]["field"], "from");
    let error = socket
        .request("read", json!({ "channel_id": "x", "seq": "1" }))
        .await
        .refused("invalid");
    assert_eq!(error["errors"][0]["field"], "seq");
}

async fn frames_that_break_the_protocol_end_it(database: Database) {
    let host = TestHost::with(&database, |config| config.socket.frame_bytes_max = 2048).await;
    let alice = host.app.user("alice").await;
    let text = |bytes: &[u8], last: bool| {
        Message::Frame(Frame::message(
            bytes.to_vec(),
            OpCode::Data(Data::Text),
            last,
        ))
    };
    let more = |bytes: &[u8], last: bool| {
        Message::Frame(Frame::message(
            bytes.to_vec(),
            OpCode::Data(Data::Continue),
            last,
        ))
    };
    // In pieces is fine, also with a ping in between.
    let mut socket = alice.connect().await;
    socket.write(text(b"{\"id\":77,\"met", false)).await;
    socket.write(Message::Ping(b"x".to_vec().into())).await;
    socket.write(more(b"hod\":\"pi", false)).await;
    socket.write(more(b"ng\"}", true)).await;
    socket.reply(77).await.ok();
    socket
        .write(text(
            json!({ "id": 78, "method": "ping", "params": {} })
                .to_string()
                .as_bytes(),
            true,
        ))
        .await;
    socket.reply(78).await.ok();
    for (frames, close) in [
        (vec![Message::binary(b"{}".to_vec())], 1003),
        (vec![text(b"\xff\xfe", true)], 1007),
        (vec![Message::text("x".repeat(2049))], 1009),
        (
            vec![text(&[b'x'; 1500], false), more(&[b'x'; 1500], true)],
            1009,
        ),
        (vec![more(b"x", true)], 1002),
        (vec![text(b"x", false), text(b"y", true)], 1002),
    ] {
        let mut socket = alice.connect().await;
        for frame in frames {
            socket.write(frame).await;
        }
        assert_eq!(socket.closed().await, close);
    }
}

async fn pings_are_answered_and_expected(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.socket.ping_interval_ms = 100;
        config.socket.pong_timeout_ms = 100;
    })
    .await;
    let alice = host.app.user("alice").await;
    let app = host.inside().await;
    let mut silent = alice.connect().await;
    assert_eq!(app.metrics.sockets(), 1);
    // Nothing is read meanwhile, so nothing answers the host's ping.
    eventually("the host gives up", async || {
        (app.hub.sockets() == 0).then_some(())
    })
    .await;
    assert_eq!(silent.closed().await, 3002);
    // Whoever answers stays.
    let mut lively = alice.connect().await;
    for _ in 0..5 {
        lively.pinged().await;
    }
    lively.round_trip().await;
    assert_eq!(app.hub.sockets(), 1);
    lively.close().await;
    eventually("the socket is forgotten", async || {
        (app.hub.sockets() == 0).then_some(())
    })
    .await;
}

async fn connections_are_counted(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.socket.connections_per_user_max = 2;
        config.socket.connections_max = 4;
    })
    .await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    let mut alices = [alice.connect().await, alice.connect().await];
    let mut third = alice.open_socket().await;
    third
        .request("connect", json!({ "token": alice.credential() }))
        .await
        .refused("limit_reached");
    assert_eq!(third.closed().await, 3004);
    drop(third);
    let app = host.inside().await;
    eventually("it is gone", async || {
        (app.metrics.sockets() == 2).then_some(())
    })
    .await;
    let mut bobs = [bob.connect().await, bob.connect().await];
    // The host is full.
    let upgrade = carol
        .with_header("connection", "upgrade")
        .with_header("upgrade", "websocket")
        .with_header("sec-websocket-version", "13")
        .with_header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    upgrade.get("/v1/socket").await.refused(503, "overloaded");
    for socket in alices.iter_mut().chain(&mut bobs) {
        socket.round_trip().await;
    }
    let [first, second] = alices;
    first.close().await;
    second.close().await;
    eventually("there is room again", async || {
        (app.metrics.sockets() == 2).then_some(())
    })
    .await;
    carol.connect().await.round_trip().await;
}

async fn a_browser_tab_is_no_websocket(database: Database) {
    let host = TestHost::start(&database).await;
    let answer = host.stranger().get("/v1/socket").await;
    assert_eq!(
        (
            answer.header("upgrade"),
            answer.header("sec-websocket-version")
        ),
        (Some("websocket"), Some("13"))
    );
    answer.refused(426, "upgrade_required");
    host.stranger()
        .post("/v1/socket", json!({}))
        .await
        .refused(405, "method_not_allowed");
}

async fn a_host_that_stops_says_so(database: Database) {
    let host = TestHost::start(&database).await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    let mut sockets: Vec<Socket> = Vec::new();
    for _ in 0..5 {
        sockets.push(alice.connect().await);
        sockets.push(bob.connect().await);
    }
    let mut ids = Vec::new();
    for socket in &mut sockets {
        ids.push(socket.begin("send", draft("general", "last words")).await);
    }
    let mut stored = 0;
    let (_, answers) = tokio::join!(host.stop(), async {
        let mut answers = Vec::new();
        for (socket, id) in sockets.iter_mut().zip(ids) {
            answers.push((socket.reply_or_close(id).await, socket.closed().await));
        }
        answers
    });
    for (reply, close) in answers {
        assert_eq!(close, 3000);
        if let Some(reply) = reply {
            stored += usize::from(reply.0.get("result").is_some());
        }
    }
    host.restart().await;
    // What was acknowledged is there; what was not may be, too.
    assert!(alice.history("general").await.len() >= stored);
}
