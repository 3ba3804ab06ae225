//! Finds out who asks, before any handler of the API runs.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;

use super::request::{Peer, client};
use crate::app::App;
use crate::chat::access;
use crate::error::{Code, Error, Result};

/// Puts the caller where handlers find it.
pub async fn layer(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Result<Response> {
    let missing = || Error::new(Code::Unauthenticated, "Send `Authorization: Bearer` with a key or token.");
    let peer = request.extensions().get::<Peer>().ok_or_else(|| Error::internal("a request without a peer"))?.0;
    let client = client(&app, peer.ip(), request.headers())?;
    let caller = {
        let mut values = request.headers().get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
        let value = value.to_str().map_err(|_| missing())?;
        let (scheme, credential) = value.split_once(' ').ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        access::authenticate(&app, credential.trim(), &client).await?
    };
    app.rates.request(&caller.whose())?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}
