//! For whom plugins keep values and timers: a channel, a user, a message, or nobody but themselves.
//!
//! Nobody reads a value or is told of a timer whose owner is gone. What is kept for one goes with it,
//! but only so much in one transaction: the rest is noted, and goes in steps (`sweep`). Whoever takes
//! the id anew does these first.

use std::collections::BTreeSet;

use super::Store;
use super::bulk::Bulk;
use super::erase::STEP_ROWS;
use super::kept::Kept;
use super::plugins::{HandlerCommit, KvRow, TimerWrite};
use super::proof::Backend;
use super::writer::Tx;
use crate::error::{Code, Error, Result};
use crate::model::{AppId, InstallId, MessageId, UserId};

/// Owners of whom one step drops what is kept: each takes several statements.
const STEP_OWNERS: i64 = 20;

/// Which installs keep something for these owners, each an app and a scope.
static KEEPING: Bulk = Bulk::cast(
    "SELECT DISTINCT i.id, v.column2 FROM (VALUES ",
    &["BIGINT", "TEXT"],
    ") AS v JOIN installs i ON i.app_id = v.column1 \
     WHERE EXISTS (SELECT 1 FROM plugin_kv k WHERE k.install = i.id AND k.scope = v.column2) \
     OR (SUBSTR(v.column2, 1, 2) = 'c:' AND EXISTS (SELECT 1 FROM plugin_timers t WHERE t.install = i.id \
     AND t.channel <> '' AND t.channel = SUBSTR(v.column2, 3)))",
);

/// Whether the owner of the scope `$2` of the install `$1` is there; `$3` is the number in a message's scope.
macro_rules! has_owner {
    () => {
        "CASE SUBSTR($2, 1, 1) \
         WHEN 'c' THEN EXISTS (SELECT 1 FROM open_channels o \
         WHERE o.app_id = (SELECT app_id FROM installs WHERE id = $1) AND o.id = SUBSTR($2, 3)) \
         WHEN 'u' THEN EXISTS (SELECT 1 FROM users o \
         WHERE o.app_id = (SELECT app_id FROM installs WHERE id = $1) AND o.id = SUBSTR($2, 3)) \
         WHEN 'm' THEN EXISTS (SELECT 1 FROM events o JOIN open_channels c ON c.key = o.channel \
         WHERE o.kind = 1 AND o.message_id = $3 AND o.deleted_at IS NULL \
         AND o.app_id = (SELECT app_id FROM installs WHERE id = $1)) \
         ELSE TRUE END"
    };
}

const HAS_OWNER: &str = concat!("SELECT ", has_owner!());
const VALUE: &str = concat!(
    "SELECT value, version FROM plugin_kv WHERE install = $1 AND scope = $2 AND key = $4 \
     AND (expires_at IS NULL OR expires_at > $5) AND ",
    has_owner!()
);
const KEYS: &str = concat!(
    "SELECT key FROM plugin_kv WHERE install = $1 AND scope = $2 AND key > $4 AND key >= $5 \
     AND SUBSTR(key, 1, LENGTH($5)) = $5 AND (expires_at IS NULL OR expires_at > $6) AND ",
    has_owner!(),
    " ORDER BY key LIMIT $7"
);

/// The number in the scope of a message.
fn message_in(scope: &str) -> Option<MessageId> {
    scope.strip_prefix("m:")?.parse().ok()
}

impl Store {
    /// A value that an install keeps.
    pub async fn find_kv(
        &self,
        install: InstallId,
        scope: &str,
        key: &str,
    ) -> Result<Option<KvRow>> {
        let now = self.clock.now();
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(VALUE)
                .bind(install)
                .bind(scope)
                .bind(message_in(scope))
                .bind(key)
                .bind(now)
                .fetch_optional(pool)
                .await
        })?)
    }

    /// Keys of a scope that begin with `prefix`, after `after`, in byte order.
    pub async fn list_kv(
        &self,
        install: InstallId,
        scope: &str,
        prefix: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>> {
        let now = self.clock.now();
        Ok(on_db!(&self.db, pool => {
            sqlx::query_scalar(KEYS)
                .bind(install)
                .bind(scope)
                .bind(message_in(scope))
                .bind(after)
                .bind(prefix)
                .bind(now)
                .bind(limit)
                .fetch_all(pool)
                .await
        })?)
    }

    /// Drops some of what the app's plugins keep for a user. False when nothing is left.
    pub async fn drop_kept_for(&self, backend: &Backend, user: UserId) -> Result<bool> {
        let owner = (backend.tenant().app(), format!("u:{user}"));
        self.write_in_turn(move |tx| Box::pin(async move { tx.drop_more_of(&owner).await }))
            .await
    }
}

impl Tx {
    /// Refuses what is kept for an owner that is gone since the plugin asked: whoever has the id next
    /// would get it.
    pub(super) async fn check_owners(&mut self, commit: &HandlerCommit) -> Result<()> {
        let values = commit
            .kv_writes
            .iter()
            .filter(|write| write.value.is_some());
        let scopes = values.map(|write| &write.scope);
        let mut owners: BTreeSet<String> = scopes.filter(|scope| *scope != "p").cloned().collect();
        owners.extend(commit.timers.iter().filter_map(|write| match write {
            TimerWrite::Set { channel, .. } if !channel.is_empty() => Some(format!("c:{channel}")),
            TimerWrite::Set { .. } | TimerWrite::Cancel { .. } => None,
        }));
        for scope in owners {
            if !self.has_owner(commit.install, &scope).await? {
                return Err(Error::new(Code::Conflict, "Whose value it is, is gone."));
            }
        }
        Ok(())
    }

    /// Whether the owner of a scope is there.
    pub(super) async fn has_owner(&mut self, install: InstallId, scope: &str) -> Result<bool> {
        Ok(on_db!(&mut self.connection, c => {
            sqlx::query_scalar(HAS_OWNER)
                .bind(install)
                .bind(scope)
                .bind(message_in(scope))
                .fetch_one(&mut *c)
                .await
        })?)
    }

    /// Drops what the plugins of apps keep for these owners, each an app and a scope, that are gone:
    /// as much of it as the transaction still may, and notes the rest.
    pub(super) async fn drop_kept_of(&mut self, owners: &[(AppId, String)]) -> Result<()> {
        for (install, scope) in self.keeping(owners).await? {
            let most = self.kept_to_drop;
            let gone = self.drop_some(install, &scope, most).await?;
            self.kept_to_drop -= gone;
            if gone == most {
                on_db!(&mut self.connection, c => {
                    sqlx::query("INSERT INTO removed_owners (scope, install) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                        .bind(&scope)
                        .bind(install)
                        .execute(&mut *c)
                        .await
                        .map(drop)
                })?;
                self.remains.notify_one();
            }
        }
        Ok(())
    }

    /// A step of what is kept for one. False when nothing was left.
    pub(super) async fn drop_more_of(&mut self, owner: &(AppId, String)) -> Result<bool> {
        let keeping = self.keeping(std::slice::from_ref(owner)).await?;
        let Some((install, scope)) = keeping.into_iter().next() else {
            return Ok(false);
        };
        Ok(self.drop_some(install, &scope, STEP_ROWS).await? > 0)
    }

    /// A step of what is noted, of this owner alone if there is one. False when nothing is.
    pub(super) async fn sweep_kept(&mut self, of: Option<&(AppId, String)>) -> Result<bool> {
        let noted: Vec<(InstallId, String)> = on_db!(&mut self.connection, c => {
            match of {
                None => {
                    sqlx::query_as("SELECT install, scope FROM removed_owners LIMIT $1")
                        .bind(STEP_OWNERS)
                        .fetch_all(&mut *c)
                        .await
                }
                Some((app, scope)) => {
                    sqlx::query_as(
                        "SELECT r.install, r.scope FROM removed_owners r JOIN installs i ON i.id = r.install \
                         WHERE r.scope = $1 AND i.app_id = $2 LIMIT $3",
                    )
                    .bind(scope)
                    .bind(app)
                    .bind(STEP_OWNERS)
                    .fetch_all(&mut *c)
                    .await
                }
            }
        })?;
        let is_any = !noted.is_empty();
        let mut left = STEP_ROWS;
        for (install, scope) in noted {
            let gone = self.drop_some(install, &scope, left).await?;
            if gone == left {
                break; // There may be more of it.
            }
            left -= gone;
            on_db!(&mut self.connection, c => {
                sqlx::query("DELETE FROM removed_owners WHERE scope = $1 AND install = $2")
                    .bind(&scope)
                    .bind(install)
                    .execute(&mut *c)
                    .await
                    .map(drop)
            })?;
        }
        Ok(is_any)
    }

    async fn keeping(&mut self, owners: &[(AppId, String)]) -> Result<Vec<(InstallId, String)>> {
        let mut all = Vec::new();
        for (sql, owners) in KEEPING.padded(self.connection.dialect(), owners) {
            let found: Vec<(InstallId, String)> = on_db!(&mut self.connection, c => {
                let mut query = sqlx::query_as(sql);
                for (app, scope) in owners {
                    query = query.bind(app).bind(scope);
                }
                query.fetch_all(&mut *c).await
            })?;
            all.extend(found);
        }
        Ok(all)
    }

    /// Drops at most so many of the values, then of the timers, that an install keeps for an owner. Gives
    /// how many.
    async fn drop_some(&mut self, install: InstallId, scope: &str, most: i64) -> Result<i64> {
        let values: Vec<i64> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar(
                "DELETE FROM plugin_kv WHERE install = $1 AND scope = $2 AND key IN \
                 (SELECT key FROM plugin_kv WHERE install = $1 AND scope = $2 LIMIT $3) \
                 RETURNING CAST(OCTET_LENGTH(key) + OCTET_LENGTH(value) AS BIGINT)",
            )
            .bind(install)
            .bind(scope)
            .bind(most)
            .fetch_all(&mut *c)
            .await
        })?;
        let mut change = Kept::default();
        let mut gone = values.len() as i64;
        values
            .into_iter()
            .for_each(|bytes| change.drop_value(bytes));
        if let Some(channel) = scope.strip_prefix("c:") {
            let timers = on_db!(&mut self.connection, c => {
                sqlx::query(
                    "DELETE FROM plugin_timers WHERE install = $1 AND name IN (SELECT name FROM plugin_timers \
                     WHERE install = $1 AND channel = $2 AND channel <> '' LIMIT $3)",
                )
                .bind(install)
                .bind(channel)
                .bind(most - gone)
                .execute(&mut *c)
                .await
                .map(|done| done.rows_affected() as i64)
            })?;
            change.timers -= timers;
            gone += timers;
        }
        if gone > 0 {
            // Of a plugin that was removed nobody counts what is left.
            self.change_kept(install, change).await?;
        }
        Ok(gone)
    }
}
