//! Orgs and their keys.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::extract::{By, Json, MaybeJson, Paging, Path, Query};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::tenants::{self, KeysOf};
use crate::error::Result;
use crate::model::{KeyId, OrgId};
use crate::wire;

/// Make an org
///
/// Its first key comes with the answer and is not shown again.
#[utoipa::path(post, path = "/v1/orgs", tag = "Orgs", security(("operator_key" = [])), request_body = wire::NewOrg,
    responses((status = 201, description = "The org and its first key", body = wire::CreatedOrg)))]
pub async fn add(
    State(app): State<Arc<App>>,
    By(caller): By,
    Json(new): Json<wire::NewOrg>,
) -> Result<Response> {
    let (org, key) = tenants::add_org(&app, &caller, new).await?;
    Ok(reply::secret(&wire::CreatedOrg {
        org: (&org).into(),
        key: key.expose(),
    }))
}

/// List orgs
#[utoipa::path(get, path = "/v1/orgs", tag = "Orgs", security(("operator_key" = [])), params(Paging),
    responses((status = 200, description = "Orgs by age", body = wire::Orgs)))]
pub async fn list(
    State(app): State<Arc<App>>,
    By(caller): By,
    Query(page): Query<Paging>,
) -> Result<Response> {
    let (orgs, next) = tenants::list_orgs(&app, &caller, page.limit, page.next.as_deref()).await?;
    Ok(reply::ok(&wire::Orgs {
        orgs: orgs.iter().map(Into::into).collect(),
        next,
    }))
}

/// Look at an org
#[utoipa::path(get, path = "/v1/orgs/{org_id}", tag = "Orgs", security(("operator_key" = []), ("org_key" = [])),
    params(("org_id" = OrgId, Path)), responses((status = 200, description = "The org", body = wire::Org)))]
pub async fn get(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<OrgId>,
) -> Result<Response> {
    let org = tenants::get_org(&app, &caller, id).await?;
    Ok(reply::ok(&wire::Org::from(&org)))
}

/// Change an org
#[utoipa::path(patch, path = "/v1/orgs/{org_id}", tag = "Orgs", security(("operator_key" = []), ("org_key" = [])),
    params(("org_id" = OrgId, Path)), request_body = wire::ChangeOrg,
    responses((status = 200, description = "The org as it is now", body = wire::Org)))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<OrgId>,
    Json(change): Json<wire::ChangeOrg>,
) -> Result<Response> {
    let org = tenants::change_org(&app, &caller, id, change).await?;
    Ok(reply::ok(&wire::Org::from(&org)))
}

/// Delete an org
///
/// Its apps must be deleted first.
#[utoipa::path(delete, path = "/v1/orgs/{org_id}", tag = "Orgs", security(("operator_key" = []), ("org_key" = [])),
    params(("org_id" = OrgId, Path)), responses((status = 204, description = "It is gone")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<OrgId>,
) -> Result<StatusCode> {
    tenants::remove_org(&app, &caller, id).await?;
    Ok(DONE)
}

/// Make an org key
///
/// The secret comes with the answer and is not shown again.
#[utoipa::path(post, path = "/v1/orgs/{org_id}/keys", tag = "Orgs", security(("operator_key" = []), ("org_key" = [])),
    params(("org_id" = OrgId, Path)), request_body = wire::NewKey,
    responses((status = 201, description = "The key with its secret", body = wire::Key)))]
pub async fn add_key(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<OrgId>,
    Json(new): Json<wire::NewKey>,
) -> Result<Response> {
    let (key, secret) = tenants::add_key(&app, &caller, KeysOf::Org(id), new).await?;
    Ok(reply::secret(&wire::Key::new(&key, Some(secret.expose()))))
}

/// List an org's keys
#[utoipa::path(get, path = "/v1/orgs/{org_id}/keys", tag = "Orgs", security(("operator_key" = []), ("org_key" = [])),
    params(("org_id" = OrgId, Path)), responses((status = 200, description = "The keys, old to new", body = wire::Keys)))]
pub async fn list_keys(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<OrgId>,
) -> Result<Response> {
    let keys = tenants::list_keys(&app, &caller, KeysOf::Org(id)).await?;
    Ok(reply::ok(&wire::Keys {
        keys: keys.iter().map(|key| wire::Key::new(key, None)).collect(),
    }))
}

/// Rotate an org key
///
/// Makes a new secret; the old one works on for a while.
#[utoipa::path(post, path = "/v1/orgs/{org_id}/keys/{key_id}/rotate", tag = "Orgs",
    security(("operator_key" = []), ("org_key" = [])), params(("org_id" = OrgId, Path), ("key_id" = KeyId, Path)),
    request_body = Option<wire::RotateKey>,
    responses((status = 201, description = "The new key with its secret", body = wire::Key)))]
pub async fn rotate_key(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path((id, key)): Path<(OrgId, KeyId)>,
    MaybeJson(rotate): MaybeJson<wire::RotateKey>,
) -> Result<Response> {
    let (key, secret) = tenants::rotate_key(&app, &caller, KeysOf::Org(id), key, rotate).await?;
    Ok(reply::secret(&wire::Key::new(&key, Some(secret.expose()))))
}

/// Revoke an org key
#[utoipa::path(delete, path = "/v1/orgs/{org_id}/keys/{key_id}", tag = "Orgs",
    security(("operator_key" = []), ("org_key" = [])), params(("org_id" = OrgId, Path), ("key_id" = KeyId, Path)),
    responses((status = 204, description = "It works no more")))]
pub async fn revoke_key(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path((id, key)): Path<(OrgId, KeyId)>,
) -> Result<StatusCode> {
    tenants::revoke_key(&app, &caller, KeysOf::Org(id), key).await?;
    Ok(DONE)
}
