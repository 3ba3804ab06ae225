//! Headers, keys and signatures that somebody made up.

use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use super::*;

const RSA_PEM: &str = include_str!("../fixtures/rs256.pem");
const RSA_TOKEN: &str = include_str!("../fixtures/rs256.jwt");

#[test]
fn alg_none_is_refused() {
    let payload = URL_SAFE_NO_PAD.encode(good_payload().to_string());
    for alg in ["none", "None", "nOnE", "NONE", "", "hs256", "HS256 "] {
        let header = json!({"alg": alg, "kid": "k1"}).to_string();
        let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(&header));
        assert_eq!(check(&unsigned), Err(TokenError::Malformed), "{alg}");
        let signed = sign(&header, &good_payload().to_string());
        assert_eq!(check(&signed), Err(TokenError::Unsupported("alg")), "{alg}");
        assert_eq!(peek(&signed), Err(TokenError::Unsupported("alg")), "{alg}");
    }
    let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(HEADER));
    assert_eq!(check(&unsigned), Err(TokenError::Malformed));
    for alg in ["HS384", "HS512", "RS512", "PS256", "ES384", "A256GCM"] {
        let header = json!({"alg": alg, "kid": "k1"}).to_string();
        assert_eq!(
            check(&sign(&header, "{}")),
            Err(TokenError::Unsupported("alg")),
            "{alg}"
        );
    }
    assert_eq!(
        check(&sign(r#"{"kid":"k1"}"#, "{}")),
        Err(TokenError::Malformed)
    );
}

#[test]
fn a_public_key_is_no_secret() {
    let keys = [VerifyingKey::from_public(RSA_PEM, Some("k1")).unwrap()];
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let der = pem::parse(RSA_PEM).unwrap();
    for secret in [
        RSA_PEM.as_bytes(),
        RSA_PEM.trim().as_bytes(),
        der.contents(),
        jwk.as_bytes(),
    ] {
        let token = sign_with(HEADER, &good_payload().to_string(), secret);
        let expected = Err(TokenError::Unsupported("alg"));
        assert_eq!(verify(&token, &keys, NOW_MS, &RULES), expected);
        let ed = [VerifyingKey::from_public(jwk, Some("k1")).unwrap()];
        assert_eq!(verify(&token, &ed, NOW_MS, &RULES), expected);
    }
}

#[test]
fn each_algorithm_is_verified_and_a_changed_token_is_not() {
    let random = SystemRandom::new();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let ed = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519",
        "x": URL_SAFE_NO_PAD.encode(ed.public_key().as_ref())});
    let message = message("EdDSA");
    let signature = URL_SAFE_NO_PAD.encode(ed.sign(message.as_bytes()));
    let ed_token = format!("{message}.{signature}");
    let ed_key = VerifyingKey::from_public(&jwk.to_string(), Some("k1")).unwrap();

    let (ec_key, ec_token) = es256();
    let rsa_key = VerifyingKey::from_public(RSA_PEM, Some("k1")).unwrap();
    let hs_token = sign(HEADER, &good_payload().to_string());
    for (key, token) in [
        (ed_key, ed_token.as_str()),
        (ec_key, &ec_token),
        (rsa_key, RSA_TOKEN.trim()),
        (hs("k1"), &hs_token),
    ] {
        let name = key.algorithm();
        let keys = [key];
        assert_eq!(
            verify(token, &keys, NOW_MS, &RULES).unwrap().sub,
            "alice",
            "{name}"
        );
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            bytes[at] ^= 1;
            let changed = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&bytes));
            let refused = verify(&changed, &keys, NOW_MS, &RULES);
            assert_eq!(refused, Err(TokenError::Signature), "{name} {at}");
            bytes[at] ^= 1;
        }
        let (header, _) = message.split_once('.').unwrap();
        let other = URL_SAFE_NO_PAD.encode(good_payload().to_string().replace("alice", "admin"));
        let forged = format!("{header}.{other}.{signature}");
        assert_eq!(
            verify(&forged, &keys, NOW_MS, &RULES),
            Err(TokenError::Signature),
            "{name}"
        );
        let cut = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&bytes[1..]));
        assert_eq!(
            verify(&cut, &keys, NOW_MS, &RULES),
            Err(TokenError::Signature),
            "{name}"
        );
    }
}

fn message(alg: &str) -> String {
    let header = json!({"alg": alg, "kid": "k1"}).to_string();
    let mut payload = good_payload();
    payload["jti"] = json!("t1");
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload.to_string())
    )
}

fn es256() -> (VerifyingKey, String) {
    let random = SystemRandom::new();
    let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let jwk = json!({"kty": "EC", "crv": "P-256",
        "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])});
    let message = message("ES256");
    let signature = pair.sign(&random, message.as_bytes()).unwrap();
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    (
        VerifyingKey::from_public(&jwk.to_string(), Some("k1")).unwrap(),
        token,
    )
}

#[test]
fn kid_picks_among_the_keys_of_the_app_and_nothing_else() {
    let other = VerifyingKey::from_secret("k2", &[7; 32]).unwrap();
    let keys = [hs("k1"), other];
    let payload = good_payload().to_string();
    let with_kid = |kid: Value| {
        let token = sign(&json!({"alg": "HS256", "kid": kid}).to_string(), &payload);
        verify(&token, &keys, NOW_MS, &RULES)
    };
    assert!(with_kid(json!("k1")).is_ok());
    assert_eq!(with_kid(json!("k2")), Err(TokenError::Signature));
    for kid in [
        json!("K1"),
        json!("k3"),
        json!("../../dev/null"),
        json!("' OR 1=1 --"),
        json!("https://evil.example/jwks"),
        json!("k1\0"),
        json!(""),
        json!("k".repeat(129)),
        json!(null),
        json!(1),
        json!(["k1"]),
    ] {
        assert_eq!(with_kid(kid.clone()), Err(TokenError::UnknownKey), "{kid}");
    }
    assert_eq!(
        with_kid(json!("k".repeat(10 * 1024))),
        Err(TokenError::TooLarge)
    );

    let unnamed = sign(r#"{"alg":"HS256"}"#, &payload);
    assert_eq!(
        verify(&unnamed, &keys, NOW_MS, &RULES),
        Err(TokenError::UnknownKey)
    );
    assert!(verify(&unnamed, &keys[..1], NOW_MS, &RULES).is_ok());
    assert_eq!(
        verify(&unnamed, &[], NOW_MS, &RULES),
        Err(TokenError::UnknownKey)
    );
    assert_eq!(peek(&unnamed).unwrap().kid, None);
}

#[test]
fn keys_in_the_header_are_not_used() {
    let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([9; 32])});
    let header = json!({"alg": "HS256", "kid": "k1", "jwk": jwk, "jku": "https://evil.example"});
    let token = sign_with(&header.to_string(), &good_payload().to_string(), &[9; 32]);
    assert_eq!(check(&token), Err(TokenError::Signature));
}

#[test]
fn unknown_header_demands_are_refused() {
    for (header, field) in [
        (
            r#"{"alg":"HS256","kid":"k1","crit":["b64"],"b64":false}"#,
            "crit",
        ),
        (r#"{"alg":"HS256","kid":"k1","crit":["exp"]}"#, "crit"),
        (r#"{"alg":"HS256","kid":"k1","crit":[]}"#, "crit"),
        (r#"{"alg":"HS256","kid":"k1","crit":null}"#, "crit"),
        (r#"{"alg":"HS256","kid":"k1","typ":"logout+jwt"}"#, "typ"),
        (r#"{"alg":"HS256","kid":"k1","typ":null}"#, "typ"),
        (r#"{"alg":["HS256"],"kid":"k1"}"#, "alg"),
    ] {
        let token = sign(header, &good_payload().to_string());
        assert_eq!(
            check(&token),
            Err(TokenError::Unsupported(field)),
            "{header}"
        );
    }
    let lower = sign(
        r#"{"alg":"HS256","typ":"jwt","kid":"k1"}"#,
        &good_payload().to_string(),
    );
    assert!(check(&lower).is_ok());
}

/// A malleated signature is right, and says the same: `jti` is the token's identity.
#[test]
fn ecdsa_signatures_may_be_malleated_but_not_zero() {
    let (key, token) = es256();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let keys = [key];
    let check = |signature: &[u8]| {
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
        verify(&token, &keys, NOW_MS, &RULES)
    };
    let twin = [&signature[..32], &order_minus(&signature[32..])].concat();
    assert_eq!(check(&twin).unwrap().jti, check(&signature).unwrap().jti);
    let zero = [0; 32];
    for bad in [
        [&zero, &signature[32..]].concat(),
        [&signature[..32], &zero].concat(),
        [zero, zero].concat(),
        [&P256_ORDER[..], &signature[32..]].concat(),
        [&signature[..32], &P256_ORDER].concat(),
        signature[..63].to_vec(),
        [&signature[..], &[0]].concat(),
    ] {
        assert_eq!(check(&bad), Err(TokenError::Signature));
    }
}

/// The order of P-256 (SEC 2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn order_minus(number: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut digits: Vec<u8> = P256_ORDER
        .iter()
        .zip(number)
        .rev()
        .map(|(order, digit)| {
            let difference = i16::from(*order) - i16::from(*digit) - borrow;
            borrow = i16::from(difference < 0);
            difference.rem_euclid(256) as u8
        })
        .collect();
    digits.reverse();
    digits
}
