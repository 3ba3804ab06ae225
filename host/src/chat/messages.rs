//! Messages: sent, read, edited, deleted.
//!
//! A message's way: access, then its form, then its kind's plugin, then the guards, then the store,
//! which acknowledges it once it is on disk. Whatever is stored was seen by the guards as it is.

use std::borrow::Cow;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use tokio::sync::oneshot;

use super::access::{self, Actor, Caller};
use super::chain::{self, Content, Decision};
use super::{channels, cursor, interact, judge, valid};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::model::{ChannelId, FILE_KINDS, Held, Message, MessageId, UserId};
use crate::store::proof::{Member, Standing};
use crate::store::{Appeal, Hold, Holding, MessageChange, NewMessage, Sent, Slice};
use crate::wire;

/// What became of a message.
pub enum Outcome {
    Stored(Sent),
    Held(Box<Held>),
}

impl Outcome {
    /// As its sender sees it.
    pub fn to_wire<'a>(&'a self, channel: &'a ChannelId) -> wire::SendOutcome<'a> {
        match self {
            Outcome::Stored(sent) => wire::SendOutcome::Stored {
                message: wire::Message::for_reader(
                    &sent.message,
                    channel,
                    Some(&sent.message.sender),
                ),
                replayed: sent.replayed,
            },
            Outcome::Held(held) => wire::SendOutcome::Held {
                held: true,
                id: held.id,
                reason: Cow::Borrowed(&held.reason),
            },
        }
    }
}

/// A message that is on its way to the store. Its place among the sender's messages is settled.
pub enum Pending {
    Storing(oneshot::Receiver<Result<Sent>>, Arc<crate::model::Channel>),
    Done(Outcome, Arc<crate::model::Channel>),
}

impl Pending {
    /// Waits until it is on disk.
    pub async fn settle(self) -> Result<(Outcome, ChannelId)> {
        match self {
            Pending::Done(outcome, channel) => Ok((outcome, channel.id.clone())),
            Pending::Storing(stored, channel) => {
                let lost =
                    || Error::new(Code::Unavailable, "The host is stopping.").retry_after_ms(2000);
                let sent = stored.await.map_err(|_| lost())??;
                Ok((Outcome::Stored(sent), channel.id.clone()))
            }
        }
    }
}

/// Sends a message and waits until it is on disk. Gives the channel that it stands in, too.
pub async fn send(app: &App, caller: &Caller, new: wire::Send) -> Result<(Outcome, ChannelId)> {
    begin_send(app, &access::actor(caller)?, new)
        .await?
        .settle()
        .await
}

/// Does everything up to the store, and hands the message in there.
pub async fn begin_send(app: &App, actor: &Actor, new: wire::Send) -> Result<Pending> {
    app.rates.message(&actor.whose())?;
    let mut member = access::sender(app, actor, &new.channel_id).await?;
    if let Some(user) = &new.sender {
        member = access::on_behalf(app, member, user).await?;
    }
    let Some(sender) = member.user().cloned() else {
        return Err(Error::invalid(
            "as",
            "is missing: with a server key, say which user sends",
        ));
    };
    if let Some(id) = &new.client_id {
        valid::name("client_id", id, 128)?;
    }
    let appeal = appeal(app, new.appeal.as_deref())?;
    let client = new.client_id.clone().map(|id| (id, hash(&new)));
    let to = match new.to.as_str() {
        "*" => None,
        other => Some(
            other
                .parse::<UserId>()
                .map_err(|_| Error::invalid("to", "must be `*` or a user id"))?,
        ),
    };
    let content = content(app, &member, &new.kind, new.data.get()).await?;
    // Only now, so that what is refused leaves no channel behind.
    if let Some(to) = &to {
        let side = Arc::new(channels::side(app, &member, &sender, to).await?);
        member = access::in_side_channel(&member, side);
    }
    let message = |content: Content, member: Member| NewMessage {
        member,
        sender: sender.clone(),
        to: to.clone(),
        id: None,
        kind: content.kind,
        data: content.data,
        view: content.view,
        state: content.state,
        file: content.file,
        client: client.clone(),
    };
    let channel = member.channel().clone();
    match chain::guard_send(app, &member, content, appeal.is_some()).await? {
        Decision::Pass(content) => {
            let stored = app.store.begin_send(message(content, member))?;
            Ok(Pending::Storing(stored, channel))
        }
        Decision::Hold {
            content,
            plugin,
            why,
        } => {
            let hold = Hold {
                plugin,
                reason: why.reason,
                details: why.details,
                appeal,
                waiting_max: app.config.limits.held_waiting_max,
                waiting_in_app_max: app.config.limits.held_waiting_per_app_max,
            };
            match app.store.hold(message(content, member), hold).await? {
                Holding::Held(held) => Ok(Pending::Done(Outcome::Held(Box::new(held)), channel)),
                Holding::Stored(message) => {
                    let sent = Sent {
                        message: Arc::new(message),
                        replayed: true,
                    };
                    Ok(Pending::Done(Outcome::Stored(sent), channel))
                }
            }
        }
        Decision::Reject(error) => {
            // A retry of a message that went through gets that message, whatever the guards say now.
            match replayed(app, &member, &sender, client.as_ref()).await? {
                Some(sent) => Ok(Pending::Done(Outcome::Stored(sent), channel)),
                None => Err(error),
            }
        }
    }
}

/// What a sender says to those who look at a message that is held or refused.
fn appeal(app: &App, note: Option<&str>) -> Result<Option<Appeal>> {
    let Some(note) = note else { return Ok(None) };
    let limits = &app.config.limits;
    if note.len() > limits.appeal_bytes_max {
        let max = limits.appeal_bytes_max;
        let message = format!("must have at most {max} bytes");
        return Err(Error::invalid("appeal", message));
    }
    if note.contains('\0') {
        return Err(Error::invalid("appeal", "must not have NUL characters"));
    }
    if !note.chars().any(is_visible) {
        let message = "must not be empty: say why the message should be sent";
        return Err(Error::invalid("appeal", message));
    }
    Ok(Some(Appeal {
        note: note.to_owned(),
        waiting_max: limits.appeals_waiting_max,
    }))
}

async fn replayed(
    app: &App,
    member: &Member,
    sender: &UserId,
    client: Option<&(String, i64)>,
) -> Result<Option<Sent>> {
    let Some((id, hash)) = client else {
        return Ok(None);
    };
    match app.store.find_by_client_id(member, sender, id).await? {
        Some((earlier, message)) if earlier == *hash => Ok(Some(Sent {
            message: Arc::new(message),
            replayed: true,
        })),
        _ => Ok(None),
    }
}

/// Tells a retry from another message under the same id.
fn hash(new: &wire::Send) -> i64 {
    let text = format!("{}\n{}\n{}", new.kind, new.to, new.data.get());
    let mut first = [0; 8];
    first.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..8]);
    i64::from_le_bytes(first)
}

/// Checks what somebody wants to say, with the help of the kind's plugin.
pub(super) async fn content(app: &App, member: &Member, kind: &str, data: &str) -> Result<Content> {
    let limits = &app.config.limits;
    if data.len() > limits.data_bytes_max {
        return Err(Error::new(
            Code::TooLarge,
            format!("`data` must have at most {} bytes.", limits.data_bytes_max),
        ));
    }
    valid::json("data", data)?;
    if kind == "text" {
        return text_content(app, data);
    }
    if FILE_KINDS.contains(&kind) {
        return super::files::content(app, member, kind, data).await;
    }
    let loadout = app.loadout(member.tenant().app());
    let context = chain::guard_context(app, member).await?;
    let Some(installed) = loadout.kind(kind, &context.channel) else {
        return Err(Error::invalid(
            "type",
            "must be `text`, `image`, `video`, `audio`, `file` or a message kind of one of the app's plugins",
        ));
    };
    interact::create(app, installed, &context, kind, data).await
}

fn text_content(app: &App, data: &str) -> Result<Content> {
    let max = app.config.limits.text_bytes_max;
    let text: Cow<'_, str> = serde_json::from_str::<String>(data)
        .map(Cow::Owned)
        .map_err(|_| Error::invalid("data", "must be a string for a message of type `text`"))?;
    if text.len() > max {
        return Err(Error::invalid(
            "data",
            format!("must have at most {max} bytes"),
        ));
    }
    if text.contains('\0') {
        return Err(Error::invalid("data", "must not have NUL characters"));
    }
    if !text.chars().any(is_visible) {
        return Err(Error::invalid("data", "must not be empty"));
    }
    Ok(Content {
        kind: "text".into(),
        text: text.into_owned(),
        words: Vec::new(),
        data: data.to_owned(),
        view: None,
        state: None,
        file: None,
    })
}

/// White space, controls, and the marks that change how others are shown but show nothing themselves.
fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Where in a channel's history.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub limit: Option<i64>,
    pub next: Option<String>,
    pub prev: Option<String>,
    pub around: Option<MessageId>,
}

/// A page of a channel's messages, old to new.
pub struct History {
    pub channel: Arc<crate::model::Channel>,
    pub messages: Vec<Message>,
    pub next: Option<String>,
    pub prev: Option<String>,
}

/// The channel's messages: the newest, those beside a cursor, or those around a message.
pub async fn history(
    app: &App,
    caller: &Caller,
    channel: &ChannelId,
    page: Page,
) -> Result<History> {
    let member = access::member(app, &access::actor(caller)?, channel).await?;
    let limit = valid::limit(app, page.limit, 50)?;
    let list = format!("messages {}", member.channel().key);
    let seq = |cursor: &str| -> Result<i64> {
        cursor::read(app, &list, cursor)?
            .parse()
            .map_err(|_| Error::new(Code::BadCursor, "The cursor was not given by this list."))
    };
    let messages = match (&page.next, &page.prev, page.around) {
        (None, None, None) => {
            app.store
                .list_messages(&member, Slice::Latest, limit)
                .await?
        }
        (Some(next), None, None) => {
            app.store
                .list_messages(&member, Slice::After(seq(next)?), limit)
                .await?
        }
        (None, Some(prev), None) => {
            app.store
                .list_messages(&member, Slice::Before(seq(prev)?), limit)
                .await?
        }
        (None, None, Some(id)) => around(app, &member, id, limit).await?,
        _ => {
            return Err(Error::invalid(
                "next",
                "give at most one of `next`, `prev` and `around`",
            ));
        }
    };
    // Nothing beyond the head that was read before the seat was looked at: see `catchup`.
    let mut messages = messages;
    messages.retain(|message| message.seq <= member.channel().head);
    let first = messages.first().map_or(0, |message| message.seq);
    let last = messages.last().map_or(0, |message| message.seq);
    let has_older = first > 1
        && !app
            .store
            .list_messages(&member, Slice::Before(first), 1)
            .await?
            .is_empty();
    let has_newer = last < member.channel().last_message_seq;
    Ok(History {
        next: (has_newer && last > 0).then(|| cursor::make(app, &list, &last.to_string())),
        prev: has_older.then(|| cursor::make(app, &list, &first.to_string())),
        messages,
        channel: member.channel().clone(),
    })
}

async fn around(app: &App, member: &Member, id: MessageId, limit: i64) -> Result<Vec<Message>> {
    let middle = app.store.find_message(member.tenant(), id).await?;
    let middle = middle.filter(|message| message.channel == member.channel().key);
    let seq = middle.ok_or_else(|| Error::not_found("message"))?.seq;
    let older = limit / 2;
    let mut messages = match older {
        0 => Vec::new(),
        older => {
            app.store
                .list_messages(member, Slice::Before(seq), older)
                .await?
        }
    };
    messages.extend(
        app.store
            .list_messages(member, Slice::After(seq - 1), limit - older)
            .await?,
    );
    Ok(messages)
}

/// A message, and the caller's place in its channel.
pub async fn get(app: &App, caller: &Caller, id: MessageId) -> Result<(Message, Member)> {
    let actor = access::actor(caller)?;
    let message = app
        .store
        .find_message(actor.tenant(), id)
        .await?
        .ok_or_else(|| Error::not_found("message"))?;
    let member = access::member_by_key(app, &actor, message.channel, "message").await?;
    Ok((message, member))
}

/// Changes the text of one's own message; a server key may change anybody's.
pub async fn edit(
    app: &App,
    caller: &Caller,
    id: MessageId,
    data: &str,
) -> Result<(Message, ChannelId)> {
    let (message, member) = get(app, caller, id).await?;
    if !owns(&member, &message) {
        return Err(Error::forbidden("Only its sender edits a message."));
    }
    if message.kind != "text" {
        return Err(Error::new(
            Code::Conflict,
            "Only `text` messages can be edited.",
        ));
    }
    if message.deleted_at.is_some() {
        return Err(Error::new(Code::Conflict, "The message was deleted."));
    }
    if !member.channel().active {
        return Err(Error::new(
            Code::ChannelInactive,
            "The channel takes no changes.",
        ));
    }
    let content = content(app, &member, "text", data).await?;
    let content = chain::guard_edit(app, &member, content, &message).await?;
    let change = MessageChange {
        data: Some(content.data),
        edited: true,
        ..Default::default()
    };
    let changed = app
        .store
        .change_message(&member, id, message.revision, change)
        .await?;
    Ok((changed, member.channel().id.clone()))
}

/// Takes a message's content away, for good: one's own, also what a plugin sent by one's command; as the
/// channel's admin or owner, or with a server key, anybody's.
pub async fn delete(app: &App, caller: &Caller, id: MessageId) -> Result<(Message, ChannelId)> {
    let (message, member) = get(app, caller, id).await?;
    let moderates = super::rights::capabilities(Some(member.standing()), &member.channel().kind)
        .contains(&"delete-any-message");
    if !owns(&member, &message) && !moderates && !commanded(app, &member, &message).await? {
        return Err(Error::forbidden(
            "Only its sender, whose command sent it, or an admin of the channel deletes a message.",
        ));
    }
    if message.deleted_at.is_none() {
        judge::guard_delete(app, &member, &message).await?;
    }
    let deleted = app.store.delete_message(&member, id).await?;
    Ok((deleted, member.channel().id.clone()))
}

/// Whether a plugin sent the message because this member typed a command.
async fn commanded(app: &App, member: &Member, message: &Message) -> Result<bool> {
    if !message
        .sender
        .as_str()
        .starts_with(super::users::BOT_PREFIX)
    {
        return Ok(false);
    }
    let commander = app
        .store
        .find_commander(member.tenant(), message.id)
        .await?;
    Ok(commander.is_some() && commander.as_ref() == member.user())
}

fn owns(member: &Member, message: &Message) -> bool {
    matches!(member.standing(), Standing::Backend) || member.user() == Some(&message.sender)
}

#[cfg(test)]
mod tests {
    use super::is_visible;

    #[test]
    fn what_shows_nothing_is_empty() {
        for empty in [
            "",
            " \n\t",
            "\u{200b}\u{200d}",
            "\u{feff}",
            "\u{2060}\u{ad}",
            "\u{3164}",
        ] {
            assert!(!empty.chars().any(is_visible), "{empty:?}");
        }
        for seen in ["a", " . ", "\u{1f600}", "\u{200d}é"] {
            assert!(seen.chars().any(is_visible), "{seen:?}");
        }
    }
}
