//! What a call may ask, as it is noted: one line for each function of the host.

use std::time::Instant;

use serde_json::json;

use super::stream;
use super::tape::{Found, Tape};
use super::things::{json_or_text, post_document, request_document, scope_word};
use crate::plugins::{
    Answer, Channel, Chat, Counters, Effect, Entry, HttpRequest, HttpResponse, Incoming, Member,
    Message, Post, Room, Scope, TimerWrite, User,
};

/// One line for each function: its name, the arguments that make the question, and who is asked.
impl Chat for Tape {
    fn tape(&self) -> Option<&Tape> {
        Some(self)
    }

    fn owner<'a>(&'a self, scope: &'a Scope) -> Answer<'a, ()> {
        if matches!(scope, Scope::Message(id) if self.reel.seems_sent(id)) {
            return Box::pin(async { Ok(()) });
        }
        self.ask(
            "owner",
            json!({ "scope": scope_word(scope) }),
            move |chat| chat.owner(scope),
        )
    }

    fn kv_get<'a>(&'a self, scope: &'a Scope, key: &'a str) -> Answer<'a, Option<Entry>> {
        let question = json!({ "scope": scope_word(scope), "key": key });
        self.ask("kv.get", question, move |chat| chat.kv_get(scope, key))
    }

    fn kv_keys<'a>(
        &'a self,
        scope: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        let question = json!({
            "scope": scope_word(scope), "prefix": prefix, "after": after, "limit": limit,
        });
        self.ask("kv.keys", question, move |chat| {
            chat.kv_keys(scope, prefix, after, limit)
        })
    }

    /// Noted where there is little room, and taken for ample where nothing is noted.
    fn kv_room(&self, wanted: Room) -> Answer<'_, Option<Room>> {
        Box::pin(async move {
            let (function, question) = ("kv.room", json!({}));
            match self.reel.plays(function) {
                Some(true) => {
                    let ask = self.ask(function, question, move |chat| chat.kv_room(wanted));
                    ask.await
                }
                Some(false) => Ok(None),
                None => {
                    let answer = self.chat.kv_room(wanted).await;
                    if !matches!(answer, Ok(None)) {
                        let at = self.reel.note_question(function, &question);
                        self.reel.note_answer(at, &answer);
                    }
                    answer
                }
            }
        })
    }

    fn count(
        &self,
        counters: &Counters,
        key: &str,
        amount: Option<u32>,
        window_ms: u32,
        now_ms: u64,
    ) -> u32 {
        let question = json!({ "key": key, "amount": amount, "window_ms": window_ms });
        if self.reel.counts_itself() {
            return self.chat.count(counters, key, amount, window_ms, now_ms);
        }
        let function = amount.map_or("counters.sum", |_| "counters.add");
        let at = self.reel.note_question(function, &question);
        let answer = match self.reel.play(function, &question) {
            None => Ok(self.chat.count(counters, key, amount, window_ms, now_ms)),
            Some(Found::Answer(answer)) => answer,
            Some(Found::Never | Found::Nothing) => Ok(0),
        };
        self.reel.note_answer(at, &answer);
        answer.unwrap_or(0)
    }

    fn timer<'a>(&'a self, name: &'a str, pending: &'a [TimerWrite]) -> Answer<'a, ()> {
        let question = json!({ "name": name });
        self.ask("timers.set", question, move |chat| {
            chat.timer(name, pending)
        })
    }

    fn channel<'a>(&'a self, id: &'a str) -> Answer<'a, Channel> {
        self.ask("chat-read.get-channel", json!({ "id": id }), move |chat| {
            chat.channel(id)
        })
    }

    fn message<'a>(&'a self, id: &'a str) -> Answer<'a, Message> {
        self.ask("chat-read.get-message", json!({ "id": id }), move |chat| {
            chat.message(id)
        })
    }

    fn history<'a>(
        &'a self,
        channel: &'a str,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<'a, Vec<Message>> {
        let question = json!({ "channel": channel, "before": before, "limit": limit });
        let live = move |chat: &'a dyn Chat| chat.history(channel, before, limit);
        self.ask("chat-read.history", question, live)
    }

    fn members<'a>(
        &'a self,
        channel: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<Member>> {
        let question = json!({ "channel": channel, "after": after, "limit": limit });
        let live = move |chat: &'a dyn Chat| chat.members(channel, after, limit);
        self.ask("chat-read.members", question, live)
    }

    fn state<'a>(&'a self, id: &'a str) -> Answer<'a, String> {
        self.ask("chat-read.get-state", json!({ "id": id }), move |chat| {
            chat.state(id)
        })
    }

    fn member<'a>(&'a self, channel: &'a str, user: &'a str) -> Answer<'a, Member> {
        let question = json!({ "channel": channel, "user": user });
        let live = move |chat: &'a dyn Chat| chat.member(channel, user);
        self.ask("chat-read.get-member", question, live)
    }

    fn channels_of<'a>(
        &'a self,
        user: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        let question = json!({ "user": user, "after": after, "limit": limit });
        let live = move |chat: &'a dyn Chat| chat.channels_of(user, after, limit);
        self.ask("chat-read.channels-of", question, live)
    }

    fn user<'a>(&'a self, id: &'a str) -> Answer<'a, User> {
        self.ask("chat-read.get-user", json!({ "id": id }), move |chat| {
            chat.user(id)
        })
    }

    fn prepare_send<'a>(
        &'a self,
        channel: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, (String, Effect)> {
        let question = post_document(json!({ "channel": channel }), &post);
        let live = move |chat: &'a dyn Chat| chat.prepare_send(channel, post, pending);
        self.ask("chat-write.send", question, live)
    }

    fn prepare_edit<'a>(
        &'a self,
        id: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        let question = post_document(json!({ "id": id }), &post);
        let live = move |chat: &'a dyn Chat| chat.prepare_edit(id, post, pending);
        self.ask("chat-write.edit", question, live)
    }

    fn prepare_delete<'a>(
        &'a self,
        id: &'a str,
        moderates: bool,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        let live = move |chat: &'a dyn Chat| chat.prepare_delete(id, moderates, pending);
        self.ask("chat-write.delete", json!({ "id": id }), live)
    }

    fn prepare_act<'a>(
        &'a self,
        id: &'a str,
        action: &'a str,
        value: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        let shown = json_or_text(value);
        let question = json!({ "id": id, "action": action, "value": shown });
        let live = move |chat: &'a dyn Chat| chat.prepare_act(id, action, value, pending);
        self.ask("chat-write.act", question, live)
    }

    fn prepare_attach<'a>(
        &'a self,
        id: &'a str,
        blocks: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        let mut question = json!({ "id": id });
        if !blocks.is_empty() {
            question["blocks"] = json_or_text(blocks);
        }
        let live = move |chat: &'a dyn Chat| chat.prepare_attach(id, blocks, pending);
        self.ask("chat-attach.attach", question, live)
    }

    fn progress<'a>(&'a self, id: &'a str, post: Post, seen: Option<u64>) -> Answer<'a, u64> {
        let question = post_document(json!({ "id": id }), &post);
        let live = move |chat: &'a dyn Chat| chat.progress(id, post, seen);
        self.ask("chat-write.progress", question, live)
    }

    fn open(&self, request: HttpRequest, until: Option<Instant>) -> Answer<'_, Box<dyn Incoming>> {
        Box::pin(stream::open(self, request, until))
    }

    fn http(&self, request: HttpRequest) -> Answer<'_, HttpResponse> {
        let question = request_document(&request);
        self.ask("http.send", question, move |chat| chat.http(request))
    }
}
