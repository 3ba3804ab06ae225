//! Whoever makes requests: a user, an app's backend, a tenant's admin, the operator, a stranger.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, RwLock};

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use super::app::OTHERS;

/// The way to a host. Another process may take the host's place, at another address.
pub struct Link {
    address: RwLock<Option<SocketAddr>>,
    http: reqwest::Client,
}

impl Link {
    /// A way to nowhere yet.
    pub fn new() -> Arc<Self> {
        static TLS: OnceLock<()> = OnceLock::new();
        TLS.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(super::PATIENCE)
            .build()
            .expect("an HTTP client");
        Arc::new(Self {
            address: RwLock::new(None),
            http,
        })
    }

    /// The host is here now.
    pub fn set(&self, address: SocketAddr) {
        *self.address.write().expect("a lock") = Some(address);
    }

    /// Where the host is.
    pub fn address(&self) -> SocketAddr {
        self.address
            .read()
            .expect("a lock")
            .expect("a host that runs")
    }
}

/// Somebody who makes requests.
#[derive(Clone)]
pub struct Person {
    /// The user's id; empty for whoever is no user.
    pub id: String,
    pub(super) link: Arc<Link>,
    credential: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

impl Person {
    /// Somebody without a credential.
    pub fn stranger(link: &Arc<Link>) -> Self {
        Self {
            id: String::new(),
            link: link.clone(),
            credential: None,
            headers: Vec::new(),
        }
    }

    /// Somebody with this key or token.
    pub fn with_key(link: &Arc<Link>, credential: &str) -> Self {
        Self {
            credential: Some(credential.to_owned()),
            ..Self::stranger(link)
        }
    }

    /// Somebody who holds a credential that an answer gave.
    #[track_caller]
    pub fn holding(&self, credential: &Value) -> Self {
        Self::with_key(&self.link, credential.as_str().expect("a credential"))
    }

    /// The same under the id of a user.
    pub fn named(self, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..self
        }
    }

    /// The same with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            credential: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same, sending this header with everything.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut person = self.clone();
        person.headers.push((name.to_owned(), value.to_owned()));
        person
    }

    /// Where the host is.
    pub fn address(&self) -> SocketAddr {
        self.link.address()
    }

    /// The key or token.
    pub fn credential(&self) -> &str {
        self.credential.as_deref().unwrap_or_default()
    }

    pub async fn get(&self, path: impl AsRef<str>) -> Answer {
        self.request("GET", path.as_ref(), None).await
    }

    pub async fn post(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.request("POST", path.as_ref(), Some(body)).await
    }

    pub async fn put(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.request("PUT", path.as_ref(), Some(body)).await
    }

    pub async fn patch(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.request("PATCH", path.as_ref(), Some(body)).await
    }

    pub async fn delete(&self, path: impl AsRef<str>) -> Answer {
        self.request("DELETE", path.as_ref(), None).await
    }

    /// A request with a JSON body, or none.
    pub async fn request(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
        self.raw(method, path, body).await
    }

    /// A request with any body.
    pub async fn raw(&self, method: &str, path: &str, body: Option<(&str, Vec<u8>)>) -> Answer {
        let answer = self.try_raw(method, path, body).await;
        answer.expect("an answer from the host")
    }

    /// A post to a host that may end before it answers.
    pub async fn try_post(&self, path: &str, body: Value) -> Option<Answer> {
        let body = ("application/json", body.to_string().into_bytes());
        self.try_raw("POST", path, Some(body)).await.ok()
    }

    /// Uploads a component to a host that may end before it answers.
    pub async fn try_upload(&self, component: &[u8]) -> Option<Answer> {
        let body = ("application/wasm", component.to_vec());
        self.try_raw("POST", "/v1/plugins", Some(body)).await.ok()
    }

    /// A delete at a host that may end before it answers.
    pub async fn try_delete(&self, path: &str) -> Option<Answer> {
        self.try_raw("DELETE", path, None).await.ok()
    }

    async fn try_raw(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> reqwest::Result<Answer> {
        let method = method.parse().expect("a method");
        let url = format!("http://{}{path}", self.link.address());
        let mut request = self.link.http.request(method, url);
        if let Some(credential) = &self.credential {
            request = request.bearer_auth(credential);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((kind, body)) = body {
            request = request.header(CONTENT_TYPE, kind).body(body);
        }
        if path == "/v1/plugins" {
            // Interpreters take a while to compile.
            request = request.timeout(4 * super::PATIENCE);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        })
    }

    /// Uploads a component.
    pub async fn upload(&self, component: &[u8]) -> Answer {
        self.raw(
            "POST",
            "/v1/plugins",
            Some(("application/wasm", component.to_vec())),
        )
        .await
    }

    /// Sends a text and gives the message.
    pub async fn send(&self, channel: &str, text: &str) -> Value {
        self.post("/v1/messages", draft(channel, text))
            .await
            .is(201)
    }

    /// Types a slash command, such as `/remind list`.
    pub async fn types(&self, channel: &str, line: &str) -> Answer {
        let path = format!("/v1/channels/{channel}/commands");
        self.post(path, typed(line)).await
    }

    /// Presses a button of a message, or votes.
    pub async fn act(&self, message: &Value, action: &str, value: Value) -> Answer {
        let id = message["id"].as_str().expect("a message");
        let path = format!("/v1/messages/{id}/actions");
        self.post(path, json!({ "action": action, "value": value }))
            .await
    }

    /// The newest messages of a channel, old to new.
    pub async fn history(&self, channel: &str) -> Vec<Value> {
        let page = self
            .get(&format!("/v1/channels/{channel}/messages?limit=100"))
            .await
            .is(200);
        page["messages"].as_array().expect("messages").clone()
    }

    /// Everything in a channel's log after `since`.
    pub async fn events(&self, channel: &str, since: i64) -> Vec<Value> {
        let caught_up = self
            .get(&format!("/v1/channels/{channel}/events?since={since}"))
            .await
            .is(200);
        assert_eq!(caught_up["recovered"], true, "{caught_up}");
        caught_up["events"].as_array().expect("events").clone()
    }
}

/// A text message to be sent.
pub fn draft(channel: &str, text: &str) -> Value {
    json!({ "channel_id": channel, "type": "text", "data": text })
}

/// A line that begins with a slash, as the name of a command and what follows it.
pub fn typed(line: &str) -> Value {
    let line = line.strip_prefix('/').expect("a slash");
    let (name, text) = line.split_once(' ').unwrap_or((line, ""));
    json!({ "name": name, "text": text })
}

/// What the host answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as JSON; null if it is none.
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(
            !self.text.contains(OTHERS),
            "something of the other app shows: {}",
            self.text
        );
        self.body
    }

    /// The body as text, if the status is this one.
    #[track_caller]
    pub fn raw_is(self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        self.text
    }

    /// The problem, if the request was refused with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(
            self.body["request_id"],
            self.headers["x-request-id"].to_str().expect("text")
        );
        for field in ["type", "title", "detail"] {
            assert!(
                self.body[field]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "no `{field}`: {}",
                self.text
            );
        }
        assert!(self.body["retryable"].is_boolean(), "{}", self.text);
        assert!(
            !self.text.contains(OTHERS),
            "something of the other app shows: {}",
            self.text
        );
        self.body
    }

    /// The fields at fault, if the request was refused for its values.
    #[track_caller]
    pub fn invalid(self) -> Vec<String> {
        let problem = self.refused(422, "invalid");
        let faults = problem["errors"].as_array().cloned().unwrap_or_default();
        faults
            .iter()
            .map(|fault| fault["field"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
