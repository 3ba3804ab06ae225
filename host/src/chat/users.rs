//! The people of an app.

use super::access::{self, Caller};
use super::tenants::page;
use super::{cursor, valid};
use crate::app::App;
use crate::error::{Error, FieldFault, Result};
use crate::hub::Close;
use crate::model::{User, UserId};
use crate::store::{STEP_TRACES, Stretch, UserChange};
use crate::wire;

/// Ids that begin so belong to the bots of plugins.
pub const BOT_PREFIX: &str = "bot:";

/// Makes users or changes those that are there, all or none.
pub async fn set(app: &App, caller: &Caller, users: Vec<wire::SetUser>) -> Result<Vec<User>> {
    let backend = access::backend(caller)?;
    let max = app.config.limits.users_per_request_max;
    if users.is_empty() || users.len() > max {
        return Err(Error::invalid("users", format!("must be 1 to {max}")));
    }
    let mut faults = Vec::new();
    let mut changes = Vec::with_capacity(users.len());
    let mut seen = std::collections::HashSet::new();
    for (at, user) in users.into_iter().enumerate() {
        if !seen.insert(user.id.clone()) {
            faults.push(FieldFault {
                field: format!("users[{at}].id"),
                message: "comes twice".into(),
            });
        }
        match check(app, user) {
            Ok(change) => changes.push(change),
            Err(error) => {
                faults.extend(
                    error
                        .problem(None)
                        .errors
                        .into_iter()
                        .map(|fault| FieldFault {
                            field: format!("users[{at}].{}", fault.field),
                            message: fault.message,
                        }),
                )
            }
        }
    }
    if !faults.is_empty() {
        return Err(Error::invalid_fields(faults));
    }
    app.store.set_users(&backend, changes).await
}

/// Changes one user.
pub async fn change(
    app: &App,
    caller: &Caller,
    id: UserId,
    change: wire::ChangeUser,
) -> Result<User> {
    let backend = access::backend(caller)?;
    if app.store.find_user(backend.tenant(), &id).await?.is_none() {
        return Err(Error::not_found("user"));
    }
    let wire::ChangeUser {
        name,
        image,
        custom,
    } = change;
    let change = check(
        app,
        wire::SetUser {
            id,
            name,
            image,
            custom,
        },
    )?;
    let mut users = app.store.set_users(&backend, vec![change]).await?;
    users.pop().ok_or_else(|| Error::not_found("user"))
}

fn check(app: &App, user: wire::SetUser) -> Result<UserChange> {
    if user.id.as_str().starts_with(BOT_PREFIX) {
        return Err(Error::invalid(
            "id",
            "ids that begin with `bot:` belong to plugins",
        ));
    }
    if let Some(Some(name)) = &user.name {
        valid::plain("name", name, app.config.limits.name_bytes_max)?;
    }
    if let Some(Some(image)) = &user.image {
        valid::link("image", image)?;
    }
    let custom = user
        .custom
        .map(|custom| valid::custom(app, "custom", &custom))
        .transpose()?;
    Ok(UserChange {
        id: user.id,
        name: user.name,
        image: user.image,
        custom,
    })
}

/// A user. Users may look each other up within their app.
pub async fn get(app: &App, caller: &Caller, id: &UserId) -> Result<User> {
    let actor = access::actor(caller)?;
    app.store
        .find_user(actor.tenant(), id)
        .await?
        .ok_or_else(|| Error::not_found("user"))
}

/// The app's users by id, and the cursor of the next page.
pub async fn list(
    app: &App,
    caller: &Caller,
    limit: Option<i64>,
    next: Option<&str>,
) -> Result<(Vec<User>, Option<String>)> {
    let backend = access::backend(caller)?;
    let limit = valid::limit(app, limit, 50)?;
    let list = format!("users {}", backend.tenant().app());
    let after = next
        .map(|next| cursor::read(app, &list, next))
        .transpose()?
        .unwrap_or_default();
    let users = app.store.list_users(&backend, &after, limit + 1).await?;
    Ok(page(app, &list, users, limit, |user| user.id.to_string()))
}

/// Shuts a user out at once, or lets it in again. Its messages stay.
pub async fn set_deactivated(
    app: &App,
    caller: &Caller,
    id: UserId,
    deactivated: bool,
) -> Result<User> {
    let backend = access::backend(caller)?;
    let user = app.store.set_deactivated(&backend, id, deactivated).await?;
    if deactivated {
        app.hub
            .close_user(backend.tenant().app(), &user.id, Close::DEACTIVATED);
    }
    Ok(user)
}

/// Erases a user and everything it wrote, for good, step by step. A host that stops in the middle
/// leaves the user deactivated; asking again goes on.
pub async fn erase(app: &App, caller: &Caller, id: UserId) -> Result<()> {
    let backend = access::backend(caller)?;
    let store = &app.store;
    store.set_deactivated(&backend, id.clone(), true).await?;
    app.hub
        .close_user(backend.tenant().app(), &id, Close::DEACTIVATED);
    while store.leave_channels(&backend, id.clone()).await? {}
    let nobody = UserId::stored(format!("erased-{:016x}", store.next_id()));
    let mut place = 0;
    loop {
        let Stretch { traces, end } = store.find_traces(&backend, &id, place).await?;
        for step in traces.chunks(STEP_TRACES) {
            store
                .erase_traces(&backend, id.clone(), nobody.clone(), step.to_vec())
                .await?;
        }
        match end {
            Some(end) => place = end,
            None => break,
        }
    }
    while store.drop_answers(&backend, id.clone()).await? {}
    while store.drop_held_of(&backend, id.clone()).await? {}
    while store.forget_commands(&backend, id.clone()).await? {}
    while store.drop_decisions(&backend, id.clone()).await? {}
    while store.drop_files(&backend, id.clone()).await? {}
    while store.drop_kept_for(&backend, id.clone()).await? {}
    app.removed.notify_one();
    let mut answers = Some(String::new());
    while let Some(after) = answers {
        answers = store.forget_answers(&backend, after).await?;
    }
    store.erase_user(&backend, id, nobody, place).await?;
    // Whose words are in a recorded call can't be told for sure.
    app.recordings.forget_app(backend.tenant().app());
    Ok(())
}
