//! How an install changes: another version, other grants or settings, and back again. A change is
//! checked in full, by the plugin too if it wants that, before anything of it is stored.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::access::{self, Caller};
use super::grants::{self, granted};
use super::inspect::{self, Waits, refused};
use super::lifecycle::{self, Landing};
use super::outside::{self, Sealed, Whose};
use super::plugins::{bot_of, change, find_install, hook_names, load_app, read};
use super::{quarantine, rollout, sees, trust, valid};
use crate::app::{App, Installed};
use crate::error::{Code, Error, FieldFault, Result};
use crate::model::{AppId, InstallId, Previous, Rollout, Texts};
use crate::plugins::{self, Hook, Inspection, Manifest, Settings};
use crate::store::proof::Backend;
use crate::store::{Install, NewInstall, Version};
use crate::wire::{self, OnFault};

/// Installs a plugin, or changes how it runs: its version, grants, settings, order, what its
/// failure means, and whether it runs at all.
///
/// # Errors
/// `grant_missing` when it wants a permission that it was not granted; `invalid` for settings that
/// don't fit its schema. Nothing has changed then.
pub async fn set(
    app: &Arc<App>,
    caller: &Caller,
    name: &str,
    set: wire::SetInstall,
) -> Result<wire::Plugin> {
    let backend = access::backend(caller)?;
    check_consent(set.consent, set.digest.as_deref())?;
    // Compiled before the lock is taken: others have plugins to install, too.
    let _compiled = choose(app, &backend, name, set.digest.as_deref()).await?;
    // One after the other: what a request leaves out stays as the one before it left it, and what
    // runs is what was stored last.
    change(app, backend.tenant().app(), async {
        put(app, &backend, name, set, Way::Forward).await?;
        read(app, &backend, name.to_owned()).await
    })
    .await
}

/// Consent is to what somebody has read, and so to one version.
pub(super) fn check_consent(consent: Option<bool>, digest: Option<&str>) -> Result<()> {
    match (consent, digest) {
        (Some(true), None) => {
            let message = "is missing: `consent` is to what one version asks for";
            Err(Error::invalid("digest", message))
        }
        _ => Ok(()),
    }
}

/// Lets the version run that ran before the one that does, as it ran then. Nothing that happens
/// meanwhile is lost to it: it goes on where the other one stopped.
///
/// # Errors
/// `conflict` when there was none; `grant_missing` when it needs a permission that was taken away since.
pub async fn roll_back(app: &Arc<App>, caller: &Caller, name: &str) -> Result<wire::Plugin> {
    let backend = access::backend(caller)?;
    change(app, backend.tenant().app(), async {
        let row = find_install(app, &backend, name).await?;
        let row = row.ok_or_else(|| Error::not_found("plugin"))?;
        let previous = quarantine::previous(&row)
            .ok_or_else(|| Error::new(Code::Conflict, "There is no version to go back to."))?;
        put_back(app, &backend, &row, previous).await?;
        read(app, &backend, name.to_owned()).await
    })
    .await
}

/// Puts the version before into use, and gives its digest. It has the permissions that it had, but none
/// that the tenant has taken away since. To be called with `installing` held.
pub(super) async fn put_back(
    app: &Arc<App>,
    backend: &Backend,
    row: &Install,
    previous: Previous,
) -> Result<String> {
    let versions = app.store.list_versions(backend, &row.name).await?;
    let mut versions = versions.iter();
    let active = versions.find(|version| version.digest == row.digest);
    let asked = active.map(grants::asked).unwrap_or_default();
    let grants = grants::still(previous.grants, &asked, &row.grants.0);
    let set = wire::SetInstall {
        digest: Some(previous.digest.clone()),
        enabled: None,
        grants: Some(grants),
        consent: None,
        config: Some(RawValue::from_string(previous.config).map_err(Error::internal)?),
        order: None,
        on_fault: None,
    };
    let secrets = previous.secrets;
    put(app, backend, &row.name, set, Way::Back { secrets }).await?;
    Ok(previous.digest)
}

/// Puts the version that was tried into use. To be called with `installing` held.
pub(super) async fn promote(
    app: &Arc<App>,
    backend: &Backend,
    name: &str,
    rollout: Rollout,
) -> Result<()> {
    let set = wire::SetInstall {
        digest: Some(rollout.digest),
        enabled: None,
        grants: Some(rollout.grants),
        consent: None,
        config: Some(RawValue::from_string(rollout.config).map_err(Error::internal)?),
        order: None,
        on_fault: None,
    };
    let way = Way::Promoted {
        secrets: rollout.secrets,
        has_started: rollout.started,
    };
    put(app, backend, name, set, way).await
}

/// Where a change leads.
enum Way {
    Forward,
    /// To the version that was tried.
    Promoted {
        /// The secrets that it has, sealed: JSON text.
        secrets: String,
        has_started: bool,
    },
    /// To the version before: the one that it leaves is none to come back to.
    Back {
        /// The secrets that it had, sealed: JSON text.
        secrets: String,
    },
}

/// Stores how a plugin shall run, and runs it so.
async fn put(
    app: &Arc<App>,
    backend: &Backend,
    name: &str,
    set: wire::SetInstall,
    way: Way,
) -> Result<()> {
    let chosen = choose(app, backend, name, set.digest.as_deref()).await?;
    let unseen = match way {
        Way::Forward => chosen.unseen(chosen.before.as_ref()),
        // It was consented to when it ran, or was tried.
        Way::Promoted { .. } | Way::Back { .. } => Vec::new(),
    };
    let inspection = chosen.inspection;
    let id = backend.tenant().app();
    let before = chosen.before;
    // Of what is left out, secrets are those that the version had.
    let had = match (&way, before.clone()) {
        (Way::Back { secrets } | Way::Promoted { secrets, .. }, Some(mut row)) => {
            row.secrets.clone_from(secrets);
            Some(row)
        }
        (_, before) => before,
    };
    let (mut new, changed) = settle(app, id, had.as_ref(), &inspection, set, unseen)?;
    if let Some(before) = &before {
        // Nothing is lost on the way back, whatever ran meanwhile.
        new.goes_on = listens(before) || matches!(way, Way::Back { .. });
        if !matches!(way, Way::Back { .. }) {
            new.previous = previous(app, before, &new, &changed)?;
        }
        // A trial ends with the version that it is held against.
        if before.digest == new.digest {
            new.rollout = rollout::beside(app, backend, before, &new, &changed).await?;
        }
    }
    if new.enabled {
        trust::check(&trust::policy(app, backend.tenant()).await?, &inspection)?;
        check_names(app, id, name, &inspection)?;
        plugins::link(&app.engine, &inspection, granted(&new.grants.0)?)
            .await
            .map_err(refused)?;
    }
    let has_started = matches!(way, Way::Promoted { has_started, .. } if has_started);
    let runs_already = has_started || new.started == new.digest;
    if new.enabled || has_started {
        new.started.clone_from(&new.digest);
    }
    let has_life = inspection.hooks.contains(Hook::Lifecycle);
    let next = match way {
        Way::Forward | Way::Promoted { .. } if has_life => {
            let next = lifecycle::next(app, backend, &new, before.as_ref()).await?;
            lifecycle::check(app, &next).await?;
            Some(next)
        }
        // What ran before is not asked again: nothing must keep a tenant from going back.
        _ => None,
    };
    match &next {
        Some(next) if new.enabled && !runs_already => {
            let landing = Landing::Install(Box::new(new));
            lifecycle::start(app, backend, next, landing, before.as_ref()).await?;
        }
        _ => {
            app.store.set_install(backend, new, None).await?;
        }
    }
    load_app(app, id, next.as_ref()).await;
    Ok(())
}

/// The version that a request is about, and how the plugin runs now.
pub(super) struct Chosen {
    pub inspection: Arc<Inspection>,
    digest: String,
    versions: Vec<Version>,
    before: Option<Install>,
}

impl Chosen {
    /// What the version sees beyond the one of `before`, and so waits for consent.
    pub fn unseen(&self, before: Option<&Install>) -> Vec<wire::Permission> {
        let known = before.map(|row| row.digest.as_str());
        sees::beyond(&self.versions, &self.digest, known)
    }
}

pub(super) async fn choose(
    app: &App,
    backend: &Backend,
    name: &str,
    digest: Option<&str>,
) -> Result<Chosen> {
    let versions = app.store.list_versions(backend, name).await?;
    let Some(newest) = versions.last() else {
        return Err(Error::not_found("plugin"));
    };
    let before = find_install(app, backend, name).await?;
    let digest = digest
        .or(before.as_ref().map(|row| row.digest.as_str()))
        .unwrap_or(&newest.digest)
        .to_owned();
    if versions.iter().all(|version| version.digest != digest) {
        let message = "there is no such version of the plugin";
        return Err(Error::invalid("digest", message));
    }
    let inspection = inspect::stored(app, backend, name, &digest, Waits::Asker).await?;
    Ok(Chosen {
        inspection,
        digest,
        versions,
        before,
    })
}

/// How the plugin shall run: as the request says, and for the rest as before. Also the secrets that
/// are entered or cleared. `unseen` is what the version sees and waits for consent.
pub(super) fn settle(
    app: &App,
    id: AppId,
    before: Option<&Install>,
    inspection: &Inspection,
    set: wire::SetInstall,
    mut unseen: Vec<wire::Permission>,
) -> Result<(NewInstall, Vec<String>)> {
    let manifest = &inspection.manifest;
    let grants = match (set.grants, set.consent.unwrap_or(false)) {
        (Some(_), true) => {
            let message =
                "grants what the version asks for, so there are no `grants` to go with it";
            return Err(Error::invalid("consent", message));
        }
        (Some(mut grants), false) => {
            unseen.retain(|sight| !grants.contains(&sight.name));
            grants.retain(|name| !sees::is_seen(inspection, name));
            grants::place_by_place(manifest, grants)
        }
        (None, true) => {
            unseen.clear();
            grants::all(manifest)
        }
        // A version that asks for less than the one before it gets no more than it asks for.
        (None, false) => before
            .map(|row| row.grants.0.clone())
            .unwrap_or_default()
            .into_iter()
            .filter(|name| grants::asks_for(manifest, name))
            .collect(),
    };
    grants::check(inspection, &grants, unseen)?;
    let config = match &set.config {
        Some(raw) => valid::object("config", raw, app.config.limits.data_bytes_max)?,
        None => before.map_or_else(|| "{}".into(), |row| row.config.clone()),
    };
    let mut sealed =
        before.map_or_else(|| Ok(Sealed::default()), |row| Sealed::stored(&row.secrets))?;
    let settings = check_config(manifest, &config, &sealed)?;
    outside::check(manifest, &settings.plain)?;
    let changed: Vec<String> = settings.secrets.keys().cloned().collect();
    let plugin = manifest.name.as_str();
    let whose = Whose { app: id, plugin };
    sealed.change(app, whose, manifest, &settings.plain, settings.secrets)?;
    let on_fault = set
        .on_fault
        .or(before.map(|row| OnFault::stored(&row.on_fault)))
        .unwrap_or_default();
    let digest = inspection.digest.to_string();
    let new = NewInstall {
        id: before.map_or_else(|| InstallId(app.store.next_id()), |row| row.id),
        bot: bot_of(&manifest.name),
        title: manifest.title.clone(),
        name: manifest.name.clone(),
        digest,
        previous: None,
        rollout: None,
        enabled: set
            .enabled
            .or(before.map(|row| row.enabled))
            .unwrap_or(true),
        grants: Texts(grants),
        config: settings.plain.to_string(),
        secrets: sealed.to_json()?,
        place: set.order.or(before.map(|row| row.place)).unwrap_or(100),
        on_fault: on_fault.as_str().to_owned(),
        hooks: Texts(hook_names(inspection)),
        started: before.map(|row| row.started.clone()).unwrap_or_default(),
        goes_on: false,
    };
    Ok((new, changed))
}

/// Whether a version of an install that is in use is told of events. Else there is nowhere to go on from:
/// where the install stands in the log, none was before.
pub(super) fn listens(row: &Install) -> bool {
    let has_events = |hooks: &[String]| hooks.iter().any(|hook| hook == Hook::Events.name());
    let is_tried = |rollout: Rollout| rollout.ended.is_none() && has_events(&rollout.hooks);
    row.enabled && (has_events(&row.hooks.0) || rollout::stored(row).is_some_and(is_tried))
}

/// The version to go back to once `new` runs, as it is stored. What was entered or cleared of its
/// secrets is so for it, too: nobody goes back to a key that is given up.
fn previous(
    app: &App,
    before: &Install,
    new: &NewInstall,
    changed: &[String],
) -> Result<Option<String>> {
    let previous = match before.digest == new.digest {
        true => quarantine::previous(before),
        false => Some(Previous {
            digest: before.digest.clone(),
            grants: before.grants.0.clone(),
            config: before.config.clone(),
            secrets: before.secrets.clone(),
            replaced_at: app.clock.now(),
        }),
    };
    let Some(mut previous) = previous else {
        return Ok(None);
    };
    previous.secrets = Sealed::renewed(&previous.secrets, &new.secrets, changed)?;
    let text = serde_json::to_string(&previous).map_err(Error::internal)?;
    Ok(Some(text))
}

/// The settings with the schema's defaults filled in, and the secrets that came with them.
fn check_config(manifest: &Manifest, config: &str, kept: &Sealed) -> Result<Settings> {
    let settings: serde_json::Value = serde_json::from_str(config).map_err(Error::internal)?;
    match manifest.complete_config(settings, |name| kept.has(name)) {
        Ok(settings) => Ok(settings),
        Err(faults) => {
            let fault = |fault: plugins::SettingFault| FieldFault {
                field: match fault.field.as_str() {
                    "" => "config".to_owned(),
                    field => format!("config.{field}"),
                },
                message: fault.message,
            };
            Err(Error::invalid_fields(
                faults.into_iter().map(fault).collect(),
            ))
        }
    }
}

/// Two plugins of an app can't have the same command, kind or feed.
pub(super) fn check_names(app: &App, id: AppId, name: &str, inspection: &Inspection) -> Result<()> {
    let (loadout, manifest) = (app.loadout(id), &inspection.manifest);
    let commands = manifest.commands.iter().map(|command| &command.name);
    let kinds = manifest.kinds.iter().map(|kind| &kind.name);
    let feeds = manifest.feeds.iter().map(|feed| &feed.name);
    check_free("command", &loadout.commands, name, commands)?;
    check_free("message kind", &loadout.kinds, name, kinds)?;
    check_free("feed", &loadout.feeds, name, feeds)
}

fn check_free<'a>(
    what: &str,
    taken: &HashMap<String, Arc<Installed>>,
    plugin: &str,
    names: impl Iterator<Item = &'a String>,
) -> Result<()> {
    for name in names {
        if let Some(other) = taken.get(name).filter(|other| &*other.name != plugin) {
            let detail = format!("The plugin `{}` has a {what} `{name}` already.", other.name);
            return Err(Error::new(Code::Conflict, detail));
        }
    }
    Ok(())
}
