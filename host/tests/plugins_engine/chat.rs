//! A chat layer of maps, with one channel, `general`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use althing::plugins::{
    Answer, Channel, Chat, Draft, Effect, Entry, HostError, HttpRequest, HttpResponse, Incoming,
    Member, Message, Post, Role, Scope, TimerWrite, User,
};

/// What it prepared; the tests look at it again.
#[derive(Debug, PartialEq)]
pub enum Prepared {
    Sent { channel: String, body: String },
    Changed { id: String },
    Attached { id: String, blocks: String },
}

#[derive(Default)]
pub struct FakeChat {
    pub kv: Mutex<BTreeMap<(Scope, String), Entry>>,
    pub kv_reads: AtomicUsize,
    /// Answers that are being read.
    pub streams: Arc<AtomicUsize>,
    /// The revision that every message has.
    pub revision: AtomicUsize,
}

impl FakeChat {
    pub fn put(&self, key: &str, value: &[u8], version: u64) {
        let entry = Entry {
            value: value.to_vec(),
            version,
        };
        self.kv
            .lock()
            .unwrap()
            .insert((Scope::Plugin, key.into()), entry);
    }
}

fn answer<'a, T: Send + 'a>(result: Result<T, HostError>) -> Answer<'a, T> {
    Box::pin(std::future::ready(result))
}

fn missing<T>(what: &str) -> Result<T, HostError> {
    Err(HostError::NotFound(what.into()))
}

impl Chat for FakeChat {
    fn owner<'a>(&'a self, scope: &'a Scope) -> Answer<'a, ()> {
        answer(match scope {
            Scope::Channel(id) if id != "general" => missing("channel"),
            _ => Ok(()),
        })
    }

    fn kv_get<'a>(&'a self, scope: &'a Scope, key: &'a str) -> Answer<'a, Option<Entry>> {
        if key == "hang" {
            return Box::pin(std::future::pending());
        }
        self.kv_reads.fetch_add(1, Ordering::Relaxed);
        let kv = self.kv.lock().unwrap();
        answer(Ok(kv.get(&(scope.clone(), key.into())).cloned()))
    }

    fn kv_keys<'a>(
        &'a self,
        scope: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        let kv = self.kv.lock().unwrap();
        let keys = kv.keys().filter(|(of, key)| {
            of == scope && key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        answer(Ok(keys
            .take(limit as usize)
            .map(|(_, key)| key.clone())
            .collect()))
    }

    fn timer<'a>(&'a self, _: &'a str, _: &'a [TimerWrite]) -> Answer<'a, ()> {
        answer(Ok(()))
    }

    fn channel<'a>(&'a self, _: &'a str) -> Answer<'a, Channel> {
        answer(missing("channel"))
    }

    fn message<'a>(&'a self, _: &'a str) -> Answer<'a, Message> {
        answer(missing("message"))
    }

    fn state<'a>(&'a self, _: &'a str) -> Answer<'a, String> {
        answer(missing("message"))
    }

    fn history<'a>(
        &'a self,
        channel: &'a str,
        _: Option<u64>,
        limit: u32,
    ) -> Answer<'a, Vec<Message>> {
        let message = |seq: u64| Message {
            id: format!("msg_{seq}"),
            channel: channel.into(),
            seq,
            sender: "alice".into(),
            ts_ms: seq,
            content: Draft {
                kind: "text".into(),
                text: "hello".into(),
                data: "\"hello\"".into(),
            },
            deleted: false,
        };
        answer(Ok((1..=u64::from(limit)).rev().map(message).collect()))
    }

    fn members<'a>(&'a self, _: &'a str, _: Option<&'a str>, _: u32) -> Answer<'a, Vec<Member>> {
        let alice = Member {
            user: "alice".into(),
            role: Role::Owner,
        };
        answer(Ok(vec![alice]))
    }

    fn member<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, Member> {
        answer(missing("participant"))
    }

    fn channels_of<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a str>,
        _: u32,
    ) -> Answer<'a, Vec<String>> {
        answer(Ok(Vec::new()))
    }

    fn user<'a>(&'a self, _: &'a str) -> Answer<'a, User> {
        answer(missing("user"))
    }

    fn prepare_send<'a>(
        &'a self,
        channel: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, (String, Effect)> {
        let effect: Effect = Box::new(Prepared::Sent {
            channel: channel.into(),
            body: post.body,
        });
        answer(Ok((format!("msg_{}", pending.len()), effect)))
    }

    fn prepare_edit<'a>(&'a self, id: &'a str, _: Post, _: &'a [Effect]) -> Answer<'a, Effect> {
        answer(Ok(Box::new(Prepared::Changed { id: id.into() })))
    }

    fn prepare_delete<'a>(&'a self, id: &'a str, _: bool, _: &'a [Effect]) -> Answer<'a, Effect> {
        answer(Ok(Box::new(Prepared::Changed { id: id.into() })))
    }

    fn prepare_act<'a>(
        &'a self,
        id: &'a str,
        _: &'a str,
        _: &'a str,
        _: &'a [Effect],
    ) -> Answer<'a, Effect> {
        answer(Ok(Box::new(Prepared::Changed { id: id.into() })))
    }

    fn prepare_attach<'a>(
        &'a self,
        id: &'a str,
        blocks: &'a str,
        _: &'a [Effect],
    ) -> Answer<'a, Effect> {
        let (id, blocks) = (id.into(), blocks.into());
        answer(Ok(Box::new(Prepared::Attached { id, blocks })))
    }

    fn http(&self, request: HttpRequest) -> Answer<'_, HttpResponse> {
        if request.url == "hang" {
            return Box::pin(std::future::pending());
        }
        answer(Ok(HttpResponse {
            url: request.url,
            status: 200,
            headers: Vec::new(),
            body: request.body,
        }))
    }

    fn open(&self, request: HttpRequest, _: Option<Instant>) -> Answer<'_, Box<dyn Incoming>> {
        if request.url == "hang" {
            return Box::pin(std::future::pending());
        }
        self.streams.fetch_add(1, Ordering::Relaxed);
        let pieces = request.url.strip_prefix("say:").map(|said| {
            let pieces = said.split('|').map(|piece| piece.as_bytes().to_vec());
            pieces.collect()
        });
        let stream: Box<dyn Incoming> = Box::new(FakeStream {
            pieces,
            open: self.streams.clone(),
        });
        answer(Ok(stream))
    }

    fn progress<'a>(&'a self, _: &'a str, _: Post, seen: Option<u64>) -> Answer<'a, u64> {
        let _ = seen;
        answer(Ok(self.revision.fetch_add(1, Ordering::Relaxed) as u64 / 2))
    }
}

/// An answer that says some things, or nothing for ever.
struct FakeStream {
    pieces: Option<VecDeque<Vec<u8>>>,
    open: Arc<AtomicUsize>,
}

impl Incoming for FakeStream {
    fn status(&self) -> u16 {
        200
    }

    fn headers(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn read(&mut self, wait: Duration, _: Duration) -> Answer<'_, Option<Vec<u8>>> {
        match &mut self.pieces {
            Some(pieces) => answer(Ok(pieces.pop_front())),
            None => Box::pin(async move {
                tokio::time::sleep(wait).await;
                Ok(Some(Vec::new()))
            }),
        }
    }
}

impl Drop for FakeStream {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
