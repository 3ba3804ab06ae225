//! What plugins may take.

use std::path::PathBuf;

use super::section::settings;
use super::value::within;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

settings! {
    /// Plugins.
    struct Plugins in "plugins" {
        /// The most plugins of an app.
        plugins_per_app_max: usize = 50, within(1..=10_000);
        /// The most versions of a plugin that an app keeps. The oldest that does not run, is not
        /// tried and is not the one to go back to makes place for a new one.
        versions_per_plugin_max: usize = 20, within(4..=1_000);
        /// The largest component, in bytes.
        component_bytes_max: usize = 24 * MIB, within(64 * KIB..=256 * MIB);
        /// The computing time for compiling a component, in seconds.
        compile_cpu_s: u64 = 60, within(1..=3600);
        /// The memory for compiling a component, in bytes.
        compile_memory_bytes_max: u64 = 2048 * MIB as u64, within(256 * MIB as u64..=65_536 * MIB as u64);
        /// The most that a component's code may take, in bytes. It stays in memory for as long as a version
        /// is in use.
        compiled_bytes_max: u64 = 128 * MIB as u64, within(MIB as u64..=4096 * MIB as u64);
        /// The most components that are compiled at once.
        compiles_max: usize = 1, within(1..=64);
        /// The most components that wait for that on this host, those at its start aside. The apps
        /// that they are of take turns.
        compiles_waiting_max: usize = 32, within(1..=10_000);
        /// The most components of an app that wait.
        compiles_waiting_per_app_max: usize = 4, within(1..=10_000);
        /// How long a request waits after the host's start for the app's plugins to be loaded, in
        /// milliseconds.
        load_wait_ms: u64 = 10_000, within(0..=300_000);
        /// The program that compiles components: an `althing`. If unset, the one that runs.
        compiler: Option<PathBuf> = None;
        example "\"/usr/local/bin/althing\"";
        /// The folder for the code of compiled components. If unset, `plugin-code` in the data
        /// folder.
        code_dir: Option<PathBuf> = None;
        example "\"/var/cache/althing\"";
        /// The most that this folder may hold, in bytes; what was used longest ago goes.
        code_bytes_max: u64 = 2048 * MIB as u64, within(64 * MIB as u64..=1024 * 1024 * MIB as u64);
        /// The memory of a call, in bytes: all memories and tables of the instance together.
        memory_bytes_max: usize = 64 * MIB, within(MIB..=1024 * MIB);
        /// The computing time of a guard, in milliseconds.
        guard_cpu_ms: u64 = 10, within(1..=1000);
        /// The time of a guard with all its waiting, in milliseconds. Senders wait for it, and as long
        /// at most for a place among the calls; without one they are told to come again.
        guard_wall_ms: u64 = 250, within(10..=10_000);
        /// How long a call may be held up because the machine's processors serve others, in milliseconds.
        /// This is no part of a call's time; one that is held up for longer is `overloaded`.
        busy_ms: u64 = 5_000, within(100..=60_000);
        /// The computing time of a handler, in milliseconds.
        handler_cpu_ms: u64 = 200, within(1..=60_000);
        /// The time of a handler with all its waiting, in milliseconds.
        handler_wall_ms: u64 = 10_000, within(10..=300_000);
        /// The computing time of a timer's call that reads an answer from outside as it comes, in
        /// milliseconds.
        stream_cpu_ms: u64 = 1_000, within(1..=60_000);
        /// The time of such a call with all its waiting, in milliseconds.
        stream_wall_ms: u64 = 120_000, within(100..=3_600_000);
        /// The most such calls at once on this host, beside all others.
        stream_calls_max: usize = 64, within(0..=10_000);
        /// The most such calls at once for an app.
        stream_calls_per_app_max: usize = 8, within(0..=10_000);
        /// The least time between two texts that a call shows of a message that is not done, in
        /// milliseconds.
        progress_interval_ms: u64 = 200, within(10..=60_000);
        /// What a call may show in a second of messages that are not done, in bytes: longer texts
        /// come less often.
        progress_bytes_per_second: usize = 16 * KIB, within(KIB..=16 * MIB);
        /// The most calls at once on this host.
        concurrent_calls_max: usize = 64, within(2..=10_000);
        /// The most calls at once for an app.
        concurrent_calls_per_app_max: usize = 16, within(2..=10_000);
        /// The most calls at once that have computed for longer than a small one does (0.25 ms), so
        /// that there are threads for all others. 0: half of the machine's processors.
        long_calls_max: usize = 0, within(0..=1000);
        /// The same for an app. 0: a quarter of the processors.
        long_calls_per_app_max: usize = 0, within(0..=1000);
        /// The instances that wait for another call, of all plugins that ask for it. Each may
        /// hold 24 MiB.
        kept_instances_max: usize = 64, within(0..=10_000);
        /// The most calls at once of shadow versions, which take no place of other calls.
        shadow_calls_max: u32 = 2, within(1..=1000);
        /// The most calls of one shadow version that wait; the others are not made, and counted.
        shadow_waiting_max: usize = 64, within(1..=10_000);
        /// The most host functions that a call may use.
        host_calls_max: u32 = 1000, within(1..=1_000_000);
        /// What a call may pass to one host function, in bytes.
        hostcall_bytes_max: usize = 256 * KIB, within(4 * KIB..=16 * MIB);
        /// The most requests to the outside that a call may send.
        http_requests_max: u32 = 10, within(0..=1000);
        /// The messages that a feed is chosen from, the newest that its reader may see.
        feed_candidates_max: usize = 500, within(10..=1000);
        /// What they may have together, in bytes of data, view and state.
        feed_bytes_max: usize = 4 * MIB, within(MIB..=64 * MIB);
        /// What an install may keep, in bytes of keys and values.
        kv_bytes_max: u64 = 16 * MIB as u64, within(0..=1024 * MIB as u64);
        /// How many keys an install may keep.
        kv_keys_max: u64 = 10_000, within(0..=10_000_000);
        /// How many timers an install may have set at once.
        timers_max: u64 = 10_000, within(0..=10_000_000);
        /// How often an event or timer that fails is tried before it is given up.
        event_attempts_max: u32 = 8, within(1..=100);
        /// How long a new version that keeps failing gives way to the one before it, in
        /// milliseconds. An older one is only put out of use.
        fresh_version_ms: u64 = 3_600_000, within(0..=31_536_000_000);
        /// How long is kept what plugins decided about messages, in days.
        decisions_kept_days: u64 = 30, within(1..=3650);
        /// How long calls of a plugin are recorded when nobody says for how long, in seconds.
        recording_s: u64 = 600, within(1..=604_800);
        /// The longest that calls may be recorded at a time, in seconds.
        recording_s_max: u64 = 86_400, within(1..=604_800);
        /// The recorded calls of an install that are kept; the oldest go.
        recorded_calls_max: usize = 500, within(0..=100_000);
        /// All recorded calls that are kept on this host. When there are more, or they take more than they may,
        /// the org that has most loses its oldest.
        recorded_calls_per_host_max: usize = 20_000, within(0..=10_000_000);
        /// The largest recorded call, in bytes of what it asked and was told.
        recorded_call_bytes_max: usize = 2 * MIB, within(0..=64 * MIB);
        /// What the recorded calls of an install may take, in bytes of memory.
        recorded_bytes_max: usize = 8 * MIB, within(0..=1024 * MIB);
        /// What all recorded calls may take on this host, in bytes of memory.
        recorded_bytes_per_host_max: usize = 128 * MIB, within(0..=64 * 1024 * MIB);
        /// How long a recorded call is kept, in seconds.
        recorded_calls_kept_s: u64 = 3600, within(1..=604_800);
        /// How many installs have figures of their own in `/metrics`: those that took most CPU time.
        metrics_installs_max: u32 = 500, within(0..=100_000);
        /// The log lines of an install that are kept.
        log_lines_kept: u32 = 1000, within(0..=100_000);
    }
}

impl Plugins {
    /// Time enough for a guest on a busy machine, and little enough to wait for one that loops.
    pub fn for_testing() -> Self {
        Self {
            guard_wall_ms: 1_000,
            handler_wall_ms: 3_000,
            stream_wall_ms: 30_000,
            progress_interval_ms: 10,
            progress_bytes_per_second: MIB,
            concurrent_calls_max: 16,
            kept_instances_max: 4,
            event_attempts_max: 3,
            ..Self::default()
        }
    }
}
