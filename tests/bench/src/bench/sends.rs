//! Durable sends: how many are acknowledged in a second, beside a loop that only commits.

use anyhow::{Context as _, Result, ensure};

use super::report::{Row, Target};
use super::run::{Options, Scene};
use super::senders::Senders;
use super::{Report, Samples};
use crate::floor::commit::Rate;

/// How many messages are under way at once.
const IN_FLIGHT: [usize; 3] = [1, 64, 512];
/// Users; with more messages than that under way, each has several.
const USERS: usize = 64;

/// Sends on SQLite beside the floor.
///
/// # Errors
/// The host or the floor fails.
pub async fn on_sqlite(options: &Options, report: &mut Report) -> Result<()> {
    let scene = Scene::start(options, "sends", |launch| launch).await?;
    let mut senders = Senders::open(&scene.app().await?, USERS).await?;
    let file = scene.folder().join("floor.db");
    let mut host: [(Samples, Samples); 3] = Default::default();
    let mut floor: [(Samples, Samples); 3] = Default::default();
    for _ in 0..options.rounds {
        for (n, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            let arguments = [
                "commit",
                "--file",
                &file.to_string_lossy(),
                "--in-flight",
                &in_flight.to_string(),
            ];
            // Nothing else is to be done meanwhile.
            let output = options
                .floor(&arguments)
                .output()
                .context("can't run the floor")?;
            ensure!(
                output.status.success(),
                "the floor: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            add(&mut floor[n], serde_json::from_slice(&output.stdout)?);
            add(
                &mut host[n],
                senders
                    .load(&scene.process, in_flight, options.warm_up, options.window)
                    .await?,
            );
        }
    }
    for (in_flight, (host, floor)) in IN_FLIGHT.into_iter().zip(host.into_iter().zip(floor)) {
        let row = Row::beside(
            format!("durable sends, SQLite, {in_flight} in flight"),
            "a second",
            host.0,
            floor.0,
        );
        report.add(if in_flight == 64 {
            row.with_target(Target::AtLeast(0.5))
        } else {
            row
        });
        report.add(Row::beside(
            format!("  CPU of each, {in_flight} in flight"),
            "µs",
            host.1,
            floor.1,
        ));
    }
    Ok(())
}

/// Sends on Postgres, in a database of its own.
///
/// # Errors
/// The host or the database fails.
pub async fn on_postgres(options: &Options, server: &str, report: &mut Report) -> Result<()> {
    let database = crate::postgres::Database::create(server, "althing_bench").await?;
    let scene = Scene::start(options, "postgres", |launch| {
        launch.set("STORE__URL", &database.url)
    })
    .await?;
    let mut senders = Senders::open(&scene.app().await?, USERS).await?;
    let mut host: [(Samples, Samples); 3] = Default::default();
    for _ in 0..options.rounds {
        for (n, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            add(
                &mut host[n],
                senders
                    .load(&scene.process, in_flight, options.warm_up, options.window)
                    .await?,
            );
        }
    }
    for (in_flight, host) in IN_FLIGHT.into_iter().zip(host) {
        report.add(Row::alone(
            format!("durable sends, Postgres, {in_flight} in flight"),
            "a second",
            host.0,
        ));
        report.add(Row::alone(
            format!("  CPU of each in the host, {in_flight} in flight"),
            "µs",
            host.1,
        ));
    }
    drop(senders);
    drop(scene);
    database.drop().await
}

fn add((rates, cpu): &mut (Samples, Samples), rate: Rate) {
    rates.add(rate.per_second);
    cpu.add(rate.cpu_us);
}
