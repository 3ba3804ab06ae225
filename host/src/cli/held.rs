//! Messages that wait for a person: looked at, let through or dropped.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::answers::{self, HeldList};
use super::client::{Body, Connection};
use super::failure::Failure;
use super::keys::id;
use super::screen::{Screen, plain, wrap};

const KEY: &str = "a server key of the app";

/// What to do with messages that wait for review.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what waits, old to new
    #[command(after_help = "\
Example:
  althing held list --key-file server.key")]
    List(Connection),
    /// Let a message through: it takes its place in its channel now
    #[command(after_help = "\
Example:
  althing held approve hld_19ca9450a0020b07 --key-file server.key")]
    Approve(One),
    /// Drop a message, and tell its sender
    #[command(after_help = "\
Example:
  althing held reject hld_19ca9450a0020b07 --reason \"Not here.\" --key-file server.key")]
    Reject(Reject),
}

/// One message.
#[derive(Debug, Args)]
pub struct One {
    /// Its id in the review queue
    #[arg(value_name = "HELD_ID", value_parser = id)]
    held: String,
    #[command(flatten)]
    connection: Connection,
}

/// A message to be dropped.
#[derive(Debug, Args)]
pub struct Reject {
    #[command(flatten)]
    one: One,
    /// What its sender is told
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Does it.
pub async fn run(screen: &mut Screen<'_>, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(connection) => print_all(screen, &connection).await,
        Verb::Approve(one) => decide(screen, &one, "approve", Body::Empty).await,
        Verb::Reject(Reject { one, reason }) => {
            let body = reason.map_or(Body::Empty, |reason| {
                Body::Json(json!({ "reason": reason }))
            });
            decide(screen, &one, "reject", body).await
        }
    }
}

async fn print_all(screen: &mut Screen<'_>, connection: &Connection) -> Result<(), Failure> {
    let client = connection.open(screen, KEY)?;
    let answer = client.get_all(&["held"], "held").await?;
    let list: HeldList = answers::read(&answer)?;
    screen.show(&answer, || list.held.iter().map(page).collect())?;
    if list.held.is_empty() && !screen.json {
        screen.note("Nothing waits.")?;
    }
    Ok(())
}

fn page(held: &answers::Held) -> String {
    let mut text = format!(
        "{}  {}  {} in {}, held by {}\n",
        plain(&held.id),
        answers::minute(&held.created_at),
        plain(&held.from),
        plain(&held.channel_id),
        plain(&held.plugin),
    );
    let said = match &held.data {
        Value::String(text) => text.clone(),
        data => format!("{}: {data}", held.kind),
    };
    text.push_str(&wrap(2, &said));
    for (what, said) in [
        ("Told the sender", Some(&held.reason)),
        ("For reviewers", held.details.as_ref()),
        ("The sender says", held.appeal.as_ref()),
    ] {
        if let Some(said) = said {
            text.push_str(&wrap(4, &format!("{what}: {said}")));
        }
    }
    text
}

async fn decide(screen: &mut Screen<'_>, one: &One, what: &str, body: Body) -> Result<(), Failure> {
    let client = one.connection.open(screen, KEY)?;
    let answer = client
        .send(Method::POST, &["held", &one.held, what], body)
        .await?;
    if screen.json {
        return Ok(screen.print_json(&answer)?);
    }
    Ok(screen.print(match what {
        "approve" => "It is in its channel now.",
        _ => "It is dropped.",
    })?)
}
