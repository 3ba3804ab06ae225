//! Answers kept for requests that came with an `Idempotency-Key`, so that a retry gets the first
//! answer instead of doing the work again.

use super::Store;
use crate::error::Result;
use crate::model::Millis;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remembered {
    /// Nothing: it is this request's now.
    New,
    /// The first request is still running.
    Running,
    /// Nobody knows whether the first request was done.
    Unknown,
    /// It came with another request.
    Other,
    /// The first request's answer.
    Answer { status: u16, body: Vec<u8> },
}

/// What is kept of a key: the request's hash, the answer's status and body once there is one, and when
/// it was claimed.
type Kept = (Vec<u8>, Option<i32>, Option<Vec<u8>>, Millis);

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It was answered with this status and body.
    Answered(u16, Vec<u8>),
    /// Nothing was done.
    Undone,
    /// Nobody knows.
    Unknown,
}

/// Is kept as the status of what nobody knows.
const UNKNOWN: i32 = 0;
/// A request that is not settled after this long died with its host.
const RUNNING_MS: Millis = 60_000;
/// Answers are kept for at least this long.
const KEPT_MS: Millis = 24 * 3_600_000;
/// Old answers that one request clears away: more than it adds, and few enough to take no time.
const FORGOTTEN_MAX: i64 = 20;

impl Store {
    /// Claims `key` of `owner` for the request with this hash, or tells what is known of it.
    pub async fn claim_idempotency(
        &self,
        owner: String,
        key: String,
        request_hash: Vec<u8>,
    ) -> Result<Remembered> {
        self.write(move |tx| {
            Box::pin(async move {
                let now = tx.now;
                let found: Option<Kept> = on_db!(&mut tx.connection, c => {
                    sqlx::query(
                        "DELETE FROM idempotency WHERE (owner, key) IN \
                         (SELECT owner, key FROM idempotency WHERE created_at < $1 LIMIT $2)",
                    )
                    .bind(now - KEPT_MS)
                    .bind(FORGOTTEN_MAX)
                    .execute(&mut *c)
                    .await?;
                    sqlx::query(
                        "DELETE FROM idempotency WHERE owner = $1 AND key = $2 AND created_at < $3",
                    )
                    .bind(&owner)
                    .bind(&key)
                    .bind(now - KEPT_MS)
                    .execute(&mut *c)
                    .await?;
                    sqlx::query_as("SELECT request_hash, status, body, created_at FROM idempotency WHERE owner = $1 AND key = $2")
                        .bind(&owner)
                        .bind(&key)
                        .fetch_optional(&mut *c)
                        .await
                })?;
                match found {
                    Some((hash, ..)) if hash != request_hash => Ok(Remembered::Other),
                    Some((_, Some(UNKNOWN), ..)) => Ok(Remembered::Unknown),
                    Some((_, Some(status), body, _)) => {
                        Ok(Remembered::Answer { status: status as u16, body: body.unwrap_or_default() })
                    }
                    Some((_, None, _, begun)) if begun < now - RUNNING_MS => Ok(Remembered::Unknown),
                    Some((_, None, ..)) => Ok(Remembered::Running),
                    None => {
                        on_db!(&mut tx.connection, c => {
                            sqlx::query(
                                "INSERT INTO idempotency (owner, key, request_hash, created_at) VALUES ($1, $2, $3, $4)",
                            )
                            .bind(owner)
                            .bind(key)
                            .bind(request_hash)
                            .bind(now)
                            .execute(&mut *c)
                            .await
                            .map(drop)
                        })?;
                        Ok(Remembered::New)
                    }
                }
            })
        })
        .await
    }

    /// Keeps the answer of the request that claimed the key, or frees the key if nothing was done. What
    /// the request did is done by now, so this waits for its turn.
    pub async fn settle_idempotency(
        &self,
        owner: String,
        key: String,
        settled: Settled,
    ) -> Result<()> {
        let answer = match settled {
            Settled::Answered(status, body) => Some((i32::from(status), Some(body))),
            Settled::Unknown => Some((UNKNOWN, None)),
            Settled::Undone => None,
        };
        self.write_in_turn(move |tx| {
            Box::pin(async move {
                on_db!(&mut tx.connection, c => {
                    match answer {
                        Some((status, body)) => {
                            sqlx::query("UPDATE idempotency SET status = $1, body = $2 WHERE owner = $3 AND key = $4")
                                .bind(status)
                                .bind(body)
                                .bind(owner)
                                .bind(key)
                                .execute(&mut *c)
                                .await
                                .map(drop)
                        }
                        None => sqlx::query("DELETE FROM idempotency WHERE owner = $1 AND key = $2")
                            .bind(owner)
                            .bind(key)
                            .execute(&mut *c)
                            .await
                            .map(drop),
                    }
                })?;
                Ok(())
            })
        })
        .await
    }
}
