//! The people of an app.

use super::Store;
use super::proof::{Backend, Tenant};
use super::writer::Tx;
use crate::error::{Error, Result};
use crate::model::{AppId, Millis, User, UserId};

/// What to set of a user; `None` leaves a field, or gives a new user none.
#[derive(Debug, Clone)]
pub struct UserChange {
    pub id: UserId,
    pub name: Option<Option<String>>,
    pub image: Option<Option<String>>,
    pub custom: Option<String>,
}

macro_rules! user_columns {
    () => {
        "id, name, image, custom, plugin, created_at, updated_at, deactivated_at, tokens_valid_from"
    };
}

const USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM users WHERE app_id = $1 AND id = $2"
);

impl Store {
    /// Makes users or changes those that are there, all or none. The answer has their order.
    pub async fn set_users(
        &self,
        backend: &Backend,
        changes: Vec<UserChange>,
    ) -> Result<Vec<User>> {
        let app = backend.tenant().app();
        self.write(move |tx| {
            Box::pin(async move {
                let mut users = Vec::with_capacity(changes.len());
                for change in changes {
                    users.push(set_user(tx, app, change).await?);
                }
                Ok(users)
            })
        })
        .await
    }

    /// A user of the app.
    pub async fn find_user(&self, tenant: Tenant, id: &UserId) -> Result<Option<User>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(USER).bind(tenant.app()).bind(id.as_str()).fetch_optional(pool).await
        })?)
    }

    /// The app's users by id, those after `after`.
    pub async fn list_users(
        &self,
        backend: &Backend,
        after: &str,
        limit: i64,
    ) -> Result<Vec<User>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(concat!(
                "SELECT ",
                user_columns!(),
                " FROM users WHERE app_id = $1 AND id > $2 ORDER BY id LIMIT $3"
            ))
            .bind(backend.tenant().app())
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?)
    }

    /// Shuts a user out, or lets it in again.
    pub async fn set_deactivated(
        &self,
        backend: &Backend,
        id: UserId,
        deactivated: bool,
    ) -> Result<User> {
        let app = backend.tenant().app();
        self.write(move |tx| {
            Box::pin(async move {
                let at = deactivated.then_some(tx.now);
                let now = tx.now;
                on_db!(&mut tx.connection, c => {
                    sqlx::query("UPDATE users SET deactivated_at = $1, updated_at = $2 WHERE app_id = $3 AND id = $4")
                        .bind(at)
                        .bind(now)
                        .bind(app)
                        .bind(id.as_str())
                        .execute(&mut *c)
                        .await
                        .map(drop)
                })?;
                get_user(tx, app, &id).await
            })
        })
        .await
    }

    /// Refuses the user's tokens that were issued before `from`.
    pub async fn set_tokens_valid_from(
        &self,
        backend: &Backend,
        id: UserId,
        from: Millis,
    ) -> Result<User> {
        let app = backend.tenant().app();
        self.write(move |tx| {
            Box::pin(async move {
                on_db!(&mut tx.connection, c => {
                    sqlx::query("UPDATE users SET tokens_valid_from = $1 WHERE app_id = $2 AND id = $3 AND tokens_valid_from < $1")
                        .bind(from)
                        .bind(app)
                        .bind(id.as_str())
                        .execute(&mut *c)
                        .await
                        .map(drop)
                })?;
                get_user(tx, app, &id).await
            })
        })
        .await
    }
}

async fn get_user(tx: &mut Tx, app: AppId, id: &UserId) -> Result<User> {
    let found = on_db!(&mut tx.connection, c => {
        sqlx::query_as(USER).bind(app).bind(id.as_str()).fetch_optional(&mut *c).await
    })?;
    found.ok_or_else(|| Error::not_found("user"))
}

async fn set_user(tx: &mut Tx, app: AppId, change: UserChange) -> Result<User> {
    let now = tx.now;
    on_db!(&mut tx.connection, c => {
        sqlx::query(
            "INSERT INTO users (app_id, id, name, image, custom, created_at, updated_at, tokens_valid_from) \
             VALUES ($1, $2, $3, $4, COALESCE($5, '{}'), $6, $6, 0) \
             ON CONFLICT (app_id, id) DO UPDATE SET \
             name = CASE WHEN $7 THEN $3 ELSE users.name END, image = CASE WHEN $8 THEN $4 ELSE users.image END, \
             custom = COALESCE($5, users.custom), updated_at = $6",
        )
        .bind(app)
        .bind(change.id.as_str())
        .bind(change.name.clone().flatten())
        .bind(change.image.clone().flatten())
        .bind(&change.custom)
        .bind(now)
        .bind(change.name.is_some())
        .bind(change.image.is_some())
        .execute(&mut *c)
        .await
        .map(drop)
    })?;
    get_user(tx, app, &change.id).await
}

impl Tx {
    /// Makes the bot user of a plugin, unless it is there.
    pub(super) async fn add_bot(
        &mut self,
        app: AppId,
        id: &UserId,
        name: &str,
        plugin: &str,
    ) -> Result<()> {
        let now = self.now;
        on_db!(&mut self.connection, c => {
            sqlx::query(
                "INSERT INTO users (app_id, id, name, custom, plugin, created_at, updated_at, tokens_valid_from) \
                 VALUES ($1, $2, $3, '{}', $4, $5, $5, 0) ON CONFLICT (app_id, id) DO NOTHING",
            )
            .bind(app)
            .bind(id.as_str())
            .bind(name)
            .bind(plugin)
            .bind(now)
            .execute(&mut *c)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}
