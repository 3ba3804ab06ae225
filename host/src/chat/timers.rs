//! Runs the timers that plugins have set, each once, however often the host is killed: see `handlers`.
//!
//! Each app has a task of its own while timers of it are due, and all of them take turns at the same
//! places, so nobody's timers wait until somebody else's are through.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Semaphore;

use super::access;
use super::calls::{blame, calling};
use super::handlers::{backoff_ms, commit};
use crate::app::App;
use crate::clock;
use crate::crash;
use crate::error::{Code, Result};
use crate::model::{AppId, Millis};
use crate::plugins::{self, Context, Hook};
use crate::store::{Cause, Timer};

/// How long timers of a plugin that does not run are left alone.
const RESTING_MS: Millis = 60_000;
/// Timers that run at once on this host. Whoever wants a place waits in line for it.
const RUNNING_MAX: usize = 32;
/// Timers of one app that run or wait for a place.
const RUNNING_PER_APP_MAX: usize = 4;
/// Timers of one app that are read at once.
const READ_MAX: i64 = 32;
/// Looking again so often costs nothing and survives a clock that was set.
const LOOK_MS: Millis = 60_000;
/// Before the next try when the store does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs timers until the host stops.
pub async fn run(app: Arc<App>) {
    let places = Arc::new(Semaphore::new(RUNNING_MAX));
    let busy = Busy::default();
    loop {
        let wait = match begin_due(&app, &places, &busy).await {
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

/// The apps whose timers are being run.
type Busy = Arc<Mutex<HashSet<AppId>>>;

/// Begins with every app that has timers due and is not busy yet. Gives when the next one has.
async fn begin_due(app: &Arc<App>, places: &Arc<Semaphore>, busy: &Busy) -> Result<Option<Millis>> {
    let next = app.store.list_next_timers().await?;
    let now = app.clock.now();
    let mut busy_now = busy.lock().unwrap_or_else(PoisonError::into_inner);
    let mut later = None;
    for (id, at) in next {
        if busy_now.contains(&id) {
            continue; // It rings when it is through.
        }
        if at > now {
            later = Some(later.map_or(at, |later: Millis| later.min(at)));
            continue;
        }
        busy_now.insert(id);
        let (app, places, busy) = (app.clone(), places.clone(), busy.clone());
        tokio::spawn(async move {
            if let Err(error) = run_due(&app, id, &places).await {
                tracing::error!(error = %error, "timers could not be run");
                tokio::time::sleep(PAUSE).await;
            }
            busy.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
            // More may have become due.
            app.timers_changed.notify_one();
        });
    }
    Ok(later)
}

/// Runs timers of one app that are due.
async fn run_due(app: &Arc<App>, id: AppId, places: &Semaphore) -> Result<()> {
    let tenant = access::host(id).tenant();
    let timers = app.store.list_due_timers(tenant, READ_MAX).await?;
    let results = futures_util::stream::iter(timers).map(|timer| async move {
        // It is never closed.
        let _place = places.acquire().await;
        let stopping = *app.stopping.borrow();
        match stopping {
            true => Ok(()),
            false => run_timer(app, id, &timer).await,
        }
    });
    let results: Vec<Result<()>> = results
        .buffer_unordered(RUNNING_PER_APP_MAX)
        .collect()
        .await;
    results.into_iter().collect()
}

/// Runs a timer. The error is one of the host, and changes nothing about the timer.
async fn run_timer(app: &Arc<App>, id: AppId, timer: &Timer) -> Result<()> {
    let now = app.clock.now();
    let later = now + backoff_ms(timer.attempts);
    let loadout = app.loadout(id);
    let found = loadout.installs.iter().find(|i| i.row.id == timer.install);
    let Some(installed) = found else {
        return app.store.move_timer(timer, now + RESTING_MS).await;
    };
    let calling = match calling(app, installed, Hook::Schedule, &timer.name) {
        Ok(calling) => calling,
        Err(resting) => {
            let until = resting.until.unwrap_or(now + RESTING_MS);
            return app.store.move_timer(timer, until).await;
        }
    };
    let context = context(app, id, timer).await?;
    let outcome = plugins::run_schedule(calling.with(&context), &timer.name, &timer.payload).await;
    crash::point("timer called");
    let failed = match calling.note(outcome) {
        Ok(output) => match output.value {
            Ok(()) => {
                let cause = Cause::Timer {
                    name: timer.name.clone(),
                    version: timer.version,
                };
                match commit(app, installed, cause, 1, output.effects).await {
                    Ok(_) => {
                        crash::point("timer done");
                        return Ok(());
                    }
                    Err(error) if error.code() == Code::Unavailable => return Err(error),
                    Err(error) => format!("what it did could not be stored: {error}"),
                }
            }
            Err(sentence) => sentence,
        },
        Err(fault) => {
            blame(&fault)?;
            fault.kind.code().to_owned()
        }
    };
    let line = format!("timer {}: {failed}", timer.name);
    installed.log.add(app.clock.now(), "fault", line);
    let again =
        (timer.attempts + 1 < app.config.plugins.event_attempts_max as i64).then_some(later);
    app.store.put_off_timer(timer, again).await
}

async fn context(app: &App, id: AppId, timer: &Timer) -> Result<Context> {
    let channel = match timer.channel.parse() {
        Ok(channel) => {
            let tenant = access::host(id).tenant();
            app.store.find_channel(tenant, &channel).await?
        }
        Err(_) => None,
    };
    Ok(Context {
        now_ms: app.clock.now().unsigned_abs(),
        seed: clock::random_u64(),
        channel_type: channel.map(|channel| channel.kind).unwrap_or_default(),
        channel: timer.channel.clone(),
        actor: String::new(),
        actor_role: plugins::Role::None,
    })
}
