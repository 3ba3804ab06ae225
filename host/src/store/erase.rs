//! Erasing a user, who may have written any number of messages. It goes in steps, each a short
//! transaction, so that the one writer serves others in between; what is to be taken is found on a
//! reading connection, by a walk through the app's log.

use super::Store;
use super::proof::Backend;
use super::writer::Tx;
use crate::error::{Code, Result};
use crate::model::{AppId, ChannelKey, EventKind, MessageId, Millis, UserId};

/// Rows that one step takes at most, of those that go with one statement.
pub(super) const STEP_ROWS: i64 = 500;
/// Channels that a user leaves in one step: each takes several statements, and more for an owner.
pub(super) const STEP_SEATS: i64 = 20;
/// Entries of a log that are looked through at once.
const LOOK_ROWS: i64 = 2000;
/// Messages and entries that one step rewrites; each takes several statements.
pub const STEP_TRACES: usize = 100;

/// An entry of the log that may name a user.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Trace {
    position: i64,
    channel: ChannelKey,
    kind: i16,
    actor: Option<UserId>,
    to_user: Option<UserId>,
    message_id: Option<MessageId>,
    deleted_at: Option<Millis>,
    /// What an entry about participants says.
    data: Option<String>,
}

/// A stretch of an app's log.
#[derive(Debug)]
pub struct Stretch {
    /// The entries in it that name the user.
    pub traces: Vec<Trace>,
    /// Where it ends; none when there is nothing more.
    pub end: Option<i64>,
}

const LOOK: &str = "SELECT position, channel, kind, actor, to_user, message_id, deleted_at, \
                    CASE WHEN kind IN (4, 5, 6) THEN data ELSE NULL END AS data \
                    FROM events WHERE app_id = $1 AND position > $2 ORDER BY position LIMIT $3";

/// The fields of an entry about participants that name somebody.
const NAMING: [&str; 2] = ["user_id", "by"];

impl Store {
    /// Takes a user out of some of its channels. False when it sat in none.
    pub async fn leave_channels(&self, backend: &Backend, id: UserId) -> Result<bool> {
        let app = backend.tenant().app();
        self.write_in_turn(move |tx| Box::pin(async move { tx.leave(app, &id).await }))
            .await
    }

    /// Looks through the app's log after a position for what names the user.
    pub async fn find_traces(&self, backend: &Backend, id: &UserId, after: i64) -> Result<Stretch> {
        let entries: Vec<Trace> = on_db!(&self.db, pool => {
            sqlx::query_as(LOOK)
                .bind(backend.tenant().app())
                .bind(after)
                .bind(LOOK_ROWS)
                .fetch_all(pool)
                .await
        })?;
        Ok(Stretch::of(entries, id))
    }

    /// Takes the content of the user's messages away, and lets the entries name `nobody` instead.
    pub async fn erase_traces(
        &self,
        backend: &Backend,
        id: UserId,
        nobody: UserId,
        traces: Vec<Trace>,
    ) -> Result<()> {
        let app = backend.tenant().app();
        self.write_in_turn(move |tx| {
            Box::pin(async move { tx.erase_traces(app, &id, &nobody, &traces).await })
        })
        .await
    }

    /// Drops some answers that are kept for the user. False when there were none.
    pub async fn drop_answers(&self, backend: &Backend, id: UserId) -> Result<bool> {
        let app = backend.tenant().app();
        self.write_in_turn(move |tx| {
            Box::pin(async move { tx.drop_answers(app, &id, STEP_ROWS).await })
        })
        .await
    }

    /// Drops the content of some answers that are kept for the app's backend, which may tell of the
    /// user; that the requests were done is still known. Gives the key to go on after, if there are more.
    pub async fn forget_answers(&self, backend: &Backend, after: String) -> Result<Option<String>> {
        let owner = backend.tenant().app().to_string();
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                let last: Option<String> = on_db!(&mut tx.connection, c => {
                    let last = sqlx::query_scalar(
                        "SELECT MAX(key) FROM (SELECT key FROM idempotency WHERE owner = $1 AND key > $2 \
                         ORDER BY key LIMIT $3) AS step",
                    )
                    .bind(&owner)
                    .bind(&after)
                    .bind(STEP_ROWS)
                    .fetch_one(&mut *c)
                    .await?;
                    sqlx::query("UPDATE idempotency SET body = NULL WHERE owner = $1 AND key > $2 AND key <= $3")
                        .bind(&owner)
                        .bind(&after)
                        .bind(&last)
                        .execute(&mut *c)
                        .await
                        .map(|_| last)
                })?;
                Ok(last)
            })
        })
        .await
    }

    /// The last step of erasing a user: what the log has got since `after`, and the user itself.
    pub async fn erase_user(
        &self,
        backend: &Backend,
        id: UserId,
        nobody: UserId,
        after: i64,
    ) -> Result<()> {
        let app = backend.tenant().app();
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                // What was on its way when the user was shut out.
                while tx.leave(app, &id).await? {}
                tx.erase_tail(app, &id, &nobody, after).await?;
                tx.erase_rows(app, &id).await
            })
        })
        .await
    }
}

impl Stretch {
    fn of(entries: Vec<Trace>, id: &UserId) -> Self {
        let end = entries.last().map(|entry| entry.position);
        let traces = entries.into_iter().filter(|entry| entry.names(id));
        Self {
            traces: traces.collect(),
            end,
        }
    }
}

impl Trace {
    fn names(&self, user: &UserId) -> bool {
        let fields = NAMING.map(|field| as_field(field, user));
        let says = |data: &String| fields.iter().any(|field| data.contains(field));
        self.actor.as_ref() == Some(user)
            || self.to_user.as_ref() == Some(user)
            || self.data.as_ref().is_some_and(says)
    }

    fn is_message_of(&self, user: &UserId) -> bool {
        self.kind == EventKind::MessageNew as i16
            && self.actor.as_ref() == Some(user)
            && self.deleted_at.is_none()
    }
}

/// A field of an entry as the log keeps it. With the field's name, for an id may be a word that
/// stands elsewhere in the entry, too.
fn as_field(field: &str, user: &UserId) -> String {
    format!("\"{field}\":{}", serde_json::Value::from(user.as_str()))
}

impl Tx {
    async fn leave(&mut self, app: AppId, id: &UserId) -> Result<bool> {
        let channels: Vec<ChannelKey> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar("SELECT channel FROM participants WHERE app_id = $1 AND user_id = $2 LIMIT $3")
                .bind(app)
                .bind(id.as_str())
                .bind(STEP_SEATS)
                .fetch_all(&mut *c)
                .await
        })?;
        for channel in &channels {
            self.remove_seat(app, *channel, id, None).await?;
        }
        Ok(!channels.is_empty())
    }

    async fn erase_traces(
        &mut self,
        app: AppId,
        id: &UserId,
        nobody: &UserId,
        traces: &[Trace],
    ) -> Result<()> {
        self.load_heads(traces.iter().map(|trace| trace.channel))
            .await?;
        for trace in traces {
            if let (Some(message), true) = (trace.message_id, trace.is_message_of(id)) {
                self.erase_message(trace.channel, message).await?;
            }
            self.rename_trace(app, id, nobody, trace).await?;
        }
        Ok(())
    }

    async fn erase_message(&mut self, channel: ChannelKey, message: MessageId) -> Result<()> {
        // The channel may be gone since, and then the message is, too.
        if !self.known.heads.contains_key(&channel) {
            return Ok(());
        }
        match self.delete_message(channel, message, None).await {
            Err(error) if error.code() != Code::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Entries keep their places; what named the user names nobody.
    async fn rename_trace(
        &mut self,
        app: AppId,
        id: &UserId,
        nobody: &UserId,
        trace: &Trace,
    ) -> Result<()> {
        let data = trace.data.as_ref().map(|data| {
            NAMING.iter().fold(data.clone(), |data, field| {
                data.replace(&as_field(field, id), &as_field(field, nobody))
            })
        });
        on_db!(&mut self.connection, c => {
            if trace.actor.as_ref() == Some(id) {
                sqlx::query("UPDATE events SET actor = $1, client_id = NULL, client_hash = NULL WHERE position = $2")
                    .bind(nobody.as_str())
                    .bind(trace.position)
                    .execute(&mut *c)
                    .await?;
            }
            if trace.to_user.as_ref() == Some(id) {
                sqlx::query("UPDATE events SET to_user = $1 WHERE position = $2")
                    .bind(nobody.as_str())
                    .bind(trace.position)
                    .execute(&mut *c)
                    .await?;
            }
            if let Some(data) = data {
                sqlx::query("UPDATE events SET data = $1 WHERE position = $2")
                    .bind(data)
                    .bind(trace.position)
                    .execute(&mut *c)
                    .await?;
                // Whoever has the id next is another person, who gets channels of its own.
                sqlx::query("UPDATE channels SET pair = NULL WHERE app_id = $1 AND key = $2 AND pair IS NOT NULL")
                    .bind(app)
                    .bind(trace.channel)
                    .execute(&mut *c)
                    .await?;
            }
            Ok::<_, sqlx::Error>(())
        })?;
        Ok(())
    }

    /// What the log has got after a position: little, for it was looked through just now.
    async fn erase_tail(
        &mut self,
        app: AppId,
        id: &UserId,
        nobody: &UserId,
        mut after: i64,
    ) -> Result<()> {
        loop {
            self.flush().await?;
            let entries: Vec<Trace> = on_db!(&mut self.connection, c => {
                sqlx::query_as(LOOK).bind(app).bind(after).bind(LOOK_ROWS).fetch_all(&mut *c).await
            })?;
            let Stretch { traces, end } = Stretch::of(entries, id);
            let Some(end) = end else {
                return Ok(());
            };
            after = end;
            self.erase_traces(app, id, nobody, &traces).await?;
        }
    }

    async fn drop_answers(&mut self, app: AppId, id: &UserId, limit: i64) -> Result<bool> {
        let gone = on_db!(&mut self.connection, c => {
            sqlx::query(
                "DELETE FROM idempotency WHERE owner = $1 AND key IN \
                 (SELECT key FROM idempotency WHERE owner = $1 LIMIT $2)",
            )
            .bind(format!("{app}/{id}"))
            .bind(limit)
            .execute(&mut *c)
            .await
            .map(|done| done.rows_affected())
        })?;
        Ok(gone > 0)
    }

    /// A step of what there is of a user. `sql` deletes it and takes the app, the user and how many rows.
    /// False when there was nothing.
    pub(super) async fn delete_step(
        &mut self,
        sql: &'static str,
        app: AppId,
        user: &UserId,
    ) -> Result<bool> {
        let gone = on_db!(&mut self.connection, c => {
            sqlx::query(sql)
                .bind(app)
                .bind(user.as_str())
                .bind(STEP_ROWS)
                .execute(&mut *c)
                .await
                .map(|done| done.rows_affected())
        })?;
        Ok(gone > 0)
    }

    async fn erase_rows(&mut self, app: AppId, id: &UserId) -> Result<()> {
        self.drop_answers(app, id, i64::MAX).await?;
        let kept = (app, format!("u:{id}"));
        while self.drop_more_of(&kept).await? {}
        // What came since the step before.
        while self.drop_held_of(app, id).await? {}
        while self.forget_commands(app, id).await? {}
        on_db!(&mut self.connection, c => {
            // What is left of others' leaving tells nobody that it was this one who removed them.
            sqlx::query("UPDATE leaving SET actor = NULL WHERE app_id = $1 AND actor = $2")
                .bind(app)
                .bind(id.as_str())
                .execute(&mut *c)
                .await?;
            sqlx::query("DELETE FROM leaving WHERE app_id = $1 AND user_id = $2")
                .bind(app)
                .bind(id.as_str())
                .execute(&mut *c)
                .await?;
            sqlx::query("DELETE FROM users WHERE app_id = $1 AND id = $2")
                .bind(app)
                .bind(id.as_str())
                .execute(&mut *c)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}
