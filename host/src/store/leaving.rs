//! Leaving a channel in which somebody may have any number of side channels. From the first transaction
//! on, seats in these count no more (the view `seats`); they are given up in steps, of which the entries
//! in their logs tell. Whoever comes back before all is done does the rest first.

use super::erase::STEP_SEATS;
use super::writer::Tx;
use crate::error::Result;
use crate::model::{AppId, ChannelKey, UserId};

impl Tx {
    /// Takes somebody out of a channel. What it has in side channels counts no more; of these the first
    /// few are left with it, the others in steps.
    pub(super) async fn remove_participant(
        &mut self,
        app: AppId,
        channel: ChannelKey,
        user: &UserId,
        actor: Option<UserId>,
    ) -> Result<()> {
        let is_done = self.leave_sides(app, channel, user, actor.clone()).await?;
        if !is_done {
            on_db!(&mut self.connection, c => {
                sqlx::query("INSERT INTO leaving (channel, user_id, app_id, actor) VALUES ($1, $2, $3, $4)")
                    .bind(channel)
                    .bind(user.as_str())
                    .bind(app)
                    .bind(actor.as_ref().map(UserId::as_str))
                    .execute(&mut *c)
                    .await
                    .map(drop)
            })?;
            self.remains.notify_one();
        }
        self.remove_seat(app, channel, user, actor).await
    }

    /// Takes somebody who leaves a channel out of some of its side channels. False when there may be more.
    async fn leave_sides(
        &mut self,
        app: AppId,
        channel: ChannelKey,
        user: &UserId,
        actor: Option<UserId>,
    ) -> Result<bool> {
        let sides: Vec<ChannelKey> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar("SELECT channel FROM participants WHERE parent = $1 AND user_id = $2 LIMIT $3")
                .bind(channel)
                .bind(user.as_str())
                .bind(STEP_SEATS)
                .fetch_all(&mut *c)
                .await
        })?;
        for side in &sides {
            self.remove_seat(app, *side, user, actor.clone()).await?;
        }
        Ok((sides.len() as i64) < STEP_SEATS)
    }

    /// A step of somebody's leaving. False when nobody is.
    pub(super) async fn sweep_leaving(&mut self) -> Result<bool> {
        let next: Option<(AppId, ChannelKey, UserId)> = on_db!(&mut self.connection, c => {
            sqlx::query_as("SELECT app_id, channel, user_id FROM leaving LIMIT 1").fetch_optional(&mut *c).await
        })?;
        match next {
            Some((app, channel, user)) => self.leave_more(app, channel, &user).await,
            None => Ok(false),
        }
    }

    /// A step of this one's. False when all of it is done.
    pub(super) async fn leave_more(
        &mut self,
        app: AppId,
        channel: ChannelKey,
        user: &UserId,
    ) -> Result<bool> {
        let noted: Option<Option<UserId>> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar("SELECT actor FROM leaving WHERE app_id = $1 AND user_id = $2 AND channel = $3")
                .bind(app)
                .bind(user.as_str())
                .bind(channel)
                .fetch_optional(&mut *c)
                .await
        })?;
        let Some(actor) = noted else {
            return Ok(false);
        };
        if self.leave_sides(app, channel, user, actor).await? {
            on_db!(&mut self.connection, c => {
                sqlx::query("DELETE FROM leaving WHERE app_id = $1 AND user_id = $2 AND channel = $3")
                    .bind(app)
                    .bind(user.as_str())
                    .bind(channel)
                    .execute(&mut *c)
                    .await
                    .map(drop)
            })?;
        }
        Ok(true)
    }
}
