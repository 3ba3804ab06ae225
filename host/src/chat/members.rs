//! Participants: added, given a role, removed, and who leaves.

use super::access::{self, Caller};
use super::rights;
use super::{cursor, gates, tenants, valid};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::model::{ChannelId, Participant, Role, User, UserId};
use crate::store::proof::{Member, Standing};
use crate::store::{Asker, SeatChange};

/// A participant with what is known of the user.
pub struct Seated {
    pub seat: Participant,
    pub user: Option<User>,
    pub online: bool,
}

/// Participants by user id, and the cursor of the next page.
pub async fn list(
    app: &App,
    caller: &Caller,
    channel: &ChannelId,
    limit: Option<i64>,
    next: Option<&str>,
) -> Result<(Vec<Seated>, Option<String>)> {
    let member = access::member(app, &access::actor(caller)?, channel).await?;
    let limit = valid::limit(app, limit, 100)?;
    let list = format!("participants {}", member.channel().key);
    let after = next
        .map(|next| cursor::read(app, &list, next))
        .transpose()?
        .unwrap_or_default();
    let seats = app
        .store
        .list_participants(&member, &after, limit + 1)
        .await?;
    let (seats, next) = tenants::page(app, &list, seats, limit, |seat| seat.user_id.to_string());
    let online = app.hub.present(member.channel().key);
    let mut seated = Vec::with_capacity(seats.len());
    for seat in seats {
        let user = app.store.find_user(member.tenant(), &seat.user_id).await?;
        seated.push(Seated {
            online: online.contains(&seat.user_id),
            seat,
            user,
        });
    }
    Ok((seated, next))
}

/// Adds somebody, or gives a role. Gives the seat.
pub async fn set(
    app: &App,
    caller: &Caller,
    channel: &ChannelId,
    user: UserId,
    role: Option<Role>,
) -> Result<Participant> {
    let member = group(app, caller, channel).await?;
    let decide = move |asker, seat| rights::set_seat(role, asker, seat);
    let seat = guarded(app, &member, user, decide).await?;
    seat.ok_or_else(|| Error::not_found("participant"))
}

/// Changes a seat after the app's plugins have agreed to it.
async fn guarded(
    app: &App,
    member: &Member,
    user: UserId,
    decide: impl Fn(Asker, Option<Role>) -> Result<SeatChange> + Send + Sync + 'static,
) -> Result<Option<Participant>> {
    if !gates::guards_seats(app, member.tenant().app()) {
        return change(app, member, user, decide).await;
    }
    let before = app
        .store
        .find_participant(member.tenant(), member.channel(), &user)
        .await?
        .map(|seat| seat.role);
    let asker = match (member.standing(), member.user()) {
        (Standing::Participant(role), Some(actor)) => Asker::Participant {
            role: *role,
            own: *actor == user,
        },
        _ => Asker::Backend,
    };
    let agreed = decide(asker, before)?;
    let after = match agreed {
        SeatChange::Add(role) | SeatChange::Set(role) => Some(role),
        SeatChange::Transfer => Some(Role::Owner),
        SeatChange::Keep | SeatChange::Remove => None,
    };
    if let Some(after) = after {
        gates::seat(app, member, &user, before, after).await?;
    }
    // The plugins were asked outside the transaction, about what was then.
    change(app, member, user, move |asker, seat| {
        match decide(asker, seat)? {
            change if change == agreed && seat == before => Ok(change),
            _ => Err(Error::new(
                Code::Conflict,
                "The participant was changed at the same time.",
            )),
        }
    })
    .await
}

/// Removes somebody. Whoever is removed sees that, and nothing after it.
pub async fn remove(app: &App, caller: &Caller, channel: &ChannelId, user: UserId) -> Result<()> {
    let member = group(app, caller, channel).await?;
    change(app, &member, user, rights::remove_seat)
        .await
        .map(drop)
}

/// Leaves. An owner's place goes to the longest-standing admin, else member.
pub async fn leave(app: &App, caller: &Caller, channel: &ChannelId) -> Result<()> {
    let member = group(app, caller, channel).await?;
    let Some(user) = member.user().cloned() else {
        return Err(Error::forbidden(
            "A server key is in no channel; remove a participant instead.",
        ));
    };
    change(app, &member, user, rights::remove_seat)
        .await
        .map(drop)
}

/// Makes a participant the owner, and the owner an admin.
pub async fn transfer(
    app: &App,
    caller: &Caller,
    channel: &ChannelId,
    to: UserId,
) -> Result<Participant> {
    let member = group(app, caller, channel).await?;
    let seat = guarded(app, &member, to, rights::transfer).await?;
    seat.ok_or_else(|| Error::not_found("participant"))
}

async fn change(
    app: &App,
    member: &Member,
    user: UserId,
    decide: impl Fn(Asker, Option<Role>) -> Result<SeatChange> + Send + Sync + 'static,
) -> Result<Option<Participant>> {
    let max = app.config.limits.participants_max as i64;
    app.store.change_seat(member, user, max, decide).await
}

/// A channel that people come to and leave; the channel of two is of those two.
async fn group(app: &App, caller: &Caller, channel: &ChannelId) -> Result<Member> {
    let member = access::member(app, &access::actor(caller)?, channel).await?;
    if matches!(member.channel().kind.as_str(), "direct" | "side") {
        return Err(Error::new(
            Code::Conflict,
            "The channel of two users keeps those two.",
        ));
    }
    Ok(member)
}
