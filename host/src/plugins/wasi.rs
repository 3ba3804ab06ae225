//! WASI 0.2, for components whose language brings a runtime that wants it. There is nothing in it but
//! what the call carries anyway: a clock that shows the call's time, random numbers from its seed,
//! and standard streams that end up in the plugin's log. No files, no sockets, no names, no
//! environment, no arguments; and the same call finds the same again.
//!
//! These functions aren't counted as host calls: runtimes make many before the plugin's own code runs.
//! Each takes little, none waits but a sleep, and the call's CPU time and wall time bound them all.

mod clocks;
mod random;
mod stream;

use std::sync::Arc;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::{cli, filesystem, sockets};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView as _};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_io::bindings::wasi::io;

use super::limits::Limits;
use super::log::Stream;
use super::meter::Meter;
use super::state::State;
use clocks::{Clock, Clocks};
use random::Random;
use stream::Written;

/// What a component may import of it: what the runtimes of JavaScript, Python, C and Rust do.
const INTERFACES: [(&str, &[&str]); 6] = [
    ("io", &["error", "poll", "streams"]),
    ("clocks", &["monotonic-clock", "wall-clock"]),
    ("random", &["insecure", "insecure-seed", "random"]),
    (
        "cli",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
    ("filesystem", &["preopens", "types"]),
    (
        "sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];

/// Whether an import, which begins with `wasi:`, is among them. Any patch level of 0.2 is.
pub(super) fn has(import: &str) -> bool {
    let name = import.strip_prefix("wasi:");
    let parts = name.and_then(|name| name.split_once('/'));
    let Some((package, (interface, version))) =
        parts.and_then(|(package, rest)| Some((package, rest.split_once('@')?)))
    else {
        return false;
    };
    version.starts_with("0.2.")
        && INTERFACES
            .iter()
            .any(|(known, all)| *known == package && all.contains(&interface))
}

/// What a store holds for it, from its first use on.
pub(super) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    clock: Clock,
    random: Random,
    written: Written,
}

impl Wasi {
    fn new(limits: &Limits, meter: &Arc<Meter>, now_ms: u64, seed: u64) -> Self {
        let written = Written::to(meter);
        let mut builder = WasiCtx::builder();
        builder
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .stdout(written.stream(Stream::Out))
            .stderr(written.stream(Stream::Err));
        let mut table = ResourceTable::new();
        // A handle of the guest is one of a stream or of a pollable with what it waits for.
        table.set_max_capacity(limits.handles_max as usize * 2);
        Self {
            ctx: builder.build(),
            table,
            clock: Clock::at(now_ms),
            random: Random::new(seed),
            written,
        }
    }

    /// Goes on in an instance that is kept, for another call.
    pub(super) fn begin(&mut self, meter: &Arc<Meter>, now_ms: u64, seed: u64) {
        self.clock.begin(now_ms);
        self.random = Random::new(seed);
        self.written.go_to(meter);
    }
}

impl State {
    fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_with(|| {
            let wasi = Wasi::new(&self.limits, &self.meter, self.now_ms, self.seed);
            Box::new(wasi)
        })
    }

    fn table(&mut self) -> &mut ResourceTable {
        &mut self.wasi().table
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { ctx, table, .. } = self.wasi();
        WasiCtxView { ctx, table }
    }
}

/// The part of a store that the functions of streams and pollables see.
struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links all of it. What a component doesn't import costs it nothing.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    io::error::add_to_linker::<State, Table>(linker, State::table)?;
    io::poll::add_to_linker::<State, Table>(linker, State::table)?;
    io::streams::add_to_linker::<State, Table>(linker, State::table)?;
    clocks::link(linker, |state| {
        let Wasi { clock, table, .. } = state.wasi();
        Clocks { clock, table }
    })?;
    random::link(linker, |state| &mut state.wasi().random)?;
    cli::environment::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<State, WasiSockets>(linker, &options, State::sockets)?;
    sockets::instance_network::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    sockets::tcp::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    sockets::udp::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    sockets::udp_create_socket::add_to_linker::<State, WasiSockets>(linker, State::sockets)
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn interfaces_of_0_2_are_known_by_name() {
        for name in ["wasi:io/poll@0.2.0", "wasi:cli/stdout@0.2.12"] {
            assert!(has(name), "{name}");
        }
        for name in [
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:cli/run@0.2.0",
            "wasi:clocks/timezone@0.2.0",
            "wasi:io/poll@0.3.0",
            "wasi:io/poll",
            "wasi:sockets/poll@0.2.0",
            "wasi:poll@0.2.0",
        ] {
            assert!(!has(name), "{name}");
        }
    }
}
