//! The process: its files, its port, its database, its log.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use super::section::settings;
use super::value::{Given, NotASetting, Setting, within};
use crate::address::Networks;
use crate::secrets::Secret;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

settings! {
    /// Files. These keys stand before the first section.
    struct Paths in "" {
        /// Where the host keeps its files; made if it isn't there.
        data_dir: PathBuf = "./althing-data".into();
        /// The file with the operator's key; made at the first start. If unset, `operator.key` in
        /// the data folder.
        operator_key_file: Option<PathBuf> = None;
        example "\"/run/secrets/operator.key\"";
        /// The file with the key that seals stored secrets; made at the first start. Hosts that
        /// share a database share it. If unset, `secret.key` in the data folder.
        secret_key_file: Option<PathBuf> = None;
        example "\"/run/secrets/secret.key\"";
    }
}

settings! {
    /// HTTP.
    struct Server in "server" {
        /// The address and port to listen at. Port 0 takes any free one.
        listen: SocketAddr = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 7600);
        /// The proxies whose `X-Forwarded-For` is believed. Name no network that clients are in.
        /// Server keys don't work through any other proxy.
        trusted_proxies: Networks = Networks::default();
        /// From where `/metrics` is read. It names apps and their plugins.
        metrics_networks: Networks = Networks::loopback();
        /// The largest request body, in bytes, where no other limit is named.
        body_bytes_max: usize = MIB, within(KIB..=64 * MIB);
        /// The time for a whole request, in milliseconds.
        request_timeout_ms: u64 = 30_000, within(100..=600_000);
        /// The most headers of a request.
        headers_max: usize = 100, within(16..=1000);
        /// The largest head of a request, in bytes.
        header_bytes_max: usize = 32 * KIB, within(8 * KIB..=MIB);
        /// The time for a request's head, in milliseconds.
        header_timeout_ms: u64 = 10_000, within(100..=60_000);
        /// How long a host that stops waits for what is under way, in milliseconds. Less than the
        /// platform's own limit before it kills.
        drain_timeout_ms: u64 = 25_000, within(0..=600_000);
    }
}

settings! {
    /// The database.
    struct Store in "store" {
        /// `sqlite:<path>` or `postgres://user:password@host/name`. If unset, SQLite in
        /// `althing.db` in the data folder.
        url: Option<Secret<String>> = None, store_url;
        example "\"postgres://althing:password@localhost/althing\"";
        /// Connections for reading; writing has its own.
        read_connections: u32 = 8, within(1..=256);
        /// The most messages that are committed together.
        batch_messages_max: usize = 256, within(1..=4096);
        /// The most writes that wait for a commit; more are refused with a time to retry.
        queue_max: usize = 4096, within(16..=1_000_000);
    }
}

settings! {
    /// The log, on standard error.
    struct Log in "log" {
        /// `text` for people, `json` for collectors.
        format: LogFormat = LogFormat::Text;
        /// What is logged: a level, or levels by module such as `info,althing::store=debug`.
        filter: String = "info".into(), filter;
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Setting for LogFormat {
    fn read(given: &Given) -> Result<Self, NotASetting> {
        match String::read(given)?.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("\"text\" or \"json\"".into()),
        }
    }

    fn write(&self) -> Option<String> {
        let name = match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        name.to_owned().write()
    }
}

impl Server {
    /// Any free port, no long waits.
    pub fn for_testing() -> Self {
        Self {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            request_timeout_ms: 10_000,
            header_timeout_ms: 2_000,
            drain_timeout_ms: 2_000,
            ..Self::default()
        }
    }
}

impl Store {
    /// Few connections, for many hosts run at once.
    pub fn for_testing() -> Self {
        Self {
            read_connections: 2,
            ..Self::default()
        }
    }
}

impl Log {
    /// Warnings only.
    pub fn for_testing() -> Self {
        Self {
            filter: "warn".into(),
            ..Self::default()
        }
    }
}

fn store_url(url: &Option<Secret<String>>) -> Result<(), NotASetting> {
    let is_known = |url: &str| {
        let rest = ["sqlite:", "postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        rest.is_some_and(|rest| !rest.is_empty())
    };
    match url {
        Some(url) if !is_known(url.expose()) => {
            Err("\"sqlite:<path>\" or \"postgres://…\" (the value is not shown here)".into())
        }
        _ => Ok(()),
    }
}

fn filter(filter: &String) -> Result<(), NotASetting> {
    match EnvFilter::builder().parse(filter) {
        Ok(_) => Ok(()),
        Err(error) => Err(NotASetting(format!("a filter such as \"info\": {error}"))),
    }
}
