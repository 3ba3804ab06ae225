//! A database for one story, and the hosts that run on it.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use althing::config::Config;
use althing::secrets::Secret;
use sqlx::{Connection as _, Row as _};
use tempfile::TempDir;

use super::postgres::{self, scratch};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Where stories get their databases.
#[derive(Clone, Copy)]
pub enum Server {
    Sqlite,
    /// A Postgres url up to the name of the database, and what follows the name.
    Postgres(&'static (String, String)),
}

impl Server {
    /// The one for this kind, started if need be.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite,
            Kind::Postgres => Self::Postgres(postgres::server()),
        }
    }
}

/// A transaction that others wait for.
pub enum Block {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Block {
    /// Ends it.
    pub async fn end(self) {
        let ended = match self {
            Block::Sqlite(connection) => connection.close().await,
            Block::Postgres(connection) => connection.close().await,
        };
        ended.expect("the connection");
    }
}

/// An empty database and a data folder, both this story's own.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    server: Server,
    name: String,
    folder: TempDir,
    hosts: Mutex<Vec<Arc<super::host::Running>>>,
}

impl Database {
    /// A new one. `story` is for whoever looks at the server's list of databases.
    pub async fn create(server: Server, story: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let folder = tempfile::Builder::new()
            .prefix("althing-story-")
            .tempdir_in(scratch())
            .expect("a folder");
        let story = story.rsplit("::").next().unwrap_or(story);
        let name = format!(
            "althing_{}_{}_{story:.30}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        if let Server::Postgres(url) = server {
            admin(url, format!("CREATE DATABASE {name}")).await;
        }
        Self {
            inner: Arc::new(Inner {
                server,
                name,
                folder,
                hosts: Mutex::default(),
            }),
        }
    }

    /// Which one it is.
    pub fn kind(&self) -> Kind {
        match self.inner.server {
            Server::Sqlite => Kind::Sqlite,
            Server::Postgres(_) => Kind::Postgres,
        }
    }

    /// Its url, for a host's configuration.
    pub fn url(&self) -> String {
        match self.inner.server {
            Server::Sqlite => format!("sqlite:{}", self.data_dir().join("althing.db").display()),
            Server::Postgres((before, after)) => format!("{before}{}{after}", self.inner.name),
        }
    }

    /// The name of a Postgres database.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The folder for the host's files.
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.inner.folder.path().join("data")
    }

    /// Settings of a host on this database.
    pub fn config(&self) -> Config {
        let mut config = Config::for_testing(&self.data_dir());
        config.store.url = Some(Secret::new(self.url()));
        // What one host has compiled, the others need not: they have one key, and one folder for it.
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
        config.paths.secret_key_file = Some(shared.join("secret.key"));
        config.plugins.code_dir = Some(shared.join("plugin-code"));
        config.plugins.compiler = Some(env!("CARGO_BIN_EXE_althing").into());
        config
    }

    /// Every text and blob in every table, as the database has them: for looking whether something
    /// is really gone. The host may be running.
    pub async fn dump(&self) -> String {
        match self.inner.server {
            Server::Sqlite => super::dump::sqlite(&self.url()).await,
            Server::Postgres(_) => super::dump::postgres(&self.url()).await,
        }
    }

    /// Runs a statement in the database, outside any host.
    pub async fn run(&self, sql: &'static str) {
        match self.inner.server {
            Server::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url())
                    .await
                    .expect("the database");
                sqlx::raw_sql(sql)
                    .execute(&mut connection)
                    .await
                    .expect("the statement");
                let _ = connection.close().await;
            }
            Server::Postgres(_) => {
                let mut connection = sqlx::PgConnection::connect(&self.url())
                    .await
                    .expect("the database");
                sqlx::raw_sql(sql)
                    .execute(&mut connection)
                    .await
                    .expect("the statement");
                let _ = connection.close().await;
            }
        }
    }

    /// How the database would run a statement, line by line. Postgres takes an index wherever it can,
    /// however small its tables are, and fills in no parameters.
    pub async fn plan(&self, sql: &str) -> Result<Vec<String>, sqlx::Error> {
        match self.inner.server {
            Server::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url()).await?;
                let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
                let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await?;
                Ok(rows.iter().map(|row| row.get("detail")).collect())
            }
            Server::Postgres(_) => {
                let mut connection = sqlx::PgConnection::connect(&self.url()).await?;
                let parameters = (1..100).take_while(|n| sql.contains(&format!("${n}")));
                let none = vec!["NULL"; parameters.count()].join(", ");
                let explain = if none.is_empty() {
                    format!("EXPLAIN {sql}")
                } else {
                    format!("PREPARE asked AS {sql}; EXPLAIN EXECUTE asked ({none})")
                };
                let settings = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
                let explain = sqlx::AssertSqlSafe(format!("{settings}; {explain}"));
                let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await?;
                Ok(rows.iter().map(|row| row.get(0)).collect())
            }
        }
    }

    /// The one column that a query of Postgres' own tables gives.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        let mut connection = sqlx::PgConnection::connect(&self.url())
            .await
            .expect("the database");
        let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await;
        rows.expect("the query")
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// The one number that a query gives.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let asked = match self.inner.server {
            Server::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url())
                    .await
                    .expect("the database");
                sqlx::query_scalar(sql).fetch_one(&mut connection).await
            }
            Server::Postgres(_) => {
                let mut connection = sqlx::PgConnection::connect(&self.url())
                    .await
                    .expect("the database");
                sqlx::query_scalar(sql).fetch_one(&mut connection).await
            }
        };
        asked.expect("a number")
    }

    /// Lets nobody write users, log entries or kept answers, on SQLite nothing at all, until it is ended.
    pub async fn block_writes(&self) -> Block {
        match self.inner.server {
            Server::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url())
                    .await
                    .expect("the database");
                let begun = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection);
                begun.await.expect("the statement");
                Block::Sqlite(connection)
            }
            Server::Postgres(_) => {
                let mut connection = sqlx::PgConnection::connect(&self.url())
                    .await
                    .expect("the database");
                let sql = "BEGIN; LOCK TABLE users, events, idempotency IN EXCLUSIVE MODE";
                let begun = sqlx::raw_sql(sql).execute(&mut connection);
                begun.await.expect("the statement");
                Block::Postgres(connection)
            }
        }
    }

    /// Lets nobody delete rows of a table of which `which` holds, an expression on `OLD`, until
    /// [`Database::allow_deletes`]: what is cleared away in steps then waits.
    pub async fn refuse_deletes(&self, table: &str, which: &str) {
        let sql = match self.kind() {
            Kind::Sqlite => format!(
                "CREATE TRIGGER refused BEFORE DELETE ON {table} WHEN {which} \
                 BEGIN SELECT RAISE(ABORT, 'not now'); END"
            ),
            Kind::Postgres => format!(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql \
                 AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$; CREATE TRIGGER refused BEFORE DELETE ON {table} \
                 FOR EACH ROW WHEN ({which}) EXECUTE FUNCTION refuse()"
            ),
        };
        self.run(sql.leak()).await;
    }

    /// Ends that.
    pub async fn allow_deletes(&self, table: &str) {
        let sql = match self.kind() {
            Kind::Sqlite => "DROP TRIGGER refused".to_owned(),
            Kind::Postgres => format!("DROP TRIGGER refused ON {table}; DROP FUNCTION refuse"),
        };
        self.run(sql.leak()).await;
    }

    /// Runs a statement on the server, outside any host.
    pub async fn admin(&self, sql: String) {
        if let Server::Postgres(url) = self.inner.server {
            admin(url, sql).await;
        }
    }

    pub(super) fn keep(&self, host: Arc<super::host::Running>) {
        self.inner
            .hosts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(host);
    }

    pub(super) async fn stop_hosts(&self) {
        let hosts = std::mem::take(
            &mut *self
                .inner
                .hosts
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for host in hosts {
            host.finish().await;
        }
    }

    pub(super) async fn remove(&self) {
        if let Server::Postgres(url) = self.inner.server {
            admin(
                url,
                format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.inner.name),
            )
            .await;
        }
    }
}

async fn admin((before, after): &(String, String), sql: String) {
    let mut connection = sqlx::PgConnection::connect(&format!("{before}postgres{after}"))
        .await
        .expect("the Postgres server");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .expect("a statement on the Postgres server");
    let _ = connection.close().await;
}
