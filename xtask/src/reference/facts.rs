//! What is true of the interfaces and is not in their text. A test of the host compares the words for
//! tenants and the names of settings with its own.

/// How the page begins.
pub const OPENING: &str = "\
# Reference

Every interface between the host and a plugin, from the contract in [`wit/`](../../wit) (package
`{package}`). `cargo xtask reference` writes this page anew when the contract changes.

A plugin *exports* the hooks that it implements, and the host calls them. It *imports* the host interfaces
that it uses, and calls those. Nobody exports or imports all of them. [Your first plugin](first-plugin.md)
shows how that looks in Rust; the types below are those of the
[component model](https://component-model.bytecodealliance.org/design/wit.html), which every language has
its own words for: in Rust `before-send` is `before_send`, `option<u64>` is `Option<u64>`, and
`result<_, string>` is `Result<(), String>`.

## Kinds of call

What a call may do depends on the hook. A host function that is not for its kind of call answers
`denied` and does nothing.

| kind | which host functions | computing time, by the setting | time with all waiting |
| --- | --- | --- | --- |
| guard | all that read, and `counters`; it decides, and writes nothing | `plugins.guard_cpu_ms` | `plugins.guard_wall_ms` |
| pure function | `log`, `config` and `metrics`; `counters` are 0 | `plugins.guard_cpu_ms` | `plugins.guard_wall_ms` |
| completion | all that read; `counters.add` only looks | 10 ms | 500 ms |
| handler | all; what it writes lands together when it succeeds, or not at all | `plugins.handler_cpu_ms` | `plugins.handler_wall_ms` |

For every call, besides: `plugins.memory_bytes_max` of memory, `plugins.host_calls_max` host functions,
`plugins.hostcall_bytes_max` passed to one of them, 64 KiB for a text or a document that it returns.
[Configuration](../configuration.md) has the numbers; a call that goes over one of them ends with a fault,
and the install says what that means.
";

/// What a call may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Guard,
    Pure,
    Completion,
    Handler,
}

impl Kind {
    pub fn link(self) -> &'static str {
        match self {
            Self::Guard => "[guard](#kinds-of-call)",
            Self::Pure => "[pure function](#kinds-of-call)",
            Self::Completion => "[completion](#kinds-of-call)",
            Self::Handler => "[handler](#kinds-of-call)",
        }
    }
}

/// A hook.
pub struct Hook {
    pub name: &'static str,
    kind: Kind,
    /// Functions that are another kind of call.
    others: &'static [(&'static str, Kind)],
    /// The trait in the Rust SDK.
    pub rust: &'static str,
    /// What the manifest says for it.
    pub manifest: &'static str,
}

impl Hook {
    /// The kind of one of its functions.
    pub fn kind(&self, function: &str) -> Kind {
        let other = self.others.iter().find(|(name, _)| *name == function);
        other.map_or(self.kind, |(_, kind)| *kind)
    }

    /// All kinds that its functions are.
    pub fn kinds(&self) -> Vec<Kind> {
        let others = self.others.iter().map(|(_, kind)| *kind);
        std::iter::once(self.kind).chain(others).collect()
    }
}

const NOTHING: &str = "nothing";

/// All hooks.
pub const HOOKS: &[Hook] = &[
    Hook {
        name: "message-guard",
        kind: Kind::Guard,
        others: &[],
        rust: "MessageGuard",
        manifest: NOTHING,
    },
    Hook {
        name: "events",
        kind: Kind::Handler,
        others: &[],
        rust: "Events",
        manifest: "`events`: which entries of the log it gets",
    },
    Hook {
        name: "commands",
        kind: Kind::Handler,
        others: &[("complete", Kind::Completion)],
        rust: "Commands",
        manifest: "`[[commands]]`: `name`, `usage`, `description` of each",
    },
    Hook {
        name: "interactions",
        kind: Kind::Handler,
        others: &[],
        rust: "Interactions",
        manifest: NOTHING,
    },
    Hook {
        name: "message-kind",
        kind: Kind::Pure,
        others: &[],
        rust: "MessageKind",
        manifest: "`[[kinds]]`: `name` (the message's `type`) and `title` of each",
    },
    Hook {
        name: "schedule",
        kind: Kind::Handler,
        others: &[],
        rust: "Schedule",
        manifest: "the permission `timers`, to set some",
    },
    Hook {
        name: "membership-guard",
        kind: Kind::Guard,
        others: &[],
        rust: "MembershipGuard",
        manifest: NOTHING,
    },
    Hook {
        name: "session-guard",
        kind: Kind::Guard,
        others: &[],
        rust: "SessionGuard",
        manifest: NOTHING,
    },
    Hook {
        name: "file-guard",
        kind: Kind::Guard,
        others: &[],
        rust: "FileGuard",
        manifest: NOTHING,
    },
    Hook {
        name: "endpoint",
        kind: Kind::Handler,
        others: &[],
        rust: "Endpoint",
        manifest: "nothing; for strangers the permission `public-routes` with `paths`",
    },
    Hook {
        name: "feed",
        kind: Kind::Pure,
        others: &[],
        rust: "Feed",
        manifest: "`[[feeds]]`: `name`, `title` and `kinds` (of message) of each",
    },
    Hook {
        name: "lifecycle",
        kind: Kind::Handler,
        others: &[("check", Kind::Pure)],
        rust: "Lifecycle",
        manifest: "`[config]`, which is checked first",
    },
];

/// A host interface.
pub struct Host {
    pub name: &'static str,
    /// Its name, and what the tenant reads of it.
    pub permission: Option<(&'static str, &'static str)>,
    pub who: &'static str,
    pub rust: &'static str,
    /// What is limited, and to what or by which setting.
    pub limits: &'static [(&'static str, &'static str)],
}

const EVERYBODY: &str = "all calls";
const READERS: &str = "guards, completions and handlers";
const WRITERS: &str = "handlers";

/// All host interfaces.
pub const HOST: &[Host] = &[
    Host {
        name: "log",
        permission: None,
        who: EVERYBODY,
        rust: "the macros `info!`, `warn!` and so on",
        limits: &[
            (
                "Lines that are kept",
                "`plugins.log_lines_kept` of an install",
            ),
            ("A call", "32 KiB"),
        ],
    },
    Host {
        name: "config",
        permission: None,
        who: EVERYBODY,
        rust: "`config`, as a type of your own",
        limits: &[],
    },
    Host {
        name: "kv",
        permission: Some(("kv", "Keep small values of its own between calls.")),
        who: "`get` and `keys`: guards, completions and handlers; the others: handlers",
        rust: "the module `kv`",
        limits: &[
            ("Keys of an install", "`plugins.kv_keys_max`"),
            ("Bytes of an install", "`plugins.kv_bytes_max`"),
            ("A call", "256 keys written, 4 MiB read and written"),
        ],
    },
    Host {
        name: "counters",
        permission: Some((
            "counters",
            "Count how often something happens within a time.",
        )),
        who: "guards and handlers; completions may look",
        rust: "the module `counters`",
        limits: &[("Counters of an install", "4096; the longest unused go")],
    },
    Host {
        name: "metrics",
        permission: None,
        who: EVERYBODY,
        rust: "the module `metrics`",
        limits: &[("Names of an install", "32")],
    },
    Host {
        name: "chat-read",
        permission: Some((
            "chat-read",
            "Read the messages, participants and users of every channel of the app.",
        )),
        who: READERS,
        rust: "the module `chat`",
        limits: &[("A page", "100 messages or members")],
    },
    Host {
        name: "chat-write",
        permission: Some((
            "chat-write",
            "Post messages by its bot user in every channel, and change or delete those.",
        )),
        who: WRITERS,
        rust: "the module `chat`",
        limits: &[
            (
                "With the permission `chat-moderate`, too",
                "“Delete anybody's messages.”",
            ),
            (
                "A call",
                "10 messages sent, 20 edits, deletions and actions; all of an app's plugins together 500 of these a second, then their events and timers wait",
            ),
        ],
    },
    Host {
        name: "chat-attach",
        permission: Some((
            "chat-attach",
            "Show blocks of its own below anybody's messages.",
        )),
        who: WRITERS,
        rust: "the module `chat`",
        limits: &[(
            "Bytes of JSON below a message",
            "`limits.attachment_bytes_max`",
        )],
    },
    Host {
        name: "timers",
        permission: Some(("timers", "Do something at a later time.")),
        who: WRITERS,
        rust: "the module `timers`",
        limits: &[
            ("Timers of an install", "`plugins.timers_max`"),
            ("A call", "20 set or cancelled"),
            ("A timer", "a payload of 16 KiB, a year ahead"),
        ],
    },
    Host {
        name: "http",
        permission: Some((
            "http",
            "Send what it knows to the hosts named, with the secrets that you enter for them.",
        )),
        who: WRITERS,
        rust: "the module `http`; [requests to the outside](requests.md)",
        limits: &[("A call", "`plugins.http_requests_max` requests")],
    },
];
