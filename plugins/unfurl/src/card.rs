//! How pages are shown below a message.

use althing_plugin::blocks::{Block, button, divider, image, link, muted, text};
use althing_plugin::to_json;
use url::Url;

use crate::page::Page;

/// Blocks take at most so much: what the host lets a plugin attach, by default, with room to spare.
const BYTES_MAX: usize = 15 * 1024;
/// The longest action of a button.
const ACTION_BYTES_MAX: usize = 128;
const REMOVE: &str = "remove ";

/// The cards of pages and, where `sender` is somebody who could press it, a button to remove them. It
/// names the sender, and only what blocks offer can be pressed: so whoever presses it is known to be
/// the one or not.
pub fn cards(pages: &[Page], with_images: bool, sender: &str) -> Vec<Block> {
    let mut shown: Vec<Block> = Vec::new();
    for page in pages {
        let mut with = shown.clone();
        if !with.is_empty() {
            with.push(divider());
        }
        with.extend(card(page, with_images));
        if to_json(&with).len() > BYTES_MAX {
            break;
        }
        shown = with;
    }
    let action = format!("{REMOVE}{sender}");
    if !shown.is_empty() && action.len() <= ACTION_BYTES_MAX {
        let remove = button("Remove preview", action);
        shown.push(remove.for_users([sender]).into());
    }
    shown
}

/// Who may remove the preview, by the action of its button.
pub fn remover(action: &str) -> Option<&str> {
    action.strip_prefix(REMOVE)
}

fn card(page: &Page, with_images: bool) -> Vec<Block> {
    let host = Url::parse(&page.url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let host = host.unwrap_or_default();
    // What a site calls itself is no proof: its host, in letters that can't be mistaken, always
    // stands beside it.
    let site = match page.site.is_empty() || page.site == host {
        true => host,
        false => format!("{} · {host}", page.site),
    };
    let mut blocks = vec![muted(site), link(&page.url, &page.title)];
    if !page.description.is_empty() {
        blocks.push(text(&page.description));
    }
    if with_images && !page.image.is_empty() {
        blocks.push(image(&page.image, ""));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use althing_plugin::Value;

    use super::*;

    fn page(host: &str) -> Page {
        Page {
            url: Url::parse(&format!("https://{host}/a")).unwrap().into(),
            title: "A title".into(),
            description: "Words.".into(),
            site: "The Site".into(),
            image: "https://cdn.example/a.png".into(),
        }
    }

    fn shown(pages: &[Page], with_images: bool, sender: &str) -> Value {
        serde_json::to_value(cards(pages, with_images, sender)).unwrap()
    }

    #[test]
    fn a_card_says_whose_page_it_is() {
        let expected = serde_json::json!([
            { "type": "text", "text": "The Site · xn--pple-43d.example", "style": "muted" },
            { "type": "link", "url": "https://xn--pple-43d.example/a", "text": "A title" },
            { "type": "text", "text": "Words." },
            { "type": "button", "text": "Remove preview", "action": "remove ann",
              "for": { "users": ["ann"] } }
        ]);
        // The first letter is Cyrillic.
        assert_eq!(shown(&[page("аpple.example")], false, "ann"), expected);
        let with_image = shown(&[page("a.example")], true, "ann");
        assert_eq!(with_image[3]["type"], "image");
        let unnamed = Page {
            site: String::new(),
            ..page("a.example")
        };
        assert_eq!(shown(&[unnamed], false, "ann")[0]["text"], "a.example");
    }

    #[test]
    fn there_is_no_more_than_fits() {
        let long = Page {
            title: "𝕏".repeat(150),
            description: "\u{1f600}".repeat(300),
            url: format!("https://a.example/{}", "x".repeat(1000)),
            image: format!("https://a.example/{}", "x".repeat(1000)),
            ..page("a.example")
        };
        let many = vec![long; 50];
        let sender = "s".repeat(ACTION_BYTES_MAX - REMOVE.len());
        let fit = to_json(&cards(&many, true, &sender));
        assert!(
            fit.len() <= 16 * 1024 && fit.len() > 8 * 1024,
            "{}",
            fit.len()
        );
        assert_eq!(shown(&[], true, "ann"), serde_json::json!([]));
    }

    #[test]
    fn the_button_is_the_senders() {
        assert_eq!(remover("remove ann"), Some("ann"));
        assert_eq!(remover("remove "), Some(""));
        assert_eq!(remover("else"), None);
        let long = "s".repeat(128);
        let blocks = shown(&[page("a.example")], false, &long);
        assert!(
            blocks
                .as_array()
                .unwrap()
                .iter()
                .all(|block| block["type"] != "button")
        );
    }
}
