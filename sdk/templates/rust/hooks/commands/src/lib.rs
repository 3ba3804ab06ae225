//! `/roll 2d6` throws dice.

use althing_plugin::prelude::*;

struct Dice;

impl Commands for Dice {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        let (count, sides) = parse(&command.text)?;
        let mut random = ctx.random();
        let throws: Vec<u64> = (0..count).map(|_| random.below(sides) + 1).collect();
        let sum: u64 = throws.iter().sum();
        Ok(Some(Reply::text(format!("{throws:?} = {sum}"))))
    }
}

/// `2d6` is two dice with six sides; nothing is one.
fn parse(text: &str) -> Result<(u64, u64), String> {
    let text = if text.is_empty() { "1d6" } else { text };
    let (count, sides) = text
        .split_once('d')
        .ok_or("Say how many dice of how many sides: `2d6`.")?;
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("`{text}` is no number."))
    };
    let (count, sides) = (number(count)?, number(sides)?);
    if !(1..=20).contains(&count) || !(2..=1000).contains(&sides) {
        return Err("1 to 20 dice with 2 to 1000 sides, please.".into());
    }
    Ok((count, sides))
}

althing_plugin::plugin!(Dice: Commands, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dice() {
        assert_eq!(parse("2d6"), Ok((2, 6)));
        assert_eq!(parse(""), Ok((1, 6)));
        assert!(parse("99d6").unwrap_err().contains("1 to 20"));
    }
}
