//! Orgs, apps, keys and sessions.

use serde::{Deserialize, Serialize};

use super::Time;
use crate::model::{self, AppId, KeyId, OrgId, UserId};

/// An org.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Org)]
pub struct Org<'a> {
    /// `org_` and 16 hex digits.
    pub id: OrgId,
    /// What to call the org.
    pub name: &'a str,
    /// Of whoever answers for the org.
    pub email: &'a str,
    /// The address of a picture.
    pub banner: Option<&'a str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Time,
}

impl<'a> From<&'a model::Org> for Org<'a> {
    fn from(org: &'a model::Org) -> Self {
        let model::Org {
            id,
            name,
            email,
            banner,
            created_at,
        } = org;
        Self {
            id: *id,
            name,
            email,
            banner: banner.as_deref(),
            created_at: Time(*created_at),
        }
    }
}

/// Orgs by age.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Orgs)]
pub struct Orgs<'a> {
    /// Old to new.
    pub orgs: Vec<Org<'a>>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An org to be made.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrg {
    /// 1 to 128 bytes.
    pub name: String,
    /// Of whoever answers for the org.
    pub email: String,
    /// The address of a picture.
    pub banner: Option<String>,
}

/// What to change of an org: absent fields stay, `null` clears.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeOrg {
    /// 1 to 128 bytes.
    pub name: Option<String>,
    /// Of whoever answers for the org.
    pub email: Option<String>,
    /// The address of a picture.
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = Option<String>)]
    pub banner: Option<Option<String>>,
}

/// A new org and its first key.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = CreatedOrg)]
pub struct CreatedOrg<'a> {
    /// The org.
    pub org: Org<'a>,
    /// The org's key. It is shown this once.
    pub key: &'a str,
}

/// An app.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = App)]
pub struct App<'a> {
    /// `app_` and 16 hex digits.
    pub id: AppId,
    /// The org that owns it.
    pub org_id: OrgId,
    /// What to call the app.
    pub name: &'a str,
    /// CIDR ranges from which server keys work. None at all means from nowhere.
    pub allowed_ips: &'a [String],
    /// Origins whose pages may use user tokens: `https://app.example.com`, or
    /// `https://*.example.com` for one label more.
    pub allowed_origins: &'a [String],
    /// When set, the `aud` that every user token must name.
    pub audience: Option<&'a str>,
    /// Where the app publishes further keys for its user tokens, as a JWK set.
    pub jwks_url: Option<&'a str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Time,
}

impl<'a> From<&'a model::App> for App<'a> {
    fn from(app: &'a model::App) -> Self {
        Self {
            id: app.id,
            org_id: app.org_id,
            name: &app.name,
            allowed_ips: &app.allowed_ips.0,
            allowed_origins: &app.allowed_origins.0,
            audience: app.audience.as_deref(),
            jwks_url: app.jwks_url.as_deref(),
            created_at: Time(app.created_at),
        }
    }
}

/// Apps by age.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Apps)]
pub struct Apps<'a> {
    /// Old to new.
    pub apps: Vec<App<'a>>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An app to be made.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// 1 to 128 bytes.
    pub name: String,
    /// CIDR ranges from which server keys work; this host's own addresses if absent.
    pub allowed_ips: Option<Vec<String>>,
    /// Origins whose pages may use user tokens; none if absent.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// The `aud` that every user token must name; none is demanded if absent.
    pub audience: Option<String>,
}

/// What to change of an app: absent fields stay, `null` clears.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeApp {
    /// 1 to 128 bytes.
    pub name: Option<String>,
    /// CIDR ranges from which server keys work; they replace those before.
    pub allowed_ips: Option<Vec<String>>,
    /// Origins whose pages may use user tokens; they replace those before.
    pub allowed_origins: Option<Vec<String>>,
    /// The `aud` that every user token must name.
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = Option<String>)]
    pub audience: Option<Option<String>>,
    /// Where the app publishes further keys for its user tokens: an `https` URL of a JWK set. It is
    /// fetched at once, and again when a token names a key that is not known.
    #[serde(default, deserialize_with = "super::present")]
    #[schema(value_type = Option<String>)]
    pub jwks_url: Option<Option<String>>,
}

/// A new app and its first server key.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = CreatedApp)]
pub struct CreatedApp<'a> {
    /// The app.
    pub app: App<'a>,
    /// The app's server key. It is shown this once.
    pub key: &'a str,
}

/// A credential, without its secret.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Key)]
pub struct Key<'a> {
    /// `key_` and 16 hex digits.
    pub id: KeyId,
    /// What to call it.
    pub name: &'a str,
    /// The last characters of the secret, to tell keys apart.
    pub hint: &'a str,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Time,
    /// From when on it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Time>,
    /// The secret; only in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<&'a str>,
}

impl<'a> Key<'a> {
    /// The key, with its secret when it was made just now.
    pub fn new(key: &'a model::Key, secret: Option<&'a str>) -> Self {
        Self {
            id: key.id,
            name: &key.name,
            hint: &key.hint,
            created_at: Time(key.created_at),
            expires_at: key.expires_at.map(Time),
            secret,
        }
    }
}

/// The credentials of an org or app, old to new.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Keys)]
pub struct Keys<'a> {
    /// Old to new.
    pub keys: Vec<Key<'a>>,
}

/// A credential to be made.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// 1 to 128 bytes.
    pub name: String,
}

/// How to rotate a credential.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// For how many seconds the old secret still works, 0 to 604,800; an hour if absent.
    pub overlap_s: Option<u32>,
}

/// A key that verifies user tokens.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SigningKey)]
pub struct SigningKey<'a> {
    /// What tokens name in their header.
    pub kid: &'a str,
    /// The only algorithm that tokens with this `kid` may use.
    pub algorithm: &'a str,
    /// True for the one with which the host signs sessions.
    pub own: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Time,
}

impl<'a> From<&'a model::SigningKey> for SigningKey<'a> {
    fn from(key: &'a model::SigningKey) -> Self {
        Self {
            kid: &key.kid,
            algorithm: &key.algorithm,
            own: key.own,
            created_at: Time(key.created_at),
        }
    }
}

/// The keys that verify an app's user tokens, old to new.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SigningKeys)]
pub struct SigningKeys<'a> {
    /// Old to new.
    pub signing_keys: Vec<SigningKey<'a>>,
}

/// A key to verify user tokens with: exactly one of `secret`, `public_key` and `jwks`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSigningKey {
    /// What tokens name in their header. Not with `jwks`, whose keys bring their own.
    pub kid: Option<String>,
    /// A shared secret for HS256: base64, at least 32 bytes.
    pub secret: Option<String>,
    /// A public key for EdDSA, ES256 or RS256, as PEM.
    pub public_key: Option<String>,
    /// A JWK set.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<serde_json::Value>,
}

/// A session to be made.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// Whose it is. The user must exist.
    pub user_id: UserId,
    /// For how long, in seconds; at most a day.
    pub expires_in_s: Option<i64>,
}

/// A session.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Session {
    /// The user token, for `Authorization: Bearer` and the socket's `connect`.
    pub token: String,
    /// When it ends (RFC 3339).
    pub expires_at: String,
}

/// Which tokens to refuse from now on.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeSessions {
    /// Whose; everybody's in the app if absent.
    pub user_id: Option<UserId>,
}
