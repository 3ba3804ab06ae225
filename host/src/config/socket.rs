//! WebSocket connections.

use super::section::settings;
use super::value::within;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

settings! {
    /// WebSocket connections.
    struct Socket in "socket" {
        /// The largest message of a client, in bytes, over all its frames.
        frame_bytes_max: usize = 128 * KIB, within(KIB..=16 * MIB);
        /// What may wait to be sent on a connection, in bytes; a reader that is slower is cut off.
        queue_bytes_max: usize = MIB, within(16 * KIB..=256 * MIB);
        /// What may wait to be sent on a connection, in frames.
        queue_frames_max: usize = 1024, within(16..=1_000_000);
        /// The time from connecting to the `connect` request, in milliseconds.
        connect_timeout_ms: u64 = 10_000, within(100..=60_000);
        /// How often the host pings, in milliseconds.
        ping_interval_ms: u64 = 25_000, within(100..=600_000);
        /// How long it waits for the pong, in milliseconds.
        pong_timeout_ms: u64 = 10_000, within(100..=600_000);
        /// The most requests of a connection that are worked on at once.
        requests_in_flight_max: usize = 32, within(1..=1024);
        /// The most channels that a connection may watch.
        subscriptions_max: usize = 1000, within(1..=100_000);
        /// The most connections to this host.
        connections_max: usize = 20_000, within(1..=10_000_000);
        /// The most connections of a user to this host.
        connections_per_user_max: usize = 20, within(1..=10_000);
    }
}

impl Socket {
    /// Short waits.
    pub fn for_testing() -> Self {
        Self {
            connect_timeout_ms: 1_000,
            ping_interval_ms: 2_000,
            pong_timeout_ms: 2_000,
            connections_max: 1_000,
            ..Self::default()
        }
    }
}
