//! Who is in a channel.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::extract::{By, Json, MaybeJson, Paging, Path, Query};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::members::{self, Seated};
use crate::error::Result;
use crate::model::{ChannelId, Participant, UserId};
use crate::wire;

fn out(seated: &Seated) -> wire::Participant<'_> {
    wire::Participant {
        name: seated.user.as_ref().and_then(|user| user.name.as_deref()),
        image: seated.user.as_ref().and_then(|user| user.image.as_deref()),
        online: seated.online,
        ..seat(&seated.seat)
    }
}

fn seat(seat: &Participant) -> wire::Participant<'_> {
    wire::Participant {
        user_id: &seat.user_id,
        name: None,
        image: None,
        role: seat.role,
        joined_at: wire::Time(seat.joined_at),
        last_read_seq: seat.last_read_seq,
        online: false,
    }
}

/// List participants
#[utoipa::path(get, path = "/v1/channels/{channel_id}/participants", tag = "Participants",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path), Paging),
    responses((status = 200, description = "Participants by user id", body = wire::Participants)))]
pub async fn list(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
    Query(page): Query<Paging>,
) -> Result<Response> {
    let (seated, next) =
        members::list(&app, &caller, &id, page.limit, page.next.as_deref()).await?;
    Ok(reply::ok(&wire::Participants {
        participants: seated.iter().map(out).collect(),
        next,
    }))
}

/// Add somebody, or give a role
///
/// Admins and the owner add members; the owner makes and unmakes admins. Ownership is transferred, not given.
#[utoipa::path(put, path = "/v1/channels/{channel_id}/participants/{user_id}", tag = "Participants",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path), ("user_id" = UserId, Path)),
    request_body = Option<wire::SetParticipant>,
    responses((status = 200, description = "The participant as it is now", body = wire::Participant)))]
pub async fn set(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path((id, user)): Path<(ChannelId, UserId)>,
    MaybeJson(set): MaybeJson<wire::SetParticipant>,
) -> Result<Response> {
    let participant = members::set(&app, &caller, &id, user, set.role).await?;
    Ok(reply::ok(&seat(&participant)))
}

/// Remove somebody
///
/// Admins and the owner remove members. Whoever is removed gets nothing that comes later.
#[utoipa::path(delete, path = "/v1/channels/{channel_id}/participants/{user_id}", tag = "Participants",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path), ("user_id" = UserId, Path)),
    responses((status = 204, description = "No longer a participant")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path((id, user)): Path<(ChannelId, UserId)>,
) -> Result<StatusCode> {
    members::remove(&app, &caller, &id, user).await?;
    Ok(DONE)
}

/// Leave
///
/// An owner's place goes to the longest-standing admin, else member. A channel that nobody is left in is no longer active.
#[utoipa::path(post, path = "/v1/channels/{channel_id}/leave", tag = "Participants", security(("user_token" = [])),
    params(("channel_id" = ChannelId, Path)), responses((status = 204, description = "No longer a participant")))]
pub async fn leave(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
) -> Result<StatusCode> {
    members::leave(&app, &caller, &id).await?;
    Ok(DONE)
}

/// Hand the channel over
///
/// Makes a participant the owner, and the owner an admin.
#[utoipa::path(post, path = "/v1/channels/{channel_id}/owner", tag = "Participants",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path)),
    request_body = wire::OneUser,
    responses((status = 200, description = "The new owner", body = wire::Participant)))]
pub async fn transfer(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
    Json(to): Json<wire::OneUser>,
) -> Result<Response> {
    let participant = members::transfer(&app, &caller, &id, to.user_id).await?;
    Ok(reply::ok(&seat(&participant)))
}
