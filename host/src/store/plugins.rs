//! Plugins of an app: their components, installs, values and timers, and the one transaction in
//! which everything that a handler did lands together with its place in the log.

use super::Store;
use super::append::{ClientIds, MessageChange, NewMessage};
use super::attachments::NewAttachment;
use super::kept::Kept;
use super::proof::{Backend, Tenant};
use super::writer::Tx;
use crate::crash;
use crate::error::{Code, Error, Result};
use crate::model::{AppId, ChannelKey, InstallId, MessageId, Millis, Rollout, UserId};

/// A plugin in an app.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Install {
    pub id: InstallId,
    pub app_id: AppId,
    pub name: String,
    /// The SHA-256 of its component, in hex.
    pub digest: String,
    pub enabled: bool,
    /// The permissions it was granted.
    pub grants: crate::model::Texts,
    /// Its settings: JSON text of an object.
    pub config: String,
    /// Its secret settings, sealed: JSON text of an object.
    pub secrets: String,
    /// Its place in the chain of guards; lower comes first.
    pub place: i64,
    /// `open`, `closed` or `hold`.
    pub on_fault: String,
    /// The hooks that its version has.
    pub hooks: crate::model::Texts,
    /// The digest of the version that started last; empty before the first.
    pub started: String,
    /// The position of the log up to which its events are handled.
    pub cursor: i64,
    pub attempts: i64,
    pub retry_at: Option<Millis>,
    /// The hooks that are not called: JSON text, a list of [`crate::model::Quarantine`].
    pub quarantine: Option<String>,
    /// The version before: JSON text, a [`crate::model::Previous`].
    pub previous: Option<String>,
    /// The version that is tried beside it: JSON text, a [`crate::model::Rollout`].
    pub rollout: Option<String>,
    pub created_at: Millis,
    /// Another one after each change.
    pub updated_at: Millis,
}

/// A version of a plugin that was uploaded.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Version {
    /// The SHA-256 of its component, in hex.
    pub digest: String,
    /// The version, in its author's words.
    pub version: String,
    /// What it asks for, and why: JSON text of a list.
    pub permissions: String,
    /// What its hooks let it see: JSON text of a list.
    pub sees: String,
    /// Who signed it: JSON text of a list.
    pub signatures: String,
    pub uploaded_at: Millis,
}

/// The component of a version.
#[derive(Debug, Clone)]
pub struct NewComponent {
    /// What it is and wants: JSON text of an object.
    pub about: String,
    pub bytes: Vec<u8>,
}

/// An install to be made or changed.
#[derive(Debug, Clone)]
pub struct NewInstall {
    /// That of the install there is, or a new one.
    pub id: InstallId,
    pub name: String,
    /// For people.
    pub title: String,
    /// The user by whom it writes.
    pub bot: UserId,
    pub digest: String,
    pub enabled: bool,
    pub grants: crate::model::Texts,
    pub config: String,
    pub secrets: String,
    pub place: i64,
    pub on_fault: String,
    pub hooks: crate::model::Texts,
    pub started: String,
    /// The version that this one takes the place of: JSON text.
    pub previous: Option<String>,
    /// The version that is tried beside it: JSON text.
    pub rollout: Option<String>,
    /// Whether its events go on where those of the install there is have stopped; else they begin with
    /// what comes from now on.
    pub goes_on: bool,
}

/// A version to be tried beside the one that runs.
#[derive(Debug, Clone)]
pub struct NewRollout {
    /// JSON text, a [`crate::model::Rollout`].
    pub text: String,
    /// As for [`NewInstall`].
    pub goes_on: bool,
}

/// A stored value.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct KvRow {
    pub value: Vec<u8>,
    pub version: i64,
}

/// A write of a value: `None` deletes.
#[derive(Debug, Clone)]
pub struct KvWrite {
    pub scope: String,
    pub key: String,
    pub value: Option<Vec<u8>>,
    pub expires_at: Option<Millis>,
}

/// A timer that is set.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Timer {
    pub install: InstallId,
    pub name: String,
    pub due_at: Millis,
    pub channel: String,
    pub payload: String,
    pub attempts: i64,
    pub version: i64,
}

/// A change of the timers.
#[derive(Debug, Clone)]
pub enum TimerWrite {
    Set {
        name: String,
        due_at: Millis,
        channel: String,
        payload: String,
    },
    Cancel {
        name: String,
    },
}

/// A write to the chat.
#[derive(Debug, Clone)]
pub enum ChatWrite {
    Send(NewMessage),
    Change {
        channel: ChannelKey,
        id: MessageId,
        revision: i64,
        change: MessageChange,
        actor: Option<UserId>,
    },
    Delete {
        channel: ChannelKey,
        id: MessageId,
        actor: Option<UserId>,
    },
    Attach {
        channel: ChannelKey,
        id: MessageId,
        attachment: NewAttachment,
        actor: UserId,
    },
}

/// Why a handler ran, and so what is done with it.
#[derive(Debug, Clone)]
pub enum Cause {
    /// An event: the cursor moves from one position to another.
    Event { from: i64, to: i64 },
    /// A timer: it goes, unless the handler set it again.
    Timer { name: String, version: i64 },
    /// Somebody's request: nothing.
    Request,
    /// Somebody's command, as a request; what it sends, it sends for them.
    Command(UserId),
}

impl Cause {
    /// Whether somebody waits for what becomes of it. An event or a timer would only run again.
    pub fn is_asked(&self) -> bool {
        matches!(self, Cause::Request | Cause::Command(_))
    }
}

/// The install that a handler was called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    pub updated_at: Millis,
    /// For a version on trial: since when it is tried.
    pub tried_since: Option<Millis>,
}

/// What became of a handler's writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landed {
    Done,
    /// Somebody else was first: a value that it read has changed, or its event or timer is done already.
    TooLate,
    /// The install runs in another way, or not at all.
    Replaced,
}

/// All that a handler did.
#[derive(Debug, Clone)]
pub struct HandlerCommit {
    pub install: InstallId,
    pub cause: Cause,
    /// How many plugins in a row led to it, this one included.
    pub depth: i16,
    /// Versions of the values it read (`None`: there was none), which must still hold.
    pub kv_reads: Vec<(String, String, Option<i64>)>,
    pub kv_writes: Vec<KvWrite>,
    pub timers: Vec<TimerWrite>,
    pub chat: Vec<ChatWrite>,
    /// The most that the install may keep.
    pub kept_max: Kept,
}

macro_rules! install_columns {
    () => {
        "id, app_id, name, digest, enabled, grants, config, secrets, place, on_fault, hooks, started, cursor, attempts, \
         retry_at, quarantine, previous, rollout, created_at, updated_at"
    };
}

impl Store {
    /// Keeps a component in the place of the versions in `gone`. The same content again changes nothing.
    pub async fn add_component(
        &self,
        backend: &Backend,
        name: String,
        new: Version,
        component: NewComponent,
        gone: Vec<String>,
    ) -> Result<()> {
        let app = backend.tenant().app();
        self.write(move |tx| {
            Box::pin(async move {
                let now = tx.now;
                for digest in gone {
                    tx.drop_version(app, &name, &digest).await?;
                }
                on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "INSERT INTO plugin_versions \
                         (app_id, name, digest, version, component, uploaded_at, permissions, signatures, sees, about) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
                    )
                    .bind(app)
                    .bind(name)
                    .bind(&new.digest)
                    .bind(&new.version)
                    .bind(component.bytes)
                    .bind(now)
                    .bind(&new.permissions)
                    .bind(&new.signatures)
                    .bind(&new.sees)
                    .bind(&component.about)
                    .execute(&mut *c)
                    .await
                    .map(drop)
                })?;
                Ok(())
            })
        })
        .await
    }

    /// Removes a version of a plugin with its component. It must not be in use.
    pub async fn remove_version(
        &self,
        backend: &Backend,
        name: String,
        digest: String,
    ) -> Result<()> {
        let app = backend.tenant().app();
        self.write(move |tx| {
            Box::pin(async move {
                match tx.drop_version(app, &name, &digest).await? {
                    true => Ok(()),
                    false => Err(Error::not_found("version")),
                }
            })
        })
        .await
    }

    /// A component of the app.
    pub async fn find_component(
        &self,
        tenant: Tenant,
        name: &str,
        digest: &str,
    ) -> Result<Option<Vec<u8>>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_scalar("SELECT component FROM plugin_versions WHERE app_id = $1 AND name = $2 AND digest = $3")
                .bind(tenant.app())
                .bind(name)
                .bind(digest)
                .fetch_optional(pool)
                .await
        })?)
    }

    /// What a component of the app is and wants: JSON text of an object.
    pub async fn find_about(
        &self,
        tenant: Tenant,
        name: &str,
        digest: &str,
    ) -> Result<Option<String>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_scalar("SELECT about FROM plugin_versions WHERE app_id = $1 AND name = $2 AND digest = $3")
                .bind(tenant.app())
                .bind(name)
                .bind(digest)
                .fetch_optional(pool)
                .await
        })?)
    }

    /// The uploaded versions of a plugin, old to new.
    pub async fn list_versions(&self, backend: &Backend, name: &str) -> Result<Vec<Version>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT digest, version, permissions, sees, signatures, uploaded_at FROM plugin_versions \
                 WHERE app_id = $1 AND name = $2 ORDER BY uploaded_at, digest",
            )
            .bind(backend.tenant().app())
            .bind(name)
            .fetch_all(pool)
            .await
        })?)
    }

    /// The names of all plugins that were uploaded to the app.
    pub async fn list_plugin_names(&self, backend: &Backend) -> Result<Vec<String>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_scalar("SELECT DISTINCT name FROM plugin_versions WHERE app_id = $1 ORDER BY name")
                .bind(backend.tenant().app())
                .fetch_all(pool)
                .await
        })?)
    }

    /// Whose plugins an app takes: JSON text.
    pub async fn find_plugin_trust(&self, tenant: Tenant) -> Result<Option<String>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_scalar("SELECT policy FROM plugin_trust WHERE app_id = $1")
                .bind(tenant.app())
                .fetch_optional(pool)
                .await
        })?)
    }

    /// Sets whose plugins an app takes: JSON text.
    pub async fn set_plugin_trust(&self, tenant: Tenant, policy: String) -> Result<()> {
        let app = tenant.app();
        self.write(move |tx| {
            Box::pin(async move {
                on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "INSERT INTO plugin_trust (app_id, policy) VALUES ($1, $2) \
                         ON CONFLICT (app_id) DO UPDATE SET policy = $2",
                    )
                    .bind(app)
                    .bind(&policy)
                    .execute(&mut *c)
                    .await
                    .map(drop)
                })?;
                Ok(())
            })
        })
        .await
    }

    /// Installs a plugin, or changes how it runs, and lands what it did at its start with it. The flag
    /// is false when a value that it read has changed: it should then start again.
    pub async fn set_install(
        &self,
        backend: &Backend,
        new: NewInstall,
        start: Option<HandlerCommit>,
    ) -> Result<bool> {
        let app = backend.tenant().app();
        let landed = self.write(move |tx| {
            Box::pin(async move {
                let (now, position) = (tx.now, tx.position);
                tx.add_bot(app, &new.bot, &new.title, &new.name).await?;
                on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "INSERT INTO installs (id, app_id, name, digest, enabled, grants, config, place, on_fault, cursor, \
                         created_at, updated_at, previous, secrets, hooks, started, rollout) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14, $15, $16) \
                         ON CONFLICT (app_id, name) DO UPDATE SET digest = $4, enabled = $5, grants = $6, config = $7, \
                         place = $8, on_fault = $9, attempts = 0, retry_at = NULL, quarantine = NULL, \
                         updated_at = CASE WHEN installs.updated_at < $11 THEN $11 ELSE installs.updated_at + 1 END, \
                         previous = $12, secrets = $13, hooks = $14, started = $15, rollout = $16, \
                         cursor = CASE WHEN $17 THEN installs.cursor ELSE $10 END",
                    )
                    .bind(new.id)
                    .bind(app)
                    .bind(&new.name)
                    .bind(&new.digest)
                    .bind(new.enabled)
                    .bind(new.grants.to_json())
                    .bind(&new.config)
                    .bind(new.place)
                    .bind(&new.on_fault)
                    .bind(position)
                    .bind(now)
                    .bind(&new.previous)
                    .bind(&new.secrets)
                    .bind(new.hooks.to_json())
                    .bind(&new.started)
                    .bind(&new.rollout)
                    .bind(new.goes_on)
                    .execute(&mut *c)
                    .await
                    .map(drop)
                })?;
                match start {
                    Some(commit) => tx.handler(commit).await,
                    None => Ok(()),
                }
            })
        });
        whether_landed(landed.await)
    }

    /// Notes which version is tried beside the one that runs, or none; and lands what it did at its start
    /// with it. The flag is false when a value that it read has changed: it should then start again.
    pub async fn set_rollout(
        &self,
        install: InstallId,
        rollout: Option<NewRollout>,
        start: Option<HandlerCommit>,
    ) -> Result<bool> {
        let landed = self.write(move |tx| {
            Box::pin(async move {
                let position = tx.position;
                let goes_on = rollout.as_ref().is_none_or(|rollout| rollout.goes_on);
                let text = rollout.map(|rollout| rollout.text);
                on_db!(&mut tx.connection, c => {
                    sqlx::query("UPDATE installs SET rollout = $2, cursor = CASE WHEN $3 THEN cursor ELSE $4 END WHERE id = $1")
                        .bind(install)
                        .bind(&text)
                        .bind(goes_on)
                        .bind(position)
                        .execute(&mut *c)
                        .await
                        .map(drop)
                })?;
                match start {
                    Some(commit) => tx.handler(commit).await,
                    None => Ok(()),
                }
            })
        });
        whether_landed(landed.await)
    }

    /// Puts hooks of an install out of use: JSON text. The next change of the install lifts it.
    pub async fn quarantine(&self, install: InstallId, quarantine: String) -> Result<()> {
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                on_db!(&mut tx.connection, c => {
                    sqlx::query("UPDATE installs SET quarantine = $2 WHERE id = $1")
                        .bind(install)
                        .bind(&quarantine)
                        .execute(&mut *c)
                        .await
                        .map(drop)
                })?;
                Ok(())
            })
        })
        .await
    }

    /// Removes a plugin from the app, with its components. What it kept, which nobody can reach any
    /// more, is for [`Store::sweep`].
    pub async fn remove_plugin(&self, backend: &Backend, name: String) -> Result<()> {
        let app = backend.tenant().app();
        self.write(move |tx| {
            Box::pin(async move {
                let gone = on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "INSERT INTO removed_installs (install) SELECT id FROM installs WHERE app_id = $1 AND name = $2",
                    )
                    .bind(app)
                    .bind(&name)
                    .execute(&mut *c)
                    .await?;
                    sqlx::query("DELETE FROM installs WHERE app_id = $1 AND name = $2")
                        .bind(app)
                        .bind(&name)
                        .execute(&mut *c)
                        .await?;
                    sqlx::query("DELETE FROM plugin_versions WHERE app_id = $1 AND name = $2")
                        .bind(app)
                        .bind(&name)
                        .execute(&mut *c)
                        .await
                        .map(|done| done.rows_affected())
                })?;
                if gone == 0 {
                    Err(Error::not_found("plugin"))
                } else {
                    Ok(())
                }
            })
        })
        .await
    }

    /// Every install of the host: for loading them at the start.
    pub async fn list_all_installs(&self) -> Result<Vec<Install>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(concat!("SELECT ", install_columns!(), " FROM installs ORDER BY app_id, place, name"))
                .fetch_all(pool)
                .await
        })?)
    }

    /// The installs of one app in the order of its chain.
    pub async fn list_installs(&self, tenant: Tenant) -> Result<Vec<Install>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(concat!(
                "SELECT ",
                install_columns!(),
                " FROM installs WHERE app_id = $1 ORDER BY place, name"
            ))
            .bind(tenant.app())
            .fetch_all(pool)
            .await
        })?)
    }

    /// Timers of an app that are due by then, the longest due first.
    pub async fn list_timers(
        &self,
        tenant: Tenant,
        due_by: Millis,
        limit: i64,
    ) -> Result<Vec<Timer>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT t.install, t.name, t.due_at, t.channel, t.payload, t.attempts, t.version FROM plugin_timers t \
                 JOIN installs i ON i.id = t.install WHERE i.app_id = $1 AND i.enabled AND t.due_at <= $2 \
                 AND (t.channel = '' OR EXISTS (SELECT 1 FROM open_channels c WHERE c.app_id = $1 AND c.id = t.channel)) \
                 ORDER BY t.due_at LIMIT $3",
            )
            .bind(tenant.app())
            .bind(due_by)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?)
    }

    /// When the next timer of each app is due, for those that have one.
    pub async fn list_next_timers(&self) -> Result<Vec<(AppId, Millis)>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT app_id, MIN(due_at) FROM (SELECT i.app_id, (SELECT t.due_at FROM plugin_timers t \
                 WHERE t.install = i.id AND (t.channel = '' OR EXISTS (SELECT 1 FROM open_channels c \
                 WHERE c.app_id = i.app_id AND c.id = t.channel)) ORDER BY t.due_at LIMIT 1) AS due_at \
                 FROM installs i WHERE i.enabled) AS next \
                 WHERE due_at IS NOT NULL GROUP BY app_id",
            )
            .fetch_all(pool)
            .await
        })?)
    }

    /// How many timers an install has set, and whether `name` is one of them.
    pub async fn count_timers(&self, install: InstallId, name: &str) -> Result<(i64, bool)> {
        let found: Option<(i64, bool)> = on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT timers, EXISTS (SELECT 1 FROM plugin_timers WHERE install = $1 AND name = $2) \
                 FROM installs WHERE id = $1",
            )
            .bind(install)
            .bind(name)
            .fetch_optional(pool)
            .await
        })?;
        // One that is only about to begin has none.
        Ok(found.unwrap_or_default())
    }

    /// Puts a failed timer off, or drops it. False if it is gone or was set again meanwhile.
    pub async fn put_off_timer(&self, timer: &Timer, until: Option<Millis>) -> Result<bool> {
        self.move_timer_counting(timer, until, 1).await
    }

    /// Moves a timer that could not be tried, unless it was set again meanwhile.
    pub async fn move_timer(&self, timer: &Timer, until: Millis) -> Result<()> {
        let moved = self.move_timer_counting(timer, Some(until), 0).await;
        moved.map(drop)
    }

    async fn move_timer_counting(
        &self,
        timer: &Timer,
        until: Option<Millis>,
        attempts: i64,
    ) -> Result<bool> {
        let timer = timer.clone();
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                let Some(until) = until else {
                    return tx
                        .drop_timer(timer.install, &timer.name, timer.version)
                        .await;
                };
                let moved = on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "UPDATE plugin_timers SET due_at = $1, attempts = attempts + $5 \
                         WHERE install = $2 AND name = $3 AND version = $4",
                    )
                    .bind(until)
                    .bind(timer.install)
                    .bind(&timer.name)
                    .bind(timer.version)
                    .bind(attempts)
                    .execute(&mut *c)
                    .await
                    .map(|done| done.rows_affected())
                })?;
                Ok(moved > 0)
            })
        })
        .await
    }

    /// Notes that the event after the cursor failed: it is tried again at `retry_at`, or, without
    /// one, passed over.
    pub async fn note_failed_event(
        &self,
        install: InstallId,
        from: i64,
        to: i64,
        retry_at: Option<Millis>,
    ) -> Result<()> {
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                on_db!(&mut tx.connection, c => {
                    match retry_at {
                        Some(at) => sqlx::query(
                            "UPDATE installs SET attempts = attempts + 1, retry_at = $1 WHERE id = $2 AND cursor = $3",
                        )
                        .bind(at)
                        .bind(install)
                        .bind(from)
                        .execute(&mut *c)
                        .await
                        .map(drop),
                        None => sqlx::query(
                            "UPDATE installs SET cursor = $1, attempts = 0, retry_at = NULL WHERE id = $2 AND cursor = $3",
                        )
                        .bind(to)
                        .bind(install)
                        .bind(from)
                        .execute(&mut *c)
                        .await
                        .map(drop),
                    }
                })?;
                Ok(())
            })
        })
        .await
    }

    /// Lands all that a handler did if the install is still that of its call; else nothing, and it should
    /// run again.
    pub async fn commit_handler(&self, commit: HandlerCommit, as_of: AsOf) -> Result<Landed> {
        let result = match commit.cause.is_asked() {
            true => {
                self.write(move |tx| Box::pin(async move { tx.land(commit, as_of).await }))
                    .await
            }
            false => {
                self.write_in_turn(move |tx| Box::pin(async move { tx.land(commit, as_of).await }))
                    .await
            }
        };
        match result {
            Err(error) if error.code() == Code::Conflict => Ok(Landed::TooLate),
            other => other,
        }
    }
}

/// False for what somebody else was quicker with.
fn whether_landed(result: Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.code() == Code::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}

impl Tx {
    async fn land(&mut self, commit: HandlerCommit, as_of: AsOf) -> Result<Landed> {
        if !self.runs(commit.install, as_of).await? {
            return Ok(Landed::Replaced);
        }
        self.handler(commit).await?;
        Ok(Landed::Done)
    }

    /// Whether an install runs as it did.
    async fn runs(&mut self, install: InstallId, as_of: AsOf) -> Result<bool> {
        let found: Option<Option<String>> = on_db!(&mut self.connection, c => {
            sqlx::query_scalar("SELECT rollout FROM installs WHERE id = $1 AND updated_at = $2 AND enabled")
                .bind(install)
                .bind(as_of.updated_at)
                .fetch_optional(&mut *c)
                .await
        })?;
        let (Some(rollout), Some(since)) = (&found, as_of.tried_since) else {
            return Ok(found.is_some());
        };
        let rollout: Option<Rollout> = match rollout {
            Some(text) => Some(serde_json::from_str(text).map_err(Error::internal)?),
            None => None,
        };
        Ok(rollout.is_some_and(|known| known.since == since && known.ended.is_none()))
    }

    async fn handler(&mut self, commit: HandlerCommit) -> Result<()> {
        let install = commit.install;
        self.depth = commit.depth;
        crash::point("handler begun");
        self.settle_cause(install, &commit.cause).await?;
        crash::point("handler settled");
        self.check_reads(install, &commit.kv_reads).await?;
        self.write_kept(&commit).await?;
        crash::point("handler kept");
        for write in commit.chat {
            match write {
                ChatWrite::Send(message) => {
                    let mut sent = self.send_all(&[message], ClientIds::LookedFor).await?;
                    let sent = sent
                        .pop()
                        .unwrap_or_else(|| Err(Error::not_found("message")))?;
                    if let Cause::Command(user) = &commit.cause {
                        self.note_commanded(&sent.message, user).await?;
                    }
                }
                ChatWrite::Change {
                    channel,
                    id,
                    revision,
                    change,
                    actor,
                } => {
                    self.change_message(channel, id, revision, change, actor)
                        .await?;
                }
                ChatWrite::Delete { channel, id, actor } => {
                    self.delete_message(channel, id, actor).await?;
                }
                ChatWrite::Attach {
                    channel,
                    id,
                    attachment,
                    actor,
                } => self.attach(channel, id, &attachment, actor).await?,
            }
        }
        crash::point("handler written");
        Ok(())
    }

    async fn drop_version(&mut self, app: AppId, name: &str, digest: &str) -> Result<bool> {
        Ok(on_db!(&mut self.connection, c => {
            sqlx::query("DELETE FROM plugin_versions WHERE app_id = $1 AND name = $2 AND digest = $3")
                .bind(app)
                .bind(name)
                .bind(digest)
                .execute(&mut *c)
                .await
                .map(|done| done.rows_affected() > 0)
        })?)
    }

    async fn settle_cause(&mut self, install: InstallId, cause: &Cause) -> Result<()> {
        let settled = match cause {
            Cause::Request | Cause::Command(_) => true,
            Cause::Event { from, to } => on_db!(&mut self.connection, c => {
                sqlx::query(
                    "UPDATE installs SET cursor = $1, attempts = 0, retry_at = NULL WHERE id = $2 AND cursor = $3 AND enabled",
                )
                .bind(to)
                .bind(install)
                .bind(from)
                .execute(&mut *c)
                .await
                .map(|done| done.rows_affected() > 0)
            })?,
            Cause::Timer { name, version } => self.drop_timer(install, name, *version).await?,
        };
        match settled {
            true => Ok(()),
            false => Err(Error::new(Code::Conflict, "It is done already.")),
        }
    }

    async fn check_reads(
        &mut self,
        install: InstallId,
        reads: &[(String, String, Option<i64>)],
    ) -> Result<()> {
        let now = self.now;
        for (scope, key, version) in reads {
            let current: Option<(i64, Option<Millis>)> = on_db!(&mut self.connection, c => {
                sqlx::query_as(
                    "SELECT version, expires_at FROM plugin_kv WHERE install = $1 AND scope = $2 AND key = $3",
                )
                .bind(install)
                .bind(scope)
                .bind(key)
                .fetch_optional(&mut *c)
                .await
            })?;
            let same = match (current, version) {
                // It may have expired since it was read: that is no change by anybody.
                (Some((current, _)), Some(version)) => current == *version,
                (Some((_, expires_at)), None) => expires_at.is_some_and(|at| at <= now),
                (None, version) => version.is_none(),
            };
            // What was kept for one that is gone may not have gone yet: nobody reads it.
            if !same && (version.is_some() || self.has_owner(install, scope).await?) {
                return Err(Error::new(Code::Conflict, "A value has changed."));
            }
        }
        Ok(())
    }
}
