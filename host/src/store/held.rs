//! Messages that a guard held back until a person decides. They are in no log, so nobody but the
//! reviewers sees them.

use super::Store;
use super::append::{ClientIds, NewMessage, Sent};
use super::proof::{Backend, Member, Tenant};
use super::writer::Tx;
use crate::error::{Code, Error, Result};
use crate::model::{
    AppId, ChannelKey, FILE_KINDS, Held, HeldId, Message, MessageId, Millis, UserId,
};

macro_rules! held_columns {
    () => {
        "id, channel, sender, type, data, view, state, to_user, client_id, client_hash, plugin, reason, \
         details, appeal, created_at"
    };
}

/// When it makes sense to try again if too many wait: reviewers are people.
const WAIT_MS: u64 = 60_000;
/// So many go in one transaction: each has its own statements.
const DROPPED_MAX: i64 = 50;

/// What became of a message that was to be held.
#[derive(Debug, Clone)]
pub enum Holding {
    /// It waits now, or did before under the same client id.
    Held(Held),
    /// It was stored before under the same client id, so the retry gets that one.
    Stored(Message),
}

/// Why a message waits.
#[derive(Debug, Clone)]
pub struct Hold {
    /// The plugin that holds it.
    pub plugin: String,
    /// Its sentence for the sender.
    pub reason: String,
    /// What it says to reviewers alone.
    pub details: Option<String>,
    /// What the sender says to reviewers.
    pub appeal: Option<Appeal>,
    /// The most messages of the sender that may wait in the app.
    pub waiting_max: u32,
    /// The most messages that may wait in the app.
    pub waiting_in_app_max: u32,
}

/// A sender's wish that a person looks at a message.
#[derive(Debug, Clone)]
pub struct Appeal {
    pub note: String,
    /// The most appeals of one sender that may wait in the app.
    pub waiting_max: u32,
}

impl Store {
    /// Keeps a message for review. If it waits already under the same client id, an appeal adds its
    /// note.
    ///
    /// # Errors
    /// `limit_reached` when too many appeals of its sender wait, or too many messages of its sender or of all.
    pub async fn hold(&self, message: NewMessage, hold: Hold) -> Result<Holding> {
        self.write(move |tx| {
            Box::pin(async move {
                let (app, channel) = (message.member.tenant().app(), message.member.channel().key);
                let file = message.file;
                if let Some(file) = file
                    && !tx.has_file(app, file).await?
                {
                    return Err(Error::not_found("file"));
                }
                if let Some((client_id, hash)) = &message.client {
                    let other = || {
                        Error::new(
                            Code::IdempotencyConflict,
                            "A message with this `client_id` but another content was sent before.",
                        )
                    };
                    if let Some(mut earlier) =
                        find_by_client_id(tx, channel, &message.sender, client_id).await?
                    {
                        if earlier.client_hash != Some(*hash) {
                            return Err(other());
                        }
                        if let Some(appeal) = hold.appeal {
                            if earlier.appeal.is_none() {
                                check_appeals(tx, app, &message.sender, &appeal).await?;
                            }
                            set_appeal(tx, earlier.id, &appeal.note).await?;
                            earlier.appeal = Some(appeal.note);
                        }
                        return Ok(Holding::Held(earlier));
                    }
                    if let Some((earlier, stored)) =
                        stored_before(tx, channel, &message.sender, client_id).await?
                    {
                        if earlier != Some(*hash) {
                            return Err(other());
                        }
                        return Ok(Holding::Stored(stored));
                    }
                }
                if let Some(appeal) = &hold.appeal {
                    check_appeals(tx, app, &message.sender, appeal).await?;
                }
                check_waiting(tx, app, &message.sender, &hold).await?;
                let held = Held {
                    id: HeldId(tx.next_id()),
                    channel,
                    sender: message.sender,
                    kind: message.kind,
                    data: message.data,
                    view: message.view,
                    state: message.state,
                    to_user: message.to,
                    client_hash: message.client.as_ref().map(|c| c.1),
                    client_id: message.client.map(|c| c.0),
                    plugin: hold.plugin,
                    reason: hold.reason,
                    details: hold.details,
                    appeal: hold.appeal.map(|appeal| appeal.note),
                    created_at: tx.now,
                };
                // In no channel that is gone: what waits there is being cleared away.
                tx.head_seq(channel).await?;
                insert(tx, app, &held).await?;
                if let Some(file) = file {
                    tx.show_file(app, file, held.id.0, channel).await?;
                }
                Ok(Holding::Held(held))
            })
        })
        .await
    }

    /// What waits in the app, old to new, after `after`.
    pub async fn list_held(
        &self,
        backend: &Backend,
        after: Option<HeldId>,
        limit: i64,
    ) -> Result<Vec<Held>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(concat!(
                "SELECT ",
                held_columns!(),
                " FROM held WHERE app_id = $1 AND id > $2 \
                 AND EXISTS (SELECT 1 FROM open_channels c WHERE c.key = held.channel) ORDER BY id LIMIT $3"
            ))
            .bind(backend.tenant().app())
            .bind(after.unwrap_or(HeldId(i64::MIN)))
            .bind(limit)
            .fetch_all(pool)
            .await
        })?)
    }

    /// What waits of one sender, old to new, after `after`.
    pub async fn list_held_of(
        &self,
        tenant: Tenant,
        sender: &UserId,
        after: Option<HeldId>,
        limit: i64,
    ) -> Result<Vec<Held>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(concat!(
                "SELECT ",
                held_columns!(),
                " FROM held WHERE app_id = $1 AND sender = $2 AND id > $3 \
                 AND EXISTS (SELECT 1 FROM open_channels c WHERE c.key = held.channel) ORDER BY id LIMIT $4"
            ))
            .bind(tenant.app())
            .bind(sender.as_str())
            .bind(after.unwrap_or(HeldId(i64::MIN)))
            .bind(limit)
            .fetch_all(pool)
            .await
        })?)
    }

    /// One that waits.
    pub async fn find_held(&self, backend: &Backend, id: HeldId) -> Result<Option<Held>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(concat!(
                "SELECT ",
                held_columns!(),
                " FROM held WHERE app_id = $1 AND id = $2 \
                 AND EXISTS (SELECT 1 FROM open_channels c WHERE c.key = held.channel)"
            ))
                .bind(backend.tenant().app())
                .bind(id)
                .fetch_optional(pool)
                .await
        })?)
    }

    /// Stores a held message after all. `member` is its sender's place in the channel, or the
    /// backend's: whether the sender is still there is looked up again.
    pub async fn approve_held(&self, member: Member, held: Held) -> Result<Sent> {
        self.write(move |tx| {
            Box::pin(async move {
                let file = tx.file_of(held.id.0).await?;
                if file.is_none() && FILE_KINDS.contains(&held.kind.as_str()) {
                    let detail = "The file that the message shows is gone; it can be rejected.";
                    return Err(Error::new(Code::Conflict, detail));
                }
                remove(tx, member.tenant().app(), held.id).await?;
                let message = NewMessage {
                    member,
                    sender: held.sender,
                    to: held.to_user,
                    id: None,
                    kind: held.kind,
                    data: held.data,
                    view: held.view,
                    state: held.state,
                    file,
                    client: held.client_id.zip(held.client_hash),
                };
                let mut sent = tx.send_all(&[message], ClientIds::LookedFor).await?;
                sent.pop()
                    .unwrap_or_else(|| Err(Error::not_found("message")))
            })
        })
        .await
    }

    /// Drops some of the messages that wait since before `before`, and gives them with their apps, old to new;
    /// none when there are none left.
    pub async fn drop_old_held(&self, before: Millis) -> Result<Vec<(AppId, Held)>> {
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                let old: Vec<(AppId, HeldId)> = on_db!(&mut tx.connection, c => {
                    sqlx::query_as("SELECT app_id, id FROM held WHERE created_at < $1 ORDER BY created_at LIMIT $2")
                        .bind(before)
                        .bind(DROPPED_MAX)
                        .fetch_all(&mut *c)
                        .await
                })?;
                let mut dropped = Vec::new();
                for (app, id) in old {
                    let held: Held = on_db!(&mut tx.connection, c => {
                        sqlx::query_as(concat!("SELECT ", held_columns!(), " FROM held WHERE id = $1"))
                            .bind(id)
                            .fetch_one(&mut *c)
                            .await
                    })?;
                    remove(tx, app, id).await?;
                    dropped.push((app, held));
                }
                Ok(dropped)
            })
        })
        .await
    }

    /// Drops some of the messages that wait from or to a user. False when there were none.
    pub async fn drop_held_of(&self, backend: &Backend, user: UserId) -> Result<bool> {
        let app = backend.tenant().app();
        self.write_in_turn(move |tx| Box::pin(async move { tx.drop_held_of(app, &user).await }))
            .await
    }

    /// Drops a held message.
    pub async fn reject_held(&self, backend: &Backend, id: HeldId) -> Result<()> {
        let app = backend.tenant().app();
        self.write(move |tx| Box::pin(async move { remove(tx, app, id).await }))
            .await
    }
}

impl Tx {
    /// See [`Store::drop_held_of`].
    pub(super) async fn drop_held_of(&mut self, app: AppId, user: &UserId) -> Result<bool> {
        let ids: Vec<HeldId> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar(
                "SELECT id FROM held WHERE app_id = $1 AND sender = $2 \
                 UNION SELECT id FROM held WHERE app_id = $1 AND to_user = $2 LIMIT $3",
            )
            .bind(app)
            .bind(user.as_str())
            .bind(DROPPED_MAX)
            .fetch_all(&mut *c)
            .await
        })?;
        for id in &ids {
            remove(self, app, *id).await?;
        }
        Ok(!ids.is_empty())
    }
}

async fn insert(tx: &mut Tx, app: AppId, held: &Held) -> Result<()> {
    on_db!(&mut tx.connection, c => {
        sqlx::query(
            "INSERT INTO held (app_id, id, channel, sender, type, data, view, state, to_user, client_id, client_hash, \
             plugin, reason, details, appeal, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        )
        .bind(app)
        .bind(held.id)
        .bind(held.channel)
        .bind(held.sender.as_str())
        .bind(&held.kind)
        .bind(&held.data)
        .bind(&held.view)
        .bind(&held.state)
        .bind(held.to_user.as_ref().map(UserId::as_str))
        .bind(&held.client_id)
        .bind(held.client_hash)
        .bind(&held.plugin)
        .bind(&held.reason)
        .bind(&held.details)
        .bind(&held.appeal)
        .bind(held.created_at)
        .execute(&mut *c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// Refuses one message too many.
async fn check_waiting(tx: &mut Tx, app: AppId, sender: &UserId, hold: &Hold) -> Result<()> {
    let last_of_sender: Option<HeldId> = on_db!(&mut tx.connection, c => {
        sqlx::query_scalar("SELECT id FROM held WHERE app_id = $1 AND sender = $2 LIMIT 1 OFFSET $3")
            .bind(app)
            .bind(sender.as_str())
            .bind(i64::from(hold.waiting_max) - 1)
            .fetch_optional(&mut *c)
            .await
    })?;
    let last_of_all: Option<HeldId> = on_db!(&mut tx.connection, c => {
        sqlx::query_scalar("SELECT id FROM held WHERE app_id = $1 ORDER BY id LIMIT 1 OFFSET $2")
            .bind(app)
            .bind(i64::from(hold.waiting_in_app_max) - 1)
            .fetch_optional(&mut *c)
            .await
    })?;
    let detail = if last_of_sender.is_some() {
        format!(
            "At most {} of a person's messages wait for review at a time. Wait until some are decided.",
            hold.waiting_max
        )
    } else if last_of_all.is_some() {
        "Too many messages wait for review. Try again later.".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::new(Code::LimitReached, detail).retry_after_ms(WAIT_MS))
}

/// Refuses one appeal too many.
async fn check_appeals(tx: &mut Tx, app: AppId, sender: &UserId, appeal: &Appeal) -> Result<()> {
    let waiting: i64 = on_db!(&mut tx.connection, c => {
        sqlx::query_scalar(
            "SELECT COUNT(*) FROM held WHERE app_id = $1 AND sender = $2 AND appeal IS NOT NULL",
        )
        .bind(app)
        .bind(sender.as_str())
        .fetch_one(&mut *c)
        .await
    })?;
    if waiting < i64::from(appeal.waiting_max) {
        return Ok(());
    }
    let detail = format!(
        "At most {} of a person's appeals wait for review at a time. Wait for an answer.",
        appeal.waiting_max
    );
    Err(Error::new(Code::LimitReached, detail))
}

async fn set_appeal(tx: &mut Tx, id: HeldId, note: &str) -> Result<()> {
    on_db!(&mut tx.connection, c => {
        sqlx::query("UPDATE held SET appeal = $2 WHERE id = $1")
            .bind(id)
            .bind(note)
            .execute(&mut *c)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Takes it off the queue: of two who decide at once, the second finds nothing.
async fn remove(tx: &mut Tx, app: AppId, id: HeldId) -> Result<()> {
    let gone = on_db!(&mut tx.connection, c => {
        sqlx::query("DELETE FROM held WHERE app_id = $1 AND id = $2")
            .bind(app)
            .bind(id)
            .execute(&mut *c)
            .await
            .map(|done| done.rows_affected())
    })?;
    match gone {
        0 => Err(Error::not_found("held message")),
        _ => tx.hide_file(id.0).await,
    }
}

async fn find_by_client_id(
    tx: &mut Tx,
    channel: ChannelKey,
    sender: &UserId,
    client_id: &str,
) -> Result<Option<Held>> {
    Ok(on_db!(&mut tx.connection, c => {
        sqlx::query_as(concat!(
            "SELECT ",
            held_columns!(),
            " FROM held WHERE channel = $1 AND sender = $2 AND client_id = $3"
        ))
        .bind(channel)
        .bind(sender.as_str())
        .bind(client_id)
        .fetch_optional(&mut *c)
        .await
    })?)
}

/// The hash of what was sent under this client id, and the message.
async fn stored_before(
    tx: &mut Tx,
    channel: ChannelKey,
    sender: &UserId,
    client_id: &str,
) -> Result<Option<(Option<i64>, Message)>> {
    let found: Option<(Option<i64>, MessageId)> = on_db!(&mut tx.connection, c => {
        sqlx::query_as(
            "SELECT client_hash, message_id FROM events WHERE channel = $1 AND actor = $2 AND client_id = $3",
        )
        .bind(channel)
        .bind(sender.as_str())
        .bind(client_id)
        .fetch_optional(&mut *c)
        .await
    })?;
    let Some((hash, id)) = found else {
        return Ok(None);
    };
    let message = super::messages::find_in(&mut tx.connection, id).await?;
    Ok(message.map(|message| (hash, message)))
}
