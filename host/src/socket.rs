//! The WebSocket: a reader, a writer, and a bounded queue between everybody and the writer. A request
//! is decoded, one verb is called, and the reply is encoded; nothing else happens here.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::http::{Peer, client};

mod connection;
mod handshake;
mod methods;
mod writer;

pub use methods::METHODS;

/// Answers the upgrade, and takes the connection over.
pub async fn upgrade(State(app): State<Arc<App>>, mut request: Request) -> Result<Response> {
    let handshake =
        handshake::check_handshake(request.method(), request.version(), request.headers())
            .map_err(|e| {
                let code = match e {
                    handshake::HandshakeError::NotAnUpgrade
                    | handshake::HandshakeError::Version => Code::UpgradeRequired,
                    _ => Code::Malformed,
                };
                Error::new(code, format!("{e}."))
            })?;
    if *app.stopping.borrow() || app.metrics.sockets() >= app.config.socket.connections_max as i64 {
        return Err(
            Error::new(Code::Overloaded, "The host takes no more connections now.")
                .retry_after_ms(5000),
        );
    }
    let peer = request
        .extensions()
        .get::<Peer>()
        .ok_or_else(|| Error::internal("a request without a peer"))?
        .0;
    let client = client(&app, peer.ip(), request.headers())?;
    let upgrading = hyper::upgrade::on(&mut request);
    let open = app.metrics.socket_opened();
    app.clone().under_way.spawn(async move {
        // Nobody upgrades but the connection that this request came by, so this is a TCP stream.
        if let Ok((stream, first)) = upgrading.await.map_err(drop).and_then(into_stream) {
            connection::run(app, stream, &first, client).await;
        }
        drop(open);
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        SEC_WEBSOCKET_ACCEPT,
        HeaderValue::from_str(&handshake.accept).map_err(Error::internal)?,
    );
    Ok(response)
}

/// The bare stream, and what the client sent ahead of our answer. It frees the HTTP connection's
/// buffers: an idle socket costs little.
fn into_stream(upgraded: Upgraded) -> std::result::Result<(TcpStream, bytes::Bytes), ()> {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().map_err(drop)?;
    Ok((parts.io.into_inner(), parts.read_buf))
}
