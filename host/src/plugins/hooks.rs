//! One function for each hook of `wit/hooks.wit`. A guest that doesn't export it is a fault like
//! any other; ask `Install::hooks` first. All may be called again for the same thing: until its
//! effects are committed a call has changed nothing but counters.

use std::sync::Arc;

use tokio::sync::Notify;

use super::call::{Call, Output, run, run_or_wait};
use super::case::Input;
use super::effects::Effects;
use super::fault::{Fault, FaultKind};
use super::grants::Permission;
use super::interfaces::Hook;
use super::state::Class;
use super::types::{
    Candidate, CheckedSetting, Choice, Command, Created, Draft, EndpointRequest, EndpointResponse,
    Event, Interaction, Json, Rejection, Reply, Seat, Shown, UploadedFile, Verdict,
};

/// What a call gives.
type Outcome<T> = Result<Output<T>, Fault>;

fn not_exported(hook: Hook) -> Fault {
    Fault {
        kind: FaultKind::NotExported,
        detail: format!("the plugin does not export {}", hook.name()),
        usage: Default::default(),
        log: Vec::new(),
    }
}

/// What a refused handler wrote is not to be committed by mistake.
fn drop_effects_of_errors<T, E>(output: Output<Result<T, E>>) -> Output<Result<T, E>> {
    match output.value {
        Ok(_) => output,
        Err(_) => Output {
            effects: Effects::default(),
            ..output
        },
    }
}

/// Asks a guard, whichever it is. What is for no guard is a fault.
pub async fn guard(call: Call<'_>, input: &Input) -> Outcome<Verdict> {
    let leave = match input {
        Input::BeforeSend(message) => return guard_send(call, message).await,
        Input::BeforeEdit { after, before } => return guard_edit(call, after, before).await,
        Input::BeforeDelete(message) => return guard_delete(call, message).await,
        Input::Seat(seat) => guard_seat(call, seat).await,
        Input::CreateChannel { channel, seats } => guard_create(call, channel, seats).await,
        Input::Connect { user } => guard_connect(call, user).await,
        Input::Keep { file, head } => guard_file(call, file, head).await,
        other => Err(not_exported(other.function().0)),
    };
    leave.map(|output| Output {
        value: output
            .value
            .map_or_else(Verdict::Reject, |()| Verdict::Allow),
        effects: output.effects,
        usage: output.usage,
        log: output.log,
    })
}

/// Somebody sends `message`.
pub async fn guard_send(call: Call<'_>, message: &Draft) -> Outcome<Verdict> {
    call.note(|| Input::BeforeSend(message.clone()));
    let hook = call.install.linked.message_guard.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::MessageGuard))?;
    run(call, Class::Guard, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_before_send(store, call.context, message).await
        })
    })
    .await
}

/// Somebody changes a message from `before` to `message`.
pub async fn guard_edit(call: Call<'_>, message: &Draft, before: &Draft) -> Outcome<Verdict> {
    call.note(|| Input::BeforeEdit {
        after: message.clone(),
        before: before.clone(),
    });
    let hook = call.install.linked.message_guard.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::MessageGuard))?;
    run(call, Class::Guard, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest
                .call_before_edit(store, call.context, message, before)
                .await
        })
    })
    .await
}

/// Somebody deletes `message`.
pub async fn guard_delete(call: Call<'_>, message: &Draft) -> Outcome<Verdict> {
    call.note(|| Input::BeforeDelete(message.clone()));
    let hook = call.install.linked.message_guard.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::MessageGuard))?;
    run(call, Class::Guard, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_before_delete(store, call.context, message).await
        })
    })
    .await
}

/// An entry of a channel's log. On `Err` within the value there are no effects.
pub async fn handle_event(call: Call<'_>, event: &Event) -> Outcome<Result<(), String>> {
    call.note(|| Input::Event(event.clone()));
    let hook = call.install.linked.events.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::Events))?;
    run(call, Class::Event, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_handle(store, call.context, event).await
        })
    })
    .await
    .map(drop_effects_of_errors)
}

/// Runs a slash command. On `Err` within the value there are no effects.
pub async fn run_command(
    call: Call<'_>,
    command: &Command,
) -> Outcome<Result<Option<Reply>, String>> {
    call.note(|| Input::Run(command.clone()));
    let hook = call.install.linked.commands.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::Commands))?;
    run(call, Class::Request, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_run(store, call.context, command).await
        })
    })
    .await
    .map(drop_effects_of_errors)
}

/// Completions for what is typed so far.
pub async fn complete_command(call: Call<'_>, command: &Command) -> Outcome<Vec<Choice>> {
    call.note(|| Input::Complete(command.clone()));
    let hook = call.install.linked.commands.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::Commands))?;
    run(call, Class::Completion, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_complete(store, call.context, command).await
        })
    })
    .await
}

/// A button, menu or form. On `Err` within the value there are no effects.
pub async fn handle_interaction(
    call: Call<'_>,
    interaction: &Interaction,
) -> Outcome<Result<Option<Reply>, String>> {
    call.note(|| Input::Interaction(interaction.clone()));
    let hook = call.install.linked.interactions.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::Interactions))?;
    run(call, Class::Request, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_handle(store, call.context, interaction).await
        })
    })
    .await
    .map(drop_effects_of_errors)
}

/// Checks the data of a new message of `kind`.
pub async fn kind_create(
    call: Call<'_>,
    kind: &str,
    data: &Json,
) -> Outcome<Result<Created, String>> {
    call.note(|| Input::Create {
        kind: kind.to_owned(),
        data: data.clone(),
    });
    let hook = call.install.linked.message_kind.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::MessageKind))?;
    run(call, Class::Pure, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_create(store, call.context, kind, data).await
        })
    })
    .await
}

/// What somebody did with a message of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// One of the plugin's kinds.
    pub kind: &'a str,
    /// The message's data, JSON.
    pub data: &'a Json,
    /// The message's private state, JSON.
    pub state: &'a Json,
    /// The block's `action`.
    pub action: &'a str,
    /// What goes with the action, JSON.
    pub value: &'a Json,
}

/// Applies an action to a message's state.
pub async fn kind_act(call: Call<'_>, act: Act<'_>) -> Outcome<Result<Shown, String>> {
    call.note(|| Input::Act(act.into()));
    let hook = call.install.linked.message_kind.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::MessageKind))?;
    run(call, Class::Pure, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            let Act {
                kind,
                data,
                state,
                action,
                value,
            } = act;
            guest
                .call_act(store, call.context, kind, data, state, action, value)
                .await
        })
    })
    .await
}

/// A timer that is due. On `Err` within the value there are no effects. `waits` is told when the call
/// begins a long wait, as it may once it reads an answer as it comes: it then holds up no other call.
pub async fn run_schedule(
    call: Call<'_>,
    name: &str,
    payload: &Json,
    waits: &Arc<Notify>,
) -> Outcome<Result<(), String>> {
    call.note(|| Input::Timer {
        name: name.to_owned(),
        payload: payload.clone(),
    });
    let hook = call.install.linked.schedule.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::Schedule))?;
    let reaches_out = call.install.linked.grants.contains(Permission::Http);
    let waits = reaches_out.then_some(waits);
    run_or_wait(call, Class::Timer, waits, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_run(store, call.context, name, payload).await
        })
    })
    .await
    .map(drop_effects_of_errors)
}

/// What a guard that can't change anything says.
type Leave = Result<(), Rejection>;

/// Somebody comes into a channel, or gets another role there.
pub async fn guard_seat(call: Call<'_>, seat: &Seat) -> Outcome<Leave> {
    call.note(|| Input::Seat(seat.clone()));
    let hook = call.install.linked.membership_guard.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::MembershipGuard))?;
    run(call, Class::Guard, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_before_seat(store, call.context, seat).await
        })
    })
    .await
}

/// Somebody makes a channel, with those who are in it from the start.
pub async fn guard_create(call: Call<'_>, channel: &Json, seats: &[Seat]) -> Outcome<Leave> {
    call.note(|| Input::CreateChannel {
        channel: channel.clone(),
        seats: seats.to_vec(),
    });
    let hook = call.install.linked.membership_guard.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::MembershipGuard))?;
    run(call, Class::Guard, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest
                .call_before_create(store, call.context, channel, seats)
                .await
        })
    })
    .await
}

/// A user's socket is about to open.
pub async fn guard_connect(call: Call<'_>, user: &Json) -> Outcome<Leave> {
    call.note(|| Input::Connect { user: user.clone() });
    let hook = call.install.linked.session_guard.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::SessionGuard))?;
    run(call, Class::Guard, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_before_connect(store, call.context, user).await
        })
    })
    .await
}

/// Somebody uploads a file, whose first bytes these are.
pub async fn guard_file(call: Call<'_>, file: &UploadedFile, head: &[u8]) -> Outcome<Leave> {
    call.note(|| Input::Keep {
        file: file.clone(),
        head: head.to_vec(),
    });
    let hook = call.install.linked.file_guard.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::FileGuard))?;
    run(call, Class::Guard, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest
                .call_before_keep(store, call.context, file, head)
                .await
        })
    })
    .await
}

/// A request to one of the plugin's own routes. On `Err` within the value there are no effects.
pub async fn handle_request(
    call: Call<'_>,
    request: &EndpointRequest,
) -> Outcome<Result<EndpointResponse, String>> {
    call.note(|| Input::Request(request.clone()));
    let hook = call.install.linked.endpoint.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::Endpoint))?;
    run(call, Class::Request, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_handle(store, call.context, request).await
        })
    })
    .await
    .map(drop_effects_of_errors)
}

/// Orders what somebody sees in a feed: places in `candidates`, best first, each at most once.
pub async fn rank_feed(
    call: Call<'_>,
    feed: &str,
    argument: &str,
    candidates: &[Candidate],
) -> Outcome<Result<Vec<u32>, String>> {
    call.note(|| Input::rank(feed, argument, candidates));
    let hook = call.install.linked.feed.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::Feed))?;
    run(call, Class::Ranking, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest
                .call_rank(store, call.context, feed, argument, candidates)
                .await
        })
    })
    .await
}

/// Looks at settings before they are used.
pub async fn check_settings(call: Call<'_>, settings: &Json) -> Outcome<Vec<CheckedSetting>> {
    call.note(|| Input::CheckSettings(settings.clone()));
    let hook = call.install.linked.lifecycle.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::Lifecycle))?;
    run(call, Class::Pure, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_check(store, call.context, settings).await
        })
    })
    .await
}

/// A version begins. On `Err` within the value there are no effects.
pub async fn start(call: Call<'_>, previous: Option<&str>) -> Outcome<Result<(), String>> {
    call.note(|| Input::Start {
        previous: previous.map(str::to_owned),
    });
    let hook = call.install.linked.lifecycle.as_ref();
    let hook = hook.ok_or_else(|| not_exported(Hook::Lifecycle))?;
    run(call, Class::Event, |guest| {
        guest.serve(async |store, instance| {
            let guest = hook.load(&mut *store, instance)?;
            guest.call_start(store, call.context, previous).await
        })
    })
    .await
    .map(drop_effects_of_errors)
}
