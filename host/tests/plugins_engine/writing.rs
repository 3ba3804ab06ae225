//! What a call writes: nothing happens before the commit, reads see the call's own writes, and each
//! class of call may do what the contract says.

use std::sync::Arc;

use althing::plugins::{
    Act, Call, Chat, Command, Event, HostError, Interaction, KvRead, KvWrite, Scope, TimerWrite,
    Verdict, complete_command, guard_delete, guard_edit, handle_event, handle_interaction,
    kind_act, kind_create, run_schedule,
};

use super::chat::Prepared;
use super::support::{App, app, context, draft};

fn channel(id: &str) -> Scope {
    Scope::Channel(id.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_come_back_with_the_outcome() {
    let app = app().await;
    let effects = app.command("set 2 3").await.unwrap().effects;
    let write = |key: &str| KvWrite {
        scope: channel("general"),
        key: key.into(),
        value: Some(vec![7; 3]),
        ttl_ms: None,
    };
    assert_eq!(effects.kv_writes, [write("k0"), write("k1")]);
    assert!(effects.kv_reads.is_empty());
    let effects = app.command("sends 1").await.unwrap().effects;
    let sent = Prepared::Sent {
        channel: "general".into(),
        body: "spam".into(),
    };
    assert_eq!(effects.chat[0].downcast_ref(), Some(&sent));
    let effects = app.command("timers 1").await.unwrap().effects;
    assert!(matches!(&effects.timers[0], TimerWrite::Set { name, .. } if name == "timer 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_checked_at_the_commit() {
    let app = app().await;
    let read = |version| KvRead {
        scope: Scope::Plugin,
        key: "key".into(),
        version,
    };
    let swap = KvWrite {
        scope: Scope::Plugin,
        key: "key".into(),
        value: Some(b"mine".to_vec()),
        ttl_ms: Some(5_000),
    };
    let effects = app.command("swap").await.unwrap().effects;
    assert_eq!(effects.kv_reads, [read(None)]);
    assert_eq!(effects.kv_writes, std::slice::from_ref(&swap));
    app.chat.put("key", b"theirs", 41);
    let effects = app.command("swap").await.unwrap().effects;
    assert_eq!(effects.kv_reads, [read(Some(41))]);
    assert_eq!(effects.kv_writes, [swap]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_reads_its_own_writes() {
    let app = app().await;
    app.chat.put("same", b"old", 3);
    assert_eq!(app.report("write-read 3 5").await, "");
    assert_eq!(
        app.chat.kv_reads.load(std::sync::atomic::Ordering::Relaxed),
        0
    );
    app.chat.put("k2", b"", 1);
    app.chat.put("k4", b"", 1);
    // Writes k1 and k3, deletes k2.
    assert_eq!(app.report("list").await, "k1,k3,k4");
    assert_eq!(app.report("swap-twice").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_drops_what_was_written() {
    let app = app().await;
    let output = app.command("fail after writing").await.unwrap();
    assert_eq!(output.value, Err("failed after writing".into()));
    assert!(output.effects.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn guards_read_and_count_and_do_not_write() {
    let app = app().await;
    assert_eq!(app.guard("get").await.unwrap().value, Verdict::Allow);
    assert_eq!(app.guard("history 5").await.unwrap().value, Verdict::Allow);
    for order in [
        "set 1 1",
        "swap",
        "sends 1",
        "deletes 1",
        "timers 1",
        "attachments 1",
    ] {
        let output = app.guard(order).await.unwrap();
        let Verdict::Hold(report) = output.value else {
            panic!("{order}");
        };
        assert!(
            report.contains("Denied") && report.contains("a guard"),
            "{report}"
        );
        assert!(output.effects.is_empty());
    }
    assert_eq!(
        app.guard("count 2").await.unwrap().value,
        Verdict::Hold("2".into())
    );
    assert_eq!(
        app.guard("count 3").await.unwrap().value,
        Verdict::Hold("5".into())
    );
    assert_eq!(app.report("sum").await, "5");
    assert_eq!(app.report("config").await, "{\"colour\":\"red\"}");
}

async fn each_class(app: &App, order: &str) -> [String; 3] {
    let chat: Arc<dyn Chat> = app.chat.clone();
    let call = Call {
        install: &app.install,
        chat: &chat,
        context: &context(),
    };
    let command = Command {
        name: "hostile".into(),
        text: order.into(),
    };
    let mut choices = complete_command(call, &command).await.unwrap().value;
    let created = kind_create(call, "hostile", &order.into())
        .await
        .unwrap()
        .value
        .unwrap();
    let act = Act {
        kind: "hostile",
        data: &"{}".into(),
        state: &"{\"votes\":1}".into(),
        action: order,
        value: &"1".into(),
    };
    let shown = kind_act(call, act).await.unwrap().value.unwrap();
    assert_eq!(shown.state, "{\"votes\":1}");
    [
        choices.remove(0).value,
        created.shown.view.text,
        shown.view.text,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_only_read_and_kinds_do_not_even_that() {
    let app = app().await;
    app.guard("count 4").await.unwrap();
    assert_eq!(each_class(&app, "count 1").await, ["4", "0", "0"]);
    assert_eq!(
        each_class(&app, "config").await.map(|text| text.len()),
        [16; 3]
    );
    let [completion, created, acted] = each_class(&app, "get").await;
    assert_eq!(completion, "");
    assert!(
        created.contains("Denied") && acted.contains("Denied"),
        "{created}"
    );
    for order in ["set 1 1", "requests 1", "attachments 1"] {
        for report in each_class(&app, order).await {
            assert!(report.contains("Denied"), "{report}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_are_limited() {
    let app = app().await;
    let chat: Arc<dyn Chat> = app.chat.clone();
    let call = Call {
        install: &app.install,
        chat: &chat,
        context: &context(),
    };
    let command = Command {
        name: "hostile".into(),
        text: "1000".into(),
    };
    assert_eq!(
        complete_command(call, &command).await.unwrap().value.len(),
        20
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hook_can_be_called() {
    let app = app().await;
    let chat: Arc<dyn Chat> = app.chat.clone();
    let call = Call {
        install: &app.install,
        chat: &chat,
        context: &context(),
    };
    let edit = guard_edit(call, &draft("hello"), &draft("before"))
        .await
        .unwrap();
    assert_eq!(edit.value, Verdict::Allow);
    assert_eq!(
        guard_delete(call, &draft("hello")).await.unwrap().value,
        Verdict::Allow
    );
    let event = Event {
        kind: "message.new".into(),
        seq: 1,
        ts_ms: 1,
        data: "sends 2".into(),
    };
    let handled = handle_event(call, &event).await.unwrap();
    assert_eq!(handled.value, Ok(()));
    assert_eq!(handled.effects.chat.len(), 2);
    let asking = Event {
        data: "requests 1".into(),
        ..event
    };
    assert_eq!(handle_event(call, &asking).await.unwrap().value, Ok(()));
    let interaction = Interaction {
        message_id: "msg_1".into(),
        action: "press".into(),
        value: "timers 2".into(),
    };
    let interacted = handle_interaction(call, &interaction).await.unwrap();
    assert_eq!(interacted.effects.timers.len(), 2);
    let timer = run_schedule(call, "sends 11", &"{}".into(), &Arc::default())
        .await
        .unwrap();
    assert!(timer.value.unwrap_err().contains("Limited"));
    assert!(timer.effects.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_put_below_messages() {
    let app = app().await;
    let effects = app.command("attach msg_1 [{\"a\":1}]").await.unwrap();
    let attached = |blocks: &str| Prepared::Attached {
        id: "msg_1".into(),
        blocks: blocks.into(),
    };
    let effects = effects.effects.chat;
    assert_eq!(effects[0].downcast_ref(), Some(&attached("[{\"a\":1}]")));
    let effects = app.command("attach msg_1").await.unwrap().effects.chat;
    assert_eq!(effects[0].downcast_ref(), Some(&attached("")));
    for order in ["attach msg_1 [", "attach msg_1 ] []"] {
        let report = app.report(order).await;
        assert!(report.starts_with("Error::Invalid"), "{report}");
    }
    // They count like any change.
    assert_eq!(app.report("attachments 20").await, "");
    let report = app.report("attachments 21").await;
    assert!(report.starts_with("20: Error::Limited"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_channel_that_is_not_there_are_refused() {
    let app = app().await;
    assert!(app.report("stray").await.contains("NotFound"));
    assert_eq!(
        app.chat.owner(&channel("nowhere")).await,
        Err(HostError::NotFound("channel".into()))
    );
}
