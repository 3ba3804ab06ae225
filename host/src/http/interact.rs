//! Buttons, votes, slash commands.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::extract::{By, Json, Path};
use super::reply;
use crate::app::App;
use crate::chat::interact;
use crate::error::Result;
use crate::model::{ChannelId, MessageId};
use crate::wire;

/// Act on a message
///
/// Presses a button, votes, fills a form in: whatever the message's blocks offer. Words that are new to a
/// message of a plugin's type pass the app's guards, which may refuse them: `message_rejected`.
#[utoipa::path(post, path = "/v1/messages/{message_id}/actions", tag = "Plugins in use",
    security(("server_key" = []), ("user_token" = [])), params(("message_id" = MessageId, Path)),
    request_body = wire::Act, responses((status = 200, description = "What the plugin says to that", body = wire::Answer)))]
pub async fn act(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<MessageId>,
    Json(act): Json<wire::Act>,
) -> Result<Response> {
    Ok(reply::ok(&interact::act(&app, &caller, id, act).await?))
}

/// List slash commands
#[utoipa::path(get, path = "/v1/commands", tag = "Plugins in use", security(("server_key" = []), ("user_token" = [])),
    responses((status = 200, description = "Commands by name", body = wire::Commands)))]
pub async fn commands(State(app): State<Arc<App>>, By(caller): By) -> Result<Response> {
    Ok(reply::ok(&interact::commands(&app, &caller)?))
}

/// Run a slash command
#[utoipa::path(post, path = "/v1/channels/{channel_id}/commands", tag = "Plugins in use",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path)),
    request_body = wire::RunCommand,
    responses((status = 200, description = "What the plugin says to that", body = wire::Answer)))]
pub async fn run(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
    Json(run): Json<wire::RunCommand>,
) -> Result<Response> {
    Ok(reply::ok(
        &interact::run_command(&app, &caller, &id, run).await?,
    ))
}

/// Complete a slash command
///
/// Ways to go on typing its arguments.
#[utoipa::path(post, path = "/v1/channels/{channel_id}/commands/complete", tag = "Plugins in use",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path)),
    request_body = wire::RunCommand, responses((status = 200, description = "At most 20", body = wire::Choices)))]
pub async fn complete(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
    Json(run): Json<wire::RunCommand>,
) -> Result<Response> {
    Ok(reply::ok(
        &interact::complete(&app, &caller, &id, run).await?,
    ))
}
