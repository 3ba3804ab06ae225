//! Where a request comes from: the client's address behind proxies, the networks an app allows,
//! and the browser origins it allows. And where one may go: the hosts that somebody may ask, and
//! which addresses are public.
//!
//! All fail closed: an empty list allows nothing, and what can't be read is refused, never
//! guessed. Addresses are compared in canonical form, so `::ffff:10.0.0.1` is `10.0.0.1`.

mod forwarded;
mod hosts;
mod network;
mod origin;
mod public;

pub use forwarded::{FORWARDED_HOPS_MAX, FORWARDING_HEADERS, ForwardedError, client_address};
pub use hosts::{ANYWHERE, HOSTS_MAX, HostError, HostRule, Hosts, Reach, is_web_port};
pub use network::{NETWORKS_MAX, NetworkError, Networks, of_one_customer, parse_network};
pub use origin::{ORIGINS_MAX, OriginError, OriginRule, Origins};
pub use public::{destination, is_public};
