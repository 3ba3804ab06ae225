//! A component looked at without a host, as a host would before it takes it.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{page, read_component};
use crate::cli::answers;
use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain};
use crate::plugins::{Engine, Inspection, Limits};

/// Which one.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
}

/// Checks and compiles a component with the limits that a host has by default.
pub fn inspect(screen: &mut Screen<'_>, inspect: &Inspect) -> Result<(), Failure> {
    let bytes = read_component(&inspect.file)?;
    let engine = Engine::start(Limits::default());
    let engine = engine
        .map_err(|error| Failure::Other(format!("can't start the plugin engine: {error:#}")))?;
    let inspection = crate::plugins::inspect(&engine, &bytes).map_err(|refusal| {
        if screen.json {
            let (code, detail, field) = (refusal.code, &refusal.detail, &refusal.field);
            let _ = screen.print_json(
                &json!({ "ok": false, "code": code, "detail": detail, "field": field }),
            );
        }
        Failure::Other(format!(
            "a host would not take this: {} ({})",
            plain(&refusal.detail),
            refusal.code
        ))
    })?;
    let document = document(&inspection);
    let component: answers::Component = answers::read(&document)?;
    screen.show(&document, || page::component(&component))?;
    if !screen.json {
        screen.note("\nIt is sound: a host takes it.")?;
    }
    Ok(())
}

/// The component as the API shows one.
fn document(inspection: &Inspection) -> Value {
    let manifest = &inspection.manifest;
    let permissions = manifest.permissions.iter().map(|p| {
        let secrets = p.secrets.iter();
        let secrets = secrets.map(|(name, hosts)| json!({ "name": name, "hosts": hosts }));
        json!({
            "name": p.name.name(),
            "reason": p.reason,
            "hosts": p.hosts,
            "secrets": secrets.collect::<Vec<_>>(),
        })
    });
    let commands = manifest
        .commands
        .iter()
        .map(|c| json!({ "name": c.name, "usage": c.usage, "description": c.description }));
    let kinds = manifest
        .kinds
        .iter()
        .map(|kind| json!({ "name": kind.name, "title": kind.title }));
    json!({
        "name": manifest.name,
        "version": manifest.version,
        "digest": inspection.digest.to_string(),
        "title": manifest.title,
        "description": manifest.description,
        "exports": inspection.hooks.iter().map(|hook| hook.name()).collect::<Vec<_>>(),
        "imports": inspection.needed.iter().map(|permission| permission.name()).collect::<Vec<_>>(),
        "permissions": permissions.collect::<Vec<_>>(),
        "commands": commands.collect::<Vec<_>>(),
        "kinds": kinds.collect::<Vec<_>>(),
        "events": manifest.events,
        "keep_instances": manifest.keep_instances,
        "config_schema": manifest.config,
        "bytes": inspection.bytes,
    })
}
