//! What a token must be, and everything else that somebody may send instead.

mod claims;
mod forgery;

use std::time::Instant;

use proptest::prelude::*;
use ring::hmac;
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use super::*;

const NOW_S: u64 = 1_700_000_100;
const NOW_MS: i64 = NOW_S as i64 * 1000;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

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
