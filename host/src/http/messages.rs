//! Messages.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::extract::{By, Json, Path, Query};
use super::{idempotency, reply};
use crate::app::App;
use crate::chat::messages::{self, Page};
use crate::error::Result;
use crate::model::{ChannelId, MessageId};
use crate::wire;

/// Where in the history.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Where {
    /// How many, 1 to 100; 50 if absent.
    limit: Option<i64>,
    /// A cursor to newer messages.
    next: Option<String>,
    /// A cursor to older messages.
    prev: Option<String>,
    /// A message to have in the middle.
    around: Option<MessageId>,
}

/// Read a channel's messages
///
/// The newest, those beside a cursor, or those around a message; always old to new.
#[utoipa::path(get, path = "/v1/channels/{channel_id}/messages", tag = "Messages",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path), Where),
    responses((status = 200, description = "Messages", body = wire::History)))]
pub async fn history(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
    Query(query): Query<Where>,
) -> Result<Response> {
    let Where {
        limit,
        next,
        prev,
        around,
    } = query;
    let history = messages::history(
        &app,
        &caller,
        &id,
        Page {
            limit,
            next,
            prev,
            around,
        },
    )
    .await?;
    Ok(reply::ok(&wire::history(
        &history.messages,
        &history.channel.id,
        caller.user(),
        history.next,
        history.prev,
    )))
}

/// Send a message
///
/// Answered once it is on disk. `201` for a new message, `200` with `replayed` for one that was sent before under the
/// same `client_id`, `202` with `held` for one that waits for review. An `Idempotency-Key` is the `client_id` of a
/// message without one.
#[utoipa::path(post, path = "/v1/messages", tag = "Messages", security(("server_key" = []), ("user_token" = [])),
    request_body = wire::Send,
    responses((status = 201, description = "It is stored", body = wire::Message),
        (status = 200, description = "It was stored before", body = wire::SendOutcome),
        (status = 202, description = "It waits for review", body = wire::SendOutcome)))]
pub async fn send(
    State(app): State<Arc<App>>,
    By(caller): By,
    headers: HeaderMap,
    Json(mut new): Json<wire::Send>,
) -> Result<Response> {
    if new.client_id.is_none() {
        new.client_id = idempotency::key(&headers)?;
    }
    let (outcome, channel) = messages::send(&app, &caller, new).await?;
    let status = match &outcome {
        messages::Outcome::Stored(sent) if sent.replayed => StatusCode::OK,
        messages::Outcome::Stored(_) => StatusCode::CREATED,
        messages::Outcome::Held(_) => StatusCode::ACCEPTED,
    };
    Ok(reply::json(status, &outcome.to_wire(&channel)))
}

/// Look at a message
#[utoipa::path(get, path = "/v1/messages/{message_id}", tag = "Messages",
    security(("server_key" = []), ("user_token" = [])), params(("message_id" = MessageId, Path)),
    responses((status = 200, description = "The message", body = wire::Message)))]
pub async fn get(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<MessageId>,
) -> Result<Response> {
    let (message, member) = messages::get(&app, &caller, id).await?;
    let channel = &member.channel().id;
    Ok(reply::ok(&wire::Message::for_reader(
        &message,
        channel,
        caller.user(),
    )))
}

/// Edit a message
///
/// The sender may, and a server key. Only `text` messages can be edited.
#[utoipa::path(patch, path = "/v1/messages/{message_id}", tag = "Messages",
    security(("server_key" = []), ("user_token" = [])), params(("message_id" = MessageId, Path)),
    request_body = wire::Edit, responses((status = 200, description = "The message as it is now", body = wire::Message)))]
pub async fn edit(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<MessageId>,
    Json(edit): Json<wire::Edit>,
) -> Result<Response> {
    let (message, channel) = messages::edit(&app, &caller, id, edit.data.get()).await?;
    let message = wire::Message::for_reader(&message, &channel, caller.user());
    Ok(reply::ok(&message))
}

/// Delete a message
///
/// Takes its content away for good; its place in the log stays. The sender may, whoever typed the command by which a
/// plugin sent it, the channel's admins and owner, and a server key.
#[utoipa::path(delete, path = "/v1/messages/{message_id}", tag = "Messages",
    security(("server_key" = []), ("user_token" = [])), params(("message_id" = MessageId, Path)),
    responses((status = 200, description = "What is left of it", body = wire::Message)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<MessageId>,
) -> Result<Response> {
    let (message, channel) = messages::delete(&app, &caller, id).await?;
    let message = wire::Message::for_reader(&message, &channel, caller.user());
    Ok(reply::ok(&message))
}
