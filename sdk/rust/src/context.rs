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

    /// Who is behind what this call makes: whoever caused it, or the user that the data names in `field`. Only
    /// the plugin itself may name one, as when it posts for whoever typed a command: else anybody could
    /// speak in another's name. The error is a sentence for whoever tried to.
    pub fn author(&self, field: &str, named: Option<&str>) -> Result<String, String> {
        match named {
            Some(_) if self.actor_role != Role::Plugin => {
                Err(format!("`{field}` is not for you to say."))
            }
            Some(user) => Ok(user.to_owned()),
            None => Ok(self.actor.clone()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_speaks_in_anothers_name() {
        let by = |actor_role| Context {
            actor: "alice".into(),
            actor_role,
            ..Context::default()
        };
        let author = |role, named| by(role).author("created_by", named);
        assert_eq!(author(Role::Member, None).unwrap(), "alice");
        assert_eq!(author(Role::Plugin, Some("bob")).unwrap(), "bob");
        for role in [Role::Member, Role::Owner, Role::Server, Role::None] {
            let error = author(role, Some("bob")).unwrap_err();
            assert_eq!(error, "`created_by` is not for you to say.");
        }
    }
}
