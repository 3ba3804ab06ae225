//! Feeds.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::extract::{By, Path, Query};
use super::reply;
use crate::app::App;
use crate::chat::feeds::{self, Page};
use crate::error::Result;
use crate::model::UserId;
use crate::wire;

/// Which part of a feed.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// What the feed is to be about, such as a user's id; what it means the plugin says. At most 256
    /// bytes.
    #[serde(default)]
    argument: String,
    /// How many, 1 to 100; 50 if absent.
    limit: Option<i64>,
    /// The cursor of the next page.
    next: Option<String>,
    /// With a server key: the user who reads. Without, the feed is made of all messages of the app.
    #[serde(rename = "as")]
    reader: Option<UserId>,
}

/// List feeds
#[utoipa::path(get, path = "/v1/feeds", tag = "Plugins in use", security(("server_key" = []), ("user_token" = [])),
    responses((status = 200, description = "Feeds by name", body = wire::Feeds)))]
pub async fn list(State(app): State<Arc<App>>, By(caller): By) -> Result<Response> {
    Ok(reply::ok(&feeds::list(&app, &caller)?))
}

/// Read a feed
///
/// Messages of the channels that the reader is in, chosen and ordered by a plugin. The next pages go on
/// from the first: what is posted meanwhile is not among them, and no message comes twice.
#[utoipa::path(get, path = "/v1/feeds/{feed}", tag = "Plugins in use",
    security(("server_key" = []), ("user_token" = [])),
    params(("feed" = String, Path, description = "Its name"), Which),
    responses((status = 200, description = "Messages, in the feed's own order", body = wire::FeedPage)))]
pub async fn read(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(feed): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response> {
    let page = Page {
        argument: which.argument,
        limit: which.limit,
        next: which.next,
        reader: which.reader,
    };
    let (found, next) = feeds::read(&app, &caller, &feed, page).await?;
    Ok(reply::ok(&wire::feed_page(&found, next)))
}
