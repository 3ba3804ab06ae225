//! Looks into components, off the threads that serve requests. What the host knows by its digest is not
//! looked at again; what must be compiled waits for its turn.

use std::sync::Arc;

use crate::admission::{Full, Place};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::model::AppId;
use crate::plugins::{self, Checked, Digest, Engine, Inspection, Refusal};
use crate::store::proof::Backend;

/// When to come again if too many components wait: about as long as a dear one takes.
const RETRY_MS: u64 = 10_000;

/// Who waits for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// Somebody who is told to come again when too many wait.
    Asker,
    /// The host, which has to run it.
    Host,
}

/// What a component shows without being compiled.
///
/// # Errors
/// `plugin_refused` for one that can't run here.
pub(super) async fn checked(app: &App, id: AppId, component: &Arc<Vec<u8>>) -> Result<Checked> {
    let holder = app.holder(id).await?;
    let _reading = Place::in_turn(app.reading.of(holder)).await;
    let (engine, component) = (app.engine.clone(), component.clone());
    aside(move || plugins::check(&engine, &component)).await
}

/// A component that was checked, compiled if it is new to the host.
///
/// # Errors
/// `plugin_refused` for one that can't run here; `overloaded` when too many wait to be compiled.
pub(super) async fn compiled(
    app: &App,
    id: AppId,
    checked: Checked,
    component: &Arc<Vec<u8>>,
) -> Result<Arc<Inspection>> {
    let facts = match checked {
        Checked::Known(known) => return Ok(known),
        Checked::New(facts) => facts,
    };
    let room = enter(app, id, facts.digest, Waits::Asker).await?;
    let component = component.clone();
    within(app, room, move |engine| {
        plugins::finish(engine, *facts, &component)
    })
    .await
}

/// A version that the app has: by its digest if the host knows it, else by its bytes.
///
/// # Errors
/// As for one that is uploaded; `not_found` when the app does not have it.
pub(super) async fn stored(
    app: &App,
    backend: &Backend,
    name: &str,
    digest: &str,
    waits: Waits,
) -> Result<Arc<Inspection>> {
    let tenant = backend.tenant();
    let no_version = || Error::not_found("version");
    let known = Digest::from_hex(digest).ok_or_else(no_version)?;
    if let Some(known) = plugins::known(&app.engine, known) {
        return Ok(known);
    }
    // Before the bytes are read: who waits holds none.
    let room = enter(app, tenant.app(), known, waits).await?;
    if let Some(known) = plugins::known(&app.engine, known) {
        return Ok(known);
    }
    let component = app.store.find_component(tenant, name, digest).await?;
    let component = component.ok_or_else(no_version)?;
    within(app, room, move |engine| {
        plugins::inspect(engine, &component)
    })
    .await
}

/// Held while a component is looked into.
type Room = Place;

async fn enter(app: &App, id: AppId, digest: Digest, waits: Waits) -> Result<Room> {
    let holder = app.holder(id).await?;
    if plugins::has_code(&app.engine, digest) {
        return Ok(Place::in_turn(app.reading.of(holder)).await);
    }
    let share = app.compiling.of(holder);
    let room = app.to_compile.of(holder);
    match waits {
        Waits::Host => Ok(Place::in_turn(share).await),
        Waits::Asker => Place::waiting_in(share, &room).await.map_err(|Full| {
            let detail = "Too many components wait to be compiled.";
            Error::new(Code::Overloaded, detail).retry_after_ms(RETRY_MS)
        }),
    }
}

/// The room is held until it is done, whether or not somebody still waits for it.
async fn within(
    app: &App,
    room: Room,
    look: impl FnOnce(&Engine) -> std::result::Result<Arc<Inspection>, Refusal> + Send + 'static,
) -> Result<Arc<Inspection>> {
    let engine = app.engine.clone();
    aside(move || {
        let inspected = look(&engine);
        drop(room);
        inspected
    })
    .await
}

async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, Refusal> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(Error::internal)?.map_err(refused)
}

/// A refusal as the tenant is told.
pub(super) fn refused(refusal: Refusal) -> Error {
    let error = match &refusal.field {
        Some(field) => Error::new(
            Code::PluginRefused,
            format!("`{field}`: {}", refusal.detail),
        ),
        None => Error::new(Code::PluginRefused, refusal.detail.clone()),
    };
    error.with_reason(refusal.code)
}

/// Whether it says nothing about the component: there was no room for it, or the store did not answer.
pub(super) fn is_passing(error: &Error) -> bool {
    match error.code() {
        Code::Overloaded | Code::Unavailable | Code::Internal => true,
        _ => error.reason() == Some("plugins_overloaded"),
    }
}
