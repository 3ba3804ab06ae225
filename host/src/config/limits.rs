//! What one app, user, channel or message may take.

use super::section::settings;
use super::value::within;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

settings! {
    /// What apps and users may ask of the host.
    struct Limits in "limits" {
        /// The most apps of an org.
        apps_per_org_max: usize = 20, within(1..=100_000);
        /// The most that the apps of an org may have together of the host's places: of those for calls of plugins,
        /// their requests to the outside, their timers, components that are compiled, and what waits for them. In
        /// percent. An org may always have what one of its apps may. 100 for a host that one org has for itself.
        org_share_percent: u32 = 50, within(1..=100);
        /// The longest text of a message, in bytes.
        text_bytes_max: usize = 16 * KIB, within(16..=MIB);
        /// The largest data of a message, in bytes of JSON.
        data_bytes_max: usize = 64 * KIB, within(16..=8 * MIB);
        /// The largest list of blocks that a plugin attaches to a message, in bytes of JSON.
        attachment_bytes_max: usize = 16 * KIB, within(16..=MIB);
        /// The most plugins that attach something to one message; 0 for none.
        attachments_max: usize = 5, within(0..=100);
        /// The largest `custom` of a user or channel, in bytes of JSON.
        custom_bytes_max: usize = 16 * KIB, within(16..=MIB);
        /// The most participants of a channel.
        participants_max: usize = 10_000, within(2..=1_000_000);
        /// The longest name of a channel or user, in bytes.
        name_bytes_max: usize = 256, within(16..=4 * KIB);
        /// The most tags of a channel.
        tags_max: usize = 16, within(0..=256);
        /// The longest tag, in bytes.
        tag_bytes_max: usize = 64, within(8..=KIB);
        /// The most users that one request may write or name.
        users_per_request_max: usize = 100, within(1..=1000);
        /// The most entries of a page.
        page_max: u32 = 100, within(10..=1000);
        /// The most events that a client gets at once after a reconnect; one that missed more
        /// starts afresh.
        replay_events_max: u32 = 1000, within(10..=100_000);
        /// The longest note of an appeal, and the longest reason of a reviewer, in bytes.
        appeal_bytes_max: usize = 1000, within(16..=16 * KIB);
        /// The most appeals of a user in an app that wait for review; none are taken if it is 0.
        appeals_waiting_max: u32 = 3, within(0..=1000);
        /// The most messages of a user in an app that wait for review, appeals among them.
        held_waiting_max: u32 = 100, within(1..=100_000);
        /// The most messages in an app that wait for review.
        held_waiting_per_app_max: u32 = 10_000, within(1..=1_000_000);
        /// How long a message waits for review before it is dropped, in days.
        held_kept_days: u64 = 30, within(1..=3650);
        /// Messages that a user may send and commands that they may run, for each second.
        user_messages_per_second: u32 = 5, within(1..=100_000);
        /// The same at once after a pause.
        user_messages_burst: u32 = 20, within(1..=1_000_000);
        /// Other requests of a user, for each second.
        user_requests_per_second: u32 = 20, within(1..=100_000);
        /// Other requests of a user at once after a pause.
        user_requests_burst: u32 = 100, within(1..=1_000_000);
        /// Messages and commands in an app, for each second.
        app_messages_per_second: u32 = 2_000, within(1..=1_000_000);
        /// The same at once after a pause.
        app_messages_burst: u32 = 4_000, within(1..=10_000_000);
        /// What an app's plugins write, for each second: messages sent, changed and deleted, and what is
        /// attached. A value or timer counts an eighth, and so do 8 KiB of values. Beyond that their events and
        /// timers wait, and who asks a plugin for more is refused.
        app_plugin_writes_per_second: u32 = 500, within(1..=1_000_000);
        /// The same at once after a pause.
        app_plugin_writes_burst: u32 = 1_000, within(1..=10_000_000);
        /// What the plugins of all apps of an org write, for each second.
        org_plugin_writes_per_second: u32 = 1_000, within(1..=1_000_000);
        /// The same at once after a pause.
        org_plugin_writes_burst: u32 = 2_000, within(1..=10_000_000);
        /// Other requests in an app, for each second.
        app_requests_per_second: u32 = 2_000, within(1..=1_000_000);
        /// Other requests in an app at once after a pause.
        app_requests_burst: u32 = 4_000, within(1..=10_000_000);
    }
}

settings! {
    /// User tokens.
    struct Sessions in "sessions" {
        /// How long a session lasts if the request for it doesn't say, in seconds.
        lifetime_s: u64 = 3600, within(10..=31_536_000);
        /// The longest life of a token, also of those that apps sign themselves, in seconds.
        lifetime_s_max: u64 = 86_400, within(10..=31_536_000);
        /// How far the clock of an app that signs tokens may be off, in seconds.
        leeway_s: u64 = 30, within(0..=300);
        /// How long a key set that an app publishes is good before it is fetched again, in seconds.
        key_set_fresh_s: u64 = 600, within(10..=86_400);
        /// How long it is good when it can't be fetched again, in seconds.
        key_set_stale_s: u64 = 3600, within(10..=604_800);
        /// How long the host waits before it tries again to fetch a set: for one that could not be
        /// had, and for keys that are not in it. In seconds.
        key_set_retry_s: u64 = 30, within(1..=3600);
    }
}

impl Limits {
    /// Rates that no test reaches unless it sets its own.
    pub fn for_testing() -> Self {
        Self {
            user_messages_per_second: 10_000,
            user_messages_burst: 100_000,
            user_requests_per_second: 10_000,
            user_requests_burst: 100_000,
            app_messages_per_second: 100_000,
            app_messages_burst: 1_000_000,
            app_plugin_writes_per_second: 100_000,
            app_plugin_writes_burst: 1_000_000,
            org_plugin_writes_per_second: 100_000,
            org_plugin_writes_burst: 1_000_000,
            app_requests_per_second: 100_000,
            app_requests_burst: 1_000_000,
            ..Self::default()
        }
    }
}

impl Sessions {
    /// As by default.
    pub fn for_testing() -> Self {
        Self::default()
    }
}
