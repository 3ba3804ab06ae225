//! The manifest: what a plugin says about itself, as TOML inside the component. It is read strictly:
//! what isn't known is refused, so that a typo is found by the author and not by a tenant.

mod checks;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::grants::{Grants, Permission};
use super::refusal::Refusal;
use super::schema;
use super::settings::{self, SettingFault};
use checks::{
    DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX, SENTENCE_BYTES_MAX, TITLE_BYTES_MAX, check_commands,
    check_events, check_kinds, check_name, check_text, check_unique, check_version,
};

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
    /// What the plugin asks for, each permission once.
    pub permissions: Vec<PermissionRequest>,
    /// Its slash commands, at most 32.
    pub commands: Vec<CommandInfo>,
    /// Its kinds of message, at most 16.
    pub kinds: Vec<KindInfo>,
    /// Whether instances serve more than one call of an install.
    pub keep_instances: bool,
    /// The JSON schema of the settings; empty if there are none.
    pub config: Map<String, Value>,
}

/// A permission that the plugin asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionRequest {
    /// Which one.
    pub name: Permission,
    /// What for, in a sentence for the tenant; at most 200 bytes.
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
    /// What it does, in a sentence; at most 200 bytes.
    pub description: String,
}

/// A kind of message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindInfo {
    /// The message's `type`; unique within the manifest.
    pub name: String,
    /// For people; at most 80 bytes.
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
    keep_instances: bool,
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

    /// Checks a tenant's settings against the schema and puts defaults where nothing was set.
    pub fn complete_config(&self, settings: Value) -> Result<Value, Vec<SettingFault>> {
        settings::complete(&self.config, settings)
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
        keep_instances: written.keep_instances,
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

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::plugins::{Grants, Permission};

    const HEAD: &str = "name = 'poll'\nversion = '1.2.3'\ntitle = 'Polls'\n";

    /// The field at fault.
    fn refused(text: &str) -> String {
        let refusal = parse(text.as_bytes()).unwrap_err();
        assert_eq!(refusal.code, "plugin_manifest_invalid");
        refusal.field.unwrap_or(refusal.detail)
    }

    fn with(more: &str) -> String {
        refused(&format!("{HEAD}{more}"))
    }

    #[test]
    fn a_whole_manifest_is_read() {
        let text = format!(
            "{HEAD}description = 'Asks.'\nevents = ['message.new']
            [[permissions]]\nname = 'kv'\nreason = 'to count votes'
            [[commands]]\nname = 'poll'\nusage = '<question>'\ndescription = 'Asks a question'
            [[kinds]]\nname = 'poll'\ntitle = 'Poll'
            [config]\ntype = 'object'\nproperties.limit = {{ type = 'integer', default = 3 }}"
        );
        let manifest = parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.name, "poll");
        assert_eq!(manifest.events, ["message.new"]);
        assert_eq!(manifest.requested(), Grants::from_iter([Permission::Kv]));
        assert_eq!(manifest.commands[0].usage, "<question>");
        assert_eq!(manifest.kinds[0].title, "Poll");
        let settings = manifest.complete_config(serde_json::json!({}));
        assert_eq!(settings, Ok(serde_json::json!({ "limit": 3 })));
        assert!(parse(HEAD.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(parse(b"name = '\xff'").is_err());
        assert!(refused("name = ").contains("line 1"));
        assert!(refused("name = 'poll'").contains("missing field"));
        assert!(with("colour = 'red'").contains("unknown field `colour`"));
        assert!(with("[[permissions]]\nname = 'kv'\nreason = 'r'\nwhy = ''").contains("`why`"));
        assert!(with("[[commands]]\nname = 'a'\ndescription = 'b'\nx = 1").contains("`x`"));
        assert!(with("[[kinds]]\nname = 'a'\ntitle = 'b'\nx = 1").contains("`x`"));
        assert_eq!(with("[config]\ntype = 'string'"), "config.type");
    }

    #[test]
    fn names_and_sizes_are_checked() {
        let head = |name: &str, version: &str, title: &str| {
            refused(&format!(
                "name = '{name}'\nversion = '{version}'\ntitle = '{title}'"
            ))
        };
        for name in ["", "Poll", "1poll", "po ll", "poll-", &"p".repeat(65)] {
            assert_eq!(head(name, "1.0.0", "T"), "name", "{name}");
        }
        for version in [
            "", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "1.0.0-", "1.0.0+",
        ] {
            assert_eq!(head("poll", version, "T"), "version", "{version}");
        }
        assert_eq!(head("poll", "1.0.0", " "), "title");
        assert_eq!(head("poll", "1.0.0", &"t".repeat(81)), "title");
        for version in [
            "0.0.1",
            "1.20.300",
            "1.0.0-rc.1",
            "1.0.0+build.5",
            "1.0.0-a-b+c",
        ] {
            let text = format!("name = 'poll'\nversion = '{version}'\ntitle = 'T'");
            assert!(parse(text.as_bytes()).is_ok(), "{version}");
        }
        assert_eq!(with("description = \"a\\u0007b\""), "description");
    }

    #[test]
    fn lists_are_checked() {
        assert_eq!(with("events = ['message.gnu']"), "events[0]");
        assert_eq!(with("events = ['message.new', 'message.new']"), "events");
        let permission = |name: &str, reason: &str| {
            format!("[[permissions]]\nname = '{name}'\nreason = '{reason}'\n")
        };
        assert_eq!(with(&permission("root", "to rule")), "permissions[0].name");
        assert_eq!(with(&permission("kv", "")), "permissions[0].reason");
        assert_eq!(with(&permission("kv", "r").repeat(2)), "permissions");
        assert_eq!(with(&permission("chat-moderate", "r")), "permissions");
        let command = |name: &str| format!("[[commands]]\nname = '{name}'\ndescription = 'd'\n");
        assert_eq!(with(&command("/poll")), "commands[0].name");
        assert_eq!(with(&command("poll").repeat(2)), "commands");
        let many: String = (0..33).map(|at| command(&format!("c{at}"))).collect();
        assert_eq!(with(&many), "commands");
        let kind = |name: &str| format!("[[kinds]]\nname = '{name}'\ntitle = 't'\n");
        assert_eq!(with(&kind("text")), "kinds[0].name");
        assert_eq!(with(&kind("poll").repeat(2)), "kinds");
    }
}
