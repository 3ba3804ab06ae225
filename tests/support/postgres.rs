//! A real Postgres for the stories and the crash test: the one that `ALTHING_TEST_POSTGRES` names, else one of Debian's
//! package, started once for the whole test run and gone with it.
//!
//! It lies in memory where there is room, because the host rightly insists on `fsync`, and hundreds
//! of stories would wait for the disk.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A Postgres server. One of the tests' own is gone when this is dropped, or this process ends.
pub struct Postgres {
    /// A url up to the name of the database, and what follows the name.
    pub url: (String, String),
    guard: Option<Child>,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(guard) = &mut self.guard {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

/// The server of the stories, started if need be: a url up to the name of the database, and what
/// follows the name.
pub fn server() -> &'static (String, String) {
    static SERVER: OnceLock<Result<Postgres, String>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match std::env::var("ALTHING_TEST_POSTGRES") {
        Ok(url) => split(&url).map(|url| Postgres { url, guard: None }),
        Err(_) => start(&[]),
    });
    match server {
        Ok(server) => &server.url,
        Err(sentence) => panic!("{sentence}"),
    }
}

/// A folder for files that need not outlive the test run: in memory if there is room.
pub fn scratch() -> PathBuf {
    if let Some(folder) = std::env::var_os("ALTHING_TEST_DIR") {
        return folder.into();
    }
    static ROOM: OnceLock<bool> = OnceLock::new();
    let room = ROOM.get_or_init(|| {
        let free = Command::new("df")
            .args(["--output=avail", "--block-size=M", "/dev/shm"])
            .stderr(Stdio::null())
            .output();
        let free = free.ok().and_then(|out| {
            String::from_utf8_lossy(&out.stdout)
                .lines()
                .nth(1)?
                .trim()
                .trim_end_matches('M')
                .parse::<u64>()
                .ok()
        });
        free.is_some_and(|megabytes| megabytes >= 2048)
    });
    if *room {
        "/dev/shm".into()
    } else {
        std::env::temp_dir()
    }
}

fn split(url: &str) -> Result<(String, String), String> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    let authority = base.split_once("://").map_or("", |(_, rest)| rest);
    match (authority, base.rsplit_once('/')) {
        ("", _) | (_, None) => Err(
            "ALTHING_TEST_POSTGRES must be a url such as postgres://user:password@host/postgres"
                .into(),
        ),
        (authority, Some((before, _))) if authority.contains('/') => {
            Ok((format!("{before}/"), query))
        }
        _ => Ok((format!("{base}/"), query)),
    }
}

/// Starts a server of one's own with these settings, such as `fsync=off`.
pub fn start(settings: &[&str]) -> Result<Postgres, String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let bin = programs().ok_or("The stories need Postgres: `apt-get install postgresql`, or name one in ALTHING_TEST_POSTGRES.")?;
    let folder = scratch().join(format!(
        "althing-postgres-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    ));
    let failed = |what: &str| format!("Postgres for the tests in {}: {what}", folder.display());
    std::fs::create_dir(&folder).map_err(|e| failed(&e.to_string()))?;
    // Postgres refuses to run as root.
    let user = if folder_owner(&folder) == 0 {
        Some(postgres_user().ok_or_else(|| failed("there is no user `postgres`"))?)
    } else {
        None
    };
    if let Some((uid, gid)) = user {
        chown(&folder, Some(uid), Some(gid)).map_err(|e| failed(&e.to_string()))?;
    }
    let as_user = |mut command: Command| {
        if let Some((uid, gid)) = user {
            command.gid(gid).uid(uid);
        }
        command.current_dir("/");
        command
    };
    let data = folder.join("data");
    let mut initdb = Command::new(bin.join("initdb"));
    initdb
        .args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--pgdata",
        ])
        .arg(&data);
    let made = as_user(initdb)
        .output()
        .map_err(|e| failed(&e.to_string()))?;
    if !made.status.success() {
        return Err(failed(&String::from_utf8_lossy(&made.stderr)));
    }
    // Its standard input ends when this process does, however it does; then the server goes too.
    let script = r#"
        bin=$1 folder=$2
        shift 2
        "$bin" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=300 -c shared_buffers=64MB \
            -c dynamic_shared_memory_type=mmap -c autovacuum=off -c checkpoint_timeout=1h -c max_wal_size=4GB "$@" >"$folder/log" 2>&1 &
        server=$!
        cat >/dev/null
        kill -QUIT $server
        wait $server
        rm -rf "$folder"
    "#;
    let mut guard = Command::new("sh");
    guard
        .args(["-c", script, "sh"])
        .arg(bin.join("postgres"))
        .arg(&folder)
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .process_group(0);
    guard
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let guard = as_user(guard).spawn().map_err(|e| failed(&e.to_string()))?;
    let server = Postgres {
        url: (
            "postgres://postgres@localhost/".into(),
            format!("?host={}", folder.display()),
        ),
        guard: Some(guard),
    };
    match wait_until_ready(&bin, &folder) {
        Some(()) => Ok(server),
        None => Err(failed(
            &std::fs::read_to_string(folder.join("log")).unwrap_or_else(|_| "did not start".into()),
        )),
    }
}

fn wait_until_ready(bin: &Path, folder: &Path) -> Option<()> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        let ready = Command::new(bin.join("pg_isready"))
            .arg("--quiet")
            .arg("--host")
            .arg(folder)
            .status();
        if ready.is_ok_and(|status| status.success()) {
            return Some(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// The newest version that Debian's packages have put here.
fn programs() -> Option<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql").read_dir().ok()?;
    let version = |path: &PathBuf| path.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = versions.flatten().map(|entry| entry.path().join("bin"));
    folders
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(version)
}

fn folder_owner(folder: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    folder.metadata().map_or(0, |metadata| metadata.uid())
}

fn postgres_user() -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
