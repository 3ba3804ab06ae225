//! Which compiler makes plugins: the ordinary one, once its standard library for WebAssembly is
//! there. Where rustup can't get that, Debian's own compiler can build it from its sources.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// No imports but the host's own: `std` for it has no files, sockets, clocks or environment.
pub const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Where that compiler looks for the sources of `std`.
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library";
/// What holds both.
pub const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// A compiler that can make plugins.
pub enum Toolchain {
    /// The one that `cargo` calls.
    Ordinary,
    /// Debian's, which builds its own `std`, with the linker of the ordinary one.
    Debian {
        /// That linker.
        linker: PathBuf,
    },
}

/// Finds a compiler for plugins among what is installed. The error of a machine that has no Rust at
/// all says so.
pub fn find() -> Result<Option<Toolchain>> {
    let sysroot = PathBuf::from(rustc(&["--print", "sysroot"])?.trim());
    let libraries = sysroot.join("lib/rustlib");
    let is_there = |mut files: std::fs::ReadDir| files.next().is_some();
    if libraries
        .join(TARGET)
        .join("lib")
        .read_dir()
        .is_ok_and(is_there)
    {
        return Ok(Some(Toolchain::Ordinary));
    }
    let linker = libraries.join(host()?).join("bin/rust-lld");
    let debian = [Path::new(DEBIAN_RUSTC), Path::new(DEBIAN_SOURCES), &linker];
    Ok(debian
        .iter()
        .all(|path| path.exists())
        .then_some(Toolchain::Debian { linker }))
}

/// What to do where there is none, in a sentence.
pub fn how_to_get() -> String {
    format!(
        "plugins need Rust's standard library for {TARGET}: run `rustup target add {TARGET}` (or, \
         without rustup, install your distribution's package of it) and try again"
    )
}

impl Toolchain {
    /// `cargo build`, set up for plugins.
    pub fn cargo_build(&self) -> Command {
        let mut command = cargo();
        command.args(["build", "--target", TARGET]);
        command.args(["--config", &without_paths()]);
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

/// Has the compiler leave the folders of whoever builds out of the component: nobody who gets it need know
/// them, and the same sources make the same bytes elsewhere.
fn without_paths() -> String {
    let home = std::env::home_dir().unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    // The last one that fits counts.
    let flags = [(home, "/home"), (cargo, "/cargo")]
        .into_iter()
        .filter(|(folder, _)| folder.is_absolute())
        .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
    let flags: Vec<String> = flags.collect();
    format!("target.{TARGET}.rustflags={flags:?}")
}

/// The cargo that runs this program, if one does, called as if from a shell: what cargo tells the
/// programs that it runs would make build scripts (ring's, for one) run again, and much else after
/// them.
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
        .context("can't run `rustc`; Rust is at https://rustup.rs")?;
    ensure!(
        output.status.success(),
        "rustc: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The triple of this machine, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String> {
    let version = rustc(&["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}
