//! A language model somewhere outside, as one talks to it over HTTP. It says what the story told it to
//! say, piece by piece, and waits where the story wants it to wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Runs until it is dropped.
pub struct Model {
    port: u16,
    inside: Arc<Inside>,
    _running: JoinSet<()>,
}

struct Inside {
    replies: Mutex<VecDeque<Reply>>,
    heard: Mutex<Vec<(String, Value)>>,
    go_on: Semaphore,
}

/// What it answers to one request.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: String,
    pieces: Vec<Piece>,
}

#[derive(Clone)]
enum Piece {
    Bytes(Vec<u8>),
    /// Waits for [`Model::go_on`].
    Wait,
    /// Breaks the connection.
    Cut,
}

impl Reply {
    /// An answer with this status, whole.
    pub fn status(status: u16, headers: &str, body: &str) -> Self {
        Self {
            status,
            headers: headers.to_owned(),
            pieces: vec![Piece::Bytes(body.into())],
        }
    }

    /// A stream that says nothing yet.
    pub fn stream() -> Self {
        Self {
            status: 200,
            headers: "content-type: text/event-stream\r\n".to_owned(),
            pieces: Vec::new(),
        }
    }

    /// These bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.pieces.push(Piece::Bytes(bytes.to_owned()));
        self
    }

    /// An event, in pieces of three bytes: wherever that may be.
    pub fn event(mut self, data: &Value) -> Self {
        let event = format!(": so it goes\r\ndata: {data}\r\n\r\n");
        let pieces = event.as_bytes().chunks(3);
        let pieces = pieces.map(|piece| Piece::Bytes(piece.to_owned()));
        self.pieces.extend(pieces);
        self
    }

    /// Says something.
    pub fn says(self, words: &str) -> Self {
        self.event(&json!({ "choices": [{ "index": 0, "delta": { "content": words } }] }))
    }

    /// Wants a tool used. The arguments come in two parts.
    pub fn calls(self, name: &str, arguments: &Value) -> Self {
        let arguments = arguments.to_string();
        let (first, second) = arguments.split_at(arguments.len() / 2);
        let part = |call: Value| json!({ "choices": [{ "delta": { "tool_calls": [call] } }] });
        let function = json!({ "name": name, "arguments": first });
        self.event(&part(
            json!({ "index": 0, "id": "call_1", "type": "function", "function": function }),
        ))
        .event(&part(
            json!({ "index": 0, "function": { "arguments": second } }),
        ))
        .event(&json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] }))
    }

    /// Waits until the story says to go on.
    pub fn waits(mut self) -> Self {
        self.pieces.push(Piece::Wait);
        self
    }

    /// Breaks off.
    pub fn breaks_off(mut self) -> Self {
        self.pieces.push(Piece::Cut);
        self
    }

    /// Says that it is done.
    pub fn ends(self) -> Self {
        self.event(&json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] }))
            .raw(b"data: [DONE]\n\n")
    }
}

impl Model {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let inside = Arc::new(Inside {
            replies: Mutex::default(),
            heard: Mutex::default(),
            go_on: Semaphore::new(0),
        });
        let heard = inside.clone();
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, heard.clone()));
            }
        });
        Self {
            port,
            inside,
            _running: running,
        }
    }

    /// What it answers to the requests to come, one after the other.
    pub fn will(&self, replies: impl IntoIterator<Item = Reply>) {
        let mut coming = self.inside.replies.lock().expect("a lock");
        coming.extend(replies);
    }

    /// Lets it go on where it waits, or where it will.
    pub fn go_on(&self) {
        self.inside.go_on.add_permits(1);
    }

    /// What it was asked: heads and bodies.
    pub fn heard(&self) -> Vec<(String, Value)> {
        self.inside.heard.lock().expect("a lock").clone()
    }

    /// Where it is, as a grant names it.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where it is, as a tenant enters it.
    pub fn endpoint(&self) -> String {
        format!("http://{}/v1", self.host())
    }
}

async fn answer(mut stream: TcpStream, inside: Arc<Inside>) {
    let Some((head, body)) = request(&mut stream).await else {
        return;
    };
    inside.heard.lock().expect("a lock").push((head, body));
    let reply = inside.replies.lock().expect("a lock").pop_front();
    let reply = reply.unwrap_or_else(|| Reply::status(500, "", "the story has no answer"));
    let head = format!(
        "HTTP/1.1 {} Whatever\r\n{}transfer-encoding: chunked\r\n\r\n",
        reply.status, reply.headers
    );
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    for piece in reply.pieces {
        let written = match piece {
            Piece::Cut => return,
            Piece::Wait => {
                let Ok(go_on) = inside.go_on.acquire().await else {
                    return;
                };
                go_on.forget();
                Ok(())
            }
            Piece::Bytes(bytes) => {
                let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunk.extend(bytes);
                chunk.extend(b"\r\n");
                stream.write_all(&chunk).await
            }
        };
        if written.is_err() {
            return;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n").await;
}

async fn request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if read.len() >= head.len() + 4 + length.unwrap_or(0) {
                let body = serde_json::from_str(body).unwrap_or_default();
                return Some((head.to_owned(), body));
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(bytes @ 1..) => read.extend_from_slice(&part[..bytes]),
            _ => return None,
        }
    }
}
