//! Whatever a server does, a request ends, and takes no more than it may.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use super::server::{answering, conversing, ok, read};
use super::*;

fn hasty() -> config::Egress {
    config::Egress {
        timeout_ms: 300,
        connect_timeout_ms: 100,
        ..settings()
    }
}

#[tokio::test]
async fn silence_and_slowness_end_in_time() {
    let silent = conversing(|mut stream| async move {
        read(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let client = client(&hasty());
    assert_eq!(refused(&client, &silent.url("/")).await, "timeout");
    // Nobody shakes hands.
    assert_eq!(refused(&client, &silent.https("/")).await, "unreachable");
    let slow = |head: &'static str| {
        conversing(move |mut stream| async move {
            read(&mut stream).await;
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    };
    let slow_head = slow("HTTP/1.1 200 OK\r\nx: ").await;
    assert_eq!(refused(&client, &slow_head.url("/")).await, "timeout");
    let slow_body = slow("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
    assert_eq!(refused(&client, &slow_body.url("/")).await, "timeout");
    // A caller may have less patience, but not more.
    let patient = super::client(&settings());
    for (client, timeout) in [(&patient, 50), (&client, 60_000)] {
        let mut request = request(Method::GET, &silent.url("/"));
        request.timeout = Some(Duration::from_millis(timeout));
        let hosts = Hosts::of(request.target.url());
        let error = client.send(APP, &hosts, request).await.unwrap_err();
        assert_eq!(error, Error::Timeout);
    }
}

/// Sends `head`, then `part` for as long as somebody listens.
async fn endless(head: &'static str, part: &'static [u8]) -> super::server::Server {
    conversing(move |mut stream| async move {
        read(&mut stream).await;
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(part).await.is_ok() {}
    })
    .await
}

#[tokio::test]
async fn too_much_is_cut_off() {
    let client = client(&settings());
    let max = settings().response_bytes_max;
    let large = Error::TooLarge { part: "body", max };
    let until_close = endless("HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 10_000]).await;
    assert_eq!(
        get(&client, &until_close.url("/")).await.unwrap_err(),
        large
    );
    let chunked = endless(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"5\r\nhello\r\n",
    )
    .await;
    assert_eq!(get(&client, &chunked.url("/")).await.unwrap_err(), large);
    // One that says so in advance, and then sends nothing.
    let told =
        answering(move |_| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", max + 1)).await;
    assert_eq!(get(&client, &told.url("/")).await.unwrap_err(), large);
    let untold =
        answering(move |_| format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(max + 1))).await;
    assert_eq!(
        get(&client, &untold.url("/")).await.unwrap_err(),
        large,
        "a byte too many"
    );
    let just = answering(move |_| ok(&"x".repeat(max))).await;
    assert_eq!(get(&client, &just.url("/")).await.unwrap().body.len(), max);

    let headers = endless("HTTP/1.1 200 OK\r\n", b"x-more: and more of the same\r\n").await;
    assert_eq!(refused(&client, &headers.url("/")).await, "too_large");
    let one_header = endless("HTTP/1.1 200 OK\r\nx: ", &[b'x'; 1_000]).await;
    assert_eq!(refused(&client, &one_header.url("/")).await, "too_large");
    let many = answering(|_| format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101))).await;
    assert_eq!(refused(&client, &many.url("/")).await, "too_large");
    let large =
        answering(|_| format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(32 * 1024))).await;
    assert_eq!(refused(&client, &large.url("/")).await, "too_large");
    let trailers = endless(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
        b"x: y\r\n",
    )
    .await;
    assert!(get(&client, &trailers.url("/")).await.is_err());
}

#[tokio::test]
async fn the_beginning_is_enough_for_who_says_so() {
    let client = client(&settings());
    let max = settings().response_bytes_max;
    let start = async |url: &str, bytes: usize| {
        let mut request = request(Method::GET, url);
        request.body_start = Some(bytes);
        let hosts = Hosts::of(request.target.url());
        let response = client.send(APP, &hosts, request).await.unwrap();
        assert_eq!(response.url.as_str(), url);
        response.body.len()
    };
    let long = endless("HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 10_000]).await;
    for bytes in [0, 1, 9_999, 10_000, 10_001, 50_000] {
        assert_eq!(start(&long.url("/"), bytes).await, bytes);
    }
    assert_eq!(start(&long.url("/"), max + 1).await, max, "never too much");
    let told = endless(
        "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n",
        &[b'x'; 10_000],
    )
    .await;
    assert_eq!(start(&told.url("/"), 20_000).await, 20_000);
    let short = answering(|_| ok("hello")).await;
    assert_eq!(start(&short.url("/"), 20_000).await, 5);
}

/// What is small on the way stays small: nothing is unpacked.
#[tokio::test]
async fn a_compressed_body_is_left_as_it_is() {
    let server = conversing(|mut stream| async move {
        read(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&[0x1f, 0x8b, 8, 0]).await;
    })
    .await;
    let response = get(&client(&settings()), &server.url("/")).await.unwrap();
    assert_eq!(&response.body[..], [0x1f, 0x8b, 8, 0]);
    assert_eq!(response.headers["content-encoding"], "gzip");
}

#[tokio::test]
async fn what_is_no_answer_is_told() {
    let client = client(&settings());
    for answer in [
        "",
        "hello\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 099 Odd\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
    ] {
        let server = answering(move |_| answer.into()).await;
        assert_eq!(
            refused(&client, &server.url("/")).await,
            "not_http",
            "{answer:?}"
        );
    }
    // Hints before the answer are passed over.
    let hints = answering(|_| format!("HTTP/1.1 103 Early Hints\r\n\r\n{}", ok("then"))).await;
    assert_eq!(
        &get(&client, &hints.url("/")).await.unwrap().body[..],
        b"then"
    );
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://api.example.test:{}/",
        nobody.local_addr().unwrap().port()
    );
    drop(nobody);
    assert_eq!(refused(&client, &url).await, "unreachable");
}

#[tokio::test]
async fn the_shape_of_a_request_is_the_hosts_own() {
    let server = answering(|_| ok("")).await;
    let client = client(&settings());
    let send = async |request: Request| {
        let hosts = Hosts::of(request.target.url());
        client
            .send(APP, &hosts, request)
            .await
            .map_err(|error| error.code())
    };
    let url = server.url("/");
    for name in [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
    ] {
        let request = with_header(request(Method::POST, &url), name, "1");
        assert_eq!(send(request).await.err(), Some("invalid"), "{name}");
    }
    for method in [Method::CONNECT, Method::TRACE, "BREW".parse().unwrap()] {
        assert_eq!(send(request(method, &url)).await.err(), Some("invalid"));
    }
    let long = with_header(request(Method::GET, &url), "x-long", &"x".repeat(33 * 1024));
    assert_eq!(send(long).await.err(), Some("invalid"));
    let mut many = request(Method::GET, &url);
    for _ in 0..101 {
        many.headers.append("x", HeaderValue::from_static("y"));
    }
    assert_eq!(send(many).await.err(), Some("invalid"));
    assert_eq!(server.accepted(), 0);
    for method in [Method::HEAD, Method::OPTIONS, Method::DELETE, Method::PATCH] {
        assert!(send(request(method, &url)).await.is_ok());
    }
    assert_eq!(server.accepted(), 4, "each has a connection of its own");
}

/// No connection outlives its request.
#[tokio::test]
async fn nothing_is_left_open() {
    let closed = Arc::new(Semaphore::new(0));
    let tell = closed.clone();
    let server = conversing(move |mut stream| {
        let tell = tell.clone();
        async move {
            let request = read(&mut stream).await;
            if request.starts_with("GET /ok ") {
                let _ = stream.write_all(ok("hello").as_bytes()).await;
            }
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            tell.add_permits(1);
        }
    })
    .await;
    let client = client(&hasty());
    assert!(get(&client, &server.url("/ok")).await.is_ok());
    drop(closed.acquire().await.unwrap());
    // Also when whoever asked is gone, or has no time left.
    assert_eq!(refused(&client, &server.url("/never")).await, "timeout");
    let _ = closed.acquire_many(2).await.unwrap();
}

#[tokio::test]
async fn of_a_hundred_at_once_so_many_are_sent() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    let server = conversing(move |mut stream| {
        let opened = opened.clone();
        async move {
            read(&mut stream).await;
            let _ = opened.acquire().await;
            let _ = stream.write_all(ok("").as_bytes()).await;
        }
    })
    .await;
    let settings = config::Egress {
        concurrent_requests_max: 5,
        concurrent_requests_per_app_max: 3,
        ..settings()
    };
    let client = client(&settings);
    let url = server.url("/");
    let send = async |app: i64| {
        let request = request(Method::GET, &url);
        let hosts = Hosts::of(request.target.url());
        let holder = Holder {
            org: OrgId(app),
            app: AppId(app),
        };
        let sent = client.send(holder, &hosts, request).await;
        sent.map_err(|error| error.code())
    };
    // The first app asks more often than anybody, takes its own places, and leaves the others.
    let all = futures_util::future::join_all((0..100).map(|n| send(n / 50)));
    let open = async {
        while server.accepted() < 5 {
            tokio::task::yield_now().await;
        }
        assert_eq!(send(2).await.err(), Some("busy"), "no place is left at all");
        gate.add_permits(1_000);
    };
    let (answers, ()) = tokio::join!(all, open);
    let sent = |answers: &[Result<_, _>]| answers.iter().filter(|sent| sent.is_ok()).count();
    let (first, second) = answers.split_at(50);
    assert_eq!((sent(first), sent(second), server.accepted()), (3, 2, 5));
    assert!(
        answers
            .iter()
            .flat_map(|answer| answer.as_ref().err())
            .all(|code| *code == "busy")
    );
    // Their places are free again.
    for app in [0, 1, 2, 0, 0, 0] {
        assert!(send(app).await.is_ok());
    }
}
