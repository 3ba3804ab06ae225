//! The guards that let somebody or something in or not: to a channel, to a role, to the host itself.
//! Unlike those of messages they change nothing and hold nothing back.

use super::access::{Actor, Session};
use super::calls::calling;
use super::chain;
use super::decisions::{self, Outcome};
use crate::app::{App, Installed};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::{AppId, Role, User, UserId};
use crate::plugins::{
    self, Call, Context, Fault, Hook, Json, Output, Rejection, Seat, UploadedFile,
};
use crate::store::NewChannel;
use crate::store::proof::Member;
use crate::wire::OnFault;

/// Whether some plugin of the app looks at who comes into channels.
pub(super) fn guards_seats(app: &App, id: AppId) -> bool {
    let loadout = app.loadout(id);
    let mut installs = loadout.installs.iter();
    installs.any(|installed| installed.has(Hook::MembershipGuard))
}

/// `member` gives `user`, who is `before` in the channel, another place there.
pub(super) async fn seat(
    app: &App,
    member: &Member,
    user: &UserId,
    before: Option<Role>,
    after: Role,
) -> Result<()> {
    let question = Question::Seat(seat_of(user, before, after));
    let context = chain::context(app, member);
    ask(app, member.tenant().app(), context, question).await
}

/// `actor` makes a channel.
pub(super) async fn create(app: &App, actor: &Actor, new: &NewChannel) -> Result<()> {
    let seats = new.participants.iter();
    let seats = seats.map(|(user, role)| seat_of(user, None, *role));
    let custom: serde_json::Value = serde_json::from_str(&new.custom).unwrap_or_default();
    let mut document = serde_json::json!({ "type": new.kind, "custom": custom });
    if let Some(name) = &new.name {
        document["name"] = name.as_str().into();
    }
    let question = Question::Channel(document.to_string(), seats.collect());
    let context = Context {
        channel: new.id.as_ref().map(ToString::to_string).unwrap_or_default(),
        channel_type: new.kind.clone(),
        actor_role: match actor {
            Actor::Backend(_) => plugins::Role::Server,
            Actor::User(_) => plugins::Role::None,
        },
        ..nowhere(app, actor.user())
    };
    ask(app, actor.tenant().app(), context, question).await
}

/// A user's socket is about to open.
pub async fn connect(app: &App, session: &Session, user: &User) -> Result<()> {
    let custom: serde_json::Value = serde_json::from_str(&user.custom).unwrap_or_default();
    let document = serde_json::json!({ "id": user.id, "name": user.name, "custom": custom });
    let question = Question::Session(document.to_string());
    let context = nowhere(app, Some(&session.user));
    ask(app, session.tenant.app(), context, question).await
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
    ask(
        app,
        actor.tenant().app(),
        context,
        Question::File(file, head),
    )
    .await
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

/// What the guards are asked.
enum Question {
    Seat(Seat),
    /// The channel's document, and who is in it.
    Channel(Json, Vec<Seat>),
    /// The user's document.
    Session(Json),
    /// A file and its first bytes.
    File(UploadedFile, Vec<u8>),
}

impl Question {
    fn hook(&self) -> Hook {
        match self {
            Self::Seat(_) | Self::Channel(..) => Hook::MembershipGuard,
            Self::Session(_) => Hook::SessionGuard,
            Self::File(..) => Hook::FileGuard,
        }
    }

    async fn put(&self, call: Call<'_>) -> Result<Output<Result<(), Rejection>>, Fault> {
        match self {
            Self::Seat(seat) => plugins::guard_seat(call, seat).await,
            Self::Channel(channel, seats) => plugins::guard_create(call, channel, seats).await,
            Self::Session(user) => plugins::guard_connect(call, user).await,
            Self::File(file, head) => plugins::guard_file(call, file, head).await,
        }
    }

    fn rejected(&self, rejection: Rejection) -> Error {
        let code = match self {
            Self::Seat(_) | Self::Channel(..) => Code::MembershipRejected,
            Self::Session(_) => Code::SessionRejected,
            Self::File(..) => Code::FileRejected,
        };
        let error = Error::new(code, rejection.reason).with_reason(rejection.code);
        match rejection.retry_after_ms {
            Some(ms) => error.retry_after_ms(u64::from(ms)),
            None => error,
        }
    }
}

/// Asks the guards in their order; the first that refuses decides. What an install would hold back
/// can't wait, and is refused.
async fn ask(app: &App, id: AppId, context: Context, question: Question) -> Result<()> {
    let loadout = app.loadout(id);
    let guards = loadout.installs.iter();
    for installed in guards.filter(|installed| installed.has(question.hook())) {
        let context = Context {
            seed: clock::random_u64(),
            ..context.clone()
        };
        let verdict = verdict(app, installed, &context, &question).await;
        match (verdict, installed.on_fault) {
            (Some(Ok(())), _) | (None, OnFault::Open) => {}
            (Some(Err(rejection)), _) => return Err(question.rejected(rejection)),
            (None, OnFault::Closed | OnFault::Hold) => {
                let detail = format!("The plugin `{}`, which must agree, failed.", installed.name);
                return Err(Error::new(Code::PluginFailed, detail).retry_after_ms(1000));
            }
        }
    }
    Ok(())
}

/// What one of them says; none when it gives no verdict.
async fn verdict(
    app: &App,
    installed: &Installed,
    context: &Context,
    question: &Question,
) -> Option<Result<(), Rejection>> {
    let hook = question.hook();
    let calling = calling(app, installed, hook, &context.actor).ok()?;
    let outcome = calling.note(question.put(calling.with(context)).await);
    let decided = match &outcome {
        Ok(output) => output
            .value
            .as_ref()
            .err()
            .map(|rejection| Outcome::Rejected {
                code: rejection.code.clone(),
                reason: rejection.reason.clone(),
            }),
        Err(fault) => Some(Outcome::failed(fault)),
    };
    if let Some(decided) = decided {
        decisions::note(app, installed, hook, context, decided);
    }
    outcome.ok().map(|output| output.value)
}
