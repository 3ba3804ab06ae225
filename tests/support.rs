//! What stories are told with: a database of their own, a host on it, its apps and their people.
//!
//! Nothing here sleeps for luck. Whoever waits, waits for an event, an answer or a condition, with
//! a limit after which the story fails.

mod app;
mod child;
mod database;
pub mod dump;
mod host;
mod model;
mod outside;
mod panics;
mod person;
pub mod postgres;
mod runner;
mod signer;
mod socket;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub use app::{App, OTHERS, Org};
pub use child::{ChildHost, refusal};
pub use database::{Database, Kind};
pub use host::TestHost;
pub use model::{Model, Reply};
pub use outside::Outside;
pub use person::{Answer, Person, draft, typed};
pub use runner::run;
pub use signer::Signer;
pub use socket::Socket;

/// How long anything may take before the story fails. Long, for a busy machine; nobody waits for it
/// in a story that goes well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Tells each of these functions as a story on SQLite and on Postgres: `name::sqlite` and
/// `name::postgres`.
macro_rules! stories {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                $crate::support::run($crate::support::Kind::Sqlite, module_path!(), super::$name);
            }

            #[test]
            fn postgres() {
                $crate::support::run($crate::support::Kind::Postgres, module_path!(), super::$name);
            }
        }
    )+};
}
pub(crate) use stories;

/// Asks again until the answer is `Some`, with a short pause between: for what no event tells.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(found) => found,
        Err(_) => panic!("waited in vain until {what}"),
    }
}

/// The command `althing`, with a cache of its own for what all tests compile.
pub fn althing() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_althing"));
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// The component of one of the plugins that come with the host, as `cargo xtask plugins` builds it.
pub fn component(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("ALTHING_PLUGINS_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("plugins"),
        PathBuf::from,
    );
    let path = folder.join(name).with_extension("wasm");
    std::fs::read(&path).unwrap_or_else(|e| {
        panic!(
            "{}: {e}; run `cargo xtask plugins --languages` first",
            path.display()
        )
    })
}

/// A component with a part of its manifest written over: the same plugin in another version, or
/// under another name.
pub fn rewritten(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "nothing may move");
    let (mut component, mut found) = (component.to_vec(), false);
    for at in 0..=component.len() - from.len() {
        if component[at..].starts_with(from.as_bytes()) {
            component[at..at + to.len()].copy_from_slice(to.as_bytes());
            found = true;
        }
    }
    assert!(found, "the component has no `{from}`");
    component
}

/// The top of the workspace.
pub fn workspace() -> PathBuf {
    let host = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    host.parent()
        .expect("the host's crate is in the workspace")
        .to_path_buf()
}
