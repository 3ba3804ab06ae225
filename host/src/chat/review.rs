//! The review queue: messages that a guard held back, or whose senders appealed, until the app's
//! backend decides. Their senders see what waits of theirs, and are told of each decision.

use std::sync::Arc;

use serde_json::json;

use super::access::{self, Actor, Caller};
use super::tenants::page;
use super::{cursor, passing, valid};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::model::{Channel, ChannelId, Held, HeldId};
use crate::store::Sent;
use crate::store::proof::Backend;

/// A held message and its channel.
pub type Waiting = (Held, Arc<Channel>);

/// What waits, of users their own, old to new, and the cursor of the next page.
pub async fn list(
    app: &App,
    caller: &Caller,
    limit: Option<i64>,
    next: Option<&str>,
) -> Result<(Vec<Waiting>, Option<String>)> {
    let actor = access::actor(caller)?;
    let limit = valid::limit(app, limit, 50)?;
    let list = format!("held {}", actor.whose());
    let after: Option<HeldId> = match next {
        None => None,
        Some(next) => {
            let bad = |_| Error::new(Code::BadCursor, "The cursor was not given by this list.");
            Some(cursor::read(app, &list, next)?.parse().map_err(bad)?)
        }
    };
    let held = match &actor {
        Actor::Backend(backend) => app.store.list_held(backend, after, limit + 1).await?,
        Actor::User(session) => {
            let (tenant, user) = (session.tenant, &session.user);
            app.store
                .list_held_of(tenant, user, after, limit + 1)
                .await?
        }
    };
    let (held, next) = page(app, &list, held, limit, |held| held.id.to_string());
    let mut waiting = Vec::with_capacity(held.len());
    for held in held {
        if let Some(channel) = app
            .store
            .find_channel_by_key(actor.tenant(), held.channel)
            .await?
        {
            waiting.push((held, Arc::new(channel)));
        }
    }
    Ok((waiting, next))
}

/// Lets a message through. It takes its place in the channel now, and its sender's sockets are told.
///
/// # Errors
/// `user_deactivated` and `conflict` when its sender may not send there any more; it waits on.
pub async fn approve(app: &App, caller: &Caller, id: HeldId) -> Result<(Sent, ChannelId)> {
    let backend = access::backend(caller)?;
    let found = app.store.find_held(&backend, id).await?;
    let held = found.ok_or_else(|| Error::not_found("held message"))?;
    let actor = access::actor(caller)?;
    let member = access::member_by_key(app, &actor, held.channel, "held message").await?;
    let channel = member.channel().id.clone();
    let member = access::on_behalf(app, member, &held.sender)
        .await
        .map_err(|error| match error.code() {
            Code::Invalid => Error::new(
                Code::UserDeactivated,
                "Its sender is deactivated: let the user in again, or reject the message.",
            ),
            Code::NotFound => Error::new(
                Code::Conflict,
                "Its sender is not in the channel any more: add the user again, or reject the message.",
            ),
            _ => error,
        })?;
    let (sender, client_id) = (held.sender.clone(), held.client_id.clone());
    let sent = app.store.approve_held(member, held).await?;
    let mut told = json!({ "id": id, "message_id": sent.message.id });
    if let Some(client_id) = client_id {
        told["client_id"] = client_id.into();
    }
    let (tenant, event) = (backend.tenant(), "notification.message_approved");
    passing::notify(app, tenant, &sender, event, &channel, &told.to_string());
    Ok((sent, channel))
}

/// Drops a message. Its sender's sockets are told, with the reviewer's reason if there is one.
pub async fn reject(app: &App, caller: &Caller, id: HeldId, reason: Option<&str>) -> Result<()> {
    let backend = access::backend(caller)?;
    if let Some(reason) = reason {
        valid::name("reason", reason, app.config.limits.appeal_bytes_max)?;
    }
    let held = app
        .store
        .find_held(&backend, id)
        .await?
        .ok_or_else(|| Error::not_found("held message"))?;
    app.store.reject_held(&backend, id).await?;
    tell_rejected(app, &backend, &held, reason).await
}

/// Drops what has waited for too long, and tells its senders.
pub(super) async fn drop_old(app: &App) -> Result<()> {
    let before = app.clock.days_ago(app.config.limits.held_kept_days);
    loop {
        let dropped = app.store.drop_old_held(before).await?;
        if dropped.is_empty() {
            return Ok(());
        }
        for (id, held) in &dropped {
            let reason = Some("It has waited too long for a review.");
            tell_rejected(app, &access::host(*id), held, reason).await?;
        }
    }
}

async fn tell_rejected(
    app: &App,
    backend: &Backend,
    held: &Held,
    reason: Option<&str>,
) -> Result<()> {
    let tenant = backend.tenant();
    if let Some(channel) = app.store.find_channel_by_key(tenant, held.channel).await? {
        let mut told = json!({ "id": held.id, "client_id": held.client_id });
        if let Some(reason) = reason {
            told["reason"] = reason.into();
        }
        let event = "notification.message_rejected";
        passing::notify(
            app,
            tenant,
            &held.sender,
            event,
            &channel.id,
            &told.to_string(),
        );
    }
    Ok(())
}
