//! The manifest: what a plugin says about itself, as TOML inside the component. It is read strictly:
//! what isn't known is refused, so that a typo is found by the author and not by a tenant.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::grants::{Grants, Permission};
use super::refusal::Refusal;
use super::schema;

/// The entries of a channel's log that a plugin may listen to.
pub const EVENTS: [&str; 7] = [
    "message.new",
    "message.updated",
    "message.deleted",
    "member.added",
    "member.updated",
    "member.removed",
    "channel.updated",
];

/// Kinds of message that the host itself has.
const OWN_KINDS: [&str; 5] = ["text", "image", "video", "audio", "file"];

const NAME_BYTES_MAX: usize = 64;
const COMMAND_BYTES_MAX: usize = 32;
const TITLE_BYTES_MAX: usize = 80;
const SENTENCE_BYTES_MAX: usize = 200;
const DESCRIPTION_BYTES_MAX: usize = 2_000;
const VERSION_BYTES_MAX: usize = 64;
const COMMANDS_MAX: usize = 32;
const KINDS_MAX: usize = 16;

/// What a plugin says about itself. All sizes and names are checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Lower-case letters, digits and `-`, from a letter on; at most 64 bytes.
    pub name: String,
    /// Such as `1.4.0` or `2.0.0-rc.1`.
    pub version: String,
    /// For people; at most 80 bytes.
    pub title: String,
    /// For people; at most 2,000 bytes, perhaps empty.
    pub description: String,
    /// The log entries that the plugin gets, from `EVENTS`.
    pub events: Vec<String>,
    pub permissions: Vec<PermissionRequest>,
    pub commands: Vec<CommandInfo>,
    pub kinds: Vec<KindInfo>,
    /// The JSON schema of the settings; empty if there are none.
    pub config: Map<String, Value>,
}

/// A permission that the plugin asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionRequest {
    pub name: Permission,
    /// What for, in a sentence for the tenant.
    pub reason: String,
}

/// A slash command.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandInfo {
    /// Without the slash; unique within the manifest.
    pub name: String,
    /// The arguments as shown in help, such as `<question> <choice>…`; perhaps empty.
    #[serde(default)]
    pub usage: String,
    pub description: String,
}

/// A kind of message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindInfo {
    /// The message's `type`; unique within the manifest.
    pub name: String,
    pub title: String,
}

/// The manifest as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    version: String,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    permissions: Vec<WrittenPermission>,
    #[serde(default)]
    commands: Vec<CommandInfo>,
    #[serde(default)]
    kinds: Vec<KindInfo>,
    #[serde(default)]
    config: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPermission {
    name: String,
    reason: String,
}

impl Manifest {
    /// The permissions that it asks for.
    pub fn requested(&self) -> Grants {
        self.permissions
            .iter()
            .map(|request| request.name)
            .collect()
    }
}

/// Reads and checks a manifest.
pub(super) fn parse(bytes: &[u8]) -> Result<Manifest, Refusal> {
    let invalid = |detail: String| Refusal::new("plugin_manifest_invalid", detail);
    let text =
        std::str::from_utf8(bytes).map_err(|_| invalid("The manifest isn't UTF-8.".into()))?;
    let written: Written = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or_default().lines().count().max(1);
        invalid(format!(
            "The manifest can't be read near line {line}: {}.",
            error.message()
        ))
    })?;
    check_name("name", &written.name, NAME_BYTES_MAX)?;
    check_version(&written.version)?;
    check_text("title", &written.title, 1, TITLE_BYTES_MAX)?;
    check_text(
        "description",
        &written.description,
        0,
        DESCRIPTION_BYTES_MAX,
    )?;
    check_events(&written.events)?;
    check_commands(&written.commands)?;
    check_kinds(&written.kinds)?;
    schema::check_schema(&written.config)?;
    Ok(Manifest {
        name: written.name,
        version: written.version,
        title: written.title,
        description: written.description,
        events: written.events,
        permissions: permissions(written.permissions)?,
        commands: written.commands,
        kinds: written.kinds,
        config: written.config,
    })
}

fn permissions(written: Vec<WrittenPermission>) -> Result<Vec<PermissionRequest>, Refusal> {
    check_unique(
        "permissions",
        written.iter().map(|request| request.name.as_str()),
    )?;
    let mut permissions = Vec::with_capacity(written.len());
    for (at, request) in written.into_iter().enumerate() {
        let Some(name) = Permission::from_name(&request.name) else {
            let known = Permission::ALL.map(Permission::name).join(", ");
            let detail = format!("is `{}`, which is none of: {known}", request.name);
            return Err(Refusal::manifest(format!("permissions[{at}].name"), detail));
        };
        let reason = request.reason;
        check_text(
            &format!("permissions[{at}].reason"),
            &reason,
            1,
            SENTENCE_BYTES_MAX,
        )?;
        permissions.push(PermissionRequest { name, reason });
    }
    let has = |wanted| permissions.iter().any(|request| request.name == wanted);
    if has(Permission::ChatModerate) && !has(Permission::ChatWrite) {
        let detail = "has `chat-moderate`, which is of no use without `chat-write`";
        return Err(Refusal::manifest("permissions", detail));
    }
    Ok(permissions)
}

fn check_events(events: &[String]) -> Result<(), Refusal> {
    check_unique("events", events.iter().map(String::as_str))?;
    for (at, event) in events.iter().enumerate() {
        if !EVENTS.contains(&event.as_str()) {
            let detail = format!("is none of: {}", EVENTS.join(", "));
            return Err(Refusal::manifest(format!("events[{at}]"), detail));
        }
    }
    Ok(())
}

fn check_commands(commands: &[CommandInfo]) -> Result<(), Refusal> {
    check_count("commands", commands.len(), COMMANDS_MAX)?;
    check_unique(
        "commands",
        commands.iter().map(|command| command.name.as_str()),
    )?;
    for (at, command) in commands.iter().enumerate() {
        let field = |name| format!("commands[{at}].{name}");
        check_name(&field("name"), &command.name, COMMAND_BYTES_MAX)?;
        check_text(&field("usage"), &command.usage, 0, SENTENCE_BYTES_MAX)?;
        check_text(
            &field("description"),
            &command.description,
            1,
            SENTENCE_BYTES_MAX,
        )?;
    }
    Ok(())
}

fn check_kinds(kinds: &[KindInfo]) -> Result<(), Refusal> {
    check_count("kinds", kinds.len(), KINDS_MAX)?;
    check_unique("kinds", kinds.iter().map(|kind| kind.name.as_str()))?;
    for (at, kind) in kinds.iter().enumerate() {
        let field = format!("kinds[{at}].name");
        check_name(&field, &kind.name, NAME_BYTES_MAX)?;
        if OWN_KINDS.contains(&kind.name.as_str()) {
            return Err(Refusal::manifest(
                field,
                "is a kind that the host itself has",
            ));
        }
        check_text(
            &format!("kinds[{at}].title"),
            &kind.title,
            1,
            TITLE_BYTES_MAX,
        )?;
    }
    Ok(())
}

fn check_name(field: &str, name: &str, bytes_max: usize) -> Result<(), Refusal> {
    let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    if begins && name.len() <= bytes_max && name.bytes().all(is_plain) && !name.ends_with('-') {
        return Ok(());
    }
    let detail = format!(
        "must be lower-case letters, digits and `-`, from a letter to a letter or digit, at most \
         {bytes_max} bytes"
    );
    Err(Refusal::manifest(field, detail))
}

/// `MAJOR.MINOR.PATCH`, with `-` and `+` parts as semantic versioning has them.
fn check_version(version: &str) -> Result<(), Refusal> {
    let is_number = |part: &str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (1..=9).contains(&part.len()) && (part == "0" || !part.starts_with('0'))
    };
    let is_label = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let (version_core, build) = version.split_once('+').unwrap_or((version, "0"));
    let (numbers, pre) = version_core.split_once('-').unwrap_or((version_core, "0"));
    if version.len() <= VERSION_BYTES_MAX
        && numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && pre.split('.').all(is_label)
        && build.split('.').all(is_label)
    {
        return Ok(());
    }
    Err(Refusal::manifest(
        "version",
        "must be a semantic version such as 1.4.0",
    ))
}

fn check_text(field: &str, text: &str, min: usize, bytes_max: usize) -> Result<(), Refusal> {
    let is_shown = |c: char| !c.is_control() || c == '\n';
    let is_blank = min > 0 && text.trim().is_empty();
    if !is_blank && text.len() <= bytes_max && text.chars().all(is_shown) {
        return Ok(());
    }
    let detail = format!("must have {min} to {bytes_max} bytes without control characters");
    Err(Refusal::manifest(field, detail))
}

fn check_count(field: &str, count: usize, max: usize) -> Result<(), Refusal> {
    if count > max {
        return Err(Refusal::manifest(
            field,
            format!("has {count} entries; at most {max}"),
        ));
    }
    Ok(())
}

fn check_unique<'a>(field: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Refusal::manifest(field, format!("has `{name}` twice")));
        }
    }
    Ok(())
}
