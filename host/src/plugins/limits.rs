//! Every limit of the plugin engine, by name, with its default. The pool's sizes are fixed when the
//! engine starts; the rest bounds one call or one component.

use std::time::Duration;

use serde::Deserialize;

/// Limits of the engine, of a call and of a component. Units are in the names.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls that run at the same time in this process; the pool is sized for them.
    pub concurrent_calls_max: u32,
    /// Calls that wait for their turn in this process; more are refused at once.
    pub waiting_calls_max: u32,
    /// Calls of one app that run at the same time.
    pub app_concurrent_calls_max: u32,
    /// Calls of one app that wait for their turn; more are refused at once.
    pub app_waiting_calls_max: u32,
    /// The share of the slots, of the process's and of each app's, that is kept for guards and
    /// message kinds, so that handlers can't starve the send path. In per cent.
    pub send_path_slots_percent: u32,

    /// The share of the places, for calls and for what waits, that the apps of one org may have together. In per
    /// cent; an org may have as much as one of its apps at least.
    pub org_share_percent: u32,

    /// Calls that compute at the same time after their first quarter of a millisecond, in this process: the
    /// threads that are left serve all others. By default half of the machine's processors.
    pub long_calls_max: u32,
    /// The same for one app. By default a quarter of the processors.
    pub app_long_calls_max: u32,

    /// Linear memories and tables of one call together.
    pub memory_bytes_max: u32,
    /// Elements of one table.
    pub table_elements_max: u32,
    /// Core instances of one component: 3 for Rust, up to 14 for interpreters.
    pub core_instances_max: u32,
    /// Linear memories of one component.
    pub memories_max: u32,
    /// Tables of one component.
    pub tables_max: u32,
    /// Live resource handles of one call.
    pub handles_max: u32,
    /// Stack of the guest's own functions.
    pub stack_bytes_max: u32,
    /// Slots kept warm for the components that used them last.
    pub warm_slots_max: u32,
    /// Memory that a free slot keeps for its next call, where the kernel can tell dirty pages.
    pub warm_slot_bytes_max: u32,
    /// Instances that wait for another call of their install, of all plugins that ask for it.
    pub kept_instances_max: u32,
    /// Calls at once that nobody waits for, of versions that are only compared with others. They take
    /// no slot of other calls, and as many instances of such versions are kept.
    pub aside_calls_max: u32,
    /// Calls that an instance serves before a new one takes its place.
    pub kept_instance_calls_max: u32,
    /// Memories and tables of an instance that is kept; a larger one goes with its call.
    pub kept_instance_bytes_max: u32,

    /// CPU time of a guard.
    pub guard_cpu_ms_max: u32,
    /// Time of a guard from the request for a slot to its answer.
    pub guard_wall_ms_max: u32,
    /// CPU time of a message kind's function.
    pub kind_cpu_ms_max: u32,
    /// Time of a message kind's function, waiting included.
    pub kind_wall_ms_max: u32,
    /// CPU time of a completion.
    pub completion_cpu_ms_max: u32,
    /// Time of a completion, waiting included.
    pub completion_wall_ms_max: u32,
    /// CPU time of a command, an interaction or a feed, for which a person waits.
    pub request_cpu_ms_max: u32,
    /// Time of a command, an interaction or a feed, waiting included.
    pub request_wall_ms_max: u32,
    /// CPU time of an event or a timer.
    pub event_cpu_ms_max: u32,
    /// Time of an event or a timer, waiting included.
    pub event_wall_ms_max: u32,
    /// CPU time of a timer's call that reads an answer as it comes.
    pub stream_cpu_ms_max: u32,
    /// Time of such a call, waiting included.
    pub stream_wall_ms_max: u32,
    /// Host functions that such a call may call.
    pub stream_host_calls_max: u32,
    /// Such calls that run at the same time in this process, beside the others; more are told to
    /// come back.
    pub stream_calls_max: u32,
    /// The same for one app.
    pub app_stream_calls_max: u32,
    /// The time between two texts that one call shows of messages that are not done.
    pub progress_interval_ms_min: u32,
    /// Bytes of such texts that one call shows in a second: longer ones come less often.
    pub progress_bytes_per_s_max: u32,
    /// Time for which a call may be ready to go on while the machine, or the places for long calls, serve
    /// others. It is no part of the wall time; a call that is held up for longer finds the host overloaded.
    pub busy_ms_max: u32,
    /// CPU time of the instantiation that tries out a component.
    pub probe_cpu_ms_max: u32,
    /// Time of that instantiation.
    pub probe_wall_ms_max: u32,

    /// Host functions that one call may call.
    pub host_calls_max: u32,
    /// Bytes that a guest may hand over in one host call, or give back as its result.
    pub host_call_bytes_max: u32,
    /// Log of one call; later lines are dropped.
    pub log_bytes_max: u32,
    /// One log line; the rest of it is cut.
    pub log_line_bytes_max: u32,
    /// Requests to the outside that one call may send.
    pub http_requests_max: u32,
    /// Messages that one call may send.
    pub sends_max: u32,
    /// Edits, deletions, actions and attachments of one call.
    pub changes_max: u32,
    /// Timers that one call may set or cancel.
    pub timers_max: u32,
    /// A timer's payload.
    pub timer_payload_bytes_max: u32,
    /// How far ahead a timer may be.
    pub timer_ahead_ms_max: u64,
    /// A key of the key-value store.
    pub kv_key_bytes_max: u32,
    /// A value of the key-value store.
    pub kv_value_bytes_max: u32,
    /// Keys that one call may write.
    pub kv_writes_max: u32,
    /// Keys and values that one call may read and write, together.
    pub kv_bytes_max: u32,
    /// Counters of one install.
    pub counters_max: u32,
    /// Names under which one install keeps figures of its own.
    pub metrics_max: u32,

    /// A text, a document or a state that a hook returns.
    pub output_bytes_max: u32,
    /// A sentence for people that a hook returns; the rest of it is cut.
    pub sentence_bytes_max: u32,
    /// The body of a request to a plugin's own route, and of its answer.
    pub endpoint_body_bytes_max: u32,
    /// Completions shown; the rest is dropped.
    pub choices_max: u32,

    /// CPU time for compiling a component, in seconds, where that has a process of its own.
    pub compile_cpu_s_max: u32,
    /// Memory of that process.
    pub compile_memory_bytes_max: u64,
    /// What comes of it: a component's code, and the first content of its memories.
    pub compiled_bytes_max: u64,
    /// A component.
    pub component_bytes_max: u32,
    /// Functions of a component's modules together.
    pub functions_max: u32,
    /// One function: compile time grows faster than its size.
    pub function_bytes_max: u32,
    /// Modules and components within a component, together.
    pub parts_max: u32,
    /// How deep components may lie in components.
    pub depth_max: u32,
    /// The manifest.
    pub manifest_bytes_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_calls_max: 256,
            waiting_calls_max: 4_096,
            app_concurrent_calls_max: 64,
            app_waiting_calls_max: 512,
            send_path_slots_percent: 25,
            org_share_percent: 50,
            long_calls_max: (processors() / 2).max(1),
            app_long_calls_max: (processors() / 4).max(1),
            memory_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            core_instances_max: 20,
            memories_max: 3,
            tables_max: 4,
            handles_max: 1_000,
            stack_bytes_max: 512 << 10,
            warm_slots_max: 128,
            warm_slot_bytes_max: 512 << 10,
            kept_instances_max: 64,
            aside_calls_max: 2,
            kept_instance_calls_max: 1_000,
            kept_instance_bytes_max: 24 << 20,
            guard_cpu_ms_max: 10,
            guard_wall_ms_max: 250,
            kind_cpu_ms_max: 10,
            kind_wall_ms_max: 250,
            completion_cpu_ms_max: 10,
            completion_wall_ms_max: 500,
            request_cpu_ms_max: 50,
            request_wall_ms_max: 3_000,
            event_cpu_ms_max: 200,
            event_wall_ms_max: 30_000,
            stream_cpu_ms_max: 1_000,
            stream_wall_ms_max: 120_000,
            stream_host_calls_max: 5_000,
            stream_calls_max: 64,
            app_stream_calls_max: 8,
            progress_interval_ms_min: 200,
            progress_bytes_per_s_max: 16 << 10,
            busy_ms_max: 5_000,
            probe_cpu_ms_max: 100,
            probe_wall_ms_max: 5_000,
            host_calls_max: 1_000,
            host_call_bytes_max: 1 << 20,
            log_bytes_max: 32 << 10,
            log_line_bytes_max: 2 << 10,
            http_requests_max: 10,
            sends_max: 10,
            changes_max: 20,
            timers_max: 20,
            timer_payload_bytes_max: 16 << 10,
            timer_ahead_ms_max: 366 * 24 * 60 * 60 * 1_000,
            kv_key_bytes_max: 256,
            kv_value_bytes_max: 64 << 10,
            kv_writes_max: 256,
            kv_bytes_max: 4 << 20,
            counters_max: 4_096,
            metrics_max: 32,
            output_bytes_max: 64 << 10,
            sentence_bytes_max: 500,
            endpoint_body_bytes_max: 256 << 10,
            choices_max: 20,
            compile_cpu_s_max: 60,
            compile_memory_bytes_max: 2 << 30,
            compiled_bytes_max: 128 << 20,
            component_bytes_max: 24 << 20,
            functions_max: 30_000,
            function_bytes_max: 512 << 10,
            parts_max: 128,
            depth_max: 3,
            manifest_bytes_max: 64 << 10,
        }
    }
}

fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX))
}

impl Limits {
    /// What can't be right about these limits, a sentence each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        // With a single slot a handler would wait for the guards of its own messages.
        check(
            (2..=16_384).contains(&self.concurrent_calls_max),
            "concurrent_calls_max must be 2 to 16384",
        );
        check(
            self.kept_instances_max <= 16_384,
            "kept_instances_max must be at most 16384",
        );
        check(
            (1..=1_024).contains(&self.aside_calls_max),
            "aside_calls_max must be 1 to 1024",
        );
        check(
            self.stream_calls_max <= 16_384,
            "stream_calls_max must be at most 16384",
        );
        check(
            self.app_concurrent_calls_max >= 2,
            "app_concurrent_calls_max must be at least 2",
        );
        check(
            self.send_path_slots_percent < 100,
            "send_path_slots_percent must be below 100",
        );
        check(
            (1..=100).contains(&self.org_share_percent),
            "org_share_percent must be 1 to 100",
        );
        check(
            (1 << 20..=1 << 30).contains(&self.memory_bytes_max),
            "memory_bytes_max must be 1 MiB to 1 GiB",
        );
        check(
            (64 << 10..=4 << 20).contains(&self.stack_bytes_max),
            "stack_bytes_max must be 64 KiB to 4 MiB",
        );
        let parts = [self.core_instances_max, self.memories_max, self.tables_max];
        check(
            parts.iter().all(|max| (1..=100).contains(max)),
            "core_instances_max, memories_max and tables_max must be 1 to 100",
        );
        faults
    }
}

/// What one call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// CPU time of the guest and of the host on its behalf.
    pub cpu: Duration,
    /// Time from the request for a slot to the slot, and from there to the outcome, without what it is held up.
    pub wall: Duration,
}

impl Budget {
    pub(super) fn from_ms(cpu_ms: u32, wall_ms: u32) -> Self {
        Self {
            cpu: Duration::from_millis(cpu_ms.into()),
            wall: Duration::from_millis(wall_ms.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn the_defaults_are_in_order_and_nonsense_is_told() {
        assert!(Limits::default().faults().is_empty());
        let limits = Limits {
            concurrent_calls_max: 1,
            memory_bytes_max: 1,
            ..Limits::default()
        };
        let faults = limits.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
