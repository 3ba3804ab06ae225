//! The plugin's side of a call: an instance, fresh or kept, and the hook that runs in it. The store goes with
//! the call, so nothing is left for the next one, unless the plugin asks for its instances to be kept for the
//! same install.

use std::sync::Arc;

use wasmtime::component::Instance;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::call::Call;
use super::counters::Counters;
use super::effects::Effects;
use super::engine::Engine;
use super::fault::{FaultKind, Limit, classify};
use super::figures::Figures;
use super::grants::Permission;
use super::kept::{Live, Shelf};
use super::link::Linked;
use super::meter::Meter;
use super::state::{Class, Done, MemoryUse, State};
use super::streaming::{LongWait, Streams};
use super::types::Level;

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

/// A call that came to no end.
struct Failed {
    error: wasmtime::Error,
    /// Whether it did what can't be undone.
    is_noticed: bool,
}

impl Failed {
    fn may_be_repeated(&self) -> bool {
        !self.is_noticed && classify(&self.error).0 != FaultKind::CpuLimit
    }
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
                Err(failed) if failed.may_be_repeated() => self.tell(&failed.error),
                served => return served.map_err(|failed| failed.error),
            }
        }
        let mut store = store(self.engine, self.state());
        let instance = self.linked.pre.instantiate_async(&mut store).await?;
        let live = Live {
            store,
            instance,
            calls: 0,
        };
        let served = serve(live, shelf, hook).await;
        served.map_err(|failed| failed.error)
    }

    /// A fault that nobody else is told of.
    fn tell(&self, error: &wasmtime::Error) {
        let (kind, detail) = classify(error);
        let line = format!(
            "{} in an instance that was kept, so it is called again in a new one: {detail}",
            kind.code()
        );
        self.meter.add_log_line(Level::Warn, line);
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
            aside: install.is_some_and(|of| of.is_aside),
            streams: Streams::new(self.long.clone()),
            done: Done::default(),
        }
    }
}

/// One call in one instance, which is kept afterwards if there is a place for it. After a fault it
/// can't be entered again, and goes.
async fn serve<T>(
    mut live: Live,
    shelf: Option<&Shelf>,
    hook: impl Copy + AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
) -> Result<(T, Effects), Failed> {
    live.store.set_epoch_deadline(1);
    let chat = live.store.data().chat.as_ref();
    if let Some(tape) = chat.and_then(|chat| chat.tape()) {
        tape.served(live.calls);
    }
    let value = match hook(&mut live.store, &live.instance).await {
        Ok(value) => value,
        Err(error) => {
            let is_noticed = live.store.data().done.is_noticed;
            return Err(Failed { error, is_noticed });
        }
    };
    let effects = live.store.data_mut().finish();
    live.calls += 1;
    if let Some(shelf) = shelf {
        shelf.put(live);
    }
    Ok((value, effects))
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
    store.data().meter.note_ready();
    Ok(UpdateDeadline::Yield(1))
}
