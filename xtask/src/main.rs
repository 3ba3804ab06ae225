//! `cargo xtask <task>`: what a developer of Althing does that takes more than one cargo command.
//!
//! Each task is a module with a `run`; this file only lists them. `toolchain`, `built`, `component`,
//! `packages` and `process` are what tasks share.

mod bench;
mod built;
mod component;
mod demo;
mod fuzz;
mod guide;
mod languages;
mod packages;
mod plugins;
mod process;
mod reference;
mod release;
mod test;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks for developers of Althing.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measures a release build beside floors that do nothing but the job.
    Bench(bench::Arguments),
    /// Builds everything and starts a host with a small app on it, to look at in the browser.
    Demo(demo::Arguments),
    /// Runs every test, as CI does.
    Test,
    /// Looks for inputs that break what the host promises of plugins.
    Fuzz(fuzz::Arguments),
    /// Walks the guide for plugin authors, command by command.
    Guide,
    /// Writes the reference of all interfaces, docs/plugins/reference.md, from wit/.
    Reference,
    /// Freezes the version of the plugin contract that wit/ has: it is kept for good from then on.
    ReleaseWit,
    /// Builds all plugins into target/plugins/<name>.wasm.
    Plugins {
        /// Also those that tests have in JavaScript, Python and C, with the tools of each.
        #[arg(long)]
        languages: bool,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Bench(arguments) => bench::run(&root(), &arguments),
        Task::Demo(arguments) => demo::run(&root(), &arguments),
        Task::Test => test::run(&root()),
        Task::Fuzz(arguments) => fuzz::run(&root(), &arguments),
        Task::Guide => guide::run(&root()),
        Task::Reference => reference::run(&root()),
        Task::ReleaseWit => release::run(&root()),
        Task::Plugins { languages: false } => plugins::run(&root()),
        Task::Plugins { languages: true } => {
            plugins::run(&root()).and_then(|()| languages::run(&root()))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The top of the workspace.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}
