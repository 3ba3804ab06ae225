//! Versions of a plugin that are tried beside the one that runs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::extract::{By, Json, Path};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::rollout as verbs;
use crate::error::Result;
use crate::wire;

/// Try a version
///
/// Beside the one that runs, with grants and settings of its own. A shadow is asked whatever the active version is
/// asked, after it, and what it says is compared; nothing that it does has an effect, and nobody waits for it. A canary
/// serves a share of the channels in the place of the active version. It ends by itself when it keeps failing, and when
/// another version becomes the active one.
#[utoipa::path(put, path = "/v1/plugins/{name}/rollout", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), request_body = wire::SetRollout,
    responses((status = 200, description = "How the version does", body = wire::Rollout)))]
pub async fn set_rollout(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
    Json(set): Json<wire::SetRollout>,
) -> Result<Response> {
    Ok(reply::ok(&verbs::set(&app, &caller, &name, set).await?))
}

/// See how a version does that is tried
#[utoipa::path(get, path = "/v1/plugins/{name}/rollout", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "How the version does", body = wire::Rollout)))]
pub async fn rollout(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<Response> {
    Ok(reply::ok(&verbs::get(&app, &caller, &name).await?))
}

/// Give up a version that is tried
///
/// The active version serves all channels from the next call on.
#[utoipa::path(delete, path = "/v1/plugins/{name}/rollout", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 204, description = "It is not tried any more")))]
pub async fn abandon_rollout(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    verbs::abandon(&app, &caller, &name).await?;
    Ok(DONE)
}

/// Let a version that is tried take over
///
/// As it was tried, with its permissions and settings, in all channels from the next call on. The version before is kept
/// for going back.
#[utoipa::path(post, path = "/v1/plugins/{name}/rollout/promote", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "The plugin as it is now", body = wire::Plugin)))]
pub async fn promote(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<Response> {
    Ok(reply::ok(&verbs::promote(&app, &caller, &name).await?))
}

/// Read the log of a version that is tried
///
/// The newest lines, old to new, since it is tried or the host started. The log of the plugin is that of the active
/// version.
#[utoipa::path(get, path = "/v1/plugins/{name}/rollout/log", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "Lines", body = wire::PluginLog)))]
pub async fn rollout_log(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<Response> {
    Ok(reply::ok(&verbs::log(&app, &caller, &name).await?))
}
