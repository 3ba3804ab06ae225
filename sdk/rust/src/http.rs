//! Requests to the outside, to the hosts that the manifest asks for and the tenant granted. Needs
//! the permission `http`.
//!
//! ```no_run
//! use althing_plugin::http;
//! use althing_plugin::json;
//!
//! fn open_issue(title: &str) -> Result<String, String> {
//!     let answer = http::post("https://api.tracker.example/issues")
//!         .secret("authorization", "Bearer ", "tracker_token")
//!         .json(&json!({ "title": title }))
//!         .send()?
//!         .ok()?;
//!     let issue: althing_plugin::Value = answer.json()?;
//!     Ok(issue["url"].as_str().unwrap_or_default().to_owned())
//! }
//! ```
//!
//! For events, commands, interactions and timers; elsewhere requests are `Error::Denied`. A request
//! is sent at once, and not with the call's writes: a call that runs again sends it again. So give
//! what must happen once an id of its own that the other side knows.

mod incoming;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::http;
use crate::json::parse_json;
use crate::{Error, Result, to_json};

pub use incoming::Incoming;

/// A request to be sent.
#[derive(Clone, Debug)]
#[must_use = "nothing goes out before `send`"]
pub struct Request(http::Request);

/// A GET request.
pub fn get(url: impl Into<String>) -> Request {
    request("GET", url)
}

/// A POST request.
pub fn post(url: impl Into<String>) -> Request {
    request("POST", url)
}

/// A PUT request.
pub fn put(url: impl Into<String>) -> Request {
    request("PUT", url)
}

/// A PATCH request.
pub fn patch(url: impl Into<String>) -> Request {
    request("PATCH", url)
}

/// A DELETE request.
pub fn delete(url: impl Into<String>) -> Request {
    request("DELETE", url)
}

/// A request with any method that the host sends: `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` or
/// `OPTIONS`.
pub fn request(method: &str, url: impl Into<String>) -> Request {
    Request(http::Request {
        method: method.to_owned(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: None,
        body_start: None,
    })
}

impl Request {
    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Request {
        self.with(name, http::HeaderValue::Text(value.to_owned()))
    }

    /// Adds a header in which the host puts a secret setting, behind `prefix`. The manifest lists the
    /// hosts that the secret may go to; the plugin never sees it.
    pub fn secret(self, header: &str, prefix: &str, setting: &str) -> Request {
        let secret = http::Secret {
            name: setting.to_owned(),
            prefix: prefix.to_owned(),
        };
        self.with(header, http::HeaderValue::Secret(secret))
    }

    fn with(mut self, name: &str, value: http::HeaderValue) -> Request {
        let name = name.to_owned();
        self.0.headers.push(http::Header { name, value });
        self
    }

    /// The body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.0.body = body.into();
        self
    }

    /// A JSON body, with the header that says so.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Request {
        self.header("content-type", "application/json")
            .body(to_json(body))
    }

    /// Waits for the answer no longer than this, and than the host's own limit.
    pub fn timeout(mut self, timeout: Duration) -> Request {
        self.0.timeout_ms = Some(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        self
    }

    /// Takes so many bytes of the answer's body and leaves the rest: a page is known by its beginning.
    /// Without it, a body that is too large is refused.
    pub fn body_start(mut self, bytes: u32) -> Request {
        self.0.body_start = Some(bytes);
        self
    }

    /// Sends the request and waits for the answer, whatever its status. `Error::Invalid` for a
    /// request that can't be sent, `Error::Denied` for a host that was not granted or is not public,
    /// `Error::NotFound` for a secret that is not set, `Error::Limited` for too many requests or too
    /// large an answer, `Error::Unavailable` when no answer comes.
    pub fn send(self) -> Result<Response> {
        http::send(&self.0).map(Response).map_err(Error::from)
    }

    /// Sends the request and gives the answer as soon as its head is there, to be read as it comes;
    /// [`timeout`](Request::timeout) is for the head alone. Errors are those of `send`. In a timer's
    /// call this begins a long wait: the call then has minutes, and one of the few places for such
    /// calls; `Error::Unavailable` if there is none.
    pub fn open(self) -> Result<Incoming> {
        http::open(&self.0).map(Incoming::new).map_err(Error::from)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response(http::Response);

impl Response {
    /// Where it came from, after redirects.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Whether the status is 200 to 299.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.0.status)
    }

    /// The answer, if its status is 200 to 299; else `Error::Unavailable` with the status.
    pub fn ok(self) -> Result<Response> {
        match self.status() {
            200..300 => Ok(self),
            status => Err(Error::Unavailable(format!("the answer was {status}"))),
        }
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.headers.iter();
        headers
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.0.body
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.body).into_owned()
    }

    /// The body, read as JSON. `Error::Invalid` if it doesn't fit `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        std::str::from_utf8(&self.0.body)
            .map_err(|error| error.to_string())
            .and_then(parse_json)
            .map_err(|error| Error::Invalid(format!("the answer: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_put_together() {
        let request = post("https://a.example/")
            .secret("authorization", "Bearer ", "token")
            .json(&[1, 2])
            .timeout(Duration::from_secs(2))
            .0;
        assert_eq!(
            (request.method.as_str(), request.body.as_slice()),
            ("POST", &b"[1,2]"[..])
        );
        assert_eq!(request.timeout_ms, Some(2_000));
        let [secret, kind] = &request.headers[..] else {
            panic!("{request:?}");
        };
        assert!(
            matches!(&secret.value, http::HeaderValue::Secret(secret) if secret.name == "token")
        );
        assert!(matches!(&kind.value, http::HeaderValue::Text(text) if text == "application/json"));
    }

    #[test]
    fn an_answer_is_read() {
        let answer = |status, body: &str| {
            Response(http::Response {
                url: "https://a.example/".into(),
                status,
                headers: vec![("content-type".into(), "text/plain".into())],
                body: body.into(),
            })
        };
        assert_eq!(
            answer(200, "[1]").ok().unwrap().json::<Vec<u8>>(),
            Ok(vec![1])
        );
        assert_eq!(answer(200, "x").header("Content-Type"), Some("text/plain"));
        assert!(matches!(
            answer(200, "x").json::<Vec<u8>>(),
            Err(Error::Invalid(_))
        ));
        let refused = answer(500, "").ok().unwrap_err();
        assert_eq!(refused, Error::Unavailable("the answer was 500".into()));
    }
}
