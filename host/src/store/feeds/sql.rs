//! The statements of feeds.
//!
//! They differ between the databases in one place: how the newest of each of many channels are read.
//! Postgres has LATERAL for it. Given a join instead, it may take it into its head to read all there
//! is and merge it. SQLite has no LATERAL, but does as it is told.

use crate::store::bulk::Dialect;
use crate::store::messages::message_columns;

/// The four of one database.
pub struct Statements {
    /// Messages of other types than text, of a user.
    pub of_user: &'static str,
    /// The same of a whole app.
    pub of_app: &'static str,
    /// Text of a user.
    pub text_of_user: &'static str,
    /// Text of a whole app.
    pub text_of_app: &'static str,
}

impl Statements {
    pub(super) fn of(dialect: Dialect) -> &'static Self {
        match dialect {
            Dialect::Sqlite => &FOR_SQLITE,
            Dialect::Postgres => &FOR_POSTGRES,
        }
    }
}

/// The types that were asked for. `$5` to `$12`, those that are not used are NULL.
macro_rules! types {
    () => {
        "(SELECT column1 AS type FROM (VALUES (CAST($5 AS TEXT)), (CAST($6 AS TEXT)), (CAST($7 AS TEXT)), \
         (CAST($8 AS TEXT)), (CAST($9 AS TEXT)), (CAST($10 AS TEXT)), (CAST($11 AS TEXT)), (CAST($12 AS TEXT))) AS v \
         WHERE column1 IS NOT NULL)"
    };
}

/// What the indexes hold, up to `$2`.
macro_rules! indexed {
    () => {
        "e.kind = 1 AND e.deleted_at IS NULL AND e.type <> 'text' AND e.position <= $2"
    };
}

/// From the `places` of messages to the messages: the newest `$3` of them, as far as their bytes are
/// at most `$4` together.
macro_rules! of_places {
    () => {
        concat!(
            ", sized AS (SELECT e.position, OCTET_LENGTH(e.data) + COALESCE(OCTET_LENGTH(e.view), 0) \
             + COALESCE(OCTET_LENGTH(e.state), 0) + COALESCE(OCTET_LENGTH(e.attachments), 0) AS bytes \
             FROM (SELECT position FROM places ORDER BY position DESC LIMIT $3) AS newest \
             JOIN events e ON e.position = newest.position), \
             fitting AS (SELECT position, SUM(bytes) OVER (ORDER BY position DESC) AS bytes FROM sized) \
             SELECT m.position, c.id AS channel_id, ",
            message_columns!("m."),
            " FROM fitting JOIN events m ON m.position = fitting.position JOIN channels c ON c.key = m.channel \
             WHERE fitting.bytes <= $4 ORDER BY m.position DESC"
        )
    };
}

/// In each channel only the eighth newest message of each type is looked up first. The eighths that are
/// newest tell a bound: where an eighth of `$3` channels have eight messages each, nothing older than
/// the oldest of these is among the newest `$3`. What is newer than the bound is read then, of each
/// channel at most `$3`.
macro_rules! of_user {
    ($($places:expr),+) => {
        concat!(
            "WITH eighths AS (SELECT p.channel, t.type, (SELECT e.position FROM events e WHERE e.channel = p.channel \
             AND e.type = t.type AND ",
            indexed!(),
            " ORDER BY e.position DESC LIMIT 1 OFFSET 7) AS eighth FROM seats p CROSS JOIN ",
            types!(),
            " AS t WHERE p.app_id = $1 AND p.user_id = $13), \
             bound AS (SELECT COALESCE((SELECT eighth FROM eighths WHERE eighth IS NOT NULL ORDER BY eighth DESC \
             LIMIT 1 OFFSET CAST($3 AS BIGINT) / 8), 0) AS lowest), ",
            $($places,)+
            of_places!()
        )
    };
}

macro_rules! text_of_user {
    ($places:literal) => {
        concat!(
            "WITH open AS (SELECT c.key, c.head FROM seats p JOIN channels c ON c.key = p.channel \
             WHERE p.app_id = $1 AND p.user_id = $7 AND c.last_message_at IS NOT NULL \
             ORDER BY c.last_message_at DESC LIMIT $5), \
             places AS MATERIALIZED (SELECT e.position FROM open o ",
            $places,
            " WHERE e.kind = 1 AND e.deleted_at IS NULL AND e.type = 'text' AND e.position <= $2)",
            of_places!()
        )
    };
}

/// The positions alone first: they are all in the index, however small a part of the log the app has.
const TEXT_OF_APP: &str = concat!(
    "WITH newest AS (SELECT position FROM events WHERE app_id = $1 AND position <= $2 ORDER BY position DESC LIMIT $5), \
     places AS MATERIALIZED (SELECT e.position FROM newest n JOIN events e ON e.position = n.position \
     JOIN open_channels c ON c.key = e.channel WHERE e.kind = 1 AND e.deleted_at IS NULL AND e.type = 'text')",
    of_places!()
);

/// For SQLite.
pub static FOR_SQLITE: Statements = Statements {
    of_user: of_user!(
        "floors AS (SELECT l.channel, l.type, COALESCE((SELECT e.position FROM events e WHERE e.channel = l.channel \
         AND e.type = l.type AND ",
        indexed!(),
        " AND e.position >= b.lowest ORDER BY e.position DESC LIMIT 1 OFFSET $3), b.lowest) AS floor \
         FROM eighths l CROSS JOIN bound b), \
         places AS MATERIALIZED (SELECT e.position FROM floors l JOIN events e ON e.channel = l.channel \
         AND e.type = l.type AND ",
        indexed!(),
        " AND e.position >= l.floor)"
    ),
    of_app: concat!(
        "WITH floors AS (SELECT t.type, COALESCE((SELECT e.position FROM events e WHERE e.app_id = $1 \
         AND e.type = t.type AND ",
        indexed!(),
        " AND EXISTS (SELECT 1 FROM open_channels c WHERE c.key = e.channel) \
         ORDER BY e.position DESC LIMIT 1 OFFSET $3), 0) AS floor FROM ",
        types!(),
        " AS t), places AS MATERIALIZED (SELECT e.position FROM floors l JOIN events e ON e.app_id = $1 \
         AND e.type = l.type AND ",
        indexed!(),
        " AND e.position >= l.floor JOIN open_channels c ON c.key = e.channel)",
        of_places!()
    ),
    text_of_user: text_of_user!(
        "JOIN events e ON e.channel = o.key AND e.seq > o.head - $6 AND e.seq <= o.head"
    ),
    text_of_app: TEXT_OF_APP,
};

/// For Postgres.
pub static FOR_POSTGRES: Statements = Statements {
    of_user: of_user!(
        "places AS MATERIALIZED (SELECT newest.position FROM eighths l CROSS JOIN bound b CROSS JOIN LATERAL \
         (SELECT e.position FROM events e WHERE e.channel = l.channel AND e.type = l.type AND ",
        indexed!(),
        " AND e.position >= b.lowest ORDER BY e.position DESC LIMIT $3) AS newest)"
    ),
    of_app: concat!(
        "WITH places AS MATERIALIZED (SELECT newest.position FROM ",
        types!(),
        " AS t CROSS JOIN LATERAL (SELECT e.position FROM events e WHERE e.app_id = $1 AND e.type = t.type AND ",
        indexed!(),
        " AND EXISTS (SELECT 1 FROM open_channels c WHERE c.key = e.channel) ORDER BY e.position DESC LIMIT $3) AS newest)",
        of_places!()
    ),
    text_of_user: text_of_user!(
        "CROSS JOIN LATERAL (SELECT * FROM events e WHERE e.channel = o.key AND e.seq > o.head - CAST($6 AS BIGINT) \
         ORDER BY e.seq DESC LIMIT CAST($6 AS BIGINT)) AS e"
    ),
    text_of_app: TEXT_OF_APP,
};
