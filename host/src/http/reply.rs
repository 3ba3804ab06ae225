//! Answers: JSON, and problem details for every error.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::{Code, Error};

/// Marks an answer that holds a secret which is shown this once.
#[derive(Debug, Clone, Copy)]
pub struct ShownOnce;

/// 200 with a body.
pub fn ok(value: &impl Serialize) -> Response {
    json(StatusCode::OK, value)
}

/// 201 with a body.
pub fn created(value: &impl Serialize) -> Response {
    json(StatusCode::CREATED, value)
}

/// 201 with a body that holds a secret.
pub fn secret(value: &impl Serialize) -> Response {
    let mut response = created(value);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(ShownOnce);
    response
}

/// A body under any status.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => with_type(status, "application/json", body),
        Err(error) => Error::internal(error).into_response(),
    }
}

fn with_type(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The error behind a response, for the one place that logs it and adds the request's id.
#[derive(Debug, Clone)]
pub struct Failed(pub std::sync::Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = problem(&self, None);
        response
            .extensions_mut()
            .insert(Failed(std::sync::Arc::new(self)));
        response
    }
}

/// Problem details, with the request's id once it is known.
pub fn problem(error: &Error, request_id: Option<&str>) -> Response {
    let status =
        StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&error.problem(request_id)).unwrap_or_default();
    let mut response = with_type(status, "application/problem+json", body);
    let headers = response.headers_mut();
    if let Some(ms) = error.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
    }
    match error.code() {
        Code::Unauthenticated | Code::TokenExpired => {
            headers.insert("www-authenticate", HeaderValue::from_static("Bearer"));
        }
        Code::UpgradeRequired => {
            headers.insert("upgrade", HeaderValue::from_static("websocket"));
            headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        }
        _ => {}
    }
    response
}
