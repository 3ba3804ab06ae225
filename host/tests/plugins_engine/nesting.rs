//! A handler's message runs guards while the handler waits, so a call runs within another's host
//! call: on its stack, in its poll. Each still has its own budget and its own outcome.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use althing::plugins::{
    Answer, Call, Channel, Chat, Command, Effect, Entry, Fault, FaultKind, HostError, HttpRequest,
    HttpResponse, Incoming, Install, Limits, Member, Message, Post, Scope, TimerWrite, User,
    Verdict, guard_send, run_command,
};

use super::chat::FakeChat;
use super::support::{app_with, assert_kind, context, draft, install, patient};

/// A chat layer that asks a guard before each message. The guard is told `order`.
struct Guarded {
    plain: Arc<FakeChat>,
    guard: Install,
    order: &'static str,
    outcomes: Mutex<Vec<Result<Verdict, Fault>>>,
}

impl Guarded {
    async fn judge(&self) {
        let chat: Arc<dyn Chat> = self.plain.clone();
        let call = Call {
            install: &self.guard,
            chat: &chat,
            context: &context(),
        };
        let outcome = guard_send(call, &draft(self.order)).await;
        self.outcomes
            .lock()
            .unwrap()
            .push(outcome.map(|output| output.value));
    }
}

impl Chat for Guarded {
    fn prepare_send<'a>(
        &'a self,
        channel: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, (String, Effect)> {
        Box::pin(async move {
            self.judge().await;
            self.plain.prepare_send(channel, post, pending).await
        })
    }

    fn owner<'a>(&'a self, scope: &'a Scope) -> Answer<'a, ()> {
        self.plain.owner(scope)
    }

    fn kv_get<'a>(&'a self, scope: &'a Scope, key: &'a str) -> Answer<'a, Option<Entry>> {
        self.plain.kv_get(scope, key)
    }

    fn kv_keys<'a>(
        &'a self,
        scope: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        self.plain.kv_keys(scope, prefix, after, limit)
    }

    fn timer<'a>(&'a self, name: &'a str, pending: &'a [TimerWrite]) -> Answer<'a, ()> {
        self.plain.timer(name, pending)
    }

    fn channel<'a>(&'a self, id: &'a str) -> Answer<'a, Channel> {
        self.plain.channel(id)
    }

    fn message<'a>(&'a self, id: &'a str) -> Answer<'a, Message> {
        self.plain.message(id)
    }

    fn state<'a>(&'a self, id: &'a str) -> Answer<'a, String> {
        self.plain.state(id)
    }

    fn history<'a>(
        &'a self,
        channel: &'a str,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<'a, Vec<Message>> {
        self.plain.history(channel, before, limit)
    }

    fn members<'a>(
        &'a self,
        channel: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<Member>> {
        self.plain.members(channel, after, limit)
    }

    fn member<'a>(&'a self, channel: &'a str, user: &'a str) -> Answer<'a, Member> {
        self.plain.member(channel, user)
    }

    fn channels_of<'a>(
        &'a self,
        user: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        self.plain.channels_of(user, after, limit)
    }

    fn user<'a>(&'a self, id: &'a str) -> Answer<'a, User> {
        self.plain.user(id)
    }

    fn prepare_edit<'a>(
        &'a self,
        id: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        self.plain.prepare_edit(id, post, pending)
    }

    fn prepare_delete<'a>(&'a self, _: &'a str, _: bool, _: &'a [Effect]) -> Answer<'a, Effect> {
        Box::pin(async {
            tokio::task::yield_now().await;
            Err(HostError::Unavailable("later".into()))
        })
    }

    fn prepare_act<'a>(
        &'a self,
        id: &'a str,
        action: &'a str,
        value: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        self.plain.prepare_act(id, action, value, pending)
    }

    fn open(&self, request: HttpRequest, until: Option<Instant>) -> Answer<'_, Box<dyn Incoming>> {
        self.plain.open(request, until)
    }

    fn progress<'a>(&'a self, id: &'a str, post: Post, seen: Option<u64>) -> Answer<'a, u64> {
        self.plain.progress(id, post, seen)
    }

    fn prepare_attach<'a>(
        &'a self,
        id: &'a str,
        blocks: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        self.plain.prepare_attach(id, blocks, pending)
    }

    fn http(&self, request: HttpRequest) -> Answer<'_, HttpResponse> {
        self.plain.http(request)
    }
}

/// Sends three messages, each of which the guard judges.
async fn send_three(limits: Limits, order: &'static str) -> (u64, Vec<Result<Verdict, Fault>>) {
    let app = app_with(limits).await;
    let guarded = Arc::new(Guarded {
        plain: app.chat.clone(),
        guard: install(&app.engine, "app_1", "install_2").await,
        order,
        outcomes: Mutex::default(),
    });
    let chat: Arc<dyn Chat> = guarded.clone();
    let call = Call {
        install: &app.install,
        chat: &chat,
        context: &context(),
    };
    let command = Command {
        name: "hostile".into(),
        text: "sends 3".into(),
    };
    let output = run_command(call, &command).await.unwrap();
    assert_eq!(output.effects.chat.len(), 3);
    let outcomes = std::mem::take(&mut *guarded.outcomes.lock().unwrap());
    (output.usage.cpu_us, outcomes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_runs_within_a_handler() {
    let (_, outcomes) = send_three(patient(), "hello").await;
    assert_eq!(outcomes.len(), 3);
    for outcome in outcomes {
        assert_eq!(outcome.unwrap(), Verdict::Allow);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_loops_is_not_the_handlers_fault() {
    let limits = Limits {
        guard_cpu_ms_max: 100,
        request_cpu_ms_max: 90,
        ..patient()
    };
    let (handler_us, outcomes) = send_three(limits, "loop").await;
    for outcome in outcomes {
        assert_kind(&outcome.unwrap_err(), FaultKind::CpuLimit);
    }
    assert!(handler_us < 90_000, "{handler_us}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_traps_is_not_the_handlers_fault() {
    for order in ["trap", "recurse 1000000", "calls 1001"] {
        let (_, outcomes) = send_three(patient(), order).await;
        assert!(outcomes.iter().all(Result::is_err), "{order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_slots_do_not_lock_a_handler_and_its_guards() {
    let limits = Limits {
        concurrent_calls_max: 2,
        app_concurrent_calls_max: 2,
        ..patient()
    };
    let (_, outcomes) = send_three(limits, "hello").await;
    assert!(outcomes.iter().all(Result::is_ok));
}
