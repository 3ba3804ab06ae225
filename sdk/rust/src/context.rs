//! What a call knows of where, when and by whom it was made.

use crate::random::Random;
use crate::{Context, Role};

impl Context {
    /// Random numbers for this call. Each time it is asked it begins anew with the same numbers, so
    /// ask once and keep it.
    pub fn random(&self) -> Random {
        Random::new(self.seed)
    }

    /// Whether the caller runs the channel: an admin, its owner, or the app's own backend.
    pub fn may_moderate(&self) -> bool {
        matches!(self.actor_role, Role::Admin | Role::Owner | Role::Server)
    }
}

/// Nobody, nowhere, at the beginning of time: for tests.
impl Default for Context {
    fn default() -> Context {
        Context {
            now_ms: 0,
            seed: 0,
            channel: String::new(),
            channel_type: String::new(),
            actor: String::new(),
            actor_role: Role::None,
        }
    }
}
