//! The compiler in a process of its own, and the code that is kept: what it does to the machine is
//! bounded, and nobody else's code is run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use althing::plugins::{Compiler, Engine, Limits, Refusal, inspect};
use althing_corpus::{laborious, with_modules};
use tempfile::TempDir;

use super::support::{guest, patient};

const KEY: [u8; 32] = [7; 32];
const ROOM: u64 = 1 << 30;

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_althing").into()
}

fn engine_with(limits: Limits, program: PathBuf, folder: &Path, key: &[u8; 32]) -> Arc<Engine> {
    let compiler = Compiler::new(program, folder.to_owned(), ROOM, key).unwrap();
    Engine::start_with(limits, Some(compiler)).unwrap()
}

fn engine(folder: &Path) -> Arc<Engine> {
    engine_with(patient(), program(), folder, &KEY)
}

/// One that can't compile: what it has, it has from the folder.
fn idle(folder: &Path, key: &[u8; 32]) -> Arc<Engine> {
    engine_with(patient(), "/bin/false".into(), folder, key)
}

fn refusal(engine: &Engine, component: &[u8]) -> Refusal {
    inspect(engine, component).err().unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn code_is_kept_for_the_next_start() {
    let folder = TempDir::new().unwrap();
    let component = guest("noop-guard");
    assert_eq!(
        refusal(&idle(folder.path(), &KEY), &component).code,
        "plugin_too_large"
    );
    inspect(&engine(folder.path()), &component).unwrap();
    inspect(&idle(folder.path(), &KEY), &component).unwrap();
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn other_settings_are_other_code() {
    let folder = TempDir::new().unwrap();
    let component = guest("noop-guard");
    inspect(&engine(folder.path()), &component).unwrap();
    let limits = Limits {
        memory_bytes_max: 32 << 20,
        ..patient()
    };
    let other = engine_with(limits, program(), folder.path(), &KEY);
    inspect(&other, &component).unwrap();
    assert_eq!(files(folder.path()).len(), 2);
}

#[test]
fn code_of_somebody_else_is_not_run() {
    let folder = TempDir::new().unwrap();
    let (mine, other) = (guest("noop-guard"), guest("rememberer"));
    inspect(&engine(folder.path()), &mine).unwrap();
    let my_file = files(folder.path()).remove(0);
    let good = fs::read(&my_file).unwrap();
    // With another key, with a byte changed, cut off, or made for another component.
    let strange = idle(folder.path(), &[8; 32]);
    assert_eq!(refusal(&strange, &mine).code, "plugin_too_large");
    assert!(files(folder.path()).is_empty(), "what can't be used goes");
    let mut spoilt = good.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    for bytes in [spoilt.as_slice(), &good[..good.len() / 2], &good[..3], b""] {
        fs::write(&my_file, bytes).unwrap();
        assert_eq!(
            refusal(&idle(folder.path(), &KEY), &mine).code,
            "plugin_too_large"
        );
    }
    inspect(&engine(folder.path()), &other).unwrap();
    let other_file = files(folder.path()).remove(0);
    fs::copy(&other_file, &my_file).unwrap();
    assert_eq!(
        refusal(&idle(folder.path(), &KEY), &mine).code,
        "plugin_too_large"
    );
    // The real one is made anew.
    fs::write(&my_file, &spoilt).unwrap();
    inspect(&engine(folder.path()), &mine).unwrap();
    assert_eq!(fs::read(&my_file).unwrap().len(), good.len());
}

#[test]
fn the_folder_has_its_limit() {
    let folder = TempDir::new().unwrap();
    let (first, second) = (guest("noop-guard"), guest("rememberer"));
    inspect(&engine(folder.path()), &second).unwrap();
    let room = fs::metadata(&files(folder.path())[0]).unwrap().len();
    let compiler = Compiler::new(program(), folder.path().to_owned(), room, &KEY).unwrap();
    let small = Engine::start_with(patient(), Some(compiler)).unwrap();
    inspect(&small, &first).unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    inspect(&idle(folder.path(), &KEY), &first).unwrap();
    assert_eq!(
        refusal(&idle(folder.path(), &KEY), &second).code,
        "plugin_too_large"
    );
}

#[test]
fn code_in_use_goes_last() {
    let folder = TempDir::new().unwrap();
    let (first, second) = (guest("noop-guard"), guest("rememberer"));
    let mut third = first.clone();
    third.extend([0, 2, 1, b'x']); // A custom section, so that it is another one.
    let all = engine(folder.path());
    for component in [&first, &second] {
        inspect(&all, component).unwrap();
    }
    let sizes = files(folder.path()).into_iter();
    let room = sizes.map(|file| fs::metadata(file).unwrap().len()).sum();
    let compiler = Compiler::new(program(), folder.path().to_owned(), room, &KEY).unwrap();
    let small = Engine::start_with(patient(), Some(compiler)).unwrap();
    // The oldest is the one that somebody holds.
    let _held = inspect(&small, &first).unwrap();
    inspect(&small, &second).unwrap();
    inspect(&small, &third).unwrap();
    let idle = idle(folder.path(), &KEY);
    for component in [&first, &third] {
        inspect(&idle, component).unwrap();
    }
    assert_eq!(refusal(&idle, &second).code, "plugin_too_large");
}

#[test]
fn zeros_are_no_code() {
    let folder = TempDir::new().unwrap();
    // The first byte of a memory and one far behind it, with 12 MiB of nothing between them.
    let hollow =
        r#"(module (memory 256) (data (i32.const 0) "a") (data (i32.const 12582911) "z"))"#;
    let component = with_modules(guest("noop-guard"), hollow, 20).unwrap();
    let limited = |compiled_bytes_max| {
        let limits = Limits {
            compiled_bytes_max,
            ..patient()
        };
        engine_with(limits, program(), folder.path(), &KEY)
    };
    let refusal = refusal(&limited(64 << 10), &component);
    assert_eq!(refusal.code, "plugin_too_large", "{}", refusal.detail);
    assert!(files(folder.path()).is_empty());
    inspect(&limited(4 << 20), &component).unwrap();
}

#[test]
fn compiling_has_its_limits() {
    let folder = TempDir::new().unwrap();
    let component = laborious(guest("noop-guard")).unwrap();
    let limited = |limits: Limits| engine_with(limits, program(), folder.path(), &KEY);
    let patient = Limits {
        component_bytes_max: 64 << 20,
        ..patient()
    };
    let hasty = limited(Limits {
        compile_cpu_s_max: 1,
        ..patient.clone()
    });
    let poor = limited(Limits {
        compile_memory_bytes_max: 64 << 20,
        ..patient
    });
    for engine in [hasty, poor] {
        let refusal = refusal(&engine, &component);
        assert_eq!(refusal.code, "plugin_too_large", "{}", refusal.detail);
        // And it goes on.
        assert_eq!(self::refusal(&engine, b"junk").code, "plugin_invalid");
    }
    assert!(files(folder.path()).is_empty());
}
