//! A version tried beside the one that runs: as a shadow or a canary, looked at, promoted, given up.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::enable::choose;
use super::settings::{self, Setting};
use super::{KEY, One, find, page, show_log};
use crate::cli::answers::{self, Plugin, Rollout};
use crate::cli::client::{Body, Connection};
use crate::cli::failure::Failure;
use crate::cli::keys::id;
use crate::cli::screen::{Screen, plain};

/// What to do with a version that is tried.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Ask a version whatever the active one is asked, and compare. Nothing comes of it
    #[command(after_help = "\
Examples:
  althing plugin rollout shadow moderation --digest latest --grant-all --key-file server.key
  althing plugin rollout shadow moderation --set links=refuse --key-file server.key")]
    Shadow(Shadow),
    /// Let a version serve a share of the channels
    #[command(after_help = "\
Examples:
  althing plugin rollout canary poll --digest 1.2.0 --percent 5 --key-file server.key
  althing plugin rollout canary poll --percent 50 --key-file server.key

A greater share keeps the channels of a smaller one. It ends by itself when the version keeps
failing.")]
    Canary(Canary),
    /// Show how the version does
    #[command(after_help = "\
Example:
  althing plugin rollout show poll --key-file server.key")]
    Show(One),
    /// Print the newest lines of the version's log
    #[command(after_help = "\
Example:
  althing plugin rollout log poll --key-file server.key")]
    Log(One),
    /// Let the version take over, as it was tried
    #[command(after_help = "\
Example:
  althing plugin rollout promote poll --key-file server.key

The version before is kept: `althing plugin rollback` goes back to it.")]
    Promote(One),
    /// Give the version up
    #[command(after_help = "\
Example:
  althing plugin rollout abandon poll --key-file server.key")]
    Abandon(One),
}

/// Which version, and with what.
#[derive(Debug, Args)]
pub struct Shadow {
    /// The plugin's name
    #[arg(value_parser = id)]
    name: String,
    /// Which version: a digest or its beginning, a version number, or `latest`. Left out, the one that
    /// is tried already, else the newest
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Grant a permission; may come more than once. Left out, those that the active version has
    #[arg(long, value_name = "PERMISSION")]
    grant: Vec<String>,
    /// Grant everything that the version asks for
    #[arg(long, conflicts_with = "grant")]
    grant_all: bool,
    /// Change one setting for the version; may come more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = settings::parse)]
    set: Vec<Setting>,
    #[command(flatten)]
    connection: Connection,
}

/// The same, and how much of the channels.
#[derive(Debug, Args)]
pub struct Canary {
    /// How many of a hundred channels
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=99))]
    percent: u8,
    #[command(flatten)]
    version: Shadow,
}

/// Does what the verb says.
pub async fn run(screen: &mut Screen<'_>, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Shadow(shadow) => set(screen, &shadow, json!({ "mode": "shadow" })).await,
        Verb::Canary(Canary { percent, version }) => {
            set(
                screen,
                &version,
                json!({ "mode": "canary", "percent": percent }),
            )
            .await
        }
        Verb::Show(one) => show(screen, &one).await,
        Verb::Log(one) => {
            let client = one.connection.open(screen, KEY)?;
            let path = ["plugins", &one.name, "rollout", "log"];
            show_log(screen, &client.get(&path, &[]).await?)
        }
        Verb::Promote(one) => promote(screen, &one).await,
        Verb::Abandon(one) => abandon(screen, &one).await,
    }
}

async fn set(screen: &mut Screen<'_>, shadow: &Shadow, how: Value) -> Result<(), Failure> {
    let client = shadow.connection.open(screen, KEY)?;
    let plugin = find(&client, &shadow.name).await?;
    let path = ["plugins", &shadow.name, "rollout"];
    let tried = match plugin.install.as_ref().and_then(|i| i.rollout.as_ref()) {
        Some(_) => Some(answers::read::<Rollout>(&client.get(&path, &[]).await?)?),
        None => None,
    };
    let request = request(shadow, how, &plugin, tried.as_ref())?;
    let answer = client.send(Method::PUT, &path, Body::Json(request)).await?;
    let rollout: Rollout = answers::read(&answer)?;
    Ok(screen.show(&answer, || page::rollout(&shadow.name, &rollout))?)
}

/// What to ask of the host. `tried` is the version that is tried already.
fn request(
    shadow: &Shadow,
    mut request: Value,
    plugin: &Plugin,
    tried: Option<&Rollout>,
) -> Result<Value, Failure> {
    let chosen = shadow
        .digest
        .as_deref()
        .map(|wanted| choose(wanted, plugin));
    let digest = match chosen.transpose()? {
        Some(version) => Some(version.digest.clone()),
        None => tried.map(|tried| tried.digest.clone()),
    };
    let digest = digest.or_else(|| Some(plugin.versions.last()?.digest.clone()));
    if let Some(digest) = &digest {
        request["digest"] = digest.clone().into();
    }
    if shadow.grant_all {
        request["consent"] = true.into();
    } else if !shadow.grant.is_empty() {
        request["grants"] = shadow.grant.clone().into();
    }
    if !shadow.set.is_empty() {
        let same = tried.filter(|tried| Some(&tried.digest) == digest.as_ref());
        let active = plugin.install.as_ref().map(|install| &install.config);
        let before = same.map(|tried| &tried.config).or(active);
        let before = before.cloned().unwrap_or_default();
        request["config"] = settings::apply(before, &shadow.set).into();
    }
    Ok(request)
}

async fn show(screen: &mut Screen<'_>, one: &One) -> Result<(), Failure> {
    let client = one.connection.open(screen, KEY)?;
    let answer = client.get(&["plugins", &one.name, "rollout"], &[]).await?;
    let rollout: Rollout = answers::read(&answer)?;
    Ok(screen.show(&answer, || page::rollout(&one.name, &rollout))?)
}

async fn promote(screen: &mut Screen<'_>, one: &One) -> Result<(), Failure> {
    let client = one.connection.open(screen, KEY)?;
    let path = ["plugins", &one.name, "rollout", "promote"];
    let answer = client.send(Method::POST, &path, Body::Empty).await?;
    let plugin: Plugin = answers::read(&answer)?;
    Ok(screen.show(&answer, || page::plugin(&plugin))?)
}

async fn abandon(screen: &mut Screen<'_>, one: &One) -> Result<(), Failure> {
    let client = one.connection.open(screen, KEY)?;
    let path = ["plugins", &one.name, "rollout"];
    client.send(Method::DELETE, &path, Body::Empty).await?;
    Ok(screen.note(&format!(
        "The other version of {} is not tried any more.",
        plain(&one.name)
    ))?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        verb: Verb,
    }

    fn asked(arguments: &str, tried: Value) -> Value {
        let plugin = json!({
            "name": "poll",
            "install": { "digest": "aaaaaaaa", "enabled": true, "grants": ["kv"], "order": 1,
                "on_fault": "open", "config": { "anonymous": true } },
            "versions": [
                { "digest": "aaaaaaaa", "version": "1.0.0", "uploaded_at": "2026-01-01T00:00:00.000Z" },
                { "digest": "bbbbbbbb", "version": "1.1.0", "uploaded_at": "2026-01-02T00:00:00.000Z" },
                { "digest": "cccccccc", "version": "1.2.0", "uploaded_at": "2026-01-03T00:00:00.000Z" },
            ],
        });
        let plugin: Plugin = serde_json::from_value(plugin).unwrap();
        let tried: Option<Rollout> = serde_json::from_value(tried).unwrap();
        let line = Line::parse_from(std::iter::once("rollout").chain(arguments.split(' ')));
        let (shadow, how) = match line.verb {
            Verb::Shadow(shadow) => (shadow, json!({ "mode": "shadow" })),
            Verb::Canary(canary) => (canary.version, json!({ "percent": canary.percent })),
            other => panic!("{other:?}"),
        };
        request(&shadow, how, &plugin, tried.as_ref()).unwrap()
    }

    #[test]
    fn the_version_is_the_one_named_else_the_one_tried_else_the_newest() {
        let tried = json!({ "digest": "bbbbbbbb", "version": "1.1.0", "mode": "canary", "percent": 5,
            "since": "x", "grants": [], "config": { "anonymous": false } });
        let newest = asked("shadow poll --grant-all", Value::Null);
        assert_eq!(
            newest,
            json!({ "mode": "shadow", "digest": "cccccccc", "consent": true })
        );
        let more = asked("canary poll --percent 50 --set limit=3", tried.clone());
        assert_eq!(
            more,
            json!({ "percent": 50, "digest": "bbbbbbbb", "config": { "anonymous": false, "limit": 3 } })
        );
        let other = asked(
            "canary poll --percent 5 --digest 1.2.0 --set limit=3 --grant kv",
            tried,
        );
        assert_eq!(
            other,
            json!({ "percent": 5, "digest": "cccccccc", "grants": ["kv"],
                "config": { "anonymous": true, "limit": 3 } })
        );
    }
}
