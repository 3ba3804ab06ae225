//! A host as a process of its own: started, killed without a word, and weighed by what the kernel
//! says of it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::client::Rest;

/// How long a host may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// The unit of times in `/proc`, the same on all machines that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The largest rates that the host's settings take.
const RATES: [(&str, u32); 8] = [
    ("LIMITS__USER_MESSAGES_PER_SECOND", 100_000),
    ("LIMITS__USER_MESSAGES_BURST", 1_000_000),
    ("LIMITS__USER_REQUESTS_PER_SECOND", 100_000),
    ("LIMITS__USER_REQUESTS_BURST", 1_000_000),
    ("LIMITS__APP_MESSAGES_PER_SECOND", 1_000_000),
    ("LIMITS__APP_MESSAGES_BURST", 10_000_000),
    ("LIMITS__APP_REQUESTS_PER_SECOND", 1_000_000),
    ("LIMITS__APP_REQUESTS_BURST", 10_000_000),
];

/// How to start a host; good for any number of times.
#[derive(Debug, Clone)]
pub struct Launch {
    pub program: PathBuf,
    pub data_dir: PathBuf,
    pub address: SocketAddr,
    /// Settings on top of the defaults, such as `("SOCKET__QUEUE_FRAMES_MAX", "2048")`.
    pub settings: Vec<(&'static str, String)>,
}

/// A host that runs. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Launch {
    /// A host with its files in `data_dir`, at a port that is free now.
    ///
    /// # Errors
    /// No port is free.
    pub fn new(program: &Path, data_dir: &Path) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        Ok(Self {
            program: program.to_owned(),
            data_dir: data_dir.to_owned(),
            address,
            settings: Vec::new(),
        })
    }

    /// Adds rates that no load reaches.
    pub fn without_rate_limits(self) -> Self {
        RATES
            .iter()
            .fold(self, |launch, (name, value)| launch.set(name, value))
    }

    /// Adds a setting.
    pub fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }

    /// Starts it, and does not wait. Its log is appended to `host.log` in the data folder.
    ///
    /// # Errors
    /// The program can't be run.
    pub fn start(&self) -> Result<Process> {
        fs::create_dir_all(&self.data_dir)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.data_dir.join("host.log"))?;
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ALTHING_") {
                command.env_remove(name);
            }
        }
        command
            .arg("serve")
            .env("ALTHING_DATA_DIR", &self.data_dir)
            .env("ALTHING_SERVER__LISTEN", self.address.to_string())
            .envs(
                self.settings
                    .iter()
                    .map(|(name, value)| (format!("ALTHING_{name}"), value)),
            )
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command
            .spawn()
            .with_context(|| format!("can't run {}", self.program.display()))?;
        Ok(Process {
            child,
            address: self.address,
        })
    }
}

impl Process {
    /// Waits until it takes requests.
    ///
    /// # Errors
    /// It ended instead, or takes longer than half a minute.
    pub async fn ready(&mut self) -> Result<()> {
        self.ready_within(READY_WITHIN).await
    }

    /// The same with another patience.
    ///
    /// # Errors
    /// It ended instead, or takes longer.
    pub async fn ready_within(&mut self, within: Duration) -> Result<()> {
        let rest = Rest::new(self.address, "");
        let began = Instant::now();
        while began.elapsed() < within {
            // It listens before its plugins are loaded.
            if let Ok(answer) = rest.ask("GET", "/readyz", None).await
                && answer.status == 200
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the host ended ({status}); see host.log in its data folder");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the host was not ready within {} s", within.as_secs())
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// The kernel doesn't say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn kill(mut self) -> Result<()> {
        self.end()
    }

    /// The same, for one that is put in the place of another.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn end(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// The CPU time that it has taken, user and system, in seconds.
    ///
    /// # Errors
    /// It is gone.
    pub fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(self.child.id())
    }

    /// Its memory: what is its own, and its part of what it shares (PSS), in bytes.
    ///
    /// # Errors
    /// It is gone.
    pub fn memory_bytes(&self) -> Result<u64> {
        memory_bytes(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The memory of a process: what is its own, and its part of what it shares (PSS), in bytes.
///
/// # Errors
/// There is no such process.
pub fn memory_bytes(pid: u32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .context("no Pss line")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// The CPU time of a process so far, in seconds.
///
/// # Errors
/// There is no such process.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Its name comes first, in brackets, and may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let (Some(Ok(user)), Some(Ok(system))) = (times.next(), times.next()) else {
        bail!("no times in stat")
    };
    Ok((user + system) as f64 / TICKS_PER_SECOND)
}
