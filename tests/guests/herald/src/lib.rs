//! Announces everybody who joins, and remembers nothing: what the host lets it do twice shows.

use std::hint::black_box;

use althing_plugin::chat::{self, Post};
use althing_plugin::prelude::*;

/// Tests write another word here, for a version that trips over some people.
static GAIT: [u8; 12] = *b"gait: steady";

struct Herald;

impl Events for Herald {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        let newcomer = event.member()?.user_id;
        let is_unsteady = black_box(&GAIT).ends_with(b"shaky!");
        if is_unsteady && newcomer.contains("stone") {
            panic!("stumbled over {newcomer}");
        }
        chat::send(&ctx.channel, Post::text(format!("{newcomer} has come.")))
            .map(drop)
            .map_err(String::from)
    }
}

althing_plugin::plugin!(Herald: Events, manifest = "plugin.toml");
