//! WASI gives a guest nothing but the call's time, random numbers from its seed and lines in its log;
//! and whatever a guest does with it ends within the call's budget, as a value.

use std::sync::Arc;
use std::time::{Duration, Instant};

use althing::plugins::{
    Call, Chat, Command, Context, Engine, Fault, FaultKind, Grants, Install, Level, Limits, Output,
    Reply, inspect, link, run_command,
};

use super::chat::FakeChat;
use super::support::{assert_kind, context, guest, holder, patient};

async fn intruder(limits: Limits) -> Install {
    let engine = Engine::start(limits).unwrap();
    let inspection = inspect(&engine, &guest("intruder")).unwrap();
    assert!(inspection.uses_wasi);
    let linked = link(&engine, &inspection, Grants::default()).await.unwrap();
    Install::new(&engine, &linked, holder("app_1"), "install_1", "{}")
}

/// Instances are kept, so that a call may find what one before it has left; or not.
async fn fresh(limits: Limits) -> Install {
    intruder(Limits {
        kept_instances_max: 0,
        ..limits
    })
    .await
}

async fn call_in(
    install: &Install,
    order: &str,
    context: &Context,
) -> Result<Output<Result<Option<Reply>, String>>, Fault> {
    let chat: Arc<dyn Chat> = Arc::new(FakeChat::default());
    let call = Call {
        install,
        chat: &chat,
        context,
    };
    let command = Command {
        name: "intrude".into(),
        text: order.into(),
    };
    run_command(call, &command).await
}

async fn call(
    install: &Install,
    order: &str,
) -> Result<Output<Result<Option<Reply>, String>>, Fault> {
    call_in(install, order, &context()).await
}

fn text(output: Output<Result<Option<Reply>, String>>) -> String {
    output.value.unwrap().unwrap().text
}

async fn told(install: &Install, order: &str) -> String {
    text(call(install, order).await.unwrap())
}

/// Ends in a fault; and the next call is served all the same.
async fn fault(install: &Install, order: &str) -> Fault {
    let Err(fault) = call(install, order).await else {
        panic!("`{order}` should end in a fault");
    };
    assert_eq!(told(install, "nothing").await, "done");
    fault
}

/// Sockets of this process, of any kind.
fn sockets() -> usize {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    files
        .filter_map(|file| file.path().read_link().ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

#[tokio::test]
async fn there_is_nothing_to_find_and_nobody_to_reach() {
    let install = intruder(patient()).await;
    assert_eq!(
        told(&install, "look").await,
        "0 variables, 0 arguments, nowhere, 0 folders, closed"
    );
    let before = sockets();
    // 1 is `access-denied`, 20 `permanent-resolver-failure`.
    assert_eq!(told(&install, "reach").await, "tcp 1, udp 1, name 20");
    assert_eq!(sockets(), before, "not even one that goes nowhere");
}

#[tokio::test]
async fn clocks_show_the_time_of_the_call_and_what_was_slept() {
    let install = intruder(patient()).await;
    assert_eq!(told(&install, "time").await, "1000.000 and 0 ms");
    let began = Instant::now();
    assert_eq!(told(&install, "sleep 50").await, "1000.050 and 50 ms");
    assert!(began.elapsed() >= Duration::from_millis(50));
    // The next call has its own time, in an instance that has slept.
    let later = Context {
        now_ms: 2_000_001,
        ..context()
    };
    let output = call_in(&install, "time", &later).await.unwrap();
    assert_eq!(text(output), "2000.001 and 50 ms");
}

#[tokio::test]
async fn random_numbers_are_those_of_the_seed() {
    for install in [intruder(patient()).await, fresh(patient()).await] {
        let once = told(&install, "random 100").await;
        assert_eq!(told(&install, "random 100").await, once);
        let other = Context {
            seed: 8,
            ..context()
        };
        let output = call_in(&install, "random 100", &other).await.unwrap();
        assert_ne!(text(output), once);
    }
}

#[tokio::test]
async fn what_is_printed_is_in_the_log_and_no_more_of_it_than_a_log_holds() {
    let install = intruder(Limits {
        log_bytes_max: 60,
        ..patient()
    })
    .await;
    let output = call(&install, "print 2").await.unwrap();
    let lines: Vec<_> = output
        .log
        .iter()
        .map(|line| (line.level, line.message.as_str()))
        .collect();
    let line = (Level::Info, "a line");
    assert_eq!(lines, [line, line, (Level::Info, "and half a one")]);
    let output = call(&install, "print 1000").await.unwrap();
    assert_eq!(output.log.len(), 10);
    assert_eq!(output.usage.host_calls, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sleeper_is_woken_by_the_wall_time() {
    let install = intruder(Limits {
        request_wall_ms_max: 300,
        ..patient()
    })
    .await;
    let fault = fault(&install, "sleep 3600000").await;
    assert_kind(&fault, FaultKind::WallTimeout);
    let cpu_us = fault.usage.cpu_us;
    assert!(cpu_us < 200_000, "asleep, it computed for {cpu_us} µs");
}

/// One thread serves all, and others have their turn while guests sleep.
#[tokio::test]
async fn who_sleeps_holds_up_nobody() {
    let install = intruder(patient()).await;
    let began = Instant::now();
    let sleepers = (0..20).map(|_| told(&install, "sleep 300"));
    let all = futures_util::future::join_all(sleepers).await;
    assert!(all.iter().all(|text| text.ends_with(" ms")), "{all:?}");
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(3),
        "one after the other: {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_without_end_runs_out_of_cpu_time() {
    let install = intruder(Limits {
        request_cpu_ms_max: 50,
        ..patient()
    })
    .await;
    for order in ["spin", "pour"] {
        assert_kind(&fault(&install, order).await, FaultKind::CpuLimit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_may_hold_has_an_end() {
    let install = fresh(patient()).await;
    for order in ["polls 10000", "streams 10000", "networks 10000"] {
        let fault = fault(&install, order).await;
        assert_kind(&fault, FaultKind::Trap);
        let limits = ["resource table has no free keys", "handle limit exceeded"];
        assert!(
            limits.iter().any(|limit| fault.detail.contains(limit)),
            "{fault}"
        );
    }
    assert_eq!(told(&install, "streams 900").await, "done");
    assert_eq!(told(&install, "polls 400").await, "1 ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_may_ask_for_at_once_has_an_end() {
    let install = fresh(patient()).await;
    for order in [
        "random 65537",
        "random 18446744073709551615",
        "zeroes 65537",
    ] {
        let fault = fault(&install, order).await;
        assert_kind(&fault, FaultKind::Trap);
        assert!(fault.usage.memory_peak_bytes < 2 << 20, "{fault}");
    }
    assert!(told(&install, "random 65536").await.starts_with("65536: "));
    assert_eq!(told(&install, "repeats 100").await, "100 ready");
    let fault = fault(&install, "repeats 1000").await;
    assert_kind(&fault, FaultKind::Trap);
}

#[tokio::test]
async fn an_exit_ends_the_call_and_nothing_else() {
    let install = intruder(patient()).await;
    for order in ["exit 0", "exit 1"] {
        let fault = fault(&install, order).await;
        assert_kind(&fault, FaultKind::Trap);
        assert!(fault.detail.contains("exit"), "{fault}");
    }
}
