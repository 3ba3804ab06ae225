//! What an install takes that is not called now, an instance that is kept, and the place that a call
//! leaves behind for the next one. By what the kernel counts as this process's own.

use althing::plugins::{Install, Limits};
use anyhow::Result;

use super::super::report::Row;
use super::super::run::Options;
use super::super::{Report, Samples};
use super::stage::{Stage, component, keeping};
use crate::process::memory_bytes;

/// Installs that are weighed.
const INSTALLS: usize = 20_000;
/// Those that are called, each in an instance that is kept.
const KEPT: u32 = 1_000;

/// Weighs them.
///
/// # Errors
/// The guest is not there, or a call ends in a fault.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let weigh = || memory_bytes(std::process::id());
    let stage = Stage::new(Limits {
        kept_instances_max: KEPT,
        ..Limits::default()
    })?;
    let linked = stage
        .link(&keeping(&component(options, "small-guard")?)?)
        .await?;
    let first = stage.install(&linked, 0, 0);
    stage.guard(&first).await?;
    let before = weigh()?;
    let installs: Vec<Install> = (1..=INSTALLS)
        .map(|n| stage.install(&linked, n / 20, n % 20))
        .collect();
    let installed = weigh()?;
    for install in installs.iter().take(KEPT as usize) {
        stage.guard(install).await?;
    }
    let kept = weigh()?;
    drop(installs);
    let kib = |more: u64, less: u64, count: f64| {
        Samples(vec![more.saturating_sub(less) as f64 / count / 1024.0])
    };
    report.add(Row::alone(
        "an install in the engine, not called",
        "KiB",
        kib(installed, before, INSTALLS as f64),
    ));
    report.add(Row::alone(
        "an instance of a small guard, kept",
        "KiB",
        kib(kept, installed, f64::from(KEPT)),
    ));
    Ok(())
}
