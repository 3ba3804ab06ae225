//! What a quiet tenant feels of a hostile one on the same host, whose plugin loops, traps, allocates,
//! recurses and floods under constant traffic, and whose admin puts it into use again as soon as the
//! host has put it out. The quiet one is measured alone, beside the same traffic and the same changes of the
//! install when the plugin does nothing with it, and beside the hostile one, in turns: messages and changes of
//! others take their part of a disk in any case.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::latency::{Pace, Speaker};
use super::report::{Row, Target};
use super::run::{Options, Scene};
use super::{Report, Samples, percentile};
use crate::client::{App, Component, Frame, Reader, Writer, connect};
use crate::component;

/// What the quiet tenant sends.
const PACE: Pace = Pace { per_second: 200 };
/// The hostile tenant's users.
const HOSTILE: usize = 32;
/// What each of them sends at most: what its plugin does is measured, not a flood of refused requests.
const ORDERS_PER_SECOND: u32 = 20;
/// Every way to take more than is allowed, or all that is. The guard gets each message, and so does the
/// handler of what the guard lets pass.
const ORDERS: [&str; 14] = [
    "loop",
    "spin 3",
    "trap",
    "allocate 48",
    "spin 2",
    "allocate 100",
    "recurse 100000000",
    "calls 900",
    "calls 100000",
    "spin 4",
    "return 60000",
    "return 10000000",
    "logs 100 1000",
    "sends 10",
];
/// Orders nothing.
const PEACEFUL: [&str; 1] = ["good morning"];
/// How often the other tenant's admin puts the plugin into use again.
const AGAIN: Duration = Duration::from_millis(300);
/// For what the hostile tenant has left under way to end.
const REST: Duration = Duration::from_secs(3);
const MIB: f64 = (1 << 20) as f64;

/// Measures.
///
/// # Errors
/// The host fails, or the quiet tenant is refused something.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let guard = component::read(&options.plugins.join("small-guard.wasm"))?;
    let hostile = component::read(&options.plugins.join("hostile.wasm"))?;
    let scene = Scene::start(options, "neighbour", |launch| launch).await?;
    let quiet = scene.app().await?;
    quiet
        .enable(&Component {
            bytes: &guard,
            grants: &[],
            config: json!({}),
        })
        .await?;
    quiet.add_users(&["ann".into()]).await?;
    quiet.add_channel("room", &["ann".into()]).await?;
    let mut ann = Speaker::open(&quiet, "room", "ann").await?;
    let tenant = scene.app().await?;
    let digest = tenant.enable(&all_granted(&hostile)).await?;
    let mut crowd = Crowd::gather(&tenant).await?;
    let mut late: [[Samples; 2]; 3] = Default::default();
    let (mut orders, mut memory) = (Samples::default(), [Samples::default(), Samples::default()]);
    ann.acks(PACE, options.window).await?;
    // The engine keeps some memory for further calls; more than that would show from then on.
    crowd.start(&ORDERS);
    tokio::time::sleep(options.window).await;
    crowd.stop().await?;
    for _ in 0..options.rounds {
        let alone = ann.acks(PACE, options.window).await?;
        crowd.start(&PEACEFUL);
        tokio::time::sleep(options.warm_up).await;
        let peaceful = beside(&mut ann, &tenant, &digest, options.window).await?;
        crowd.stop().await?;
        tokio::time::sleep(REST).await;
        // What is stored is partly in memory, too, whoever wrote it.
        memory[1].add(scene.process.memory_bytes()? as f64 / MIB);
        crowd.start(&ORDERS);
        tokio::time::sleep(options.warm_up).await;
        let first = crowd.answered();
        let hostile = beside(&mut ann, &tenant, &digest, options.window).await?;
        orders.add((crowd.answered() - first) as f64 / options.window.as_secs_f64());
        crowd.stop().await?;
        tokio::time::sleep(REST).await;
        memory[0].add(scene.process.memory_bytes()? as f64 / MIB);
        for (late, mut acks) in late.iter_mut().zip([alone, peaceful, hostile]) {
            late[0].add(percentile(&mut acks, 0.5));
            late[1].add(percentile(&mut acks, 0.99));
        }
    }
    let [alone, peaceful, hostile] = late;
    report.add(Row::alone("orders of a hostile tenant", "a second", orders));
    let row = |name: &str, of: &[Samples; 2], to: &[Samples; 2], n: usize| {
        Row::beside(name, "µs", of[n].clone(), to[n].clone())
    };
    report.add(row(
        "ack beside the same messages, p50, to alone",
        &peaceful,
        &alone,
        0,
    ));
    report.add(row("  p99, to alone", &peaceful, &alone, 1));
    report.add(row(
        "ack beside it, p50, to beside the same messages",
        &hostile,
        &peaceful,
        0,
    ));
    let p99 = row("  p99, to beside the same messages", &hostile, &peaceful, 1);
    report.add(p99.with_target(Target::AtMost(1.2)));
    let [after, before] = memory;
    let row = Row::beside(
        "the host after it, to after the same messages",
        "MiB",
        after,
        before,
    );
    report.add(row.with_target(Target::AtMost(1.1)));
    Ok(())
}

fn all_granted(bytes: &[u8]) -> Component<'_> {
    Component {
        bytes,
        grants: &[
            "kv",
            "counters",
            "chat-read",
            "chat-write",
            "chat-attach",
            "timers",
            "http",
        ],
        config: json!({}),
    }
}

/// The quiet tenant's acknowledgements while the other's admin is busy.
async fn beside(
    ann: &mut Speaker,
    tenant: &App,
    digest: &str,
    window: Duration,
) -> Result<Vec<u32>> {
    let (acks, again) = tokio::join!(ann.acks(PACE, window), put_again(tenant, digest, window));
    again?;
    acks
}

/// Puts the hostile plugin into use again and again, whatever the host has made of it.
async fn put_again(app: &App, digest: &str, window: Duration) -> Result<()> {
    for n in 1..window.as_millis() / AGAIN.as_millis() {
        // Settings that change make it another state of the install, which nothing is known of.
        let set =
            json!({ "digest": digest, "enabled": true, "config": { "check": n.to_string() } });
        app.rest
            .call("PUT", "/v1/plugins/hostile", Some(&set))
            .await?;
        tokio::time::sleep(AGAIN).await;
    }
    Ok(())
}

/// The hostile tenant's users.
struct Crowd {
    idle: Vec<Hostile>,
    busy: JoinSet<Result<Hostile>>,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
}

struct Hostile {
    reader: Reader,
    writer: Writer,
    number: usize,
    sent: usize,
}

impl Crowd {
    async fn gather(app: &App) -> Result<Self> {
        let users: Vec<String> = (0..HOSTILE).map(|n| format!("hostile-{n:02}")).collect();
        app.add_users(&users).await?;
        app.add_channel("den", &users).await?;
        let mut idle = Vec::new();
        for (number, user) in users.iter().enumerate() {
            let (reader, writer, _) = connect(app.rest.address, &app.token(user).await?).await?;
            idle.push(Hostile {
                reader,
                writer,
                number,
                sent: number,
            });
        }
        Ok(Self {
            idle,
            busy: JoinSet::new(),
            stop: Arc::default(),
            answered: Arc::default(),
        })
    }

    fn start(&mut self, orders: &'static [&str]) {
        self.stop.store(false, Relaxed);
        for hostile in self.idle.drain(..) {
            let (stop, answered) = (self.stop.clone(), self.answered.clone());
            self.busy.spawn(hostile.run(orders, stop, answered));
        }
    }

    async fn stop(&mut self) -> Result<()> {
        self.stop.store(true, Relaxed);
        while let Some(hostile) = self.busy.join_next().await {
            self.idle.push(hostile??);
        }
        Ok(())
    }

    /// Orders that came to an end, whatever it was.
    fn answered(&self) -> u64 {
        self.answered.load(Relaxed)
    }
}

impl Hostile {
    async fn run(
        mut self,
        orders: &'static [&str],
        stop: Arc<AtomicBool>,
        answered: Arc<AtomicU64>,
    ) -> Result<Self> {
        let mut pace = tokio::time::interval(Duration::from_secs(1) / ORDERS_PER_SECOND);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.load(Relaxed) {
            pace.tick().await;
            self.sent += 1;
            let order = orders[self.sent % orders.len()];
            let request = json!({ "id": self.sent, "method": "send", "params": {
                "channel_id": "den", "type": "text", "data": order,
                "client_id": format!("{}-{}", self.number, self.sent),
            } });
            self.writer.text(&request.to_string());
            self.writer.flush().await?;
            match self.reader.next().await? {
                Frame::Text(_) => drop(answered.fetch_add(1, Relaxed)),
                other => bail!("the host answered a hostile user with {other:?}"),
            }
        }
        Ok(self)
    }
}
