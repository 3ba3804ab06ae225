//! The stories, by topic.

mod messages;
mod rights;
mod sockets;
mod users;
