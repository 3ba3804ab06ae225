//! The manifest: what a plugin says about itself, as TOML inside the component. It is read strictly:
//! what isn't known is refused, so that a typo is found by the author and not by a tenant.

mod checks;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::grants::{Grants, Permission};
use super::refusal::Refusal;
use super::schema;
use super::settings::{self, SettingFault, Settings};
use crate::address::{ANYWHERE, HOSTS_MAX, Hosts};
use checks::{
    DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX, SENTENCE_BYTES_MAX, TITLE_BYTES_MAX, check_commands,
    check_events, check_feeds, check_kinds, check_name, check_paths, check_text, check_unique,
    check_version,
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
    /// Its feeds, at most 16.
    pub feeds: Vec<FeedInfo>,
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
    /// For `http`: the hosts that requests go to, 1 to 20 rules as `address::Hosts` reads them, or
    /// `{setting}` for the host of the URL that the tenant enters there, or among them `*` for any at a
    /// public address.
    pub hosts: Vec<String>,
    /// For `http`: which of those hosts each secret setting goes to.
    pub secrets: BTreeMap<String, Vec<String>>,
    /// For `public-routes`: which, 1 to 20. A path, or the beginning of paths with `/*` at its end.
    pub paths: Vec<String>,
}

/// Whether a rule of `public-routes` opens a path, percent-encoded as it came.
pub fn opens(rule: &str, path: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == rule,
    }
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

/// A feed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedInfo {
    /// The last part of its route; unique within the manifest.
    pub name: String,
    /// For people; at most 80 bytes.
    pub title: String,
    /// The kinds of message that it is made of: 1 to 8, the plugin's own or the host's.
    pub kinds: Vec<String>,
}

/// The setting that names a host, if a host of a manifest is of that kind: `{endpoint}`.
pub fn host_setting(host: &str) -> Option<&str> {
    host.strip_prefix('{')?.strip_suffix('}')
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
    feeds: Vec<FeedInfo>,
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
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    secrets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    paths: Vec<String>,
}

impl Manifest {
    /// The permissions that it asks for.
    pub fn requested(&self) -> Grants {
        self.permissions
            .iter()
            .map(|request| request.name)
            .collect()
    }

    /// What it asks of `permission`, if it does.
    pub fn request(&self, permission: Permission) -> Option<&PermissionRequest> {
        self.permissions
            .iter()
            .find(|request| request.name == permission)
    }

    /// The names of the settings that are secret.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        schema::secrets(&self.config)
    }

    /// Checks a tenant's settings against the schema, puts defaults where nothing was set, and takes
    /// the secrets out. `is_kept` tells of a secret that is not given whether it was before.
    pub fn complete_config(
        &self,
        settings: Value,
        is_kept: impl Fn(&str) -> bool,
    ) -> Result<Settings, Vec<SettingFault>> {
        settings::complete(&self.config, settings, is_kept)
    }
}

/// Reads and checks a manifest.
pub fn parse(bytes: &[u8]) -> Result<Manifest, Refusal> {
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
    check_feeds(&written.feeds, &written.kinds)?;
    schema::check_schema(&written.config)?;
    let permissions = permissions(written.permissions)?;
    check_secrets(&permissions, &written.config)?;
    check_host_settings(&permissions, &written.config)?;
    Ok(Manifest {
        name: written.name,
        version: written.version,
        title: written.title,
        description: written.description,
        events: written.events,
        permissions,
        commands: written.commands,
        kinds: written.kinds,
        feeds: written.feeds,
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
        let (hosts, secrets) = (request.hosts, request.secrets);
        let at = format!("permissions[{at}]");
        check_hosts(&at, name, &hosts, &secrets)?;
        check_paths(&format!("{at}.paths"), name, &request.paths)?;
        permissions.push(PermissionRequest {
            name,
            reason,
            hosts,
            secrets,
            paths: request.paths,
        });
    }
    let has = |wanted| permissions.iter().any(|request| request.name == wanted);
    if has(Permission::ChatModerate) && !has(Permission::ChatWrite) {
        let detail = "has `chat-moderate`, which is of no use without `chat-write`";
        return Err(Refusal::manifest("permissions", detail));
    }
    Ok(permissions)
}

fn check_hosts(
    at: &str,
    permission: Permission,
    hosts: &[String],
    secrets: &BTreeMap<String, Vec<String>>,
) -> Result<(), Refusal> {
    let refuse =
        |field: &str, detail: String| Err(Refusal::manifest(format!("{at}.{field}"), detail));
    if permission != Permission::Http {
        return match (hosts, secrets.is_empty()) {
            ([], true) => Ok(()),
            ([], false) => refuse("secrets", "is for `http` alone".into()),
            _ => refuse("hosts", "is for `http` alone".into()),
        };
    }
    if hosts.is_empty() {
        return refuse("hosts", "must name the hosts that requests go to".into());
    }
    let rules = hosts.iter().filter(|host| host_setting(host).is_none());
    if hosts.len() > HOSTS_MAX {
        return refuse("hosts", format!("has more than {HOSTS_MAX} entries"));
    }
    if let Err(error) = Hosts::parse_wide(rules) {
        return refuse("hosts", format!("can't be read: {error}"));
    }
    check_unique(&format!("{at}.hosts"), hosts.iter().map(String::as_str))?;
    for (secret, to) in secrets {
        let field = format!("secrets.{secret}");
        if to.is_empty() {
            return refuse(&field, "must name the hosts that the secret goes to".into());
        }
        if to.iter().any(|host| host == ANYWHERE) {
            let detail = "has `*`: a secret goes to hosts that are named, and nowhere else";
            return refuse(&field, detail.into());
        }
        if let Some(stranger) = to.iter().find(|host| !hosts.contains(host)) {
            return refuse(&field, format!("has `{stranger}`, which is not in `hosts`"));
        }
    }
    Ok(())
}

/// A secret is a setting that goes to some host, and what goes to a host as a secret is a setting.
fn check_secrets(
    permissions: &[PermissionRequest],
    config: &Map<String, Value>,
) -> Result<(), Refusal> {
    let goes = |name: &str| {
        permissions
            .iter()
            .any(|request| request.secrets.contains_key(name))
    };
    if let Some(name) = schema::secrets(config).find(|name| !goes(name)) {
        let detail = "is of no use: no permission says which hosts the secret goes to";
        return Err(Refusal::manifest(
            format!("config.properties.{name}.secret"),
            detail,
        ));
    }
    let is_setting = |name: &str| schema::secrets(config).any(|secret| secret == name);
    let named = permissions
        .iter()
        .flat_map(|request| request.secrets.keys());
    for name in named {
        if !is_setting(name) {
            let detail = format!("has `{name}`, which is no setting with `secret = true`");
            return Err(Refusal::manifest("permissions.secrets", detail));
        }
    }
    Ok(())
}

/// A host that a setting names is the tenant's own choice: nothing is reached before somebody enters it.
fn check_host_settings(
    permissions: &[PermissionRequest],
    config: &Map<String, Value>,
) -> Result<(), Refusal> {
    let hosts = permissions.iter().flat_map(|request| &request.hosts);
    for name in hosts.filter_map(|host| host_setting(host)) {
        let property = schema::properties(config).find(|(property, _)| *property == name);
        let property = property.and_then(|(_, property)| property.as_object());
        let fits = property.is_some_and(|property| {
            schema::type_of(property) == "string"
                && !property.contains_key("default")
                && !schema::secrets(config).any(|secret| secret == name)
        });
        if !fits {
            let detail = format!(
                "has `{{{name}}}`, which is no setting of the type string without a default"
            );
            return Err(Refusal::manifest("permissions.hosts", detail));
        }
    }
    Ok(())
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
        let settings = manifest.complete_config(serde_json::json!({}), |_| false);
        assert_eq!(settings.unwrap().plain, serde_json::json!({ "limit": 3 }));
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
        let feed = |name: &str, kinds: &str| {
            format!("[[feeds]]\nname = '{name}'\ntitle = 't'\nkinds = {kinds}\n")
        };
        let text = format!("{HEAD}{}{}", feed("news", "['post', 'text']"), kind("post"));
        let manifest = parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.feeds[0].kinds, ["post", "text"]);
        assert_eq!(with(&feed("news", "['post']")), "feeds[0].kinds");
        assert_eq!(with(&feed("news", "[]")), "feeds[0].kinds");
        assert_eq!(with(&feed("news", "['text', 'text']")), "feeds[0].kinds");
        assert_eq!(with(&feed("New", "['text']")), "feeds[0].name");
        assert_eq!(with(&feed("news", "['text']").repeat(2)), "feeds");
    }

    const TOKEN: &str =
        "[config]\ntype = 'object'\n[config.properties.token]\ntype = 'string'\nsecret = true\n";

    #[test]
    fn routes_are_opened_by_path() {
        let open = |paths: &str| {
            format!("[[permissions]]\nname = 'public-routes'\nreason = 'r'\npaths = {paths}\n")
        };
        let text = format!("{HEAD}{}", open("['/hook', '/feed/*']"));
        let manifest = parse(text.as_bytes()).unwrap();
        let asked = manifest.request(Permission::PublicRoutes).unwrap();
        for (path, opened) in [
            ("/hook", true),
            ("/hook/", false),
            ("/hooks", false),
            ("/", false),
            ("/feed/", true),
            ("/feed/a/b.ics", true),
            ("/feed", false),
            ("/feedback", false),
        ] {
            let mut rules = asked.paths.iter();
            assert_eq!(rules.any(|rule| super::opens(rule, path)), opened, "{path}");
        }
        let paths = "permissions[0].paths";
        for bad in [
            "[]",
            "['']",
            "['hook']",
            "['/a b']",
            "['/a?b']",
            "['/a#b']",
            "['/a*']",
            "['/*/a']",
            "['/../a']",
            "['/a', '/a']",
        ] {
            assert_eq!(with(&open(bad)), paths, "{bad}");
        }
        assert_eq!(with(&open(&format!("['/{}']", "a".repeat(200)))), paths);
        let kv = "[[permissions]]\nname = 'kv'\nreason = 'r'\npaths = ['/a']\n";
        assert_eq!(with(kv), paths);
    }

    #[test]
    fn requests_go_to_hosts_that_are_named() {
        let http = |more: &str| format!("[[permissions]]\nname = 'http'\nreason = 'r'\n{more}\n");
        let text = format!(
            "{HEAD}{}{TOKEN}",
            http(
                "hosts = ['api.example.com', '*.example.org:8443']\nsecrets.token = ['api.example.com']"
            )
        );
        let manifest = parse(text.as_bytes()).unwrap();
        let asked = manifest.request(Permission::Http).unwrap();
        assert_eq!(asked.hosts, ["api.example.com", "*.example.org:8443"]);
        assert_eq!(asked.secrets["token"], ["api.example.com"]);
        assert_eq!(manifest.secrets().collect::<Vec<_>>(), ["token"]);

        let setting = "[config]\ntype = 'object'\n[config.properties.endpoint]\n";
        let by_setting = http("hosts = ['{endpoint}', 'api.example.com']");
        let text = format!("{HEAD}{by_setting}{setting}type = 'string'");
        let manifest = parse(text.as_bytes()).unwrap();
        let asked = manifest.request(Permission::Http).unwrap();
        assert_eq!(asked.hosts, ["{endpoint}", "api.example.com"]);
        for bad in [
            "type = 'integer'",
            "type = 'string'\ndefault = 'https://a.example'",
        ] {
            let field = with(&format!("{by_setting}{setting}{bad}"));
            assert_eq!(field, "permissions.hosts", "{bad}");
        }
        assert_eq!(with(&by_setting), "permissions.hosts");
        let secret = http("hosts = ['{token}']\nsecrets.token = ['{token}']");
        assert_eq!(with(&format!("{secret}{TOKEN}")), "permissions.hosts");

        let hosts = "permissions[0].hosts";
        assert_eq!(with(&http("")), hosts);
        assert_eq!(with(&http("hosts = []")), hosts);
        for bad in [
            "https://example.com",
            "Example.com",
            "*.com",
            "example.com:22",
        ] {
            assert_eq!(with(&http(&format!("hosts = ['{bad}']"))), hosts, "{bad}");
        }
        assert_eq!(with(&http("hosts = ['a.example', 'a.example']")), hosts);
        let kv = "[[permissions]]\nname = 'kv'\nreason = 'r'\n";
        assert_eq!(with(&format!("{kv}hosts = ['a.example']")), hosts);
        assert_eq!(
            with(&format!("{kv}secrets.token = ['a.example']")),
            "permissions[0].secrets"
        );
        let anywhere = format!("{HEAD}{}", http("hosts = ['*', 'a.example:8443']"));
        assert!(parse(anywhere.as_bytes()).is_ok());
        let secrets =
            |to: &str| format!("{}{TOKEN}", http(&format!("hosts = ['a.example']\n{to}")));
        for bad in ["secrets.token = []", "secrets.token = ['b.example']"] {
            assert_eq!(with(&secrets(bad)), "permissions[0].secrets.token", "{bad}");
        }
        let to_all = http("hosts = ['*']\nsecrets.token = ['*']");
        assert_eq!(
            with(&format!("{to_all}{TOKEN}")),
            "permissions[0].secrets.token"
        );
        assert_eq!(with(&secrets("")), "config.properties.token.secret");
        assert_eq!(
            with(&secrets(
                "secrets.token = ['a.example']\nsecrets.key = ['a.example']"
            )),
            "permissions.secrets"
        );
    }
}
