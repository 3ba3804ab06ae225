//! What an idle connection takes of the host's memory, by what the kernel counts as its own.

use std::time::Duration;

use anyhow::Result;

use super::report::{Row, Target};
use super::run::{Options, Scene};
use super::{Report, Samples};
use crate::client::{Reader, Writer, connect};

/// Connections that are weighed.
const CONNECTIONS: usize = 2000;
/// Those that come before, so that what is made once is there already.
const BEFORE: usize = 200;
/// Users of a channel, when they watch one.
const IN_CHANNEL: usize = 50;
/// For timers and caches to come to rest.
const REST: Duration = Duration::from_secs(4);

/// Weighs connections that do nothing, then the same ones each watching a channel.
///
/// # Errors
/// The host fails.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let scene = Scene::start(options, "memory", |launch| launch).await?;
    let app = scene.app().await?;
    let users: Vec<String> = (0..BEFORE + CONNECTIONS)
        .map(|n| format!("idle-{n:05}"))
        .collect();
    app.add_users(&users).await?;
    let channel = |n: usize| format!("room-{}", n / IN_CHANNEL);
    for (n, members) in users.chunks(IN_CHANNEL).enumerate() {
        app.add_channel(&format!("room-{n}"), members).await?;
    }
    let mut tokens = Vec::with_capacity(users.len());
    for user in &users {
        tokens.push(app.token(user).await?);
    }
    let mut sockets: Vec<(Reader, Writer)> = Vec::with_capacity(users.len());
    let (mut empty, mut connected) = (0, 0);
    for (n, token) in tokens.iter().enumerate() {
        if n == BEFORE {
            // Those before have watched, too, so that their memory can be told from the others'.
            watch(&mut sockets, 0..BEFORE, channel).await?;
            tokio::time::sleep(REST).await;
            empty = scene.process.memory_bytes()?;
        }
        let (reader, writer, _) = connect(app.rest.address, token).await?;
        sockets.push((reader, writer));
    }
    tokio::time::sleep(REST).await;
    connected += scene.process.memory_bytes()?;
    watch(&mut sockets, BEFORE..users.len(), channel).await?;
    tokio::time::sleep(REST).await;
    let watching = scene.process.memory_bytes()?;
    let kib_each = |bytes: u64| {
        Samples(vec![
            (bytes.saturating_sub(empty)) as f64 / CONNECTIONS as f64 / 1024.0,
        ])
    };
    report.add(Row::alone(
        "the host with nobody on it",
        "MiB",
        Samples(vec![empty as f64 / f64::from(1 << 20)]),
    ));
    report.add(
        Row::alone("an idle connection", "KiB", kib_each(connected))
            .with_target(Target::AtMost(12.0)),
    );
    report.add(Row::alone(
        format!("  that watches a channel of {IN_CHANNEL}"),
        "KiB",
        kib_each(watching),
    ));
    Ok(())
}

/// Lets sockets watch their channels, and takes what comes of it off them.
async fn watch(
    sockets: &mut [(Reader, Writer)],
    which: std::ops::Range<usize>,
    channel: impl Fn(usize) -> String,
) -> Result<()> {
    for n in which {
        let (reader, writer) = &mut sockets[n];
        let channel = channel(n);
        writer.text(&format!(
            r#"{{"id":1,"method":"subscribe","params":{{"channel_id":"{channel}"}}}}"#
        ));
        writer.flush().await?;
        reader.fill().await?;
    }
    for (reader, _) in sockets {
        while let Ok(filled) = tokio::time::timeout(Duration::ZERO, reader.fill()).await {
            filled?;
            reader.count()?;
        }
    }
    Ok(())
}
