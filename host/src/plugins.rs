//! Runs plugins: everything that touches wasmtime, and nothing else. A component is inspected and
//! compiled once (`inspect`), linked once for each set of grants (`link`), and called through one
//! function for each hook, each call in a fresh instance of its own, or in one that the same install
//! has used before (`kept`) where its manifest asks for it. Whatever a plugin does, a call ends as a
//! value within its budget: an `Output` or a `Fault`. What it wrote comes back as `Effects`, for the
//! chat layer to commit with its own changes, or to drop.

mod bindings;
mod call;
pub mod case;
mod compiler;
mod component;
mod counters;
mod deadline;
mod document;
mod effects;
mod engine;
mod fault;
mod figures;
mod grants;
mod guest;
mod hooks;
mod imports;
mod interfaces;
mod kept;
mod lane;
mod limits;
mod link;
mod log;
mod manifest;
mod meter;
mod output;
mod overlay;
mod refusal;
mod scan;
mod schema;
mod settings;
mod signature;
mod slots;
mod state;
mod streaming;
mod ticker;
mod types;
mod wasi;

pub use call::{Call, Install, Output};
pub use compiler::{COMMAND as COMPILE_COMMAND, Compiler, Task as CompileTask, this_program};
pub use component::{Checked, Digest, Facts, Inspection, check, finish, has_code, inspect, known};
pub use counters::Counters;
pub use effects::{Effect, Effects, KvRead, KvWrite, TimerWrite};
pub use engine::Engine;
pub use fault::{Fault, FaultKind, LogLine, Usage};
pub use figures::{Figure, Figures};
pub use grants::{Grants, Permission};
pub use hooks::{
    Act, check_settings, complete_command, guard, guard_connect, guard_create, guard_delete,
    guard_edit, guard_file, guard_seat, guard_send, handle_event, handle_interaction,
    handle_request, kind_act, kind_create, rank_feed, run_command, run_schedule, start,
};
pub use imports::{Answer, Chat, Incoming, Room};
pub use interfaces::{Hook, Hooks};
pub use limits::{Budget, Limits};
pub use link::{Linked, link};
pub use manifest::{
    CommandInfo, EVENTS, FeedInfo, KindInfo, Manifest, PermissionRequest, host_setting, opens,
    parse as parse_manifest,
};
pub use refusal::Refusal;
pub use schema::secrets as secret_settings;
pub use settings::{SECRET_BYTES_MAX, SettingFault, Settings};
pub use signature::{PublicKey, Signature, sign};
pub use types::*;
