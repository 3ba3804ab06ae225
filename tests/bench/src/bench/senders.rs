//! Users who send as fast as they are allowed to: each keeps so many messages in flight, and sends
//! the next when one is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tokio::task::JoinSet;

use crate::client::{App, Frame, Reader, Writer, connect};
use crate::floor::commit::Rate;
use crate::process::Process;

/// Channels that they are spread over.
const CHANNELS: usize = 8;

/// Users with a socket each.
pub struct Senders(Vec<Sender>);

struct Sender {
    reader: Reader,
    writer: Writer,
    channel: String,
    user: String,
    sent: u64,
}

impl Senders {
    /// Makes `count` users, puts them into channels, and connects them. They watch nothing.
    ///
    /// # Errors
    /// The host does not answer, or refuses.
    pub async fn open(app: &App, count: usize) -> Result<Self> {
        let users: Vec<String> = (0..count).map(|n| format!("sender-{n:02}")).collect();
        app.add_users(&users).await?;
        for channel in 0..CHANNELS.min(count) {
            let members: Vec<String> = users
                .iter()
                .skip(channel)
                .step_by(CHANNELS)
                .cloned()
                .collect();
            app.add_channel(&format!("load-{channel}"), &members)
                .await?;
        }
        Self::connect(app, &users, |n| format!("load-{}", n % CHANNELS)).await
    }

    /// Connects users who are in their channels already.
    ///
    /// # Errors
    /// As for [`Senders::open`].
    pub async fn connect(
        app: &App,
        users: &[String],
        channel: impl Fn(usize) -> String,
    ) -> Result<Self> {
        let mut senders = Vec::with_capacity(users.len());
        for (n, user) in users.iter().enumerate() {
            let (reader, writer, _) = connect(app.rest.address, &app.token(user).await?).await?;
            senders.push(Sender {
                reader,
                writer,
                channel: channel(n),
                user: user.clone(),
                sent: 0,
            });
        }
        Ok(Self(senders))
    }

    /// Keeps `in_flight` messages under way, spread over the first senders, and gives how many were
    /// acknowledged in a second and what each cost the host.
    ///
    /// # Errors
    /// The host refuses a message or closes a socket.
    pub async fn load(
        &mut self,
        host: &Process,
        in_flight: usize,
        warm_up: Duration,
        window: Duration,
    ) -> Result<Rate> {
        let senders = in_flight.min(self.0.len());
        ensure!(
            in_flight.is_multiple_of(senders),
            "{in_flight} in flight don't go evenly into {senders} senders"
        );
        let (acks, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let mut tasks = JoinSet::new();
        for sender in self.0.drain(..senders) {
            tasks.spawn(sender.run(in_flight / senders, acks.clone(), stop.clone()));
        }
        tokio::time::sleep(warm_up).await;
        let (began, first, cpu) = (Instant::now(), acks.load(Relaxed), host.cpu_seconds()?);
        tokio::time::sleep(window).await;
        let (seconds, acked) = (
            began.elapsed().as_secs_f64(),
            (acks.load(Relaxed) - first) as f64,
        );
        let cpu = host.cpu_seconds()? - cpu;
        stop.store(true, Relaxed);
        while let Some(sender) = tasks.join_next().await {
            self.0.push(sender??);
        }
        // In the order they had, so that the first are the same ones each time.
        self.0.sort_by(|a, b| a.user.cmp(&b.user));
        Ok(Rate {
            per_second: acked / seconds,
            cpu_us: cpu / acked * 1e6,
        })
    }

    /// Sends `count` messages without waiting for them; replies are dropped by [`Senders::drain`].
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn send(&mut self, count: u64) -> Result<()> {
        let senders = self.0.len() as u64;
        for (n, sender) in (0..senders).zip(&mut self.0) {
            for _ in 0..count / senders + u64::from(n < count % senders) {
                sender.queue();
            }
            sender.writer.flush().await?;
            // The ones that follow get the remainder next time.
        }
        self.0.rotate_left((count % senders) as usize);
        Ok(())
    }

    /// Takes the replies that have come; every one must be an acknowledgement.
    ///
    /// # Errors
    /// One is a refusal.
    pub async fn drain(&mut self) -> Result<()> {
        for sender in &mut self.0 {
            // What is not here yet is taken next time.
            while let Ok(filled) = tokio::time::timeout(Duration::ZERO, sender.reader.fill()).await
            {
                filled?;
            }
            sender.take_acks()?;
        }
        Ok(())
    }
}

impl Sender {
    async fn run(
        mut self,
        depth: usize,
        acks: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self> {
        let mut in_flight = depth as u64;
        for _ in 0..depth {
            self.queue();
        }
        while in_flight > 0 {
            self.writer.flush().await?;
            self.reader.fill().await?;
            let acked = self.take_acks()?;
            acks.fetch_add(acked, Relaxed);
            in_flight -= acked;
            if !stop.load(Relaxed) {
                in_flight += acked;
                for _ in 0..acked {
                    self.queue();
                }
            }
        }
        Ok(self)
    }

    fn queue(&mut self) {
        self.sent += 1;
        self.writer
            .text(&request(self.sent, &self.channel, &self.user, self.sent));
    }

    fn take_acks(&mut self) -> Result<u64> {
        let mut acks = 0;
        while let Some(frame) = self.reader.take()? {
            match frame {
                Frame::Text(text) if is_ack(&text) => acks += 1,
                Frame::Text(text) => bail!(
                    "the host answered a message with {}",
                    String::from_utf8_lossy(&text)
                ),
                Frame::Ping(payload) => self.writer.pong(&payload),
                Frame::Close(code) => bail!("the host closed a sender's socket with {code}"),
            }
        }
        Ok(acks)
    }
}

/// A request that sends the `n`th message of a user.
pub fn request(id: u64, channel: &str, user: &str, n: u64) -> String {
    let text = super::text(n);
    format!(
        r#"{{"id":{id},"method":"send","params":{{"channel_id":"{channel}","type":"text","data":"{text}","client_id":"{user}-{n:09}"}}}}"#
    )
}

/// Whether a reply is `{"id":…,"result":…}`: found without taking it apart.
pub fn is_ack(text: &[u8]) -> bool {
    let after_id = text
        .iter()
        .position(|byte| *byte == b',')
        .map_or(&[][..], |comma| &text[comma..]);
    text.starts_with(b"{\"id\":") && after_id.starts_with(b",\"result\":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_and_refusals() {
        assert!(is_ack(br#"{"id":12,"result":{"seq":1}}"#));
        assert!(!is_ack(br#"{"id":12,"error":{"code":"overloaded"}}"#));
        assert!(!is_ack(br#"{"event":"message.new","result":1}"#));
    }

    #[test]
    fn requests_are_json() {
        let request: serde_json::Value =
            serde_json::from_str(&request(3, "room", "ann", 7)).unwrap();
        assert_eq!(request["params"]["client_id"], "ann-000000007");
    }
}
