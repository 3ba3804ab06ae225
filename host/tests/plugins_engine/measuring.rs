//! What a call reports about itself, and what calls share.

use std::sync::Arc;
use std::time::Duration;

use althing::plugins::{Engine, FaultKind, Limits, Verdict, inspect, link};

use super::support::{all_but_moderation, app, app_with, assert_kind, guest, install, patient};

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_measured() {
    let app = app().await;
    let usage = app.guard("calls 10").await.unwrap().usage;
    assert_eq!(usage.host_calls, 10);
    assert!(usage.memory_peak_bytes >= 1 << 20, "{usage:?}");
    assert!(usage.cpu_us > 0 && usage.wall_us > 0, "{usage:?}");
    let usage = app.guard("spin 50").await.unwrap().usage;
    assert!(usage.cpu_us > 5_000, "{usage:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_lets_others_have_their_turn() {
    let app = app_with(Limits {
        guard_cpu_ms_max: 1_000,
        ..patient()
    })
    .await;
    let app = Arc::new(app);
    // More loops than this machine has threads.
    let threads = std::thread::available_parallelism().map_or(8, usize::from) + 2;
    let loops: Vec<_> = (0..threads)
        .map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move { app.guard("loop").await.is_err() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(app.guard("hello").await.unwrap().value, Verdict::Allow);
    assert!(
        loops.iter().any(|task| !task.is_finished()),
        "the loops should still run"
    );
    for task in loops {
        assert!(task.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_call() {
    let app = app().await;
    for _ in 0..3 {
        assert_eq!(
            app.guard("remember").await.unwrap().value,
            Verdict::Hold("1".into())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_code_with_equal_grants_is_shared() {
    let engine = Engine::start(patient()).unwrap();
    let bytes = guest("hostile");
    let first = inspect(&engine, &bytes).unwrap();
    let second = inspect(&engine, &bytes).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let grants = all_but_moderation();
    let one = link(&engine, &first, grants).await.unwrap();
    let other = link(&engine, &second, grants).await.unwrap();
    assert!(Arc::ptr_eq(&one, &other));
    drop((first, second));
    let weak = Arc::downgrade(&one);
    drop((one, other));
    assert!(weak.upgrade().is_none(), "code that nobody uses is freed");
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_outlive_a_change_of_an_install_and_go_with_it() {
    let mut app = app().await;
    assert_eq!(app.report("count 2").await, "2");
    app.install = install(&app.engine, "app_1", "install_1").await;
    assert_eq!(app.report("count 2").await, "4");
    app.install = install(&app.engine, "app_1", "install_2").await;
    assert_eq!(app.report("count 2").await, "2");
    app.install = install(&app.engine, "app_1", "install_1").await;
    assert_eq!(app.report("count 2").await, "2");
}

/// The epoch's thread sleeps when nothing runs, and must be up again in time.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_slept_still_stops_a_loop() {
    let app = app_with(Limits {
        guard_cpu_ms_max: 10,
        ..patient()
    })
    .await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_kind(&app.guard("loop").await.err().unwrap(), FaultKind::CpuLimit);
}
