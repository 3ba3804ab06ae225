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

/// The types that were asked for. `$5` to `$12`, those that are not used are NULL.
macro_rules! types {
    () => {
        "(SELECT column1 AS type FROM (VALUES (CAST($5 AS TEXT)), (CAST($6 AS TEXT)), (CAST($7 AS TEXT)), \
         (CAST($8 AS TEXT)), (CAST($9 AS TEXT)), (CAST($10 AS TEXT)), (CAST($11 AS TEXT)), (CAST($12 AS TEXT))) AS v \
         WHERE column1 IS NOT NULL)"
    };
}

/// What the indexes hold: `$2` is where it ends.
macro_rules! indexed {
    () => {
        "e.kind = 1 AND e.deleted_at IS NULL AND e.type <> 'text' AND e.position <= $2"
    };
}

/// From the `places` of messages to the messages: the newest `$3` of them, as far as their bytes are
/// at most `$4` together.
macro_rules! of_places {
    () => {
        ", sized AS (SELECT e.position, OCTET_LENGTH(e.data) + COALESCE(OCTET_LENGTH(e.view), 0) \
         + COALESCE(OCTET_LENGTH(e.state), 0) AS bytes \
         FROM (SELECT position FROM places ORDER BY position DESC LIMIT $3) AS newest \
         JOIN events e ON e.position = newest.position), \
         fitting AS (SELECT position, SUM(bytes) OVER (ORDER BY position DESC) AS bytes FROM sized) \
         SELECT m.position, c.id AS channel_id, m.message_id AS id, m.channel, m.seq, m.ts, m.actor AS sender, \
         m.to_user AS \"to\", m.type AS kind, m.data, m.view, m.state, m.client_id, m.revision, m.edited_at, m.deleted_at \
         FROM fitting JOIN events m ON m.position = fitting.position JOIN channels c ON c.key = m.channel \
         WHERE fitting.bytes <= $4 ORDER BY m.position DESC"
    };
}

/// Messages of other types than text, of a user.
///
/// In each channel only the eighth newest message of each type is looked up first. The eighths that are
/// newest tell a bound: where an eighth of `$3` channels have eight messages each, nothing older than
/// the oldest of these is among the newest `$3`. Then what is newer than the bound is read, of each
/// channel at most `$3`.
const OF_USER: &str = concat!(
    "WITH eighths AS (SELECT p.channel, t.type, (SELECT e.position FROM events e WHERE e.channel = p.channel \
     AND e.type = t.type AND ",
    indexed!(),
    " ORDER BY e.position DESC LIMIT 1 OFFSET 7) AS eighth FROM participants p CROSS JOIN ",
    types!(),
    " AS t WHERE p.app_id = $1 AND p.user_id = $13), \
     bound AS (SELECT COALESCE((SELECT eighth FROM eighths WHERE eighth IS NOT NULL ORDER BY eighth DESC \
     LIMIT 1 OFFSET CAST($3 AS BIGINT) / 8), 0) AS lowest), \
     floors AS (SELECT l.channel, l.type, COALESCE((SELECT e.position FROM events e WHERE e.channel = l.channel \
     AND e.type = l.type AND ",
    indexed!(),
    " AND e.position >= b.lowest ORDER BY e.position DESC LIMIT 1 OFFSET CAST($3 AS BIGINT)), b.lowest) AS floor \
     FROM eighths l CROSS JOIN bound b), \
     places AS MATERIALIZED (SELECT e.position FROM floors l JOIN events e ON e.channel = l.channel AND e.type = l.type AND ",
    indexed!(),
    " AND e.position >= l.floor)",
    of_places!()
);

/// The same of a whole app.
const OF_APP: &str = concat!(
    "WITH floors AS (SELECT t.type, COALESCE((SELECT e.position FROM events e WHERE e.app_id = $1 AND e.type = t.type AND ",
    indexed!(),
    " AND EXISTS (SELECT 1 FROM channels c WHERE c.key = e.channel) \
     ORDER BY e.position DESC LIMIT 1 OFFSET CAST($3 AS BIGINT)), 0) AS floor FROM ",
    types!(),
    " AS t), places AS MATERIALIZED (SELECT e.position FROM floors l JOIN events e ON e.app_id = $1 AND e.type = l.type AND ",
    indexed!(),
    " AND e.position >= l.floor JOIN channels c ON c.key = e.channel)",
    of_places!()
);

/// Text of a user.
const TEXT_OF_USER: &str = concat!(
    "WITH open AS (SELECT c.key, c.head FROM participants p JOIN channels c ON c.key = p.channel \
     WHERE p.app_id = $1 AND p.user_id = $7 AND c.last_message_at IS NOT NULL ORDER BY c.last_message_at DESC LIMIT $5), \
     places AS MATERIALIZED (SELECT e.position FROM open o JOIN events e ON e.channel = o.key AND e.seq > o.head - CAST($6 AS BIGINT) \
     AND e.seq <= o.head WHERE e.kind = 1 AND e.deleted_at IS NULL AND e.type = 'text' AND e.position <= $2)",
    of_places!()
);

/// Text of a whole app.
const TEXT_OF_APP: &str = concat!(
    "WITH newest AS (SELECT position FROM events WHERE app_id = $1 AND position <= $2 ORDER BY position DESC LIMIT $5), \
     places AS MATERIALIZED (SELECT e.position FROM newest n JOIN events e ON e.position = n.position \
     JOIN channels c ON c.key = e.channel WHERE e.kind = 1 AND e.deleted_at IS NULL AND e.type = 'text')",
    of_places!()
);

/// All of them, for the test that asks the databases how they run them.
pub const FEED_STATEMENTS: [&str; 4] = [OF_USER, OF_APP, TEXT_OF_USER, TEXT_OF_APP];

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
        let sql = if user.is_some() { OF_USER } else { OF_APP };
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
        Ok(on_db!(&self.db, pool => {
            let query = match reader.user() {
                Some(_) => sqlx::query_as(TEXT_OF_USER),
                None => sqlx::query_as(TEXT_OF_APP),
            };
            let query = query
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
