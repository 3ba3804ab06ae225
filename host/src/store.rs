//! All SQL. One text for SQLite and Postgres, `$1` placeholders, run on typed pools through `on_db!`.
//!
//! Reads go to a pool. Every write goes through the one writer (`writer.rs`), which puts what has
//! arrived into one transaction and so gives the log its order; nothing is acknowledged before that
//! transaction is on disk. Functions that touch a tenant's rows take a proof from `proof.rs`, not a
//! loose id, so that a query without a tenant can't be written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, PgPool, SqlitePool};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::clock::{self, Clock};
use crate::config::Config;
use crate::error::{Code, Error, Result};
use crate::model::{Event, IdSource};
use crate::secrets::Secret;

/// Runs one expression on whichever database it is; inside, `$conn` is its pool or connection.
macro_rules! on_db {
    ($db:expr, $conn:ident => $body:expr) => {
        match $db {
            $crate::store::Db::Sqlite($conn) => $body,
            $crate::store::Db::Postgres($conn) => $body,
        }
    };
}

mod append;
mod attachments;
mod bulk;
mod channels;
mod commanded;
mod decisions;
mod epoch;
mod erase;
mod feeds;
mod files;
mod gathering;
mod held;
mod idempotency;
mod kept;
mod leaving;
mod messages;
mod owners;
mod participants;
mod plugins;
pub mod proof;
mod sweep;
mod tenants;
mod users;
mod writer;

pub use append::{MessageChange, NewEvent, NewMessage, Sent};
pub use attachments::NewAttachment;
pub use channels::{ChannelChange, ChannelFilter, NewChannel};
pub use epoch::draw as draw_epoch;
pub use erase::{STEP_TRACES, Stretch, Trace};
pub use feeds::{FEED_TYPES_MAX, Wanted, sql as feed_sql};
pub use held::{Appeal, Hold, Holding};
pub use idempotency::{Remembered, Settled};
pub use kept::Kept;
pub use messages::Slice;
pub use participants::{Asker, SeatChange};
pub use plugins::{
    AsOf, Cause, ChatWrite, HandlerCommit, Install, KvRow, KvWrite, Landed, NewComponent,
    NewInstall, NewRollout, Timer, TimerWrite, Version,
};
pub use tenants::{AppChange, OrgChange};
pub use users::UserChange;
pub use writer::Tx;

/// One of the two databases, as a pool of type `S` or `P`.
#[derive(Debug, Clone)]
pub enum Db<S = SqlitePool, P = PgPool> {
    Sqlite(S),
    Postgres(P),
}

impl<S, P> Db<S, P> {
    fn dialect(&self) -> bulk::Dialect {
        match self {
            Db::Sqlite(_) => bulk::Dialect::Sqlite,
            Db::Postgres(_) => bulk::Dialect::Postgres,
        }
    }
}

/// How to open the store.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite:<file>` or `postgres://…`.
    pub url: Secret<String>,
    /// Connections for reading.
    pub read_connections: u32,
    /// Most jobs that one transaction takes.
    pub batch_max: usize,
    /// Most jobs that may wait; more are refused as `overloaded`.
    pub queue_max: usize,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            url: config.store_url(),
            read_connections: config.store.read_connections,
            batch_max: config.store.batch_messages_max,
            queue_max: config.store.queue_max,
        }
    }
}

/// The open store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    jobs: mpsc::Sender<writer::Job>,
    ids: Arc<IdSource>,
    clock: Clock,
    epoch: i64,
    /// Rung when something is left over for [`Store::sweep`].
    remains: Arc<Notify>,
    /// Locked as long as the store is open.
    only_host: Option<Arc<File>>,
}

/// What the writer committed, in the order of the log.
pub type Committed = Vec<Arc<Event>>;

/// The writer has a thread of its own: all who send wait for it, and among other tasks it would wait for each
/// of them. It ends with the last `Store`.
fn start(
    writer: writer::Writer,
    queue: mpsc::Receiver<writer::Job>,
    batch_max: usize,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let run = move || runtime.block_on(writer.run(queue, batch_max));
    std::thread::Builder::new()
        .name("store-writer".into())
        .spawn(run)?;
    Ok(())
}

impl Store {
    /// Opens the database, brings its schema up to date, makes sure that it keeps what it is given,
    /// and starts the writer.
    ///
    /// The receiver yields every committed batch, in order; whoever holds it publishes. When it is
    /// slow, the writer waits.
    ///
    /// # Errors
    /// A sentence for the operator: the database can't be opened, is of a newer version, is used by
    /// another host, or has settings under which an acknowledged message could be lost.
    pub async fn open(
        settings: &Settings,
        clock: Clock,
    ) -> Result<(Store, mpsc::Receiver<Committed>), String> {
        let only_host = lock(settings)?;
        let db = connect(settings).await?;
        migrate(&db).await?;
        check_durability(&db).await?;
        let (epoch, position) = epoch::read(&db, clock.now())
            .await
            .map_err(|e| e.to_string())?;
        let connection = writer::connect(&db)
            .await
            .map_err(|e| format!("can't open the store for writing: {e}"))?;
        let (jobs, queue) = mpsc::channel(settings.queue_max);
        let (commits, committed) = mpsc::channel(64);
        let ids = Arc::new(IdSource::default());
        let remains = Arc::new(Notify::new());
        let writer = writer::Writer::new(
            connection,
            &db,
            clock.clone(),
            ids.clone(),
            position,
            remains.clone(),
            commits,
        );
        start(writer, queue, settings.batch_max)
            .map_err(|e| format!("can't start the store's writer: {e}"))?;
        Ok((
            Store {
                db,
                jobs,
                ids,
                clock,
                epoch,
                remains,
                only_host: only_host.map(Arc::new),
            },
            committed,
        ))
    }

    /// The database's own random number; it changes when a backup is restored.
    pub fn epoch(&self) -> String {
        format!("{:016x}", self.epoch)
    }

    /// The clock of this store.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A new 64-bit time-ordered number.
    pub fn next_id(&self) -> i64 {
        self.ids.next(self.clock.now(), clock::random_u64() as u32)
    }

    /// Waits until the writer has given up because the disk failed.
    pub async fn failed(&self) {
        self.jobs.closed().await;
    }

    /// Waits until a transaction has left something over for [`Store::sweep`].
    pub async fn remains(&self) {
        self.remains.notified().await;
    }

    /// Ends the writer once it has stored what it was handed, and the connections once nothing is
    /// under way any more. Another host may open the database then.
    pub async fn close(&self) {
        let (done, ended) = oneshot::channel();
        // A writer that is gone has nothing left to do, and neither has its answer.
        if self.jobs.send(writer::Job::End(done)).await.is_ok() {
            let _ = ended.await;
        }
        on_db!(&self.db, pool => pool.close().await);
        if let Some(file) = &self.only_host {
            // It goes with the process at the latest.
            let _ = file.unlock();
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        on_db!(&self.db, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        Ok(())
    }
}

/// Brings the schema of the database at `url` up to date and does nothing else.
///
/// # Errors
/// A sentence for the operator.
pub async fn migrate_only(settings: &Settings) -> Result<(), String> {
    migrate(&connect(settings).await?).await
}

/// Keeps a second host off the same SQLite file. Postgres has a lock of its own for that.
fn lock(settings: &Settings) -> Result<Option<File>, String> {
    let Some(path) = settings.url.expose().strip_prefix("sqlite:") else {
        return Ok(None);
    };
    let path = Path::new(path);
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|e| format!("can't make the folder {}: {e}", folder.display()))?;
    let path = path.with_extension("lock");
    let file = File::create(&path).map_err(|e| format!("can't write {}: {e}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err("another host is using this database".into()),
        Err(std::fs::TryLockError::Error(e)) => Err(format!("can't lock {}: {e}", path.display())),
    }
}

async fn connect(settings: &Settings) -> Result<Db, String> {
    let url = settings.url.expose().as_str();
    let failed = |e: sqlx::Error| format!("can't open the store: {e}");
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        let options = PgConnectOptions::from_str(url)
            .map_err(failed)?
            .log_statements(log::LevelFilter::Off);
        let pool = PgPoolOptions::new()
            .max_connections(settings.read_connections.saturating_add(2))
            .acquire_timeout(std::time::Duration::from_secs(5))
            // Its estimates for a feed are so high that it would compile the query to machine code, which
            // takes ten times as long as running it.
            .after_connect(|connection, _| {
                Box::pin(async move {
                    let off = sqlx::query("SET jit = off").execute(connection);
                    off.await.map(drop)
                })
            })
            .connect_with(options)
            .await
            .map_err(failed)?;
        return Ok(Db::Postgres(pool));
    }
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Err("the store's url must begin with `sqlite:` or `postgres:`".into());
    };
    // Everything that people wrote is in there: for nobody else's eyes. SQLite gives its other files
    // the mode of this one.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| format!("can't open {path}: {e}"))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // As on Postgres: a tag is found by its own letters.
        .pragma("case_sensitive_like", "ON")
        .busy_timeout(std::time::Duration::from_secs(5))
        // 16 MiB of pages for each connection, and reads through the page cache.
        .pragma("cache_size", "-16384")
        .pragma("mmap_size", "268435456")
        .optimize_on_close(true, None)
        .statement_cache_capacity(200)
        .log_statements(log::LevelFilter::Off);
    let pool = SqlitePoolOptions::new()
        .max_connections(settings.read_connections.max(1))
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
        .map_err(failed)?;
    Ok(Db::Sqlite(pool))
}

async fn migrate(db: &Db) -> Result<(), String> {
    let done = match db {
        Db::Sqlite(pool) => sqlx::migrate!("../migrations/sqlite").run(pool).await,
        Db::Postgres(pool) => sqlx::migrate!("../migrations/postgres").run(pool).await,
    };
    done.map_err(|e| match e {
        sqlx::migrate::MigrateError::VersionMissing(version) => format!(
            "the store was written by a newer version (its migration {version} is unknown here); use that version"
        ),
        other => format!("can't bring the store's schema up to date: {other}"),
    })
}

/// Refuses settings under which an acknowledged message could be lost.
async fn check_durability(db: &Db) -> Result<(), String> {
    let failed = |e: sqlx::Error| format!("can't read the store's settings: {e}");
    match db {
        Db::Sqlite(pool) => {
            let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
                .fetch_one(pool)
                .await
                .map_err(failed)?;
            let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
                .fetch_one(pool)
                .await
                .map_err(failed)?;
            durable_sqlite(&journal, synchronous)
        }
        Db::Postgres(pool) => {
            let mut settings = Vec::new();
            for name in ["fsync", "full_page_writes", "synchronous_commit"] {
                let value: String = sqlx::query_scalar("SELECT current_setting($1)")
                    .bind(name)
                    .fetch_one(pool)
                    .await
                    .map_err(failed)?;
                settings.push((name, value));
            }
            durable_postgres(&settings)
        }
    }
}

fn durable_sqlite(journal: &str, synchronous: i64) -> Result<(), String> {
    if journal != "wal" {
        return Err(format!(
            "SQLite's journal mode is `{journal}`, not `wal`: the folder's file system can't do WAL. Put `data_dir` on a local disk"
        ));
    }
    if synchronous < 2 {
        return Err(
            "SQLite's `synchronous` is not FULL, so a power cut could lose acknowledged messages"
                .into(),
        );
    }
    Ok(())
}

fn durable_postgres(settings: &[(&str, String)]) -> Result<(), String> {
    let faults: Vec<String> = settings
        .iter()
        .filter(|(name, value)| match *name {
            // `on` waits for the local disk, `remote_apply` for more; the others for less.
            "synchronous_commit" => !matches!(value.as_str(), "on" | "remote_apply"),
            _ => value != "on",
        })
        .map(|(name, value)| format!("`{name}` is `{value}`; set it to `on`"))
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!(
        "Postgres could lose acknowledged messages in a power cut: {}. Change it in postgresql.conf, \
         or for this role and database, and start again",
        faults.join("; ")
    ))
}

impl From<sqlx::Error> for Error {
    /// Maps by kind; the text of the database is for the log alone.
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::RowNotFound => return Error::not_found("thing").because(error),
            sqlx::Error::Database(db) if db.is_unique_violation() => {
                return Error::new(Code::AlreadyExists, "It exists already.").because(error);
            }
            sqlx::Error::Database(db) if db.is_foreign_key_violation() => {
                return Error::new(Code::NotFound, "It names something that does not exist.")
                    .because(error);
            }
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::WorkerCrashed => Code::Unavailable,
            sqlx::Error::Database(db) if db.code().is_some_and(|code| is_passing(&code)) => {
                Code::Unavailable
            }
            _ => return Error::internal(error),
        };
        Error::new(code, "The store can't be reached now.")
            .retry_after_ms(1000)
            .because(error)
    }
}

/// Whether a code of the database speaks of a state that may pass, not of the statement. Postgres has
/// five characters: class 53 is insufficient resources, 57 operator intervention. SQLite has numbers,
/// whose low byte counts: 5 and 6 busy, 10 I/O, 13 full.
fn is_passing(code: &str) -> bool {
    let of_postgres = code.len() == 5 && (code.starts_with("53") || code.starts_with("57"));
    let of_sqlite = code
        .parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13));
    of_postgres || of_sqlite
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_settings_are_named() {
        assert!(durable_sqlite("wal", 2).is_ok());
        assert!(
            durable_sqlite("delete", 2)
                .unwrap_err()
                .contains("`delete`")
        );
        assert!(durable_sqlite("wal", 1).is_err());
        let set = |fsync: &str, commit: &str| {
            durable_postgres(&[
                ("fsync", fsync.into()),
                ("full_page_writes", "on".into()),
                ("synchronous_commit", commit.into()),
            ])
        };
        assert!(set("on", "on").is_ok() && set("on", "remote_apply").is_ok());
        for weak in ["off", "local", "remote_write"] {
            assert!(
                set("on", weak)
                    .unwrap_err()
                    .contains("`synchronous_commit`")
            );
        }
        assert!(set("off", "on").unwrap_err().contains("`fsync` is `off`"));
    }
}
