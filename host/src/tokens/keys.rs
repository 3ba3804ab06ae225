//! Keys that tokens are signed and verified with. Each is pinned to one algorithm when it is made.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::rand::SecureRandom;

use super::ring_provider;
use crate::secrets::{NoRandomness, Secret};

/// The shortest HS256 secret, in bytes: as long as the hash.
pub const SECRET_BYTES_MIN: usize = 32;
const KID_BYTES_MAX: usize = 128;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256: a secret that both sides know.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA (PKCS #1 v1.5) with SHA-256, keys of 2048 to 8192 bits.
    Rs256,
}

impl Algorithm {
    /// Its name in tokens, keys and the store.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Hs256 => "HS256",
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Es256 => "ES256",
            Algorithm::Rs256 => "RS256",
        }
    }

    /// The algorithm of that name, which is case-sensitive.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Algorithm::Hs256,
            Algorithm::EdDsa,
            Algorithm::Es256,
            Algorithm::Rs256,
        ]
        .into_iter()
        .find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
            Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

/// Why a key can't be registered. Answers 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// More than 16 KiB for a key or 64 KiB for a set.
    #[error("the key is too large: at most 16 KiB, or 64 KiB for a key set")]
    TooLarge,
    /// Neither PEM nor JWK, or broken.
    #[error("expected one public key, as PEM (`BEGIN PUBLIC KEY`) or as a JWK object")]
    Format,
    /// Somebody sent what must stay with the signer.
    #[error("this is a private key: register the public one, and replace this pair")]
    Private,
    /// A JWK with a secret in it.
    #[error("this is a secret, not a public key")]
    Symmetric,
    /// A key for something else.
    #[error("only Ed25519, P-256 and RSA keys for EdDSA, ES256 and RS256 signatures are supported")]
    Unsupported,
    /// Not a point of its curve, a number that is no modulus, an exponent below 3.
    #[error("the key's numbers are not those of a valid key")]
    Invalid,
    /// RSA below 2048 or above 8192 bits.
    #[error("an RSA key must have 2048 to 8192 bits")]
    RsaBits,
    /// An HS256 secret below 32 bytes.
    #[error("a secret must have at least {SECRET_BYTES_MIN} bytes")]
    SecretTooShort,
    /// No `kid`, or one that is no text of 1 to 128 bytes.
    #[error("a key needs a `kid` of 1 to 128 bytes without control characters")]
    Kid,
    /// Two keys of a set with one name.
    #[error("two keys of the set have the same `kid`")]
    DuplicateKid,
    /// A set that is none, is empty of usable keys, or has too many.
    #[error("expected a key set: an object with 1 to 20 `keys`, one of them usable")]
    KeySet,
}

impl KeyError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        match self {
            KeyError::TooLarge => "key_too_large",
            KeyError::Format | KeyError::Invalid => "key_invalid",
            KeyError::Private | KeyError::Symmetric => "key_not_public",
            KeyError::Unsupported => "key_unsupported",
            KeyError::RsaBits | KeyError::SecretTooShort => "key_too_weak",
            KeyError::Kid | KeyError::DuplicateKid => "key_id_invalid",
            KeyError::KeySet => "key_set_invalid",
        }
    }
}

/// A key of an app to verify tokens with.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    kid: String,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl VerifyingKey {
    /// A secret for HS256. The bytes are the HMAC key as they are: if it is shown as text, then
    /// the text's own bytes, as JWT libraries take it.
    pub fn from_secret(kid: &str, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(KeyError::SecretTooShort);
        }
        Self::new(kid, Algorithm::Hs256, DecodingKey::from_secret(secret))
    }

    /// The caller has checked that `key` is one for `algorithm`.
    pub(super) fn new(kid: &str, algorithm: Algorithm, key: DecodingKey) -> Result<Self, KeyError> {
        if !is_kid(kid) {
            return Err(KeyError::Kid);
        }
        ring_provider::install();
        Ok(Self {
            kid: kid.to_owned(),
            algorithm,
            key,
        })
    }

    /// The name by which tokens refer to it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The only algorithm it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn decoding_key(&self) -> &DecodingKey {
        &self.key
    }
}

/// The host's own key for an app, to mint tokens with. Always HS256: only the host verifies them.
#[derive(Debug, Clone)]
pub struct SigningKey {
    verifying: VerifyingKey,
    key: EncodingKey,
}

impl SigningKey {
    /// A key from its secret, at least 32 bytes.
    pub fn new(kid: &str, secret: &[u8]) -> Result<Self, KeyError> {
        let verifying = VerifyingKey::from_secret(kid, secret)?;
        Ok(Self {
            verifying,
            key: EncodingKey::from_secret(secret),
        })
    }

    /// The name that its tokens carry.
    pub fn kid(&self) -> &str {
        self.verifying.kid()
    }

    /// The same secret, to verify with.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    pub(super) fn encoding_key(&self) -> &EncodingKey {
        &self.key
    }
}

/// A new HS256 secret: 256 random bits as 43 characters of base64url. The characters themselves
/// are the HMAC key.
pub fn new_secret(random: &dyn SecureRandom) -> Result<Secret<String>, NoRandomness> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// A name for a key: only ever compared, never looked up as a path, address or query.
pub(super) fn is_kid(kid: &str) -> bool {
    (1..=KID_BYTES_MAX).contains(&kid.len()) && !kid.chars().any(char::is_control)
}
