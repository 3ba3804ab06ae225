//! Runs the timers that plugins have set, each once, however often the host is killed: see `handlers`.
//!
//! Each app has a task of its own while timers of it are due. The orgs take turns at the same places, and so do
//! the apps of one, so nobody's timers wait until somebody else's are through. A call that reads an answer from
//! outside as it comes takes minutes: it gives its place back, and the other timers go on.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Notify;

use super::calls::{Resting, blame, calling};
use super::handlers::{CONTENDED_MS, backoff_ms, commit};
use super::{access, chain};
use crate::admission::{Place, Places, Sizes};
use crate::app::{App, Installed};
use crate::clock;
use crate::crash;
use crate::error::{Code, Result};
use crate::model::{AppId, InstallId, Millis};
use crate::plugins::{self, Context, Hook};
use crate::store::{Cause, Landed, Timer};

/// How long timers of a plugin that does not run are left alone.
const RESTING_MS: Millis = 60_000;
/// Timers that run at once on this host.
const RUNNING_MAX: usize = 32;
/// Timers of one app that run or wait for it.
const RUNNING_PER_APP_MAX: usize = 4;
/// Timers of one app that are read at once.
const READ_MAX: usize = 32;
/// Looking again so often costs nothing and survives a clock that was set.
const LOOK_MS: Millis = 60_000;
/// Before the next try when the store does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs timers until the host stops.
pub async fn run(app: Arc<App>) {
    let running = Arc::new(Running::new(app.config.limits.org_share_percent));
    loop {
        let wait = match begin_due(&app, &running).await {
            Ok(next) => next.map_or(LOOK_MS, |at| (at - app.clock.now()).clamp(0, LOOK_MS)),
            Err(error) => {
                tracing::error!(error = %error, "timers could not be read");
                PAUSE.as_millis() as Millis
            }
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())) => {}
            () = app.timers_changed.notified() => {}
            () = app.stopped() => return,
        }
    }
}

/// What runs now.
struct Running {
    places: Places,
    /// The apps whose timers are being run.
    busy: Mutex<HashSet<AppId>>,
    /// Timers whose calls wait for long, and hold no place. They are due in the store until they are
    /// through.
    waiting: Mutex<HashMap<AppId, HashSet<TimerKey>>>,
}

type TimerKey = (InstallId, String);

impl Running {
    fn new(org_share_percent: u32) -> Self {
        let sizes = Sizes::new(RUNNING_MAX, org_share_percent, RUNNING_PER_APP_MAX);
        Self {
            places: Places::new(sizes),
            busy: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    fn busy(&self) -> MutexGuard<'_, HashSet<AppId>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<AppId, HashSet<TimerKey>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first timers of an app that are due by then, without those that wait for long.
    async fn due(&self, app: &App, id: AppId, by: Millis, limit: usize) -> Result<Vec<Timer>> {
        let waiting = self.waiting().get(&id).cloned().unwrap_or_default();
        let tenant = access::host(id).tenant();
        let read = (limit + waiting.len()) as i64;
        let mut timers = app.store.list_timers(tenant, by, read).await?;
        timers.retain(|timer| !waiting.contains(&key_of(timer)));
        timers.truncate(limit);
        Ok(timers)
    }
}

fn key_of(timer: &Timer) -> TimerKey {
    (timer.install, timer.name.clone())
}

/// Begins with every app that has timers due and is not busy yet. Gives when the next one has.
async fn begin_due(app: &Arc<App>, running: &Arc<Running>) -> Result<Option<Millis>> {
    let mut later: Option<Millis> = None;
    for (id, at) in app.store.list_next_timers().await? {
        if running.busy().contains(&id) || app.loading.contains(id) {
            continue; // It rings when it is through.
        }
        let some_wait = running.waiting().contains_key(&id);
        let at = match some_wait {
            false => at,
            true => match running.due(app, id, Millis::MAX, 1).await?.first() {
                Some(timer) => timer.due_at,
                None => continue,
            },
        };
        if at > app.clock.now() {
            later = Some(later.map_or(at, |later| later.min(at)));
            continue;
        }
        running.busy().insert(id);
        let (app, running) = (app.clone(), running.clone());
        tokio::spawn(async move {
            if let Err(error) = run_due(&app, id, &running).await {
                tracing::error!(error = %error, "timers could not be run");
                tokio::time::sleep(PAUSE).await;
            }
            running.busy().remove(&id);
            // More may have become due.
            app.timers_changed.notify_one();
        });
    }
    Ok(later)
}

/// Runs timers of one app that are due.
async fn run_due(app: &Arc<App>, id: AppId, running: &Arc<Running>) -> Result<()> {
    let timers = running.due(app, id, app.clock.now(), READ_MAX).await?;
    if timers.is_empty() {
        return Ok(());
    }
    let share = &*running.places.of(app.holder(id).await?);
    let results = futures_util::stream::iter(timers).map(|timer| async move {
        let _place = Place::in_turn(share).await;
        let stopping = *app.stopping.borrow();
        match stopping {
            true => Ok(()),
            false => run_or_leave(app, id, timer, running).await,
        }
    });
    let results: Vec<Result<()>> = results
        .buffer_unordered(RUNNING_PER_APP_MAX)
        .collect()
        .await;
    results.into_iter().collect()
}

/// Runs a timer, until it is through or its call begins a long wait: that goes on by itself.
async fn run_or_leave(
    app: &Arc<App>,
    id: AppId,
    timer: Timer,
    running: &Arc<Running>,
) -> Result<()> {
    let key = key_of(&timer);
    let waits = Arc::new(Notify::new());
    let mut call = {
        let (app, waits) = (app.clone(), waits.clone());
        Box::pin(async move { run_timer(&app, id, &timer, &waits).await })
    };
    tokio::select! {
        biased;
        done = &mut call => return done,
        () = waits.notified() => {}
    }
    running.waiting().entry(id).or_default().insert(key.clone());
    let (app, running) = (app.clone(), running.clone());
    tokio::spawn(async move {
        tokio::select! {
            done = call => if let Err(error) = done {
                tracing::error!(error = %error, "a timer could not be run");
                tokio::time::sleep(PAUSE).await;
            },
            // Nothing of it has landed: it runs again when the host does.
            () = app.stopped() => return,
        }
        let mut waiting = running.waiting();
        if let Some(of_app) = waiting.get_mut(&id) {
            of_app.remove(&key);
            if of_app.is_empty() {
                waiting.remove(&id);
            }
        }
        drop(waiting);
        app.timers_changed.notify_one();
    });
    Ok(())
}

/// Runs a timer. The error is one of the host, and changes nothing about the timer.
async fn run_timer(app: &Arc<App>, id: AppId, timer: &Timer, waits: &Arc<Notify>) -> Result<()> {
    let now = app.clock.now();
    let later = now + backoff_ms(timer.attempts);
    let loadout = app.loadout(id);
    let found = loadout.installs.iter().find(|i| i.row.id == timer.install);
    let Some(installed) = found else {
        return app.store.move_timer(timer, now + RESTING_MS).await;
    };
    let (context, place) = context(app, id, timer).await?;
    let serving = installed.serving(&place);
    let takes_timers = |version: &&Arc<Installed>| version.has(Hook::Schedule);
    let mut takers = [serving, installed].into_iter().filter(takes_timers);
    let Some(first) = takers.next() else {
        // It waits for a version that does.
        return app.store.move_timer(timer, now + RESTING_MS).await;
    };
    let (mut by, mut ran) = (first, run_by(app, first, timer, &context, waits).await?);
    // What a canary fails on is for the active version.
    if let Some(installed) = takers.next()
        && !matches!(ran, Ran::Done | Ran::TooLate)
        && !Arc::ptr_eq(first, installed)
    {
        if let Ran::Failed(line) | Ran::Beyond(line) = ran {
            first.log.add(now, "fault", line);
        }
        (by, ran) = (
            installed,
            run_by(app, installed, timer, &context, waits).await?,
        );
    }
    let (line, tries_max) = match ran {
        Ran::Done => return Ok(()),
        // It may have asked somebody outside for money: not again at once.
        Ran::TooLate => return app.store.move_timer(timer, now + CONTENDED_MS).await,
        Ran::Resting(resting) => {
            let until = resting.until.unwrap_or(now + RESTING_MS);
            return app.store.move_timer(timer, until).await;
        }
        Ran::Failed(line) => (line, i64::from(app.config.plugins.event_attempts_max)),
        Ran::Beyond(line) => (line, 1),
    };
    let again = (timer.attempts + 1 < tries_max).then_some(later);
    // Of one that went with its channel meanwhile nobody wants to know.
    if app.store.put_off_timer(timer, again).await? {
        by.log.add(app.clock.now(), "fault", line);
    }
    Ok(())
}

enum Ran {
    Done,
    /// What it had read, or the timer itself, was changed before what it did could be stored.
    TooLate,
    /// Why.
    Failed(String),
    /// What it did is more than it may keep. It would be no less the next time.
    Beyond(String),
    /// The hook is not called now.
    Resting(Resting),
}

async fn run_by(
    app: &Arc<App>,
    installed: &Installed,
    timer: &Timer,
    context: &Context,
    waits: &Arc<Notify>,
) -> Result<Ran> {
    let calling = match calling(app, installed, Hook::Schedule, &timer.name) {
        Ok(calling) => calling,
        Err(resting) => return Ok(Ran::Resting(resting)),
    };
    let call = calling.with(context);
    let outcome = plugins::run_schedule(call, &timer.name, &timer.payload, waits).await;
    crash::point("timer called");
    let failed = |why: &dyn std::fmt::Display| format!("timer {}: {why}", timer.name);
    let output = match calling.note(outcome) {
        Ok(output) => output,
        Err(fault) => {
            blame(&fault)?;
            return Ok(Ran::Failed(failed(&fault.kind.code())));
        }
    };
    if let Err(sentence) = output.value {
        return Ok(Ran::Failed(failed(&sentence)));
    }
    let cause = Cause::Timer {
        name: timer.name.clone(),
        version: timer.version,
    };
    match commit(app, installed, cause, 1, output.effects).await {
        // Of a version that was replaced nothing has landed: it is due still, and runs again.
        Ok(Landed::Done | Landed::Replaced) => {
            crash::point("timer done");
            Ok(Ran::Done)
        }
        Ok(Landed::TooLate) => Ok(Ran::TooLate),
        Err(error) if error.code() == Code::Unavailable => Err(error),
        Err(error) => {
            let line = failed(&format!("what it did could not be stored: {error}"));
            Ok(match error.code() {
                Code::LimitReached => Ran::Beyond(line),
                _ => Ran::Failed(line),
            })
        }
    }
}

async fn context(app: &App, id: AppId, timer: &Timer) -> Result<(Context, String)> {
    let channel = match timer.channel.parse() {
        Ok(channel) => {
            let tenant = access::host(id).tenant();
            app.store.find_channel(tenant, &channel).await?
        }
        Err(_) => None,
    };
    let place = match &channel {
        Some(channel) => chain::place(app, channel).await?.to_string(),
        None => timer.channel.clone(),
    };
    let context = Context {
        now_ms: app.clock.now().unsigned_abs(),
        seed: clock::random_u64(),
        channel_type: channel.map(|channel| channel.kind).unwrap_or_default(),
        channel: timer.channel.clone(),
        actor: String::new(),
        actor_role: plugins::Role::None,
    };
    Ok((context, place))
}
