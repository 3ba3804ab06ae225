//! The opening handshake of RFC 6455: is this request a WebSocket upgrade, and what to answer.
//! Plain data in and out; the HTTP layer makes the response.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, Method, Version};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// The version in `Sec-WebSocket-Version`, in requests and in the answer to one of another version.
pub const WEBSOCKET_VERSION: &str = "13";
/// The most subprotocols that one request may offer.
pub const PROTOCOLS_MAX: usize = 16;
/// What RFC 6455 section 1.3 appends to the key.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that may be upgraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The value for `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The subprotocols that the client offers, best first. A browser that offered some gives up
    /// if the answer names none of them.
    pub protocols: Vec<String>,
}

/// Why a request is not upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// An ordinary request. Answers 426 with `Upgrade: websocket`.
    #[error("this is a WebSocket: connect with GET, HTTP/1.1 and `Upgrade: websocket`")]
    NotAnUpgrade,
    /// Another version of the protocol. Answers 426 with `Sec-WebSocket-Version: 13`.
    #[error("Sec-WebSocket-Version must be 13")]
    Version,
    /// Answers 400.
    #[error("Sec-WebSocket-Key must be given once: 16 bytes in base64")]
    Key,
    /// Answers 400.
    #[error("Sec-WebSocket-Protocol must be a list of at most {PROTOCOLS_MAX} names")]
    Protocols,
}

/// Checks an upgrade request. Extensions that the client offers are ignored: none is used.
pub fn check_handshake(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
) -> Result<Handshake, HandshakeError> {
    let upgrades = *method == Method::GET
        && version == Version::HTTP_11
        && has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, "websocket");
    if !upgrades {
        return Err(HandshakeError::NotAnUpgrade);
    }
    if only(headers, &SEC_WEBSOCKET_VERSION) != Some(WEBSOCKET_VERSION) {
        return Err(HandshakeError::Version);
    }
    let key = only(headers, &SEC_WEBSOCKET_KEY).ok_or(HandshakeError::Key)?;
    if !STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16) {
        return Err(HandshakeError::Key);
    }
    let protocols = read_protocols(headers).ok_or(HandshakeError::Protocols)?;
    Ok(Handshake {
        accept: accept_key(key),
        protocols,
    })
}

/// What `Sec-WebSocket-Accept` answers to a `Sec-WebSocket-Key`.
pub fn accept_key(key: &str) -> String {
    let mut bytes = key.as_bytes().to_vec();
    bytes.extend_from_slice(KEY_SUFFIX);
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes))
}

/// The value of a header that is there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

fn read_protocols(headers: &HeaderMap) -> Option<Vec<String>> {
    let mut protocols = Vec::new();
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        for name in value.to_str().ok()?.split(',').map(str::trim) {
            let is_token = !name.is_empty() && name.bytes().all(is_token_byte);
            if !is_token || protocols.len() == PROTOCOLS_MAX {
                return None;
            }
            protocols.push(name.to_owned());
        }
    }
    Some(protocols)
}

/// A byte of a `token` in RFC 9110.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn good() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static(KEY));
        headers
    }

    fn check(headers: &HeaderMap) -> Result<Handshake, HandshakeError> {
        check_handshake(&Method::GET, Version::HTTP_11, headers)
    }

    fn with(name: HeaderName, value: &'static str) -> Result<Handshake, HandshakeError> {
        let mut headers = good();
        headers.insert(name, HeaderValue::from_static(value));
        check(&headers)
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        let handshake = check(&good()).unwrap();
        assert_eq!(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(handshake.protocols.is_empty());
    }

    #[test]
    fn an_ordinary_request_is_told_to_upgrade() {
        let error = Err(HandshakeError::NotAnUpgrade);
        assert_eq!(check(&HeaderMap::new()), error);
        assert_eq!(
            check_handshake(&Method::POST, Version::HTTP_11, &good()),
            error
        );
        assert_eq!(
            check_handshake(&Method::GET, Version::HTTP_10, &good()),
            error
        );
        assert_eq!(
            check_handshake(&Method::GET, Version::HTTP_2, &good()),
            error
        );
        assert_eq!(with(UPGRADE, "h2c"), error);
        assert_eq!(with(CONNECTION, "close"), error);
        assert_eq!(with(CONNECTION, "upgraded"), error);
    }

    #[test]
    fn only_version_13_is_spoken() {
        for version in ["8", "12", "14", "013", "13, 8", "", "thirteen"] {
            assert_eq!(
                with(SEC_WEBSOCKET_VERSION, version),
                Err(HandshakeError::Version)
            );
        }
        let mut headers = good();
        headers.remove(SEC_WEBSOCKET_VERSION);
        assert_eq!(check(&headers), Err(HandshakeError::Version));
    }

    #[test]
    fn the_key_has_16_bytes_and_is_there_once() {
        for key in [
            "",
            "x",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25j",
            "dGhlIHNhbXBsZSBub25jZWU=",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25jZQ== ",
            "dGhlIHNhbXBsZSBub25_ZQ==",
        ] {
            assert_eq!(
                with(SEC_WEBSOCKET_KEY, key),
                Err(HandshakeError::Key),
                "{key}"
            );
        }
        let mut headers = good();
        headers.append(SEC_WEBSOCKET_KEY, HeaderValue::from_static(KEY));
        assert_eq!(check(&headers), Err(HandshakeError::Key));
        headers.remove(SEC_WEBSOCKET_KEY);
        assert_eq!(check(&headers), Err(HandshakeError::Key));
    }

    #[test]
    fn subprotocols_are_listed_in_order() {
        let mut headers = good();
        headers.append(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static("althing.v1, other"),
        );
        headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("third"));
        assert_eq!(
            check(&headers).unwrap().protocols,
            ["althing.v1", "other", "third"]
        );
        for bad in ["a b", "a,,b", "a,", "\"a\"", "a/b"] {
            assert_eq!(
                with(SEC_WEBSOCKET_PROTOCOL, bad),
                Err(HandshakeError::Protocols),
                "{bad}"
            );
        }
        let many = "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a";
        assert_eq!(
            with(SEC_WEBSOCKET_PROTOCOL, many),
            Err(HandshakeError::Protocols)
        );
    }
}
