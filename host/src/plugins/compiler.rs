//! Compiles components in a process of their own, and keeps the code.
//!
//! Whatever an uploaded file makes a compiler do, it does with little of the machine: the process has
//! a limit on CPU time and on memory, and gives way to those who serve. The code is kept under the
//! digest of the component and all that the engine's settings change in it, with a tag that only this
//! host's key makes: code that somebody else put into the folder is not run.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use ring::digest::{self, SHA256, SHA256_OUTPUT_LEN};
use ring::hmac;
use rustix::process::{Resource, Rlimit, Signal};
use wasmtime::component::Component;

use super::component::Digest;
use super::engine::code_config;
use super::limits::Limits;
use super::refusal::Refusal;

/// The command of the host's program that compiles: the component comes in on standard input, its
/// code goes out on standard output.
pub const COMMAND: &str = "compile-plugin";
/// How a process that was asked for the impossible ends; why stands on standard error.
const REFUSED: u8 = 3;
/// How it ends when it has no more memory, unless it is aborted.
const EXHAUSTED: u8 = 4;
/// Of what the process says about a component.
const REASON_BYTES_MAX: u64 = 4 << 10;
const TAG_BYTES: usize = 32;

/// Compiles. How many components at once is for its caller to say.
pub struct Compiler {
    program: PathBuf,
    folder: PathBuf,
    folder_bytes_max: u64,
    key: hmac::Key,
    /// How many files it has begun.
    begun: AtomicU64,
}

impl Compiler {
    /// `program` is an `althing`; `folder` is made if it isn't there, and holds `folder_bytes_max` at
    /// most: what was used longest ago goes. `key` tells our own code from any other.
    pub fn new(
        program: PathBuf,
        folder: PathBuf,
        folder_bytes_max: u64,
        key: &[u8; 32],
    ) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        Ok(Self {
            program,
            folder,
            folder_bytes_max,
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            begun: AtomicU64::new(0),
        })
    }

    /// The component's code, kept or made. If others must make room for it, those `in_use` go last.
    pub(super) fn compile(
        &self,
        engine: &wasmtime::Engine,
        limits: &Limits,
        digest: Digest,
        bytes: &[u8],
        in_use: impl FnOnce() -> Vec<Digest>,
    ) -> Result<Component, Refusal> {
        let name = name(engine, digest);
        if let Some(component) = self.kept(engine, &name) {
            return Ok(component);
        }
        let code = self.make(limits, bytes)?;
        let component = load(engine, &code).map_err(|error| {
            let detail = format!("The component's code doesn't fit this host: {error:#}.");
            Refusal::new("plugin_not_compiled", detail)
        })?;
        let in_use = in_use().into_iter().map(|of| self::name(engine, of));
        if let Err(error) = self.keep(&name, &code, &in_use.collect()) {
            tracing::warn!(error = %error, "a plugin's code could not be kept: it is compiled again at the next start");
        }
        Ok(component)
    }

    /// Whether there is code of a component. It may yet turn out to be none of ours.
    pub(super) fn has(&self, engine: &wasmtime::Engine, digest: Digest) -> bool {
        self.folder.join(name(engine, digest)).exists()
    }

    fn kept(&self, engine: &wasmtime::Engine, name: &str) -> Option<Component> {
        let path = self.folder.join(name);
        let mut file = File::open(&path).ok()?;
        let mut kept = Vec::new();
        file.read_to_end(&mut kept).ok()?;
        let component = kept
            .split_first_chunk::<TAG_BYTES>()
            .filter(|(tag, code)| hmac::verify(&self.key, &tagged(name, code), *tag).is_ok())
            .and_then(|(_, code)| load(engine, code).ok());
        match component {
            // It was of use now.
            Some(_) => drop(file.set_modified(fs_now())),
            None => drop(fs::remove_file(&path)),
        }
        component
    }

    /// Whole or not at all: another host may share the folder.
    fn keep(&self, name: &str, code: &[u8], in_use: &HashSet<String>) -> io::Result<()> {
        self.make_room(code.len() as u64, in_use)?;
        let tag = hmac::sign(&self.key, &tagged(name, code));
        let (process, begun) = (
            std::process::id(),
            self.begun.fetch_add(1, Ordering::Relaxed),
        );
        let partial = format!("{name}.{process}-{begun}.partial");
        let partial = self.folder.join(partial);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(tag.as_ref())?;
        file.write_all(code)?;
        drop(file);
        fs::rename(&partial, self.folder.join(name))
    }

    /// What this host runs is needed at its next start: it goes last.
    fn make_room(&self, bytes: u64, in_use: &HashSet<String>) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let known = entry.metadata()?;
            let is_used = in_use.contains(&*entry.file_name().to_string_lossy());
            files.push((is_used, known.modified()?, known.len(), entry.path()));
        }
        files.sort_unstable();
        let mut held: u64 = files.iter().map(|(.., bytes, _)| bytes).sum();
        for (.., file_bytes, path) in files {
            if held + bytes <= self.folder_bytes_max {
                break;
            }
            fs::remove_file(&path)?;
            held -= file_bytes;
        }
        Ok(())
    }

    /// Has a process compile.
    fn make(&self, limits: &Limits, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let failed = |error: io::Error| {
            tracing::error!(error = %error, program = %self.program.display(), "can't run the compiler");
            let detail = "The host can't run its compiler now. Try again later.";
            Refusal::new("plugins_overloaded", detail)
        };
        let mut process = Command::new(&self.program)
            .arg(COMMAND)
            .args(Task::of(limits).arguments())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // One that has ended without reading says why in its status.
        if let Some(mut stdin) = process.stdin.take() {
            let _ = stdin.write_all(bytes);
        }
        let (mut code, mut reason) = (Vec::new(), String::new());
        if let Some(stdout) = process.stdout.take() {
            // With more than that it is not heard to the end, and ends.
            stdout
                .take(limits.compiled_bytes_max.saturating_add(1))
                .read_to_end(&mut code)
                .map_err(failed)?;
        }
        if let Some(stderr) = process.stderr.take() {
            let _ = stderr.take(REASON_BYTES_MAX).read_to_string(&mut reason);
        }
        let status = process.wait().map_err(failed)?;
        if code.len() as u64 > limits.compiled_bytes_max {
            let mib = limits.compiled_bytes_max >> 20;
            let detail = format!("The component's code takes more than {mib} MiB.");
            return Err(Refusal::new("plugin_too_large", detail));
        }
        if status.success() {
            return Ok(code);
        }
        if status.code() == Some(REFUSED.into()) {
            let detail = format!("The component can't be compiled for this host: {reason}.");
            return Err(Refusal::new("plugin_not_compiled", detail));
        }
        let (seconds, mib) = (
            limits.compile_cpu_s_max,
            limits.compile_memory_bytes_max >> 20,
        );
        tracing::warn!(
            signal = status.signal(),
            code = status.code(),
            "a plugin's compilation was ended"
        );
        Err(Refusal::new(
            "plugin_too_large",
            format!(
                "The component takes more than {seconds} s of computing or {mib} MiB to compile."
            ),
        ))
    }
}

/// What the kept code is for: the component, and this build of the engine with these settings.
fn name(engine: &wasmtime::Engine, digest: Digest) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{digest}-{:016x}.code", hasher.finish())
}

/// The code, and what it is for.
fn tagged(name: &str, code: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut hash = digest::Context::new(&SHA256);
    for part in [name.as_bytes(), &[0], code] {
        hash.update(part);
    }
    let mut tagged = [0; SHA256_OUTPUT_LEN];
    tagged.copy_from_slice(hash.finish().as_ref());
    tagged
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file's age, by the clock that the file system uses"
)]
fn fs_now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

fn load(engine: &wasmtime::Engine, code: &[u8]) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "the code comes from our own compiler: over a pipe, or from a file with our tag"
    )]
    unsafe {
        Component::deserialize(engine, code)
    }
}

/// What the process is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct Task {
    #[arg(long)]
    memory_bytes_max: u32,
    #[arg(long)]
    stack_bytes_max: u32,
    #[arg(long)]
    compile_cpu_s_max: u32,
    #[arg(long)]
    compile_memory_bytes_max: u64,
}

impl Task {
    fn of(limits: &Limits) -> Self {
        Self {
            memory_bytes_max: limits.memory_bytes_max,
            stack_bytes_max: limits.stack_bytes_max,
            compile_cpu_s_max: limits.compile_cpu_s_max,
            compile_memory_bytes_max: limits.compile_memory_bytes_max,
        }
    }

    fn arguments(self) -> [String; 4] {
        [
            format!("--memory-bytes-max={}", self.memory_bytes_max),
            format!("--stack-bytes-max={}", self.stack_bytes_max),
            format!("--compile-cpu-s-max={}", self.compile_cpu_s_max),
            format!(
                "--compile-memory-bytes-max={}",
                self.compile_memory_bytes_max
            ),
        ]
    }

    /// Does it, in the process that was started for it. Gives the exit code.
    pub fn run(self) -> u8 {
        match self.compile() {
            Ok(()) => 0,
            // Where memory ends, the engine says so at times, and aborts at others.
            Err(error) if is_exhausted(&error) => EXHAUSTED,
            Err(error) => {
                let _ = write!(io::stderr(), "{error:#}");
                REFUSED
            }
        }
    }

    fn compile(self) -> wasmtime::Result<()> {
        self.confine()?;
        let mut component = Vec::new();
        io::stdin().read_to_end(&mut component)?;
        let limits = Limits {
            memory_bytes_max: self.memory_bytes_max,
            stack_bytes_max: self.stack_bytes_max,
            ..Limits::default()
        };
        let engine = wasmtime::Engine::new(&code_config(&limits))?;
        let code = engine.precompile_component(&component)?;
        Ok(io::stdout().write_all(&code)?)
    }

    /// Gives up what compiling does not need.
    fn confine(self) -> io::Result<()> {
        let to = |max: u64| Rlimit {
            current: Some(max),
            maximum: Some(max),
        };
        // Whoever waits for it may be killed.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        rustix::process::setrlimit(Resource::Cpu, to(self.compile_cpu_s_max.into()))?;
        rustix::process::setrlimit(Resource::As, to(self.compile_memory_bytes_max))?;
        rustix::process::setrlimit(Resource::Core, to(0))?;
        rustix::process::setrlimit(Resource::Fsize, to(0))?;
        rustix::process::setrlimit(Resource::Nproc, to(0))?;
        rustix::process::nice(10)?;
        Ok(())
    }
}

fn is_exhausted(error: &wasmtime::Error) -> bool {
    let reading = error.downcast_ref::<io::Error>();
    error.is::<wasmtime::error::OutOfMemory>()
        || reading.is_some_and(|error| error.kind() == io::ErrorKind::OutOfMemory)
}

/// The program that is running.
pub fn this_program() -> io::Result<PathBuf> {
    // A program that was replaced while it runs is still found under this name.
    let running = Path::new("/proc/self/exe");
    match running.exists() {
        true => Ok(running.to_owned()),
        false => std::env::current_exe(),
    }
}
