//! Apps, their server keys and the keys that verify their users' tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::extract::{By, Json, MaybeJson, Paging, Path, Query};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::tenants::{self, KeysOf};
use crate::error::Result;
use crate::model::{AppId, KeyId, OrgId};
use crate::wire;

/// Make an app
///
/// Its first server key comes with the answer and is not shown again. An org has so many apps at most
/// (`limits.apps_per_org_max`, 20 by default): one more is refused as `limit_reached`.
#[utoipa::path(post, path = "/v1/orgs/{org_id}/apps", tag = "Apps", security(("operator_key" = []), ("org_key" = [])),
    params(("org_id" = OrgId, Path)), request_body = wire::NewApp,
    responses((status = 201, description = "The app and its first server key", body = wire::CreatedApp)))]
pub async fn add(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(org): Path<OrgId>,
    Json(new): Json<wire::NewApp>,
) -> Result<Response> {
    let (made, key) = tenants::add_app(&app, &caller, org, new).await?;
    Ok(reply::secret(&wire::CreatedApp {
        app: (&made).into(),
        key: key.expose(),
    }))
}

/// List an org's apps
#[utoipa::path(get, path = "/v1/orgs/{org_id}/apps", tag = "Apps", security(("operator_key" = []), ("org_key" = [])),
    params(("org_id" = OrgId, Path), Paging), responses((status = 200, description = "Apps by age", body = wire::Apps)))]
pub async fn list(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(org): Path<OrgId>,
    Query(page): Query<Paging>,
) -> Result<Response> {
    let (apps, next) =
        tenants::list_apps(&app, &caller, org, page.limit, page.next.as_deref()).await?;
    Ok(reply::ok(&wire::Apps {
        apps: apps.iter().map(Into::into).collect(),
        next,
    }))
}

/// Look at an app
#[utoipa::path(get, path = "/v1/apps/{app_id}", tag = "Apps",
    security(("operator_key" = []), ("org_key" = []), ("server_key" = [])), params(("app_id" = AppId, Path)),
    responses((status = 200, description = "The app", body = wire::App)))]
pub async fn get(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<AppId>,
) -> Result<Response> {
    let found = tenants::get_app(&app, &caller, id).await?;
    Ok(reply::ok(&wire::App::from(&found)))
}

/// Change an app
///
/// Its name, from which addresses its server keys work, which origins may use its users' tokens, where it publishes the
/// keys that sign them.
#[utoipa::path(patch, path = "/v1/apps/{app_id}", tag = "Apps", security(("operator_key" = []), ("org_key" = [])),
    params(("app_id" = AppId, Path)), request_body = wire::ChangeApp,
    responses((status = 200, description = "The app as it is now", body = wire::App)))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<AppId>,
    Json(change): Json<wire::ChangeApp>,
) -> Result<Response> {
    let changed = tenants::change_app(&app, &caller, id, change).await?;
    Ok(reply::ok(&wire::App::from(&changed)))
}

/// Delete an app
///
/// With all its users, channels, messages and plugins, for good.
#[utoipa::path(delete, path = "/v1/apps/{app_id}", tag = "Apps", security(("operator_key" = []), ("org_key" = [])),
    params(("app_id" = AppId, Path)), responses((status = 204, description = "It is gone")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<AppId>,
) -> Result<StatusCode> {
    tenants::remove_app(&app, &caller, id).await?;
    Ok(DONE)
}

/// Make a server key
///
/// The secret comes with the answer and is not shown again.
#[utoipa::path(post, path = "/v1/apps/{app_id}/keys", tag = "Apps", security(("operator_key" = []), ("org_key" = [])),
    params(("app_id" = AppId, Path)), request_body = wire::NewKey,
    responses((status = 201, description = "The key with its secret", body = wire::Key)))]
pub async fn add_key(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<AppId>,
    Json(new): Json<wire::NewKey>,
) -> Result<Response> {
    let (key, secret) = tenants::add_key(&app, &caller, KeysOf::App(id), new).await?;
    Ok(reply::secret(&wire::Key::new(&key, Some(secret.expose()))))
}

/// List an app's server keys
#[utoipa::path(get, path = "/v1/apps/{app_id}/keys", tag = "Apps", security(("operator_key" = []), ("org_key" = [])),
    params(("app_id" = AppId, Path)), responses((status = 200, description = "The keys, old to new", body = wire::Keys)))]
pub async fn list_keys(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<AppId>,
) -> Result<Response> {
    let keys = tenants::list_keys(&app, &caller, KeysOf::App(id)).await?;
    Ok(reply::ok(&wire::Keys {
        keys: keys.iter().map(|key| wire::Key::new(key, None)).collect(),
    }))
}

/// Rotate a server key
///
/// Makes a new secret; the old one works on for a while.
#[utoipa::path(post, path = "/v1/apps/{app_id}/keys/{key_id}/rotate", tag = "Apps",
    security(("operator_key" = []), ("org_key" = [])), params(("app_id" = AppId, Path), ("key_id" = KeyId, Path)),
    request_body = Option<wire::RotateKey>,
    responses((status = 201, description = "The new key with its secret", body = wire::Key)))]
pub async fn rotate_key(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path((id, key)): Path<(AppId, KeyId)>,
    MaybeJson(rotate): MaybeJson<wire::RotateKey>,
) -> Result<Response> {
    let (key, secret) = tenants::rotate_key(&app, &caller, KeysOf::App(id), key, rotate).await?;
    Ok(reply::secret(&wire::Key::new(&key, Some(secret.expose()))))
}

/// Revoke a server key
#[utoipa::path(delete, path = "/v1/apps/{app_id}/keys/{key_id}", tag = "Apps",
    security(("operator_key" = []), ("org_key" = [])), params(("app_id" = AppId, Path), ("key_id" = KeyId, Path)),
    responses((status = 204, description = "It works no more")))]
pub async fn revoke_key(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path((id, key)): Path<(AppId, KeyId)>,
) -> Result<StatusCode> {
    tenants::revoke_key(&app, &caller, KeysOf::App(id), key).await?;
    Ok(DONE)
}

/// Register keys for user tokens
///
/// For an app that signs its users' tokens itself: a shared secret (HS256), a public key (EdDSA, ES256, RS256), or
/// a JWK set. Each token's `kid` picks the key, and each key takes its own algorithm alone. A set that changes by itself is
/// better published, and its URL set as the app's `jwks_url`.
#[utoipa::path(post, path = "/v1/apps/{app_id}/signing-keys", tag = "Apps",
    security(("operator_key" = []), ("org_key" = [])), params(("app_id" = AppId, Path)),
    request_body = wire::NewSigningKey,
    responses((status = 201, description = "The keys, without their secrets", body = wire::SigningKeys)))]
pub async fn add_signing_keys(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<AppId>,
    Json(new): Json<wire::NewSigningKey>,
) -> Result<Response> {
    let keys = tenants::add_signing_keys(&app, &caller, id, new).await?;
    Ok(reply::created(&wire::SigningKeys {
        signing_keys: keys.iter().map(Into::into).collect(),
    }))
}

/// List the keys for user tokens
#[utoipa::path(get, path = "/v1/apps/{app_id}/signing-keys", tag = "Apps",
    security(("operator_key" = []), ("org_key" = [])), params(("app_id" = AppId, Path)),
    responses((status = 200, description = "The keys, old to new", body = wire::SigningKeys)))]
pub async fn list_signing_keys(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<AppId>,
) -> Result<Response> {
    let keys = tenants::list_signing_keys(&app, &caller, id).await?;
    Ok(reply::ok(&wire::SigningKeys {
        signing_keys: keys.iter().map(Into::into).collect(),
    }))
}

/// Remove a key for user tokens
#[utoipa::path(delete, path = "/v1/apps/{app_id}/signing-keys/{kid}", tag = "Apps",
    security(("operator_key" = []), ("org_key" = [])), params(("app_id" = AppId, Path), ("kid" = String, Path)),
    responses((status = 204, description = "Tokens with this `kid` are refused")))]
pub async fn remove_signing_key(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path((id, kid)): Path<(AppId, String)>,
) -> Result<StatusCode> {
    tenants::remove_signing_key(&app, &caller, id, kid).await?;
    Ok(DONE)
}
