//! Claims of wrong types, at wrong times, for somebody else.

use super::*;

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
