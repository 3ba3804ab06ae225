//! Recorded calls of plugins, as tenants ask for them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::value::RawValue;

use super::extract::{By, Json, Path, Query};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::recordings::{self, Narrow};
use crate::error::{Error, Result};
use crate::wire;

/// Which calls, and which page of them.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Those of this hook.
    hook: Option<String>,
    /// `true` for those that ended in a fault.
    faults: Option<bool>,
    /// How many items, 1 to 100; 50 if absent. More is refused, not cut.
    limit: Option<i64>,
    /// The cursor that the page before gave.
    next: Option<String>,
}

/// See whether calls are recorded
#[utoipa::path(get, path = "/v1/plugins/{name}/recording", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "How it stands", body = wire::Recording)))]
pub async fn recording(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<Response> {
    Ok(reply::ok(&recordings::get(&app, &caller, &name).await?))
}

/// Record calls of a plugin
///
/// For a while: what each call saw, asked, and did, in the host's memory alone. That is what people wrote; secret
/// settings are not in it. While calls are recorded already, the time begins anew.
#[utoipa::path(put, path = "/v1/plugins/{name}/recording", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), request_body = wire::StartRecording,
    responses((status = 200, description = "How it stands", body = wire::Recording)))]
pub async fn record(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
    Json(start): Json<wire::StartRecording>,
) -> Result<Response> {
    Ok(reply::ok(
        &recordings::start(&app, &caller, &name, start).await?,
    ))
}

/// Stop recording calls
///
/// What was recorded stays for `plugins.recorded_calls_kept_s`.
#[utoipa::path(delete, path = "/v1/plugins/{name}/recording", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 204, description = "No call is recorded any more")))]
pub async fn stop_recording(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    recordings::stop(&app, &caller, &name).await?;
    Ok(DONE)
}

/// List recorded calls
///
/// New to old. They are kept in memory, so many and for so long as the host's settings say, and gone when it stops or
/// a user is erased.
#[utoipa::path(get, path = "/v1/plugins/{name}/calls", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path), Listing),
    responses((status = 200, description = "Calls", body = wire::RecordedCalls)))]
pub async fn calls(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
    Query(listing): Query<Listing>,
) -> Result<Response> {
    let narrow = Narrow {
        hook: listing.hook,
        faults: listing.faults.unwrap_or(false),
    };
    let (limit, next) = (listing.limit, listing.next.as_deref());
    let page = recordings::list(&app, &caller, &name, narrow, limit, next).await?;
    Ok(reply::ok(&page))
}

/// Forget recorded calls
///
/// All of the plugin. A recording that is on goes on.
#[utoipa::path(delete, path = "/v1/plugins/{name}/calls", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 204, description = "They are gone")))]
pub async fn forget_calls(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    recordings::forget(&app, &caller, &name).await?;
    Ok(DONE)
}

/// Get a recorded call
///
/// As a case: a document with all that the call depended on and what came of it. `althing plugin replay` makes the
/// same call again, with any version of the plugin.
#[utoipa::path(get, path = "/v1/plugins/{name}/calls/{call_id}", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path), ("call_id" = String, Path)),
    responses((status = 200, description = "The case", body = Object)))]
pub async fn call(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response> {
    let call = recordings::case(&app, &caller, &name, &id).await?;
    let case: &RawValue = serde_json::from_str(&call.case).map_err(Error::internal)?;
    Ok(reply::ok(&case))
}
