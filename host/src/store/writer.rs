//! The one writer. It takes what has arrived, puts it into one transaction, commits, acknowledges,
//! and hands the new log entries on, always in that order: so one sync to disk serves many sends,
//! and the order of the log needs no locks.
//!
//! A job that fails is rolled back to its savepoint and fails alone; when the commit itself fails,
//! every job of the batch does.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{ConnectOptions, Connection as _, PgConnection, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::append::{ClientIds, Head, Known, NewMessage, Sent};
use super::erase::STEP_ROWS;
use super::gathering::Gathering;
use super::messages::log_after;
use super::{Committed, Db, Store};
use crate::clock::{self, Clock};
use crate::crash;
use crate::error::{Code, Error, Result};
use crate::model::{ChannelKey, Event, IdSource, Millis};

/// A connection of either database.
pub type Connection = Db<SqliteConnection, PgConnection>;

/// Something to write.
pub enum Job {
    /// A message: the frequent case, written many at a time.
    Send(Box<SendJob>),
    /// Anything else, under a savepoint of its own.
    Work(Box<dyn Work>),
    /// Nothing more: the writer ends after this batch and tells so.
    End(oneshot::Sender<()>),
}

/// A message and who waits for it.
pub struct SendJob {
    pub message: NewMessage,
    pub done: oneshot::Sender<Result<Sent>>,
}

/// A transaction of any kind, and who waits for it.
pub trait Work: Send {
    /// Does it; keeps the result until the commit.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Result<()>>;
    /// Tells the one who waits.
    fn finish(self: Box<Self>, failed: Option<Error>);
}

type Run<T> = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send>;

struct Task<T> {
    run: Option<Run<T>>,
    result: Option<T>,
    done: oneshot::Sender<Result<T>>,
}

impl<T: Send> Work for Task<T> {
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Result<()>> {
        Box::pin(async move {
            if let Some(run) = self.run.take() {
                self.result = Some(run(tx).await?);
            }
            Ok(())
        })
    }

    fn finish(self: Box<Self>, failed: Option<Error>) {
        // Whoever waited may have gone; the work is done all the same.
        let _ = match (failed, self.result) {
            (Some(error), _) => self.done.send(Err(error)),
            (None, Some(result)) => self.done.send(Ok(result)),
            (None, None) => self.done.send(Err(lost())),
        };
    }
}

impl Store {
    /// Runs `work` in a transaction, after everything that was handed in before it. When this
    /// returns `Ok`, the result is on disk. For what somebody asks for.
    ///
    /// # Errors
    /// `overloaded` when the queue is full, and what `work` says.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let (job, result) = job(work);
        self.hand_in(job)?;
        result.await.map_err(|_| lost())?
    }

    /// The same, but waits for a place in the queue. For the host's own work, of which there is so
    /// much at most: nobody would try it again.
    pub(super) async fn write_in_turn<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let (job, result) = job(work);
        self.jobs.send(job).await.map_err(|_| lost())?;
        result.await.map_err(|_| lost())?
    }

    /// Hands in a message without waiting for it; its order among the sends is settled when this
    /// returns. The receiver tells when it is on disk.
    ///
    /// # Errors
    /// `overloaded` when the queue is full.
    pub fn begin_send(&self, message: NewMessage) -> Result<oneshot::Receiver<Result<Sent>>> {
        let (done, result) = oneshot::channel();
        self.hand_in(Job::Send(Box::new(SendJob { message, done })))?;
        Ok(result)
    }

    fn hand_in(&self, job: Job) -> Result<()> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                Error::new(Code::Overloaded, "Too much is waiting to be stored.")
                    .retry_after_ms(1000)
            }
            mpsc::error::TrySendError::Closed(_) => lost(),
        })
    }

    /// Hands in a message and waits until it is on disk.
    pub async fn send(&self, message: NewMessage) -> Result<Sent> {
        self.begin_send(message)?.await.map_err(|_| lost())?
    }
}

fn job<T, F>(work: F) -> (Job, oneshot::Receiver<Result<T>>)
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
{
    let (done, result) = oneshot::channel();
    let task = Task {
        run: Some(Box::new(work)),
        result: None,
        done,
    };
    (Job::Work(Box::new(task)), result)
}

fn lost() -> Error {
    Error::new(
        Code::Unavailable,
        "The host is stopping, or its store has failed.",
    )
    .retry_after_ms(2000)
}

/// How often a new host asks for the database that another one has, and how long it waits in between.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Opens the writer's own connection.
pub async fn connect(db: &Db) -> sqlx::Result<Connection> {
    match db {
        Db::Sqlite(pool) => Ok(Db::Sqlite(pool.connect_options().connect().await?)),
        Db::Postgres(pool) => {
            let mut connection = pool.connect_options().connect().await?;
            // One host for each database, until there is a bus between hosts. The connection of one that
            // was killed lives on for a moment, until Postgres has noticed.
            for _ in 0..LOCK_TRIES {
                let (alone,): (bool,) = sqlx::query_as("SELECT pg_try_advisory_lock(4707310001)")
                    .fetch_one(&mut connection)
                    .await?;
                if alone {
                    return Ok(Db::Postgres(connection));
                }
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            Err(sqlx::Error::Configuration(
                "another host is using this database".into(),
            ))
        }
    }
}

pub struct Writer {
    connection: Option<Connection>,
    pool: Db,
    clock: Clock,
    ids: Arc<IdSource>,
    position: i64,
    /// Entries of a commit that got through although it was not confirmed, to be published first.
    unpublished: Committed,
    known: Known,
    /// Transactions yet for which client ids are looked for before.
    looking: u32,
    remains: Arc<Notify>,
    commits: mpsc::Sender<Committed>,
}

/// Where one client id was used again, others soon are: clients come back together.
const LOOKING_FOR: u32 = 64;

/// Who to tell what, once the commit is through.
enum Outcome {
    Sent(oneshot::Sender<Result<Sent>>, Result<Sent>),
    Worked(Box<dyn Work>, Option<Error>),
}

impl Writer {
    pub fn new(
        connection: Connection,
        pool: &Db,
        clock: Clock,
        ids: Arc<IdSource>,
        position: i64,
        remains: Arc<Notify>,
        commits: mpsc::Sender<Committed>,
    ) -> Self {
        Self {
            connection: Some(connection),
            pool: pool.clone(),
            clock,
            ids,
            position,
            unpublished: Vec::new(),
            known: Known::default(),
            looking: 0,
            remains,
            commits,
        }
    }

    /// Works until it is told to end, or every `Store` is gone.
    pub async fn run(mut self, mut queue: mpsc::Receiver<Job>, batch_max: usize) {
        let mut batch = Vec::with_capacity(batch_max);
        let mut gathering = Gathering::default();
        let mut end = None;
        while end.is_none() && queue.recv_many(&mut batch, batch_max).await > 0 {
            gathering.wait(&mut queue, &mut batch, batch_max).await;
            let began = Instant::now();
            let mut outcomes = Vec::with_capacity(batch.len());
            if let Some(at) = batch.iter().position(|job| matches!(job, Job::End(_))) {
                // What comes behind it is dropped, and with it the hope of whoever waits.
                if let Some(Job::End(done)) = batch.drain(at..).next() {
                    end = Some(done);
                }
                if batch.is_empty() {
                    break;
                }
            }
            match self.commit(batch.drain(..), &mut outcomes).await {
                Ok(events) => {
                    gathering.note(outcomes.len(), queue.len(), began.elapsed());
                    for outcome in outcomes {
                        match outcome {
                            Outcome::Sent(done, result) => drop(done.send(result)),
                            Outcome::Worked(work, failed) => work.finish(failed),
                        }
                    }
                    crash::point_if(!events.is_empty(), "acknowledged");
                    if !events.is_empty() && self.commits.send(events).await.is_err() {
                        return; // Nobody publishes any more: the host has stopped.
                    }
                }
                Err(error) => {
                    tracing::error!(error = %error, "a batch could not be committed");
                    // What became of the transaction is unknown; a new connection makes sure of it.
                    self.connection = None;
                    let fatal = self.is_fatal(&error);
                    let told = || {
                        Error::new(
                            Code::Unavailable,
                            "The store did not confirm this; try again.",
                        )
                        .retry_after_ms(1000)
                    };
                    for outcome in outcomes {
                        match outcome {
                            Outcome::Sent(done, _) => drop(done.send(Err(told()))),
                            Outcome::Worked(work, _) => work.finish(Some(told())),
                        }
                    }
                    if fatal {
                        tracing::error!(
                            "the disk failed under the store: nothing more is acknowledged"
                        );
                        return;
                    }
                }
            }
        }
        queue.close();
        if let Some(connection) = self.connection {
            // The session's lock goes with it. That it is closed already is fine, too.
            let _ = match connection {
                Db::Sqlite(connection) => connection.close().await,
                Db::Postgres(connection) => connection.close().await,
            };
        }
        if let Some(done) = end {
            let _ = done.send(());
        }
    }

    /// One transaction. `outcomes` gets an entry for every job, whatever happens.
    async fn commit(
        &mut self,
        jobs: impl Iterator<Item = Job>,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<Committed> {
        let (mut messages, mut senders) = (Vec::new(), Vec::new());
        let mut works = Vec::new();
        for job in jobs {
            match job {
                Job::Send(send) => {
                    messages.push(send.message);
                    senders.push(send.done);
                }
                Job::Work(work) => works.push(work),
                Job::End(_) => {} // Taken out before.
            }
        }
        let result = self
            .transaction(messages, &mut senders, &mut works, outcomes)
            .await;
        // Only when it failed before their turn is anything left in these.
        let unsent = senders.into_iter();
        outcomes.extend(unsent.map(|done| Outcome::Sent(done, Err(lost()))));
        outcomes.extend(works.into_iter().map(|work| Outcome::Worked(work, None)));
        result
    }

    async fn transaction(
        &mut self,
        messages: Vec<NewMessage>,
        senders: &mut Vec<oneshot::Sender<Result<Sent>>>,
        works: &mut Vec<Box<dyn Work>>,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<Committed> {
        let mut tx = self.begin().await?;
        // Sends among themselves keep their order, and so do the others. Between the two it does not
        // matter: nobody was told anything yet.
        if !messages.is_empty() {
            let client_ids = match self.looking {
                0 => ClientIds::Assumed,
                _ => ClientIds::LookedFor,
            };
            self.looking = self.looking.saturating_sub(1);
            let results = match tx.send_all(&messages, client_ids).await {
                Err(error)
                    if client_ids == ClientIds::Assumed && error.code() == Code::AlreadyExists =>
                {
                    self.looking = LOOKING_FOR;
                    self.connection = Some(tx.roll_back().await?);
                    tx = self.begin().await?;
                    tx.send_all(&messages, ClientIds::LookedFor).await?
                }
                other => other?,
            };
            let sent = senders.drain(..).zip(results);
            outcomes.extend(sent.map(|(done, result)| Outcome::Sent(done, result)));
        }
        let only_sends = works.is_empty();
        for mut work in works.drain(..) {
            let failed = tx.attempt(work.as_mut()).await?;
            outcomes.push(Outcome::Worked(work, failed));
        }
        let done = tx.commit().await?;
        self.connection = Some(done.connection);
        self.position = done.position;
        if only_sends {
            self.known = done.known.within_bounds();
        }
        let mut all = std::mem::take(&mut self.unpublished);
        all.extend(done.events);
        Ok(all)
    }

    async fn begin(&mut self) -> Result<Tx> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reconnect().await?,
        };
        // When the transaction fails, what is known is gone with it.
        let known = std::mem::take(&mut self.known);
        Tx::begin(
            connection,
            self.clock.now(),
            self.ids.clone(),
            self.position,
            self.remains.clone(),
            known,
        )
        .await
    }

    /// After a failed write or sync of SQLite's files, what they hold is uncertain, and a later sync
    /// may succeed without it. A full disk or a lock is no such failure.
    fn is_fatal(&self, error: &Error) -> bool {
        let cause = error
            .cause()
            .and_then(|cause| cause.downcast_ref::<sqlx::Error>());
        let code = cause
            .and_then(sqlx::Error::as_database_error)
            .and_then(|e| e.code());
        // The low byte is SQLITE_IOERR, SQLITE_CORRUPT or SQLITE_NOTADB.
        let primary = code
            .and_then(|code| code.parse::<u32>().ok())
            .map(|code| code & 0xff);
        matches!(self.pool, Db::Sqlite(_)) && matches!(primary, Some(10 | 11 | 26))
    }

    /// A new connection, and with it the log's true end: the last commit may have got through.
    async fn reconnect(&mut self) -> Result<Connection> {
        let mut connection = connect(&self.pool).await?;
        let last: Option<i64> = on_db!(&mut connection, c => {
            sqlx::query_scalar("SELECT MAX(position) FROM events").fetch_one(&mut *c).await
        })?;
        if let Some(last) = last.filter(|last| *last > self.position) {
            let got_through = log_after(&self.pool, self.position).await?;
            self.unpublished
                .extend(got_through.into_iter().map(Arc::new));
            self.position = last;
        }
        Ok(connection)
    }
}

/// What a transaction leaves behind when it is through.
struct Done {
    connection: Connection,
    position: i64,
    known: Known,
    events: Committed,
}

/// The open transaction. Dropped without `commit`, it is rolled back with its connection.
pub struct Tx {
    pub(super) connection: Connection,
    /// One time for all that this transaction writes.
    pub(super) now: Millis,
    pub(super) ids: Arc<IdSource>,
    pub(super) position: i64,
    /// How many plugins in a row led to what is being written.
    pub(super) depth: i16,
    /// How much of what plugins keep for owners that are gone it may still drop: all its jobs together.
    pub(super) kept_to_drop: i64,
    /// Rung when something is left over for [`Store::sweep`].
    pub(super) remains: Arc<Notify>,
    pub(super) known: Known,
    /// Heads as they were before the current savepoint.
    undo: Vec<(ChannelKey, Head)>,
    /// Entries not yet inserted, then all of them, in order.
    pub(super) pending: Vec<(Arc<Event>, Option<i64>)>,
    pub(super) appended: Vec<Arc<Event>>,
}

impl Tx {
    async fn begin(
        mut connection: Connection,
        now: Millis,
        ids: Arc<IdSource>,
        position: i64,
        remains: Arc<Notify>,
        known: Known,
    ) -> Result<Self> {
        match &mut connection {
            Db::Sqlite(c) => sqlx::query("BEGIN IMMEDIATE")
                .execute(&mut *c)
                .await
                .map(drop)?,
            Db::Postgres(c) => sqlx::query("BEGIN").execute(&mut *c).await.map(drop)?,
        }
        Ok(Self {
            connection,
            now,
            ids,
            position,
            depth: 0,
            kept_to_drop: STEP_ROWS,
            remains,
            known,
            undo: Vec::new(),
            pending: Vec::new(),
            appended: Vec::new(),
        })
    }

    /// Runs `work` under a savepoint. The outer error is one of the transaction itself.
    async fn attempt(&mut self, work: &mut dyn Work) -> Result<Option<Error>> {
        self.flush().await?;
        self.undo.clear();
        self.known.seats.clear(); // What was done before may have taken them.
        self.depth = 0;
        let (position, appended) = (self.position, self.appended.len());
        self.execute("SAVEPOINT work").await?;
        let mut result = work.run(self).await;
        if result.is_ok() {
            result = self.flush().await;
        }
        let Err(error) = result else {
            self.execute("RELEASE SAVEPOINT work").await?;
            return Ok(None);
        };
        self.execute("ROLLBACK TO SAVEPOINT work").await?;
        self.pending.clear();
        self.appended.truncate(appended);
        self.position = position;
        for (key, head) in self.undo.drain(..).rev() {
            self.known.heads.insert(key, head);
        }
        Ok(Some(error))
    }

    async fn commit(mut self) -> Result<Done> {
        self.flush().await?;
        self.write_heads().await?;
        let grows = !self.appended.is_empty();
        crash::point_if(grows, "to be committed");
        self.execute("COMMIT").await?;
        crash::point_if(grows, "committed");
        self.known
            .heads
            .values_mut()
            .for_each(|head| head.changed = false);
        Ok(Done {
            connection: self.connection,
            position: self.position,
            known: self.known,
            events: self.appended,
        })
    }

    /// Undoes everything and gives the connection back.
    async fn roll_back(mut self) -> Result<Connection> {
        self.execute("ROLLBACK").await?;
        Ok(self.connection)
    }

    pub(super) async fn execute(&mut self, sql: &'static str) -> Result<()> {
        on_db!(&mut self.connection, c => sqlx::query(sql).execute(&mut *c).await.map(drop))?;
        Ok(())
    }

    /// The head of a channel, to be changed; remembers how it was.
    pub(super) fn head_mut(&mut self, channel: ChannelKey) -> Option<&mut Head> {
        match self.known.heads.entry(channel) {
            Entry::Occupied(entry) => {
                let head = entry.into_mut();
                self.undo.push((channel, *head));
                head.changed = true;
                Some(head)
            }
            Entry::Vacant(_) => None,
        }
    }

    /// A new 64-bit time-ordered number.
    pub(super) fn next_id(&self) -> i64 {
        self.ids.next(self.now, clock::random_u64() as u32)
    }
}
