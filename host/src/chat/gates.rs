//! The guards that let somebody or something in or not: to a channel, to a role, to the host itself; and
//! what a channel may be called. Unlike those of messages they change nothing and hold nothing back.

use serde::Serialize;

use super::access::{Actor, Session};
use super::{chain, judge, words};
use crate::app::{App, Installed};
use crate::clock;
use crate::error::Result;
use crate::model::{AppId, CHANNEL_KIND, Channel, ChannelId, Role, User, UserId};
use crate::plugins::case::Input;
use crate::plugins::{self, Context, Draft, Hook, Seat, UploadedFile};
use crate::store::NewChannel;
use crate::store::proof::{Admin, Member, Standing};
use crate::wire::{self, Raw};

/// Whether some plugin of the app looks at who comes into channels.
pub(super) fn guards_seats(app: &App, id: AppId) -> bool {
    let loadout = app.loadout(id);
    let mut versions = loadout.installs.iter().flat_map(Installed::versions);
    versions.any(|installed| installed.has(Hook::MembershipGuard))
}

/// `member` gives `user`, who is `before` in the channel, another place there.
pub(super) async fn seat(
    app: &App,
    member: &Member,
    user: &UserId,
    before: Option<Role>,
    after: Role,
) -> Result<()> {
    let input = Input::Seat(seat_of(user, before, after));
    let context = chain::context(app, member);
    ask(app, member.tenant().app(), context, input).await
}

/// `actor` makes a channel.
pub(super) async fn create(app: &App, actor: &Actor, new: &NewChannel) -> Result<()> {
    let seats = new.participants.iter();
    let seats = seats.map(|(user, role)| seat_of(user, None, *role));
    let says = Says {
        id: None,
        kind: &new.kind,
        name: new.name.as_deref(),
        icon: new.icon.as_deref(),
        tags: &new.tags.0,
        custom: Raw(&new.custom),
    };
    let input = Input::CreateChannel {
        channel: wire::to_json(&says),
        seats: seats.collect(),
    };
    let context = Context {
        channel: new.id.as_ref().map(ToString::to_string).unwrap_or_default(),
        channel_type: new.kind.clone(),
        actor_role: match actor {
            Actor::Backend(_) => plugins::Role::Server,
            Actor::User(_) => plugins::Role::None,
        },
        ..nowhere(app, actor.user())
    };
    let id = actor.tenant().app();
    ask(app, id, context.clone(), input).await?;
    let words = says.words();
    if words.is_empty() {
        return Ok(());
    }
    let nothing = Draft {
        kind: CHANNEL_KIND.to_owned(),
        text: String::new(),
        data: "null".into(),
    };
    judge::guard_channel(app, id, &context, says.draft(&words), nothing).await
}

/// A channel is changed to what it says of itself in `after`.
pub(super) async fn change(app: &App, admin: &Admin, after: &Channel) -> Result<()> {
    let before = admin.channel();
    let (before, after) = (Says::of(before), Says::of(after));
    if before == after {
        return Ok(());
    }
    let id = admin.tenant().app();
    let context = chain::context(app, admin);
    let input = Input::CreateChannel {
        channel: wire::to_json(&after),
        seats: Vec::new(),
    };
    ask(app, id, context.clone(), input).await?;
    let (old, new) = (before.words(), after.words());
    if new.iter().all(|word| old.contains(word)) {
        return Ok(());
    }
    // In its own channel an owner may say what others may not: but a name stands in their lists.
    let context = Context {
        channel_type: after.kind.to_owned(),
        actor_role: match admin.standing() {
            Standing::Participant(_) => plugins::Role::None,
            _ => context.actor_role,
        },
        ..context
    };
    let (before, after) = (before.draft(&old), after.draft(&new));
    judge::guard_channel(app, id, &context, after, before).await
}

/// What a channel says of itself to those in it, as guards get it.
#[derive(PartialEq, Serialize)]
struct Says<'a> {
    /// Of one that is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a ChannelId>,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    custom: Raw<'a>,
}

impl<'a> Says<'a> {
    fn of(channel: &'a Channel) -> Self {
        Self {
            id: Some(&channel.id),
            kind: &channel.kind,
            name: channel.name.as_deref(),
            icon: channel.icon.as_deref(),
            tags: &channel.tags.0,
            custom: Raw(&channel.custom),
        }
    }

    fn words(&self) -> Vec<String> {
        words::of_channel(self.name, self.tags, self.custom.0)
    }

    /// As guards of messages see it.
    fn draft(&self, words: &[String]) -> Draft {
        Draft {
            kind: CHANNEL_KIND.to_owned(),
            text: words.join("\n"),
            data: wire::to_json(self),
        }
    }
}

/// A user's socket is about to open.
pub async fn connect(app: &App, session: &Session, user: &User) -> Result<()> {
    let custom: serde_json::Value = serde_json::from_str(&user.custom).unwrap_or_default();
    let document = serde_json::json!({ "id": user.id, "name": user.name, "custom": custom });
    let input = Input::Connect {
        user: document.to_string(),
    };
    let context = nowhere(app, Some(&session.user));
    ask(app, session.tenant.app(), context, input).await
}

/// `actor` keeps a file that has come in whole.
pub(super) async fn keep(
    app: &App,
    actor: &Actor,
    file: UploadedFile,
    head: Vec<u8>,
) -> Result<()> {
    let context = Context {
        actor_role: match actor {
            Actor::Backend(_) => plugins::Role::Server,
            Actor::User(_) => plugins::Role::None,
        },
        ..nowhere(app, actor.user())
    };
    let input = Input::Keep { file, head };
    ask(app, actor.tenant().app(), context, input).await
}

fn seat_of(user: &UserId, before: Option<Role>, after: Role) -> Seat {
    Seat {
        user: user.to_string(),
        before: before.map_or(plugins::Role::None, Into::into),
        after: after.into(),
    }
}

/// The context of a call that is about no channel there is.
pub(super) fn nowhere(app: &App, actor: Option<&UserId>) -> Context {
    Context {
        now_ms: app.clock.now().unsigned_abs(),
        seed: clock::random_u64(),
        channel: String::new(),
        channel_type: String::new(),
        actor: actor.map(ToString::to_string).unwrap_or_default(),
        actor_role: plugins::Role::None,
    }
}

/// Asks the guards in the version that serves where it is.
async fn ask(app: &App, id: AppId, context: Context, input: Input) -> Result<()> {
    let loadout = app.loadout(id);
    let installs: Vec<_> = loadout.serving(&context.channel).collect();
    judge::ask(app, &installs, &context, &input).await
}
