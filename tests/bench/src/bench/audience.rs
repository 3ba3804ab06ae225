//! Sockets that get what is published, and count it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::client::{App, Reader, Writer, connect};
use crate::floor::fanout::SUBSCRIBE;

/// How long nothing comes before all is thought to be there.
const QUIET: Duration = Duration::from_millis(400);

/// Subscribers, each read by a task of its own.
pub struct Audience {
    heard: Arc<Heard>,
    listening: JoinSet<Result<()>>,
}

/// What all of them have got.
#[derive(Default)]
pub struct Heard {
    frames: AtomicU64,
    bytes: AtomicU64,
    progress: Notify,
    timing: Mutex<Timing>,
}

/// How late frames are.
#[derive(Default)]
struct Timing {
    /// Tells one measurement from the next; 0 while none runs.
    round: u64,
    began: Option<Instant>,
    interval: Duration,
    late_us: Vec<u32>,
}

impl Audience {
    /// Makes users, puts them and the senders into a channel, and lets the users watch it.
    ///
    /// # Errors
    /// The host does not answer, or refuses.
    pub async fn watch(app: &App, channel: &str, count: usize, senders: &[String]) -> Result<Self> {
        let users: Vec<String> = (0..count).map(|n| format!("{channel}-{n:04}")).collect();
        app.add_users(&users).await?;
        app.add_channel(channel, &[&users, senders].concat())
            .await?;
        let mut audience = Self {
            heard: Arc::default(),
            listening: JoinSet::new(),
        };
        for user in &users {
            let (reader, mut writer, _) =
                connect(app.rest.address, &app.token(user).await?).await?;
            writer.text(&format!(
                r#"{{"id":1,"method":"subscribe","params":{{"channel_id":"{channel}"}}}}"#
            ));
            writer.flush().await?;
            audience.listen(reader, writer);
        }
        Ok(audience)
    }

    /// Subscribes to the floor at `port`.
    ///
    /// # Errors
    /// The floor is not there.
    pub async fn of_floor(port: u16, count: usize) -> Result<Self> {
        let mut audience = Self {
            heard: Arc::default(),
            listening: JoinSet::new(),
        };
        for _ in 0..count {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.set_nodelay(true)?;
            stream.writable().await?;
            ensure!(
                stream.try_write(&[SUBSCRIBE])? == 1,
                "the floor takes nothing"
            );
            let (read, write) = stream.into_split();
            audience.listen(Reader::new(read), Writer::new(write));
        }
        Ok(audience)
    }

    fn listen(&mut self, reader: Reader, writer: Writer) {
        let heard = self.heard.clone();
        self.listening.spawn(listen(reader, writer, heard));
    }

    /// How many there are.
    pub fn size(&self) -> u64 {
        self.listening.len() as u64
    }

    /// Frames that came so far, over all of them.
    pub fn frames(&self) -> u64 {
        self.heard.frames.load(Relaxed)
    }

    /// Their bytes, headers included.
    pub fn bytes(&self) -> u64 {
        self.heard.bytes.load(Relaxed)
    }

    /// Waits until more has come.
    ///
    /// # Errors
    /// One of them was cut off.
    pub async fn progress(&mut self) -> Result<()> {
        let heard = self.heard.clone();
        tokio::select! {
            () = heard.progress.notified() => Ok(()),
            Some(ended) = self.listening.join_next() => ended?,
        }
    }

    /// Waits until nothing more comes.
    ///
    /// # Errors
    /// One of them was cut off.
    pub async fn quiet(&mut self) -> Result<()> {
        while let Ok(came) = tokio::time::timeout(QUIET, self.progress()).await {
            came?;
        }
        Ok(())
    }

    /// From now on, the `n`th frame of each counts as published `n` intervals after `began`.
    pub fn time(&self, began: Instant, interval: Duration) {
        let mut timing = self
            .heard
            .timing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let round = timing.round + 1;
        *timing = Timing {
            round,
            began: Some(began),
            interval,
            late_us: Vec::new(),
        };
    }

    /// Ends the timing and gives how late each frame was, in microseconds.
    pub fn take_times(&self) -> Vec<u32> {
        let mut timing = self
            .heard
            .timing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        timing.began = None;
        std::mem::take(&mut timing.late_us)
    }
}

async fn listen(mut reader: Reader, _writer: Writer, heard: Arc<Heard>) -> Result<()> {
    let (mut round, mut nth) = (0, 0);
    loop {
        reader.fill().await?;
        let (frames, bytes) = reader.count()?;
        if frames == 0 {
            continue;
        }
        heard.frames.fetch_add(frames, Relaxed);
        heard.bytes.fetch_add(bytes, Relaxed);
        heard.progress.notify_one();
        let mut timing = heard.timing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(began) = timing.began else { continue };
        if timing.round != round {
            (round, nth) = (timing.round, 0);
        }
        let now = began.elapsed();
        for _ in 0..frames {
            let late = now.saturating_sub(timing.interval * nth);
            timing
                .late_us
                .push(u32::try_from(late.as_micros()).unwrap_or(u32::MAX));
            nth += 1;
        }
    }
}
