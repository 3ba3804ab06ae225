//! Public keys as JSON: one JWK, or the key set that an app's own server publishes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::keys::{KeyError, VerifyingKey};
use super::public_key::{ed25519, p256, rsa};

/// The largest key set that is looked at, in bytes.
pub const KEY_SET_BYTES_MAX: usize = 64 * 1024;
/// The most keys of a set, usable or not.
pub const KEY_SET_KEYS_MAX: usize = 20;

/// The fields that matter. A field given twice is an error; unknown ones are passed over.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    /// Of a secret.
    k: Option<IgnoredAny>,
    /// Of a private key, along with `p` and `q` for RSA.
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
}

/// Reads one JWK. `kid` wins over the one inside.
pub(super) fn parse_key(text: &str, kid: Option<&str>) -> Result<VerifyingKey, KeyError> {
    let jwk: Jwk = serde_json::from_str(text).map_err(|_| KeyError::Format)?;
    read_key(&jwk, kid.or(jwk.kid.as_deref()))
}

/// Reads a key set (RFC 7517). Keys for other uses are passed over, as the RFC has it; a usable
/// one that is weak, broken or without a `kid` of its own spoils the set, and so does anything
/// that should never have been published.
pub fn parse_key_set(document: &[u8]) -> Result<Vec<VerifyingKey>, KeyError> {
    #[derive(Deserialize)]
    struct KeySet<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }

    if document.len() > KEY_SET_BYTES_MAX {
        return Err(KeyError::TooLarge);
    }
    let set: KeySet<'_> = serde_json::from_slice(document).map_err(|_| KeyError::KeySet)?;
    if set.keys.len() > KEY_SET_KEYS_MAX {
        return Err(KeyError::KeySet);
    }
    let mut keys: Vec<VerifyingKey> = Vec::new();
    for text in set.keys {
        let key = match parse_key(text.get(), None) {
            Ok(key) => key,
            Err(KeyError::Unsupported) => continue,
            Err(error) => return Err(error),
        };
        if keys.iter().any(|other| other.kid() == key.kid()) {
            return Err(KeyError::DuplicateKid);
        }
        keys.push(key);
    }
    if keys.is_empty() {
        Err(KeyError::KeySet)
    } else {
        Ok(keys)
    }
}

fn read_key(jwk: &Jwk, kid: Option<&str>) -> Result<VerifyingKey, KeyError> {
    if jwk.kty == "oct" || jwk.k.is_some() {
        return Err(KeyError::Symmetric);
    }
    if jwk.d.is_some() || jwk.p.is_some() || jwk.q.is_some() {
        return Err(KeyError::Private);
    }
    let verifies = jwk
        .purpose
        .as_deref()
        .is_none_or(|purpose| purpose == "sig")
        && jwk
            .key_ops
            .as_ref()
            .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !verifies {
        return Err(KeyError::Unsupported);
    }
    let alg_is = |names: &[&str]| jwk.alg.as_deref().is_none_or(|alg| names.contains(&alg));
    let kid = || kid.ok_or(KeyError::Kid);
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) if alg_is(&["RS256"]) => rsa(kid()?, &number(&jwk.n)?, &number(&jwk.e)?),
        ("EC", Some("P-256")) if alg_is(&["ES256"]) => {
            let (x, y) = (number(&jwk.x)?, number(&jwk.y)?);
            if x.len() != 32 || y.len() != 32 {
                return Err(KeyError::Invalid);
            }
            p256(kid()?, &[&[4][..], &x, &y].concat())
        }
        ("OKP", Some("Ed25519")) if alg_is(&["EdDSA", "Ed25519"]) => {
            ed25519(kid()?, &number(&jwk.x)?)
        }
        _ => Err(KeyError::Unsupported),
    }
}

fn number(field: &Option<String>) -> Result<Vec<u8>, KeyError> {
    let text = field.as_ref().ok_or(KeyError::Format)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Format)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Algorithm;
    use super::*;

    fn ed() -> Value {
        // RFC 8037, appendix A.2.
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    fn ec() -> Value {
        // RFC 7515, appendix A.3, without the private part.
        json!({"kty": "EC", "crv": "P-256", "kid": "ec",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    fn rsa_key() -> Value {
        json!({"kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "e": "AQAB",
            "n": URL_SAFE_NO_PAD.encode([0xff; 256])})
    }

    fn with(mut key: Value, field: &str, value: Value) -> Value {
        key[field] = value;
        key
    }

    fn read(key: &Value) -> Result<VerifyingKey, KeyError> {
        VerifyingKey::from_public(&key.to_string(), None)
    }

    fn error(key: Value) -> KeyError {
        read(&key).unwrap_err()
    }

    fn read_set(keys: Value) -> Result<Vec<VerifyingKey>, KeyError> {
        parse_key_set(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn the_three_kinds_are_read_and_pinned() {
        for (key, kid, algorithm) in [
            (ed(), "ed", Algorithm::EdDsa),
            (with(ed(), "alg", json!("Ed25519")), "ed", Algorithm::EdDsa),
            (ec(), "ec", Algorithm::Es256),
            (rsa_key(), "rsa", Algorithm::Rs256),
            (
                with(ec(), "key_ops", json!(["verify"])),
                "ec",
                Algorithm::Es256,
            ),
        ] {
            let read = read(&key).unwrap();
            assert_eq!((read.kid(), read.algorithm()), (kid, algorithm));
        }
        let named = VerifyingKey::from_public(&ed().to_string(), Some("mine")).unwrap();
        assert_eq!(named.kid(), "mine");
    }

    #[test]
    fn what_should_never_have_been_published_is_refused() {
        assert_eq!(error(with(ed(), "d", json!("AA"))), KeyError::Private);
        assert_eq!(error(with(rsa_key(), "p", json!("AA"))), KeyError::Private);
        assert_eq!(
            error(json!({"kty": "oct", "k": "AA", "kid": "x"})),
            KeyError::Symmetric
        );
        let leaked = with(ec(), "d", json!("AA"));
        assert_eq!(
            read_set(json!([ed(), leaked])).unwrap_err(),
            KeyError::Private
        );
    }

    #[test]
    fn keys_for_other_uses_are_unsupported() {
        for key in [
            with(ed(), "crv", json!("X25519")),
            with(ed(), "crv", json!("Ed448")),
            with(ed(), "use", json!("enc")),
            with(ed(), "key_ops", json!(["sign"])),
            with(ec(), "crv", json!("P-384")),
            with(ec(), "alg", json!("ES384")),
            with(ec(), "alg", json!("HS256")),
            with(rsa_key(), "alg", json!("PS256")),
            with(rsa_key(), "alg", json!("RSA-OAEP")),
            json!({"kty": "AKP", "kid": "x"}),
        ] {
            assert_eq!(error(key.clone()), KeyError::Unsupported, "{key}");
        }
    }

    #[test]
    fn broken_keys_are_refused() {
        assert_eq!(error(with(ec(), "y", json!("AA"))), KeyError::Invalid);
        let off_curve = with(ec(), "y", ec()["x"].clone());
        assert_eq!(error(off_curve), KeyError::Invalid);
        assert_eq!(error(with(ec(), "y", json!(null))), KeyError::Format);
        assert_eq!(error(with(ed(), "x", json!("a+b="))), KeyError::Format);
        assert_eq!(error(with(ed(), "x", json!("AA"))), KeyError::Invalid);
        assert_eq!(
            error(with(rsa_key(), "n", json!("AAAA"))),
            KeyError::RsaBits
        );
        assert_eq!(error(with(rsa_key(), "e", json!("AQ"))), KeyError::Invalid);
        assert_eq!(error(with(ed(), "kid", json!(null))), KeyError::Kid);
        assert_eq!(error(with(ed(), "kid", json!("a\nb"))), KeyError::Kid);
        assert_eq!(
            error(with(ed(), "kid", json!("k".repeat(129)))),
            KeyError::Kid
        );
        let twice = r#"{"kty":"OKP","crv":"Ed25519","kid":"a","kid":"b","x":"AA"}"#;
        for text in ["{}", "{", twice, r#"{"kty":1}"#] {
            assert_eq!(
                VerifyingKey::from_public(text, None).unwrap_err(),
                KeyError::Format
            );
        }
    }

    #[test]
    fn a_set_gives_its_usable_keys() {
        let other = json!({"kty": "EC", "crv": "P-521", "kid": "old"});
        let keys = read_set(json!([ed(), other, ec(), rsa_key()])).unwrap();
        let kids: Vec<&str> = keys.iter().map(VerifyingKey::kid).collect();
        assert_eq!(kids, ["ed", "ec", "rsa"]);
    }

    #[test]
    fn a_bad_set_is_refused_whole() {
        let unnamed = with(ed(), "kid", json!(null));
        assert_eq!(read_set(json!([ec(), unnamed])).unwrap_err(), KeyError::Kid);
        let same = with(ec(), "kid", json!("ed"));
        assert_eq!(
            read_set(json!([ed(), same])).unwrap_err(),
            KeyError::DuplicateKid
        );
        let weak = with(rsa_key(), "n", json!("AAAA"));
        assert_eq!(
            read_set(json!([ed(), weak])).unwrap_err(),
            KeyError::RsaBits
        );
        assert_eq!(read_set(json!([])).unwrap_err(), KeyError::KeySet);
        assert_eq!(read_set(json!("keys")).unwrap_err(), KeyError::KeySet);
        assert_eq!(read_set(json!([1])).unwrap_err(), KeyError::Format);
        assert_eq!(parse_key_set(b"<html>").unwrap_err(), KeyError::KeySet);
        assert_eq!(parse_key_set(b"\xff").unwrap_err(), KeyError::KeySet);
    }

    #[test]
    fn a_set_has_an_end() {
        let keys = |count| {
            let keys = (0..count).map(|at| with(ed(), "kid", json!(format!("k{at}"))));
            read_set(Value::Array(keys.collect()))
        };
        assert_eq!(keys(KEY_SET_KEYS_MAX).unwrap().len(), KEY_SET_KEYS_MAX);
        assert_eq!(keys(KEY_SET_KEYS_MAX + 1).unwrap_err(), KeyError::KeySet);
        let mut document = json!({"keys": [ed()]}).to_string();
        document.push_str(&" ".repeat(KEY_SET_BYTES_MAX));
        assert_eq!(
            parse_key_set(document.as_bytes()).unwrap_err(),
            KeyError::TooLarge
        );
    }
}
