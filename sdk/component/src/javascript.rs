//! JavaScript: npm gets what `package.json` names, and componentize-qjs puts the plugin's modules and
//! QuickJS into a component.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::program::{program, run};
use crate::{build_folder, wit};

const NODE: &str = "JavaScript plugins are built with Node, which is at https://nodejs.org \
                    (on Debian `apt-get install nodejs npm`)";
const COMPONENTIZE: &str = "node_modules/.bin/componentize-qjs";
/// What npm leaves when it has installed everything.
const INSTALLED: &str = "node_modules/.package-lock.json";

#[derive(Deserialize)]
struct Package {
    /// The module that exports the hooks.
    main: String,
}

pub(crate) fn component(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Vec<u8>> {
    let package = fs::read_to_string(folder.join("package.json")).context("package.json")?;
    let package: Package = serde_json::from_str(&package).context("package.json")?;
    let wit = wit(folder)?;
    install(folder, say)?;
    let made = build_folder(folder)?.canonicalize()?.join("plugin.wasm");
    let mut command = program(folder.canonicalize()?.join(COMPONENTIZE), folder);
    command
        // Concurrency within a component is nothing that the host offers.
        .args(["--sync", "--module-root", ".", "--js", &package.main])
        .args(["--wit".as_ref(), wit.canonicalize()?.as_os_str()])
        .arg("--output")
        .arg(&made);
    run(
        &mut command,
        "package.json must have `componentize-qjs` among its devDependencies",
        "the plugin can't be made into a component; see above",
    )?;
    Ok(fs::read(&made)?)
}

/// Installs when that has not been done since `package.json` was changed.
fn install(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<()> {
    let changed = |file: &str| fs::metadata(folder.join(file)).and_then(|file| file.modified());
    let is_new = match (changed(INSTALLED), changed("package.json")) {
        (Ok(installed), Ok(package)) => installed >= package,
        _ => false,
    };
    if is_new && folder.join(COMPONENTIZE).exists() {
        return Ok(());
    }
    say("Getting what package.json names, with npm …");
    run(
        program("npm", folder).args(["install", "--no-audit", "--no-fund", "--loglevel=error"]),
        NODE,
        "npm could not install what package.json names; see above",
    )?;
    if !folder.join(COMPONENTIZE).exists() {
        bail!("package.json must have `componentize-qjs` among its devDependencies");
    }
    // npm leaves the file as it is when there was nothing to do.
    if let (Ok(installed), Ok(package)) = (changed(INSTALLED), changed("package.json"))
        && installed < package
    {
        fs::File::open(folder.join(INSTALLED))?.set_modified(package)?;
    }
    Ok(())
}
