//! The crash test, as small as fits into every run of the tests. At size it is run by hand:
//! `cargo run -p althing-bench --bin crash -- --kills 200`.

#[path = "../../support/postgres.rs"]
mod postgres;

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use althing_bench::beside;
use althing_bench::crash::{Plan, run};

/// Every kind of moment, three times.
const KILLS: u32 = 15;

#[test]
fn a_killed_host_keeps_its_promises_on_sqlite() {
    survive("sqlite", None);
}

#[test]
fn a_killed_host_keeps_its_promises_on_postgres() {
    let (before, after) = postgres::server();
    survive("postgres", Some(format!("{before}postgres{after}")));
}

fn survive(database: &str, postgres: Option<String>) {
    let seed = milliseconds();
    let plan = Plan {
        host: host(),
        plugins: plugins(),
        folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{database}-{seed}")),
        postgres,
        seed,
        kills: KILLS,
        channels: 6,
        writers: 6,
        readers: 4,
        every: Duration::from_millis(10),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let again = || {
        format!(
            "The host's log and data are in {}. Once more: {}",
            plan.folder.display(),
            plan.command()
        )
    };
    let outcome = runtime
        .block_on(run(&plan))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", again()));
    match outcome.verdict {
        Ok(checked) => println!("seed {seed}, {} kills: {checked}", outcome.kills),
        Err(found) => panic!("after {} kills: {found}\n{}", outcome.kills, again()),
    }
}

/// The program that is built together with this test.
fn host() -> PathBuf {
    let host = beside("../althing");
    assert!(
        host.exists(),
        "there is no {}: run `cargo build -p althing` first",
        host.display()
    );
    host
}

fn plugins() -> PathBuf {
    let folder = std::env::var_os("ALTHING_PLUGINS_DIR");
    folder.map_or_else(|| beside("../../plugins"), PathBuf::from)
}

/// Milliseconds since 1970: a seed that nobody has had.
#[expect(
    clippy::disallowed_methods,
    reason = "a run has no clock that it could be handed"
)]
fn milliseconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(7, |since| since.as_millis() as u64)
}
