//! Links a component with what was granted and tries it out: one instance is made and every hook's
//! type is checked, so that drift and faulty start-up code are found at install, not at a message.
//! Installs with equal code and equal grants share one link.

use std::sync::{Arc, PoisonError, Weak};

use wasmtime::component::{InstancePre, Linker};

use super::bindings::exports::althing::plugin::{
    commands, endpoint, events, feed, file_guard, interactions, lifecycle, membership_guard,
    message_guard, message_kind, schedule, session_guard,
};
use super::call::execute;
use super::component::Inspection;
use super::engine::Engine;
use super::fault::FaultKind;
use super::grants::Grants;
use super::guest::Guest;
use super::imports;
use super::interfaces::Hook;
use super::meter::Meter;
use super::refusal::Refusal;
use super::state::{Class, State};
use super::wasi;

/// A component linked for a set of grants, ready to be instantiated.
pub struct Linked {
    /// What was linked.
    pub inspection: Arc<Inspection>,
    /// What it may do.
    pub grants: Grants,
    pub(super) pre: InstancePre<State>,
    pub(super) message_guard: Option<message_guard::GuestIndices>,
    pub(super) events: Option<events::GuestIndices>,
    pub(super) commands: Option<commands::GuestIndices>,
    pub(super) interactions: Option<interactions::GuestIndices>,
    pub(super) message_kind: Option<message_kind::GuestIndices>,
    pub(super) schedule: Option<schedule::GuestIndices>,
    pub(super) membership_guard: Option<membership_guard::GuestIndices>,
    pub(super) session_guard: Option<session_guard::GuestIndices>,
    pub(super) file_guard: Option<file_guard::GuestIndices>,
    pub(super) endpoint: Option<endpoint::GuestIndices>,
    pub(super) feed: Option<feed::GuestIndices>,
    pub(super) lifecycle: Option<lifecycle::GuestIndices>,
}

/// Links a component for `grants`, which must be among those that it asks for and hold those that
/// it needs.
pub async fn link(
    engine: &Engine,
    inspection: &Arc<Inspection>,
    grants: Grants,
) -> Result<Arc<Linked>, Refusal> {
    let key = (inspection.digest, grants);
    let known = {
        let linked = engine.linked.lock().unwrap_or_else(PoisonError::into_inner);
        linked.get(&key).and_then(Weak::upgrade)
    };
    if let Some(known) = known {
        return Ok(known);
    }
    check_grants(inspection, grants)?;
    let new = build(engine, inspection, grants).map_err(|error| {
        let detail = format!("The component doesn't fit this host's interfaces: {error:#}.");
        Refusal::new("plugin_not_linked", detail)
    })?;
    probe(engine, &new).await?;
    let new = Arc::new(new);
    let mut linked = engine.linked.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = linked.get(&key).and_then(Weak::upgrade) {
        return Ok(known);
    }
    linked.retain(|_, linked| linked.strong_count() > 0);
    linked.insert(key, Arc::downgrade(&new));
    Ok(new)
}

fn check_grants(inspection: &Inspection, grants: Grants) -> Result<(), Refusal> {
    let name = &inspection.manifest.name;
    if let Some(missing) = inspection.needed.without(grants).iter().next() {
        let missing = missing.name();
        return Err(Refusal::new(
            "plugin_not_granted",
            format!("The plugin {name} can't run without the permission `{missing}`."),
        ));
    }
    if let Some(extra) = grants
        .without(inspection.manifest.requested())
        .iter()
        .next()
    {
        let extra = extra.name();
        return Err(Refusal::new(
            "plugin_grant_not_requested",
            format!("The plugin {name} doesn't ask for the permission `{extra}`."),
        ));
    }
    Ok(())
}

fn build(
    engine: &Engine,
    inspection: &Arc<Inspection>,
    grants: Grants,
) -> wasmtime::Result<Linked> {
    let mut linker = Linker::new(&engine.wasm);
    imports::link(&mut linker, grants)?;
    if inspection.uses_wasi {
        wasi::link(&mut linker)?;
    }
    let pre = linker.instantiate_pre(&inspection.component)?;
    let has = |hook| inspection.hooks.contains(hook);
    Ok(Linked {
        inspection: Arc::clone(inspection),
        grants,
        message_guard: has(Hook::MessageGuard)
            .then(|| message_guard::GuestIndices::new(&pre))
            .transpose()?,
        events: has(Hook::Events)
            .then(|| events::GuestIndices::new(&pre))
            .transpose()?,
        commands: has(Hook::Commands)
            .then(|| commands::GuestIndices::new(&pre))
            .transpose()?,
        interactions: has(Hook::Interactions)
            .then(|| interactions::GuestIndices::new(&pre))
            .transpose()?,
        message_kind: has(Hook::MessageKind)
            .then(|| message_kind::GuestIndices::new(&pre))
            .transpose()?,
        schedule: has(Hook::Schedule)
            .then(|| schedule::GuestIndices::new(&pre))
            .transpose()?,
        membership_guard: has(Hook::MembershipGuard)
            .then(|| membership_guard::GuestIndices::new(&pre))
            .transpose()?,
        session_guard: has(Hook::SessionGuard)
            .then(|| session_guard::GuestIndices::new(&pre))
            .transpose()?,
        file_guard: has(Hook::FileGuard)
            .then(|| file_guard::GuestIndices::new(&pre))
            .transpose()?,
        endpoint: has(Hook::Endpoint)
            .then(|| endpoint::GuestIndices::new(&pre))
            .transpose()?,
        feed: has(Hook::Feed)
            .then(|| feed::GuestIndices::new(&pre))
            .transpose()?,
        lifecycle: has(Hook::Lifecycle)
            .then(|| lifecycle::GuestIndices::new(&pre))
            .transpose()?,
        pre,
    })
}

/// Presence of a hook is known; that its functions have our types shows when it is loaded.
async fn probe(engine: &Engine, linked: &Linked) -> Result<(), Refusal> {
    let limits = &engine.limits;
    let meter = Arc::new(Meter::new(Class::Probe.budget(limits).cpu, limits));
    let guest = Guest {
        engine,
        linked,
        call: None,
        class: Class::Probe,
        meter,
        long: None,
    };
    let probed = execute(guest, |guest| {
        guest.serve(async |store, instance| {
            if let Some(hook) = &linked.message_guard {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.events {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.commands {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.interactions {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.message_kind {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.schedule {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.membership_guard {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.session_guard {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.file_guard {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.endpoint {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.feed {
                hook.load(&mut *store, instance)?;
            }
            if let Some(hook) = &linked.lifecycle {
                hook.load(&mut *store, instance)?;
            }
            Ok(())
        })
    })
    .await;
    match probed {
        Ok(_) => Ok(()),
        Err(fault) if fault.kind == FaultKind::Overloaded => Err(Refusal::new(
            "plugins_overloaded",
            "The host is too busy to try the component out. Try again later.",
        )),
        Err(fault) => Err(Refusal::new(
            "plugin_probe_failed",
            format!("A first instance of the component failed: {fault}."),
        )),
    }
}
