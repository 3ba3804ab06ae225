//! Where requests go, and where they don't.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;

use super::server::{answering, answering_at, conversing, encrypted, ok, redirect};
use super::*;

#[tokio::test]
async fn a_request_is_answered() {
    let server = answering(|_| ok("hello")).await;
    let client = client(&settings());
    let mut request = request(Method::POST, &server.url("/a%20b?c=d#e"));
    request.body = "the body".into();
    let request = with_header(request, "x-own", "1");
    let hosts = Hosts::of(request.target.url());
    let response = client.send(APP, &hosts, request).await.unwrap();
    assert_eq!(
        (response.status.as_u16(), &response.body[..]),
        (200, &b"hello"[..])
    );
    assert_eq!(response.headers["content-length"], "5");
    let seen = server.seen().remove(0);
    assert!(seen.starts_with("POST /a%20b?c=d HTTP/1.1\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\nthe body"), "{seen}");
    let host = format!("\r\nhost: api.example.test:{}\r\n", server.address.port());
    for part in [
        &host,
        "\r\nx-own: 1\r\n",
        "\r\nuser-agent: althing/",
        "\r\naccept-encoding: identity\r\n",
    ] {
        assert!(seen.contains(part), "{part} in {seen}");
    }
}

#[tokio::test]
async fn who_answers_must_show_who_it_is() {
    let server = encrypted(|_| ok("hello")).await;
    let trusting = client(&settings());
    let response = get(&trusting, &server.https("/")).await.unwrap();
    assert_eq!(&response.body[..], b"hello");
    // The certificate is for other names.
    let elsewhere = server.https("/").replace("api.example", "evil.example");
    assert_eq!(refused(&trusting, &elsewhere).await, "not_trusted");
    let bare = format!("https://127.0.0.1:{}/", server.address.port());
    assert_eq!(refused(&trusting, &bare).await, "not_trusted");
    // Its authority is nobody's but the operator's.
    let strict = client(&config::Egress {
        ca_file: None,
        ..settings()
    });
    assert_eq!(refused(&strict, &server.https("/")).await, "not_trusted");
    // No TLS at all.
    let plain = conversing(|mut stream| async move {
        let _ = stream.write_all(b"220 mail.example.test\r\n").await;
    })
    .await;
    assert_eq!(refused(&trusting, &plain.https("/")).await, "not_trusted");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn authorities_are_looked_at_when_the_host_starts() {
    for (file, words) in [
        ("nothing.pem", "can't be read"),
        ("server.key", "expected certificates"),
    ] {
        let settings = config::Egress {
            ca_file: Some(fixture(file)),
            ..settings()
        };
        let error = Client::new(&settings, 100, Resolver::System).err().unwrap();
        assert!(
            error.starts_with("egress.ca_file: ") && error.contains(words),
            "{error}"
        );
    }
}

#[test]
fn urls_that_can_be_read_in_two_ways_are_refused() {
    let long = format!("https://example.com/{}", "a".repeat(8 * 1024));
    for url in [
        "",
        "example.com",
        "//example.com/",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "javascript:alert(1)",
        "data:text/plain,hello",
        "ws://example.com/",
        "https:example.com",
        "https:/example.com/",
        "https:///example.com/",
        "https:\\\\example.com/",
        "https://example.com\\@evil.test/",
        "https://",
        "https://?x",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://@example.com/",
        "https://:@example.com/",
        "https://example.com:0/",
        "https://example.com:22/",
        "https://example.com:25/",
        "https://example.com:65536/",
        "https://example.com:443x/",
        "https://example.com /",
        " https://example.com/",
        "https://example.com/\r\nX: y",
        "https://exam\tple.com/",
        "https://example.com/\0",
        "https://exa%00mple.com/",
        "https://exa%23mple.com/",
        "https://example.com%2F@evil.test/",
        "https://b\u{fc}cher.example/",
        "https://\u{2460}27.0.0.1/",
        "https://127.0.0.256/",
        "https://1.2.3.4.5/",
        "https://[::1/",
        "https://[::1%25lo]/",
        "https://[::1]x/",
        "https://xn--/",
        &long,
    ] {
        let error = Target::parse(url).map(|target| target.url().to_string());
        assert_eq!(error.map_err(|error| error.code()), Err("invalid"), "{url}");
    }
    for url in [
        "https://example.com",
        "HTTPS://EXAMPLE.com:443",
        "https://exam%70le.com/#x",
    ] {
        assert_eq!(
            Target::parse(url).unwrap().url().as_str(),
            "https://example.com/"
        );
    }
}

/// With the settings of a host that nobody has touched, and the URL's own host on the list.
#[tokio::test]
async fn no_way_of_writing_an_address_leads_inside() {
    let (resolver, asked) = at("127.0.0.1");
    let untouched = Client::new(&config::Egress::default(), 100, resolver).unwrap();
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7F.0.0.0x1",
        "017700000001",
        "0177.0.0.01",
        "%31%32%37.0.0.1",
        "127%2e0.0.1",
        "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1",
        "%E2%91%A0%E2%91%A1%E2%91%A6.0.0.1",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "10.0.0.1",
        "0xa.1",
        "172.16.0.1",
        "192.168.0.1",
        "3232235521",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "[::ffff:a9fe:a9fe]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[fec0::1]",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "[2001:db8::1]",
        // These are names, and the resolver says 127.0.0.1.
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "127.0.0.1.nip.example",
        "metadata.google.internal",
    ] {
        for url in [format!("https://{host}/"), format!("http://{host}:8080/")] {
            assert_eq!(
                refused(&untouched, &url).await,
                "address_not_allowed",
                "{url}"
            );
        }
    }
    assert!(asked.load(Ordering::Relaxed) > 0, "names were looked up");
}

/// What the operator opened to those who name a host there is not open to who may go anywhere: a
/// link in a message would be enough to reach it.
#[tokio::test]
async fn anywhere_is_nowhere_inside() {
    let server = answering(|_| ok("inside")).await;
    let port = server.address.port();
    let send = async |hosts: &[&str], url: &str, address: &str| {
        let client = Client::new(&settings(), 100, at(address).0).unwrap();
        let hosts = Hosts::parse_wide(hosts).unwrap();
        let sent = client.send(APP, &hosts, request(Method::GET, url)).await;
        sent.map_or_else(|error| error.code(), |_| "answered")
    };
    for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"] {
        for url in ["https://api.example.test/", "http://api.example.test/"] {
            let told = send(&["*"], url, address).await;
            assert_eq!(told, "address_not_allowed", "{url} at {address}");
        }
    }
    let url = format!("http://api.example.test:{port}/");
    assert_eq!(send(&["*"], &url, "127.0.0.1").await, "host_not_allowed");
    let named = format!("api.example.test:{port}");
    let both = ["*", named.as_str()];
    assert_eq!(send(&both, &url, "127.0.0.1").await, "answered");
    // Nor does a redirect lead there.
    let away = answering(|_| {
        "HTTP/1.1 302 Found\r\nlocation: https://other.example.test/\r\ncontent-length: 0\r\n\r\n"
            .into()
    })
    .await;
    let url = away.url("/");
    let named = format!("api.example.test:{}", away.address.port());
    let told = send(&["*", &named], &url, "127.0.0.1").await;
    assert!(
        ["address_not_allowed", "not_encrypted"].contains(&told),
        "{told}"
    );
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn one_address_that_is_not_public_spoils_the_rest() {
    let find = |_: &str| vec!["1.1.1.1".parse().unwrap(), "10.0.0.1".parse().unwrap()];
    let client = Client::new(
        &config::Egress::default(),
        100,
        Resolver::Fixed(Arc::new(find)),
    )
    .unwrap();
    assert_eq!(
        refused(&client, "https://example.com/").await,
        "address_not_allowed"
    );
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    let client = Client::new(&settings(), 100, Resolver::Fixed(Arc::new(|_| Vec::new()))).unwrap();
    assert_eq!(
        refused(&client, "https://example.test/").await,
        "unreachable"
    );
    let system = Client::new(&settings(), 100, Resolver::System).unwrap();
    assert_eq!(
        refused(&system, "https://nobody.invalid/").await,
        "unreachable"
    );
}

#[tokio::test]
async fn the_system_finds_names_too() {
    let server = answering(|_| ok("hello")).await;
    let both = Networks::parse(["127.0.0.0/8", "::1"]).unwrap();
    let settings = config::Egress {
        allowed_networks: both.clone(),
        plain_http_networks: both,
        ..settings()
    };
    let client = Client::new(&settings, 100, Resolver::System).unwrap();
    let url = format!("http://localhost:{}/", server.address.port());
    assert_eq!(get(&client, &url).await.unwrap().status, 200);
}

/// A name that is one address when it is looked at, and another one a moment later.
#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_looked_at() {
    let server = answering_at("127.0.0.2:0", |request| {
        match request.starts_with("GET /again ") {
            true => redirect(302, "/"),
            false => ok("the right one"),
        }
    })
    .await;
    let port = server.address.port();
    let trap = answering_at(&format!("127.0.0.3:{port}"), |_| ok("a trap")).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let find = move |_: &str| {
        let first = count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        vec![
            if first { "127.0.0.2" } else { "127.0.0.3" }
                .parse()
                .unwrap(),
        ]
    };
    let only = Networks::parse(["127.0.0.2"]).unwrap();
    let settings = config::Egress {
        allowed_networks: only.clone(),
        plain_http_networks: only,
        ..settings()
    };
    let client = Client::new(&settings, 100, Resolver::Fixed(Arc::new(find))).unwrap();
    let response = get(&client, &server.url("/")).await.unwrap();
    assert_eq!(&response.body[..], b"the right one");
    assert_eq!(asked.load(Ordering::Relaxed), 1, "it is asked once");
    // Now it names the trap.
    assert_eq!(
        refused(&client, &server.url("/")).await,
        "address_not_allowed"
    );
    // And once more between a redirect and its end.
    assert_eq!(
        refused(&client, &server.url("/again")).await,
        "address_not_allowed"
    );
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    assert_eq!(trap.accepted(), 0);
}

#[tokio::test]
async fn plain_http_goes_only_where_the_operator_lets_it() {
    let server = answering(|_| ok("hello")).await;
    let settings = config::Egress {
        plain_http_networks: Networks::default(),
        ..settings()
    };
    assert_eq!(
        refused(&client(&settings), &server.url("/")).await,
        "not_encrypted"
    );
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn hosts_that_are_not_on_the_list_are_not_asked() {
    let (resolver, asked) = at("127.0.0.1");
    let server = answering(|_| ok("hello")).await;
    let client = Client::new(&settings(), 100, resolver).unwrap();
    let port = server.address.port();
    for rule in [
        "example.test",
        "*.api.example.test",
        "api.example.test",
        &format!("api.example.test.evil.test:{port}"),
    ] {
        let hosts = Hosts::parse([rule]).unwrap();
        let error = client
            .send(APP, &hosts, request(Method::GET, &server.url("/")))
            .await
            .unwrap_err();
        assert_eq!(error.code(), "host_not_allowed", "{rule}");
    }
    let none = client
        .send(
            APP,
            &Hosts::default(),
            request(Method::GET, &server.url("/")),
        )
        .await;
    assert_eq!(none.unwrap_err().code(), "host_not_allowed");
    assert_eq!(
        (server.accepted(), asked.load(Ordering::Relaxed)),
        (0, 0),
        "not even looked up"
    );
    let hosts = Hosts::parse([format!("*.example.test:{port}")]).unwrap();
    let sent = client
        .send(APP, &hosts, request(Method::GET, &server.url("/")))
        .await;
    assert_eq!(sent.unwrap().status, 200);
}

#[tokio::test]
async fn an_operator_may_allow_none() {
    let client = client(&config::Egress {
        concurrent_requests_max: 0,
        ..settings()
    });
    assert_eq!(refused(&client, "https://example.com/").await, "off");
}

#[test]
fn errors_hold_nothing_of_the_request_but_its_host() {
    let host = || "api.example.test".to_owned();
    for error in [
        Error::HostNotAllowed { host: host() },
        Error::AddressNotAllowed { host: host() },
        Error::Unreachable { host: host() },
        Error::Timeout,
    ] {
        assert!(!error.to_string().is_empty());
    }
    let secret = Target::parse("https://api.example.test/hook/s3cr3t?key=s3cr3t").unwrap();
    assert_eq!(secret.authority(), "api.example.test");
}
