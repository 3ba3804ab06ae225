//! `cargo xtask plugins`: builds every plugin of the workspace into `target/plugins/<folder>.wasm`.
//!
//! Plugins are the workspace's packages below `plugins/` and `tests/guests/`. Cargo rebuilds what
//! changed; a component is made anew only when its core module is newer. Guests in other languages are
//! made by `languages`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::built;
use crate::component::{self, Description};
use crate::toolchain::{self, TARGET};

/// Folders whose packages are plugins.
const FOLDERS: [&str; 2] = ["plugins", "tests/guests"];
const PROFILE: &str = "plugin";

/// A package to build.
struct Plugin {
    /// Its folder's name, which names the component.
    name: String,
    package: String,
    /// What rustc calls the core module, without `.wasm`.
    library: String,
}

/// Builds all plugins and says what became of each.
pub fn run(root: &Path) -> Result<()> {
    let workspace: Workspace = built::metadata(root)?;
    let plugins = workspace.plugins(root);
    ensure!(
        !plugins.is_empty(),
        "there are no plugins in {}",
        FOLDERS.join(" or ")
    );

    let toolchain = toolchain::find()?;
    let target_dir = toolchain.target_dir(&built::folder(root)?);
    println!(
        "Building {} plugins for {TARGET} (the first time takes a minute) …",
        plugins.len()
    );
    let mut cargo = toolchain.cargo_build();
    cargo.current_dir(root).arg("--target-dir").arg(&target_dir);
    cargo.args(["--profile", PROFILE]);
    for plugin in &plugins {
        cargo.args(["--package", &plugin.package]);
    }
    ensure!(
        cargo.status().context("cargo")?.success(),
        "the plugins don't compile; see above"
    );

    let modules = target_dir.join(TARGET).join(PROFILE);
    let components = built::plugins(root)?;
    make_folder(&components)?;
    let width = plugins
        .iter()
        .map(|plugin| plugin.name.len())
        .max()
        .unwrap_or(0);
    for plugin in &plugins {
        let module = modules.join(&plugin.library).with_extension("wasm");
        let component = components.join(&plugin.name).with_extension("wasm");
        let (made, bytes) = make_component(&module, &component)
            .with_context(|| format!("making a component of the plugin `{}`", plugin.name))?;
        let described = component::describe(&bytes)
            .with_context(|| format!("reading the plugin `{}`", plugin.name))?;
        let name = &plugin.name;
        println!(
            "  {name:width$}  {}",
            line(name, &described, bytes.len(), made)
        );
        for sentence in component::disagreements(&described) {
            println!("  {:width$}  warning: {sentence}", "");
        }
    }
    println!(
        "The components are in {}.",
        shorten(&components, root).display()
    );
    Ok(())
}

/// Encodes `module`, unless `component` is newer than the module and than this program. Gives whether
/// it did, and the component.
fn make_component(module: &Path, component: &Path) -> Result<(bool, Vec<u8>)> {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let built = modified(module).with_context(|| format!("no {}", module.display()))?;
    let newest = std::env::current_exe()
        .and_then(|program| modified(&program))
        .map_or(built, |encoder| encoder.max(built));
    if modified(component).is_ok_and(|encoded| encoded > newest) {
        return Ok((false, fs::read(component)?));
    }
    let bytes = althing_component::encode(&fs::read(module)?)?;
    // Renamed into place, so that nobody reads half a component.
    let unfinished = component.with_extension("wasm.part");
    fs::write(&unfinished, &bytes)?;
    fs::rename(&unfinished, component)?;
    Ok((true, bytes))
}

pub(crate) fn line(folder: &str, plugin: &Description, bytes: usize, made: bool) -> String {
    let or_none = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let name = match plugin.manifest.name.as_str() {
        name if name == folder => "",
        name => &format!("{name} "),
    };
    format!(
        "{name}{}, {} KiB{}; hooks: {}; uses: {}",
        plugin.manifest.version,
        bytes.div_ceil(1024),
        if made { "" } else { ", unchanged" },
        or_none(&plugin.exports),
        or_none(&uses(&plugin.imports)),
    )
}

/// What it uses, with all the parts of WASI as one.
fn uses(imports: &[String]) -> Vec<String> {
    let is_wasi = |name: &&String| name.starts_with("wasi:");
    let ours = imports.iter().filter(|name| !is_wasi(name)).cloned();
    let wasi = imports.iter().any(|name| is_wasi(&name));
    ours.chain(wasi.then(|| "WASI".to_owned())).collect()
}

/// Makes the folder, unless it is there.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("can't make {}", path.display()))
}

fn shorten<'a>(path: &'a Path, root: &Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

/// What `cargo metadata` says, as far as it matters here.
#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

impl Workspace {
    fn plugins(&self, root: &Path) -> Vec<Plugin> {
        let mut plugins: Vec<Plugin> = self
            .packages
            .iter()
            .filter_map(|package| package.plugin(root))
            .collect();
        plugins.sort_by(|a, b| a.name.cmp(&b.name));
        plugins
    }
}

impl Package {
    fn plugin(&self, root: &Path) -> Option<Plugin> {
        let folder = self.manifest_path.parent()?;
        let of_plugins = FOLDERS
            .iter()
            .any(|place| folder.starts_with(root.join(place)));
        let is_module = |target: &&Target| target.crate_types.iter().any(|kind| kind == "cdylib");
        let library = self.targets.iter().find(is_module).filter(|_| of_plugins)?;
        Some(Plugin {
            name: folder.file_name()?.to_str()?.to_owned(),
            package: self.name.clone(),
            library: library.name.replace('-', "_"),
        })
    }
}
