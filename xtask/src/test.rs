//! `cargo xtask test`: everything that must hold, as CI runs it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::{built, demo, fuzz, guide, languages, packages, plugins, toolchain};

/// Runs all of it; the first step that fails ends it.
pub fn run(root: &Path) -> Result<()> {
    let began = Instant::now();
    packages::node()?;
    packages::postgres()?;
    let chromium = packages::chromium()?;
    step("plugins", || plugins::run(root))?;
    step("plugins in other languages", || languages::run(root))?;
    step("format", || cargo(root, &["fmt", "--all", "--check"]))?;
    step(
        "tests of the host, the crash test, and what the benchmark and the fuzz targets are made of",
        || {
            cargo(
                root,
                &[
                    "test",
                    "--package",
                    "althing",
                    "--package",
                    "althing-bench",
                    "--package",
                    "althing-fuzz",
                ],
            )
        },
    )?;
    step("tests of the plugins, their SDK and the tasks", || {
        let packages = [
            "althing-plugin",
            "assistant-plugin",
            "event-plugin",
            "feed-plugin",
            "moderation-plugin",
            "place-plugin",
            "poll-plugin",
            "task-plugin",
            "unfurl-plugin",
            "xtask",
        ];
        let mut arguments = vec!["test"];
        arguments.extend(packages.iter().flat_map(|package| ["--package", package]));
        cargo(root, &arguments)
    })?;
    step("fuzz targets, some inputs each", || {
        fuzz::run(root, &fuzz::Arguments::briefly())
    })?;
    step("the guide for plugin authors, word for word", || {
        guide::run(root)
    })?;
    step("the demo in a browser", || browser(root, &chromium))?;
    step("lints", || {
        cargo(
            root,
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "--deny",
                "warnings",
            ],
        )
    })?;
    step("licences and dependencies", || deny(root))?;
    println!("\nEverything passed, in {} s.", began.elapsed().as_secs());
    Ok(())
}

fn step(name: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n== {name}");
    let began = Instant::now();
    run().with_context(|| format!("failed: {name}"))?;
    println!("== {name}: passed, {} s", began.elapsed().as_secs());
    Ok(())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = toolchain::cargo();
    command
        .args(arguments)
        .current_dir(root)
        .env("ALTHING_PLUGINS_DIR", built::plugins(root)?);
    succeed(&mut command)
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("can't run {:?}", command.get_program()))?;
    ensure!(
        status.success(),
        "{:?} ended with {status}",
        command.get_program()
    );
    Ok(())
}

/// The demo as a newcomer gets it, driven by a real browser.
fn browser(root: &Path, chromium: &Path) -> Result<()> {
    let tests = root.join("tests/browser");
    succeed(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"])
            .current_dir(&tests),
    )?;
    demo::build(root)?;
    let folder = built::folder(root)?.join("demo-test");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let mut demo = demo::start(root, &demo::Arguments::for_tests(&folder))?;
    let page = format!("http://{}", demo.page);
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .current_dir(&tests)
        .env("DEMO_URL", page)
        .env("CHROMIUM", chromium);
    succeed(&mut command)?;
    demo.app.stop()?;
    demo.host.stop()
}

/// Licences, sources and duplicates of the dependencies. Advisories need the network: `cargo deny check advisories`.
fn deny(root: &Path) -> Result<()> {
    let known = toolchain::cargo().args(["deny", "--version"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        println!("cargo-deny is not there: installing it (some minutes) …");
        cargo(
            root,
            &[
                "install",
                "--locked",
                "--quiet",
                "cargo-deny@0.20.2",
                "--target-dir",
                "target/cargo-deny",
            ],
        )?;
    }
    cargo(
        root,
        &["deny", "--offline", "check", "bans", "licenses", "sources"],
    )
}
