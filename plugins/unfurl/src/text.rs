//! Texts of strangers, made fit to be shown among others.

/// One line of at most `chars_max` characters, without what can't be seen or turns others around.
pub fn clean(text: &str, chars_max: usize) -> String {
    let shown = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char });
    let shown: String = shown.filter(|char| !is_unseen(*char)).collect();
    let words: Vec<&str> = shown.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(chars_max) {
        None => line,
        Some(_) => {
            let kept: String = line.chars().take(chars_max.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

/// Marks that change the direction of what follows, and those of no width with which words are made to
/// look like others. Joiners stay: some scripts and many pictures are written with them.
fn is_unseen(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// At most the first `bytes_max` bytes, whole characters.
pub fn start(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_clean_and_short() {
        assert_eq!(clean("  a\n\tb\u{0} c  ", 10), "a b c");
        assert_eq!(clean("evil\u{202e}gpj.exe", 20), "evilgpj.exe");
        assert_eq!(clean("pay\u{200b}pal", 20), "paypal");
        assert_eq!(clean("👩\u{200d}🚀", 20), "👩\u{200d}🚀");
        assert_eq!(clean("abcdef", 6), "abcdef");
        assert_eq!(clean("abcdefg", 6), "abcde…");
        assert_eq!(clean("ab cd efg", 4), "ab…");
        assert_eq!(clean("éééé", 3), "éé…");
        assert_eq!(clean("\u{202e}\u{200b}", 3), "");
        assert_eq!(start("aé", 2), "a");
        assert_eq!(start("aé", 9), "aé");
    }
}
