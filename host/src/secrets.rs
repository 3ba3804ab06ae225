//! Everything that must not leak: the wrapper that keeps a value out of logs, the opaque
//! credentials of operators, orgs and apps, the files that keys live in, and the sealing of small
//! secrets at rest.
//!
//! Randomness is passed in; nothing here reads a clock.

mod credential;
mod key_file;
mod sealer;

use std::fmt;

pub use credential::{Credential, CredentialDigest, CredentialError, CredentialKind};
pub use key_file::{KeyFileError, load, load_or_create};
pub use sealer::{MasterKey, SEALED_SECRET_BYTES_MAX, SealContext, SealError, Sealer};
use subtle::ConstantTimeEq;

/// The system's random generator failed, which happens only before the kernel has seeded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random numbers to give")]
pub struct NoRandomness;

impl NoRandomness {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        "internal"
    }
}

impl From<ring::error::Unspecified> for NoRandomness {
    fn from(_: ring::error::Unspecified) -> Self {
        NoRandomness
    }
}

/// A value that is never printed: its `Debug` says `[redacted]`, and it has neither `Display` nor
/// `Serialize`.
#[derive(Clone, Default)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each call is a place to look at in a review.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, by value.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Compares in a time that depends on the lengths alone.
impl<T: AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().ct_eq(other.0.as_ref()).into()
    }
}

impl<T: AsRef<[u8]>> Eq for Secret<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed_even_inside_other_things() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read by Debug alone")]
        struct Settings {
            url: Option<Secret<String>>,
        }
        let settings = Settings {
            url: Some(Secret::new("postgres://u:hunter2@db/x".into())),
        };
        let shown = format!("{settings:?} {settings:#?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("[redacted]"), "{shown}");
    }

    #[test]
    fn secrets_compare_by_value() {
        assert_eq!(Secret::new("a".to_owned()), Secret::new("a".to_owned()));
        assert_ne!(Secret::new("a".to_owned()), Secret::new("b".to_owned()));
        assert_ne!(Secret::new("a".to_owned()), Secret::new("ab".to_owned()));
        assert_eq!(Secret::new("a".to_owned()).into_exposed(), "a");
    }
}
