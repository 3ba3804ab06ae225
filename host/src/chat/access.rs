//! From a credential to a proof of what it may touch. This alone makes the proofs of
//! `store::proof`; everything else asks for them.
//!
//! What is absent and what belongs to somebody else answer the same.

use std::net::IpAddr;
use std::sync::Arc;

use crate::address::{Networks, Origins};
use crate::app::{App, Whose};
use crate::error::{Code, Error, Result};
use crate::model::{AppId, Channel, ChannelId, ChannelKey, KeyOwner, Millis, OrgId, Role, UserId};
use crate::secrets::{Credential, CredentialKind};
use crate::store::proof::{Admin, Backend, Member, Operator, Owner, Reader, Standing, Tenant};
use crate::tokens;

/// From where a request comes.
#[derive(Debug, Clone)]
pub struct Client {
    /// The address, behind trusted proxies; none if a proxy passed it on that isn't trusted.
    pub address: Option<IpAddr>,
    /// The `Origin` header, which browsers send.
    pub origin: Option<Arc<[u8]>>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Caller {
    /// The operator of the host.
    Operator(Operator),
    /// Who administers an org.
    Owner(Owner),
    /// The backend of an app.
    Backend(Backend),
    /// A user of an app.
    User(Session),
}

impl Caller {
    /// Whose requests its are counted with.
    pub fn whose(&self) -> Whose {
        match self {
            Caller::Operator(_) => Whose::Operator,
            Caller::Owner(owner) => Whose::Org(owner.org()),
            Caller::Backend(backend) => Whose::Backend(backend.tenant().app()),
            Caller::User(session) => Whose::User(session.tenant.app(), session.user.clone()),
        }
    }

    /// The user, if it is one.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Caller::User(session) => Some(&session.user),
            _ => None,
        }
    }
}

/// A user's session.
#[derive(Debug, Clone)]
pub struct Session {
    pub tenant: Tenant,
    pub user: UserId,
    /// When its token ends.
    pub expires_at: Millis,
    /// When its token was made: a revocation refuses those made before it.
    pub issued_at: Millis,
}

/// Who asks within an app.
#[derive(Debug, Clone)]
pub enum Actor {
    Backend(Backend),
    User(Session),
}

impl Actor {
    /// Whose messages its are counted with.
    pub fn whose(&self) -> Whose {
        match self {
            Actor::Backend(backend) => Whose::Backend(backend.tenant().app()),
            Actor::User(session) => Whose::User(session.tenant.app(), session.user.clone()),
        }
    }

    /// The app it acts in.
    pub fn tenant(&self) -> Tenant {
        match self {
            Actor::Backend(backend) => backend.tenant(),
            Actor::User(session) => session.tenant,
        }
    }

    /// The user it is; none for the backend.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Actor::Backend(_) => None,
            Actor::User(session) => Some(&session.user),
        }
    }
}

/// Finds out who a credential belongs to, and whether it is good here.
///
/// # Errors
/// `unauthenticated` and `token_expired` for a credential that is not good, `address_not_allowed`,
/// `origin_not_allowed` and `user_deactivated` for one that is; `unavailable` while the app's plugins are
/// not loaded.
pub async fn authenticate(app: &App, credential: &str, client: &Client) -> Result<Caller> {
    match CredentialKind::of(credential) {
        Some(_) => with_key(app, credential, client).await,
        None => with_token(app, credential, client).await.map(Caller::User),
    }
}

async fn with_key(app: &App, text: &str, client: &Client) -> Result<Caller> {
    let unknown = || Error::new(Code::Unauthenticated, "The key is not good.");
    let credential = Credential::parse(text).map_err(|e| unknown().because(e))?;
    let digest = credential.digest();
    if credential.kind() == CredentialKind::Operator {
        return if digest == app.operator {
            Ok(Caller::Operator(Operator::vouch()))
        } else {
            Err(unknown())
        };
    }
    let key = app
        .store
        .find_key(digest.as_bytes())
        .await?
        .ok_or_else(unknown)?;
    if key.expires_at.is_some_and(|at| at <= app.clock.now()) {
        return Err(unknown());
    }
    match (credential.kind(), key.owner) {
        (CredentialKind::Org, KeyOwner::Org(org)) => Ok(Caller::Owner(Owner::vouch(org))),
        (CredentialKind::Server, KeyOwner::App(id)) => {
            // A server key in a page is a server key that everybody has.
            if client.origin.is_some() {
                let detail = "Server keys don't belong in a browser; give it a user token.";
                return Err(Error::new(Code::OriginNotAllowed, detail));
            }
            let of = app.store.find_app(id).await?.ok_or_else(unknown)?;
            let networks = Networks::parse(&of.allowed_ips.0).map_err(Error::internal)?;
            let refused = |detail: String| Err(Error::new(Code::AddressNotAllowed, detail));
            let Some(address) = client.address else {
                return refused(
                    "The request came through a proxy that the host does not trust to tell the \
                     client's address: its operator names proxies in `server.trusted_proxies`."
                        .into(),
                );
            };
            if !networks.contains(address) {
                return refused(format!(
                    "Server keys of this app don't work from {address}."
                ));
            }
            app.loaded(id).await?;
            Ok(Caller::Backend(Backend::vouch(Tenant::vouch(id))))
        }
        _ => Err(unknown()),
    }
}

/// The session of a user token.
pub async fn with_token(app: &App, token: &str, client: &Client) -> Result<Session> {
    let refused = |e: tokens::TokenError| match e {
        tokens::TokenError::Expired => Error::new(Code::TokenExpired, "The token has expired."),
        other => Error::new(Code::Unauthenticated, "The token is not good.").because(other),
    };
    let unknown = || Error::new(Code::Unauthenticated, "The token is not good.");
    let claimed = tokens::peek(token).map_err(refused)?;
    let id: AppId = claimed.app.parse().map_err(|_| unknown())?;
    let issuer = app.issuer(id).await?.ok_or_else(unknown)?;
    let now = app.clock.now();
    let rules = tokens::Rules {
        app: &claimed.app,
        audience: issuer.app.audience.as_deref(),
        lifetime_s_max: app.config.sessions.lifetime_s_max,
        leeway_s: app.config.sessions.leeway_s,
    };
    let published = match &claimed.kid {
        Some(kid) if !issuer.keys.iter().any(|key| key.kid() == kid) => {
            let found = app.published_key(&issuer.app, kid).await;
            found.map_err(|error| {
                let detail = "The app's keys can't be fetched from where it publishes them.";
                Error::new(Code::Unavailable, detail).because(error)
            })?
        }
        _ => None,
    };
    let keys = published
        .as_ref()
        .map_or(issuer.keys.as_slice(), std::slice::from_ref);
    let claims = tokens::verify(token, keys, now, &rules).map_err(refused)?;
    if let Some(origin) = &client.origin {
        let origins = Origins::parse(&issuer.app.allowed_origins.0).map_err(Error::internal)?;
        if !origins.allows(origin) {
            return Err(Error::new(
                Code::OriginNotAllowed,
                "Pages of this origin may not use the app.",
            ));
        }
    }
    let session = Session {
        tenant: Tenant::vouch(id),
        user: claims.sub.parse().map_err(|_| unknown())?,
        expires_at: millis(claims.exp),
        issued_at: millis(claims.iat),
    };
    still_good(app, &session, issuer.app.tokens_valid_from).await?;
    app.loaded(id).await?;
    Ok(session)
}

fn millis(seconds: u64) -> Millis {
    i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000)
}

/// Whether a session that was good a moment ago still is.
pub async fn still_valid(app: &App, session: &Session) -> Result<()> {
    let issuer = app.issuer(session.tenant.app()).await?;
    let issuer =
        issuer.ok_or_else(|| Error::new(Code::Unauthenticated, "The token is not good."))?;
    still_good(app, session, issuer.app.tokens_valid_from).await
}

async fn still_good(app: &App, session: &Session, valid_from: Millis) -> Result<()> {
    let unknown = || Error::new(Code::Unauthenticated, "The token is not good.");
    let user = app
        .store
        .find_user(session.tenant, &session.user)
        .await?
        .ok_or_else(unknown)?;
    // Tokens count in seconds: one made in the second of a revocation is refused with those before.
    if session.issued_at < valid_from.max(user.tokens_valid_from) {
        return Err(unknown());
    }
    // A token older than its user was an erased user's, who had the id before. The clock of an app that
    // signs for a user it has just made may be behind.
    let leeway_s = app.config.sessions.leeway_s as Millis;
    if session.issued_at / 1000 + leeway_s < user.created_at / 1000 {
        return Err(unknown());
    }
    if user.deactivated_at.is_some() {
        return Err(Error::new(
            Code::UserDeactivated,
            "The user is deactivated.",
        ));
    }
    Ok(())
}

/// The operator alone.
pub fn operator(caller: &Caller) -> Result<Operator> {
    match caller {
        Caller::Operator(operator) => Ok(*operator),
        _ => Err(Error::forbidden("This takes the operator key.")),
    }
}

/// Who may administer this org: its own key, or the operator.
pub fn owner(caller: &Caller, org: OrgId) -> Result<Owner> {
    match caller {
        Caller::Operator(_) => Ok(Owner::vouch(org)),
        Caller::Owner(owner) if owner.org() == org => Ok(*owner),
        Caller::Owner(_) => Err(Error::not_found("org")),
        _ => Err(Error::forbidden("This takes the org's key.")),
    }
}

/// Who may administer this app: the key of its org, or the operator.
pub async fn app_owner(app: &App, caller: &Caller, id: AppId) -> Result<Tenant> {
    let org = match caller {
        Caller::Operator(_) => None,
        Caller::Owner(owner) => Some(owner.org()),
        _ => return Err(Error::forbidden("This takes the org's key.")),
    };
    let of = app
        .store
        .find_app(id)
        .await?
        .filter(|of| org.is_none_or(|org| org == of.org_id));
    of.map(|of| Tenant::vouch(of.id))
        .ok_or_else(|| Error::not_found("app"))
}

/// Who may look at this app: who administers it, or its own backend.
pub async fn app_reader(app: &App, caller: &Caller, id: AppId) -> Result<Tenant> {
    match caller {
        Caller::Backend(backend) if backend.tenant().app() == id => Ok(backend.tenant()),
        Caller::Backend(_) => Err(Error::not_found("app")),
        _ => app_owner(app, caller, id).await,
    }
}

/// The app's backend alone.
pub fn backend(caller: &Caller) -> Result<Backend> {
    match caller {
        Caller::Backend(backend) => Ok(*backend),
        _ => Err(Error::forbidden("This takes a server key.")),
    }
}

/// Somebody within an app.
pub fn actor(caller: &Caller) -> Result<Actor> {
    match caller {
        Caller::Backend(backend) => Ok(Actor::Backend(*backend)),
        Caller::User(session) => Ok(Actor::User(session.clone())),
        _ => Err(Error::forbidden("This takes a user token or a server key.")),
    }
}

/// The backend's powers, for the host's own work in an app: running its plugins.
pub fn host(app: AppId) -> Backend {
    Backend::vouch(Tenant::vouch(app))
}

/// A place in a channel, by what the store says now.
///
/// # Errors
/// `not_found` when there is no such channel, or the user is not in it.
pub async fn member(app: &App, actor: &Actor, channel: &ChannelId) -> Result<Member> {
    let tenant = actor.tenant();
    let found = app
        .store
        .find_channel(tenant, channel)
        .await?
        .ok_or_else(|| Error::not_found("channel"))?;
    member_of(app, actor, Arc::new(found)).await
}

/// The same, for the channel with this number in the store.
pub async fn member_by_key(
    app: &App,
    actor: &Actor,
    channel: ChannelKey,
    what: &str,
) -> Result<Member> {
    let tenant = actor.tenant();
    let found = app
        .store
        .find_channel_by_key(tenant, channel)
        .await?
        .ok_or_else(|| Error::not_found(what))?;
    member_of(app, actor, Arc::new(found))
        .await
        .map_err(|e| match e.code() {
            Code::NotFound => Error::not_found(what),
            _ => e,
        })
}

async fn member_of(app: &App, actor: &Actor, channel: Arc<Channel>) -> Result<Member> {
    let tenant = actor.tenant();
    match actor {
        Actor::Backend(_) => Ok(Member::vouch(tenant, channel, None, Standing::Backend)),
        Actor::User(session) => {
            let seat = app
                .store
                .find_participant(tenant, &channel, &session.user)
                .await?;
            let role = seat.ok_or_else(|| Error::not_found("channel"))?.role;
            Ok(Member::vouch(
                tenant,
                channel,
                Some(session.user.clone()),
                Standing::Participant(role),
            ))
        }
    }
}

/// A place in a channel for sending to it. It may be a moment old: the transaction that stores the
/// message looks again.
pub async fn sender(app: &App, actor: &Actor, channel: &ChannelId) -> Result<Member> {
    let Actor::User(session) = actor else {
        return member(app, actor, channel).await;
    };
    if let Some((channel, role)) = app.seats.find(session.tenant.app(), channel, &session.user) {
        let standing = Standing::Participant(role);
        return Ok(Member::vouch(
            session.tenant,
            channel,
            Some(session.user.clone()),
            standing,
        ));
    }
    let member = member(app, actor, channel).await?;
    // One in a side channel ends with another, of which the cache would not know.
    if let Some(role) = member.role().filter(|_| member.channel().parent.is_none()) {
        app.seats
            .keep(member.channel().clone(), session.user.clone(), role);
    }
    Ok(member)
}

/// Who reads across channels: a user its own, the backend all of the app's or, for a user, that one's.
///
/// # Errors
/// `forbidden` for anybody but the backend who names somebody else, `invalid` for a user who isn't
/// there or is deactivated.
pub async fn reader(app: &App, actor: &Actor, on_behalf: Option<UserId>) -> Result<Reader> {
    let tenant = actor.tenant();
    let user = match (actor.user(), on_behalf) {
        (Some(me), None) => Some(me.clone()),
        (Some(me), Some(other)) if *me == other => Some(other),
        (Some(_), Some(_)) => {
            return Err(Error::forbidden("Only a server key acts for others."));
        }
        (None, None) => None,
        (None, Some(other)) => {
            active_user(app, tenant, &other).await?;
            Some(other)
        }
    };
    Ok(Reader::vouch(tenant, user))
}

async fn active_user(app: &App, tenant: Tenant, user: &UserId) -> Result<()> {
    let found = app.store.find_user(tenant, user).await?;
    match found.is_some_and(|user| user.deactivated_at.is_none()) {
        true => Ok(()),
        false => Err(Error::invalid("as", "there is no such active user")),
    }
}

/// The backend acting for a participant of the channel.
///
/// # Errors
/// `forbidden` for anybody but the backend, `invalid` for a user who isn't there or is deactivated,
/// `not_found` for one who is not in the channel.
pub async fn on_behalf(app: &App, member: Member, user: &UserId) -> Result<Member> {
    if member.user() == Some(user) {
        return Ok(member);
    }
    if !matches!(member.standing(), Standing::Backend) {
        return Err(Error::forbidden("Only a server key acts for others."));
    }
    active_user(app, member.tenant(), user).await?;
    let seat = app
        .store
        .find_participant(member.tenant(), member.channel(), user)
        .await?;
    if seat.is_none() {
        let detail = "The user that `as` names is not in the channel.";
        return Err(Error::new(Code::NotFound, detail));
    }
    Ok(Member::vouch(
        member.tenant(),
        member.channel().clone(),
        Some(user.clone()),
        Standing::Backend,
    ))
}

/// A plugin acting in a channel of its app by its bot user.
pub async fn bot(
    app: &App,
    backend: &Backend,
    channel: &ChannelId,
    name: &Arc<str>,
    user: &UserId,
) -> Result<Member> {
    let tenant = backend.tenant();
    let found = app
        .store
        .find_channel(tenant, channel)
        .await?
        .ok_or_else(|| Error::not_found("channel"))?;
    Ok(Member::vouch(
        tenant,
        Arc::new(found),
        Some(user.clone()),
        Standing::Plugin(name.clone()),
    ))
}

/// The place of the other of a pair, which its sender's place in the parent channel stands for.
pub fn in_side_channel(member: &Member, side: Arc<Channel>) -> Member {
    // Whether the user is in it is looked up again when the message is stored.
    let standing = match member.standing() {
        Standing::Participant(_) => Standing::Participant(Role::Member),
        other => other.clone(),
    };
    Member::vouch(member.tenant(), side, member.user().cloned(), standing)
}

/// Who may manage a channel's settings: its owner, or the app's backend.
pub fn manager(member: Member) -> Result<Admin> {
    let kind = member.channel().kind.as_str();
    match member.standing() {
        Standing::Backend => Ok(Admin::vouch(member)),
        Standing::Participant(Role::Owner) if !matches!(kind, "direct" | "side") => {
            Ok(Admin::vouch(member))
        }
        _ => Err(Error::forbidden("Only the channel's owner may do this.")),
    }
}
