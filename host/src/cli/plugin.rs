//! Plugins: made, built, checked and tried out here; uploaded, enabled and looked at on a host.

mod build;
mod check;
mod compare;
mod decisions;
mod dev;
mod enable;
mod new;
mod page;
mod record;
mod replay;
mod rollout;
pub mod settings;
mod sign;
mod test;

use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::answers::{self, Component, Log, Plugin, PluginList, Usage};
use super::client::{Body, Client, Connection};
use super::failure::Failure;
use super::keys::id;
use super::screen::{Screen, plain, table};
use super::wait_for;

const KEY: &str = "a server key of the app";

/// More than any host takes; it keeps a wrong file from being read whole.
const COMPONENT_BYTES_MAX: u64 = 256 << 20;

/// What to do with plugins.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a small project that builds, to begin with
    #[command(after_help = "\
Examples:
  althing plugin new dice
  althing plugin new no-shouting --hook message-guard

The project holds the SDK that it is built against. What is there already is never touched.")]
    New(new::New),
    /// Build the component of a project, and check it
    #[command(after_help = "\
Examples:
  althing plugin build
  althing plugin build plugins/dice

Takes Rust, with its standard library for wasm32-unknown-unknown. The component is put into the
project's folder, under the plugin's name.")]
    Build(build::Build),
    /// Check a component as a host would, and say what it is and wants. Asks no host
    #[command(after_help = "\
Examples:
  althing plugin check dice.wasm
  althing plugin check dice.wasm --before dice-1.0.0.wasm

With --before it fails, too, when the new version takes away what those have who run the old one:
commands, message kinds, hooks, events, or settings.")]
    Check(check::Check),
    /// Make a key to sign components with, and print its public part. Asks no host
    #[command(after_help = "\
Example:
  althing plugin keygen release.key > release.pub")]
    Keygen(sign::Keygen),
    /// Sign a component, so that apps can tell whose it is. Asks no host
    #[command(after_help = "\
Example:
  althing plugin sign dice.wasm --key-file release.key

Several may sign the same component. `althing plugin check` shows who did.")]
    Sign(sign::Sign),
    /// Run a component here against cases: calls that are written down. Asks no host
    #[command(after_help = "\
Examples:
  althing plugin test dice.wasm
  althing plugin test dice.wasm cases/roll.toml --figures

A case is a TOML or JSON file with a call of a hook, what there is when it comes, and what it must
return and write: docs/plugins/cases.md.")]
    Test(test::Test),
    /// Make recorded calls again here, by any version. Asks no host
    #[command(after_help = "\
Examples:
  althing plugin replay saved/ dice.wasm
  althing plugin replay saved/cal_0123456789abcdef-events-handle.json dice.wasm

The calls come from `althing plugin calls --save`: docs/plugins/replay.md.")]
    Replay(replay::Replay),
    /// Build, upload and enable a project at every change, and show what it logs
    #[command(after_help = "\
Example:
  ALTHING_KEY=$(cat server.key) althing plugin dev --url http://127.0.0.1:7600

It grants whatever the plugin asks for: for an app to try things out in. It goes on until it is
stopped; the plugin then stays as it is.")]
    Dev(dev::Dev),
    /// Upload a component to an app. It does nothing before it is enabled
    #[command(after_help = "\
Example:
  althing plugin upload target/plugins/poll.wasm --key-file server.key")]
    Upload(Upload),
    /// List the plugins of an app
    #[command(after_help = "\
Example:
  althing plugin list --key-file server.key")]
    List(Connection),
    /// Show what a plugin is, what it wants and why, and how it runs
    #[command(after_help = "\
Example:
  althing plugin show poll --key-file server.key")]
    Show(One),
    /// Run a plugin in an app, or change how it runs
    #[command(after_help = "\
Examples:
  althing plugin enable poll --grant chat-write --grant timers --key-file server.key
  althing plugin enable moderation --grant-all --order 10 --on-fault closed \\
    --set links=allow_listed --set link_domains='[\"example.com\"]' --key-file server.key
  althing plugin enable poll --digest latest --key-file server.key

What is left out stays as it is. With --grant, the plugin has exactly the permissions named.")]
    Enable(enable::Enable),
    /// Stop running a plugin. Its settings and what it keeps stay
    #[command(after_help = "\
Example:
  althing plugin disable poll --key-file server.key")]
    Disable(One),
    /// Go back to the version that ran before, as it ran then
    #[command(after_help = "\
Example:
  althing plugin rollback poll --key-file server.key")]
    Rollback(One),
    /// Try a version beside the one that runs
    #[command(subcommand)]
    Rollout(rollout::Verb),
    /// Show what the calls of a plugin took since the host started
    #[command(after_help = "\
Example:
  althing plugin usage poll --key-file server.key")]
    Usage(One),
    /// Show what a plugin's guards changed, refused and held, newest first
    #[command(after_help = "\
Example:
  althing plugin decisions moderation --key-file server.key")]
    Decisions(decisions::Decisions),
    /// Print the newest lines of a plugin's log
    #[command(after_help = "\
Example:
  althing plugin log poll --key-file server.key")]
    Log(One),
    /// Record what a plugin's calls see and do, for a while
    #[command(after_help = "\
Examples:
  althing plugin record poll --for 10m --key-file server.key
  althing plugin record poll --stop --key-file server.key

The host keeps the newest calls in its memory. They hold what people write.")]
    Record(record::Record),
    /// List the calls that were recorded, or save them as cases
    #[command(after_help = "\
Examples:
  althing plugin calls poll --faults --key-file server.key
  althing plugin calls poll --save saved --key-file server.key")]
    Calls(record::Calls),
    /// Remove a plugin from an app, with all its versions and all that it keeps; or one version
    #[command(after_help = "\
Examples:
  althing plugin remove poll --key-file server.key
  althing plugin remove poll --digest 1.0.0 --key-file server.key

A version that runs, is tried, or is the one to go back to stays.")]
    Remove(Remove),
}

/// What to upload.
#[derive(Debug, Args)]
pub struct Upload {
    /// The component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

/// One plugin.
#[derive(Debug, Args)]
pub struct One {
    /// The plugin's name
    #[arg(value_parser = id)]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

/// A plugin to be removed.
#[derive(Debug, Args)]
pub struct Remove {
    /// The plugin's name
    #[arg(value_parser = id)]
    name: String,
    /// Remove this version alone: a digest or its beginning, or a version number
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Don't ask whether this is meant
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Does what the verb says.
pub fn run(screen: &mut Screen<'_>, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::New(new) => new::run(screen, &new),
        Verb::Build(build) => build::run(screen, &build),
        Verb::Check(check) => check::run(screen, &check),
        Verb::Keygen(keygen) => sign::keygen(screen, &keygen),
        Verb::Sign(sign) => sign::sign(screen, &sign),
        Verb::Test(test) => test::run(screen, &test),
        Verb::Replay(replay) => replay::run(screen, &replay),
        Verb::Dev(dev) => dev::run(screen, &dev),
        Verb::Upload(upload) => wait_for(self::upload(screen, &upload)),
        Verb::List(connection) => wait_for(print_all(screen, &connection)),
        Verb::Show(one) => wait_for(show(screen, &one)),
        Verb::Enable(enable) => wait_for(enable::run(screen, &enable)),
        Verb::Disable(one) => wait_for(disable(screen, &one)),
        Verb::Rollback(one) => wait_for(roll_back(screen, &one)),
        Verb::Rollout(verb) => wait_for(rollout::run(screen, verb)),
        Verb::Usage(one) => wait_for(usage(screen, &one)),
        Verb::Decisions(decisions) => wait_for(decisions::run(screen, &decisions)),
        Verb::Log(one) => wait_for(log(screen, &one)),
        Verb::Record(record) => wait_for(record::record(screen, &record)),
        Verb::Calls(calls) => wait_for(record::calls(screen, &calls)),
        Verb::Remove(remove) => wait_for(self::remove(screen, &remove)),
    }
}

async fn upload(screen: &mut Screen<'_>, upload: &Upload) -> Result<(), Failure> {
    let bytes = read_component(&upload.file)?;
    let client = upload.connection.open(screen, KEY)?;
    let answer = client
        .send(Method::POST, &["plugins"], Body::Component(bytes))
        .await?;
    let component: Component = answers::read(&answer)?;
    screen.show(&answer, || page::component(&component))?;
    if screen.json {
        return Ok(());
    }
    let plugin = find(&client, &component.name).await?;
    let hint = match &plugin.install {
        Some(install) if install.digest == component.digest => {
            return Ok(screen.note("It is the version that is installed.")?);
        }
        Some(_) => {
            let mut versions = plugin.versions.iter();
            let version = versions.find(|version| version.digest == component.digest);
            let wants = version.map_or(&[][..], |version| &version.wants);
            if !wants.is_empty() {
                let wants = page::wants(wants.iter());
                screen.note(&format!("\nIt wants more than is granted:\n{wants}"))?;
            }
            format!(
                "althing plugin enable {} --digest {}{}",
                component.name,
                short(&component.digest),
                if wants.is_empty() { "" } else { " --grant-all" }
            )
        }
        None => format!(
            "althing plugin enable {}{}",
            component.name,
            enable::grant_all(&component)
        ),
    };
    Ok(screen.note(&format!("\nUploaded. To run it:\n  {hint}"))?)
}

async fn print_all(screen: &mut Screen<'_>, connection: &Connection) -> Result<(), Failure> {
    let answer = connection.open(screen, KEY)?.get(&["plugins"], &[]).await?;
    let list: PluginList = answers::read(&answer)?;
    let head = ["NAME", "VERSION", "STATE", "ORDER", "TITLE"].map(str::to_owned);
    let rows = list.plugins.iter().map(|plugin| {
        let component = plugin.component.as_ref();
        [
            plugin.name.clone(),
            component.map_or_else(String::new, |component| component.version.clone()),
            page::state(plugin.install.as_ref()).to_owned(),
            plugin
                .install
                .as_ref()
                .map_or_else(String::new, |install| install.order.to_string()),
            component.map_or_else(String::new, |component| component.title.clone()),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    Ok(screen.show(&answer, || table(0, &rows))?)
}

async fn show(screen: &mut Screen<'_>, one: &One) -> Result<(), Failure> {
    let answer = one
        .connection
        .open(screen, KEY)?
        .get(&["plugins", &one.name], &[])
        .await?;
    let plugin: Plugin = answers::read(&answer)?;
    Ok(screen.show(&answer, || page::plugin(&plugin))?)
}

async fn disable(screen: &mut Screen<'_>, one: &One) -> Result<(), Failure> {
    let client = one.connection.open(screen, KEY)?;
    // An install that isn't there must not be made by being switched off.
    if find(&client, &one.name).await?.install.is_none() {
        return Err(Failure::Other(format!(
            "`{}` is uploaded, but not enabled",
            one.name
        )));
    }
    let answer = client
        .send(
            Method::PUT,
            &["plugins", &one.name],
            Body::Json(json!({ "enabled": false })),
        )
        .await?;
    if screen.json {
        return Ok(screen.print_json(&answer)?);
    }
    Ok(screen.print(&format!("{} is disabled", one.name))?)
}

async fn roll_back(screen: &mut Screen<'_>, one: &One) -> Result<(), Failure> {
    let client = one.connection.open(screen, KEY)?;
    let path = ["plugins", &one.name, "rollback"];
    let answer = client.send(Method::POST, &path, Body::Empty).await?;
    let plugin: Plugin = answers::read(&answer)?;
    Ok(screen.show(&answer, || page::plugin(&plugin))?)
}

async fn usage(screen: &mut Screen<'_>, one: &One) -> Result<(), Failure> {
    let answer = one
        .connection
        .open(screen, KEY)?
        .get(&["plugins", &one.name, "usage"], &[])
        .await?;
    let usage: Usage = answers::read(&answer)?;
    screen.show(&answer, || page::usage(&usage))?;
    if usage.hooks.is_empty() && !screen.json {
        screen.note("It was not called since the host started.")?;
    }
    Ok(())
}

async fn log(screen: &mut Screen<'_>, one: &One) -> Result<(), Failure> {
    let answer = one
        .connection
        .open(screen, KEY)?
        .get(&["plugins", &one.name, "log"], &[])
        .await?;
    show_log(screen, &answer)
}

fn show_log(screen: &mut Screen<'_>, answer: &Value) -> Result<(), Failure> {
    let log: Log = answers::read(answer)?;
    let empty = log.lines.is_empty();
    let rows: Vec<_> = log
        .lines
        .into_iter()
        .map(|line| [line.at, line.level, line.message])
        .collect();
    screen.show(answer, || table(0, &rows))?;
    if empty && !screen.json {
        screen.note("The log is empty. It holds the lines since the host started.")?;
    }
    Ok(())
}

async fn remove(screen: &mut Screen<'_>, remove: &Remove) -> Result<(), Failure> {
    let client = remove.connection.open(screen, KEY)?;
    let name = &remove.name;
    if let Some(wanted) = &remove.digest {
        let plugin = find(&client, name).await?;
        let version = enable::choose(wanted, &plugin)?;
        let path = ["plugins", name, "versions", &version.digest];
        client.send(Method::DELETE, &path, Body::Empty).await?;
        let (number, digest) = (plain(&version.version), short(&version.digest));
        return Ok(screen.note(&format!("{name} {number} ({digest}) is removed."))?);
    }
    if !remove.yes {
        if !stdin().is_terminal() {
            return Err(Failure::Usage(
                "this removes what the plugin keeps, too; say --yes if that is meant".into(),
            ));
        }
        screen.note(&format!(
            "Remove `{name}` with all its versions and all that it keeps? Type its name:"
        ))?;
        let mut typed = String::new();
        stdin().read_line(&mut typed)?;
        if typed.trim() != name {
            return Err(Failure::Other("nothing was removed".into()));
        }
    }
    client
        .send(Method::DELETE, &["plugins", name], Body::Empty)
        .await?;
    Ok(screen.note(&format!("{name} is removed."))?)
}

async fn find(client: &Client, name: &str) -> Result<Plugin, Failure> {
    answers::read(&client.get(&["plugins", name], &[]).await?)
}

/// The component in a file.
fn read_component(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let failed = |error: std::io::Error| Failure::Usage(format!("{shown}: can't be read: {error}"));
    let about = std::fs::metadata(path).map_err(failed)?;
    if about.is_dir() {
        return Err(Failure::Usage(format!(
            "{shown}: is a folder; a component is a file, and is named last"
        )));
    }
    let size = about.len();
    if size > COMPONENT_BYTES_MAX {
        return Err(Failure::Usage(format!(
            "{shown}: has {size} bytes; no component is that large"
        )));
    }
    std::fs::read(path).map_err(failed)
}

/// Enough of a digest to tell versions apart.
fn short(digest: &str) -> String {
    plain(digest.get(..12).unwrap_or(digest))
}
