//! Who signed versions of plugins, and whose an app takes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Who signed a version.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Signer {
    /// A short name of the key: the first 16 hex digits of its SHA-256.
    pub key_id: String,
    /// The public key, Ed25519, in base64.
    pub key: String,
    /// Whose it is, in the words of the app's list of keys; absent if it isn't there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `trusted` for this plugin, `unknown`, or `revoked`.
    pub trust: &'static str,
    /// When, in the signer's words: RFC 3339.
    pub signed_at: String,
}

/// Whose plugins an app takes.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PluginTrust {
    /// Whether a version must be signed with a key that is trusted for the plugin.
    pub required: bool,
    /// The keys that the app knows.
    pub keys: Vec<TrustedKey>,
    /// By plugin, the lowest version that is taken.
    pub least_versions: BTreeMap<String, String>,
}

/// A key that an app knows.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TrustedKey {
    /// The public key, Ed25519, in base64.
    pub key: String,
    /// A short name of the key: the first 16 hex digits of its SHA-256.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// The plugins that it is trusted for; all if there are none.
    pub plugins: Vec<String>,
    /// Whether what it signs is refused.
    pub revoked: bool,
}

/// Whose plugins an app shall take: the whole of it, in the place of what there was.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPluginTrust {
    /// True to refuse versions that are not signed with a key that is trusted for the plugin.
    #[serde(default)]
    pub required: bool,
    /// At most 50 keys.
    #[serde(default)]
    pub keys: Vec<SetTrustedKey>,
    /// By plugin, the lowest version that is taken, such as `1.4.0`.
    #[serde(default)]
    pub least_versions: BTreeMap<String, String>,
}

/// A key that an app shall know.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTrustedKey {
    /// The public key, Ed25519, in base64, as `althing plugin keygen` prints it.
    pub key: String,
    /// Whose it is.
    pub name: String,
    /// The plugins that it is trusted for: names, perhaps with `*` at the end, such as `acme-*`. All if
    /// there are none.
    #[serde(default)]
    pub plugins: Vec<String>,
    /// True to refuse what it signs: better than to take it off the list, which makes it one that
    /// nobody knows.
    #[serde(default)]
    pub revoked: bool,
}
