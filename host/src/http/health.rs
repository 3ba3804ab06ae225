//! For those who watch the host: is it up, is it ready, what does it count.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use super::request::{Peer, client};
use crate::app::App;
use crate::chat::usage;
use crate::error::{Code, Error, Result};

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// The process answers.
async fn health() -> StatusCode {
    StatusCode::OK
}

/// It takes requests of all apps: the store answers, their plugins are loaded, and the host is not
/// stopping.
async fn ready(State(app): State<Arc<App>>) -> Result<StatusCode> {
    if *app.stopping.borrow() {
        return Err(Error::new(Code::Unavailable, "The host is stopping."));
    }
    let apps = app.loading.count();
    if apps > 0 {
        let detail = format!("The plugins of {apps} apps are not loaded yet.");
        return Err(Error::new(Code::Unavailable, detail).retry_after_ms(1_000));
    }
    app.store.ping().await?;
    Ok(StatusCode::OK)
}

/// It names apps, plugins and what these count: for those who run the host.
async fn metrics(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response> {
    let from = client(&app, peer.ip(), &headers)?.address;
    let networks = &app.config.server.metrics_networks;
    if !from.is_some_and(|from| networks.contains(from)) {
        let detail = "Figures are read from the networks in `server.metrics_networks`.";
        return Err(Error::new(Code::AddressNotAllowed, detail));
    }
    app.metrics
        .plugins_waiting(app.to_compile.taken(), app.loading.count());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let figures = app.metrics.encode(&usage::of_installs(&app));
    Ok(([(CONTENT_TYPE, kind)], figures).into_response())
}
