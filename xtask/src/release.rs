//! `cargo xtask release-wit`: freezes the version of the plugin contract that `wit/` has. Its text goes
//! to tests/golden/<version>/plugin.wit, with a few components built against it and their cases. From
//! then on tests fail when `wit/` says anything else under the same version, and when a host no longer
//! runs those components as it did. Comments may change.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use wit_component::WitPrinter;

use crate::{built, languages, plugins, reference};

/// One folder for each released version, and `next` with the cases for the one to come.
const GOLDEN: &str = "tests/golden";
/// The text of a version.
const TEXT: &str = "plugin.wit";

/// Freezes the version.
pub fn run(root: &Path) -> Result<()> {
    let (version, text) = contract(root)?;
    let folder = root.join(GOLDEN).join(&version);
    ensure!(
        !folder.exists(),
        "{version} is released already: {GOLDEN}/{version} is there"
    );
    plugins::run(root)?;
    languages::run(root)?;
    let built = built::plugins(root)?;
    let next = root.join(GOLDEN).join("next");
    // Made beside it, so that half a release is none.
    let unfinished = folder.with_extension("part");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    for cases in folders(&next)? {
        let name = cases.file_name().unwrap_or_default();
        let component = built.join(name).with_extension("wasm");
        let kept = unfinished.join(name);
        fs::create_dir_all(&kept)?;
        fs::copy(&component, unfinished.join(name).with_extension("wasm"))
            .with_context(|| format!("no {}", component.display()))?;
        for case in fs::read_dir(&cases)? {
            let case = case?;
            fs::copy(case.path(), kept.join(case.file_name()))?;
        }
    }
    fs::write(unfinished.join(TEXT), text)?;
    fs::rename(&unfinished, &folder)?;
    println!("{version} is frozen in {GOLDEN}/{version}. Commit it.");
    Ok(())
}

/// The version of the contract, and its text without comments, always laid out alike.
fn contract(root: &Path) -> Result<(String, String)> {
    let (resolve, package) = reference::contract(root)?;
    let version = resolve.packages[package].name.version.as_ref();
    let version = version
        .context("the package in wit/ has no version")?
        .to_string();
    let mut printer = WitPrinter::default();
    printer.emit_docs(false);
    printer.print(&resolve, package, &[])?;
    Ok((version, printer.output.to_string()))
}

fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(parent).with_context(|| format!("no {}", parent.display()))?;
    let paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_contract_stays_as_it_is() {
        let root = crate::root();
        let (version, text) = contract(&root).unwrap();
        let frozen = fs::read_to_string(root.join(GOLDEN).join(&version).join(TEXT));
        let Ok(frozen) = frozen else {
            return; // It is not released yet.
        };
        assert!(
            frozen == text,
            "wit/ no longer says what {version} was released with ({GOLDEN}/{version}/{TEXT}): \
             whatever changes is another version"
        );
    }
}
