//! Pages, as they were learned of within the hour or are asked for now. Each is asked for once: what
//! came of it is kept, also that nothing did.

use std::time::Duration;

use althing_plugin::http::{self, Response};
use althing_plugin::kv::{self, Scope};
use althing_plugin::{Error, counters, log, metrics, to_json};
use serde::{Deserialize, Serialize};
use url::{Position, Url};

use crate::page::{self, Page};
use crate::settings::Settings;
use crate::{charset, hash};

/// So much of a page is read: its head, with room for those that carry much in it.
const PAGE_BYTES: u32 = 256 * 1024;
/// How long a page is good that was asked for.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How long nobody asks again for a page that there isn't, or that says nothing.
const NOTHING_KEPT: Duration = Duration::from_secs(10 * 60);
/// How long nobody asks a host again that didn't answer.
const SILENT_KEPT: Duration = Duration::from_secs(60);

/// How long the pages of one message may take together: the host's patience with a call is not much longer, and
/// the next message waits.
const BUDGET_MS: u64 = 4_000;
/// Who has sent so many links within the time to hosts that didn't answer has none asked for.
const SILENT_MAX: u32 = 3;
const SILENT_WITHIN: Duration = Duration::from_secs(10 * 60);

/// What is known of a page. Kept under a hash of its address, so the address is in it as well.
#[derive(Serialize, Deserialize)]
pub struct Known {
    of: String,
    /// None if there is nothing to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
}

/// What was learned of the page at `url` within the hour.
pub fn known_page(url: &Url) -> Option<Known> {
    known(&page_key(url), url.as_str())
}

/// How long to wait for each of so many pages.
pub fn patience(settings: &Settings, pages: usize) -> Duration {
    let share = BUDGET_MS / pages.max(1) as u64;
    Duration::from_millis(settings.timeout_ms.min(share))
}

/// Asks for the page at `url`, which `sender` has linked to, and gives what is shown of it, if anything is.
pub fn ask_page(settings: &Settings, url: &Url, sender: &str, patience: Duration) -> Option<Page> {
    let site = &url[Position::BeforeHost..Position::AfterPort];
    let silent = format!("silent/{}", hash(site));
    if known(&silent, site).is_some() {
        return None;
    }
    let silent_of_sender = format!("silent/{}", hash(sender));
    let hour = Duration::from_secs(60 * 60);
    if counters::sum(&silent_of_sender, SILENT_WITHIN) >= SILENT_MAX
        || counters::add("requests", 1, hour) > settings.requests_per_hour
    {
        metrics::add("not_asked", 1);
        return None;
    }
    let (page, kept) = match ask(settings, url, patience) {
        Ok(page) => {
            let kept = if page.is_some() { KEPT } else { NOTHING_KEPT };
            (page, kept)
        }
        // Nobody answers, or not in time: whoever else links there need not wait for it again. A host has as many
        // names as its owner likes, so it counts for the sender, too.
        Err(Error::Unavailable(detail)) => {
            log::debug!("{site}: {detail}");
            keep(&silent, site, None, SILENT_KEPT);
            counters::add(&silent_of_sender, 1, SILENT_WITHIN);
            (None, SILENT_KEPT)
        }
        Err(error) => {
            log::debug!("{site}: {error}");
            (None, NOTHING_KEPT)
        }
    };
    metrics::add(
        if page.is_some() {
            "pages_found"
        } else {
            "nothing_found"
        },
        1,
    );
    keep(&page_key(url), url.as_str(), page.clone(), kept);
    page
}

fn page_key(url: &Url) -> String {
    format!("page/{}", hash(url.as_str()))
}

fn known(key: &str, of: &str) -> Option<Known> {
    let found = kv::get_json::<Known>(&Scope::Plugin, key).ok().flatten();
    found.filter(|known| known.of == of)
}

/// A preview is not worth a failure: what can't be kept is asked for again.
fn keep(key: &str, of: &str, page: Option<Page>, lifetime: Duration) {
    let of = of.to_owned();
    let value = to_json(&Known { of, page });
    if let Err(error) = kv::set_for(&Scope::Plugin, key, value.as_bytes(), lifetime) {
        log::warn!("can't keep a page: {error}");
    }
}

fn ask(settings: &Settings, url: &Url, patience: Duration) -> Result<Option<Page>, Error> {
    let answer = http::get(url.as_str())
        .header("accept", "text/html, application/xhtml+xml")
        .header("user-agent", &settings.user_agent)
        .timeout(patience)
        .body_start(PAGE_BYTES)
        .send()?;
    Ok(read(settings, &answer))
}

fn read(settings: &Settings, answer: &Response) -> Option<Page> {
    let url = Url::parse(answer.url()).ok()?;
    let content_type = answer.header("content-type").unwrap_or_default();
    let is_packed = answer
        .header("content-encoding")
        .is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"));
    // A redirect may lead to where links may not.
    if !answer.is_ok() || !is_page(content_type) || is_packed || !settings.allow(&url) {
        return None;
    }
    page::read(&charset::decode(answer.bytes(), content_type), &url)
}

fn is_page(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"]
        .iter()
        .any(|page| kind.eq_ignore_ascii_case(page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::defaults;

    #[test]
    fn the_pages_of_a_message_share_its_time() {
        for (timeout_ms, pages, each_ms) in [
            (3_000, 0, 3_000),
            (3_000, 1, 3_000),
            (3_000, 3, 1_333),
            (4_000, 5, 800),
            (500, 5, 500),
            (60_000, 1, 4_000),
        ] {
            let settings = Settings {
                timeout_ms,
                ..defaults()
            };
            let each = Duration::from_millis(each_ms);
            assert_eq!(
                patience(&settings, pages),
                each,
                "{pages} of {timeout_ms} ms"
            );
        }
    }

    #[test]
    fn pages_are_told_by_their_type() {
        for page in [
            "text/html",
            "TEXT/HTML; charset=utf-8",
            " application/xhtml+xml ;x",
        ] {
            assert!(is_page(page), "{page}");
        }
        for other in [
            "",
            "text/plain",
            "image/png",
            "text/html5",
            "application/json;text/html",
        ] {
            assert!(!is_page(other), "{other}");
        }
    }
}
