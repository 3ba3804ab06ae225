//! `cargo xtask <task>`: what a developer of Althing does that takes more than one cargo command.
//!
//! Each task is a module with a `run`; this file only lists them. `toolchain` and `component` are
//! what tasks share.

mod component;
mod plugins;
mod toolchain;

use std::path::{Path, PathBuf};

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
    /// Builds all plugins into target/plugins/<name>.wasm.
    Plugins,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Plugins => plugins::run(&root()),
    }
}

/// The top of the workspace.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}
