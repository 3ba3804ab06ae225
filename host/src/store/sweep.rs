//! Removing what may be any number of rows: what was in a channel, what a plugin kept, all that an app
//! has. It goes in steps, each a short transaction, so that the one writer serves others in between.

use super::Store;
use super::erase::{STEP_ROWS, STEP_SEATS};
use super::proof::Tenant;
use super::writer::Tx;
use crate::error::Result;
use crate::files;
use crate::model::{AppId, ChannelId, ChannelKey, EventKind, MessageId};

/// What is left of things that were removed: where they are noted, what goes of each, and how the
/// note goes after it.
struct Remains {
    next: &'static str,
    /// Whether they have a log, which goes first.
    logged: bool,
    steps: &'static [&'static str],
    done: &'static str,
}

const OF_CHANNEL: Remains = Remains {
    next: "SELECT channel FROM removed_channels LIMIT 1",
    logged: true,
    steps: &[
        "DELETE FROM participants WHERE channel = $1 AND user_id IN \
         (SELECT user_id FROM participants WHERE channel = $1 LIMIT $2)",
        "DELETE FROM held WHERE id IN (SELECT id FROM held WHERE channel = $1 LIMIT $2)",
        "DELETE FROM commanded WHERE message_id IN (SELECT message_id FROM commanded WHERE channel = $1 LIMIT $2)",
        "UPDATE files SET shown = FALSE WHERE id IN (SELECT file_id FROM file_shares WHERE channel = $1 LIMIT $2) AND shown \
         AND NOT EXISTS (SELECT 1 FROM file_shares s WHERE s.file_id = files.id AND s.channel <> $1)",
        "DELETE FROM file_shares WHERE (file_id, message_id) IN \
         (SELECT file_id, message_id FROM file_shares WHERE channel = $1 LIMIT $2)",
    ],
    done: "DELETE FROM removed_channels WHERE channel = $1",
};

const OF_INSTALL: Remains = Remains {
    next: "SELECT install FROM removed_installs LIMIT 1",
    logged: false,
    steps: &[
        "DELETE FROM plugin_kv WHERE (install, scope, key) IN \
         (SELECT install, scope, key FROM plugin_kv WHERE install = $1 LIMIT $2)",
        "DELETE FROM plugin_timers WHERE (install, name) IN \
         (SELECT install, name FROM plugin_timers WHERE install = $1 LIMIT $2)",
    ],
    done: "DELETE FROM removed_installs WHERE install = $1",
};

/// What an app has, in the order in which it goes: what refers to something goes before it.
const OF_APP: [&str; 11] = [
    "DELETE FROM events WHERE position IN (SELECT position FROM events WHERE app_id = $1 LIMIT $2)",
    "DELETE FROM plugin_kv WHERE (install, scope, key) IN (SELECT k.install, k.scope, k.key FROM installs i \
     JOIN plugin_kv k ON k.install = i.id WHERE i.app_id = $1 LIMIT $2)",
    "DELETE FROM plugin_timers WHERE (install, name) IN (SELECT t.install, t.name FROM installs i \
     JOIN plugin_timers t ON t.install = i.id WHERE i.app_id = $1 LIMIT $2)",
    "DELETE FROM commanded WHERE message_id IN (SELECT message_id FROM commanded WHERE app_id = $1 LIMIT $2)",
    "DELETE FROM file_shares WHERE (file_id, message_id) IN (SELECT s.file_id, s.message_id FROM files f \
     JOIN file_shares s ON s.file_id = f.id WHERE f.app_id = $1 LIMIT $2)",
    "DELETE FROM files WHERE id IN (SELECT id FROM files WHERE app_id = $1 LIMIT $2)",
    "DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE app_id = $1 LIMIT $2)",
    "DELETE FROM held WHERE id IN (SELECT id FROM held WHERE app_id = $1 LIMIT $2)",
    "DELETE FROM participants WHERE (channel, user_id) IN \
     (SELECT channel, user_id FROM participants WHERE app_id = $1 LIMIT $2)",
    "DELETE FROM channels WHERE key IN (SELECT key FROM channels WHERE app_id = $1 LIMIT $2)",
    "DELETE FROM users WHERE app_id = $1 AND id IN (SELECT id FROM users WHERE app_id = $1 LIMIT $2)",
];

impl Store {
    /// Removes some of what is left of channels and plugins that are gone. False when nothing is
    /// left to do.
    pub async fn sweep(&self) -> Result<bool> {
        self.write_in_turn(|tx| {
            Box::pin(async move {
                if tx.sweep_leaving().await? || tx.sweep_kept(None).await? {
                    return Ok(true);
                }
                for remains in [OF_CHANNEL, OF_INSTALL] {
                    let next: Option<i64> = on_db!(&mut tx.connection, c => {
                        sqlx::query_scalar(remains.next).fetch_optional(&mut *c).await
                    })?;
                    let Some(id) = next else {
                        continue;
                    };
                    if remains.logged && (tx.sweep_sides(id).await? || tx.sweep_log(id).await?) {
                        return Ok(true);
                    }
                    for sql in remains.steps {
                        let gone = on_db!(&mut tx.connection, c => {
                            sqlx::query(*sql).bind(id).bind(STEP_ROWS).execute(&mut *c).await.map(|done| done.rows_affected())
                        })?;
                        if gone > 0 {
                            return Ok(true);
                        }
                    }
                    on_db!(&mut tx.connection, c => sqlx::query(remains.done).bind(id).execute(&mut *c).await.map(drop))?;
                    return Ok(true);
                }
                Ok(false)
            })
        })
        .await
    }

    /// Shuts an app: from now on no credential of it works and no plugin of it runs.
    pub async fn shut_app(&self, tenant: Tenant) -> Result<()> {
        let id = tenant.app();
        self.write(move |tx| {
            Box::pin(async move {
                tx.note_removed(files::all_of(id)).await?;
                for sql in [
                    "DELETE FROM keys WHERE app_id = $1",
                    "DELETE FROM signing_keys WHERE app_id = $1",
                    "UPDATE installs SET enabled = FALSE WHERE app_id = $1",
                ] {
                    on_db!(&mut tx.connection, c => sqlx::query(sql).bind(id).execute(&mut *c).await.map(drop))?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Removes some of what an app has that was shut. False when nothing is left.
    pub async fn empty_app(&self, tenant: Tenant) -> Result<bool> {
        let id = tenant.app();
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                for sql in OF_APP {
                    let gone = on_db!(&mut tx.connection, c => {
                        sqlx::query(sql).bind(id).bind(STEP_ROWS).execute(&mut *c).await.map(|done| done.rows_affected())
                    })?;
                    if gone > 0 {
                        return Ok(true);
                    }
                }
                // The answers kept for its backend, and for its users, whose owners are `app_…/user`.
                let gone = on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "DELETE FROM idempotency WHERE (owner, key) IN (SELECT owner, key FROM idempotency \
                         WHERE owner >= $1 AND owner < $2 LIMIT $3)",
                    )
                    .bind(id.to_string())
                    .bind(format!("{id}0"))
                    .bind(STEP_ROWS)
                    .execute(&mut *c)
                    .await
                    .map(|done| done.rows_affected())
                })?;
                Ok(gone > 0)
            })
        })
        .await
    }

    /// Removes an app with everything that is left in it.
    pub async fn remove_app(&self, tenant: Tenant) -> Result<()> {
        let id = tenant.app();
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                on_db!(&mut tx.connection, c => {
                    // What came in while the app was emptied; else it has none. The rest refers to the app.
                    for sql in &OF_APP[..4] {
                        sqlx::query(*sql).bind(id).bind(i64::MAX).execute(&mut *c).await?;
                    }
                    sqlx::query("DELETE FROM apps WHERE id = $1").bind(id).execute(&mut *c).await.map(drop)
                })?;
                // Once more, for what was on its way when the app was shut.
                tx.note_removed(files::all_of(id)).await
            })
        })
        .await
    }
}

impl Tx {
    /// Removes some side channels of one that was removed. False when there are none left.
    async fn sweep_sides(&mut self, channel: i64) -> Result<bool> {
        let sides: Vec<(AppId, ChannelKey, ChannelId)> = on_db!(&mut self.connection, c => {
            sqlx::query_as("SELECT app_id, key, id FROM channels WHERE parent = $1 LIMIT $2")
                .bind(channel)
                .bind(STEP_SEATS)
                .fetch_all(&mut *c)
                .await
        })?;
        self.remove_channels(&sides).await?;
        Ok(!sides.is_empty())
    }

    /// Removes the first entries of a log, and what plugins keep for the messages among them. False when
    /// there are none left.
    async fn sweep_log(&mut self, channel: i64) -> Result<bool> {
        let entries: Vec<(i64, AppId, i16, Option<MessageId>)> = on_db!(&mut self.connection, c => {
            sqlx::query_as(
                "SELECT seq, app_id, kind, message_id FROM events WHERE channel = $1 ORDER BY seq LIMIT $2",
            )
            .bind(channel)
            .bind(STEP_ROWS)
            .fetch_all(&mut *c)
            .await
        })?;
        let Some((last, ..)) = entries.last() else {
            return Ok(false);
        };
        let messages = entries
            .iter()
            .filter(|(_, _, kind, _)| *kind == EventKind::MessageNew as i16);
        let owners: Vec<(AppId, String)> = messages
            .filter_map(|(_, app, _, message)| Some((*app, format!("m:{}", (*message)?))))
            .collect();
        self.drop_kept_of(&owners).await?;
        on_db!(&mut self.connection, c => {
            sqlx::query("DELETE FROM events WHERE channel = $1 AND seq <= $2")
                .bind(channel)
                .bind(last)
                .execute(&mut *c)
                .await
                .map(drop)
        })?;
        Ok(true)
    }
}
