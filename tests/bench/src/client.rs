//! Speaks to a host: REST for setting things up, the WebSocket for load. Cheap, since it runs on
//! the machine that is measured: one buffer for each direction, frames counted where they lie.

mod app;
mod rest;
mod socket;

pub use app::{App, Component};
pub use rest::{Answer, Rest};
pub use socket::{Frame, Reader, Writer, connect, open, text_frame};
