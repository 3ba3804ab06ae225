//! Components built against a released version of the contract run as they did, for as long as that
//! version is served. `cargo xtask release-wit` keeps some of each in tests/golden/<version>, with their
//! cases; those in `next` are what the version to come will be kept with.

use std::path::{Path, PathBuf};

use crate::support::{althing, component, workspace};

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

/// Whoever gets a component need not know the folders of whoever built it.
#[test]
fn components_hold_no_path_of_the_machine_that_built_them() {
    let home = std::env::home_dir().expect("a home");
    let folders = [workspace(), home.join(".cargo")];
    for name in ["assistant", "poll", "task", "noop-guard", "hostile"] {
        let component = component(name);
        for folder in &folders {
            let folder = folder.to_str().expect("a path").as_bytes();
            let found = component.windows(folder.len()).any(|part| part == folder);
            assert!(!found, "{name}");
        }
    }
}

/// Where the components of this version are.
fn built() -> PathBuf {
    let folder = std::env::var_os("ALTHING_PLUGINS_DIR");
    folder.map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("plugins"),
        PathBuf::from,
    )
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
