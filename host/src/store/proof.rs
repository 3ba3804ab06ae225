//! Proofs of tenancy and membership. `chat::access` alone makes them, from a credential and what the
//! store says; a test over the sources keeps it so. Store functions ask for them instead of ids.

use std::sync::Arc;

use crate::model::{AppId, Channel, OrgId, Role, UserId};

/// May act for the whole host: the operator.
#[derive(Debug, Clone, Copy)]
pub struct Operator(());

/// May act for one org.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    org: OrgId,
}

/// Acts within one app, and can reach nothing outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tenant {
    app: AppId,
}

/// May act for the whole app: its backend.
#[derive(Debug, Clone, Copy)]
pub struct Backend {
    tenant: Tenant,
}

/// Who acts in a channel, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A participant.
    Participant(Role),
    /// The app's backend.
    Backend,
    /// The plugin of this name, by its bot user.
    Plugin(Arc<str>),
}

/// May read a channel and send to it.
#[derive(Debug, Clone)]
pub struct Member {
    tenant: Tenant,
    channel: Arc<Channel>,
    user: Option<UserId>,
    standing: Standing,
}

/// May read across channels: those of a user, or all of an app.
#[derive(Debug, Clone)]
pub struct Reader {
    tenant: Tenant,
    user: Option<UserId>,
}

/// May manage a channel: a participant with role admin or owner, or the app's backend.
#[derive(Debug, Clone)]
pub struct Admin {
    member: Member,
}

impl Operator {
    pub(crate) fn vouch() -> Self {
        Self(())
    }
}

impl Owner {
    pub(crate) fn vouch(org: OrgId) -> Self {
        Self { org }
    }

    /// The org.
    pub fn org(&self) -> OrgId {
        self.org
    }
}

impl Tenant {
    pub(crate) fn vouch(app: AppId) -> Self {
        Self { app }
    }

    /// The app.
    pub fn app(&self) -> AppId {
        self.app
    }
}

impl Backend {
    pub(crate) fn vouch(tenant: Tenant) -> Self {
        Self { tenant }
    }

    /// The tenant it acts in.
    pub fn tenant(&self) -> Tenant {
        self.tenant
    }
}

impl Member {
    pub(crate) fn vouch(
        tenant: Tenant,
        channel: Arc<Channel>,
        user: Option<UserId>,
        standing: Standing,
    ) -> Self {
        Self {
            tenant,
            channel,
            user,
            standing,
        }
    }

    /// The tenant it acts in.
    pub fn tenant(&self) -> Tenant {
        self.tenant
    }

    /// The channel, as it was when this was made.
    pub fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// The user who acts; none for the app's backend acting for nobody.
    pub fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    /// As what.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The role, for a participant.
    pub fn role(&self) -> Option<Role> {
        match self.standing {
            Standing::Participant(role) => Some(role),
            Standing::Backend | Standing::Plugin(_) => None,
        }
    }
}

impl Reader {
    pub(crate) fn vouch(tenant: Tenant, user: Option<UserId>) -> Self {
        Self { tenant, user }
    }

    /// The tenant it reads in.
    pub fn tenant(&self) -> Tenant {
        self.tenant
    }

    /// Whose channels it reads; none for all of the app.
    pub fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }
}

impl Admin {
    pub(crate) fn vouch(member: Member) -> Self {
        Self { member }
    }
}

impl std::ops::Deref for Admin {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}
