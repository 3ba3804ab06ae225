//! Instances that are kept: they serve one install, one call at a time, and no longer than they may.

use std::sync::Arc;

use althing::plugins::{
    Call, Chat, Command, Engine, Fault, FaultKind, Grants, Install, Limits, Output, Permission,
    Reply, inspect, link, run_command,
};
use futures_util::future::join_all;

use super::chat::FakeChat;
use super::support::{app, assert_kind, context, guest, holder, patient};

async fn rememberer(engine: &Arc<Engine>, app: &str) -> Install {
    let inspection = inspect(engine, &guest("rememberer")).unwrap();
    let grants: Grants = [Permission::ChatWrite, Permission::Counters]
        .into_iter()
        .collect();
    let linked = link(engine, &inspection, grants).await.unwrap();
    Install::new(
        engine,
        &linked,
        holder(app),
        &format!("install of {app}"),
        "{}",
    )
}

async fn call(
    install: &Install,
    order: &str,
) -> Result<Output<Result<Option<Reply>, String>>, Fault> {
    let chat: Arc<dyn Chat> = Arc::new(FakeChat::default());
    let call = Call {
        install,
        chat: &chat,
        context: &context(),
    };
    let command = Command {
        name: "count".into(),
        text: order.into(),
    };
    run_command(call, &command).await
}

/// How many calls the instance had served by the end of this one.
async fn count(install: &Install, order: &str) -> u32 {
    let reply = call(install, order).await.unwrap().value.unwrap().unwrap();
    reply.text.parse().unwrap()
}

async fn counts(install: &Install, order: &str, calls: usize) -> Vec<u32> {
    let mut counts = Vec::new();
    for _ in 0..calls {
        counts.push(count(install, order).await);
    }
    counts
}

#[tokio::test]
async fn an_instance_is_kept_only_for_those_who_ask() {
    let engine = Engine::start(patient()).unwrap();
    let install = rememberer(&engine, "app_1").await;
    assert_eq!(counts(&install, "", 3).await, [1, 2, 3]);
    // The hostile plugin does not ask, and remembers nothing.
    let forgetful = app().await;
    assert_eq!(forgetful.report("remember").await, "1");
    assert_eq!(forgetful.report("remember").await, "1");
}

#[tokio::test]
async fn installs_never_share_an_instance() {
    let engine = Engine::start(patient()).unwrap();
    let (one, other) = (
        rememberer(&engine, "app_1").await,
        rememberer(&engine, "app_2").await,
    );
    assert_eq!(counts(&one, "", 2).await, [1, 2]);
    assert_eq!(counts(&other, "", 2).await, [1, 2]);
    // The same app with other settings is another install.
    drop(one);
    let again = rememberer(&engine, "app_1").await;
    assert_eq!(counts(&again, "", 2).await, [1, 2]);
    assert_eq!(count(&other, "").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_serves_one_call_at_a_time() {
    let engine = Engine::start(patient()).unwrap();
    let install = rememberer(&engine, "app_1").await;
    let calls = join_all((0..32).map(|_| count(&install, "send"))).await;
    let first = calls.iter().filter(|count| **count == 1).count();
    let again = counts(&install, "", 1).await[0];
    assert!(first >= 1 && (2..=33).contains(&again), "{calls:?}");
}

#[tokio::test]
async fn an_instance_serves_so_many_calls() {
    let engine = Engine::start(Limits {
        kept_instance_calls_max: 3,
        ..patient()
    })
    .unwrap();
    let install = rememberer(&engine, "app_1").await;
    assert_eq!(counts(&install, "", 5).await, [1, 2, 3, 1, 2]);
}

#[tokio::test]
async fn what_others_have_noticed_is_not_done_twice() {
    let engine = Engine::start(patient()).unwrap();
    let install = rememberer(&engine, "app_1").await;
    assert_eq!(count(&install, "tally").await, 1);
    let fault = call(&install, "tally").await.err().unwrap();
    assert_kind(&fault, FaultKind::Trap);
    assert_eq!(count(&install, "tally").await, 3, "each was counted once");
    // With nothing done another instance has a try, and the log says so.
    let again = call(&install, "panic-at 2").await.unwrap();
    assert_eq!(again.log.len(), 2, "{:?}", again.log);
    assert!(
        again
            .log
            .iter()
            .any(|line| line.message.contains("in an instance that was kept"))
    );
}

#[tokio::test]
async fn a_large_instance_is_not_kept() {
    let engine = Engine::start(Limits {
        kept_instance_bytes_max: 12 << 20,
        ..patient()
    })
    .unwrap();
    let install = rememberer(&engine, "app_1").await;
    assert_eq!(counts(&install, "grow 2", 3).await, [1, 2, 3]);
    assert_eq!(counts(&install, "grow 6", 2).await, [4, 1]);
}

#[tokio::test]
async fn those_who_wait_longest_make_room() {
    let engine = Engine::start(Limits {
        kept_instances_max: 2,
        ..patient()
    })
    .unwrap();
    let mut installs = Vec::new();
    for app in ["app_1", "app_2", "app_3"] {
        installs.push(rememberer(&engine, app).await);
    }
    for install in &installs {
        assert_eq!(count(install, "").await, 1);
    }
    assert_eq!(count(&installs[2], "").await, 2);
    assert_eq!(count(&installs[1], "").await, 2);
    assert_eq!(count(&installs[0], "").await, 1);
    assert_eq!(count(&installs[1], "").await, 3);
    assert_eq!(count(&installs[2], "").await, 1);
}

#[tokio::test]
async fn many_apps_of_one_org_leave_another_its_instance() {
    let engine = Engine::start(Limits {
        kept_instances_max: 3,
        ..patient()
    })
    .unwrap();
    let other = rememberer(&engine, "app_9").await;
    assert_eq!(count(&other, "").await, 1);
    let mut greedy = Vec::new();
    for app in 1..=6 {
        greedy.push(rememberer(&engine, &format!("app_{app}_of_1")).await);
        assert_eq!(counts(&greedy[app - 1], "", 1).await, [1]);
    }
    assert_eq!(count(&other, "").await, 2);
}

/// What an instance remembers may be what breaks it: the call is then made in a fresh one.
#[tokio::test]
async fn what_breaks_for_what_was_remembered_is_tried_afresh() {
    let engine = Engine::start(patient()).unwrap();
    let install = rememberer(&engine, "app_1").await;
    assert_eq!(counts(&install, "panic-at 3", 4).await, [1, 2, 1, 2]);
    // In a fresh one too, it is the plugin's fault.
    let install = rememberer(&engine, "app_2").await;
    let fault = call(&install, "panic-at 1").await.err().unwrap();
    assert_kind(&fault, FaultKind::Trap);
    assert_eq!(count(&install, "").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_has_its_cpu_time_once() {
    let engine = Engine::start(Limits {
        request_cpu_ms_max: 20,
        ..patient()
    })
    .unwrap();
    let install = rememberer(&engine, "app_1").await;
    assert_eq!(count(&install, "spin").await, 1);
    let fault = call(&install, "spin").await.err().unwrap();
    assert_kind(&fault, FaultKind::CpuLimit);
    assert_eq!(count(&install, "").await, 1);
}

#[tokio::test]
async fn each_call_has_its_own_effects_and_figures() {
    let engine = Engine::start(patient()).unwrap();
    let install = rememberer(&engine, "app_1").await;
    for _ in 0..20 {
        // More than `sends_max` in all, one in each.
        let output = call(&install, "send").await.unwrap();
        assert_eq!(output.effects.chat.len(), 1);
        assert_eq!(output.usage.host_calls, 1);
        assert!(output.usage.memory_peak_bytes > 0);
    }
}
