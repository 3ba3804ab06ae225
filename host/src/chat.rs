//! The verbs of the product: what somebody may do, and what then happens. They know nothing of HTTP,
//! sockets or SQL. Each takes the app and who asks, and begins by showing, in `access`, that this one
//! may.

pub mod access;
mod acts;
mod attachments;
mod bridge;
mod calls;
pub mod catchup;
mod chain;
pub mod channels;
pub mod cursor;
pub mod decisions;
pub mod deliver;
pub mod endpoint;
pub mod feeds;
pub mod files;
pub mod gates;
pub(crate) mod grants;
pub mod handlers;
mod inspect;
pub mod installs;
pub mod interact;
mod judge;
pub mod members;
pub mod messages;
mod lifecycle;
mod outside;
pub mod passing;
pub mod plugins;
pub mod quarantine;
pub mod recordings;
pub mod review;
pub mod rights;
pub mod rollout;
pub(crate) mod sees;
mod shadow;
pub mod sweep;
pub mod tenants;
pub mod timers;
pub mod trust;
pub mod usage;
pub mod users;
pub mod valid;
pub mod versions;
mod words;
