//! What an install may reach outside, and the secrets that it may take there. The secrets are kept
//! sealed, each with the hosts that it was entered for: a later version of the plugin that wants to
//! take it elsewhere has to be given it anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::{HostRule, Hosts};
use crate::admission::Holder;
use crate::app::App;
use crate::egress::{self, Target};
use crate::error::{Error, FieldFault, Result};
use crate::model::AppId;
use crate::plugins::{
    Answer, HostError, HttpHeaderValue, HttpRequest, HttpResponse, HttpSecret, Incoming, Manifest,
    Permission, host_setting,
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

impl<'a> Whose<'a> {
    fn of(holder: Holder, plugin: &'a str) -> Self {
        let app = holder.app;
        Self { app, plugin }
    }

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
        config: &Value,
        given: BTreeMap<String, Option<Secret<String>>>,
    ) -> Result<()> {
        self.0.retain(|name, secret| {
            let to = goes_to(manifest, name);
            let now = named(to, config);
            let still = || secret.hosts.iter().any(|host| now.contains(host));
            // Entered for a host that the tenant has left, it is of no use and need not be kept.
            let follows = to.iter().all(|host| host_setting(host).is_some());
            manifest.secrets().any(|secret| secret == name) && (!follows || still())
        });
        for (name, secret) in given {
            let Some(secret) = secret else {
                self.0.remove(&name);
                continue;
            };
            let hosts = named(goes_to(manifest, &name), config);
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

    /// As they were kept with another version, JSON text, but those of `changed` as they are in
    /// `newer`: entered anew, or cleared. One that was entered for other hosts is another secret.
    pub fn renewed(kept: &str, newer: &str, changed: &[String]) -> Result<String> {
        let (mut kept, mut newer) = (Self::stored(kept)?, Self::stored(newer)?);
        for name in changed {
            let old = kept.0.remove(name);
            let new = newer.0.remove(name);
            let apart = |old: &SealedSecret, new: &SealedSecret| {
                old.hosts.iter().all(|host| !new.hosts.contains(host))
            };
            let secret = match (old, new) {
                (Some(old), Some(new)) if apart(&old, &new) => Some(old),
                (_, new) => new,
            };
            if let Some(secret) = secret {
                kept.0.insert(name.clone(), secret);
            }
        }
        kept.to_json()
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

/// The hosts of a list, those that settings name among them.
fn named(hosts: &[String], config: &Value) -> Vec<String> {
    let named = hosts.iter().filter_map(|host| match host_setting(host) {
        Some(setting) => host_in(setting, config).ok().flatten(),
        None => Some(host.clone()),
    });
    named.collect()
}

/// The host of the URL in a setting; none while it is empty.
fn host_in(setting: &str, config: &Value) -> Result<Option<String>, String> {
    let text = config.get(setting).and_then(Value::as_str);
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let target = Target::parse(text).map_err(|error| match error {
        egress::Error::Url(detail) => detail.to_owned(),
        error => error.to_string(),
    })?;
    let host = target.authority();
    let rule = host.parse::<HostRule>();
    rule.map(|_| Some(host)).map_err(|error| error.to_string())
}

/// Refuses settings that name a host, and from which none can be read.
pub(super) fn check(manifest: &Manifest, config: &Value) -> Result<()> {
    let asked = manifest.request(Permission::Http);
    let hosts = asked.map_or(&[][..], |asked| &asked.hosts);
    let settings = hosts.iter().filter_map(|host| host_setting(host));
    let fault = |setting: &str| {
        let message = host_in(setting, config).err()?;
        let field = format!("config.{setting}");
        Some(FieldFault { field, message })
    };
    let faults: Vec<_> = settings.filter_map(fault).collect();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::invalid_fields(faults)),
    }
}

/// The hosts that these grants let an install reach with these settings.
pub(super) fn reached(grants: &[String], config: &Value) -> Vec<String> {
    let granted = grants
        .iter()
        .filter_map(|grant| grant.strip_prefix(HOST_GRANT));
    let granted: Vec<String> = granted.map(str::to_owned).collect();
    named(&granted, config)
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
    /// What these grants, settings and secrets open to a plugin.
    pub fn new(
        grants: &[String],
        config: &Value,
        sealed: Sealed,
        manifest: &Manifest,
    ) -> Result<Self> {
        let hosts = reached(grants, config);
        let mut secrets = BTreeMap::new();
        for (name, secret) in &sealed.0 {
            let still = named(goes_to(manifest, name), config);
            let hosts = secret.hosts.iter().filter(|host| still.contains(host));
            secrets.insert(name.clone(), Hosts::parse(hosts).map_err(Error::internal)?);
        }
        Ok(Self {
            hosts: Hosts::parse_wide(&hosts).map_err(Error::internal)?,
            sealed,
            secrets,
        })
    }

    /// Sends a request of the plugin, with its secrets in it, from a place of `holder`.
    pub async fn send(
        &self,
        app: &App,
        holder: Holder,
        plugin: &str,
        request: HttpRequest,
    ) -> Result<HttpResponse, HostError> {
        let request = self.written(app, Whose::of(holder, plugin), request)?;
        let sent = app.egress.send(holder, &self.hosts, request).await;
        app.metrics.plugin_http_request(outcome(&sent));
        sent.map(out).map_err(told)
    }

    /// The same for an answer that is read as it comes, until `until` at the latest.
    pub async fn open(
        &self,
        app: &App,
        holder: Holder,
        plugin: &str,
        request: HttpRequest,
        until: Option<Instant>,
    ) -> Result<Box<dyn Incoming>, HostError> {
        let request = self.written(app, Whose::of(holder, plugin), request)?;
        let opened = app.egress.open(holder, &self.hosts, request, until).await;
        app.metrics.plugin_http_request(outcome(&opened));
        let stream = opened.map_err(told)?;
        Ok(Box::new(Stream(stream)))
    }

    /// The request as it is sent.
    fn written(
        &self,
        app: &App,
        whose: Whose<'_>,
        request: HttpRequest,
    ) -> Result<egress::Request, HostError> {
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
        Ok(egress::Request {
            method: method.map_err(|_| invalid("the method is not valid"))?,
            target,
            headers,
            body: request.body.into(),
            timeout,
            body_start: request.body_start.map(|bytes| bytes as usize),
        })
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

fn outcome<T>(sent: &Result<T, egress::Error>) -> &'static str {
    sent.as_ref()
        .map_or_else(egress::Error::code, |_| "answered")
}

fn out(response: egress::Response) -> HttpResponse {
    HttpResponse {
        url: response.url.into(),
        status: response.status.as_u16(),
        headers: headers_out(&response.headers),
        body: response.body.into(),
    }
}

fn headers_out(headers: &HeaderMap) -> Vec<(String, String)> {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    headers.iter().map(header).collect()
}

/// An answer as a plugin reads it.
struct Stream(egress::Incoming);

impl Incoming for Stream {
    fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    fn headers(&self) -> Vec<(String, String)> {
        headers_out(self.0.headers())
    }

    fn read(&mut self, wait: Duration, gather: Duration) -> Answer<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            let read = self.0.read(wait, gather).await.map_err(told)?;
            Ok(read.map(Vec::from))
        })
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
