//! User tokens: JWTs that the host mints, or that an app's backend signs with a key registered for
//! that app.
//!
//! A token is read in two steps. [`peek`] says, unverified, which app it is for, so that the
//! caller can fetch the keys of that app and of no other; [`verify`] then checks it against those
//! keys alone. The algorithm comes from the key, never from the token. An app that doesn't exist
//! answers as one without keys: [`TokenError::UnknownKey`].
//!
//! ECDSA signatures are malleable: whoever holds a token can write a second one that says the
//! same. So nothing may take the token's text for its identity; `jti` is there for that.

mod claims;
mod jwk;
mod key_sets;
mod keys;
mod object;
mod public_key;
mod ring_provider;
#[cfg(test)]
mod tests;

pub use claims::{CLAIM_BYTES_MAX, Claims, NAME_BYTES_MAX, Rules};
use jsonwebtoken::Header;
use jsonwebtoken::errors::ErrorKind;
pub use jwk::{KEY_SET_BYTES_MAX, KEY_SET_KEYS_MAX, parse_key_set};
pub use key_sets::{KeySetError, KeySets};
pub use keys::{Algorithm, KeyError, SECRET_BYTES_MIN, SigningKey, VerifyingKey, new_secret};
use object::Object;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The largest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// The largest header of a token, in bytes as it is sent.
pub const HEADER_BYTES_MAX: usize = 1024;

/// Why a token is refused. All answer 401; the texts repeat nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More than 8 KiB, or a header of more than 1 KiB.
    #[error("the token is too large: at most 8 KiB, and 1 KiB for its header")]
    TooLarge,
    /// Not three parts, not base64url, not JSON objects.
    #[error("this is not a signed JWT")]
    Malformed,
    /// A field is there twice, so that two readers could read two things.
    #[error("the token gives a field twice")]
    Duplicate,
    /// The header asks for what this host doesn't do.
    #[error("the token's header field `{0}` is not supported here")]
    Unsupported(&'static str),
    /// No key of the app fits `kid`, or there are many keys and no `kid`.
    #[error("no key of the app fits this token")]
    UnknownKey,
    /// Signed by somebody else, or changed since.
    #[error("the token's signature does not fit")]
    Signature,
    /// A claim is not there.
    #[error("the token lacks the claim `{0}`")]
    MissingClaim(&'static str),
    /// A claim has a wrong type or value.
    #[error("the token's claim `{claim}` must be {expected}")]
    BadClaim {
        /// Which claim.
        claim: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It lives longer than the host allows.
    #[error("the token lives too long: at most {lifetime_s_max} seconds from `iat` to `exp`")]
    TooLong {
        /// The most that is allowed, in seconds.
        lifetime_s_max: u64,
    },
    /// For another app, or not for the audience the app demands.
    #[error("the token is for somebody else")]
    Audience,
}

impl TokenError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        match self {
            TokenError::TooLarge => "token_too_large",
            TokenError::Malformed | TokenError::Duplicate => "token_malformed",
            TokenError::Unsupported(_) => "token_unsupported",
            TokenError::UnknownKey => "token_key_unknown",
            TokenError::Signature => "token_signature_invalid",
            TokenError::MissingClaim(_) | TokenError::BadClaim { .. } => "token_claim_invalid",
            TokenError::Expired => "token_expired",
            TokenError::NotYetValid => "token_not_yet_valid",
            TokenError::TooLong { .. } => "token_too_long",
            TokenError::Audience => "token_audience_invalid",
        }
    }
}

/// What an unverified token says about where to look for its key. Good for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeked {
    /// The claim `app`.
    pub app: String,
    /// The header's `kid`.
    pub kid: Option<String>,
}

/// Reads which app's keys a token asks for, without believing it.
pub fn peek(token: &str) -> Result<Peeked, TokenError> {
    let parts = split(token)?;
    let kid = read_header(parts.header)?.kid;
    let app = claims::read_app(&decode(parts.payload)?)?;
    Ok(Peeked { app, kid })
}

/// Checks a token against the keys of one app. `now_ms` is in milliseconds since 1970-01-01 UTC.
///
/// A token without `kid` is accepted only if the app has exactly one key.
pub fn verify(
    token: &str,
    keys: &[VerifyingKey],
    now_ms: i64,
    rules: &Rules<'_>,
) -> Result<Claims, TokenError> {
    let parts = split(token)?;
    let header = read_header(parts.header)?;
    let key = match (&header.kid, keys) {
        (Some(kid), keys) => keys.iter().find(|key| key.kid() == kid),
        (None, [key]) => Some(key),
        (None, _) => None,
    }
    .ok_or(TokenError::UnknownKey)?;
    if header.algorithm != key.algorithm() {
        return Err(TokenError::Unsupported("alg"));
    }
    // The claims are read here and not by the library's `decode`: it would ask the system for the
    // time, and it passes over claims of a wrong type.
    let algorithm = key.algorithm().into();
    let fits = jsonwebtoken::crypto::verify(
        parts.signature,
        parts.message.as_bytes(),
        key.decoding_key(),
        algorithm,
    );
    if !fits.map_err(|error| from_library(error.kind()))? {
        return Err(TokenError::Signature);
    }
    let payload = decode(parts.payload)?;
    let claims = Claims::read(&payload)?;
    claims.check(&payload, now_ms, rules)?;
    Ok(claims)
}

/// Signs a token with the host's own key for an app. Refuses claims that [`verify`] would refuse
/// for their form.
pub fn mint(key: &SigningKey, claims: &Claims) -> Result<String, TokenError> {
    claims.check_form()?;
    let mut header = Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some(key.kid().to_owned());
    jsonwebtoken::encode(&header, claims, key.encoding_key())
        .map_err(|error| from_library(error.kind()))
}

fn from_library(error: &ErrorKind) -> TokenError {
    match error {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => {
            TokenError::Unsupported("alg")
        }
        _ => TokenError::Malformed,
    }
}

struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// Header and payload with the dot between them: what is signed.
    message: &'a str,
}

/// The parts of a token that has three, none of them empty or too large.
fn split(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::TooLarge);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
    if header.len() > HEADER_BYTES_MAX {
        return Err(TokenError::TooLarge);
    }
    let has_more = payload.contains('.');
    if header.is_empty() || payload.is_empty() || signature.is_empty() || has_more {
        return Err(TokenError::Malformed);
    }
    Ok(Parts {
        header,
        payload,
        signature,
        message,
    })
}

fn decode(part: &str) -> Result<Object, TokenError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

struct TokenHeader {
    algorithm: Algorithm,
    kid: Option<String>,
}

/// Everything in a header that could change how a token is read is refused. Hints where to find a
/// key (`jku`, `jwk`, `x5u`, `x5c`) are not read at all.
fn read_header(part: &str) -> Result<TokenHeader, TokenError> {
    let header = decode(part)?;
    if header.has_duplicate() {
        return Err(TokenError::Duplicate);
    }
    if header.get("crit").is_some() {
        return Err(TokenError::Unsupported("crit"));
    }
    match header.get("typ").map(|typ| typ.as_str()) {
        None => {}
        Some(Some(typ)) if typ.eq_ignore_ascii_case("jwt") => {}
        Some(_) => return Err(TokenError::Unsupported("typ")),
    }
    let algorithm = header.get("alg").ok_or(TokenError::Malformed)?;
    let algorithm = algorithm.as_str().and_then(Algorithm::from_name);
    let kid = match header.get("kid").map(|kid| kid.as_str()) {
        None => None,
        Some(Some(kid)) if keys::is_kid(kid) => Some(kid.to_owned()),
        Some(_) => return Err(TokenError::UnknownKey),
    };
    Ok(TokenHeader {
        algorithm: algorithm.ok_or(TokenError::Unsupported("alg"))?,
        kid,
    })
}
