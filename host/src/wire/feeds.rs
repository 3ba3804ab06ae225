//! Feeds.

use serde::{Deserialize, Serialize};

use super::Message;
use crate::model;

/// A feed.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Feed {
    /// The last part of its route.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The types of message that it is made of.
    pub types: Vec<String>,
    /// The plugin that orders it.
    pub plugin: String,
}

/// The feeds of an app, by name.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Feeds {
    /// By name.
    pub feeds: Vec<Feed>,
}

/// A page of a feed.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FeedPage)]
pub struct FeedPage<'a> {
    /// In the feed's own order. They may be of several channels.
    pub messages: Vec<Message<'a>>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Parameters of `feed`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedOf {
    pub feed: String,
    #[serde(default)]
    pub argument: String,
    pub limit: Option<i64>,
    pub next: Option<String>,
}

/// A page of a feed as its reader sees it.
pub fn feed_page(found: &[model::Candidate], next: Option<String>) -> FeedPage<'_> {
    FeedPage {
        messages: found
            .iter()
            .map(|one| Message::new(&one.message, &one.channel_id))
            .collect(),
        next,
    }
}
