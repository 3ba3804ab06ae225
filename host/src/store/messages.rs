//! Reading messages and log entries, and changing a message in place.

use std::collections::HashMap;
use std::sync::Arc;

use super::append::{MessageChange, NewEvent};
use super::bulk::Bulk;
use super::proof::{Backend, Member, Tenant};
use super::writer::{Connection, Tx};
use super::{Db, Store};
use crate::error::{Code, Error, Result};
use crate::model::{
    AppId, ChannelKey, ChannelListing, Event, EventBody, EventKind, FILE_KINDS, Message, MessageId,
    Millis, UserId,
};

/// What a message is read from: columns of `events`, or of what its rows are called in the statement
/// (`"m."`).
macro_rules! message_columns {
    () => {
        message_columns!("")
    };
    ($of:literal) => {
        concat!(
            $of,
            "message_id AS id, ",
            $of,
            "channel, ",
            $of,
            "seq, ",
            $of,
            "ts, ",
            $of,
            "actor AS sender, ",
            $of,
            "to_user AS \"to\", ",
            $of,
            "type AS kind, ",
            $of,
            "data, ",
            $of,
            "view, ",
            $of,
            "state, ",
            $of,
            "attachments, ",
            $of,
            "client_id, ",
            $of,
            "revision, ",
            $of,
            "edited_at, ",
            $of,
            "deleted_at"
        )
    };
}
pub(super) use message_columns;

/// Which part of a channel's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// The newest.
    Latest,
    /// The newest of those with a lower `seq`.
    Before(i64),
    /// The oldest of those with a higher `seq`.
    After(i64),
}

/// An entry as it lies in the table: message events name their message.
#[derive(sqlx::FromRow)]
struct EventRow {
    position: i64,
    app_id: AppId,
    channel: ChannelKey,
    seq: i64,
    ts: Millis,
    kind: i16,
    actor: Option<UserId>,
    depth: i16,
    message_id: Option<MessageId>,
    data: Option<String>,
}

static BY_IDS: Bulk = Bulk::cast(
    concat!(
        "SELECT ",
        message_columns!(),
        " FROM events WHERE kind = 1 AND message_id IN (VALUES "
    ),
    &["BIGINT"],
    ")",
);

impl Store {
    /// Messages of a channel, old to new, at most `limit`.
    pub async fn list_messages(
        &self,
        member: &Member,
        slice: Slice,
        limit: i64,
    ) -> Result<Vec<Message>> {
        const OLDER: &str = concat!(
            "SELECT ",
            message_columns!(),
            " FROM events WHERE channel = $1 AND kind = 1 AND seq < $2 ORDER BY seq DESC LIMIT $3"
        );
        const NEWER: &str = concat!(
            "SELECT ",
            message_columns!(),
            " FROM events WHERE channel = $1 AND kind = 1 AND seq > $2 ORDER BY seq LIMIT $3"
        );
        let (sql, from) = match slice {
            Slice::Latest => (OLDER, i64::MAX),
            Slice::Before(seq) => (OLDER, seq),
            Slice::After(seq) => (NEWER, seq),
        };
        let mut messages: Vec<Message> = on_db!(&self.db, pool => {
            sqlx::query_as(sql).bind(member.channel().key).bind(from).bind(limit).fetch_all(pool).await
        })?;
        if sql == OLDER {
            messages.reverse();
        }
        Ok(messages)
    }

    /// A message of the app with the key of its channel. Whether the caller may see that channel is
    /// still to be shown.
    pub async fn find_message(&self, tenant: Tenant, id: MessageId) -> Result<Option<Message>> {
        const SQL: &str = concat!(
            "SELECT ",
            message_columns!(),
            " FROM events WHERE kind = 1 AND message_id = $1 AND app_id = $2 \
             AND EXISTS (SELECT 1 FROM open_channels c WHERE c.key = events.channel)"
        );
        Ok(
            on_db!(&self.db, pool => sqlx::query_as(SQL).bind(id).bind(tenant.app()).fetch_optional(pool).await)?,
        )
    }

    /// The message that was sent with this client id, and the hash of what was sent.
    pub async fn find_by_client_id(
        &self,
        member: &Member,
        sender: &UserId,
        client_id: &str,
    ) -> Result<Option<(i64, Message)>> {
        const SQL: &str = "SELECT client_hash, message_id FROM events WHERE channel = $1 AND actor = $2 AND client_id = $3";
        let found: Option<(Option<i64>, MessageId)> = on_db!(&self.db, pool => {
            sqlx::query_as(SQL)
                .bind(member.channel().key)
                .bind(sender.as_str())
                .bind(client_id)
                .fetch_optional(pool)
                .await
        })?;
        let Some((hash, id)) = found else {
            return Ok(None);
        };
        Ok(self
            .find_message(member.tenant(), id)
            .await?
            .map(|message| (hash.unwrap_or(0), message)))
    }

    /// The entries of a channel after `since`, oldest first, at most `limit`, and the channel's head
    /// as of the same moment or later.
    pub async fn list_events(&self, member: &Member, since: i64, limit: i64) -> Result<Vec<Event>> {
        let rows: Vec<EventRow> = on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT position, app_id, channel, seq, ts, kind, actor, depth, message_id, \
                 CASE WHEN kind = 1 THEN NULL ELSE data END AS data \
                 FROM events WHERE channel = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            )
            .bind(member.channel().key)
            .bind(since)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        with_messages(&self.db, rows).await
    }

    /// Entries of an app after a position of the store's log, oldest first, at most `limit`.
    pub async fn list_log(&self, backend: &Backend, after: i64, limit: i64) -> Result<Vec<Event>> {
        let rows: Vec<EventRow> = on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT position, app_id, channel, seq, ts, kind, actor, depth, message_id, \
                 CASE WHEN kind = 1 THEN NULL ELSE data END AS data \
                 FROM events WHERE position > $1 AND app_id = $2 ORDER BY position LIMIT $3",
            )
            .bind(after)
            .bind(backend.tenant().app())
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        with_messages(&self.db, rows).await
    }

    /// Where the store's log ends now.
    pub async fn log_end(&self) -> Result<i64> {
        let end: Option<i64> = on_db!(&self.db, pool => {
            sqlx::query_scalar("SELECT MAX(position) FROM events").fetch_one(pool).await
        })?;
        Ok(end.unwrap_or(0))
    }

    /// Changes a message and appends `message.updated`, unless readers see the same as before: then
    /// there is nothing to tell.
    ///
    /// # Errors
    /// `not_found`; `conflict` when the message is no longer at `revision`, or is deleted.
    pub async fn change_message(
        &self,
        member: &Member,
        id: MessageId,
        revision: i64,
        change: MessageChange,
    ) -> Result<Message> {
        let (channel, actor) = (member.channel().key, member.user().cloned());
        self.write(move |tx| {
            Box::pin(async move {
                tx.change_message(channel, id, revision, change, actor)
                    .await
            })
        })
        .await
    }

    /// Takes the content of a message away, for good, and appends `message.deleted`. Deleting twice
    /// is the same as once.
    pub async fn delete_message(&self, member: &Member, id: MessageId) -> Result<Message> {
        let (channel, actor) = (member.channel().key, member.user().cloned());
        self.write(move |tx| Box::pin(async move { tx.delete_message(channel, id, actor).await }))
            .await
    }
}

/// All entries after a position of the store's log, of every app.
pub(super) async fn log_after(db: &Db, position: i64) -> Result<Vec<Event>> {
    let rows: Vec<EventRow> = on_db!(db, pool => {
        sqlx::query_as(
            "SELECT position, app_id, channel, seq, ts, kind, actor, depth, message_id, \
             CASE WHEN kind = 1 THEN NULL ELSE data END AS data FROM events WHERE position > $1 ORDER BY position",
        )
        .bind(position)
        .fetch_all(pool)
        .await
    })?;
    with_messages(db, rows).await
}

/// Puts the messages, as they are now, to the entries that are about them.
async fn with_messages(db: &Db, rows: Vec<EventRow>) -> Result<Vec<Event>> {
    let mut ids: Vec<MessageId> = rows.iter().filter_map(|row| row.message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut messages = HashMap::with_capacity(ids.len());
    for (sql, ids) in BY_IDS.padded(db.dialect(), &ids) {
        let found: Vec<Message> = on_db!(db, pool => {
            let mut query = sqlx::query_as(sql);
            for id in ids {
                query = query.bind(id);
            }
            query.fetch_all(pool).await
        })?;
        let found = found
            .into_iter()
            .map(|message| (message.id, Arc::new(message)));
        messages.extend(found);
    }
    Ok(rows
        .into_iter()
        .filter_map(|row| row.into_event(&messages))
        .collect())
}

impl EventRow {
    fn into_event(self, messages: &HashMap<MessageId, Arc<Message>>) -> Option<Event> {
        let kind = EventKind::ALL
            .into_iter()
            .find(|kind| *kind as i16 == self.kind)?;
        let body = match self.message_id {
            Some(id) => EventBody::Message(messages.get(&id)?.clone()),
            None => EventBody::Data(self.data.unwrap_or_else(|| "{}".into())),
        };
        Some(Event {
            position: self.position,
            app_id: self.app_id,
            channel: self.channel,
            seq: self.seq,
            ts: self.ts,
            kind,
            actor: self.actor,
            depth: self.depth,
            body,
        })
    }
}

pub(super) async fn find_in(connection: &mut Connection, id: MessageId) -> Result<Option<Message>> {
    const SQL: &str = concat!(
        "SELECT ",
        message_columns!(),
        " FROM events WHERE kind = 1 AND message_id = $1"
    );
    Ok(on_db!(connection, c => sqlx::query_as(SQL).bind(id).fetch_optional(&mut *c).await)?)
}

impl Tx {
    /// See [`Store::change_message`].
    pub(super) async fn change_message(
        &mut self,
        channel: ChannelKey,
        id: MessageId,
        revision: i64,
        change: MessageChange,
        actor: Option<UserId>,
    ) -> Result<Message> {
        let mut message = self.message_of(channel, id).await?;
        if message.deleted_at.is_some() {
            return Err(Error::new(Code::Conflict, "The message was deleted."));
        }
        if message.revision != revision {
            return Err(Error::new(
                Code::Conflict,
                "Somebody else changed the message first.",
            ));
        }
        // Whether anybody is told or not: whoever acts on what was before comes too late.
        message.revision += 1;
        let mut is_seen = change.edited;
        if change.edited {
            message.edited_at = Some(self.now);
        }
        if let Some(data) = change.data {
            is_seen |= message.data != data;
            message.data = data;
        }
        if let Some(view) = change.view {
            is_seen |= message.view != view;
            message.view = view;
        }
        if let Some(state) = change.state {
            message.state = Some(state);
        }
        match is_seen {
            true => {
                self.put_message(&message, EventKind::MessageUpdated, actor)
                    .await?;
            }
            false => self.write_message(&message).await?,
        }
        Ok(message)
    }

    /// See [`Store::delete_message`].
    pub(super) async fn delete_message(
        &mut self,
        channel: ChannelKey,
        id: MessageId,
        actor: Option<UserId>,
    ) -> Result<Message> {
        let mut message = self.message_of(channel, id).await?;
        if message.deleted_at.is_some() {
            return Ok(message);
        }
        message.revision += 1;
        message.deleted_at = Some(self.now);
        message.data = "null".into();
        message.view = None;
        message.state = None;
        message.attachments = None;
        self.put_message(&message, EventKind::MessageDeleted, actor)
            .await?;
        self.forget_commanded(id).await?;
        if let Some(app) = self.known.heads.get(&channel).map(|head| head.app_id) {
            self.drop_kept_of(&[(app, format!("m:{id}"))]).await?;
            if FILE_KINDS.contains(&message.kind.as_str()) {
                self.hide_file(id.0).await?;
            }
        }
        Ok(message)
    }

    pub(super) async fn message_of(
        &mut self,
        channel: ChannelKey,
        id: MessageId,
    ) -> Result<Message> {
        self.flush().await?;
        find_in(&mut self.connection, id)
            .await?
            .filter(|message| message.channel == channel)
            .ok_or_else(|| Error::not_found("message"))
    }

    /// Writes a changed message, and appends the entry that tells of it.
    pub(super) async fn put_message(
        &mut self,
        message: &Message,
        kind: EventKind,
        actor: Option<UserId>,
    ) -> Result<()> {
        self.write_message(message).await?;
        let body = EventBody::Message(Arc::new(message.clone()));
        self.append(NewEvent {
            channel: message.channel,
            kind,
            actor,
            body,
        })
        .await?;
        Ok(())
    }

    async fn write_message(&mut self, message: &Message) -> Result<()> {
        on_db!(&mut self.connection, c => {
            sqlx::query(
                "UPDATE events SET data = $1, view = $2, state = $3, revision = $4, edited_at = $5, deleted_at = $6, \
                 attachments = $7 WHERE kind = 1 AND message_id = $8",
            )
            .bind(&message.data)
            .bind(&message.view)
            .bind(&message.state)
            .bind(message.revision)
            .bind(message.edited_at)
            .bind(message.deleted_at)
            .bind(&message.attachments)
            .bind(message.id)
            .execute(&mut *c)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}

// Joined: SQLite looks for a pair in a list by walking through the whole table.
static BY_SEQS: Bulk = Bulk::cast(
    concat!("SELECT ", message_columns!("e."), " FROM (VALUES "),
    &["BIGINT", "BIGINT"],
    ") AS v JOIN events e ON e.channel = v.column1 AND e.seq = v.column2 AND e.kind = 1",
);

impl Store {
    /// Puts each channel's newest message beside it.
    pub(super) async fn add_last_messages(&self, listings: &mut [ChannelListing]) -> Result<()> {
        let asked: Vec<(ChannelKey, i64)> = listings
            .iter()
            .filter(|listing| listing.channel.last_message_seq > 0)
            .map(|listing| (listing.channel.key, listing.channel.last_message_seq))
            .collect();
        for (sql, places) in BY_SEQS.padded(self.db.dialect(), &asked) {
            let found: Vec<Message> = on_db!(&self.db, pool => {
                let mut query = sqlx::query_as(sql);
                for (channel, seq) in places {
                    query = query.bind(channel).bind(seq);
                }
                query.fetch_all(pool).await
            })?;
            for message in found {
                if let Some(listing) = listings
                    .iter_mut()
                    .find(|listing| listing.channel.key == message.channel)
                {
                    listing.last_message = Some(message);
                }
            }
        }
        Ok(())
    }
}
