//! Finds out who asks, before any handler of the API runs.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;

use super::request::{Peer, client};
use crate::app::{App, Left};
use crate::chat::access;
use crate::error::{Code, Error, Result};

/// Puts the caller where handlers find it.
pub async fn layer(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let missing = || {
        Error::new(
            Code::Unauthenticated,
            "Send `Authorization: Bearer` with a key or token.",
        )
    };
    let peer = request
        .extensions()
        .get::<Peer>()
        .ok_or_else(|| Error::internal("a request without a peer"))?
        .0;
    let client = client(&app, peer.ip(), request.headers())?;
    let caller = {
        let mut values = request.headers().get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(missing());
        };
        let value = value.to_str().map_err(|_| missing())?;
        let (scheme, credential) = value.split_once(' ').ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        access::authenticate(&app, credential.trim(), &client).await?
    };
    let left = app.rates.request(&caller.whose())?;
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(left) = left {
        add_rate(&mut response, left);
    }
    Ok(response)
}

/// How many requests are left, as the IETF draft for `RateLimit` fields (draft-ietf-httpapi-ratelimit-headers) has it.
fn add_rate(response: &mut Response, left: Left) {
    let seconds = |tokens: u32| tokens.div_ceil(left.per_second.max(1));
    let policy = format!("\"requests\";q={};w={}", left.burst, seconds(left.burst));
    let state = format!(
        "\"requests\";r={};t={}",
        left.remaining,
        seconds(left.burst.saturating_sub(left.remaining))
    );
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
}
