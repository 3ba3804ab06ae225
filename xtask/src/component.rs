//! What can be read from a component without running it.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use wasmparser::{Encoding, Parser, Payload};

/// The custom section that `althing_plugin::plugin!` puts the manifest in.
const MANIFEST_SECTION: &str = "althing:manifest";
/// Host interfaces that every plugin may use without a permission.
const FREE: [&str; 4] = ["types", "log", "config", "metrics"];

/// What a component is by its type and its manifest.
pub struct Description {
    pub manifest: Manifest,
    /// The hooks it implements, such as `message-guard`.
    pub exports: Vec<String>,
    /// The host interfaces it uses, such as `kv`; `types`, which holds no functions, left out.
    pub imports: Vec<String>,
}

/// The parts of `plugin.toml` that have to agree with the component.
#[derive(Deserialize)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    permissions: Vec<Named>,
    #[serde(default)]
    commands: Vec<Named>,
    #[serde(default)]
    kinds: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Reads a component's type and manifest.
pub fn describe(component: &[u8]) -> Result<Description> {
    let (mut exports, mut imports, mut manifest) = (Vec::new(), Vec::new(), None);
    // The parser goes through nested modules and components too; only what is at the top is the
    // component's own type, while the manifest lies in the core module.
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::Version { encoding, .. } if depth == 0 && encoding == Encoding::Module => {
                bail!("it is a core module, not a component");
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                manifest = Some(section.data().to_vec());
            }
            _ => {}
        }
    }
    let manifest = manifest.context("it has no manifest: does it call `plugin!`?")?;
    let manifest = toml::from_slice(&manifest).context("plugin.toml")?;
    Ok(Description {
        manifest,
        exports: exports.iter().map(|name| interface(name)).collect(),
        imports: imports
            .iter()
            .map(|name| interface(name))
            .filter(|name| name != "types")
            .collect(),
    })
}

/// `kv` for `althing:plugin/kv@0.1.0`; names of other packages stay whole.
fn interface(name: &str) -> String {
    name.strip_prefix("althing:plugin/")
        .and_then(|name| name.split_once('@'))
        .map_or(name, |(name, _)| name)
        .to_owned()
}

/// Where manifest and code disagree, one sentence each. The host would refuse such a plugin or
/// never call it.
pub fn disagreements(plugin: &Description) -> Vec<String> {
    let manifest = &plugin.manifest;
    let mut found = Vec::new();
    for import in &plugin.imports {
        let asked = manifest
            .permissions
            .iter()
            .any(|permission| &permission.name == import);
        if import.starts_with("wasi:") {
            // Which of it there is, the host says.
        } else if import.contains(':') {
            found.push(format!("it uses `{import}`, which the host doesn't have"));
        } else if !asked && !FREE.contains(&import.as_str()) {
            found.push(format!(
                "it uses `{import}`, but plugin.toml has no such permission"
            ));
        }
    }
    let promises = [
        ("events", !manifest.events.is_empty()),
        ("commands", !manifest.commands.is_empty()),
        ("message-kind", !manifest.kinds.is_empty()),
    ];
    for (hook, promised) in promises {
        match (promised, plugin.exports.iter().any(|export| export == hook)) {
            (true, false) => found.push(format!(
                "plugin.toml promises `{hook}`, but the code has no such hook"
            )),
            (false, true) => found.push(format!(
                "it implements `{hook}`, but plugin.toml lists nothing for it"
            )),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(manifest: &str, exports: &[&str], imports: &[&str]) -> Description {
        let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Description {
            manifest: toml::from_str(manifest).unwrap(),
            exports: strings(exports),
            imports: strings(imports),
        }
    }

    #[test]
    fn interfaces_go_by_their_own_name() {
        assert_eq!(interface("althing:plugin/kv@0.1.0"), "kv");
        assert_eq!(interface("wasi:io/poll@0.2.6"), "wasi:io/poll@0.2.6");
    }

    #[test]
    fn a_manifest_that_fits_is_not_remarked_on() {
        let manifest = r#"
            name = "poll"
            version = "1.0.0"
            events = ["message.new"]
            permissions = [{ name = "timers", reason = "" }]
            commands = [{ name = "poll" }]
            kinds = [{ name = "poll" }]
        "#;
        let exports = ["message-kind", "commands", "events", "schedule"];
        let found = disagreements(&plugin(manifest, &exports, &["log", "config", "timers"]));
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn what_the_host_would_refuse_is_named() {
        let manifest = "name = 'x'\nversion = '1.0.0'\nevents = ['message.new']";
        let found = disagreements(&plugin(
            manifest,
            &["commands"],
            &["kv", "wasi:io/poll@0.2.6", "other:io/poll@0.2.6"],
        ));
        assert_eq!(
            found,
            [
                "it uses `kv`, but plugin.toml has no such permission",
                "it uses `other:io/poll@0.2.6`, which the host doesn't have",
                "plugin.toml promises `events`, but the code has no such hook",
                "it implements `commands`, but plugin.toml lists nothing for it",
            ]
        );
    }

    #[test]
    fn core_modules_are_not_components() {
        assert!(describe(b"\0asm\x01\0\0\0").is_err());
    }
}
