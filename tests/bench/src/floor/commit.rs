//! The floor of durable sends: rows of the size of a message under the unique keys that a host's log
//! needs, committed to SQLite in groups, acknowledged after the commit. No network, no JSON, no rights.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// The most rows of one transaction, as the host has it by default.
const BATCH_MAX: usize = 256;
/// Channels that the rows are spread over.
const CHANNELS: i64 = 8;

/// What it measured.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Rate {
    /// Acknowledged rows in a second.
    pub per_second: f64,
    /// CPU time for each, in microseconds.
    pub cpu_us: f64,
}

struct Row {
    text: String,
    client_id: String,
    done: oneshot::Sender<()>,
}

/// Commits rows from `in_flight` tasks for a while.
///
/// # Errors
/// The database can't be opened or written.
pub fn run(file: &Path, in_flight: usize, warm_up: Duration, window: Duration) -> Result<Rate> {
    let connection = open(file)?;
    let (rows, queue) = mpsc::channel(4096);
    let expected = in_flight.min(BATCH_MAX);
    let writer = thread::spawn(move || write(&connection, queue, expected));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()?;
    let (acks, stop) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let rate = runtime.block_on(async {
        let tasks: Vec<_> = (0..in_flight)
            .map(|task| tokio::spawn(feed(task, rows.clone(), acks.clone(), stop.clone())))
            .collect();
        drop(rows);
        tokio::time::sleep(warm_up).await;
        let (began, first) = (Instant::now(), acks.load(Relaxed));
        let cpu = crate::process::cpu_seconds(std::process::id())?;
        tokio::time::sleep(window).await;
        let (seconds, acked) = (
            began.elapsed().as_secs_f64(),
            (acks.load(Relaxed) - first) as f64,
        );
        let cpu = crate::process::cpu_seconds(std::process::id())? - cpu;
        stop.store(true, Relaxed);
        for task in tasks {
            task.await?;
        }
        anyhow::Ok(Rate {
            per_second: acked / seconds,
            cpu_us: cpu / acked * 1e6,
        })
    })?;
    writer
        .join()
        .map_err(|_| anyhow::anyhow!("the floor's writer panicked"))??;
    Ok(rate)
}

/// One sender: the next row goes in when the last one is acknowledged.
async fn feed(task: usize, rows: mpsc::Sender<Row>, acks: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    let began = std::process::id();
    for n in 0_u64.. {
        let (done, acked) = oneshot::channel();
        let row = Row {
            text: crate::bench::text(n),
            client_id: format!("f{began}-{task}-{n:09}"),
            done,
        };
        if stop.load(Relaxed) || rows.send(row).await.is_err() || acked.await.is_err() {
            return;
        }
        acks.fetch_add(1, Relaxed);
    }
}

/// Takes what has arrived, commits it together, acknowledges it.
fn write(connection: &Connection, mut queue: mpsc::Receiver<Row>, expected: usize) -> Result<()> {
    let mut insert = connection.prepare(
        "INSERT INTO events (position, app_id, channel, seq, ts, kind, actor, depth, message_id, type, data, \
         client_id, client_hash) VALUES (?1, 1, ?2, ?3, ?4, 1, ?5, 0, ?6, 'text', ?7, ?8, ?9)",
    )?;
    let mut position: i64 =
        connection.query_row("SELECT COALESCE(MAX(position), 0) FROM events", [], |row| {
            row.get(0)
        })?;
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while let Some(first) = queue.blocking_recv() {
        batch.push(first);
        gather(&mut queue, &mut batch, expected);
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for row in &batch {
            position += 1;
            let (channel, seq) = (position % CHANNELS, position / CHANNELS);
            let id = position.wrapping_mul(0x9e37_79b9) ^ (position << 20);
            let sender = "sender-00";
            insert.execute(params![
                position,
                channel,
                seq,
                position,
                sender,
                id,
                row.text,
                row.client_id,
                id
            ])?;
        }
        connection.execute_batch("COMMIT")?;
        for row in batch.drain(..) {
            // A sender that has stopped does not wait any more.
            let _ = row.done.send(());
        }
    }
    Ok(())
}

/// Waits a moment for those who were just acknowledged, until all of them are here.
fn gather(queue: &mut mpsc::Receiver<Row>, batch: &mut Vec<Row>, expected: usize) {
    let mut quiet = 0;
    while quiet < 3 && batch.len() < expected {
        match queue.try_recv() {
            Ok(row) => {
                batch.push(row);
                quiet = 0;
            }
            Err(_) => {
                quiet += 1;
                thread::yield_now();
            }
        }
    }
}

fn open(file: &Path) -> Result<Connection> {
    let connection =
        Connection::open(file).with_context(|| format!("can't open {}", file.display()))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;
         CREATE TABLE IF NOT EXISTS events (
             position INTEGER NOT NULL PRIMARY KEY, app_id BIGINT NOT NULL, channel BIGINT NOT NULL,
             seq BIGINT NOT NULL, ts BIGINT NOT NULL, kind SMALLINT NOT NULL, actor TEXT,
             depth SMALLINT NOT NULL, message_id BIGINT, type TEXT, data TEXT, client_id TEXT, client_hash BIGINT
         );
         CREATE UNIQUE INDEX IF NOT EXISTS events_by_seq ON events (channel, seq);
         CREATE UNIQUE INDEX IF NOT EXISTS events_by_message ON events (message_id) WHERE kind = 1;
         CREATE UNIQUE INDEX IF NOT EXISTS events_by_client_id ON events (channel, actor, client_id)
             WHERE client_id IS NOT NULL;",
    )?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    ensure!(synchronous == 2, "SQLite does not sync every commit");
    Ok(connection)
}
