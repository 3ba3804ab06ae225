//! What a plugin may ask of the chat: the one upward call of the plugin engine, answered here.
//! Everything is within the plugin's app, and what it writes is only prepared: it lands with the
//! rest of the call, in one transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::access::{self, Actor};
use super::chain::{self, Content, Decision};
use super::handlers::scope;
use super::outside::Outside;
use super::{acts, attachments, interact, judge, messages, passing, words};
use crate::admission::Holder;
use crate::app::{App, Installed};
use crate::error::{Code, Error, Result};
use crate::model::{self, ChannelId, InstallId, Message, MessageId, UserId};
use crate::plugins::{
    self, Answer, Chat, Draft, Effect, Entry, HostError, HttpRequest, HttpResponse, Incoming, Post,
    Room, Scope, TimerWrite,
};
use crate::store::proof::{Backend, Member};
use crate::store::{ChatWrite, MessageChange, NewAttachment, NewMessage, Slice};
use crate::wire::{self, View};

/// The chat as one install sees it.
pub struct Bridge {
    pub app: Weak<App>,
    pub install: InstallId,
    pub name: Arc<str>,
    pub bot: UserId,
    pub backend: Backend,
    pub holder: Holder,
    pub outside: Outside,
}

impl Bridge {
    fn app(&self) -> Result<Arc<App>> {
        self.app
            .upgrade()
            .ok_or_else(|| Error::new(Code::Unavailable, "The host is stopping."))
    }

    async fn member(&self, app: &App, channel: &str) -> Result<Member> {
        let id: ChannelId = channel.parse().map_err(|_| Error::not_found("channel"))?;
        access::bot(app, &self.backend, &id, &self.name, &self.bot).await
    }

    async fn member_by_key(&self, app: &App, channel: model::ChannelKey) -> Result<Member> {
        let as_backend = Actor::Backend(self.backend);
        let found = access::member_by_key(app, &as_backend, channel, "message").await?;
        self.member(app, found.channel().id.as_str()).await
    }

    /// A message as it will be once what is pending has landed.
    async fn current(&self, app: &App, id: &str, pending: &[Effect]) -> Result<Message> {
        let id: MessageId = id.parse().map_err(|_| Error::not_found("message"))?;
        let mut message = app.store.find_message(self.backend.tenant(), id).await?;
        for effect in pending {
            match effect.downcast_ref::<ChatWrite>() {
                Some(ChatWrite::Send(new)) if new.id == Some(id) => {
                    message = Some(not_yet_sent(new, id))
                }
                Some(ChatWrite::Change {
                    id: changed,
                    change,
                    ..
                }) if *changed == id => {
                    if let Some(message) = &mut message {
                        message.revision += 1;
                        if let Some(data) = &change.data {
                            message.data.clone_from(data);
                        }
                        if let Some(view) = &change.view {
                            message.view.clone_from(view);
                        }
                        if let Some(state) = &change.state {
                            message.state = Some(state.clone());
                        }
                    }
                }
                Some(ChatWrite::Delete { id: deleted, .. }) if *deleted == id => message = None,
                Some(ChatWrite::Attach {
                    id: to, attachment, ..
                }) if *to == id => {
                    if let Some(message) = &mut message {
                        message.attachments = attachment.among(message.attachments.as_deref())?;
                    }
                }
                _ => {}
            }
        }
        message
            .filter(|message| message.deleted_at.is_none())
            .ok_or_else(|| Error::not_found("message"))
    }

    async fn content(&self, app: &App, member: &Member, post: &Post) -> Result<Content> {
        if post.kind == "text" {
            let data = serde_json::Value::from(post.body.as_str()).to_string();
            let mut content = messages::content(app, member, "text", &data).await?;
            let blocks = interact::blocks(&post.blocks)
                .ok_or_else(|| Error::invalid("blocks", "must be a list of blocks"))?;
            if !blocks.is_empty() {
                content.words = words::in_blocks(&blocks);
                content.view = Some(wire::to_json(&View {
                    text: content.text.clone(),
                    blocks,
                }));
            }
            return Ok(content);
        }
        let place = chain::place(app, member.channel()).await?;
        let own = app
            .loadout(self.backend.tenant().app())
            .kind(&post.kind, place.as_str())
            .is_some_and(|i| i.name == self.name);
        if !own {
            return Err(Error::invalid(
                "kind",
                "must be `text` or a kind of this plugin",
            ));
        }
        messages::content(app, member, &post.kind, &post.body).await
    }

    async fn send(&self, channel: &str, post: Post) -> Result<(String, Effect)> {
        let app = self.app()?;
        let member = self.member(&app, channel).await?;
        if !member.channel().active {
            return Err(Error::new(
                Code::ChannelInactive,
                "The channel takes no messages.",
            ));
        }
        let content = self.content(&app, &member, &post).await?;
        let Content {
            kind,
            data,
            view,
            state,
            ..
        } = match chain::guard_send(&app, &member, content, false).await? {
            Decision::Pass(content) => content,
            Decision::Hold { why, .. } => {
                return Err(Error::new(Code::MessageRejected, why.reason));
            }
            Decision::Reject(error) => return Err(error),
        };
        let id = MessageId(app.store.next_id());
        let new = NewMessage {
            member,
            sender: self.bot.clone(),
            to: None,
            id: Some(id),
            kind,
            data,
            view,
            state,
            file: None,
            client: None,
        };
        Ok((id.to_string(), Box::new(ChatWrite::Send(new))))
    }

    /// A message of its own that it may write as `post`.
    async fn own(&self, app: &App, id: &str, post: &Post, pending: &[Effect]) -> Result<Message> {
        let message = self.current(app, id, pending).await?;
        if message.sender != self.bot {
            return Err(Error::forbidden("Only its own messages."));
        }
        if message.kind != post.kind {
            return Err(Error::invalid("kind", "must stay what it was"));
        }
        Ok(message)
    }

    async fn edit(&self, id: &str, post: Post, pending: &[Effect]) -> Result<Effect> {
        let app = self.app()?;
        let message = self.own(&app, id, &post, pending).await?;
        let member = self.member_by_key(&app, message.channel).await?;
        let content = self.content(&app, &member, &post).await?;
        let checked = chain::guard_edit(&app, &member, content, &message).await?;
        let change = MessageChange {
            data: Some(checked.data),
            view: Some(checked.view),
            state: checked.state,
            edited: true,
        };
        Ok(self.change(&message, change))
    }

    async fn progress(&self, id: &str, post: Post, seen: Option<u64>) -> Result<u64> {
        let app = self.app()?;
        let message = self.own(&app, id, &post, &[]).await?;
        let revision = message.revision.unsigned_abs();
        if seen.is_some_and(|seen| seen != revision) || !app.hub.has_watchers(message.channel) {
            return Ok(revision);
        }
        let member = self.member_by_key(&app, message.channel).await?;
        let content = self.content(&app, &member, &post).await?;
        let checked = chain::guard_progress(&app, &member, content, &message).await?;
        passing::progress(&app, &message, &checked);
        Ok(revision)
    }

    fn change(&self, message: &Message, change: MessageChange) -> Effect {
        Box::new(ChatWrite::Change {
            channel: message.channel,
            id: message.id,
            revision: message.revision,
            change,
            actor: Some(self.bot.clone()),
        })
    }

    async fn delete(&self, id: &str, moderates: bool, pending: &[Effect]) -> Result<Effect> {
        let app = self.app()?;
        let message = self.current(&app, id, pending).await?;
        if message.sender != self.bot && !moderates {
            return Err(Error::forbidden(
                "Only its own messages; others' take the permission chat-moderate.",
            ));
        }
        let member = self.member_by_key(&app, message.channel).await?;
        judge::guard_delete(&app, &member, &message).await?;
        let (channel, actor) = (message.channel, Some(self.bot.clone()));
        Ok(Box::new(ChatWrite::Delete {
            channel,
            id: message.id,
            actor,
        }))
    }

    async fn act(&self, id: &str, action: &str, value: &str, pending: &[Effect]) -> Result<Effect> {
        let app = self.app()?;
        let message = self.current(&app, id, pending).await?;
        let member = self.member_by_key(&app, message.channel).await?;
        let installed = self.own_kind(&app, &message, &member).await?;
        let change = acts::apply(&app, &installed, &member, &message, action, value).await?;
        Ok(self.change(&message, change))
    }

    /// The version of this plugin that serves the channel, if the message is of one of its kinds.
    async fn own_kind(
        &self,
        app: &App,
        message: &Message,
        member: &Member,
    ) -> Result<Arc<Installed>> {
        let place = chain::place(app, member.channel()).await?;
        let loadout = app.loadout(self.backend.tenant().app());
        match loadout.kind(&message.kind, place.as_str()) {
            Some(installed) if installed.name == self.name => Ok(installed.clone()),
            _ => Err(Error::forbidden("Only messages of its own kinds.")),
        }
    }

    async fn attach(&self, id: &str, blocks: &str, pending: &[Effect]) -> Result<Effect> {
        let app = self.app()?;
        let message = self.current(&app, id, pending).await?;
        let member = self.member_by_key(&app, message.channel).await?;
        let shown = attachments::check(&app, &member, &self.name, blocks).await?;
        let attachment = NewAttachment {
            shown,
            plugins_max: app.config.limits.attachments_max,
        };
        attachment.among(message.attachments.as_deref())?;
        Ok(Box::new(ChatWrite::Attach {
            channel: message.channel,
            id: message.id,
            attachment,
            actor: self.bot.clone(),
        }))
    }

    async fn timer(&self, name: &str, pending: &[TimerWrite]) -> Result<()> {
        let app = self.app()?;
        let max = app.config.plugins.timers_max as i64;
        let (set, _) = app.store.count_timers(self.install, name).await?;
        if set + (pending.len() as i64) < max {
            return Ok(());
        }
        // Close to the limit, what the call moves and cancels counts for what it is.
        let mut names: BTreeMap<&str, bool> = pending
            .iter()
            .map(|write| match write {
                TimerWrite::Set { name, .. } => (name.as_str(), true),
                TimerWrite::Cancel { name } => (name.as_str(), false),
            })
            .collect();
        names.insert(name, true);
        let mut then = set;
        for (name, will_be) in names {
            let (_, is) = app.store.count_timers(self.install, name).await?;
            then += i64::from(will_be) - i64::from(is);
        }
        match then <= max {
            true => Ok(()),
            false => Err(Error::new(
                Code::LimitReached,
                format!("timers of a plugin: at most {max}"),
            )),
        }
    }

    async fn kv_room(&self, wanted: Room) -> Result<Option<Room>> {
        let app = self.app()?;
        let max = &app.config.plugins;
        let kept = app.store.get_kept(self.install).await?;
        let is_little = |room: &Room| room.keys < wanted.keys || room.bytes < wanted.bytes;
        let mut room = Room {
            keys: max.kv_keys_max as i64 - kept.kv_keys,
            bytes: max.kv_bytes_max as i64 - kept.kv_bytes,
        };
        if is_little(&room) {
            // What has expired takes no room.
            let (keys, bytes) = app.store.count_expired(self.install).await?;
            room.keys += keys;
            room.bytes += bytes;
        }
        Ok(Some(room).filter(is_little))
    }

    async fn message_out(&self, app: &App, message: &Message) -> Result<plugins::Message> {
        let member = self.member_by_key(app, message.channel).await?;
        Ok(out(message, &member.channel().id))
    }
}

fn not_yet_sent(new: &NewMessage, id: MessageId) -> Message {
    Message {
        id,
        channel: new.member.channel().key,
        seq: 0,
        ts: 0,
        sender: new.sender.clone(),
        to: new.to.clone(),
        kind: new.kind.clone(),
        data: new.data.clone(),
        view: new.view.clone(),
        state: new.state.clone(),
        attachments: None,
        client_id: None,
        revision: 0,
        edited_at: None,
        deleted_at: None,
    }
}

/// A message as plugins see it.
pub(super) fn out(message: &Message, channel: &ChannelId) -> plugins::Message {
    plugins::Message {
        id: message.id.to_string(),
        channel: channel.to_string(),
        seq: message.seq.unsigned_abs(),
        sender: message.sender.to_string(),
        ts_ms: message.ts.unsigned_abs(),
        content: match message.deleted_at {
            Some(_) => Draft {
                kind: message.kind.clone(),
                text: String::new(),
                data: "null".into(),
            },
            None => Draft {
                kind: message.kind.clone(),
                text: interact::text_of(message),
                data: message.data.clone(),
            },
        },
        deleted: message.deleted_at.is_some(),
    }
}

/// What a plugin is told of a fault.
fn told(error: Error) -> HostError {
    let detail = error.detail().to_owned();
    match error.code() {
        Code::NotFound => HostError::NotFound(detail),
        Code::Forbidden => HostError::Denied(detail),
        Code::Conflict | Code::AlreadyExists => HostError::Conflict,
        Code::RateLimited | Code::LimitReached | Code::TooLarge => HostError::Limited(detail),
        Code::Unavailable | Code::Overloaded | Code::PluginFailed => HostError::Unavailable(detail),
        Code::Internal => {
            tracing::error!(error = %error, cause = ?error.cause(), "a plugin's request failed");
            HostError::Unavailable("something went wrong on the host".into())
        }
        _ => HostError::Invalid(detail),
    }
}

impl Chat for Bridge {
    fn owner<'a>(&'a self, scope: &'a Scope) -> Answer<'a, ()> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            match scope {
                Scope::Plugin => {}
                Scope::Channel(id) => self.member(&app, id).await.map(drop).map_err(told)?,
                Scope::User(id) => {
                    let id: UserId = id.parse().map_err(|_| told(Error::not_found("user")))?;
                    let found = app
                        .store
                        .find_user(self.backend.tenant(), &id)
                        .await
                        .map_err(told)?;
                    found.ok_or_else(|| told(Error::not_found("user")))?;
                }
                Scope::Message(id) => self.current(&app, id, &[]).await.map(drop).map_err(told)?,
            }
            Ok(())
        })
    }

    fn kv_get<'a>(&'a self, of: &'a Scope, key: &'a str) -> Answer<'a, Option<Entry>> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let row = app
                .store
                .find_kv(self.install, &scope(of), key)
                .await
                .map_err(told)?;
            Ok(row.map(|row| Entry {
                value: row.value,
                version: row.version.unsigned_abs(),
            }))
        })
    }

    fn kv_keys<'a>(
        &'a self,
        of: &'a Scope,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let after = after.unwrap_or_default();
            app.store
                .list_kv(self.install, &scope(of), prefix, after, i64::from(limit))
                .await
                .map_err(told)
        })
    }

    fn kv_room(&self, wanted: Room) -> Answer<'_, Option<Room>> {
        Box::pin(async move { self.kv_room(wanted).await.map_err(told) })
    }

    fn timer<'a>(&'a self, name: &'a str, pending: &'a [TimerWrite]) -> Answer<'a, ()> {
        Box::pin(async move { self.timer(name, pending).await.map_err(told) })
    }

    fn channel<'a>(&'a self, id: &'a str) -> Answer<'a, plugins::Channel> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let member = self.member(&app, id).await.map_err(told)?;
            let channel = member.channel();
            Ok(plugins::Channel {
                id: channel.id.to_string(),
                kind: channel.kind.clone(),
                name: channel.name.clone().unwrap_or_default(),
                custom: channel.custom.clone(),
            })
        })
    }

    fn message<'a>(&'a self, id: &'a str) -> Answer<'a, plugins::Message> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let id: MessageId = id.parse().map_err(|_| told(Error::not_found("message")))?;
            let found = app
                .store
                .find_message(self.backend.tenant(), id)
                .await
                .map_err(told)?;
            let message = found.ok_or_else(|| told(Error::not_found("message")))?;
            self.message_out(&app, &message).await.map_err(told)
        })
    }

    fn state<'a>(&'a self, id: &'a str) -> Answer<'a, String> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let message = self.current(&app, id, &[]).await.map_err(told)?;
            let member = self.member_by_key(&app, message.channel).await;
            self.own_kind(&app, &message, &member.map_err(told)?)
                .await
                .map_err(told)?;
            Ok(message.state.unwrap_or_else(|| "null".into()))
        })
    }

    fn history<'a>(
        &'a self,
        channel: &'a str,
        before: Option<u64>,
        limit: u32,
    ) -> Answer<'a, Vec<plugins::Message>> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let member = self.member(&app, channel).await.map_err(told)?;
            let slice = before.map_or(Slice::Latest, |seq| {
                Slice::Before(i64::try_from(seq).unwrap_or(i64::MAX))
            });
            let messages = app
                .store
                .list_messages(&member, slice, i64::from(limit.min(100)))
                .await
                .map_err(told)?;
            Ok(messages
                .iter()
                .rev()
                .map(|message| out(message, &member.channel().id))
                .collect())
        })
    }

    fn members<'a>(
        &'a self,
        channel: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<plugins::Member>> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let member = self.member(&app, channel).await.map_err(told)?;
            let after = after.unwrap_or_default();
            let seats = app
                .store
                .list_participants(&member, after, i64::from(limit.min(100)))
                .await
                .map_err(told)?;
            let out = |seat: model::Participant| plugins::Member {
                user: seat.user_id.to_string(),
                role: seat.role.into(),
            };
            Ok(seats.into_iter().map(out).collect())
        })
    }

    fn member<'a>(&'a self, channel: &'a str, user: &'a str) -> Answer<'a, plugins::Member> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let here = self.member(&app, channel).await.map_err(told)?;
            let id: UserId = user.parse().map_err(|_| told(Error::not_found("user")))?;
            let found = app
                .store
                .find_participant(self.backend.tenant(), here.channel(), &id)
                .await
                .map_err(told)?;
            let seat = found.ok_or_else(|| told(Error::not_found("participant")))?;
            Ok(plugins::Member {
                user: seat.user_id.to_string(),
                role: seat.role.into(),
            })
        })
    }

    fn channels_of<'a>(
        &'a self,
        user: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let id: UserId = user.parse().map_err(|_| told(Error::not_found("user")))?;
            let (tenant, after) = (self.backend.tenant(), after.unwrap_or_default());
            let ids = app
                .store
                .list_channels_of(tenant, &id, after, i64::from(limit.min(100)))
                .await
                .map_err(told)?;
            Ok(ids.iter().map(ToString::to_string).collect())
        })
    }

    fn user<'a>(&'a self, id: &'a str) -> Answer<'a, plugins::User> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let id: UserId = id.parse().map_err(|_| told(Error::not_found("user")))?;
            let found = app
                .store
                .find_user(self.backend.tenant(), &id)
                .await
                .map_err(told)?;
            let user = found.ok_or_else(|| told(Error::not_found("user")))?;
            Ok(plugins::User {
                id: user.id.to_string(),
                name: user.name.unwrap_or_default(),
                custom: user.custom,
            })
        })
    }

    fn prepare_send<'a>(
        &'a self,
        channel: &'a str,
        post: Post,
        _pending: &'a [Effect],
    ) -> Answer<'a, (String, Effect)> {
        Box::pin(async move { self.send(channel, post).await.map_err(told) })
    }

    fn prepare_edit<'a>(
        &'a self,
        id: &'a str,
        post: Post,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        Box::pin(async move { self.edit(id, post, pending).await.map_err(told) })
    }

    fn prepare_delete<'a>(
        &'a self,
        id: &'a str,
        moderates: bool,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        Box::pin(async move { self.delete(id, moderates, pending).await.map_err(told) })
    }

    fn prepare_act<'a>(
        &'a self,
        id: &'a str,
        action: &'a str,
        value: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        Box::pin(async move { self.act(id, action, value, pending).await.map_err(told) })
    }

    fn prepare_attach<'a>(
        &'a self,
        id: &'a str,
        blocks: &'a str,
        pending: &'a [Effect],
    ) -> Answer<'a, Effect> {
        Box::pin(async move { self.attach(id, blocks, pending).await.map_err(told) })
    }

    fn http(&self, request: HttpRequest) -> Answer<'_, HttpResponse> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let (holder, plugin) = (self.holder, &self.name);
            self.outside.send(&app, holder, plugin, request).await
        })
    }

    fn open(&self, request: HttpRequest, until: Option<Instant>) -> Answer<'_, Box<dyn Incoming>> {
        Box::pin(async move {
            let app = self.app().map_err(told)?;
            let (holder, plugin) = (self.holder, &self.name);
            let opened = self.outside.open(&app, holder, plugin, request, until);
            opened.await
        })
    }

    fn progress<'a>(&'a self, id: &'a str, post: Post, seen: Option<u64>) -> Answer<'a, u64> {
        Box::pin(async move { self.progress(id, post, seen).await.map_err(told) })
    }
}
