//! Channels: made, listed, changed, removed.

use super::access::{self, Actor, Caller};
use super::tenants::page;
use super::{cursor, gates, valid};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::model::{Channel, ChannelId, ChannelKey, ChannelListing, Role, Texts, UserId};
use crate::store::proof::Member;
use crate::store::{ChannelChange, ChannelFilter, NewChannel};
use crate::wire;

/// Makes a channel. A user who makes one owns it.
pub async fn add(app: &App, caller: &Caller, new: wire::NewChannel) -> Result<Channel> {
    let actor = access::actor(caller)?;
    let tenant = actor.tenant();
    check(app, &new)?;
    let owner = match (&actor, new.owner) {
        (Actor::Backend(_), owner) => owner,
        (Actor::User(session), None) => Some(session.user.clone()),
        (Actor::User(session), Some(owner)) if owner == session.user => Some(owner),
        (Actor::User(_), Some(_)) => {
            return Err(Error::forbidden("A user's channel is the user's own."));
        }
    };
    let mut participants: Vec<(UserId, Role)> = owner
        .iter()
        .map(|owner| (owner.clone(), Role::Owner))
        .collect();
    for member in new.members {
        if participants.iter().all(|(user, _)| *user != member) {
            participants.push((member, Role::Member));
        }
    }
    let max = app.config.limits.participants_max;
    if participants.len() > max {
        return Err(Error::new(
            Code::LimitReached,
            format!("A channel has at most {max} participants."),
        ));
    }
    // A channel with people in it has exactly one owner.
    if let Some((_, role)) = participants
        .first_mut()
        .filter(|(_, role)| *role != Role::Owner)
    {
        *role = Role::Owner;
    }
    let custom = new
        .custom
        .map(|custom| valid::custom(app, "custom", &custom))
        .transpose()?;
    let made = NewChannel {
        id: new.id,
        kind: new.kind,
        name: new.name,
        icon: new.icon,
        tags: Texts(new.tags),
        custom: custom.unwrap_or_else(|| "{}".into()),
        parent: None,
        pair: None,
        participants,
        actor: actor.user().cloned(),
    };
    gates::create(app, &actor, &made).await?;
    app.store
        .add_channel(tenant, made)
        .await
        .map(|(channel, _)| channel)
}

fn check(app: &App, new: &wire::NewChannel) -> Result<()> {
    if new
        .id
        .as_ref()
        .is_some_and(|id| id.as_str().starts_with("chn_"))
    {
        return Err(Error::invalid(
            "id",
            "ids that begin with `chn_` are the host's",
        ));
    }
    valid::channel_type(&new.kind)?;
    if let Some(name) = &new.name {
        valid::plain("name", name, app.config.limits.name_bytes_max)?;
    }
    if let Some(icon) = &new.icon {
        valid::link("icon", icon)?;
    }
    valid::tags(app, &new.tags)?;
    let first_max = app.config.limits.users_per_request_max;
    if new.members.len() > first_max {
        return Err(Error::invalid(
            "members",
            format!("must be at most {first_max}; add others afterwards"),
        ));
    }
    Ok(())
}

/// The channel of two users: the one there is, or a new one.
pub async fn direct(app: &App, caller: &Caller, users: Vec<UserId>) -> Result<Channel> {
    let actor = access::actor(caller)?;
    let (one, other) = match (users.as_slice(), actor.user()) {
        ([other], Some(me)) => (me.clone(), other.clone()),
        ([one, other], me) if me.is_none_or(|me| me == one || me == other) => {
            (one.clone(), other.clone())
        }
        ([_, _], _) => return Err(Error::forbidden("A user opens direct channels of its own.")),
        _ => return Err(Error::invalid("user_ids", "must be two users")),
    };
    if one == other {
        return Err(Error::invalid("user_ids", "must be two different users"));
    }
    let made = pair(None, &one, &other);
    if app.store.find_pair(actor.tenant(), &made).await?.is_none() {
        gates::create(app, &actor, &made).await?;
    }
    app.store
        .add_channel(actor.tenant(), made)
        .await
        .map(|(channel, _)| channel)
}

/// The side channel of two participants, where their private messages stand.
pub(super) async fn side(
    app: &App,
    member: &Member,
    from: &UserId,
    to: &UserId,
) -> Result<Channel> {
    let parent = member.channel();
    if matches!(parent.kind.as_str(), "direct" | "side") {
        return Err(Error::invalid(
            "to",
            "a channel of two has no private messages within it: send to `*`",
        ));
    }
    if from == to {
        return Err(Error::invalid("to", "must be somebody else"));
    }
    if app
        .store
        .find_participant(member.tenant(), parent, to)
        .await?
        .is_none()
    {
        return Err(Error::invalid(
            "to",
            "must be `*` or a participant of the channel",
        ));
    }
    // Both are in the channel already: nobody comes in.
    let made = pair(Some(parent.key), from, to);
    app.store
        .add_channel(member.tenant(), made)
        .await
        .map(|(channel, _)| channel)
}

/// The channel of a pair as it would be made.
fn pair(parent: Option<ChannelKey>, one: &UserId, other: &UserId) -> NewChannel {
    let (first, second) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    // User ids have no control characters, so this text is the pair's alone.
    let pair = format!(
        "{}\n{first}\n{second}",
        parent.map_or(String::new(), |key| key.to_string())
    );
    NewChannel {
        id: None,
        kind: if parent.is_some() { "side" } else { "direct" }.into(),
        name: None,
        icon: None,
        tags: Texts::default(),
        custom: "{}".into(),
        parent,
        pair: Some(pair),
        // Equal standing: neither can remove the other.
        participants: vec![
            (first.clone(), Role::Member),
            (second.clone(), Role::Member),
        ],
        actor: None,
    }
}

/// One channel, with the caller's place in it.
pub async fn get(app: &App, caller: &Caller, id: &ChannelId) -> Result<Member> {
    access::member(app, &access::actor(caller)?, id).await
}

/// What a list of channels is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    pub kind: Option<String>,
    pub tag: Option<String>,
}

/// The caller's channels, those with the newest activity first; for the backend all of the app's.
pub async fn list(
    app: &App,
    caller: &Caller,
    narrow: Narrow,
    limit: Option<i64>,
    next: Option<&str>,
) -> Result<(Vec<ChannelListing>, Option<String>)> {
    let actor = access::actor(caller)?;
    let limit = valid::limit(app, limit, 50)?;
    let list = format!(
        "channels {} {:?} {narrow:?}",
        actor.tenant().app(),
        actor.user()
    );
    let bad = || Error::new(Code::BadCursor, "The cursor was not given by this list.");
    let after = match next {
        None => None,
        Some(next) => {
            let place = cursor::read(app, &list, next)?;
            let (time, key) = place.split_once(' ').ok_or_else(bad)?;
            Some((
                time.parse().map_err(|_| bad())?,
                ChannelKey(key.parse().map_err(|_| bad())?),
            ))
        }
    };
    let filter = ChannelFilter {
        user: actor.user().cloned(),
        kind: narrow.kind,
        tag: narrow.tag,
        after,
    };
    let listings = app
        .store
        .list_channels(actor.tenant(), filter, limit + 1)
        .await?;
    Ok(page(app, &list, listings, limit, |listing| {
        let channel = &listing.channel;
        format!(
            "{} {}",
            channel.last_message_at.unwrap_or(channel.created_at),
            channel.key.0
        )
    }))
}

/// Changes a channel.
pub async fn change(
    app: &App,
    caller: &Caller,
    id: &ChannelId,
    change: wire::ChangeChannel,
) -> Result<Channel> {
    let admin = access::manager(access::member(app, &access::actor(caller)?, id).await?)?;
    if let Some(kind) = &change.kind {
        if matches!(admin.channel().kind.as_str(), "direct" | "side") {
            return Err(Error::invalid("type", "the channel of two keeps its type"));
        }
        valid::channel_type(kind)?;
    }
    if let Some(Some(name)) = &change.name {
        valid::plain("name", name, app.config.limits.name_bytes_max)?;
    }
    if let Some(Some(icon)) = &change.icon {
        valid::link("icon", icon)?;
    }
    if let Some(tags) = &change.tags {
        valid::tags(app, tags)?;
    }
    let custom = change
        .custom
        .map(|custom| valid::custom(app, "custom", &custom))
        .transpose()?;
    let change = ChannelChange {
        kind: change.kind,
        name: change.name,
        icon: change.icon,
        active: change.active,
        tags: change.tags.map(Texts),
        custom,
    };
    gates::change(app, &admin, &change.applied_to(admin.channel())).await?;
    app.store.change_channel(&admin, change).await
}

/// Removes a channel with everything in it.
pub async fn remove(app: &App, caller: &Caller, id: &ChannelId) -> Result<()> {
    let admin = access::manager(access::member(app, &access::actor(caller)?, id).await?)?;
    app.store.remove_channel(&admin).await?;
    let key = admin.channel().key;
    app.seats.forget_channel(key);
    super::passing::channel_deleted(app, key);
    Ok(())
}
