//! The epoch: the database's own random number. Clients come back with the epoch and the `seq` that
//! they saw last. A restored backup has another log under the same numbers, so it needs another epoch.

use std::path::Path;

use sqlx::Connection as _;

use super::{Db, Settings, connect, lock, migrate, writer};
use crate::clock;
use crate::model::Millis;

fn random() -> i64 {
    (clock::random_u64() >> 1) as i64
}

/// The epoch, drawn at the first start, and the log's last position.
pub(super) async fn read(db: &Db, now: Millis) -> sqlx::Result<(i64, i64)> {
    on_db!(db, pool => {
        sqlx::query("INSERT INTO meta (id, epoch) VALUES (1, $1) ON CONFLICT (id) DO NOTHING")
            .bind(random())
            .execute(pool)
            .await?;
        sqlx::query_as(
            "SELECT epoch, (SELECT COALESCE(MAX(position), $1) FROM events) FROM meta WHERE id = 1",
        )
        .bind(now << 20)
        .fetch_one(pool)
        .await
    })
}

/// Draws a new epoch for the database, which no host may be using.
///
/// # Errors
/// A sentence for the operator.
pub async fn draw(settings: &Settings) -> Result<(), String> {
    if let Some(path) = settings.url.expose().strip_prefix("sqlite:")
        && !Path::new(path).exists()
    {
        return Err(format!(
            "there is no database at {path}: put the backup there first"
        ));
    }
    let _only_host = lock(settings)?;
    let db = connect(settings).await?;
    let mut connection = writer::connect(&db)
        .await
        .map_err(|e| format!("can't open the store for writing: {e}"))?;
    migrate(&db).await?;
    let sql = "INSERT INTO meta (id, epoch) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch";
    let drawn = on_db!(&mut connection, c => {
        sqlx::query(sql).bind(random()).execute(&mut *c).await.map(drop)
    });
    drawn.map_err(|e| format!("can't write the new epoch: {e}"))?;
    on_db!(connection, c => c.close().await).map_err(|e| format!("can't close the store: {e}"))?;
    on_db!(&db, pool => pool.close().await);
    Ok(())
}
