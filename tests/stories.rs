//! The stories, by topic.

mod channels;
mod erase;
mod history;
mod idempotency;
mod keys;
mod limits;
mod messages;
mod origins;
mod participants;
mod private;
mod retries;
mod rights;
mod sessions;
mod signing;
mod sockets;
mod tenants;
mod users;
