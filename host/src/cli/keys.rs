//! The keys of an org or app: listed, made, rotated, revoked.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::answers::{self, Key, KeyList};
use super::client::{Body, Connection};
use super::failure::Failure;
use super::screen::{Screen, plain, table};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the keys, never their secrets
    #[command(after_help = "\
Examples:
  althing app keys list app_19ca9450a4c7f20b --key-file acme.key
  althing org keys list org_19ca9450a0020a31 --key-file acme.key")]
    List(List),
    /// Make one more key, and print it
    #[command(after_help = "\
Examples:
  althing app keys create app_19ca9450a4c7f20b --name worker --key-file acme.key > worker.key
  althing org keys create org_19ca9450a0020a31 --name ci --key-file acme.key > ci.key

The key alone goes to standard output, and is shown this once.")]
    Create(Create),
    /// Put a new key in place of an old one, which works on for a while
    #[command(after_help = "\
Examples:
  althing app keys rotate app_19ca9450a4c7f20b key_19ca9450a5d41c93 --overlap-s 600 \\
    --key-file acme.key > shop.key
  althing org keys rotate org_19ca9450a0020a31 key_19ca9450a1b02e6f --key-file acme.key > new.key

The new key alone goes to standard output, and is shown this once.")]
    Rotate(Rotate),
    /// End a key at once
    #[command(after_help = "\
Examples:
  althing app keys revoke app_19ca9450a4c7f20b key_19ca9450a5d41c93 --key-file acme.key
  althing org keys revoke org_19ca9450a0020a31 key_19ca9450a1b02e6f --key-file acme.key")]
    Revoke(Revoke),
}

/// Whose keys.
#[derive(Debug, Args)]
pub struct List {
    /// The id of the org or app
    #[arg(value_name = "OWNER_ID", value_parser = id)]
    owner: String,
    #[command(flatten)]
    connection: Connection,
}

/// A key to be made.
#[derive(Debug, Args)]
pub struct Create {
    /// The id of the org or app
    #[arg(value_name = "OWNER_ID", value_parser = id)]
    owner: String,
    /// What it is for, 1 to 128 bytes
    #[arg(long)]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

/// A key to be replaced.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The id of the org or app
    #[arg(value_name = "OWNER_ID", value_parser = id)]
    owner: String,
    /// The id of the old key
    #[arg(value_name = "KEY_ID", value_parser = id)]
    key: String,
    /// For how many seconds the old key still works, at most a week; an hour if left out
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=604_800))]
    overlap_s: Option<u32>,
    #[command(flatten)]
    connection: Connection,
}

/// A key to be ended.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The id of the org or app
    #[arg(value_name = "OWNER_ID", value_parser = id)]
    owner: String,
    /// The id of the key
    #[arg(value_name = "KEY_ID", value_parser = id)]
    key: String,
    #[command(flatten)]
    connection: Connection,
}

/// Does it, for `orgs` or `apps`. `kind` says which key that takes.
pub async fn run(
    screen: &mut Screen<'_>,
    owners: &str,
    kind: &str,
    verb: Verb,
) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => {
            let client = list.connection.open(screen, kind)?;
            let answer = client.get(&[owners, &list.owner, "keys"], &[]).await?;
            let list: KeyList = answers::read(&answer)?;
            Ok(screen.show(&answer, || rows(list.keys))?)
        }
        Verb::Create(create) => {
            let client = create.connection.open(screen, kind)?;
            let body = Body::Json(json!({ "name": create.name }));
            let answer = client
                .send(Method::POST, &[owners, &create.owner, "keys"], body)
                .await?;
            shown_once(screen, &answer, "Made")
        }
        Verb::Rotate(rotate) => {
            let client = rotate.connection.open(screen, kind)?;
            let body = rotate
                .overlap_s
                .map_or_else(|| json!({}), |overlap_s| json!({ "overlap_s": overlap_s }));
            let path = [owners, &rotate.owner, "keys", &rotate.key, "rotate"];
            let answer = client.send(Method::POST, &path, Body::Json(body)).await?;
            let until = rotate.overlap_s.unwrap_or(3600);
            shown_once(
                screen,
                &answer,
                &format!("{} works for {until} s more. Made", rotate.key),
            )
        }
        Verb::Revoke(revoke) => {
            let client = revoke.connection.open(screen, kind)?;
            client
                .send(
                    Method::DELETE,
                    &[owners, &revoke.owner, "keys", &revoke.key],
                    Body::Empty,
                )
                .await?;
            Ok(screen.note(&format!("{} no longer works.", revoke.key))?)
        }
    }
}

fn rows(keys: Vec<Key>) -> String {
    let head = ["ID", "NAME", "ENDS IN", "MADE", "WORKS UNTIL"].map(str::to_owned);
    let rows = keys.into_iter().map(|key| {
        let until = key
            .expires_at
            .as_deref()
            .map_or_else(String::new, answers::minute);
        [
            key.id,
            key.name,
            key.hint,
            answers::day(&key.created_at),
            until,
        ]
    });
    table(0, &std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn shown_once(screen: &mut Screen<'_>, answer: &Value, done: &str) -> Result<(), Failure> {
    let key: Key = answers::read(answer)?;
    let note = format!(
        "{done} the key `{}`: {}. It is shown this once:",
        plain(&key.name),
        key.id
    );
    let secret = key.secret.ok_or_else(answers::unexpected)?;
    show_secret(screen, answer, &secret, &note)
}

/// Writes a secret alone to standard output, and words about it to standard error.
pub fn show_secret(
    screen: &mut Screen<'_>,
    answer: &Value,
    secret: &str,
    note: &str,
) -> Result<(), Failure> {
    screen.note(note)?;
    Ok(screen.show(answer, || secret.to_owned())?)
}

/// One of the host's own ids or names: what fits between two slashes of an address as it is.
pub fn id(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match text.bytes().all(is_plain) && (1..=128).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err("expected letters, digits, `_` and `-`".into()),
    }
}
