//! Says so when a channel has another hundred messages.

use althing_plugin::prelude::*;

struct Milestones;

impl Events for Milestones {
    fn handle(ctx: &Context, _event: Event) -> Result<(), String> {
        let scope = kv::Scope::Channel(ctx.channel.clone());
        let count = kv::get_json::<u64>(&scope, "count")?.unwrap_or(0) + 1;
        kv::set_json(&scope, "count", &count)?;
        if let Some(text) = milestone(count) {
            chat::send(&ctx.channel, Post::text(text))?;
        }
        Ok(())
    }
}

fn milestone(count: u64) -> Option<String> {
    count
        .is_multiple_of(100)
        .then(|| format!("Message number {count}!"))
}

althing_plugin::plugin!(Milestones: Events, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hundredth_is_one() {
        assert_eq!(milestone(99), None);
        assert_eq!(milestone(200).as_deref(), Some("Message number 200!"));
    }
}
