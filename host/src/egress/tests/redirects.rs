//! Redirects are requests under the same rules.

use super::server::{answering, encrypted, ok, redirect};
use super::*;

/// Sends to a server on whose list it and `more` are.
async fn follow(client: &Client, request: Request, more: &[String]) -> Result<Response, Error> {
    let own = request.target.authority();
    let hosts = Hosts::parse(more.iter().chain([&own])).unwrap();
    client.send(APP, &hosts, request).await
}

#[tokio::test]
async fn a_few_are_followed() {
    let server = answering(|request| match request.split(' ').nth(1) {
        Some("/1") => redirect(301, "/2"),
        Some("/2") => redirect(302, "3?x=y#z"),
        Some("/3?x=y") => redirect(307, "/4"),
        Some("/loop") => redirect(302, "/loop"),
        Some("/long") => redirect(302, "/1"),
        _ => ok("there"),
    })
    .await;
    let client = client(&settings());
    let response = get(&client, &server.url("/1")).await.unwrap();
    assert_eq!(&response.body[..], b"there");
    assert_eq!(server.seen().len(), 4);
    assert_eq!(
        refused(&client, &server.url("/long")).await,
        "too_many_redirects"
    );
    assert_eq!(
        refused(&client, &server.url("/loop")).await,
        "too_many_redirects"
    );
    assert_eq!(server.seen().len(), 12, "three are followed, and no more");
}

#[tokio::test]
async fn none_leads_where_the_first_request_could_not_go() {
    let elsewhere = answering(|_| ok("inside")).await;
    let port = elsewhere.address.port();
    let to = move |request: &str| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        redirect(
            302,
            &path[1..]
                .replace("PORT", &port.to_string())
                .replace('!', "\\"),
        )
    };
    let server = answering(to).await;
    let client = client(&settings());
    for (to, code) in [
        ("http://other.example.test:PORT/", "host_not_allowed"),
        ("//other.example.test:PORT/", "host_not_allowed"),
        ("http://127.0.0.1:PORT/", "host_not_allowed"),
        ("http://0x7f.1:PORT/", "host_not_allowed"),
        (
            "http://169.254.169.254/latest/meta-data/",
            "host_not_allowed",
        ),
        ("http://[::1]:PORT/", "host_not_allowed"),
        ("http://api.example.test:PORT/", "host_not_allowed"),
        ("file:///etc/passwd", "invalid"),
        ("gopher://api.example.test/", "invalid"),
        ("http://user:pw@api.example.test/", "invalid"),
        ("http://api.example.test:22/", "invalid"),
        ("http:!!api.example.test/", "invalid"),
    ] {
        assert_eq!(
            refused(&client, &server.url(&format!("/{to}"))).await,
            code,
            "{to}"
        );
    }
    // On the list, but at an address that nobody may ask.
    let metadata = ["169.254.169.254".to_owned(), "[::1]:8080".to_owned()];
    for to in [
        "http://169.254.169.254/",
        "http://0xa9fea9fe/",
        "http://[::1]:8080/",
    ] {
        let request = request(Method::GET, &server.url(&format!("/{to}")));
        let error = follow(&client, request, &metadata).await.unwrap_err();
        assert_eq!(error.code(), "address_not_allowed", "{to}");
    }
    assert_eq!(elsewhere.accepted(), 0);
}

#[tokio::test]
async fn none_leads_out_of_tls() {
    let plain = answering(|_| ok("inside")).await;
    let to = plain.url("/");
    let server = encrypted(move |_| redirect(302, &to)).await;
    let client = client(&settings());
    let allowed = [format!("api.example.test:{}", plain.address.port())];
    let request = request(Method::GET, &server.https("/"));
    let error = follow(&client, request, &allowed).await.unwrap_err();
    assert_eq!(error.code(), "not_encrypted");
    assert_eq!(plain.accepted(), 0);
}

fn secretive(url: &str) -> Request {
    let mut request = request(Method::POST, url);
    request.body = "{}".into();
    for (name, value) in [
        ("accept", "text/plain"),
        ("authorization", "Bearer s3cr3t"),
        ("cookie", "session=s3cr3t"),
        ("x-api-key", "s3cr3t"),
        ("content-type", "application/json"),
    ] {
        request = with_header(request, name, value);
    }
    let mut sensitive = HeaderValue::from_static("s3cr3t");
    sensitive.set_sensitive(true);
    request.headers.insert("user-agent", sensitive);
    request
}

#[tokio::test]
async fn another_origin_learns_nothing_of_the_caller() {
    let other = answering(|_| ok("there")).await;
    let (there, port) = (other.url("/"), other.address.port());
    let server = answering(move |request| match request.starts_with("POST /away ") {
        true => redirect(307, &there),
        false if request.starts_with("POST /here ") => redirect(307, "/there"),
        false => ok("here"),
    })
    .await;
    let client = client(&settings());
    let allowed = [format!("api.example.test:{port}")];
    // The same name, but another port.
    follow(&client, secretive(&server.url("/away")), &allowed)
        .await
        .unwrap();
    let seen = other.seen().remove(0);
    assert!(
        seen.starts_with("POST / ") && seen.ends_with("\r\n\r\n{}"),
        "{seen}"
    );
    assert!(
        seen.contains("accept: text/plain") && seen.contains("content-type: application/json"),
        "{seen}"
    );
    assert!(!seen.contains("s3cr3t"), "{seen}");
    // The same origin gets them again.
    follow(&client, secretive(&server.url("/here")), &[])
        .await
        .unwrap();
    let seen = server.seen().pop().unwrap();
    assert!(
        seen.starts_with("POST /there ") && seen.matches("s3cr3t").count() == 4,
        "{seen}"
    );
}

#[tokio::test]
async fn methods_change_as_the_standard_has_it() {
    let server = answering(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path[1..].parse() {
            Ok(status) => redirect(status, "/there"),
            Err(_) => ok(""),
        }
    })
    .await;
    let client = client(&settings());
    for (method, status, becomes) in [
        (Method::POST, 301, "GET"),
        (Method::POST, 302, "GET"),
        (Method::POST, 303, "GET"),
        (Method::PUT, 303, "GET"),
        (Method::PUT, 302, "PUT"),
        (Method::POST, 307, "POST"),
        (Method::POST, 308, "POST"),
        (Method::DELETE, 308, "DELETE"),
    ] {
        let mut request = request(method, &server.url(&format!("/{status}")));
        request.body = "body".into();
        let request = with_header(request, "content-type", "text/plain");
        follow(&client, request, &[]).await.unwrap();
        let seen = server.seen().pop().unwrap();
        assert!(
            seen.starts_with(&format!("{becomes} /there ")),
            "{status}: {seen}"
        );
        let (kept, is_get) = (seen.ends_with("body"), becomes == "GET");
        assert_eq!(
            (kept, seen.contains("content-type")),
            (!is_get, !is_get),
            "{seen}"
        );
    }
    // Not a redirect without a place to go.
    let bare = answering(|_| "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".into()).await;
    assert_eq!(get(&client, &bare.url("/")).await.unwrap().status, 302);
}
