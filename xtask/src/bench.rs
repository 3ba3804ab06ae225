//! `cargo xtask bench`: builds the host as it is shipped, the plugins and the load driver, and lets
//! the driver measure. What is measured and how is in `tests/bench`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{built, plugins, toolchain};

/// Builds, then runs the driver with these arguments.
#[derive(clap::Args)]
pub struct Arguments {
    /// For the driver; `cargo xtask bench -- --help` lists them. The usual ones are `--quick` and
    /// `--only <measurement>`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    driver: Vec<String>,
}

/// Measures a release build.
pub fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    plugins::run(root)?;
    println!("Building the host and the driver (the first time takes some minutes) …");
    let mut cargo = toolchain::cargo();
    // Together, so that they agree on the features of what both depend on.
    cargo
        .args([
            "build",
            "--release",
            "--package",
            "althing",
            "--package",
            "althing-bench",
        ])
        .current_dir(root);
    ensure!(
        cargo.status().context("cargo")?.success(),
        "the host or the driver does not compile; see above"
    );
    let measured = Command::new(built::program(root, "release", "althing-bench")?)
        .args(&arguments.driver)
        .current_dir(root)
        .status()
        .context("the driver")?;
    ensure!(measured.success(), "the measurement failed; see above");
    Ok(())
}
