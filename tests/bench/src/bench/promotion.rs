//! Another version of a guard takes over while messages come at a steady rate, and goes back again: how
//! long the old one goes on judging, and whether any message is lost, refused or late.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::latency::{Pace, Speaker};
use super::report::{Row, Target};
use super::run::{Options, Scene};
use super::{Report, Samples, percentile};
use crate::client::{App, Component, Frame, Reader, Writer, connect};
use crate::component::{numbered, with};

/// Messages that the guard lets pass.
const PACE: Pace = Pace { per_second: 500 };
/// How long they come for, before and around the change.
const WINDOW: Duration = Duration::from_secs(1);
/// How long after the change's answer the old version may be met at most before we give up.
const PATIENCE: Duration = Duration::from_secs(10);
const PLUGIN: &str = "small-guard-00";

/// A user whose messages ask which build judges them.
struct Prober {
    reader: Reader,
    writer: Writer,
    asked: u64,
}

/// Measures.
///
/// # Errors
/// The host fails, a message is refused, or the other version never judges one.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let scene = Scene::start(options, "promotion", |launch| launch).await?;
    let app = scene.app().await?;
    let first = crate::component::read(&options.plugins.join("small-guard.wasm"))?;
    let second = numbered(&first, "stamp", 1)?;
    let second = with(&second, "version = \"0.1.0\"", "version = \"0.2.0\"")?;
    app.enable(&Component {
        bytes: &first,
        grants: &[],
        config: json!({}),
    })
    .await?;
    let uploaded = app.upload(&second).await?;
    let users = ["steady".to_owned(), "prober".to_owned()];
    app.add_users(&users).await?;
    app.add_channel("room", &users).await?;
    let mut steady = Speaker::open(&app, "room", "steady").await?;
    let mut prober = Prober::open(&app).await?;
    let (mut promoted, mut rolled_back) = (Samples::default(), Samples::default());
    let (mut before, mut during) = (Samples::default(), Samples::default());
    for round in 0..options.rounds {
        let canary = json!({ "digest": uploaded["digest"], "mode": "canary", "percent": 1 });
        let path = format!("/v1/plugins/{PLUGIN}/rollout");
        app.rest.call("PUT", &path, Some(&canary)).await?;
        for (change, stamp, taken) in [
            ("rollout/promote", "stamp-01", &mut promoted),
            ("rollback", "stamp-00", &mut rolled_back),
        ] {
            let mut late_us = steady.acks(PACE, WINDOW).await?;
            before.add(percentile(&mut late_us, 0.99));
            let path = format!("/v1/plugins/{PLUGIN}/{change}");
            let (late_us, after) =
                tokio::join!(steady.acks(PACE, WINDOW), prober.watch(&app, &path, stamp));
            during.add(percentile(&mut late_us?, 0.99));
            taken.add(after.with_context(|| format!("{change}, round {round}"))?);
        }
    }
    for (name, taken) in [
        ("after a promotion the old version judges for", promoted),
        ("after a rollback the newer version judges for", rolled_back),
    ] {
        let row = Row::alone(name, "ms", taken);
        report.add(row.with_target(Target::AtMost(1000.0)));
    }
    let rate = PACE.per_second;
    let name = format!("ack at {rate} sends a second, p99 around a change, to before");
    report.add(Row::beside(name, "µs", during, before));
    // Each of them was acknowledged, or we would not be here.
    Ok(())
}

impl Prober {
    async fn open(app: &App) -> Result<Self> {
        let (reader, writer, _) = connect(app.rest.address, &app.token("prober").await?).await?;
        Ok(Self {
            reader,
            writer,
            asked: 0,
        })
    }

    /// Makes the change amid the messages, and gives for how many milliseconds after its answer messages
    /// were still judged by the version before it.
    async fn watch(&mut self, app: &App, path: &str, stamp: &str) -> Result<f64> {
        tokio::time::sleep(WINDOW / 4).await;
        let changed = async {
            app.rest.call("POST", path, None).await?;
            anyhow::Ok(Instant::now())
        };
        // Asked all the time, so that nothing of the change is missed.
        tokio::pin!(changed);
        let answered = loop {
            tokio::select! {
                at = &mut changed => break at?,
                build = self.ask() => drop(build?),
            }
        };
        loop {
            let sent = Instant::now();
            if self.ask().await? == stamp {
                return Ok((sent - answered).as_secs_f64() * 1e3);
            }
            ensure!(
                answered.elapsed() < PATIENCE,
                "messages are judged by the version before {} s after the change",
                PATIENCE.as_secs()
            );
        }
    }

    /// Which build judges a message now.
    async fn ask(&mut self) -> Result<String> {
        self.asked += 1;
        let request = json!({ "id": self.asked, "method": "send", "params": {
            "channel_id": "room", "type": "text", "data": "which build?",
        } });
        self.writer.text(&request.to_string());
        self.writer.flush().await?;
        loop {
            // An answer to a question whose asker went away comes first.
            let Frame::Text(text) = self.reader.next().await? else {
                bail!("the host closed the prober's socket");
            };
            let answer: Value = serde_json::from_slice(&text)?;
            if answer["id"] == self.asked {
                let detail = answer["error"]["detail"].as_str();
                return Ok(detail.with_context(|| answer.to_string())?.to_owned());
            }
        }
    }
}
