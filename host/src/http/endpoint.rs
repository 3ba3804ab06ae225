//! The routes that plugins have of their own: `/v1/x/{plugin}/…` for the app's users and its backend,
//! and `/v1/apps/{app_id}/x/{plugin}/…` for everybody, where the tenant granted that.
//!
//! What a plugin answers is not trusted: its headers are those of a list, and a browser that opens it
//! runs none of it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, LAST_MODIFIED, LINK, LOCATION, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, get};

use super::extract::{self, By, Path};
use super::request::{Peer, client};
use crate::address::FORWARDING_HEADERS;
use crate::app::App;
use crate::chat::endpoint;
use crate::error::{Error, Result};
use crate::model::AppId;
use crate::plugins::{EndpointRequest, EndpointResponse};

/// Request headers that plugins don't see: those about the connection, and credentials. Nor do they
/// see what proxies say of the client.
const HIDDEN: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "sec-websocket-protocol",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Response headers that plugins may set. None that a proxy or a browser acts on beyond the answer.
const SHOWN: [HeaderName; 10] = [
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    ETAG,
    LAST_MODIFIED,
    LINK,
    LOCATION,
    RETRY_AFTER,
    VARY,
];

/// For who comes with a key or token.
pub fn routes() -> Router<Arc<App>> {
    both("/v1/x/{plugin}", || on(ask))
}

/// For everybody.
pub fn public() -> Router<Arc<App>> {
    both("/v1/apps/{app_id}/x/{plugin}", || on(visit))
}

fn both(path: &str, route: impl Fn() -> MethodRouter<Arc<App>>) -> Router<Arc<App>> {
    Router::new()
        .route(&format!("{path}/"), route())
        .route(&format!("{path}/{{*path}}"), route())
}

fn on<H, T>(handler: H) -> MethodRouter<Arc<App>>
where
    H: axum::handler::Handler<T, Arc<App>>,
    T: 'static,
{
    get(handler.clone())
        .post(handler.clone())
        .put(handler.clone())
        .patch(handler.clone())
        .delete(handler)
}

/// The plugin's name comes first; what follows is the plugin's own.
#[derive(serde::Deserialize)]
struct Route {
    plugin: String,
}

#[derive(serde::Deserialize)]
struct PublicRoute {
    app_id: AppId,
    plugin: String,
}

async fn ask(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(route): Path<Route>,
    request: Request,
) -> Result<Response> {
    let request = read(&app, request, 3).await?;
    endpoint::ask(&app, &caller, &route.plugin, &request)
        .await
        .map(written)
}

async fn visit(
    State(app): State<Arc<App>>,
    Path(route): Path<PublicRoute>,
    request: Request,
) -> Result<Response> {
    let peer = request
        .extensions()
        .get::<Peer>()
        .ok_or_else(|| Error::internal("a request without a peer"))?
        .0;
    let client = client(&app, peer.ip(), request.headers())?;
    let request = read(&app, request, 5).await?;
    endpoint::visit(&app, route.app_id, &client, &route.plugin, &request)
        .await
        .map(written)
}

/// The request as the plugin sees it. `depth` is how many slashes of the path come before the plugin's own.
async fn read(app: &App, request: Request, depth: usize) -> Result<EndpointRequest> {
    let path = request.uri().path();
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    let own = slashes.nth(depth).map_or("/", |at| &path[at..]).to_owned();
    let headers = request.headers().iter();
    let headers = headers
        .filter(|(name, _)| {
            let name = name.as_str();
            !HIDDEN.contains(&name) && !FORWARDING_HEADERS.contains(&name)
        })
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
    Ok(EndpointRequest {
        method: request.method().as_str().to_owned(),
        path: own,
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: {
            let max = app.engine.limits().endpoint_body_bytes_max as usize;
            extract::bytes(request, max).await?.to_vec()
        },
    })
}

fn written(answer: EndpointResponse) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let bare = matches!(answer.status, 204 | 205 | 304);
    let mut response = match bare {
        true => Response::default(),
        false => Response::new(Body::from(answer.body)),
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        add(headers, &name, &value);
    }
    if !bare && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
    }
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        ),
    );
    response
}

/// Adds a header of the plugin's, if it is one that it may set and can be sent.
fn add(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::try_from(name).ok();
    let name = name.filter(|name| SHOWN.contains(name));
    if let (Some(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
        headers.append(name, value);
    }
}
