//! Althing: a self-hosted chat host with sandboxed plugins.
//!
//! The modules are the layers, listed bottom-up: a module uses only those above it in this list. A test keeps it so.

// records and rules; time; where tests end the process; the one error; what crosses the edge; who gets a place
pub mod model;
pub mod clock;
pub mod crash;
pub mod error;
pub mod wire;
pub mod frame;
pub mod address;
pub mod secrets;
pub mod shared;
pub mod admission;

// settings; files, the store, the sockets' hub, the way out, user tokens; the plugin engine; figures
pub mod config;
pub mod files;
pub mod store;
pub mod hub;
pub mod egress;
pub mod tokens;
pub mod plugins;
pub mod metrics;

// what the verbs work with, and the verbs
pub mod app;
pub mod chat;

// decode, call one verb, encode
pub mod http;
pub mod socket;

// the process
pub mod serve;
pub mod cli;

#[cfg(test)]
mod docs;
