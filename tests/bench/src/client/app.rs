//! An app on a host, made as an operator and a backend would.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::Rest;

/// The most users that one request writes.
const USERS_AT_ONCE: usize = 100;

/// An app, by its server key.
#[derive(Debug, Clone)]
pub struct App {
    pub rest: Rest,
}

/// A plugin to be enabled.
#[derive(Debug, Clone)]
pub struct Component<'a> {
    pub bytes: &'a [u8],
    pub grants: &'a [&'a str],
    pub config: Value,
}

impl App {
    /// Makes an org with an app, with the operator's key from the host's data folder.
    ///
    /// # Errors
    /// The host does not answer, or refuses.
    pub async fn create(address: SocketAddr, data_dir: &Path) -> Result<Self> {
        let key_file = data_dir.join("operator.key");
        let key = std::fs::read_to_string(&key_file)
            .with_context(|| format!("no operator's key in {}", key_file.display()))?;
        let operator = Rest::new(address, key.trim());
        let org = json!({ "name": "Bench", "email": "bench@example.com" });
        let org = operator.call("POST", "/v1/orgs", Some(&org)).await?;
        let path = format!("/v1/orgs/{}/apps", text(&org["org"]["id"])?);
        let app = operator
            .call("POST", &path, Some(&json!({ "name": "Bench" })))
            .await?;
        Ok(Self {
            rest: Rest::new(address, text(&app["key"])?),
        })
    }

    /// Makes users with these ids.
    ///
    /// # Errors
    /// As for [`App::create`].
    pub async fn add_users(&self, ids: &[String]) -> Result<()> {
        for some in ids.chunks(USERS_AT_ONCE) {
            let users: Vec<Value> = some.iter().map(|id| json!({ "id": id })).collect();
            self.rest
                .call("PUT", "/v1/users", Some(&json!({ "users": users })))
                .await?;
        }
        Ok(())
    }

    /// A token of a user, good for a day.
    ///
    /// # Errors
    /// As for [`App::create`].
    pub async fn token(&self, user: &str) -> Result<String> {
        let asked = json!({ "user_id": user, "expires_in_s": 86_400 });
        let session = self.rest.call("POST", "/v1/sessions", Some(&asked)).await?;
        text(&session["token"])
    }

    /// Makes a channel with these users in it.
    ///
    /// # Errors
    /// As for [`App::create`].
    pub async fn add_channel(&self, id: &str, members: &[String]) -> Result<()> {
        let (first, others) = members.split_at(members.len().min(USERS_AT_ONCE));
        let channel = json!({ "id": id, "type": "messaging", "name": id, "members": first });
        self.rest
            .call("POST", "/v1/channels", Some(&channel))
            .await?;
        for user in others {
            let place = format!("/v1/channels/{id}/participants/{user}");
            self.rest.call("PUT", &place, None).await?;
        }
        Ok(())
    }

    /// Uploads and enables a plugin. Gives its digest.
    ///
    /// # Errors
    /// As for [`App::create`].
    pub async fn enable(&self, component: &Component<'_>) -> Result<String> {
        let uploaded = self.upload(component.bytes).await?;
        let install = json!({
            "digest": uploaded["digest"],
            "enabled": true,
            "grants": component.grants,
            "config": component.config,
            "on_fault": "closed",
        });
        let path = format!("/v1/plugins/{}", text(&uploaded["name"])?);
        self.rest.call("PUT", &path, Some(&install)).await?;
        text(&uploaded["digest"])
    }

    /// Uploads a plugin and gives what the host says of it.
    ///
    /// # Errors
    /// As for [`App::create`].
    pub async fn upload(&self, component: &[u8]) -> Result<Value> {
        let rest = &self.rest;
        rest.upload("/v1/plugins", "application/wasm", component)
            .await
    }
}

/// A string that must be there.
fn text(value: &Value) -> Result<String> {
    Ok(value
        .as_str()
        .with_context(|| format!("the host answered {value} instead of a text"))?
        .to_owned())
}
