//! Requests that the host sends to the outside.

use std::path::PathBuf;

use super::section::settings;
use super::value::within;
use crate::address::Networks;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

settings! {
    /// Requests to the outside: those of plugins, and for the key sets of apps. They go by https to
    /// public addresses alone.
    struct Egress in "egress" {
        /// Networks that are not public and may be asked all the same, by every app: for services
        /// of your own. Name as few addresses as you can. Plugins that may ask any host (`*`) don't
        /// reach them by that.
        allowed_networks: Networks = Networks::default();
        /// Networks that may be asked without TLS. Addresses that are not public must be in
        /// `allowed_networks` as well.
        plain_http_networks: Networks = Networks::default();
        /// A file with certificate authorities of your own, in PEM. They are trusted beside those
        /// of the system.
        ca_file: Option<PathBuf> = None;
        example "\"/etc/althing/ca.pem\"";
        /// The most requests at once on this host; more are refused. Each holds up the call that
        /// sends it, so this is best well below `plugins.concurrent_calls_max`. 0 allows none at
        /// all.
        concurrent_requests_max: usize = 32, within(0..=10_000);
        /// The most requests at once for an app; more are refused.
        concurrent_requests_per_app_max: usize = 8, within(1..=10_000);
        /// The time to connect to a host, in milliseconds, and once more for TLS.
        connect_timeout_ms: u64 = 3_000, within(10..=60_000);
        /// The time for a whole request with its redirects, in milliseconds.
        timeout_ms: u64 = 8_000, within(10..=300_000);
        /// The most redirects that are followed.
        redirects_max: u32 = 3, within(0..=20);
        /// The largest head of a request or an answer, in bytes.
        header_bytes_max: usize = 32 * KIB, within(8 * KIB..=MIB);
        /// The largest body of an answer, in bytes.
        response_bytes_max: usize = MIB, within(KIB..=64 * MIB);
        /// The most answers at once on this host that are read as they come, as those of language
        /// models are; more are refused.
        concurrent_streams_max: usize = 64, within(1..=10_000);
        /// The most of them at once for an app; more are refused.
        concurrent_streams_per_app_max: usize = 8, within(1..=10_000);
        /// How long such an answer may be silent, before it begins and in between, in milliseconds.
        stream_silence_ms: u64 = 60_000, within(10..=600_000);
        /// The time for such an answer, in milliseconds.
        stream_timeout_ms: u64 = 300_000, within(10..=3_600_000);
        /// The largest such answer, in bytes.
        stream_bytes_max: usize = 4 * MIB, within(KIB..=256 * MIB);
    }
}

impl Egress {
    /// Short waits. Nothing but public addresses, as by default: a test allows what it asks.
    pub fn for_testing() -> Self {
        Self {
            connect_timeout_ms: 1_000,
            timeout_ms: 2_500,
            stream_silence_ms: 2_500,
            ..Self::default()
        }
    }
}
