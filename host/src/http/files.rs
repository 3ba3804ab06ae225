//! Files: bodies go in and out as they come, piece by piece.
//!
//! What somebody uploaded is not trusted: a browser shows pictures, sounds, films and plain text, saves
//! all else, and runs nothing of it.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get as route_get;
use axum::{Router, body::HttpBody};
use http_body_util::BodyExt;

use super::extract::{By, Path, Query};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::access::{self, Caller};
use crate::chat::files::{self, Announced};
use crate::clock::rfc3339;
use crate::error::{Code, Error, Result};
use crate::model::{self, AppId, FileId, UserId};
use crate::wire;

/// What is said of a file that comes.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Named {
    /// What it is called, at most 255 bytes.
    #[serde(default)]
    name: String,
}

/// Upload a file
///
/// The body is the file, at most `files.bytes_max`; `Content-Type` says what it is, unless its bytes do. Plugins of the
/// app may refuse it. A file that no message shows is removed after `files.not_shown_kept_s`, but for those of the app's
/// backend. An `Idempotency-Key` has no effect here.
#[utoipa::path(post, path = "/v1/files", tag = "Files", security(("server_key" = []), ("user_token" = [])), params(Named),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "The file", body = wire::File)))]
pub async fn upload(
    State(app): State<Arc<App>>,
    By(caller): By,
    Query(named): Query<Named>,
    request: Request,
) -> Result<Response> {
    let kind = request.headers().get(CONTENT_TYPE);
    let announced = Announced {
        name: named.name,
        media_type: kind
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
    };
    let mut upload = files::begin(&app, &caller, announced).await?;
    let mut body = request.into_body();
    while !body.is_end_stream() {
        let piece = match body.frame().await {
            None => break,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) => upload.push(&app, bytes).await,
                Err(_) => continue, // Trailers.
            },
            Some(Err(error)) => {
                let error =
                    Error::new(Code::Malformed, "The body could not be read.").because(error);
                Err(error)
            }
        };
        if let Err(error) = piece {
            upload.abort().await;
            return Err(error);
        }
    }
    let file = upload.finish(&app).await?;
    Ok(reply::created(&out(&app, &caller, file)?))
}

/// Where in a list of files.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// With a server key: whose files; the backend's own if absent. Users list their own.
    user_id: Option<UserId>,
    /// How many items, 1 to 100; 50 if absent. More is refused, not cut.
    limit: Option<i64>,
    /// The cursor that the page before gave.
    next: Option<String>,
}

/// List files
#[utoipa::path(get, path = "/v1/files", tag = "Files", security(("server_key" = []), ("user_token" = [])), params(Whose),
    responses((status = 200, description = "Files, new to old", body = wire::FileList)))]
pub async fn list(
    State(app): State<Arc<App>>,
    By(caller): By,
    Query(query): Query<Whose>,
) -> Result<Response> {
    let Whose {
        user_id,
        limit,
        next,
    } = query;
    let (files, next) = files::list(&app, &caller, user_id, limit, next.as_deref()).await?;
    let files = files.into_iter().map(|file| out(&app, &caller, file));
    Ok(reply::ok(&wire::FileList {
        files: files.collect::<Result<_>>()?,
        next,
    }))
}

/// Look at a file
///
/// One's own, or one that a message shows that the caller may read; with a server key any.
#[utoipa::path(get, path = "/v1/files/{file_id}", tag = "Files", security(("server_key" = []), ("user_token" = [])),
    params(("file_id" = FileId, Path)), responses((status = 200, description = "The file", body = wire::File)))]
pub async fn get(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<FileId>,
) -> Result<Response> {
    let file = files::get(&app, &caller, id).await?;
    Ok(reply::ok(&out(&app, &caller, file)?))
}

/// Remove a file
///
/// One's own; with a server key anybody's. Messages that show it show nothing then.
#[utoipa::path(delete, path = "/v1/files/{file_id}", tag = "Files", security(("server_key" = []), ("user_token" = [])),
    params(("file_id" = FileId, Path)), responses((status = 204, description = "It is gone")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<FileId>,
) -> Result<StatusCode> {
    files::remove(&app, &caller, id).await?;
    Ok(DONE)
}

fn out(app: &App, caller: &Caller, file: model::File) -> Result<wire::File> {
    let of = access::actor(caller)?.tenant().app();
    let (url, expires) = files::link(app, of, file.id);
    Ok(wire::File {
        id: file.id,
        name: file.name,
        media_type: file.media_type,
        bytes: file.bytes,
        sha256: file.sha256,
        user_id: (!file.owner.is_empty()).then_some(file.owner),
        created_at: rfc3339(file.created_at),
        url,
        url_expires_at: rfc3339(expires),
    })
}

/// The route of the links, for whoever has one.
pub fn links() -> Router<Arc<App>> {
    Router::new().route("/v1/apps/{app_id}/files/{file_id}", route_get(follow))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    link: String,
}

#[derive(serde::Deserialize)]
struct Linked {
    app_id: AppId,
    file_id: FileId,
}

async fn follow(
    State(app): State<Arc<App>>,
    Path(Linked { app_id, file_id }): Path<Linked>,
    Query(Link { link }): Query<Link>,
    headers: HeaderMap,
) -> Result<Response> {
    let (file, expires) = files::follow(&app, app_id, file_id, &link).await?;
    let all = file.bytes.unsigned_abs();
    let tag = format!("\"{}\"", file.sha256);
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok());
    let mut response = if known.is_some_and(|known| known == "*" || known.contains(&tag)) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        match range(&headers, all) {
            Asked::Nothing => return Ok(not_there(all)),
            Asked::All => {
                let bytes = files::read(&app, app_id, &file, None).await?;
                sized(Body::from_stream(bytes), all)
            }
            Asked::Some(range) => {
                let bytes = files::read(&app, app_id, &file, Some(range.clone())).await?;
                let mut response = sized(Body::from_stream(bytes), range.end - range.start);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let said = format!("bytes {}-{}/{all}", range.start, range.end - 1);
                set(&mut response, CONTENT_RANGE, &said);
                response
            }
        }
    };
    let left_s = (expires - app.clock.now()) / 1000;
    set(&mut response, ETAG, &tag);
    set(&mut response, ACCEPT_RANGES, "bytes");
    set(
        &mut response,
        CACHE_CONTROL,
        &format!("private, max-age={left_s}, immutable"),
    );
    set(&mut response, CONTENT_TYPE, &file.media_type);
    set(&mut response, CONTENT_DISPOSITION, &disposition(&file));
    let policy =
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'";
    set(&mut response, CONTENT_SECURITY_POLICY, policy);
    // The pages of the app are of another origin than this host.
    set(
        &mut response,
        "cross-origin-resource-policy",
        "cross-origin",
    );
    Ok(response)
}

fn sized(body: Body, bytes: u64) -> Response {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    response
}

fn not_there(all: u64) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    set(&mut response, CONTENT_RANGE, &format!("bytes */{all}"));
    response
}

fn set(response: &mut Response, name: impl axum::http::header::IntoHeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Which bytes somebody asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    Some(Range<u64>),
    /// Bytes that there are not.
    Nothing,
}

/// One range, as RFC 9110 has it. Several, or what can't be read, are as good as none.
fn range(headers: &HeaderMap, all: u64) -> Asked {
    let text = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let Some((first, last)) = text
        .and_then(|text| text.strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'))
    else {
        return Asked::All;
    };
    let number = |text: &str| text.parse::<u64>().ok();
    let (from, to) = match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Some(0) => return Asked::Nothing,
            Some(count) => (all.saturating_sub(count), all),
            None => return Asked::All,
        },
        (first, "") => match number(first) {
            Some(first) => (first, all),
            None => return Asked::All,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(all)),
            _ => return Asked::All,
        },
    };
    match from < to {
        true => Asked::Some(from..to),
        false => Asked::Nothing,
    }
}

/// Whether a browser shows it or saves it, and under which name.
fn disposition(file: &model::File) -> String {
    let kind = file.media_type.as_str();
    let is_shown = kind == "text/plain"
        || kind.starts_with("audio/")
        || kind.starts_with("video/")
        || (kind.starts_with("image/") && kind != "image/svg+xml");
    let how = if is_shown { "inline" } else { "attachment" };
    if file.name.is_empty() {
        return how.to_owned();
    }
    // RFC 8187.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let name: String = file
        .name
        .bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect();
    format!("{how}; filename*=UTF-8''{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_has_them() {
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, text.parse().unwrap());
            range(&headers, 10)
        };
        assert_eq!(range(&HeaderMap::new(), 10), Asked::All);
        assert_eq!(asked("bytes=0-3"), Asked::Some(0..4));
        assert_eq!(asked("bytes=7-"), Asked::Some(7..10));
        assert_eq!(asked("bytes=-3"), Asked::Some(7..10));
        assert_eq!(asked("bytes=-30"), Asked::Some(0..10));
        assert_eq!(asked("bytes=5-500"), Asked::Some(5..10));
        assert_eq!(asked("bytes=10-"), Asked::Nothing);
        assert_eq!(asked("bytes=-0"), Asked::Nothing);
        for odd in [
            "bytes=3-1",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=--1",
        ] {
            assert_eq!(asked(odd), Asked::All, "{odd}");
        }
        assert_eq!(asked(&format!("bytes=0-{}", u64::MAX)), Asked::Some(0..10));
    }

    #[test]
    fn what_a_browser_would_run_is_saved() {
        let file = |media_type: &str, name: &str| {
            disposition(&model::File {
                id: FileId(1),
                owner: String::new(),
                name: name.to_owned(),
                media_type: media_type.to_owned(),
                bytes: 1,
                sha256: String::new(),
                created_at: 0,
            })
        };
        assert_eq!(file("image/png", ""), "inline");
        assert_eq!(
            file("image/svg+xml", "a.svg"),
            "attachment; filename*=UTF-8''a.svg"
        );
        assert!(file("text/html", "x").starts_with("attachment"));
        assert_eq!(
            file("text/plain", "ü\"; a.txt"),
            "inline; filename*=UTF-8''%C3%BC%22%3B%20a.txt"
        );
    }
}
