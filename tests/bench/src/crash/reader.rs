//! A user who watches channels and notes all that comes. When the connection ends, by the host's
//! death or by its own whim, it comes back and asks for what it missed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::history::{Step, Stream};
use super::moment::Told;
use super::random::Random;
use super::wire;
use crate::client::{Frame, Writer, connect};

/// Before the next try, when nobody answers.
const PAUSE: Duration = Duration::from_millis(20);

/// Who watches what.
pub struct Watch {
    pub address: std::net::SocketAddr,
    pub token: String,
    pub user: String,
    /// Whether it begins with the log's first entry, or with what comes after its arrival.
    pub from_start: bool,
    pub random: Random,
    /// One for each channel.
    pub streams: Arc<Mutex<Vec<Stream>>>,
    pub told: Arc<Told>,
    /// True when it shall stop.
    pub stop: watch::Receiver<bool>,
}

impl Watch {
    /// What it has got of each channel: nothing yet.
    pub fn streams_of(user: &str, channels: &[String]) -> Arc<Mutex<Vec<Stream>>> {
        let stream = |channel: &String| Stream {
            reader: user.into(),
            channel: channel.clone(),
            steps: Vec::new(),
        };
        Arc::new(Mutex::new(channels.iter().map(stream).collect()))
    }
}

/// The last `seq` of a stream.
pub fn position(stream: &Stream) -> Option<i64> {
    Some(match stream.steps.last()? {
        Step::Seen(entry) => entry.seq,
        Step::Subscribed { since, head, .. } => since.unwrap_or(*head),
    })
}

/// Watches until it is told to stop.
pub async fn run(mut watch: Watch) {
    let mut epoch = None;
    while !*watch.stop.borrow() {
        // A connection that ends is what this is about. What can't be read is a bug, and shows as
        // something that this reader has missed.
        if let Err(error) = watch.once(&mut epoch).await
            && error.downcast_ref::<std::io::Error>().is_none()
        {
            eprintln!("{}: {error:#}", watch.user);
        }
        sleep(PAUSE).await;
    }
}

impl Watch {
    async fn once(&mut self, epoch: &mut Option<String>) -> Result<()> {
        let (mut reader, mut writer, connected) = connect(self.address, &self.token).await?;
        let now = connected["epoch"].as_str().context("no epoch")?.to_owned();
        ensure!(
            epoch.get_or_insert_with(|| now.clone()) == &now,
            "the epoch has changed"
        );
        let asked = self.subscribe(&mut writer, &now).await?;
        let leave = Instant::now() + self.random.between_ms(300, 6000);
        loop {
            tokio::select! {
                filled = reader.fill() => filled?,
                () = sleep_until(leave) => return Ok(()),
                _ = self.stop.changed() => return Ok(()),
            }
            while let Some(frame) = reader.take()? {
                match frame {
                    Frame::Text(text) => self.note(&asked, &serde_json::from_slice(&text)?)?,
                    Frame::Ping(payload) => writer.pong(&payload),
                    // A reader that was too slow is told so, and comes back like after anything else.
                    Frame::Close(_) => return Ok(()),
                }
            }
            writer.flush().await?;
        }
    }

    /// Asks for all channels. Gives which request was for which, and since when.
    async fn subscribe(
        &self,
        writer: &mut Writer,
        epoch: &str,
    ) -> Result<HashMap<u64, (usize, Option<i64>)>> {
        let mut asked = HashMap::new();
        for (n, stream) in self.lock().iter().enumerate() {
            let since = position(stream).or(self.from_start.then_some(0));
            let id = n as u64 + 1;
            let mut params = json!({ "channel_id": stream.channel });
            if let Some(since) = since {
                params["since"] = since.into();
                params["epoch"] = epoch.into();
            }
            writer.text(&json!({ "id": id, "method": "subscribe", "params": params }).to_string());
            asked.insert(id, (n, since));
        }
        writer.flush().await?;
        Ok(asked)
    }

    fn note(&self, asked: &HashMap<u64, (usize, Option<i64>)>, frame: &Value) -> Result<()> {
        let mut streams = self.lock();
        let Some(id) = frame["id"].as_u64() else {
            if let Some(entry) = wire::entry(frame)? {
                self.told.of(&entry);
                let channel = frame["channel_id"].as_str().unwrap_or_default();
                let stream = streams.iter_mut().find(|stream| stream.channel == channel);
                stream
                    .with_context(|| format!("not asked for: {frame}"))?
                    .steps
                    .push(Step::Seen(entry));
            }
            return Ok(());
        };
        let Some((n, since)) = asked.get(&id) else {
            bail!("an answer to nothing: {frame}")
        };
        let Some(result) = frame.get("result") else {
            bail!("subscribing was refused: {}", frame["error"])
        };
        let (Some(recovered), Some(head)) =
            (result["recovered"].as_bool(), result["head"].as_i64())
        else {
            bail!("not the answer to `subscribe`: {result}")
        };
        streams[*n].steps.push(Step::Subscribed {
            since: *since,
            recovered,
            head,
        });
        for event in result["events"].as_array().context("no events")? {
            let entry = wire::entry(event)?.context("an event without seq in a log")?;
            streams[*n].steps.push(Step::Seen(entry));
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
