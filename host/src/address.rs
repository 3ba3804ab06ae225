//! Where a request comes from: the client's address behind proxies, the networks an app allows,
//! and the browser origins it allows.
//!
//! All three fail closed: an empty list allows nothing, and what can't be read is refused, never
//! guessed. Addresses are compared in canonical form, so `::ffff:10.0.0.1` is `10.0.0.1`.

mod forwarded;
mod network;
mod origin;

pub use forwarded::{FORWARDED_HOPS_MAX, FORWARDING_HEADERS, ForwardedError, client_address};
pub use network::{NETWORKS_MAX, NetworkError, Networks, parse_network};
pub use origin::{ORIGINS_MAX, OriginError, OriginRule, Origins};
