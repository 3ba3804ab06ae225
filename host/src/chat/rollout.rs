//! A version that is tried beside the one that runs: as a shadow, which is asked the same and changes
//! nothing, or as a canary, which serves a share of the channels. It has grants and settings of its own,
//! and becomes the active version by one call, or is given up by one.

use std::sync::Arc;

use super::access::{self, Caller};
use super::inspect::{self, Waits, refused};
use super::installs::{self, check_names, choose, settle};
use super::lifecycle::{self, Landing};
use super::outside::Sealed;
use super::plugins::{self as shown, Known, change, find_install, load_app};
use super::quarantine;
use super::{grants, shadow, trust, usage};
use crate::app::{App, Difference, GivenUp, HookCompared, Installed, Loadout, PluginLog, Trial};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::{InstallId, Millis, Rollout, RolloutEnd, RolloutMode, Texts};
use crate::plugins::{self, Hook};
use crate::store::proof::Backend;
use crate::store::{Install, NewInstall, NewRollout};
use crate::wire;

/// Tries a version, or changes how it is tried.
///
/// # Errors
/// `conflict` for a plugin that does not run; else as for enabling it.
pub async fn set(
    app: &Arc<App>,
    caller: &Caller,
    name: &str,
    set: wire::SetRollout,
) -> Result<wire::Rollout> {
    let backend = access::backend(caller)?;
    let mode = mode(&set)?;
    installs::check_consent(set.consent, set.digest.as_deref())?;
    // Compiled before the lock is taken: others have plugins to install, too.
    let digest = which(app, &backend, name, set.digest.as_deref()).await?.1;
    let _compiled = choose(app, &backend, name, Some(&digest)).await?;
    change(app, backend.tenant().app(), async {
        let (row, again) = which(app, &backend, name, set.digest.as_deref()).await?;
        if again != digest {
            return Err(changed_meanwhile());
        }
        begin(app, &backend, &row, &digest, mode, set).await?;
        read(app, &backend, name).await
    })
    .await
}

fn changed_meanwhile() -> Error {
    let detail = "Somebody else has changed the plugin just now.";
    Error::new(Code::Conflict, detail).retry_after_ms(100)
}

fn mode(set: &wire::SetRollout) -> Result<RolloutMode> {
    match (set.mode, set.percent) {
        (wire::RolloutMode::Shadow, None) => Ok(RolloutMode::Shadow),
        (wire::RolloutMode::Shadow, Some(_)) => {
            Err(Error::invalid("percent", "is for a canary alone"))
        }
        (wire::RolloutMode::Canary, Some(percent @ 1..=99)) => Ok(RolloutMode::Canary(percent)),
        (wire::RolloutMode::Canary, _) => {
            Err(Error::invalid("percent", "must be 1 to 99 for a canary"))
        }
    }
}

/// The install, and the version that a request is about: the one named, else the one that is tried,
/// else the newest.
async fn which(
    app: &App,
    backend: &Backend,
    name: &str,
    digest: Option<&str>,
) -> Result<(Install, String)> {
    let versions = app.store.list_versions(backend, name).await?;
    let Some(newest) = versions.last() else {
        return Err(Error::not_found("plugin"));
    };
    let row = find_install(app, backend, name).await?;
    let Some(row) = row.filter(|row| row.enabled) else {
        let detail = "The plugin does not run, so there is nothing to try a version beside.";
        return Err(Error::new(Code::Conflict, detail));
    };
    let tried = stored(&row).map(|rollout| rollout.digest);
    let digest = digest.map(ToOwned::to_owned).or(tried);
    let digest = digest.unwrap_or_else(|| newest.digest.clone());
    if digest == row.digest {
        return Err(Error::invalid("digest", "is the version that runs"));
    }
    Ok((row, digest))
}

/// Checks a version as an upgrade to it is checked, and stores that it is tried. To be called with
/// `installing` held.
async fn begin(
    app: &Arc<App>,
    backend: &Backend,
    row: &Install,
    digest: &str,
    mode: RolloutMode,
    set: wire::SetRollout,
) -> Result<()> {
    let id = backend.tenant().app();
    let chosen = choose(app, backend, &row.name, Some(digest)).await?;
    let known = stored(row).filter(|known| known.digest == digest);
    let had = known
        .as_ref()
        .map_or_else(|| row.clone(), |known| tried(row, known));
    let unseen = chosen.unseen(Some(&had));
    let inspection = chosen.inspection;
    trust::check(&trust::policy(app, backend.tenant()).await?, &inspection)?;
    let set = wire::SetInstall {
        digest: set.digest.clone(),
        enabled: None,
        grants: set.grants,
        consent: set.consent,
        config: set.config,
        order: None,
        on_fault: None,
    };
    let (new, _) = settle(app, id, Some(&had), &inspection, set, unseen)?;
    check_names(app, id, &row.name, &inspection)?;
    plugins::link(&app.engine, &inspection, grants::granted(&new.grants.0)?)
        .await
        .map_err(refused)?;
    let has_started = known.is_some_and(|known| known.started);
    let has_life = inspection.hooks.contains(Hook::Lifecycle);
    // What a shadow would do at its start would land.
    let starts = has_life && !has_started && mode != RolloutMode::Shadow;
    let text = to_text(&Rollout {
        digest: digest.to_owned(),
        grants: new.grants.0.clone(),
        config: new.config.clone(),
        secrets: new.secrets.clone(),
        hooks: new.hooks.0.clone(),
        mode,
        since: app.clock.now(),
        started: has_started || starts,
        ended: None,
    })?;
    let rollout = NewRollout {
        text,
        goes_on: installs::listens(row),
    };
    if has_life {
        let next = lifecycle::next(app, backend, &new, Some(row)).await?;
        lifecycle::check(app, &next).await?;
        if starts {
            let landing = Landing::Rollout(row.id, rollout);
            lifecycle::start(app, backend, &next, landing, Some(row)).await?;
            load_app(app, id, None).await;
            return Ok(());
        }
    }
    app.store.set_rollout(row.id, Some(rollout), None).await?;
    load_app(app, id, None).await;
    Ok(())
}

/// The install as the version that is tried has it.
fn tried(row: &Install, rollout: &Rollout) -> Install {
    Install {
        digest: rollout.digest.clone(),
        grants: Texts(rollout.grants.clone()),
        config: rollout.config.clone(),
        secrets: rollout.secrets.clone(),
        hooks: Texts(rollout.hooks.clone()),
        ..row.clone()
    }
}

/// Lets the version that is tried take over, as it was tried. The one before is kept for going back.
///
/// # Errors
/// `conflict` when there is none, or it has failed.
pub async fn promote(app: &Arc<App>, caller: &Caller, name: &str) -> Result<wire::Plugin> {
    let backend = access::backend(caller)?;
    change(app, backend.tenant().app(), async {
        let (_, rollout) = find(app, &backend, name).await?;
        if rollout.ended.is_some() {
            let detail = "The version is not tried any more. Try it again first.";
            return Err(Error::new(Code::Conflict, detail));
        }
        installs::promote(app, &backend, name, rollout).await?;
        shown::read(app, &backend, name.to_owned()).await
    })
    .await
}

/// Gives up the version that is tried.
pub async fn abandon(app: &Arc<App>, caller: &Caller, name: &str) -> Result<()> {
    let backend = access::backend(caller)?;
    change(app, backend.tenant().app(), async {
        let (row, _) = find(app, &backend, name).await?;
        app.store.set_rollout(row.id, None, None).await?;
        load_app(app, row.app_id, None).await;
        Ok(())
    })
    .await
}

/// How a version does that is tried.
pub async fn get(app: &App, caller: &Caller, name: &str) -> Result<wire::Rollout> {
    let backend = access::backend(caller)?;
    read(app, &backend, name).await
}

/// The newest lines of its log, old to new.
pub async fn log(app: &App, caller: &Caller, name: &str) -> Result<wire::PluginLog> {
    let backend = access::backend(caller)?;
    find(app, &backend, name).await?;
    let loadout = app.loadout(backend.tenant().app());
    let lines = loadout.trials.get(name).map(|trial| trial.log.lines());
    Ok(shown::log_out(lines.unwrap_or_default()))
}

async fn find(app: &App, backend: &Backend, name: &str) -> Result<(Install, Rollout)> {
    let row = find_install(app, backend, name).await?;
    let found = row.and_then(|row| stored(&row).map(|rollout| (row, rollout)));
    found.ok_or_else(|| Error::not_found("rollout"))
}

/// Ends a trial whose version keeps failing: the active version serves all channels again, as it did
/// in memory from the last failure on.
pub(super) async fn end(app: &Arc<App>, given_up: &GivenUp, since: Millis) -> Result<()> {
    let backend = access::host(given_up.app_id);
    let _installing = app.installing.take(backend.tenant().app()).await;
    let installs = app.store.list_installs(backend.tenant()).await?;
    let row = installs.into_iter().find(|row| row.id == given_up.install);
    let found = row.and_then(|row| stored(&row).map(|rollout| (row, rollout)));
    let Some((row, mut rollout)) = found.filter(|(_, known)| known.since == since) else {
        return Ok(());
    };
    let hook = given_up.hook.name();
    rollout.ended = Some(RolloutEnd {
        at: app.clock.now(),
        hook: hook.to_owned(),
        detail: given_up.detail.clone(),
    });
    let ended = NewRollout {
        text: to_text(&rollout)?,
        goes_on: true,
    };
    app.store.set_rollout(row.id, Some(ended), None).await?;
    app.metrics.plugin_quarantined();
    let line = format!(
        "{hook} of version {}, which was tried, keeps failing: it is not tried any more",
        rollout.digest
    );
    tracing::error!(app.id = %row.app_id, plugin.name = row.name, "{line}");
    if let Some(log) = app.loadout(row.app_id).logs.get(&row.name) {
        log.add(app.clock.now(), "fault", line);
    }
    load_app(app, row.app_id, None).await;
    Ok(())
}

/// The version that is tried beside the one of an install.
pub(super) fn stored(row: &Install) -> Option<Rollout> {
    quarantine::stored(row.rollout.as_deref())
}

/// A rollout as it is stored.
pub(super) fn to_text(rollout: &Rollout) -> Result<String> {
    serde_json::to_string(rollout).map_err(Error::internal)
}

/// The rollout of an install whose version stays, as it is stored: without the permissions that are
/// taken from the active version, and with the secrets that are `changed` as they are now. It ends if
/// that leaves its version without what it needs.
pub(super) async fn beside(
    app: &App,
    backend: &Backend,
    before: &Install,
    new: &NewInstall,
    changed: &[String],
) -> Result<Option<String>> {
    let Some(mut rollout) = stored(before) else {
        return Ok(None);
    };
    rollout.secrets = Sealed::renewed(&rollout.secrets, &new.secrets, changed)?;
    let is_taken =
        |grant: &String| before.grants.0.contains(grant) && !new.grants.0.contains(grant);
    let had = rollout.grants.len();
    rollout.grants.retain(|grant| !is_taken(grant));
    if rollout.grants.len() < had && rollout.ended.is_none() {
        let needed = inspect::stored(app, backend, &new.name, &rollout.digest, Waits::Host)
            .await
            .and_then(|inspection| grants::check(&inspection, &rollout.grants, Vec::new()));
        rollout.ended = needed.err().map(|error| RolloutEnd {
            at: app.clock.now(),
            hook: String::new(),
            detail: error.detail().to_owned(),
        });
    }
    to_text(&rollout).map(Some)
}

/// Under which name a shadow counts for itself.
pub(super) fn aside_id(install: InstallId) -> String {
    format!("{install} aside")
}

/// The trial of an install: the one that goes on, or a new one.
pub(super) fn trial_of(app: &Arc<App>, before: &Loadout, row: &Install) -> Option<Arc<Trial>> {
    let known = before.trials.get(&row.name);
    let rollout = stored(row)?;
    if let Some(known) = known.filter(|known| known.is_of(&rollout)) {
        return Some(known.clone());
    }
    let settings = &app.config.plugins;
    let log = PluginLog::new(settings.log_lines_kept as usize);
    let is_over = rollout.ended.is_some();
    let (trial, calls) = Trial::new(rollout, settings.shadow_waiting_max, log);
    if is_over {
        trial.end();
    } else if trial.is_shadow() {
        shadow::run(app, calls);
    }
    Some(trial)
}

/// The version that is tried, as it runs; none if that is over.
pub(super) async fn load(
    app: &Arc<App>,
    backend: &Backend,
    row: &Install,
    trial: Arc<Trial>,
) -> Result<Option<Arc<Installed>>> {
    if trial.is_over() {
        return Ok(None);
    }
    let known = Known {
        log: trial.log.clone(),
        consumption: trial.consumption.clone(),
        breakers: trial.breakers.clone(),
    };
    let row = tried(row, &trial.rollout);
    let installed = shown::load(app, backend, row, known, Some(trial)).await?;
    Ok(Some(Arc::new(installed)))
}

/// What an install shows of it.
pub(super) fn in_short(rollout: &Rollout) -> wire::RolloutInShort {
    let (mode, percent) = mode_out(rollout.mode);
    wire::RolloutInShort {
        digest: rollout.digest.clone(),
        mode,
        percent,
        since: clock::rfc3339(rollout.since),
        ended: ended_out(rollout),
    }
}

fn mode_out(mode: RolloutMode) -> (wire::RolloutMode, Option<u8>) {
    match mode {
        RolloutMode::Shadow => (wire::RolloutMode::Shadow, None),
        RolloutMode::Canary(percent) => (wire::RolloutMode::Canary, Some(percent)),
    }
}

fn ended_out(rollout: &Rollout) -> Option<wire::RolloutEnd> {
    rollout.ended.as_ref().map(|ended| wire::RolloutEnd {
        at: clock::rfc3339(ended.at),
        hook: Some(ended.hook.clone()).filter(|hook| !hook.is_empty()),
        detail: ended.detail.clone(),
    })
}

async fn read(app: &App, backend: &Backend, name: &str) -> Result<wire::Rollout> {
    let (row, rollout) = find(app, backend, name).await?;
    let versions = app.store.list_versions(backend, name).await?;
    let mut versions = versions.into_iter();
    let version = versions.find(|version| version.digest == rollout.digest);
    let loadout = app.loadout(row.app_id);
    let trial = loadout.trials.get(name);
    let mut installs = loadout.installs.iter();
    let loaded = installs.find_map(|installed| {
        let candidate = installed.candidate.as_ref()?;
        (candidate.row.id == row.id).then_some(candidate)
    });
    let hook = |(hook, of): (Hook, HookCompared)| wire::HookCompared {
        hook: hook.name(),
        calls: of.same + of.different,
        same: of.same,
        different: of.different,
        failed: of.failed,
        dropped: of.dropped,
        cpu_us: of.cpu_us,
        active_cpu_us: of.active_cpu_us,
        wall_us: of.wall_us,
        active_wall_us: of.active_wall_us,
    };
    let difference = |difference: Difference| wire::Difference {
        at: clock::rfc3339(difference.at),
        hook: difference.hook.name(),
        channel_id: Some(difference.channel).filter(|channel| !channel.is_empty()),
        active: difference.active,
        candidate: difference.candidate,
    };
    let compared = trial.map(|trial| &trial.compared);
    let hooks = compared
        .map(|compared| compared.hooks())
        .unwrap_or_default();
    let differences = compared.map(|compared| compared.differences());
    let usage = trial.map(|trial| usage::hooks(&trial.consumption));
    let (mode, percent) = mode_out(rollout.mode);
    Ok(wire::Rollout {
        version: version.map(|version| version.version).unwrap_or_default(),
        mode,
        percent,
        since: clock::rfc3339(rollout.since),
        ended: ended_out(&rollout),
        fault: loaded.and_then(|loaded| loaded.install.as_ref().err().cloned()),
        config: serde_json::from_str(&rollout.config).unwrap_or_default(),
        usage: usage.unwrap_or_default(),
        compared: hooks.into_iter().map(hook).collect(),
        differences: differences
            .unwrap_or_default()
            .into_iter()
            .map(difference)
            .collect(),
        digest: rollout.digest,
        grants: rollout.grants,
    })
}
