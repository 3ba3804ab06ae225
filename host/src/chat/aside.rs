//! The chat as a shadow sees it: it reads what there is, with the values that the active version saw,
//! and whatever it asks for seems to be done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::plugins::{
    Answer, Channel, Chat, Effect, Entry, HostError, HttpRequest, HttpResponse, Incoming, Member,
    Message, Post, Room, Scope, Seen, TimerWrite, User,
};

/// What a call that is compared with another may ask of the chat.
pub(super) struct Aside {
    chat: Arc<dyn Chat>,
    /// Values and keys as the other call saw them, which may have written others since.
    seen: Seen,
    sent: AtomicU64,
}

impl Aside {
    pub(super) fn new(chat: Arc<dyn Chat>, seen: Seen) -> Self {
        Self {
            chat,
            seen,
            sent: AtomicU64::new(0),
        }
    }

    /// Whether it is the id of a message that this call seemed to send.
    fn is_own(&self, id: &str) -> bool {
        (0..self.sent.load(Relaxed)).any(|n| id == own_id(n))
    }

    async fn known(&self, id: &str) -> Result<Effect, HostError> {
        if !self.is_own(id) {
            self.chat.message(id).await?;
        }
        Ok(Box::new(()))
    }
}

fn nothing_outside() -> HostError {
    let detail = "a version that is only compared with another reaches nothing outside";
    HostError::Denied(detail.into())
}

fn own_id(n: u64) -> String {
    format!("msg_{n:016x}")
}

impl Chat for Aside {
    fn owner<'a>(&'a self, scope: &'a Scope) -> Answer<'a, ()> {
        match scope {
            Scope::Message(id) if self.is_own(id) => Box::pin(async { Ok(()) }),
            scope => self.chat.owner(scope),
        }
    }

    fn kv_get<'a>(&'a self, scope: &'a Scope, key: &'a str) -> Answer<'a, Option<Entry>> {
        let mut seen = self.seen.values.iter();
        match seen.find(|(of, known, _)| of == scope && known == key) {
            Some((_, _, entry)) => Box::pin(async move { Ok(entry.clone()) }),
            None => self.chat.kv_get(scope, key),
        }
    }

    fn kv_keys<'a>(
        &'a self,
        scope: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        let mut lists = self.seen.lists.iter();
        let listed = lists.find(|list| {
            list.scope == *scope && list.prefix == prefix && list.after.as_deref() == after
        });
        match listed {
            Some(list) => Box::pin(async { Ok(list.keys.clone()) }),
            None => self.chat.kv_keys(scope, prefix, after, limit),
        }
    }

    fn kv_room(&self, wanted: Room) -> Answer<'_, Option<Room>> {
        self.chat.kv_room(wanted)
    }

    fn timer<'a>(&'a self, name: &'a str, pending: &'a [TimerWrite]) -> Answer<'a, ()> {
        self.chat.timer(name, pending)
    }

    fn channel<'a>(&'a self, id: &'a str) -> Answer<'a, Channel> {
        self.chat.channel(id)
    }

    fn message<'a>(&'a self, id: &'a str) -> Answer<'a, Message> {
        self.chat.message(id)
    }

    fn history<'a>(
        &'a self,
        channel: &'a str,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<'a, Vec<Message>> {
        self.chat.history(channel, before, limit)
    }

    fn members<'a>(
        &'a self,
        channel: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<Member>> {
        self.chat.members(channel, after, limit)
    }

    fn state<'a>(&'a self, id: &'a str) -> Answer<'a, String> {
        self.chat.state(id)
    }

    fn member<'a>(&'a self, channel: &'a str, user: &'a str) -> Answer<'a, Member> {
        self.chat.member(channel, user)
    }

    fn channels_of<'a>(
        &'a self,
        user: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        self.chat.channels_of(user, after, limit)
    }

    fn user<'a>(&'a self, id: &'a str) -> Answer<'a, User> {
        self.chat.user(id)
    }

    fn prepare_send<'a>(
        &'a self,
        channel: &'a str,
        _: Post,
        _: &'a [Effect],
    ) -> Answer<'a, (String, Effect)> {
        Box::pin(async move {
            self.chat.channel(channel).await?;
            let effect: Effect = Box::new(());
            Ok((own_id(self.sent.fetch_add(1, Relaxed)), effect))
        })
    }

    fn prepare_edit<'a>(&'a self, id: &'a str, _: Post, _: &'a [Effect]) -> Answer<'a, Effect> {
        Box::pin(self.known(id))
    }

    fn prepare_delete<'a>(&'a self, id: &'a str, _: bool, _: &'a [Effect]) -> Answer<'a, Effect> {
        Box::pin(self.known(id))
    }

    fn prepare_act<'a>(
        &'a self,
        id: &'a str,
        _: &'a str,
        _: &'a str,
        _: &'a [Effect],
    ) -> Answer<'a, Effect> {
        Box::pin(self.known(id))
    }

    fn prepare_attach<'a>(
        &'a self,
        id: &'a str,
        _: &'a str,
        _: &'a [Effect],
    ) -> Answer<'a, Effect> {
        Box::pin(self.known(id))
    }

    fn http(&self, _: HttpRequest) -> Answer<'_, HttpResponse> {
        Box::pin(async { Err(nothing_outside()) })
    }

    fn open(&self, _: HttpRequest, _: Option<Instant>) -> Answer<'_, Box<dyn Incoming>> {
        Box::pin(async { Err(nothing_outside()) })
    }

    fn progress<'a>(&'a self, _: &'a str, _: Post, seen: Option<u64>) -> Answer<'a, u64> {
        Box::pin(async move { Ok(seen.unwrap_or_default()) })
    }
}
