//! The stories, by topic.

mod messages;
mod sockets;
mod users;
