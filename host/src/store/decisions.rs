//! What plugins decided about messages of others, other than to let them be: for the tenant who wants
//! to know what its plugins do.

use super::Store;
use super::bulk::Bulk;
use super::erase::STEP_ROWS;
use super::proof::Backend;
use crate::error::Result;
use crate::model::{AppId, Decision, DecisionId, Millis, UserId};

static INSERT: Bulk = Bulk::new(
    "INSERT INTO decisions (id, app_id, plugin, digest, hook, channel, actor, outcome, code, reason, created_at) VALUES ",
    11,
    "",
);

impl Store {
    /// Keeps decisions, of whatever apps.
    pub async fn add_decisions(&self, decisions: Vec<(AppId, Decision)>) -> Result<()> {
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                for (sql, rows) in INSERT.exact(tx.connection.dialect(), &decisions) {
                    on_db!(&mut tx.connection, c => {
                        let mut query = sqlx::query(sql);
                        for (app, decision) in rows {
                            query = query
                                .bind(decision.id)
                                .bind(app)
                                .bind(&decision.plugin)
                                .bind(&decision.digest)
                                .bind(&decision.hook)
                                .bind(&decision.channel)
                                .bind(decision.actor.as_ref().map(UserId::as_str))
                                .bind(&decision.outcome)
                                .bind(&decision.code)
                                .bind(&decision.reason)
                                .bind(decision.created_at);
                        }
                        query.execute(&mut *c).await.map(drop)
                    })?;
                }
                Ok(())
            })
        })
        .await
    }

    /// What a plugin of the app decided, new to old, before `before`.
    pub async fn list_decisions(
        &self,
        backend: &Backend,
        plugin: &str,
        before: Option<DecisionId>,
        limit: i64,
    ) -> Result<Vec<Decision>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT id, plugin, digest, hook, channel, actor, outcome, code, reason, created_at FROM decisions \
                 WHERE app_id = $1 AND plugin = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
            )
            .bind(backend.tenant().app())
            .bind(plugin)
            .bind(before.unwrap_or(DecisionId(i64::MAX)))
            .bind(limit)
            .fetch_all(pool)
            .await
        })?)
    }

    /// Drops some decisions about what a user did. False when there were none.
    pub async fn drop_decisions(&self, backend: &Backend, id: UserId) -> Result<bool> {
        let app = backend.tenant().app();
        let sql = "DELETE FROM decisions WHERE id IN \
                   (SELECT id FROM decisions WHERE app_id = $1 AND actor = $2 LIMIT $3)";
        self.write_in_turn(move |tx| Box::pin(async move { tx.delete_step(sql, app, &id).await }))
            .await
    }

    /// Drops some decisions that are older than `before`. False when there were none.
    pub async fn drop_old_decisions(&self, before: Millis) -> Result<bool> {
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                let gone = on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "DELETE FROM decisions WHERE id IN \
                         (SELECT id FROM decisions WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
                    )
                    .bind(before)
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
}
