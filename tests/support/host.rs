//! A host in this process, on any free port, with an org and two apps on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use althing::clock::Clock;
use althing::config::Config;
use althing::serve::Host;
use tokio::sync::Mutex;

use super::person::Link;
use super::{App, Database, Org, Person};

/// 2026-11-20, 12:00 UTC, a Friday: when stories begin that set their clock.
const NOON: i64 = 1_795_176_000_000;

/// A host that a story talks to.
pub struct TestHost {
    /// The app that the story is about.
    pub app: App,
    /// Another app of another org, with people and messages of its own. Nothing of it may show.
    pub other: App,
    /// The org of `app`.
    pub org: Org,
    link: Arc<Link>,
    database: Database,
    config: Config,
    clock: Clock,
    running: std::sync::Mutex<Arc<Running>>,
}

/// A host, until it is stopped.
pub struct Running {
    host: Mutex<Option<Host>>,
    faults_expected: AtomicBool,
}

impl TestHost {
    /// A host with the settings of `Config::for_testing`.
    pub async fn start(database: &Database) -> Self {
        Self::with(database, |_| {}).await
    }

    /// A host with settings of the story's own.
    pub async fn with(database: &Database, set: impl FnOnce(&mut Config)) -> Self {
        Self::at(database, Clock::System, set).await
    }

    /// A host whose clock stands still until the story lets time [`pass`](Self::pass).
    pub async fn timeless(database: &Database) -> Self {
        Self::timeless_with(database, |_| {}).await
    }

    /// The same with other settings.
    pub async fn timeless_with(database: &Database, set: impl FnOnce(&mut Config)) -> Self {
        let clock = Clock::Fixed(Arc::new(AtomicI64::new(NOON)));
        Self::at(database, clock, set).await
    }

    /// A host whose clock the story sets.
    pub async fn at(database: &Database, clock: Clock, set: impl FnOnce(&mut Config)) -> Self {
        let mut config = database.config();
        set(&mut config);
        let link = Link::new();
        let running = start(&link, config.clone(), clock.clone()).await;
        database.keep(running.clone());
        let operator = Person::with_key(&link, &operator_key(&config));
        let (org, app) = App::create(&operator, "Zoo").await;
        let (_, other) = App::create(&operator, "Circus").await;
        other.populate().await;
        let database = database.clone();
        Self {
            app,
            other,
            org,
            link,
            database,
            config,
            clock,
            running: std::sync::Mutex::new(running),
        }
    }

    /// Who has the operator's key.
    pub fn operator(&self) -> Person {
        Person::with_key(&self.link, &operator_key(&self.config))
    }

    /// Somebody without any credential.
    pub fn stranger(&self) -> Person {
        Person::stranger(&self.link)
    }

    /// One of the host's figures; 0 while it is not there.
    pub async fn figure(&self, name: &str) -> u64 {
        let metrics = self.stranger().get("/metrics").await;
        assert_eq!(metrics.status, 200);
        let mut lines = metrics.text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a number"))
    }

    /// Somebody with this credential.
    pub fn bearer(&self, credential: &str) -> Person {
        Person::with_key(&self.link, credential)
    }

    /// Stops the host and starts another on the same database. People keep their tokens.
    pub async fn restart(&self) {
        self.stop().await;
        let running = start(&self.link, self.config.clone(), self.clock.clone()).await;
        self.database.keep(running.clone());
        *self.running.lock().expect("a lock") = running;
    }

    /// Stops the host in order.
    pub async fn stop(&self) {
        let running = self.running.lock().expect("a lock").clone();
        running.finish().await;
    }

    /// Says that plugins may fail in this story.
    pub fn expect_plugin_faults(&self) {
        self.running
            .lock()
            .expect("a lock")
            .faults_expected
            .store(true, Ordering::Relaxed);
    }

    /// Lets time pass on a clock that the story sets, whether the host runs or not.
    pub async fn pass(&self, time: Duration) {
        let Clock::Fixed(now) = &self.clock else {
            panic!("the system's clock goes by itself");
        };
        let ms = i64::try_from(time.as_millis()).expect("a time that a story may take");
        now.fetch_add(ms, Ordering::Relaxed);
        let running = self.running.lock().expect("a lock").clone();
        if let Some(host) = running.host.lock().await.as_ref() {
            host.app.timers_changed.notify_one();
        }
    }

    /// What the host works with.
    pub async fn inside(&self) -> Arc<althing::app::App> {
        let running = self.running.lock().expect("a lock").clone();
        let host = running.host.lock().await;
        host.as_ref().expect("the host runs").app.clone()
    }
}

impl Running {
    /// Stops the host, if it still runs, and looks whether its plugins were well.
    pub async fn finish(&self) {
        let Some(host) = self.host.lock().await.take() else {
            return;
        };
        let mut faults = Vec::new();
        for (_, loadout) in host.app.loadouts() {
            for (name, log) in &loadout.logs {
                let lines = log.lines();
                let lines = lines.iter().filter(|(_, level, _)| *level == "fault");
                faults.extend(lines.map(|(_, _, line)| format!("{name}: {line}")));
            }
        }
        host.stop().await;
        if !self.faults_expected.load(Ordering::Relaxed) {
            assert!(faults.is_empty(), "plugins failed: {faults:#?}");
        }
    }
}

async fn start(link: &Arc<Link>, config: Config, clock: Clock) -> Arc<Running> {
    let host = Host::start(config, clock).await.expect("the host starts");
    link.set(host.address);
    Arc::new(Running {
        host: Mutex::new(Some(host)),
        faults_expected: AtomicBool::new(false),
    })
}

fn operator_key(config: &Config) -> String {
    let key = std::fs::read_to_string(config.operator_key_file()).expect("the operator's key");
    key.trim().to_owned()
}
