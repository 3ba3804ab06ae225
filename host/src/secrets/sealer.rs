//! Small secrets at rest: sealed with AES-256-GCM under a key that is not in the database, so that
//! a stolen backup alone opens none of them.
//!
//! Each sealed value is bound to the app and the key it belongs to; moved to another row, it does
//! not open. Layout: one byte version, 12 bytes nonce, the cipher text, 16 bytes tag.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::SecureRandom;

use super::{KeyFileError, NoRandomness, Secret, load_or_create};

/// The largest secret that can be sealed, in bytes.
pub const SEALED_SECRET_BYTES_MAX: usize = 4096;
const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;

/// The host's own key, 256 bits, from which one key for each purpose is derived.
#[derive(Debug, Clone)]
pub struct MasterKey(Secret<[u8; 32]>);

impl MasterKey {
    /// Takes 32 random bytes as the key.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Reads the key from its file (43 characters of base64url), or makes both.
    pub fn load_or_create(path: &Path, random: &dyn SecureRandom) -> Result<Self, KeyFileError> {
        let text = load_or_create(path, random, |random| {
            let mut bytes = [0; 32];
            random.fill(&mut bytes)?;
            Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
        })?;
        let bytes = URL_SAFE_NO_PAD.decode(text.expose()).ok();
        match bytes.and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok(Self::new(bytes)),
            None => Err(KeyFileError::NotAKey {
                path: path.to_owned(),
                reason: "expected 32 bytes as 43 characters of base64url",
            }),
        }
    }

    /// The key for one purpose, named by a constant such as `cursor`. Keys of different purposes
    /// say nothing about each other.
    pub fn derive(&self, purpose: &str) -> Secret<[u8; 32]> {
        struct Bytes32;
        impl KeyType for Bytes32 {
            fn len(&self) -> usize {
                32
            }
        }
        let mut key = [0; 32];
        Salt::new(HKDF_SHA256, b"althing master key")
            .extract(self.0.expose())
            .expand(&[purpose.as_bytes()], Bytes32)
            .and_then(|material| material.fill(&mut key))
            .expect("HKDF-SHA256 gives up to 8160 bytes");
        Secret::new(key)
    }
}

/// What a sealed secret belongs to.
#[derive(Debug, Clone, Copy)]
pub struct SealContext<'a> {
    /// The app's id.
    pub app_id: &'a str,
    /// The id of the key (or other secret) inside the app.
    pub key_id: &'a str,
}

impl SealContext<'_> {
    /// Both ids, each with its length before it: no two contexts give the same bytes.
    fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for part in [self.app_id, self.key_id] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// Why a secret was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// More than `SEALED_SECRET_BYTES_MAX`.
    #[error("the secret is larger than 4096 bytes")]
    TooLarge,
    /// Changed, moved from elsewhere, or sealed under another master key.
    #[error("a stored secret does not open with this host's secret key")]
    DoesNotOpen,
    /// Nothing to make a nonce from.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl SealError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        match self {
            SealError::TooLarge => "secret_too_large",
            SealError::DoesNotOpen | SealError::NoRandomness(_) => "internal",
        }
    }
}

/// Seals and opens.
pub struct Sealer(LessSafeKey);

impl Sealer {
    /// The sealer under this master key.
    pub fn new(master: &MasterKey) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, master.derive("sealed secrets").expose())
            .expect("AES-256 takes 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Seals `secret` for `context`. The nonce is random: 2^32 secrets under one key are safe, and
    /// a host has thousands.
    pub fn seal(
        &self,
        context: SealContext<'_>,
        secret: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, SealError> {
        if secret.len() > SEALED_SECRET_BYTES_MAX {
            return Err(SealError::TooLarge);
        }
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).map_err(NoRandomness::from)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + secret.len() + TAG_BYTES);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(secret);
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.bytes()),
                &mut sealed[1 + NONCE_LEN..],
            )
            .map_err(|_| SealError::TooLarge)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for the same `context`.
    pub fn open(
        &self,
        context: SealContext<'_>,
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, SealError> {
        let rest = sealed
            .strip_prefix(&[VERSION])
            .ok_or(SealError::DoesNotOpen)?;
        let (nonce, cipher) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::DoesNotOpen)?;
        let mut bytes = cipher.to_vec();
        let opened = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(context.bytes()),
                &mut bytes,
            )
            .map_err(|_| SealError::DoesNotOpen)?
            .len();
        bytes.truncate(opened);
        Ok(Secret::new(bytes))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::rand::SystemRandom;

    use super::*;

    fn context<'a>(app_id: &'a str, key_id: &'a str) -> SealContext<'a> {
        SealContext { app_id, key_id }
    }

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&MasterKey::new([byte; 32]))
    }

    #[test]
    fn it_opens_where_it_was_sealed_and_nowhere_else() {
        let random = SystemRandom::new();
        let here = context("app_1", "key_1");
        let sealed = sealer(1).seal(here, b"hs256 secret", &random).unwrap();
        assert_eq!(
            sealer(1).open(here, &sealed).unwrap().expose(),
            b"hs256 secret"
        );
        for elsewhere in [context("app_2", "key_1"), context("app_1", "key_2")] {
            assert_eq!(
                sealer(1).open(elsewhere, &sealed),
                Err(SealError::DoesNotOpen)
            );
        }
        // The same letters, cut at another place.
        assert!(sealer(1).open(context("app_1k", "ey_1"), &sealed).is_err());
        assert!(sealer(2).open(here, &sealed).is_err(), "another master key");
    }

    #[test]
    fn the_secret_is_not_in_the_sealed_bytes_and_each_sealing_differs() {
        let random = SystemRandom::new();
        let here = context("a", "k");
        let first = sealer(1).seal(here, b"correct horse", &random).unwrap();
        let second = sealer(1).seal(here, b"correct horse", &random).unwrap();
        assert_ne!(first, second);
        assert!(!first.windows(7).any(|window| window == b"correct"));
    }

    #[test]
    fn any_changed_byte_or_cut_is_noticed() {
        let here = context("a", "k");
        let sealed = sealer(1)
            .seal(here, b"secret", &SystemRandom::new())
            .unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer(1).open(here, &changed).is_err(), "byte {at}");
            assert!(sealer(1).open(here, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn too_large_a_secret_is_refused() {
        let (random, here) = (SystemRandom::new(), context("a", "k"));
        assert!(
            sealer(1)
                .seal(here, &[0; SEALED_SECRET_BYTES_MAX], &random)
                .is_ok()
        );
        let more = [0; SEALED_SECRET_BYTES_MAX + 1];
        assert_eq!(
            sealer(1).seal(here, &more, &random),
            Err(SealError::TooLarge)
        );
    }

    #[test]
    fn the_master_key_stays_the_same_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let random = SystemRandom::new();
        let first = MasterKey::load_or_create(&path, &random).unwrap();
        let second = MasterKey::load_or_create(&path, &random).unwrap();
        assert_eq!(first.derive("x"), second.derive("x"));
        assert_ne!(first.derive("x"), second.derive("y"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim().len(), 43);
        std::fs::write(&path, "too short").unwrap();
        let error = MasterKey::load_or_create(&path, &random).unwrap_err();
        assert_eq!(error.code(), "key_file_invalid");
        assert!(!format!("{first:?} {:?}", sealer(7)).contains('7'));
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_comes_back(
            app in ".{0,20}", key in ".{0,20}", secret in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            let here = context(&app, &key);
            let sealed = sealer(3).seal(here, &secret, &SystemRandom::new()).unwrap();
            prop_assert_eq!(sealer(3).open(here, &sealed).unwrap().into_exposed(), secret);
        }

        #[test]
        fn rubbish_never_opens(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(sealer(3).open(context("a", "k"), &bytes).is_err());
        }
    }
}
