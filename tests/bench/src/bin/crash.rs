//! Kills a host again and again and checks what it had promised. See `crash` in the library.
//!
//! `cargo run -p althing-bench --bin crash -- --kills 200 --seed 7` with a host built by
//! `cargo build` and the plugins by `cargo xtask plugins`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, UNIX_EPOCH};

use althing_bench::beside;
use althing_bench::crash::{Plan, run};
use anyhow::Result;
use clap::Parser;

/// Kills a host under load, and checks that it lost nothing, doubled nothing and skipped nothing.
#[derive(Parser)]
struct Arguments {
    /// How often the host is killed.
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// For the same moments again; by default another one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// A Postgres server on which a database may be made, as `postgres://user@host/postgres`.
    /// Without one, SQLite.
    #[arg(long)]
    database: Option<String>,
    #[arg(long, default_value_t = 6)]
    channels: usize,
    #[arg(long, default_value_t = 6)]
    writers: usize,
    #[arg(long, default_value_t = 4)]
    readers: usize,
    /// Milliseconds between two messages of a writer.
    #[arg(long, default_value_t = 10)]
    every_ms: u64,
    /// The host's program.
    #[arg(long, default_value_os_t = beside("althing"))]
    host: PathBuf,
    /// The folder of the plugins' components.
    #[arg(long, default_value_os_t = beside("../plugins"))]
    plugins: PathBuf,
    /// Where the run keeps its files.
    #[arg(long, default_value_os_t = beside("../crash"))]
    folder: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(now);
    let plan = Plan {
        host: arguments.host,
        plugins: arguments.plugins,
        folder: arguments
            .folder
            .join(format!("{seed}-{}", std::process::id())),
        postgres: arguments.database,
        seed,
        kills: arguments.kills,
        channels: arguments.channels,
        writers: arguments.writers,
        readers: arguments.readers,
        every: Duration::from_millis(arguments.every_ms),
    };
    println!("seed {seed}");
    let began = Instant::now();
    let outcome = run(&plan).await?;
    let seconds = began.elapsed().as_secs();
    match outcome.verdict {
        Ok(checked) => {
            println!(
                "{} kills in {seconds} s: nothing lost, nothing twice, nothing skipped",
                outcome.kills
            );
            println!("{checked}");
            Ok(ExitCode::SUCCESS)
        }
        Err(found) => {
            println!("{} kills in {seconds} s:\n{found}", outcome.kills);
            println!("The host's log and data are in {}.", plan.folder.display());
            println!("Once more: {}", plan.command());
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Milliseconds since 1970, which nobody has had as a seed.
#[expect(
    clippy::disallowed_methods,
    reason = "a run has no clock that it could be handed"
)]
fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(7, |since| since.as_millis() as u64)
}
