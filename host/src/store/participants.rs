//! Who is in a channel, and as what. Whether a change is allowed is decided within the transaction,
//! on the roles as they are then: no race makes a second owner or keeps somebody who was removed.

use std::sync::Arc;

use super::Store;
use super::append::NewEvent;
use super::proof::{Member, Standing, Tenant};
use super::writer::Tx;
use crate::error::{Code, Error, Result};
use crate::model::{
    AppId, Channel, ChannelId, ChannelKey, EventBody, EventKind, Participant, Role, UserId,
};

/// What to do with somebody's seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatChange {
    /// Nothing: it is already so.
    Keep,
    Add(Role),
    Set(Role),
    Remove,
    /// Makes it the owner's, and the owner an admin.
    Transfer,
}

/// Who asks for a change of a seat, as the store sees it at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// The app's backend.
    Backend,
    /// A participant, with the role it has now; the flag says whether the seat is its own.
    Participant { role: Role, own: bool },
}

const PARTICIPANT: &str =
    "SELECT user_id, role, joined_at, last_read_seq FROM seats WHERE channel = $1 AND user_id = $2";

impl Store {
    /// Somebody's seat in a channel of the app.
    pub async fn find_participant(
        &self,
        tenant: Tenant,
        channel: &Channel,
        user: &UserId,
    ) -> Result<Option<Participant>> {
        if channel.app_id != tenant.app() {
            return Ok(None);
        }
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(PARTICIPANT).bind(channel.key).bind(user.as_str()).fetch_optional(pool).await
        })?)
    }

    /// Participants by user id, those after `after`.
    pub async fn list_participants(
        &self,
        member: &Member,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Participant>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT user_id, role, joined_at, last_read_seq FROM seats \
                 WHERE channel = $1 AND user_id > $2 ORDER BY user_id LIMIT $3",
            )
            .bind(member.channel().key)
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?)
    }

    /// The ids of the channels that a user is in, in byte order, those after `after`. None while the user
    /// is deactivated: they see none of them.
    pub async fn list_channels_of(
        &self,
        tenant: Tenant,
        user: &UserId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ChannelId>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_scalar(
                "SELECT c.id FROM seats p JOIN channels c ON c.key = p.channel \
                 JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id \
                 WHERE p.app_id = $1 AND p.user_id = $2 AND u.deactivated_at IS NULL AND c.id > $3 \
                 ORDER BY c.id LIMIT $4",
            )
            .bind(tenant.app())
            .bind(user.as_str())
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?)
    }

    /// Changes a seat as `decide` says, which sees who asks and the seat's role, both as they are
    /// within the transaction. Gives the seat afterwards.
    ///
    /// # Errors
    /// What `decide` says; `limit_reached` when the channel would have more than `participants_max`.
    pub async fn change_seat(
        &self,
        member: &Member,
        user: UserId,
        participants_max: i64,
        decide: impl Fn(Asker, Option<Role>) -> Result<SeatChange> + Send + Sync + 'static,
    ) -> Result<Option<Participant>> {
        let decide = Arc::new(decide);
        loop {
            let (member, user, decide) = (member.clone(), user.clone(), decide.clone());
            let changed = self.write(move |tx| {
                Box::pin(async move {
                    tx.change_seat(&member, user, participants_max, &*decide)
                        .await
                })
            });
            if let Some(seat) = changed.await? {
                return Ok(seat);
            }
        }
    }

    /// Moves somebody's read mark forward, never back. Gives where it is then.
    pub async fn set_read(&self, member: &Member, user: UserId, seq: i64) -> Result<i64> {
        let channel = member.channel().key;
        self.write(move |tx| {
            Box::pin(async move {
                let head = tx.head_seq(channel).await?;
                on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "UPDATE participants SET last_read_seq = $1 \
                         WHERE channel = $2 AND user_id = $3 AND last_read_seq < $1",
                    )
                    .bind(seq.min(head))
                    .bind(channel)
                    .bind(user.as_str())
                    .execute(&mut *c)
                    .await
                    .map(drop)
                })?;
                let seat = tx
                    .participant(channel, &user)
                    .await?
                    .ok_or_else(|| Error::not_found("channel"))?;
                Ok(seat.last_read_seq)
            })
        })
        .await
    }
}

impl Tx {
    /// See [`Store::change_seat`]. `None` when somebody is to come in who was still leaving: that is a step
    /// further then.
    async fn change_seat(
        &mut self,
        member: &Member,
        user: UserId,
        participants_max: i64,
        decide: &(impl Fn(Asker, Option<Role>) -> Result<SeatChange> + Send + Sync),
    ) -> Result<Option<Option<Participant>>> {
        let (app, channel) = (member.tenant().app(), member.channel().key);
        let actor = member.user().cloned();
        let asker = match (member.standing(), &actor) {
            (Standing::Participant(_), Some(actor)) => {
                let seat = self
                    .participant(channel, actor)
                    .await?
                    .ok_or_else(|| Error::not_found("channel"))?;
                Asker::Participant {
                    role: seat.role,
                    own: *actor == user,
                }
            }
            _ => Asker::Backend,
        };
        let seat = self.participant(channel, &user).await?;
        match decide(asker, seat.map(|seat| seat.role))? {
            SeatChange::Keep => {}
            SeatChange::Add(_) if self.leave_more(app, channel, &user).await? => return Ok(None),
            SeatChange::Add(role) => {
                // Whoever comes first to an empty channel owns it: somebody has to.
                let role = if self.count(channel).await? == 0 {
                    Role::Owner
                } else {
                    role
                };
                self.add_participant(app, channel, &user, role, actor)
                    .await?;
                if self.count(channel).await? > participants_max {
                    return Err(Error::new(
                        Code::LimitReached,
                        "The channel has as many participants as it may.",
                    ));
                }
            }
            SeatChange::Set(role) => self.set_role(channel, &user, role, actor).await?,
            SeatChange::Remove => self.remove_participant(app, channel, &user, actor).await?,
            SeatChange::Transfer => self.transfer(channel, &user, actor).await?,
        }
        self.participant(channel, &user).await.map(Some)
    }

    pub(super) async fn participant(
        &mut self,
        channel: ChannelKey,
        user: &UserId,
    ) -> Result<Option<Participant>> {
        Ok(on_db!(&mut self.connection, c => {
            sqlx::query_as(PARTICIPANT).bind(channel).bind(user.as_str()).fetch_optional(&mut *c).await
        })?)
    }

    pub(super) async fn add_participant(
        &mut self,
        app: AppId,
        channel: ChannelKey,
        user: &UserId,
        role: Role,
        actor: Option<UserId>,
    ) -> Result<()> {
        let (now, head) = (self.now, self.head_seq(channel).await?);
        let added = on_db!(&mut self.connection, c => {
            // Whoever comes in has nothing unread: what was before is history.
            sqlx::query(
                "INSERT INTO participants (channel, app_id, user_id, role, joined_at, last_read_seq, parent) \
                 SELECT $1, app_id, id, $4, $5, $6, (SELECT parent FROM channels WHERE key = $1) \
                 FROM users WHERE app_id = $2 AND id = $3 AND deactivated_at IS NULL",
            )
            .bind(channel)
            .bind(app)
            .bind(user.as_str())
            .bind(role.as_str())
            .bind(now)
            .bind(head)
            .execute(&mut *c)
            .await
            .map(|done| done.rows_affected())
        })?;
        if added == 0 {
            return Err(Error::new(
                Code::NotFound,
                format!("There is no active user `{user}`."),
            ));
        }
        self.count_more(channel, 1).await?;
        self.member_event(channel, EventKind::MemberAdded, user, Some(role), actor)
            .await
    }

    async fn set_role(
        &mut self,
        channel: ChannelKey,
        user: &UserId,
        role: Role,
        actor: Option<UserId>,
    ) -> Result<()> {
        on_db!(&mut self.connection, c => {
            sqlx::query("UPDATE participants SET role = $1 WHERE channel = $2 AND user_id = $3")
                .bind(role.as_str())
                .bind(channel)
                .bind(user.as_str())
                .execute(&mut *c)
                .await
                .map(drop)
        })?;
        self.member_event(channel, EventKind::MemberUpdated, user, Some(role), actor)
            .await
    }

    async fn transfer(
        &mut self,
        channel: ChannelKey,
        to: &UserId,
        actor: Option<UserId>,
    ) -> Result<()> {
        let owner: Option<UserId> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar("SELECT user_id FROM participants WHERE channel = $1 AND role = 'owner' LIMIT 1")
                .bind(channel)
                .fetch_optional(&mut *c)
                .await
        })?;
        if let Some(owner) = owner {
            self.set_role(channel, &owner, Role::Admin, actor.clone())
                .await?;
        }
        self.set_role(channel, to, Role::Owner, actor).await
    }

    /// Takes somebody's seat. An owner's place goes to the longest-standing admin, else member; a channel
    /// that nobody is left in is no longer active.
    pub(super) async fn remove_seat(
        &mut self,
        app: AppId,
        channel: ChannelKey,
        user: &UserId,
        actor: Option<UserId>,
    ) -> Result<()> {
        let role: Option<Role> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar("DELETE FROM participants WHERE channel = $1 AND user_id = $2 RETURNING role")
                .bind(channel)
                .bind(user.as_str())
                .fetch_optional(&mut *c)
                .await
        })?;
        self.load_heads(std::iter::once(channel)).await?;
        // One that is left of a channel that was removed tells nobody.
        let Some(role) = role.filter(|_| self.known.heads.contains_key(&channel)) else {
            return Ok(());
        };
        self.count_more(channel, -1).await?;
        self.member_event(channel, EventKind::MemberRemoved, user, None, actor.clone())
            .await?;
        if role == Role::Owner {
            self.succeed(app, channel, actor).await?;
        }
        Ok(())
    }

    async fn succeed(
        &mut self,
        app: AppId,
        channel: ChannelKey,
        actor: Option<UserId>,
    ) -> Result<()> {
        let heir: Option<UserId> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar(
                "SELECT user_id FROM participants WHERE channel = $1 \
                 ORDER BY CASE role WHEN 'admin' THEN 0 ELSE 1 END, joined_at, user_id LIMIT 1",
            )
            .bind(channel)
            .fetch_optional(&mut *c)
            .await
        })?;
        match heir {
            Some(heir) => self.set_role(channel, &heir, Role::Owner, actor).await,
            None => {
                let change = super::ChannelChange {
                    active: Some(false),
                    ..Default::default()
                };
                self.change_channel(app, channel, actor, change)
                    .await
                    .map(drop)
            }
        }
    }

    async fn count(&mut self, channel: ChannelKey) -> Result<i64> {
        Ok(on_db!(&mut self.connection, c => {
            sqlx::query_scalar("SELECT participants FROM channels WHERE key = $1").bind(channel).fetch_one(&mut *c).await
        })?)
    }

    async fn count_more(&mut self, channel: ChannelKey, more: i64) -> Result<()> {
        on_db!(&mut self.connection, c => {
            sqlx::query("UPDATE channels SET participants = participants + $2 WHERE key = $1")
                .bind(channel)
                .bind(more)
                .execute(&mut *c)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    pub(super) async fn head_seq(&mut self, channel: ChannelKey) -> Result<i64> {
        self.load_heads(std::iter::once(channel)).await?;
        self.known
            .heads
            .get(&channel)
            .map(|head| head.seq)
            .ok_or_else(|| Error::not_found("channel"))
    }

    async fn member_event(
        &mut self,
        channel: ChannelKey,
        kind: EventKind,
        user: &UserId,
        role: Option<Role>,
        actor: Option<UserId>,
    ) -> Result<()> {
        let mut data = serde_json::json!({ "user_id": user });
        if let Some(role) = role {
            data["role"] = role.as_str().into();
        }
        if let Some(actor) = &actor {
            data["by"] = actor.as_str().into();
        }
        self.append(NewEvent {
            channel,
            kind,
            actor,
            body: EventBody::Data(data.to_string()),
        })
        .await
        .map(drop)
    }
}
