//! A guard that does nothing: what remains is the cost of a call.

use althing_plugin::prelude::*;

struct NoopGuard;

impl MessageGuard for NoopGuard {
    fn before_send(_ctx: &Context, _message: Draft) -> Verdict {
        Verdict::Allow
    }
}

althing_plugin::plugin!(NoopGuard: MessageGuard, manifest = "plugin.toml");
