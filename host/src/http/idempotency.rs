//! `Idempotency-Key`: the second request with a key gets the first one's answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;

use super::extract;
use super::reply::ShownOnce;
use crate::app::App;
use crate::chat::access::Caller;
use crate::error::{Code, Error, Result};
use crate::secrets::SealContext;
use crate::store::Remembered;

/// The first byte of a kept body: as it is, or sealed because it holds a secret.
const PLAIN: u8 = 0;
const SEALED: u8 = 1;

/// Claims the key for this request, or answers from what is known of it.
pub async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response> {
    let Some(key) = request
        .headers()
        .get("idempotency-key")
        .filter(|_| request.method() == Method::POST)
    else {
        return Ok(next.run(request).await);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=128).contains(&key.len()));
    let key = key
        .ok_or_else(|| Error::invalid("Idempotency-Key", "must be 1 to 128 visible characters"))?
        .to_owned();
    let owner = match request.extensions().get::<Caller>() {
        Some(caller) => caller.whose().to_string(),
        None => return Ok(next.run(request).await),
    };
    let (parts, body) = request.into_parts();
    let body = extract::bytes(Request::new(body), usize::MAX).await?;
    let mut asked = format!("{}\n", parts.uri).into_bytes();
    asked.extend_from_slice(&body);
    let hash = digest(&SHA256, &asked).as_ref().to_vec();
    match app
        .store
        .claim_idempotency(owner.clone(), key.clone(), hash)
        .await?
    {
        Remembered::New => {}
        Remembered::Running => {
            return Err(Error::new(
                Code::IdempotencyInProgress,
                "The first request with this key is still running.",
            )
            .retry_after_ms(1000));
        }
        Remembered::Other => {
            return Err(Error::new(
                Code::IdempotencyConflict,
                "This key came with another request before.",
            ));
        }
        Remembered::Answer { status, body } => return replay(&app, &owner, &key, status, &body),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let status = response.status();
    if !status.is_success() {
        // Nothing was done, so the key is free for a better try.
        app.store.settle_idempotency(owner, key, None).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Error::internal)?.to_bytes();
    let kept = if parts.extensions.get::<ShownOnce>().is_some() {
        let context = SealContext {
            app_id: &owner,
            key_id: &key,
        };
        let sealed = app
            .sealer
            .seal(context, &body, &SystemRandom::new())
            .map_err(Error::internal)?;
        [&[SEALED], sealed.as_slice()].concat()
    } else {
        [&[PLAIN], &body[..]].concat()
    };
    app.store
        .settle_idempotency(owner, key, Some((status.as_u16(), kept)))
        .await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(app: &App, owner: &str, key: &str, status: u16, kept: &[u8]) -> Result<Response> {
    let body = match kept.split_first() {
        Some((&SEALED, sealed)) => {
            let context = SealContext {
                app_id: owner,
                key_id: key,
            };
            app.sealer
                .open(context, sealed)
                .map_err(Error::internal)?
                .into_exposed()
        }
        Some((_, plain)) => plain.to_vec(),
        None => Vec::new(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(response)
}
