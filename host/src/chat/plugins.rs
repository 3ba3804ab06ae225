//! Plugins of an app: uploaded, looked into, enabled with grants and settings, removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::access::{self, Caller};
use super::bridge::Bridge;
use super::outside::{HOST_GRANT, Outside, Sealed};
use super::quarantine;
use super::users::BOT_PREFIX;
use crate::app::{App, Consumption, HookConsumption, Installed, Loadout, PluginLog};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::{AppId, UserId};
use crate::plugins::{self, Grants, Inspection, Permission};
use crate::store::Install;
use crate::store::proof::Backend;
use crate::wire::{self, OnFault};

/// The most versions of one plugin that an app keeps.
const VERSIONS_MAX: usize = 20;
/// The most plugins of an app.
const PLUGINS_MAX: usize = 50;

/// Keeps a component after looking into it. Nothing runs yet.
pub async fn upload(app: &App, caller: &Caller, component: Vec<u8>) -> Result<wire::Component> {
    let backend = access::backend(caller)?;
    let inspection = inspect(app, component.clone()).await?;
    let manifest = &inspection.manifest;
    let names = app.store.list_plugin_names(&backend).await?;
    if !names.contains(&manifest.name) && names.len() >= PLUGINS_MAX {
        return Err(Error::new(
            Code::LimitReached,
            format!("An app has at most {PLUGINS_MAX} plugins."),
        ));
    }
    let versions = app.store.list_versions(&backend, &manifest.name).await?;
    let digest = inspection.digest.to_string();
    if versions.len() >= VERSIONS_MAX && versions.iter().all(|(known, ..)| *known != digest) {
        let detail =
            format!("A plugin has at most {VERSIONS_MAX} versions; remove it to begin anew.");
        return Err(Error::new(Code::LimitReached, detail));
    }
    let (name, version) = (manifest.name.clone(), manifest.version.clone());
    app.store
        .add_component(&backend, name, version, digest, component)
        .await?;
    Ok(described(&inspection))
}

/// Compiles and looks into a component, off the threads that serve requests.
pub(super) async fn inspect(app: &App, component: Vec<u8>) -> Result<Arc<Inspection>> {
    let engine = app.engine.clone();
    let inspected =
        tokio::task::spawn_blocking(move || plugins::inspect(&engine, &component)).await;
    inspected.map_err(Error::internal)?.map_err(refused)
}

pub(super) fn refused(refusal: plugins::Refusal) -> Error {
    let error = match &refusal.field {
        Some(field) => Error::new(
            Code::PluginRefused,
            format!("`{field}`: {}", refusal.detail),
        ),
        None => Error::new(Code::PluginRefused, refusal.detail.clone()),
    };
    error.with_reason(refusal.code)
}

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
    let Some((newest, ..)) = versions.last() else {
        return Err(Error::not_found("plugin"));
    };
    let row = find_install(app, backend, &name).await?;
    let digest = row.as_ref().map_or(newest, |row| &row.digest).clone();
    let inspection = match app
        .store
        .find_component(backend.tenant(), &name, &digest)
        .await?
    {
        Some(bytes) => inspect(app, bytes).await.ok(),
        None => None,
    };
    let loadout = app.loadout(backend.tenant().app());
    let install = row.map(|row| {
        let loaded = loadout
            .installs
            .iter()
            .find(|installed| installed.row.id == row.id);
        installed_out(&row, inspection.as_deref(), loaded.map(Arc::as_ref))
    });
    let versions = versions
        .into_iter()
        .map(|(digest, version, at)| wire::PluginVersion {
            digest,
            version,
            uploaded_at: clock::rfc3339(at),
        })
        .collect();
    Ok(wire::Plugin {
        name,
        install,
        component: inspection.as_deref().map(described),
        versions,
    })
}

fn installed_out(
    row: &Install,
    inspection: Option<&Inspection>,
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
    let known = inspection.map(|inspection| inspection.manifest.secrets());
    wire::Install {
        digest: row.digest.clone(),
        enabled: row.enabled,
        grants: row.grants.0.clone(),
        config: serde_json::from_str(&row.config).unwrap_or_default(),
        secrets: known.into_iter().flatten().map(secret).collect(),
        order: row.place,
        on_fault: OnFault::stored(&row.on_fault),
        previous: quarantine::previous(row).map(|previous| previous.digest),
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
    let _installing = app.installing.lock().await;
    let install = find_install(app, &backend, name).await?;
    app.store.remove_plugin(&backend, name.to_owned()).await?;
    app.removed.notify_one();
    if let Some(row) = install {
        app.engine.forget_install(&row.id.to_string());
    }
    load_app(app, backend.tenant().app(), None).await
}

/// The newest lines of a plugin's log, old to new. One that has not run yet has an empty log.
pub async fn log(app: &App, caller: &Caller, name: &str) -> Result<wire::PluginLog> {
    let backend = access::backend(caller)?;
    if app.store.list_versions(&backend, name).await?.is_empty() {
        return Err(Error::not_found("plugin"));
    }
    let loadout = app.loadout(backend.tenant().app());
    let lines = loadout.logs.get(name).map(|log| log.lines());
    let line = |(at, level, message)| wire::LogLine {
        at: clock::rfc3339(at),
        level,
        message,
    };
    Ok(wire::PluginLog {
        lines: lines.unwrap_or_default().into_iter().map(line).collect(),
    })
}

/// What the calls of a plugin took since the host started, for each hook.
pub async fn usage(app: &App, caller: &Caller, name: &str) -> Result<wire::PluginUsage> {
    let backend = access::backend(caller)?;
    if app.store.list_versions(&backend, name).await?.is_empty() {
        return Err(Error::not_found("plugin"));
    }
    let loadout = app.loadout(backend.tenant().app());
    let consumption = loadout.consumption.get(name).cloned().unwrap_or_default();
    let of = |counter: &AtomicU64| counter.load(Relaxed);
    let hook = |(hook, figures): (plugins::Hook, &HookConsumption)| wire::HookUsage {
        hook: hook.name(),
        calls: of(&figures.calls),
        faults: figures.faults(),
        cpu_us: of(&figures.cpu_us),
        wall_us: of(&figures.wall_us),
        host_calls: of(&figures.host_calls),
        memory_peak_bytes: of(&figures.memory_peak_bytes),
    };
    Ok(wire::PluginUsage {
        hooks: consumption.hooks().map(hook).collect(),
    })
}

/// Loads the plugins of every app; one that can't be loaded is noted and does not keep the host from
/// starting.
pub async fn load_all(app: &Arc<App>) -> Result<()> {
    let mut apps: Vec<AppId> = app
        .store
        .list_all_installs()
        .await?
        .into_iter()
        .map(|row| row.app_id)
        .collect();
    apps.dedup();
    for id in apps {
        load_app(app, id, None).await?;
    }
    Ok(())
}

/// Puts an app's installs as they stand in the store into use.
///
/// `asked` is what was asked about a change just now: its log and its figures go on.
pub(super) async fn load_app(app: &Arc<App>, id: AppId, asked: Option<&Installed>) -> Result<()> {
    let backend = access::host(id);
    let before = app.loadout(id);
    let mut loadout = Loadout::default();
    for row in app.store.list_installs(backend.tenant()).await? {
        let (log, consumption) = match asked.filter(|asked| asked.row.id == row.id) {
            Some(asked) => (asked.log.clone(), asked.consumption.clone()),
            None => kept_of(app, &before, &row.name),
        };
        loadout.logs.insert(row.name.clone(), log.clone());
        loadout
            .consumption
            .insert(row.name.clone(), consumption.clone());
        if !row.enabled {
            continue;
        }
        let installed = load(app, &backend, row, &before, (log, consumption)).await?;
        let installed = Arc::new(installed);
        if let Err(reason) = &installed.install {
            tracing::error!(app.id = %id, plugin.name = %installed.name, reason, "a plugin could not be loaded");
        }
        if let Some(manifest) = installed.manifest() {
            for kind in &manifest.kinds {
                loadout.kinds.insert(kind.name.clone(), installed.clone());
            }
            for command in &manifest.commands {
                let name = command.name.clone();
                loadout.commands.insert(name, installed.clone());
            }
        }
        loadout.installs.push(installed);
    }
    app.set_loadout(id, loadout);
    Ok(())
}

type Kept = (Arc<PluginLog>, Arc<Consumption>);

/// The log and the figures of a plugin, which outlive its versions.
pub(super) fn kept_of(app: &App, before: &Loadout, name: &str) -> Kept {
    let log =
        before.logs.get(name).cloned().unwrap_or_else(|| {
            Arc::new(PluginLog::new(app.config.plugins.log_lines_kept as usize))
        });
    let consumption = before.consumption.get(name).cloned();
    (log, consumption.unwrap_or_default())
}

/// A plugin as it runs. `before` is what ran until now.
pub(super) async fn load(
    app: &Arc<App>,
    backend: &Backend,
    row: Install,
    before: &Loadout,
    (log, consumption): Kept,
) -> Result<Installed> {
    let bytes = app
        .store
        .find_component(backend.tenant(), &row.name, &row.digest)
        .await?;
    let name: Arc<str> = row.name.as_str().into();
    let inspected = match bytes {
        Some(bytes) => inspect(app, bytes).await,
        None => Err(Error::not_found("component")),
    };
    let linked = match (&inspected, granted(&row.grants.0)) {
        (Ok(inspection), Ok(grants)) => plugins::link(&app.engine, inspection, grants)
            .await
            .map_err(|refusal| refusal.detail),
        (Err(error), _) => Err(error.detail().to_owned()),
        (_, Err(error)) => Err(error.detail().to_owned()),
    };
    let opened = match &inspected {
        Ok(inspection) => {
            let sealed = Sealed::stored(&row.secrets);
            sealed.and_then(|sealed| Outside::new(&row.grants.0, sealed, &inspection.manifest))
        }
        Err(_) => Ok(Outside::default()),
    };
    let outside = opened.unwrap_or_else(|error| {
        // It runs, but reaches nothing.
        tracing::error!(app.id = %row.app_id, plugin.name = %row.name, error = %error, cause = ?error.cause(),
            "what a plugin may reach can't be read");
        Outside::default()
    });
    let install = linked.map(|linked| {
        let (app_id, id) = (row.app_id.to_string(), row.id.to_string());
        plugins::Install::new(&app.engine, &linked, &app_id, &id, row.config.as_str())
    });
    let bot = bot_of(&row.name);
    let bridge = Bridge {
        app: Arc::downgrade(app),
        install: row.id,
        name: name.clone(),
        bot: bot.clone(),
        backend: *backend,
        outside,
    };
    let on_fault = OnFault::stored(&row.on_fault);
    // What is known of its failures holds as long as it is not changed.
    let unchanged = before
        .installs
        .iter()
        .find(|known| known.row.id == row.id && known.row.updated_at == row.updated_at);
    Ok(Installed {
        log,
        consumption,
        breakers: unchanged
            .map(|known| known.breakers.clone())
            .unwrap_or_default(),
        quarantine: quarantine::quarantine(&row),
        row,
        on_fault,
        bot,
        name,
        inspection: inspected.ok(),
        install,
        chat: Arc::new(bridge),
    })
}

pub(super) fn granted(names: &[String]) -> Result<Grants> {
    let mut grants = Grants::default();
    for (at, name) in names.iter().enumerate() {
        let named = match name.strip_prefix(HOST_GRANT) {
            Some(_) => Some(Permission::Http),
            None => Permission::from_name(name),
        };
        let permission = named.ok_or_else(|| {
            Error::invalid(
                format!("grants[{at}]"),
                "is no permission that this host knows",
            )
        })?;
        grants.insert(permission);
    }
    Ok(grants)
}

pub(super) fn bot_of(name: &str) -> UserId {
    UserId::stored(format!("{BOT_PREFIX}{name}"))
}

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
        permissions: manifest
            .permissions
            .iter()
            .map(|asked| wire::Permission {
                name: asked.name.name().to_owned(),
                reason: asked.reason.clone(),
                allows: allows(asked.name).to_owned(),
                hosts: asked.hosts.clone(),
                paths: asked.paths.clone(),
                secrets: asked
                    .secrets
                    .iter()
                    .map(|(name, hosts)| wire::SecretUse {
                        name: name.clone(),
                        hosts: hosts.clone(),
                    })
                    .collect(),
            })
            .collect(),
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
        events: manifest.events.clone(),
        keep_instances: manifest.keep_instances,
        uses_wasi: inspection.uses_wasi,
        config_schema: serde_json::Value::Object(manifest.config.clone()),
        bytes: inspection.bytes,
    }
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

/// What a permission allows, in words for those who grant it.
fn allows(permission: Permission) -> &'static str {
    match permission {
        Permission::Kv => "Keep small values of its own between calls.",
        Permission::Counters => "Count how often something happens within a time.",
        Permission::ChatRead => {
            "Read the messages, participants and users of every channel of the app."
        }
        Permission::ChatWrite => {
            "Post messages by its bot user in every channel, and change or delete those."
        }
        Permission::ChatModerate => "Delete anybody's messages.",
        Permission::Timers => "Do something at a later time.",
        Permission::PublicRoutes => {
            "Answer requests of anybody, without a key or token, at the routes named."
        }
        Permission::Http => {
            "Send what it knows to the hosts named, with the secrets that you enter for them."
        }
    }
}
