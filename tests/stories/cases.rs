//! The cases that come with the built-in plugins, run as their authors run them.

use std::path::PathBuf;

use crate::support::{althing, component, workspace};

/// The built-in plugins that have cases: their names and where the cases are.
fn plugins_with_cases() -> Vec<(String, PathBuf)> {
    let folders = std::fs::read_dir(workspace().join("plugins")).expect("the plugins");
    let mut found: Vec<(String, PathBuf)> = folders
        .map(|entry| entry.expect("a folder"))
        .map(|entry| {
            let name = entry.file_name().into_string().expect("a name");
            (name, entry.path().join("cases"))
        })
        .filter(|(_, cases)| cases.is_dir())
        .collect();
    found.sort();
    found
}

#[test]
fn what_the_built_in_plugins_promise_holds() {
    let plugins = plugins_with_cases();
    assert!(plugins.len() >= 3, "{plugins:?}");
    for (name, cases) in plugins {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(&name).with_extension("wasm");
        std::fs::write(&file, component(&name)).expect("a file");
        let done = althing()
            .args(["plugin", "test"])
            .arg(&file)
            .arg(&cases)
            .output()
            .expect("althing runs");
        let told = String::from_utf8_lossy(&done.stdout);
        let notes = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{name}:\n{told}{notes}");
    }
}
