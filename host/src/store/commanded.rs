//! For whom plugins sent messages: those who typed the commands. A message goes with its own note.

use super::Store;
use super::proof::{Backend, Tenant};
use super::writer::Tx;
use crate::error::{Error, Result};
use crate::model::{AppId, Message, MessageId, UserId};

impl Store {
    /// Who typed the command by which a message was sent, if one was.
    pub async fn find_commander(&self, tenant: Tenant, id: MessageId) -> Result<Option<UserId>> {
        let found: Option<String> = on_db!(&self.db, pool => {
            sqlx::query_scalar("SELECT user_id FROM commanded WHERE message_id = $1 AND app_id = $2")
                .bind(id)
                .bind(tenant.app())
                .fetch_optional(pool)
                .await
        })?;
        Ok(found.map(UserId::stored))
    }

    /// Forgets of some messages that a user's commands sent them. False when there were none.
    pub async fn forget_commands(&self, backend: &Backend, user: UserId) -> Result<bool> {
        let app = backend.tenant().app();
        self.write_in_turn(move |tx| Box::pin(async move { tx.forget_commands(app, &user).await }))
            .await
    }
}

impl Tx {
    /// Notes for whom a message was sent, unless that person was erased meanwhile: whoever has the id
    /// next is another one.
    pub(super) async fn note_commanded(&mut self, message: &Message, user: &UserId) -> Result<()> {
        let head = self.known.heads.get(&message.channel);
        let app = head.ok_or_else(|| Error::not_found("channel"))?.app_id;
        on_db!(&mut self.connection, c => {
            sqlx::query(
                "INSERT INTO commanded (message_id, app_id, channel, user_id) \
                 SELECT CAST($1 AS BIGINT), app_id, CAST($2 AS BIGINT), id FROM users WHERE app_id = $3 AND id = $4",
            )
            .bind(message.id)
            .bind(message.channel)
            .bind(app)
            .bind(user.as_str())
            .execute(&mut *c)
            .await
            .map(drop)
        })?;
        Ok(())
    }

    /// A message is gone.
    pub(super) async fn forget_commanded(&mut self, message: MessageId) -> Result<()> {
        on_db!(&mut self.connection, c => {
            sqlx::query("DELETE FROM commanded WHERE message_id = $1").bind(message).execute(&mut *c).await.map(drop)
        })?;
        Ok(())
    }

    /// See [`Store::forget_commands`].
    pub(super) async fn forget_commands(&mut self, app: AppId, user: &UserId) -> Result<bool> {
        let sql = "DELETE FROM commanded WHERE message_id IN \
                   (SELECT message_id FROM commanded WHERE app_id = $1 AND user_id = $2 LIMIT $3)";
        self.delete_step(sql, app, user).await
    }
}
