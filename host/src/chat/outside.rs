//! What an install may reach outside, and the secrets that it may take there. The secrets are kept
//! sealed, each with the hosts that it was entered for: a later version of the plugin that wants to
//! take it elsewhere has to be given it anew.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};

use crate::address::Hosts;
use crate::app::App;
use crate::egress::{self, Target};
use crate::error::{Error, Result};
use crate::model::AppId;
use crate::plugins::{
    HostError, HttpHeaderValue, HttpRequest, HttpResponse, HttpSecret, Manifest, Permission,
};
use crate::secrets::{SealContext, Secret};

/// What a grant of a host begins with: `http:api.example.com`.
pub(super) const HOST_GRANT: &str = "http:";

/// The secrets of an install, by setting, as the store has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(BTreeMap<String, SealedSecret>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SealedSecret {
    /// Base64.
    sealed: String,
    /// Where it may go.
    hosts: Vec<String>,
}

/// Whose secret it is.
#[derive(Clone, Copy)]
pub struct Whose<'a> {
    /// The app.
    pub app: AppId,
    /// The plugin's name.
    pub plugin: &'a str,
}

impl Whose<'_> {
    /// Bound to the hosts as well: nobody sends it elsewhere by changing them in the database.
    fn key_id(self, setting: &str, hosts: &[String]) -> String {
        format!("plugin {} {setting} {}", self.plugin, hosts.join(" "))
    }
}

impl Sealed {
    /// From the text in the store.
    pub fn stored(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(Error::internal)
    }

    /// The text for the store.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(Error::internal)
    }

    /// Whether a secret is set.
    pub fn has(&self, setting: &str) -> bool {
        self.0.contains_key(setting)
    }

    /// Puts in what was given, forgets what is to be forgotten, and what the manifest no longer
    /// knows as a secret.
    pub fn change(
        &mut self,
        app: &App,
        whose: Whose<'_>,
        manifest: &Manifest,
        given: BTreeMap<String, Option<Secret<String>>>,
    ) -> Result<()> {
        self.0
            .retain(|name, _| manifest.secrets().any(|secret| secret == name));
        for (name, secret) in given {
            let Some(secret) = secret else {
                self.0.remove(&name);
                continue;
            };
            let hosts = goes_to(manifest, &name).to_vec();
            let context = SealContext {
                app_id: &whose.app.to_string(),
                key_id: &whose.key_id(&name, &hosts),
            };
            let bytes = secret.expose().as_bytes();
            let sealed = app.sealer.seal(context, bytes, &SystemRandom::new());
            let sealed = STANDARD_NO_PAD.encode(sealed.map_err(Error::internal)?);
            self.0.insert(name, SealedSecret { sealed, hosts });
        }
        Ok(())
    }

    /// Forgets some of them.
    pub fn forget(&mut self, settings: &[String]) {
        self.0.retain(|name, _| !settings.contains(name));
    }

    fn open(&self, app: &App, whose: Whose<'_>, setting: &str) -> Result<Secret<String>> {
        let SealedSecret { sealed, hosts } = self
            .0
            .get(setting)
            .ok_or_else(|| Error::not_found("secret"))?;
        let context = SealContext {
            app_id: &whose.app.to_string(),
            key_id: &whose.key_id(setting, hosts),
        };
        let sealed = STANDARD_NO_PAD.decode(sealed).map_err(Error::internal)?;
        let opened = app.sealer.open(context, &sealed).map_err(Error::internal)?;
        let text = String::from_utf8(opened.into_exposed());
        text.map(Secret::new)
            .map_err(|_| Error::internal("a stored secret is no text"))
    }
}

/// The hosts that a secret goes to, as the manifest has it.
fn goes_to<'m>(manifest: &'m Manifest, setting: &str) -> &'m [String] {
    manifest
        .request(Permission::Http)
        .and_then(|asked| asked.secrets.get(setting))
        .map_or(&[], Vec::as_slice)
}

/// What an install may reach.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// The hosts that were granted.
    hosts: Hosts,
    sealed: Sealed,
    /// Where each secret may go: where it was entered for, as far as the manifest still says so.
    secrets: BTreeMap<String, Hosts>,
}

impl Outside {
    /// What these grants and secrets open to a plugin.
    pub fn new(grants: &[String], sealed: Sealed, manifest: &Manifest) -> Result<Self> {
        let hosts = grants
            .iter()
            .filter_map(|grant| grant.strip_prefix(HOST_GRANT));
        let mut secrets = BTreeMap::new();
        for (name, secret) in &sealed.0 {
            let still = goes_to(manifest, name);
            let hosts = secret.hosts.iter().filter(|host| still.contains(host));
            secrets.insert(name.clone(), Hosts::parse(hosts).map_err(Error::internal)?);
        }
        Ok(Self {
            hosts: Hosts::parse_wide(hosts).map_err(Error::internal)?,
            sealed,
            secrets,
        })
    }

    /// Sends a request of the plugin, with its secrets in it.
    pub async fn send(
        &self,
        app: &App,
        whose: Whose<'_>,
        request: HttpRequest,
    ) -> Result<HttpResponse, HostError> {
        let invalid = |detail: &str| HostError::Invalid(detail.to_owned());
        let target = Target::parse(&request.url).map_err(told)?;
        let mut headers = HeaderMap::new();
        for header in request.headers {
            let name = HeaderName::try_from(header.name);
            let name = name.map_err(|_| invalid("the name of a header is not valid"))?;
            let value = match header.value {
                HttpHeaderValue::Text(text) => HeaderValue::try_from(text).ok(),
                HttpHeaderValue::Secret(secret) => self.header(app, whose, &target, &secret)?,
            };
            let not_valid = || invalid(&format!("the value of the header `{name}` is not valid"));
            let value = value.ok_or_else(not_valid)?;
            let added = headers.try_append(&name, value);
            added.map_err(|_| invalid("the request has too many headers"))?;
        }
        let method = request.method.parse();
        let timeout = request.timeout_ms.map(u64::from).map(Duration::from_millis);
        let request = egress::Request {
            method: method.map_err(|_| invalid("the method is not valid"))?,
            target,
            headers,
            body: request.body.into(),
            timeout,
            body_start: request.body_start.map(|bytes| bytes as usize),
        };
        let sent = app.egress.send(whose.app, &self.hosts, request).await;
        let outcome = sent
            .as_ref()
            .map_or_else(egress::Error::code, |_| "answered");
        app.metrics.plugin_http_request(outcome);
        sent.map(out).map_err(told)
    }

    /// A secret as a header's value; `None` if it can't be one.
    fn header(
        &self,
        app: &App,
        whose: Whose<'_>,
        target: &Target,
        secret: &HttpSecret,
    ) -> Result<Option<HeaderValue>, HostError> {
        let name = &secret.name;
        let Some(hosts) = self.secrets.get(name) else {
            let detail = format!("the secret `{name}` is not set");
            return Err(HostError::NotFound(detail));
        };
        if !hosts.allows(target.url()) {
            let detail = format!("the secret `{name}` is not for that host");
            return Err(HostError::Denied(detail));
        }
        let opened = self.sealed.open(app, whose, name).map_err(|error| {
            tracing::error!(error = %error, cause = ?error.cause(), "a plugin's secret does not open");
            HostError::Unavailable(format!("the secret `{name}` can't be read: enter it again"))
        })?;
        let value = HeaderValue::try_from(format!("{}{}", secret.prefix, opened.expose()));
        Ok(value.ok().map(|mut value| {
            value.set_sensitive(true);
            value
        }))
    }
}

fn out(response: egress::Response) -> HttpResponse {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    HttpResponse {
        url: response.url.into(),
        status: response.status.as_u16(),
        headers: response.headers.iter().map(header).collect(),
        body: response.body.into(),
    }
}

/// What a plugin is told of a request that came to nothing.
fn told(error: egress::Error) -> HostError {
    use egress::Error as E;
    let detail = error.to_string();
    match error {
        E::Url(_) | E::Request(_) => HostError::Invalid(detail),
        E::HostNotAllowed { .. }
        | E::AddressNotAllowed { .. }
        | E::NotEncrypted { .. }
        | E::Off => HostError::Denied(detail),
        E::TooLarge { .. } | E::TooManyRedirects { .. } => HostError::Limited(detail),
        E::NoAddress { .. }
        | E::Unreachable { .. }
        | E::NotTrusted { .. }
        | E::NotHttp { .. }
        | E::Busy
        | E::Timeout => HostError::Unavailable(detail),
    }
}
