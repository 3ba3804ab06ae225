//! What installs keep: values and timers. How much that is stands beside each install and is changed
//! with every write, so that nobody has to count. What is for whom, and what becomes of it when they are
//! gone, is `owners`' matter.

use std::collections::BTreeMap;

use super::Store;
use super::plugins::{HandlerCommit, KvWrite, TimerWrite};
use super::writer::Tx;
use crate::error::{Code, Error, Result};
use crate::model::InstallId;

/// Expired values that one commit clears away, whoever's they are; twice as many as it writes if that is more,
/// so that they can't pile up.
const EXPIRED_MIN: usize = 100;

/// How much an install keeps; also how much more or less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Kept {
    /// Values, expired ones too until they are cleared away.
    pub kv_keys: i64,
    /// Bytes of these values and their keys.
    pub kv_bytes: i64,
    /// Timers that are set.
    pub timers: i64,
}

impl Kept {
    pub(super) fn drop_value(&mut self, bytes: i64) {
        self.kv_keys -= 1;
        self.kv_bytes -= bytes;
    }
}

/// How many of an install's values have expired, and their bytes. Only asked for one that keeps nearly as
/// much as it may.
const EXPIRED: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(OCTET_LENGTH(key) + OCTET_LENGTH(value)), 0) AS BIGINT) \
                       FROM plugin_kv WHERE install = $1 AND expires_at <= $2";

impl Store {
    /// How much an install keeps. One that is only about to begin has nothing.
    pub async fn get_kept(&self, install: InstallId) -> Result<Kept> {
        let found: Option<Kept> = on_db!(&self.db, pool => {
            sqlx::query_as("SELECT kv_keys, kv_bytes, timers FROM installs WHERE id = $1")
                .bind(install)
                .fetch_optional(pool)
                .await
        })?;
        Ok(found.unwrap_or_default())
    }

    /// How many of an install's values have expired and are still there, and their bytes.
    pub async fn count_expired(&self, install: InstallId) -> Result<(i64, i64)> {
        let now = self.clock.now();
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(EXPIRED).bind(install).bind(now).fetch_one(pool).await
        })?)
    }
}

impl Tx {
    /// Writes the values and timers of a commit.
    ///
    /// # Errors
    /// `limit_reached` when the install would keep more than it may, and more than before; `conflict` when
    /// somebody for whom it keeps something is gone; `not_found` when it was removed meanwhile.
    pub(super) async fn write_kept(&mut self, commit: &HandlerCommit) -> Result<()> {
        let (install, mut change) = (commit.install, Kept::default());
        if !commit.kv_writes.is_empty() {
            let most = EXPIRED_MIN.max(2 * commit.kv_writes.len());
            self.clear_expired(most as i64).await?;
        }
        self.check_owners(commit).await?;
        for write in &commit.kv_writes {
            self.write_value(install, write, &mut change).await?;
        }
        for write in &commit.timers {
            self.write_timer(install, write, &mut change).await?;
        }
        if change == Kept::default() {
            return Ok(());
        }
        let mut now = self
            .change_kept(install, change)
            .await?
            .ok_or_else(|| Error::not_found("plugin"))?;
        let grows = change.kv_keys > 0 || change.kv_bytes > 0;
        let max = commit.kept_max;
        if grows && (now.kv_keys > max.kv_keys || now.kv_bytes > max.kv_bytes) {
            let (keys, bytes) = self.expired(install).await?;
            now.kv_keys -= keys;
            now.kv_bytes -= bytes;
        }
        let limit = |what: &str| {
            let detail = format!("The plugin keeps more {what} than it may.");
            Err(Error::new(Code::LimitReached, detail))
        };
        if grows && (now.kv_keys > max.kv_keys || now.kv_bytes > max.kv_bytes) {
            return limit("values");
        }
        if change.timers > 0 && now.timers > max.timers {
            return limit("timers");
        }
        Ok(())
    }

    /// Notes that an install keeps more or less, and gives what it keeps now; `None` when it is gone.
    pub(super) async fn change_kept(
        &mut self,
        install: InstallId,
        change: Kept,
    ) -> Result<Option<Kept>> {
        Ok(on_db!(&mut self.connection, c => {
            sqlx::query_as(
                "UPDATE installs SET kv_keys = kv_keys + $2, kv_bytes = kv_bytes + $3, timers = timers + $4 \
                 WHERE id = $1 RETURNING kv_keys, kv_bytes, timers",
            )
            .bind(install)
            .bind(change.kv_keys)
            .bind(change.kv_bytes)
            .bind(change.timers)
            .fetch_optional(&mut *c)
            .await
        })?)
    }

    /// Drops a timer, unless it was set again since. False when there is no such timer, or its plugin
    /// was removed.
    pub(super) async fn drop_timer(
        &mut self,
        install: InstallId,
        name: &str,
        version: i64,
    ) -> Result<bool> {
        let gone = on_db!(&mut self.connection, c => {
            sqlx::query("DELETE FROM plugin_timers WHERE install = $1 AND name = $2 AND version = $3")
                .bind(install)
                .bind(name)
                .bind(version)
                .execute(&mut *c)
                .await
                .map(|done| done.rows_affected() > 0)
        })?;
        let change = Kept {
            timers: -1,
            ..Kept::default()
        };
        Ok(gone && self.change_kept(install, change).await?.is_some())
    }

    async fn clear_expired(&mut self, most: i64) -> Result<()> {
        let now = self.now;
        let gone = on_db!(&mut self.connection, c => {
            sqlx::query_as(
                "DELETE FROM plugin_kv WHERE (install, scope, key) IN \
                 (SELECT install, scope, key FROM plugin_kv WHERE expires_at <= $1 LIMIT $2) \
                 RETURNING install, CAST(OCTET_LENGTH(key) + OCTET_LENGTH(value) AS BIGINT)",
            )
            .bind(now)
            .bind(most)
            .fetch_all(&mut *c)
            .await
        })?;
        self.note_dropped(gone).await
    }

    /// Notes that these values, each with its bytes, are gone.
    async fn note_dropped(&mut self, values: Vec<(InstallId, i64)>) -> Result<()> {
        let mut changes: BTreeMap<InstallId, Kept> = BTreeMap::new();
        for (install, bytes) in values {
            changes.entry(install).or_default().drop_value(bytes);
        }
        for (install, change) in changes {
            // Of a plugin that was removed nobody counts what is left.
            self.change_kept(install, change).await?;
        }
        Ok(())
    }

    async fn expired(&mut self, install: InstallId) -> Result<(i64, i64)> {
        let now = self.now;
        Ok(on_db!(&mut self.connection, c => {
            sqlx::query_as(EXPIRED).bind(install).bind(now).fetch_one(&mut *c).await
        })?)
    }

    async fn write_value(
        &mut self,
        install: InstallId,
        write: &KvWrite,
        change: &mut Kept,
    ) -> Result<()> {
        let version = self.next_id();
        let before: Option<i64> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar(
                "DELETE FROM plugin_kv WHERE install = $1 AND scope = $2 AND key = $3 \
                 RETURNING CAST(OCTET_LENGTH(key) + OCTET_LENGTH(value) AS BIGINT)",
            )
            .bind(install)
            .bind(&write.scope)
            .bind(&write.key)
            .fetch_optional(&mut *c)
            .await
        })?;
        if let Some(bytes) = before {
            change.drop_value(bytes);
        }
        let Some(value) = &write.value else {
            return Ok(());
        };
        change.kv_keys += 1;
        change.kv_bytes += (write.key.len() + value.len()) as i64;
        on_db!(&mut self.connection, c => {
            sqlx::query(
                "INSERT INTO plugin_kv (install, scope, key, value, version, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(install)
            .bind(&write.scope)
            .bind(&write.key)
            .bind(value.as_slice())
            .bind(version)
            .bind(write.expires_at)
            .execute(&mut *c)
            .await
            .map(drop)
        })?;
        Ok(())
    }

    async fn write_timer(
        &mut self,
        install: InstallId,
        write: &TimerWrite,
        change: &mut Kept,
    ) -> Result<()> {
        let version = self.next_id();
        let (TimerWrite::Set { name, .. } | TimerWrite::Cancel { name }) = write;
        let before = on_db!(&mut self.connection, c => {
            sqlx::query("DELETE FROM plugin_timers WHERE install = $1 AND name = $2")
                .bind(install)
                .bind(name)
                .execute(&mut *c)
                .await
                .map(|done| done.rows_affected())
        })?;
        change.timers -= before as i64;
        let TimerWrite::Set {
            name,
            due_at,
            channel,
            payload,
        } = write
        else {
            return Ok(());
        };
        change.timers += 1;
        on_db!(&mut self.connection, c => {
            sqlx::query(
                "INSERT INTO plugin_timers (install, name, due_at, channel, payload, attempts, version) \
                 VALUES ($1, $2, $3, $4, $5, 0, $6)",
            )
            .bind(install)
            .bind(name)
            .bind(due_at)
            .bind(channel)
            .bind(payload)
            .bind(version)
            .execute(&mut *c)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}
