//! `cargo xtask bench` runs this: measures a host as its users meet it, beside the floors.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use althing_bench::bench::{self, Measurement, Options};
use althing_bench::beside;
use althing_bench::floor;
use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures a host, beside floors that do nothing but the job.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    floor: Option<Task>,
    /// A quick look: fewer and shorter rounds.
    #[arg(long)]
    quick: bool,
    /// One measurement instead of all.
    #[arg(long)]
    only: Option<Measurement>,
    /// Rounds, if not 7 (or 3).
    #[arg(long)]
    rounds: Option<usize>,
    /// A Postgres server on which databases may be made, as `postgres://user@host/postgres`; by
    /// default what ALTHING_BENCH_POSTGRES says.
    #[arg(long)]
    postgres: Option<String>,
    /// The host's program.
    #[arg(long, default_value_os_t = beside("althing"))]
    host: PathBuf,
    /// Where the plugins' components are.
    #[arg(long, default_value_os_t = beside("../plugins"))]
    plugins: PathBuf,
    /// Where the figures go, and what hosts and floors keep while they are measured.
    #[arg(long, default_value_os_t = beside("../bench"))]
    folder: PathBuf,
}

#[derive(Subcommand)]
enum Task {
    /// What the host is compared with.
    #[command(subcommand, hide = true)]
    Floor(Floor),
}

#[derive(Subcommand)]
enum Floor {
    /// Commits rows for a while and prints how fast.
    Commit {
        #[arg(long)]
        file: PathBuf,
        #[arg(long)]
        in_flight: usize,
        #[command(flatten)]
        times: Times,
    },
    /// Serves prepared frames until it is killed, and prints its port.
    Fanout {
        #[arg(long)]
        frame_bytes: usize,
        #[command(flatten)]
        times: Times,
    },
}

#[derive(clap::Args)]
struct Times {
    #[arg(long)]
    warm_up_ms: u64,
    #[arg(long)]
    window_ms: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.floor {
        Some(Task::Floor(Floor::Commit {
            file,
            in_flight,
            times,
        })) => {
            let (warm_up, window) = (
                Duration::from_millis(times.warm_up_ms),
                Duration::from_millis(times.window_ms),
            );
            let rate = floor::commit::run(&file, in_flight, warm_up, window)?;
            println!("{}", serde_json::to_string(&rate)?);
            Ok(())
        }
        Some(Task::Floor(Floor::Fanout { frame_bytes, .. })) => floor::fanout::run(frame_bytes),
        None => measure(arguments),
    }
}

/// One thread: the driver is not to take more than its share of the machine.
#[tokio::main(flavor = "current_thread")]
async fn measure(arguments: Arguments) -> Result<()> {
    let mut options = Options::new(
        arguments.host,
        arguments.plugins,
        arguments.folder.clone(),
        arguments.quick,
    );
    options.only = arguments.only;
    options.rounds = arguments.rounds.unwrap_or(options.rounds).max(1);
    options.postgres = arguments
        .postgres
        .or_else(|| std::env::var("ALTHING_BENCH_POSTGRES").ok());
    let report = bench::run(&options).await?;
    println!("\n{}", report.table());
    println!(
        "± is half the distance between the best and the worst round; ratios are of rounds, not of medians."
    );
    let file = arguments.folder.join(format!("{}.json", now()));
    report.write(&file)?;
    println!("Every round's figures are in {}.", file.display());
    Ok(())
}

/// Seconds since 1970, which names the file.
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement has no clock that it could be handed"
)]
fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
