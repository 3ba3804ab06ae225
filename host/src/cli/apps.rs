//! Apps, for who administers their org.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::answers::{self, AppList, Created};
use super::client::{Body, Connection};
use super::failure::Failure;
use super::keys::{self, id};
use super::screen::{Screen, plain, table};
use super::trust;

const KEY: &str = "the org's key, or the operator's";

/// What to do with apps.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make an app, and print its first server key
    #[command(after_help = "\
Example:
  althing app create Shop --org org_19ca9450a0020a31 --allow-ip 10.0.0.0/8 \\
    --allow-origin https://shop.example --key-file acme.key > shop.key && chmod 600 shop.key

An org has as many apps as the host lets it (`limits.apps_per_org_max`). The key alone goes to standard output, and is shown this once.")]
    Create(Create),
    /// List the apps of an org
    #[command(after_help = "\
Example:
  althing app list --org org_19ca9450a0020a31 --key-file acme.key")]
    List(List),
    /// Manage the server keys of an app
    #[command(subcommand)]
    Keys(keys::Verb),
    /// Say whose plugins an app takes
    #[command(subcommand)]
    Trust(trust::Verb),
}

/// An app to be made.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name, 1 to 128 bytes
    name: String,
    /// The id of the org that it belongs to
    #[arg(long, value_name = "ORG_ID", value_parser = id)]
    org: String,
    /// A network from which server keys work, such as 10.0.0.0/8; may come more than once. Without
    /// any, they work on the host's own machine alone
    #[arg(long, value_name = "NETWORK")]
    allow_ip: Vec<String>,
    /// An origin whose pages may use the app, such as https://shop.example; may come more than once
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// The `aud` that every user token must name
    #[arg(long, value_name = "TEXT")]
    audience: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Whose apps.
#[derive(Debug, Args)]
pub struct List {
    /// The org's id
    #[arg(long, value_name = "ORG_ID", value_parser = id)]
    org: String,
    #[command(flatten)]
    connection: Connection,
}

/// Does it.
pub async fn run(screen: &mut Screen<'_>, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => add(screen, create).await,
        Verb::List(list) => print_all(screen, list).await,
        Verb::Keys(verb) => keys::run(screen, "apps", KEY, verb).await,
        Verb::Trust(verb) => trust::run(screen, verb).await,
    }
}

async fn add(screen: &mut Screen<'_>, create: Create) -> Result<(), Failure> {
    let client = create.connection.open(screen, KEY)?;
    let mut body = json!({ "name": create.name });
    if !create.allow_ip.is_empty() {
        body["allowed_ips"] = create.allow_ip.into();
    }
    if !create.allow_origin.is_empty() {
        body["allowed_origins"] = create.allow_origin.into();
    }
    if let Some(audience) = create.audience {
        body["audience"] = audience.into();
    }
    let answer = client
        .send(
            Method::POST,
            &["orgs", &create.org, "apps"],
            Body::Json(body),
        )
        .await?;
    let made: Created = answers::read(&answer)?;
    let (app, key) = made.app()?;
    let note = format!(
        "Made the app `{}`: {}. Its server key is shown this once:",
        plain(&app.name),
        app.id
    );
    keys::show_secret(screen, &answer, &key, &note)
}

async fn print_all(screen: &mut Screen<'_>, list: List) -> Result<(), Failure> {
    let client = list.connection.open(screen, KEY)?;
    let answer = client.get_all(&["orgs", &list.org, "apps"], "apps").await?;
    let list: AppList = answers::read(&answer)?;
    let head = ["ID", "NAME", "SERVER KEYS FROM", "PAGES FROM", "MADE"].map(str::to_owned);
    let rows = list.apps.into_iter().map(|app| {
        let (ips, origins) = (app.allowed_ips.join(" "), app.allowed_origins.join(" "));
        [
            app.id,
            app.name,
            answers::or_none(ips),
            answers::or_none(origins),
            answers::day(&app.created_at),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    Ok(screen.show(&answer, || table(0, &rows))?)
}
