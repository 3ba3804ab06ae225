//! Where what cargo builds is: `target/`, or where `CARGO_TARGET_DIR` or a configuration of cargo's put it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;

use crate::toolchain;

/// The folder that cargo builds into.
pub fn folder(root: &Path) -> Result<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Workspace {
        target_directory: PathBuf,
    }
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    if let Some(folder) = FOLDER.get() {
        return Ok(folder.clone());
    }
    let workspace: Workspace = metadata(root)?;
    Ok(FOLDER.get_or_init(|| workspace.target_directory).clone())
}

/// Where the plugins' components are.
pub fn plugins(root: &Path) -> Result<PathBuf> {
    Ok(folder(root)?.join("plugins"))
}

/// Where the workspace's programs are, as the profile `debug` or `release` makes them.
pub fn programs(root: &Path, profile: &str) -> Result<PathBuf> {
    Ok(folder(root)?.join(profile))
}

/// One of these programs. Fails if it is not there.
pub fn program(root: &Path, profile: &str, name: &str) -> Result<PathBuf> {
    let path = programs(root, profile)?.join(name);
    ensure!(
        path.is_file(),
        "there is no {}, though cargo has built it: is `build.target` set for cargo?",
        path.display()
    );
    Ok(path)
}

/// What cargo says of the workspace, as far as `T` asks for it.
pub fn metadata<T: DeserializeOwned>(root: &Path) -> Result<T> {
    let output = toolchain::cargo()
        .current_dir(root)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("can't run `cargo metadata`")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout).context("what `cargo metadata` says")
}

#[cfg(test)]
mod tests {
    use super::{folder, program};

    #[test]
    fn what_cargo_has_built_is_found_wherever_that_is() {
        let root = crate::root();
        // Cargo has built this test, too.
        let test = std::env::current_exe().unwrap();
        assert!(test.starts_with(folder(&root).unwrap()));
        let missing = program(&root, "debug", "nothing").unwrap_err().to_string();
        assert!(missing.contains("debug/nothing"), "{missing}");
    }
}
