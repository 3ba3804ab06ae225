//! Feeds: messages of many channels, which a plugin chooses from and orders.
//!
//! What a plugin gets to choose from is what the reader may read at that moment, so it can't show what
//! it was never given. All that it is told of a page after the first is as it was for the first: the
//! end of the log, the time and the seed. What was shown is not shown again, however the rest may have
//! changed places.

use super::access::{self, Caller};
use super::bridge;
use super::calls::{asked, at_fault};
use super::gates::nowhere;
use super::{cursor, valid};
use crate::app::{App, Installed};
use crate::error::{Code, Error, Result};
use crate::model::{Candidate, UserId};
use crate::plugins::{self, Context, Hook, Role};
use crate::store::Wanted;
use crate::store::proof::Reader;
use crate::wire;

mod place;

use place::Place;

/// The longest argument of a feed.
const ARGUMENT_BYTES_MAX: usize = 256;
/// The longest cursor: of a feed's last page, it names all that came before.
const CURSOR_BYTES_MAX: usize = 16 * 1024;

/// Which page of a feed.
#[derive(Debug, Default)]
pub struct Page {
    pub argument: String,
    pub limit: Option<i64>,
    pub next: Option<String>,
    /// For the backend: the user who reads.
    pub reader: Option<UserId>,
}

/// The feeds of the caller's app, by name.
pub fn list(app: &App, caller: &Caller) -> Result<wire::Feeds> {
    let tenant = access::actor(caller)?.tenant();
    let loadout = app.loadout(tenant.app());
    let feeds = loadout.feeds.iter().filter_map(|(name, installed)| {
        let feeds = &installed.manifest()?.feeds;
        let info = feeds.iter().find(|feed| feed.name == *name)?;
        Some(super::plugins::feed(info, &installed.name))
    });
    let mut feeds: Vec<wire::Feed> = feeds.collect();
    feeds.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(wire::Feeds { feeds })
}

/// A page of a feed, and the cursor of the next.
///
/// # Errors
/// `not_found` for a feed that there isn't, `bad_cursor` for a cursor of another feed, argument or
/// reader, `action_refused` with the plugin's words when it refuses, `plugin_failed` when it fails.
pub async fn read(
    app: &App,
    caller: &Caller,
    feed: &str,
    page: Page,
) -> Result<(Vec<Candidate>, Option<String>)> {
    let reader = access::reader(app, &access::actor(caller)?, page.reader).await?;
    let loadout = app.loadout(reader.tenant().app());
    let found = loadout.feeds.get(feed);
    let installed = found.ok_or_else(|| Error::not_found("feed"))?;
    valid::plain("argument", &page.argument, ARGUMENT_BYTES_MAX)?;
    let limit = valid::limit(app, page.limit, 50)?;
    let list = format!(
        "feed {} {:?} {} {feed} {:?}",
        reader.tenant().app(),
        reader.user(),
        app.store.epoch(),
        page.argument
    );
    let mut place = match &page.next {
        Some(next) => {
            let bytes = cursor::open(app, &list, next, CURSOR_BYTES_MAX)?;
            Place::read(&bytes).ok_or_else(cursor::bad)?
        }
        None => Place::first(app.clock.now()),
    };
    let candidates = candidates(app, installed, &reader, feed, place.upto).await?;
    if let (None, Some(newest)) = (&page.next, candidates.first()) {
        place.upto = newest.position;
    }
    let ranked = rank(
        app,
        installed,
        &reader,
        feed,
        &page.argument,
        &place,
        &candidates,
    )
    .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (shown, more) = take(candidates, ranked, &place.shown, limit);
    let next = more.then(|| {
        place.add(shown.iter().map(|one| one.position));
        cursor::seal(app, &list, place.write())
    });
    Ok((shown, next))
}

/// What the feed may show, new to old.
async fn candidates(
    app: &App,
    installed: &Installed,
    reader: &Reader,
    feed: &str,
    upto: i64,
) -> Result<Vec<Candidate>> {
    let info = installed
        .manifest()
        .and_then(|manifest| manifest.feeds.iter().find(|info| info.name == feed));
    let limits = &app.config.plugins;
    let wanted = Wanted {
        types: info.map_or(&[], |info| &info.kinds),
        upto,
        count_max: i64::try_from(limits.feed_candidates_max).unwrap_or(i64::MAX),
        bytes_max: i64::try_from(limits.feed_bytes_max).unwrap_or(i64::MAX),
    };
    app.store.list_candidates(reader, wanted).await
}

/// Has the plugin order them.
async fn rank(
    app: &App,
    installed: &Installed,
    reader: &Reader,
    feed: &str,
    argument: &str,
    place: &Place,
    candidates: &[Candidate],
) -> Result<Vec<u32>> {
    let own = |kind: &str| {
        let kinds = installed.manifest().map(|manifest| &manifest.kinds);
        kinds.is_some_and(|kinds| kinds.iter().any(|own| own.name == kind))
    };
    let given: Vec<plugins::Candidate> = candidates
        .iter()
        .map(|one| plugins::Candidate {
            message: bridge::out(&one.message, &one.channel_id),
            state: match own(&one.message.kind) {
                true => one.message.state.clone().unwrap_or_default(),
                false => String::new(),
            },
        })
        .collect();
    let context = Context {
        now_ms: place.now.unsigned_abs(),
        seed: place.seed,
        actor_role: match reader.user() {
            Some(_) => Role::None,
            None => Role::Server,
        },
        ..nowhere(app, reader.user())
    };
    let calling = asked(app, installed, Hook::Feed, reader.user())?;
    let outcome = plugins::rank_feed(calling.with(&context), feed, argument, &given).await;
    let output = calling
        .note(outcome)
        .map_err(|fault| at_fault(installed, &fault))?;
    let refused = |sentence| Error::new(Code::ActionRefused, sentence);
    output.value.map_err(refused)
}

/// The first `limit` in the order of `ranked` that are not among `shown`, and whether there are more.
/// Places that there are not count for nothing, and one that is named twice counts once.
fn take(
    candidates: Vec<Candidate>,
    ranked: Vec<u32>,
    shown: &[i64],
    limit: usize,
) -> (Vec<Candidate>, bool) {
    let mut left: Vec<Option<Candidate>> = candidates.into_iter().map(Some).collect();
    let mut chosen = ranked
        .into_iter()
        .filter_map(|at| left.get_mut(usize::try_from(at).ok()?)?.take())
        .filter(|one| shown.binary_search(&one.position).is_err());
    let page = chosen.by_ref().take(limit).collect();
    let more = chosen.next().is_some();
    (page, more)
}
