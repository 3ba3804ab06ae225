//! `/coin` posts a button that tosses a coin for whoever presses it.

use althing_plugin::blocks::button;
use althing_plugin::prelude::*;

struct Coin;

impl Commands for Coin {
    fn run(ctx: &Context, _command: Command) -> Result<Option<Reply>, String> {
        let post = Post::text("Heads or tails?").with_blocks([button("Toss", "toss").into()]);
        chat::send(&ctx.channel, post)?;
        Ok(None)
    }
}

impl Interactions for Coin {
    fn handle(ctx: &Context, interaction: Interaction) -> Result<Option<Reply>, String> {
        // What clients send can be anything.
        if interaction.action != "toss" {
            return Err("There is nothing to toss here.".into());
        }
        Ok(Some(Reply::text(side(ctx.random().below(2)))))
    }
}

fn side(toss: u64) -> &'static str {
    if toss == 0 { "Heads." } else { "Tails." }
}

althing_plugin::plugin!(Coin: Commands + Interactions, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coin_has_two_sides() {
        assert_ne!(side(0), side(1));
    }
}
