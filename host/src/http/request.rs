//! What every request passes through: its id, its bounds, its line in the log, its figures.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};

use super::extract;
use super::reply::{self, Failed};
use crate::address::{FORWARDING_HEADERS, client_address};
use crate::app::App;
use crate::chat::access::Client;
use crate::clock;
use crate::error::{Code, Error, Result};

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// From where a request comes: the peer, or what a trusted proxy says of it. Unknown when somebody who
/// isn't trusted passes it on.
pub fn client(app: &App, peer: IpAddr, headers: &HeaderMap) -> Result<Client> {
    let forwarded = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(HeaderValue::as_bytes);
    let is_forwarded = FORWARDING_HEADERS
        .iter()
        .any(|name| headers.contains_key(*name));
    let trusted = &app.config.server.trusted_proxies;
    let address = client_address(peer, forwarded, is_forwarded, trusted)
        .map_err(|e| Error::new(Code::Malformed, format!("{e}.")))?;
    Ok(Client {
        address,
        origin: headers.get("origin").map(|origin| origin.as_bytes().into()),
    })
}

/// How much a request may bring, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub body_bytes_max: usize,
    /// The same for the route that takes components.
    pub component_bytes_max: usize,
    /// The same for the route that takes files.
    pub file_bytes_max: usize,
    pub time_max: Duration,
    /// The same for that route, where a component is compiled, with others before it.
    pub component_time_max: Duration,
    /// The same for the route that takes files.
    pub upload_time_max: Duration,
}

/// Refuses bodies that are too large and requests that take too long.
pub async fn bounded(bounds: Bounds, request: Request, next: Next) -> Response {
    let (bytes_max, time_max) = match request.uri().path() {
        "/v1/plugins" => (bounds.component_bytes_max, bounds.component_time_max),
        "/v1/files" => (bounds.file_bytes_max, bounds.upload_time_max),
        _ => (bounds.body_bytes_max, bounds.time_max),
    };
    let declared = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let answer = async {
        if declared.is_some_and(|length| length > bytes_max) {
            drain(request.into_body()).await;
            let detail = format!("The body must have at most {bytes_max} bytes.");
            return Error::new(Code::TooLarge, detail).into_response();
        }
        next.run(request.map(|body| Body::new(Limited::new(body, bytes_max))))
            .await
    };
    let mut response = match tokio::time::timeout(time_max, answer).await {
        Ok(response) => response,
        Err(_) => Error::new(Code::Timeout, "The request took too long.").into_response(),
    };
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        // What is left of the body stands where the next request would begin.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

/// Ends what a request has begun, though whoever asked may go away or its time be over meanwhile: what is stored
/// is also put into use, and what a plugin took is counted. Not for the routes that work on a body while it
/// comes.
pub async fn carried_through(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response> {
    if matches!(request.uri().path(), "/v1/plugins" | "/v1/files") {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    // Before that, or a body that never ends would be waited for without an end.
    let body = extract::bytes(Request::new(body), usize::MAX).await?;
    let request = Request::from_parts(parts, Body::from(body));
    let work = app.under_way.spawn(next.run(request));
    work.await.map_err(Error::internal)
}

/// How much of a body that is refused is read all the same.
const DRAINED_BYTES_MAX: usize = 8 << 20;

/// Reads a body that nobody wants, within bounds: a sender whose connection is closed under its hands
/// does not get to see why.
async fn drain(body: Body) {
    let mut body = Limited::new(body, DRAINED_BYTES_MAX);
    while let Some(Ok(_)) = body.frame().await {}
}

/// Gives the request an id, logs it once, counts it.
pub async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = format!("req_{:016x}", clock::random_u64());
    let method = request.method().to_string();
    let mut response = next.run(request).await;
    // The pattern, not the path: ids are nobody's business in a log, and figures must stay few.
    let route = response
        .extensions()
        .get::<Route>()
        .map_or("-", |route| route.0.as_str())
        .to_owned();
    if let Some(Failed(error)) = response.extensions_mut().remove::<Failed>() {
        let headers = std::mem::take(response.headers_mut());
        response = reply::problem(&error, Some(&id));
        for (name, value) in &headers {
            if !response.headers().contains_key(name) {
                response.headers_mut().append(name, value.clone());
            }
        }
        if error.code().status() >= 500 {
            tracing::error!(request.id = %id, http.route = %route, code = error.code().as_str(), cause = ?error.cause().map(ToString::to_string), "request failed");
        }
    }
    let status = response.status().as_u16();
    let seconds = began.elapsed().as_secs_f64();
    app.metrics.request(&method, &route, status, seconds);
    tracing::debug!(request.id = %id, http.method = %method, http.route = %route, http.status = status, duration_ms = (seconds * 1e3) as u64, "request");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response.headers_mut().insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// The pattern of the route that answered.
#[derive(Debug, Clone)]
pub struct Route(String);

/// Notes the pattern of the route, for the log and the figures.
pub async fn note_route(path: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .extensions_mut()
        .insert(Route(path.as_str().to_owned()));
    response
}
