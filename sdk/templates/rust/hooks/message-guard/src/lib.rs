//! Refuses messages that are all capitals.

use althing_plugin::prelude::*;

struct Guard;

impl MessageGuard for Guard {
    fn before_send(_ctx: &Context, message: Draft) -> Verdict {
        if is_shouted(&message.text) {
            Verdict::reject("shouting", "Please don't shout.")
        } else {
            Verdict::Allow
        }
    }
}

/// A word of one or two letters may be an abbreviation.
fn is_shouted(text: &str) -> bool {
    let mut letters = text.chars().filter(|letter| letter.is_alphabetic());
    letters.clone().count() > 2 && letters.all(char::is_uppercase)
}

althing_plugin::plugin!(Guard: MessageGuard, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_shouting() {
        assert!(is_shouted("COME HERE!"));
        assert!(!is_shouted("Come here!"));
        assert!(!is_shouted("OK, 17:30"));
    }
}
