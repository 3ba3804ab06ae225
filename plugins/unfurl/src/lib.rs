//! Link previews: shows below a message what the links in it lead to.
//!
//! `links` finds them, `fetch` asks for the pages and keeps what it learned, `charset` and `page` read
//! them, `card` shows them. A preview is a nicety: whatever goes wrong, the plugin shows none and does
//! not fail, so that one link holds up no other.

mod card;
mod charset;
mod fetch;
mod links;
mod page;
mod settings;
mod text;

use std::time::Duration;

use althing_plugin::kv::Scope;
use althing_plugin::prelude::*;
use althing_plugin::{Error, Posted};

use settings::Settings;

/// A message that waited for longer than this, when much was to be done, gets no preview any more.
const LATE_MS: u64 = 10 * 60 * 1000;
/// How long it is remembered that a preview was taken away, for when the message is edited.
const REMOVED_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const REMOVED: &str = "removed";
const NAME: &str = "unfurl";
const MINUTE: Duration = Duration::from_secs(60);

struct Unfurl;

impl Events for Unfurl {
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        let message = event.message()?;
        let is_late = ctx.now_ms.saturating_sub(event.ts_ms) > LATE_MS;
        // What plugins send or add to is no work of people.
        if message.kind != "text" || ctx.actor_role == Role::Plugin || is_late {
            return Ok(());
        }
        let settings: Settings = config();
        let blocks = previews(ctx, &settings, &event, &message);
        let is_shown = message.attachments.iter().any(|shown| shown.plugin == NAME);
        if !blocks.is_empty() || is_shown {
            show(&message.id, blocks, is_shown);
        }
        Ok(())
    }
}

/// The cards for the links in a message.
fn previews(ctx: &Context, settings: &Settings, event: &Event, message: &Posted) -> Vec<Block> {
    let text = message.data.as_str().unwrap_or_default();
    if !settings.cover(&ctx.channel_type) {
        return Vec::new();
    }
    let links = links::find(text, settings.max_previews, |url| settings.allow(url));
    if links.is_empty() || (event.kind == "message.updated" && was_removed(&message.id)) {
        return Vec::new();
    }
    let links: Vec<_> = links
        .into_iter()
        .map(|link| (fetch::known_page(&link), link))
        .collect();
    let to_ask = links.iter().filter(|(known, _)| known.is_none()).count();
    let patience = fetch::patience(settings, to_ask);
    let mut pages = Vec::new();
    for (known, link) in links {
        if is_too_much(settings, &ctx.channel, &message.from) {
            log::debug!("too many links in {}", ctx.channel);
            break;
        }
        pages.extend(match known {
            Some(known) => known.page,
            None => fetch::ask_page(settings, &link, &message.from, patience),
        });
    }
    card::cards(&pages, settings.images, &message.from)
}

/// Counts a link, and says whether it is one too many of its sender or in its channel.
fn is_too_much(settings: &Settings, channel: &str, sender: &str) -> bool {
    let by_user = counters::add(&format!("user/{}", hash(sender)), 1, MINUTE);
    let in_channel = counters::add(&format!("channel/{}", hash(channel)), 1, MINUTE);
    by_user > settings.user_links_per_minute || in_channel > settings.channel_links_per_minute
}

fn was_removed(message: &str) -> bool {
    matches!(
        kv::get(&Scope::Message(message.to_owned()), REMOVED),
        Ok(Some(_))
    )
}

/// Shows blocks below the message, or takes away what is there. What other plugins won't have is not
/// shown, nor what was there before: it is of an older text.
fn show(message: &str, blocks: Vec<Block>, is_shown: bool) {
    let is_none = blocks.is_empty();
    let mut shown = chat::attach(message, blocks);
    if let Err(error) = &shown {
        log::info!("no preview below {message}: {error}");
        if is_shown && !is_none {
            shown = chat::attach(message, Vec::new());
        }
    }
    let outcome = match (shown, is_none) {
        (Err(Error::NotFound(_)), _) | (Ok(()), true) => return,
        (Ok(()), false) => "shown",
        (Err(_), _) => "refused",
    };
    metrics::add(outcome, 1);
}

impl Interactions for Unfurl {
    fn handle(ctx: &Context, interaction: Interaction) -> Result<Option<Reply>, String> {
        match card::remover(&interaction.action) {
            Some(sender) if sender == ctx.actor && !sender.is_empty() => {}
            Some(_) => return Err("Only who sent the message can remove its preview.".into()),
            None => return Err("There is no such button.".into()),
        }
        let scope = Scope::Message(interaction.message_id.clone());
        match kv::set_for(&scope, REMOVED, b"1", REMOVED_KEPT) {
            // It goes all the same; an edit of the message may bring it back.
            Err(Error::Limited(detail)) => log::warn!("not noted as removed: {detail}"),
            done => done?,
        }
        chat::attach(&interaction.message_id, Vec::new())?;
        metrics::add("removed", 1);
        Ok(None)
    }
}

impl Lifecycle for Unfurl {
    fn check(_: &Context, settings: &str) -> Vec<SettingFault> {
        parse_json(settings).map_or_else(|_| Vec::new(), |settings| settings::faults(&settings))
    }
}

/// A short name for a text of any length: 64 bits of FNV-1a. What must not be mixed up is compared
/// besides.
fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

althing_plugin::plugin!(Unfurl: Events + Interactions + Lifecycle, manifest = "plugin.toml");
