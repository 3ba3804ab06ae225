//! One run: a host under load, killed at bad moments and started again on the same data and port;
//! then peace, until everybody has what is theirs; then the verdict.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::checker::{Checked, Found, check};
use super::history::{Attempt, Effect, History, Log, Stream};
use super::moment::{Moment, Told};
use super::newcomers::{self, GREETING};
use super::random::Random;
use super::reader::{self, Watch};
use super::wire;
use super::writer::{self, Load};
use crate::client::{App, Component, Rest};
use crate::component;
use crate::postgres::Database;
use crate::process::{Launch, Process};

/// How long everybody may take to be done once nothing is killed any more.
const PEACE_MAX: Duration = Duration::from_secs(120);
/// The most entries of a log, that it can be read in one answer.
const ENTRIES_MAX: u32 = 100_000;
/// Twice the largest log, for the same reason.
const LOG_BYTES_MAX: usize = 64 << 20;
/// Where newcomers are greeted and announced.
const LOBBY: &str = "lobby";

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The host's program.
    pub host: PathBuf,
    /// The folder of the plugins' components.
    pub plugins: PathBuf,
    /// A folder of the run's own; removed when all was well.
    pub folder: PathBuf,
    /// A Postgres server; SQLite without.
    pub postgres: Option<String>,
    pub seed: u64,
    pub kills: u32,
    pub channels: usize,
    pub writers: usize,
    pub readers: usize,
    /// Between two messages of one writer.
    pub every: Duration,
}

impl Plan {
    /// The command that does it once more: the same kills, as far as the machine lets them be.
    pub fn command(&self) -> String {
        let Plan {
            seed,
            kills,
            channels,
            writers,
            readers,
            ..
        } = self;
        let every = self.every.as_millis();
        let database = if self.postgres.is_some() {
            " --database postgres://…"
        } else {
            ""
        };
        format!(
            "cargo run -p althing-bench --bin crash -- --seed {seed} --kills {kills} --channels {channels} \
             --writers {writers} --readers {readers} --every-ms {every}{database}"
        )
    }
}

/// How it ended.
#[derive(Debug)]
pub struct Outcome {
    pub kills: u32,
    pub verdict: Result<Checked, Box<Found>>,
}

/// Everybody who works on the host.
struct Crowd {
    writers: JoinSet<()>,
    readers: JoinSet<()>,
    newcomers: JoinSet<Result<Vec<Effect>>>,
    attempts: Vec<Arc<Mutex<Vec<Attempt>>>>,
    streams: Vec<Arc<Mutex<Vec<Stream>>>>,
    told: Arc<Told>,
    enough: watch::Sender<bool>,
    stop: watch::Sender<bool>,
}

/// Runs it.
///
/// # Errors
/// The host does not start, or refuses what it should not. What it promised and did not keep is in
/// the outcome.
pub async fn run(plan: &Plan) -> Result<Outcome> {
    let database = match &plan.postgres {
        Some(server) => Some(Database::create(server, "althing_crash").await?),
        None => None,
    };
    let mut launch = Launch::new(&plan.host, &plan.folder)?
        .without_rate_limits()
        .set("LIMITS__REPLAY_EVENTS_MAX", ENTRIES_MAX)
        .set("SOCKET__QUEUE_BYTES_MAX", LOG_BYTES_MAX)
        .set("LOG__FILTER", "warn");
    if let Some(database) = &database {
        launch = launch.set("STORE__URL", &database.url);
    }
    let mut host = launch.start()?;
    host.ready().await?;
    let load = App::create(launch.address, &plan.folder).await?;
    let greeted = App::create(launch.address, &plan.folder).await?;
    let channels = prepare(plan, &load, &greeted).await?;
    let mut crowd = Crowd::gather(plan, &load, &greeted, &channels).await?;

    let mut random = Random::new(plan.seed, 0);
    for kill in 0..plan.kills {
        Moment::of(kill).come(&mut random, &crowd.told).await;
        host.kill()?;
        host = restart(&launch, kill, random.once_in(4)).await?;
    }
    host.ready().await?;
    let effects = crowd.settle(&greeted).await?;
    // What was acknowledged in peace is as safe as the rest.
    host.kill()?;
    let mut host = launch.start()?;
    host.ready().await?;
    let heads = heads(&load, &channels).await?;
    crowd.catch_up(&heads).await;

    let mut history = crowd.into_history().await;
    for channel in &channels {
        history.logs.push(read_log(&load.rest, channel).await?);
    }
    history.logs.push(read_log(&greeted.rest, LOBBY).await?);
    history.effects = effects;
    let verdict = check(&history).map_err(Box::new);
    host.kill()?;
    if let Some(database) = database {
        database.drop().await?;
    }
    if verdict.is_ok() {
        std::fs::remove_dir_all(&plan.folder)?;
    }
    Ok(Outcome {
        kills: plan.kills + 1,
        verdict,
    })
}

/// Starts it again. When `early`, it is not waited for, and may be killed before it serves.
async fn restart(launch: &Launch, kill: u32, early: bool) -> Result<Process> {
    let mut host = launch.start()?;
    if !early {
        host.ready()
            .await
            .with_context(|| format!("after kill {}", kill + 1))?;
    }
    Ok(host)
}

/// Users, channels, and the plugins: the assistant remembers whom it has greeted, and must not forget
/// the greeting; the herald remembers nothing, and must not be asked twice.
async fn prepare(plan: &Plan, load: &App, greeted: &App) -> Result<Vec<String>> {
    let users: Vec<String> = names("writer", plan.writers)
        .chain(names("reader", plan.readers))
        .collect();
    load.add_users(&users).await?;
    let channels: Vec<String> = names("channel", plan.channels).collect();
    for channel in &channels {
        load.add_channel(channel, &users).await?;
    }
    greeted.add_users(&["reader-00".into()]).await?;
    greeted.add_channel(LOBBY, &["reader-00".into()]).await?;
    let assistant = Component {
        bytes: &component::read(&plan.plugins.join("assistant.wasm"))?,
        grants: &[
            "kv",
            "timers",
            "chat-read",
            "chat-write",
            "counters",
            "http",
        ],
        // Each by themselves, so that each has one text.
        config: json!({ "greeting": GREETING, "greeting_wait_seconds": 0 }),
    };
    let herald = Component {
        bytes: &component::read(&plan.plugins.join("herald.wasm"))?,
        grants: &["chat-write"],
        config: json!({}),
    };
    greeted.enable(&assistant).await?;
    greeted.enable(&herald).await?;
    Ok(channels)
}

fn names(what: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |n| format!("{what}-{n:02}"))
}

impl Crowd {
    async fn gather(plan: &Plan, load: &App, greeted: &App, channels: &[String]) -> Result<Self> {
        let mut crowd = Self {
            writers: JoinSet::new(),
            readers: JoinSet::new(),
            newcomers: JoinSet::new(),
            attempts: Vec::new(),
            streams: Vec::new(),
            told: Arc::default(),
            enough: watch::Sender::new(false),
            stop: watch::Sender::new(false),
        };
        let address = load.rest.address;
        for (n, user) in names("writer", plan.writers).enumerate() {
            let attempts = Arc::new(Mutex::new(Vec::new()));
            crowd.attempts.push(attempts.clone());
            let token = load.token(&user).await?;
            crowd.writers.spawn(writer::run(Load {
                rest: Rest::new(address, &token),
                token,
                user,
                channels: channels.to_vec(),
                // The first goes over REST, the others have more or less under way.
                window: n * 8,
                every: plan.every,
                random: Random::new(plan.seed, 100 + n as u64),
                attempts,
                told: crowd.told.clone(),
                enough: crowd.enough.subscribe(),
            }));
        }
        let lobby = [LOBBY.to_owned()];
        let loaded = names("reader", plan.readers).map(|user| (load, user, channels));
        for (n, (app, user, channels)) in loaded
            .chain([(greeted, "reader-00".into(), &lobby[..])])
            .enumerate()
        {
            let streams = Watch::streams_of(&user, channels);
            crowd.streams.push(streams.clone());
            crowd.readers.spawn(reader::run(Watch {
                address,
                token: app.token(&user).await?,
                user,
                from_start: n % 2 == 0,
                random: Random::new(plan.seed, 200 + n as u64),
                streams,
                told: crowd.told.clone(),
                stop: crowd.stop.subscribe(),
            }));
        }
        let enough = crowd.enough.subscribe();
        crowd
            .newcomers
            .spawn(newcomers::run(greeted.rest.clone(), LOBBY.into(), enough));
        Ok(crowd)
    }

    /// Lets the writers end what they have begun and the plugins greet whom they have not greeted yet.
    /// Whatever is not done in time shows in the verdict.
    async fn settle(&mut self, greeted: &App) -> Result<Vec<Effect>> {
        self.enough.send_replace(true);
        let Some(effects) = self.newcomers.join_next().await else {
            bail!("nobody has joined")
        };
        let effects = effects??;
        let writers = async { while self.writers.join_next().await.is_some() {} };
        if timeout(PEACE_MAX, writers).await.is_err() {
            self.writers.abort_all();
        }
        let until = Instant::now() + PEACE_MAX;
        while Instant::now() < until {
            let log = read_log(&greeted.rest, LOBBY).await?;
            let greetings = log
                .entries
                .iter()
                .filter(|entry| entry.event == "message.new")
                .count();
            if greetings >= effects.len() {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(effects)
    }

    /// Waits until the readers have all there is.
    async fn catch_up(&mut self, heads: &[(String, i64)]) {
        let until = Instant::now() + PEACE_MAX;
        while Instant::now() < until && !self.has_all(heads) {
            sleep(Duration::from_millis(20)).await;
        }
        self.stop.send_replace(true);
        while self.readers.join_next().await.is_some() {}
    }

    fn has_all(&self, heads: &[(String, i64)]) -> bool {
        self.streams.iter().all(|streams| {
            let streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
            streams.iter().all(|stream| {
                let head = heads.iter().find(|(channel, _)| *channel == stream.channel);
                head.is_none_or(|(_, head)| {
                    reader::position(stream).is_some_and(|position| position >= *head)
                })
            })
        })
    }

    async fn into_history(self) -> History {
        let take = |attempts: &Arc<Mutex<Vec<Attempt>>>| {
            std::mem::take(&mut *attempts.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let take_streams = |streams: &Arc<Mutex<Vec<Stream>>>| {
            std::mem::take(&mut *streams.lock().unwrap_or_else(PoisonError::into_inner))
        };
        History {
            attempts: self.attempts.iter().flat_map(take).collect(),
            streams: self.streams.iter().flat_map(take_streams).collect(),
            ..History::default()
        }
    }
}

async fn heads(app: &App, channels: &[String]) -> Result<Vec<(String, i64)>> {
    let mut heads = Vec::new();
    for channel in channels {
        let found = app
            .rest
            .call("GET", &format!("/v1/channels/{channel}"), None)
            .await?;
        heads.push((channel.clone(), found["head"].as_i64().context("no head")?));
    }
    Ok(heads)
}

/// The whole log of a channel, over REST.
async fn read_log(app: &Rest, channel: &str) -> Result<Log> {
    let answer = app
        .call(
            "GET",
            &format!("/v1/channels/{channel}/events?since=0"),
            None,
        )
        .await?;
    let head = answer["head"].as_i64().context("no head")?;
    ensure!(
        answer["recovered"] == true,
        "the log of {channel} has {head} entries, too many for one answer"
    );
    let events = answer["events"].as_array().context("no events")?;
    let entries = events
        .iter()
        .map(|event| wire::entry(event)?.context("an event without seq"));
    Ok(Log {
        channel: channel.into(),
        head,
        entries: entries.collect::<Result<_>>()?,
    })
}
