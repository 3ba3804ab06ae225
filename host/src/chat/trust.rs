//! Whose signatures an app trusts, and which versions it takes. Looked at when a version is uploaded and
//! whenever one is put into use; what runs already runs on.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::access::{self, Caller};
use super::valid;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::model::{AppId, PluginTrust, TrustedKey};
use crate::plugins::{Facts, PublicKey, Signature};
use crate::store::proof::Tenant;
use crate::wire;

/// The most keys that an app lists.
const KEYS_MAX: usize = 50;
/// The most name patterns of a key.
const PATTERNS_MAX: usize = 50;
/// The most plugins with a least version.
const LEAST_VERSIONS_MAX: usize = 200;

/// The app's policy.
pub async fn get(app: &App, caller: &Caller, id: AppId) -> Result<wire::PluginTrust> {
    let tenant = access::app_reader(app, caller, id).await?;
    Ok(out(policy(app, tenant).await?))
}

/// Replaces the app's policy.
///
/// # Errors
/// `invalid` for what is no key, pattern or version.
pub async fn set(
    app: &App,
    caller: &Caller,
    id: AppId,
    set: wire::SetPluginTrust,
) -> Result<wire::PluginTrust> {
    let tenant = access::app_owner(app, caller, id).await?;
    let policy = read(set)?;
    let text = serde_json::to_string(&policy).map_err(Error::internal)?;
    app.store.set_plugin_trust(tenant, text).await?;
    Ok(out(policy))
}

fn read(set: wire::SetPluginTrust) -> Result<PluginTrust> {
    for (field, count, max) in [
        ("keys", set.keys.len(), KEYS_MAX),
        (
            "least_versions",
            set.least_versions.len(),
            LEAST_VERSIONS_MAX,
        ),
    ] {
        if count > max {
            return Err(Error::invalid(field, format!("must have at most {max}")));
        }
    }
    let mut keys: Vec<TrustedKey> = Vec::with_capacity(set.keys.len());
    for (at, key) in set.keys.into_iter().enumerate() {
        let field = |name: &str| format!("keys[{at}].{name}");
        let Some(parsed) = PublicKey::parse(&key.key) else {
            let message = "must be an Ed25519 public key: 32 bytes in base64";
            return Err(Error::invalid(field("key"), message));
        };
        valid::name(&field("name"), &key.name, 128)?;
        if key.plugins.len() > PATTERNS_MAX || key.plugins.iter().any(|p| !is_pattern(p)) {
            let message = format!(
                "must be at most {PATTERNS_MAX} names of plugins, each perhaps with `*` at its end"
            );
            return Err(Error::invalid(field("plugins"), message));
        }
        let text = parsed.to_text();
        if keys.iter().any(|known| known.key == text) {
            return Err(Error::invalid(field("key"), "is in the list already"));
        }
        keys.push(TrustedKey {
            key: text,
            name: key.name,
            plugins: key.plugins,
            revoked: key.revoked,
        });
    }
    for (plugin, version) in &set.least_versions {
        let is_sound = is_pattern(plugin) && !plugin.ends_with('*');
        if !is_sound || version.len() > 64 || Version::parse(version).is_err() {
            let message = "must name a plugin and a version such as 1.4.0";
            return Err(Error::invalid("least_versions", message));
        }
    }
    Ok(PluginTrust {
        required: set.required,
        keys,
        least_versions: set.least_versions,
    })
}

fn is_pattern(text: &str) -> bool {
    let name = text.strip_suffix('*').unwrap_or(text);
    let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=65).contains(&text.len()) && name.bytes().all(is_plain)
}

/// The policy of a tenant's app; without one everything is taken.
pub(super) async fn policy(app: &App, tenant: Tenant) -> Result<PluginTrust> {
    match app.store.find_plugin_trust(tenant).await? {
        Some(text) => serde_json::from_str(&text).map_err(Error::internal),
        None => Ok(PluginTrust::default()),
    }
}

/// Refuses a version that the policy does not let in.
///
/// # Errors
/// `plugin_refused` with the reason `plugin_version_too_low`, `plugin_key_revoked` or
/// `plugin_not_signed`.
pub(super) fn check(policy: &PluginTrust, component: &Facts) -> Result<()> {
    let refuse = |reason: &str, detail: String| {
        Err(Error::new(Code::PluginRefused, detail).with_reason(reason))
    };
    let manifest = &component.manifest;
    if let Some(least) = policy.least_versions.get(&manifest.name)
        && let (Ok(least), Ok(version)) = (Version::parse(least), Version::parse(&manifest.version))
        && version.cmp_precedence(&least).is_lt()
    {
        let detail = format!("The app takes the plugin from version {least} on.");
        return refuse("plugin_version_too_low", detail);
    }
    let trusts: Vec<Trust> = component
        .signatures
        .iter()
        .map(|signature| judge(policy, &manifest.name, signature.key).0)
        .collect();
    if trusts.contains(&Trust::Trusted) {
        return Ok(());
    }
    if trusts.contains(&Trust::Revoked) {
        let detail = "The version is signed with a key that the app trusts no more.";
        return refuse("plugin_key_revoked", detail.into());
    }
    if policy.required {
        let detail =
            "The app takes only plugins that are signed with a key that it trusts for them.";
        return refuse("plugin_not_signed", detail.into());
    }
    Ok(())
}

/// What a policy says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Trusted,
    Unknown,
    Revoked,
}

/// What it says of a key that signed a plugin, and what the key is called.
fn judge<'p>(policy: &'p PluginTrust, plugin: &str, key: PublicKey) -> (Trust, Option<&'p str>) {
    let text = key.to_text();
    let Some(known) = policy.keys.iter().find(|known| known.key == text) else {
        return (Trust::Unknown, None);
    };
    let mut patterns = known.plugins.iter();
    let fits = known.plugins.is_empty()
        || patterns.any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => plugin.starts_with(start),
            None => plugin == pattern,
        });
    let trust = match (known.revoked, fits) {
        (true, _) => Trust::Revoked,
        (false, true) => Trust::Trusted,
        (false, false) => Trust::Unknown,
    };
    (trust, Some(&known.name))
}

/// A signature as it is stored with its version.
#[derive(Serialize, Deserialize)]
struct Stored {
    key: String,
    signed_at: String,
}

/// The signatures of a version as JSON text.
pub(super) fn stored(signatures: &[Signature]) -> String {
    let stored = signatures.iter().map(|signature| Stored {
        key: signature.key.to_text(),
        signed_at: signature.signed_at.clone(),
    });
    wire::to_json(&stored.collect::<Vec<_>>())
}

/// Who signed a version, from the text that [`stored`] made.
pub(super) fn stored_signers(policy: &PluginTrust, plugin: &str, text: &str) -> Vec<wire::Signer> {
    let stored: Vec<Stored> = serde_json::from_str(text).unwrap_or_default();
    let signature = |stored: Stored| {
        Some(Signature {
            key: PublicKey::parse(&stored.key)?,
            signed_at: stored.signed_at,
        })
    };
    let signatures: Vec<Signature> = stored.into_iter().filter_map(signature).collect();
    signers(policy, plugin, &signatures)
}

/// Who signed a version, as its tenant is told.
pub(super) fn signers(
    policy: &PluginTrust,
    plugin: &str,
    signatures: &[Signature],
) -> Vec<wire::Signer> {
    let signer = |signature: &Signature| {
        let (trust, name) = judge(policy, plugin, signature.key);
        wire::Signer {
            key_id: signature.key.id(),
            key: signature.key.to_text(),
            name: name.map(ToOwned::to_owned),
            trust: match trust {
                Trust::Trusted => "trusted",
                Trust::Unknown => "unknown",
                Trust::Revoked => "revoked",
            },
            signed_at: signature.signed_at.clone(),
        }
    };
    signatures.iter().map(signer).collect()
}

fn out(policy: PluginTrust) -> wire::PluginTrust {
    let key = |key: TrustedKey| wire::TrustedKey {
        id: PublicKey::parse(&key.key).map_or_else(String::new, PublicKey::id),
        key: key.key,
        name: key.name,
        plugins: key.plugins,
        revoked: key.revoked,
    };
    wire::PluginTrust {
        required: policy.required,
        keys: policy.keys.into_iter().map(key).collect(),
        least_versions: policy.least_versions,
    }
}
