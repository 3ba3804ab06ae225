//! What a plugin has to say about its own install, before a change of it is stored: whether its settings
//! are good, and what a version does when it begins.

use std::sync::Arc;

use super::calls::{blame, calling};
use super::gates::nowhere;
use super::handlers;
use super::plugins::{known_of, load};
use crate::app::{App, Installed};
use crate::error::{Code, Error, FieldFault, Result};
use crate::model::InstallId;
use crate::plugins::{self, Context, Fault, Hook};
use crate::store::proof::Backend;
use crate::store::{Cause, Install, NewInstall, NewRollout};

/// How often a version may start because somebody else changed what it read.
const TRIES: usize = 3;

/// A plugin as it would run once the change is stored.
pub(super) async fn next(
    app: &Arc<App>,
    backend: &Backend,
    new: &NewInstall,
    before: Option<&Install>,
) -> Result<Installed> {
    let now = app.clock.now();
    let row = Install {
        id: new.id,
        app_id: backend.tenant().app(),
        name: new.name.clone(),
        digest: new.digest.clone(),
        enabled: new.enabled,
        grants: new.grants.clone(),
        config: new.config.clone(),
        secrets: new.secrets.clone(),
        place: new.place,
        on_fault: new.on_fault.clone(),
        hooks: new.hooks.clone(),
        started: new.started.clone(),
        cursor: before.map_or(0, |row| row.cursor),
        attempts: 0,
        retry_at: None,
        quarantine: None,
        previous: None,
        rollout: None,
        created_at: before.map_or(now, |row| row.created_at),
        updated_at: now,
    };
    let loadout = app.loadout(backend.tenant().app());
    let known = known_of(app, &loadout, &row);
    load(app, backend, row, known, None).await
}

/// Has the plugin look at the settings it would run with.
///
/// # Errors
/// `invalid` with the settings at fault; `plugin_refused` when it fails.
pub(super) async fn check(app: &App, next: &Installed) -> Result<()> {
    let context = context(app);
    let calling = calling(app, next, Hook::Lifecycle, "check").map_err(|_| not_run(next))?;
    let outcome = plugins::check_settings(calling.with(&context), &next.row.config).await;
    let faults = match calling.note(outcome) {
        Ok(output) => output.value,
        Err(fault) => return Err(failed(next, &fault, "looking at its settings")),
    };
    if faults.is_empty() {
        return Ok(());
    }
    let fault = |fault: plugins::CheckedSetting| FieldFault {
        field: format!("config.{}", fault.setting),
        message: fault.detail,
    };
    Err(Error::invalid_fields(
        faults.into_iter().map(fault).collect(),
    ))
}

/// What is stored together with what a version did at its start.
pub(super) enum Landing {
    /// How it runs.
    Install(Box<NewInstall>),
    /// That it is tried.
    Rollout(InstallId, NewRollout),
}

/// Has a version begin, and stores the change together with what it did.
///
/// # Errors
/// `plugin_refused` when it refuses or fails. Nothing has changed then.
pub(super) async fn start(
    app: &Arc<App>,
    backend: &Backend,
    next: &Installed,
    landing: Landing,
    before: Option<&Install>,
) -> Result<()> {
    let versions = app.store.list_versions(backend, &next.name).await?;
    let started = before.map(|row| row.started.as_str());
    let mut versions = versions.iter();
    let previous = versions
        .find(|known| Some(known.digest.as_str()) == started)
        .map(|known| known.version.as_str());
    for _ in 0..TRIES {
        let context = context(app);
        let calling = calling(app, next, Hook::Lifecycle, "start").map_err(|_| not_run(next))?;
        let outcome = plugins::start(calling.with(&context), previous).await;
        let output = match calling.note(outcome) {
            Ok(output) => output,
            Err(fault) => {
                blame(&fault)?;
                return Err(failed(next, &fault, "starting"));
            }
        };
        if let Err(sentence) = output.value {
            return Err(
                Error::new(Code::PluginRefused, sentence).with_reason("plugin_start_refused")
            );
        }
        let commit = handlers::commit_of(app, next, Cause::Request, 1, output.effects)?;
        let has_landed = match &landing {
            Landing::Install(new) => {
                let new = NewInstall::clone(new);
                app.store.set_install(backend, new, Some(commit)).await?
            }
            Landing::Rollout(install, rollout) => {
                let rollout = Some(rollout.clone());
                let landed = app.store.set_rollout(*install, rollout, Some(commit));
                landed.await?
            }
        };
        if has_landed {
            app.timers_changed.notify_one();
            return Ok(());
        }
    }
    Err(Error::new(Code::Conflict, "Too many change what the plugin keeps.").retry_after_ms(500))
}

fn context(app: &App) -> Context {
    Context {
        actor_role: plugins::Role::Server,
        ..nowhere(app, None)
    }
}

fn failed(next: &Installed, fault: &Fault, doing: &str) -> Error {
    let detail = format!("The plugin `{}` failed when {doing}: {fault}.", next.name);
    Error::new(Code::PluginRefused, detail).with_reason("plugin_lifecycle_failed")
}

fn not_run(next: &Installed) -> Error {
    let detail = match &next.install {
        Ok(_) => "it fails too often".to_owned(),
        Err(reason) => reason.clone(),
    };
    let detail = format!("The plugin `{}` can't run: {detail}.", next.name);
    Error::new(Code::PluginRefused, detail).with_reason("plugin_lifecycle_failed")
}
