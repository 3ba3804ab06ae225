//! Gets a compiler for plugins where there is none: rustup adds the standard library for
//! WebAssembly. Where rustup can't, on Debian as root, Debian's own compiler and its sources do. Else
//! one sentence says what to install.

use std::path::Path;
use std::process::{Command, Stdio};

use althing_component::toolchain::{self, DEBIAN_PACKAGES};
pub use althing_component::toolchain::{TARGET, Toolchain, cargo};
use anyhow::{Result, bail};

/// Finds a compiler for plugins, installing what is missing.
pub fn find() -> Result<Toolchain> {
    if let Some(found) = toolchain::find()? {
        return Ok(found);
    }
    println!(
        "Rust's standard library for {TARGET} is missing: trying `rustup target add {TARGET}` …"
    );
    if succeeds(Command::new("rustup").args(["target", "add", TARGET]))
        && let Some(found) = toolchain::find()?
    {
        return Ok(found);
    }
    if is_debian_root() {
        println!(
            "rustup could not get it: trying Debian's {} …",
            DEBIAN_PACKAGES.join(" and ")
        );
        if install_debian()
            && let Some(found) = toolchain::find()?
        {
            return Ok(found);
        }
    }
    bail!(toolchain::how_to_get())
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
    install() || (succeeds(Command::new("apt-get").arg("update")) && install())
}

/// Runs a command that may not be there; what it says goes to the terminal.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
