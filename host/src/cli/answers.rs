//! What the API answers, as far as people are shown it. Fields that a later host adds are passed
//! over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::failure::Failure;

/// An answer in its shape.
pub fn read<T: DeserializeOwned>(answer: &Value) -> Result<T, Failure> {
    T::deserialize(answer).map_err(|_| unexpected())
}

/// What to say of an answer without what it must have.
pub fn unexpected() -> Failure {
    Failure::Other("the host answered in a way that this version of `althing` doesn't know".into())
}

/// The day of an RFC 3339 time.
pub fn day(time: &str) -> String {
    time.get(..10).unwrap_or(time).to_owned()
}

/// An RFC 3339 time in UTC to the minute, such as `2026-01-31 08:30 UTC`.
pub fn minute(time: &str) -> String {
    match (time.get(..10), time.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => time.to_owned(),
    }
}

/// A dash for an empty list.
pub fn or_none(text: String) -> String {
    if text.is_empty() { "–".into() } else { text }
}

/// A new org or app, with its first key.
#[derive(Debug, Deserialize)]
pub struct Created {
    org: Option<Org>,
    app: Option<App>,
    key: String,
}

impl Created {
    /// The org and its key.
    pub fn org(self) -> Result<(Org, String), Failure> {
        Ok((self.org.ok_or_else(unexpected)?, self.key))
    }

    /// The app and its server key.
    pub fn app(self) -> Result<(App, String), Failure> {
        Ok((self.app.ok_or_else(unexpected)?, self.key))
    }
}

#[derive(Debug, Deserialize)]
pub struct Org {
    pub id: String,
    pub name: String,
    pub email: String,
    pub created_at: String,
}

#[derive(Debug, Deserialize)]
pub struct OrgList {
    pub orgs: Vec<Org>,
}

#[derive(Debug, Deserialize)]
pub struct App {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub allowed_ips: Vec<String>,
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    pub created_at: String,
}

#[derive(Debug, Deserialize)]
pub struct AppList {
    pub apps: Vec<App>,
}

#[derive(Debug, Deserialize)]
pub struct Key {
    pub id: String,
    pub name: String,
    pub hint: String,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub secret: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct KeyList {
    pub keys: Vec<Key>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Permission {
    pub name: String,
    /// Empty for what hooks see.
    #[serde(default)]
    pub reason: String,
    /// What it allows, in the host's words.
    #[serde(default)]
    pub allows: String,
    /// For `http`: where requests go.
    #[serde(default)]
    pub hosts: Vec<String>,
    #[serde(default)]
    pub paths: Vec<String>,
    #[serde(default)]
    pub secrets: Vec<SecretUse>,
}

impl Permission {
    /// Whether it is among the grants: as a whole, or for some of its hosts or paths.
    pub fn is_granted(&self, grants: &[String]) -> bool {
        grants.contains(&self.name) || self.granted_places(grants).next().is_some()
    }

    /// The hosts or paths among the grants.
    pub fn granted_places<'g>(&'g self, grants: &'g [String]) -> impl Iterator<Item = &'g str> {
        grants
            .iter()
            .filter_map(|grant| grant.strip_prefix(self.name.as_str())?.strip_prefix(':'))
    }
}

/// Where a secret setting goes.
#[derive(Debug, Clone, Deserialize)]
pub struct SecretUse {
    pub name: String,
    pub hosts: Vec<String>,
}

/// How the recording of calls stands.
#[derive(Debug, Deserialize)]
pub struct Recording {
    pub until: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct RecordedCall {
    pub id: String,
    pub at: String,
    pub hook: String,
    pub function: String,
    pub channel_id: Option<String>,
    pub user_id: Option<String>,
    pub outcome: String,
    pub cpu_us: u64,
    pub host_calls: u32,
}

#[derive(Debug, Deserialize)]
pub struct RecordedCalls {
    pub calls: Vec<RecordedCall>,
    pub next: Option<String>,
}

/// Whether a secret setting has a value.
#[derive(Debug, Clone, Deserialize)]
pub struct SecretSetting {
    pub name: String,
    pub set: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct CommandHelp {
    pub name: String,
    #[serde(default)]
    pub usage: String,
    pub description: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Kind {
    pub name: String,
    pub title: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Feed {
    pub name: String,
    pub title: String,
}

/// What hooks let a plugin see.
#[derive(Debug, Clone, Deserialize)]
pub struct Sight {
    pub name: String,
    pub allows: String,
}

/// What a component is and wants.
#[derive(Debug, Clone, Deserialize)]
pub struct Component {
    pub name: String,
    pub version: String,
    pub digest: String,
    pub title: String,
    #[serde(default)]
    pub description: String,
    pub exports: Vec<String>,
    pub imports: Vec<String>,
    pub permissions: Vec<Permission>,
    /// What its hooks let it see.
    #[serde(default)]
    pub sees: Vec<Sight>,
    #[serde(default)]
    pub signatures: Vec<Signer>,
    #[serde(default)]
    pub commands: Vec<CommandHelp>,
    #[serde(default)]
    pub kinds: Vec<Kind>,
    #[serde(default)]
    pub feeds: Vec<Feed>,
    #[serde(default)]
    pub events: Vec<String>,
    #[serde(default)]
    pub keep_instances: bool,
    #[serde(default)]
    pub uses_wasi: bool,
    #[serde(default)]
    pub config_schema: Value,
    pub bytes: usize,
}

impl Component {
    /// Whether it can't start without this permission: those that it imports. The others widen what
    /// it may do.
    pub fn needs(&self, permission: &str) -> bool {
        self.imports.iter().any(|import| import == permission)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Install {
    pub digest: String,
    pub enabled: bool,
    pub grants: Vec<String>,
    #[serde(default)]
    pub config: Map<String, Value>,
    #[serde(default)]
    pub secrets: Vec<SecretSetting>,
    pub order: i64,
    pub on_fault: String,
    pub previous: Option<String>,
    pub rollout: Option<RolloutInShort>,
    #[serde(default)]
    pub quarantine: Vec<Quarantine>,
    pub fault: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Quarantine {
    pub hook: String,
    pub since: String,
    pub detail: String,
}

/// What the calls of a plugin took.
#[derive(Debug, Clone, Deserialize)]
pub struct Usage {
    pub hooks: Vec<HookUsage>,
    #[serde(default)]
    pub figures: Vec<OwnFigure>,
    #[serde(default)]
    pub events_waiting: u64,
}

/// What a plugin's guards decided.
#[derive(Debug, Clone, Deserialize)]
pub struct DecisionList {
    pub decisions: Vec<Decision>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Decision {
    pub at: String,
    pub hook: String,
    pub channel_id: Option<String>,
    pub user_id: Option<String>,
    pub outcome: String,
    pub code: Option<String>,
    pub reason: Option<String>,
}

/// What waits for a person.
#[derive(Debug, Clone, Deserialize)]
pub struct HeldList {
    pub held: Vec<Held>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Held {
    pub id: String,
    pub channel_id: String,
    pub from: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: Value,
    pub plugin: String,
    pub reason: String,
    pub details: Option<String>,
    pub appeal: Option<String>,
    pub created_at: String,
}

/// A number that a plugin keeps itself.
#[derive(Debug, Clone, Deserialize)]
pub struct OwnFigure {
    pub name: String,
    pub kind: String,
    pub value: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct HookUsage {
    pub hook: String,
    pub calls: u64,
    pub faults: BTreeMap<String, u64>,
    pub cpu_us: u64,
    pub wall_us: u64,
    pub host_calls: u64,
    pub memory_peak_bytes: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Version {
    pub digest: String,
    pub version: String,
    pub uploaded_at: String,
    /// What it asks for, and what its hooks would see, beyond what is granted now.
    #[serde(default)]
    pub wants: Vec<Permission>,
    #[serde(default)]
    pub signatures: Vec<Signer>,
}

/// Who signed a version.
#[derive(Debug, Clone, Deserialize)]
pub struct Signer {
    pub key_id: String,
    pub name: Option<String>,
    /// Empty where nobody was asked.
    #[serde(default)]
    pub trust: String,
    pub signed_at: String,
}

/// A version that is tried.
#[derive(Debug, Clone, Deserialize)]
pub struct RolloutInShort {
    pub digest: String,
    pub mode: String,
    pub percent: Option<u8>,
    pub ended: Option<RolloutEnd>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct RolloutEnd {
    pub at: String,
    /// None if it ended for want of a permission.
    pub hook: Option<String>,
    pub detail: String,
}

/// How a version does that is tried.
#[derive(Debug, Clone, Deserialize)]
pub struct Rollout {
    pub digest: String,
    pub version: String,
    pub mode: String,
    pub percent: Option<u8>,
    pub since: String,
    pub ended: Option<RolloutEnd>,
    pub fault: Option<String>,
    pub grants: Vec<String>,
    pub config: Map<String, Value>,
    #[serde(default)]
    pub usage: Vec<HookUsage>,
    #[serde(default)]
    pub compared: Vec<HookCompared>,
    #[serde(default)]
    pub differences: Vec<Difference>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct HookCompared {
    pub hook: String,
    pub calls: u64,
    pub same: u64,
    pub different: u64,
    pub failed: u64,
    pub dropped: u64,
    pub cpu_us: u64,
    pub active_cpu_us: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Difference {
    pub at: String,
    pub hook: String,
    pub channel_id: Option<String>,
    pub active: String,
    pub candidate: String,
}

/// Whose plugins an app takes.
#[derive(Debug, Clone, Deserialize)]
pub struct PluginTrust {
    pub required: bool,
    pub keys: Vec<TrustedKey>,
    pub least_versions: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct TrustedKey {
    pub id: String,
    pub name: String,
    pub plugins: Vec<String>,
    pub revoked: bool,
}

/// A plugin in an app.
#[derive(Debug, Clone, Deserialize)]
pub struct Plugin {
    pub name: String,
    pub install: Option<Install>,
    /// Of the installed version, else of the newest.
    pub component: Option<Component>,
    #[serde(default)]
    pub versions: Vec<Version>,
}

#[derive(Debug, Deserialize)]
pub struct PluginList {
    pub plugins: Vec<Plugin>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct LogLine {
    pub at: String,
    pub level: String,
    pub message: String,
}

#[derive(Debug, Deserialize)]
pub struct Log {
    pub lines: Vec<LogLine>,
}
