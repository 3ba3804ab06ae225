//! The plugin engine against real guests: each limit is broken once by a guest that is built for
//! it, and the engine goes on serving good ones.

#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod admission;
mod chat;
mod compiling;
mod corpus;
mod inspecting;
mod keeping;
mod limits;
mod measuring;
mod nesting;
mod requests;
mod support;
mod text;
mod wasi;
mod writing;
