//! Running a plugin: which version, with which permissions, settings, place and fault policy.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::settings::{self, SecretFile, Setting};
use super::{KEY, find, page, short};
use crate::cli::answers::{self, Component, Permission, Plugin, Version};
use crate::cli::client::{Body, Connection};
use crate::cli::failure::Failure;
use crate::cli::keys::id;
use crate::cli::screen::{Screen, plain};

/// What a guard's failure means for the message.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnFault {
    /// It goes through
    Open,
    /// It is refused
    Closed,
    /// It is kept for review
    Hold,
}

impl OnFault {
    fn word(self) -> &'static str {
        match self {
            OnFault::Open => "open",
            OnFault::Closed => "closed",
            OnFault::Hold => "hold",
        }
    }
}

/// How a plugin shall run.
#[derive(Debug, Args)]
pub struct Enable {
    /// The plugin's name
    #[arg(value_parser = id)]
    name: String,
    /// Grant a permission, such as `kv`, or one host of `http`, such as `http:api.example.com`; may
    /// come more than once
    #[arg(long, value_name = "PERMISSION")]
    grant: Vec<String>,
    /// Grant everything that it asks for
    #[arg(long, conflicts_with = "grant")]
    grant_all: bool,
    /// Take all its settings from a file with a JSON object
    #[arg(long, value_name = "FILE.json")]
    config: Option<PathBuf>,
    /// Change one setting; may come more than once. A dot in the key leads into an object
    #[arg(long, value_name = "KEY=VALUE", value_parser = settings::parse, conflicts_with = "config")]
    set: Vec<Setting>,
    /// Set one secret setting to what is in a file; may come more than once
    #[arg(long, value_name = "KEY=FILE", value_parser = settings::parse_secret)]
    secret_file: Vec<SecretFile>,
    /// Its place among the guards; lower comes first
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    order: Option<i64>,
    /// What happens to a message when its guard fails
    #[arg(long, value_name = "POLICY")]
    on_fault: Option<OnFault>,
    /// Which version: a digest or its beginning, a version number, or `latest`. Left out, the one
    /// that is installed, else the newest
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Enables a plugin, or says what it wants for that.
pub async fn run(screen: &mut Screen<'_>, enable: &Enable) -> Result<(), Failure> {
    let from_file = enable.config.as_deref().map(settings::read).transpose()?;
    let client = enable.connection.open(screen, KEY)?;
    let plugin = find(&client, &enable.name).await?;
    let request = request(enable, &plugin, from_file)?;
    let sent = client
        .send(Method::PUT, &["plugins", &enable.name], Body::Json(request))
        .await;
    let answer = match sent {
        Err(Failure::Problem(problem)) if problem.code == "grant_missing" && !screen.json => {
            screen.note(&explained(enable, &plugin)?)?;
            return Err(Failure::Problem(problem));
        }
        sent => sent?,
    };
    if screen.json {
        return Ok(screen.print_json(&answer)?);
    }
    Ok(screen.print(&page::plugin(&answers::read(&answer)?))?)
}

/// What the version wants that was not granted, and how to grant it.
fn explained(enable: &Enable, plugin: &Plugin) -> Result<String, Failure> {
    let chosen = enable
        .digest
        .as_deref()
        .map(|wanted| choose(wanted, plugin));
    let wants = chosen
        .transpose()?
        .filter(|version| !version.wants.is_empty());
    let component = plugin.component.as_ref();
    Ok(match (wants, component) {
        (Some(version), _) => format!(
            "{}\nTo grant it all:\n  althing plugin enable {} --digest {} --grant-all",
            page::wants(version.wants.iter()),
            plain(&enable.name),
            short(&version.digest)
        ),
        (None, Some(component)) => ask(enable, component, &component.permissions),
        (None, None) => String::new(),
    })
}

/// What to ask of the host.
fn request(
    enable: &Enable,
    plugin: &Plugin,
    from_file: Option<Map<String, Value>>,
) -> Result<Value, Failure> {
    let install = plugin.install.as_ref();
    let mut request = json!({ "enabled": true });
    let chosen = enable
        .digest
        .as_deref()
        .map(|wanted| choose(wanted, plugin))
        .transpose()?;
    if let Some(version) = chosen {
        request["digest"] = version.digest.clone().into();
    }
    // The host tells what one version wants: the installed one, else the newest.
    let component = plugin
        .component
        .as_ref()
        .filter(|component| chosen.is_none_or(|v| v.digest == component.digest));
    let grants = match component {
        _ if !enable.grant.is_empty() => Some(enable.grant.clone()),
        Some(component) if enable.grant_all => Some(
            component
                .permissions
                .iter()
                .map(|p| p.name.clone())
                .collect(),
        ),
        // Nobody but the host knows all that another version asks for.
        None if enable.grant_all => {
            request["consent"] = true.into();
            None
        }
        _ => None,
    };
    if let Some(component) = component {
        let had = || {
            install
                .map(|install| install.grants.clone())
                .unwrap_or_default()
        };
        let granted = grants.clone().unwrap_or_else(had);
        let missing: Vec<&Permission> = component
            .permissions
            .iter()
            .filter(|permission| {
                component.needs(&permission.name) && !permission.is_granted(&granted)
            })
            .collect();
        if !missing.is_empty() {
            return Err(Failure::Other(ask(
                enable,
                component,
                missing.iter().copied(),
            )));
        }
    }
    if let Some(grants) = grants {
        request["grants"] = grants.into();
    }
    if let Some(config) = from_file {
        request["config"] = config.into();
    } else if !enable.set.is_empty() {
        let before = install
            .map(|install| install.config.clone())
            .unwrap_or_default();
        request["config"] = settings::apply(before, &enable.set).into();
    }
    if !enable.secret_file.is_empty() {
        // The host keeps settings as they are only if it is sent none, so the others go along.
        let had = || install.map(|install| install.config.clone().into());
        let config = request.get("config").cloned().or_else(had);
        request["config"] = config.unwrap_or_else(|| json!({}));
        for file in &enable.secret_file {
            let (name, secret) = file.read()?;
            request["config"][name] = secret.into();
        }
    }
    if let Some(order) = enable.order {
        request["order"] = order.into();
    }
    if let Some(policy) = enable.on_fault {
        request["on_fault"] = policy.word().into();
    }
    Ok(request)
}

/// What is missing, what for, and how to grant it.
fn ask<'p>(
    enable: &Enable,
    component: &Component,
    missing: impl IntoIterator<Item = &'p Permission>,
) -> String {
    let name = plain(&component.name);
    let mut command = format!("althing plugin enable {name}");
    let all = component
        .permissions
        .iter()
        .map(|permission| &permission.name);
    let named = all.filter(|wanted| component.needs(wanted) || enable.grant.contains(wanted));
    command.extend(named.map(|wanted| format!(" --grant {}", plain(wanted))));
    if let Some(digest) = &enable.digest {
        command.push_str(&format!(" --digest {}", plain(digest)));
    }
    let wants = page::wants(missing.into_iter());
    format!(
        "`{name}` can't run without permissions that it was not granted:\n\n{wants}\nTo grant them:\n  {command}"
    )
}

/// What to say behind `althing plugin enable …` to grant all.
pub fn grant_all(component: &Component) -> String {
    component
        .permissions
        .iter()
        .map(|permission| format!(" --grant {}", plain(&permission.name)))
        .collect()
}

/// The version that `wanted` names.
pub fn choose<'p>(wanted: &str, plugin: &'p Plugin) -> Result<&'p Version, Failure> {
    if wanted == "latest" {
        let none = || Failure::Other(format!("`{}` has no versions", plain(&plugin.name)));
        return plugin.versions.last().ok_or_else(none);
    }
    let is_digest = wanted.len() >= 6 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
    let wanted_digest = wanted.to_ascii_lowercase();
    let fits = |version: &&Version| {
        version.version == wanted || (is_digest && version.digest.starts_with(&wanted_digest))
    };
    let found: Vec<&Version> = plugin.versions.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok(one),
        some => {
            let what = if some.is_empty() {
                "no version is called"
            } else {
                "several versions fit"
            };
            let known: Vec<String> = plugin
                .versions
                .iter()
                .map(|v| format!("{} ({})", plain(&v.version), short(&v.digest)))
                .collect();
            Err(Failure::Usage(format!(
                "--digest: {what} `{wanted}`; there are {}",
                known.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        enable: Enable,
    }

    fn asked(arguments: &str, plugin: &Plugin) -> Result<Value, String> {
        let line = Line::parse_from(std::iter::once("enable").chain(arguments.split(' ')));
        request(&line.enable, plugin, None).map_err(|failure| match failure {
            Failure::Usage(text) | Failure::Other(text) => text,
            other => panic!("{other:?}"),
        })
    }

    fn poll(install: Value) -> Plugin {
        serde_json::from_value(json!({
            "name": "poll", "install": install,
            "component": {
                "name": "poll", "version": "1.1.0", "digest": "bbbbbbbb", "title": "Polls", "bytes": 1000,
                "exports": ["message-kind"], "imports": ["log", "kv", "timers"],
                "permissions": [
                    { "name": "kv", "reason": "Keeps who voted for what." },
                    { "name": "timers", "reason": "Ends polls at their time." },
                    { "name": "chat-moderate", "reason": "Removes polls." },
                ],
            },
            "versions": [
                { "digest": "aaaaaaaa", "version": "1.0.0", "uploaded_at": "2026-01-01T00:00:00.000Z" },
                { "digest": "bbbbbbbb", "version": "1.1.0", "uploaded_at": "2026-01-02T00:00:00.000Z" },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn without_its_grants_it_says_what_it_wants_and_how_to_give_it() {
        let text = asked("poll --grant kv --grant chat-moderate", &poll(Value::Null)).unwrap_err();
        assert_eq!(
            text,
            "`poll` can't run without permissions that it was not granted:\n\n  timers\n      what for:  Ends polls at their time.\n\n\
             To grant them:\n  althing plugin enable poll --grant kv --grant timers --grant chat-moderate"
        );
    }

    #[test]
    fn grants_are_those_named_all_or_what_there_was() {
        let new = poll(Value::Null);
        assert_eq!(
            asked("poll --grant-all", &new).unwrap(),
            json!({ "enabled": true, "grants": ["kv", "timers", "chat-moderate"] })
        );
        assert_eq!(
            asked("poll --grant kv --grant timers", &new).unwrap(),
            json!({ "enabled": true, "grants": ["kv", "timers"] })
        );
        let had = poll(json!({
            "digest": "bbbbbbbb", "enabled": false, "grants": ["kv", "timers"], "order": 100, "on_fault": "closed",
            "config": { "closes_after_h": 24, "anonymous": true },
        }));
        assert_eq!(
            asked(
                "poll --set anonymous=false --order -5 --on-fault hold",
                &had
            )
            .unwrap(),
            json!({
                "enabled": true, "config": { "closes_after_h": 24, "anonymous": false }, "order": -5, "on_fault": "hold",
            })
        );
        assert!(
            asked("poll --grant kv", &had).is_err(),
            "a grant that was there and is not named is taken away"
        );
    }

    #[test]
    fn versions_are_named_in_any_clear_way() {
        let plugin = poll(
            json!({ "digest": "aaaaaaaa", "enabled": true, "grants": ["kv"], "order": 1, "on_fault": "open" }),
        );
        for wanted in ["latest", "1.1.0", "bbbbbb", "BBBBBBBB"] {
            let text = format!("poll --digest {wanted} --grant kv --grant timers");
            assert_eq!(
                asked(&text, &plugin).unwrap()["digest"],
                "bbbbbbbb",
                "{wanted}"
            );
        }
        for wanted in ["bbb", "2.0.0", "cccccccc"] {
            let text = asked(&format!("poll --digest {wanted}"), &plugin).unwrap_err();
            assert!(
                text.contains("1.0.0 (aaaaaaaa), 1.1.0 (bbbbbbbb)"),
                "{text}"
            );
        }
        // What version 1.0.0 wants is for the host to say.
        assert!(asked("poll --digest 1.0.0", &plugin).is_ok());
        assert_eq!(
            asked("poll --digest 1.0.0 --grant-all", &plugin).unwrap(),
            json!({ "enabled": true, "digest": "aaaaaaaa", "consent": true })
        );
    }
}
