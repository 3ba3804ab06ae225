//! Runs one call: admission, the guest, the outcome. Nothing that a guest does gets past its budget.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::case::Input;
use super::counters::Counters;
use super::deadline::Deadline;
use super::effects::Effects;
use super::engine::Engine;
use super::fault::{Fault, FaultKind, LogLine, Usage, classify};
use super::figures::Figures;
use super::guest::{Guest, Served};
use super::imports::Chat;
use super::interfaces::Hooks;
use super::kept::Shelf;
use super::lane::{Lane, Paces};
use super::link::Linked;
use super::meter::Meter;
use super::output::Returned;
use super::slots::Slots;
use super::state::Class;
use super::streaming::LongWait;
use super::types::Context;
use crate::admission::{Full, Holder};

/// A plugin enabled for one app: code, settings and counters. Cheap to make; lives between calls.
pub struct Install {
    pub(super) engine: Arc<Engine>,
    pub(super) linked: Arc<Linked>,
    pub(super) config: Arc<str>,
    pub(super) counters: Arc<Counters>,
    pub(super) figures: Arc<Figures>,
    /// The app's.
    pub(super) slots: Slots,
    /// Whether nobody waits for its calls.
    pub(super) is_aside: bool,
    /// Where its instances wait, if the plugin asks for that.
    pub(super) shelf: Option<Shelf>,
    pub(super) paces: Paces,
}

impl Install {
    /// Makes an install callable. `id` is unique in the process's world; `config` is a JSON object that
    /// fits the manifest's schema.
    pub fn new(
        engine: &Arc<Engine>,
        linked: &Arc<Linked>,
        holder: Holder,
        id: &str,
        config: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            engine: Arc::clone(engine),
            linked: Arc::clone(linked),
            config: config.into(),
            counters: engine.counters(id),
            figures: engine.figures(id),
            slots: engine.slots.of(holder),
            is_aside: false,
            shelf: linked
                .inspection
                .manifest
                .keep_instances
                .then(|| engine.kept.shelf(holder)),
            paces: Paces::default(),
        }
    }

    /// Makes an install whose calls are only compared with those of another: they go by slots of
    /// their own. What they write is for nobody to commit.
    pub fn aside(
        engine: &Arc<Engine>,
        linked: &Arc<Linked>,
        holder: Holder,
        id: &str,
        config: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            engine: Arc::clone(engine),
            linked: Arc::clone(linked),
            config: config.into(),
            counters: engine.counters(id),
            figures: engine.figures(id),
            slots: engine.slots.aside_of(holder),
            is_aside: true,
            shelf: linked
                .inspection
                .manifest
                .keep_instances
                .then(|| engine.kept_aside.shelf(holder)),
            paces: Paces::default(),
        }
    }

    /// The settings that every call gets.
    pub(super) fn config(&self) -> Arc<str> {
        Arc::clone(&self.config)
    }

    /// The hooks that may be called.
    pub fn hooks(&self) -> Hooks {
        self.linked.inspection.hooks
    }
}

/// What every call needs: whose plugin, on what app, and when, where and by whom.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Whose plugin it is.
    pub install: &'a Install,
    /// What it may see and write; asked only while the call runs.
    pub chat: &'a Arc<dyn Chat>,
    /// Goes to the plugin; `now_ms` is the call's time for counters and timers too.
    pub context: &'a Context,
}

impl Call<'_> {
    /// Has the call noted from here on, if somebody notes it.
    pub(super) fn note(&self, input: impl FnOnce() -> Input) {
        if let Some(tape) = self.chat.tape() {
            tape.begin(self, input());
        }
    }
}

/// A call that gave a result.
pub struct Output<T> {
    /// What the hook returned, within the limits for it.
    pub value: T,
    /// What the call wrote; empty unless it was a handler that succeeded.
    pub effects: Effects,
    /// What the call took.
    pub usage: Usage,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
}

/// Runs a hook.
pub(super) async fn run<'c, T, G>(
    call: Call<'c>,
    class: Class,
    hook: impl FnOnce(Guest<'c>) -> G,
) -> Result<Output<T>, Fault>
where
    T: Returned + Send,
    G: Future<Output = Served<T>> + Send,
{
    run_or_wait(call, class, None, hook).await
}

/// Runs a hook. With `left` the call may begin a long wait, and tells when it does.
pub(super) async fn run_or_wait<'c, T, G>(
    call: Call<'c>,
    class: Class,
    left: Option<&Arc<Notify>>,
    hook: impl FnOnce(Guest<'c>) -> G,
) -> Result<Output<T>, Fault>
where
    T: Returned + Send,
    G: Future<Output = Served<T>> + Send,
{
    let install = call.install;
    let limits = &install.engine.limits;
    let meter = Arc::new(Meter::new(class.budget(limits).cpu, limits));
    let long = left.filter(|_| !install.is_aside).map(|left| {
        let share = Arc::clone(&install.slots.long_waits);
        Arc::new(LongWait::new(share, &meter, limits, left))
    });
    let guest = Guest {
        engine: &install.engine,
        linked: &install.linked,
        call: Some(call),
        class,
        meter: Arc::clone(&meter),
        long,
    };
    let (mut value, effects, usage) = execute(guest, hook).await?;
    let log = meter.take_log();
    if let Err(detail) = value.check(limits) {
        let kind = FaultKind::BadOutput;
        return Err(Fault {
            kind,
            detail,
            usage,
            log,
        });
    }
    Ok(Output {
        value,
        effects,
        usage,
        log,
    })
}

/// The part that a probe, which is of no install, shares with a call.
pub(super) async fn execute<'c, T, G>(
    guest: Guest<'c>,
    hook: impl FnOnce(Guest<'c>) -> G,
) -> Result<(T, Effects, Usage), Fault>
where
    T: Send,
    G: Future<Output = Served<T>> + Send,
{
    let (engine, class) = (guest.engine, guest.class);
    let (meter, long) = (Arc::clone(&guest.meter), guest.long.clone());
    let install = guest.call.map(|call| call.install);
    let began = Instant::now();
    let wall = class.budget(&engine.limits).wall;
    let fault = |kind, detail| Fault {
        kind,
        detail,
        usage: meter.usage(began.elapsed()),
        log: meter.take_log(),
    };
    let until = began + wall;
    let slots = install.map_or(&engine.own_slots, |install| &install.slots);
    let entered = slots.enter(class.is_on_send_path());
    let mut slot = match timeout_at(until.into(), entered).await {
        Ok(Ok(slot)) => Some(slot),
        Ok(Err(Full)) => {
            return Err(fault(FaultKind::Overloaded, "too many calls wait".into()));
        }
        Err(_) => {
            return Err(fault(
                FaultKind::Overloaded,
                "no slot became free in time".into(),
            ));
        }
    };
    // How long it waited for its slot is not its fault: it has all of its time.
    let mut deadline = Deadline::new(wall, &engine.limits);
    let _running = engine.ticker.run();
    let mut lane = Lane::new(engine, install, class, &meter);
    let mut serving = pin!(hook(guest));
    loop {
        let (may_leave, at) = (slot.is_some(), deadline.at());
        let polled =
            poll_fn(
                |task| match deadline.poll(&meter, || lane.poll(serving.as_mut(), task)) {
                    Poll::Ready(done) => Poll::Ready(Ok(done)),
                    Poll::Pending => match long.as_deref().and_then(LongWait::deadline) {
                        Some(later) if may_leave => Poll::Ready(Err(later)),
                        _ => Poll::Pending,
                    },
                },
            );
        match timeout_at(at.into(), polled).await {
            Ok(Ok(Ok((value, effects)))) => {
                return Ok((value, effects, meter.usage(began.elapsed())));
            }
            Ok(Ok(Err(error))) => {
                let (kind, detail) = classify(&error);
                return Err(fault(kind, detail));
            }
            // It waits elsewhere from now on: others may have its place.
            Ok(Err(later)) => {
                deadline.move_to(later);
                slot = None;
            }
            Err(_) if !deadline.is_over() => {}
            Err(_) if deadline.is_busy() => {
                let detail = "the host was too busy to run the call in time";
                return Err(fault(FaultKind::Overloaded, detail.into()));
            }
            Err(_) => {
                let detail = "the call was not done in time";
                return Err(fault(FaultKind::WallTimeout, detail.into()));
            }
        }
    }
}
