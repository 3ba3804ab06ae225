//! Each limit: what breaks it is stopped, and passes once the limit is out of the way, so that none
//! of these tests can pass without the limit that it is about.

use std::sync::Arc;

use althing::plugins::{
    Call, Chat, Command, Event, FaultKind, Interaction, Limits, Verdict, complete_command,
    guard_send, handle_event, handle_interaction, kind_create, run_command, run_schedule,
};

use super::support::{app, app_with, assert_kind, context, draft, patient};

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_runs_out_of_cpu_time() {
    let app = app_with(Limits {
        guard_cpu_ms_max: 10,
        ..patient()
    })
    .await;
    let fault = app.guard_fault("loop").await;
    assert_kind(&fault, FaultKind::CpuLimit);
    let cpu_us = fault.usage.cpu_us;
    assert!((10_000..500_000).contains(&cpu_us), "{cpu_us}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cpu_time_is_a_limit_of_its_own() {
    let hasty = app_with(Limits {
        guard_cpu_ms_max: 10,
        ..patient()
    })
    .await;
    assert_kind(&hasty.guard_fault("spin 200").await, FaultKind::CpuLimit);
    let app = app().await;
    assert_eq!(app.guard("spin 200").await.unwrap().value, Verdict::Allow);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_call_has_a_cpu_limit() {
    let app = app_with(Limits {
        guard_cpu_ms_max: 5,
        kind_cpu_ms_max: 5,
        completion_cpu_ms_max: 5,
        request_cpu_ms_max: 5,
        event_cpu_ms_max: 5,
        ..patient()
    })
    .await;
    let chat: Arc<dyn Chat> = app.chat.clone();
    let call = Call {
        install: &app.install,
        chat: &chat,
        context: &context(),
    };
    let text = || "loop".to_owned();
    let command = Command {
        name: "hostile".into(),
        text: text(),
    };
    let event = Event {
        kind: "message.new".into(),
        seq: 1,
        ts_ms: 1,
        data: text(),
    };
    let interaction = Interaction {
        message_id: "msg_1".into(),
        action: "press".into(),
        value: text(),
    };
    let faults = [
        guard_send(call, &draft("loop")).await.err(),
        run_command(call, &command).await.err(),
        complete_command(call, &command).await.err(),
        handle_event(call, &event).await.err(),
        handle_interaction(call, &interaction).await.err(),
        kind_create(call, "hostile", &text()).await.err(),
        run_schedule(call, "loop", &text(), &Arc::default())
            .await
            .err(),
    ];
    for fault in faults {
        assert_kind(&fault.unwrap(), FaultKind::CpuLimit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_call_that_hangs_runs_out_of_wall_time() {
    let app = app_with(Limits {
        guard_wall_ms_max: 500,
        ..patient()
    })
    .await;
    let fault = app.guard_fault("hang").await;
    assert_kind(&fault, FaultKind::WallTimeout);
    assert!(fault.usage.wall_us >= 500_000);
    assert!(fault.usage.cpu_us < 250_000);
}

#[tokio::test]
async fn a_loop_runs_out_of_wall_time_on_a_single_thread_too() {
    let app = app_with(Limits {
        guard_wall_ms_max: 300,
        ..patient()
    })
    .await;
    assert_kind(&app.guard_fault("loop").await, FaultKind::WallTimeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_is_stopped() {
    let app = app().await;
    let fault = app.guard_fault("allocate 100").await;
    assert_kind(&fault, FaultKind::MemoryLimit);
    assert!(fault.usage.memory_peak_bytes <= 64 << 20);
    let app = app_with(Limits {
        memory_bytes_max: 256 << 20,
        concurrent_calls_max: 8,
        ..patient()
    })
    .await;
    let output = app.guard("allocate 100").await.unwrap();
    assert!(output.usage.memory_peak_bytes > 100 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_recursion_traps() {
    let app = app().await;
    let fault = app.guard_fault("recurse 1000000").await;
    assert_kind(&fault, FaultKind::Trap);
    assert!(fault.detail.contains("stack"), "{fault}");
    // Rust keeps a stack of its own in the guest's memory, of 1 MiB; ours comes first.
    assert_eq!(
        app.guard("recurse 100").await.unwrap().value,
        Verdict::Hold("100".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_tells_where_it_was() {
    let fault = app().await.guard_fault("trap").await;
    assert_kind(&fault, FaultKind::Trap);
    assert!(fault.detail.contains("unreachable"), "{fault}");
    // The functions of the plugin have names.
    assert!(
        fault.detail.contains(" at hostile::deeds::commit < "),
        "{fault}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn host_calls_are_counted() {
    let app = app().await;
    let fault = app.guard_fault("calls 1001").await;
    assert_kind(&fault, FaultKind::HostCallLimit);
    assert_eq!(fault.usage.host_calls, 1001);
    assert_eq!(
        app.guard("calls 1000").await.unwrap().usage.host_calls,
        1000
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_return_is_refused() {
    let app = app().await;
    let fault = app.guard_fault("return 10000000").await;
    assert_kind(&fault, FaultKind::BadOutput);
    let app = app_with(Limits {
        host_call_bytes_max: 100 << 20,
        ..patient()
    })
    .await;
    assert!(app.guard("return 10000000").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_has_a_size_and_a_sentence_is_cut() {
    let app = app().await;
    let limit = app.engine.limits().output_bytes_max;
    assert_kind(
        &app.guard_fault(&format!("patch {}", limit + 1)).await,
        FaultKind::BadOutput,
    );
    assert!(app.guard(&format!("patch {limit}")).await.is_ok());
    let verdict = app
        .guard(&format!("say {}", "é".repeat(400)))
        .await
        .unwrap()
        .value;
    let Verdict::Reject(rejection) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(rejection.reason, "é".repeat(250));
    assert_kind(
        &app.guard_fault("code Not-A-Code").await,
        FaultKind::BadOutput,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_to_the_host_is_refused() {
    let app = app().await;
    let fault = app.guard_fault("pass 2000000").await;
    assert_kind(&fault, FaultKind::HostCallLimit);
    let output = app.guard("pass 1000000").await.unwrap();
    assert_eq!(output.log[0].message.len(), 2 << 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_flood_is_cut() {
    let app = app().await;
    let output = app.guard("logs 500 1000").await.unwrap();
    assert_eq!(output.log.len(), 32);
    let all = app_with(Limits {
        log_bytes_max: 1 << 20,
        ..patient()
    })
    .await;
    assert_eq!(all.guard("logs 500 1000").await.unwrap().log.len(), 500);
    // The lines before a fault are what explains it.
    let fault = app.guard_fault("logs 2000 10").await;
    assert_kind(&fault, FaultKind::HostCallLimit);
    assert_eq!(fault.log.len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sends_is_limited() {
    let app = app().await;
    let output = app.command("sends 10000").await.unwrap();
    let text = output.value.unwrap().unwrap().text;
    assert!(text.starts_with("10: Error::Limited"), "{text}");
    assert_eq!(output.effects.chat.len(), 10);
    assert!(
        app.report("deletes 100")
            .await
            .starts_with("20: Error::Limited")
    );
    assert!(
        app.report("timers 100")
            .await
            .starts_with("20: Error::Limited")
    );
    assert!(app.report("far").await.contains("ahead"));
    assert!(app.report("payload 16385").await.contains("Limited"));
    assert_eq!(app.report("payload 16384").await, "");
    assert!(app.report("name 129").await.contains("Invalid"));
    assert_eq!(app.report("name 128").await, "");
    let app = app_with(Limits {
        sends_max: 100,
        changes_max: 100,
        timers_max: 100,
        ..patient()
    })
    .await;
    assert_eq!(
        app.command("sends 100").await.unwrap().effects.chat.len(),
        100
    );
    assert_eq!(
        app.command("deletes 100").await.unwrap().effects.chat.len(),
        100
    );
    assert_eq!(
        app.command("timers 100")
            .await
            .unwrap()
            .effects
            .timers
            .len(),
        100
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_values_is_limited() {
    let app = app().await;
    assert!(
        app.report("set 300 1")
            .await
            .starts_with("256: Error::Limited")
    );
    assert!(
        app.report("set 1 65537")
            .await
            .starts_with("0: Error::Limited")
    );
    assert!(
        app.report("set 100 65536")
            .await
            .starts_with("63: Error::Limited")
    );
    assert!(
        app.report("write-read 100 65536")
            .await
            .starts_with("31: Error::Limited")
    );
    assert!(app.report("key 257").await.starts_with("Error::Limited"));
    assert_eq!(app.report("key 256").await, "");
    let app = app_with(Limits {
        kv_writes_max: 1_000,
        kv_value_bytes_max: 1 << 20,
        kv_bytes_max: 100 << 20,
        kv_key_bytes_max: 1_000,
        ..patient()
    })
    .await;
    for order in [
        "set 300 1",
        "set 1 65537",
        "set 100 65536",
        "write-read 100 65536",
        "key 257",
    ] {
        assert_eq!(app.report(order).await, "", "{order}");
    }
}
