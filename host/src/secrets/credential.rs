//! Opaque credentials: `opk_…`, `ogk_…` and `srk_…`. A credential is shown once; the host keeps its
//! digest. The last six characters are a checksum, so that a typo is told from a wrong key without
//! asking the database, and secret scanners can be sure of what they found.
//!
//! The digest is one round of SHA-256. Slow password hashes exist because people choose guessable
//! passwords; these keys are 256 random bits, which nobody can search, and a request needs its key
//! looked up by digest in microseconds.

use std::fmt;
use std::path::Path;

use ring::digest::{SHA256, digest};
use ring::rand::SecureRandom;
use subtle::ConstantTimeEq;

use super::{KeyFileError, NoRandomness, Secret, load_or_create};

/// Digits of base 62: no character that ends a word, so a double click selects the whole key.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^43 is just above 2^256.
const RANDOM_CHARS: usize = 43;
/// 62^6 is just above 2^32.
const CHECKSUM_CHARS: usize = 6;
const PREFIX_CHARS: usize = 4;
const CHARS: usize = PREFIX_CHARS + RANDOM_CHARS + CHECKSUM_CHARS;

/// Whose credential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// `opk_`: who runs the host.
    Operator,
    /// `ogk_`: who administers an org.
    Org,
    /// `srk_`: the backend of one app.
    Server,
}

impl CredentialKind {
    const ALL: [CredentialKind; 3] = [
        CredentialKind::Operator,
        CredentialKind::Org,
        CredentialKind::Server,
    ];

    /// What its credentials begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            CredentialKind::Operator => "opk_",
            CredentialKind::Org => "ogk_",
            CredentialKind::Server => "srk_",
        }
    }

    /// The kind whose prefix `text` begins with; says nothing about the rest of it.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| text.starts_with(kind.prefix()))
    }
}

/// Why a text is no credential. Both answer 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not one of the three shapes.
    #[error("this is not a key of this host")]
    Malformed,
    /// The right shape, but mistyped or cut.
    #[error("the key is mistyped: its checksum does not fit")]
    Checksum,
}

impl CredentialError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        match self {
            CredentialError::Malformed => "credential_malformed",
            CredentialError::Checksum => "credential_checksum",
        }
    }
}

/// A well-formed credential. Whether anybody knows it is a question for the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    kind: CredentialKind,
    text: Secret<String>,
}

impl Credential {
    /// Makes a credential of 256 random bits.
    pub fn generate(kind: CredentialKind, random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        let mut text = String::with_capacity(CHARS);
        text.push_str(kind.prefix());
        while text.len() < PREFIX_CHARS + RANDOM_CHARS {
            let mut bytes = [0; RANDOM_CHARS];
            random.fill(&mut bytes)?;
            // 248 is the last multiple of 62 in a byte: taking more would favour the first digits.
            let fair = bytes.iter().filter(|byte| **byte < 248);
            let room = PREFIX_CHARS + RANDOM_CHARS - text.len();
            text.extend(
                fair.take(room)
                    .map(|byte| ALPHABET[usize::from(byte % 62)] as char),
            );
        }
        let sum = checksum(&text);
        text.push_str(&sum);
        Ok(Self {
            kind,
            text: Secret::new(text),
        })
    }

    /// Reads a credential that somebody sent.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let kind = CredentialKind::of(text).ok_or(CredentialError::Malformed)?;
        let digits = text[PREFIX_CHARS..].bytes();
        if text.len() != CHARS || !digits.clone().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(CredentialError::Malformed);
        }
        let (body, sum) = text.split_at(CHARS - CHECKSUM_CHARS);
        if checksum(body) != sum {
            return Err(CredentialError::Checksum);
        }
        Ok(Self {
            kind,
            text: Secret::new(text.to_owned()),
        })
    }

    /// The operator's key out of its file, which is made with a new key if it isn't there.
    pub fn load_or_create_operator(
        path: &Path,
        random: &dyn SecureRandom,
    ) -> Result<Self, KeyFileError> {
        let text = load_or_create(path, random, |random| {
            Self::generate(CredentialKind::Operator, random).map(|made| made.text)
        })?;
        match Self::parse(text.expose()) {
            Ok(credential) if credential.kind == CredentialKind::Operator => Ok(credential),
            _ => Err(KeyFileError::NotAKey {
                path: path.to_owned(),
                reason: "expected an operator key, `opk_…`, whole and not mistyped",
            }),
        }
    }

    /// Whose credential it is.
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    /// The whole text, to show to its owner once.
    pub fn text(&self) -> &Secret<String> {
        &self.text
    }

    /// What the store keeps and looks up.
    pub fn digest(&self) -> CredentialDigest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, self.text.expose().as_bytes()).as_ref());
        CredentialDigest(bytes)
    }

    /// A safe reminder of which key it is, such as `srk_…x9Qz`: prefix and last four characters,
    /// which belong to the checksum.
    pub fn hint(&self) -> String {
        let text = self.text.expose();
        format!("{}…{}", self.kind.prefix(), &text[CHARS - 4..])
    }
}

/// The SHA-256 of a credential. Compares in constant time.
#[derive(Clone, Copy)]
pub struct CredentialDigest([u8; 32]);

impl CredentialDigest {
    /// A digest out of the store; `None` if it has not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes for the store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for CredentialDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CredentialDigest {}

impl fmt::Debug for CredentialDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, ..] = self.0;
        write!(f, "CredentialDigest({a:02x}{b:02x}{c:02x}…)")
    }
}

/// Six base-62 digits of the first 32 bits of the SHA-256 of `body`.
fn checksum(body: &str) -> String {
    let hash = digest(&SHA256, body.as_bytes());
    let mut number = hash
        .as_ref()
        .iter()
        .take(4)
        .fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().map(|digit| *digit as char).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::rand::SystemRandom;

    use super::*;

    fn made(kind: CredentialKind) -> Credential {
        Credential::generate(kind, &SystemRandom::new()).unwrap()
    }

    #[test]
    fn what_is_generated_is_read_back() {
        for kind in CredentialKind::ALL {
            let made = made(kind);
            let text = made.text().expose();
            assert_eq!(text.len(), 53);
            assert!(text.starts_with(kind.prefix()));
            let read = Credential::parse(text).unwrap();
            assert_eq!(read.kind(), kind);
            assert_eq!(read.digest(), made.digest());
        }
    }

    #[test]
    fn no_two_are_the_same_and_all_digits_occur() {
        let texts: Vec<String> = (0..200)
            .map(|_| made(CredentialKind::Server).text().expose().clone())
            .collect();
        let different: std::collections::HashSet<_> = texts.iter().collect();
        assert_eq!(different.len(), texts.len());
        let bodies: String = texts.iter().map(|text| &text[4..47]).collect();
        assert!(ALPHABET.iter().all(|digit| bodies.contains(*digit as char)));
    }

    #[test]
    fn the_kind_is_part_of_what_is_checked_and_hashed() {
        let server = made(CredentialKind::Server);
        let other = format!("ogk_{}", &server.text().expose()[4..]);
        assert_eq!(Credential::parse(&other), Err(CredentialError::Checksum));
    }

    #[test]
    fn a_typo_is_told_from_rubbish() {
        let good = made(CredentialKind::Org).text().expose().clone();
        let mut typo = good.clone().into_bytes();
        typo[10] = if typo[10] == b'a' { b'b' } else { b'a' };
        let typo = String::from_utf8(typo).unwrap();
        assert_eq!(Credential::parse(&typo), Err(CredentialError::Checksum));
        let cut = &good[..good.len() - 1];
        let long = format!("{good}0");
        let accent = format!("{}é", &good[..good.len() - 2]);
        for bad in [
            "",
            "ogk",
            "ogk_",
            "srk_é",
            cut,
            &long,
            &accent,
            &good.to_uppercase(),
            "eyJh",
        ] {
            assert_eq!(
                Credential::parse(bad),
                Err(CredentialError::Malformed),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_operators_key_lives_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operator.key");
        let load = || Credential::load_or_create_operator(&path, &SystemRandom::new());
        let first = load().unwrap();
        assert_eq!(first.kind(), CredentialKind::Operator);
        assert_eq!(load().unwrap(), first);
        for other in ["opk_short", made(CredentialKind::Org).text().expose()] {
            std::fs::write(&path, other).unwrap();
            assert_eq!(load().unwrap_err().code(), "key_file_invalid");
        }
    }

    #[test]
    fn nothing_prints_the_key() {
        let made = made(CredentialKind::Operator);
        let text = made.text().expose();
        let shown = format!("{made:?} {:?} {}", made.digest(), made.hint());
        assert!(!shown.contains(&text[4..47]));
        assert_eq!(made.hint(), format!("opk_…{}", &text[49..]));
    }

    #[test]
    fn digests_come_back_from_the_store() {
        let digest = made(CredentialKind::Org).digest();
        assert_eq!(
            CredentialDigest::from_bytes(digest.as_bytes()),
            Some(digest)
        );
        assert_eq!(CredentialDigest::from_bytes(&[0; 31]), None);
        let known = Credential {
            kind: CredentialKind::Org,
            text: Secret::new("abc".into()),
        };
        // The test vector of FIPS 180-2.
        assert_eq!(&known.digest().as_bytes()[..4], &[0xba, 0x78, 0x16, 0xbf]);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,80}") {
            let _ = Credential::parse(&text);
        }

        #[test]
        fn any_single_change_is_noticed(at in 4usize..53, by in 1usize..62) {
            let mut text = made(CredentialKind::Server).text().expose().clone().into_bytes();
            let digit = ALPHABET.iter().position(|digit| *digit == text[at]).unwrap();
            text[at] = ALPHABET[(digit + by) % 62];
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(Credential::parse(&text), Err(CredentialError::Checksum));
        }
    }
}
