//! A plugin as people are shown it.

use serde_json::Value;

use super::short;
use crate::cli::answers::{
    self, Component, Install, Permission, Plugin, Quarantine, SecretSetting, Usage,
};
use crate::cli::screen::{plain, table, wrap};

/// Whether it runs.
pub fn state(install: Option<&Install>) -> &'static str {
    match install {
        None => "uploaded",
        Some(install) if !install.enabled => "disabled",
        Some(install) if install.fault.is_some() => "faulty",
        Some(install) if !install.quarantine.is_empty() => "in quarantine",
        Some(_) => "enabled",
    }
}

/// All of a plugin: what it is, how it runs, which versions there are.
pub fn plugin(plugin: &Plugin) -> String {
    let install = plugin.install.as_ref();
    let mut text = match &plugin.component {
        Some(component) => head(component),
        None => format!("{}\n", plain(&plugin.name)),
    };
    text.push('\n');
    let mut facts = vec![("State", state(install).to_owned())];
    if let Some(install) = install {
        facts.extend(install.fault.as_ref().map(|fault| ("Fault", fault.clone())));
        facts.extend(install.quarantine.iter().map(|quarantine| {
            let Quarantine {
                hook,
                since,
                detail,
            } = quarantine;
            ("Quarantine", format!("{hook} since {since}: {detail}"))
        }));
        let previous = install.previous.as_deref();
        facts.extend(previous.map(|digest| ("Before it", short(digest).to_owned())));
        facts.push(("Order", install.order.to_string()));
        facts.push(("On fault", on_fault(&install.on_fault)));
    }
    if let Some(component) = &plugin.component {
        facts.extend(about(component));
    }
    text.push_str(&rows(facts));
    if let Some(component) = &plugin.component {
        text.push_str(&permissions(
            component,
            install.map(|install| install.grants.as_slice()),
        ));
        let set = install.map(|install| Value::Object(install.config.clone()));
        let secrets = install.map_or(&[][..], |install| install.secrets.as_slice());
        text.push_str(&settings(&component.config_schema, set.as_ref(), secrets));
    }
    text.push_str(&versions(plugin));
    text
}

/// What its calls took, a row for each hook.
pub fn usage(usage: &Usage) -> String {
    let mut rows = vec![
        [
            "Hook",
            "Calls",
            "Failed",
            "CPU each",
            "Time each",
            "Host calls",
            "Memory",
        ]
        .map(str::to_owned),
    ];
    rows.extend(usage.hooks.iter().map(|hook| {
        let faults: Vec<String> = hook
            .faults
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let failed = match faults.is_empty() {
            true => "0".to_owned(),
            false => faults.join(", "),
        };
        [
            hook.hook.clone(),
            hook.calls.to_string(),
            failed,
            format!("{} µs", hook.cpu_us / hook.calls.max(1)),
            format!("{} µs", hook.wall_us / hook.calls.max(1)),
            hook.host_calls.to_string(),
            format!("{} KiB", hook.memory_peak_bytes / 1024),
        ]
    }));
    table(0, &rows)
}

/// What a component is and wants.
pub fn component(component: &Component) -> String {
    let mut text = head(component);
    text.push('\n');
    text.push_str(&rows(about(component)));
    text.push_str(&permissions(component, None));
    text.push_str(&settings(&component.config_schema, None, &[]));
    text
}

/// What it wants, and why: two lines for each permission.
pub fn wants<'p>(permissions: impl Iterator<Item = &'p Permission>) -> String {
    permissions
        .map(|permission| permission_lines(permission, "", &[]))
        .collect()
}

fn permission_lines(permission: &Permission, state: &str, grants: &[String]) -> String {
    let mut lines = table(2, &[[permission.name.clone(), state.to_owned()]]);
    let mut reasons = vec![["what for:".to_owned(), permission.reason.clone()]];
    if !permission.allows.is_empty() {
        reasons.push(["allows:".to_owned(), permission.allows.clone()]);
    }
    if !permission.hosts.is_empty() {
        reasons.push(["hosts:".to_owned(), permission.hosts.join(", ")]);
    }
    if !permission.paths.is_empty() {
        reasons.push(["routes:".to_owned(), permission.paths.join(", ")]);
    }
    let granted: Vec<&str> = permission.granted_hosts(grants).collect();
    if !granted.is_empty() && granted.len() < permission.hosts.len() {
        reasons.push(["granted:".to_owned(), granted.join(", ")]);
    }
    for secret in &permission.secrets {
        let goes = format!("{} goes to {}", secret.name, secret.hosts.join(", "));
        reasons.push(["secret:".to_owned(), goes]);
    }
    lines.push_str(&table(6, &reasons));
    lines
}

fn head(component: &Component) -> String {
    let mut text = format!(
        "{} {}: {}\n",
        plain(&component.name),
        plain(&component.version),
        plain(&component.title)
    );
    for line in component
        .description
        .lines()
        .filter(|line| !line.trim().is_empty())
    {
        text.push_str(&wrap(2, line));
    }
    text
}

fn about(component: &Component) -> Vec<(&'static str, String)> {
    let commands = component.commands.iter().map(|command| {
        let call = format!("/{} {}", command.name, command.usage);
        (
            "Command",
            format!("{}: {}", call.trim_end(), command.description),
        )
    });
    let kinds = component
        .kinds
        .iter()
        .map(|kind| ("Message kind", format!("{} ({})", kind.name, kind.title)));
    let mut facts = vec![
        ("Hooks", component.exports.join(", ")),
        ("Uses", answers::or_none(component.imports.join(", "))),
    ];
    if !component.events.is_empty() {
        facts.push(("Events", component.events.join(", ")));
    }
    facts.extend(commands);
    facts.extend(kinds);
    if component.keep_instances {
        let text = "kept for further calls of the app, so they may remember";
        facts.push(("Instances", text.to_owned()));
    }
    if component.uses_wasi {
        let text = "gives it a clock, random numbers and lines in its log: no files, no network";
        facts.push(("WASI", text.to_owned()));
    }
    facts.push(("Size", format!("{} KiB", component.bytes.div_ceil(1024))));
    facts.push(("Digest", component.digest.clone()));
    facts
}

fn rows(facts: Vec<(&'static str, String)>) -> String {
    let rows: Vec<_> = facts
        .into_iter()
        .map(|(name, fact)| [name.to_owned(), fact])
        .collect();
    table(0, &rows)
}

fn on_fault(policy: &str) -> String {
    let meaning = match policy {
        "open" => "messages go through when its guard fails",
        "closed" => "messages are refused when its guard fails",
        "hold" => "messages are kept for review when its guard fails",
        _ => return policy.to_owned(),
    };
    format!("{policy}: {meaning}")
}

fn permissions(component: &Component, grants: Option<&[String]>) -> String {
    if component.permissions.is_empty() {
        return "\nPermissions: it asks for none\n".into();
    }
    let lines = component.permissions.iter().map(|permission| {
        let state = match grants {
            Some(grants) if permission.is_granted(grants) => "granted",
            Some(_) if component.needs(&permission.name) => "NOT GRANTED",
            Some(_) => "not granted",
            None if component.needs(&permission.name) => "needed",
            None => "wanted",
        };
        permission_lines(permission, state, grants.unwrap_or_default())
    });
    format!("\nPermissions\n{}", lines.collect::<String>())
}

fn settings(schema: &Value, set: Option<&Value>, secrets: &[SecretSetting]) -> String {
    let mut text = String::new();
    let fields: Vec<_> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let word = |key: &str| {
                schema
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let about = if word("description").is_empty() {
                word("title")
            } else {
                word("description")
            };
            let default = schema
                .get("default")
                .map_or_else(String::new, |value| format!("default {value}"));
            let is_secret = schema.get("secret") == Some(&Value::Bool(true));
            let kind = if is_secret {
                "secret".to_owned()
            } else {
                word("type")
            };
            [name.clone(), kind, default, about]
        })
        .collect();
    if !fields.is_empty() {
        text.push_str(&format!("\nSettings it knows\n{}", table(2, &fields)));
    }
    let plain = set.and_then(Value::as_object).into_iter().flatten();
    let plain = plain.map(|(name, value)| [name.clone(), value.to_string()]);
    let secrets = secrets.iter().map(|secret| {
        let state = if secret.set { "(set)" } else { "(not set)" };
        [secret.name.clone(), state.to_owned()]
    });
    let rows: Vec<_> = plain.chain(secrets).collect();
    if !rows.is_empty() {
        text.push_str(&format!("\nSettings as they are\n{}", table(2, &rows)));
    }
    text
}

fn versions(plugin: &Plugin) -> String {
    let installed = plugin
        .install
        .as_ref()
        .map(|install| install.digest.as_str());
    let rows: Vec<_> = plugin
        .versions
        .iter()
        .map(|version| {
            let mark = if installed == Some(&version.digest) {
                "installed"
            } else {
                ""
            };
            [
                version.version.clone(),
                short(&version.digest),
                answers::minute(&version.uploaded_at),
                mark.to_owned(),
            ]
        })
        .collect();
    if rows.is_empty() {
        String::new()
    } else {
        format!("\nVersions, old to new\n{}", table(2, &rows))
    }
}
