//! Channels, what was missed in them, and what passes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::extract::{By, Json, Path, Query};
use super::{DONE, reply};
use crate::app::App;
use crate::chat::access::Caller;
use crate::chat::catchup::{self, Since};
use crate::chat::channels::{self, Narrow};
use crate::chat::{passing, rights};
use crate::error::Result;
use crate::model::{Channel, ChannelId};
use crate::store::proof::{Member, Standing};
use crate::wire;

/// What a list of channels is narrowed to, and its page.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// How many, 1 to 100; 50 if absent.
    limit: Option<i64>,
    /// The cursor that the page before gave.
    next: Option<String>,
    /// Those of this type.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Those with this tag.
    tag: Option<String>,
}

/// From where to catch up.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Missed {
    /// The last `seq` that was seen.
    since: i64,
    /// The epoch in which it was seen.
    epoch: Option<String>,
}

/// A channel just made or changed, as its maker sees it.
async fn out(app: &App, caller: &Caller, channel: &Channel) -> Result<Response> {
    let member = channels::get(app, caller, &channel.id).await?;
    Ok(reply::ok(&seen(&member)))
}

fn seen(member: &Member) -> wire::Channel<'_> {
    let channel = member.channel();
    wire::Channel::new(
        channel,
        member.role(),
        rights::capabilities(Some(member.standing()), &channel.kind),
    )
}

/// Make a channel
///
/// A user who makes one owns it. With a server key, `owner` says whose it is. Plugins may refuse it:
/// `membership_rejected`, or `message_rejected` for the words in its name, tags or `custom`.
#[utoipa::path(post, path = "/v1/channels", tag = "Channels", security(("server_key" = []), ("user_token" = [])),
    request_body = wire::NewChannel, responses((status = 201, description = "The channel", body = wire::Channel)))]
pub async fn add(
    State(app): State<Arc<App>>,
    By(caller): By,
    Json(new): Json<wire::NewChannel>,
) -> Result<Response> {
    let channel = channels::add(&app, &caller, new).await?;
    let mut response = out(&app, &caller, &channel).await?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Open a direct channel
///
/// The one channel of these two users: the one there is, or a new one.
#[utoipa::path(post, path = "/v1/channels/direct", tag = "Channels", security(("server_key" = []), ("user_token" = [])),
    request_body = wire::NewDirectChannel, responses((status = 200, description = "The channel", body = wire::Channel)))]
pub async fn direct(
    State(app): State<Arc<App>>,
    By(caller): By,
    Json(new): Json<wire::NewDirectChannel>,
) -> Result<Response> {
    let channel = channels::direct(&app, &caller, new.user_ids).await?;
    out(&app, &caller, &channel).await
}

/// List channels
///
/// A user's own, or with a server key all of the app's; those with the newest activity first.
#[utoipa::path(get, path = "/v1/channels", tag = "Channels", security(("server_key" = []), ("user_token" = [])),
    params(Listing), responses((status = 200, description = "Channels", body = wire::Channels)))]
pub async fn list(
    State(app): State<Arc<App>>,
    By(caller): By,
    Query(query): Query<Listing>,
) -> Result<Response> {
    let narrow = Narrow {
        kind: query.kind,
        tag: query.tag,
    };
    let (listings, next) =
        channels::list(&app, &caller, narrow, query.limit, query.next.as_deref()).await?;
    let capabilities = |listing: &crate::model::ChannelListing| {
        let standing = match &caller {
            Caller::User(_) => listing.role.map(Standing::Participant),
            _ => Some(Standing::Backend),
        };
        rights::capabilities(standing.as_ref(), &listing.channel.kind)
    };
    let channels = listings
        .iter()
        .map(|listing| wire::Channel::listed(listing, capabilities(listing)))
        .collect();
    Ok(reply::ok(&wire::Channels { channels, next }))
}

/// Look at a channel
#[utoipa::path(get, path = "/v1/channels/{channel_id}", tag = "Channels",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path)),
    responses((status = 200, description = "The channel", body = wire::Channel)))]
pub async fn get(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
) -> Result<Response> {
    Ok(reply::ok(&seen(&channels::get(&app, &caller, &id).await?)))
}

/// Change a channel
///
/// Its owner may, and a server key. Plugins may refuse what it would say: `membership_rejected`, or `message_rejected`
/// for the words in its name, tags or `custom`.
#[utoipa::path(patch, path = "/v1/channels/{channel_id}", tag = "Channels",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path)),
    request_body = wire::ChangeChannel,
    responses((status = 200, description = "The channel as it is now", body = wire::Channel)))]
pub async fn change(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
    Json(change): Json<wire::ChangeChannel>,
) -> Result<Response> {
    let channel = channels::change(&app, &caller, &id, change).await?;
    out(&app, &caller, &channel).await
}

/// Delete a channel
///
/// With its messages and side channels, for good. Its owner may, and a server key.
#[utoipa::path(delete, path = "/v1/channels/{channel_id}", tag = "Channels",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path)),
    responses((status = 204, description = "It is gone")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
) -> Result<StatusCode> {
    channels::remove(&app, &caller, &id).await?;
    Ok(DONE)
}

/// Catch up
///
/// Everything in the channel's log after `since`, or the answer that it can't be had.
#[utoipa::path(get, path = "/v1/channels/{channel_id}/events", tag = "Channels",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path), Missed),
    responses((status = 200, description = "What was missed", body = wire::Catchup)))]
pub async fn events(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
    Query(missed): Query<Missed>,
) -> Result<Response> {
    let since = Since {
        seq: Some(missed.since),
        epoch: missed.epoch,
    };
    let catchup = catchup::events(&app, &caller, &id, since).await?;
    let epoch = app.store.epoch();
    let events = catchup
        .events
        .iter()
        .map(|event| wire::Event::for_reader(event, &id, caller.user()))
        .collect();
    Ok(reply::ok(&wire::Catchup {
        recovered: catchup.recovered,
        epoch: &epoch,
        head: catchup.head,
        events,
    }))
}

/// Mark as read
///
/// Moves the caller's read mark forward; it never goes back.
#[utoipa::path(post, path = "/v1/channels/{channel_id}/read", tag = "Channels", security(("user_token" = [])),
    params(("channel_id" = ChannelId, Path)), request_body = wire::SetRead,
    responses((status = 200, description = "Where the mark is now", body = wire::ReadMark)))]
pub async fn read(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
    Json(set): Json<wire::SetRead>,
) -> Result<Response> {
    let seq = passing::read(&app, &caller, &id, set.seq).await?;
    Ok(reply::ok(&wire::ReadMark { seq }))
}

/// Tell that one is typing
#[utoipa::path(post, path = "/v1/channels/{channel_id}/typing", tag = "Channels", security(("user_token" = [])),
    params(("channel_id" = ChannelId, Path)), request_body = wire::SetTyping,
    responses((status = 204, description = "Those who watch are told")))]
pub async fn typing(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
    Json(set): Json<wire::SetTyping>,
) -> Result<StatusCode> {
    passing::typing(&app, &caller, &id, set.typing, None).await?;
    Ok(DONE)
}

/// Who is there
///
/// The users who have the channel open now.
#[utoipa::path(get, path = "/v1/channels/{channel_id}/presence", tag = "Channels",
    security(("server_key" = []), ("user_token" = [])), params(("channel_id" = ChannelId, Path)),
    responses((status = 200, description = "User ids", body = wire::Presence)))]
pub async fn presence(
    State(app): State<Arc<App>>,
    By(caller): By,
    Path(id): Path<ChannelId>,
) -> Result<Response> {
    let online = passing::present(&app, &caller, &id).await?;
    Ok(reply::ok(&wire::Presence { online }))
}
