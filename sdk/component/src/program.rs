//! Programs of other toolchains: run in a project's folder, with an error that says how to get what
//! is not there.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, anyhow, bail};

/// A command that runs in `folder`. What it prints goes to the terminal, but not to our output.
pub(crate) fn program(name: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(std::io::stderr());
    command
}

/// Runs it. `how_to_get` is said if it isn't there, `failed` if it fails.
pub(crate) fn run(command: &mut Command, how_to_get: &str, failed: &str) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => bail!("{failed}"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("`{name}` is not there: {how_to_get}")
        }
        Err(error) => Err(anyhow!(error).context(format!("can't run `{name}`"))),
    }
}
