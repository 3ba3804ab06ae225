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

/// What is known of a page. Kept under a hash of its address, so the address is in it as well.
#[derive(Serialize, Deserialize)]
struct Known {
    of: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<Page>,
}

/// What is shown of the page at `url`, if anything is.
pub fn page(settings: &Settings, url: &Url) -> Option<Page> {
    let key = format!("page/{}", hash(url.as_str()));
    let site = &url[Position::BeforeHost..Position::AfterPort];
    let silent = format!("silent/{}", hash(site));
    if let Some(known) = known(&key, url.as_str()) {
        return known.page;
    }
    if known(&silent, site).is_some() {
        return None;
    }
    let hour = Duration::from_secs(60 * 60);
    if counters::add("requests", 1, hour) > settings.requests_per_hour {
        metrics::add("not_asked", 1);
        return None;
    }
    let (page, kept) = match ask(settings, url) {
        Ok(page) => {
            let kept = if page.is_some() { KEPT } else { NOTHING_KEPT };
            (page, kept)
        }
        // Nobody answers, or not in time: whoever else links there need not wait for it again.
        Err(Error::Unavailable(detail)) => {
            log::debug!("{site}: {detail}");
            keep(&silent, site, None, SILENT_KEPT);
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
    keep(&key, url.as_str(), page.clone(), kept);
    page
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

fn ask(settings: &Settings, url: &Url) -> Result<Option<Page>, Error> {
    let answer = http::get(url.as_str())
        .header("accept", "text/html, application/xhtml+xml")
        .header("user-agent", &settings.user_agent)
        .timeout(Duration::from_millis(settings.timeout_ms))
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
