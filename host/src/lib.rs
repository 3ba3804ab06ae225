//! Althing: a self-hosted chat host with sandboxed WebAssembly plugins.
//!
//! Modules are listed bottom-up: each uses only those above it.

pub mod secrets;

pub mod address;

pub mod config;

pub mod tokens;

pub mod socket;
