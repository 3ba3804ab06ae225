//! The stories, by topic.

mod channels;
mod delivery;
mod edge;
mod erase;
mod history;
mod idempotency;
mod keys;
mod limits;
mod messages;
mod openapi;
mod operating;
mod origins;
mod participants;
mod presence;
mod private;
mod removal;
mod restart;
mod retries;
mod refusals;
mod rights;
mod sessions;
mod signing;
mod sockets;
mod subscriptions;
mod tenants;
mod users;
