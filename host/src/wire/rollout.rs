//! Versions of a plugin that are tried beside the one that runs, as tenants manage them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::plugins::HookUsage;

/// How a version is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RolloutMode {
    /// It is asked what the active version is asked, and nothing comes of it.
    Shadow,
    /// It serves a share of the channels.
    Canary,
}

/// Which version to try beside the active one, and how. Absent fields keep what they were, if this
/// version is tried already; else they are as the active version has them.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRollout {
    /// The version; absent, the one that is tried already, else the newest uploaded.
    pub digest: Option<String>,
    /// How.
    pub mode: RolloutMode,
    /// For a canary: how many of a hundred channels it serves, 1 to 99. Raising it adds channels and
    /// takes none away.
    #[schema(minimum = 1, maximum = 99)]
    pub percent: Option<u8>,
    /// Permissions from the version's list, as when a plugin is installed, and the names of what it
    /// sees beyond what the active version does. They are its own.
    pub grants: Option<Vec<String>>,
    /// True to grant all that the version asks for and consent to all that it sees. Goes with a `digest` and without `grants`.
    pub consent: Option<bool>,
    /// Its settings, as when a plugin is installed. They are its own.
    #[schema(value_type = Option<Object>)]
    pub config: Option<Box<RawValue>>,
}

/// A version that is tried beside the active one.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Rollout {
    /// The version.
    pub digest: String,
    /// The same in its author's words.
    pub version: String,
    /// How it is tried.
    pub mode: RolloutMode,
    /// For a canary: how many of a hundred channels it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Since when: RFC 3339.
    pub since: String,
    /// Why it is not tried any more; absent while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<RolloutEnd>,
    /// Why it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The permissions it was granted.
    pub grants: Vec<String>,
    /// Its settings, without those that are secret.
    #[schema(value_type = Object)]
    pub config: serde_json::Value,
    /// What its calls took since it is tried, or since the host started.
    pub usage: Vec<HookUsage>,
    /// For a shadow: how its calls compare with those of the active version, by hook.
    pub compared: Vec<HookCompared>,
    /// For a shadow: the newest calls in which they differ, new to old.
    pub differences: Vec<Difference>,
}

/// A version that is tried, in short.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RolloutInShort {
    /// The version.
    pub digest: String,
    /// How it is tried.
    pub mode: RolloutMode,
    /// For a canary: how many of a hundred channels it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Since when: RFC 3339.
    pub since: String,
    /// Why it is not tried any more; absent while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<RolloutEnd>,
}

/// Why a version is not tried any more. The active one serves everything again.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RolloutEnd {
    /// RFC 3339.
    pub at: String,
    /// The hook that kept failing; absent if a permission that it needs was taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// The last failure, or what is missing.
    pub detail: String,
}

/// How the calls of one hook compare, since the version is tried or the host started.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct HookCompared {
    /// The hook.
    pub hook: &'static str,
    /// Calls of the active version that the shadow was asked, too.
    pub calls: u64,
    /// Those in which both said, and would have written, the same.
    pub same: u64,
    /// Those in which they did not.
    pub different: u64,
    /// Those in which the shadow failed.
    pub failed: u64,
    /// Calls that the shadow was not asked, because too many were waiting, one of the two was told too much in it, or
    /// the shadow keeps failing.
    pub dropped: u64,
    /// CPU time of the shadow's calls in microseconds.
    pub cpu_us: u64,
    /// CPU time of the same calls of the active version.
    pub active_cpu_us: u64,
    /// Time of the shadow's calls in microseconds, with all waiting.
    pub wall_us: u64,
    /// Time of the same calls of the active version.
    pub active_wall_us: u64,
}

/// A call in which two versions differ. Messages are not kept here, only what was decided, or how much
/// would have been written.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Difference {
    /// RFC 3339.
    pub at: String,
    /// The hook.
    pub hook: &'static str,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<String>,
    /// What the active version said.
    pub active: String,
    /// What the shadow said.
    pub candidate: String,
}
