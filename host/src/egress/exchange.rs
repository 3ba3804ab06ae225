//! One request and its answer over a connection of their own, within the limits on sizes.

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, Entry, HOST, USER_AGENT};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::{Client, Error, Request, Response, Slot, Target};
use crate::address::Reach;

/// The most headers of a request or an answer.
const HEADERS_MAX: usize = 100;

const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Headers that say where the request ends and what becomes of the connection, or that are for a
/// proxy: whoever sets them could make two requests of one.
const REFUSED: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Refuses what a caller may not ask for.
pub(super) fn check(request: &Request, header_bytes_max: usize) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::Request(text));
    if !METHODS.contains(&request.method) {
        return refuse(format!("the method must be one of {}", methods()));
    }
    let named = |name: &&&str| request.headers.contains_key(**name);
    if let Some(name) = REFUSED.iter().find(named) {
        return refuse(format!("the header `{name}` is the host's own to set"));
    }
    if request.headers.len() > HEADERS_MAX {
        return refuse(format!("a request has at most {HEADERS_MAX} headers"));
    }
    if bytes_of(&request.headers) > header_bytes_max {
        return refuse(format!(
            "the headers of a request have at most {header_bytes_max} bytes"
        ));
    }
    Ok(())
}

fn methods() -> String {
    METHODS.each_ref().map(Method::as_str).join(", ")
}

/// As they are sent, each with its colon and line break.
fn bytes_of(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}

impl Client {
    /// Sends a request to where it says and waits for the head of the answer.
    pub(super) async fn exchange(
        &self,
        request: &Request,
        reach: Reach,
        slot: &Slot,
    ) -> Result<Answer, Error> {
        let stream = self.connect(&request.target, reach, slot).await?;
        if request.target.is_encrypted() {
            let stream = self.encrypt(&request.target, stream).await?;
            self.converse(request, stream).await
        } else {
            self.converse(request, stream).await
        }
    }

    async fn converse(
        &self,
        request: &Request,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Answer, Error> {
        let head_max = self.settings.header_bytes_max;
        let failed = |error: hyper::Error| match error.is_parse_too_large() {
            true => Error::TooLarge {
                part: "head",
                max: head_max,
            },
            false => not_http(request),
        };
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(head_max)
            .max_header_size(head_max)
            .max_headers(HEADERS_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        // Ends with the answer, however that ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let answer = sender.send_request(written(request)?).await;
        let (head, body) = answer.map_err(failed)?.into_parts();
        if head.status.is_informational() {
            return Err(not_http(request));
        }
        Ok(Answer {
            head,
            body,
            _driver: driver,
        })
    }
}

fn not_http(request: &Request) -> Error {
    let host = request.target.authority();
    Error::NotHttp { host }
}

/// An answer of which the head is there.
pub(super) struct Answer {
    pub head: Parts,
    pub body: Incoming,
    _driver: JoinSet<hyper::Result<()>>,
}

impl Answer {
    /// The whole of it, if its body is no longer than `max`: one that says so in advance is not even
    /// begun. With `enough`, no more of it than that.
    pub(super) async fn whole(
        mut self,
        from: &Target,
        max: usize,
        enough: Option<usize>,
    ) -> Result<Response, Error> {
        let too_large = Error::TooLarge { part: "body", max };
        let enough = enough.map(|enough| enough.min(max));
        if enough.is_none() && self.body.size_hint().lower() > max as u64 {
            return Err(too_large);
        }
        let host = || from.authority();
        let mut read = BytesMut::new();
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|_| Error::NotHttp { host: host() })?;
            let Ok(data) = frame.into_data() else {
                continue; // Trailers are for nobody.
            };
            if let Some(left) = enough.map(|enough| enough - read.len())
                && left <= data.len()
            {
                read.extend_from_slice(&data[..left]);
                break;
            }
            if read.len() + data.len() > max {
                return Err(too_large);
            }
            read.extend_from_slice(&data);
        }
        Ok(Response {
            url: from.url().clone(),
            status: self.head.status,
            headers: self.head.headers,
            body: read.freeze(),
        })
    }
}

/// The request as it is sent. Nobody is asked for a compressed body who didn't think of it: what
/// comes is counted as it comes.
fn written(request: &Request) -> Result<http::Request<Full<Bytes>>, Error> {
    let authority = HeaderValue::try_from(request.target.authority());
    let authority = authority.map_err(|_| Error::Url("must name a host"))?;
    let mut headers = request.headers.clone();
    headers.insert(HOST, authority);
    let agent = concat!("althing/", env!("CARGO_PKG_VERSION"));
    set_default(&mut headers, USER_AGENT, agent);
    set_default(&mut headers, ACCEPT_ENCODING, "identity");
    let mut written = http::Request::new(Full::new(request.body.clone()));
    *written.method_mut() = request.method.clone();
    let path = request.target.path().parse();
    *written.uri_mut() = path.map_err(|_| Error::Url("can't be read"))?;
    *written.headers_mut() = headers;
    Ok(written)
}

fn set_default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if let Entry::Vacant(vacant) = headers.entry(name) {
        vacant.insert(HeaderValue::from_static(value));
    }
}
