//! Which compiler makes plugins.
//!
//! The ordinary one, once its standard library for WebAssembly is there: rustup gets it. Where
//! rustup can't, on Debian as root, Debian's own compiler builds that library from its sources.
//! Else one sentence says what to install.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

/// No imports but the host's own: `std` for it has no files, sockets, clocks or environment.
pub const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Where that compiler looks for the sources of `std`.
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// A compiler that can make plugins.
pub enum Toolchain {
    /// The one that runs this program.
    Ordinary,
    /// Debian's, which builds its own `std`, with the linker of the ordinary one.
    Debian { linker: PathBuf },
}

/// Finds a compiler for plugins, installing what is missing.
pub fn find() -> Result<Toolchain> {
    let sysroot = sysroot()?;
    if has_target(&sysroot) {
        return Ok(Toolchain::Ordinary);
    }
    println!(
        "Rust's standard library for {TARGET} is missing: trying `rustup target add {TARGET}` …"
    );
    if succeeds(Command::new("rustup").args(["target", "add", TARGET])) && has_target(&sysroot) {
        return Ok(Toolchain::Ordinary);
    }
    if is_debian_root() {
        println!(
            "rustup could not get it: trying Debian's {} …",
            DEBIAN_PACKAGES.join(" and ")
        );
        let linker = sysroot
            .join("lib/rustlib")
            .join(host()?)
            .join("bin/rust-lld");
        if install_debian() && linker.exists() {
            return Ok(Toolchain::Debian { linker });
        }
    }
    bail!(
        "Plugins need Rust's standard library for {TARGET}: run `rustup target add {TARGET}` (or, \
         without rustup, install your distribution's package of it) and try again."
    )
}

impl Toolchain {
    /// `cargo build`, set up for plugins.
    pub fn cargo_build(&self) -> Command {
        let mut command = cargo();
        command.arg("build");
        if let Toolchain::Debian { linker } = self {
            command
                .env("RUSTC", DEBIAN_RUSTC)
                // Building std is not a stable feature of cargo; the compiler has to play along.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .arg("-Zbuild-std=std,panic_abort");
        }
        command
    }

    /// Where it builds. Another compiler gets another folder: else each would discard what the
    /// other has built.
    pub fn target_dir(&self, ordinary: &Path) -> PathBuf {
        match self {
            Toolchain::Ordinary => ordinary.to_path_buf(),
            Toolchain::Debian { .. } => ordinary.join("debian"),
        }
    }
}

/// The cargo that runs this program, as if it was called from a shell: what cargo tells the programs
/// that it runs would make build scripts (ring's, for one) run again, and much else after them.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let of_this_run = name.to_str().is_some_and(|name| {
            [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
                "CARGO_PRIMARY_",
            ]
            .iter()
            .any(|start| name.starts_with(start))
        });
        if of_this_run {
            command.env_remove(&name);
        }
    }
    command
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(arguments)
        .output()
        .context("rustc")?;
    ensure!(
        output.status.success(),
        "rustc: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn sysroot() -> Result<PathBuf> {
    Ok(PathBuf::from(rustc(&["--print", "sysroot"])?.trim()))
}

/// The triple of this machine, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String> {
    let version = rustc(&["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

fn has_target(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    libraries
        .read_dir()
        .is_ok_and(|mut files| files.next().is_some())
}

/// Whether Debian's packages may be installed.
pub fn is_debian_root() -> bool {
    let user = Command::new("id").arg("-u").output();
    Path::new("/etc/debian_version").exists() && user.is_ok_and(|id| id.stdout == b"0\n")
}

fn install_debian() -> bool {
    let install = || {
        let mut command = Command::new("apt-get");
        command
            .args(["install", "--yes", "--no-install-recommends"])
            .args(DEBIAN_PACKAGES);
        succeeds(&mut command)
    };
    (Path::new(DEBIAN_RUSTC).exists() && Path::new(DEBIAN_SOURCES).exists())
        || install()
        || (succeeds(Command::new("apt-get").arg("update")) && install())
}

/// Runs a command that may not be there; what it says goes to the terminal.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
