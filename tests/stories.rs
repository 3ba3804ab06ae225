//! The stories, by topic.

mod channels;
mod delivery;
mod erase;
mod history;
mod idempotency;
mod keys;
mod limits;
mod messages;
mod origins;
mod participants;
mod patches;
mod plans;
mod presence;
mod private;
mod removal;
mod restart;
mod retries;
mod rights;
mod sessions;
mod signing;
mod sockets;
mod subscriptions;
mod tenants;
mod timers;
mod users;
