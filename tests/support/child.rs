//! The real binary as a process of its own: to be killed, stopped and started again.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::person::Link;
use super::{App, Database, Org, Person, eventually};

/// A host in a process of its own, with an org and two apps on it.
pub struct ChildHost {
    pub app: App,
    pub org: Org,
    link: Arc<Link>,
    database: Database,
    settings: Vec<(&'static str, String)>,
    process: Process,
    log: Arc<Mutex<String>>,
}

/// How the host is run. Settings are variables, as an operator would give them.
fn command(database: &Database, settings: &[(&'static str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_althing"));
    command.arg("serve");
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.envs([
        ("NO_COLOR", "1"),
        ("ALTHING_SERVER__LISTEN", "127.0.0.1:0"),
        ("ALTHING_LIMITS__USER_MESSAGES_PER_SECOND", "10000"),
        ("ALTHING_LIMITS__USER_MESSAGES_BURST", "10000"),
        ("ALTHING_LIMITS__USER_REQUESTS_PER_SECOND", "10000"),
        ("ALTHING_LIMITS__USER_REQUESTS_BURST", "10000"),
        ("ALTHING_SERVER__DRAIN_TIMEOUT_MS", "5000"),
    ]);
    command
        .env("ALTHING_DATA_DIR", database.data_dir())
        .env("ALTHING_STORE__URL", database.url());
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl ChildHost {
    /// Starts one.
    pub async fn start(database: &Database) -> Self {
        Self::with(database, &[]).await
    }

    /// Starts one with variables of the story's own.
    pub async fn with(database: &Database, settings: &[(&'static str, &str)]) -> Self {
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let (link, log) = (Link::new(), Arc::default());
        let process = begin(database, &settings, &link, &log).await;
        let key = std::fs::read_to_string(database.data_dir().join("operator.key"))
            .expect("the operator's key");
        let operator = Person::with_key(&link, key.trim());
        let (org, app) = App::create(&operator, "Zoo").await;
        let (_, other) = App::create(&operator, "Circus").await;
        other.populate().await;
        Self {
            app,
            org,
            link,
            database: database.clone(),
            settings,
            process,
            log,
        }
    }

    /// Somebody without any credential.
    pub fn stranger(&self) -> Person {
        Person::stranger(&self.link)
    }

    /// Ends it at once, as a power cut would, and starts it again on the same files.
    pub async fn kill_and_restart(&mut self) {
        self.kill();
        self.restart().await;
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after it ended.
    pub async fn restart(&mut self) {
        self.process = begin(&self.database, &self.settings, &self.link, &self.log).await;
    }

    /// Starts it again after it ended, to end by itself where `place` says: see `althing::crash`.
    pub async fn restart_to_crash_at(&mut self, place: &str) {
        let mut settings = self.settings.clone();
        settings.push(("CRASH_AT", place.to_owned()));
        self.process = begin(&self.database, &settings, &self.link, &self.log).await;
    }

    /// Asks it to stop, as a platform does. What it ends with comes from [`ChildHost::ended`].
    pub fn terminate(&self) {
        let sent = Command::new("kill")
            .args(["-TERM", &self.process.0.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// A process that it has started and that is still there, by its id.
    pub fn child(&self) -> Option<u32> {
        let parent = self.process.0.id().to_string();
        let processes = std::fs::read_dir("/proc").expect("the processes of this machine");
        let mut ids = processes
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.find(|id: &u32| {
            // After the name, which may hold anything, come its state and its parent.
            let known = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let after = known.rsplit_once(')').map_or("", |(_, after)| after);
            after.split_whitespace().nth(1) == Some(&parent)
        })
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually("the host ends", async || {
            self.process.0.try_wait().expect("the host's status")
        })
        .await
    }

    /// Everything that it wrote to its standard output and error so far.
    pub fn log(&self) -> String {
        text(&self.log)
    }
}

/// A process that does not outlive its story, however that ends.
struct Process(Child);

impl Process {
    fn run(mut command: Command) -> Self {
        Self(command.spawn().expect("the host is run"))
    }

    fn kill(&mut self) {
        // One that has ended by itself is no surprise to whoever kills it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a host says that does not start. It must end with a failure.
pub async fn refusal(database: &Database, settings: &[(&'static str, &str)]) -> String {
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    let mut process = Process::run(command(database, &settings));
    let said: Arc<Mutex<String>> = Arc::default();
    let threads = [
        keep(process.0.stdout.take(), &said),
        keep(process.0.stderr.take(), &said),
    ];
    let status = eventually("a host that can't start ends", async || {
        process.0.try_wait().expect("its status")
    })
    .await;
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("its output"));
    let said = text(&said);
    assert!(!status.success(), "it started: {said}");
    said
}

async fn begin(
    database: &Database,
    settings: &[(&'static str, String)],
    link: &Link,
    log: &Arc<Mutex<String>>,
) -> Process {
    let before = text(log).len();
    let mut process = Process::run(command(database, settings));
    keep(process.0.stdout.take(), log);
    keep(process.0.stderr.take(), log);
    let address = eventually("the host says where it listens", async || {
        let text = text(log)[before..].to_owned();
        if let Ok(Some(status)) = process.0.try_wait() {
            panic!("the host ended with {status}: {text}");
        }
        let line = text.lines().find(|line| line.contains("serving"))?;
        let (_, address) = line.split_once("listen=")?;
        address.split_whitespace().next()?.parse().ok()
    });
    link.set(address.await);
    process
}

/// Adds each line to the log, until the process closes the pipe.
fn keep(
    pipe: Option<impl Read + Send + 'static>,
    log: &Arc<Mutex<String>>,
) -> std::thread::JoinHandle<()> {
    let (pipe, log) = (pipe.expect("a pipe"), log.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
    })
}

fn text(log: &Mutex<String>) -> String {
    log.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
