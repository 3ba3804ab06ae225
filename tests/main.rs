//! Stories told through a running host: people are objects that make requests over HTTP and
//! WebSocket, and what they get back is all that a test looks at.
//!
//! `support` holds the people, the host and the databases; `stories` what happens between them, by
//! topic, each on SQLite and on Postgres; `tidy` the rules that the sources keep.

mod stories;
mod support;
mod tidy;
