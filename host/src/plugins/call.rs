//! Runs one call: admission, an instance, the hook, the outcome. Nothing that a guest does gets past
//! its budget. The store goes with the call, so nothing is left for the next one, unless the plugin
//! asks for its instances to be kept for the same install.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::timeout_at;
use wasmtime::component::Instance;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::counters::Counters;
use super::effects::Effects;
use super::engine::Engine;
use super::fault::{Fault, FaultKind, Limit, LogLine, Usage, classify};
use super::figures::Figures;
use super::grants::Permission;
use super::imports::Chat;
use super::interfaces::Hooks;
use super::kept::{Live, Shelf};
use super::link::Linked;
use super::meter::Meter;
use super::output::Returned;
use super::slots::{Slot, Slots};
use super::state::{Class, Done, MemoryUse, State};
use super::types::Context;

/// A plugin enabled for one app: code, settings and counters. Cheap to make; lives between calls.
pub struct Install {
    pub(super) engine: Arc<Engine>,
    pub(super) linked: Arc<Linked>,
    config: Arc<str>,
    counters: Arc<Counters>,
    figures: Arc<Figures>,
    slots: Arc<Slots>,
    /// Where its instances wait, if the plugin asks for that.
    shelf: Option<Shelf>,
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
            slots: engine.app_slots(app),
            shelf: linked
                .inspection
                .manifest
                .keep_instances
                .then(|| engine.kept.shelf()),
        }
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

/// Runs `hook`.
pub(super) async fn run<T: Returned>(
    call: Call<'_>,
    class: Class,
    hook: impl Copy + AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
) -> Result<Output<T>, Fault> {
    let install = call.install;
    let limits = &install.engine.limits;
    let meter = Arc::new(Meter::new(class.budget(limits).cpu, limits));
    let state = || State {
        class,
        limits: Arc::clone(limits),
        memory: MemoryUse::new(Arc::clone(&meter), limits),
        meter: Arc::clone(&meter),
        config: Arc::clone(&install.config),
        counters: Arc::clone(&install.counters),
        figures: Arc::clone(&install.figures),
        chat: Some(Arc::clone(call.chat)),
        now_ms: call.context.now_ms,
        seed: call.context.seed,
        wasi: None,
        moderates: install.linked.grants.contains(Permission::ChatModerate),
        done: Done::default(),
    };
    let linked = &install.linked;
    let (mut value, effects, usage) = execute(
        &install.engine,
        Some(install),
        linked,
        class,
        &meter,
        state,
        hook,
    )
    .await?;
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
pub(super) async fn execute<T>(
    engine: &Engine,
    install: Option<&Install>,
    linked: &Linked,
    class: Class,
    meter: &Arc<Meter>,
    state: impl Fn() -> State,
    hook: impl Copy + AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
) -> Result<(T, Effects, Usage), Fault> {
    let began = Instant::now();
    let deadline = began + class.budget(&engine.limits).wall;
    let fault = |kind, detail| Fault {
        kind,
        detail,
        usage: meter.usage(began.elapsed()),
        log: meter.take_log(),
    };
    let app = install.map(|install| install.slots.as_ref());
    let _slots = match timeout_at(deadline.into(), admit(engine, app, class)).await {
        Ok(Ok(slots)) => slots,
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
    let _running = engine.ticker.run();
    let shelf = install.and_then(|install| install.shelf.as_ref());
    let mut guest = pin!(async {
        if let Some(mut live) = shelf.and_then(Shelf::take) {
            let state = state().goes_on_from(live.store.data_mut());
            *live.store.data_mut() = state;
            match serve(live, shelf, hook).await {
                // It may be what the instance remembers: a fresh one remembers nothing.
                Err(error) if classify(&error).0 != FaultKind::CpuLimit => {}
                served => return served,
            }
        }
        let mut store = store(engine, state());
        let instance = linked.pre.instantiate_async(&mut store).await?;
        let live = Live {
            store,
            instance,
            calls: 0,
        };
        serve(live, shelf, hook).await
    });
    let polled = poll_fn(|task| meter.poll(|| guest.as_mut().poll(task)));
    match timeout_at(deadline.into(), polled).await {
        Ok(Ok((value, effects))) => Ok((value, effects, meter.usage(began.elapsed()))),
        Ok(Err(error)) => {
            let (kind, detail) = classify(&error);
            Err(fault(kind, detail))
        }
        Err(_) => Err(fault(
            FaultKind::WallTimeout,
            "the call was not done in time".into(),
        )),
    }
}

/// One call in one instance, which is kept afterwards if there is a place for it. After a fault it
/// can't be entered again, and goes.
async fn serve<T>(
    mut live: Live,
    shelf: Option<&Shelf>,
    hook: impl Copy + AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
) -> wasmtime::Result<(T, Effects)> {
    live.store.set_epoch_deadline(1);
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
    app: Option<&'a Slots>,
    class: Class,
) -> Result<(Option<Slot<'a>>, Slot<'a>), &'static str> {
    let app = match app {
        Some(slots) => Some(
            slots
                .enter(class.is_on_send_path())
                .await
                .map_err(|_| "for this app")?,
        ),
        None => None,
    };
    let any = engine
        .slots
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
