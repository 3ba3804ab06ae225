//! A server somewhere outside, which hosts send requests to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Runs until it is dropped. What it answers depends on the path: `/away/<url>` redirects there,
/// `/silent` says nothing, `/held` nothing before it is released, then what `set` was told before, `/drip` half of something, `/cut` breaks off in the middle of it, a path that
/// `serve` was told of gets that, and any other is told what `set` was told last.
pub struct Outside {
    port: u16,
    said: Arc<Said>,
    _running: JoinSet<()>,
}

#[derive(Default)]
struct Said {
    requests: Mutex<Vec<String>>,
    answer: Mutex<String>,
    pages: Mutex<BTreeMap<String, Vec<u8>>>,
    released: watch::Sender<Released>,
}

/// What waits at `/held` no more.
#[derive(Clone, Copy, Default)]
struct Released {
    all: bool,
    /// How often those that waited were let go.
    times: u64,
}

impl Outside {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let said = Arc::new(Said::default());
        let heard = said.clone();
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, heard.clone()));
            }
        });
        let outside = Self {
            port,
            said,
            _running: running,
        };
        outside.set("hello");
        outside
    }

    /// What it answers from now on.
    pub fn set(&self, body: &str) {
        *self.said.answer.lock().expect("a lock") = body.to_owned();
    }

    /// What it answers at this path from now on: the status and head as given, and the body.
    pub fn serve(&self, path: &str, head: &str, body: impl AsRef<[u8]>) {
        let length = body.as_ref().len();
        let head = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n");
        let answer = [head.as_bytes(), body.as_ref()].concat();
        let mut pages = self.said.pages.lock().expect("a lock");
        pages.insert(path.to_owned(), answer);
    }

    /// Lets go of what waits at `/held`, and of what comes there later; or holds that again.
    pub fn release(&self, released: bool) {
        self.said.released.send_modify(|of| of.all = released);
    }

    /// Lets go of what waits at `/held`, and of nothing that comes there later.
    pub fn let_go(&self) {
        self.said.released.send_modify(|of| of.times += 1);
    }

    /// How often it was asked for `/held`.
    pub fn held(&self) -> usize {
        let heard = self.heard();
        let held = heard.iter().filter(|of| of.starts_with("GET /held "));
        held.count()
    }

    /// What it was asked, request by request, head and body.
    pub fn heard(&self) -> Vec<String> {
        self.said.requests.lock().expect("a lock").clone()
    }

    /// Where it is, as a permission names it.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }
}

async fn answer(mut stream: TcpStream, said: Arc<Said>) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(bytes @ 1..) => request.extend_from_slice(&part[..bytes]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let known = said.released.borrow().times;
    said.requests.lock().expect("a lock").push(request);
    if path == "/silent" {
        return std::future::pending().await;
    }
    let body = said.answer.lock().expect("a lock").clone();
    if path == "/held" {
        let mut released = said.released.subscribe();
        // The sender is in `said`.
        let _ = released.wait_for(|of| of.all || of.times > known).await;
    }
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    if matches!(path.as_str(), "/drip" | "/cut")
        && stream.write_all(begun.as_bytes()).await.is_err()
    {
        return;
    }
    match path.as_str() {
        "/drip" => return std::future::pending().await,
        "/cut" => return,
        _ => {}
    }
    let page = said.pages.lock().expect("a lock").get(&path).cloned();
    if let Some(page) = page {
        // Whoever has enough hangs up.
        let _ = stream.write_all(&page).await;
        return;
    }
    let answer = match path.strip_prefix("/away/") {
        Some(to) => format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"),
        None => format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
