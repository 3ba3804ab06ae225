//! `Idempotency-Key`: the second request with a key gets the first one's answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;

use super::extract;
use super::reply::{Failed, ShownOnce};
use crate::app::App;
use crate::chat::access::Caller;
use crate::error::{Code, Error, Result};
use crate::secrets::SealContext;
use crate::store::{Remembered, Settled};

/// The first byte of a kept body: as it is, or sealed because it holds a secret.
const PLAIN: u8 = 0;
const SEALED: u8 = 1;

/// The key that a request came with.
pub fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=128).contains(&key.len()));
    let bad = || Error::invalid("Idempotency-Key", "must be 1 to 128 visible characters");
    key.map(|key| Some(key.to_owned())).ok_or_else(bad)
}

/// What a key stands for.
struct Claim {
    owner: String,
    key: String,
    /// Of the request: its address and its body.
    hash: Vec<u8>,
}

/// Claims the key for this request, or answers from what is known of it. Messages bring their own:
/// for them the key is the `client_id`, and no answer with what somebody wrote is kept. A plugin's own
/// routes see the key and do with it what they want, and a file is not read twice to tell it from another.
pub async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response> {
    let path = request.uri().path();
    let brings_its_own = matches!(path, "/v1/messages" | "/v1/files") || path.starts_with("/v1/x/");
    if request.method() != Method::POST || brings_its_own {
        return Ok(next.run(request).await);
    }
    let Some(key) = key(request.headers())? else {
        return Ok(next.run(request).await);
    };
    let owner = match request.extensions().get::<Caller>() {
        Some(caller) => caller.whose().to_string(),
        None => return Ok(next.run(request).await),
    };
    let (parts, body) = request.into_parts();
    let body = extract::bytes(Request::new(body), usize::MAX).await?;
    let mut asked = format!("{}\n", parts.uri).into_bytes();
    asked.extend_from_slice(&body);
    let hash = digest(&SHA256, &asked).as_ref().to_vec();
    let claim = Claim { owner, key, hash };
    let request = Request::from_parts(parts, Body::from(body));
    answer(&app, claim, request, next).await
}

async fn answer(app: &App, claim: Claim, request: Request, next: Next) -> Result<Response> {
    let Claim { owner, key, hash } = claim;
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
        Remembered::Unknown => {
            return Err(Error::new(
                Code::OutcomeUnknown,
                "It is not known whether the first request with this key was done. Look, and draw a new key for another try.",
            ));
        }
        Remembered::Other => {
            return Err(Error::new(
                Code::IdempotencyConflict,
                "This key came with another request before.",
            ));
        }
        Remembered::Answer { status, body } => return replay(app, &owner, &key, status, &body),
    }
    let response = next.run(request).await;
    let status = response.status();
    if is_in_doubt(&response) {
        let settling = app.store.settle_idempotency(owner, key, Settled::Unknown);
        // Where the store does not take that either, it is in doubt all the same, only later.
        let _ = settling.await;
        return Ok(response);
    }
    if !status.is_success() {
        // The key is free for a better try.
        let settling = app.store.settle_idempotency(owner, key, Settled::Undone);
        settling.await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Error::internal)?.to_bytes();
    let kept = match parts.extensions.get::<ShownOnce>() {
        Some(_) => {
            let context = SealContext {
                app_id: &owner,
                key_id: &key,
            };
            let sealed = app.sealer.seal(context, &body, &SystemRandom::new());
            [&[SEALED], sealed.map_err(Error::internal)?.as_slice()].concat()
        }
        None => [&[PLAIN], &body[..]].concat(),
    };
    app.store
        .settle_idempotency(owner, key, Settled::Answered(status.as_u16(), kept))
        .await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Whether what failed may be done: the store did not confirm it, or something went wrong behind it.
fn is_in_doubt(response: &Response) -> bool {
    let failed = response.extensions().get::<Failed>();
    failed.is_some_and(|Failed(error)| matches!(error.code(), Code::Unavailable | Code::Internal))
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
