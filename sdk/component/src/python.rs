//! Python: a virtual environment gets what `requirements.txt` names, and componentize-py puts the
//! plugin's modules and CPython into a component.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::program::{program, run};
use crate::{build_folder, wit};

const PYTHON: &str = "Python plugins are built with Python 3.10 or newer, which is at \
                      https://python.org (on Debian `apt-get install python3 python3-venv`)";
const VENV: &str = ".venv";
const REQUIREMENTS: &str = "requirements.txt";
/// The module that has the hooks.
const APP: &str = "app";

pub(crate) fn component(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Vec<u8>> {
    let wit = wit(folder)?.canonicalize()?;
    let made = build_folder(folder)?.canonicalize()?.join("plugin.wasm");
    install(folder, say)?;
    let venv = folder.join(VENV).canonicalize()?;
    let mut command = program(venv.join("bin/componentize-py"), folder);
    command
        .env("VIRTUAL_ENV", &venv)
        .args(["--quiet".as_ref(), "--wit-path".as_ref(), wit.as_os_str()])
        .args(["componentize", APP, "--output"])
        .arg(&made);
    run(
        &mut command,
        "requirements.txt must name `componentize-py`",
        "the plugin can't be made into a component; see above",
    )?;
    Ok(fs::read(&made)?)
}

/// Installs when `requirements.txt` is not what was installed last.
fn install(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<()> {
    let requirements = fs::read(folder.join(REQUIREMENTS)).context(REQUIREMENTS)?;
    let installed = folder.join(VENV).join(REQUIREMENTS);
    if fs::read(&installed).is_ok_and(|installed| installed == requirements) {
        return Ok(());
    }
    say("Getting what requirements.txt names, with pip …");
    run(
        program("python3", folder).args(["-m", "venv", VENV]),
        PYTHON,
        "Python could not make a virtual environment; on Debian, `apt-get install python3-venv` gets \
         what it needs",
    )?;
    run(
        program(folder.join(VENV).canonicalize()?.join("bin/python"), folder)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["-r", REQUIREMENTS]),
        PYTHON,
        "pip could not install what requirements.txt names; see above",
    )?;
    fs::write(installed, requirements)?;
    Ok(())
}
