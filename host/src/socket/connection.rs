//! One connection: its reader, its time limits, and its end.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::methods::{self, Connected};
use super::writer;
use crate::app::App;
use crate::chat::access::Client;
use crate::chat::passing;
use crate::frame::{self, Decoder, Message};
use crate::hub::{Close, Outbox, OutboxLimits};

/// A reply on its way.
pub type Reply = Pin<Box<dyn Future<Output = Bytes> + Send>>;

/// How long somebody who went away counts as there: for a page that is loaded anew.
const PRESENCE_GRACE: Duration = Duration::from_secs(3);
/// How long the other side may take to answer a close.
const CLOSING: Duration = Duration::from_secs(2);

/// Runs a connection to its end. `first` is what came with the handshake.
pub async fn run(app: Arc<App>, stream: TcpStream, first: &[u8], client: Client) {
    // Frames are small and somebody waits for them.
    let _ = stream.set_nodelay(true);
    let settings = &app.config.socket;
    let limits = OutboxLimits {
        frames_max: settings.queue_frames_max,
        bytes_max: settings.queue_bytes_max,
    };
    let outbox = Arc::new(Outbox::new(limits));
    let (read, write) = stream.into_split();
    let (gone, mut writer_gone) = oneshot::channel();
    let writing = outbox.clone();
    tokio::spawn(async move {
        let _ = gone.send(writer::run(writing, write).await);
    });
    let mut reader = Reader {
        decoder: Decoder::new(settings.frame_bytes_max),
        stream: read,
        pending: FuturesUnordered::new(),
        connected: None,
        client,
        connect_by: Instant::now() + Duration::from_millis(settings.connect_timeout_ms),
        heartbeat: Instant::now() + Duration::from_millis(settings.ping_interval_ms),
        awaiting_pong: false,
        app,
        outbox,
    };
    reader.decoder.room().extend_from_slice(first);
    let closed = match reader.run(&mut writer_gone).await {
        End::Ours(close) => {
            reader.outbox.close(close);
            timeout(CLOSING, writer_gone)
                .await
                .ok()
                .and_then(Result::ok)
        }
        End::Written(close) => Some(close),
    };
    if let Some(close) = closed {
        reader.app.metrics.closed(close);
    }
    reader.leave();
    // The other side's answer to the close, so that the last frame is not lost to a reset.
    let _ = timeout(CLOSING, async {
        let mut sink = [0; 512];
        while matches!(reader.stream.read(&mut sink).await, Ok(1..)) {}
    })
    .await;
}

/// How reading ended.
enum End {
    /// The reader ends the connection, for this reason.
    Ours(Close),
    /// It was closed from elsewhere, and the writer has said goodbye.
    Written(Close),
}

struct Reader {
    app: Arc<App>,
    client: Client,
    outbox: Arc<Outbox>,
    stream: OwnedReadHalf,
    decoder: Decoder,
    /// Requests that are worked on; replies go out as they are done.
    pending: FuturesUnordered<Reply>,
    connected: Option<Box<Connected>>,
    /// Until when `connect` must have come.
    connect_by: Instant,
    /// When to ping, or to give up on the pong.
    heartbeat: Instant,
    awaiting_pong: bool,
}

impl Reader {
    /// Reads until the connection ends. Gives the reason.
    async fn run(&mut self, writer_gone: &mut oneshot::Receiver<Close>) -> End {
        loop {
            match self.decode().await {
                Ok(()) => {}
                Err(close) => return End::Ours(close),
            }
            let busy = self.pending.len() >= self.app.config.socket.requests_in_flight_max;
            let (end, close) = self.end();
            if end <= Instant::now() {
                return End::Ours(close);
            }
            // One timer for both: this runs for every message.
            let beats = !busy && self.connected.is_some();
            let wake = if beats { end.min(self.heartbeat) } else { end };
            tokio::select! {
                // What has arrived is read before anybody is given up for silent.
                biased;
                done = &mut *writer_gone => return End::Written(done.unwrap_or(Close::SLOW)),
                // The hub closes those that are connected.
                () = self.app.stopped(), if self.connected.is_none() => return End::Ours(Close::SHUTDOWN),
                Some(reply) = self.pending.next(), if !self.pending.is_empty() => self.outbox.push(reply),
                read = self.stream.read_buf(self.decoder.room()), if !busy => {
                    if !matches!(read, Ok(1..)) {
                        return End::Ours(Close { code: 1001, reason: "gone" });
                    }
                }
                () = sleep_until(wake) => {
                    if beats && self.heartbeat <= wake && let Err(close) = self.beat() {
                        return End::Ours(close);
                    }
                }
            }
            if busy {
                // Nothing was read meanwhile, so a pong may be waiting behind other frames.
                self.heartbeat = self.heartbeat.max(Instant::now() + self.pong_timeout());
            }
        }
    }

    /// When the connection ends unless something happens, and how.
    fn end(&self) -> (Instant, Close) {
        match &self.connected {
            None => (self.connect_by, Close::NOT_CONNECTED),
            Some(connected) => {
                let left = connected.expires_at - self.app.clock.now();
                let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
                (Instant::now() + left, Close::EXPIRED)
            }
        }
    }

    /// Works on every whole message that has arrived.
    async fn decode(&mut self) -> Result<(), Close> {
        loop {
            if self.pending.len() >= self.app.config.socket.requests_in_flight_max {
                return Ok(());
            }
            match self.decoder.next_message() {
                Ok(None) => return Ok(()),
                Ok(Some(Message::Text(text))) => {
                    // The last frame may still wait for a client that does not read.
                    if let Some(close) = self.outbox.closed() {
                        return Err(close);
                    }
                    self.app.metrics.socket_request();
                    // Boxed, so that an idle connection does not carry the largest request's state.
                    Box::pin(self.request(text)).await?;
                }
                Ok(Some(Message::Ping(payload))) => self.outbox.push(frame::encode_pong(&payload)),
                Ok(Some(Message::Pong(_))) => self.on_pong(),
                Ok(Some(Message::Close(close))) => {
                    return Err(Close {
                        code: close.map_or(1000, |close| close.code),
                        reason: "",
                    });
                }
                Err(error) => {
                    return Err(Close {
                        code: error.close_code(),
                        reason: error.code(),
                    });
                }
            }
        }
    }

    async fn request(&mut self, text: String) -> Result<(), Close> {
        match &mut self.connected {
            None => {
                let (reply, outcome) =
                    methods::connect(&self.app, &self.client, &self.outbox, &text).await;
                if let Some(reply) = reply {
                    self.outbox.push(reply);
                }
                self.connected = Some(Box::new(outcome?));
                self.heartbeat = Instant::now() + self.ping_interval();
            }
            Some(connected) => {
                if let Some(reply) =
                    methods::call(&self.app, connected, &self.outbox, &self.client, &text).await?
                {
                    self.pending.push(reply);
                }
            }
        }
        Ok(())
    }

    fn on_pong(&mut self) {
        if self.awaiting_pong {
            self.awaiting_pong = false;
            self.heartbeat = Instant::now() + self.ping_interval();
        }
    }

    /// Pings, or gives up on the pong.
    fn beat(&mut self) -> Result<(), Close> {
        if self.awaiting_pong {
            return Err(Close::NO_PONG);
        }
        self.awaiting_pong = true;
        self.outbox.push(frame::encode_ping(b""));
        self.heartbeat = Instant::now() + self.pong_timeout();
        Ok(())
    }

    fn ping_interval(&self) -> Duration {
        Duration::from_millis(self.app.config.socket.ping_interval_ms)
    }

    fn pong_timeout(&self) -> Duration {
        Duration::from_millis(self.app.config.socket.pong_timeout_ms)
    }

    /// Takes the connection out of everything that knows it.
    fn leave(&mut self) {
        let Some(connected) = self.connected.take() else {
            return;
        };
        self.app.hub.disconnect(
            connected.session.tenant.app(),
            &connected.session.user,
            &self.outbox,
        );
        for channel in connected.watching.values() {
            self.app.hub.leave(*channel, &self.outbox);
        }
        if connected.watching.is_empty() {
            return;
        }
        let app = self.app.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(PRESENCE_GRACE) => {}
                () = app.stopped() => {}
            }
            for channel in connected.watching.values() {
                passing::depart(&app, *channel, &connected.session.user);
            }
        });
    }
}
