//! What a call finds: the things that its case lists, and nothing else, under the rules that the host
//! has for whose message is whose.

use std::collections::{BTreeMap, VecDeque};
use std::future::ready;
use std::time::{Duration, Instant};

use crate::chat::users::BOT_PREFIX;
use crate::plugins::case::{self, Case};
use crate::plugins::{
    Answer, Channel, Chat, Draft, Effect, Entry, HostError, HttpRequest, HttpResponse, Incoming,
    Manifest, Member, Message, Post, Scope, TimerWrite, User,
};

/// Most that one answer of the host holds.
const PAGE_MAX: usize = 100;

/// The things of one case.
pub struct Given {
    bot: String,
    kinds: Vec<String>,
    channels: BTreeMap<String, Channel>,
    kv: Vec<(Scope, String, Entry)>,
    messages: Vec<Message>,
    /// Of messages of the plugin's own kinds, by their ids.
    states: BTreeMap<String, String>,
    members: Vec<(String, Member)>,
    users: BTreeMap<String, User>,
    responses: Vec<(String, String, Answering)>,
}

/// What a call wrote to the chat.
#[derive(Default)]
struct Written {
    /// The message that is sent, for later calls to find.
    sent: Option<Message>,
    /// The message that is deleted.
    deleted: Option<String>,
}

impl Given {
    /// The things of `case`, which has been read.
    pub fn new(manifest: &Manifest, case: &Case) -> Self {
        let (context, given) = (&case.context, &case.given);
        let here = |channel: &Option<String>| channel.clone().unwrap_or(context.channel.clone());
        let messages: Vec<Message> = (1..)
            .zip(&given.messages)
            .map(|(at, message)| message.clone().message(at, context))
            .collect();
        let states = given.messages.iter().filter_map(|message| {
            let state = message.state.as_ref()?;
            Some((message.id.clone(), state.to_string()))
        });
        let states = states.collect();
        let mut members: Vec<(String, Member)> = given
            .members
            .iter()
            .filter_map(|member| {
                let channel = here(&member.channel);
                Some((channel, member.clone().try_into().ok()?))
            })
            .collect();
        members.sort_by(|a, b| a.1.user.cmp(&b.1.user));
        let of_messages = messages.iter().map(|message| message.channel.clone());
        let of_members = members.iter().map(|(channel, _)| channel.clone());
        // A channel that is named anywhere is there, known or not by more than the id.
        let ids = of_messages
            .chain(of_members)
            .chain([context.channel.clone()]);
        let mut channels: BTreeMap<String, Channel> = ids
            .filter(|id| !id.is_empty())
            .map(|id| {
                (
                    id.clone(),
                    channel(&id, &context.channel_type, "", "{}".into()),
                )
            })
            .collect();
        channels.extend(given.channels.iter().map(|given| {
            let mut channel = Channel::from(given.clone());
            if channel.kind.is_empty() {
                channel.kind.clone_from(&context.channel_type);
            }
            (given.id.clone(), channel)
        }));
        // Whoever is somewhere in the case is a user, known or not by more than the id.
        let ids = (members.iter().map(|(_, member)| &member.user))
            .chain(messages.iter().map(|message| &message.sender))
            .chain([&context.actor]);
        let mut users: BTreeMap<String, User> = ids
            .filter(|id| !id.is_empty())
            .map(|id| (id.clone(), user(id, "", "{}".into())))
            .collect();
        users.extend((given.users.iter()).map(|given| (given.id.clone(), given.clone().into())));
        let kv = given.kv.iter().filter_map(|entry| {
            let value = entry.bytes().ok()?;
            let version = entry.version;
            let scope = case::scope(&entry.scope).ok()?;
            Some((scope, entry.key.clone(), Entry { value, version }))
        });
        let responses = given.http.iter().filter_map(|given| {
            let answering = Answering {
                answer: given.answer().ok()?,
                pieces: given.pieces.clone().map(VecDeque::from),
                cut: given.cut,
            };
            Some((given.method.clone(), given.url.clone(), answering))
        });
        Self {
            bot: format!("{BOT_PREFIX}{}", manifest.name),
            kinds: manifest.kinds.iter().map(|k| k.name.clone()).collect(),
            channels,
            kv: kv.collect(),
            messages,
            states,
            members,
            users,
            responses: responses.collect(),
        }
    }

    fn found(&self, channel: &str) -> Result<&Channel, HostError> {
        self.channels.get(channel).ok_or_else(|| missing("channel"))
    }

    /// A message as it is once what is pending has landed.
    fn current(&self, id: &str, pending: &[Effect]) -> Result<Message, HostError> {
        let mut found = self
            .messages
            .iter()
            .find(|message| message.id == id)
            .cloned();
        for written in pending
            .iter()
            .filter_map(|effect| effect.downcast_ref::<Written>())
        {
            match &written.sent {
                Some(sent) if sent.id == id => found = Some(sent.clone()),
                _ => {}
            }
            if written.deleted.as_deref() == Some(id) {
                found = None;
            }
        }
        found.ok_or_else(|| missing("message"))
    }

    fn check_kind(&self, kind: &str) -> Result<(), HostError> {
        match kind == "text" || self.kinds.iter().any(|own| own == kind) {
            true => Ok(()),
            false => Err(HostError::Invalid(
                "kind: must be `text` or a kind of this plugin".into(),
            )),
        }
    }

    fn send(
        &self,
        channel: &str,
        post: Post,
        pending: &[Effect],
    ) -> Result<(String, Effect), HostError> {
        self.found(channel)?;
        self.check_kind(&post.kind)?;
        let number = pending
            .iter()
            .filter_map(|effect| effect.downcast_ref::<Written>())
            .filter(|written| written.sent.is_some())
            .count();
        let id = format!("sent_{}", number + 1);
        let sent = Message {
            id: id.clone(),
            channel: channel.into(),
            seq: 0,
            sender: self.bot.clone(),
            ts_ms: 0,
            content: content(post),
            deleted: false,
        };
        let written = Written {
            sent: Some(sent),
            deleted: None,
        };
        Ok((id, Box::new(written)))
    }

    fn check_own(&self, id: &str, post: &Post, pending: &[Effect]) -> Result<(), HostError> {
        let message = self.current(id, pending)?;
        if message.sender != self.bot {
            return Err(HostError::Denied("Only its own messages.".into()));
        }
        if message.content.kind != post.kind {
            return Err(HostError::Invalid("kind: must stay what it was".into()));
        }
        Ok(())
    }

    fn edit(&self, id: &str, post: &Post, pending: &[Effect]) -> Result<Effect, HostError> {
        self.check_own(id, post, pending)?;
        Ok(Box::new(Written::default()))
    }

    fn attach(&self, id: &str, pending: &[Effect]) -> Result<Effect, HostError> {
        self.current(id, pending)?;
        Ok(Box::new(Written::default()))
    }

    fn delete(&self, id: &str, moderates: bool, pending: &[Effect]) -> Result<Effect, HostError> {
        let message = self.current(id, pending)?;
        if message.sender != self.bot && !moderates {
            return Err(HostError::Denied(
                "Only its own messages; others' take the permission chat-moderate.".into(),
            ));
        }
        Ok(Box::new(Written {
            sent: None,
            deleted: Some(id.into()),
        }))
    }

    fn act(&self, id: &str, pending: &[Effect]) -> Result<Effect, HostError> {
        let message = self.current(id, pending)?;
        if !self.kinds.contains(&message.content.kind) {
            return Err(HostError::Denied("Only messages of its own kinds.".into()));
        }
        Ok(Box::new(Written::default()))
    }

    fn request(&self, request: &HttpRequest) -> Result<Answering, HostError> {
        let known = self
            .responses
            .iter()
            .find(|(method, url, _)| *method == request.method && *url == request.url);
        known
            .map(|(_, _, response)| response.clone())
            .ok_or_else(|| HostError::Unavailable("the case has no answer to it".into()))
    }
}

/// What a host outside answers: whole, or each read the next piece of it.
#[derive(Clone)]
struct Answering {
    answer: HttpResponse,
    pieces: Option<VecDeque<String>>,
    cut: bool,
}

impl Answering {
    /// All of it, or no more than `enough` bytes.
    fn whole(mut self, enough: Option<u32>) -> Result<HttpResponse, HostError> {
        if self.cut {
            return Err(broken_off());
        }
        if let Some(pieces) = self.pieces {
            self.answer.body = pieces.into_iter().collect::<String>().into_bytes();
        }
        if let Some(bytes) = enough {
            self.answer.body.truncate(bytes as usize);
        }
        Ok(self.answer)
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        match &mut self.pieces {
            Some(pieces) => pieces.pop_front().map(String::into_bytes),
            None => Some(std::mem::take(&mut self.answer.body)).filter(|body| !body.is_empty()),
        }
    }
}

fn broken_off() -> HostError {
    HostError::Unavailable("the answer breaks off".into())
}

impl Incoming for Answering {
    fn status(&self) -> u16 {
        self.answer.status
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.answer.headers.clone()
    }

    fn read(&mut self, _: Duration, _: Duration) -> Answer<'_, Option<Vec<u8>>> {
        answer(match self.next() {
            Some(piece) => Ok(Some(piece)),
            None if self.cut => Err(broken_off()),
            None => Ok(None),
        })
    }
}

/// What a message says that a plugin has sent.
fn content(post: Post) -> Draft {
    let Post { kind, body, .. } = post;
    match kind.as_str() {
        "text" => Draft {
            data: serde_json::Value::from(body.as_str()).to_string(),
            text: body,
            kind,
        },
        _ => Draft {
            text: String::new(),
            data: body,
            kind,
        },
    }
}

fn channel(id: &str, kind: &str, name: &str, custom: String) -> Channel {
    Channel {
        id: id.into(),
        kind: kind.into(),
        name: name.into(),
        custom,
    }
}

fn user(id: &str, name: &str, custom: String) -> User {
    User {
        id: id.into(),
        name: name.into(),
        custom,
    }
}

fn missing(what: &str) -> HostError {
    HostError::NotFound(format!("There is no such {what}."))
}

fn answer<'a, T: Send + 'a>(result: Result<T, HostError>) -> Answer<'a, T> {
    Box::pin(ready(result))
}

fn page(limit: u32) -> usize {
    (limit as usize).min(PAGE_MAX)
}

impl Chat for Given {
    fn owner<'a>(&'a self, scope: &'a Scope) -> Answer<'a, ()> {
        answer(match scope {
            Scope::Plugin => Ok(()),
            Scope::Channel(id) => self.found(id).map(drop),
            Scope::User(id) if self.users.contains_key(id) => Ok(()),
            Scope::User(_) => Err(missing("user")),
            Scope::Message(id) => self.current(id, &[]).map(drop),
        })
    }

    fn kv_get<'a>(&'a self, scope: &'a Scope, key: &'a str) -> Answer<'a, Option<Entry>> {
        let found = self
            .kv
            .iter()
            .find(|(of, known, _)| of == scope && known == key);
        answer(Ok(found.map(|(_, _, entry)| entry.clone())))
    }

    fn kv_keys<'a>(
        &'a self,
        scope: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        let keys = self.kv.iter().filter(|(of, key, _)| {
            of == scope && key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        let mut keys: Vec<String> = keys.map(|(_, key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys.truncate(limit as usize);
        answer(Ok(keys))
    }

    fn timer<'a>(&'a self, _: &'a str, _: &'a [TimerWrite]) -> Answer<'a, ()> {
        answer(Ok(()))
    }

    fn channel<'a>(&'a self, id: &'a str) -> Answer<'a, Channel> {
        answer(self.found(id).cloned())
    }

    fn message<'a>(&'a self, id: &'a str) -> Answer<'a, Message> {
        answer(self.current(id, &[]))
    }

    fn history<'a>(
        &'a self,
        channel: &'a str,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<'a, Vec<Message>> {
        let found = self.found(channel).map(|_| {
            let earlier = |message: &&Message| before.is_none_or(|before| message.seq < before);
            let here = self.messages.iter().filter(|m| m.channel == channel);
            let mut found: Vec<Message> = here.filter(earlier).cloned().collect();
            found.sort_by_key(|message| std::cmp::Reverse(message.seq));
            found.truncate(page(limit));
            found
        });
        answer(found)
    }

    fn members<'a>(
        &'a self,
        channel: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<Member>> {
        let found = self.found(channel).map(|_| {
            let here = self.members.iter().filter(|(of, _)| of == channel);
            here.map(|(_, member)| member)
                .filter(|member| after.is_none_or(|after| member.user.as_str() > after))
                .take(page(limit))
                .cloned()
                .collect()
        });
        answer(found)
    }

    fn state<'a>(&'a self, id: &'a str) -> Answer<'a, String> {
        let found = self.current(id, &[]).and_then(|message| {
            match self.kinds.contains(&message.content.kind) {
                true => Ok(self.states.get(id).cloned().unwrap_or("null".into())),
                false => Err(HostError::Denied("Only messages of its own kinds.".into())),
            }
        });
        answer(found)
    }

    fn member<'a>(&'a self, channel: &'a str, user: &'a str) -> Answer<'a, Member> {
        let found = self.found(channel).and_then(|_| {
            let mut here = self.members.iter().filter(|(of, _)| of == channel);
            let seat = here.find(|(_, member)| member.user == user);
            seat.map(|(_, member)| member.clone())
                .ok_or_else(|| missing("participant"))
        });
        answer(found)
    }

    fn channels_of<'a>(
        &'a self,
        user: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        let theirs = self.members.iter().filter(|(_, seat)| seat.user == user);
        let mut ids: Vec<String> = theirs
            .map(|(channel, _)| channel.clone())
            .filter(|id| after.is_none_or(|after| id.as_str() > after))
            .collect();
        ids.sort_unstable();
        ids.truncate(page(limit));
        answer(Ok(ids))
    }

    fn user<'a>(&'a self, id: &'a str) -> Answer<'a, User> {
        answer(self.users.get(id).cloned().ok_or_else(|| missing("user")))
    }

    fn prepare_send<'a>(
        &'a self,
        channel: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, (String, Effect)> {
        answer(self.send(channel, post, pending))
    }

    fn prepare_edit<'a>(
        &'a self,
        id: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        answer(self.edit(id, &post, pending))
    }

    fn prepare_delete<'a>(
        &'a self,
        id: &'a str,
        moderates: bool,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        answer(self.delete(id, moderates, pending))
    }

    fn prepare_act<'a>(
        &'a self,
        id: &'a str,
        _action: &'a str,
        _value: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        answer(self.act(id, pending))
    }

    fn prepare_attach<'a>(
        &'a self,
        id: &'a str,
        _blocks: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        answer(self.attach(id, pending))
    }

    fn http(&self, request: HttpRequest) -> Answer<'_, HttpResponse> {
        let answering = self.request(&request);
        answer(answering.and_then(|answering| answering.whole(request.body_start)))
    }

    fn open(&self, request: HttpRequest, _: Option<Instant>) -> Answer<'_, Box<dyn Incoming>> {
        let answering = self.request(&request);
        answer(answering.map(|answering| Box::new(answering) as Box<dyn Incoming>))
    }

    fn progress<'a>(&'a self, id: &'a str, post: Post, _: Option<u64>) -> Answer<'a, u64> {
        answer(self.check_own(id, &post, &[]).map(|()| 1))
    }
}
