//! What there is around a plugin: an engine with limits that are soon reached, a runtime to wait in, and
//! a chat layer of maps.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use althing::plugins::{
    Answer, Channel, Chat, Effect, Engine, Entry, HostError, HttpRequest, HttpResponse, Incoming,
    Limits, Member, Message, Post, Role, Scope, TimerWrite, User,
};
use tokio::runtime::Runtime;

/// The engine of the targets that call a plugin.
pub static ENGINE: LazyLock<Arc<Engine>> =
    LazyLock::new(|| Engine::start(limits()).expect("an engine"));

/// Small enough that an input of a few bytes reaches them, and time for an unoptimised host.
fn limits() -> Limits {
    Limits {
        concurrent_calls_max: 2,
        app_concurrent_calls_max: 2,
        stream_calls_max: 1,
        kept_instances_max: 1,
        guard_cpu_ms_max: 60_000,
        kind_cpu_ms_max: 60_000,
        completion_cpu_ms_max: 60_000,
        request_cpu_ms_max: 60_000,
        event_cpu_ms_max: 60_000,
        guard_wall_ms_max: 60_000,
        kind_wall_ms_max: 60_000,
        completion_wall_ms_max: 60_000,
        request_wall_ms_max: 60_000,
        event_wall_ms_max: 60_000,
        probe_cpu_ms_max: 10_000,
        host_calls_max: 24,
        log_bytes_max: 1 << 20,
        log_line_bytes_max: 1 << 19,
        http_requests_max: 2,
        sends_max: 2,
        changes_max: 3,
        timers_max: 3,
        timer_payload_bytes_max: 16,
        timer_ahead_ms_max: 1 << 20,
        kv_key_bytes_max: 8,
        kv_value_bytes_max: 16,
        kv_writes_max: 3,
        kv_bytes_max: 96,
        metrics_max: 2,
        output_bytes_max: 512,
        sentence_bytes_max: 50,
        endpoint_body_bytes_max: 128,
        choices_max: 4,
        ..Limits::default()
    }
}

/// Waits for what a call gives.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().expect("a runtime")
    });
    RUNTIME.block_on(future)
}

/// The top of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The one channel, message and user that there are.
pub const CHANNEL: &str = "c";
pub const MESSAGE: &str = "m";
pub const USER: &str = "u";

/// A chat layer with values that are committed.
#[derive(Default)]
pub struct World {
    pub kv: BTreeMap<(Scope, String), Entry>,
}

fn answer<'a, T: Send + 'a>(result: Result<T, HostError>) -> Answer<'a, T> {
    Box::pin(std::future::ready(result))
}

fn find<T>(id: &str, known: &str, found: impl FnOnce() -> T) -> Result<T, HostError> {
    match id == known {
        true => Ok(found()),
        false => Err(HostError::NotFound("it".into())),
    }
}

fn effect(id: &str, known: &str) -> Answer<'static, Effect> {
    answer(find(id, known, || Box::new(()) as Effect))
}

impl Chat for World {
    fn owner<'a>(&'a self, scope: &'a Scope) -> Answer<'a, ()> {
        answer(match scope {
            Scope::Plugin => Ok(()),
            Scope::Channel(id) => find(id, CHANNEL, || ()),
            Scope::User(id) => find(id, USER, || ()),
            Scope::Message(id) => find(id, MESSAGE, || ()),
        })
    }

    fn kv_get<'a>(&'a self, scope: &'a Scope, key: &'a str) -> Answer<'a, Option<Entry>> {
        answer(Ok(self.kv.get(&(scope.clone(), key.into())).cloned()))
    }

    fn kv_keys<'a>(
        &'a self,
        scope: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        let keys = self.kv.keys().filter(|(of, key)| {
            of == scope && key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        let keys = keys.take(limit as usize).map(|(_, key)| key.clone());
        answer(Ok(keys.collect()))
    }

    fn timer<'a>(&'a self, _: &'a str, _: &'a [TimerWrite]) -> Answer<'a, ()> {
        answer(Ok(()))
    }

    fn channel<'a>(&'a self, id: &'a str) -> Answer<'a, Channel> {
        answer(find(id, CHANNEL, || Channel {
            id: id.into(),
            kind: "messaging".into(),
            name: String::new(),
            custom: "{}".into(),
        }))
    }

    fn message<'a>(&'a self, _: &'a str) -> Answer<'a, Message> {
        answer(Err(HostError::NotFound("message".into())))
    }

    fn state<'a>(&'a self, id: &'a str) -> Answer<'a, String> {
        answer(find(id, MESSAGE, || "{}".into()))
    }

    fn history<'a>(&'a self, id: &'a str, _: Option<u64>, _: u32) -> Answer<'a, Vec<Message>> {
        answer(find(id, CHANNEL, Vec::new))
    }

    fn members<'a>(
        &'a self,
        id: &'a str,
        _: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<Member>> {
        let member = Member {
            user: USER.into(),
            role: Role::Owner,
        };
        // As many as were asked for, to see what is asked for.
        answer(find(id, CHANNEL, || vec![member; limit as usize]))
    }

    fn member<'a>(&'a self, _: &'a str, user: &'a str) -> Answer<'a, Member> {
        answer(find(user, USER, || Member {
            user: user.into(),
            role: Role::Owner,
        }))
    }

    fn channels_of<'a>(
        &'a self,
        user: &'a str,
        _: Option<&'a str>,
        _: u32,
    ) -> Answer<'a, Vec<String>> {
        answer(find(user, USER, || vec![CHANNEL.into()]))
    }

    fn user<'a>(&'a self, id: &'a str) -> Answer<'a, User> {
        answer(find(id, USER, || User {
            id: id.into(),
            name: String::new(),
            custom: "{}".into(),
        }))
    }

    fn prepare_send<'a>(
        &'a self,
        channel: &'a str,
        _: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, (String, Effect)> {
        let id = pending.len().to_string();
        answer(find(channel, CHANNEL, || (id, Box::new(()) as Effect)))
    }

    fn prepare_edit<'a>(&'a self, id: &'a str, _: Post, _: &'a [Effect]) -> Answer<'a, Effect> {
        effect(id, MESSAGE)
    }

    fn prepare_delete<'a>(&'a self, id: &'a str, _: bool, _: &'a [Effect]) -> Answer<'a, Effect> {
        effect(id, MESSAGE)
    }

    fn prepare_act<'a>(
        &'a self,
        id: &'a str,
        _: &'a str,
        _: &'a str,
        _: &'a [Effect],
    ) -> Answer<'a, Effect> {
        effect(id, MESSAGE)
    }

    fn prepare_attach<'a>(
        &'a self,
        id: &'a str,
        _: &'a str,
        _: &'a [Effect],
    ) -> Answer<'a, Effect> {
        effect(id, MESSAGE)
    }

    fn http(&self, request: HttpRequest) -> Answer<'_, HttpResponse> {
        answer(Ok(HttpResponse {
            url: request.url,
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
        }))
    }

    fn open(&self, _: HttpRequest, _: Option<Instant>) -> Answer<'_, Box<dyn Incoming>> {
        answer(Err(HostError::Unavailable("nobody".into())))
    }

    fn progress<'a>(&'a self, _: &'a str, _: Post, _: Option<u64>) -> Answer<'a, u64> {
        answer(Ok(1))
    }
}
