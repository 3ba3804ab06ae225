//! The figures of single installs, put together when somebody asks for them: what their calls took,
//! and what they count themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::consumption::Consumption;
use crate::plugins::Figure;

/// What there is to tell of a plugin in an app.
pub struct OfInstall {
    /// The app's id.
    pub app: String,
    /// The plugin's name.
    pub plugin: String,
    /// What its calls took.
    pub consumption: Arc<Consumption>,
    /// What it counts itself.
    pub own: BTreeMap<String, Figure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfHook {
    app: String,
    plugin: String,
    hook: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFault {
    app: String,
    plugin: String,
    hook: &'static str,
    fault: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Own {
    app: String,
    plugin: String,
    name: String,
}

type Seconds = Counter<f64, AtomicU64>;

/// Everything there is of these, to be encoded once.
pub(super) fn registry(installs: &[OfInstall]) -> Registry {
    let calls = Family::<OfHook, Counter>::default();
    let cpu = Family::<OfHook, Seconds>::default();
    let time = Family::<OfHook, Seconds>::default();
    let host_calls = Family::<OfHook, Counter>::default();
    let memory = Family::<OfHook, Gauge<i64, AtomicI64>>::default();
    let faults = Family::<OfFault, Counter>::default();
    let counters = Family::<Own, Counter>::default();
    let gauges = Family::<Own, Gauge>::default();
    for install in installs {
        let (app, plugin) = (&install.app, &install.plugin);
        for (hook, took) in install.consumption.hooks() {
            let hook = hook.name();
            let of = OfHook {
                app: app.clone(),
                plugin: plugin.clone(),
                hook,
            };
            let seconds = |us: &AtomicU64| us.load(Relaxed) as f64 / 1e6;
            calls.get_or_create(&of).inc_by(took.calls.load(Relaxed));
            cpu.get_or_create(&of).inc_by(seconds(&took.cpu_us));
            time.get_or_create(&of).inc_by(seconds(&took.wall_us));
            host_calls
                .get_or_create(&of)
                .inc_by(took.host_calls.load(Relaxed));
            let peak = i64::try_from(took.memory_peak_bytes.load(Relaxed)).unwrap_or(i64::MAX);
            memory.get_or_create(&of).set(peak);
            for (fault, count) in took.faults() {
                let (app, plugin) = (app.clone(), plugin.clone());
                let of = OfFault {
                    app,
                    plugin,
                    hook,
                    fault,
                };
                faults.get_or_create(&of).inc_by(count);
            }
        }
        for (name, figure) in &install.own {
            let of = Own {
                app: app.clone(),
                plugin: plugin.clone(),
                name: name.clone(),
            };
            match figure {
                Figure::Counter(count) => drop(counters.get_or_create(&of).inc_by(*count)),
                Figure::Gauge(value) => drop(gauges.get_or_create(&of).set(*value)),
            }
        }
    }
    let mut all = Registry::with_prefix("althing_install");
    all.register("calls", "Calls of a plugin in an app", calls);
    all.register_with_unit("cpu", "CPU time of its calls", Unit::Seconds, cpu);
    all.register_with_unit(
        "call",
        "Time of its calls, with all waiting",
        Unit::Seconds,
        time,
    );
    all.register("host_calls", "Host functions that it called", host_calls);
    all.register_with_unit(
        "memory_peak",
        "The most memory that one call took",
        Unit::Bytes,
        memory,
    );
    all.register("faults", "Its calls that failed", faults);
    all.register("own_count", "What it counts itself", counters);
    all.register("own_value", "Values that it sets itself", gauges);
    all
}
