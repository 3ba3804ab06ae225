//! An app's backend that signs its users' tokens itself, with a crypto library and no JWT library:
//! so that tokens can be made wrong in any way.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};

/// A key, and the name under which the host knows it.
pub struct Signer {
    pub kid: &'static str,
    pub algorithm: &'static str,
    key: Key,
}

enum Key {
    Secret(Vec<u8>),
    Edwards(Ed25519KeyPair),
    Curve(EcdsaKeyPair, SystemRandom),
    Rsa(RsaKeyPair, SystemRandom),
}

const RSA_PRIVATE: &str = include_str!("rs256-private.pem");
const RSA_PUBLIC: &str = include_str!("rs256-public.pem");

impl Signer {
    /// With a shared secret.
    pub fn hs256(kid: &'static str, secret: &[u8]) -> Self {
        Self {
            kid,
            algorithm: "HS256",
            key: Key::Secret(secret.to_vec()),
        }
    }

    /// With a new Ed25519 key.
    pub fn eddsa(kid: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self {
            kid,
            algorithm: "EdDSA",
            key: Key::Edwards(Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key")),
        }
    }

    /// With a new P-256 key.
    pub fn es256(kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
                .expect("a key");
        Self {
            kid,
            algorithm: "ES256",
            key: Key::Curve(pair, random),
        }
    }

    /// With an RSA key.
    pub fn rs256(kid: &'static str) -> Self {
        let body: String = RSA_PRIVATE
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(body).expect("base64")).expect("a key");
        Self {
            kid,
            algorithm: "RS256",
            key: Key::Rsa(pair, SystemRandom::new()),
        }
    }

    /// The public key as PEM.
    pub fn public_pem(&self) -> String {
        let spki = match &self.key {
            Key::Secret(_) => panic!("a secret is not public"),
            Key::Edwards(pair) => [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), pair.public_key().as_ref()].concat(),
            Key::Curve(pair, _) => [
                b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"
                    .as_slice(),
                pair.public_key().as_ref(),
            ]
            .concat(),
            Key::Rsa(..) => return RSA_PUBLIC.to_owned(),
        };
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(spki)
        )
    }

    /// The public key as a JWK.
    pub fn jwk(&self) -> Value {
        let url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.key {
            Key::Secret(_) => panic!("a secret is not public"),
            Key::Edwards(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "alg": "EdDSA", "use": "sig", "x": url(pair.public_key().as_ref()) })
            }
            Key::Curve(pair, _) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "alg": "ES256", "x": url(&point[1..33]), "y": url(&point[33..]) })
            }
            Key::Rsa(pair, _) => {
                let public: PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({ "kty": "RSA", "kid": self.kid, "alg": "RS256", "n": url(&public.n), "e": url(&public.e) })
            }
        }
    }

    /// A token with these claims and the usual header.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_under(
            &json!({ "alg": self.algorithm, "typ": "JWT", "kid": self.kid }),
            claims,
        )
    }

    /// A token with any header.
    pub fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = match &self.key {
            Key::Secret(secret) => hmac::sign(
                &hmac::Key::new(hmac::HMAC_SHA256, secret),
                message.as_bytes(),
            )
            .as_ref()
            .to_vec(),
            Key::Edwards(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
            Key::Curve(pair, random) => pair
                .sign(random, message.as_bytes())
                .expect("a signature")
                .as_ref()
                .to_vec(),
            Key::Rsa(pair, random) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    random,
                    message.as_bytes(),
                    &mut signature,
                )
                .expect("a signature");
                signature
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
