//! The settings: one TOML file, environment variables on top of it, defaults beneath.
//!
//! A key that nobody knows is a fault, and so is a value that can't be; all faults are reported
//! together, by name, before anything starts. Units are in the names (`_bytes`, `_ms`, `_s`), and
//! each setting stands once, with its default, its range and its description, in the files below.
//! `deploy/althing.example.toml` is made from them.

mod egress;
mod example;
mod fault;
mod files;
mod limits;
mod plugins;
mod section;
mod server;
mod socket;
mod source;
#[cfg(test)]
mod tests;
mod value;

use std::path::{Path, PathBuf};

pub use egress::Egress;
pub use example::example;
pub use fault::{Fault, Faults};
pub use files::Files;
pub use limits::{Limits, Sessions};
pub use plugins::Plugins;
pub use server::{Log, LogFormat, Paths, Server, Store};
pub use socket::Socket;
pub use value::NotASetting;

use crate::secrets::Secret;
use section::Section;
use source::Source;

/// All settings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// Where things are on disk: the keys outside any section.
    pub paths: Paths,
    /// `[server]`
    pub server: Server,
    /// `[store]`
    pub store: Store,
    /// `[log]`
    pub log: Log,
    /// `[limits]`
    pub limits: Limits,
    /// `[sessions]`
    pub sessions: Sessions,
    /// `[socket]`
    pub socket: Socket,
    /// `[plugins]`
    pub plugins: Plugins,
    /// `[egress]`
    pub egress: Egress,
    /// `[files]`
    pub files: Files,
}

impl Config {
    /// Reads the file at `path`, if one is given, and the variables that begin with `ALTHING_`.
    pub fn load(
        path: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Faults> {
        let mut source = Source::default();
        if let Some(path) = path {
            source.add_file(path);
        }
        source.add_variables(variables);
        Self::from_source(source)
    }

    /// The variables of this process, for [`Config::load`].
    pub fn variables() -> impl Iterator<Item = (String, String)> {
        // Not `std::env::vars`, which panics at the first that is not UTF-8.
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        std::env::vars_os().map(move |(name, text)| (lossy(name), lossy(text)))
    }

    fn from_source(mut source: Source) -> Result<Self, Faults> {
        let config = Config {
            paths: Section::read(&mut source),
            server: Section::read(&mut source),
            store: Section::read(&mut source),
            log: Section::read(&mut source),
            limits: Section::read(&mut source),
            sessions: Section::read(&mut source),
            socket: Section::read(&mut source),
            plugins: Section::read(&mut source),
            egress: Section::read(&mut source),
            files: Section::read(&mut source),
        };
        config.check_together(&mut source);
        source.finish().map(|()| config)
    }

    /// Settings for a test's own host: any free port, short waits, its files in `data_dir`.
    pub fn for_testing(data_dir: &Path) -> Self {
        Self {
            paths: Paths {
                data_dir: data_dir.to_owned(),
                ..Paths::default()
            },
            server: Server::for_testing(),
            store: Store::for_testing(),
            log: Log::for_testing(),
            limits: Limits::for_testing(),
            sessions: Sessions::for_testing(),
            socket: Socket::for_testing(),
            plugins: Plugins::for_testing(),
            egress: Egress::for_testing(),
            files: Files::for_testing(),
        }
    }

    /// The database: `store.url`, or `althing.db` in the data folder.
    pub fn store_url(&self) -> Secret<String> {
        let in_data_dir = || {
            Secret::new(format!(
                "sqlite:{}",
                self.paths.data_dir.join("althing.db").display()
            ))
        };
        self.store.url.clone().unwrap_or_else(in_data_dir)
    }

    /// The file with the operator's key: `operator_key_file`, or `operator.key` in the data folder.
    pub fn operator_key_file(&self) -> PathBuf {
        let in_data_dir = || self.paths.data_dir.join("operator.key");
        self.paths
            .operator_key_file
            .clone()
            .unwrap_or_else(in_data_dir)
    }

    /// The file with the key that seals secrets: `secret_key_file`, or `secret.key` in the data
    /// folder.
    pub fn secret_key_file(&self) -> PathBuf {
        let in_data_dir = || self.paths.data_dir.join("secret.key");
        self.paths
            .secret_key_file
            .clone()
            .unwrap_or_else(in_data_dir)
    }

    /// The folder for uploaded files: `files.dir`, or `files` in the data folder.
    pub fn files_dir(&self) -> PathBuf {
        let in_data_dir = || self.paths.data_dir.join("files");
        self.files.dir.clone().unwrap_or_else(in_data_dir)
    }

    /// What no setting can tell alone.
    fn check_together(&self, source: &mut Source) {
        let Self {
            server,
            store,
            limits,
            sessions,
            socket,
            plugins,
            egress,
            ..
        } = self;
        let mut at_most = |small: (&str, u64), large: (&str, u64)| {
            source.check_at_most(small, large);
        };
        let bytes = |bytes: usize| bytes as u64;
        at_most(
            ("store.batch_messages_max", bytes(store.batch_messages_max)),
            ("store.queue_max", bytes(store.queue_max)),
        );
        at_most(
            ("limits.text_bytes_max", bytes(limits.text_bytes_max)),
            ("limits.data_bytes_max", bytes(limits.data_bytes_max)),
        );
        at_most(
            ("limits.data_bytes_max", bytes(limits.data_bytes_max)),
            ("server.body_bytes_max", bytes(server.body_bytes_max)),
        );
        at_most(
            ("sessions.lifetime_s", sessions.lifetime_s),
            ("sessions.lifetime_s_max", sessions.lifetime_s_max),
        );
        at_most(
            ("sessions.key_set_fresh_s", sessions.key_set_fresh_s),
            ("sessions.key_set_stale_s", sessions.key_set_stale_s),
        );
        at_most(
            ("socket.frame_bytes_max", bytes(socket.frame_bytes_max)),
            ("socket.queue_bytes_max", bytes(socket.queue_bytes_max)),
        );
        at_most(
            (
                "socket.connections_per_user_max",
                bytes(socket.connections_per_user_max),
            ),
            ("socket.connections_max", bytes(socket.connections_max)),
        );
        at_most(
            ("plugins.guard_cpu_ms", plugins.guard_cpu_ms),
            ("plugins.guard_wall_ms", plugins.guard_wall_ms),
        );
        at_most(
            ("plugins.handler_cpu_ms", plugins.handler_cpu_ms),
            ("plugins.handler_wall_ms", plugins.handler_wall_ms),
        );
        at_most(
            (
                "plugins.concurrent_calls_per_app_max",
                bytes(plugins.concurrent_calls_per_app_max),
            ),
            (
                "plugins.concurrent_calls_max",
                bytes(plugins.concurrent_calls_max),
            ),
        );
        at_most(
            ("egress.connect_timeout_ms", egress.connect_timeout_ms),
            ("egress.timeout_ms", egress.timeout_ms),
        );
    }
}
