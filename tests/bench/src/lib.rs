//! What the host does under pressure, seen from outside as its users see it: real processes, real
//! sockets, no private items.
//!
//! `client` speaks to a host, `process` runs one, `postgres` makes databases for it, `component` plugins. `bench` measures, beside the floors in `floor` that
//! do nothing but the job; `crash` kills the host again and again and checks what it promised.

pub mod bench;
pub mod client;
pub mod component;
pub mod crash;
pub mod floor;
pub mod postgres;
pub mod process;

/// A path from the folder of this program, which is where cargo has built it.
pub fn beside(path: &str) -> std::path::PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.with_file_name(path)
}
