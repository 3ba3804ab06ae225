//! What somebody missed, and watching from there on without a gap.

use std::sync::Arc;

use super::access::{self, Actor, Caller};
use crate::app::App;
use crate::error::Result;
use crate::hub::{Outbox, Seat};
use crate::model::{Channel, ChannelId, Event, UserId};
use crate::store::proof::Member;

/// What a channel's log holds after some `seq`.
pub struct Catchup {
    pub channel: Arc<Channel>,
    pub recovered: bool,
    pub head: i64,
    pub events: Vec<Event>,
}

/// From where somebody wants to catch up.
#[derive(Debug, Clone, Default)]
pub struct Since {
    /// The last `seq` seen.
    pub seq: Option<i64>,
    /// The epoch in which it was seen.
    pub epoch: Option<String>,
}

/// The entries after `since`.
pub async fn events(
    app: &App,
    caller: &Caller,
    channel: &ChannelId,
    since: Since,
) -> Result<Catchup> {
    let member = access::member(app, &access::actor(caller)?, channel).await?;
    read(app, &member, since).await
}

/// Joins a channel's audience and reads what was missed. The seat gets everything after
/// `Catchup::head` once `go_live` is called with it, which is to be after the catch-up was queued.
pub async fn subscribe(
    app: &App,
    actor: &Actor,
    user: &UserId,
    outbox: &Arc<Outbox>,
    channel: &ChannelId,
    since: Since,
) -> Result<(Catchup, Seat, Member)> {
    // First the seat, then the look at the store: whatever is published after the look waits in the
    // seat, and a removal after it ends the seat.
    let before = access::member(app, actor, channel).await?;
    let of = before.channel();
    let seat = app.hub.join(of.key, of.parent, channel, user, outbox)?;
    let member = access::member(app, actor, channel).await?;
    let catchup = read(app, &member, since).await?;
    Ok((catchup, seat, member))
}

async fn read(app: &App, member: &Member, since: Since) -> Result<Catchup> {
    let channel = member.channel().clone();
    let head = channel.head;
    let missed = |recovered, head, events| Catchup {
        channel: channel.clone(),
        recovered,
        head,
        events,
    };
    let Some(seq) = since.seq else {
        return Ok(missed(true, head, Vec::new()));
    };
    let max = app.config.limits.replay_events_max as i64;
    let other_epoch = since.epoch.is_some_and(|epoch| epoch != app.store.epoch());
    // A `seq` that the log never gave comes from another database.
    if other_epoch || seq > head || seq < 0 || head - seq > max {
        app.metrics.catchups(false);
        return Ok(missed(false, head, Vec::new()));
    }
    // Nothing beyond the head that was read before the seat was looked at: whoever was removed in
    // between must not see what came after.
    let mut events = app.store.list_events(member, seq, max).await?;
    events.retain(|event| event.seq <= head);
    // The log is gap-free from 1, unless its beginning was cut off.
    let whole = events
        .iter()
        .zip(seq + 1..)
        .all(|(event, expected)| event.seq == expected);
    let reached = events.last().map_or(seq, |event| event.seq);
    // What does not fit into one answer would cut its reader off instead of helping it.
    let bytes: usize = events.iter().map(Event::size_hint).sum();
    let recovered = whole && reached >= head && bytes <= app.config.socket.queue_bytes_max / 2;
    app.metrics.catchups(recovered);
    match recovered {
        true => Ok(missed(true, head, events)),
        false => Ok(missed(false, head, Vec::new())),
    }
}
