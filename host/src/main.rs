//! The binary: reads the command line, starts the log, and runs what is left to run.

use std::future::Future;
use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use althing::cli::{self, Command};
use althing::config::{Log, LogFormat};
use althing::{serve, store};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let ended = match cli::start(std::env::args_os()) {
        Command::Done(code) => return code.into(),
        Command::Serve(config) => {
            start_log(&config.log);
            wait_for(serve::run(*config))
        }
        Command::Migrate(config) => {
            start_log(&config.log);
            wait_for(store::migrate_only(&store::Settings::from(&*config)))
        }
        Command::NewEpoch(config) => {
            start_log(&config.log);
            wait_for(store::draw_epoch(&store::Settings::from(&*config)))
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Lines go to standard error; standard output is for results.
fn start_log(log: &Log) {
    // The filter was checked with the settings.
    let filter = EnvFilter::builder().parse_lossy(&log.filter);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    match log.format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

fn wait_for(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("can't start: {error}"))?;
    let ended = runtime.block_on(work);
    // What still computes, such as a component that is being compiled, is not waited for.
    runtime.shutdown_background();
    ended
}
