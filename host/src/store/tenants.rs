//! Orgs, apps, their credentials, and the keys that verify user tokens.

use super::Store;
use super::proof::{Operator, Owner, Tenant};
use crate::error::{Code, Error, Result};
use crate::model::{App, AppId, Key, KeyId, KeyOwner, Millis, Org, OrgId, SigningKey, Texts};

/// What to change of an org; `None` leaves a field.
#[derive(Debug, Clone, Default)]
pub struct OrgChange {
    pub name: Option<String>,
    pub email: Option<String>,
    pub banner: Option<Option<String>>,
}

/// What to change of an app; `None` leaves a field.
#[derive(Debug, Clone, Default)]
pub struct AppChange {
    pub name: Option<String>,
    pub allowed_ips: Option<Texts>,
    pub allowed_origins: Option<Texts>,
    pub audience: Option<Option<String>>,
    pub jwks_url: Option<Option<String>>,
    pub tokens_valid_from: Option<Millis>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: KeyId,
    org_id: Option<OrgId>,
    app_id: Option<AppId>,
    name: String,
    hint: String,
    created_at: Millis,
    expires_at: Option<Millis>,
}

impl From<KeyRow> for Key {
    fn from(row: KeyRow) -> Self {
        let owner = match (row.org_id, row.app_id) {
            (Some(org), _) => KeyOwner::Org(org),
            (None, app) => KeyOwner::App(app.unwrap_or(AppId(0))),
        };
        let KeyRow {
            id,
            name,
            hint,
            created_at,
            expires_at,
            ..
        } = row;
        Key {
            id,
            owner,
            name,
            hint,
            created_at,
            expires_at,
        }
    }
}

const ORG: &str = "SELECT id, name, email, banner, created_at FROM orgs WHERE id = $1";
const APP: &str = "SELECT id, org_id, name, allowed_ips, allowed_origins, audience, jwks_url, tokens_valid_from, created_at \
                   FROM apps WHERE id = $1";

impl Store {
    /// Makes an org.
    pub async fn add_org(&self, _operator: &Operator, org: Org) -> Result<Org> {
        self.write(move |tx| {
            Box::pin(async move {
                on_db!(&mut tx.connection, c => {
                    sqlx::query("INSERT INTO orgs (id, name, email, banner, created_at) VALUES ($1, $2, $3, $4, $5)")
                        .bind(org.id)
                        .bind(&org.name)
                        .bind(&org.email)
                        .bind(&org.banner)
                        .bind(org.created_at)
                        .execute(&mut *c)
                        .await
                        .map(drop)
                })?;
                Ok(org)
            })
        })
        .await
    }

    /// Orgs by id, those after `after`.
    pub async fn list_orgs(
        &self,
        _operator: &Operator,
        after: Option<OrgId>,
        limit: i64,
    ) -> Result<Vec<Org>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as("SELECT id, name, email, banner, created_at FROM orgs WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(after.unwrap_or(OrgId(i64::MIN)))
                .bind(limit)
                .fetch_all(pool)
                .await
        })?)
    }

    /// The org itself.
    pub async fn get_org(&self, owner: &Owner) -> Result<Org> {
        let found = on_db!(&self.db, pool => sqlx::query_as(ORG).bind(owner.org()).fetch_optional(pool).await)?;
        found.ok_or_else(|| Error::not_found("org"))
    }

    /// Changes an org.
    pub async fn change_org(&self, owner: &Owner, change: OrgChange) -> Result<Org> {
        let id = owner.org();
        self.write(move |tx| {
            Box::pin(async move {
                let org: Option<Org> = on_db!(&mut tx.connection, c => {
                    sqlx::query_as(ORG).bind(id).fetch_optional(&mut *c).await
                })?;
                let mut org = org.ok_or_else(|| Error::not_found("org"))?;
                org.name = change.name.unwrap_or(org.name);
                org.email = change.email.unwrap_or(org.email);
                org.banner = change.banner.unwrap_or(org.banner);
                on_db!(&mut tx.connection, c => {
                    sqlx::query("UPDATE orgs SET name = $1, email = $2, banner = $3 WHERE id = $4")
                        .bind(&org.name)
                        .bind(&org.email)
                        .bind(&org.banner)
                        .bind(id)
                        .execute(&mut *c)
                        .await
                        .map(drop)
                })?;
                Ok(org)
            })
        })
        .await
    }

    /// Removes an org that has no apps left.
    pub async fn remove_org(&self, owner: &Owner) -> Result<()> {
        let id = owner.org();
        self.write(move |tx| {
            Box::pin(async move {
                if count_apps(tx, id).await? > 0 {
                    return Err(Error::new(Code::Conflict, "The org still has apps; delete them first."));
                }
                on_db!(&mut tx.connection, c => {
                    sqlx::query("DELETE FROM orgs WHERE id = $1").bind(id).execute(&mut *c).await.map(drop)
                })?;
                Ok(())
            })
        })
        .await
    }

    /// Makes an app, with the key with which the host signs its sessions.
    ///
    /// # Errors
    /// `limit_reached` when the org has `apps_max` already.
    pub async fn add_app(
        &self,
        owner: &Owner,
        app: App,
        own_key: SigningKey,
        apps_max: usize,
    ) -> Result<App> {
        let org_id = owner.org();
        self.write(move |tx| {
            Box::pin(async move {
                let apps = count_apps(tx, org_id).await?;
                if usize::try_from(apps).unwrap_or(0) >= apps_max {
                    let detail = format!("An org has at most {apps_max} apps.");
                    return Err(Error::new(Code::LimitReached, detail));
                }
                on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "INSERT INTO apps (id, org_id, name, allowed_ips, allowed_origins, audience, \
                         tokens_valid_from, created_at, jwks_url) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                    )
                    .bind(app.id)
                    .bind(org_id)
                    .bind(&app.name)
                    .bind(app.allowed_ips.to_json())
                    .bind(app.allowed_origins.to_json())
                    .bind(&app.audience)
                    .bind(app.tokens_valid_from)
                    .bind(app.created_at)
                    .bind(&app.jwks_url)
                    .execute(&mut *c)
                    .await
                    .map(drop)
                })?;
                insert_signing_key(tx, app.id, own_key).await?;
                Ok(app)
            })
        })
        .await
    }

    /// The org's apps by id, those after `after`.
    pub async fn list_apps(
        &self,
        owner: &Owner,
        after: Option<AppId>,
        limit: i64,
    ) -> Result<Vec<App>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT id, org_id, name, allowed_ips, allowed_origins, audience, jwks_url, tokens_valid_from, created_at \
                 FROM apps WHERE org_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            )
            .bind(owner.org())
            .bind(after.unwrap_or(AppId(i64::MIN)))
            .bind(limit)
            .fetch_all(pool)
            .await
        })?)
    }

    /// An app by its id alone: for finding out whom a credential belongs to.
    pub async fn find_app(&self, id: AppId) -> Result<Option<App>> {
        Ok(on_db!(&self.db, pool => sqlx::query_as(APP).bind(id).fetch_optional(pool).await)?)
    }

    /// Every origin that some app allows: for answering a browser's preflight, which names no app.
    pub async fn list_origins(&self) -> Result<Vec<Texts>> {
        Ok(
            on_db!(&self.db, pool => sqlx::query_scalar("SELECT allowed_origins FROM apps").fetch_all(pool).await)?,
        )
    }

    /// Changes an app.
    pub async fn change_app(&self, tenant: Tenant, change: AppChange) -> Result<App> {
        let id = tenant.app();
        self.write(move |tx| {
            Box::pin(async move {
                let app: Option<App> = on_db!(&mut tx.connection, c => {
                    sqlx::query_as(APP).bind(id).fetch_optional(&mut *c).await
                })?;
                let mut app = app.ok_or_else(|| Error::not_found("app"))?;
                app.name = change.name.unwrap_or(app.name);
                app.allowed_ips = change.allowed_ips.unwrap_or(app.allowed_ips);
                app.allowed_origins = change.allowed_origins.unwrap_or(app.allowed_origins);
                app.audience = change.audience.unwrap_or(app.audience);
                app.jwks_url = change.jwks_url.unwrap_or(app.jwks_url);
                app.tokens_valid_from = change.tokens_valid_from.unwrap_or(app.tokens_valid_from);
                on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "UPDATE apps SET name = $1, allowed_ips = $2, allowed_origins = $3, audience = $4, \
                         tokens_valid_from = $5, jwks_url = $6 WHERE id = $7",
                    )
                    .bind(&app.name)
                    .bind(app.allowed_ips.to_json())
                    .bind(app.allowed_origins.to_json())
                    .bind(&app.audience)
                    .bind(app.tokens_valid_from)
                    .bind(&app.jwks_url)
                    .bind(id)
                    .execute(&mut *c)
                    .await
                    .map(drop)
                })?;
                Ok(app)
            })
        })
        .await
    }

    /// Keeps a credential's hash.
    pub async fn add_key(&self, key: Key, hash: Vec<u8>) -> Result<Key> {
        self.write(move |tx| {
            Box::pin(async move {
                insert_key(tx, &key, &hash).await?;
                Ok(key)
            })
        })
        .await
    }

    /// Puts a new credential beside an old one, which stops working at `old_until`.
    pub async fn rotate_key(
        &self,
        owner: KeyOwner,
        old: KeyId,
        old_until: Millis,
        new: Key,
        hash: Vec<u8>,
    ) -> Result<Key> {
        self.write(move |tx| {
            Box::pin(async move {
                expire_key(tx, owner, old, old_until).await?;
                insert_key(tx, &new, &hash).await?;
                Ok(new)
            })
        })
        .await
    }

    /// Lets a credential end at `at`. An earlier end stays.
    pub async fn expire_key(&self, owner: KeyOwner, id: KeyId, at: Millis) -> Result<()> {
        self.write(move |tx| Box::pin(async move { expire_key(tx, owner, id, at).await }))
            .await
    }

    /// The credentials of an org or app, old to new, ended ones too.
    pub async fn list_keys(&self, owner: KeyOwner) -> Result<Vec<Key>> {
        let (org, app) = owner_columns(owner);
        let rows: Vec<KeyRow> = on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT id, org_id, app_id, name, hint, created_at, expires_at FROM keys \
                 WHERE org_id = $1 OR app_id = $2 ORDER BY id",
            )
            .bind(org)
            .bind(app)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows.into_iter().map(Key::from).collect())
    }

    /// The credential with this hash, whether or not its time is over.
    pub async fn find_key(&self, hash: &[u8]) -> Result<Option<Key>> {
        let row: Option<KeyRow> = on_db!(&self.db, pool => {
            sqlx::query_as("SELECT id, org_id, app_id, name, hint, created_at, expires_at FROM keys WHERE hash = $1")
                .bind(hash)
                .fetch_optional(pool)
                .await
        })?;
        Ok(row.map(Key::from))
    }

    /// Registers a key that verifies the app's user tokens.
    pub async fn add_signing_key(&self, tenant: Tenant, key: SigningKey) -> Result<()> {
        let app = tenant.app();
        self.write(move |tx| Box::pin(async move { insert_signing_key(tx, app, key).await }))
            .await
    }

    /// Removes such a key; not the one that the host itself signs with.
    pub async fn remove_signing_key(&self, tenant: Tenant, kid: String) -> Result<()> {
        let app = tenant.app();
        self.write(move |tx| {
            Box::pin(async move {
                let gone = on_db!(&mut tx.connection, c => {
                    sqlx::query("DELETE FROM signing_keys WHERE app_id = $1 AND kid = $2 AND NOT own")
                        .bind(app)
                        .bind(kid)
                        .execute(&mut *c)
                        .await
                        .map(|done| done.rows_affected())
                })?;
                if gone == 0 { Err(Error::not_found("signing key")) } else { Ok(()) }
            })
        })
        .await
    }

    /// The keys that verify the app's user tokens.
    pub async fn list_signing_keys(&self, app: AppId) -> Result<Vec<SigningKey>> {
        Ok(on_db!(&self.db, pool => {
            sqlx::query_as(
                "SELECT kid, algorithm, material, own, created_at FROM signing_keys WHERE app_id = $1 ORDER BY created_at, kid",
            )
            .bind(app)
            .fetch_all(pool)
            .await
        })?)
    }
}

async fn count_apps(tx: &mut super::Tx, org: OrgId) -> Result<i64> {
    Ok(on_db!(&mut tx.connection, c => {
        sqlx::query_scalar("SELECT COUNT(*) FROM apps WHERE org_id = $1").bind(org).fetch_one(&mut *c).await
    })?)
}

fn owner_columns(owner: KeyOwner) -> (Option<OrgId>, Option<AppId>) {
    match owner {
        KeyOwner::Org(org) => (Some(org), None),
        KeyOwner::App(app) => (None, Some(app)),
    }
}

async fn insert_key(tx: &mut super::Tx, key: &Key, hash: &[u8]) -> Result<()> {
    let (org, app) = owner_columns(key.owner);
    on_db!(&mut tx.connection, c => {
        sqlx::query(
            "INSERT INTO keys (id, org_id, app_id, name, hash, hint, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(key.id)
        .bind(org)
        .bind(app)
        .bind(&key.name)
        .bind(hash)
        .bind(&key.hint)
        .bind(key.created_at)
        .bind(key.expires_at)
        .execute(&mut *c)
        .await
        .map(drop)
    })?;
    Ok(())
}

async fn expire_key(tx: &mut super::Tx, owner: KeyOwner, id: KeyId, at: Millis) -> Result<()> {
    let (org, app) = owner_columns(owner);
    let changed = on_db!(&mut tx.connection, c => {
        sqlx::query(
            "UPDATE keys SET expires_at = CASE WHEN expires_at < $1 THEN expires_at ELSE $1 END \
             WHERE id = $2 AND (org_id = $3 OR app_id = $4)",
        )
        .bind(at)
        .bind(id)
        .bind(org)
        .bind(app)
        .execute(&mut *c)
        .await
        .map(|done| done.rows_affected())
    })?;
    if changed == 0 {
        Err(Error::not_found("key"))
    } else {
        Ok(())
    }
}

async fn insert_signing_key(tx: &mut super::Tx, app: AppId, key: SigningKey) -> Result<()> {
    on_db!(&mut tx.connection, c => {
        sqlx::query(
            "INSERT INTO signing_keys (app_id, kid, algorithm, material, own, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(app)
        .bind(key.kid)
        .bind(key.algorithm)
        .bind(key.material)
        .bind(key.own)
        .bind(key.created_at)
        .execute(&mut *c)
        .await
        .map(drop)
    })?;
    Ok(())
}
