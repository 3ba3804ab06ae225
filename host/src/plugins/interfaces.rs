//! The names of `wit/`: which hooks a plugin may export, which interfaces it may import, and what
//! the host says to any other.

use std::fmt;

use super::grants::{Grants, Permission};
use super::refusal::Refusal;
use super::wasi;

/// The package and the version track whose plugins run here: any patch level of it.
const PACKAGE: &str = "althing:plugin/";
const TRACK: &str = "0.1.";

/// Linked for every plugin. `types` has no functions.
const FREE: [&str; 4] = ["types", "log", "config", "metrics"];

/// An interface that a plugin may export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Hook {
    /// Before a message is sent, edited or deleted.
    MessageGuard,
    /// The app's event log.
    Events,
    /// Slash commands.
    Commands,
    /// Buttons, menus and forms.
    Interactions,
    /// Custom message types.
    MessageKind,
    /// Timers that are due.
    Schedule,
    /// Before somebody comes into a channel, gets a role or makes a channel.
    MembershipGuard,
    /// Before a socket opens.
    SessionGuard,
    /// Before an uploaded file is kept.
    FileGuard,
    /// HTTP routes.
    Endpoint,
    /// What somebody sees in a feed.
    Feed,
    /// Settings and versions of the install itself.
    Lifecycle,
}

impl Hook {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::MessageGuard,
        Self::Events,
        Self::Commands,
        Self::Interactions,
        Self::MessageKind,
        Self::Schedule,
        Self::MembershipGuard,
        Self::SessionGuard,
        Self::FileGuard,
        Self::Endpoint,
        Self::Feed,
        Self::Lifecycle,
    ];

    /// The interface's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MessageGuard => "message-guard",
            Self::Events => "events",
            Self::Commands => "commands",
            Self::Interactions => "interactions",
            Self::MessageKind => "message-kind",
            Self::Schedule => "schedule",
            Self::MembershipGuard => "membership-guard",
            Self::SessionGuard => "session-guard",
            Self::FileGuard => "file-guard",
            Self::Endpoint => "endpoint",
            Self::Feed => "feed",
            Self::Lifecycle => "lifecycle",
        }
    }
}

/// A set of hooks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hooks(u16);

impl Hooks {
    /// Adds a hook.
    pub fn insert(&mut self, hook: Hook) {
        self.0 |= 1 << hook as u8;
    }

    /// Whether it holds a hook.
    pub fn contains(self, hook: Hook) -> bool {
        self.0 & (1 << hook as u8) != 0
    }

    /// Its hooks, always in the same order.
    pub fn iter(self) -> impl Iterator<Item = Hook> {
        Hook::ALL
            .into_iter()
            .filter(move |hook| self.contains(*hook))
    }

    /// True if there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Hook> for Hooks {
    fn from_iter<I: IntoIterator<Item = Hook>>(hooks: I) -> Self {
        let mut set = Self::default();
        hooks.into_iter().for_each(|hook| set.insert(hook));
        set
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Hook::name)).finish()
    }
}

/// Adds the permission that an import needs to `needed`, or refuses the import.
pub(super) fn import(name: &str, needed: &mut Grants) -> Result<(), Refusal> {
    let refuse = |detail: String| Err(Refusal::new("plugin_import_unknown", detail));
    if name.starts_with("wasi:") {
        return match wasi::has(name) {
            true => Ok(()),
            false => refuse(format!(
                "The component imports `{name}`. Of WASI this host has the parts of 0.2 that \
                 runtimes of languages need, and not this one."
            )),
        };
    }
    let Some(interface) = on_track(name)? else {
        return refuse(format!(
            "The component imports `{name}`. Plugins may import interfaces of `{PACKAGE}…@{TRACK}x` \
             alone."
        ));
    };
    let permission =
        Permission::from_name(interface).filter(|permission| permission.is_interface());
    match permission {
        Some(permission) => needed.insert(permission),
        None if FREE.contains(&interface) => {}
        None => {
            return refuse(format!(
                "The component imports `{name}`, which there isn't."
            ));
        }
    }
    Ok(())
}

/// The hook of an export. Exports of other packages are nobody's business: some tools add them.
pub(super) fn export(name: &str) -> Result<Option<Hook>, Refusal> {
    let Some(interface) = on_track(name)? else {
        return Ok(None);
    };
    let hook = Hook::ALL.into_iter().find(|hook| hook.name() == interface);
    match hook {
        None if !FREE.contains(&interface) => Err(Refusal::new(
            "plugin_export_unknown",
            format!("The component exports `{name}`, a hook that this host doesn't have."),
        )),
        hook => Ok(hook),
    }
}

/// The interface's bare name, if it is of our package; refused if it is of another track.
fn on_track(name: &str) -> Result<Option<&str>, Refusal> {
    let Some(rest) = name.strip_prefix(PACKAGE) else {
        return Ok(None);
    };
    match rest.split_once('@') {
        Some((interface, version)) if version.starts_with(TRACK) => Ok(Some(interface)),
        _ => Err(Refusal::new(
            "plugin_version_unsupported",
            format!("The component uses `{name}`; this host runs plugins for {PACKAGE}…@{TRACK}x."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Hook, export, import};
    use crate::plugins::{Grants, Permission};

    fn imported(name: &str) -> Result<Grants, &'static str> {
        let mut grants = Grants::default();
        import(name, &mut grants).map_err(|refusal| refusal.code)?;
        Ok(grants)
    }

    #[test]
    fn imports_name_their_permission() {
        assert_eq!(imported("althing:plugin/log@0.1.0"), Ok(Grants::default()));
        let kv = Grants::from_iter([Permission::Kv]);
        assert_eq!(imported("althing:plugin/kv@0.1.7"), Ok(kv));
        assert_eq!(
            imported("althing:plugin/kv@0.2.0"),
            Err("plugin_version_unsupported")
        );
        assert_eq!(
            imported("althing:plugin/kv"),
            Err("plugin_version_unsupported")
        );
        assert_eq!(
            imported("althing:plugin/email@0.1.0"),
            Err("plugin_import_unknown")
        );
        assert_eq!(
            imported("althing:plugin/chat-moderate@0.1.0"),
            Err("plugin_import_unknown")
        );
        assert_eq!(imported("wasi:io/poll@0.2.0"), Ok(Grants::default()));
        assert_eq!(
            imported("wasi:http/types@0.2.0"),
            Err("plugin_import_unknown")
        );
        assert_eq!(imported("env"), Err("plugin_import_unknown"));
    }

    #[test]
    fn exports_of_strangers_are_ignored_and_unknown_hooks_are_not() {
        let code = |name| export(name).map_err(|refusal| refusal.code);
        assert_eq!(code("althing:plugin/events@0.1.9"), Ok(Some(Hook::Events)));
        assert_eq!(code("init"), Ok(None));
        assert_eq!(
            code("althing:plugin/email@0.1.0"),
            Err("plugin_export_unknown")
        );
        assert_eq!(
            code("althing:plugin/events@1.0.0"),
            Err("plugin_version_unsupported")
        );
    }
}
