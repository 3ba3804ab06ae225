//! How late acknowledgements and deliveries are when messages come at a fixed rate, whatever became
//! of those before: a stall shows in all that should have been sent meanwhile.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream as StdStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpStream;

use super::audience::Audience;
use super::fanout::{Floor, frame_bytes, stage};
use super::report::Row;
use super::run::{Options, Scene};
use super::senders::{is_ack, request};
use super::{Report, Samples, percentile};
use crate::client::{App, Frame, Reader, Writer, open, text_frame};
use crate::process::cpu_seconds;

const AUDIENCE: usize = 100;
/// Messages to the audience: 5,000 deliveries a second.
const TO_AUDIENCE: Pace = Pace { per_second: 50 };
/// Messages that nobody watches.
const SENDS: Pace = Pace { per_second: 500 };

/// A rate.
#[derive(Clone, Copy)]
pub struct Pace {
    pub per_second: u32,
}

/// A user on a socket whose writing half is a thread's.
pub struct Speaker {
    reader: Reader,
    // Kept, or the socket would be half closed.
    _writer: Writer,
    raw: StdStream,
    channel: String,
    user: String,
    sent: u64,
}

/// Figures of host and floor, over the rounds.
#[derive(Default)]
struct Late {
    p50: Samples,
    p99: Samples,
    cpu: Samples,
}

/// Measures at both rates.
///
/// # Errors
/// The host or the floor fails.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let scene = Scene::start(options, "latency", |launch| launch).await?;
    let app = scene.app().await?;
    let (mut audience, mut senders) = stage(&app, "stage", AUDIENCE, 1).await?;
    let bytes = frame_bytes(&mut audience, &mut senders).await?;
    let mut to_audience = Speaker::open(&app, "stage", "stage-sender-0").await?;
    app.add_users(&["solo".into()]).await?;
    app.add_channel("alone", &["solo".into()]).await?;
    let mut alone = Speaker::open(&app, "alone", "solo").await?;
    let floor = Floor::start(options, bytes)?;
    let mut floor_audience = Audience::of_floor(floor.port, AUDIENCE).await?;
    let control = floor.control().await?.into_std()?;
    let (mut acks, mut host, mut bare) = (Late::default(), Late::default(), Late::default());
    for _ in 0..options.rounds {
        let mut late_us = alone.acks(SENDS, options.window).await?;
        acks.p50.add(percentile(&mut late_us, 0.5));
        acks.p99.add(percentile(&mut late_us, 0.99));
        let cpu = || cpu_seconds(floor.pid());
        let raw = control.try_clone()?;
        deliveries(
            raw,
            &mut floor_audience,
            options.window,
            cpu,
            &mut bare,
            |_| vec![b'.'],
        )
        .await?;
        to_audience
            .deliveries(
                &mut audience,
                options.window,
                || scene.process.cpu_seconds(),
                &mut host,
            )
            .await?;
    }
    let rate = SENDS.per_second;
    report.add(Row::alone(
        format!("ack at {rate} sends a second, p50"),
        "µs",
        acks.p50,
    ));
    report.add(Row::alone("  p99", "µs", acks.p99));
    let rate = TO_AUDIENCE.per_second * AUDIENCE as u32;
    report.add(Row::beside(
        format!("delivery at {rate} a second to {AUDIENCE}, p50"),
        "µs",
        host.p50,
        bare.p50,
    ));
    report.add(Row::beside("  p99", "µs", host.p99, bare.p99));
    report.add(Row::beside(
        "  CPU of each delivery",
        "µs",
        host.cpu,
        bare.cpu,
    ));
    Ok(())
}

impl Speaker {
    /// Connects a user who is in a channel.
    ///
    /// # Errors
    /// The host does not answer, or refuses.
    pub async fn open(app: &App, channel: &str, user: &str) -> Result<Self> {
        let std = StdStream::connect(app.rest.address)?;
        let raw = std.try_clone()?;
        std.set_nonblocking(true)?;
        let (reader, writer, _) = open(TcpStream::from_std(std)?, &app.token(user).await?).await?;
        // Not to meet ids that the same user's other socket has used.
        let sent = 1_000_000;
        Ok(Self {
            reader,
            _writer: writer,
            raw,
            channel: channel.into(),
            user: user.into(),
            sent,
        })
    }

    /// Sends at `pace` and gives how late each acknowledgement was, in microseconds.
    ///
    /// # Errors
    /// A message was refused, or the connection has ended.
    pub async fn acks(&mut self, pace: Pace, window: Duration) -> Result<Vec<u32>> {
        let (first, channel, user) = (self.sent, self.channel.clone(), self.user.clone());
        let count = pace.count(window);
        let began = Instant::now() + Duration::from_millis(20);
        let pacing = pace.run(self.raw.try_clone()?, began, count, move |n| {
            text_frame(&request(
                u64::from(n),
                &channel,
                &user,
                first + u64::from(n),
            ))
        });
        let mut late_us = Vec::with_capacity(count as usize);
        while late_us.len() < count as usize {
            match self.reader.next().await? {
                Frame::Text(text) if is_ack(&text) => {
                    let n = text.iter().skip(6).take_while(|byte| byte.is_ascii_digit());
                    let n = n.fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
                    let at = began.elapsed().saturating_sub(pace.interval() * n);
                    late_us.push(u32::try_from(at.as_micros()).unwrap_or(u32::MAX));
                }
                other => bail!("the host answered a message with {other:?}"),
            }
        }
        self.sent += u64::from(count);
        join(pacing)?;
        Ok(late_us)
    }

    /// Sends to an audience and notes when each delivery comes.
    async fn deliveries(
        &mut self,
        audience: &mut Audience,
        window: Duration,
        cpu: impl Fn() -> Result<f64>,
        late: &mut Late,
    ) -> Result<()> {
        let (first, channel, user) = (self.sent, self.channel.clone(), self.user.clone());
        let frame = move |n: u32| {
            text_frame(&request(
                u64::from(n),
                &channel,
                &user,
                first + u64::from(n),
            ))
        };
        deliveries(self.raw.try_clone()?, audience, window, cpu, late, frame).await?;
        self.sent += u64::from(TO_AUDIENCE.count(window));
        for _ in 0..TO_AUDIENCE.count(window) {
            self.reader.next().await?;
        }
        Ok(())
    }
}

/// Publishes at the audience's pace by writing `frame(n)` to `raw`.
async fn deliveries(
    raw: StdStream,
    audience: &mut Audience,
    window: Duration,
    cpu: impl Fn() -> Result<f64>,
    late: &mut Late,
    frame: impl Fn(u32) -> Vec<u8> + Send + 'static,
) -> Result<()> {
    let (count, before) = (TO_AUDIENCE.count(window), audience.frames());
    let (cpu_before, began) = (cpu()?, Instant::now() + Duration::from_millis(20));
    audience.time(began, TO_AUDIENCE.interval());
    let pacing = TO_AUDIENCE.run(raw, began, count, frame);
    while audience.frames() - before < u64::from(count) * audience.size() {
        audience.progress().await?;
    }
    let cpu_s = cpu()? - cpu_before;
    let mut late_us = audience.take_times();
    join(pacing)?;
    late.cpu.add(cpu_s / late_us.len() as f64 * 1e6);
    late.p50.add(percentile(&mut late_us, 0.5));
    late.p99.add(percentile(&mut late_us, 0.99));
    Ok(())
}

impl Pace {
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second
    }

    fn count(self, window: Duration) -> u32 {
        (window.as_secs_f64() * f64::from(self.per_second)).round() as u32
    }

    /// Writes `frame(n)` at `n` intervals after `began`, from a thread: it sleeps more exactly than
    /// a task does.
    fn run(
        self,
        mut raw: StdStream,
        began: Instant,
        count: u32,
        frame: impl Fn(u32) -> Vec<u8> + Send + 'static,
    ) -> JoinHandle<Result<()>> {
        thread::spawn(move || {
            for n in 0..count {
                let frame = frame(n);
                thread::sleep(
                    (began + self.interval() * n).saturating_duration_since(Instant::now()),
                );
                write(&mut raw, &frame)?;
            }
            Ok(())
        })
    }
}

/// The stream does not block, for its other half is read by a task.
fn write(raw: &mut StdStream, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match raw.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_micros(50))
            }
            Err(error) => return Err(error).context("the host is gone"),
        }
    }
    Ok(())
}

fn join(pacing: JoinHandle<Result<()>>) -> Result<()> {
    pacing
        .join()
        .map_err(|_| anyhow::anyhow!("the pacing thread panicked"))?
}
