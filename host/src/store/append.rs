//! The log: how entries get their place in it. Everything here runs inside the writer's transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::bulk::Bulk;
use super::messages;
use super::proof::{Member, Standing};
use super::writer::Tx;
use crate::error::{Code, Error, Result};
use crate::model::{
    AppId, ChannelKey, Event, EventBody, EventKind, FileId, Message, MessageId, Millis, UserId,
};

/// A message to be stored. Its maker has shown that it may be sent; whether that still holds is
/// looked up in the transaction.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub member: Member,
    /// Under whose name it stands.
    pub sender: UserId,
    /// The other of the pair, for a private message.
    pub to: Option<UserId>,
    /// An id that somebody was promised already; else one is drawn.
    pub id: Option<MessageId>,
    pub kind: String,
    pub data: String,
    pub view: Option<String>,
    pub state: Option<String>,
    /// The file that it shows.
    pub file: Option<FileId>,
    /// The id that the client chose, and a hash of what it sent.
    pub client: Option<(String, i64)>,
}

/// What became of a message.
#[derive(Debug, Clone)]
pub struct Sent {
    pub message: Arc<Message>,
    /// True when this client id had been sent before; nothing was stored then.
    pub replayed: bool,
}

/// An entry that is not a new message.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub channel: ChannelKey,
    pub kind: EventKind,
    pub actor: Option<UserId>,
    pub body: EventBody,
}

/// What a change of a message puts in place of what was there.
#[derive(Debug, Clone, Default)]
pub struct MessageChange {
    pub data: Option<String>,
    pub view: Option<Option<String>>,
    pub state: Option<String>,
    /// Whether people see that it was edited.
    pub edited: bool,
}

/// The end of a channel's log, while a transaction moves it.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    pub app_id: AppId,
    /// Of a side channel: the one it is in.
    pub parent: Option<ChannelKey>,
    pub seq: i64,
    pub last_message_seq: i64,
    pub last_message_at: Option<Millis>,
    pub active: bool,
    pub changed: bool,
}

/// What the writer knows of the database without asking, as its last transaction left it. Nobody else
/// writes to it, so this is true until something other than a send is done.
#[derive(Default)]
pub struct Known {
    /// Of channels that were written to lately.
    pub heads: HashMap<ChannelKey, Head>,
    /// Participants who sent something lately.
    pub seats: HashSet<(ChannelKey, UserId)>,
}

/// Channels and participants that are known at most.
const KNOWN_MAX: usize = 10_000;

impl Known {
    /// Itself, unless it has grown too large.
    pub fn within_bounds(self) -> Self {
        match self.heads.len().max(self.seats.len()) <= KNOWN_MAX {
            true => self,
            false => Self::default(),
        }
    }
}

static HEADS: Bulk = Bulk::cast(
    "SELECT key, app_id, head, last_message_seq, last_message_at, active, parent FROM open_channels \
     WHERE key IN (VALUES ",
    &["BIGINT"],
    ")",
);
/// Those of the asked who are participants. Joined: SQLite looks for a pair in a list by walking through
/// the whole table.
static SEATS: Bulk = Bulk::cast(
    "SELECT p.channel, p.user_id FROM (VALUES ",
    &["BIGINT", "TEXT"],
    ") AS v JOIN seats p ON p.channel = v.column1 AND p.user_id = v.column2",
);
/// Messages under client ids that were used before.
static EARLIER: Bulk = Bulk::cast(
    "SELECT e.channel, e.actor, e.client_id, e.client_hash, e.message_id FROM (VALUES ",
    &["BIGINT", "TEXT", "TEXT"],
    ") AS a JOIN events e ON e.client_id IS NOT NULL AND e.channel = a.column1 AND e.actor = a.column2 \
     AND e.client_id = a.column3",
);
/// Columns of an entry, as `flush` binds them.
macro_rules! insert_events {
    ($insert:literal) => {
        concat!(
            $insert,
            " INTO events (position, app_id, channel, seq, ts, kind, actor, message_id, type, data, view, state, \
             client_id, client_hash, to_user, depth) VALUES "
        )
    };
}

// Whatever fails here is rolled back to a savepoint or as a whole, so SQLite need not be able to undo
// the statement by itself: for that it would copy every page before it changes it.
static INSERT: Bulk =
    Bulk::new(insert_events!("INSERT"), 16, "").on_sqlite(insert_events!("INSERT OR FAIL"));
static MOVE_HEADS: Bulk = Bulk::cast(
    "UPDATE channels SET head = v.column2, last_message_seq = v.column3, last_message_at = v.column4 FROM (VALUES ",
    &["BIGINT", "BIGINT", "BIGINT", "BIGINT"],
    ") AS v WHERE channels.key = v.column1",
);

type ClientKey = (ChannelKey, UserId, String);

/// Whether messages are looked for under the client ids of new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientIds {
    /// Nearly all are new, so it is cheaper to let the index object: `already_exists` then, and the
    /// transaction is to be begun again.
    Assumed,
    LookedFor,
}

impl Tx {
    /// Appends messages, in order. Each gets its own result; the outer error fails the transaction.
    pub(super) async fn send_all(
        &mut self,
        messages: &[NewMessage],
        client_ids: ClientIds,
    ) -> Result<Vec<Result<Sent>>> {
        self.load_heads(messages.iter().map(|m| m.member.channel().key))
            .await?;
        self.load_seats(messages).await?;
        let mut before = match client_ids {
            ClientIds::Assumed => HashMap::new(),
            ClientIds::LookedFor => self.earlier(messages).await?,
        };
        let mut results = Vec::with_capacity(messages.len());
        for new in messages {
            let Some((id, hash)) = &new.client else {
                results.push(self.append_with_file(new).await.map(sent));
                continue;
            };
            let key = (new.member.channel().key, new.sender.clone(), id.clone());
            results.push(match before.get(&key) {
                Some((earlier_hash, earlier)) if earlier_hash == hash => Ok(Sent {
                    message: earlier.clone(),
                    replayed: true,
                }),
                Some(_) => Err(Error::new(
                    Code::IdempotencyConflict,
                    "A message with this `client_id` but another content was sent before.",
                )),
                None => self.append_with_file(new).await.map(|message| {
                    before.insert(key, (*hash, message.clone()));
                    sent(message)
                }),
            });
        }
        self.flush().await?;
        Ok(results)
    }

    async fn append_with_file(&mut self, new: &NewMessage) -> Result<Arc<Message>> {
        let Some(file) = new.file else {
            return self.append_message(new);
        };
        let app = new.member.tenant().app();
        if !self.has_file(app, file).await? {
            return Err(Error::not_found("file"));
        }
        let message = self.append_message(new)?;
        self.show_file(app, file, message.id.0, message.channel)
            .await?;
        Ok(message)
    }

    fn append_message(&mut self, new: &NewMessage) -> Result<Arc<Message>> {
        let channel = new.member.channel().key;
        let is_seated = || self.known.seats.contains(&(channel, new.sender.clone()));
        let still_there = match new.member.standing() {
            // A participant sends under no name but its own, so it is the sender who was looked up.
            Standing::Participant(_) => new.member.user() == Some(&new.sender) && is_seated(),
            // The backend sends for participants.
            Standing::Backend => is_seated(),
            Standing::Plugin(_) => true,
        };
        let (now, id) = (
            self.now,
            new.id.unwrap_or_else(|| MessageId(self.next_id())),
        );
        // A channel that is gone and one that the sender was removed from answer the same.
        let head = match self.known.heads.get(&channel) {
            Some(head) if still_there => *head,
            _ => return Err(Error::not_found("channel")),
        };
        if !head.active {
            return Err(Error::new(
                Code::ChannelInactive,
                "The channel takes no messages.",
            ));
        }
        let (client_id, client_hash) = new.client.clone().unzip();
        let message = Arc::new(Message {
            id,
            channel,
            seq: head.seq + 1,
            ts: now,
            sender: new.sender.clone(),
            to: new.to.clone(),
            kind: new.kind.clone(),
            data: new.data.clone(),
            view: new.view.clone(),
            state: new.state.clone(),
            attachments: None,
            client_id,
            revision: 0,
            edited_at: None,
            deleted_at: None,
        });
        self.push(
            NewEvent {
                channel,
                kind: EventKind::MessageNew,
                actor: Some(new.sender.clone()),
                body: EventBody::Message(message.clone()),
            },
            client_hash,
        );
        Ok(message)
    }

    /// Appends an entry and gives its `seq`. `not_found` when there is no such channel.
    pub(super) async fn append(&mut self, event: NewEvent) -> Result<i64> {
        self.load_heads(std::iter::once(event.channel)).await?;
        self.push(event, None)
            .ok_or_else(|| Error::not_found("channel"))
    }

    /// A new channel's log, which then takes entries within this transaction.
    pub(super) fn begin_log(
        &mut self,
        channel: ChannelKey,
        app_id: AppId,
        parent: Option<ChannelKey>,
    ) {
        let head = Head {
            app_id,
            parent,
            seq: 0,
            last_message_seq: 0,
            last_message_at: None,
            active: true,
            changed: false,
        };
        self.known.heads.insert(channel, head);
    }

    fn push(&mut self, event: NewEvent, client_hash: Option<i64>) -> Option<i64> {
        let (now, depth) = (self.now, self.depth);
        let head = self.head_mut(event.channel)?;
        head.seq += 1;
        if event.kind == EventKind::MessageNew {
            head.last_message_seq = head.seq;
            head.last_message_at = Some(now);
        }
        let (app_id, seq) = (head.app_id, head.seq);
        self.position = (now << 20).max(self.position + 1);
        let NewEvent {
            channel,
            kind,
            actor,
            body,
        } = event;
        let entry = Arc::new(Event {
            position: self.position,
            app_id,
            channel,
            seq,
            ts: now,
            kind,
            actor,
            depth,
            body,
        });
        self.pending.push((entry.clone(), client_hash));
        self.appended.push(entry);
        Some(seq)
    }

    /// Inserts the entries that were pushed so far.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        for (sql, rows) in INSERT.exact(self.connection.dialect(), &pending) {
            on_db!(&mut self.connection, c => {
                let mut query = sqlx::query(sql);
                for (event, client_hash) in rows {
                    let new = match &event.body {
                        EventBody::Message(message) if event.kind == EventKind::MessageNew => Some(message),
                        _ => None,
                    };
                    let (message_id, data) = match &event.body {
                        EventBody::Message(message) => (Some(message.id), new.map(|m| m.data.as_str())),
                        EventBody::Data(data) => (None, Some(data.as_str())),
                    };
                    query = query
                        .bind(event.position)
                        .bind(event.app_id)
                        .bind(event.channel)
                        .bind(event.seq)
                        .bind(event.ts)
                        .bind(event.kind as i16)
                        .bind(event.actor.as_ref().map(UserId::as_str))
                        .bind(message_id)
                        .bind(new.map(|m| m.kind.as_str()))
                        .bind(data)
                        .bind(new.and_then(|m| m.view.as_deref()))
                        .bind(new.and_then(|m| m.state.as_deref()))
                        .bind(new.and_then(|m| m.client_id.as_deref()))
                        .bind(client_hash)
                        .bind(new.and_then(|m| m.to.as_ref()).map(UserId::as_str))
                        .bind(event.depth);
                }
                query.execute(&mut *c).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Writes the heads that this transaction moved.
    pub(super) async fn write_heads(&mut self) -> Result<()> {
        let moved: Vec<(ChannelKey, Head)> = self
            .known
            .heads
            .iter()
            .filter(|(_, head)| head.changed)
            .map(|(key, head)| (*key, *head))
            .collect();
        // One that is moved to the same place twice stays there.
        for (sql, rows) in MOVE_HEADS.padded(self.connection.dialect(), &moved) {
            on_db!(&mut self.connection, c => {
                let mut query = sqlx::query(sql);
                for (key, head) in rows {
                    query = query.bind(key).bind(head.seq).bind(head.last_message_seq).bind(head.last_message_at);
                }
                query.execute(&mut *c).await.map(drop)
            })?;
        }
        Ok(())
    }

    /// Reads the heads of these channels that this transaction has not read yet.
    pub(super) async fn load_heads(
        &mut self,
        channels: impl Iterator<Item = ChannelKey>,
    ) -> Result<()> {
        let mut unknown: Vec<ChannelKey> = channels
            .filter(|key| !self.known.heads.contains_key(key))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        for (sql, keys) in HEADS.padded(self.connection.dialect(), &unknown) {
            type Row = (
                ChannelKey,
                AppId,
                i64,
                i64,
                Option<Millis>,
                bool,
                Option<ChannelKey>,
            );
            let rows: Vec<Row> = on_db!(&mut self.connection, c => {
                let mut query = sqlx::query_as(sql);
                for key in keys {
                    query = query.bind(key);
                }
                query.fetch_all(&mut *c).await
            })?;
            for (key, app_id, seq, last_message_seq, last_message_at, active, parent) in rows {
                let head = Head {
                    app_id,
                    parent,
                    seq,
                    last_message_seq,
                    last_message_at,
                    active,
                    changed: false,
                };
                self.known.heads.insert(key, head);
            }
        }
        Ok(())
    }

    /// Finds out which senders are participants, as far as that is not known.
    async fn load_seats(&mut self, messages: &[NewMessage]) -> Result<()> {
        let mut unknown: Vec<(ChannelKey, UserId)> = messages
            .iter()
            .filter(|m| !matches!(m.member.standing(), Standing::Plugin(_)))
            .map(|m| (m.member.channel().key, m.sender.clone()))
            .filter(|seat| !self.known.seats.contains(seat))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        for (sql, seats) in SEATS.padded(self.connection.dialect(), &unknown) {
            let taken: Vec<(ChannelKey, UserId)> = on_db!(&mut self.connection, c => {
                let mut query = sqlx::query_as(sql);
                for (channel, user) in &seats {
                    query = query.bind(channel).bind(user.as_str());
                }
                query.fetch_all(&mut *c).await
            })?;
            self.known.seats.extend(taken);
        }
        Ok(())
    }

    /// What was sent before under the client ids of these messages, and the hash of it.
    async fn earlier(
        &mut self,
        messages: &[NewMessage],
    ) -> Result<HashMap<ClientKey, (i64, Arc<Message>)>> {
        let mut asked: Vec<(ChannelKey, &str, &str)> = messages
            .iter()
            .filter_map(|m| {
                let (client_id, _) = m.client.as_ref()?;
                Some((
                    m.member.channel().key,
                    m.sender.as_str(),
                    client_id.as_str(),
                ))
            })
            .collect();
        asked.sort_unstable();
        asked.dedup();
        let mut earlier = HashMap::new();
        for (sql, keys) in EARLIER.padded(self.connection.dialect(), &asked) {
            type Row = (ChannelKey, UserId, String, Option<i64>, MessageId);
            let rows: Vec<Row> = on_db!(&mut self.connection, c => {
                let mut query = sqlx::query_as(sql);
                for (channel, sender, client_id) in keys {
                    query = query.bind(channel).bind(sender).bind(client_id);
                }
                query.fetch_all(&mut *c).await
            })?;
            for (channel, sender, client_id, hash, id) in rows {
                if let Some(message) = messages::find_in(&mut self.connection, id).await? {
                    let sent = (hash.unwrap_or(0), Arc::new(message));
                    earlier.insert((channel, sender, client_id), sent);
                }
            }
        }
        Ok(earlier)
    }
}

fn sent(message: Arc<Message>) -> Sent {
    Sent {
        message,
        replayed: false,
    }
}
