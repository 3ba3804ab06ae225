//! Whose plugins an app takes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::extract::{By, Json, Path};
use super::reply;
use crate::app::App;
use crate::chat::trust as verbs;
use crate::error::Result;
use crate::model::AppId;
use crate::wire;

/// See whose plugins an app takes
#[utoipa::path(get, path = "/v1/apps/{app_id}/plugin-trust", tag = "Apps",
    security(("operator_key" = []), ("org_key" = []), ("server_key" = [])), params(("app_id" = AppId, Path)),
    responses((status = 200, description = "Keys and least versions", body = wire::PluginTrust)))]
pub async fn trust(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<AppId>,
) -> Result<Response> {
    Ok(reply::ok(&verbs::get(&app, &caller, id).await?))
}

/// Say whose plugins an app takes
///
/// The keys whose signatures are trusted, for which plugins, whether there must be one, and the lowest version of a
/// plugin. All of it is replaced. It is looked at when a version is uploaded and when it is put into use; what runs
/// already runs on.
#[utoipa::path(put, path = "/v1/apps/{app_id}/plugin-trust", tag = "Apps", security(("operator_key" = []), ("org_key" = [])),
    params(("app_id" = AppId, Path)), request_body = wire::SetPluginTrust,
    responses((status = 200, description = "Keys and least versions", body = wire::PluginTrust)))]
pub async fn set_trust(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<AppId>,
    Json(set): Json<wire::SetPluginTrust>,
) -> Result<Response> {
    Ok(reply::ok(&verbs::set(&app, &caller, id, set).await?))
}
