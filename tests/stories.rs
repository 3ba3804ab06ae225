//! The stories, by topic.

mod channels;
mod erase;
mod idempotency;
mod keys;
mod messages;
mod origins;
mod participants;
mod rights;
mod sessions;
mod signing;
mod sockets;
mod tenants;
mod users;
