//! Requests to the outside: which calls may send them, how many, and what becomes of a call that
//! waits for one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use althing::plugins::{
    Call, Chat, Fault, FaultKind, Limits, Output, Verdict, guard_send, run_schedule,
};
use tokio::sync::Notify;

use super::support::{App, app, app_with, assert_kind, context, draft, patient};

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
async fn what_a_call_sends_to_the_outside_can_not_be_taken_back() {
    let app = app().await;
    let effects = app.command("requests 1").await.unwrap().effects;
    assert!(effects.is_empty() && !effects.leave_no_trace());
    for deed in ["requests 0", "get"] {
        let effects = app.command(deed).await.unwrap().effects;
        assert!(effects.leave_no_trace(), "{deed}");
    }
    let effects = app.command("set 1 1").await.unwrap().effects;
    assert!(!effects.leave_no_trace());
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

impl App {
    /// Runs a timer that does the deed, and tells `waits` when it begins to wait for long.
    async fn timer(
        &self,
        deed: &str,
        waits: &Arc<Notify>,
    ) -> Result<Output<Result<(), String>>, Fault> {
        let chat: Arc<dyn Chat> = self.chat.clone();
        let call = Call {
            install: &self.install,
            chat: &chat,
            context: &context(),
        };
        run_schedule(call, deed, &"{}".into(), waits).await
    }

    fn streams(&self) -> usize {
        self.chat.streams.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_read_as_it_comes() {
    let app = app().await;
    assert_eq!(app.report("stream say:a|b").await, "200,a,b,end,end");
    assert_eq!(app.streams(), 0, "it was dropped with its handle");
    assert_eq!(app.report("stream silent").await, "200,,,,");
    let Verdict::Hold(report) = app.guard("stream say:a").await.unwrap().value else {
        panic!("a guard opened an answer");
    };
    assert!(report.contains("http.open is not for a guard"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_given_up_with_the_call() {
    let app = app_with(Limits {
        http_requests_max: 3,
        ..patient()
    })
    .await;
    assert_eq!(app.report("leak 3").await, "");
    assert_eq!(app.streams(), 0);
    let report = app.report("leak 4").await;
    assert!(report.starts_with("3: Error::Limited"), "{report}");
    assert_eq!(app.streams(), 0);
    let timer = app.timer("leak 3", &Arc::default()).await.unwrap();
    assert_eq!((timer.value, app.streams()), (Ok(()), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_timer_may_wait_for_long() {
    let limits = Limits {
        request_wall_ms_max: 300,
        event_wall_ms_max: 300,
        stream_wall_ms_max: 20_000,
        ..patient()
    };
    let app = app_with(limits.clone()).await;
    let fault = app.command("linger 600").await.err().unwrap();
    assert_kind(&fault, FaultKind::WallTimeout);
    let waits = Arc::new(Notify::new());
    let timer = app.timer("linger 600", &waits).await.unwrap();
    assert_eq!(timer.value, Ok(()));
    assert!(timer.usage.wall_us >= 600_000);
    waits.notified().await;
    // Not for whatever it likes to wait for, and not for ever.
    let fault = app.timer("hang", &waits).await.err().unwrap();
    assert_kind(&fault, FaultKind::WallTimeout);
    let app = app_with(Limits {
        stream_wall_ms_max: 600,
        ..limits
    })
    .await;
    let fault = app.timer("linger 60000", &waits).await.err().unwrap();
    assert_kind(&fault, FaultKind::WallTimeout);
    assert_eq!(app.streams(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_long_leaves_its_place_to_others() {
    let app = app_with(Limits {
        concurrent_calls_max: 2,
        app_concurrent_calls_max: 2,
        stream_calls_max: 3,
        app_stream_calls_max: 2,
        ..patient()
    })
    .await;
    let waits = [(); 2].map(|()| Arc::new(Notify::new()));
    let lingering = async {
        tokio::join!(
            app.timer("linger 60000", &waits[0]),
            app.timer("linger 60000", &waits[1])
        )
    };
    let others = async {
        for waits in &waits {
            waits.notified().await;
        }
        assert_eq!(app.report("stream say:a").await, "200,a,end,end,end");
        let chat: Arc<dyn Chat> = app.chat.clone();
        let call = Call {
            install: &app.install,
            chat: &chat,
            context: &context(),
        };
        assert!(guard_send(call, &draft("hello")).await.is_ok());
        let third = app.timer("linger 1", &Arc::default()).await.unwrap();
        let told = third.value.unwrap_err();
        assert!(told.contains("too many calls read answers"), "{told}");
    };
    tokio::select! {
        _ = lingering => panic!("nobody answers"),
        () = others => {}
    }
    // Their places are free again.
    let timer = app.timer("linger 1", &Arc::default()).await.unwrap();
    assert_eq!(timer.value, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_done_is_shown_now_and_then() {
    let often = Limits {
        progress_interval_ms_min: 0,
        progress_bytes_per_s_max: u32::MAX,
        ..patient()
    };
    let app = app_with(Limits {
        progress_interval_ms_min: 600_000,
        ..often.clone()
    })
    .await;
    assert_eq!(app.report("progress 5").await, "1 shown");
    let app = app_with(Limits {
        progress_bytes_per_s_max: 1,
        ..often.clone()
    })
    .await;
    assert_eq!(app.report("progress 5").await, "1 shown");
    // This chat's messages change at every second look.
    let app = app_with(often).await;
    assert_eq!(app.report("progress 2").await, "2 shown");
    assert_eq!(app.report("progress 5").await, "2: Error::Conflict");
    let Verdict::Hold(report) = app.guard("progress 1").await.unwrap().value else {
        panic!("a guard showed something");
    };
    assert!(
        report.contains("chat-write.progress is not for a guard"),
        "{report}"
    );
}
