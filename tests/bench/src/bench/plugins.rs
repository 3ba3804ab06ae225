//! What guards cost: the same load on three apps of one host, one without plugins, one with a guard
//! that does nothing, one with moderation as a tenant would set it up.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::report::{Row, Target};
use super::run::{Options, Scene};
use super::senders::Senders;
use super::{Report, Samples};
use crate::client::{Component, Rest};
use crate::component;

/// Messages under way, one for each user.
const IN_FLIGHT: usize = 64;

/// Measures.
///
/// # Errors
/// The host fails, or the components are not there.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let scene = Scene::start(options, "plugins", |launch| launch).await?;
    let mut without = Senders::open(&scene.app().await?, IN_FLIGHT).await?;
    let mut noop = with(
        &scene,
        &options.plugins.join("noop-guard.wasm"),
        &[],
        json!({}),
    )
    .await?;
    let mut moderated = with(
        &scene,
        &options.plugins.join("moderation.wasm"),
        &["counters"],
        moderation(),
    )
    .await?;
    let mut rates: [Samples; 3] = Default::default();
    let mut cpu: [Samples; 3] = Default::default();
    let mut guards: [Samples; 3] = Default::default();
    for _ in 0..options.rounds {
        for (n, senders) in [&mut without, &mut noop, &mut moderated]
            .into_iter()
            .enumerate()
        {
            let before = Calls::read(&scene).await?;
            let rate = senders
                .load(&scene.process, IN_FLIGHT, options.warm_up, options.window)
                .await?;
            let after = Calls::read(&scene).await?;
            rates[n].add(rate.per_second);
            cpu[n].add(rate.cpu_us);
            guards[n]
                .add((after.cpu_seconds - before.cpu_seconds) / (after.calls - before.calls) * 1e6);
        }
    }
    let [rate, noop_rate, moderated_rate] = rates;
    let [cpu, noop_cpu, moderated_cpu] = cpu;
    let [_, noop_guard, moderated_guard] = guards;
    report.add(Row::alone(
        "sends without plugins, 64 in flight",
        "a second",
        rate.clone(),
    ));
    report.add(Row::beside(
        "  with a guard that does nothing, to without",
        "a second",
        noop_rate,
        rate.clone(),
    ));
    let row = Row::beside(
        "  with moderation, to without",
        "a second",
        moderated_rate,
        rate,
    );
    report.add(row.with_target(Target::AtLeast(0.85)));
    report.add(Row::beside(
        "CPU of a send, guard that does nothing",
        "µs",
        noop_cpu,
        cpu.clone(),
    ));
    report.add(Row::beside(
        "CPU of a send, moderation",
        "µs",
        moderated_cpu,
        cpu,
    ));
    let row = Row::alone("CPU of a call, guard that does nothing", "µs", noop_guard);
    report.add(row.with_target(Target::AtMost(40.0)));
    report.add(Row::alone(
        "CPU of a call, moderation",
        "µs",
        moderated_guard,
    ));
    Ok(())
}

async fn with(scene: &Scene, file: &Path, grants: &[&str], config: Value) -> Result<Senders> {
    let app = scene.app().await?;
    app.enable(&Component {
        bytes: &component::read(file)?,
        grants,
        config,
    })
    .await?;
    Senders::open(&app, IN_FLIGHT).await
}

/// Word lists and links as many a community has them. Floods are counted, but the limit is one that
/// this load does not reach.
fn moderation() -> Value {
    let masked = [
        "darn", "dang", "heck", "blast", "crud", "frick", "bollocks", "bugger", "sod", "git",
    ];
    let refused = [
        "wire transfer",
        "free crypto",
        "double your money",
        "seed phrase",
        "gift card code",
    ];
    json!({
        "words": [
            { "name": "mild", "words": masked, "action": "mask" },
            { "name": "scams", "words": refused, "action": "reject" },
        ],
        "links": "allow_listed",
        "link_domains": ["example.com", "wikipedia.org"],
        "flood_messages": 1000,
        "flood_seconds": 1,
    })
}

/// What the host counts of all plugin calls.
pub struct Calls {
    pub calls: f64,
    cpu_seconds: f64,
}

impl Calls {
    /// Reads the host's metrics.
    ///
    /// # Errors
    /// They are not there.
    pub async fn read(scene: &Scene) -> Result<Self> {
        let metrics = Rest::new(scene.process.address, "")
            .ask("GET", "/metrics", None)
            .await?
            .text;
        let sum = |name: &str| -> Result<f64> {
            let lines = metrics.lines().filter(|line| line.starts_with(name));
            let values =
                lines.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<f64>());
            values
                .sum::<Result<f64, _>>()
                .with_context(|| format!("{name} in the host's metrics"))
        };
        Ok(Self {
            calls: sum("althing_plugin_calls_total")?,
            cpu_seconds: sum("althing_plugin_cpu_seconds_total")?,
        })
    }
}
