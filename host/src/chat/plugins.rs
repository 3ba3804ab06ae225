//! Plugins of an app: uploaded, looked into, enabled with grants and settings, removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::value::RawValue;

use super::access::{self, Caller};
use super::bridge::Bridge;
use super::outside::{HOST_GRANT, Outside, Sealed, Whose};
use super::quarantine;
use super::users::BOT_PREFIX;
use super::valid;
use crate::app::{App, HookConsumption, Installed, Loadout, PluginLog};
use crate::clock;
use crate::error::{Code, Error, FieldFault, Result};
use crate::model::{AppId, Previous, Texts, UserId};
use crate::plugins::{self, Grants, Inspection, Manifest, Permission, Settings};
use crate::store::proof::Backend;
use crate::store::{Install, NewInstall};
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
async fn inspect(app: &App, component: Vec<u8>) -> Result<Arc<Inspection>> {
    let engine = app.engine.clone();
    let inspected =
        tokio::task::spawn_blocking(move || plugins::inspect(&engine, &component)).await;
    inspected.map_err(Error::internal)?.map_err(refused)
}

fn refused(refusal: plugins::Refusal) -> Error {
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

async fn read(app: &App, backend: &Backend, name: String) -> Result<wire::Plugin> {
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
    // Compiled before the lock is taken: others have plugins to install, too.
    let chosen = choose(app, &backend, name, set.digest.as_deref()).await?;
    let _compiled = inspect(app, chosen.component).await?;
    // One after the other: what a request leaves out stays as the one before it left it, and what
    // runs is what was stored last.
    let _installing = app.installing.lock().await;
    put(app, &backend, name, set, Way::Forward).await?;
    read(app, &backend, name.to_owned()).await
}

/// Lets the version run that ran before the one that does, as it ran then. Nothing that happens
/// meanwhile is lost to it: it goes on where the other one stopped.
///
/// # Errors
/// `conflict` when there was none.
pub async fn roll_back(app: &Arc<App>, caller: &Caller, name: &str) -> Result<wire::Plugin> {
    let backend = access::backend(caller)?;
    let _installing = app.installing.lock().await;
    let row = find_install(app, &backend, name).await?;
    let row = row.ok_or_else(|| Error::not_found("plugin"))?;
    let previous = quarantine::previous(&row)
        .ok_or_else(|| Error::new(Code::Conflict, "There is no version to go back to."))?;
    put_back(app, &backend, &row, previous).await?;
    read(app, &backend, name.to_owned()).await
}

/// Puts the version before into use, and gives its digest. To be called with `installing` held.
pub(super) async fn put_back(
    app: &Arc<App>,
    backend: &Backend,
    row: &Install,
    previous: Previous,
) -> Result<String> {
    let set = wire::SetInstall {
        digest: Some(previous.digest.clone()),
        enabled: None,
        grants: Some(previous.grants),
        config: Some(RawValue::from_string(previous.config).map_err(Error::internal)?),
        order: None,
        on_fault: None,
    };
    let secrets = previous.secrets;
    put(app, backend, &row.name, set, Way::Back { secrets }).await?;
    Ok(previous.digest)
}

/// Where a change leads.
enum Way {
    Forward,
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
    let inspection = inspect(app, chosen.component).await?;
    let id = backend.tenant().app();
    let mut before = chosen.before;
    if let (Way::Back { secrets }, Some(row)) = (&way, &mut before) {
        row.secrets.clone_from(secrets);
    }
    let mut new = settle(app, id, before, &inspection, set)?;
    if let Way::Back { .. } = way {
        new.previous = None;
    }
    if new.enabled {
        check_names(app, backend.tenant().app(), name, &inspection)?;
        plugins::link(&app.engine, &inspection, granted(&new.grants.0)?)
            .await
            .map_err(refused)?;
    }
    app.store
        .add_bot(
            backend,
            bot_of(name),
            inspection.manifest.title.clone(),
            name.to_owned(),
        )
        .await?;
    app.store.set_install(backend, new).await?;
    load_app(app, backend.tenant().app()).await
}

/// The version that a request is about, and how the plugin runs now.
struct Chosen {
    component: Vec<u8>,
    before: Option<Install>,
}

async fn find_install(app: &App, backend: &Backend, name: &str) -> Result<Option<Install>> {
    let installs = app.store.list_installs(backend.tenant()).await?;
    Ok(installs.into_iter().find(|row| row.name == name))
}

async fn choose(app: &App, backend: &Backend, name: &str, digest: Option<&str>) -> Result<Chosen> {
    let versions = app.store.list_versions(backend, name).await?;
    let Some((newest, ..)) = versions.last() else {
        return Err(Error::not_found("plugin"));
    };
    let before = find_install(app, backend, name).await?;
    let digest = digest
        .or(before.as_ref().map(|row| row.digest.as_str()))
        .unwrap_or(newest);
    let component = app
        .store
        .find_component(backend.tenant(), name, digest)
        .await?;
    let component = component
        .ok_or_else(|| Error::invalid("digest", "there is no such version of the plugin"))?;
    Ok(Chosen { component, before })
}

/// How the plugin shall run: as the request says, and for the rest as before.
fn settle(
    app: &App,
    id: AppId,
    before: Option<Install>,
    inspection: &Inspection,
    set: wire::SetInstall,
) -> Result<NewInstall> {
    let before = before.as_ref();
    let manifest = &inspection.manifest;
    let grants = match set.grants {
        Some(grants) => host_by_host(manifest, grants),
        // A version that asks for less than the one before it gets no more than it asks for.
        None => before
            .map(|row| row.grants.0.clone())
            .unwrap_or_default()
            .into_iter()
            .filter(|name| asks_for(manifest, name))
            .collect(),
    };
    check_grants(inspection, &grants)?;
    let config = match &set.config {
        Some(raw) => valid::object("config", raw, app.config.limits.data_bytes_max)?,
        None => before.map_or_else(|| "{}".into(), |row| row.config.clone()),
    };
    let mut sealed =
        before.map_or_else(|| Ok(Sealed::default()), |row| Sealed::stored(&row.secrets))?;
    let settings = check_config(manifest, &config, &sealed)?;
    let cleared: Vec<String> = settings
        .secrets
        .iter()
        .filter(|(_, secret)| secret.is_none())
        .map(|(name, _)| name.clone())
        .collect();
    let plugin = manifest.name.as_str();
    sealed.change(app, Whose { app: id, plugin }, manifest, settings.secrets)?;
    let on_fault = set
        .on_fault
        .or(before.map(|row| OnFault::stored(&row.on_fault)))
        .unwrap_or_default();
    let digest = inspection.digest.to_string();
    let previous = match before {
        Some(row) if row.digest != digest => Some(Previous {
            digest: row.digest.clone(),
            grants: row.grants.0.clone(),
            config: row.config.clone(),
            secrets: row.secrets.clone(),
            replaced_at: app.clock.now(),
        }),
        before => before.and_then(quarantine::previous),
    };
    let previous = previous.map(|previous| without(previous, &cleared));
    Ok(NewInstall {
        name: manifest.name.clone(),
        digest,
        previous: previous.transpose()?,
        enabled: set
            .enabled
            .or(before.map(|row| row.enabled))
            .unwrap_or(true),
        grants: Texts(grants),
        config: settings.plain.to_string(),
        secrets: sealed.to_json()?,
        place: set.order.or(before.map(|row| row.place)).unwrap_or(100),
        on_fault: on_fault.as_str().to_owned(),
    })
}

/// The version before as it is stored, without secrets that somebody has cleared since.
fn without(mut previous: Previous, cleared: &[String]) -> Result<String> {
    let mut sealed = Sealed::stored(&previous.secrets)?;
    sealed.forget(cleared);
    previous.secrets = sealed.to_json()?;
    serde_json::to_string(&previous).map_err(Error::internal)
}

/// The grants with a grant for each host in place of `http`: what a later version asks for on top is
/// not granted by it.
fn host_by_host(manifest: &Manifest, grants: Vec<String>) -> Vec<String> {
    let mut settled: Vec<String> = Vec::new();
    for grant in grants {
        let some = match manifest.request(Permission::Http) {
            Some(asked) if grant == Permission::Http.name() => {
                let hosts = asked.hosts.iter();
                hosts.map(|host| format!("{HOST_GRANT}{host}")).collect()
            }
            _ => vec![grant],
        };
        for grant in some {
            if !settled.contains(&grant) {
                settled.push(grant);
            }
        }
    }
    settled
}

fn asks_for(manifest: &Manifest, grant: &str) -> bool {
    manifest
        .permissions
        .iter()
        .any(|asked| match grant.strip_prefix(HOST_GRANT) {
            Some(host) => asked.hosts.iter().any(|asked| asked == host),
            None => asked.name.name() == grant,
        })
}

fn granted(names: &[String]) -> Result<Grants> {
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

fn check_grants(inspection: &Inspection, names: &[String]) -> Result<()> {
    let given = granted(names)?;
    if let Some(extra) = names
        .iter()
        .find(|name| !asks_for(&inspection.manifest, name))
    {
        let message = format!("the plugin does not ask for `{extra}`");
        return Err(Error::invalid("grants", message));
    }
    let missing = inspection.needed.without(given);
    if !missing.is_empty() {
        let names: Vec<_> = missing
            .iter()
            .map(|permission| format!("`{}`", permission.name()))
            .collect();
        let detail = format!(
            "The plugin needs {}, which it was not granted.",
            names.join(", ")
        );
        return Err(Error::new(Code::GrantMissing, detail));
    }
    Ok(())
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

/// Two plugins of an app can't have the same command or kind.
fn check_names(app: &App, id: AppId, name: &str, inspection: &Inspection) -> Result<()> {
    let loadout = app.loadout(id);
    for command in &inspection.manifest.commands {
        if let Some(other) = loadout
            .commands
            .get(&command.name)
            .filter(|other| &*other.name != name)
        {
            let detail = format!(
                "The plugin `{}` has a command `{}` already.",
                other.name, command.name
            );
            return Err(Error::new(Code::Conflict, detail));
        }
    }
    for kind in &inspection.manifest.kinds {
        if let Some(other) = loadout
            .kinds
            .get(&kind.name)
            .filter(|other| &*other.name != name)
        {
            let detail = format!(
                "The plugin `{}` has a message kind `{}` already.",
                other.name, kind.name
            );
            return Err(Error::new(Code::Conflict, detail));
        }
    }
    Ok(())
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
    load_app(app, backend.tenant().app()).await
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
        load_app(app, id).await?;
    }
    Ok(())
}

/// Puts an app's installs as they stand in the store into use.
pub(super) async fn load_app(app: &Arc<App>, id: AppId) -> Result<()> {
    let backend = access::host(id);
    let before = app.loadout(id);
    let mut loadout = Loadout::default();
    for row in app.store.list_installs(backend.tenant()).await? {
        let log = before.logs.get(&row.name).cloned().unwrap_or_else(|| {
            Arc::new(PluginLog::new(app.config.plugins.log_lines_kept as usize))
        });
        loadout.logs.insert(row.name.clone(), log);
        let consumption = before.consumption.get(&row.name).cloned();
        let consumption = consumption.unwrap_or_default();
        loadout.consumption.insert(row.name.clone(), consumption);
        if !row.enabled {
            continue;
        }
        let installed = Arc::new(load(app, &backend, row, &loadout, &before).await?);
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

async fn load(
    app: &Arc<App>,
    backend: &Backend,
    row: Install,
    loadout: &Loadout,
    before: &Loadout,
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
        log: loadout.logs.get(&row.name).cloned().unwrap_or_default(),
        consumption: loadout
            .consumption
            .get(&row.name)
            .cloned()
            .unwrap_or_default(),
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

fn bot_of(name: &str) -> UserId {
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
        exports: inspection
            .hooks
            .iter()
            .map(|hook| hook.name().to_owned())
            .collect(),
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
        config_schema: serde_json::Value::Object(manifest.config.clone()),
        bytes: inspection.bytes,
    }
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
        Permission::Http => {
            "Send what it knows to the hosts named, with the secrets that you enter for them."
        }
    }
}
