//! What is too much, too little or not a message at all: a clear error, and nothing has changed.

use serde_json::{Value, json};

use crate::support::{App, Database, TestHost, draft, eventually, stories};

stories!(
    texts_have_a_length,
    what_is_no_message_is_refused,
    users_and_apps_may_ask_so_often,
    plugins_write_so_often_and_lose_nothing,
    who_asks_a_plugin_for_too_much_is_refused,
    values_are_among_what_plugins_write,
    what_the_plugins_of_many_apps_write_is_their_orgs,
    requests_are_bounded,
    whatever_is_written_is_refused_when_too_much_waits
);

async fn texts_have_a_length(database: Database) {
    let host = TestHost::with(&database, |config| config.limits.text_bytes_max = 64).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let mut phone = alice.connect().await;
    for good in [
        "x".repeat(63),
        "x".repeat(64),
        "é".repeat(32),
        "\"".repeat(64),
        "\n".repeat(63) + "x",
        "  leading and trailing  ".to_owned(),
        "😀".to_owned(),
        "\u{202e}right to left".to_owned(),
        "e\u{301}\u{200d}".to_owned(),
    ] {
        assert_eq!(
            alice.send("general", &good).await["data"],
            good.as_str(),
            "it comes back as it was sent"
        );
        assert_eq!(phone.send("general", &good).await["data"], good.as_str());
    }
    let before = alice.history("general").await;
    for bad in [
        "x".repeat(65),
        "é".repeat(32) + "x",
        String::new(),
        " ".to_owned(),
        "\t\n\r ".to_owned(),
        "\u{a0}\u{2003}".to_owned(),
        "\u{200b}".to_owned(),
        "\u{200b}\u{200d}\u{feff}".to_owned(),
        "\u{2060}".to_owned(),
        "a\u{0}b".to_owned(),
        "\u{7}".to_owned(),
    ] {
        assert_eq!(
            alice
                .post("/v1/messages", draft("general", &bad))
                .await
                .invalid(),
            ["data"],
            "{bad:?}"
        );
        let error = phone
            .request("send", draft("general", &bad))
            .await
            .refused("invalid");
        assert_eq!(error["errors"][0]["field"], "data", "{bad:?}");
    }
    assert_eq!(alice.history("general").await, before);
    phone.close().await;
}

async fn what_is_no_message_is_refused(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let mut phone = alice.connect().await;
    let deep = (0..33).fold(json!(1), |inner, _| json!([inner]));
    for (change, field) in [
        (json!({ "channel_id": null }), "channel_id"),
        (json!({ "channel_id": 7 }), "channel_id"),
        (json!({ "channel_id": "" }), "channel_id"),
        (json!({ "type": null }), "type"),
        (json!({ "type": "nonsense" }), "type"),
        (json!({ "type": "" }), "type"),
        (json!({ "type": "chess" }), "type"),
        (json!({ "data": 7 }), "data"),
        (json!({ "data": {} }), "data"),
        (json!({ "data": ["text"] }), "data"),
        (json!({ "data": deep }), "data"),
        (json!({ "to": "" }), "to"),
        (json!({ "to": "nobody" }), "to"),
        (json!({ "to": "alice" }), "to"),
        (json!({ "to": ["*"] }), "to"),
        (json!({ "client_id": 7 }), "client_id"),
        (json!({ "from": "bob" }), "from"),
        (json!({ "seq": 1 }), "seq"),
        (json!({ "id": "msg_0123456789abcdef" }), "id"),
        (json!({ "ts": "2020-01-01T00:00:00.000Z" }), "ts"),
        (json!({ "Data": "x" }), "Data"),
    ] {
        let mut message = draft("general", "hello");
        for (name, value) in change.as_object().expect("an object") {
            message[name] = value.clone();
        }
        let what = message.to_string();
        let answer = alice.post("/v1/messages", message.clone()).await;
        assert_eq!(answer.invalid(), [field], "{what:.200}");
        let error = phone.request("send", message).await.refused("invalid");
        assert_eq!(error["errors"][0]["field"], field, "{what:.200}");
    }
    for missing in ["channel_id", "type", "data"] {
        let mut message = draft("general", "hello");
        message.as_object_mut().expect("an object").remove(missing);
        assert_eq!(
            alice.post("/v1/messages", message.clone()).await.invalid(),
            [missing]
        );
        let error = phone.request("send", message).await.refused("invalid");
        assert_eq!(error["errors"][0]["field"], missing);
    }
    // A lone half of a surrogate pair is no text.
    let body = br#"{"channel_id":"general","type":"text","data":"\ud800"}"#.to_vec();
    let answer = alice
        .raw("POST", "/v1/messages", Some(("application/json", body)))
        .await;
    assert_eq!(answer.invalid(), ["data"]);
    // The same field twice: which one counts?
    let body = br#"{"channel_id":"general","type":"text","data":"a","data":"b"}"#.to_vec();
    alice
        .raw("POST", "/v1/messages", Some(("application/json", body)))
        .await
        .refused(422, "invalid");
    let large = "x".repeat(65 * 1024);
    alice
        .post("/v1/messages", draft("general", &large))
        .await
        .refused(413, "payload_too_large");
    assert!(alice.history("general").await.is_empty());
    assert_eq!(alice.events("general", 0).await.len(), 2);
    phone.close().await;
}

async fn users_and_apps_may_ask_so_often(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.limits.user_messages_per_second = 1;
        config.limits.user_messages_burst = 3;
        config.limits.user_requests_per_second = 1;
        config.limits.user_requests_burst = 10;
    })
    .await;
    let [alice, bob, carol] = host.app.users(["alice", "bob", "carol"]).await;
    host.app.channel("general", &[&alice, &bob, &carol]).await;
    // Who may not send more may not have a plugin post more, either.
    host.app.plugin("poll", json!({})).await;
    let mut run = 0;
    for n in 0..20 {
        let line = format!(r#"/poll "{n}" "yes" "no""#);
        let answer = bob.types("general", &line).await;
        match answer.status {
            200 => run += 1,
            _ => drop(answer.refused(429, "rate_limited")),
        }
    }
    assert!((3..10).contains(&run), "{run}");
    let mut phone = alice.connect().await;
    for n in 0..3 {
        phone.send("general", &n.to_string()).await;
    }
    let error = phone
        .request("send", draft("general", "too much"))
        .await
        .refused("rate_limited");
    assert_eq!(error["retryable"], true);
    assert!(
        error["retry_after_ms"]
            .as_u64()
            .is_some_and(|ms| (1..=1000).contains(&ms)),
        "{error}"
    );
    let answer = alice
        .post("/v1/messages", draft("general", "too much"))
        .await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    answer.refused(429, "rate_limited");
    // Others have their own, and so has the namesake in the other app.
    carol.send("general", "hello").await;
    let namesake = host.other.session("alice").await;
    assert_eq!(
        namesake
            .post("/v1/messages", draft("general", "hello"))
            .await
            .status,
        201
    );
    let mut refused = 0;
    for _ in 0..20 {
        let answer = alice.get("/v1/channels").await;
        match answer.status {
            200 => {}
            _ => {
                refused += 1;
                answer.refused(429, "rate_limited");
            }
        }
    }
    assert!(refused >= 8, "{refused}");
    phone
        .request("presence", json!({ "channel_id": "general" }))
        .await
        .refused("rate_limited");
    let texts = carol.history("general").await;
    let texts = texts.iter().filter(|message| message["type"] == "text");
    assert_eq!(texts.count(), 4);
}

async fn plugins_write_so_often_and_lose_nothing(database: Database) {
    const MESSAGES: usize = 3;
    let host = TestHost::with(&database, |config| {
        config.limits.app_plugin_writes_per_second = 1;
        config.limits.app_plugin_writes_burst = 1;
    })
    .await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    host.app.plugin("bookkeeper", json!({})).await;
    let mut phone = alice.connect().await;
    for n in 0..MESSAGES {
        phone.send("general", &n.to_string()).await;
    }
    let said = async || {
        let texts = alice.history("general").await;
        let texts = texts.iter().filter(|it| it["from"] == "bot:bookkeeper");
        let mut texts: Vec<_> = texts.map(|it| it["data"].to_string()).collect();
        texts.sort();
        texts
    };
    let all = async || (said().await.len() >= 2 * MESSAGES).then_some(());
    eventually("all is said", all).await;
    let each = |n| [format!("\"again {n}\""), format!("\"counted {n}\"")];
    let mut due: Vec<_> = (1..=MESSAGES).flat_map(each).collect();
    due.sort();
    assert_eq!(said().await, due);
    assert_ne!(host.figure("althing_plugin_rests_total").await, 0);
}

async fn values_are_among_what_plugins_write(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.limits.app_plugin_writes_per_second = 1;
        config.limits.app_plugin_writes_burst = 1;
    })
    .await;
    let [alice] = host.app.users(["alice"]).await;
    host.app.channel("general", &[&alice]).await;
    host.app.plugin("hostile", json!({})).await;
    // As much as sixteen messages: so long nothing more is written.
    let order = "/hostile set 128 1";
    alice.types("general", order).await.is(200);
    let refused = alice.types("general", order).await;
    refused.refused(429, "rate_limited");
}

async fn what_the_plugins_of_many_apps_write_is_their_orgs(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.limits.org_plugin_writes_per_second = 1;
        config.limits.org_plugin_writes_burst = 1;
    })
    .await;
    let second = host.org.app("Petting zoo", json!({})).await;
    let (_, other) = App::create(&host.operator(), "Aquarium").await;
    let mut people = Vec::new();
    for app in [&host.app, &second, &other] {
        let alice = app.user("alice").await;
        app.channel("general", &[&alice]).await;
        app.plugin("hostile", json!({})).await;
        people.push(alice);
    }
    // As much as sixteen messages, by one of the org's two apps.
    let order = "/hostile set 128 1";
    people[0].types("general", order).await.is(200);
    let refused = people[1].types("general", order).await;
    refused.refused(429, "rate_limited");
    people[2].types("general", order).await.is(200);
}

async fn who_asks_a_plugin_for_too_much_is_refused(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.limits.app_plugin_writes_per_second = 1;
        config.limits.app_plugin_writes_burst = 3;
    })
    .await;
    let [alice, bob] = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &[&alice, &bob]).await;
    host.app.plugin("poll", json!({})).await;
    let mut asked = 0;
    for n in 0..20 {
        let line = format!(r#"/poll "{n}" "yes" "no""#);
        let answer = alice.types("general", &line).await;
        if answer.status == 200 {
            asked += 1;
            continue;
        }
        // A poll counts a little more than a message: on a slow machine, what comes between has paid off the rest.
        let wait = answer.header("retry-after").map(ToOwned::to_owned);
        assert!(matches!(wait.as_deref(), Some("1" | "2")), "{wait:?}");
        answer.refused(429, "rate_limited");
    }
    assert!((3..20).contains(&asked), "{asked}");
    let polls = bob.history("general").await;
    let polls = polls.iter().filter(|message| message["type"] == "poll");
    assert_eq!(polls.count(), asked, "what was refused is not there");
    // People write as before, and so do the plugins of others.
    bob.send("general", "hello").await;
    let namesake = host.other.session("alice").await;
    host.other.plugin("poll", json!({})).await;
    let answer = namesake.types("general", r#"/poll "?" "yes" "no""#).await;
    answer.is(200);
}

async fn requests_are_bounded(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.server.body_bytes_max = 64 * 1024;
        config.limits.text_bytes_max = 1024;
        config.limits.data_bytes_max = 2048;
    })
    .await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let large: Value = json!({ "users": [], "padding": "x".repeat(64 * 1024) });
    host.app
        .backend
        .put("/v1/users", large)
        .await
        .refused(413, "payload_too_large");
    alice
        .post("/v1/messages", draft("general", &"x".repeat(2048)))
        .await
        .refused(413, "payload_too_large");
    assert_eq!(
        alice
            .post("/v1/messages", draft("general", &"x".repeat(1025)))
            .await
            .invalid(),
        ["data"]
    );
    let mut chatty = alice.clone();
    for n in 0..101 {
        chatty = chatty.with_header(&format!("x-{n}"), "x");
    }
    assert_eq!(chatty.get("/v1/channels").await.status, 431);
    assert!(alice.history("general").await.is_empty());
}

async fn whatever_is_written_is_refused_when_too_much_waits(database: Database) {
    const ASKED: usize = 60;
    let host = TestHost::with(&database, |config| {
        config.store.queue_max = 16;
        config.store.batch_messages_max = 16;
    })
    .await;
    let alice = host.app.user("alice").await;
    host.app.channel("general", &[&alice]).await;
    let block = database.block_writes().await;
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..ASKED {
        let backend = host.app.backend.clone();
        asking.spawn(async move {
            let user = json!({ "users": [{ "id": format!("user-{n}") }] });
            backend.put("/v1/users", user).await
        });
    }
    // Those beyond what waits and what is being written: at once, while nothing can be written.
    for _ in 0..ASKED - 2 * 16 {
        let answer = asking.join_next().await.expect("an answer");
        assert!(
            answer
                .as_ref()
                .is_ok_and(|answer| answer.header("retry-after") == Some("1"))
        );
        let problem = answer.expect("an answer").refused(503, "overloaded");
        assert_eq!(problem["retryable"], true);
        assert_eq!(problem["retry_after_ms"], 1000);
    }
    block.end().await;
    // The others are through, or were refused, too, if fewer got into a batch.
    let mut written = 0;
    while let Some(answer) = asking.join_next().await {
        let answer = answer.expect("an answer");
        match answer.status {
            200 => written += 1,
            _ => drop(answer.refused(503, "overloaded")),
        }
    }
    assert!(written >= 16, "{written}");
    let users = host.app.backend.get("/v1/users?limit=100").await.is(200);
    assert_eq!(users["users"].as_array().map(Vec::len), Some(written + 1));
}
