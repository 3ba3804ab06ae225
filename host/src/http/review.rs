//! The review queue.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::extract::{By, MaybeJson, Paging, Path, Query};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::access::Caller;
use crate::chat::review;
use crate::error::Result;
use crate::model::HeldId;
use crate::wire;

/// List held messages
///
/// Messages that a plugin held back or whose senders appealed, old to new. With a user token, the
/// user's own.
#[utoipa::path(get, path = "/v1/held", tag = "Review", security(("user_token" = []), ("server_key" = [])), params(Paging),
    responses((status = 200, description = "What waits", body = wire::HeldPage)))]
pub async fn list(
    State(app): State<Arc<App>>,
    By(caller): By,
    Query(page): Query<Paging>,
) -> Result<Response> {
    let (held, next) = review::list(&app, &caller, page.limit, page.next.as_deref()).await?;
    let for_sender = matches!(caller, Caller::User(_));
    let held = held
        .iter()
        .map(|(held, channel)| wire::Held::new(held, &channel.id, for_sender))
        .collect();
    Ok(reply::ok(&wire::HeldPage { held, next }))
}

/// Approve a held message
///
/// It takes its place in the channel now, and its sender's sockets get `notification.message_approved`.
#[utoipa::path(post, path = "/v1/held/{held_id}/approve", tag = "Review", security(("server_key" = [])),
    params(("held_id" = HeldId, Path)), responses((status = 201, description = "The message", body = wire::Message)))]
pub async fn approve(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<HeldId>,
) -> Result<Response> {
    let (sent, channel) = review::approve(&app, &caller, id).await?;
    Ok(reply::created(&wire::Message::new(&sent.message, &channel)))
}

/// Reject a held message
///
/// Its sender's sockets get `notification.message_rejected`, with your reason if you give one.
#[utoipa::path(post, path = "/v1/held/{held_id}/reject", tag = "Review", security(("server_key" = [])),
    params(("held_id" = HeldId, Path)), request_body = Option<wire::RejectHeld>, responses((status = 204, description = "It is dropped")))]
pub async fn reject(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<HeldId>,
    MaybeJson(decision): MaybeJson<wire::RejectHeld>,
) -> Result<StatusCode> {
    review::reject(&app, &caller, id, decision.reason.as_deref()).await?;
    Ok(DONE)
}
