//! The claims of a token: what they must look like, and when they hold.

use serde::Serialize;
use serde_json::Value;

use super::TokenError;
use super::object::Object;

/// The longest `sub`, `app`, `jti` or single audience, in bytes.
pub const CLAIM_BYTES_MAX: usize = 128;
/// The longest `name`, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// The most audiences of one token.
const AUDIENCES_MAX: usize = 20;
const SECONDS: &str = "a whole number of seconds since 1970, not a string or a fraction";
const NOT_MILLISECONDS: &str = "in seconds since 1970, not in milliseconds";
const TEXT: &str = "a text of 1 to 128 bytes without control characters";
const USER_ID: &str = "a user id: 1 to 128 bytes, no control characters, no white space around it";
const NAME: &str = "a text of 1 to 256 bytes without control characters";
const AUDIENCE: &str = "a text, or a list of at most 20 texts";

/// Who a token is for, and for how long. Any other claim of a token grants nothing and is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The user's id, the app's own.
    pub sub: String,
    /// The app's id.
    pub app: String,
    /// When it ends, in seconds since 1970-01-01 UTC.
    pub exp: u64,
    /// When it was issued, in seconds since 1970-01-01 UTC.
    pub iat: u64,
    /// Whom it is meant for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    /// The token's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The user's name, for a user the host doesn't know yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a token must keep to.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The app whose keys are used.
    pub app: &'a str,
    /// The audience that the app demands, if it does.
    pub audience: Option<&'a str>,
    /// The longest time from `iat` to `exp`, in seconds.
    pub lifetime_s_max: u64,
    /// How far the signer's clock may be off, in seconds.
    pub leeway_s: u64,
}

impl Claims {
    pub(super) fn read(object: &Object) -> Result<Self, TokenError> {
        if object.has_duplicate() {
            return Err(TokenError::Duplicate);
        }
        let claims = Claims {
            sub: read_text(object, "sub", USER_ID)?.ok_or(TokenError::MissingClaim("sub"))?,
            app: read_app(object)?,
            exp: read_seconds(object, "exp")?.ok_or(TokenError::MissingClaim("exp"))?,
            iat: read_seconds(object, "iat")?.ok_or(TokenError::MissingClaim("iat"))?,
            aud: read_audience(object)?,
            jti: read_text(object, "jti", TEXT)?,
            name: read_text(object, "name", NAME)?,
        };
        claims.check_form()?;
        Ok(claims)
    }

    /// Lengths, characters, and `exp` after `iat`.
    pub(super) fn check_form(&self) -> Result<(), TokenError> {
        let plain = |text: &str, bytes_max| {
            (1..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        let is_user_id = plain(&self.sub, CLAIM_BYTES_MAX) && self.sub.trim() == self.sub;
        let short = |text: &Option<String>, bytes_max| {
            text.as_ref().is_none_or(|text| plain(text, bytes_max))
        };
        let audience_fits = self.aud.len() <= AUDIENCES_MAX
            && self
                .aud
                .iter()
                .all(|audience| plain(audience, CLAIM_BYTES_MAX));
        let bad = |claim, expected| Err(TokenError::BadClaim { claim, expected });
        match () {
            () if !is_user_id => bad("sub", USER_ID),
            () if !plain(&self.app, CLAIM_BYTES_MAX) => bad("app", TEXT),
            () if !short(&self.jti, CLAIM_BYTES_MAX) => bad("jti", TEXT),
            () if !short(&self.name, NAME_BYTES_MAX) => bad("name", NAME),
            () if !audience_fits => bad("aud", AUDIENCE),
            () if self.exp <= self.iat => bad("exp", "later than `iat`"),
            () => Ok(()),
        }
    }

    /// Whether they hold now, for the app of `rules`.
    pub(super) fn check(
        &self,
        object: &Object,
        now_ms: i64,
        rules: &Rules<'_>,
    ) -> Result<(), TokenError> {
        let now_s = u64::try_from(now_ms / 1000).unwrap_or(0);
        if self.app != rules.app {
            return Err(TokenError::Audience);
        }
        if self.iat > now_s.saturating_mul(100) {
            return Err(TokenError::BadClaim {
                claim: "iat",
                expected: NOT_MILLISECONDS,
            });
        }
        let latest_start = now_s.saturating_add(rules.leeway_s);
        let not_before = read_seconds(object, "nbf")?.unwrap_or(0);
        if self.iat > latest_start || not_before > latest_start {
            return Err(TokenError::NotYetValid);
        }
        if self.exp - self.iat > rules.lifetime_s_max {
            return Err(TokenError::TooLong {
                lifetime_s_max: rules.lifetime_s_max,
            });
        }
        if now_s >= self.exp.saturating_add(rules.leeway_s) {
            return Err(TokenError::Expired);
        }
        match rules.audience {
            Some(wanted) if !self.aud.iter().any(|audience| audience == wanted) => {
                Err(TokenError::Audience)
            }
            _ => Ok(()),
        }
    }
}

/// The claim `app`, also of a token that is not verified yet.
pub(super) fn read_app(object: &Object) -> Result<String, TokenError> {
    if object.has_duplicate() {
        return Err(TokenError::Duplicate);
    }
    let app = read_text(object, "app", TEXT)?.ok_or(TokenError::MissingClaim("app"))?;
    if app.is_empty() || app.len() > CLAIM_BYTES_MAX || app.chars().any(char::is_control) {
        return Err(TokenError::BadClaim {
            claim: "app",
            expected: TEXT,
        });
    }
    Ok(app)
}

/// A text of any length; `None` if it isn't there. `null` is a wrong type.
fn read_text(
    object: &Object,
    claim: &'static str,
    expected: &'static str,
) -> Result<Option<String>, TokenError> {
    match object.get(claim) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::BadClaim { claim, expected }),
    }
}

fn read_seconds(object: &Object, claim: &'static str) -> Result<Option<u64>, TokenError> {
    match object.get(claim) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(TokenError::BadClaim {
                claim,
                expected: SECONDS,
            }),
        },
    }
}

fn read_audience(object: &Object) -> Result<Vec<String>, TokenError> {
    let bad = TokenError::BadClaim {
        claim: "aud",
        expected: AUDIENCE,
    };
    match object.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(audience)) => Ok(vec![audience.clone()]),
        Some(Value::Array(audiences)) => audiences
            .iter()
            .map(|audience| audience.as_str().map(str::to_owned).ok_or(bad))
            .collect(),
        Some(_) => Err(bad),
    }
}
