//! What a feed is made of: the newest messages of some types in the channels that somebody may read.
//! Whether that is so is part of the same statement, so what is read is what could be read at one
//! moment.
//!
//! A user may be in a thousand channels with a thousand posts each, so nothing walks through all of
//! them. Messages of plugins' types have indexes of their own. Text, of which there is the most and which
//! few feeds want, would pay for them with each message; it is looked for among the newest entries of
//! the log alone.

use super::Store;
use super::proof::Reader;
use crate::error::Result;
use crate::model::{Candidate, Message, UserId};
use sql::Statements;

pub mod sql;

/// The most types that a feed is made of.
pub const FEED_TYPES_MAX: usize = 8;
/// A feed of text looks into this many channels, those with the newest messages …
const TEXT_CHANNELS: i64 = 100;
/// … and there at this many entries of the log, the newest; for the backend at as many as all of these
/// together.
const TEXT_ENTRIES: i64 = 100;

/// Which messages.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Of these types, at most [`FEED_TYPES_MAX`].
    pub types: &'a [String],
    /// Up to this position of the store's log.
    pub upto: i64,
    /// At most so many, the newest.
    pub count_max: i64,
    /// At most so many bytes of data, view and state; what doesn't fit any more is left out.
    pub bytes_max: i64,
}

impl Store {
    /// The newest messages that the reader may see, new to old. None of them is deleted.
    pub async fn list_candidates(
        &self,
        reader: &Reader,
        wanted: Wanted<'_>,
    ) -> Result<Vec<Candidate>> {
        let (texts, others): (Vec<_>, Vec<_>) =
            wanted.types.iter().partition(|kind| *kind == "text");
        let mut found = Vec::new();
        if !others.is_empty() {
            found = self.list_others(reader, &wanted, &others).await?;
        }
        if !texts.is_empty() {
            found.extend(self.list_texts(reader, &wanted).await?);
            found.sort_unstable_by_key(|one| std::cmp::Reverse(one.position));
            found.truncate(usize::try_from(wanted.count_max).unwrap_or(usize::MAX));
            let mut bytes = 0;
            found.retain(|one| {
                bytes += size(&one.message);
                bytes <= wanted.bytes_max
            });
        }
        Ok(found)
    }

    async fn list_others(
        &self,
        reader: &Reader,
        wanted: &Wanted<'_>,
        types: &[&String],
    ) -> Result<Vec<Candidate>> {
        let user = reader.user().map(UserId::as_str);
        let statements = Statements::of(self.db.dialect());
        let sql = match user {
            Some(_) => statements.of_user,
            None => statements.of_app,
        };
        Ok(on_db!(&self.db, pool => {
            let mut query = sqlx::query_as(sql)
                .bind(reader.tenant().app())
                .bind(wanted.upto)
                .bind(wanted.count_max)
                .bind(wanted.bytes_max);
            for at in 0..FEED_TYPES_MAX {
                query = query.bind(types.get(at).map(|name| name.as_str()));
            }
            if let Some(user) = user {
                query = query.bind(user);
            }
            query.fetch_all(pool).await
        })?)
    }

    async fn list_texts(&self, reader: &Reader, wanted: &Wanted<'_>) -> Result<Vec<Candidate>> {
        let statements = Statements::of(self.db.dialect());
        let sql = match reader.user() {
            Some(_) => statements.text_of_user,
            None => statements.text_of_app,
        };
        Ok(on_db!(&self.db, pool => {
            let query = sqlx::query_as(sql)
                .bind(reader.tenant().app())
                .bind(wanted.upto)
                .bind(wanted.count_max)
                .bind(wanted.bytes_max);
            match reader.user() {
                Some(user) => query.bind(TEXT_CHANNELS).bind(TEXT_ENTRIES).bind(user.as_str()),
                None => query.bind(TEXT_CHANNELS * TEXT_ENTRIES),
            }
            .fetch_all(pool)
            .await
        })?)
    }
}

/// As the statements count it.
fn size(message: &Message) -> i64 {
    let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let bytes = message.data.len() + of(&message.view) + of(&message.state);
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
