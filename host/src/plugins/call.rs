//! Runs one call: admission, an instance, the hook, the outcome. Nothing that a guest does gets past
//! its budget. The store goes with the call, so nothing is left for the next one, unless the plugin
//! asks for its instances to be kept for the same install.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::timeout_at;
use wasmtime::component::Instance;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::case::Input;
use super::counters::Counters;
use super::effects::{Effects, Watched};
use super::engine::Engine;
use super::fault::{Fault, FaultKind, Limit, LogLine, Usage, classify};
use super::figures::Figures;
use super::grants::Permission;
use super::imports::Chat;
use super::interfaces::Hooks;
use super::kept::{Live, Shelf};
use super::lane::{Lane, Paces};
use super::link::Linked;
use super::meter::Meter;
use super::output::Returned;
use super::slots::{Slot, Slots};
use super::state::{Class, Done, MemoryUse, State};
use super::streaming::{LongWait, Streams};
use super::types::Context;

/// A plugin enabled for one app: code, settings and counters. Cheap to make; lives between calls.
pub struct Install {
    pub(super) engine: Arc<Engine>,
    pub(super) linked: Arc<Linked>,
    config: Arc<str>,
    counters: Arc<Counters>,
    figures: Arc<Figures>,
    /// The app's; none if it takes no slots of calls that somebody waits for.
    pub(super) slots: Option<Arc<Slots>>,
    /// Whether what its calls read and ask for is told.
    watched: bool,
    /// Where its instances wait, if the plugin asks for that.
    shelf: Option<Shelf>,
    pub(super) paces: Paces,
}

impl Install {
    /// Makes an install callable. `app` and `id` are unique in the process's world; `config` is a
    /// JSON object that fits the manifest's schema.
    pub fn new(
        engine: &Arc<Engine>,
        linked: &Arc<Linked>,
        app: &str,
        id: &str,
        config: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            engine: Arc::clone(engine),
            linked: Arc::clone(linked),
            config: config.into(),
            counters: engine.counters(id),
            figures: engine.figures(id),
            slots: Some(engine.app_slots(app)),
            watched: false,
            shelf: linked
                .inspection
                .manifest
                .keep_instances
                .then(|| engine.kept.shelf()),
            paces: Paces::default(),
        }
    }

    /// Makes an install whose calls are only compared with those of another: they go by slots of
    /// their own, reach nothing outside, and are watched. What they write is for nobody to commit.
    pub fn aside(
        engine: &Arc<Engine>,
        linked: &Arc<Linked>,
        id: &str,
        config: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            engine: Arc::clone(engine),
            linked: Arc::clone(linked),
            config: config.into(),
            counters: engine.counters(id),
            figures: engine.figures(id),
            slots: None,
            watched: true,
            shelf: linked
                .inspection
                .manifest
                .keep_instances
                .then(|| engine.kept_aside.shelf()),
            paces: Paces::default(),
        }
    }

    /// From now on what its calls read and ask for is told in their effects.
    pub fn watch(&mut self) {
        self.watched = true;
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
    let long = left.zip(install.slots.as_ref()).map(|(left, slots)| {
        let slots = [slots, &install.engine.slots].map(Arc::clone);
        Arc::new(LongWait::new(slots, &meter, limits, left))
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
    let mut slots = match timeout_at(until.into(), admit(engine, install, class)).await {
        Ok(Ok(slots)) => Some(slots),
        Ok(Err(whose)) => {
            return Err(fault(
                FaultKind::Overloaded,
                format!("too many calls wait {whose}"),
            ));
        }
        Err(_) => {
            return Err(fault(
                FaultKind::Overloaded,
                "no slot became free in time".into(),
            ));
        }
    };
    // How long it waited for its slot is not its fault: it has all of its time, and a call never takes more
    // than twice that.
    let mut deadline = Instant::now() + wall;
    let _running = engine.ticker.run();
    let mut lane = Lane::new(engine, install, class, &meter);
    let mut serving = pin!(hook(guest));
    loop {
        let may_leave = slots.is_some();
        let polled = poll_fn(|task| match lane.poll(serving.as_mut(), task) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => match long.as_deref().and_then(LongWait::deadline) {
                Some(later) if may_leave => Poll::Ready(Err(later)),
                _ => Poll::Pending,
            },
        });
        match timeout_at(deadline.into(), polled).await {
            Ok(Ok(Ok((value, effects)))) => {
                return Ok((value, effects, meter.usage(began.elapsed())));
            }
            Ok(Ok(Err(error))) => {
                let (kind, detail) = classify(&error);
                return Err(fault(kind, detail));
            }
            // It waits elsewhere from now on: others may have its place.
            Ok(Err(later)) => {
                deadline = later;
                slots = None;
            }
            Err(_) => {
                let detail = "the call was not done in time";
                return Err(fault(FaultKind::WallTimeout, detail.into()));
            }
        }
    }
}

/// What a hook gave, and what it wrote.
pub(super) type Served<T> = wasmtime::Result<(T, Effects)>;

/// The plugin's side of a call: what its instance is made of.
pub(super) struct Guest<'c> {
    pub engine: &'c Engine,
    pub linked: &'c Linked,
    /// None for a probe.
    pub call: Option<Call<'c>>,
    pub class: Class,
    pub meter: Arc<Meter>,
    pub long: Option<Arc<LongWait>>,
}

impl Guest<'_> {
    /// Runs `hook` in an instance that was kept, or in a new one.
    pub(super) async fn serve<T>(
        self,
        hook: impl Copy + AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
    ) -> Served<T> {
        let shelf = self.call.and_then(|call| call.install.shelf.as_ref());
        if let Some(mut live) = shelf.and_then(Shelf::take) {
            let state = self.state().goes_on_from(live.store.data_mut());
            *live.store.data_mut() = state;
            match serve(live, shelf, hook).await {
                // It may be what the instance remembers: a fresh one remembers nothing.
                Err(error) if classify(&error).0 != FaultKind::CpuLimit => {}
                served => return served,
            }
        }
        let mut store = store(self.engine, self.state());
        let instance = self.linked.pre.instantiate_async(&mut store).await?;
        let live = Live {
            store,
            instance,
            calls: 0,
        };
        serve(live, shelf, hook).await
    }

    /// A probe has no settings, counts for nobody and reaches nothing.
    fn state(&self) -> State {
        let (limits, call) = (&self.engine.limits, self.call);
        let install = call.map(|call| call.install);
        if let Some(tape) = call.and_then(|call| call.chat.tape()) {
            tape.rewind();
        }
        State {
            class: self.class,
            limits: Arc::clone(limits),
            memory: MemoryUse::new(Arc::clone(&self.meter), limits),
            meter: Arc::clone(&self.meter),
            config: install.map_or_else(|| "{}".into(), |of| Arc::clone(&of.config)),
            counters: install
                .map_or_else(|| Arc::new(Counters::new(1)), |of| Arc::clone(&of.counters)),
            figures: install
                .map_or_else(|| Arc::new(Figures::new(0)), |of| Arc::clone(&of.figures)),
            chat: call.map(|call| Arc::clone(call.chat)),
            now_ms: call.map_or(0, |call| call.context.now_ms),
            seed: call.map_or(0, |call| call.context.seed),
            wasi: None,
            moderates: self.linked.grants.contains(Permission::ChatModerate),
            aside: install.is_some_and(|of| of.slots.is_none()),
            streams: Streams::new(self.long.clone()),
            done: Done {
                watched: install.is_some_and(|of| of.watched).then(Watched::default),
                ..Done::default()
            },
        }
    }
}

/// One call in one instance, which is kept afterwards if there is a place for it. After a fault it
/// can't be entered again, and goes.
async fn serve<T>(
    mut live: Live,
    shelf: Option<&Shelf>,
    hook: impl Copy + AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
) -> Served<T> {
    live.store.set_epoch_deadline(1);
    let chat = live.store.data().chat.as_ref();
    if let Some(tape) = chat.and_then(|chat| chat.tape()) {
        tape.served(live.calls);
    }
    let value = hook(&mut live.store, &live.instance).await?;
    let effects = live.store.data_mut().finish();
    live.calls += 1;
    if let Some(shelf) = shelf {
        shelf.put(live);
    }
    Ok((value, effects))
}

/// The app's slot first: who waits for it holds nothing that others need.
async fn admit<'a>(
    engine: &'a Engine,
    install: Option<&'a Install>,
    class: Class,
) -> Result<(Option<Slot<'a>>, Slot<'a>), &'static str> {
    let (app, all) = match install.map(|install| &install.slots) {
        Some(Some(slots)) => {
            let slot = slots.enter(class.is_on_send_path()).await;
            (Some(slot.map_err(|_| "for this app")?), &*engine.slots)
        }
        Some(None) => (None, &engine.slots_aside),
        None => (None, &*engine.slots),
    };
    let any = all
        .enter(class.is_on_send_path())
        .await
        .map_err(|_| "for this host")?;
    Ok((app, any))
}

fn store(engine: &Engine, state: State) -> Store<State> {
    let limits = Arc::clone(&state.limits);
    let mut store = Store::new(&engine.wasm, state);
    store.limiter(|state| &mut state.memory);
    store.set_max_component_handles(limits.handles_max as usize);
    store.set_hostcall_fuel(limits.host_call_bytes_max as usize);
    // Start-up code runs before the first call.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(on_tick);
    store
}

/// Once a tick, from within the guest: ends it when its CPU time is used up, and otherwise lets the
/// thread's other tasks have a turn, the call's timeout among them.
fn on_tick(store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    if store.data().meter.is_spent() {
        return Err(Limit::Cpu.into());
    }
    Ok(UpdateDeadline::Yield(1))
}
