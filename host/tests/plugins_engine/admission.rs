//! Who gets a slot when there are few: one app can't take all, handlers can't starve guards, and
//! who waits too long or in too long a queue is told so.

use std::sync::Arc;
use std::time::Duration;

use althing::plugins::{
    Call, Chat, Engine, FaultKind, Install, Limits, Verdict, guard_send, run_command,
};
use tokio::task::JoinHandle;

use super::chat::FakeChat;
use super::support::{App, app_with, assert_kind, context, draft, install, patient};

/// Occupies a slot until it is aborted.
fn hang(install: &Arc<Install>, as_guard: bool) -> JoinHandle<()> {
    let install = Arc::clone(install);
    tokio::spawn(async move {
        let chat: Arc<dyn Chat> = Arc::new(FakeChat::default());
        let context = context();
        let call = Call {
            install: &install,
            chat: &chat,
            context: &context,
        };
        if as_guard {
            let _ = guard_send(call, &draft("hang")).await;
        } else {
            let command = althing::plugins::Command {
                name: "hostile".into(),
                text: "hang".into(),
            };
            let _ = run_command(call, &command).await;
        }
    })
}

async fn judge(install: &Install) -> Result<Verdict, FaultKind> {
    let chat: Arc<dyn Chat> = Arc::new(FakeChat::default());
    let context = context();
    let call = Call {
        install,
        chat: &chat,
        context: &context,
    };
    let outcome = guard_send(call, &draft("hello")).await;
    outcome
        .map(|output| output.value)
        .map_err(|fault| fault.kind)
}

async fn two_apps(limits: Limits) -> (Arc<Install>, Arc<Install>) {
    let engine = Engine::start(limits).unwrap();
    let first = Arc::new(install(&engine, "app_1", "install_1").await);
    let second = Arc::new(install(&engine, "app_2", "install_2").await);
    (first, second)
}

/// Lets the spawned calls get as far as they can: these tests have one thread, on which each call
/// takes its slot, or its place in the queue, when it is first polled.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_app_can_not_take_all_slots() {
    let (greedy, other) = two_apps(Limits {
        concurrent_calls_max: 8,
        send_path_slots_percent: 0,
        app_concurrent_calls_max: 4,
        guard_wall_ms_max: 1_000,
        ..patient()
    })
    .await;
    let hanging: Vec<_> = (0..20).map(|_| hang(&greedy, false)).collect();
    settle().await;
    assert_eq!(judge(&other).await, Ok(Verdict::Allow));
    assert_eq!(judge(&greedy).await, Err(FaultKind::Overloaded));
    hanging.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn many_apps_of_one_org_can_not_take_all_slots() {
    let engine = Engine::start(Limits {
        concurrent_calls_max: 8,
        send_path_slots_percent: 0,
        app_concurrent_calls_max: 2,
        app_waiting_calls_max: 4,
        waiting_calls_max: 16,
        guard_wall_ms_max: 1_000,
        ..patient()
    })
    .unwrap();
    let mut hanging = Vec::new();
    for app in 1..=6 {
        let name = format!("app_{app}_of_1");
        let greedy = Arc::new(install(&engine, &name, &name).await);
        hanging.extend((0..20).map(|_| hang(&greedy, false)));
    }
    settle().await;
    let other = install(&engine, "app_7", "other").await;
    assert_eq!(judge(&other).await, Ok(Verdict::Allow));
    // There is room for it to wait, too, when others have taken the rest.
    let third = Arc::new(install(&engine, "app_8", "third").await);
    let fourth = Arc::new(install(&engine, "app_9", "fourth").await);
    hanging.extend([&third, &third, &fourth, &fourth].map(|install| hang(install, false)));
    settle().await;
    assert_eq!(judge(&other).await, Err(FaultKind::Overloaded), "in time");
    let waiting = judge(&other);
    let free = async {
        settle().await;
        hanging[hanging.len() - 1].abort();
    };
    assert_eq!(tokio::join!(waiting, free).0, Ok(Verdict::Allow));
    hanging.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn handlers_leave_slots_to_guards() {
    let (first, second) = two_apps(Limits {
        concurrent_calls_max: 4,
        app_concurrent_calls_max: 4,
        ..patient()
    })
    .await;
    let hanging: Vec<_> = (0..20).map(|_| hang(&first, false)).collect();
    settle().await;
    assert_eq!(judge(&first).await, Ok(Verdict::Allow));
    assert_eq!(judge(&second).await, Ok(Verdict::Allow));
    hanging.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn the_queue_is_bounded_and_its_slots_come_back() {
    let (first, _) = two_apps(Limits {
        concurrent_calls_max: 2,
        send_path_slots_percent: 0,
        app_concurrent_calls_max: 2,
        app_waiting_calls_max: 3,
        guard_wall_ms_max: 20_000,
        ..patient()
    })
    .await;
    let hanging: Vec<_> = (0..5).map(|_| hang(&first, true)).collect();
    settle().await;
    let began = std::time::Instant::now();
    assert_eq!(judge(&first).await, Err(FaultKind::Overloaded));
    assert!(began.elapsed() < Duration::from_secs(10));
    hanging.iter().for_each(JoinHandle::abort);
    for task in hanging {
        let _ = task.await;
    }
    assert_eq!(judge(&first).await, Ok(Verdict::Allow));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_all_end() {
    let app = Arc::new(
        app_with(Limits {
            concurrent_calls_max: 4,
            ..patient()
        })
        .await,
    );
    let orders = [
        "hello",
        "trap",
        "calls 1001",
        "recurse 1000000",
        "hello",
        "allocate 100",
    ];
    let calls: Vec<_> = (0..120)
        .map(|at| {
            let app = Arc::clone(&app);
            let order = orders[at % orders.len()];
            tokio::spawn(async move { (order, app.guard(order).await) })
        })
        .collect();
    for call in calls {
        let (order, outcome) = call.await.unwrap();
        match order {
            "hello" => assert_eq!(outcome.unwrap().value, Verdict::Allow),
            "calls 1001" => assert_kind(&outcome.err().unwrap(), FaultKind::HostCallLimit),
            "allocate 100" => assert_kind(&outcome.err().unwrap(), FaultKind::MemoryLimit),
            _ => assert_kind(&outcome.err().unwrap(), FaultKind::Trap),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_compute_for_long_take_turns_with_those_of_other_apps() {
    let app = app_with(Limits {
        guard_cpu_ms_max: 500,
        guard_wall_ms_max: 60_000,
        long_calls_max: 1,
        app_long_calls_max: 1,
        ..patient()
    })
    .await;
    let other = App {
        install: install(&app.engine, "app_2", "install_2").await,
        engine: app.engine.clone(),
        chat: app.chat.clone(),
    };
    let app = Arc::new(app);
    let loops: Vec<_> = (0..6)
        .map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move { app.guard("loop").await.map(drop).unwrap_err() })
        })
        .collect();
    // Long itself: it computes for some milliseconds.
    assert_eq!(other.guard("spin 20").await.unwrap().value, Verdict::Allow);
    assert!(
        loops.iter().all(|task| !task.is_finished()),
        "the loops should still run"
    );
    for task in loops {
        assert_kind(&task.await.unwrap(), FaultKind::CpuLimit);
    }
}

/// Nobody is blamed for what it did not have: a call that waited for its slot has all of its time then.
#[tokio::test]
async fn the_wait_for_a_slot_is_not_the_calls_own() {
    let (first, _) = two_apps(Limits {
        concurrent_calls_max: 2,
        send_path_slots_percent: 0,
        request_wall_ms_max: 300,
        guard_wall_ms_max: 2_000,
        ..patient()
    })
    .await;
    let handlers = [hang(&first, false), hang(&first, false)];
    settle().await;
    let chat: Arc<dyn Chat> = Arc::new(FakeChat::default());
    let context = context();
    let call = Call {
        install: &first,
        chat: &chat,
        context: &context,
    };
    let fault = guard_send(call, &draft("hang"))
        .await
        .err()
        .expect("a fault");
    assert_eq!(fault.kind, FaultKind::WallTimeout);
    let took = Duration::from_micros(fault.usage.wall_us);
    assert!(took >= Duration::from_millis(2_250), "{took:?}");
    for handler in handlers {
        let _ = handler.await;
    }
}

/// Neither is the wait for a turn among those that compute for long, though there is an end to it.
#[tokio::test(flavor = "multi_thread")]
async fn the_wait_for_a_turn_is_not_the_calls_own() {
    for (busy_ms_max, some) in [(60_000, FaultKind::CpuLimit), (50, FaultKind::Overloaded)] {
        let app = Arc::new(
            app_with(Limits {
                guard_cpu_ms_max: 200,
                guard_wall_ms_max: 400,
                long_calls_max: 1,
                app_long_calls_max: 1,
                busy_ms_max,
                ..patient()
            })
            .await,
        );
        // Together they take three times as long as each may.
        let loops: Vec<_> = (0..6)
            .map(|_| {
                let app = Arc::clone(&app);
                tokio::spawn(async move { app.guard("loop").await.map(drop).unwrap_err().kind })
            })
            .collect();
        let mut ended = Vec::new();
        for task in loops {
            ended.push(task.await.unwrap());
        }
        assert!(ended.contains(&some), "{ended:?}");
        assert!(!ended.contains(&FaultKind::WallTimeout), "{ended:?}");
        assert_eq!(busy_ms_max == 50, ended.contains(&FaultKind::Overloaded));
    }
}
