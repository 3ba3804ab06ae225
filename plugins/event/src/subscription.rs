//! Calendars that apps outside follow. They send no token, so their address has one in it: unguessable,
//! kept as a hash, one for each person, and taken back by making another or none.
//!
//! A call has 64 random bits. A pool that is stirred with those of every call before makes more of
//! them: whoever guesses one call's bits has still not guessed the pool.

use althing_plugin::kv::{self, Scope};
use althing_plugin::{Context, Error, chat};
use sha2::{Digest, Sha256};

const POOL: &str = "pool";
/// With the person: gone when the person is.
const MINE: &str = "feed";
const BY_HASH: &str = "t/";
const TOKEN_BYTES: usize = 24;

/// Stirs the pool.
pub fn stir(ctx: &Context) -> Result<[u8; 32], Error> {
    let before = kv::get(&Scope::Plugin, POOL)?
        .map(|entry| entry.value)
        .unwrap_or_default();
    let after: [u8; 32] = Sha256::new()
        .chain_update(b"pool")
        .chain_update(&before)
        .chain_update(ctx.seed.to_le_bytes())
        .chain_update(ctx.now_ms.to_le_bytes())
        .finalize()
        .into();
    kv::set(&Scope::Plugin, POOL, &after)?;
    Ok(after)
}

/// A new token for a person; the one before works no more.
pub fn renew(ctx: &Context, user: &str) -> Result<String, Error> {
    revoke(user)?;
    let token = token(&stir(ctx)?, user);
    let hash = hash(&token);
    kv::set(&Scope::User(user.to_owned()), MINE, hash.as_bytes())?;
    kv::set(&Scope::Plugin, &format!("{BY_HASH}{hash}"), user.as_bytes())?;
    Ok(token)
}

/// Takes a person's token back. False when there is none.
pub fn revoke(user: &str) -> Result<bool, Error> {
    let scope = Scope::User(user.to_owned());
    let Some(known) = kv::get(&scope, MINE)? else {
        return Ok(false);
    };
    let hash = String::from_utf8_lossy(&known.value).into_owned();
    kv::delete(&Scope::Plugin, &format!("{BY_HASH}{hash}"))?;
    kv::delete(&scope, MINE)?;
    Ok(true)
}

/// Whether a person has a token.
pub fn is_set(user: &str) -> Result<bool, Error> {
    Ok(kv::get(&Scope::User(user.to_owned()), MINE)?.is_some())
}

/// Whose token it is.
pub fn find(token: &str) -> Result<Option<String>, Error> {
    let hash = hash(token);
    let key = format!("{BY_HASH}{hash}");
    let Some(known) = kv::get(&Scope::Plugin, &key)? else {
        return Ok(None);
    };
    let user = String::from_utf8_lossy(&known.value).into_owned();
    let is_theirs = match chat::user(&user) {
        Ok(_) => {
            let mine = kv::get(&Scope::User(user.clone()), MINE)?;
            mine.is_some_and(|mine| mine.value == hash.as_bytes())
        }
        Err(Error::NotFound(_)) => false,
        Err(error) => return Err(error),
    };
    if !is_theirs {
        // Of somebody who was erased: whoever has the id next is another person.
        kv::delete(&Scope::Plugin, &key)?;
        return Ok(None);
    }
    Ok(Some(user))
}

fn token(pool: &[u8; 32], user: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"token")
        .chain_update(pool)
        .chain_update(user);
    hex(&digest.finalize()[..TOKEN_BYTES])
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_tell_nothing_of_the_pool() {
        let pool = [7; 32];
        let alices = token(&pool, "alice");
        assert_eq!(alices.len(), 2 * TOKEN_BYTES);
        assert_ne!(alices, token(&pool, "bob"));
        assert_ne!(alices, token(&[8; 32], "alice"));
        assert!(!hex(&pool).contains(&alices[..8]));
        let known = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
        assert_eq!(hash("foo"), known);
    }
}
