//! Components built against a released version of the contract run as they did, for as long as that
//! version is served. `cargo xtask release-wit` keeps some of each in tests/golden/<version>, with their
//! cases; those in `next` are what the version to come will be kept with.

use std::path::{Path, PathBuf};

use crate::support::{althing, workspace};

#[test]
fn components_of_released_versions_run_as_they_did() {
    let golden = workspace().join("tests/golden");
    for version in folders(&golden) {
        let is_next = version.ends_with("next");
        let mut tried = 0;
        for cases in folders(&version) {
            let name = cases.file_name().expect("a name");
            let components = match is_next {
                true => built(),
                false => version.clone(),
            };
            run(&components.join(name).with_extension("wasm"), &cases);
            tried += 1;
        }
        assert!(tried > 0, "{} holds nothing to run", version.display());
    }
}

/// Where the components of this version are.
fn built() -> PathBuf {
    let folder = std::env::var_os("ALTHING_PLUGINS_DIR");
    folder.map_or_else(|| workspace().join("target/plugins"), PathBuf::from)
}

fn run(component: &Path, cases: &Path) {
    let done = althing()
        .args(["plugin", "test"])
        .args([component, cases])
        .output()
        .expect("althing runs");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (out, notes) = (text(&done.stdout), text(&done.stderr));
    let name = component.display();
    assert!(
        done.status.success(),
        "{name} no longer runs as it did:\n{out}{notes}"
    );
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = parent.read_dir().expect("a folder").flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.is_dir()).collect()
}
