//! The links in a text that get a preview: written out, and neither in code nor in `<…>`, by which
//! people say that they want none.

use url::Url;

/// Longer ones get no preview.
const URL_BYTES_MAX: usize = 1024;

/// The first `most` links in a text that `wanted` takes, each once, without their fragments.
pub fn find(text: &str, most: usize, wanted: impl Fn(&Url) -> bool) -> Vec<Url> {
    let mut links: Vec<Url> = Vec::new();
    for prose in prose(text) {
        let mut rest = prose;
        while let Some(at) = next(rest) {
            if links.len() == most {
                return links;
            }
            let candidate = candidate(&rest[at..]);
            if starts_a_word(&rest[..at])
                && let Some(link) = read(candidate)
                && wanted(&link)
                && !links.contains(&link)
            {
                links.push(link);
            }
            // Past the scheme at least, so that a link in a link is found at most once.
            rest = &rest[at + candidate.len().max("http://".len())..];
        }
    }
    links
}

/// The parts of a text that are not code.
fn prose(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('`') {
        parts.push(&rest[..start]);
        let ticks = rest[start..]
            .bytes()
            .take_while(|byte| *byte == b'`')
            .count();
        let inside = &rest[start + ticks..];
        match closing(inside, ticks) {
            Some(end) => rest = &inside[end + ticks..],
            // A fence that nobody closes goes to the end; a lone tick is a tick.
            None if ticks >= 3 => return parts,
            None => rest = inside,
        }
    }
    parts.push(rest);
    parts
}

/// Where as many ticks stand again, and no more of them.
fn closing(inside: &str, ticks: usize) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = inside[from..].find('`') {
        let start = from + at;
        let run = inside[start..]
            .bytes()
            .take_while(|byte| *byte == b'`')
            .count();
        if run == ticks {
            return Some(start);
        }
        from = start + run;
    }
    None
}

/// Where the next link may begin.
fn next(text: &str) -> Option<usize> {
    let is_scheme = |at: &usize| {
        let begins = |scheme: &str| {
            let start = text.as_bytes().get(*at..*at + scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        begins("https://") || begins("http://")
    };
    let starts = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| matches!(byte, b'h' | b'H'));
    starts.map(|(at, _)| at).find(is_scheme)
}

fn starts_a_word(before: &str) -> bool {
    let last = before.chars().next_back();
    last.is_none_or(|char| {
        !char.is_alphanumeric() && !matches!(char, '<' | '/' | '=' | '+' | '-' | '.')
    })
}

/// From the scheme to where a reader sees the link end: at a space or a quote, without the punctuation
/// of the sentence around it.
fn candidate(text: &str) -> &str {
    let is_end = |char: char| {
        char.is_whitespace()
            || char.is_control()
            || matches!(char, '<' | '>' | '"' | '`' | '|' | '\\' | '^' | '{' | '}')
    };
    let mut link = &text[..text.find(is_end).unwrap_or(text.len())];
    loop {
        let last = link.chars().next_back();
        let is_loose = match last {
            Some(
                '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | '。' | '，' | '！'
                | '？' | '）' | '」',
            ) => true,
            Some(')') => link.matches('(').count() < link.matches(')').count(),
            Some(']') => link.matches('[').count() < link.matches(']').count(),
            _ => false,
        };
        match last {
            Some(char) if is_loose => link = &link[..link.len() - char.len_utf8()],
            _ => return link,
        }
    }
}

/// A link that a request may be sent to. A name before an `@` is there to be taken for the host.
fn read(candidate: &str) -> Option<Url> {
    if candidate.len() > URL_BYTES_MAX {
        return None;
    }
    let mut url = Url::parse(candidate).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    url.set_fragment(None);
    (is_plain && url.host().is_some() && url.as_str().len() <= URL_BYTES_MAX).then_some(url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<String> {
        let links = find(text, 10, |_| true);
        links.into_iter().map(String::from).collect()
    }

    #[test]
    fn finds_what_a_reader_takes_for_a_link() {
        for (text, links) in [
            ("https://a.example", vec!["https://a.example/"]),
            (
                "See https://a.example/x?y=1#z.",
                vec!["https://a.example/x?y=1"],
            ),
            ("(https://a.example/x_(1))", vec!["https://a.example/x_(1)"]),
            (
                "[here](https://a.example/x), ok",
                vec!["https://a.example/x"],
            ),
            ("HTTPS://A.Example/X", vec!["https://a.example/X"]),
            (
                "http://a.example http://b.example",
                vec!["http://a.example/", "http://b.example/"],
            ),
            (
                "https://a.example/1 https://a.example/1#2",
                vec!["https://a.example/1"],
            ),
            (
                "https://bücher.example/ä",
                vec!["https://xn--bcher-kva.example/%C3%A4"],
            ),
            (
                "https://a.example/?to=https://b.example/",
                vec!["https://a.example/?to=https://b.example/"],
            ),
            ("x https:// y http://", vec![]),
            ("xhttps://a.example", vec![]),
            ("a.example www.a.example", vec![]),
            (
                "https://user@a.example/ https://good.example@evil.example/",
                vec![],
            ),
            (
                "https://good.example\\@evil.example/",
                vec!["https://good.example/"],
            ),
        ] {
            assert_eq!(all(text), links, "{text}");
        }
        let long = format!("https://a.example/{}", "x".repeat(2000));
        assert_eq!(all(&long), [""; 0]);
    }

    #[test]
    fn code_and_angles_are_left_alone() {
        for text in [
            "`https://a.example`",
            "``https://a.example ` ``",
            "```\nhttps://a.example\n```",
            "```rust\nhttps://a.example",
            "<https://a.example>",
        ] {
            assert_eq!(all(text), [""; 0], "{text}");
        }
        for text in [
            "`x` https://a.example `y`",
            "it`s https://a.example",
            "```x``` https://a.example",
            "< https://a.example >",
        ] {
            assert_eq!(all(text), ["https://a.example/"], "{text}");
        }
    }

    #[test]
    fn the_first_that_are_wanted() {
        let text = "https://a.example https://b.example https://c.example https://d.example";
        let wanted = |url: &Url| url.host_str() != Some("b.example");
        let found = find(text, 2, wanted);
        let hosts: Vec<_> = found.iter().filter_map(Url::host_str).collect();
        assert_eq!(hosts, ["a.example", "c.example"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|https?://|[`<>()@\\\\ ]){0,60}") {
            for link in find(&text, 3, |_| true) {
                prop_assert!(link.username().is_empty() && link.fragment().is_none());
            }
        }
    }
}
