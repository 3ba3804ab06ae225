//! Requests to the outside: which calls may send them, how many, and what becomes of a call that
//! waits for one.

use std::time::Duration;

use althing::plugins::{FaultKind, Limits, Verdict};

use super::support::{App, app, app_with, assert_kind, patient};

/// Whether the guard's request was refused because a guard sent it.
async fn is_refused_to_guards(app: &App) -> bool {
    let Verdict::Hold(report) = app.guard("requests 1").await.unwrap().value else {
        return false;
    };
    report.contains("Denied") && report.contains("http.send is not for a guard")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_sends_so_many_requests() {
    let app = app_with(Limits {
        http_requests_max: 3,
        ..patient()
    })
    .await;
    assert_eq!(app.report("requests 3").await, "");
    let report = app.report("requests 4").await;
    assert!(report.starts_with("3: Error::Limited"), "{report}");
    assert!(is_refused_to_guards(&app).await);
    // A guard's tries are not counted against the next call.
    assert_eq!(app.report("requests 3").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_an_answer_ends_in_time() {
    let app = app_with(Limits {
        request_wall_ms_max: 500,
        ..patient()
    })
    .await;
    let fault = app.command("wait").await.err().unwrap();
    assert_kind(&fault, FaultKind::WallTimeout);
    assert!(fault.usage.wall_us >= 500_000);
    assert!(fault.usage.cpu_us < 250_000);
}

/// On one thread: whoever waits for an answer lets the others go on.
#[tokio::test]
async fn a_call_that_waits_gives_up_its_cpu() {
    let app = app().await;
    let waits = app.command("wait");
    let others = async {
        for _ in 0..20 {
            assert_eq!(app.guard("hello").await.unwrap().value, Verdict::Allow);
        }
    };
    tokio::select! {
        biased;
        _ = waits => panic!("nobody answers"),
        done = tokio::time::timeout(Duration::from_secs(15), others) => done.unwrap(),
    }
}
