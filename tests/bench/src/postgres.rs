//! Databases on a Postgres server that come and go with a run.

use anyhow::{Context as _, Result};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

/// A database of a run's own.
#[derive(Debug)]
pub struct Database {
    /// How a host reaches it.
    pub url: String,
    name: String,
    server: PgConnectOptions,
}

impl Database {
    /// Makes one, named after `prefix` and this process.
    ///
    /// # Errors
    /// The server can't be reached, or the user of `server` may not make databases.
    pub async fn create(server: &str, prefix: &str) -> Result<Self> {
        let options: PgConnectOptions = server
            .parse()
            .context("not the address of a Postgres server")?;
        let name = format!("{prefix}_{}", std::process::id());
        let database = Self {
            url: options.clone().database(&name).to_url_lossy().into(),
            name,
            server: options,
        };
        database
            .execute(&format!("CREATE DATABASE {}", database.name))
            .await?;
        Ok(database)
    }

    /// Drops it, whoever is still connected.
    ///
    /// # Errors
    /// The server can't be reached.
    pub async fn drop(self) -> Result<()> {
        self.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name))
            .await
    }

    async fn execute(&self, sql: &str) -> Result<()> {
        let mut connection: PgConnection = self
            .server
            .connect()
            .await
            .context("can't reach the Postgres server")?;
        // Made of our own prefix and a number.
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await?;
        Ok(connection.close().await?)
    }
}
