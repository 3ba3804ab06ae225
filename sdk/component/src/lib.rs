//! From a plugin's folder to its component, in every language that plugins are written in: calls the
//! language's own compiler, and puts the manifest in. `althing plugin build` and `cargo xtask plugins`
//! share it.

mod c;
mod javascript;
mod program;
mod python;
mod rust;
pub mod toolchain;

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_component::ComponentEncoder;

/// The custom section that the host reads the manifest from.
const MANIFEST_SECTION: &str = "althing:manifest";
/// The file that it is written in.
const MANIFEST: &str = "plugin.toml";
/// Where the interfaces are, in the standard's layout: the plugin's own world, and `deps`.
const WIT: &str = "wit";
/// What is made on the way lies here.
const BUILD: &str = "build";

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A crate, with its `Cargo.toml`.
    Rust,
    /// An npm package, with its `package.json`.
    JavaScript,
    /// Modules, with what they need in `requirements.txt`.
    Python,
    /// Sources in `src`.
    C,
}

impl Language {
    /// The language of the project in `folder`, told by its files; none if there is no project.
    pub fn of(folder: &Path) -> Option<Self> {
        let has = |name: &str| folder.join(name).is_file();
        if has("Cargo.toml") {
            Some(Self::Rust)
        } else if has("package.json") {
            Some(Self::JavaScript)
        } else if has("requirements.txt") {
            Some(Self::Python)
        } else {
            c::sources(folder)
                .is_ok_and(|found| !found.is_empty())
                .then_some(Self::C)
        }
    }
}

/// Builds the project in `folder` and gives its component. What compilers say goes to the terminal;
/// `say` gets a sentence when something takes its time.
pub fn build(language: Language, folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Vec<u8>> {
    match language {
        // The SDK's macro has put the manifest in.
        Language::Rust => encode(&rust::module(folder)?),
        Language::JavaScript => with_manifest(folder, javascript::component(folder, say)?),
        Language::Python => with_manifest(folder, python::component(folder, say)?),
        Language::C => with_manifest(folder, encode(&c::module(folder)?)?),
    }
}

/// Wraps a core module, as a linker makes it, into a component. Calls of WASI's first preview, which
/// C libraries make, become those of 0.2. Fails if nothing in the module says what the component's
/// type is: the bindings that a plugin is made with do.
pub fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)?
        .adapter(
            WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        )?
        .encode()
}

fn with_manifest(folder: &Path, mut component: Vec<u8>) -> Result<Vec<u8>> {
    let manifest = fs::read(folder.join(MANIFEST)).context(MANIFEST)?;
    let section = CustomSection {
        name: Cow::Borrowed(MANIFEST_SECTION),
        data: Cow::Owned(manifest),
    };
    section.append_to_component(&mut component);
    Ok(component)
}

/// Where a project's interfaces are.
fn wit(folder: &Path) -> Result<std::path::PathBuf> {
    let wit = folder.join(WIT);
    if !wit.is_dir() {
        bail!("there is no folder `{WIT}` with the plugin's world; `althing plugin new` makes one");
    }
    Ok(wit)
}

/// Where what is made on the way goes; made if it isn't there.
fn build_folder(folder: &Path) -> Result<std::path::PathBuf> {
    let build = folder.join(BUILD);
    fs::create_dir_all(&build).with_context(|| build.display().to_string())?;
    Ok(build)
}
