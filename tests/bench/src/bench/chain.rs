//! What a chain of guards costs: the same load on two apps of one host, one without plugins, one where
//! three small guards see every message.

use anyhow::Result;
use serde_json::json;

use super::report::{Row, Target};
use super::run::{Options, Scene};
use super::senders::Senders;
use super::{Report, Samples};
use crate::client::Component;
use crate::component;

/// Messages under way, one for each user.
const IN_FLIGHT: usize = 64;
const GUARDS: usize = 3;

/// Measures.
///
/// # Errors
/// The host fails, or the guard is not there.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let guard = component::read(&options.plugins.join("small-guard.wasm"))?;
    // What a plugin's manifest can ask for.
    let kept = component::with(&guard, "keep_instances = false", "keep_instances = true ")?;
    let scene = Scene::start(options, "chain", |launch| launch).await?;
    let mut apps = [
        Senders::open(&scene.app().await?, IN_FLIGHT).await?,
        guarded(&scene, &guard).await?,
        guarded(&scene, &kept).await?,
    ];
    // With many under way the processors are what is short, with one the disk.
    for in_flight in [IN_FLIGHT, 1] {
        let mut rates: [Samples; 3] = Default::default();
        let mut cpu: [Samples; 3] = Default::default();
        for _ in 0..options.rounds {
            for (n, senders) in apps.iter_mut().enumerate() {
                let rate = senders
                    .load(&scene.process, in_flight, options.warm_up, options.window)
                    .await?;
                rates[n].add(rate.per_second);
                cpu[n].add(rate.cpu_us);
            }
        }
        let [rate, rate_with, rate_kept] = rates;
        let [cpu, cpu_with, cpu_kept] = cpu;
        let name = format!("sends with {GUARDS} small guards, {in_flight} in flight, to without");
        let kept = "  in instances that are kept, to without".to_owned();
        for (name, rate_with, cpu_with) in
            [(name, rate_with, cpu_with), (kept, rate_kept, cpu_kept)]
        {
            let row = Row::beside(name, "a second", rate_with, rate.clone());
            report.add(row.with_target(Target::AtLeast(0.9)));
            report.add(Row::beside("  CPU of a send", "µs", cpu_with, cpu.clone()));
        }
    }
    Ok(())
}

/// Users of an app with three guards.
async fn guarded(scene: &Scene, guard: &[u8]) -> Result<Senders> {
    let app = scene.app().await?;
    for n in 0..GUARDS {
        app.enable(&Component {
            bytes: &component::numbered(guard, "small-guard", n)?,
            grants: &[],
            config: json!({}),
        })
        .await?;
    }
    Senders::open(&app, IN_FLIGHT).await
}
