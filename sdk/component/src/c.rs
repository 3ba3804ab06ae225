//! C: the plugin's bindings are made here, from its interfaces, and clang compiles them with its
//! sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

use crate::program::{program, run};
use crate::{build_folder, wit};

const CLANG: &str = "C plugins are built with clang and the C library for WebAssembly: on Debian \
                     `apt-get install clang lld wasi-libc libclang-rt-dev-wasm32`, elsewhere set \
                     WASI_SDK_PATH to an unpacked wasi-sdk";
/// What the generated files are called: `plugin.h` is what the sources include.
const BINDINGS: &str = "plugin";

/// The sources of a project, in the order of their names.
pub(crate) fn sources(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in folder.join("src").read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            found.push(path.canonicalize()?);
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn module(folder: &Path) -> Result<Vec<u8>> {
    let sources = sources(folder).context("src")?;
    let build = build_folder(folder)?.canonicalize()?;
    bind(&wit(folder)?, &build)?;
    let made = build.join("plugin.wasm");
    let mut clang = clang(folder)?;
    clang
        .args(["-std=gnu11", "-Oz", "-flto", "-Wall", "-Wextra", "-I"])
        .arg(&build)
        .args(sources)
        .arg(build.join(format!("{BINDINGS}_component_type.o")))
        // Nobody wrote these, and nobody can mend them.
        .args([
            "-Wno-unused-parameter".as_ref(),
            build.join(format!("{BINDINGS}.c")).as_os_str(),
        ])
        .args(["-mexec-model=reactor", "-Wl,--strip-debug", "-o"])
        .arg(&made);
    run(&mut clang, CLANG, "the plugin doesn't compile; see above")?;
    Ok(fs::read(&made)?)
}

/// Writes the bindings of the world, where it differs from what is there.
fn bind(wit: &Path, build: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], None)?;
    let mut files = Files::default();
    let options = wit_bindgen_c::Opts {
        rename_world: Some(BINDINGS.to_owned()),
        ..Default::default()
    };
    options.build().generate(&mut resolve, world, &mut files)?;
    for (name, contents) in files.iter() {
        let path = build.join(name);
        if !fs::read(&path).is_ok_and(|old| old == contents) {
            fs::write(&path, contents).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

/// A clang that has a C library for WebAssembly.
fn clang(folder: &Path) -> Result<Command> {
    if let Some(sdk) = std::env::var_os("WASI_SDK_PATH") {
        let mut clang = program(Path::new(&sdk).join("bin/clang"), folder);
        clang.arg("--target=wasm32-wasip1");
        return Ok(clang);
    }
    // Older distributions name the target as it was called first.
    let targets = ["wasm32-wasip1", "wasm32-wasi"];
    let has_library = |target: &&&str| Path::new("/usr/lib").join(target).join("libc.a").is_file();
    let Some(target) = targets.iter().find(has_library) else {
        bail!("there is no C library for WebAssembly: {CLANG}");
    };
    let mut clang = program("clang", folder);
    clang.arg(format!("--target={target}"));
    Ok(clang)
}
