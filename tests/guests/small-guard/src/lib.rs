//! A guard of the usual size. What it does can be called natively, too, so that the two can be
//! compared. Benchmarks change its name, its version and its stamp in the component, each for another of the same
//! length.

use althing_plugin::prelude::*;

/// Who asks for it in a message is told which build judged that.
const QUESTION: &str = "which build?";
const STAMP: &str = "stamp-00";

const WORDS: [&str; 6] = [
    "wire transfer",
    "free crypto",
    "double your money",
    "seed phrase",
    "gift card code",
    "bollocks",
];

/// Letters that a text has at least before it can count as shouting.
const LETTERS_MIN: usize = 20;

/// What is wrong with a text, if anything.
pub fn objection(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    if let Some(word) = WORDS.into_iter().find(|word| lower.contains(word)) {
        return Some(word);
    }
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let capitals = text.chars().filter(|letter| letter.is_uppercase()).count();
    (letters >= LETTERS_MIN && capitals * 10 > letters * 9).then_some("all capitals")
}

struct SmallGuard;

impl MessageGuard for SmallGuard {
    fn before_send(_ctx: &Context, message: Draft) -> Verdict {
        match objection(&message.text) {
            Some(what) => Verdict::reject("unwanted", format!("Not here: {what}.")),
            None if message.text == QUESTION => {
                // Read from memory, where it can be found and changed.
                Verdict::reject("build", std::hint::black_box(STAMP))
            }
            None => Verdict::Allow,
        }
    }
}

althing_plugin::plugin!(SmallGuard: MessageGuard, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::objection;

    #[test]
    fn objects_to_words_and_to_shouting() {
        assert_eq!(objection("See you at seven, then"), None);
        assert_eq!(objection("FREE Crypto for all"), Some("free crypto"));
        assert_eq!(
            objection("WHY DOES NOBODY EVER ANSWER ME"),
            Some("all capitals")
        );
    }
}
