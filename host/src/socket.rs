//! The WebSocket transport.

pub mod frame;

pub mod handshake;
