//! Channels, and the list of them.

use super::Store;
use super::append::NewEvent;
use super::proof::{Admin, Tenant};
use super::writer::Tx;
use crate::error::{Code, Error, Result};
use crate::model::{
    AppId, Channel, ChannelId, ChannelKey, ChannelListing, EventBody, EventKind, Millis, Role,
    Texts, UserId,
};

macro_rules! channel_columns {
    ($table:literal) => {
        concat!(
            $table,
            "key, ",
            $table,
            "app_id, ",
            $table,
            "id, ",
            $table,
            "kind, ",
            $table,
            "name, ",
            $table,
            "icon, ",
            $table,
            "active, ",
            $table,
            "tags, ",
            $table,
            "custom, ",
            $table,
            "parent, ",
            $table,
            "created_at, ",
            $table,
            "updated_at, ",
            $table,
            "head, ",
            $table,
            "last_message_seq, ",
            $table,
            "last_message_at, ",
            $table,
            "participants"
        )
    };
}

/// A channel to be made.
#[derive(Debug, Clone)]
pub struct NewChannel {
    /// The app's own id; else one is drawn.
    pub id: Option<ChannelId>,
    pub kind: String,
    pub name: Option<String>,
    pub icon: Option<String>,
    pub tags: Texts,
    pub custom: String,
    pub parent: Option<ChannelKey>,
    /// For the channel of a pair: the same text for the same pair.
    pub pair: Option<String>,
    /// Who is in it; at most one owner.
    pub participants: Vec<(UserId, Role)>,
    pub actor: Option<UserId>,
}

/// What to change of a channel; `None` leaves a field.
#[derive(Debug, Clone, Default)]
pub struct ChannelChange {
    pub kind: Option<String>,
    pub name: Option<Option<String>>,
    pub icon: Option<Option<String>>,
    pub active: Option<bool>,
    pub tags: Option<Texts>,
    pub custom: Option<String>,
}

impl ChannelChange {
    /// The channel as it would be.
    pub fn applied_to(&self, channel: &Channel) -> Channel {
        let mut channel = channel.clone();
        channel.kind = self.kind.clone().unwrap_or(channel.kind);
        channel.name = self.name.clone().unwrap_or(channel.name);
        channel.icon = self.icon.clone().unwrap_or(channel.icon);
        channel.active = self.active.unwrap_or(channel.active);
        channel.tags = self.tags.clone().unwrap_or(channel.tags);
        channel.custom = self.custom.clone().unwrap_or(channel.custom);
        channel
    }
}

/// Whose channels, and which of them.
#[derive(Debug, Clone, Default)]
pub struct ChannelFilter {
    pub user: Option<UserId>,
    pub kind: Option<String>,
    pub tag: Option<String>,
    /// Those behind this place in the list: time of the last activity, and key.
    pub after: Option<(Millis, ChannelKey)>,
}

const BY_ID: &str = concat!(
    "SELECT ",
    channel_columns!(""),
    " FROM open_channels WHERE app_id = $1 AND id = $2"
);
const BY_KEY: &str = concat!(
    "SELECT ",
    channel_columns!(""),
    " FROM open_channels WHERE app_id = $1 AND key = $2"
);
const BY_PAIR: &str = concat!(
    "SELECT ",
    channel_columns!(""),
    " FROM open_channels WHERE app_id = $1 AND pair = $2"
);

#[derive(sqlx::FromRow)]
struct ListingRow {
    #[sqlx(flatten)]
    channel: Channel,
    role: Option<Role>,
    last_read_seq: Option<i64>,
    unread: Option<i64>,
}

impl Store {
    /// A channel of the app by its public id.
    pub async fn find_channel(&self, tenant: Tenant, id: &ChannelId) -> Result<Option<Channel>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(BY_ID).bind(tenant.app()).bind(id.as_str()).fetch_optional(pool).await
        })?)
    }

    /// A channel of the app by its number in the store.
    pub async fn find_channel_by_key(
        &self,
        tenant: Tenant,
        key: ChannelKey,
    ) -> Result<Option<Channel>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(BY_KEY).bind(tenant.app()).bind(key).fetch_optional(pool).await
        })?)
    }

    /// The channel of the pair that `new` is for.
    pub async fn find_pair(&self, tenant: Tenant, new: &NewChannel) -> Result<Option<Channel>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(BY_PAIR).bind(tenant.app()).bind(&new.pair).fetch_optional(pool).await
        })?)
    }

    /// Makes a channel; for a pair gives the one there is. The flag tells whether it is new.
    ///
    /// # Errors
    /// `already_exists` for an id in use, `not_found` for a participant who is no user of the app.
    pub async fn add_channel(&self, tenant: Tenant, new: NewChannel) -> Result<(Channel, bool)> {
        let app = tenant.app();
        let before = new.id.as_ref().map(|id| (app, format!("c:{id}")));
        loop {
            let (new, before) = (new.clone(), before.clone());
            let made = self.write(move |tx| {
                Box::pin(async move {
                    // What is kept for the one that had the id before is not for this one.
                    match before {
                        Some(before) if tx.sweep_kept(Some(&before)).await? => Ok(None),
                        _ => tx.add_channel(app, new).await.map(Some),
                    }
                })
            });
            if let Some(made) = made.await? {
                return Ok(made);
            }
        }
    }

    /// Changes a channel and appends `channel.updated`.
    pub async fn change_channel(&self, admin: &Admin, change: ChannelChange) -> Result<Channel> {
        let (app, key, actor) = (
            admin.tenant().app(),
            admin.channel().key,
            admin.user().cloned(),
        );
        self.write(move |tx| {
            Box::pin(async move { tx.change_channel(app, key, actor, change).await })
        })
        .await
    }

    /// Removes a channel, and with it its side channels. All that was in them, which nobody can reach any
    /// more, is for [`Store::sweep`].
    pub async fn remove_channel(&self, admin: &Admin) -> Result<()> {
        let (app, channel) = (admin.tenant().app(), admin.channel().clone());
        self.write(move |tx| {
            Box::pin(async move {
                tx.remove_channels(&[(app, channel.key, channel.id.clone())])
                    .await
            })
        })
        .await
    }

    /// Channels by activity, newest first; of one user or, for the backend, of the whole app.
    pub async fn list_channels(
        &self,
        tenant: Tenant,
        filter: ChannelFilter,
        limit: i64,
    ) -> Result<Vec<ChannelListing>> {
        // Unread messages are counted up to 100 only: nobody reads a larger number, and the count
        // stays cheap however long somebody was away.
        const SQL: &str = concat!(
            "SELECT ",
            channel_columns!("c."),
            ", p.role, p.last_read_seq, CASE WHEN p.user_id IS NULL THEN NULL ELSE (SELECT COUNT(*) FROM (SELECT 1 FROM events e \
             WHERE e.channel = c.key AND e.seq > p.last_read_seq AND e.kind = 1 AND e.deleted_at IS NULL \
             AND e.actor <> p.user_id LIMIT 100) AS unread_messages) END AS unread \
             FROM open_channels c LEFT JOIN participants p ON p.channel = c.key AND p.user_id = $2 AND (c.parent IS NULL \
             OR EXISTS (SELECT 1 FROM participants q WHERE q.channel = c.parent AND q.user_id = $2)) \
             WHERE c.app_id = $1 AND ($2 IS NULL OR p.user_id IS NOT NULL) \
             AND ($3 IS NULL OR c.kind = $3) AND ($4 IS NULL OR c.tags LIKE $4 ESCAPE '!') \
             AND (COALESCE(c.last_message_at, c.created_at) < $5 \
             OR (COALESCE(c.last_message_at, c.created_at) = $5 AND c.key < $6)) \
             ORDER BY COALESCE(c.last_message_at, c.created_at) DESC, c.key DESC LIMIT $7"
        );
        let (time, key) = filter.after.unwrap_or((i64::MAX, ChannelKey(i64::MAX)));
        // A tag is a whole JSON string in the stored array, so that `a` does not find `ab`.
        let tag = filter.tag.map(|tag| {
            let quoted = serde_json::Value::from(tag).to_string();
            format!(
                "%{}%",
                quoted
                    .replace('!', "!!")
                    .replace('%', "!%")
                    .replace('_', "!_")
            )
        });
        let rows: Vec<ListingRow> = on_db!(&self.db, pool => {
            sqlx::query_as(SQL)
                .bind(tenant.app())
                .bind(filter.user.as_ref().map(UserId::as_str))
                .bind(filter.kind)
                .bind(tag)
                .bind(time)
                .bind(key)
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        let mut listings: Vec<ChannelListing> = rows
            .into_iter()
            .map(|row| ChannelListing {
                channel: row.channel,
                role: row.role,
                unread: row.unread,
                last_read_seq: row.last_read_seq,
                last_message: None,
            })
            .collect();
        self.add_last_messages(&mut listings).await?;
        Ok(listings)
    }
}

impl Tx {
    /// See [`Store::add_channel`].
    pub(super) async fn add_channel(
        &mut self,
        app: AppId,
        new: NewChannel,
    ) -> Result<(Channel, bool)> {
        if let Some(pair) = &new.pair
            && let Some(channel) = self.channel(BY_PAIR, app, pair).await?
        {
            // Whoever left the parent and came back has a place in the side channel again.
            for (user, role) in &new.participants {
                if self.participant(channel.key, user).await?.is_none()
                    && self.may_join(new.parent, user).await?
                {
                    self.add_participant(app, channel.key, user, *role, new.actor.clone())
                        .await?;
                }
            }
            return Ok((channel, false));
        }
        let key = ChannelKey(self.next_id());
        let id = new.id.unwrap_or_else(|| ChannelId::stored(key.to_string()));
        let now = self.now;
        on_db!(&mut self.connection, c => {
            sqlx::query(
                "INSERT INTO channels (key, app_id, id, kind, name, icon, active, tags, custom, parent, pair, created_at, \
                 updated_at, head, last_message_seq, participants) \
                 VALUES ($1, $2, $3, $4, $5, $6, TRUE, $7, $8, $9, $10, $11, $11, 0, 0, 0)",
            )
            .bind(key)
            .bind(app)
            .bind(id.as_str())
            .bind(&new.kind)
            .bind(&new.name)
            .bind(&new.icon)
            .bind(new.tags.to_json())
            .bind(&new.custom)
            .bind(new.parent)
            .bind(&new.pair)
            .bind(now)
            .execute(&mut *c)
            .await
            .map(drop)
        })
        .map_err(|e| match Error::from(e) {
            taken if taken.code() == Code::AlreadyExists => {
                Error::new(Code::AlreadyExists, "A channel with this id exists already.")
            }
            other => other,
        })?;
        self.begin_log(key, app, new.parent);
        let created = serde_json::json!({ "type": new.kind, "name": new.name }).to_string();
        self.append(NewEvent {
            channel: key,
            kind: EventKind::ChannelCreated,
            actor: new.actor.clone(),
            body: EventBody::Data(created),
        })
        .await?;
        for (user, role) in &new.participants {
            if self.may_join(new.parent, user).await? {
                self.add_participant(app, key, user, *role, new.actor.clone())
                    .await?;
            }
        }
        self.flush().await?;
        self.write_heads().await?;
        let channel = self
            .channel(BY_ID, app, id.as_str())
            .await?
            .ok_or_else(|| Error::not_found("channel"))?;
        Ok((channel, true))
    }

    /// Removes channels. What is in them is left over.
    pub(super) async fn remove_channels(
        &mut self,
        channels: &[(AppId, ChannelKey, ChannelId)],
    ) -> Result<()> {
        let owners: Vec<(AppId, String)> = channels
            .iter()
            .map(|(app, _, id)| (*app, format!("c:{id}")))
            .collect();
        self.drop_kept_of(&owners).await?;
        for (app, key, _) in channels {
            on_db!(&mut self.connection, c => {
                sqlx::query("INSERT INTO removed_channels (channel) SELECT key FROM channels WHERE app_id = $1 AND key = $2")
                    .bind(app)
                    .bind(key)
                    .execute(&mut *c)
                    .await?;
                sqlx::query("DELETE FROM channels WHERE app_id = $1 AND key = $2")
                    .bind(app)
                    .bind(key)
                    .execute(&mut *c)
                    .await
                    .map(drop)
            })?;
            self.known
                .heads
                .retain(|known, head| known != key && head.parent != Some(*key));
        }
        self.remains.notify_one();
        Ok(())
    }

    pub(super) async fn change_channel(
        &mut self,
        app: AppId,
        key: ChannelKey,
        actor: Option<UserId>,
        change: ChannelChange,
    ) -> Result<Channel> {
        let found: Option<Channel> = on_db!(&mut self.connection, c => {
            sqlx::query_as(BY_KEY).bind(app).bind(key).fetch_optional(&mut *c).await
        })?;
        let found = found.ok_or_else(|| Error::not_found("channel"))?;
        let mut channel = change.applied_to(&found);
        channel.updated_at = self.now;
        on_db!(&mut self.connection, c => {
            sqlx::query(
                "UPDATE channels SET kind = $1, name = $2, icon = $3, active = $4, tags = $5, custom = $6, updated_at = $7 \
                 WHERE key = $8",
            )
            .bind(&channel.kind)
            .bind(&channel.name)
            .bind(&channel.icon)
            .bind(channel.active)
            .bind(channel.tags.to_json())
            .bind(&channel.custom)
            .bind(channel.updated_at)
            .bind(key)
            .execute(&mut *c)
            .await
            .map(drop)
        })?;
        let custom: serde_json::Value = serde_json::from_str(&channel.custom).unwrap_or_default();
        let data = serde_json::json!({
            "type": channel.kind, "name": channel.name, "icon": channel.icon, "active": channel.active,
            "tags": channel.tags, "custom": custom,
        });
        let body = EventBody::Data(data.to_string());
        channel.head = self
            .append(NewEvent {
                channel: key,
                kind: EventKind::ChannelUpdated,
                actor,
                body,
            })
            .await?;
        if let Some(head) = self.head_mut(key) {
            head.active = channel.active;
        }
        Ok(channel)
    }

    /// In a side channel sit only those who sit in its parent, as it is now.
    async fn may_join(&mut self, parent: Option<ChannelKey>, user: &UserId) -> Result<bool> {
        match parent {
            Some(parent) => Ok(self.participant(parent, user).await?.is_some()),
            None => Ok(true),
        }
    }

    async fn channel(
        &mut self,
        sql: &'static str,
        app: AppId,
        by: &str,
    ) -> Result<Option<Channel>> {
        Ok(
            on_db!(&mut self.connection, c => sqlx::query_as(sql).bind(app).bind(by).fetch_optional(&mut *c).await)?,
        )
    }
}
