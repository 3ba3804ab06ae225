//! A WebSocket client, written apart from the host's own codec.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{App, PATIENCE, Person};

/// A connection to the host.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// What `connect` was answered with.
    pub greeting: Value,
    last_id: u64,
    replies: HashMap<u64, Value>,
    events: VecDeque<Value>,
    /// Replies to frames that had no id.
    pub complaints: Vec<Value>,
    pings: usize,
    closed: Option<(u16, String)>,
    /// How long it waits for anything, whatever else comes meanwhile.
    patience: Duration,
}

/// The reply to a request.
#[derive(Debug)]
pub struct Reply(pub Value);

impl Reply {
    /// The result.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.0.get("error").is_none(), "{}", self.0);
        self.0["result"].clone()
    }

    /// The error, if it has this code.
    #[track_caller]
    pub fn refused(self, code: &str) -> Value {
        assert_eq!(self.0["error"]["code"], code, "{}", self.0);
        self.0["error"].clone()
    }
}

impl Person {
    /// Opens a connection and says who it is.
    pub async fn connect(&self) -> Socket {
        let mut socket = self.open_socket().await;
        socket.greeting = socket
            .request("connect", json!({ "token": self.credential() }))
            .await
            .ok();
        socket
    }

    /// Opens a connection and says nothing.
    pub async fn open_socket(&self) -> Socket {
        self.open_socket_buffering(None).await
    }

    /// Opens a connection whose system buffer takes few bytes.
    pub async fn open_socket_buffering(&self, bytes: Option<u32>) -> Socket {
        let address = self.link.address();
        let tcp = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = bytes {
            tcp.set_recv_buffer_size(bytes).expect("a small buffer");
        }
        let tcp = tcp.connect(address).await.expect("a connection");
        tcp.set_nodelay(true).expect("a connection");
        let mut request = format!("ws://{address}/v1/socket")
            .into_client_request()
            .expect("a request");
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().expect("a header's name");
            request.headers_mut().insert(
                name,
                HeaderValue::from_str(value).expect("a header's value"),
            );
        }
        let (stream, _) = timeout(PATIENCE, client_async(request, tcp))
            .await
            .expect("in time")
            .expect("a WebSocket");
        Socket::over(stream)
    }
}

impl Socket {
    fn over(stream: WebSocketStream<TcpStream>) -> Self {
        Self {
            stream,
            greeting: Value::Null,
            last_id: 0,
            replies: HashMap::new(),
            events: VecDeque::new(),
            complaints: Vec::new(),
            pings: 0,
            closed: None,
            patience: PATIENCE,
        }
    }

    /// Makes a request and waits for its reply.
    pub async fn request(&mut self, method: &str, params: Value) -> Reply {
        let id = self.begin(method, params).await;
        self.reply(id).await
    }

    /// Makes a request. Gives its id.
    pub async fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let frame = json!({ "id": self.last_id, "method": method, "params": params });
        self.write(Message::text(frame.to_string())).await;
        self.last_id
    }

    /// Waits for the reply to a request.
    pub async fn reply(&mut self, id: u64) -> Reply {
        let deadline = self.deadline();
        loop {
            if let Some(reply) = self.replies.remove(&id) {
                return Reply(reply);
            }
            assert!(
                self.read(deadline).await,
                "closed with {:?} before the reply",
                self.closed
            );
        }
    }

    /// Waits for the reply to a request, or until the connection is closed.
    pub async fn reply_or_close(&mut self, id: u64) -> Option<Reply> {
        let deadline = self.deadline();
        while !self.replies.contains_key(&id) && self.read(deadline).await {}
        self.replies.remove(&id).map(Reply)
    }

    /// Waits until the host pings.
    pub async fn pinged(&mut self) {
        let (before, deadline) = (self.pings, self.deadline());
        while self.pings == before {
            assert!(
                self.read(deadline).await,
                "closed with {:?} before a ping",
                self.closed
            );
        }
    }

    /// Sends any frame. That the other side is gone already is no fault: `closed` tells.
    pub async fn write(&mut self, frame: Message) {
        let _ = timeout(PATIENCE, self.stream.send(frame))
            .await
            .expect("the host reads");
    }

    /// Waits for the next event of this kind; others stay where they are.
    pub async fn next_event(&mut self, kind: &str) -> Value {
        self.next_such(kind, |event| event["event"] == kind).await
    }

    /// Waits for the next event that `fits`; others stay where they are.
    pub async fn next_such(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = self.deadline();
        loop {
            if let Some(at) = self.events.iter().position(&fits) {
                return self.events.remove(at).unwrap_or_default();
            }
            let waiting: Vec<_> = self
                .events
                .iter()
                .map(|event| event["event"].clone())
                .collect();
            assert!(
                self.read(deadline).await,
                "closed with {:?} before `{what}`; there were {waiting:?}",
                self.closed
            );
        }
    }

    /// Takes the events that have arrived.
    pub fn take_events(&mut self) -> Vec<Value> {
        self.events.drain(..).collect()
    }

    /// Pings and waits for the answer: what the host had sent before is here then.
    pub async fn round_trip(&mut self) {
        self.request("ping", json!({})).await.ok();
    }

    /// Waits until everything that was committed before has been passed on, which is a moment after
    /// it was acknowledged: watches another channel for a message sent now. Gives the entries of
    /// logs that came, but for those of that channel; what else came is left.
    pub async fn caught_up(&mut self, app: &App) -> Vec<Value> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let user = self.greeting["user"]["id"].clone();
        let channel = format!("fence-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        app.backend
            .post("/v1/channels", json!({ "id": channel, "owner": user }))
            .await
            .is(201);
        self.subscribe(&channel).await;
        let message = json!({ "channel_id": channel, "type": "text", "data": "fence", "as": user });
        app.backend.post("/v1/messages", message).await.is(201);
        let fits = |event: &Value| {
            event["event"] == "message.new" && event["channel_id"] == channel.as_str()
        };
        self.next_such("the fence", fits).await;
        let fence = |event: &Value| {
            event["channel_id"]
                .as_str()
                .is_some_and(|id| id.starts_with("fence-"))
        };
        let (logged, passing): (VecDeque<_>, _) = self
            .take_events()
            .into_iter()
            .partition(|event| event.get("seq").is_some());
        self.events = passing;
        logged.into_iter().filter(|event| !fence(event)).collect()
    }

    /// Watches a channel from now on.
    pub async fn subscribe(&mut self, channel: &str) -> Value {
        self.request("subscribe", json!({ "channel_id": channel }))
            .await
            .ok()
    }

    /// Watches a channel and gets what came after `since`.
    pub async fn subscribe_since(&mut self, channel: &str, since: i64, epoch: &str) -> Value {
        self.request(
            "subscribe",
            json!({ "channel_id": channel, "since": since, "epoch": epoch }),
        )
        .await
        .ok()
    }

    /// Sends a text and gives the message.
    pub async fn send(&mut self, channel: &str, text: &str) -> Value {
        self.request("send", super::person::draft(channel, text))
            .await
            .ok()
    }

    /// Waits until the host closes the connection. Gives the code.
    pub async fn closed(&mut self) -> u16 {
        let deadline = self.deadline();
        while self.closed.is_none() {
            self.read(deadline).await;
        }
        self.closed.as_ref().map_or(0, |(code, _)| *code)
    }

    /// Closes the connection from this side and waits until it is.
    pub async fn close(mut self) {
        let _ = self.stream.close(None).await;
        self.closed().await;
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Reads one frame. False once the connection is closed.
    async fn read(&mut self, deadline: Instant) -> bool {
        if self.closed.is_some() {
            return false;
        }
        let frame = timeout_at(deadline, self.stream.next())
            .await
            .expect("waited in vain");
        match frame {
            Some(Ok(Message::Text(text))) => {
                self.sort(serde_json::from_str(&text).expect("a JSON frame"))
            }
            Some(Ok(Message::Close(frame))) => {
                let close = frame.map_or((1005, String::new()), |frame| {
                    (frame.code.into(), frame.reason.to_string())
                });
                self.closed = Some(close);
                // The answer to it goes out with the next look at the stream.
                let _ = timeout(PATIENCE, self.stream.next()).await;
            }
            // The answer to a ping goes out by itself.
            Some(Ok(Message::Ping(_))) => self.pings += 1,
            Some(Ok(_)) => {}
            Some(Err(error)) => self.closed = Some((1006, error.to_string())),
            None => self.closed = Some((1006, String::new())),
        }
        self.closed.is_none()
    }

    fn sort(&mut self, frame: Value) {
        if frame.get("event").is_some() {
            self.events.push_back(frame);
        } else if let Some(id) = frame["id"].as_u64() {
            self.replies.insert(id, frame);
        } else {
            self.complaints.push(frame);
        }
    }
}

mod tests {
    use std::panic::AssertUnwindSafe;

    use futures_util::FutureExt;
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_async;

    use super::*;

    #[tokio::test]
    async fn a_host_that_only_pings_is_not_waited_for_longer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let pinging = async {
            let (tcp, _) = listener.accept().await.expect("a connection");
            let mut host = accept_async(tcp).await.expect("a WebSocket");
            while host.send(Message::Ping("".into())).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waiting = async {
            let tcp = TcpStream::connect(address).await.expect("a connection");
            let (stream, _) = client_async("ws://host/", tcp).await.expect("a WebSocket");
            let mut socket = Socket::over(stream);
            socket.patience = Duration::from_millis(200);
            let waited = AssertUnwindSafe(socket.next_event("never")).catch_unwind();
            let gave_up = timeout(PATIENCE, waited).await.expect("it gives up");
            assert!(gave_up.is_err() && socket.pings > 1);
        };
        tokio::select! {
            () = pinging => panic!("the host's side ended"),
            () = waiting => {}
        }
    }
}
