//! Runs what plugins do when something has happened: the events of the log. Each event has its effect
//! once: all that a handler wrote lands in one transaction with the note that it is done. That nothing came of
//! some is noted for many of them together: they may be handled again. Nothing here is the only place that knows
//! of work to be done; the store is.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::calls::{Resting, blame, calling};
use super::deliver::about;
use super::shadow;
use crate::app::{App, Installed, Wrote};
use crate::clock;
use crate::crash;
use crate::error::{Code, Error, Result};
use crate::model::{Event, EventBody, EventKind, InstallId, Millis};
use crate::plugins::case::Input;
use crate::plugins::{self, Context, Effects, Hook, Scope};
use crate::store::{AsOf, Cause, ChatWrite, HandlerCommit, Kept, KvWrite, Landed, TimerWrite};
use crate::wire;

/// A plugin that answers a plugin that answers a plugin is enough.
const DEPTH_MAX: i16 = 3;
/// Events read at once.
const EVENTS_READ: i64 = 100;
/// How often a call is made whose changes come too late because of others'.
const TRIES: usize = 3;
/// How long it waits then.
pub(super) const CONTENDED_MS: Millis = 1_000;

/// Runs events until the host stops.
pub async fn run_events(app: Arc<App>) {
    let running = Running::default();
    loop {
        let grown = tokio::select! {
            grown = app.grown.next() => grown,
            () = app.stopped() => return,
        };
        for id in grown {
            for installed in &app.loadout(id).installs {
                if !installed
                    .versions()
                    .any(|version| version.has(Hook::Events))
                    || installed.install.is_err()
                    || installed.is_quarantined(Hook::Events)
                {
                    continue;
                }
                if !running
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(installed.row.id)
                {
                    continue; // It looks again before it ends.
                }
                tokio::spawn(attend(app.clone(), installed.clone(), running.clone()));
            }
        }
    }
}

type Running = Arc<Mutex<HashSet<InstallId>>>;

/// Handles what there is for one install, and comes back after a failure, until there is nothing
/// left to do.
async fn attend(app: Arc<App>, installed: Arc<Installed>, running: Running) {
    let (id, of) = (installed.row.id, installed.row.app_id);
    loop {
        let rung = app.grown.count(of);
        let again = match drain(&app, &installed).await {
            Ok(again) => again,
            Err(error) => {
                tracing::error!(error = %error, "events could not be handled");
                Some(app.clock.now() + 1000)
            }
        };
        let stopping = *app.stopping.borrow();
        if let Some(at) = again
            && !stopping
        {
            wait(&app, &installed, at).await;
            if is_current(&app, &installed) {
                continue;
            }
        }
        let mut busy = running.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&id);
        let nothing_new = app.grown.count(of) == rung && is_current(&app, &installed);
        if stopping || nothing_new {
            return;
        }
        drop(busy);
        // It rang while this one was no longer looking, or a newer version waits for its turn.
        app.grown.ring(of);
        return;
    }
}

/// Waits until then, or until the install has changed.
async fn wait(app: &App, installed: &Arc<Installed>, until: Millis) {
    while is_current(app, installed) && !*app.stopping.borrow() {
        let left = (until - app.clock.now()).clamp(0, 1000).unsigned_abs();
        if left == 0 {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(left)) => {}
            () = app.stopped() => return,
        }
    }
}

fn is_current(app: &App, installed: &Arc<Installed>) -> bool {
    let loadout = app.loadout(installed.row.app_id);
    loadout
        .installs
        .iter()
        .any(|known| Arc::ptr_eq(known, installed))
}

/// Handles everything up to the end of the log. Gives when to come back, if something failed or
/// came meanwhile.
async fn drain(app: &Arc<App>, installed: &Arc<Installed>) -> Result<Option<Millis>> {
    let backend = super::access::host(installed.row.app_id);
    let stopping = app.stopping.subscribe();
    loop {
        let rung = app.grown.count(installed.row.app_id);
        let row = app.store.list_installs(backend.tenant()).await?;
        let Some(row) = row.into_iter().find(|row| row.id == installed.row.id) else {
            return Ok(None);
        };
        // A newer version of it, or one that was switched off, is somebody else's business.
        if row.updated_at != installed.row.updated_at || !row.enabled {
            return Ok(None);
        }
        if let Some(at) = row.retry_at.filter(|at| *at > app.clock.now()) {
            return Ok(Some(at));
        }
        let (mut from, mut attempts, mut last) = (row.cursor, row.attempts, row.cursor);
        // Up to where nothing came of what was handled since `from`.
        let mut idle = row.cursor;
        let events = app.store.list_log(&backend, from, EVENTS_READ).await?;
        let full = events.len() as i64 == EVENTS_READ;
        for event in &events {
            if *stopping.borrow() {
                return Ok(None);
            }
            // Another version, or another share of channels for it, takes over at once.
            if !is_current(app, installed) {
                pass(app, installed, from, idle).await?;
                return Ok(None);
            }
            last = event.position;
            if !installed.versions().any(|version| wants(version, event)) {
                continue;
            }
            match handle(app, installed, event, from).await? {
                Handled::Unwanted => {}
                Handled::Idle => (idle, attempts) = (event.position, 0),
                Handled::Done => (from, idle, attempts) = (event.position, event.position, 0),
                Handled::Moved => return Ok(Some(app.clock.now())),
                Handled::TooLate => {
                    pass(app, installed, from, idle).await?;
                    return Ok(Some(app.clock.now() + CONTENDED_MS));
                }
                Handled::Resting(resting) => {
                    pass(app, installed, from, idle).await?;
                    return Ok(resting.until);
                }
                failed @ (Handled::Failed | Handled::Beyond) => {
                    // The tries that are counted are those of the first event that is not done.
                    pass(app, installed, from, idle).await?;
                    let tries_max = match failed {
                        Handled::Beyond => 1,
                        _ => i64::from(app.config.plugins.event_attempts_max),
                    };
                    let tries = attempts + 1;
                    let again = note_failed(app, installed, event, idle, tries, tries_max).await?;
                    return Ok(Some(again));
                }
            }
        }
        if full || idle != from {
            // No need to read it again.
            pass(app, installed, from, last).await?;
        }
        if !full && app.grown.count(installed.row.app_id) == rung {
            return Ok(None);
        }
    }
}

/// Notes that an event failed once more, and gives when to try again. After too many tries it is passed over.
async fn note_failed(
    app: &App,
    installed: &Installed,
    event: &Event,
    from: i64,
    tries: i64,
    tries_max: i64,
) -> Result<Millis> {
    let now = app.clock.now();
    let again = tries < tries_max;
    let retry_at = again.then(|| now + backoff_ms(tries - 1));
    if !again {
        let (kind, seq) = (event.kind.as_str(), event.seq);
        let line = format!("gave up on {kind} {seq} after {tries} tries");
        installed.log.add(now, "fault", line);
        app.metrics.event_given_up();
    }
    app.store
        .note_failed_event(installed.row.id, from, event.position, retry_at)
        .await?;
    Ok(retry_at.unwrap_or(now))
}

/// Moves on to the end of what there was nothing to do with, if there was something.
async fn pass(app: &App, installed: &Installed, from: i64, to: i64) -> Result<()> {
    if to == from {
        return Ok(());
    }
    app.store
        .note_failed_event(installed.row.id, from, to, None)
        .await
}

/// 1 s, 2 s, 4 s … 5 min.
pub(super) fn backoff_ms(attempts: i64) -> Millis {
    (1000_i64 << attempts.clamp(0, 9)).min(300_000)
}

pub(super) fn wants(installed: &Installed, event: &Event) -> bool {
    event.depth < DEPTH_MAX
        && installed.manifest().is_some_and(|manifest| {
            manifest
                .events
                .iter()
                .any(|kind| kind == event.kind.as_str())
        })
        && !attached_it(installed, event)
}

/// Whether the entry says that this plugin attached something to a message of somebody else. That is
/// no news to it: told of it, it would attach to what it attached to.
fn attached_it(installed: &Installed, event: &Event) -> bool {
    let EventBody::Message(message) = &event.body else {
        return false;
    };
    let is_of_its_kind = || {
        let manifest = installed.manifest();
        manifest.is_some_and(|m| m.kinds.iter().any(|kind| kind.name == message.kind))
    };
    event.kind == EventKind::MessageUpdated
        && event.actor.as_ref() == Some(&installed.bot)
        && message.sender != installed.bot
        && !is_of_its_kind()
}

enum Handled {
    /// The version that the event is for doesn't want it.
    Unwanted,
    /// Nothing came of it, or only the shadow wanted it.
    Idle,
    Done,
    Failed,
    /// What it did is more than it may keep. It would be no less the next time.
    Beyond,
    /// Somebody else has handled it, or the plugin was changed.
    Moved,
    /// What it had read was changed again and again before what it did could be stored.
    TooLate,
    /// The hook is not called now.
    Resting(Resting),
}

/// Hands an event to the version that serves its channel. What a canary fails on is for the active
/// version, as if there were no other: nobody's events wait for a trial.
async fn handle(
    app: &Arc<App>,
    installed: &Arc<Installed>,
    event: &Event,
    from: i64,
) -> Result<Handled> {
    let backend = super::access::host(installed.row.app_id);
    let cause = Cause::Event {
        from,
        to: event.position,
    };
    let found = app
        .store
        .find_channel_by_key(backend.tenant(), event.channel);
    let Some(channel) = found.await? else {
        // The channel is gone, and with it whatever there was to do.
        return Ok(Handled::Idle);
    };
    let actor = event.actor.clone().or_else(|| about(event));
    let role = match &actor {
        Some(user) if user.as_str().starts_with(super::users::BOT_PREFIX) => plugins::Role::Plugin,
        Some(user) => match app
            .store
            .find_participant(backend.tenant(), &channel, user)
            .await?
        {
            Some(seat) => seat.role.into(),
            None => plugins::Role::None,
        },
        None => plugins::Role::Server,
    };
    let context = Context {
        now_ms: app.clock.now().unsigned_abs(),
        seed: clock::random_u64(),
        channel: channel.id.to_string(),
        channel_type: channel.kind.clone(),
        actor: event
            .actor
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        actor_role: role,
    };
    let handed = plugins::Event {
        kind: event.kind.as_str().to_owned(),
        seq: event.seq.unsigned_abs(),
        ts_ms: event.ts.unsigned_abs(),
        data: wire::Event::logged(event, &channel.id).data_json(),
    };
    let place = super::chain::place(app, &channel).await?;
    let serving = installed.serving(place.as_str());
    let by = async |version| handle_by(app, version, event, &cause, &context, &handed).await;
    if wants(serving, event) {
        match by(serving).await? {
            Handled::Failed | Handled::Beyond | Handled::Resting(_)
                if !Arc::ptr_eq(serving, installed) && wants(installed, event) =>
            {
                by(installed).await
            }
            handled => Ok(handled),
        }
    } else {
        // A shadow may want what the active version does nothing with.
        let Some((shadow, _)) = installed.shadow() else {
            return Ok(Handled::Unwanted);
        };
        if !wants(shadow, event) {
            return Ok(Handled::Unwanted);
        }
        shadow::follow_silent(app, installed, || context, || Input::Event(handed));
        Ok(Handled::Idle)
    }
}

async fn handle_by(
    app: &Arc<App>,
    installed: &Installed,
    event: &Event,
    cause: &Cause,
    context: &Context,
    handed: &plugins::Event,
) -> Result<Handled> {
    for _ in 0..TRIES {
        let calling = match calling(app, installed, Hook::Events, event.position) {
            Ok(calling) => calling.followed_if(|shadow| wants(shadow, event)),
            Err(resting) => return Ok(Handled::Resting(resting)),
        };
        let outcome = plugins::handle_event(calling.with(context), handed).await;
        crash::point("event called");
        let output = match calling.note(outcome) {
            Ok(output) => output,
            Err(fault) => {
                blame(&fault)?;
                return Ok(Handled::Failed);
            }
        };
        if let Err(sentence) = output.value {
            installed.log.add(app.clock.now(), "error", sentence);
            return Ok(Handled::Failed);
        }
        if output.effects.leave_no_trace() {
            return Ok(Handled::Idle);
        }
        match commit(
            app,
            installed,
            cause.clone(),
            event.depth + 1,
            output.effects,
        )
        .await
        {
            Ok(Landed::Done) => {
                crash::point("event done");
                return Ok(Handled::Done);
            }
            Ok(Landed::TooLate) => continue,
            Ok(Landed::Replaced) => return Ok(Handled::Moved),
            Err(error) if error.code() == Code::Unavailable => return Err(error),
            Err(error) => {
                let line = format!("what it did could not be stored: {error}");
                installed.log.add(app.clock.now(), "fault", line);
                return Ok(match error.code() {
                    Code::LimitReached => Handled::Beyond,
                    _ => Handled::Failed,
                });
            }
        }
    }
    let line =
        format!("what it read was changed {TRIES} times before its own changes could be stored");
    installed.log.add(app.clock.now(), "warn", line);
    Ok(Handled::TooLate)
}

/// Lands all that a handler did, or nothing. If the plugin was changed meanwhile, what it is now runs when
/// this returns: whoever calls again looks up whom.
///
/// # Errors
/// `rate_limited`, for a request alone: the app's plugins have written too much.
pub(super) async fn commit(
    app: &Arc<App>,
    installed: &Installed,
    cause: Cause,
    depth: i16,
    effects: Effects,
) -> Result<Landed> {
    if effects.is_empty() && cause.is_asked() {
        return Ok(Landed::Done);
    }
    // Events and timers have rested before their calls; of a request nobody knew that it writes.
    if cause.is_asked()
        && let Some(ms) = app.rates.plugins_rest_ms(installed.holder)
    {
        app.metrics.plugin_rested();
        let detail = "The plugins of this app, or of its org, have written too much.";
        return Err(Error::new(Code::RateLimited, detail).retry_after_ms(ms));
    }
    let sets_timers = !effects.timers.is_empty();
    let commit = commit_of(app, installed, cause, depth, effects)?;
    let as_of = AsOf {
        updated_at: installed.row.updated_at,
        tried_since: installed.trial.as_ref().map(|trial| trial.rollout.since),
    };
    let landed = app.store.commit_handler(commit, as_of).await?;
    if sets_timers {
        app.timers_changed.notify_one();
    }
    if landed == Landed::Replaced {
        drop(app.installing.take(installed.row.app_id).await);
    }
    Ok(landed)
}

/// All that a handler did, as the store takes it. It counts against what the app's plugins may write.
pub(super) fn commit_of(
    app: &App,
    installed: &Installed,
    cause: Cause,
    depth: i16,
    effects: Effects,
) -> Result<HandlerCommit> {
    let now = app.clock.now();
    let values = effects.kv_writes.iter();
    let wrote = Wrote {
        messages: effects.chat.len(),
        rows: effects.kv_writes.len() + effects.timers.len(),
        bytes: values.flat_map(|write| &write.value).map(Vec::len).sum(),
    };
    app.rates.note_plugin_writes(installed.holder, &wrote);
    let mut chat = Vec::with_capacity(effects.chat.len());
    for effect in effects.chat {
        match effect.downcast::<ChatWrite>() {
            Ok(write) => chat.push(*write),
            Err(_) => return Err(Error::internal("a plugin's effect is not one of ours")),
        }
    }
    let version = |version: Option<u64>| version.map(|version| version as i64);
    Ok(HandlerCommit {
        install: installed.row.id,
        cause,
        depth,
        kv_reads: effects
            .kv_reads
            .into_iter()
            .map(|read| (scope(&read.scope), read.key, version(read.version)))
            .collect(),
        kv_writes: effects
            .kv_writes
            .into_iter()
            .map(|write| KvWrite {
                scope: scope(&write.scope),
                key: write.key,
                value: write.value,
                expires_at: write
                    .ttl_ms
                    .map(|ttl| now.saturating_add(i64::try_from(ttl).unwrap_or(i64::MAX))),
            })
            .collect(),
        timers: effects
            .timers
            .into_iter()
            .map(|timer| match timer {
                plugins::TimerWrite::Set {
                    name,
                    at_ms,
                    channel,
                    payload,
                } => TimerWrite::Set {
                    name,
                    due_at: i64::try_from(at_ms).unwrap_or(i64::MAX),
                    channel,
                    payload,
                },
                plugins::TimerWrite::Cancel { name } => TimerWrite::Cancel { name },
            })
            .collect(),
        chat,
        kept_max: Kept {
            kv_keys: app.config.plugins.kv_keys_max as i64,
            kv_bytes: app.config.plugins.kv_bytes_max as i64,
            timers: app.config.plugins.timers_max as i64,
        },
    })
}

/// How the store names whose value it is.
pub(super) fn scope(scope: &Scope) -> String {
    match scope {
        Scope::Plugin => "p".into(),
        Scope::Channel(id) => format!("c:{id}"),
        Scope::User(id) => format!("u:{id}"),
        Scope::Message(id) => format!("m:{id}"),
    }
}

impl From<crate::model::Role> for plugins::Role {
    fn from(role: crate::model::Role) -> Self {
        match role {
            crate::model::Role::Member => plugins::Role::Member,
            crate::model::Role::Admin => plugins::Role::Admin,
            crate::model::Role::Owner => plugins::Role::Owner,
        }
    }
}
