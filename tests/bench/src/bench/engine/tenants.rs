//! Calls in a second on all cores, of few tenants and of many, each with three guards of its own. They
//! should not fall with the tenants.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use althing::plugins::{Install, Limits};
use anyhow::{Context as _, Result, anyhow};

use super::super::report::{Row, Target};
use super::super::run::Options;
use super::super::{Report, Samples};
use super::stage::{Stage, component};
use crate::component::{numbered, with};

/// Guards of each tenant.
const PLUGINS: usize = 3;
/// The most tenants.
const TENANTS_MAX: usize = 100;
/// Calls under way for each core.
const PER_CORE: usize = 4;

/// Measures.
///
/// # Errors
/// The guest is not there, or a call ends in a fault.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let stage = Arc::new(Stage::new(Limits::default())?);
    let guard = component(options, "small-guard")?;
    // Tenants share the code of what they share.
    let mut shared = Vec::new();
    for place in 0..PLUGINS {
        shared.push(stage.link(&numbered(&guard, "small-guard", place)?).await?);
    }
    let install = |n: usize| stage.install(&shared[n % PLUGINS], n / PLUGINS, n % PLUGINS);
    let all: Arc<[Install]> = (0..TENANTS_MAX * PLUGINS).map(install).collect();
    // And some have code that nobody else has.
    let mut own = Vec::new();
    for n in 0..TENANTS_MAX * PLUGINS {
        let name = numbered(&guard, "small-guard", n % PLUGINS)?;
        let version = format!("version = \"{}.{}.{}\"", n / 100, n / 10 % 10, n % 10);
        let component = with(&name, "version = \"0.1.0\"", &version)?;
        let linked = stage.link(&component).await?;
        own.push(stage.install(&linked, TENANTS_MAX + n / PLUGINS, n % PLUGINS));
    }
    let own: Arc<[Install]> = own.into();
    let cases = [
        (1, &all),
        (10, &all),
        (TENANTS_MAX, &all),
        (TENANTS_MAX, &own),
    ];
    let mut rates: [Samples; 4] = Default::default();
    for _ in 0..options.rounds {
        for ((tenants, installs), rate) in cases.into_iter().zip(&mut rates) {
            let (stage, installs) = (stage.clone(), installs.clone());
            let window = options.window / 2;
            // The driver's own thread has nothing else to do meanwhile.
            let calls = thread::spawn(move || calls(&stage, &installs, tenants, window)).join();
            rate.add(calls.map_err(|_| anyhow!("a thread panicked"))??);
        }
    }
    let [one, ten, hundred, own] = rates;
    let name = format!("calls on all cores, 1 tenant with {PLUGINS} guards");
    report.add(Row::alone(name, "a second", one.clone()));
    for (name, rate) in [
        ("  10 tenants, to 1", ten),
        ("  100 tenants, to 1", hundred),
    ] {
        let row = Row::beside(name, "a second", rate, one.clone());
        report.add(row.with_target(Target::AtLeast(0.9)));
    }
    let name = "  100 tenants whose code is all their own, to 1";
    report.add(Row::beside(name, "a second", own, one));
    Ok(())
}

/// Calls in a second when each core has some under way all the time, of each tenant in turn.
fn calls(
    stage: &Arc<Stage>,
    installs: &Arc<[Install]>,
    tenants: usize,
    window: Duration,
) -> Result<f64> {
    let cores = thread::available_parallelism()?.get();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores)
        .enable_time()
        .build()?;
    let (next, stop) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let made = Arc::new(AtomicU64::new(0));
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..cores * PER_CORE {
            let (stage, installs) = (stage.clone(), installs.clone());
            let (next, stop, made) = (next.clone(), stop.clone(), made.clone());
            tasks.push(tokio::spawn(async move {
                while !stop.load(Relaxed) {
                    let at = next.fetch_add(1, Relaxed) % (tenants * PLUGINS);
                    stage.guard(&installs[at]).await?;
                    made.fetch_add(1, Relaxed);
                    tokio::task::yield_now().await;
                }
                anyhow::Ok(())
            }));
        }
        tokio::time::sleep(window / 5).await;
        let (began, first) = (Instant::now(), made.load(Relaxed));
        tokio::time::sleep(window).await;
        let rate = (made.load(Relaxed) - first) as f64 / began.elapsed().as_secs_f64();
        stop.store(true, Relaxed);
        for task in tasks {
            task.await.context("a task panicked")??;
        }
        Ok(rate)
    })
}
