//! The hooks, one trait each. A plugin implements those it wants and names them in
//! [`plugin!`](crate::plugin!).
//!
//! The generated traits are implemented here for every type that implements ours, which have the
//! better signatures: borrowed contexts, and bodies where there is a sensible one.

use crate::bindings::{
    commands, endpoint, events, feed, file_guard, interactions, lifecycle, membership_guard,
    message_guard, message_kind, schedule, session_guard,
};
use crate::endpoint::{Request, Response};
use crate::{
    Candidate, Choice, Command, Context, Created, Draft, Event, File, Interaction, Rejection,
    Reply, Seat, SettingFault, Shown, Verdict,
};

/// Before a message is sent, edited or deleted. A guard reads and decides; host functions that write
/// answer `Error::Denied`. It may run more than once for one message.
pub trait MessageGuard {
    /// Somebody sends `message`.
    fn before_send(ctx: &Context, message: Draft) -> Verdict;

    /// Somebody changes a message from `before` to `message`. `hold` counts as a refusal here.
    /// Decides like `before_send` unless the plugin says otherwise: else an edit would get around
    /// it.
    fn before_edit(ctx: &Context, message: Draft, before: Draft) -> Verdict {
        drop(before);
        Self::before_send(ctx, message)
    }

    /// Somebody deletes `message`. `change` counts as `allow`, `hold` as a refusal. Allowed unless
    /// the plugin says otherwise.
    fn before_delete(_ctx: &Context, _message: Draft) -> Verdict {
        Verdict::Allow
    }
}

/// Reacts to the app's event log: each event once, in order for each channel. All that the call
/// writes lands together with its place in the log, or not at all.
pub trait Events {
    /// One event of those that the manifest lists. An error undoes what the call wrote; the host
    /// tries again later, a limited number of times.
    fn handle(ctx: &Context, event: Event) -> Result<(), String>;
}

/// Slash commands. The manifest lists their names and help.
pub trait Commands {
    /// Runs a command. The error is a sentence for the person who typed it.
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String>;

    /// Completions for what is typed so far; the host shows at most 20. Must not write. None unless
    /// the plugin says otherwise.
    fn complete(_ctx: &Context, _command: Command) -> Vec<Choice> {
        Vec::new()
    }
}

/// Buttons, menus and forms in messages that this plugin sent.
pub trait Interactions {
    /// Somebody used a block. The error is a sentence for that person.
    fn handle(ctx: &Context, interaction: Interaction) -> Result<Option<Reply>, String>;
}

/// Custom message types. These functions are pure: their result depends on the arguments alone, so
/// host functions other than `log` and `config` answer `Error::Denied`.
pub trait MessageKind {
    /// Checks the data (JSON) of a new message of `kind`. The error is a sentence for the sender.
    fn create(ctx: &Context, kind: &str, data: &str) -> Result<Created, String>;

    /// Applies what a person did with a message (a vote, a tick) to its state; `data`, `state` and
    /// `value` are JSON. The channel's order orders such calls; none is lost. The error is a
    /// sentence for that person.
    fn act(
        ctx: &Context,
        kind: &str,
        data: &str,
        state: &str,
        action: &str,
        value: &str,
    ) -> Result<Shown, String>;
}

/// Timers that this plugin set, when they are due. As for `Events`, all that the call writes lands
/// together, and a timer runs once.
pub trait Schedule {
    /// The timer `name` is due; `payload` is the JSON it was set with. An error puts it off for a
    /// while; the host gives up after a number of tries.
    fn run(ctx: &Context, name: &str, payload: &str) -> Result<(), String>;
}

/// Before somebody comes into a channel, is given another role there, or makes a channel. A guard
/// reads and decides, and may run more than once. Nobody is asked when somebody leaves.
pub trait MembershipGuard {
    /// Somebody puts `seat.user` into the channel, or gives a role there.
    fn before_seat(ctx: &Context, seat: Seat) -> Result<(), Rejection>;

    /// Somebody makes a channel (JSON: `type`, perhaps `name` and `custom`) with those who are in it
    /// from the start. Asks `before_seat` of each unless the plugin says otherwise.
    fn before_create(ctx: &Context, _channel: &str, seats: Vec<Seat>) -> Result<(), Rejection> {
        seats
            .into_iter()
            .try_for_each(|seat| Self::before_seat(ctx, seat))
    }
}

/// Before a user's socket opens. A guard reads and decides.
pub trait SessionGuard {
    /// `ctx.actor` connects; `user` is JSON with `id`, `name` and `custom`.
    fn before_connect(ctx: &Context, user: &str) -> Result<(), Rejection>;
}

/// Before an uploaded file is kept. A guard reads and decides, and may run more than once.
pub trait FileGuard {
    /// `ctx.actor` keeps `file`; `head` has its first bytes, at most 4 KiB.
    fn before_keep(ctx: &Context, file: File, head: &[u8]) -> Result<(), Rejection>;
}

/// The plugin's own HTTP routes, under the app's API.
pub trait Endpoint {
    /// Answers a request. Whatever the status, what the call wrote lands before the answer is given;
    /// an error undoes it, and the client is told that the plugin failed.
    fn handle(ctx: &Context, request: Request) -> Result<Response, String>;
}

/// Picks and orders what somebody sees in a feed. Pure, as a message kind is.
pub trait Feed {
    /// The places of `candidates` (new to old) in the order they are shown; what isn't named isn't
    /// shown. `argument` is the client's own, perhaps empty. The error is a sentence for the person
    /// who asked.
    fn rank(
        ctx: &Context,
        feed: &str,
        argument: &str,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<u32>, String>;
}

/// What happens to the install itself.
pub trait Lifecycle {
    /// Looks at settings (JSON) that the tenant is about to use; they fit the schema already. Any
    /// fault refuses them. Pure. None unless the plugin says otherwise.
    fn check(_ctx: &Context, _settings: &str) -> Vec<SettingFault> {
        Vec::new()
    }

    /// Runs before anything else of this version: `previous` is the version that it takes over
    /// from, none for a plugin that is new to the app. All that it writes lands with the change; an
    /// error, which the tenant sees, refuses it. Nothing unless the plugin says otherwise.
    fn start(_ctx: &Context, _previous: Option<&str>) -> Result<(), String> {
        Ok(())
    }
}

fn start() {
    #[cfg(target_arch = "wasm32")]
    crate::runtime::start();
}

impl<T: MessageGuard> message_guard::Guest for T {
    fn before_send(ctx: Context, message: Draft) -> Verdict {
        start();
        <T as MessageGuard>::before_send(&ctx, message)
    }

    fn before_edit(ctx: Context, message: Draft, before: Draft) -> Verdict {
        start();
        <T as MessageGuard>::before_edit(&ctx, message, before)
    }

    fn before_delete(ctx: Context, message: Draft) -> Verdict {
        start();
        <T as MessageGuard>::before_delete(&ctx, message)
    }
}

impl<T: Events> events::Guest for T {
    fn handle(ctx: Context, event: Event) -> Result<(), String> {
        start();
        <T as Events>::handle(&ctx, event)
    }
}

impl<T: Commands> commands::Guest for T {
    fn run(ctx: Context, command: Command) -> Result<Option<Reply>, String> {
        start();
        <T as Commands>::run(&ctx, command)
    }

    fn complete(ctx: Context, command: Command) -> Vec<Choice> {
        start();
        <T as Commands>::complete(&ctx, command)
    }
}

impl<T: Interactions> interactions::Guest for T {
    fn handle(ctx: Context, interaction: Interaction) -> Result<Option<Reply>, String> {
        start();
        <T as Interactions>::handle(&ctx, interaction)
    }
}

impl<T: MessageKind> message_kind::Guest for T {
    fn create(ctx: Context, kind: String, data: String) -> Result<Created, String> {
        start();
        <T as MessageKind>::create(&ctx, &kind, &data)
    }

    fn act(
        ctx: Context,
        kind: String,
        data: String,
        state: String,
        action: String,
        value: String,
    ) -> Result<Shown, String> {
        start();
        <T as MessageKind>::act(&ctx, &kind, &data, &state, &action, &value)
    }
}

impl<T: Schedule> schedule::Guest for T {
    fn run(ctx: Context, name: String, payload: String) -> Result<(), String> {
        start();
        <T as Schedule>::run(&ctx, &name, &payload)
    }
}

impl<T: MembershipGuard> membership_guard::Guest for T {
    fn before_seat(ctx: Context, seat: Seat) -> Result<(), Rejection> {
        start();
        <T as MembershipGuard>::before_seat(&ctx, seat)
    }

    fn before_create(ctx: Context, channel: String, seats: Vec<Seat>) -> Result<(), Rejection> {
        start();
        <T as MembershipGuard>::before_create(&ctx, &channel, seats)
    }
}

impl<T: SessionGuard> session_guard::Guest for T {
    fn before_connect(ctx: Context, user: String) -> Result<(), Rejection> {
        start();
        <T as SessionGuard>::before_connect(&ctx, &user)
    }
}

impl<T: FileGuard> file_guard::Guest for T {
    fn before_keep(ctx: Context, file: File, head: Vec<u8>) -> Result<(), Rejection> {
        start();
        <T as FileGuard>::before_keep(&ctx, file, &head)
    }
}

impl<T: Endpoint> endpoint::Guest for T {
    fn handle(ctx: Context, request: Request) -> Result<Response, String> {
        start();
        <T as Endpoint>::handle(&ctx, request)
    }
}

impl<T: Feed> feed::Guest for T {
    fn rank(
        ctx: Context,
        feed: String,
        argument: String,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<u32>, String> {
        start();
        <T as Feed>::rank(&ctx, &feed, &argument, candidates)
    }
}

impl<T: Lifecycle> lifecycle::Guest for T {
    fn check(ctx: Context, settings: String) -> Vec<SettingFault> {
        start();
        <T as Lifecycle>::check(&ctx, &settings)
    }

    fn start(ctx: Context, previous: Option<String>) -> Result<(), String> {
        start();
        <T as Lifecycle>::start(&ctx, previous.as_deref())
    }
}
