//! Public keys as PEM, and the checks that every public key passes, whatever form it came in.
//!
//! The DER in a PEM is read by a few lines of our own that know exactly three shapes and don't
//! recurse: a general ASN.1 reader can be made to run out of stack by nesting.

use jsonwebtoken::DecodingKey;
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;

use super::jwk;
use super::keys::{Algorithm, KeyError, VerifyingKey};

/// The largest single key that is looked at, in bytes.
const KEY_BYTES_MAX: usize = 16 * 1024;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// What ring takes: a larger exponent only makes verifying slow.
const RSA_EXPONENT_BYTES_MAX: usize = 4;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
/// The contents of `AlgorithmIdentifier` for rsaEncryption, ecPublicKey on prime256v1, and Ed25519.
const RSA_ID: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const P256_ID: &[u8] =
    b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const ED25519_ID: &[u8] = b"\x06\x03\x2b\x65\x70";

impl VerifyingKey {
    /// Reads a public key as PEM (SPKI, or PKCS #1 for RSA) or as one JWK. `kid` wins over the one
    /// in the JWK; a PEM has none.
    pub fn from_public(text: &str, kid: Option<&str>) -> Result<Self, KeyError> {
        if text.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLarge);
        }
        let text = text.trim();
        if text.starts_with('{') {
            return jwk::parse_key(text, kid);
        }
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        let blocks = pem::parse_many(text).map_err(|_| KeyError::Format)?;
        let [block] = &blocks[..] else {
            return Err(KeyError::Format);
        };
        let kid = kid.ok_or(KeyError::Kid)?;
        match block.tag() {
            "PUBLIC KEY" => from_spki(kid, block.contents()),
            "RSA PUBLIC KEY" => from_pkcs1(kid, block.contents()),
            _ => Err(KeyError::Format),
        }
    }
}

fn from_spki(kid: &str, der: &[u8]) -> Result<VerifyingKey, KeyError> {
    let (algorithm, key) = read_spki(der).ok_or(KeyError::Format)?;
    match algorithm {
        RSA_ID => from_pkcs1(kid, key),
        P256_ID => p256(kid, key),
        ED25519_ID => ed25519(kid, key),
        _ => Err(KeyError::Unsupported),
    }
}

fn from_pkcs1(kid: &str, der: &[u8]) -> Result<VerifyingKey, KeyError> {
    let (modulus, exponent) = read_pkcs1(der).ok_or(KeyError::Format)?;
    rsa(kid, modulus, exponent)
}

/// An Ed25519 key of 32 bytes.
pub(super) fn ed25519(kid: &str, key: &[u8]) -> Result<VerifyingKey, KeyError> {
    if key.len() != 32 {
        return Err(KeyError::Invalid);
    }
    VerifyingKey::new(kid, Algorithm::EdDsa, DecodingKey::from_ed_der(key))
}

/// An uncompressed point of P-256: `04`, x and y.
pub(super) fn p256(kid: &str, point: &[u8]) -> Result<VerifyingKey, KeyError> {
    // ring checks a point only when it uses it. A key agreement is such a use, and unlike
    // verifying it tells a bad point from a bad signature; what was agreed on is thrown away.
    let random = SystemRandom::new();
    let on_curve = EphemeralPrivateKey::generate(&ECDH_P256, &random).and_then(|private| {
        agree_ephemeral(private, &UnparsedPublicKey::new(&ECDH_P256, point), |_| ())
    });
    if on_curve.is_err() {
        return Err(KeyError::Invalid);
    }
    VerifyingKey::new(kid, Algorithm::Es256, DecodingKey::from_ec_der(point))
}

/// An RSA key from its two numbers, big-endian, with or without leading zeros.
pub(super) fn rsa(kid: &str, modulus: &[u8], exponent: &[u8]) -> Result<VerifyingKey, KeyError> {
    let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
    let bits = modulus.len() * 8
        - modulus
            .first()
            .map_or(0, |byte| byte.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(KeyError::RsaBits);
    }
    // With an exponent of 1 the signature is the padded message itself, and anybody can write it.
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    let exponent_fits = exponent.len() <= RSA_EXPONENT_BYTES_MAX && exponent != [1];
    if !is_odd(modulus) || !is_odd(exponent) || !exponent_fits {
        return Err(KeyError::Invalid);
    }
    VerifyingKey::new(
        kid,
        Algorithm::Rs256,
        DecodingKey::from_rsa_raw_components(modulus, exponent),
    )
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// `SubjectPublicKeyInfo`: the algorithm's identifier and the key's bytes.
fn read_spki(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (outer, []) = element(SEQUENCE, der)? else {
        return None;
    };
    let (algorithm, rest) = element(SEQUENCE, outer)?;
    match element(BIT_STRING, rest)? {
        ([0, key @ ..], []) => Some((algorithm, key)),
        _ => None,
    }
}

/// `RSAPublicKey`: modulus and exponent.
fn read_pkcs1(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (outer, []) = element(SEQUENCE, der)? else {
        return None;
    };
    let (modulus, rest) = element(INTEGER, outer)?;
    let (exponent, []) = element(INTEGER, rest)? else {
        return None;
    };
    let is_negative = |number: &[u8]| number.first().is_none_or(|byte| byte & 0x80 != 0);
    (!is_negative(modulus) && !is_negative(exponent)).then_some((modulus, exponent))
}

/// One DER element with this tag: its contents and what follows.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [length, rest @ ..] if *length < 0x80 => (usize::from(*length), rest),
        [0x81, length, rest @ ..] if *length >= 0x80 => (usize::from(*length), rest),
        [0x82, high, low, rest @ ..] if *high > 0 => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use pem::{EncodeConfig, LineEnding, Pem};
    use proptest::prelude::*;

    use super::*;

    const RSA: &str = include_str!("fixtures/rs256.pem");
    const RSA_PKCS1: &str = include_str!("fixtures/rs256-pkcs1.pem");
    const RSA_1024: &str = include_str!("fixtures/rsa-1024.pem");
    const P256: &str = include_str!("fixtures/es256.pem");
    const ED25519: &str = include_str!("fixtures/eddsa.pem");

    fn read(text: &str) -> Result<Algorithm, KeyError> {
        VerifyingKey::from_public(text, Some("k1")).map(|key| key.algorithm())
    }

    fn pem_of(tag: &str, der: &[u8]) -> String {
        pem::encode_config(
            &Pem::new(tag, der),
            EncodeConfig::new().set_line_ending(LineEnding::LF),
        )
    }

    fn der_of(text: &str) -> Vec<u8> {
        pem::parse(text).unwrap().into_contents()
    }

    #[test]
    fn the_three_kinds_are_read_and_pinned() {
        assert_eq!(read(RSA), Ok(Algorithm::Rs256));
        assert_eq!(read(RSA_PKCS1), Ok(Algorithm::Rs256));
        assert_eq!(read(P256), Ok(Algorithm::Es256));
        assert_eq!(read(ED25519), Ok(Algorithm::EdDsa));
        assert_eq!(
            read(&format!("\r\n {}", RSA.replace('\n', "\r\n"))),
            Ok(Algorithm::Rs256)
        );
        assert_eq!(
            VerifyingKey::from_public(RSA, None).unwrap_err(),
            KeyError::Kid
        );
        assert_eq!(
            VerifyingKey::from_public(RSA, Some("")).unwrap_err(),
            KeyError::Kid
        );
    }

    #[test]
    fn weak_and_foreign_keys_are_refused() {
        assert_eq!(read(RSA_1024), Err(KeyError::RsaBits));
        assert_eq!(
            read(include_str!("fixtures/p384.pem")),
            Err(KeyError::Unsupported)
        );
        assert_eq!(
            read(include_str!("fixtures/secp256k1.pem")),
            Err(KeyError::Unsupported)
        );
        assert_eq!(
            rsa("k", &[0xff; 1025], &[3]).unwrap_err(),
            KeyError::RsaBits
        );
        assert_eq!(rsa("k", &[], &[3]).unwrap_err(), KeyError::RsaBits);
        for exponent in [&[1][..], &[0, 0, 1], &[], &[0], &[2], &[1, 0, 0, 0, 1]] {
            let error = rsa("k", &[0xff; 256], exponent).unwrap_err();
            assert_eq!(error, KeyError::Invalid, "{exponent:?}");
        }
        let mut even = [0xff; 256];
        even[255] = 0xfe;
        assert_eq!(rsa("k", &even, &[1, 0, 1]).unwrap_err(), KeyError::Invalid);
        assert!(rsa("k", &[&[0][..], &[0xff; 256]].concat(), &[0, 3]).is_ok());
    }

    #[test]
    fn a_point_must_be_on_the_curve() {
        let mut der = der_of(P256);
        *der.last_mut().unwrap() ^= 1;
        assert_eq!(read(&pem_of("PUBLIC KEY", &der)), Err(KeyError::Invalid));
        assert_eq!(p256("k", &[4; 65]).unwrap_err(), KeyError::Invalid);
        assert_eq!(p256("k", &[]).unwrap_err(), KeyError::Invalid);
        assert_eq!(p256("k", &[0]).unwrap_err(), KeyError::Invalid);
        assert_eq!(ed25519("k", &[1; 31]).unwrap_err(), KeyError::Invalid);
    }

    #[test]
    fn private_keys_and_other_things_are_refused() {
        for tag in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
        ] {
            assert_eq!(
                read(&pem_of(tag, &[1, 2, 3])),
                Err(KeyError::Private),
                "{tag}"
            );
        }
        let certificate = pem_of("CERTIFICATE", &der_of(RSA));
        let two = [RSA, P256].concat();
        let cut = &RSA[..RSA.len() / 2];
        for text in [
            "",
            "hello",
            cut,
            &certificate,
            &two,
            &pem_of("PUBLIC KEY", b""),
        ] {
            assert_eq!(read(text), Err(KeyError::Format), "{text}");
        }
        assert_eq!(
            read(&"a".repeat(KEY_BYTES_MAX + 1)),
            Err(KeyError::TooLarge)
        );
        // A PKCS #1 body under the other label.
        assert_eq!(
            read(&pem_of("PUBLIC KEY", &der_of(RSA_PKCS1))),
            Err(KeyError::Format)
        );
    }

    #[test]
    fn deep_nesting_is_harmless() {
        let nested = [SEQUENCE, 0x82, 0x20, 0x00].repeat(2500);
        assert_eq!(read(&pem_of("PUBLIC KEY", &nested)), Err(KeyError::Format));
    }

    proptest! {
        #[test]
        fn any_der_is_answered(der in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&pem_of("PUBLIC KEY", &der));
            let _ = read(&pem_of("RSA PUBLIC KEY", &der));
        }

        /// A changed byte gives another valid key at best, never one of another kind.
        #[test]
        fn changed_keys_stay_what_they_are(at: prop::sample::Index, to: u8) {
            for (text, algorithm) in
                [(RSA, Algorithm::Rs256), (P256, Algorithm::Es256), (ED25519, Algorithm::EdDsa)]
            {
                let mut der = der_of(text);
                let at = at.index(der.len());
                der[at] = to;
                if let Ok(read) = read(&pem_of("PUBLIC KEY", &der)) {
                    prop_assert_eq!(read, algorithm);
                }
            }
        }
    }
}
