//! What a rule allows, and which rules there can be.

use proptest::prelude::*;

use super::*;

fn allows(rule: &str, origin: &str) -> bool {
    Origins::parse([rule]).unwrap().allows(origin.as_bytes())
}

#[test]
fn scheme_host_and_port_must_be_the_same() {
    let rule = "https://app.client.com";
    for same in [
        "https://app.client.com",
        "https://APP.Client.Com",
        "https://app.client.com:443",
    ] {
        assert!(allows(rule, same), "{same}");
    }
    for other in [
        "http://app.client.com",
        "https://app.client.com:8443",
        "https://client.com",
        "https://app.client.com.evil.com",
        "https://app.client.com.",
        "https://evilapp.client.com",
        "https://app.client.com/",
        "https://app.client.com@evil.com",
        "https://evil.com#https://app.client.com",
        "https://app.client.com, https://evil.com",
        "https://app.client.com https://evil.com",
        " https://app.client.com",
        "app.client.com",
        "//app.client.com",
        "null",
        "",
    ] {
        assert!(!allows(rule, other), "{other}");
    }
}

#[test]
fn default_ports_are_filled_in_on_both_sides() {
    assert!(allows("https://a.com:443", "https://a.com"));
    assert!(allows("http://a.com", "http://a.com:80"));
    assert!(allows("http://localhost:8080", "http://localhost:8080"));
    assert!(!allows("http://localhost:8080", "http://localhost"));
    assert!(!allows("http://a.com:443", "http://a.com"));
}

#[test]
fn a_wildcard_is_one_label() {
    let rule = "https://*.client.com";
    assert!(allows(rule, "https://a.client.com"));
    assert!(allows(rule, "https://A-1.CLIENT.com"));
    for other in [
        "https://a.b.client.com",
        "https://client.com",
        "https://.client.com",
        "https://evilclient.com",
        "https://a.client.com.evil.com",
        "http://a.client.com",
        "https://a.client.com:444",
        "https://*.client.com",
    ] {
        assert!(!allows(rule, other), "{other}");
    }
}

#[test]
fn other_schemes_and_addresses_work() {
    assert!(allows("capacitor://localhost", "capacitor://localhost"));
    assert!(!allows("capacitor://localhost", "http://localhost"));
    assert!(allows("http://127.0.0.1:3000", "http://127.0.0.1:3000"));
    assert!(allows("http://[0:0::1]:3000", "http://[::1]:3000"));
    assert!(allows("http://[::1]", "http://[::1]:80"));
    assert!(!allows("http://[::1]", "http://[::2]"));
    assert!(allows(
        "https://my_app.client.com",
        "https://my_app.client.com"
    ));
}

#[test]
fn null_is_never_allowed_and_no_rule() {
    assert_eq!("null".parse::<OriginRule>(), Err(OriginError::Null));
    assert!(!Origins::default().allows(b"null"));
    assert!(!Origins::default().allows(b"https://a.com"));
}

#[test]
fn each_fault_of_a_rule_is_named() {
    use OriginError::*;
    for (rule, error) in [
        ("NULL", Null),
        ("client.com", Scheme),
        ("://client.com", Scheme),
        ("ht tp://client.com", Scheme),
        ("1http://client.com", Scheme),
        ("*", Scheme),
        ("*://client.com", Scheme),
        ("https://client.com/", Path),
        ("https://client.com/chat", Path),
        ("https://client.com?x", Path),
        ("https://client.com#x", Path),
        ("https://u:p@client.com", UserName),
        ("https://", Host),
        ("https://client..com", Host),
        ("https://client.com.", Host),
        ("https://bücher.example", Host),
        ("https://cli ent.com", Host),
        ("https://1.2.3", Host),
        ("https://256.1.1.1", Host),
        ("https://[::1", Host),
        ("https://[::g]", Host),
        ("https://[fe80::1%eth0]", Host),
        ("https://client.com:", Port),
        ("https://client.com:0", Port),
        ("https://client.com:0443", Port),
        ("https://client.com:65536", Port),
        ("https://client.com:+1", Port),
        ("https://client.com:*", Port),
        ("https://*", Wildcard),
        ("https://*.com", Wildcard),
        ("https://*.localhost", Wildcard),
        ("https://*.*.client.com", Wildcard),
        ("https://a.*.client.com", Wildcard),
        ("https://a*.client.com", Wildcard),
        ("https://*.1.2.3.4", Wildcard),
        ("https://*.[::1]", Wildcard),
    ] {
        assert_eq!(rule.parse::<OriginRule>(), Err(error), "{rule}");
    }
    let long = format!("https://{}.com", "a.".repeat(150));
    assert_eq!(long.parse::<OriginRule>(), Err(TooLong));
    assert_eq!(
        format!("https://{}.com", "a".repeat(64)).parse::<OriginRule>(),
        Err(Host)
    );
}

#[test]
fn rules_are_shown_in_canonical_form() {
    for (rule, shown) in [
        ("HTTPS://*.Client.com:443", "https://*.client.com"),
        ("http://a.com:8080", "http://a.com:8080"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("http://[0::1]:81", "http://[::1]:81"),
    ] {
        let rule: OriginRule = rule.parse().unwrap();
        assert_eq!(rule.to_string(), shown);
        assert_eq!(shown.parse::<OriginRule>().unwrap(), rule);
    }
}

#[test]
fn a_list_has_an_end_and_non_ascii_headers_are_refused() {
    let texts = vec!["https://a.com"; ORIGINS_MAX + 1];
    assert_eq!(Origins::parse(&texts), Err(OriginError::TooMany));
    let origins = Origins::parse(&texts[1..]).unwrap();
    assert_eq!(origins.iter().count(), ORIGINS_MAX);
    assert!(!origins.allows(b"https://a.com\xff"));
    assert!(!origins.allows("https://\u{ff41}.com".as_bytes()));
}

proptest! {
    #[test]
    fn any_text_is_answered(rule in "\\PC{0,60}", origin in "\\PC{0,60}") {
        if let Ok(origins) = Origins::parse([&rule]) {
            let _ = origins.allows(origin.as_bytes());
        }
    }

    #[test]
    fn only_the_rule_itself_is_allowed(origin in "(https?://)?[a-c.*:/@0-9]{0,12}") {
        let allowed = allows("https://a.b", &origin);
        prop_assert_eq!(allowed, origin == "https://a.b" || origin == "https://a.b:443");
    }
}
