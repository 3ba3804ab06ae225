//! Texts as the terms that matter in them: without case, without little words, without endings.
//!
//! The endings are those of English. Other languages match by whole words.

/// Words that say nothing about what a question is about.
const LITTLE: [&str; 70] = [
    "a", "about", "am", "an", "and", "any", "anyone", "are", "as", "at", "be", "been", "but", "by",
    "can", "could", "did", "do", "does", "for", "from", "get", "had", "has", "have", "hello",
    "hey", "hi", "how", "i", "if", "in", "is", "it", "its", "me", "my", "of", "on", "one", "or",
    "our", "please", "should", "so", "some", "somebody", "tell", "thanks", "that", "the", "their",
    "there", "they", "this", "to", "us", "was", "we", "were", "what", "when", "where", "which",
    "who", "why", "will", "with", "you", "your",
];

/// The terms of a text, in order.
pub fn of(text: &str) -> Vec<String> {
    text.split(|char: char| !char.is_alphanumeric() && !is_apostrophe(char))
        .map(|word| word.to_lowercase().replace(is_apostrophe, "'"))
        .map(|word| word.split('\'').next().unwrap_or_default().to_owned())
        .filter(|word| !word.is_empty() && LITTLE.binary_search(&word.as_str()).is_err())
        .map(|word| stem(&word))
        .collect()
}

fn is_apostrophe(char: char) -> bool {
    matches!(char, '\'' | '’')
}

/// The word without the endings that a question and an answer are likely to differ in.
fn stem(word: &str) -> String {
    // Long enough that something of the word is left.
    let cut = |ending: &str, least: usize| {
        word.strip_suffix(ending)
            .filter(|rest| rest.len() >= least && rest.is_ascii())
    };
    let without_plural = if let Some(rest) = cut("ies", 2) {
        format!("{rest}y")
    } else if let Some(rest) = ["sses", "shes", "ches", "xes"]
        .iter()
        .find_map(|ending| cut(ending, 1).map(|_| &word[..word.len() - 2]))
    {
        rest.to_owned()
    } else if let Some(rest) = cut("s", 3).filter(|rest| !rest.ends_with(['s', 'u', 'i'])) {
        rest.to_owned()
    } else {
        word.to_owned()
    };
    let word = without_plural.as_str();
    let cut = |ending: &str, least: usize| {
        word.strip_suffix(ending)
            .filter(|rest| rest.len() >= least && rest.is_ascii())
    };
    let root = cut("ing", 3)
        .or_else(|| cut("ed", 3))
        .or_else(|| cut("ly", 4))
        .unwrap_or(word);
    let bytes = root.as_bytes();
    match bytes {
        // `resetting` and `reset`, but `calling` and `call`.
        [.., a, b]
            if root.len() < word.len() && a == b && !matches!(b, b'l' | b's' | b'e' | b'o') =>
        {
            root[..root.len() - 1].to_owned()
        }
        // `change`, `changing` and `changed`.
        _ => root
            .strip_suffix('e')
            .filter(|rest| rest.len() >= 3)
            .unwrap_or(root)
            .to_owned(),
    }
}

/// Whether two terms differ by one typing error: a letter too many, too few, wrong or swapped with
/// its neighbour. Short terms are too easily others.
pub fn nearly_equal(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().min(b.len()) < 4 || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    match (a, b) {
        ([], []) => true,
        ([a1, a2, a_rest @ ..], [b1, b2, b_rest @ ..])
            if a1 == b2 && a2 == b1 && a_rest == b_rest =>
        {
            true
        }
        _ if a.len() == b.len() => a[1..] == b[1..],
        _ if a.len() > b.len() => a[1..] == *b,
        _ => *a == b[1..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_little_words_are_in_order() {
        assert!(LITTLE.is_sorted());
    }

    #[test]
    fn forms_of_a_word_are_one_term() {
        assert_eq!(of("How do I change my passwords?"), ["chang", "password"]);
        assert_eq!(of("changing changed changes"), ["chang", "chang", "chang"]);
        assert_eq!(of("resetting reset"), ["reset", "reset"]);
        assert_eq!(
            of("cities, boxes; classes buses"),
            ["city", "box", "class", "bus"]
        );
        assert_eq!(of("What’s today's plan"), ["today", "plan"]);
        assert_eq!(of("Öffnungszeiten?"), ["öffnungszeiten"]);
        assert_eq!(of("status bus this"), ["status", "bus"]);
    }

    #[test]
    fn one_typing_error_is_forgiven() {
        for wrong in ["pasword", "passwrod", "passwort", "passwordd"] {
            assert!(nearly_equal("password", wrong), "{wrong}");
        }
        assert!(!nearly_equal("password", "passage"));
        assert!(!nearly_equal("cat", "car"));
    }
}
