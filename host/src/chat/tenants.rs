//! Orgs, apps, keys and sessions.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;

use super::access::{self, Caller};
use super::{cursor, plugins, valid};
use crate::address::{Networks, Origins};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::hub::Close;
use crate::model::{self, AppId, Key, KeyId, KeyOwner, Org, OrgId, SigningKey, Texts};
use crate::secrets::{Credential, CredentialKind, SealContext, Secret};
use crate::store::proof::Tenant;
use crate::store::{AppChange, OrgChange};
use crate::tokens::{self, Claims, VerifyingKey};
use crate::{clock, wire};

/// The most signing keys of one app.
const SIGNING_KEYS_MAX: usize = 20;

/// Makes an org with its first key.
pub async fn add_org(
    app: &App,
    caller: &Caller,
    new: wire::NewOrg,
) -> Result<(Org, Secret<String>)> {
    let operator = access::operator(caller)?;
    valid::name("name", &new.name, 128)?;
    check_email(&new.email)?;
    if let Some(banner) = &new.banner {
        valid::link("banner", banner)?;
    }
    let org = Org {
        id: OrgId(app.store.next_id()),
        name: new.name,
        email: new.email,
        banner: new.banner,
        created_at: app.clock.now(),
    };
    let org = app.store.add_org(&operator, org).await?;
    let (_, secret) = add_key_of(app, KeyOwner::Org(org.id), "first key".into()).await?;
    Ok((org, secret))
}

/// Orgs by age, and the cursor of the next page.
pub async fn list_orgs(
    app: &App,
    caller: &Caller,
    limit: Option<i64>,
    next: Option<&str>,
) -> Result<(Vec<Org>, Option<String>)> {
    let operator = access::operator(caller)?;
    let limit = valid::limit(app, limit, 50)?;
    let after = place(app, "orgs", next)?;
    let orgs = app.store.list_orgs(&operator, after, limit + 1).await?;
    Ok(page(app, "orgs", orgs, limit, |org| org.id.to_string()))
}

/// An org.
pub async fn get_org(app: &App, caller: &Caller, id: OrgId) -> Result<Org> {
    app.store.get_org(&access::owner(caller, id)?).await
}

/// Changes an org.
pub async fn change_org(
    app: &App,
    caller: &Caller,
    id: OrgId,
    change: wire::ChangeOrg,
) -> Result<Org> {
    let owner = access::owner(caller, id)?;
    if let Some(name) = &change.name {
        valid::name("name", name, 128)?;
    }
    if let Some(email) = &change.email {
        check_email(email)?;
    }
    if let Some(Some(banner)) = &change.banner {
        valid::link("banner", banner)?;
    }
    let wire::ChangeOrg {
        name,
        email,
        banner,
    } = change;
    app.store
        .change_org(
            &owner,
            OrgChange {
                name,
                email,
                banner,
            },
        )
        .await
}

/// Removes an org without apps.
pub async fn remove_org(app: &App, caller: &Caller, id: OrgId) -> Result<()> {
    let owner = access::owner(caller, id)?;
    app.store.get_org(&owner).await?;
    app.store.remove_org(&owner).await
}

fn check_email(email: &str) -> Result<()> {
    valid::plain("email", email, 254)?;
    match email.split_once('@') {
        Some((user, host))
            if !user.is_empty() && !host.is_empty() && !email.contains(char::is_whitespace) =>
        {
            Ok(())
        }
        _ => Err(Error::invalid("email", "must be an email address")),
    }
}

/// Makes an app with its first server key.
///
/// # Errors
/// `limit_reached` when the org has as many apps as it may.
pub async fn add_app(
    app: &App,
    caller: &Caller,
    org: OrgId,
    new: wire::NewApp,
) -> Result<(model::App, Secret<String>)> {
    let owner = access::owner(caller, org)?;
    app.store.get_org(&owner).await?;
    valid::name("name", &new.name, 128)?;
    let ips = new.allowed_ips.unwrap_or_else(|| {
        Networks::loopback()
            .iter()
            .map(ToString::to_string)
            .collect()
    });
    check_lists(Some(&ips), Some(&new.allowed_origins))?;
    if let Some(audience) = &new.audience {
        valid::name("audience", audience, 128)?;
    }
    let made = model::App {
        id: AppId(app.store.next_id()),
        org_id: org,
        name: new.name,
        allowed_ips: Texts(ips),
        allowed_origins: Texts(new.allowed_origins),
        tokens_valid_from: 0,
        audience: new.audience,
        jwks_url: None,
        created_at: app.clock.now(),
    };
    let secret = tokens::new_secret(&SystemRandom::new()).map_err(Error::internal)?;
    let own = sealed_key(
        app,
        made.id,
        "session".into(),
        secret.expose().as_bytes(),
        true,
    )?;
    let apps_max = app.config.limits.apps_per_org_max;
    let made = app.store.add_app(&owner, made, own, apps_max).await?;
    app.forget_issuer(made.id).await?;
    let (_, secret) = add_key_of(app, KeyOwner::App(made.id), "first key".into()).await?;
    Ok((made, secret))
}

/// The org's apps by age, and the cursor of the next page.
pub async fn list_apps(
    app: &App,
    caller: &Caller,
    org: OrgId,
    limit: Option<i64>,
    next: Option<&str>,
) -> Result<(Vec<model::App>, Option<String>)> {
    let owner = access::owner(caller, org)?;
    app.store.get_org(&owner).await?;
    let limit = valid::limit(app, limit, 50)?;
    let list = format!("apps {org}");
    let after = place(app, &list, next)?;
    let apps = app.store.list_apps(&owner, after, limit + 1).await?;
    Ok(page(app, &list, apps, limit, |app| app.id.to_string()))
}

/// An app.
pub async fn get_app(app: &App, caller: &Caller, id: AppId) -> Result<model::App> {
    let tenant = access::app_reader(app, caller, id).await?;
    app.store
        .find_app(tenant.app())
        .await?
        .ok_or_else(|| Error::not_found("app"))
}

/// Changes an app.
pub async fn change_app(
    app: &App,
    caller: &Caller,
    id: AppId,
    change: wire::ChangeApp,
) -> Result<model::App> {
    let tenant = access::app_owner(app, caller, id).await?;
    if let Some(name) = &change.name {
        valid::name("name", name, 128)?;
    }
    check_lists(
        change.allowed_ips.as_deref(),
        change.allowed_origins.as_deref(),
    )?;
    if let Some(Some(audience)) = &change.audience {
        valid::name("audience", audience, 128)?;
    }
    if let Some(Some(url)) = &change.jwks_url {
        check_key_set(app, tenant.app(), url).await?;
    }
    let changed = AppChange {
        name: change.name,
        allowed_ips: change.allowed_ips.map(Texts),
        allowed_origins: change.allowed_origins.map(Texts),
        audience: change.audience,
        jwks_url: change.jwks_url,
        tokens_valid_from: None,
    };
    let changed = app.store.change_app(tenant, changed).await?;
    app.forget_issuer(id).await?;
    Ok(changed)
}

/// A set that can't be had now would only be found out by the app's users.
async fn check_key_set(app: &App, id: AppId, url: &str) -> Result<()> {
    let refused = |error| Error::invalid("jwks_url", format!("no keys come from there: {error}"));
    let holder = app.holder(id).await?;
    app.key_sets.check(holder, url).await.map_err(refused)
}

/// Removes an app with everything in it, step by step. A host that stops in the middle leaves an app
/// that nobody can use; asking again goes on.
pub async fn remove_app(app: &Arc<App>, caller: &Caller, id: AppId) -> Result<()> {
    let tenant = access::app_owner(app, caller, id).await?;
    // Whoever changes a plugin of it at the same time comes before, or finds none.
    plugins::change(app, id, async {
        app.store.shut_app(tenant).await?;
        app.set_loadout(id, Default::default());
        app.recordings.forget_app(id);
        app.hub.close_all(Some(id), Close::UNAUTHENTICATED);
        app.forget_issuer(id).await?;
        while app.store.empty_app(tenant).await? {}
        app.store.remove_app(tenant).await?;
        app.removed.notify_one();
        app.forget_issuer(id).await
    })
    .await
}

fn check_lists(ips: Option<&[String]>, origins: Option<&[String]>) -> Result<()> {
    if let Some(ips) = ips {
        Networks::parse(ips).map_err(|e| Error::invalid("allowed_ips", e.to_string()))?;
    }
    if let Some(origins) = origins {
        Origins::parse(origins).map_err(|e| Error::invalid("allowed_origins", e.to_string()))?;
    }
    Ok(())
}

/// Whose keys a request is about.
#[derive(Debug, Clone, Copy)]
pub enum KeysOf {
    Org(OrgId),
    App(AppId),
}

async fn key_owner(app: &App, caller: &Caller, of: KeysOf) -> Result<KeyOwner> {
    match of {
        KeysOf::Org(org) => {
            let owner = access::owner(caller, org)?;
            app.store.get_org(&owner).await?;
            Ok(KeyOwner::Org(org))
        }
        KeysOf::App(id) => access::app_owner(app, caller, id)
            .await
            .map(|tenant| KeyOwner::App(tenant.app())),
    }
}

/// Makes a key. Its secret is told this once.
pub async fn add_key(
    app: &App,
    caller: &Caller,
    of: KeysOf,
    new: wire::NewKey,
) -> Result<(Key, Secret<String>)> {
    let owner = key_owner(app, caller, of).await?;
    valid::name("name", &new.name, 128)?;
    add_key_of(app, owner, new.name).await
}

/// The keys of an org or app.
pub async fn list_keys(app: &App, caller: &Caller, of: KeysOf) -> Result<Vec<Key>> {
    let owner = key_owner(app, caller, of).await?;
    app.store.list_keys(owner).await
}

/// Replaces a key; the old secret works on for a while.
pub async fn rotate_key(
    app: &App,
    caller: &Caller,
    of: KeysOf,
    id: KeyId,
    rotate: wire::RotateKey,
) -> Result<(Key, Secret<String>)> {
    let owner = key_owner(app, caller, of).await?;
    let overlap_s = rotate.overlap_s.unwrap_or(3600);
    if overlap_s > 604_800 {
        return Err(Error::invalid("overlap_s", "must be from 0 to 604800"));
    }
    let old = app
        .store
        .list_keys(owner)
        .await?
        .into_iter()
        .find(|key| key.id == id);
    let old = old.ok_or_else(|| Error::not_found("key"))?;
    let (key, secret, hash) = new_key(app, owner, old.name)?;
    let until = app.clock.now() + i64::from(overlap_s) * 1000;
    Ok((
        app.store.rotate_key(owner, id, until, key, hash).await?,
        secret,
    ))
}

/// Ends a key at once.
pub async fn revoke_key(app: &App, caller: &Caller, of: KeysOf, id: KeyId) -> Result<()> {
    let owner = key_owner(app, caller, of).await?;
    app.store.expire_key(owner, id, app.clock.now()).await
}

async fn add_key_of(app: &App, owner: KeyOwner, name: String) -> Result<(Key, Secret<String>)> {
    let (key, secret, hash) = new_key(app, owner, name)?;
    Ok((app.store.add_key(key, hash).await?, secret))
}

fn new_key(app: &App, owner: KeyOwner, name: String) -> Result<(Key, Secret<String>, Vec<u8>)> {
    let kind = match owner {
        KeyOwner::Org(_) => CredentialKind::Org,
        KeyOwner::App(_) => CredentialKind::Server,
    };
    let credential = Credential::generate(kind, &SystemRandom::new()).map_err(Error::internal)?;
    let key = Key {
        id: KeyId(app.store.next_id()),
        owner,
        name,
        hint: credential.hint(),
        created_at: app.clock.now(),
        expires_at: None,
    };
    Ok((
        key,
        credential.text().clone(),
        credential.digest().as_bytes().to_vec(),
    ))
}

/// The keys that verify the app's user tokens.
pub async fn list_signing_keys(app: &App, caller: &Caller, id: AppId) -> Result<Vec<SigningKey>> {
    let tenant = access::app_owner(app, caller, id).await?;
    app.store.list_signing_keys(tenant.app()).await
}

/// Registers keys with which the app signs user tokens itself.
pub async fn add_signing_keys(
    app: &App,
    caller: &Caller,
    id: AppId,
    new: wire::NewSigningKey,
) -> Result<Vec<SigningKey>> {
    let tenant = access::app_owner(app, caller, id).await?;
    let keys = read_signing_keys(app, id, new)?;
    let known = app.store.list_signing_keys(id).await?;
    if known.len() + keys.len() > SIGNING_KEYS_MAX {
        return Err(Error::new(
            Code::LimitReached,
            format!("An app has at most {SIGNING_KEYS_MAX} signing keys."),
        ));
    }
    if let Some(taken) = keys
        .iter()
        .find(|key| known.iter().any(|known| known.kid == key.kid))
    {
        return Err(Error::new(
            Code::AlreadyExists,
            format!("There is a key with the id `{}` already.", taken.kid),
        ));
    }
    for key in &keys {
        app.store.add_signing_key(tenant, key.clone()).await?;
    }
    app.forget_issuer(id).await?;
    Ok(keys)
}

fn read_signing_keys(app: &App, id: AppId, new: wire::NewSigningKey) -> Result<Vec<SigningKey>> {
    let need_kid = || -> Result<String> {
        let kid = new
            .kid
            .clone()
            .ok_or_else(|| Error::invalid("kid", "is missing"))?;
        valid::name("kid", &kid, 128)?;
        Ok(kid)
    };
    let public = |key: &VerifyingKey, text: String| SigningKey {
        kid: key.kid().to_owned(),
        algorithm: key.algorithm().name().to_owned(),
        material: text.into_bytes(),
        own: false,
        created_at: app.clock.now(),
    };
    match (&new.secret, &new.public_key, &new.jwks) {
        (Some(secret), None, None) => {
            let kid = need_kid()?;
            let bytes = STANDARD
                .decode(secret)
                .map_err(|_| Error::invalid("secret", "must be base64"))?;
            VerifyingKey::from_secret(&kid, &bytes)
                .map_err(|e| Error::invalid("secret", e.to_string()))?;
            Ok(vec![sealed_key(app, id, kid, &bytes, false)?])
        }
        (None, Some(text), None) => {
            let kid = need_kid()?;
            let key = VerifyingKey::from_public(text, Some(&kid))
                .map_err(|e| Error::invalid("public_key", e.to_string()))?;
            Ok(vec![public(&key, text.clone())])
        }
        (None, None, Some(set)) => {
            let parsed = tokens::parse_key_set(set.to_string().as_bytes())
                .map_err(|e| Error::invalid("jwks", e.to_string()))?;
            let documents = set["keys"].as_array().cloned().unwrap_or_default();
            Ok(parsed
                .iter()
                .filter_map(|key| {
                    let document = documents
                        .iter()
                        .find(|document| document["kid"] == key.kid())?;
                    Some(public(key, document.to_string()))
                })
                .collect())
        }
        _ => Err(Error::new(
            Code::Invalid,
            "Give exactly one of `secret`, `public_key` and `jwks`.",
        )),
    }
}

fn sealed_key(app: &App, id: AppId, kid: String, secret: &[u8], own: bool) -> Result<SigningKey> {
    let context = SealContext {
        app_id: &id.to_string(),
        key_id: &kid,
    };
    let material = app
        .sealer
        .seal(context, secret, &SystemRandom::new())
        .map_err(Error::internal)?;
    Ok(SigningKey {
        kid,
        algorithm: "HS256".into(),
        material,
        own,
        created_at: app.clock.now(),
    })
}

/// Removes such a key. Sockets that came with it stay until their tokens end.
pub async fn remove_signing_key(app: &App, caller: &Caller, id: AppId, kid: String) -> Result<()> {
    let tenant = access::app_owner(app, caller, id).await?;
    app.store.remove_signing_key(tenant, kid).await?;
    app.forget_issuer(id).await
}

/// Makes a user token, signed by the host.
pub async fn add_session(
    app: &App,
    caller: &Caller,
    new: wire::NewSession,
) -> Result<wire::Session> {
    let tenant = access::backend(caller)?.tenant();
    let sessions = &app.config.sessions;
    let lifetime_s = new.expires_in_s.unwrap_or(sessions.lifetime_s as i64);
    if !(1..=sessions.lifetime_s_max as i64).contains(&lifetime_s) {
        return Err(Error::invalid(
            "expires_in_s",
            format!("must be from 1 to {}", sessions.lifetime_s_max),
        ));
    }
    let user = app.store.find_user(tenant, &new.user_id).await?;
    let user = user.ok_or_else(|| Error::invalid("user_id", "there is no such user"))?;
    if user.deactivated_at.is_some() {
        return Err(Error::new(
            Code::UserDeactivated,
            "The user is deactivated.",
        ));
    }
    let keys = app.store.list_signing_keys(tenant.app()).await?;
    let own = keys
        .iter()
        .find(|key| key.own)
        .ok_or_else(|| Error::internal("the app has no key of its own"))?;
    let secret = app.unseal(tenant.app(), own)?;
    let signer = tokens::SigningKey::new(&own.kid, secret.expose()).map_err(Error::internal)?;
    // A token made in the second of a revocation must not count as made before it.
    let valid_from = user.tokens_valid_from.max(
        app.issuer(tenant.app())
            .await?
            .map_or(0, |i| i.app.tokens_valid_from),
    );
    let iat = (app.clock.now() / 1000).max((valid_from + 999) / 1000);
    let exp = iat + lifetime_s;
    let claims = Claims {
        sub: new.user_id.to_string(),
        app: tenant.app().to_string(),
        exp: exp as u64,
        iat: iat as u64,
        aud: app
            .issuer(tenant.app())
            .await?
            .and_then(|i| i.app.audience.clone())
            .into_iter()
            .collect(),
        jti: None,
        name: None,
    };
    let token = tokens::mint(&signer, &claims).map_err(Error::internal)?;
    Ok(wire::Session {
        token,
        expires_at: clock::rfc3339(exp * 1000),
    })
}

/// Refuses the tokens made up to now, of one user or of all, and closes their sockets.
pub async fn revoke_sessions(
    app: &App,
    caller: &Caller,
    revoke: wire::RevokeSessions,
) -> Result<()> {
    let backend = access::backend(caller)?;
    let tenant: Tenant = backend.tenant();
    // Tokens count in seconds; those of this second are refused too.
    let from = (app.clock.now() / 1000 + 1) * 1000;
    match revoke.user_id {
        Some(user) => {
            app.store
                .set_tokens_valid_from(&backend, user.clone(), from)
                .await?;
            app.hub
                .close_user(tenant.app(), &user, Close::UNAUTHENTICATED);
        }
        None => {
            let change = AppChange {
                tokens_valid_from: Some(from),
                ..Default::default()
            };
            app.store.change_app(tenant, change).await?;
            app.forget_issuer(tenant.app()).await?;
            app.hub
                .close_all(Some(tenant.app()), Close::UNAUTHENTICATED);
        }
    }
    Ok(())
}

fn place<T: std::str::FromStr>(app: &App, list: &str, next: Option<&str>) -> Result<Option<T>> {
    let Some(next) = next else { return Ok(None) };
    let place = cursor::read(app, list, next)?;
    place
        .parse()
        .map(Some)
        .map_err(|_| Error::new(Code::BadCursor, "The cursor was not given by this list."))
}

/// Cuts the item too many off, which told that there is a next page.
pub(super) fn page<T>(
    app: &App,
    list: &str,
    mut items: Vec<T>,
    limit: i64,
    place: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let more = items.len() as i64 > limit;
    items.truncate(limit as usize);
    let next = items
        .last()
        .filter(|_| more)
        .map(|last| cursor::make(app, list, &place(last)));
    (items, next)
}
