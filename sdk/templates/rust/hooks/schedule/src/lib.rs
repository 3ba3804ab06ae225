//! `/timer 5 The eggs!` calls in five minutes.

use althing_plugin::prelude::*;

struct EggTimer;

impl Commands for EggTimer {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        let (minutes, text) = parse(&command.text)?;
        let at_ms = ctx.now_ms + minutes * 60_000;
        timers::set(&ctx.random().id(), at_ms, &ctx.channel, text)?;
        Ok(Some(Reply::text(format!("In {minutes} min."))))
    }
}

impl Schedule for EggTimer {
    fn run(ctx: &Context, _name: &str, payload: &str) -> Result<(), String> {
        let text: String = parse_json(payload)?;
        chat::send(&ctx.channel, Post::text(text))?;
        Ok(())
    }
}

fn parse(text: &str) -> Result<(u64, &str), String> {
    text.split_once(' ')
        .and_then(|(minutes, text)| Some((minutes.parse().ok()?, text.trim())))
        .filter(|(minutes, _)| (1..=1440).contains(minutes))
        .ok_or_else(|| "Say in how many minutes (1 to 1440), and what.".into())
}

althing_plugin::plugin!(EggTimer: Commands + Schedule, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_minutes() {
        assert_eq!(parse("5 The eggs!"), Ok((5, "The eggs!")));
        assert!(parse("soon").is_err());
        assert!(parse("9999 later").is_err());
    }
}
