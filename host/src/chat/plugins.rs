//! Plugins of an app: looked into, loaded, told about, removed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use super::access::{self, Caller};
use super::bridge::Bridge;
use super::grants::granted;
use super::inspect::{self, Waits};
use super::outside::{self, Outside, Sealed};
use super::users::BOT_PREFIX;
use super::{quarantine, rollout, trust, versions};
use crate::app::{App, Breakers, Installed, Loadout, PluginLog, Trial};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::metrics::Consumption;
use crate::model::{AppId, Millis, UserId};
use crate::plugins::{self, Inspection};
use crate::store::Install;
use crate::store::proof::Backend;
use crate::wire::{self, OnFault};

/// Apps that are loaded at once at the start. Most of them wait for their turn to compile; all of them
/// ask the store, which others ask, too.
const LOADED_AT_ONCE_MAX: usize = 256;
/// Before the next try when the store does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How often an install is tried for which the host has no room, with as much time between.
const LINK_TRIES: u32 = 60;

/// All plugins of the app.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<wire::Plugin>> {
    let backend = access::backend(caller)?;
    let mut found = Vec::new();
    for name in app.store.list_plugin_names(&backend).await? {
        found.push(read(app, &backend, name).await?);
    }
    Ok(found)
}

/// One of them.
pub async fn get(app: &App, caller: &Caller, name: &str) -> Result<wire::Plugin> {
    let backend = access::backend(caller)?;
    read(app, &backend, name.to_owned()).await
}

pub(super) async fn read(app: &App, backend: &Backend, name: String) -> Result<wire::Plugin> {
    let versions = app.store.list_versions(backend, &name).await?;
    let Some(newest) = versions.last() else {
        return Err(Error::not_found("plugin"));
    };
    let row = find_install(app, backend, &name).await?;
    let shown = row.as_ref().and_then(|row| {
        let mut versions = versions.iter();
        versions.find(|version| version.digest == row.digest)
    });
    let policy = trust::policy(app, backend.tenant()).await?;
    let component = versions::about(app, backend, &name, shown.unwrap_or(newest), &policy).await?;
    let loadout = app.loadout(backend.tenant().app());
    let versions = versions::out(&name, &versions, row.as_ref(), &policy);
    let install = row.map(|row| {
        let loaded = loadout
            .installs
            .iter()
            .find(|installed| installed.row.id == row.id);
        installed_out(&row, component.as_ref(), loaded.map(Arc::as_ref))
    });
    Ok(wire::Plugin {
        install,
        component,
        versions,
        name,
    })
}

fn installed_out(
    row: &Install,
    component: Option<&wire::Component>,
    loaded: Option<&Installed>,
) -> wire::Install {
    // What runs is what counts, if only for the moment in which it changes.
    let quarantine = match loaded {
        Some(loaded) => loaded.quarantine.clone(),
        None => quarantine::quarantine(row),
    };
    let sealed = Sealed::stored(&row.secrets).unwrap_or_default();
    let secret = |name: &str| wire::SecretSetting {
        name: name.to_owned(),
        set: sealed.has(name),
    };
    let schema = component.and_then(|component| component.config_schema.as_object());
    let known = schema.map(plugins::secret_settings);
    let config: serde_json::Value = serde_json::from_str(&row.config).unwrap_or_default();
    wire::Install {
        digest: row.digest.clone(),
        enabled: row.enabled,
        reaches: outside::reached(&row.grants.0, &config),
        grants: row.grants.0.clone(),
        config,
        secrets: known.into_iter().flatten().map(secret).collect(),
        order: row.place,
        on_fault: OnFault::stored(&row.on_fault),
        previous: quarantine::previous(row).map(|previous| previous.digest),
        rollout: rollout::stored(row).as_ref().map(rollout::in_short),
        quarantine: quarantine
            .into_iter()
            .map(|quarantine| wire::Quarantine {
                hook: quarantine.hook,
                since: clock::rfc3339(quarantine.since),
                detail: quarantine.detail,
            })
            .collect(),
        fault: loaded.and_then(|loaded| loaded.install.as_ref().err().cloned()),
    }
}

pub(super) async fn find_install(
    app: &App,
    backend: &Backend,
    name: &str,
) -> Result<Option<Install>> {
    let installs = app.store.list_installs(backend.tenant()).await?;
    Ok(installs.into_iter().find(|row| row.name == name))
}

/// Removes a plugin with all that it kept. Its messages stay.
pub async fn remove(app: &Arc<App>, caller: &Caller, name: &str) -> Result<()> {
    let backend = access::backend(caller)?;
    let id = backend.tenant().app();
    change(app, id, async {
        let install = find_install(app, &backend, name).await?;
        app.store.remove_plugin(&backend, name.to_owned()).await?;
        app.removed.notify_one();
        if let Some(row) = install {
            app.recordings.remove(row.id, app.clock.now());
        }
        load_app(app, id, None).await;
        Ok(())
    })
    .await
}

/// Makes a change of an app's plugins when it is its turn, and puts what may be stored into use.
pub(super) async fn change<T>(
    app: &Arc<App>,
    id: AppId,
    change: impl Future<Output = Result<T>>,
) -> Result<T> {
    let _turn = app.installing.take(id).await;
    let done = change.await;
    if let Err(error) = &done
        && error.code() == Code::Unavailable
    {
        // What the store did not confirm may be stored.
        load_app(app, id, None).await;
    }
    done
}

/// The newest lines of a plugin's log, old to new. One that has not run yet has an empty log.
pub async fn log(app: &App, caller: &Caller, name: &str) -> Result<wire::PluginLog> {
    let backend = access::backend(caller)?;
    if app.store.list_versions(&backend, name).await?.is_empty() {
        return Err(Error::not_found("plugin"));
    }
    let loadout = app.loadout(backend.tenant().app());
    let lines = loadout.logs.get(name).map(|log| log.lines());
    Ok(log_out(lines.unwrap_or_default()))
}

pub(super) fn log_out(lines: Vec<(Millis, &'static str, String)>) -> wire::PluginLog {
    let line = |(at, level, message)| wire::LogLine {
        at: clock::rfc3339(at),
        level,
        message,
    };
    wire::PluginLog {
        lines: lines.into_iter().map(line).collect(),
    }
}

/// The apps that have plugins to be loaded. Until [`load_all`] has loaded one, whoever needs it waits.
pub async fn begin_to_load(app: &App) -> Result<Vec<AppId>> {
    let installs = app.store.list_all_installs().await?;
    let mut apps: Vec<AppId> = installs.into_iter().map(|row| row.app_id).collect();
    apps.dedup();
    app.loading.begin(apps.iter().copied());
    Ok(apps)
}

/// Loads the plugins of these apps, many at once; one that can't be loaded is
/// noted, and keeps nobody else waiting.
pub async fn load_all(app: Arc<App>, apps: Vec<AppId>) {
    let loading = futures_util::stream::iter(apps);
    loading
        .for_each_concurrent(LOADED_AT_ONCE_MAX, async |id| load_first(&app, id).await)
        .await;
}

async fn load_first(app: &Arc<App>, id: AppId) {
    let _installing = app.installing.take(id).await;
    load_app(app, id, None).await;
    app.loading.end(id);
    // They were left alone until now.
    app.timers_changed.notify_one();
}

/// Puts an app's installs as they stand in the store into use, as soon as the store answers. To be called
/// with `installing` held, and not to be left before its end: see [`change`].
///
/// `asked` is what was asked about a change just now: its log and its figures go on.
pub(super) async fn load_app(app: &Arc<App>, id: AppId, asked: Option<&Installed>) {
    while let Err(error) = load_once(app, id, asked).await {
        tracing::error!(app.id = %id, error = %error, "an app's plugins could not be loaded");
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.stopped() => return,
        }
    }
}

async fn load_once(app: &Arc<App>, id: AppId, asked: Option<&Installed>) -> Result<()> {
    let backend = access::host(id);
    let before = app.loadout(id);
    let mut loadout = Loadout::default();
    for row in app.store.list_installs(backend.tenant()).await? {
        let mut known = known_of(app, &before, &row);
        if let Some(asked) = asked.filter(|asked| asked.row.id == row.id) {
            (known.log, known.consumption) = (asked.log.clone(), asked.consumption.clone());
        }
        let name = row.name.clone();
        loadout.logs.insert(name.clone(), known.log.clone());
        let consumption = known.consumption.clone();
        loadout.consumption.insert(name.clone(), consumption);
        let trial = rollout::trial_of(app, &before, &row);
        loadout.trials.extend(trial.clone().map(|t| (name, t)));
        if !row.enabled {
            continue;
        }
        let candidate = match trial {
            Some(trial) => rollout::load(app, &backend, &row, trial).await?,
            None => None,
        };
        let mut installed = load(app, &backend, row, known, None).await?;
        installed.candidate = candidate;
        add_to(&mut loadout, Arc::new(installed));
    }
    app.set_loadout(id, loadout);
    Ok(())
}

/// Puts an install into its place, with the kinds and commands of both its versions.
fn add_to(loadout: &mut Loadout, installed: Arc<Installed>) {
    for version in installed.versions() {
        if let Err(reason) = &version.install {
            let id = version.row.app_id;
            tracing::error!(app.id = %id, plugin.name = %version.name, reason, "a plugin could not be loaded");
        }
        if version.is_shadow() {
            continue;
        }
        if let Some(manifest) = version.manifest() {
            for kind in &manifest.kinds {
                loadout.kinds.insert(kind.name.clone(), installed.clone());
            }
            for command in &manifest.commands {
                let name = command.name.clone();
                loadout.commands.insert(name, installed.clone());
            }
            // A feed is about no channel, so a canary serves none.
            let feeds = (version.trial.is_none()).then_some(&manifest.feeds);
            for feed in feeds.into_iter().flatten() {
                loadout.feeds.insert(feed.name.clone(), installed.clone());
            }
        }
    }
    loadout.installs.push(installed);
}

/// What goes on from one state of an install to the next.
pub(super) struct Known {
    pub log: Arc<PluginLog>,
    pub consumption: Arc<Consumption>,
    pub breakers: Arc<Breakers>,
}

/// What is known of a plugin: the log and the figures outlive its versions; what is known of its
/// failures holds as long as it is not changed.
pub(super) fn known_of(app: &App, before: &Loadout, row: &Install) -> Known {
    let log = before.logs.get(&row.name).cloned();
    let mut installs = before.installs.iter();
    let unchanged =
        installs.find(|known| known.row.id == row.id && known.row.updated_at == row.updated_at);
    Known {
        log: log.unwrap_or_else(|| {
            Arc::new(PluginLog::new(app.config.plugins.log_lines_kept as usize))
        }),
        consumption: before
            .consumption
            .get(&row.name)
            .cloned()
            .unwrap_or_default(),
        breakers: unchanged
            .map(|known| known.breakers.clone())
            .unwrap_or_default(),
    }
}

/// A plugin as it runs, on trial or not.
pub(super) async fn load(
    app: &Arc<App>,
    backend: &Backend,
    row: Install,
    known: Known,
    trial: Option<Arc<Trial>>,
) -> Result<Installed> {
    let name: Arc<str> = row.name.as_str().into();
    let holder = app.holder(row.app_id).await?;
    let (inspected, linked) = link(app, backend, &row).await;
    let outside = opened(&row, inspected.as_deref());
    let is_shadow = trial.as_ref().is_some_and(|trial| trial.is_shadow());
    let install = linked.map(|linked| {
        let config = row.config.as_str();
        if is_shadow {
            let id = rollout::aside_id(row.id);
            return plugins::Install::aside(&app.engine, &linked, holder, &id, config);
        }
        plugins::Install::new(&app.engine, &linked, holder, &row.id.to_string(), config)
    });
    let bot = bot_of(&row.name);
    let bridge = Bridge {
        app: Arc::downgrade(app),
        install: row.id,
        name: name.clone(),
        bot: bot.clone(),
        backend: *backend,
        holder,
        outside,
    };
    Ok(Installed {
        log: known.log,
        consumption: known.consumption,
        breakers: known.breakers,
        quarantine: match trial {
            Some(_) => Vec::new(),
            None => quarantine::quarantine(&row),
        },
        on_fault: OnFault::stored(&row.on_fault),
        row,
        holder,
        bot,
        name,
        inspection: inspected,
        install,
        chat: Arc::new(bridge),
        candidate: None,
        trial,
    })
}

/// The code of an install, ready to be called. A host that has no room for it now may have some soon.
async fn link(
    app: &App,
    backend: &Backend,
    row: &Install,
) -> (
    Option<Arc<Inspection>>,
    Result<Arc<plugins::Linked>, String>,
) {
    let unready = |error: &Error| (inspect::is_passing(error), error.detail().to_owned());
    let mut tries = 0;
    loop {
        let inspected = inspect::stored(app, backend, &row.name, &row.digest, Waits::Host).await;
        let linked = match (&inspected, granted(&row.grants.0)) {
            (Ok(inspection), Ok(grants)) => plugins::link(&app.engine, inspection, grants)
                .await
                .map_err(|refusal| unready(&inspect::refused(refusal))),
            (Err(error), _) => Err(unready(error)),
            (_, Err(error)) => Err(unready(&error)),
        };
        tries += 1;
        if tries < LINK_TRIES && matches!(linked, Err((true, _))) {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => continue,
                () = app.stopped() => {}
            }
        }
        return (inspected.ok(), linked.map_err(|(_, detail)| detail));
    }
}

fn opened(row: &Install, inspection: Option<&Inspection>) -> Outside {
    let Some(inspection) = inspection else {
        return Outside::default();
    };
    let config = serde_json::from_str(&row.config).unwrap_or_default();
    let opened = Sealed::stored(&row.secrets)
        .and_then(|sealed| Outside::new(&row.grants.0, &config, sealed, &inspection.manifest));
    opened.unwrap_or_else(|error| {
        // It runs, but reaches nothing.
        tracing::error!(app.id = %row.app_id, plugin.name = %row.name, error = %error, cause = ?error.cause(),
            "what a plugin may reach can't be read");
        Outside::default()
    })
}

pub(super) fn bot_of(name: &str) -> UserId {
    UserId::stored(format!("{BOT_PREFIX}{name}"))
}

/// The hooks that a component has.
pub(super) fn hook_names(inspection: &Inspection) -> Vec<String> {
    let hooks = inspection.hooks.iter();
    hooks.map(|hook| hook.name().to_owned()).collect()
}

pub(super) fn command(info: &plugins::CommandInfo, plugin: &str) -> wire::Command {
    wire::Command {
        name: info.name.clone(),
        usage: info.usage.clone(),
        description: info.description.clone(),
        plugin: plugin.to_owned(),
    }
}

pub(super) fn feed(info: &plugins::FeedInfo, plugin: &str) -> wire::Feed {
    wire::Feed {
        name: info.name.clone(),
        title: info.title.clone(),
        types: info.kinds.clone(),
        plugin: plugin.to_owned(),
    }
}
