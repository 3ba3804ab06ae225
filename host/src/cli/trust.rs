//! Whose plugins an app takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use super::answers::{self, PluginTrust, TrustedKey};
use super::client::{Body, Connection};
use super::failure::Failure;
use super::keys::id;
use super::plugin::settings;
use super::screen::{Screen, table};

const KEY: &str = "the org's key, or the operator's";

/// What to do with it.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show whose signatures the app trusts, and which versions it takes
    #[command(after_help = "\
Example:
  althing app trust show app_19ca9450a4c7f20b --key-file acme.key")]
    Show(Show),
    /// Replace the whole of it
    #[command(after_help = "\
Examples:
  althing app trust show app_19ca9450a4c7f20b --json --key-file acme.key > trust.json
  althing app trust set app_19ca9450a4c7f20b trust.json --key-file acme.key

The file is an object such as
  { \"required\": true,
    \"keys\": [{ \"key\": \"…\", \"name\": \"Our releases\", \"plugins\": [\"acme-*\"] }],
    \"least_versions\": { \"poll\": \"1.2.0\" } }")]
    Set(Set),
}

/// Which app.
#[derive(Debug, Args)]
pub struct Show {
    /// The app's id
    #[arg(value_name = "APP_ID", value_parser = id)]
    app: String,
    #[command(flatten)]
    connection: Connection,
}

/// Which app, and what.
#[derive(Debug, Args)]
pub struct Set {
    /// The app's id
    #[arg(value_name = "APP_ID", value_parser = id)]
    app: String,
    /// A file with a JSON object
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

/// Does it.
pub async fn run(screen: &mut Screen<'_>, verb: Verb) -> Result<(), Failure> {
    let answer = match verb {
        Verb::Show(show) => {
            let client = show.connection.open(screen, KEY)?;
            client
                .get(&["apps", &show.app, "plugin-trust"], &[])
                .await?
        }
        Verb::Set(set) => {
            let policy = without_ids(settings::read(&set.file)?.into());
            let client = set.connection.open(screen, KEY)?;
            let path = ["apps", &set.app, "plugin-trust"];
            client.send(Method::PUT, &path, Body::Json(policy)).await?
        }
    };
    let trust: PluginTrust = answers::read(&answer)?;
    Ok(screen.show(&answer, || page(trust))?)
}

/// What `show --json` printed may be set again: the ids come from the keys.
fn without_ids(mut policy: Value) -> Value {
    let keys = policy.get_mut("keys").and_then(Value::as_array_mut);
    for key in keys.into_iter().flatten().filter_map(Value::as_object_mut) {
        key.remove("id");
    }
    policy
}

fn page(trust: PluginTrust) -> String {
    let mut text = match trust.required {
        true => "Plugins must be signed with a key that is trusted for them.\n".to_owned(),
        false => "Plugins need not be signed.\n".to_owned(),
    };
    if !trust.keys.is_empty() {
        let head = ["KEY", "NAME", "PLUGINS", "STATE"].map(str::to_owned);
        let row = |key: TrustedKey| {
            let plugins = match key.plugins.is_empty() {
                true => "all".to_owned(),
                false => key.plugins.join(" "),
            };
            let state = if key.revoked { "REVOKED" } else { "trusted" };
            [key.id, key.name, plugins, state.to_owned()]
        };
        let rows: Vec<_> = std::iter::once(head)
            .chain(trust.keys.into_iter().map(row))
            .collect();
        text.push_str(&format!("\n{}", table(0, &rows)));
    }
    if !trust.least_versions.is_empty() {
        let rows: Vec<_> = trust
            .least_versions
            .into_iter()
            .map(|(plugin, version)| [plugin, format!("from {version} on")])
            .collect();
        text.push_str(&format!("\n{}", table(0, &rows)));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_shown_can_be_set_again() {
        let shown = json!({ "required": true, "keys": [{ "key": "k", "id": "i", "name": "n" }] });
        assert_eq!(
            without_ids(shown),
            json!({ "required": true, "keys": [{ "key": "k", "name": "n" }] })
        );
        assert_eq!(without_ids(json!({ "keys": 7 })), json!({ "keys": 7 }));
    }
}
