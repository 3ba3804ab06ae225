//! Althing: a self-hosted chat host with sandboxed plugins.
//!
//! The modules are the layers, listed bottom-up: a module uses only those above it in this list.

pub mod model;
pub mod clock;
pub mod error;
pub mod wire;
pub mod frame;
pub mod address;
pub mod secrets;
pub mod store;
pub mod hub;
