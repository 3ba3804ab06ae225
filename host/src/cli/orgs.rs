//! Orgs, for the operator.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::answers::{self, Created, OrgList};
use super::client::{Body, Connection};
use super::failure::Failure;
use super::keys;
use super::screen::{Screen, table};

const KEY: &str = "the operator's key (`althing operator-key` tells where it is)";

/// What to do with orgs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make an org, and print its first key
    #[command(after_help = "\
Example:
  ALTHING_KEY=$(althing operator-key --show) \\
    althing org create Acme --email ops@acme.example > acme.key && chmod 600 acme.key

The key alone goes to standard output, and is shown this once.")]
    Create(Create),
    /// List the orgs
    #[command(after_help = "\
Example:
  althing org list --key-file operator.key")]
    List(Connection),
    /// Manage the keys of an org
    #[command(subcommand)]
    Keys(keys::Verb),
}

/// An org to be made.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name, 1 to 128 bytes
    name: String,
    /// The address of whoever answers for it
    #[arg(long)]
    email: String,
    /// The address of a picture
    #[arg(long, value_name = "URL")]
    banner: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Does it.
pub async fn run(screen: &mut Screen<'_>, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => add(screen, create).await,
        Verb::List(connection) => print_all(screen, &connection).await,
        Verb::Keys(verb) => {
            keys::run(screen, "orgs", "the org's key, or the operator's", verb).await
        }
    }
}

async fn add(screen: &mut Screen<'_>, create: Create) -> Result<(), Failure> {
    let client = create.connection.open(screen, KEY)?;
    let mut body = json!({ "name": create.name, "email": create.email });
    if let Some(banner) = create.banner {
        body["banner"] = banner.into();
    }
    let answer = client
        .send(Method::POST, &["orgs"], Body::Json(body))
        .await?;
    let made: Created = answers::read(&answer)?;
    let (org, key) = made.org()?;
    let note = format!(
        "Made the org `{}`: {}. Its key is shown this once:",
        super::screen::plain(&org.name),
        org.id
    );
    keys::show_secret(screen, &answer, &key, &note)
}

async fn print_all(screen: &mut Screen<'_>, connection: &Connection) -> Result<(), Failure> {
    let client = connection.open(screen, KEY)?;
    let answer = client.get_all(&["orgs"], "orgs").await?;
    let list: OrgList = answers::read(&answer)?;
    let head = ["ID", "NAME", "EMAIL", "MADE"].map(str::to_owned);
    let rows = list
        .orgs
        .into_iter()
        .map(|org| [org.id, org.name, org.email, answers::day(&org.created_at)]);
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    Ok(screen.show(&answer, || table(0, &rows))?)
}
