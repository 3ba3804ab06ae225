//! The REST API: each handler decodes, calls one verb of `chat`, and encodes. Every route is on this
//! page, and so is what every request passes through.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::{Code, Error};

mod apps;
mod authenticate;
mod channels;
mod cors;
mod endpoint;
mod extract;
mod feeds;
mod files;
mod health;
mod idempotency;
mod interact;
mod messages;
mod openapi;
mod orgs;
mod participants;
mod plugins;
mod recordings;
mod reference;
mod reply;
mod request;
mod review;
mod rollout;
mod sessions;
mod trust;
mod users;

pub use extract::parameters;
pub use request::{Peer, client};

/// The API's routes and their description.
fn api() -> (Router<Arc<App>>, OpenApi) {
    let (router, api) = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(orgs::add, orgs::list))
        .routes(routes!(orgs::get, orgs::change, orgs::remove))
        .routes(routes!(orgs::add_key, orgs::list_keys))
        .routes(routes!(orgs::revoke_key))
        .routes(routes!(orgs::rotate_key))
        .routes(routes!(apps::add, apps::list))
        .routes(routes!(trust::trust, trust::set_trust))
        .routes(routes!(apps::get, apps::change, apps::remove))
        .routes(routes!(apps::add_key, apps::list_keys))
        .routes(routes!(apps::revoke_key))
        .routes(routes!(apps::rotate_key))
        .routes(routes!(apps::add_signing_keys, apps::list_signing_keys))
        .routes(routes!(apps::remove_signing_key))
        .routes(routes!(sessions::add))
        .routes(routes!(sessions::revoke))
        .routes(routes!(users::set, users::list))
        .routes(routes!(users::get, users::change, users::erase))
        .routes(routes!(users::deactivate))
        .routes(routes!(users::reactivate))
        .routes(routes!(channels::add, channels::list))
        .routes(routes!(channels::direct))
        .routes(routes!(channels::get, channels::change, channels::remove))
        .routes(routes!(channels::events))
        .routes(routes!(channels::read))
        .routes(routes!(channels::typing))
        .routes(routes!(channels::presence))
        .routes(routes!(participants::list))
        .routes(routes!(participants::set, participants::remove))
        .routes(routes!(participants::leave))
        .routes(routes!(participants::transfer))
        .routes(routes!(messages::history))
        .routes(routes!(messages::send))
        .routes(routes!(messages::get, messages::edit, messages::delete))
        .routes(routes!(files::upload, files::list))
        .routes(routes!(files::get, files::remove))
        .routes(routes!(interact::act))
        .routes(routes!(interact::commands))
        .routes(routes!(interact::run))
        .routes(routes!(interact::complete))
        .routes(routes!(feeds::list))
        .routes(routes!(feeds::read))
        .routes(routes!(review::list))
        .routes(routes!(review::approve))
        .routes(routes!(review::reject))
        .routes(routes!(plugins::upload, plugins::list))
        .routes(routes!(plugins::get, plugins::set, plugins::remove))
        .routes(routes!(plugins::remove_version))
        .routes(routes!(plugins::log))
        .routes(routes!(plugins::roll_back))
        .routes(routes!(
            rollout::rollout,
            rollout::set_rollout,
            rollout::abandon_rollout
        ))
        .routes(routes!(rollout::promote))
        .routes(routes!(rollout::rollout_log))
        .routes(routes!(plugins::usage))
        .routes(routes!(plugins::decisions))
        .routes(routes!(
            recordings::recording,
            recordings::record,
            recordings::stop_recording
        ))
        .routes(routes!(recordings::calls, recordings::forget_calls))
        .routes(routes!(recordings::call))
        .split_for_parts();
    (router, openapi::finish(api))
}

/// The routes that anybody may ask.
fn public(document: &OpenApi) -> Router<Arc<App>> {
    Router::new()
        .merge(health::routes())
        .merge(openapi::routes(document))
}

/// The description of the API: OpenAPI 3.1.
pub fn document() -> OpenApi {
    api().1
}

/// Everything that the host serves; `sockets` is the route of the WebSocket.
pub fn router(app: Arc<App>, sockets: Router<Arc<App>>) -> Router {
    let (api, document) = api();
    let time_max = Duration::from_millis(app.config.server.request_timeout_ms);
    let limits = request::Bounds {
        body_bytes_max: app.config.server.body_bytes_max,
        component_bytes_max: app.config.plugins.component_bytes_max,
        file_bytes_max: usize::try_from(app.config.files.bytes_max).unwrap_or(usize::MAX),
        time_max,
        component_time_max: time_max + Duration::from_secs(app.config.plugins.compile_cpu_s),
        upload_time_max: Duration::from_millis(app.config.files.upload_timeout_ms),
    };
    api.merge(endpoint::routes())
        .route_layer(from_fn_with_state(app.clone(), idempotency::layer))
        .route_layer(from_fn_with_state(app.clone(), request::carried_through))
        .route_layer(from_fn_with_state(app.clone(), authenticate::layer))
        .merge(public(&document))
        .merge(
            endpoint::public()
                .route_layer(from_fn_with_state(app.clone(), request::carried_through)),
        )
        .merge(files::links())
        .merge(sockets)
        .route_layer(from_fn(request::note_route))
        .fallback(async || Error::new(Code::NotFound, "There is no such route."))
        .method_not_allowed_fallback(async || {
            Error::new(
                Code::MethodNotAllowed,
                "The route does not take this method.",
            )
        })
        .layer(from_fn(move |request, next| {
            request::bounded(limits, request, next)
        }))
        .layer(from_fn_with_state(app.clone(), cors::layer))
        .layer(CatchPanicLayer::custom(|_| {
            let error = Error::internal("a handler panicked");
            axum::response::IntoResponse::into_response(error)
        }))
        .layer(from_fn_with_state(app.clone(), request::observe))
        .with_state(app)
}

/// 204, the answer when there is nothing to say.
const DONE: StatusCode = StatusCode::NO_CONTENT;
