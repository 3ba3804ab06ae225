//! What a tenant can set. `plugin.toml` describes each setting.

use althing_plugin::{Context, Role};
use serde::Deserialize;

/// How posts and reels are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    Ranked,
    Newest,
}

/// All settings.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub order: Order,
    pub half_life_hours: u64,
    pub story_hours: u64,
    pub reel_seconds: u64,
    pub name_likers: bool,
    pub own_channels: Vec<String>,
    pub close_friends: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            order: Order::Ranked,
            half_life_hours: 24,
            story_hours: 24,
            reel_seconds: 90,
            name_likers: true,
            own_channels: vec!["profile".to_owned(), "close-friends".to_owned()],
            close_friends: "close-friends".to_owned(),
        }
    }
}

impl Settings {
    /// Whether the caller may post where the call is about. The error is a sentence.
    pub fn check_poster(&self, ctx: &Context) -> Result<(), String> {
        // The plugin posts for those whom it has checked.
        let may = ctx.may_moderate() || ctx.actor_role == Role::Plugin;
        if !may && self.own_channels.contains(&ctx.channel_type) {
            return Err("Only whose channel this is posts here.".to_owned());
        }
        Ok(())
    }

    /// Whether what is posted there is for close friends.
    pub fn is_close(&self, ctx: &Context) -> bool {
        !self.close_friends.is_empty() && ctx.channel_type == self.close_friends
    }
}
