//! User tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::extract::{By, Json};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::tenants;
use crate::error::Result;
use crate::wire;

/// Make a session
///
/// A token for one user, to hand to that user's browser or phone.
#[utoipa::path(post, path = "/v1/sessions", tag = "Sessions", security(("server_key" = [])), request_body = wire::NewSession,
    responses((status = 201, description = "The session", body = wire::Session)))]
pub async fn add(
    State(app): State<Arc<App>>,
    By(caller): By,
    Json(new): Json<wire::NewSession>,
) -> Result<Response> {
    Ok(reply::secret(
        &tenants::add_session(&app, &caller, new).await?,
    ))
}

/// Revoke sessions
///
/// Refuses every token issued up to now, of one user or of the whole app, whoever signed it, and closes their sockets.
#[utoipa::path(post, path = "/v1/sessions/revoke", tag = "Sessions", security(("server_key" = [])),
    request_body = wire::RevokeSessions, responses((status = 204, description = "They work no more")))]
pub async fn revoke(
    State(app): State<Arc<App>>,
    By(caller): By,
    Json(revoke): Json<wire::RevokeSessions>,
) -> Result<StatusCode> {
    tenants::revoke_sessions(&app, &caller, revoke).await?;
    Ok(DONE)
}
