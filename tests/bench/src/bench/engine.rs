//! What the plugin engine costs by itself, in this process: no network, no database, no chat layer.
//! CPU time of a call beside the same source called natively, calls of many tenants on all cores,
//! and the memory of what stays between calls.

mod calls;
mod memory;
mod stage;
mod tenants;

use anyhow::Result;

use super::Report;
use super::run::Options;

#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "the engine's own tests ask more of it, and fail where it fails"
)]
#[path = "../../../../host/tests/plugins_engine/chat.rs"]
mod chat;

/// Measures.
///
/// # Errors
/// The guests are not there, or a call ends in a fault.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    // First, while nothing that was freed could hide what is taken.
    memory::measure(options, report).await?;
    calls::measure(options, report).await?;
    tenants::measure(options, report).await
}
