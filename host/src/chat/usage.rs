//! What plugins take: for the tenant who runs one, and for those who watch the host.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::access::{self, Caller};
use super::handlers;
use super::plugins::find_install;
use crate::app::App;
use crate::error::{Error, Result};
use crate::metrics::{Consumption, HookConsumption, OfInstall};
use crate::plugins::{self, Figure};
use crate::wire;

/// Log entries that are looked at for events that wait.
const WAITING_MAX: i64 = 1000;

/// What the calls of a plugin took since the host started, for each hook, and what it counts itself.
pub async fn of_plugin(app: &App, caller: &Caller, name: &str) -> Result<wire::PluginUsage> {
    let backend = access::backend(caller)?;
    if app.store.list_versions(&backend, name).await?.is_empty() {
        return Err(Error::not_found("plugin"));
    }
    let loadout = app.loadout(backend.tenant().app());
    let consumption = loadout.consumption.get(name).cloned().unwrap_or_default();
    let of = |counter: &AtomicU64| counter.load(Relaxed);
    let hook = |(hook, took): (plugins::Hook, &HookConsumption)| wire::HookUsage {
        hook: hook.name(),
        calls: of(&took.calls),
        faults: took.faults(),
        cpu_us: of(&took.cpu_us),
        wall_us: of(&took.wall_us),
        host_calls: of(&took.host_calls),
        memory_peak_bytes: of(&took.memory_peak_bytes),
    };
    let row = find_install(app, &backend, name).await?;
    let mut events_waiting = 0;
    let running = loadout.installs.iter().find(|known| &*known.name == name);
    if let (Some(row), Some(installed)) = (&row, running) {
        let log = app
            .store
            .list_log(&backend, row.cursor, WAITING_MAX)
            .await?;
        let wanted = log.iter().filter(|event| handlers::wants(installed, event));
        events_waiting = wanted.count();
    }
    let figures = row.map(|row| app.engine.figures(&row.id.to_string()).all());
    let figure = |(name, figure)| match figure {
        Figure::Counter(count) => wire::OwnFigure {
            name,
            kind: "counter",
            value: i64::try_from(count).unwrap_or(i64::MAX),
        },
        Figure::Gauge(value) => wire::OwnFigure {
            name,
            kind: "gauge",
            value,
        },
    };
    Ok(wire::PluginUsage {
        hooks: consumption.hooks().map(hook).collect(),
        figures: figures
            .unwrap_or_default()
            .into_iter()
            .map(figure)
            .collect(),
        events_waiting,
    })
}

/// Those installs of all apps that took most CPU time, as many as the config lets be told of.
pub fn of_installs(app: &App) -> Vec<OfInstall> {
    let loadouts = app.loadouts();
    let mut installs: Vec<_> = loadouts
        .iter()
        .flat_map(|(id, loadout)| loadout.installs.iter().map(move |install| (id, install)))
        .collect();
    installs.sort_by_cached_key(|(_, install)| Reverse(cpu_us(&install.consumption)));
    installs.truncate(app.config.plugins.metrics_installs_max as usize);
    installs
        .into_iter()
        .map(|(id, install)| OfInstall {
            app: id.to_string(),
            plugin: install.row.name.clone(),
            consumption: install.consumption.clone(),
            own: app.engine.figures(&install.row.id.to_string()).all(),
        })
        .collect()
}

fn cpu_us(consumption: &Consumption) -> u64 {
    let hooks = consumption.hooks();
    hooks.map(|(_, took)| took.cpu_us.load(Relaxed)).sum()
}
