//! The command line of the binary `althing`. What runs the host (`serve`) or opens its database
//! (`migrate`, `new-epoch`) is handed back to `main`; all else is done here. What is on a host is
//! asked over its REST API, as any client would: a shell can do nothing that the API can't.
//!
//! Keys come from a file or a variable, never as an argument, which others on the machine could
//! read. A secret that is shown once stands alone on standard output, the words about it on
//! standard error. Exit codes: 0 for done, 1 for a no from the host or a failed check, 2 for a
//! command line that can't be followed.

mod answers;
mod apps;
mod client;
mod failure;
mod held;
mod keys;
mod local;
mod orgs;
mod plugin;
mod screen;
#[cfg(test)]
mod tests;
mod trust;

use std::ffi::OsString;
use std::io::{stderr, stdout};
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::config::Config;
use crate::plugins;
use failure::Failure;
use screen::Screen;

/// What is left for `main` to do.
pub enum Command {
    /// Run the host.
    Serve(Box<Config>),
    /// Bring the database's schema up to date and end.
    Migrate(Box<Config>),
    /// Give a restored database a new epoch and end.
    NewEpoch(Box<Config>),
    /// Nothing: everything is done and said. Ends the process with this exit code.
    Done(u8),
}

#[derive(Parser)]
#[command(
    name = "althing",
    version,
    about = "A self-hosted chat host with sandboxed plugins.",
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "\
Examples:
  althing serve --config althing.toml
  ALTHING_KEY=$(althing operator-key --show) althing org create Acme --email ops@acme.example
  althing plugin enable poll --grant-all --key-file server.key

Each command has its own help, with an example: `althing plugin enable --help`."
)]
struct Arguments {
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
    /// The file with the host's settings, for the commands that read them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the host
    #[command(after_help = "\
Example:
  althing serve --config /etc/althing/althing.toml

At the first start the host makes its database, its keys and the operator's key. It stops on
SIGTERM and SIGINT, after finishing what is under way.")]
    Serve(local::ConfigFile),
    /// Bring the database's schema up to date, and end
    #[command(after_help = "\
Example:
  althing migrate --config /etc/althing/althing.toml

`serve` does the same at its start; this is for those who want it apart from that.")]
    Migrate(local::ConfigFile),
    /// Make clients fetch everything anew, after a backup was restored
    #[command(after_help = "\
Example:
  althing new-epoch --config /etc/althing/althing.toml

Clients remember up to where they have seen each channel. A restored backup ends before that, so they
must not go on from there: the new epoch tells them. Run it after the restore and before the host is
started.")]
    NewEpoch(local::ConfigFile),
    /// Check the settings: print every fault, or `ok`
    #[command(after_help = "\
Example:
  althing check-config --config /etc/althing/althing.toml")]
    CheckConfig(local::ConfigFile),
    /// Tell where the operator's key is
    #[command(after_help = "\
Examples:
  althing operator-key --config /etc/althing/althing.toml
  ALTHING_KEY=$(althing operator-key --show) althing org list")]
    OperatorKey(local::OperatorKey),
    /// Make and list orgs, and manage their keys
    #[command(subcommand)]
    Org(orgs::Verb),
    /// Make and list apps, and manage their keys
    #[command(subcommand)]
    App(apps::Verb),
    /// Make, check, upload and run plugins
    #[command(subcommand)]
    Plugin(plugin::Verb),
    /// Look at messages that wait for a person, and decide
    #[command(subcommand)]
    Held(held::Verb),
    /// Compile the component on standard input. For the host itself
    #[command(name = plugins::COMPILE_COMMAND, hide = true)]
    CompilePlugin(plugins::CompileTask),
}

/// Reads the command line and does what it says, up to what is left for `main`. `arguments` begin
/// with the program's name.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> Command {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for as errors, too. A closed pipe is nobody's concern.
            let _ = error.print();
            return Command::Done(u8::try_from(error.exit_code()).unwrap_or(failure::USAGE));
        }
    };
    let (mut out, mut notes) = (stdout().lock(), stderr().lock());
    let mut screen = Screen::new(&mut out, &mut notes, arguments.json);
    run(&mut screen, arguments).unwrap_or_else(|failure| Command::Done(failure.report(&mut screen)))
}

fn run(screen: &mut Screen<'_>, arguments: Arguments) -> Result<Command, Failure> {
    let Arguments { config, verb, .. } = arguments;
    let config = config.as_deref();
    match verb {
        Verb::Serve(file) => return settings(config, &file).map(Command::Serve),
        Verb::Migrate(file) => return settings(config, &file).map(Command::Migrate),
        Verb::NewEpoch(file) => return settings(config, &file).map(Command::NewEpoch),
        Verb::CheckConfig(file) => local::check_config(screen, file.over(config))?,
        Verb::OperatorKey(key) => local::operator_key(screen, config, &key)?,
        Verb::Org(verb) => wait_for(orgs::run(screen, verb))?,
        Verb::App(verb) => wait_for(apps::run(screen, verb))?,
        Verb::CompilePlugin(task) => return Ok(Command::Done(task.run())),
        Verb::Plugin(verb) => plugin::run(screen, verb)?,
        Verb::Held(verb) => wait_for(held::run(screen, verb))?,
    }
    Ok(Command::Done(0))
}

fn settings(before: Option<&Path>, file: &local::ConfigFile) -> Result<Box<Config>, Failure> {
    local::load(file.over(before))
        .map(Box::new)
        .map_err(|faults| Failure::Other(faults.to_string()))
}

/// Waits for what one command does, which has nothing to do at the same time.
fn wait_for<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime()?.block_on(work)
}

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("can't start: {error}")))
}
