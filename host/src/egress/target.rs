//! Where a request goes: a URL that two readers can't read in two ways.

use url::{Host, Position, Url};

use super::Error;
use crate::address::is_web_port;

/// The longest URL, in bytes.
const URL_BYTES_MAX: usize = 8 * 1024;

/// An `https` or `http` URL with a host, without a user, at a port for the web. Its host is in
/// canonical form: lower case, punycode, and IP addresses in the usual notation however they were
/// written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// Reads a URL: printable ASCII from the scheme on.
    pub fn parse(text: &str) -> Result<Self, Error> {
        check_text(text)?;
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let is_http = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
        if !is_http || rest.starts_with('/') {
            return Err(Error::Url("must begin with https:// and a host"));
        }
        // The parser would pass over an empty user name.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(Error::Url("must not name a user"));
        }
        Self::check(Url::parse(text))
    }

    /// Reads what a redirect says, as seen from here.
    pub(super) fn join(&self, location: &str) -> Result<Self, Error> {
        check_text(location)?;
        Self::check(self.0.join(location))
    }

    fn check(url: Result<Url, url::ParseError>) -> Result<Self, Error> {
        let mut url = url.map_err(|_| Error::Url("can't be read"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Error::Url("must begin with https:// and a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Url("must not name a user"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(Error::Url("must name a host"));
        }
        if !url.port_or_known_default().is_some_and(is_web_port) {
            return Err(Error::Url(
                "must have port 80, 443 or one from 1024 on, if any",
            ));
        }
        // For the one who reads the answer, not for the one who sends it.
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(super) fn host(&self) -> Host<&str> {
        // Looked at when it was made.
        self.0.host().unwrap_or(Host::Domain(""))
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    /// Host and, unless it is the scheme's own, port: what the `Host` header says.
    pub fn authority(&self) -> String {
        self.0[Position::BeforeHost..Position::AfterPort].to_owned()
    }

    /// Path and query: what the request line says.
    pub(super) fn path(&self) -> &str {
        &self.0[Position::BeforePath..Position::AfterQuery]
    }

    pub(super) fn has_origin_of(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }
}

/// The parser takes a backslash for a slash, and passes over spaces, tabs and line breaks.
fn check_text(text: &str) -> Result<(), Error> {
    if text.len() > URL_BYTES_MAX {
        return Err(Error::Url("is longer than 8 KiB"));
    }
    let is_plain = |byte| matches!(byte, 0x21..=0x7e) && byte != b'\\';
    if text.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(Error::Url(
            "must be printable ASCII without spaces and backslashes: percent-encode what is not, \
             and write xn--… for other letters in the host",
        ))
    }
}
