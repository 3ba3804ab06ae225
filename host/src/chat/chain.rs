//! The guards of an app, run over what somebody wants to write.
//!
//! Every guard sees the content as it will be stored: when one changes it, those that had seen it
//! before see it again. Which order they come in is the tenant's choice.

use std::fmt;
use std::sync::Arc;

use super::calls::{blame, calling};
use super::decisions::{self, Outcome, Silence};
use super::shadow;
use super::{access, files, interact, messages, words};
use crate::app::{App, Installed, Loadout};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::{Channel, ChannelId, FILE_KINDS, FileId, Message, Role, UserId};
use crate::plugins::case::Input;
use crate::plugins::{self, Context, Draft, Fault, FaultKind, Hook, Output, Verdict};
use crate::store::proof::{Member, Standing};
use crate::wire::{self, OnFault, View};

/// How often the whole chain may run over one message before its guards must agree.
const ROUNDS_MAX: usize = 3;
/// Strings of a kind's data that a guard may change at once: each is looked up among the users' ids.
const IDS_MAX: usize = 64;

/// What a message holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub kind: String,
    /// The words in it.
    pub text: String,
    /// More of them, which readers may come to see: guards are shown those that the text doesn't have.
    pub words: Vec<String>,
    /// JSON text.
    pub data: String,
    pub view: Option<String>,
    pub state: Option<String>,
    /// The file that it shows.
    pub file: Option<FileId>,
}

/// What the guards say.
pub enum Decision {
    Pass(Content),
    Hold {
        content: Content,
        plugin: String,
        why: Why,
    },
    Reject(Error),
}

/// Why a guard refuses or holds something.
#[derive(Debug)]
pub struct Why {
    /// A sentence for the sender.
    pub reason: String,
    /// For reviewers alone. A refusal that has this can be appealed.
    pub details: Option<String>,
}

impl Why {
    /// The contract puts both into one text: the sentence ends with the first line.
    pub fn new(text: &str) -> Self {
        let (reason, details) = match text.split_once('\n') {
            Some((reason, details)) => (reason, details.trim()),
            None => (text, ""),
        };
        Self {
            reason: reason.trim_end().to_owned(),
            details: (!details.is_empty()).then(|| details.to_owned()),
        }
    }
}

/// Both, for the tenant.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.details {
            Some(details) => write!(f, " ({details})"),
            None => Ok(()),
        }
    }
}

/// Somebody sends a message. With `appealed`, what a guard would refuse but lets be appealed is held.
pub async fn guard_send(
    app: &App,
    member: &Member,
    content: Content,
    appealed: bool,
) -> Result<Decision> {
    guard_content(app, member, content, Way::Send { appealed }).await
}

/// Somebody changes a message. To hold an edit is to refuse it.
pub async fn guard_edit(
    app: &App,
    member: &Member,
    content: Content,
    before: &Message,
) -> Result<Content> {
    let before = draft_of(before);
    passed(guard_content(app, member, content, Way::Edit(&before)).await?)
}

/// A plugin shows what a message of its own says so far. Guards see it as they see an edit, but it
/// is nothing to be kept in mind.
pub async fn guard_progress(
    app: &App,
    member: &Member,
    content: Content,
    before: &Message,
) -> Result<Content> {
    let before = draft_of(before);
    passed(guard_content(app, member, content, Way::Progress(&before)).await?)
}

/// Somebody does something with a message of a kind that brings new words: `content` is what comes of
/// it, with these words in its text. Guards see an edit, but can't put other words in their place, for
/// what is shown is made by the kind's plugin: whoever wants that refuses the act.
pub async fn guard_act(
    app: &App,
    member: &Member,
    content: Content,
    before: &Message,
) -> Result<()> {
    let before = draft_of(before);
    passed(guard_content(app, member, content, Way::Act(&before)).await?).map(drop)
}

fn passed(decision: Decision) -> Result<Content> {
    match decision {
        Decision::Pass(content) => Ok(content),
        Decision::Hold { why, .. } => Err(Error::new(Code::MessageRejected, why.reason)),
        Decision::Reject(error) => Err(error),
    }
}

/// What becomes of the content.
#[derive(Clone, Copy)]
enum Way<'a> {
    /// It is a message. With `appealed`, what a guard lets be appealed is held, not refused.
    Send { appealed: bool },
    /// It takes the place of this one.
    Edit(&'a Draft),
    /// It is shown in the place of this one, and not stored.
    Progress(&'a Draft),
    /// It is what this one becomes by what somebody did with it.
    Act(&'a Draft),
}

impl Way<'_> {
    /// What guards are asked about a content.
    fn asks(self, draft: Draft) -> Input {
        match self {
            Self::Send { .. } => Input::BeforeSend(draft),
            Self::Edit(before) | Self::Progress(before) | Self::Act(before) => Input::BeforeEdit {
                after: draft,
                before: before.clone(),
            },
        }
    }
}

/// Has every guard see the content as it will be stored.
async fn guard_content(
    app: &App,
    member: &Member,
    mut content: Content,
    way: Way<'_>,
) -> Result<Decision> {
    let loadout = app.loadout(member.tenant().app());
    if loadout.installs.is_empty() {
        return Ok(Decision::Pass(content));
    }
    let context = guard_context(app, member).await?;
    let guards: Vec<&Arc<Installed>> = guards(&loadout, member, &context).collect();
    let mut held: Option<(String, Why)> = None;
    let (mut at, mut agreed, mut calls) = (0, 0, 0);
    while agreed < guards.len() {
        let installed = guards[at];
        at = (at + 1) % guards.len();
        calls += 1;
        if calls > guards.len() * ROUNDS_MAX {
            let detail = "The app's plugins did not agree on the message.";
            return Ok(Decision::Reject(Error::new(Code::PluginFailed, detail)));
        }
        let context = Context {
            seed: clock::random_u64(),
            ..context.clone()
        };
        match ask(app, installed, member, &context, &content, way).await {
            Opinion::Agree => agreed += 1,
            Opinion::Change(new) => {
                content = new;
                // Words that stood in the old text may stand below the new one: it has not seen them so.
                agreed = usize::from(content.words.is_empty());
            }
            Opinion::Hold(why) => {
                held.get_or_insert((installed.row.name.clone(), why));
                agreed += 1;
            }
            Opinion::Reject(_, why)
                if matches!(way, Way::Send { appealed: true }) && why.details.is_some() =>
            {
                held.get_or_insert((installed.row.name.clone(), why));
                agreed += 1;
            }
            Opinion::Reject(error, why) => {
                let appealable = why.details.is_some() && matches!(way, Way::Send { .. });
                return Ok(Decision::Reject(if appealable {
                    error.appealable()
                } else {
                    error
                }));
            }
            Opinion::Fail(error) => return Ok(Decision::Reject(error)),
        }
    }
    let installs = others(&loadout, member, &context);
    for installed in installs.filter(|installed| !installed.has(Hook::MessageGuard)) {
        let input = || way.asks(draft(&content));
        shadow::follow_silent(app, installed, || context.clone(), input);
    }
    Ok(match held {
        Some((plugin, why)) => Decision::Hold {
            content,
            plugin,
            why,
        },
        None => Decision::Pass(content),
    })
}

/// What a guard thinks of a content.
enum Opinion {
    Agree,
    /// It wants this one instead, which is another.
    Change(Content),
    Hold(Why),
    Reject(Error, Why),
    /// It gave no verdict, or one that can't be carried out.
    Fail(Error),
}

/// Those that look at what `member` writes: all, but a plugin is not its own guard.
fn guards<'i>(
    loadout: &'i Loadout,
    member: &'i Member,
    context: &Context,
) -> impl Iterator<Item = &'i Arc<Installed>> {
    others(loadout, member, context).filter(|installed| installed.has(Hook::MessageGuard))
}

/// All plugins but the one that writes, if one does.
pub(super) fn others<'i>(
    loadout: &'i Loadout,
    member: &'i Member,
    context: &Context,
) -> impl Iterator<Item = &'i Arc<Installed>> {
    let installs = loadout.serving(&context.channel);
    installs.filter(move |installed| {
        !matches!(member.standing(), Standing::Plugin(name) if *name == installed.name)
    })
}

fn draft(content: &Content) -> Draft {
    Draft {
        kind: content.kind.clone(),
        text: words::below(&content.text, &content.words),
        data: content.data.clone(),
    }
}

/// What a guard thinks of the content; of one that gives no verdict, what its install wants then.
async fn ask(
    app: &App,
    installed: &Installed,
    member: &Member,
    context: &Context,
    content: &Content,
    way: Way<'_>,
) -> Opinion {
    let silence = match calling(app, installed, Hook::MessageGuard, &context.actor) {
        Ok(calling) => {
            let input = way.asks(draft(content));
            let outcome = plugins::guard(calling.with(context), &input).await;
            let recorded = calling.recorded(&outcome);
            let outcome = match outcome {
                Ok(output) => opinion(app, installed, member, content, way, output).await,
                Err(fault) => Err(fault),
            };
            match calling.note_judged(recorded, outcome) {
                Ok(output) => {
                    if !matches!(way, Way::Progress(_)) {
                        note_opinion(app, installed, context, &output.value);
                    }
                    return output.value;
                }
                Err(fault) => Silence::Fault(fault),
            }
        }
        Err(resting) => Silence::Resting(resting),
    };
    let wanted = match (way, silence) {
        // What is shown in passing is nothing to be kept in mind, and comes again.
        (Way::Progress(_), Silence::Fault(fault)) => blame(&fault).map(|()| installed.on_fault),
        (Way::Progress(_), Silence::Resting(_)) => Ok(installed.on_fault),
        (_, silence) => decisions::silent(app, installed, Hook::MessageGuard, context, silence),
    };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(overloaded) => return Opinion::Fail(overloaded),
    };
    match wanted {
        OnFault::Open => Opinion::Agree,
        // An edit can't wait; it may come again.
        OnFault::Hold if matches!(way, Way::Send { .. }) => {
            Opinion::Hold(Why::new("The plugin failed on this message."))
        }
        OnFault::Hold | OnFault::Closed => Opinion::Fail(failed(installed)),
    }
}

/// Takes note of what a guard decided, unless it only agreed.
fn note_opinion(app: &App, installed: &Installed, context: &Context, opinion: &Opinion) {
    let outcome = match opinion {
        Opinion::Agree => return,
        Opinion::Change(_) => Outcome::Changed,
        Opinion::Hold(why) => Outcome::Held {
            reason: why.to_string(),
        },
        Opinion::Reject(error, why) => Outcome::rejected(error, why),
        Opinion::Fail(error) => Outcome::Rejected {
            code: error.reason().unwrap_or_default().to_owned(),
            reason: error.detail().to_owned(),
        },
    };
    decisions::note(app, installed, Hook::MessageGuard, context, outcome);
}

/// What a verdict comes to. A change of a text into something that nobody could have sent is a fault of
/// the guard, not of the sender.
async fn opinion(
    app: &App,
    installed: &Installed,
    member: &Member,
    content: &Content,
    way: Way<'_>,
    output: Output<Verdict>,
) -> Result<Output<Opinion>, Fault> {
    let Output {
        value,
        effects,
        usage,
        log,
    } = output;
    let value = match value {
        Verdict::Allow => Opinion::Agree,
        Verdict::Reject(rejection) => {
            let (error, why) = rejected(Code::MessageRejected, rejection);
            Opinion::Reject(error, why)
        }
        Verdict::Hold(reason) => Opinion::Hold(Why::new(&reason)),
        Verdict::Change(patch) if changes_nothing(&draft(content), &patch) => Opinion::Agree,
        Verdict::Change(_) if matches!(way, Way::Act(_)) => not_changed(installed),
        Verdict::Change(patch) => match changed(app, member, content, patch).await {
            Ok(Some(new)) if new != *content => Opinion::Change(new),
            Ok(_) => not_changed(installed),
            Err(error) if matches!(error.code(), Code::Invalid | Code::TooLarge) => {
                return Err(Fault {
                    kind: FaultKind::BadOutput,
                    detail: format!("what it makes of the message is none: {}", error.detail()),
                    usage,
                    log,
                });
            }
            Err(error) => Opinion::Fail(error),
        },
    };
    Ok(Output {
        value,
        effects,
        usage,
        log,
    })
}

/// What a change comes to that can't be made: a refusal.
fn not_changed(installed: &Installed) -> Opinion {
    let (error, why) = unchangeable(installed);
    Opinion::Reject(error, why)
}

/// Whether a patch leaves a draft as it is.
pub(super) fn changes_nothing(draft: &Draft, patch: &plugins::Patch) -> bool {
    let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).ok();
    let same_text = patch.text.as_ref().is_none_or(|text| *text == draft.text);
    let same_data = patch.data.as_ref();
    same_text && same_data.is_none_or(|data| value(data) == value(&draft.data))
}

/// The refusal of words that a guard wants to change and that can't be changed.
pub(super) fn unchangeable(installed: &Installed) -> (Error, Why) {
    let detail = format!(
        "The plugin `{}` doesn't let these words pass as they are.",
        installed.name
    );
    let why = Why::new(&detail);
    let error = Error::new(Code::MessageRejected, detail).with_reason("words_not_allowed");
    (error, why)
}

/// The content with a guard's changes, checked as if the sender had written it. None when they can't be
/// made: the text of a kind is its plugin's to make, and so is what stands below a text; its data may be
/// none any more; and a text may have grown too long.
async fn changed(
    app: &App,
    member: &Member,
    content: &Content,
    patch: plugins::Patch,
) -> Result<Option<Content>> {
    let kind = content.kind.as_str();
    let view = content.view.as_deref().filter(|_| kind == "text");
    let mut view: Option<View> = view.and_then(|view| serde_json::from_str(view).ok());
    let data = match (patch.text, patch.data) {
        (Some(text), data) if kind == "text" || data.is_none() => {
            let apart = words::apart_again(&content.text, &content.words, &text);
            let Some((text, others)) = apart else {
                return Ok(None);
            };
            match (kind, &view) {
                ("text", Some(of_plugin)) => {
                    let Some(blocks) = words::replaced(&of_plugin.blocks, &others) else {
                        return Ok(None);
                    };
                    view = Some(View {
                        text: text.clone(),
                        blocks,
                    });
                    Some(serde_json::Value::from(text).to_string())
                }
                _ if !others.is_empty() => None,
                ("text", None) => Some(serde_json::Value::from(text).to_string()),
                _ if FILE_KINDS.contains(&kind) => files::with_caption(&content.data, &text),
                _ => None,
            }
        }
        (_, data) => data,
    };
    let Some(data) = data else {
        return Ok(None);
    };
    if kind != "text" && renames(app, member, &content.data, &data).await? {
        return Ok(None);
    }
    let mut new = match messages::content(app, member, kind, &data).await {
        // Two options that are masked are the same, and a letter may be longer in lower case: what the
        // sender wrote can't be changed so. That is no fault of a guard that any sender could bring about.
        Err(error)
            if matches!(error.code(), Code::Invalid | Code::TooLarge)
                && (kind != "text" || is_too_long(app, &data)) =>
        {
            return Ok(None);
        }
        made => made?,
    };
    if let Some(mut view) = view {
        // A plugin's own text: its blocks stay, and guards see their words with the new one.
        view.text.clone_from(&new.text);
        new.words = words::in_blocks(&view.blocks);
        new.view = Some(wire::to_json(&view));
    }
    Ok(Some(new))
}

/// Whether the data of a text has more in it than a sender may write.
fn is_too_long(app: &App, data: &str) -> bool {
    let limits = &app.config.limits;
    let text = || serde_json::from_str::<String>(data);
    data.len() > limits.data_bytes_max
        || text().is_ok_and(|text| text.len() > limits.text_bytes_max)
}

/// Whether a change of a kind's data puts something else in the place of a user's id: who has a task or
/// asked a poll would be somebody else, or nobody.
async fn renames(app: &App, member: &Member, before: &str, after: &str) -> Result<bool> {
    let gone = words::gone(before, after);
    if gone.len() > IDS_MAX {
        return Ok(true);
    }
    for word in gone {
        let Ok(id) = word.parse::<UserId>() else {
            continue;
        };
        if app.store.find_user(member.tenant(), &id).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A guard's refusal as its sender gets it, and all that the guard said of it.
pub(super) fn rejected(code: Code, rejection: plugins::Rejection) -> (Error, Why) {
    let why = Why::new(&rejection.reason);
    let mut error = Error::new(code, why.reason.clone()).with_reason(rejection.code);
    if let Some(ms) = rejection.retry_after_ms {
        error = error.retry_after_ms(u64::from(ms));
    }
    (error, why)
}

pub(super) fn failed(installed: &Installed) -> Error {
    let detail = format!(
        "The plugin `{}`, which must check messages here, failed.",
        installed.name
    );
    Error::new(Code::PluginFailed, detail).retry_after_ms(1000)
}

/// A stored message, as guards see it.
pub(super) fn draft_of(message: &Message) -> Draft {
    Draft {
        kind: message.kind.clone(),
        text: interact::text_of(message),
        data: message.data.clone(),
    }
}

/// The context of a guard of messages, and of a kind that checks a new one: where private messages of two stand within a channel, it is that
/// channel whose rules hold for them, and what `member` is there.
pub(super) async fn guard_context(app: &App, member: &Member) -> Result<Context> {
    let context = context(app, member);
    let Some(parent) = member.channel().parent else {
        return Ok(context);
    };
    let tenant = member.tenant();
    let found = app.store.find_channel_by_key(tenant, parent).await?;
    let parent = found.ok_or_else(|| Error::not_found("channel"))?;
    let actor_role = match (member.standing(), member.user()) {
        (Standing::Participant(_), Some(user)) => {
            let seat = app.store.find_participant(tenant, &parent, user).await?;
            seat.map_or(plugins::Role::None, |seat| seat.role.into())
        }
        _ => context.actor_role,
    };
    Ok(Context {
        channel: parent.id.to_string(),
        channel_type: parent.kind,
        actor_role,
        ..context
    })
}

/// The id by which the version is chosen that serves a channel. Private messages of two go with the channel
/// within which they stand: what one version makes of them there, no other goes on with.
pub(super) async fn place(app: &App, channel: &Channel) -> Result<ChannelId> {
    let parent = match channel.parent {
        Some(parent) => {
            let tenant = access::host(channel.app_id).tenant();
            app.store.find_channel_by_key(tenant, parent).await?
        }
        None => None,
    };
    Ok(parent.map_or_else(|| channel.id.clone(), |parent| parent.id))
}

/// The context of a call for something that `member` does.
pub(super) fn context(app: &App, member: &Member) -> Context {
    let role = match member.standing() {
        Standing::Participant(Role::Member) => plugins::Role::Member,
        Standing::Participant(Role::Admin) => plugins::Role::Admin,
        Standing::Participant(Role::Owner) => plugins::Role::Owner,
        Standing::Backend => plugins::Role::Server,
        Standing::Plugin(_) => plugins::Role::Plugin,
    };
    Context {
        now_ms: app.clock.now().unsigned_abs(),
        seed: clock::random_u64(),
        channel: member.channel().id.to_string(),
        channel_type: member.channel().kind.clone(),
        actor: member.user().map(ToString::to_string).unwrap_or_default(),
        actor_role: role,
    }
}
