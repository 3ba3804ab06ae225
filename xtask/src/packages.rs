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

/// Makes sure of Python with virtual environments, which get what builds plugins in Python.
pub fn python() -> Result<()> {
    let has_venv = || {
        let mut python = Command::new("python3");
        python.args([
            "-c",
            "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))",
        ]);
        succeeds(&mut python)
    };
    if !has_venv() {
        install("python3 python3-venv", "Python")?;
        ensure!(
            has_venv(),
            "Python 3.10 or newer is needed, with its module `venv`."
        );
    }
    Ok(())
}

/// Makes sure of clang with a C library for WebAssembly, which build plugins in C.
pub fn clang() -> Result<()> {
    if std::env::var_os("WASI_SDK_PATH").is_some() {
        return Ok(());
    }
    let library = |target: &str| Path::new("/usr/lib").join(target).join("libc.a").is_file();
    let is_there = || {
        (library("wasm32-wasi") || library("wasm32-wasip1"))
            && ["clang", "wasm-ld"].iter().all(|program| {
                let mut version = Command::new(program);
                succeeds(version.arg("--version").stdout(Stdio::null()))
            })
    };
    if !is_there() {
        install(
            "clang lld wasi-libc libclang-rt-dev-wasm32",
            "A C compiler for WebAssembly",
        )?;
        ensure!(
            is_there(),
            "clang, wasm-ld and a C library for WebAssembly are needed."
        );
    }
    Ok(())
}

/// Makes sure of a C++ compiler, which builds libFuzzer.
pub fn cpp() -> Result<()> {
    let is_there = || {
        let mut version = Command::new(std::env::var_os("CXX").unwrap_or_else(|| "c++".into()));
        succeeds(version.arg("--version").stdout(Stdio::null()))
    };
    if !is_there() {
        install("g++", "A C++ compiler")?;
        ensure!(is_there(), "g++ was installed, but there is no `c++`.");
    }
    Ok(())
}

fn install(packages: &str, what: &str) -> Result<()> {
    let by_hand = format!(
        "{what} is needed: install it (on Debian `apt-get install {packages}`) and try again."
    );
    ensure!(is_debian_root(), "{by_hand}");
    println!("{what} is not there: installing Debian's package `{packages}` …");
    let get = || {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(packages.split(' '));
        succeeds(&mut command)
    };
    ensure!(
        get() || (succeeds(Command::new("apt-get").arg("update")) && get()),
        "{by_hand}"
    );
    Ok(())
}
