//! How a call can go wrong. A fault is a value like any other: which kind it is tells the breaker
//! whose fault it was, and the install's policy says what it means for the message.

use std::fmt;

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use super::types::Level;

/// What a call took, whether it went well or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in microseconds, of the guest and of the host on its behalf.
    pub cpu_us: u64,
    /// Time in microseconds from the request for a slot to the outcome.
    pub wall_us: u64,
    /// The most that linear memories and tables took together.
    pub memory_peak_bytes: u64,
    /// Host functions called.
    pub host_calls: u32,
}

/// A line for the plugin's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// As the plugin chose.
    pub level: Level,
    /// At most `log_line_bytes_max`; may hold any characters.
    pub message: String,
}

/// A call that gave no result.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Whose fault it was, and what a breaker should make of it.
    pub kind: FaultKind,
    /// For the tenant: the trap's message, and the plugin's functions that led to it.
    pub detail: String,
    /// What the call took until then.
    pub usage: Usage,
    /// What the plugin logged before.
    pub log: Vec<LogLine>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The guest trapped: a panic, a bad access, too deep a recursion.
    Trap,
    /// It used up its CPU time.
    CpuLimit,
    /// It was not done in time, with all that it waited for. Waiting for a slot or for a processor is not its own.
    WallTimeout,
    /// It wanted more memory than it may have.
    MemoryLimit,
    /// It called the host too often, or handed over too much at once.
    HostCallLimit,
    /// It returned something that doesn't fit the contract.
    BadOutput,
    /// It does not export the hook.
    NotExported,
    /// There was no slot for the call, or no processor. Not the plugin's fault; trying again may work.
    Overloaded,
}

impl FaultKind {
    /// A stable name for logs, metrics and the API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::CpuLimit => "cpu_limit",
            Self::WallTimeout => "wall_timeout",
            Self::MemoryLimit => "memory_limit",
            Self::HostCallLimit => "host_call_limit",
            Self::BadOutput => "bad_output",
            Self::NotExported => "not_exported",
            Self::Overloaded => "overloaded",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.detail)
    }
}

impl std::error::Error for Fault {}

/// A limit that ends the call. It travels through the guest as a trap, which it can't catch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    Cpu,
    Memory { wanted_bytes: usize },
    HostCalls { max: u32 },
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("the call used up its CPU time"),
            Self::Memory { wanted_bytes } => {
                write!(
                    f,
                    "the call wanted {wanted_bytes} bytes of memory and tables"
                )
            }
            Self::HostCalls { max } => write!(f, "the call made more than {max} host calls"),
        }
    }
}

impl std::error::Error for Limit {}

/// The kind and the detail of an error that ended a call.
pub(super) fn classify(error: &wasmtime::Error) -> (FaultKind, String) {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let cause = error.root_cause().to_string();
    let kind = if let Some(limit) = error.downcast_ref::<Limit>() {
        match limit {
            Limit::Cpu => FaultKind::CpuLimit,
            Limit::Memory { .. } => FaultKind::MemoryLimit,
            Limit::HostCalls { .. } => FaultKind::HostCallLimit,
        }
    } else if error.is::<PoolConcurrencyLimitError>() {
        // Admission lets in fewer calls than the pool has room for, so this is a bug of ours.
        tracing::error!(error = %cause, "the plugin pool is full in spite of admission");
        FaultKind::Overloaded
    } else if error.is::<Trap>() {
        FaultKind::Trap
    } else if backtrace.is_none() {
        // No guest frame is on the stack: the guest had returned, and its result was at fault.
        FaultKind::BadOutput
    } else if cause.contains("too much data is being copied") {
        FaultKind::HostCallLimit
    } else {
        FaultKind::Trap
    };
    (kind, with_frames(cause, backtrace))
}

/// Appends the guest's functions, innermost first. Those of a stripped component have no names.
fn with_frames(mut detail: String, backtrace: Option<&WasmBacktrace>) -> String {
    let frames = backtrace.map(WasmBacktrace::frames).unwrap_or_default();
    for (at, frame) in frames.iter().enumerate() {
        detail.push_str(if at == 0 { " at " } else { " < " });
        match frame.func_name() {
            // Rust's names are written for linkers; those of other languages stay as they are.
            Some(name) => {
                let name = format!("{:#}", rustc_demangle::demangle(name));
                detail.extend(name.chars().take(100));
            }
            None => detail.push_str(&format!("function {}", frame.func_index())),
        }
    }
    detail
}
