//! Very many plugins on one host: apps with twenty each, installed over the API as tenants would, each
//! called at least once, and the same after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use super::plugins::Calls;
use super::report::{Row, Target};
use super::run::{Options, Scene};
use super::{Report, Samples};
use crate::client::{App, Component};
use crate::component;

/// Plugins of an app, each another component.
const PLUGINS: usize = 20;
/// As many as the target is about.
const INSTALLS: usize = 20_000;
/// As many for a quick look.
const INSTALLS_QUICK: usize = 2_000;
/// Apps that are busy at once.
const AT_ONCE: usize = 32;
/// What the host may take of them all.
const GIB_MAX: f64 = 4.0;
/// How long a host may take to start with them.
const START_WITHIN: Duration = Duration::from_secs(300);
const GIB: f64 = (1 << 30) as f64;

/// Measures.
///
/// # Errors
/// The host fails, or the guard is not there.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let installs = match options.quick {
        true => INSTALLS_QUICK,
        false => INSTALLS,
    };
    let apps = installs / PLUGINS;
    let guard = component::read(&options.plugins.join("small-guard.wasm"))?;
    let components: Result<Vec<_>> = (0..PLUGINS)
        .map(|n| component::numbered(&guard, "small-guard", n))
        .collect();
    let components = Arc::new(components?);
    let mut scene = Scene::start(options, "installs", |launch| launch).await?;
    let began = Instant::now();
    let made = AtomicUsize::new(0);
    let apps = each(apps, async |_| {
        let app = set_up(&scene, &components).await?;
        let made = made.fetch_add(1, Relaxed) + 1;
        if made.is_multiple_of(100) {
            eprintln!("  … {} installs", made * PLUGINS);
        }
        Ok(app)
    })
    .await?;
    let rate = installs as f64 / began.elapsed().as_secs_f64();
    call_all(&scene, &apps).await?;
    let memory = scene.process.memory_bytes()?;
    let began = Instant::now();
    scene.restart(START_WITHIN).await?;
    let start = began.elapsed();
    let idle = scene.process.memory_bytes()?;
    call_all(&scene, &apps).await?;
    let again = scene.process.memory_bytes()?;
    let one = |value: f64| Samples(vec![value]);
    report.add(Row::alone(
        format!("plugins installed over the API, {installs} in all"),
        "a second",
        one(rate),
    ));
    // A host with none of them takes some hundredths of this.
    let scale = INSTALLS as f64 / installs as f64;
    let how = match options.quick {
        true => format!("the host with {INSTALLS} plugins, scaled up from {installs}"),
        false => format!("the host with {INSTALLS} plugins, each called"),
    };
    let row = Row::alone(how, "GiB", one(memory as f64 * scale / GIB));
    report.add(row.with_target(Target::AtMost(GIB_MAX)));
    for (name, bytes) in [("  restarted", idle), ("  restarted, each called", again)] {
        report.add(Row::alone(name, "GiB", one(bytes as f64 * scale / GIB)));
    }
    let name = format!("start with {installs} plugins");
    report.add(Row::alone(name, "s", one(start.as_secs_f64())));
    Ok(())
}

/// Does something with numbers up to `count`, many at once, and gives what came of it.
async fn each<T>(count: usize, job: impl AsyncFn(usize) -> Result<T>) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let worker = async || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= count {
                return anyhow::Ok(done);
            }
            done.push(job(at).await?);
        }
    };
    let workers = futures_util::future::try_join_all((0..AT_ONCE).map(|_| worker()));
    Ok(workers.await?.into_iter().flatten().collect())
}

/// An app with a channel, a user in it, and all the plugins.
async fn set_up(scene: &Scene, components: &[Vec<u8>]) -> Result<App> {
    let app = scene.app().await?;
    let user = ["ann".to_owned()];
    app.add_users(&user).await?;
    app.add_channel("room", &user).await?;
    for bytes in components {
        app.enable(&Component {
            bytes,
            grants: &[],
            config: json!({}),
        })
        .await?;
    }
    Ok(app)
}

/// Has every plugin judge a message, and makes sure that it did.
async fn call_all(scene: &Scene, apps: &[App]) -> Result<()> {
    let before = Calls::read(scene).await?.calls;
    let message =
        json!({ "channel_id": "room", "as": "ann", "type": "text", "data": "Good morning" });
    each(apps.len(), async |at| {
        let rest = &apps[at].rest;
        rest.call("POST", "/v1/messages", Some(&message)).await
    })
    .await?;
    let calls = Calls::read(scene).await?.calls - before;
    let installs = (apps.len() * PLUGINS) as f64;
    ensure!(calls >= installs, "{calls} calls of {installs} plugins");
    Ok(())
}
