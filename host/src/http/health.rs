//! For those who watch the host: is it up, is it ready, what does it count.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

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

async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.metrics
        .plugins_waiting(app.compiling.waiting(), app.loading.count());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(CONTENT_TYPE, kind)],
        app.metrics.encode(&usage::of_installs(&app)),
    )
        .into_response()
}
