//! The host's one way to the outside: HTTP requests that it makes on behalf of others.
//!
//! Whoever names a URL may not reach by it what only this host can. So the URL is read strictly, its
//! host must be on the caller's list, the name is resolved once, every address that it has must be
//! public, and the connection goes to the address that was looked at. A redirect is a new request
//! under the same rules. Everything has a limit, and each request has a connection of its own: none
//! of what one app sent or got is there for the next.

mod connect;
mod exchange;
mod incoming;
mod resolve;
mod target;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, LOCATION, USER_AGENT,
};
use http::{HeaderMap, Method, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::address::Hosts;
use crate::admission::{Holder, Place, Places, Sizes};
use crate::config;
use exchange::Answer;
pub use incoming::Incoming;
pub use resolve::Resolver;
pub use target::Target;
use tls::Tls;

/// Why there is no answer. The texts hold no address, no path and no header of the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A URL that is not for this.
    #[error("the URL {0}")]
    Url(&'static str),
    /// A method or header that callers don't choose, or a head that is too large.
    #[error("{0}")]
    Request(String),
    /// Not on the caller's list.
    #[error("requests to `{host}` are not allowed: it is not among the hosts that were granted")]
    HostNotAllowed {
        /// The host and its port.
        host: String,
    },
    /// An address that is not public, and that the operator didn't allow either.
    #[error("`{host}` is at an address that requests may not go to")]
    AddressNotAllowed {
        /// The host and its port.
        host: String,
    },
    /// Without TLS to where the operator didn't allow it.
    #[error("requests to `{host}` must use https")]
    NotEncrypted {
        /// The host and its port.
        host: String,
    },
    /// As many requests are under way as may be, of the app, of its org or in all.
    #[error("too many requests are under way; try again in a moment")]
    Busy,
    /// The operator allows no requests.
    #[error("this host sends no requests to the outside")]
    Off,
    /// The name has no address.
    #[error("there is no address of `{host}`")]
    NoAddress {
        /// The host and its port.
        host: String,
    },
    /// Nobody answers there, or not in time.
    #[error("`{host}` can't be reached")]
    Unreachable {
        /// The host and its port.
        host: String,
    },
    /// Somebody answers there who can't show to be the host.
    #[error("`{host}` can't be trusted: {reason}")]
    NotTrusted {
        /// The host and its port.
        host: String,
        /// What is wrong with its certificate or its TLS.
        reason: String,
    },
    /// What came is no HTTP/1.1, or broke off.
    #[error("`{host}` did not answer as HTTP has it")]
    NotHttp {
        /// The host and its port.
        host: String,
    },
    /// More than a limit.
    #[error("the answer is too large: its {part} may have at most {max} bytes")]
    TooLarge {
        /// `head` or `body`.
        part: &'static str,
        /// The limit in bytes.
        max: usize,
    },
    /// Redirected again and again.
    #[error("more than {max} redirects")]
    TooManyRedirects {
        /// The limit.
        max: u32,
    },
    /// The time for the request is over.
    #[error("no answer in time")]
    Timeout,
}

impl Error {
    /// A short name of the fault, for figures.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Url(_) | Error::Request(_) => "invalid",
            Error::HostNotAllowed { .. } => "host_not_allowed",
            Error::AddressNotAllowed { .. } => "address_not_allowed",
            Error::NotEncrypted { .. } => "not_encrypted",
            Error::Busy => "busy",
            Error::Off => "off",
            Error::NoAddress { .. } | Error::Unreachable { .. } => "unreachable",
            Error::NotTrusted { .. } => "not_trusted",
            Error::NotHttp { .. } => "not_http",
            Error::TooLarge { .. } => "too_large",
            Error::TooManyRedirects { .. } => "too_many_redirects",
            Error::Timeout => "timeout",
        }
    }
}

/// A request. Header values that are secret are marked as sensitive.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.
    pub method: Method,
    /// Where to.
    pub target: Target,
    /// What goes with it. Headers about the connection and the body's length are refused.
    pub headers: HeaderMap,
    /// What it carries.
    pub body: Bytes,
    /// Less time than `timeout_ms`, if so much is too long.
    pub timeout: Option<Duration>,
    /// So many bytes of the answer's body are enough, and the rest is left.
    pub body_start: Option<usize>,
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// Where it came from, after redirects.
    pub url: Url,
    /// The status.
    pub status: StatusCode,
    /// The headers as they came.
    pub headers: HeaderMap,
    /// The body as it came, still compressed if the caller asked for that.
    pub body: Bytes,
}

/// A place among the requests, as long as somebody holds a clone of it. Who finds none is refused at once: each
/// request holds up the call that sent it, and calls have few places, which others need.
type Slot = Arc<Place>;

/// Sends requests. Each has its own places for them.
pub struct Client {
    settings: config::Egress,
    resolver: Resolver,
    tls: Tls,
    requests: Places,
    /// For answers that are read as they come: these take minutes.
    streams: Places,
}

impl Client {
    /// A client with these limits, of whose places an org has a share.
    ///
    /// # Errors
    /// A sentence for the operator, if `ca_file` can't be read.
    pub fn new(
        settings: &config::Egress,
        org_share_percent: u32,
        resolver: Resolver,
    ) -> Result<Self, String> {
        let places = |all, app| Places::new(Sizes::new(all, org_share_percent, app));
        Ok(Self {
            tls: Tls::new(settings.ca_file.as_deref())?,
            requests: places(
                settings.concurrent_requests_max,
                settings.concurrent_requests_per_app_max,
            ),
            streams: places(
                settings.concurrent_streams_max,
                settings.concurrent_streams_per_app_max,
            ),
            settings: settings.clone(),
            resolver,
        })
    }

    /// Sends a request for an app to one of `hosts`, follows redirects among them, and gives the
    /// answer whole.
    ///
    /// # Errors
    /// If anything but an answer comes of it. Whether the request has arrived is then unknown.
    pub async fn send(
        &self,
        holder: Holder,
        hosts: &Hosts,
        request: Request,
    ) -> Result<Response, Error> {
        self.check(&request)?;
        let own = Duration::from_millis(self.settings.timeout_ms);
        let timeout = request.timeout.map_or(own, |timeout| timeout.min(own));
        let slot = slot(&self.requests, holder)?;
        let whole = async {
            let enough = request.body_start;
            let (answer, target) = self.follow(hosts, request, &slot).await?;
            let max = self.settings.response_bytes_max;
            answer.whole(&target, max, enough).await
        };
        let answered = timeout_at(Instant::now() + timeout, whole);
        answered.await.unwrap_or(Err(Error::Timeout))
    }

    fn check(&self, request: &Request) -> Result<(), Error> {
        if self.settings.concurrent_requests_max == 0 {
            return Err(Error::Off);
        }
        exchange::check(request, self.settings.header_bytes_max)
    }

    /// The answer at the end of all redirects, and where that is.
    async fn follow(
        &self,
        hosts: &Hosts,
        mut request: Request,
        slot: &Slot,
    ) -> Result<(Answer, Target), Error> {
        for _ in 0..=self.settings.redirects_max {
            let Some(reach) = hosts.reach(request.target.url()) else {
                let host = request.target.authority();
                return Err(Error::HostNotAllowed { host });
            };
            let answer = self.exchange(&request, reach, slot).await?;
            let (status, headers) = (answer.head.status, &answer.head.headers);
            match redirected(&request.target, status, headers)? {
                Some(target) => redirect(&mut request, status, target),
                None => return Ok((answer, request.target)),
            }
        }
        let max = self.settings.redirects_max;
        Err(Error::TooManyRedirects { max })
    }
}

fn slot(places: &Places, holder: Holder) -> Result<Slot, Error> {
    Place::now(places.of(holder))
        .map(Arc::new)
        .ok_or(Error::Busy)
}

fn is_redirect(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) && headers.contains_key(LOCATION)
}

/// Where a redirect leads, if the answer is one.
fn redirected(
    from: &Target,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Target>, Error> {
    if !is_redirect(status, headers) {
        return Ok(None);
    }
    let location = headers.get(LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    let to = from.join(location.ok_or(Error::Url("of a redirect can't be read"))?)?;
    if from.is_encrypted() && !to.is_encrypted() {
        let host = to.authority();
        return Err(Error::NotEncrypted { host });
    }
    Ok(Some(to))
}

/// Makes of a request the one that a redirect asks for. What may say who the caller is stays with
/// the origin that it was meant for.
fn redirect(request: &mut Request, status: StatusCode, to: Target) {
    let becomes_get = match status {
        StatusCode::SEE_OTHER => request.method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method == Method::POST,
        _ => false,
    };
    if becomes_get {
        request.method = Method::GET;
        request.body = Bytes::new();
        for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
            request.headers.remove(name);
        }
    }
    if !to.has_origin_of(&request.target) {
        let mut kept = HeaderMap::new();
        for name in [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT] {
            if let Some(value) = request.headers.remove(&name)
                && !value.is_sensitive()
            {
                kept.insert(name, value);
            }
        }
        request.headers = kept;
    }
    request.target = to;
}
