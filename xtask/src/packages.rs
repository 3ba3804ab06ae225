//! Programs of the system that tasks need: found, installed from Debian's packages when we may, else
//! named in one clear sentence.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail, ensure};

use crate::toolchain::{is_debian_root, succeeds};

/// The oldest Node that the demo and the browser tests run on.
const NODE_MIN: u32 = 20;

/// Makes sure of Node, which plays the app's backend in the demo and drives the browser in tests.
pub fn node() -> Result<()> {
    let version = Command::new("node")
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    let version = version.ok().filter(|output| output.status.success());
    let Some(version) = version else {
        bail!(
            "Node {NODE_MIN} or newer is needed, and `node` is not there: install it and try again."
        );
    };
    let text = String::from_utf8_lossy(&version.stdout);
    let major: Option<u32> = text
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    ensure!(
        major.is_some_and(|major| major >= NODE_MIN),
        "Node {NODE_MIN} or newer is needed; this is {}.",
        text.trim()
    );
    Ok(())
}

/// Makes sure of Postgres, which the tests start for themselves.
pub fn postgres() -> Result<()> {
    if std::env::var_os("ALTHING_TEST_POSTGRES").is_some() || postgres_folder().is_some() {
        return Ok(());
    }
    install("postgresql", "Postgres")?;
    ensure!(
        postgres_folder().is_some(),
        "Postgres was installed, but its `initdb` is not below /usr/lib/postgresql."
    );
    Ok(())
}

fn postgres_folder() -> Option<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql").read_dir().ok()?;
    versions
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .find(|bin| bin.join("initdb").exists())
}

/// Makes sure of Chromium and gives its path.
pub fn chromium() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Ok(path.into());
    }
    let path = PathBuf::from("/usr/bin/chromium");
    if !path.exists() {
        install("chromium", "Chromium")?;
    }
    ensure!(
        path.exists(),
        "Chromium is not at {}; say where it is with CHROMIUM.",
        path.display()
    );
    Ok(path)
}

fn install(package: &str, what: &str) -> Result<()> {
    let by_hand = format!(
        "{what} is needed: install it (on Debian `apt-get install {package}`) and try again."
    );
    ensure!(is_debian_root(), "{by_hand}");
    println!("{what} is not there: installing Debian's package `{package}` …");
    let get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command.args([
            "install",
            "--yes",
            "--quiet",
            "--no-install-recommends",
            package,
        ]);
        succeeds(&mut command)
    };
    ensure!(
        get() || (succeeds(Command::new("apt-get").arg("update")) && get()),
        "{by_hand}"
    );
    Ok(())
}
