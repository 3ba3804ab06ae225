//! Requests to the routes that plugins have of their own.

use std::sync::Arc;

use super::access::{self, Actor, Caller, Client};
use super::calls::{asked, at_fault, failed};
use super::gates::nowhere;
use super::grants::PATH_GRANT;
use super::handlers;
use crate::address::of_one_customer;
use crate::app::{App, Installed};
use crate::error::{Code, Error, Result};
use crate::model::AppId;
use crate::plugins::{self, Context, EndpointRequest, EndpointResponse, Hook, Role};
use crate::store::{Cause, Landed};

/// How often a plugin may answer one request because somebody else changed what it read.
const TRIES: usize = 3;

/// A user of the app, or its backend, asks.
///
/// # Errors
/// `not_found` for a plugin that has no routes; `plugin_failed` when it fails.
pub async fn ask(
    app: &Arc<App>,
    caller: &Caller,
    plugin: &str,
    request: &EndpointRequest,
) -> Result<EndpointResponse> {
    let actor = access::actor(caller)?;
    let find = || find(app, actor.tenant().app(), plugin);
    let context = Context {
        actor_role: match &actor {
            Actor::Backend(_) => Role::Server,
            Actor::User(_) => Role::None,
        },
        ..nowhere(app, actor.user())
    };
    answer(app, find, context, actor.user(), request).await
}

/// Anybody asks, at a route that the plugin opens and the tenant granted.
///
/// # Errors
/// `not_found` for every other route, and for an app that isn't there.
pub async fn visit(
    app: &Arc<App>,
    id: AppId,
    client: &Client,
    plugin: &str,
    request: &EndpointRequest,
) -> Result<EndpointResponse> {
    app.loaded(id).await?;
    let find = || {
        let installed = find(app, id, plugin)?;
        let mut grants = installed.row.grants.0.iter();
        let is_open = grants.any(|grant| {
            let rule = grant.strip_prefix(PATH_GRANT);
            rule.is_some_and(|rule| plugins::opens(rule, &request.path))
        });
        is_open.then_some(installed).ok_or_else(no_route)
    };
    find()?;
    app.rates.visit(id, client.address)?;
    let context = nowhere(app, None);
    let cause = client.address.map(of_one_customer);
    answer(app, find, context, cause, request).await
}

fn no_route() -> Error {
    Error::not_found("route of a plugin")
}

fn find(app: &App, id: AppId, plugin: &str) -> Result<Arc<Installed>> {
    let loadout = app.loadout(id);
    let mut installs = loadout.installs.iter();
    let found = installs.find(|installed| &*installed.name == plugin);
    found
        .filter(|installed| installed.has(Hook::Endpoint))
        .cloned()
        .ok_or_else(no_route)
}

async fn answer(
    app: &Arc<App>,
    find: impl Fn() -> Result<Arc<Installed>>,
    context: Context,
    cause: impl std::hash::Hash,
    request: &EndpointRequest,
) -> Result<EndpointResponse> {
    for _ in 0..TRIES {
        let installed = &find()?;
        let calling = asked(app, installed, Hook::Endpoint, &cause)?;
        let outcome = plugins::handle_request(calling.with(&context), request).await;
        let output = calling
            .note(outcome)
            .map_err(|fault| at_fault(installed, &fault))?;
        let response = output.value.map_err(|sentence| {
            installed.log.add(app.clock.now(), "error", sentence);
            failed(installed)
        })?;
        let landed = handlers::commit(app, installed, Cause::Request, 1, output.effects).await?;
        if landed == Landed::Done {
            return Ok(response);
        }
    }
    Err(Error::new(Code::Conflict, "Too many do this at the same time.").retry_after_ms(500))
}
