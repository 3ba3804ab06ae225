//! Takes a component in: checks it, reads its manifest, compiles it, and says what it is. Equal
//! bytes give the same inspection as long as anybody holds it, so tenants share the code; the newest
//! few are always held.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, MutexGuard, PoisonError, Weak};

use wasmtime::component::Component;

use super::engine::Engine;
use super::grants::Grants;
use super::interfaces::{Hook, Hooks};
use super::manifest::{self, Manifest};
use super::refusal::Refusal;
use super::scan::{check_length, scan};
use super::signature::{self, Signature};

/// SHA-256 of a component's bytes; shown as hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_parts(&[bytes])
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(digest))
    }

    /// The digest of what is in several places, as one.
    pub(super) fn of_parts(parts: &[&[u8]]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        parts.iter().for_each(|part| context.update(part));
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Self(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a component shows without being compiled.
pub struct Facts {
    /// Names the bytes: equal digests, equal code.
    pub digest: Digest,
    /// The size of the component.
    pub bytes: usize,
    /// What it says about itself.
    pub manifest: Manifest,
    /// The hooks that it exports.
    pub hooks: Hooks,
    /// The permissions without which it can't be linked.
    pub needed: Grants,
    /// Who signed it.
    pub signatures: Vec<Signature>,
    /// Whether it imports WASI, which gives it a clock, random numbers and lines in its log.
    pub uses_wasi: bool,
}

/// A component that was checked and compiled.
pub struct Inspection {
    facts: Facts,
    pub(super) component: Component,
}

impl Deref for Inspection {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

/// What this process knows of components, by digest.
#[derive(Default)]
pub(super) struct Inspected {
    known: HashMap<Digest, Weak<Inspection>>,
    /// The newest, held so that who installs what was just uploaded need not compile it again.
    newest: VecDeque<Arc<Inspection>>,
}

/// How many are held that nobody may need.
const NEWEST_MAX: usize = 4;

impl Inspected {
    fn find(&self, digest: Digest) -> Option<Arc<Inspection>> {
        self.known.get(&digest).and_then(Weak::upgrade)
    }

    /// Those that more than `newest` holds.
    fn in_use(&self) -> Vec<Digest> {
        let held = |digest: &Digest| self.newest.iter().filter(|of| of.digest == *digest).count();
        let known = self.known.iter();
        let used = known.filter(|(digest, of)| of.strong_count() > held(digest));
        used.map(|(digest, _)| *digest).collect()
    }

    fn keep(&mut self, inspection: &Arc<Inspection>) {
        self.known
            .retain(|_, inspection| inspection.strong_count() > 0);
        self.known
            .insert(inspection.digest, Arc::downgrade(inspection));
        self.newest.truncate(NEWEST_MAX - 1);
        self.newest.push_front(Arc::clone(inspection));
    }
}

/// What this process knows of a component, without a look at its bytes; `None` if that is nothing.
pub fn known(engine: &Engine, digest: Digest) -> Option<Arc<Inspection>> {
    inspected(engine).find(digest)
}

/// Whether code of a component is kept, so that looking into it takes no compiling.
pub fn has_code(engine: &Engine, digest: Digest) -> bool {
    let mut compiler = engine.compiler.iter();
    compiler.any(|compiler| compiler.has(&engine.wasm, digest))
}

/// A component before it is compiled.
pub enum Checked {
    /// It was looked into before.
    Known(Arc<Inspection>),
    /// It is what it should be, as far as its bytes tell.
    New(Box<Facts>),
}

impl Checked {
    /// What it shows.
    pub fn facts(&self) -> &Facts {
        match self {
            Checked::Known(known) => known,
            Checked::New(facts) => facts,
        }
    }
}

/// Checks a component without compiling it. Takes up to a hundred milliseconds of CPU time: not for an
/// async thread.
pub fn check(engine: &Engine, bytes: &[u8]) -> Result<Checked, Refusal> {
    // A body that is too long should cost nothing.
    check_length(bytes, &engine.limits)?;
    let digest = Digest::of(bytes);
    if let Some(known) = known(engine, digest) {
        return Ok(Checked::Known(known));
    }
    let scan = scan(bytes, &engine.limits)?;
    let manifest = manifest::parse(scan.manifest)?;
    check_permissions(&manifest, scan.needed)?;
    check_hooks(&manifest, scan.hooks)?;
    Ok(Checked::New(Box::new(Facts {
        digest,
        bytes: bytes.len(),
        signatures: signature::read(bytes, &manifest)?,
        manifest,
        hooks: scan.hooks,
        needed: scan.needed,
        uses_wasi: scan.uses_wasi,
    })))
}

/// Compiles a component that was checked; `bytes` are those that were. Takes tens of milliseconds to seconds
/// of CPU time: not for an async thread.
pub fn finish(engine: &Engine, facts: Facts, bytes: &[u8]) -> Result<Arc<Inspection>, Refusal> {
    let digest = facts.digest;
    if let Some(known) = known(engine, digest) {
        return Ok(known);
    }
    let component = compile(engine, digest, bytes)?;
    let inspection = Arc::new(Inspection { facts, component });
    let mut inspected = inspected(engine);
    // Somebody else may have compiled the same bytes meanwhile.
    if let Some(known) = inspected.find(digest) {
        return Ok(known);
    }
    inspected.keep(&inspection);
    Ok(inspection)
}

/// Checks and compiles a component: not for an async thread.
pub fn inspect(engine: &Engine, bytes: &[u8]) -> Result<Arc<Inspection>, Refusal> {
    match check(engine, bytes)? {
        Checked::Known(known) => Ok(known),
        Checked::New(facts) => finish(engine, *facts, bytes),
    }
}

fn inspected(engine: &Engine) -> MutexGuard<'_, Inspected> {
    engine
        .inspected
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// What is imported must be asked for, so that a tenant who reads the manifest knows all of it.
fn check_permissions(manifest: &Manifest, needed: Grants) -> Result<(), Refusal> {
    match needed.without(manifest.requested()).iter().next() {
        None => Ok(()),
        Some(permission) => {
            let name = permission.name();
            Err(Refusal::new(
                "plugin_permission_missing",
                format!(
                    "The component imports `{name}`, but its manifest doesn't ask for the \
                     permission `{name}`."
                ),
            ))
        }
    }
}

/// What the manifest lists must be what the component does, both ways.
fn check_hooks(manifest: &Manifest, hooks: Hooks) -> Result<(), Refusal> {
    let listed = [
        (Hook::Events, "events", !manifest.events.is_empty()),
        (Hook::Commands, "commands", !manifest.commands.is_empty()),
        (Hook::MessageKind, "kinds", !manifest.kinds.is_empty()),
        (Hook::Feed, "feeds", !manifest.feeds.is_empty()),
    ];
    for (hook, field, is_listed) in listed {
        let name = hook.name();
        let detail = match (is_listed, hooks.contains(hook)) {
            (true, false) => {
                format!("The manifest lists {field}, but the component doesn't export `{name}`.")
            }
            (false, true) => {
                format!("The component exports `{name}`, but its manifest lists no {field}.")
            }
            _ => continue,
        };
        return Err(Refusal {
            code: "plugin_hook_mismatch",
            detail,
            field: Some(field.into()),
        });
    }
    Ok(())
}

/// The pool refuses what it has no room for here, not at the first message.
fn compile(engine: &Engine, digest: Digest, bytes: &[u8]) -> Result<Component, Refusal> {
    let limits = &engine.limits;
    let component = match &engine.compiler {
        Some(compiler) => {
            let in_use = || inspected(engine).in_use();
            compiler.compile(&engine.wasm, limits, digest, bytes, in_use)?
        }
        None => Component::new(&engine.wasm, bytes).map_err(|error| {
            let detail = format!("The component can't be compiled for this host: {error:#}.");
            Refusal::new("plugin_not_compiled", detail)
        })?,
    };
    let fits = component.resources_required().is_some_and(|required| {
        required.num_memories <= limits.memories_max && required.num_tables <= limits.tables_max
    });
    if fits {
        return Ok(component);
    }
    let (memories_max, tables_max) = (limits.memories_max, limits.tables_max);
    Err(Refusal::new(
        "plugin_too_large",
        format!("The component needs more than {memories_max} memories or {tables_max} tables."),
    ))
}
