//! What passes and is in no log: typing, presence, read marks moving, messages in the making.

use std::sync::Arc;

use bytes::Bytes;

use super::access::{self, Caller};
use super::chain::Content;
use crate::app::App;
use crate::error::{Error, Result};
use crate::frame;
use crate::hub::Outbox;
use crate::model::{ChannelId, ChannelKey, Message, UserId};
use crate::store::proof::Tenant;
use crate::wire::{self, AboutUser};

/// Tells those who watch the channel that somebody types, or has stopped. Not the socket it came
/// from.
pub async fn typing(
    app: &App,
    caller: &Caller,
    channel: &ChannelId,
    typing: bool,
    from: Option<&Arc<Outbox>>,
) -> Result<()> {
    let actor = access::actor(caller)?;
    let member = access::sender(app, &actor, channel).await?;
    let Some(user) = member.user() else {
        return Err(Error::forbidden(
            "A server key does not type; this takes a user token.",
        ));
    };
    let event = if typing {
        "typing.start"
    } else {
        "typing.stop"
    };
    let about = AboutUser {
        user_id: user,
        online: None,
        seq: None,
    };
    signal(app, member.channel().key, from, event, &about);
    Ok(())
}

/// Moves the caller's read mark forward. Gives where it is then.
pub async fn read(app: &App, caller: &Caller, channel: &ChannelId, seq: i64) -> Result<i64> {
    let member = access::member(app, &access::actor(caller)?, channel).await?;
    let Some(user) = member.user() else {
        return Err(Error::forbidden(
            "A server key has no read mark; this takes a user token.",
        ));
    };
    if seq < 0 {
        return Err(Error::invalid("seq", "must not be negative"));
    }
    let now = app.store.set_read(&member, user.clone(), seq).await?;
    let about = AboutUser {
        user_id: user,
        online: None,
        seq: Some(now),
    };
    signal(app, member.channel().key, None, "message.read", &about);
    Ok(now)
}

/// Who has the channel open.
pub async fn present(app: &App, caller: &Caller, channel: &ChannelId) -> Result<Vec<UserId>> {
    let member = access::member(app, &access::actor(caller)?, channel).await?;
    Ok(app.hub.present(member.channel().key))
}

/// Notes that a user opened the channel on one more socket.
pub fn arrive(app: &App, channel: ChannelKey, user: &UserId) {
    if app.hub.arrive(channel, user) {
        presence(app, channel, user, true);
    }
}

/// Notes that a user closed the channel on one socket.
pub fn depart(app: &App, channel: ChannelKey, user: &UserId) {
    if app.hub.depart(channel, user) {
        presence(app, channel, user, false);
    }
}

fn presence(app: &App, channel: ChannelKey, user: &UserId, online: bool) {
    let about = AboutUser {
        user_id: user,
        online: Some(online),
        seq: None,
    };
    signal(app, channel, None, "user.presence.changed", &about);
}

/// Shows those who watch what a message says so far. Whoever is slow goes without.
pub(super) fn progress(app: &App, message: &Message, content: &Content) {
    let now = app.clock.now();
    let data = wire::to_json(&wire::Progress::new(
        message.id,
        &content.data,
        content.view.as_deref(),
    ));
    app.hub.pass(message.channel, |id| {
        encode(&wire::Event::passing("message.progress", id, now, &data))
    });
}

/// Tells those who watch a channel that it is gone, and ends their watch.
pub(super) fn channel_deleted(app: &App, channel: ChannelKey) {
    let now = app.clock.now();
    app.hub.end_channel(channel, |id| {
        encode(&wire::Event::passing("channel.deleted", id, now, "{}"))
    });
}

/// Tells the sockets of one user something about a channel that they may not watch.
pub(super) fn notify(
    app: &App,
    tenant: Tenant,
    user: &UserId,
    event: &str,
    channel: &ChannelId,
    data: &str,
) {
    let frame = encode(&wire::Event::passing(event, channel, app.clock.now(), data));
    app.hub.tell_user(tenant.app(), user, &frame);
}

fn signal(
    app: &App,
    channel: ChannelKey,
    except: Option<&Arc<Outbox>>,
    event: &str,
    about: &AboutUser<'_>,
) {
    let now = app.clock.now();
    let data = wire::to_json(about);
    app.hub.signal(channel, except, |id| {
        encode(&wire::Event::passing(event, id, now, &data))
    });
}

/// A frame that all watchers share.
fn encode(event: &wire::Event<'_>) -> Bytes {
    frame::encode_text(wire::to_json(event).as_bytes())
}
