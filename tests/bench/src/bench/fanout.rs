//! Fan-out: deliveries in a second and the host's CPU time for each, beside a server that only
//! writes prepared frames. As many messages are under way as fit easily into a subscriber's queue.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::audience::Audience;
use super::report::{Row, Target};
use super::run::{Options, Scene};
use super::senders::Senders;
use super::{Report, Samples};
use crate::client::App;
use crate::floor::fanout::CONTROL;
use crate::process::cpu_seconds;

/// How large the audiences are.
const AUDIENCES: [usize; 2] = [100, 1000];
/// Messages that are published and not yet with everybody.
const UNDER_WAY: u64 = 256;
/// Who sends them.
const SENDERS: usize = 8;

/// Where frames come from.
pub enum Source {
    Host(Senders),
    Floor(TcpStream),
}

/// What one window gave.
struct Window {
    deliveries_per_second: f64,
    cpu_us: f64,
}

/// A floor that runs, and its audience.
pub struct Floor {
    child: Child,
    pub port: u16,
}

impl Floor {
    /// Starts the floor with frames of this size.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(options: &Options, frame_bytes: u64) -> Result<Self> {
        let mut command = options.floor(&["fanout", "--frame-bytes", &frame_bytes.to_string()]);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .context("can't run the floor")?;
        let stdout = child.stdout.take().context("the floor has no output")?;
        let mut floor = Self { child, port: 0 };
        let mut port = String::new();
        BufReader::new(stdout).read_line(&mut port)?;
        floor.port = port
            .trim()
            .parse()
            .context("the floor did not say its port")?;
        Ok(floor)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The connection that makes it publish.
    ///
    /// # Errors
    /// It is gone.
    pub async fn control(&self) -> Result<TcpStream> {
        let mut control = TcpStream::connect(("127.0.0.1", self.port)).await?;
        control.set_nodelay(true)?;
        control.write_all(&[CONTROL]).await?;
        Ok(control)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A channel with an audience, and users who may send to it, who watch nothing themselves.
///
/// # Errors
/// The host refuses.
pub async fn stage(
    app: &App,
    channel: &str,
    audience: usize,
    senders: usize,
) -> Result<(Audience, Senders)> {
    let users: Vec<String> = (0..senders)
        .map(|n| format!("{channel}-sender-{n}"))
        .collect();
    app.add_users(&users).await?;
    let mut audience = Audience::watch(app, channel, audience, &users).await?;
    // Everybody hears of everybody's coming; that is not what is measured.
    audience.quiet().await?;
    let senders = Senders::connect(app, &users, |_| channel.to_owned()).await?;
    Ok((audience, senders))
}

/// The size of a frame that carries a message, as the audience gets it.
///
/// # Errors
/// The host fails.
pub async fn frame_bytes(audience: &mut Audience, senders: &mut Senders) -> Result<u64> {
    let (frames, bytes) = (audience.frames(), audience.bytes());
    senders.send(8).await?;
    audience.quiet().await?;
    senders.drain().await?;
    Ok((audience.bytes() - bytes) / (audience.frames() - frames).max(1))
}

/// Measures both audiences.
///
/// # Errors
/// The host or the floor fails.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let scene = Scene::start(options, "fanout", |launch| launch).await?;
    let app = scene.app().await?;
    for size in AUDIENCES {
        let (mut audience, mut senders) =
            stage(&app, &format!("hall-{size}"), size, SENDERS).await?;
        let bytes = frame_bytes(&mut audience, &mut senders).await?;
        let floor = Floor::start(options, bytes)?;
        let mut floor_audience = Audience::of_floor(floor.port, size).await?;
        let (mut host, mut bare) = (Source::Host(senders), Source::Floor(floor.control().await?));
        let mut samples: [Samples; 4] = Default::default();
        for _ in 0..options.rounds {
            let of_floor = saturate(options, &mut bare, &mut floor_audience, || {
                cpu_seconds(floor.pid())
            })
            .await?;
            let of_host = saturate(options, &mut host, &mut audience, || {
                scene.process.cpu_seconds()
            })
            .await?;
            samples[0].add(of_host.deliveries_per_second);
            samples[1].add(of_floor.deliveries_per_second);
            samples[2].add(of_host.cpu_us);
            samples[3].add(of_floor.cpu_us);
        }
        let [host_rate, floor_rate, host_cpu, floor_cpu] = samples;
        report.add(Row::beside(
            format!("deliveries to {size}, saturated"),
            "a second",
            host_rate,
            floor_rate,
        ));
        let row = Row::beside(
            format!("  CPU of each, {size} subscribers"),
            "µs",
            host_cpu,
            floor_cpu,
        );
        report.add(if size == 100 {
            row.with_target(Target::AtMost(2.0))
        } else {
            row
        });
    }
    Ok(())
}

/// Publishes as much as everybody can take.
async fn saturate(
    options: &Options,
    source: &mut Source,
    audience: &mut Audience,
    cpu: impl Fn() -> Result<f64>,
) -> Result<Window> {
    let (before, size) = (audience.frames(), audience.size());
    let began = Instant::now();
    let mut published = 0;
    let mut mark: Option<(Duration, u64, f64)> = None;
    let end = options.warm_up + options.window;
    loop {
        let delivered = audience.frames() - before;
        let now = began.elapsed();
        match mark {
            None if now >= options.warm_up => mark = Some((now, delivered, cpu()?)),
            Some((from, first, cpu_then)) if now >= end => {
                let (deliveries, seconds) =
                    ((delivered - first) as f64, (now - from).as_secs_f64());
                let window = Window {
                    deliveries_per_second: deliveries / seconds,
                    cpu_us: (cpu()? - cpu_then) / deliveries * 1e6,
                };
                audience.quiet().await?;
                source.settle().await?;
                return Ok(window);
            }
            _ => {}
        }
        let room = (delivered / size + UNDER_WAY).saturating_sub(published);
        // Not one by one: senders have more than one message to say under load.
        if room >= UNDER_WAY / 16 {
            source.publish(room).await?;
            published += room;
        }
        audience.progress().await?;
    }
}

impl Source {
    async fn publish(&mut self, count: u64) -> Result<()> {
        match self {
            Source::Host(senders) => {
                senders.send(count).await?;
                senders.drain().await
            }
            Source::Floor(control) => Ok(control.write_all(&vec![b'.'; count as usize]).await?),
        }
    }

    async fn settle(&mut self) -> Result<()> {
        match self {
            Source::Host(senders) => senders.drain().await,
            Source::Floor(_) => Ok(()),
        }
    }
}
