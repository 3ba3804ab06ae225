//! The methods of the socket. Each decodes its parameters, calls one verb, and encodes the reply.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::connection::Reply;
use crate::app::App;
use crate::chat::access::{self, Actor, Caller, Client, Session};
use crate::chat::catchup::{self, Since};
use crate::chat::messages::{self, Page};
use crate::chat::{feeds, gates, interact, passing};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::frame;
use crate::http;
use crate::hub::{Close, Outbox};
use crate::model::{ChannelId, ChannelKey, Millis};
use crate::wire;

/// Every method, for the documentation and the test that compares it with the rights.
pub const METHODS: &[&str] = &[
    "connect",
    "refresh",
    "ping",
    "subscribe",
    "unsubscribe",
    "send",
    "edit",
    "delete",
    "act",
    "command",
    "complete",
    "commands",
    "typing",
    "read",
    "presence",
    "history",
    "feeds",
    "feed",
];

/// A connection whose user is known.
pub struct Connected {
    pub session: Session,
    /// When its token ends.
    pub expires_at: Millis,
    /// The channels that it is subscribed to.
    pub watching: HashMap<ChannelId, ChannelKey>,
}

impl Connected {
    fn caller(&self) -> Caller {
        Caller::User(self.session.clone())
    }
}

/// The first request, which must be `connect`. Gives the reply, and how to go on.
pub async fn connect(
    app: &App,
    client: &Client,
    outbox: &Arc<Outbox>,
    text: &str,
) -> (Option<Bytes>, std::result::Result<Connected, Close>) {
    let request = match read(text) {
        Ok(request) => request,
        Err(error) => return (Some(encode::<()>(None, Err(error))), Err(Close::BAD_FRAME)),
    };
    let id = Some(request.id);
    if request.method != "connect" {
        let error = Error::new(
            Code::Unauthenticated,
            "The first request must be `connect`.",
        );
        return (
            Some(encode::<()>(id, Err(error))),
            Err(Close::UNAUTHENTICATED),
        );
    }
    let session = match parameters::<wire::Connect>(&request) {
        Ok(connect) => match access::with_token(app, &connect.token, client).await {
            Ok(session) => session,
            Err(error) => {
                let close = match error.code() {
                    Code::TokenExpired => Close::EXPIRED,
                    Code::OriginNotAllowed => Close::ORIGIN,
                    Code::UserDeactivated => Close::DEACTIVATED,
                    Code::Unavailable | Code::Internal => Close::SHUTDOWN,
                    _ => Close::UNAUTHENTICATED,
                };
                return (Some(encode::<()>(id, Err(error))), Err(close));
            }
        },
        Err(error) => return (Some(encode::<()>(id, Err(error))), Err(Close::BAD_FRAME)),
    };
    let (tenant, per_user) = (session.tenant, app.config.socket.connections_per_user_max);
    if let Err(error) = app
        .hub
        .connect(tenant.app(), &session.user, outbox.clone(), per_user)
    {
        return (Some(encode::<()>(id, Err(error))), Err(Close::TOO_MANY));
    }
    // Only now is a revocation certain to find this socket; one that came just before is seen here.
    let again = access::still_valid(app, &session).await;
    let user = match again.and(app.store.find_user(tenant, &session.user).await) {
        Ok(Some(user)) => user,
        _ => {
            app.hub.disconnect(tenant.app(), &session.user, outbox);
            let error = Error::new(Code::Unauthenticated, "The token is not good.");
            return (
                Some(encode::<()>(id, Err(error))),
                Err(Close::UNAUTHENTICATED),
            );
        }
    };
    if let Err(error) = gates::connect(app, &session, &user).await {
        app.hub.disconnect(tenant.app(), &session.user, outbox);
        let close = match error.code() {
            Code::SessionRejected => Close::REFUSED,
            // A plugin that must agree failed: it may agree later.
            _ => Close::SHUTDOWN,
        };
        return (Some(encode::<()>(id, Err(error))), Err(close));
    }
    let epoch = app.store.epoch();
    let reply = wire::Connected {
        user: (&user).into(),
        epoch: &epoch,
        ping_interval_ms: app.config.socket.ping_interval_ms,
        expires_at: clock::rfc3339(session.expires_at),
    };
    let reply = encode(id, Ok(&reply));
    let expires_at = session.expires_at;
    (
        Some(reply),
        Ok(Connected {
            session,
            expires_at,
            watching: HashMap::new(),
        }),
    )
}

/// Any other request. What can be answered at once goes to the outbox; what takes time comes back as
/// a future, so that the next request need not wait for it.
pub async fn call(
    app: &Arc<App>,
    connected: &mut Connected,
    outbox: &Arc<Outbox>,
    client: &Client,
    text: &str,
) -> std::result::Result<Option<Reply>, Close> {
    let request = match read(text) {
        Ok(request) => request,
        Err(error) => {
            outbox.push(encode::<()>(None, Err(error)));
            return Ok(None);
        }
    };
    let id = Some(request.id);
    let reply = match &*request.method {
        // The place of a message among this connection's messages is settled here, in order; only
        // the wait for the disk is left for later.
        "send" => match begin_send(app, connected, &request).await {
            Ok(pending) => {
                return Ok(Some(Box::pin(async move {
                    match pending.settle().await {
                        Ok((outcome, channel)) => encode(id, Ok(&outcome.to_wire(&channel))),
                        Err(error) => encode::<()>(id, Err(error)),
                    }
                })));
            }
            Err(error) => encode::<()>(id, Err(error)),
        },
        method => {
            if let Err(error) = app.rates.request(&connected.caller().whose()) {
                encode::<()>(id, Err(error))
            } else {
                match method {
                    "ping" => encode(id, Ok(&serde_json::json!({}))),
                    "refresh" => settled(id, refresh(app, connected, client, &request).await),
                    "subscribe" => return Ok(subscribe(app, connected, outbox, &request, id).await),
                    "unsubscribe" => settled(id, unsubscribe(app, connected, outbox, &request)),
                    _ => return Ok(Some(slow(app, connected, outbox, &request, id))),
                }
            }
        }
    };
    outbox.push(reply);
    Ok(None)
}

async fn begin_send(
    app: &App,
    connected: &Connected,
    request: &wire::Request<'_>,
) -> Result<messages::Pending> {
    let new: wire::Send = parameters(request)?;
    messages::begin_send(app, &Actor::User(connected.session.clone()), new).await
}

/// A new token for the same user, before the old one ends.
async fn refresh(
    app: &App,
    connected: &mut Connected,
    client: &Client,
    request: &wire::Request<'_>,
) -> Result<serde_json::Value> {
    let token: wire::Connect = parameters(request)?;
    let session = access::with_token(app, &token.token, client).await?;
    if session.user != connected.session.user || session.tenant != connected.session.tenant {
        return Err(Error::new(
            Code::Unauthenticated,
            "The token is another user's.",
        ));
    }
    connected.expires_at = session.expires_at;
    connected.session = session;
    Ok(serde_json::json!({ "expires_at": clock::rfc3339(connected.expires_at) }))
}

async fn subscribe(
    app: &Arc<App>,
    connected: &mut Connected,
    outbox: &Arc<Outbox>,
    request: &wire::Request<'_>,
    id: Option<u64>,
) -> Option<Reply> {
    let subscribed = async {
        let wire::Subscribe {
            channel_id,
            since,
            epoch,
        } = parameters(request)?;
        let max = app.config.socket.subscriptions_max;
        // Channels from which the user was removed meanwhile don't count.
        if connected.watching.len() >= max {
            connected
                .watching
                .retain(|_, key| app.hub.watches(*key, outbox));
        }
        if connected.watching.len() >= max {
            return Err(Error::new(
                Code::LimitReached,
                format!("A connection watches at most {max} channels."),
            ));
        }
        let actor = Actor::User(connected.session.clone());
        let since = Since { seq: since, epoch };
        let found = catchup::subscribe(
            app,
            &actor,
            &connected.session.user,
            outbox,
            &channel_id,
            since,
        )
        .await?;
        Ok((channel_id, found))
    };
    match subscribed.await {
        Err(error) => outbox.push(encode::<()>(id, Err(error))),
        Ok((channel_id, (catchup, seat, member))) => {
            let epoch = app.store.epoch();
            let events = catchup
                .events
                .iter()
                .map(|event| {
                    wire::Event::for_reader(event, &channel_id, Some(&connected.session.user))
                })
                .collect();
            let reply = wire::Catchup {
                recovered: catchup.recovered,
                epoch: &epoch,
                head: catchup.head,
                events,
            };
            outbox.push(encode(id, Ok(&reply)));
            app.hub.go_live(seat, catchup.head);
            let key = member.channel().key;
            // Coming back to a channel after a removal, the old entry stands for a watch that ended.
            if connected.watching.insert(channel_id, key).is_none() {
                passing::arrive(app, key, &connected.session.user);
            }
        }
    }
    None
}

fn unsubscribe(
    app: &App,
    connected: &mut Connected,
    outbox: &Arc<Outbox>,
    request: &wire::Request<'_>,
) -> Result<serde_json::Value> {
    let wire::InChannel { channel_id } = parameters(request)?;
    if let Some(key) = connected.watching.remove(&channel_id) {
        app.hub.leave(key, outbox);
        passing::depart(app, key, &connected.session.user);
    }
    Ok(serde_json::json!({}))
}

/// The methods whose replies may overtake each other.
fn slow(
    app: &Arc<App>,
    connected: &Connected,
    outbox: &Arc<Outbox>,
    request: &wire::Request<'_>,
    id: Option<u64>,
) -> Reply {
    let (app, caller, outbox) = (app.clone(), connected.caller(), outbox.clone());
    macro_rules! verb {
        ($params:ty, |$p:ident| $body:expr) => {
            match parameters::<$params>(request) {
                Err(error) => {
                    let reply = encode::<()>(id, Err(error));
                    Box::pin(async move { reply })
                }
                Ok($p) => Box::pin(async move {
                    let done: Result<Bytes> = async { $body }.await;
                    done.unwrap_or_else(|error| encode::<()>(id, Err(error)))
                }),
            }
        };
    }
    match &*request.method {
        "edit" => verb!(wire::EditMessage, |p| {
            let (message, channel) =
                messages::edit(&app, &caller, p.message_id, p.data.get()).await?;
            let message = wire::Message::for_reader(&message, &channel, caller.user());
            Ok(encode(id, Ok(&message)))
        }),
        "delete" => verb!(wire::DeleteMessage, |p| {
            let (message, channel) = messages::delete(&app, &caller, p.message_id).await?;
            let message = wire::Message::for_reader(&message, &channel, caller.user());
            Ok(encode(id, Ok(&message)))
        }),
        "act" => verb!(wire::ActOn, |p| {
            let act = wire::Act {
                action: p.action,
                value: p.value,
                plugin: p.plugin,
                actor: None,
            };
            Ok(encode(
                id,
                Ok(&interact::act(&app, &caller, p.message_id, act).await?),
            ))
        }),
        "command" => verb!(wire::CommandIn, |p| {
            let run = wire::RunCommand {
                name: p.name,
                text: p.text,
                actor: None,
            };
            Ok(encode(
                id,
                Ok(&interact::run_command(&app, &caller, &p.channel_id, run).await?),
            ))
        }),
        "complete" => verb!(wire::CommandIn, |p| {
            let run = wire::RunCommand {
                name: p.name,
                text: p.text,
                actor: None,
            };
            Ok(encode(
                id,
                Ok(&interact::complete(&app, &caller, &p.channel_id, run).await?),
            ))
        }),
        "commands" => verb!(wire::Nothing, |_p| Ok(encode(
            id,
            Ok(&interact::commands(&app, &caller)?)
        ))),
        "typing" => verb!(wire::TypingIn, |p| {
            passing::typing(&app, &caller, &p.channel_id, p.typing, Some(&outbox)).await?;
            Ok(encode(id, Ok(&serde_json::json!({}))))
        }),
        "read" => verb!(wire::ReadIn, |p| {
            let seq = passing::read(&app, &caller, &p.channel_id, p.seq).await?;
            Ok(encode(id, Ok(&wire::ReadMark { seq })))
        }),
        "presence" => verb!(wire::InChannel, |p| {
            let online = passing::present(&app, &caller, &p.channel_id).await?;
            Ok(encode(id, Ok(&wire::Presence { online })))
        }),
        "history" => verb!(wire::HistoryOf, |p| {
            let page = Page {
                limit: p.limit,
                next: p.next,
                prev: p.prev,
                around: p.around,
            };
            let found = messages::history(&app, &caller, &p.channel_id, page).await?;
            Ok(encode(
                id,
                Ok(&wire::history(
                    &found.messages,
                    &found.channel.id,
                    caller.user(),
                    found.next,
                    found.prev,
                )),
            ))
        }),
        "feeds" => verb!(wire::Nothing, |_p| Ok(encode(
            id,
            Ok(&feeds::list(&app, &caller)?)
        ))),
        "feed" => verb!(wire::FeedOf, |p| {
            let page = feeds::Page {
                argument: p.argument,
                limit: p.limit,
                next: p.next,
                reader: None,
            };
            let (found, next) = feeds::read(&app, &caller, &p.feed, page).await?;
            Ok(encode(id, Ok(&wire::feed_page(&found, next))))
        }),
        _ => {
            let error = match &*request.method {
                "connect" => Error::new(
                    Code::Conflict,
                    "The connection has its user already; a new token goes to `refresh`.",
                ),
                _ => Error::new(Code::NotFound, "There is no such method."),
            };
            let reply = encode::<()>(id, Err(error));
            Box::pin(async move { reply })
        }
    }
}

fn read(text: &str) -> Result<wire::Request<'_>> {
    let request: wire::Request<'_> = serde_json::from_str(text).map_err(|e| {
        Error::new(
            Code::Malformed,
            format!("A frame must be {{\"id\", \"method\", \"params\"}}: {e}."),
        )
    })?;
    if request.id > 9_007_199_254_740_991 {
        return Err(Error::invalid("id", "must be at most 2^53 - 1"));
    }
    Ok(request)
}

fn parameters<T: DeserializeOwned>(request: &wire::Request<'_>) -> Result<T> {
    http::parameters(request.params.map_or("{}", RawValue::get))
}

fn settled(id: Option<u64>, result: Result<impl Serialize>) -> Bytes {
    match result {
        Ok(value) => encode(id, Ok(&value)),
        Err(error) => encode::<()>(id, Err(error)),
    }
}

/// A reply frame.
fn encode<T: Serialize>(id: Option<u64>, result: Result<&T>) -> Bytes {
    let json = match result {
        Ok(result) => wire::to_json(&wire::Reply::Result {
            id: id.unwrap_or(0),
            result,
        }),
        Err(error) => {
            let request =
                (error.code().status() >= 500).then(|| format!("req_{:016x}", clock::random_u64()));
            if let Some(request) = &request {
                tracing::error!(request.id = %request, code = error.code().as_str(), cause = ?error.cause().map(ToString::to_string), "socket request failed");
            }
            wire::to_json(&wire::Reply::Error::<()> {
                id,
                error: &error.problem(request.as_deref()),
            })
        }
    };
    frame::encode_text(json.as_bytes())
}
