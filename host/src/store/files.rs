//! Uploaded files: what they are, which messages show them, and which are gone.

use super::Store;
use super::erase::STEP_ROWS;
use super::proof::{Backend, Tenant};
use super::writer::Tx;
use crate::error::Result;
use crate::files;
use crate::model::{AppId, ChannelKey, File, FileId, Millis, UserId};

macro_rules! file_columns {
    () => {
        "id, owner, name, media_type, bytes, sha256, created_at"
    };
}

/// Files that one step removes: each takes a few statements.
const STEP_FILES: i64 = 100;

impl Store {
    /// Notes a file whose bytes are there.
    pub async fn add_file(&self, tenant: Tenant, file: File) -> Result<()> {
        let app = tenant.app();
        self.write(move |tx| {
            Box::pin(async move {
                on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "INSERT INTO files (id, app_id, owner, name, media_type, bytes, sha256, shown, created_at) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE, $8)",
                    )
                    .bind(file.id)
                    .bind(app)
                    .bind(&file.owner)
                    .bind(&file.name)
                    .bind(&file.media_type)
                    .bind(file.bytes)
                    .bind(&file.sha256)
                    .bind(file.created_at)
                    .execute(&mut *c)
                    .await
                    .map(drop)
                })?;
                Ok(())
            })
        })
        .await
    }

    /// A file of the app.
    pub async fn find_file(&self, tenant: Tenant, id: FileId) -> Result<Option<File>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(concat!("SELECT ", file_columns!(), " FROM files WHERE id = $1 AND app_id = $2"))
                .bind(id)
                .bind(tenant.app())
                .fetch_optional(pool)
                .await
        })?)
    }

    /// Whether some message shows the file where a user may read.
    pub async fn is_shown_to(&self, tenant: Tenant, id: FileId, user: &UserId) -> Result<bool> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM file_shares s JOIN events e ON e.message_id = s.message_id AND e.kind = 1 \
                 JOIN seats p ON p.channel = s.channel AND p.user_id = $2 \
                 WHERE s.file_id = $1 AND p.app_id = $3)",
            )
            .bind(id)
            .bind(user.as_str())
            .bind(tenant.app())
            .fetch_one(pool)
            .await
        })?)
    }

    /// Files of a user, or with an empty `owner` those of the backend, new to old, those before `before`.
    pub async fn list_files(
        &self,
        tenant: Tenant,
        owner: &str,
        before: Option<FileId>,
        limit: i64,
    ) -> Result<Vec<File>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(concat!(
                "SELECT ",
                file_columns!(),
                " FROM files WHERE app_id = $1 AND owner = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
            ))
            .bind(tenant.app())
            .bind(owner)
            .bind(before.unwrap_or(FileId(i64::MAX)))
            .bind(limit)
            .fetch_all(pool)
            .await
        })?)
    }

    /// How many bytes the files of the app have.
    pub async fn count_file_bytes(&self, tenant: Tenant) -> Result<i64> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_scalar("SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM files WHERE app_id = $1")
                .bind(tenant.app())
                .fetch_one(pool)
                .await
        })?)
    }

    /// Removes a file; messages that show it show nothing then.
    pub async fn remove_file(&self, tenant: Tenant, id: FileId) -> Result<()> {
        let app = tenant.app();
        self.write(move |tx| Box::pin(async move { tx.remove_files(app, &[id]).await }))
            .await
    }

    /// Removes some files of a user. False when it had none.
    pub async fn drop_files(&self, backend: &Backend, owner: UserId) -> Result<bool> {
        let app = backend.tenant().app();
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                let ids: Vec<FileId> = on_db!(&mut tx.connection, c => {
                    sqlx::query_scalar("SELECT id FROM files WHERE app_id = $1 AND owner = $2 LIMIT $3")
                        .bind(app)
                        .bind(owner.as_str())
                        .bind(STEP_FILES)
                        .fetch_all(&mut *c)
                        .await
                })?;
                tx.remove_files(app, &ids).await?;
                Ok(!ids.is_empty())
            })
        })
        .await
    }

    /// Removes some files that no message shows and that came before `before`; those of backends
    /// stay. False when there were none.
    pub async fn drop_files_not_shown(&self, before: Millis) -> Result<bool> {
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                let rows: Vec<(AppId, FileId)> = on_db!(&mut tx.connection, c => {
                    sqlx::query_as(
                        "SELECT app_id, id FROM files WHERE NOT shown AND owner <> '' AND created_at < $1 \
                         ORDER BY created_at LIMIT $2",
                    )
                    .bind(before)
                    .bind(STEP_FILES)
                    .fetch_all(&mut *c)
                    .await
                })?;
                for (app, id) in &rows {
                    tx.remove_files(*app, &[*id]).await?;
                }
                Ok(!rows.is_empty())
            })
        })
        .await
    }

    /// Files that are gone and whose bytes are to be removed.
    pub async fn list_removed_files(&self) -> Result<Vec<String>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_scalar("SELECT path FROM removed_files LIMIT 100").fetch_all(pool).await
        })?)
    }

    /// The bytes at this path are gone, too: what is left to forget is who showed them. False when there is
    /// more of that, and the path still known.
    pub async fn forget_removed_file(&self, path: String) -> Result<bool> {
        let file = path
            .rsplit('/')
            .next()
            .and_then(|id| id.parse::<FileId>().ok());
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                let shares = on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "DELETE FROM file_shares WHERE file_id = $1 AND message_id IN \
                         (SELECT message_id FROM file_shares WHERE file_id = $1 LIMIT $2)",
                    )
                    .bind(file)
                    .bind(STEP_ROWS)
                    .execute(&mut *c)
                    .await
                    .map(|done| done.rows_affected() as i64)
                })?;
                if shares == STEP_ROWS {
                    return Ok(false);
                }
                on_db!(&mut tx.connection, c => {
                    sqlx::query("DELETE FROM removed_files WHERE path = $1").bind(&path).execute(&mut *c).await.map(drop)
                })?;
                Ok(true)
            })
        })
        .await
    }
}

impl Tx {
    pub(super) async fn has_file(&mut self, app: AppId, file: FileId) -> Result<bool> {
        Ok(on_db!(&mut self.connection, c => {
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM files WHERE id = $1 AND app_id = $2)")
                .bind(file)
                .bind(app)
                .fetch_one(&mut *c)
                .await
        })?)
    }

    /// Notes that a message, stored or held, shows a file.
    pub(super) async fn show_file(
        &mut self,
        app: AppId,
        file: FileId,
        message: i64,
        channel: ChannelKey,
    ) -> Result<()> {
        on_db!(&mut self.connection, c => {
            sqlx::query("UPDATE files SET shown = TRUE WHERE id = $1 AND app_id = $2")
                .bind(file)
                .bind(app)
                .execute(&mut *c)
                .await
                .map(drop)
        })?;
        on_db!(&mut self.connection, c => {
            sqlx::query("INSERT INTO file_shares (file_id, message_id, channel) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(file)
                .bind(message)
                .bind(channel)
                .execute(&mut *c)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// The file that a message shows, stored or held, if it is still there.
    pub(super) async fn file_of(&mut self, message: i64) -> Result<Option<FileId>> {
        Ok(on_db!(&mut self.connection, c => {
            sqlx::query_scalar(
                "SELECT file_id FROM file_shares WHERE message_id = $1 \
                 AND (SELECT id FROM files f WHERE f.id = file_shares.file_id) IS NOT NULL",
            )
                .bind(message)
                .fetch_optional(&mut *c)
                .await
        })?)
    }

    /// A message shows its file no longer. One that no message shows goes with its time.
    pub(super) async fn hide_file(&mut self, message: i64) -> Result<()> {
        let file: Option<FileId> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar("DELETE FROM file_shares WHERE message_id = $1 RETURNING file_id")
                .bind(message)
                .fetch_optional(&mut *c)
                .await
        })?;
        let Some(file) = file else {
            return Ok(());
        };
        on_db!(&mut self.connection, c => {
            sqlx::query(
                "UPDATE files SET shown = EXISTS (SELECT 1 FROM file_shares WHERE file_id = $1) WHERE id = $1",
            )
            .bind(file)
            .execute(&mut *c)
            .await
            .map(drop)
        })?;
        Ok(())
    }

    /// Who showed them is forgotten with their bytes: there may be any number of messages.
    async fn remove_files(&mut self, app: AppId, ids: &[FileId]) -> Result<()> {
        for id in ids {
            on_db!(&mut self.connection, c => {
                sqlx::query("DELETE FROM files WHERE id = $1 AND app_id = $2").bind(id).bind(app).execute(&mut *c).await.map(drop)
            })?;
            self.note_removed(files::removed(app, *id)).await?;
        }
        Ok(())
    }

    /// The bytes at this path are to be removed.
    pub(super) async fn note_removed(&mut self, path: String) -> Result<()> {
        on_db!(&mut self.connection, c => {
            sqlx::query("INSERT INTO removed_files (path) VALUES ($1) ON CONFLICT DO NOTHING")
                .bind(&path)
                .execute(&mut *c)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}
