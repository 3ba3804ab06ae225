//! Runs the measurements that were asked for.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;

use super::{
    Report, chain, engine, fanout, installs, latency, memory, neighbour, plugins, promotion, sends,
};
use crate::client::App;
use crate::process::{Launch, Process};

/// File descriptors that the largest measurement takes, in the driver and in the host.
const FILES_MIN: u64 = 5000;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measurement {
    /// Durable sends on SQLite.
    Sends,
    /// Durable sends on Postgres; needs a server.
    Postgres,
    /// Deliveries to 100 and 1,000 subscribers, as many as the host can.
    Fanout,
    /// How late acknowledgements and deliveries are at a fixed rate.
    Latency,
    /// What an idle connection takes.
    Memory,
    /// What guards cost.
    Plugins,
    /// What the plugin engine costs by itself.
    Engine,
    /// What a chain of guards costs.
    Chain,
    /// How many plugins a host holds.
    Installs,
    /// What happens while another version of a guard takes over.
    Promotion,
    /// What a tenant's neighbour feels of its hostile plugins.
    Neighbour,
}

/// How to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// The host's program.
    pub host: PathBuf,
    /// Where the plugins' components are.
    pub plugins: PathBuf,
    /// Data folders and the like go into a folder in here, on a disk that syncs.
    pub scratch: PathBuf,
    /// The Postgres server, as an URL.
    pub postgres: Option<String>,
    /// One measurement instead of all.
    pub only: Option<Measurement>,
    /// Whether it is a quick look.
    pub quick: bool,
    pub rounds: usize,
    pub warm_up: Duration,
    pub window: Duration,
}

/// A host that is measured. Its files go when it is dropped.
pub struct Scene {
    pub process: Process,
    launch: Launch,
}

impl Options {
    /// The usual length, or a quick look.
    pub fn new(host: PathBuf, plugins: PathBuf, scratch: PathBuf, quick: bool) -> Self {
        let (rounds, window_ms) = if quick { (3, 700) } else { (7, 2000) };
        let (warm_up, window) = (Duration::from_millis(300), Duration::from_millis(window_ms));
        Self {
            host,
            plugins,
            scratch,
            postgres: None,
            only: None,
            quick,
            rounds,
            warm_up,
            window,
        }
    }

    /// The command that runs a floor.
    pub fn floor(&self, arguments: &[&str]) -> Command {
        // Nothing removes the program that is running.
        let mut command = Command::new(std::env::current_exe().unwrap_or_default());
        command.arg("floor").args(arguments);
        command.args(["--warm-up-ms", &self.warm_up.as_millis().to_string()]);
        command.args(["--window-ms", &self.window.as_millis().to_string()]);
        command.stdin(Stdio::null());
        command
    }
}

impl Scene {
    /// Starts a host with an empty data folder and no rate limits.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn start(
        options: &Options,
        name: &str,
        configure: impl FnOnce(Launch) -> Launch,
    ) -> Result<Self> {
        let folder = options
            .scratch
            .join(format!("{name}-{}", std::process::id()));
        let launch = Launch::new(&options.host, &folder)?
            .without_rate_limits()
            // The audience does not answer pings.
            .set("SOCKET__PING_INTERVAL_MS", 600_000);
        let launch = configure(launch);
        let mut process = launch.start()?;
        process.ready().await?;
        Ok(Self { process, launch })
    }

    /// An app of its own on this host.
    ///
    /// # Errors
    /// The host refuses.
    pub async fn app(&self) -> Result<App> {
        App::create(self.process.address, &self.launch.data_dir).await
    }

    /// Kills the host and starts it again with what it had.
    ///
    /// # Errors
    /// It does not become ready in time.
    pub async fn restart(&mut self, within: Duration) -> Result<()> {
        self.process.end()?;
        self.process = self.launch.start()?;
        self.process.ready_within(within).await
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.launch.data_dir
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // What is left is in the build folder, where nobody minds.
        let _ = std::fs::remove_dir_all(&self.launch.data_dir);
    }
}

/// Measures and gives the figures.
///
/// # Errors
/// A host fails, refuses, or is not there.
pub async fn run(options: &Options) -> Result<Report> {
    ensure_files()?;
    let mut report = Report::default();
    let wanted = |measurement| options.only.is_none_or(|only| only == measurement);
    if wanted(Measurement::Sends) {
        sends::on_sqlite(options, &mut report)
            .await
            .context("sends")?;
    }
    if wanted(Measurement::Postgres) {
        match &options.postgres {
            Some(server) => sends::on_postgres(options, server, &mut report)
                .await
                .context("postgres")?,
            None => eprintln!(
                "  (no Postgres: name a server with --postgres or ALTHING_BENCH_POSTGRES)"
            ),
        }
    }
    if wanted(Measurement::Fanout) {
        fanout::measure(options, &mut report)
            .await
            .context("fanout")?;
    }
    if wanted(Measurement::Latency) {
        latency::measure(options, &mut report)
            .await
            .context("latency")?;
    }
    if wanted(Measurement::Memory) {
        memory::measure(options, &mut report)
            .await
            .context("memory")?;
    }
    if wanted(Measurement::Plugins) {
        plugins::measure(options, &mut report)
            .await
            .context("plugins")?;
    }
    if wanted(Measurement::Engine) {
        engine::measure(options, &mut report)
            .await
            .context("engine")?;
    }
    if wanted(Measurement::Chain) {
        chain::measure(options, &mut report)
            .await
            .context("chain")?;
    }
    if wanted(Measurement::Installs) {
        installs::measure(options, &mut report)
            .await
            .context("installs")?;
    }
    if wanted(Measurement::Promotion) {
        promotion::measure(options, &mut report)
            .await
            .context("promotion")?;
    }
    if wanted(Measurement::Neighbour) {
        neighbour::measure(options, &mut report)
            .await
            .context("neighbour")?;
    }
    Ok(report)
}

fn ensure_files() -> Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .unwrap_or_default();
    let soft = line.split_whitespace().next().unwrap_or_default();
    let enough = soft == "unlimited" || soft.parse::<u64>().is_ok_and(|files| files >= FILES_MIN);
    ensure!(
        enough,
        "only {soft} files may be open; run `ulimit -n {FILES_MIN}` first"
    );
    Ok(())
}
