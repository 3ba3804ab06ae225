//! From a project's folder to its component, whatever language it is in: built with that language's own
//! tools, checked as a host would, and put into the folder under the plugin's name.

use std::fs;
use std::path::{Path, PathBuf};

use althing_component::Language;
use clap::Args;

use super::check::{self, Checked};
use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain};

/// What to build.
#[derive(Debug, Args)]
pub struct Build {
    /// The plugin's folder
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
    let language = Language::of(folder).ok_or_else(|| {
        Failure::Usage(format!(
            "{shown}: there is no project of a plugin (a Cargo.toml, package.json, requirements.txt \
             or src/*.c); `althing plugin new` makes one"
        ))
    })?;
    let mut say = |what: &str| {
        if !screen.json {
            let _ = screen.note(what);
        }
    };
    say("Building …");
    let other = |error: String| Failure::Other(format!("{shown}: {error}"));
    let bytes = althing_component::build(language, folder, &mut say)
        .map_err(|error| other(format!("{error:#}")))?;
    let checked = check::check(screen, &bytes)?;
    let path = folder.join(format!("{}.wasm", checked.inspection.manifest.name));
    // Renamed into place, so that nobody reads half a component.
    let unfinished = path.with_extension("wasm.part");
    fs::write(&unfinished, &bytes)
        .and_then(|()| fs::rename(&unfinished, &path))
        .map_err(|error| other(format!("can't write the component: {error}")))?;
    Ok((path, checked))
}
