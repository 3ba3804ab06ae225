//! The loop of somebody who writes a plugin: at every change it is built, uploaded and enabled on a
//! host, and what it logs there is shown. A change that doesn't build leaves the version that runs.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use clap::Args;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{KEY, build, read_component};
use crate::cli::answers::{self, Log, LogLine};
use crate::cli::client::{Body, Client, Connection};
use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain, table};
use crate::plugins::Digest;

/// How often the plugin's log is asked for.
const LOG_EVERY: Duration = Duration::from_secs(1);
/// Editors write a file in several steps, and people save several files: how long it must be quiet.
const QUIET: Duration = Duration::from_millis(150);

/// What to work on, and where to run it.
#[derive(Debug, Args)]
pub struct Dev {
    /// The plugin's folder, with its Cargo.toml
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

/// Goes on until it is stopped.
pub fn run(screen: &mut Screen<'_>, dev: &Dev) -> Result<(), Failure> {
    let host = Host {
        client: dev.connection.open(screen, KEY)?,
        runtime: crate::cli::runtime()?,
    };
    // Before the first build, so that no change is missed.
    let (_watcher, changed) = watch(&dev.folder)?;
    let mut work = Work::default();
    work.change(screen, &host, &dev.folder)?;
    loop {
        match changed.recv_timeout(LOG_EVERY) {
            Ok(()) => {
                while changed.recv_timeout(QUIET).is_ok() {}
                work.change(screen, &host, &dev.folder)?;
            }
            Err(RecvTimeoutError::Timeout) => work.show_log(screen, &host)?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::Other("changes are no longer told".into()));
            }
        }
    }
}

struct Host {
    client: Client,
    runtime: Runtime,
}

impl Host {
    fn get(&self, path: &[&str]) -> Result<Value, Failure> {
        self.runtime.block_on(self.client.get(path, &[]))
    }

    fn send(&self, method: Method, path: &[&str], body: Body) -> Result<Value, Failure> {
        self.runtime.block_on(self.client.send(method, path, body))
    }
}

/// What is known of the plugin on the host.
#[derive(Default)]
struct Work {
    running: Option<(String, Digest)>,
    log: Vec<LogLine>,
    /// Whether the last try to read the log failed, which is said once.
    is_lost: bool,
}

impl Work {
    /// Builds and runs what is there now. A fault is shown, and the next change is waited for; only
    /// what no change can mend ends the loop.
    fn change(
        &mut self,
        screen: &mut Screen<'_>,
        host: &Host,
        folder: &Path,
    ) -> Result<(), Failure> {
        match self.try_change(screen, host, folder) {
            Err(failure @ (Failure::Usage(_) | Failure::Pipe)) => Err(failure),
            Err(failure) => {
                failure.report(screen);
                Ok(screen.note("Waiting for a change …")?)
            }
            Ok(()) => Ok(()),
        }
    }

    fn try_change(
        &mut self,
        screen: &mut Screen<'_>,
        host: &Host,
        folder: &Path,
    ) -> Result<(), Failure> {
        let (path, checked) = build::component(screen, folder)?;
        let manifest = &checked.inspection.manifest;
        let name = manifest.name.clone();
        let running = Some((name.clone(), checked.inspection.digest));
        if self.running == running {
            return Ok(screen.note("It is the same as before.")?);
        }
        if self
            .running
            .as_ref()
            .is_none_or(|(known, _)| *known != name)
        {
            // What was logged before is of another time.
            self.log = read_log(host, &name).unwrap_or_default();
        }
        let bytes = read_component(&path)?;
        host.send(Method::POST, &["plugins"], Body::Component(bytes))?;
        let request = json!({
            "enabled": true, "consent": true, "digest": checked.inspection.digest.to_string(),
        });
        host.send(Method::PUT, &["plugins", &name], Body::Json(request))?;
        self.running = running;
        let digest = checked.inspection.digest.to_string();
        let line = format!(
            "{name} {} ({}) runs",
            manifest.version,
            super::short(&digest)
        );
        Ok(screen.print(&plain(&line))?)
    }

    fn show_log(&mut self, screen: &mut Screen<'_>, host: &Host) -> Result<(), Failure> {
        let Some((name, _)) = &self.running else {
            return Ok(());
        };
        let lines = match read_log(host, name) {
            Ok(lines) => lines,
            Err(failure) => {
                if !self.is_lost {
                    failure.report(screen);
                }
                self.is_lost = true;
                return Ok(());
            }
        };
        self.is_lost = false;
        let rows: Vec<_> = unseen(&self.log, &lines)
            .iter()
            .map(|line| [line.at.clone(), line.level.clone(), line.message.clone()])
            .collect();
        self.log = lines;
        if rows.is_empty() {
            return Ok(());
        }
        Ok(screen.print(&table(2, &rows))?)
    }
}

fn read_log(host: &Host, name: &str) -> Result<Vec<LogLine>, Failure> {
    let log: Log = answers::read(&host.get(&["plugins", name, "log"])?)?;
    Ok(log.lines)
}

/// The lines at the end of `lines` that were not in `seen`. The host keeps so many: old ones go at
/// the front as new ones come.
fn unseen<'l>(seen: &[LogLine], lines: &'l [LogLine]) -> &'l [LogLine] {
    let kept = (0..=seen.len())
        .map(|gone| &seen[gone..])
        .find(|kept| lines.starts_with(kept))
        .unwrap_or_default();
    &lines[kept.len()..]
}

/// Tells of changes of the project's files. The signal is one for any number of changes.
fn watch(folder: &Path) -> Result<(RecommendedWatcher, Receiver<()>), Failure> {
    let shown = plain(&folder.display().to_string());
    let failed =
        |error: notify::Error| Failure::Other(format!("{shown}: can't be watched: {error}"));
    let folder = folder
        .canonicalize()
        .map_err(|error| Failure::Usage(format!("{shown}: can't be read: {error}")))?;
    let (sender, changed) = sync_channel(1);
    let top = folder.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        tell(&sender, &top, event);
    })
    .map_err(failed)?;
    watcher
        .watch(&folder, RecursiveMode::NonRecursive)
        .map_err(failed)?;
    // Not the top with all below it: what cargo builds is more than all the rest.
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        if entry.path().is_dir() && is_source(&folder, &entry.path()) {
            watcher
                .watch(&entry.path(), RecursiveMode::Recursive)
                .map_err(failed)?;
        }
    }
    Ok((watcher, changed))
}

fn tell(sender: &SyncSender<()>, top: &Path, event: notify::Result<notify::Event>) {
    // After a fault something may have been missed.
    let is_change = event.map_or(true, |event| {
        !matches!(event.kind, EventKind::Access(_))
            && event.paths.iter().any(|path| is_source(top, path))
    });
    if is_change {
        // A full queue has told already.
        let _ = sender.try_send(());
    }
}

/// What is not a source of the plugin, at the top of its folder: in whatever language it is.
const MADE: [&str; 8] = [
    "",
    "target",
    "cases",
    "Cargo.lock",
    "build",
    "node_modules",
    "package-lock.json",
    "__pycache__",
];

/// Whether a change of a file is one of the plugin, and not what building or testing it leaves.
fn is_source(top: &Path, path: &Path) -> bool {
    let Ok(within) = path.strip_prefix(top) else {
        return false;
    };
    let mut parts = within.iter().map(|part| part.to_string_lossy());
    let is_hidden = parts.clone().any(|part| part.starts_with('.'));
    let first = parts.next().unwrap_or_default();
    let is_made =
        MADE.contains(&&*first) || first.ends_with(".wasm") || first.ends_with(".wasm.part");
    !is_hidden && !is_made && !within.to_string_lossy().ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(messages: &str) -> Vec<LogLine> {
        let line = |message: char| LogLine {
            at: "2026-01-01T00:00:00.000Z".into(),
            level: "info".into(),
            message: message.into(),
        };
        messages.chars().map(line).collect()
    }

    #[test]
    fn each_line_of_the_log_is_shown_once() {
        for (seen, now, new) in [
            ("", "ab", "ab"),
            ("ab", "ab", ""),
            ("ab", "abc", "c"),
            ("abc", "cd", "d"),
            ("aa", "aaa", "a"),
            ("abc", "xyz", "xyz"),
            ("abc", "", ""),
        ] {
            let (seen, now) = (lines(seen), lines(now));
            assert_eq!(unseen(&seen, &now), lines(new), "{new}");
        }
    }

    #[test]
    fn what_building_leaves_is_no_change() {
        let top = Path::new("/p");
        for (path, is) in [
            ("/p/src/lib.rs", true),
            ("/p/plugin.toml", true),
            ("/p/Cargo.toml", true),
            ("/p/vendor/wit/host.wit", true),
            ("/p/src/target/lib.rs", true),
            ("/p/target/release/x", false),
            ("/p/Cargo.lock", false),
            ("/p/dice.wasm", false),
            ("/p/dice.wasm.part", false),
            ("/p/build/plugin.wasm", false),
            ("/p/node_modules/x/index.js", false),
            ("/p/.venv/bin/python", false),
            ("/p/.git/index", false),
            ("/p/src/.lib.rs.swp", false),
            ("/p/src/lib.rs~", false),
            ("/p", false),
            ("/q/src/lib.rs", false),
        ] {
            assert_eq!(is_source(top, Path::new(path)), is, "{path}");
        }
    }

    #[test]
    fn a_change_is_told_once_and_soon() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::create_dir(folder.path().join("target")).unwrap();
        let (_watcher, changed) = watch(folder.path()).unwrap_or_else(|_| panic!());
        std::fs::write(folder.path().join("target/x"), "x").unwrap();
        std::fs::write(folder.path().join("dice.wasm"), "x").unwrap();
        std::fs::write(folder.path().join("src/lib.rs"), "x").unwrap();
        changed.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
