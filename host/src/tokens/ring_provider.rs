//! The cryptography behind jsonwebtoken, done by ring, which the host has for TLS anyway. Signs
//! HS256, and verifies HS256, EdDSA, ES256 and RS256; anything else is an error, not a fallback.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use signature::{Signer, Verifier};

/// Makes jsonwebtoken use ring in this process. Every key calls it, so nobody has to think of it.
pub(super) fn install() {
    // An error says that it is installed already.
    let _ = PROVIDER.install_default();
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: new_signer,
    verifier_factory: new_verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| unsupported(),
        rsa_pub_components_from_public_key: |_| unsupported(),
        ec_pub_components_from_private_key: |_, _| unsupported(),
        ed_pub_components_from_private_key: |_, _| unsupported(),
        compute_digest: |_, _| unsupported(),
    },
};

fn unsupported<T>() -> Result<T> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn new_signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(Box::new(Hs256(hmac::Key::new(
            hmac::HMAC_SHA256,
            key.as_bytes(),
        )))),
        _ => unsupported(),
    }
}

fn new_verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let check = match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?);
            return Ok(Box::new(Hs256(key)));
        }
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => check_eddsa,
        (Algorithm::ES256, AlgorithmFamily::Ec) => check_es256,
        (Algorithm::RS256, AlgorithmFamily::Rsa) => check_rs256,
        _ => return unsupported(),
    };
    Ok(Box::new(PublicKey {
        algorithm: *algorithm,
        key: key.clone(),
        check,
    }))
}

struct Hs256(hmac::Key);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> std::result::Result<(), signature::Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

/// Key, message, signature.
type Check = fn(&DecodingKey, &[u8], &[u8]) -> Result<()>;

struct PublicKey {
    algorithm: Algorithm,
    key: DecodingKey,
    check: Check,
}

impl Verifier<Vec<u8>> for PublicKey {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> std::result::Result<(), signature::Error> {
        (self.check)(&self.key, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for PublicKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn check_eddsa(key: &DecodingKey, message: &[u8], signature: &[u8]) -> Result<()> {
    let key = UnparsedPublicKey::new(&ED25519, key.try_get_as_bytes()?);
    key.verify(message, signature).map_err(|_| wrong())
}

fn check_es256(key: &DecodingKey, message: &[u8], signature: &[u8]) -> Result<()> {
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.try_get_as_bytes()?);
    key.verify(message, signature).map_err(|_| wrong())
}

fn check_rs256(key: &DecodingKey, message: &[u8], signature: &[u8]) -> Result<()> {
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => RsaPublicKeyComponents { n, e }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .map_err(|_| wrong()),
        DecodingKeyKind::SecretOrDer(_) => unsupported(),
    }
}

fn wrong() -> Error {
    ErrorKind::InvalidSignature.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_one_family_is_no_key_of_another() {
        let public = [4; 65];
        for key in [
            DecodingKey::from_ec_der(&public),
            DecodingKey::from_ed_der(&public),
            DecodingKey::from_rsa_raw_components(&public, &[3]),
        ] {
            assert!(new_verifier(&Algorithm::HS256, &key).is_err());
        }
        let secret = DecodingKey::from_secret(&public);
        for algorithm in [
            Algorithm::EdDSA,
            Algorithm::ES256,
            Algorithm::RS256,
            Algorithm::HS384,
            Algorithm::HS512,
            Algorithm::ES384,
            Algorithm::PS256,
        ] {
            assert!(new_verifier(&algorithm, &secret).is_err(), "{algorithm:?}");
            let key = EncodingKey::from_secret(&public);
            assert!(new_signer(&algorithm, &key).is_err(), "{algorithm:?}");
        }
    }
}
