//! `cargo xtask plugins --languages`: the guests that are not in Rust, beside the other plugins. Each is
//! built with its own language's tools, as its author would, and only when something in its folder is
//! newer than its component.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use althing_component::Language;
use anyhow::{Context as _, Result};

use crate::{built, component, packages, plugins};

const FOLDER: &str = "tests/guests";
/// What projects get of the SDKs. Projects of authors have a copy; a link would not do for all tools.
const SHARED: [(&str, &str); 2] = [
    ("sdk/javascript/althing.js", "javascript/src/althing.js"),
    ("sdk/python/althing.py", "python/althing.py"),
];
/// What tools leave in a project's folder.
const MADE: [&str; 4] = ["build", "node_modules", ".venv", "__pycache__"];

/// Builds them, each under the name of its own folder.
pub fn run(root: &Path) -> Result<()> {
    let components = built::plugins(root)?;
    plugins::make_folder(&components)?;
    for (from, to) in SHARED {
        let (from, to) = (root.join(from), root.join(FOLDER).join(to));
        let text = fs::read(&from).with_context(|| format!("no {}", from.display()))?;
        if !fs::read(&to).is_ok_and(|old| old == text) {
            fs::write(to, text)?;
        }
    }
    let folders = root.join(FOLDER).read_dir()?;
    let mut folders: Vec<PathBuf> = folders.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    for folder in folders {
        match Language::of(&folder) {
            None | Some(Language::Rust) => {}
            Some(language) => {
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                build_one(&folder, &name, language, &components)
                    .with_context(|| format!("building the plugin `{name}`"))?;
            }
        }
    }
    Ok(())
}

fn build_one(folder: &Path, name: &str, language: Language, components: &Path) -> Result<()> {
    let path = components.join(name).with_extension("wasm");
    let mut newest = fs::metadata(std::env::current_exe()?)?.modified()?;
    look_for_newer(folder, &mut newest)?;
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let made = !modified(&path).is_ok_and(|built| built > newest);
    if made {
        match language {
            Language::JavaScript => packages::node()?,
            Language::Python => packages::python()?,
            Language::C => packages::clang()?,
            Language::Rust => {}
        }
        let bytes = althing_component::build(language, folder, &mut |what| println!("{what}"))?;
        // Renamed into place, so that nobody reads half a component.
        let unfinished = path.with_extension("wasm.part");
        fs::write(&unfinished, bytes)?;
        fs::rename(&unfinished, &path)?;
    }
    let bytes = fs::read(&path)?;
    let described = component::describe(&bytes)?;
    println!(
        "  {name:12}  {}",
        plugins::line(name, &described, bytes.len(), made)
    );
    for sentence in component::disagreements(&described) {
        println!("  {:12}  warning: {sentence}", "");
    }
    Ok(())
}

/// When something of a project was changed last; what is linked from elsewhere is part of it.
fn look_for_newer(folder: &Path, newest: &mut SystemTime) -> Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let metadata = fs::metadata(&path).with_context(|| path.display().to_string())?;
        if !metadata.is_dir() {
            *newest = metadata.modified()?.max(*newest);
        } else if !MADE.iter().any(|made| path.ends_with(made)) {
            look_for_newer(&path, newest)?;
        }
    }
    Ok(())
}
