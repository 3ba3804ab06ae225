//! Plugins, as tenants manage them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;

use super::extract::{self, By, Json, Paging, Path, Query};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::{decisions, installs, plugins, usage, versions};
use crate::error::{Code, Error, Result};
use crate::wire;

/// Upload a plugin
///
/// The body is the component. It is looked into and kept; nothing runs before it is installed. The same content again
/// changes nothing. When there are as many versions of the plugin as there may be, the oldest that is not in use goes.
#[utoipa::path(post, path = "/v1/plugins", tag = "Plugins", security(("server_key" = [])),
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 201, description = "What it is and wants", body = wire::Component)))]
pub async fn upload(
    State(app): State<Arc<App>>,
    By(caller): By,
    request: Request,
) -> Result<Response> {
    crate::chat::access::backend(&caller)?;
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind != Some("application/wasm") {
        return Err(Error::new(
            Code::UnsupportedMediaType,
            "The body must be a component, `application/wasm`.",
        ));
    }
    let component = extract::bytes(request, app.config.plugins.component_bytes_max).await?;
    Ok(reply::created(
        &versions::upload(&app, &caller, component.to_vec()).await?,
    ))
}

/// List plugins
#[utoipa::path(get, path = "/v1/plugins", tag = "Plugins", security(("server_key" = [])),
    responses((status = 200, description = "The app's plugins by name", body = wire::Plugins)))]
pub async fn list(State(app): State<Arc<App>>, By(caller): By) -> Result<Response> {
    Ok(reply::ok(&wire::Plugins {
        plugins: plugins::list(&app, &caller).await?,
    }))
}

/// Look at a plugin
#[utoipa::path(get, path = "/v1/plugins/{name}", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "The plugin", body = wire::Plugin)))]
pub async fn get(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<Response> {
    Ok(reply::ok(&plugins::get(&app, &caller, &name).await?))
}

/// Install or change a plugin
///
/// Which version runs, with which permissions and settings, in which place among the guards, and what its failure
/// means. Takes effect with the next call; calls that are running end as they began.
#[utoipa::path(put, path = "/v1/plugins/{name}", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), request_body = wire::SetInstall,
    responses((status = 200, description = "The plugin as it is now", body = wire::Plugin)))]
pub async fn set(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
    Json(set): Json<wire::SetInstall>,
) -> Result<Response> {
    Ok(reply::ok(&installs::set(&app, &caller, &name, set).await?))
}

/// Remove a plugin
///
/// With its versions and all that it kept. Its messages stay.
#[utoipa::path(delete, path = "/v1/plugins/{name}", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 204, description = "It is gone")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    plugins::remove(&app, &caller, &name).await?;
    Ok(DONE)
}

/// Remove a version of a plugin
///
/// With its component. What the plugin kept stays. `conflict` for the version that runs, the one that is tried, and the
/// one to go back to.
#[utoipa::path(delete, path = "/v1/plugins/{name}/versions/{digest}", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path), ("digest" = String, Path)), responses((status = 204, description = "It is gone")))]
pub async fn remove_version(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path((name, digest)): Path<(String, String)>,
) -> Result<StatusCode> {
    versions::remove(&app, &caller, &name, &digest).await?;
    Ok(DONE)
}

/// Go back to the version before
///
/// It runs as it ran then: with its permissions and settings, but without permissions that were taken away since, and
/// with secrets as they were entered since. Takes effect with the next call, and goes on in the log where the other
/// version stopped. Once: there is one version to go back to.
#[utoipa::path(post, path = "/v1/plugins/{name}/rollback", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "The plugin as it is now", body = wire::Plugin)))]
pub async fn roll_back(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<Response> {
    Ok(reply::ok(&installs::roll_back(&app, &caller, &name).await?))
}

/// See what a plugin took
///
/// Calls, failures, time and memory of each hook since the host started, over all versions of the plugin; and the
/// numbers that it keeps itself.
#[utoipa::path(get, path = "/v1/plugins/{name}/usage", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "Figures", body = wire::PluginUsage)))]
pub async fn usage(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<Response> {
    Ok(reply::ok(&usage::of_plugin(&app, &caller, &name).await?))
}

/// See what a plugin decided
///
/// Messages that it changed, refused, held, or failed on, new to old, for `plugins.decisions_kept_days`. What it let be
/// is not in here, and neither are the messages.
#[utoipa::path(get, path = "/v1/plugins/{name}/decisions", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path), Paging),
    responses((status = 200, description = "Decisions", body = wire::DecisionPage)))]
pub async fn decisions(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
    Query(page): Query<Paging>,
) -> Result<Response> {
    let page = decisions::list(&app, &caller, &name, page.limit, page.next.as_deref()).await?;
    Ok(reply::ok(&page))
}

/// Read a plugin's log
///
/// What it wrote there, and what the host says of its failures. The newest lines, old to new, since the host started;
/// also of a plugin that is not enabled any more.
#[utoipa::path(get, path = "/v1/plugins/{name}/log", tag = "Plugins", security(("server_key" = [])),
    params(("name" = String, Path)), responses((status = 200, description = "Lines", body = wire::PluginLog)))]
pub async fn log(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(name): Path<String>,
) -> Result<Response> {
    Ok(reply::ok(&plugins::log(&app, &caller, &name).await?))
}
