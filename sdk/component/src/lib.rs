//! From a plugin's crate to its component: which compiler to call, and what to do with the core
//! module that it gives. `althing plugin build` and `cargo xtask plugins` share it.

pub mod toolchain;

use anyhow::Result;
use wit_component::ComponentEncoder;

/// Wraps a core module, as rustc links it, into a component. Fails if the module was not made with
/// a plugin SDK, whose bindings say in it what the component's type is.
pub fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)?
        .encode()
}
