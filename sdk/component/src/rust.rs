//! Rust: cargo makes a core module of the crate.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use crate::toolchain::{self, Toolchain};

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

/// Has cargo build the core module. What the compiler says goes to the terminal.
pub(crate) fn module(folder: &Path) -> Result<Vec<u8>> {
    let toolchain = toolchain::find()?.ok_or_else(|| anyhow!(toolchain::how_to_get()))?;
    let mut cargo = toolchain.cargo_build();
    cargo
        .args(["--release", "--lib", "--quiet"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Toolchain::Debian { .. } = toolchain {
        cargo.args(["--target-dir", "target/debian"]);
    }
    let mut cargo = cargo.spawn().context("can't run `cargo`")?;
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
    if !cargo.wait().context("can't run `cargo`")?.success() {
        bail!("the plugin doesn't compile; see above");
    }
    match modules.as_slice() {
        [module] => Ok(fs::read(module)?),
        [] => bail!(
            "the crate makes no module: its Cargo.toml needs `crate-type = [\"cdylib\"]` under [lib]"
        ),
        _ => bail!("the folder makes several modules; name the folder of one plugin"),
    }
}
