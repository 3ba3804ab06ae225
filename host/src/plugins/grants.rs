//! What a plugin may ask for and a tenant may grant. A permission that isn't granted isn't linked,
//! so a component that imports its interface can't start.

use std::fmt;

/// Something that a plugin may do beyond logging and reading its config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Permission {
    /// Values that outlive a call.
    Kv,
    /// Counts in memory.
    Counters,
    /// Messages, members and users of the app.
    ChatRead,
    /// Messages as the plugin's bot user.
    ChatWrite,
    /// Deleting anybody's messages. Has no interface of its own: it widens `chat-write`.
    ChatModerate,
    /// Blocks below anybody's messages.
    ChatAttach,
    /// Calls at a later time.
    Timers,
    /// Requests to the outside. Granted host by host, which the chat layer looks after.
    Http,
    /// Routes that anybody may ask. Has no interface of its own: it widens the hook `endpoint`.
    PublicRoutes,
}

impl Permission {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::Kv,
        Self::Counters,
        Self::ChatRead,
        Self::ChatWrite,
        Self::ChatModerate,
        Self::ChatAttach,
        Self::Timers,
        Self::Http,
        Self::PublicRoutes,
    ];

    /// The name in manifests, grants and, but for `chat-moderate` and `public-routes`, of the
    /// interface.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kv => "kv",
            Self::Counters => "counters",
            Self::ChatRead => "chat-read",
            Self::ChatWrite => "chat-write",
            Self::ChatModerate => "chat-moderate",
            Self::ChatAttach => "chat-attach",
            Self::Timers => "timers",
            Self::Http => "http",
            Self::PublicRoutes => "public-routes",
        }
    }

    /// Whether it is an interface that is linked.
    pub fn is_interface(self) -> bool {
        !matches!(self, Self::ChatModerate | Self::PublicRoutes)
    }

    /// The permission of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.name() == name)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Grants(u16);

impl Grants {
    /// Adds a permission.
    pub fn insert(&mut self, permission: Permission) {
        self.0 |= 1 << permission as u8;
    }

    /// Whether it holds a permission.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Its permissions, always in the same order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .into_iter()
            .filter(move |permission| self.contains(*permission))
    }

    /// The permissions of `self` that `other` lacks.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// True if there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Permission> for Grants {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let mut grants = Self::default();
        permissions
            .into_iter()
            .for_each(|permission| grants.insert(permission));
        grants
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Permission::name))
            .finish()
    }
}
