//! Users.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::extract::{By, Json, Paging, Path, Query};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::users;
use crate::error::Result;
use crate::model::UserId;
use crate::wire;

/// Make or change users
///
/// Up to 100 at once, all or none. Users that are there keep the fields that are absent.
#[utoipa::path(put, path = "/v1/users", tag = "Users", security(("server_key" = [])), request_body = wire::SetUsers,
    responses((status = 200, description = "The users as they are now, in the same order", body = wire::Users)))]
pub async fn set(
    State(app): State<Arc<App>>,
    By(caller): By,
    Json(set): Json<wire::SetUsers>,
) -> Result<Response> {
    let users = users::set(&app, &caller, set.users).await?;
    Ok(reply::ok(&wire::Users {
        users: users.iter().map(Into::into).collect(),
        next: None,
    }))
}

/// List users
#[utoipa::path(get, path = "/v1/users", tag = "Users", security(("server_key" = [])), params(Paging),
    responses((status = 200, description = "Users by id", body = wire::Users)))]
pub async fn list(
    State(app): State<Arc<App>>,
    By(caller): By,
    Query(page): Query<Paging>,
) -> Result<Response> {
    let (users, next) = users::list(&app, &caller, page.limit, page.next.as_deref()).await?;
    Ok(reply::ok(&wire::Users {
        users: users.iter().map(Into::into).collect(),
        next,
    }))
}

/// Look at a user
#[utoipa::path(get, path = "/v1/users/{user_id}", tag = "Users", security(("server_key" = []), ("user_token" = [])),
    params(("user_id" = UserId, Path)), responses((status = 200, description = "The user", body = wire::User)))]
pub async fn get(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<UserId>,
) -> Result<Response> {
    let user = users::get(&app, &caller, &id).await?;
    Ok(reply::ok(&wire::User::from(&user)))
}

/// Change a user
#[utoipa::path(patch, path = "/v1/users/{user_id}", tag = "Users", security(("server_key" = [])),
    params(("user_id" = UserId, Path)), request_body = wire::ChangeUser,
    responses((status = 200, description = "The user as it is now", body = wire::User)))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<UserId>,
    Json(change): Json<wire::ChangeUser>,
) -> Result<Response> {
    let user = users::change(&app, &caller, id, change).await?;
    Ok(reply::ok(&wire::User::from(&user)))
}

/// Erase a user
///
/// The user, its places in channels and the content of all its messages, for good. Entries of the log stay in place,
/// empty, under a name that tells nothing. May take long for a user who wrote a lot; asking again goes on.
#[utoipa::path(delete, path = "/v1/users/{user_id}", tag = "Users", security(("server_key" = [])),
    params(("user_id" = UserId, Path)), responses((status = 204, description = "Nothing is left of the user")))]
pub async fn erase(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<UserId>,
) -> Result<StatusCode> {
    users::erase(&app, &caller, id).await?;
    Ok(DONE)
}

/// Deactivate a user
///
/// Shuts the user out at once: tokens are refused, sockets closed. Messages stay.
#[utoipa::path(post, path = "/v1/users/{user_id}/deactivate", tag = "Users", security(("server_key" = [])),
    params(("user_id" = UserId, Path)), responses((status = 200, description = "The user as it is now", body = wire::User)))]
pub async fn deactivate(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<UserId>,
) -> Result<Response> {
    let user = users::set_deactivated(&app, &caller, id, true).await?;
    Ok(reply::ok(&wire::User::from(&user)))
}

/// Reactivate a user
#[utoipa::path(post, path = "/v1/users/{user_id}/reactivate", tag = "Users", security(("server_key" = [])),
    params(("user_id" = UserId, Path)), responses((status = 200, description = "The user as it is now", body = wire::User)))]
pub async fn reactivate(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<UserId>,
) -> Result<Response> {
    let user = users::set_deactivated(&app, &caller, id, false).await?;
    Ok(reply::ok(&wire::User::from(&user)))
}
