//! `cargo xtask fuzz`: builds the fuzz targets of `tests/fuzz` and runs one, or each for a while.
//!
//! Only our own crates are instrumented, by a wrapper around the compiler: the dependencies are those of
//! every other build, and the compiler is the stable one. What a run learns is kept in `target/fuzz`, and
//! never in the repository: what is in `tests/fuzz/corpus` was chosen by hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::{built, packages, plugins, toolchain};

/// What there is to fuzz, and the longest input of each in bytes.
const TARGETS: [(&str, u32); 5] = [
    ("case", 4 << 10),
    ("component", 64 << 10),
    ("imports", 1 << 10),
    ("manifest", 4 << 10),
    ("output", 1 << 10),
];
/// What an input may take: memory in MiB, time in seconds.
const MEMORY_MIB_MAX: u32 = 2048;
const INPUT_S_MAX: u32 = 20;

/// What to fuzz, and for how long.
#[derive(Args)]
pub struct Arguments {
    /// `case`, `component`, `imports`, `manifest` or `output`; all, one after the other, if none is named.
    target: Option<String>,
    /// How long to run each, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Run so many inputs in place of a time, much the same ones each time.
    #[arg(long)]
    runs: Option<u32>,
    /// Inputs to run once, and nothing else: such as one that was found.
    #[arg(long, requires = "target")]
    input: Vec<PathBuf>,
}

impl Arguments {
    /// All targets, long enough to see that each still runs. Tests are no place for chance.
    pub fn briefly() -> Self {
        Self {
            target: None,
            seconds: 60,
            runs: Some(1_500),
            input: Vec::new(),
        }
    }
}

/// Builds the plugins and the targets, and runs what was asked for.
pub fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let chosen = chosen(arguments.target.as_deref())?;
    if !built::plugins(root)?.join("puppet.wasm").exists() {
        plugins::run(root)?;
    }
    build(root)?;
    for (target, bytes_max) in chosen {
        println!("\n-- {target}");
        match arguments.input.as_slice() {
            [] => explore(root, target, *bytes_max, arguments)?,
            inputs => succeed(&mut program(root, target, inputs)?, root, target)?,
        }
    }
    Ok(())
}

fn chosen(name: Option<&str>) -> Result<&'static [(&'static str, u32)]> {
    let Some(name) = name else {
        return Ok(&TARGETS);
    };
    let found = TARGETS.iter().position(|(target, _)| *target == name);
    let Some(at) = found else {
        let names: Vec<_> = TARGETS.iter().map(|(target, _)| *target).collect();
        bail!("there is no target `{name}`, only {}", names.join(", "));
    };
    Ok(&TARGETS[at..=at])
}

fn build(root: &Path) -> Result<()> {
    packages::cpp()?;
    let built = toolchain::cargo()
        .current_dir(root)
        .args(["build", "--package", "althing-fuzz", "--bins"])
        .args(["--features", "libfuzzer"])
        .env(
            "RUSTC_WORKSPACE_WRAPPER",
            root.join("tests/fuzz/instrument"),
        )
        .status()
        .context("cargo")?;
    ensure!(built.success(), "the fuzz targets don't compile; see above");
    Ok(())
}

/// Runs a target from what is known on, and keeps what is new; with a number of runs from the corpus of
/// the repository alone.
fn explore(root: &Path, target: &str, bytes_max: u32, arguments: &Arguments) -> Result<()> {
    let kept = built::folder(root)?.join("fuzz").join(target);
    let (learned, length) = match arguments.runs {
        Some(runs) => ("brief", vec![format!("-runs={runs}"), "-seed=1".into()]),
        None => {
            let length = format!("-max_total_time={}", arguments.seconds);
            ("corpus", vec![length, "-print_final_stats=1".into()])
        }
    };
    // libFuzzer writes to the first.
    let mut folders = vec![kept.join(learned)];
    if arguments.runs.is_some() && folders[0].exists() {
        std::fs::remove_dir_all(&folders[0])?;
    }
    std::fs::create_dir_all(&folders[0])?;
    let chosen = root.join("tests/fuzz/corpus").join(target);
    if chosen.is_dir() {
        folders.push(chosen);
    }
    let mut program = program(root, target, &folders)?;
    program
        .args(length)
        .arg(format!("-max_len={bytes_max}"))
        .arg("-len_control=0")
        .arg(format!("-artifact_prefix={}/", kept.display()));
    let words = root.join("tests/fuzz/dictionaries").join(target);
    if words.is_file() {
        program.arg(format!("-dict={}", words.display()));
    }
    succeed(&mut program, root, target)
}

fn program(root: &Path, target: &str, inputs: &[PathBuf]) -> Result<Command> {
    let name = format!("fuzz-{target}");
    let mut program = Command::new(built::program(root, "debug", &name)?);
    program
        .current_dir(root)
        .env("ALTHING_PLUGINS_DIR", built::plugins(root)?)
        .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
        .arg(format!("-timeout={INPUT_S_MAX}"))
        .args(inputs);
    Ok(program)
}

fn succeed(program: &mut Command, root: &Path, target: &str) -> Result<()> {
    let status = program.status().context("the fuzz target")?;
    ensure!(
        status.success(),
        "`{target}` found an input that breaks a promise: it is in {}, and named above. To see it \
         again: `cargo xtask fuzz {target} --input <file>`. Once it is mended, the input belongs into \
         tests/fuzz/corpus/{target}, where the tests run it.",
        built::folder(root)?.join("fuzz").join(target).display()
    );
    Ok(())
}
