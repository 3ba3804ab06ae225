//! From the store to everybody: takes each committed batch in order, forgets what it made stale,
//! passes it on to the sockets, and wakes those who handle events.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::access;
use super::passing;
use crate::app::App;
use crate::crash;
use crate::frame;
use crate::hub::Run;
use crate::model::{ChannelKey, Event, EventBody, EventKind, UserId};
use crate::store::Committed;
use crate::wire;

/// Commits that go out together when they have piled up.
const COMMITS_MAX: usize = 16;
/// What goes to a socket's queue in one piece: no more than the smallest queue that can be configured
/// holds, so that nobody who keeps up is cut off by one piece.
const RUN_ENTRIES_MAX: usize = 16;
const RUN_BYTES_MAX: usize = 12 * 1024;

/// Runs until the store is closed.
pub async fn run(app: Arc<App>, mut committed: mpsc::Receiver<Committed>) {
    let mut commits = Vec::with_capacity(COMMITS_MAX);
    while committed.recv_many(&mut commits, COMMITS_MAX).await > 0 {
        let events: Vec<Arc<Event>> = commits.drain(..).flatten().collect();
        events.iter().for_each(|event| forget(&app, event));
        runs(&events).iter().for_each(|run| publish(&app, run));
        crash::point("published");
        for event in &events {
            tell_newcomer(&app, event).await;
            app.grown.ring(event.app_id);
        }
        app.metrics.published(events.len());
    }
}

/// Entries in order, those of one channel together. Whoever is removed gets no more than the entry
/// that says so, of side channels neither, so all runs end there.
fn runs(events: &[Arc<Event>]) -> Vec<Vec<&Event>> {
    let mut runs: Vec<(usize, Vec<&Event>)> = Vec::new();
    let mut open: HashMap<ChannelKey, usize> = HashMap::new();
    for event in events {
        let bytes = body_bytes(event);
        let fits = |(taken, run): &(usize, Vec<&Event>)| {
            run.len() < RUN_ENTRIES_MAX
                && taken + bytes <= RUN_BYTES_MAX
                && run.last().is_some_and(|last| last.seq + 1 == event.seq)
        };
        match open.get(&event.channel).map(|at| &mut runs[*at]) {
            Some(run) if fits(run) => {
                run.0 += bytes;
                run.1.push(event);
            }
            _ => {
                open.insert(event.channel, runs.len());
                runs.push((bytes, vec![event]));
            }
        }
        if event.kind == EventKind::MemberRemoved {
            open.clear();
        }
    }
    runs.into_iter().map(|(_, run)| run).collect()
}

/// About how much an entry takes on the wire.
fn body_bytes(event: &Event) -> usize {
    const AROUND_IT: usize = 400;
    AROUND_IT
        + match &event.body {
            EventBody::Message(message) => message.size_hint(),
            EventBody::Data(data) => data.len(),
        }
}

fn forget(app: &App, event: &Event) {
    match event.kind {
        EventKind::MemberAdded | EventKind::MemberUpdated | EventKind::MemberRemoved => {
            if let Some(user) = about(event) {
                app.seats.forget_seat(event.channel, &user);
            }
        }
        EventKind::ChannelUpdated | EventKind::ChannelCreated => {
            app.seats.forget_channel(event.channel)
        }
        EventKind::MessageNew | EventKind::MessageUpdated | EventKind::MessageDeleted => {}
    }
}

fn publish(app: &App, run: &[&Event]) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return;
    };
    let removed = match last.kind {
        EventKind::MemberRemoved => about(last),
        _ => None,
    };
    app.hub.publish(first.channel, removed.as_ref(), |id| {
        Run::encode(first.seq, run, |frames, event| {
            let json = wire::to_json(&wire::Event::logged(event, id));
            frame::append_text(frames, json.as_bytes());
        })
    });
}

/// Tells somebody who was just added, and so can't watch the channel yet, that it is there.
async fn tell_newcomer(app: &App, event: &Event) {
    if event.kind != EventKind::MemberAdded {
        return;
    }
    let Some(user) = about(event).filter(|user| app.hub.is_connected(event.app_id, user)) else {
        return;
    };
    let tenant = access::host(event.app_id).tenant();
    // Only a hint: whoever misses it finds the channel in the list.
    if let Ok(Some(channel)) = app.store.find_channel_by_key(tenant, event.channel).await {
        passing::notify(
            app,
            tenant,
            &user,
            "notification.added_to_channel",
            &channel.id,
            "{}",
        );
    }
}

/// The user whom a member event is about.
pub(super) fn about(event: &Event) -> Option<UserId> {
    #[derive(serde::Deserialize)]
    struct About {
        user_id: UserId,
    }
    match &event.body {
        EventBody::Data(data) => serde_json::from_str::<About>(data)
            .ok()
            .map(|about| about.user_id),
        EventBody::Message(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AppId;

    fn event(channel: i64, seq: i64, kind: EventKind, bytes: usize) -> Arc<Event> {
        Arc::new(Event {
            position: 0,
            app_id: AppId(1),
            channel: ChannelKey(channel),
            seq,
            ts: 0,
            kind,
            actor: None,
            depth: 0,
            body: EventBody::Data("x".repeat(bytes)),
        })
    }

    fn seqs(events: &[Arc<Event>]) -> Vec<Vec<(i64, i64)>> {
        let of = |run: &Vec<&Event>| run.iter().map(|e| (e.channel.0, e.seq)).collect();
        runs(events).iter().map(of).collect()
    }

    #[test]
    fn entries_of_a_channel_go_together_in_their_order() {
        use EventKind::{MemberRemoved, MessageUpdated as Updated};
        let events = [
            event(1, 5, Updated, 10),
            event(2, 9, Updated, 10),
            event(3, 3, Updated, 10),
            event(1, 6, MemberRemoved, 10),
            // Perhaps of a side channel of that one.
            event(3, 4, Updated, 10),
            event(1, 7, Updated, 10),
            // A seq that is not the next: a commit between them was published by itself.
            event(2, 11, Updated, 10),
            event(2, 12, Updated, 10),
        ];
        let found = seqs(&events);
        assert_eq!(
            found,
            [
                vec![(1, 5), (1, 6)],
                vec![(2, 9)],
                vec![(3, 3)],
                vec![(3, 4)],
                vec![(1, 7)],
                vec![(2, 11), (2, 12)]
            ]
        );
    }

    #[test]
    fn a_run_is_bounded() {
        let small: Vec<_> = (0..40)
            .map(|seq| event(1, seq, EventKind::MessageUpdated, 1))
            .collect();
        let large: Vec<_> = (0..3)
            .map(|seq| event(1, seq, EventKind::MessageUpdated, RUN_BYTES_MAX))
            .collect();
        let lengths = |events: &[Arc<Event>]| seqs(events).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(&small), [16, 16, 8]);
        assert_eq!(lengths(&large), [1, 1, 1]);
    }
}
