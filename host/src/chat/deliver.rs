//! From the store to everybody: takes each committed batch in order, forgets what it made stale,
//! passes it on to the sockets, and wakes those who handle events.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::access;
use super::passing::{self, encode};
use crate::app::App;
use crate::model::{Event, EventBody, EventKind, UserId};
use crate::store::Committed;
use crate::wire;

/// Runs until the store is closed.
pub async fn run(app: Arc<App>, mut committed: mpsc::Receiver<Committed>) {
    while let Some(events) = committed.recv().await {
        for event in &events {
            publish(&app, event);
            tell_newcomer(&app, event).await;
            app.grown.ring(event.app_id);
        }
        app.metrics.published(events.len());
    }
}

fn publish(app: &App, event: &Event) {
    let user = about(event);
    match event.kind {
        EventKind::MemberAdded | EventKind::MemberUpdated | EventKind::MemberRemoved => {
            if let Some(user) = &user {
                app.seats.forget_seat(event.channel, user);
            }
        }
        EventKind::ChannelUpdated | EventKind::ChannelCreated => {
            app.seats.forget_channel(event.channel)
        }
        EventKind::MessageNew | EventKind::MessageUpdated | EventKind::MessageDeleted => {}
    }
    // Whoever is removed gets this entry as the last.
    let last_for = user
        .as_ref()
        .filter(|_| event.kind == EventKind::MemberRemoved);
    app.hub.publish(event.channel, event.seq, last_for, |id| {
        encode(&wire::Event::logged(event, id))
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
