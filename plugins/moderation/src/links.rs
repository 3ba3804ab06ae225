//! Finding links in a text, and whether their domains are on a list.
//!
//! What counts is where a browser would go: `https://good.example@evil.example\` goes to
//! `evil.example`. A host that can't be read is on no list.

use std::ops::Range;

/// A link: where it is in the text, and the host it leads to, in lower case. Empty for a host that
/// isn't a plain name.
#[derive(Debug, PartialEq, Eq)]
pub struct Link {
    pub part: Range<usize>,
    pub host: String,
}

/// Endings that make a link of a name without `https://`. Those that are English words or file
/// types too are left out: they count only with a path after them.
const ENDINGS: [&str; 44] = [
    "app", "biz", "br", "chat", "click", "club", "cn", "co", "com", "de", "dev", "edu", "eu", "fm",
    "fr", "gg", "gl", "gov", "info", "io", "jp", "link", "live", "ly", "net", "nl", "online",
    "org", "page", "pw", "ru", "shop", "site", "store", "su", "tk", "top", "tv", "uk", "vip",
    "website", "wiki", "world", "xyz",
];

/// All links in `text`, in order.
pub fn find(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut from = 0;
    while let Some(run) = next_run(text, from) {
        from = run.end;
        with_scheme(text, run.clone())
            .or_else(|| without_scheme(text, run))
            .into_iter()
            .for_each(|link| {
                from = from.max(link.part.end);
                links.push(link);
            });
    }
    links
}

/// Whether `host` is one of `domains` or below one.
pub fn is_listed(host: &str, domains: &[String]) -> bool {
    domains.iter().any(|domain| {
        let domain = domain.trim().to_lowercase();
        let domain = domain.trim_start_matches("*.").trim_matches('.');
        !domain.is_empty()
            && host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// The next run of characters that names are made of.
fn next_run(text: &str, from: usize) -> Option<Range<usize>> {
    let is_part = |char: char| char.is_alphanumeric() || is_dot(char) || matches!(char, '-' | '+');
    let start = from + text[from..].find(is_part)?;
    let length = text[start..]
        .find(|char| !is_part(char))
        .unwrap_or(text.len() - start);
    Some(start..start + length)
}

/// `scheme://…`, where `run` is what may be the scheme.
fn with_scheme(text: &str, run: Range<usize>) -> Option<Link> {
    let rest = text[run.end..].strip_prefix("://")?;
    let scheme = &text[run.clone()];
    let start = run.start
        + scheme
            .rfind(|char: char| !char.is_ascii_alphanumeric() && !matches!(char, '+' | '-' | '.'))
            .map_or(0, |at| at + 1);
    let start_of_rest = run.end + 3;
    let end = start_of_rest + length_of_link(rest);
    (end > start_of_rest).then(|| Link {
        part: start..end,
        host: host_of(&text[start_of_rest..end]),
    })
}

/// `www.example.com`, `example.com/path`, `example.com`.
fn without_scheme(text: &str, run: Range<usize>) -> Option<Link> {
    if text[..run.start].ends_with('@') {
        return None;
    }
    let name = text[run.clone()].trim_matches(is_dot);
    if !name.contains(is_dot) {
        return None; // As most words.
    }
    let start = run.start + text[run.clone()].find(|char| !is_dot(char))?;
    let host = host_of(name);
    let (before, ending) = host.rsplit_once('.')?;
    let has_path = text[start + name.len()..]
        .strip_prefix('/')
        .is_some_and(|path| path.starts_with(|char: char| !char.is_whitespace()));
    let is_link = host.starts_with("www.")
        || ENDINGS.binary_search(&ending).is_ok()
        || (has_path && ending.len() > 1 && !ending.contains(|char: char| char.is_ascii_digit()));
    (is_link && !before.is_empty()).then(|| Link {
        part: start..start + length_of_link(&text[start..]),
        host,
    })
}

/// How far a link goes: to a space or a quote, without the punctuation of the sentence around it.
fn length_of_link(text: &str) -> usize {
    let end = text
        .find(|char: char| {
            char.is_whitespace() || char.is_control() || matches!(char, '<' | '>' | '"' | '`' | '|')
        })
        .unwrap_or(text.len());
    text[..end]
        .trim_end_matches([
            '.', ',', ';', ':', '!', '?', '\'', ')', ']', '}', '*', '_', '~', '。', '，', '！',
            '？', '）', '」',
        ])
        .len()
}

/// The host in what follows `scheme://`.
fn host_of(link: &str) -> String {
    let authority = link.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let host: String = host
        .chars()
        .map(|char| if is_dot(char) { '.' } else { char })
        .collect();
    let host = host.trim_end_matches('.').to_lowercase();
    match host
        .chars()
        .all(|char| char.is_alphanumeric() || matches!(char, '.' | '-'))
    {
        true => host,
        false => String::new(),
    }
}

/// The full stop, and those of other scripts that browsers read as one.
fn is_dot(char: char) -> bool {
    matches!(char, '.' | '。' | '．' | '｡')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        find(text).into_iter().map(|link| link.host).collect()
    }

    fn parts(text: &str) -> Vec<&str> {
        find(text)
            .into_iter()
            .map(|link| &text[link.part])
            .collect()
    }

    #[test]
    fn the_endings_are_in_order() {
        assert!(ENDINGS.is_sorted());
    }

    #[test]
    fn finds_what_a_client_would_make_a_link_of() {
        let text =
            "See (https://a.example/x_(1)?q=1#y), www.b.example or c.com! Also HTTP://D.COM.";
        assert_eq!(
            hosts(text),
            ["a.example", "www.b.example", "c.com", "d.com"]
        );
        assert_eq!(
            parts("[here](https://a.example/x)."),
            ["https://a.example/x"]
        );
        assert_eq!(hosts("t.me/spam bit.ly/x"), ["t.me", "bit.ly"]);
        assert_eq!(hosts("//evil.com/x"), ["evil.com"]);
    }

    #[test]
    fn leaves_other_dots_alone() {
        let text =
            "Hello.In fact, e.g. main.rs v1.2/3 3.14 ... and/or me@example.com a.b i.e. 10.5";
        assert_eq!(hosts(text), [""; 0]);
    }

    #[test]
    fn reads_hosts_as_browsers_do() {
        assert_eq!(hosts("https://good.com@evil.com/"), ["evil.com"]);
        assert_eq!(hosts("https://evil.com\\@good.com/"), ["evil.com"]);
        assert_eq!(hosts("https://user:pw@evil.com:443/"), ["evil.com"]);
        assert_eq!(hosts("https://evil。com"), ["evil.com"]);
        assert_eq!(hosts("https://good.com%2eevil.com"), [""]);
        assert_eq!(hosts("https://[::1]/"), [""]);
        assert_eq!(hosts("javascript://x.com/%0aalert(1)"), ["x.com"]);
    }

    #[test]
    fn lists_hold_what_is_below_them() {
        let domains = [
            "Example.com".to_owned(),
            "*.other.org".to_owned(),
            String::new(),
        ];
        assert!(is_listed("example.com", &domains));
        assert!(is_listed("docs.example.com", &domains));
        assert!(is_listed("other.org", &domains));
        assert!(!is_listed("notexample.com", &domains));
        assert!(!is_listed("example.com.evil.org", &domains));
        assert!(!is_listed("", &domains));
    }
}
