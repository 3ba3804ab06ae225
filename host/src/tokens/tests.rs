//! What a token must be, and everything else that somebody may send instead.

use std::time::Instant;

use proptest::prelude::*;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

const NOW_S: u64 = 1_700_000_100;
const NOW_MS: i64 = NOW_S as i64 * 1000;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const RSA_PEM: &str = include_str!("fixtures/rs256.pem");
const RSA_TOKEN: &str = include_str!("fixtures/rs256.jwt");

const RULES: Rules<'static> = Rules {
    app: "app_1",
    audience: None,
    lifetime_s_max: 86_400,
    leeway_s: 30,
};

fn hs(kid: &str) -> VerifyingKey {
    VerifyingKey::from_secret(kid, SECRET).unwrap()
}

fn good_payload() -> Value {
    json!({"sub": "alice", "app": "app_1", "iat": NOW_S, "exp": NOW_S + 3600})
}

fn good_claims() -> Claims {
    Claims {
        sub: "alice".into(),
        app: "app_1".into(),
        exp: NOW_S + 3600,
        iat: NOW_S,
        aud: Vec::new(),
        jti: None,
        name: None,
    }
}

fn sign_with(header: &str, payload: &str, secret: &[u8]) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// A token with a right HS256 signature over whatever header and payload.
fn sign(header: &str, payload: &str) -> String {
    sign_with(header, payload, SECRET)
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT","kid":"k1"}"#;

fn check(token: &str) -> Result<Claims, TokenError> {
    verify(token, &[hs("k1")], NOW_MS, &RULES)
}

fn check_payload(payload: Value) -> Result<Claims, TokenError> {
    check(&sign(HEADER, &payload.to_string()))
}

fn with(claim: &str, value: Value) -> Result<Claims, TokenError> {
    let mut payload = good_payload();
    payload[claim] = value;
    check_payload(payload)
}

fn without(claim: &str) -> Result<Claims, TokenError> {
    let mut payload = good_payload();
    payload.as_object_mut().unwrap().remove(claim);
    check_payload(payload)
}

fn claim_refused(result: Result<Claims, TokenError>, name: &str) -> bool {
    matches!(result, Err(TokenError::BadClaim { claim, .. }) if claim == name)
}

#[test]
fn what_is_minted_is_verified() {
    let secret = new_secret(&SystemRandom::new()).unwrap();
    let key = SigningKey::new("k1", secret.expose().as_bytes()).unwrap();
    let claims = Claims {
        aud: vec!["chat".into()],
        jti: Some("t1".into()),
        name: Some("Alice Ä.".into()),
        ..good_claims()
    };
    for claims in [claims, good_claims()] {
        let token = mint(&key, &claims).unwrap();
        let peeked = peek(&token).unwrap();
        assert_eq!(
            peeked,
            Peeked {
                app: "app_1".into(),
                kid: Some("k1".into())
            }
        );
        let keys = [key.verifying_key().clone()];
        assert_eq!(verify(&token, &keys, NOW_MS, &RULES), Ok(claims));
    }
    assert_eq!(secret.expose().len(), 43);
}

#[test]
fn nothing_is_minted_that_would_be_refused() {
    let key = SigningKey::new("k1", SECRET).unwrap();
    for claims in [
        Claims {
            sub: String::new(),
            ..good_claims()
        },
        Claims {
            sub: "a\nb".into(),
            ..good_claims()
        },
        Claims {
            app: "a".repeat(129),
            ..good_claims()
        },
        Claims {
            exp: NOW_S,
            ..good_claims()
        },
        Claims {
            name: Some("n".repeat(257)),
            ..good_claims()
        },
    ] {
        assert_eq!(
            mint(&key, &claims).unwrap_err().code(),
            "token_claim_invalid"
        );
    }
}

#[test]
fn secrets_must_be_long_and_are_not_printed() {
    assert_eq!(
        SigningKey::new("k", &SECRET[1..]).unwrap_err(),
        KeyError::SecretTooShort
    );
    assert_eq!(
        VerifyingKey::from_secret("", SECRET).unwrap_err(),
        KeyError::Kid
    );
    let shown = format!("{:?} {:?}", SigningKey::new("k", SECRET).unwrap(), hs("k"));
    assert!(
        !shown.contains("0123") && !shown.contains("48, 49"),
        "{shown}"
    );
}

/// C1
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

/// C2
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

/// C4
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

/// C6
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

/// C7
#[test]
fn times_are_whole_seconds() {
    for claim in ["exp", "iat", "nbf"] {
        for value in [
            json!(NOW_S.to_string()),
            json!(NOW_S as f64 + 0.5),
            json!(1e3),
            json!(-1),
            json!(null),
            json!([NOW_S]),
            json!({}),
            json!(true),
        ] {
            assert!(
                claim_refused(with(claim, value.clone()), claim),
                "{claim} {value}"
            );
        }
        // An integer in value, but not in form.
        let text =
            json!({"sub": "alice", "app": "app_1", "iat": NOW_S, "exp": NOW_S + 3600, claim: 0});
        let text = text
            .to_string()
            .replace(&format!("\"{claim}\":0"), &format!("\"{claim}\":17e8"));
        assert!(claim_refused(check(&sign(HEADER, &text)), claim), "{text}");
    }
    assert_eq!(without("exp"), Err(TokenError::MissingClaim("exp")));
    assert_eq!(without("iat"), Err(TokenError::MissingClaim("iat")));
    assert_eq!(
        with("exp", json!(10u64.pow(18))).unwrap_err().code(),
        "token_too_long"
    );
    assert_eq!(
        with("exp", json!(u64::MAX)).unwrap_err().code(),
        "token_too_long"
    );
    assert!(claim_refused(with("iat", json!(u64::MAX - 1)), "exp"));
    let milliseconds = json!({"sub": "a", "app": "app_1", "iat": NOW_MS, "exp": NOW_MS + 1});
    let error = check_payload(milliseconds).unwrap_err();
    assert!(error.to_string().contains("not in milliseconds"), "{error}");
}

#[test]
fn a_token_holds_from_iat_to_exp_with_some_leeway() {
    let at = |iat: u64, exp: u64| {
        check_payload(json!({"sub": "alice", "app": "app_1", "iat": iat, "exp": exp})).map(|_| ())
    };
    assert_eq!(at(NOW_S - 100, NOW_S - 29), Ok(()));
    assert_eq!(at(NOW_S - 100, NOW_S - 30), Err(TokenError::Expired));
    assert_eq!(at(NOW_S - 100, NOW_S - 90), Err(TokenError::Expired));
    assert_eq!(at(NOW_S + 30, NOW_S + 60), Ok(()));
    assert_eq!(at(NOW_S + 31, NOW_S + 60), Err(TokenError::NotYetValid));
    assert!(with("nbf", json!(NOW_S + 30)).is_ok());
    assert_eq!(with("nbf", json!(NOW_S + 31)), Err(TokenError::NotYetValid));
    assert!(
        claim_refused(with("exp", json!(NOW_S)), "exp"),
        "no life at all"
    );
    assert!(
        claim_refused(with("exp", json!(1)), "exp"),
        "ends before it begins"
    );
    let token = sign(HEADER, &good_payload().to_string());
    for now_ms in [i64::MIN, -1, 0] {
        assert!(
            verify(&token, &[hs("k1")], now_ms, &RULES).is_err(),
            "a clock that is wrong"
        );
    }
    assert_eq!(
        verify(&token, &[hs("k1")], i64::MAX, &RULES),
        Err(TokenError::Expired)
    );
}

/// C9
#[test]
fn a_token_may_not_live_too_long() {
    assert!(with("exp", json!(NOW_S + 86_400)).is_ok());
    let error = with("exp", json!(NOW_S + 86_401)).unwrap_err();
    assert_eq!(
        error,
        TokenError::TooLong {
            lifetime_s_max: 86_400
        }
    );
    assert_eq!(error.code(), "token_too_long");
}

/// C11
#[test]
fn a_token_is_for_one_app() {
    let token = sign(HEADER, &good_payload().to_string());
    let rules = Rules {
        app: "app_2",
        ..RULES
    };
    assert_eq!(
        verify(&token, &[hs("k1")], NOW_MS, &rules),
        Err(TokenError::Audience)
    );
    let foreign = [VerifyingKey::from_secret("k1", &[7; 32]).unwrap()];
    assert_eq!(
        verify(&token, &foreign, NOW_MS, &RULES),
        Err(TokenError::Signature)
    );
    for app in [
        json!(null),
        json!(1),
        json!(["app_1"]),
        json!(""),
        json!("a\nb"),
        json!("a".repeat(129)),
    ] {
        assert!(claim_refused(with("app", app.clone()), "app"), "{app}");
        let mut payload = good_payload();
        payload["app"] = app;
        let peeked = peek(&sign(HEADER, &payload.to_string()));
        assert_eq!(peeked.unwrap_err().code(), "token_claim_invalid");
    }
    assert_eq!(without("app"), Err(TokenError::MissingClaim("app")));
}

/// C12
#[test]
fn a_field_given_twice_is_refused() {
    let good = good_payload().to_string();
    for twice in [
        "\"sub\":\"alice\"",
        "\"sub\":\"admin\"",
        "\"exp\":1",
        "\"app\":\"app_1\"",
    ] {
        let token = sign(HEADER, &good.replacen('{', &format!("{{{twice},"), 1));
        assert_eq!(
            check(&token).unwrap_err().code(),
            "token_malformed",
            "{twice}"
        );
        assert_eq!(peek(&token), Err(TokenError::Duplicate), "{twice}");
    }
    let unknown = good.replacen('{', r#"{"role":"a","role":"b","#, 1);
    assert_eq!(check(&sign(HEADER, &unknown)), Err(TokenError::Duplicate));
    for header in [
        r#"{"alg":"HS256","alg":"none","kid":"k1"}"#,
        r#"{"alg":"HS256","kid":"k2","kid":"k1"}"#,
        r#"{"alg":"HS256","kid":"k1","x":1,"x":2}"#,
    ] {
        assert_eq!(
            check(&sign(header, &good)),
            Err(TokenError::Duplicate),
            "{header}"
        );
    }
}

/// C14
#[test]
fn other_claims_grant_nothing() {
    let mut payload = good_payload();
    for (claim, value) in [
        ("role", json!("admin")),
        ("org_id", json!("org_1")),
        ("scope", json!("*")),
    ] {
        payload[claim] = value;
    }
    assert_eq!(check_payload(payload), Ok(good_claims()));
}

/// C16
#[test]
fn huge_and_deep_tokens_are_refused_at_once() {
    let started = Instant::now();
    let large = sign(HEADER, &json!({"x": "y".repeat(64 * 1024)}).to_string());
    assert_eq!(check(&large), Err(TokenError::TooLarge));
    assert_eq!(peek(&large), Err(TokenError::TooLarge));
    let deep = format!("{{\"alg\":{}", "[".repeat(10_000));
    assert_eq!(check(&sign(&deep, "{}")), Err(TokenError::TooLarge));
    let deep = format!("{{\"alg\":{}", "[".repeat(700));
    assert_eq!(check(&sign(&deep, "{}")), Err(TokenError::Malformed));
    let deep = format!("{{\"sub\":{}", "[".repeat(5000));
    assert_eq!(peek(&sign(HEADER, &deep)), Err(TokenError::Malformed));
    assert_eq!(check(&sign(HEADER, &deep)), Err(TokenError::Malformed));
    assert!(
        started.elapsed().as_millis() < 200,
        "{:?}",
        started.elapsed()
    );
}

/// C17: a malleated signature is right, and says the same: `jti` is the token's identity.
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

#[test]
fn an_audience_is_demanded_where_the_app_does() {
    let check = |aud: Value, wanted| {
        let mut payload = good_payload();
        payload["aud"] = aud;
        let token = sign(HEADER, &payload.to_string());
        verify(
            &token,
            &[hs("k1")],
            NOW_MS,
            &Rules {
                audience: wanted,
                ..RULES
            },
        )
        .map(|_| ())
    };
    let chat = Some("chat");
    assert_eq!(check(json!("chat"), chat), Ok(()));
    assert_eq!(check(json!(["web", "chat"]), chat), Ok(()));
    assert_eq!(check(json!("anything"), None), Ok(()));
    for other in [
        json!("Chat"),
        json!("chat "),
        json!("chats"),
        json!([]),
        json!(["web"]),
    ] {
        assert_eq!(
            check(other.clone(), chat),
            Err(TokenError::Audience),
            "{other}"
        );
    }
    for wrong in [
        json!(null),
        json!(1),
        json!({"chat": 1}),
        json!(["chat", 1]),
        json!([["chat"]]),
        json!(""),
        json!([""]),
        json!(vec!["a"; 21]),
    ] {
        for wanted in [chat, None] {
            let code = check(wrong.clone(), wanted).unwrap_err().code();
            assert_eq!(code, "token_claim_invalid", "{wrong}");
        }
    }
    let token = sign(HEADER, &good_payload().to_string());
    let rules = Rules {
        audience: chat,
        ..RULES
    };
    assert_eq!(
        verify(&token, &[hs("k1")], NOW_MS, &rules),
        Err(TokenError::Audience)
    );
}

#[test]
fn names_and_ids_have_a_form() {
    for sub in [
        json!(""),
        json!(" a"),
        json!("a\u{0}"),
        json!("a\u{85}b"),
        json!("é".repeat(65)),
        json!(7),
        json!(null),
        json!(["alice"]),
    ] {
        assert!(claim_refused(with("sub", sub.clone()), "sub"), "{sub}");
    }
    assert_eq!(without("sub"), Err(TokenError::MissingClaim("sub")));
    assert_eq!(with("sub", json!("é".repeat(64))).unwrap().sub.len(), 128);
    for jti in [json!(""), json!(1), json!(null), json!("j".repeat(129))] {
        assert!(claim_refused(with("jti", jti.clone()), "jti"), "{jti}");
    }
    for name in [
        json!(""),
        json!(1),
        json!("a\u{1b}[31m"),
        json!("n".repeat(257)),
    ] {
        assert!(claim_refused(with("name", name.clone()), "name"), "{name}");
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let good = sign(HEADER, &good_payload().to_string());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    for bad in [
        "",
        ".",
        "..",
        "a.b.c",
        "Bearer x",
        message,
        &format!("{good}.x"),
        &format!("{good}="),
        &format!("{good}\n"),
        &format!(" {good}"),
        &format!(".{payload}.{signature}"),
        &format!("{header}..{signature}"),
        &format!("{header}.{payload}."),
        &good.replace('.', "%2e"),
        &sign("[]", "{}"),
        &sign("\"HS256\"", "{}"),
        &sign("{\"alg\":\"HS256\",}", "{}"),
        &sign("{\"alg\":\"HS256\"} x", "{}"),
        &sign(HEADER, "[]"),
        &sign(HEADER, "null"),
        &sign(HEADER, ""),
        &sign(HEADER, "{\"sub\":\"\\ud800\"}"),
    ] {
        assert_eq!(check(bad), Err(TokenError::Malformed), "{bad}");
        // A peek takes no notice of the signature, except that there must be one.
        let peeked = peek(bad);
        let same = bad.trim_end_matches(['=', '\n']) == good;
        assert_eq!(peeked.is_ok(), same, "{bad}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "[a-zA-Z0-9_.=\\PC]{0,200}") {
        let _ = peek(&text);
        prop_assert!(check(&text).is_err());
    }

    #[test]
    fn any_signed_json_is_answered(header in "\\PC{0,60}", payload in "\\PC{0,60}") {
        let token = sign(&header, &payload);
        let _ = peek(&token);
        prop_assert!(check(&token).is_err());
        prop_assert!(check(&sign(HEADER, &payload)).is_err());
    }

    #[test]
    fn any_changed_character_is_noticed(at: prop::sample::Index, to in "[a-zA-Z0-9_.-]") {
        let good = sign(HEADER, &good_payload().to_string());
        let at = at.index(good.len());
        let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
        prop_assert!(changed == good || check(&changed).is_err());
    }

    #[test]
    fn every_valid_user_comes_through(sub in "[^\\pC\\s]{1,30}", life in 1u64..86_400) {
        let key = SigningKey::new("k1", SECRET).unwrap();
        let claims = Claims { sub, exp: NOW_S + life, ..good_claims() };
        let token = mint(&key, &claims).unwrap();
        prop_assert_eq!(check(&token), Ok(claims));
    }
}
