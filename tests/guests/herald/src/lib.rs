//! Announces everybody who joins, and remembers nothing: what the host lets it do twice shows.

use althing_plugin::chat::{self, Post};
use althing_plugin::prelude::*;

struct Herald;

impl Events for Herald {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        let newcomer = event.member()?.user_id;
        chat::send(&ctx.channel, Post::text(format!("{newcomer} has come.")))
            .map(drop)
            .map_err(String::from)
    }
}

althing_plugin::plugin!(Herald: Events, manifest = "plugin.toml");
