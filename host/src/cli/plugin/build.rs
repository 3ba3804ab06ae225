//! From a project's folder to its component: cargo makes a core module, which is wrapped, checked as
//! a host would, and put beside the project's `Cargo.toml` under the plugin's name.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use althing_component::toolchain;
use clap::Args;
use serde::Deserialize;

use super::check::{self, Checked};
use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain};

/// What to build.
#[derive(Debug, Args)]
pub struct Build {
    /// The plugin's folder, with its Cargo.toml
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

/// Builds, checks, and says what came of it.
pub fn run(screen: &mut Screen<'_>, build: &Build) -> Result<(), Failure> {
    let (path, checked) = component(screen, &build.folder)?;
    if screen.json {
        let mut document = checked.document();
        document["file"] = path.display().to_string().into();
        return Ok(screen.print_json(&document)?);
    }
    screen.print(&checked.page()?)?;
    Ok(screen.note(&format!(
        "\nIt is sound: a host takes it. It is in {}.",
        plain(&path.display().to_string())
    ))?)
}

/// Builds the component of a project and gives where it is. One that a host would not take is not
/// written.
pub fn component(screen: &mut Screen<'_>, folder: &Path) -> Result<(PathBuf, Checked), Failure> {
    let shown = plain(&folder.display().to_string());
    if !folder.join("Cargo.toml").is_file() {
        return Err(Failure::Usage(format!(
            "{shown}: there is no Cargo.toml; `althing plugin new` makes a project"
        )));
    }
    let module = module(screen, folder)?;
    let other = |error: String| Failure::Other(format!("{shown}: {error}"));
    let module = fs::read(&module).map_err(|error| other(error.to_string()))?;
    let bytes = althing_component::encode(&module).map_err(|error| other(format!("{error:#}")))?;
    let checked = check::check(screen, &bytes)?;
    let path = folder.join(format!("{}.wasm", checked.inspection.manifest.name));
    // Renamed into place, so that nobody reads half a component.
    let unfinished = path.with_extension("wasm.part");
    fs::write(&unfinished, &bytes)
        .and_then(|()| fs::rename(&unfinished, &path))
        .map_err(|error| other(format!("can't write the component: {error}")))?;
    Ok((path, checked))
}

/// A line of what cargo tells programs, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    target: Target,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Default, Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// Has cargo build the core module, and gives where it is. What the compiler says goes to the
/// terminal.
fn module(screen: &mut Screen<'_>, folder: &Path) -> Result<PathBuf, Failure> {
    let toolchain = toolchain::find()
        .map_err(|error| Failure::Other(format!("{error:#}")))?
        .ok_or_else(|| Failure::Other(toolchain::how_to_get()))?;
    if !screen.json {
        screen.note("Building …")?;
    }
    let failed = |error: std::io::Error| Failure::Other(format!("can't run `cargo`: {error}"));
    let mut cargo = toolchain.cargo_build();
    cargo
        .args(["--release", "--lib", "--quiet"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let toolchain::Toolchain::Debian { .. } = toolchain {
        cargo.args(["--target-dir", "target/debian"]);
    }
    let mut cargo = cargo.spawn().map_err(failed)?;
    let lines = cargo.stdout.take().map(BufReader::new);
    let modules: Vec<PathBuf> = lines
        .into_iter()
        .flat_map(BufRead::lines)
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Message>(&line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| {
            message
                .target
                .crate_types
                .iter()
                .any(|kind| kind == "cdylib")
        })
        .flat_map(|message| message.filenames)
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .collect();
    if !cargo.wait().map_err(failed)?.success() {
        return Err(Failure::Other(
            "the plugin doesn't compile; see above".into(),
        ));
    }
    match <[PathBuf; 1]>::try_from(modules) {
        Ok([module]) => Ok(module),
        Err(none) if none.is_empty() => Err(Failure::Other(
            "the crate makes no module: its Cargo.toml needs `crate-type = [\"cdylib\"]` under [lib]"
                .into(),
        )),
        Err(_) => Err(Failure::Other(
            "the folder makes several modules; name the folder of one plugin".into(),
        )),
    }
}
