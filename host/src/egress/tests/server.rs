//! Servers that answer in any way a test wants.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::fixture;

/// A server that runs until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    accepted: Arc<AtomicUsize>,
    _running: JoinSet<()>,
}

impl Server {
    /// What it was asked, request by request.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many connections there were.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://api.example.test:{}{path}", self.address.port())
    }

    pub fn https(&self, path: &str) -> String {
        format!("https://api.example.test:{}{path}", self.address.port())
    }
}

/// Answers each request with what `answer` makes of it, and closes the connection.
pub async fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    answering_at("127.0.0.1:0", answer).await
}

pub async fn answering_at(
    address: &str,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> Server {
    let answer = Arc::new(answer);
    serve(address, move |stream, seen| {
        let answer = answer.clone();
        async move { reply(stream, seen, |request| answer(request)).await }
    })
    .await
}

/// The same over TLS, as `api.example.test`, `other.example.test` and `localhost`.
pub async fn encrypted(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    let answer = Arc::new(answer);
    let certificates = CertificateDer::pem_file_iter(fixture("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.map(Result::unwrap).collect(), key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve("127.0.0.1:0", move |stream, seen| {
        let (answer, acceptor) = (answer.clone(), acceptor.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                reply(stream, seen, |request| answer(request)).await;
            }
        }
    })
    .await
}

/// Does with each connection what `converse` does.
pub async fn conversing<F: Future<Output = ()> + Send + 'static>(
    converse: impl Fn(TcpStream) -> F + Send + Sync + 'static,
) -> Server {
    serve("127.0.0.1:0", move |stream, _| converse(stream)).await
}

async fn serve<F: Future<Output = ()> + Send + 'static>(
    address: &str,
    converse: impl Fn(TcpStream, Arc<Mutex<Vec<String>>>) -> F + Send + 'static,
) -> Server {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::default());
    let accepted = Arc::new(AtomicUsize::new(0));
    let (told, count) = (Arc::clone(&seen), accepted.clone());
    let mut running = JoinSet::new();
    running.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            connections.spawn(converse(stream, told.clone()));
        }
    });
    Server {
        address,
        seen,
        accepted,
        _running: running,
    }
}

async fn reply(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: Arc<Mutex<Vec<String>>>,
    answer: impl Fn(&str) -> String,
) {
    let request = read(&mut stream).await;
    if request.is_empty() {
        return;
    }
    seen.lock().unwrap().push(request.clone());
    let _ = stream.write_all(answer(&request).as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A request, head and body.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_ascii_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut part).await {
            Ok(bytes @ 1..) => request.extend_from_slice(&part[..bytes]),
            _ => return text,
        }
    }
}

/// An answer with a body.
pub fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// A redirect.
pub fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
}
