//! `cargo xtask demo`: builds everything, starts a host and a small app on it, and shows where to
//! look. Everything it keeps is in one folder, so that a second start finds it again.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::process::{Running, check_free};
use crate::{built, packages, plugins, toolchain};

/// How to run the demo.
#[derive(clap::Args)]
pub struct Arguments {
    /// The host's port; the page is at the next one.
    #[arg(long, default_value_t = 7600)]
    port: u16,
    /// The folder that it keeps everything in.
    #[arg(long, default_value = "althing-demo")]
    folder: PathBuf,
}

/// Builds, starts, and waits for Ctrl-C.
pub fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    packages::node()?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.store(true, Ordering::SeqCst))
        .context("can't listen for Ctrl-C")?;
    build(root)?;
    if stop.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut demo = start(root, arguments)?;
    while !stop.load(Ordering::SeqCst) {
        for child in [&mut demo.host, &mut demo.app] {
            ensure!(
                child.ended()?.is_none() || stop.load(Ordering::SeqCst),
                "{} has ended",
                child.name
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    println!();
    demo.app.stop()?;
    demo.host.stop()?;
    println!(
        "Stopped. Everything is still in {}.",
        arguments.folder.display()
    );
    Ok(())
}

/// Builds the plugins and the host, in the same way for demo and tests, so that they share it.
pub fn build(root: &Path) -> Result<()> {
    println!("Building the plugins (the first time takes some minutes) …");
    plugins::run(root)?;
    println!("Building the host (the first time takes some minutes) …");
    let built = toolchain::cargo()
        .args(["build", "--package", "althing", "--bin", "althing"])
        .current_dir(root)
        .status();
    ensure!(
        built.context("cargo")?.success(),
        "The host could not be built."
    );
    Ok(())
}

/// A demo that runs.
pub struct Demo {
    pub app: Running,
    pub host: Running,
    pub page: SocketAddr,
}

/// Starts the host and the app.
pub fn start(root: &Path, arguments: &Arguments) -> Result<Demo> {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (api, page) = (local(arguments.port), local(arguments.port + 1));
    check_free(api)?;
    check_free(page)?;
    let folder = root.join(&arguments.folder);
    let data = folder.join("host");
    std::fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    let log = std::fs::File::create(folder.join("host.log")).context("host.log")?;
    let mut host = Running::start(
        "the host",
        Command::new(built::program(root, "debug", "althing")?)
            .arg("serve")
            .env("ALTHING_DATA_DIR", &data)
            .env("ALTHING_SERVER__LISTEN", api.to_string())
            .stderr(log),
    )?;
    host.wait_for(api, "/readyz", Duration::from_secs(60))
        .with_context(|| format!("see {}", folder.join("host.log").display()))?;
    let mut app = Running::start(
        "the demo's app",
        Command::new("node")
            .arg(root.join("xtask/demo/app.mjs"))
            .env("ALTHING_URL", format!("http://{api}"))
            .env("ALTHING_OPERATOR_KEY_FILE", data.join("operator.key"))
            .env("DEMO_STATE", folder.join("app.json"))
            .env("DEMO_PLUGINS", built::plugins(root)?)
            .env("DEMO_LISTEN", page.to_string()),
    )?;
    // The first time the host compiles the plugins, on a busy machine not at its best.
    app.wait_for(page, "/", Duration::from_secs(300))?;
    Ok(Demo { app, host, page })
}

impl Arguments {
    /// A demo for tests, beside one that somebody may be looking at.
    pub fn for_tests(folder: &Path) -> Self {
        Self {
            port: 17600,
            folder: folder.to_path_buf(),
        }
    }
}
