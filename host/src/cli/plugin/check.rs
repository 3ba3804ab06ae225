//! A component looked at without a host, as a host would before it takes and enables it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use etcetera::{BaseStrategy as _, choose_base_strategy};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use super::compare::{self, Change};
use super::{page, read_component};
use crate::chat::sees;
use crate::cli::answers;
use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain};
use crate::cli::wait_for;
use crate::plugins::{self, Compiler, Engine, Inspection, Limits, Refusal};
use crate::secrets::MasterKey;
use crate::{app, config};

/// What the code may take; what was used longest ago goes.
const CODE_BYTES_MAX: u64 = 1 << 30;

/// Which one.
#[derive(Debug, Args)]
pub struct Check {
    /// The component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// An earlier version of the same plugin: say what changes for those who run it
    #[arg(long, value_name = "OLD.wasm")]
    before: Option<PathBuf>,
}

/// A component that a host takes.
pub struct Checked {
    pub engine: Arc<Engine>,
    pub inspection: Arc<Inspection>,
}

/// Checks, and compares with the version before.
pub fn run(screen: &mut Screen<'_>, check: &Check) -> Result<(), Failure> {
    let bytes = read_component(&check.file)?;
    let before = check.before.as_deref().map(read_component).transpose()?;
    let checked = self::check(screen, &bytes)?;
    let mut document = checked.document();
    let changes = before
        .map(|before| {
            let before = plugins::inspect(&checked.engine, &before)
                .map_err(|refusal| refused(screen, &refusal, "the version before"))?;
            let after = &checked.inspection;
            match before.digest == after.digest {
                true => Ok(Vec::new()),
                false => compare::changes(
                    (&before.manifest, before.hooks),
                    (&after.manifest, after.hooks),
                ),
            }
        })
        .transpose()?;
    if let Some(changes) = &changes {
        document["changes"] = changes.iter().map(Change::document).collect();
    }
    let breaks = changes.iter().flatten().filter(|change| change.breaks);
    let breaks = breaks.count();
    let page = checked.page()?;
    screen.show(&document, || {
        changes.as_deref().map_or(page.clone(), |changes| {
            format!("{page}{}", compare::page(changes))
        })
    })?;
    if breaks > 0 {
        return Err(Failure::Other(format!(
            "it takes something from those who run the version before: {breaks} of the changes"
        )));
    }
    if !screen.json {
        screen.note("\nIt is sound: a host takes it.")?;
    }
    Ok(())
}

/// Checks, compiles and tries out a component with the limits that a host has by default.
pub fn check(screen: &mut Screen<'_>, bytes: &[u8]) -> Result<Checked, Failure> {
    let engine = Engine::start_with(limits(), compiler())
        .map_err(|error| Failure::Other(format!("can't start the plugin engine: {error:#}")))?;
    let taken = plugins::inspect(&engine, bytes).and_then(|inspection| {
        // Whether its first instance starts shows only when all it asks for is there.
        let grants = inspection.manifest.requested();
        let linked = wait_for(async { Ok(plugins::link(&engine, &inspection, grants).await) });
        linked.map_or(Ok(()), |linked| linked.map(drop))?;
        Ok(inspection)
    });
    let inspection = taken.map_err(|refusal| refused(screen, &refusal, "this"))?;
    Ok(Checked { engine, inspection })
}

/// As a host compiles, with the code kept in the cache folder of whoever is at it: nobody waits twice
/// for an interpreter. Without such a folder, in this process.
fn compiler() -> Option<Compiler> {
    if cfg!(test) {
        return None; // The tests' own program compiles nothing.
    }
    let folder = choose_base_strategy().ok()?.cache_dir().join("althing");
    fs::create_dir_all(&folder).ok()?;
    let key = MasterKey::load_or_create(&folder.join("code.key"), &SystemRandom::new()).ok()?;
    let (code, key) = (folder.join("plugin-code"), key.derive("plugin code"));
    let program = plugins::this_program().ok()?;
    Compiler::new(program, code, CODE_BYTES_MAX, key.expose()).ok()
}

/// Those that a host has by default, but that nothing is passed over of what a case shows.
pub fn limits() -> Limits {
    Limits {
        progress_interval_ms_min: 0,
        progress_bytes_per_s_max: u32::MAX,
        ..app::plugin_limits(&config::Plugins::default())
    }
}

fn refused(screen: &mut Screen<'_>, refusal: &Refusal, what: &str) -> Failure {
    if screen.json {
        let (code, detail, field) = (refusal.code, &refusal.detail, &refusal.field);
        let _ = screen
            .print_json(&json!({ "ok": false, "code": code, "detail": detail, "field": field }));
    }
    Failure::Other(format!(
        "a host would not take {what}: {} ({})",
        plain(&refusal.detail),
        refusal.code
    ))
}

impl Checked {
    /// For people.
    pub fn page(&self) -> Result<String, Failure> {
        let component: answers::Component = answers::read(&self.document())?;
        let size_max = u64::from(self.engine.limits().component_bytes_max) / 1024;
        let size = format!("\nA host takes up to {size_max} KiB by default.\n");
        Ok(page::component(&component) + &size)
    }

    /// As the API shows one.
    pub fn document(&self) -> Value {
        let inspection = &self.inspection;
        let manifest = &inspection.manifest;
        let permissions = manifest.permissions.iter().map(|p| {
            let secrets = p.secrets.iter();
            let secrets = secrets.map(|(name, hosts)| json!({ "name": name, "hosts": hosts }));
            json!({
                "name": p.name.name(),
                "reason": p.reason,
                "hosts": p.hosts,
                "paths": p.paths,
                "secrets": secrets.collect::<Vec<_>>(),
            })
        });
        let signatures = inspection.signatures.iter().map(|signature| {
            let key = signature.key;
            json!({ "key": key.to_text(), "key_id": key.id(), "signed_at": signature.signed_at })
        });
        let commands = manifest
            .commands
            .iter()
            .map(|c| json!({ "name": c.name, "usage": c.usage, "description": c.description }));
        let kinds = manifest
            .kinds
            .iter()
            .map(|kind| json!({ "name": kind.name, "title": kind.title }));
        let feeds = manifest.feeds.iter().map(|feed| {
            json!({ "name": feed.name, "title": feed.title, "types": feed.kinds, "plugin": manifest.name })
        });
        json!({
            "name": manifest.name,
            "version": manifest.version,
            "digest": inspection.digest.to_string(),
            "title": manifest.title,
            "description": manifest.description,
            "exports": inspection.hooks.iter().map(|hook| hook.name()).collect::<Vec<_>>(),
            "imports": inspection.needed.iter().map(|permission| permission.name()).collect::<Vec<_>>(),
            "permissions": permissions.collect::<Vec<_>>(),
            "sees": sees::described(inspection.hooks, manifest),
            "signatures": signatures.collect::<Vec<_>>(),
            "commands": commands.collect::<Vec<_>>(),
            "kinds": kinds.collect::<Vec<_>>(),
            "feeds": feeds.collect::<Vec<_>>(),
            "events": manifest.events,
            "keep_instances": manifest.keep_instances,
            "uses_wasi": inspection.uses_wasi,
            "config_schema": manifest.config,
            "bytes": inspection.bytes,
        })
    }
}
