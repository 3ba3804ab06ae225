//! Versions of a plugin: uploaded, told apart, and removed. There are only so many of a plugin: the
//! oldest that is not in use makes place for a new one.

use std::sync::Arc;

use super::access::{self, Caller};
use super::plugins::{command, feed, find_install, hook_names};
use super::{grants, inspect, quarantine, rollout, sees, trust};
use crate::app::App;
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::PluginTrust;
use crate::plugins::Inspection;
use crate::store::proof::Backend;
use crate::store::{Install, NewComponent, Version};
use crate::wire;

/// Keeps a component after looking into it. Nothing runs yet.
///
/// # Errors
/// `limit_reached` when the app has as many plugins as it may; `overloaded` when too many components wait
/// to be compiled.
pub async fn upload(app: &App, caller: &Caller, component: Vec<u8>) -> Result<wire::Component> {
    let backend = access::backend(caller)?;
    let component = Arc::new(component);
    let checked = inspect::checked(app, backend.tenant().app(), &component).await?;
    // Before it is compiled: what the app does not take should cost the others nothing.
    let policy = trust::policy(app, backend.tenant()).await?;
    trust::check(&policy, checked.facts())?;
    check_room(app, &backend, &checked.facts().manifest.name).await?;
    let inspection = inspect::compiled(app, backend.tenant().app(), checked, &component).await?;
    let manifest = &inspection.manifest;
    // What makes place must not be put into use meanwhile.
    let _installing = app.installing.take(backend.tenant().app()).await;
    check_room(app, &backend, &manifest.name).await?;
    let versions = app.store.list_versions(&backend, &manifest.name).await?;
    let install = find_install(app, &backend, &manifest.name).await?;
    let digest = inspection.digest.to_string();
    let is_known = versions.iter().any(|known| known.digest == digest);
    let gone = match is_known {
        true => Vec::new(),
        false => {
            let kept_max = app.config.plugins.versions_per_plugin_max.saturating_sub(1);
            making_place(&versions, install.as_ref(), kept_max)
        }
    };
    let about = described(&inspection);
    let new = Version {
        digest,
        version: manifest.version.clone(),
        permissions: wire::to_json(&about.permissions),
        sees: wire::to_json(&about.sees),
        signatures: trust::stored(&inspection.signatures),
        uploaded_at: 0,
    };
    app.store
        .add_component(
            &backend,
            manifest.name.clone(),
            new,
            NewComponent {
                about: wire::to_json(&about),
                bytes: Arc::unwrap_or_clone(component),
            },
            gone,
        )
        .await?;
    Ok(wire::Component {
        signatures: trust::signers(&policy, &manifest.name, &inspection.signatures),
        ..about
    })
}

/// Whether the app may have a plugin of this name.
async fn check_room(app: &App, backend: &Backend, name: &str) -> Result<()> {
    let names = app.store.list_plugin_names(backend).await?;
    let plugins_max = app.config.plugins.plugins_per_app_max;
    if names.iter().any(|known| known == name) || names.len() < plugins_max {
        return Ok(());
    }
    let detail = format!("An app has at most {plugins_max} plugins.");
    Err(Error::new(Code::LimitReached, detail))
}

/// What a component says about itself, and what the host found in it; not who signed it, which depends
/// on whom the app trusts.
fn described(inspection: &Inspection) -> wire::Component {
    let manifest = &inspection.manifest;
    wire::Component {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        digest: inspection.digest.to_string(),
        title: manifest.title.clone(),
        description: manifest.description.clone(),
        exports: hook_names(inspection),
        imports: inspection
            .needed
            .iter()
            .map(|permission| permission.name().to_owned())
            .collect(),
        permissions: grants::described(inspection),
        sees: sees::described(inspection.hooks, manifest),
        signatures: Vec::new(),
        commands: manifest
            .commands
            .iter()
            .map(|info| command(info, &manifest.name))
            .collect(),
        kinds: manifest
            .kinds
            .iter()
            .map(|kind| wire::Kind {
                name: kind.name.clone(),
                title: kind.title.clone(),
            })
            .collect(),
        feeds: manifest
            .feeds
            .iter()
            .map(|info| feed(info, &manifest.name))
            .collect(),
        events: manifest.events.clone(),
        keep_instances: manifest.keep_instances,
        uses_wasi: inspection.uses_wasi,
        config_schema: serde_json::Value::Object(manifest.config.clone()),
        bytes: inspection.bytes,
    }
}

/// What a version is and wants, as it was kept when it was uploaded: the component is not looked at.
pub(super) async fn about(
    app: &App,
    backend: &Backend,
    name: &str,
    version: &Version,
    policy: &PluginTrust,
) -> Result<Option<wire::Component>> {
    let about = app
        .store
        .find_about(backend.tenant(), name, &version.digest)
        .await?;
    let about = about.and_then(|about| serde_json::from_str(&about).ok());
    Ok(about.map(|about: wire::Component| wire::Component {
        signatures: trust::stored_signers(policy, name, &version.signatures),
        ..about
    }))
}

/// The oldest versions, of which `kept_max` are left; never those in use, which are fewer.
fn making_place(versions: &[Version], install: Option<&Install>, kept_max: usize) -> Vec<String> {
    let unused = versions
        .iter()
        .filter(|version| use_of(install, &version.digest).is_none());
    let gone = unused.take(versions.len().saturating_sub(kept_max));
    gone.map(|version| version.digest.clone()).collect()
}

/// What a version of a plugin is in use for.
fn use_of(install: Option<&Install>, digest: &str) -> Option<&'static str> {
    let install = install?;
    if install.digest == digest {
        Some("It is the version that runs.")
    } else if quarantine::previous(install).is_some_and(|previous| previous.digest == digest) {
        Some("It is the version to go back to.")
    } else if rollout::stored(install).is_some_and(|rollout| rollout.digest == digest) {
        Some("It is the version that is tried.")
    } else {
        None
    }
}

/// Removes a version that is not in use.
///
/// # Errors
/// `conflict` for one that runs, is tried, or is the one to go back to.
pub async fn remove(app: &App, caller: &Caller, name: &str, digest: &str) -> Result<()> {
    let backend = access::backend(caller)?;
    let _installing = app.installing.take(backend.tenant().app()).await;
    let install = find_install(app, &backend, name).await?;
    if let Some(used) = use_of(install.as_ref(), digest) {
        return Err(Error::new(Code::Conflict, used));
    }
    let (name, digest) = (name.to_owned(), digest.to_owned());
    app.store.remove_version(&backend, name, digest).await
}

/// The versions of a plugin as its tenant sees them; with what each wants beyond the one that runs.
pub(super) fn out(
    plugin: &str,
    versions: &[Version],
    row: Option<&Install>,
    policy: &PluginTrust,
) -> Vec<wire::PluginVersion> {
    let out = |version: &Version| {
        let other = row.filter(|row| row.digest != version.digest);
        wire::PluginVersion {
            digest: version.digest.clone(),
            version: version.version.clone(),
            uploaded_at: clock::rfc3339(version.uploaded_at),
            wants: other.map_or_else(Vec::new, |row| wants(versions, version, row)),
            signatures: trust::stored_signers(policy, plugin, &version.signatures),
        }
    };
    versions.iter().map(out).collect()
}

/// What a version wants beyond what the one that runs is granted and sees.
fn wants(versions: &[Version], version: &Version, row: &Install) -> Vec<wire::Permission> {
    let mut wants = grants::beyond(grants::asked(version), &row.grants.0);
    wants.extend(sees::beyond(versions, &version.digest, Some(&row.digest)));
    wants
}
