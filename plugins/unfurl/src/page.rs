//! What a page says about itself: Open Graph, Twitter cards, and what HTML has for it. Only its head
//! is read, where the page's owner writes and nobody else.

use std::collections::BTreeMap;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{StartTag, Token, Tokenizer};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::text;

const TITLE_CHARS_MAX: usize = 150;
const DESCRIPTION_CHARS_MAX: usize = 300;
const SITE_CHARS_MAX: usize = 60;
const IMAGE_URL_BYTES_MAX: usize = 1024;
/// What is kept of one field before it is cleaned.
const FIELD_BYTES_MAX: usize = 8 * 1024;

/// What is shown of a page. Texts are clean and short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Where it is, after redirects.
    pub url: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub site: String,
    /// The address of a picture; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
}

/// Reads a page; `None` for one that says nothing about itself.
pub fn read(html: &str, url: &Url) -> Option<Page> {
    let head = Head::read(html);
    let title = head.first(&["og:title", "twitter:title", "<title>"], TITLE_CHARS_MAX);
    if title.is_empty() {
        return None;
    }
    let described = ["og:description", "twitter:description", "description"];
    let pictures = [
        "og:image:secure_url",
        "og:image",
        "og:image:url",
        "twitter:image",
        "twitter:image:src",
    ];
    let image = pictures
        .iter()
        .find_map(|name| picture(head.fields.get(*name)?, url));
    Some(Page {
        url: url.to_string(),
        title,
        description: head.first(&described, DESCRIPTION_CHARS_MAX),
        site: head.first(&["og:site_name", "application-name"], SITE_CHARS_MAX),
        image: image.unwrap_or_default(),
    })
}

/// Readers load it themselves: so nothing that may be an address within their own network.
fn picture(written: &str, page: &Url) -> Option<String> {
    let url = page.join(written.trim()).ok()?;
    let is_public = match url.host()? {
        Host::Domain(name) => name.trim_end_matches('.').contains('.'),
        Host::Ipv4(_) | Host::Ipv6(_) => false,
    };
    let fits = url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && url.as_str().len() <= IMAGE_URL_BYTES_MAX;
    (is_public && fits).then(|| url.to_string())
}

/// The fields in a page's head by their names; the first of each counts.
#[derive(Default)]
struct Head {
    fields: BTreeMap<String, String>,
}

impl Head {
    fn read(html: &str) -> Self {
        let mut head = Self::default();
        let mut emitter = DefaultEmitter::default();
        // Or what a script holds would be taken for tags.
        emitter.naively_switch_states(true);
        let mut title: Option<String> = None;
        for token in Tokenizer::new_with_emitter(html, emitter) {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) => match &**tag.name {
                    b"body" => break,
                    b"title" => title = Some(String::new()),
                    b"meta" => head.take(&tag),
                    _ => {}
                },
                Token::EndTag(tag) => match &**tag.name {
                    b"head" => break,
                    b"title" => head.add("<title>", title.take().unwrap_or_default()),
                    _ => {}
                },
                Token::String(text) => {
                    if let Some(title) =
                        title.as_mut().filter(|title| title.len() < FIELD_BYTES_MAX)
                    {
                        title.push_str(&String::from_utf8_lossy(&text));
                    }
                }
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        head
    }

    fn take(&mut self, tag: &StartTag<()>) {
        let attribute = |name: &[u8]| {
            let value = tag.attributes.get(name)?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let name = attribute(b"property").or_else(|| attribute(b"name"));
        if let (Some(name), Some(content)) = (name, attribute(b"content")) {
            self.add(&name.trim().to_ascii_lowercase(), content);
        }
    }

    fn add(&mut self, name: &str, content: String) {
        let is_known = name.starts_with("og:")
            || name.starts_with("twitter:")
            || matches!(name, "<title>" | "description" | "application-name");
        if is_known && name.len() <= 64 && !content.trim().is_empty() {
            let content = text::start(&content, FIELD_BYTES_MAX).to_owned();
            self.fields.entry(name.to_owned()).or_insert(content);
        }
    }

    /// The first of these fields that says something.
    fn first(&self, names: &[&str], chars_max: usize) -> String {
        let said = names.iter().filter_map(|name| self.fields.get(*name));
        let mut said = said.map(|field| text::clean(field, chars_max));
        said.find(|text| !text.is_empty()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url() -> Url {
        Url::parse("https://news.example/2026/a").unwrap()
    }

    fn page(html: &str) -> Option<Page> {
        read(html, &url())
    }

    #[test]
    fn a_page_says_what_it_is() {
        let html = r#"<!doctype html><html><head><meta charset=utf-8>
            <title>The paper: a &amp; b</title>
            <meta property="og:title" content="A &lt;b&gt; &quot;title&quot; &#x2014; &eacute;">
            <meta name=description content='Short.'>
            <META PROPERTY='OG:DESCRIPTION' CONTENT='  Longer
                words. '>
            <meta property="og:site_name" content="The News">
            <meta property="og:image" content="/img/a.png?x=1&amp;y=2">
            </head><body><meta property="og:title" content="in the body"></body>"#;
        let page = page(html).unwrap();
        assert_eq!(page.url, "https://news.example/2026/a");
        assert_eq!(page.title, "A <b> \"title\" — é");
        assert_eq!(page.description, "Longer words.");
        assert_eq!(page.site, "The News");
        assert_eq!(page.image, "https://news.example/img/a.png?x=1&y=2");
    }

    #[test]
    fn less_will_do() {
        let title = |html: &str| page(html).map(|page| page.title);
        assert_eq!(title("<title>x</title>").as_deref(), Some("x"));
        assert_eq!(title("<TITLE>x").as_deref(), None, "never closed");
        assert_eq!(
            title("<title></title><meta name=twitter:title content=y>").as_deref(),
            Some("y")
        );
        assert_eq!(
            title("<title><script>alert(1)</script></title>").as_deref(),
            Some("<script>alert(1)</script>")
        );
        assert_eq!(
            title("<title>a</title><title>b</title>").as_deref(),
            Some("a")
        );
        for html in [
            "",
            "hello",
            "{\"title\": 1}",
            "<meta property=og:title content='  '>",
            "<meta property=og:title>",
            "<body><title>x</title>",
            "</head><title>x</title>",
            "<!-- <title>x</title> -->",
            "<script>'<title>x</title>'</script>",
            "<style><title>x</title></style>",
        ] {
            assert_eq!(page(html), None, "{html}");
        }
    }

    #[test]
    fn pictures_are_on_the_internet() {
        let image = |src: &str| {
            let html = format!("<title>x</title><meta property=og:image content=\"{src}\">");
            page(&html).unwrap().image
        };
        assert_eq!(image("b.png"), "https://news.example/2026/b.png");
        assert_eq!(image("//cdn.example/b.png"), "https://cdn.example/b.png");
        for src in [
            "http://cdn.example/b.png",
            "https://192.168.1.1/b.png",
            "https://3232235777/b.png",
            "https://[::1]/b.png",
            "https://localhost/b.png",
            "https://router/b.png",
            "https://user@cdn.example/b.png",
            "https://cdn.example:8080/b.png",
            "data:image/png;base64,AAAA",
            "javascript:alert(1)",
            "https://",
        ] {
            assert_eq!(image(src), "", "{src}");
        }
    }

    proptest! {
        #[test]
        fn nonsense_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            page(&crate::charset::decode(&bytes, ""));
        }

        #[test]
        fn what_looks_like_a_page_is_read(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("<title>"), Just("</title>"), Just("<meta property=og:title content="), Just("'"), Just("\""),
                    Just(">"), Just("</"), Just("<!--"), Just("-->"), Just("<script>"), Just("</script>"), Just("&#x1F;"),
                    Just("&#1114112;"), Just("&amp"), Just("\u{202e}"), Just("x"), Just(" "), Just("<![CDATA["), Just("="),
                    Just("a=b a=c"), Just("\0"), Just("<?"), Just("/>"), Just("é"),
                ],
                0..40,
            )
        ) {
            if let Some(page) = page(&parts.concat()) {
                prop_assert!(page.title.chars().count() <= TITLE_CHARS_MAX);
                let turns = page.title.contains(|char: char| char.is_control() || char == '\u{202e}');
                prop_assert!(!turns);
            }
        }
    }
}
