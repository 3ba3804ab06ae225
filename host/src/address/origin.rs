//! The browser origins that an app allows: scheme, host and port, all three exact.
//!
//! A rule may put `*` for the leftmost label: `https://*.client.com` allows `https://a.client.com`,
//! but neither `https://client.com` nor `https://a.b.client.com`. The origin `null`, which any
//! sandboxed frame or local file can send, is never allowed.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The most origins one app may list.
pub const ORIGINS_MAX: usize = 100;
const ORIGIN_BYTES_MAX: usize = 300;

/// Why a text is no origin, or no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// `null`, which stands for no origin in particular.
    #[error("the origin `null` can't be allowed: any sandboxed page can send it")]
    Null,
    /// No `scheme://` at its beginning.
    #[error("an origin begins with a scheme, such as https://")]
    Scheme,
    /// Something after host and port.
    #[error("an origin ends after host and port: no path, not even a slash at its end")]
    Path,
    /// A user name before the host.
    #[error("an origin has no user name")]
    UserName,
    /// A host that no browser would send.
    #[error("the host is not valid: expected a name in ASCII (xn--… for others) or an IP address")]
    Host,
    /// A port that is no number from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// A `*` elsewhere, or directly under a top-level domain.
    #[error(
        "`*` may stand for the leftmost label only, with two or more after it: https://*.client.com"
    )]
    Wildcard,
    /// More than 300 bytes.
    #[error("an origin has at most 300 bytes")]
    TooLong,
    /// More than `ORIGINS_MAX`.
    #[error("a list has at most {ORIGINS_MAX} origins")]
    TooMany,
}

impl OriginError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        match self {
            OriginError::Null => "origin_null",
            OriginError::TooMany => "origins_too_many",
            OriginError::Wildcard => "origin_wildcard_invalid",
            _ => "origin_invalid",
        }
    }
}

/// Scheme, host and port in canonical form: lower case, the default port filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    /// `None` for schemes without a port, such as `capacitor://localhost`.
    port: Option<u16>,
}

/// One rule: an origin, or all origins with one more label on the left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRule {
    origin: Origin,
    wildcard: bool,
}

impl FromStr for OriginRule {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let Some((scheme, rest)) = text.split_once("://*.") else {
            return match read(text) {
                Err(OriginError::Host) if text.contains('*') => Err(OriginError::Wildcard),
                read => Ok(Self {
                    origin: read?,
                    wildcard: false,
                }),
            };
        };
        let origin = match read(&format!("{scheme}://{rest}")) {
            Err(OriginError::Host) if rest.contains('*') => Err(OriginError::Wildcard),
            other => other,
        }?;
        let is_name = !origin.host.starts_with('[') && origin.host.parse::<Ipv4Addr>().is_err();
        if !is_name || !origin.host.contains('.') {
            return Err(OriginError::Wildcard);
        }
        Ok(Self {
            origin,
            wildcard: true,
        })
    }
}

impl OriginRule {
    fn allows(&self, origin: &Origin) -> bool {
        let host_fits = if self.wildcard {
            origin
                .host
                .strip_suffix(&self.origin.host)
                .and_then(|label| label.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty() && !label.contains('.'))
        } else {
            origin.host == self.origin.host
        };
        host_fits && origin.scheme == self.origin.scheme && origin.port == self.origin.port
    }
}

/// The rule in canonical form, a default port left out.
impl fmt::Display for OriginRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { scheme, host, port } = &self.origin;
        let star = if self.wildcard { "*." } else { "" };
        write!(f, "{scheme}://{star}{host}")?;
        match port {
            Some(port) if Some(*port) != default_port(scheme) => write!(f, ":{port}"),
            _ => Ok(()),
        }
    }
}

/// The origins an app allows. An empty list allows none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<OriginRule>);

impl Origins {
    /// Reads a list, or says what is wrong with its first wrong entry.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, OriginError> {
        let mut rules = Vec::new();
        for text in texts {
            if rules.len() == ORIGINS_MAX {
                return Err(OriginError::TooMany);
            }
            rules.push(text.as_ref().parse()?);
        }
        Ok(Self(rules))
    }

    /// Whether a request with this `Origin` header is allowed. What can't be read isn't.
    pub fn allows(&self, header: &[u8]) -> bool {
        let Some(origin) = std::str::from_utf8(header)
            .ok()
            .and_then(|text| read(text).ok())
        else {
            return false;
        };
        self.0.iter().any(|rule| rule.allows(&origin))
    }

    /// The rules, in the order they were written.
    pub fn iter(&self) -> impl Iterator<Item = &OriginRule> {
        self.0.iter()
    }
}

fn read(text: &str) -> Result<Origin, OriginError> {
    if text.eq_ignore_ascii_case("null") {
        return Err(OriginError::Null);
    }
    if text.len() > ORIGIN_BYTES_MAX {
        return Err(OriginError::TooLong);
    }
    let (scheme, rest) = text.split_once("://").ok_or(OriginError::Scheme)?;
    if !is_scheme(scheme) {
        return Err(OriginError::Scheme);
    }
    if rest.contains(['/', '?', '#', '\\']) {
        return Err(OriginError::Path);
    }
    if rest.contains('@') {
        return Err(OriginError::UserName);
    }
    let (host, port) = split_port(rest);
    let scheme = scheme.to_ascii_lowercase();
    let port = match port {
        Some(digits) => Some(read_port(digits).ok_or(OriginError::Port)?),
        None => default_port(&scheme),
    };
    Ok(Origin {
        scheme,
        host: read_host(host).ok_or(OriginError::Host)?,
        port,
    })
}

/// The port begins after the last colon, unless that is within the brackets of an IPv6 address.
fn split_port(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

fn read_port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    plain.then(|| digits.parse().ok())?
}

fn read_host(host: &str) -> Option<String> {
    if let Some(inside) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return inside
            .parse::<Ipv6Addr>()
            .ok()
            .map(|address| format!("[{address}]"));
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return None;
    }
    // Browsers write every spelling of an IPv4 address in its one canonical form.
    let last = host.rsplit('.').next().unwrap_or(host);
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit());
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return None;
    }
    Some(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
