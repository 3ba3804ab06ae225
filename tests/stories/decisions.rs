//! What a plugin decided about messages can be read by the tenant whose plugin it is, and goes with
//! whom it is about.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, draft, eventually, stories};

stories!(
    what_a_plugin_decided_can_be_read,
    what_passes_while_a_guard_rests_is_told,
    decisions_come_page_by_page,
    decisions_about_an_erased_user_are_gone,
    old_decisions_go,
);

const HOSTILE: &str = "/v1/plugins/hostile/decisions";

async fn start(database: &Database) -> (TestHost, [Person; 2]) {
    let host = TestHost::timeless(database).await;
    host.expect_plugin_faults();
    let config = json!({ "on_fault": "open" });
    for app in [&host.app, &host.other] {
        app.plugin("hostile", json!({})).await;
        let path = "/v1/plugins/hostile";
        app.backend.put(path, config.clone()).await.is(200);
    }
    let people = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

/// What is kept, once it is so much: it is stored behind the messages' backs.
async fn decisions(backend: &Person, count: usize) -> Vec<Value> {
    eventually("all decisions", async || {
        let page = backend.get(format!("{HOSTILE}?limit=100")).await.is(200);
        let decisions = page["decisions"].as_array().expect("a list").clone();
        (decisions.len() == count).then_some(decisions)
    })
    .await
}

async fn what_a_plugin_decided_can_be_read(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let backend = &host.app.backend;
    assert_eq!(
        backend.get(HOSTILE).await.is(200),
        json!({ "decisions": [] })
    );
    bob.send("general", "hello").await;
    let refused = bob.post("/v1/messages", draft("general", "code silly"));
    refused.await.refused(422, "message_rejected");
    bob.send("general", "patch 3").await;
    alice.send("general", "trap").await;
    let held = draft("general", "return 20");
    alice.post("/v1/messages", held).await.is(202);
    let kept = decisions(backend, 4).await;
    let brief = |decision: &Value| {
        let field = |name: &str| decision[name].as_str().unwrap_or("-").to_owned();
        [field("user_id"), field("outcome"), field("code")].join(" ")
    };
    assert_eq!(
        kept.iter().map(brief).collect::<Vec<_>>(),
        [
            "alice held -",
            "alice failed -",
            "bob changed -",
            "bob rejected silly"
        ],
    );
    let plugin = backend.get("/v1/plugins/hostile").await.is(200);
    for decision in &kept {
        assert_eq!(decision["channel_id"], "general");
        assert_eq!(decision["hook"], "message-guard");
        assert_eq!(decision["digest"], plugin["install"]["digest"]);
        assert_eq!(decision["at"], "2026-11-20T12:00:00.000Z");
    }
    assert_eq!(kept[3]["reason"], "because");
    assert!(
        kept[1]["reason"]
            .as_str()
            .expect("a text")
            .starts_with("trap")
    );
    // Nobody else's, and none of a plugin that was never there.
    assert_eq!(
        host.other.backend.get(HOSTILE).await.is(200),
        json!({ "decisions": [] })
    );
    let unknown = backend.get("/v1/plugins/poll/decisions").await;
    unknown.refused(404, "not_found");
    // They are there when the host comes back.
    host.restart().await;
    assert_eq!(decisions(backend, 4).await, kept);
}

async fn what_passes_while_a_guard_rests_is_told(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let backend = &host.app.backend;
    let carol = host.app.user("carol").await;
    let path = "/v1/channels/general/participants/carol";
    backend.put(path, json!({})).await.is(200);
    for person in [&alice, &bob, &carol].into_iter().cycle().take(10) {
        person.send("general", "trap").await;
    }
    decisions(backend, 10).await;
    // It would refuse this.
    for _ in 0..5 {
        bob.send("general", "code silly").await;
    }
    let told = decisions(backend, 11).await;
    let of = |told: &[Value]| {
        assert_eq!(told[0]["outcome"], "failed");
        let reason = told[0]["reason"].as_str().expect("a text").to_owned();
        (told[0]["user_id"].clone(), reason)
    };
    let rests = "not called: it rests until 2026-11-20T12:00:30.000Z";
    assert_eq!(of(&told), (json!("bob"), rests.to_owned()));
    // Of many messages there is a line a minute, whatever the install says.
    host.pass(Duration::from_secs(29)).await;
    for person in [&alice, &bob] {
        person.send("general", "code silly").await;
    }
    host.pass(Duration::from_secs(1)).await;
    alice.send("general", "trap").await;
    host.pass(Duration::from_secs(30)).await;
    alice.send("general", "hello").await;
    let told = decisions(backend, 13).await;
    let rests = "not called: it rests until 2026-11-20T12:02:30.000Z; nor was it 6 times since this was last said";
    assert_eq!(of(&told), (json!("alice"), rests.to_owned()));
}

async fn decisions_come_page_by_page(database: Database) {
    let (host, [_, bob]) = start(&database).await;
    let backend = &host.app.backend;
    for n in 0..5 {
        let text = format!("say no {n}");
        bob.post("/v1/messages", draft("general", &text)).await;
    }
    let all = decisions(backend, 5).await;
    let mut seen = Vec::new();
    let mut path = format!("{HOSTILE}?limit=2");
    loop {
        let page = backend.get(&path).await.is(200);
        seen.extend(page["decisions"].as_array().expect("a list").clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("{HOSTILE}?limit=2&next={next}");
        let theirs = host.other.backend.get(&path).await;
        theirs.refused(400, "bad_cursor");
    }
    assert_eq!(seen, all);
    assert_eq!(all[0]["reason"], "no 4");
}

async fn decisions_about_an_erased_user_are_gone(database: Database) {
    let (host, [alice, bob]) = start(&database).await;
    let backend = &host.app.backend;
    for person in [&alice, &bob] {
        let answer = person.post("/v1/messages", draft("general", "say secret-word"));
        answer.await.refused(422, "message_rejected");
    }
    decisions(backend, 2).await;
    backend.delete("/v1/users/bob?erase=true").await;
    let left = decisions(backend, 1).await;
    assert_eq!(left[0]["user_id"], "alice");
}

async fn old_decisions_go(database: Database) {
    let (host, [_, bob]) = start(&database).await;
    let refused = bob.post("/v1/messages", draft("general", "say no")).await;
    refused.refused(422, "message_rejected");
    decisions(&host.app.backend, 1).await;
    // It looks for old ones when it starts, too.
    host.pass(Duration::from_secs(29 * 24 * 3600)).await;
    host.restart().await;
    decisions(&host.app.backend, 1).await;
    host.pass(Duration::from_secs(2 * 24 * 3600)).await;
    host.restart().await;
    decisions(&host.app.backend, 0).await;
}
