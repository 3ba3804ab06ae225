//! A plugin as people are shown it.

use serde_json::Value;

use super::short;
use crate::cli::answers::{
    self, Component, HookUsage, Install, Permission, Plugin, Quarantine, Rollout, RolloutEnd,
    SecretSetting, Signer, Usage,
};
use crate::cli::screen::{plain, table, wrap};
use crate::plugins;

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
        facts.extend(install.rollout.as_ref().map(|tried| {
            let how = how(&tried.mode, tried.percent, tried.ended.as_ref());
            ("Tried", format!("{}, {how}", short(&tried.digest)))
        }));
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
        text.push_str(&sees(component));
        let set = install.map(|install| Value::Object(install.config.clone()));
        let secrets = install.map_or(&[][..], |install| install.secrets.as_slice());
        text.push_str(&settings(&component.config_schema, set.as_ref(), secrets));
    }
    text.push_str(&versions(plugin));
    text
}

fn how(mode: &str, percent: Option<u8>, ended: Option<&RolloutEnd>) -> String {
    let how = match percent {
        Some(percent) => format!("{mode} for {percent} % of the channels"),
        None => mode.to_owned(),
    };
    match ended {
        Some(RolloutEnd { at, hook, detail }) => {
            let why = match hook {
                Some(hook) => format!("{hook} kept failing: {detail}"),
                None => detail.clone(),
            };
            format!("{how}: ended {}, {why}", answers::minute(at))
        }
        None => how,
    }
}

/// How a version does that is tried.
pub fn rollout(plugin: &str, rollout: &Rollout) -> String {
    let how = how(&rollout.mode, rollout.percent, rollout.ended.as_ref());
    let mut facts = vec![
        ("Tried", how),
        ("Since", answers::minute(&rollout.since)),
        ("Digest", rollout.digest.clone()),
        ("Granted", answers::or_none(rollout.grants.join(", "))),
    ];
    facts.extend(rollout.fault.as_ref().map(|fault| ("Fault", fault.clone())));
    let mut text = format!("{} {}\n\n", plain(plugin), plain(&rollout.version));
    text.push_str(&rows(facts));
    if !rollout.compared.is_empty() {
        let head = [
            "Hook",
            "Compared",
            "Same",
            "Different",
            "Failed",
            "Dropped",
            "CPU each",
            "The other's",
        ];
        let compared = rollout.compared.iter().map(|of| {
            let calls = of.calls.max(1);
            [
                of.hook.clone(),
                of.calls.to_string(),
                of.same.to_string(),
                of.different.to_string(),
                of.failed.to_string(),
                of.dropped.to_string(),
                format!("{} µs", of.cpu_us / calls),
                format!("{} µs", of.active_cpu_us / calls),
            ]
        });
        let head = std::iter::once(head.map(str::to_owned));
        let all: Vec<_> = head.chain(compared).collect();
        text.push_str(&format!("\n{}", table(0, &all)));
    } else if !rollout.usage.is_empty() {
        text.push_str(&format!("\n{}", usage_of(&rollout.usage)));
    }
    if !rollout.differences.is_empty() {
        let head = ["At", "Hook", "Channel", "Active", "This one"].map(str::to_owned);
        let differences = rollout.differences.iter().map(|one| {
            [
                answers::minute(&one.at),
                one.hook.clone(),
                answers::or_none(one.channel_id.clone().unwrap_or_default()),
                one.active.clone(),
                one.candidate.clone(),
            ]
        });
        let all: Vec<_> = std::iter::once(head).chain(differences).collect();
        text.push_str(&format!("\nDifferences, new to old\n{}", table(0, &all)));
    }
    text
}

/// What its calls took, a row for each hook, and below it what it counts itself.
pub fn usage(usage: &Usage) -> String {
    let mut page = usage_of(&usage.hooks);
    if usage.events_waiting > 0 {
        page.push_str(&format!("\n\nEvents that wait: {}", usage.events_waiting));
    }
    if !usage.figures.is_empty() {
        let mut rows = vec![["Its own figures", "Kind", "Value"].map(str::to_owned)];
        rows.extend(usage.figures.iter().map(|figure| {
            let name = figure.name.clone();
            [name, figure.kind.clone(), figure.value.to_string()]
        }));
        page.push_str(&format!("\n\n{}", table(0, &rows)));
    }
    page
}

fn usage_of(hooks: &[HookUsage]) -> String {
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
    rows.extend(hooks.iter().map(|hook| {
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
    text.push_str(&sees(component));
    text.push_str(&settings(&component.config_schema, None, &[]));
    text
}

/// What it wants, and why: two lines for each permission.
pub fn wants<'p>(permissions: impl Iterator<Item = &'p Permission>) -> String {
    permissions
        .map(|permission| permission_lines(permission, "", &[]))
        .collect()
}

/// A host, or whose host it is.
fn host_words(host: &str) -> String {
    match plugins::host_setting(host) {
        Some(setting) => format!("the host that you enter as `{setting}`"),
        None => host.to_owned(),
    }
}

fn permission_lines(permission: &Permission, state: &str, grants: &[String]) -> String {
    let mut lines = table(2, &[[permission.name.clone(), state.to_owned()]]);
    let mut reasons = Vec::new();
    if !permission.reason.is_empty() {
        reasons.push(["what for:".to_owned(), permission.reason.clone()]);
    }
    if !permission.allows.is_empty() {
        reasons.push(["allows:".to_owned(), permission.allows.clone()]);
    }
    if !permission.hosts.is_empty() {
        let hosts: Vec<_> = permission
            .hosts
            .iter()
            .map(|host| host_words(host))
            .collect();
        reasons.push(["hosts:".to_owned(), hosts.join(", ")]);
    }
    if !permission.paths.is_empty() {
        reasons.push(["routes:".to_owned(), permission.paths.join(", ")]);
    }
    let granted: Vec<&str> = permission.granted_places(grants).collect();
    if !granted.is_empty() && granted.len() < permission.hosts.len() + permission.paths.len() {
        reasons.push(["granted:".to_owned(), granted.join(", ")]);
    }
    for secret in &permission.secrets {
        let hosts: Vec<_> = secret.hosts.iter().map(|host| host_words(host)).collect();
        let goes = format!("{} goes to {}", secret.name, hosts.join(", "));
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
    let feeds = component
        .feeds
        .iter()
        .map(|feed| ("Feed", format!("{} ({})", feed.name, feed.title)));
    let mut facts = vec![
        ("Hooks", component.exports.join(", ")),
        ("Uses", answers::or_none(component.imports.join(", "))),
    ];
    if !component.events.is_empty() {
        facts.push(("Events", component.events.join(", ")));
    }
    facts.extend(commands);
    facts.extend(kinds);
    facts.extend(feeds);
    if component.keep_instances {
        let text = "kept for further calls of the app, so they may remember";
        facts.push(("Instances", text.to_owned()));
    }
    if component.uses_wasi {
        let text = "gives it a clock, random numbers and lines in its log: no files, no network";
        facts.push(("WASI", text.to_owned()));
    }
    facts.extend(
        component
            .signatures
            .iter()
            .map(|signer| ("Signed", signed(signer))),
    );
    facts.push(("Size", format!("{} KiB", component.bytes.div_ceil(1024))));
    facts.push(("Digest", component.digest.clone()));
    facts
}

fn signed(signer: &Signer) -> String {
    let Signer {
        key_id,
        name,
        trust,
        signed_at,
    } = signer;
    let whose = match name {
        Some(name) => format!("{name} ({key_id})"),
        None => format!("key {key_id}"),
    };
    let trust = match trust.as_str() {
        "" => String::new(),
        "revoked" => ", REVOKED".to_owned(),
        trust => format!(", {trust}"),
    };
    format!("{whose}{trust}, {}", answers::minute(signed_at))
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

fn sees(component: &Component) -> String {
    if component.sees.is_empty() {
        return String::new();
    }
    let rows = component.sees.iter();
    let rows: Vec<_> = rows
        .map(|sight| [sight.name.clone(), sight.allows.clone()])
        .collect();
    format!("\nSees, whatever it is granted\n{}", table(2, &rows))
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
            let mut marks = Vec::new();
            if installed == Some(&version.digest) {
                marks.push("installed".to_owned());
            }
            marks.extend(version.signatures.iter().map(|signer| {
                let whose = signer.name.as_ref().unwrap_or(&signer.key_id);
                format!("signed: {whose}, {}", signer.trust)
            }));
            [
                version.version.clone(),
                short(&version.digest),
                answers::minute(&version.uploaded_at),
                marks.join("; "),
            ]
        })
        .collect();
    let mut text = match rows.is_empty() {
        true => String::new(),
        false => format!("\nVersions, old to new\n{}", table(2, &rows)),
    };
    for version in plugin
        .versions
        .iter()
        .filter(|version| !version.wants.is_empty())
    {
        text.push_str(&format!(
            "\nVersion {} wants more than is granted\n{}  To grant it all: althing plugin enable {} --digest {} --grant-all\n",
            plain(&version.version),
            wants(version.wants.iter()),
            plain(&plugin.name),
            short(&version.digest)
        ));
    }
    text
}
