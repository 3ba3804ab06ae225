//! Plugins, as tenants manage them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::rollout::RolloutInShort;
use super::trust::Signer;
use crate::model::{CallId, DecisionId};

/// A permission that a plugin wants, or something that its hooks would see.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Permission {
    /// Its name, for `grants`.
    pub name: String,
    /// Why, in the author's words; absent for what hooks would see.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What it allows, in the host's words.
    pub allows: String,
    /// Whether the plugin can't run without it.
    pub required: bool,
    /// For `http`: the hosts that requests go to. Each can be granted by itself, as
    /// `http:api.example.com`. `{endpoint}` is the host of the URL that is entered as the setting
    /// `endpoint`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// For `http`: the settings that are secret, and which of the hosts get them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretUse>,
    /// For `public-routes`: which of the plugin's routes anybody may ask. Each can be granted by itself,
    /// as `public-routes:/hook`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// Something that a version's hooks let it see, whatever permissions it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Sight {
    /// Its name, for `grants`: that of a guard, such as `message-guard`; `events:` and the event;
    /// `feed:` and the type of the messages.
    pub name: String,
    /// What it lets the plugin see and do, in the host's words.
    pub allows: String,
}

/// Where a secret setting goes.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SecretUse {
    /// The setting.
    pub name: String,
    /// The hosts that requests take it to.
    pub hosts: Vec<String>,
}

/// A secret setting of an install.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SecretSetting {
    /// The setting.
    pub name: String,
    /// Whether it has a value, which is never told.
    pub set: bool,
}

/// A slash command.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Command {
    /// Without the slash.
    pub name: String,
    /// Its arguments, such as `<question>`.
    pub usage: String,
    /// What it does.
    pub description: String,
    /// The plugin that runs it.
    pub plugin: String,
}

/// The slash commands of an app, by name.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Commands {
    /// By name.
    pub commands: Vec<Command>,
}

/// A message kind.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Kind {
    /// The `type` of its messages.
    pub name: String,
    /// What people call it.
    pub title: String,
}

/// What a component is and wants.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Component {
    /// Its name, the same for all its versions.
    pub name: String,
    /// The version, in its author's words.
    pub version: String,
    /// The SHA-256 of the component, in hex: names exactly this content.
    pub digest: String,
    /// What people call it.
    pub title: String,
    /// What it does.
    pub description: String,
    /// The hooks it implements.
    pub exports: Vec<String>,
    /// The host interfaces it uses.
    pub imports: Vec<String>,
    /// What it asks for.
    pub permissions: Vec<Permission>,
    /// What its hooks let it see, whatever it is granted.
    pub sees: Vec<Sight>,
    /// Who signed it; absent if nobody did.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signer>,
    /// The slash commands it brings.
    pub commands: Vec<Command>,
    /// The message kinds it brings.
    pub kinds: Vec<Kind>,
    /// The feeds it brings.
    pub feeds: Vec<super::Feed>,
    /// The log events it gets.
    pub events: Vec<String>,
    /// Whether an instance of it may serve several calls of the same app, one after the other, and so
    /// remember what the earlier ones were about. Otherwise each call has a fresh one.
    pub keep_instances: bool,
    /// Whether it uses WASI, as the runtimes of some languages do. That gives it nothing but a clock,
    /// random numbers, and lines in its log.
    pub uses_wasi: bool,
    /// The JSON Schema of its settings.
    #[schema(value_type = Object)]
    pub config_schema: serde_json::Value,
    /// Its size.
    pub bytes: usize,
}

/// A plugin in an app.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Plugin {
    /// Its name within the app.
    pub name: String,
    /// The version that is installed; absent when it was only uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// What the installed version is, else the newest one uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<Component>,
    /// All versions that were uploaded, old to new.
    pub versions: Vec<PluginVersion>,
}

/// The plugins of an app, by name.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Plugins {
    /// By name.
    pub plugins: Vec<Plugin>,
}

/// A version that was uploaded.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PluginVersion {
    /// The SHA-256 of the component, in hex.
    pub digest: String,
    /// The version, in its author's words.
    pub version: String,
    /// RFC 3339.
    pub uploaded_at: String,
    /// Of one other than the version that runs: what it asks for beyond what is granted now, and what
    /// its hooks would see that those of the version that runs don't. `consent` is to exactly this.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wants: Vec<Permission>,
    /// Who signed it; absent if nobody did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signer>,
}

/// How a plugin runs in an app.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Install {
    /// The version that runs.
    pub digest: String,
    /// Whether it is to run.
    pub enabled: bool,
    /// The permissions it was granted; `http` host by host, as `http:api.example.com`, and
    /// `public-routes` path by path, as `public-routes:/hook`.
    pub grants: Vec<String>,
    /// The hosts outside that its requests may go to, those that its settings name among them;
    /// absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<String>,
    /// Its settings, without those that are secret.
    #[schema(value_type = Object)]
    pub config: serde_json::Value,
    /// Its secret settings; absent if it knows none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretSetting>,
    /// Its place among the guards; lower runs first.
    pub order: i64,
    /// What happens to a message when its guard fails: `open` lets it through, `closed` refuses it,
    /// `hold` keeps it for review.
    pub on_fault: OnFault,
    /// The version that ran before this one, to which `POST /v1/plugins/{name}/rollback` goes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The version that is tried beside this one; `GET /v1/plugins/{name}/rollout` tells more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutInShort>,
    /// Hooks that are not called any more because they failed again and again. Any change of the
    /// install, even to the same values, lifts it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quarantine: Vec<Quarantine>,
    /// Why it does not run although it is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// A hook that is not called any more.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Quarantine {
    /// The hook.
    pub hook: String,
    /// RFC 3339.
    pub since: String,
    /// The last failure.
    pub detail: String,
}

/// What the calls of a plugin took since the host started, over all its versions.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PluginUsage {
    /// Those hooks that were called.
    pub hooks: Vec<HookUsage>,
    /// What the plugin counts itself, since the host started.
    pub figures: Vec<OwnFigure>,
    /// Events that it has not handled yet, of the next 1000 log entries of the app.
    pub events_waiting: usize,
}

/// A number that a plugin keeps for those who run it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OwnFigure {
    /// Lower-case letters, digits and `_`.
    pub name: String,
    /// `counter`, which only grows, or `gauge`, which is what was set last.
    pub kind: &'static str,
    /// Its value.
    pub value: i64,
}

/// What the calls of one hook took.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct HookUsage {
    /// The hook.
    pub hook: &'static str,
    /// Calls, those that failed among them.
    pub calls: u64,
    /// How many calls failed in which way, such as `trap`, `cpu_limit`, `wall_timeout`,
    /// `memory_limit`, `host_call_limit`, `bad_output`, `overloaded`.
    pub faults: BTreeMap<&'static str, u64>,
    /// CPU time in microseconds, of the plugin and of the host on its behalf.
    pub cpu_us: u64,
    /// Time in microseconds, with all waiting.
    pub wall_us: u64,
    /// Host functions called.
    pub host_calls: u64,
    /// The most memory that one call took, in bytes.
    pub memory_peak_bytes: u64,
}

/// What a plugin decided about what somebody did, other than to let it be.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Decision {
    /// Its id; later ones are greater.
    pub id: DecisionId,
    /// RFC 3339.
    pub at: String,
    /// The hook that decided.
    pub hook: String,
    /// The version that decided.
    pub digest: String,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<String>,
    /// Whose doing it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `changed`, `rejected`, `held`, or `failed` for a call that gave no verdict. While a guard rests and is not
    /// called, there is one of these a minute.
    pub outcome: String,
    /// The plugin's code for a rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the sender was told, or how the call failed. The message itself is not kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A page of decisions, new to old.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DecisionPage {
    /// New to old.
    pub decisions: Vec<Decision>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// For how long calls shall be recorded.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRecording {
    /// Seconds, from now on; `plugins.recording_s` of the host's settings if absent.
    pub for_s: Option<u64>,
}

/// How the recording of a plugin's calls stands.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Recording {
    /// RFC 3339: until when calls are recorded; absent while none are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Recorded calls that are kept.
    pub calls: usize,
    /// What they take in the host's memory.
    pub bytes: usize,
    /// Calls that were too large to be kept.
    pub left_out: u64,
}

/// A recorded call of a plugin, in brief.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RecordedCall {
    /// Its id; later ones are greater.
    pub id: CallId,
    /// RFC 3339: when it ended.
    pub at: String,
    /// The hook.
    pub hook: &'static str,
    /// Which of its functions.
    pub function: &'static str,
    /// The version that was called.
    pub digest: String,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<String>,
    /// Who caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `ok`; `error` for a sentence that it failed with; or the fault, such as `trap`.
    pub outcome: &'static str,
    /// CPU time in microseconds, of the plugin and of the host on its behalf.
    pub cpu_us: u64,
    /// Time in microseconds, with all waiting.
    pub wall_us: u64,
    /// Host functions called.
    pub host_calls: u32,
    /// What it takes in the host's memory.
    pub bytes: usize,
}

/// A page of recorded calls, new to old.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RecordedCalls {
    /// New to old.
    pub calls: Vec<RecordedCall>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a guard's failure means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFault {
    /// The message goes through.
    Open,
    /// The message is refused.
    #[default]
    Closed,
    /// The message is kept for review.
    Hold,
}

impl OnFault {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            OnFault::Open => "open",
            OnFault::Closed => "closed",
            OnFault::Hold => "hold",
        }
    }

    /// From the word that the store keeps.
    pub fn stored(word: &str) -> Self {
        match word {
            "open" => OnFault::Open,
            "hold" => OnFault::Hold,
            _ => OnFault::Closed,
        }
    }
}

/// How a plugin shall run in an app. Absent fields keep what they were; a new install takes the
/// defaults given here.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetInstall {
    /// The version to run; the newest uploaded if absent and not installed yet.
    pub digest: Option<String>,
    /// True if absent and not installed yet.
    pub enabled: Option<bool>,
    /// Permissions from the component's list; none if absent and not installed yet. If absent with
    /// another version, those that it asks for stay. `http` grants all the hosts that this version
    /// asks for, `http:api.example.com` one of them; in the same way `public-routes` and
    /// `public-routes:/hook`. To enable a plugin that was not installed yet is to consent to what the
    /// version sees; another version that sees more takes these names in the list, too.
    pub grants: Option<Vec<String>>,
    /// True to grant all that the version asks for and to consent to all that it sees, which is what is
    /// granted already and what is in its `wants`. Goes with a `digest`, so that it is to what somebody has read, and without
    /// `grants`.
    pub consent: Option<bool>,
    /// Settings, checked against the component's schema; an empty object if absent and not
    /// installed yet. A secret that is left out stays as it was; `null` clears it.
    #[schema(value_type = Option<Object>)]
    pub config: Option<Box<RawValue>>,
    /// 100 if absent and not installed yet.
    pub order: Option<i64>,
    /// `closed` if absent and not installed yet.
    pub on_fault: Option<OnFault>,
}

/// A line of a plugin's log.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LogLine {
    /// RFC 3339.
    pub at: String,
    /// `debug`, `info`, `warn` or `error`; `fault` for what the host says of it.
    pub level: &'static str,
    /// What was written.
    pub message: String,
}

/// The newest lines of a plugin's log, old to new.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PluginLog {
    /// Old to new.
    pub lines: Vec<LogLine>,
}
