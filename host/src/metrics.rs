//! What the host counts, for Prometheus. Labels that a tenant chooses, such as the names of plugins,
//! only for so many installs: their number must not grow with use.

mod consumption;
mod installs;

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::hub::Close;
use crate::plugins::Usage;

pub use consumption::{Consumption, HookConsumption};
pub use installs::OfInstall;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginCall {
    hook: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Recovered {
    recovered: &'static str,
}

/// All figures of one host.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    request_seconds: Histogram,
    socket_requests: Counter,
    sockets: Gauge,
    closes: Family<Reason, Counter>,
    events: Counter,
    batch_events: Histogram,
    catchups: Family<Recovered, Counter>,
    plugin_calls: Family<PluginCall, Counter>,
    plugin_cpu_seconds: Counter<f64, AtomicU64>,
    plugin_seconds: Histogram,
    events_given_up: Counter,
    plugin_quarantines: Counter,
    plugin_rests: Counter,
    decisions_lost: Counter,
    plugin_http_requests: Family<Outcome, Counter>,
    plugin_shadow_calls: Family<Outcome, Counter>,
    plugin_compiles_waiting: Gauge,
    plugin_apps_loading: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::with_prefix("althing");
        let metrics = Self {
            requests: Family::default(),
            request_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 16)),
            socket_requests: Counter::default(),
            sockets: Gauge::default(),
            closes: Family::default(),
            events: Counter::default(),
            batch_events: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            catchups: Family::default(),
            plugin_calls: Family::default(),
            plugin_cpu_seconds: Counter::default(),
            plugin_seconds: Histogram::new(exponential_buckets(0.000_01, 2.0, 20)),
            events_given_up: Counter::default(),
            plugin_quarantines: Counter::default(),
            plugin_rests: Counter::default(),
            decisions_lost: Counter::default(),
            plugin_http_requests: Family::default(),
            plugin_shadow_calls: Family::default(),
            plugin_compiles_waiting: Gauge::default(),
            plugin_apps_loading: Gauge::default(),
            registry: Registry::default(),
        };
        all.register(
            "http_requests",
            "Requests answered",
            metrics.requests.clone(),
        );
        all.register_with_unit(
            "http_request",
            "Time to answer",
            Unit::Seconds,
            metrics.request_seconds.clone(),
        );
        all.register(
            "socket_requests",
            "Requests that came over sockets",
            metrics.socket_requests.clone(),
        );
        all.register("sockets", "Sockets that are open", metrics.sockets.clone());
        all.register(
            "socket_closes",
            "Sockets that the host closed",
            metrics.closes.clone(),
        );
        all.register("events", "Log entries stored", metrics.events.clone());
        all.register(
            "commit_events",
            "Log entries in one transaction",
            metrics.batch_events.clone(),
        );
        all.register(
            "catchups",
            "Reconnects that asked for what they missed",
            metrics.catchups.clone(),
        );
        all.register("plugin_calls", "Plugin calls", metrics.plugin_calls.clone());
        all.register_with_unit(
            "plugin_cpu",
            "CPU time of plugin calls",
            Unit::Seconds,
            metrics.plugin_cpu_seconds.clone(),
        );
        all.register_with_unit(
            "plugin_call",
            "Time of plugin calls",
            Unit::Seconds,
            metrics.plugin_seconds.clone(),
        );
        all.register(
            "plugin_decisions_lost",
            "Decisions of plugins that came too fast to be kept",
            metrics.decisions_lost.clone(),
        );
        all.register(
            "plugin_quarantines",
            "Hooks of plugins put out of use because they failed again and again",
            metrics.plugin_quarantines.clone(),
        );
        all.register(
            "plugin_rests",
            "Events, timers and requests of plugins that had to wait, since the plugins of their app had written as much as they may",
            metrics.plugin_rests.clone(),
        );
        all.register(
            "plugin_events_given_up",
            "Events that a plugin failed on for good",
            metrics.events_given_up.clone(),
        );
        all.register(
            "plugin_http_requests",
            "Requests that plugins sent to the outside",
            metrics.plugin_http_requests.clone(),
        );
        all.register(
            "plugin_shadow_calls",
            "Calls of plugins that were to be made again by a shadow version",
            metrics.plugin_shadow_calls.clone(),
        );
        all.register(
            "plugin_compiles_waiting",
            "Components that wait to be compiled",
            metrics.plugin_compiles_waiting.clone(),
        );
        all.register(
            "plugin_apps_loading",
            "Apps whose plugins are not loaded yet",
            metrics.plugin_apps_loading.clone(),
        );
        Self {
            registry: all,
            ..metrics
        }
    }
}

impl Metrics {
    /// An answered request. `route` is the route's pattern, never the path.
    pub fn request(&self, method: &str, route: &str, status: u16, seconds: f64) {
        self.requests
            .get_or_create(&Request {
                method: method.into(),
                route: route.into(),
                status,
            })
            .inc();
        self.request_seconds.observe(seconds);
    }

    /// A request on a socket.
    pub fn socket_request(&self) {
        self.socket_requests.inc();
    }

    /// A socket was opened; the guard counts it out again.
    pub fn socket_opened(&self) -> OpenSocket {
        self.sockets.inc();
        OpenSocket(self.sockets.clone())
    }

    /// How many components wait to be compiled, and how many apps for their plugins.
    pub fn plugins_waiting(&self, components: usize, apps: usize) {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.plugin_compiles_waiting.set(count(components));
        self.plugin_apps_loading.set(count(apps));
    }

    /// How many sockets are open.
    pub fn sockets(&self) -> i64 {
        self.sockets.get()
    }

    /// The host closed a socket.
    pub fn closed(&self, close: Close) {
        self.closes
            .get_or_create(&Reason {
                reason: close.reason,
            })
            .inc();
    }

    /// A batch was committed.
    pub fn published(&self, events: usize) {
        self.events.inc_by(events as u64);
        self.batch_events.observe(events as f64);
    }

    /// Somebody came back and asked for what it missed.
    pub fn catchups(&self, recovered: bool) {
        self.catchups
            .get_or_create(&Recovered {
                recovered: if recovered { "true" } else { "false" },
            })
            .inc();
    }

    /// A plugin call is over.
    pub fn plugin_call(&self, hook: &'static str, outcome: &'static str, usage: &Usage) {
        self.plugin_calls
            .get_or_create(&PluginCall { hook, outcome })
            .inc();
        self.plugin_cpu_seconds.inc_by(usage.cpu_us as f64 / 1e6);
        self.plugin_seconds.observe(usage.wall_us as f64 / 1e6);
    }

    /// A plugin had to rest, since those of its app had written as much as they may.
    pub fn plugin_rested(&self) {
        self.plugin_rests.inc();
    }

    /// An event was passed over after too many tries.
    pub fn event_given_up(&self) {
        self.events_given_up.inc();
    }

    /// What a plugin decided could not be kept.
    pub fn decision_lost(&self) {
        self.decisions_lost.inc();
    }

    /// A hook of a plugin was put out of use.
    pub fn plugin_quarantined(&self) {
        self.plugin_quarantines.inc();
    }

    /// A plugin's request to the outside is over: `answered`, or why it was not.
    pub fn plugin_http_request(&self, outcome: &'static str) {
        self.plugin_http_requests
            .get_or_create(&Outcome { outcome })
            .inc();
    }

    /// A call of a plugin was made again by a shadow version: `same`, `different`; or `dropped`.
    pub fn plugin_shadow_call(&self, outcome: &'static str) {
        self.plugin_shadow_calls
            .get_or_create(&Outcome { outcome })
            .inc();
    }

    /// Everything in the text format (OpenMetrics 1.0), with the figures of these installs.
    pub fn encode(&self, installs: &[OfInstall]) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode_registry(&mut out, &self.registry);
        let _ = text::encode_registry(&mut out, &installs::registry(installs));
        let _ = text::encode_eof(&mut out);
        out
    }
}

/// Counts a socket out when it is dropped.
#[derive(Debug)]
pub struct OpenSocket(Gauge);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.dec();
    }
}
