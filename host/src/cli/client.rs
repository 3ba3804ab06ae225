//! The way to a host: its address, the key, one request at a time, and what its answers mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::{Method, Url, redirect, tls};
use serde_json::Value;

use super::failure::{Failure, Problem};
use super::screen::Screen;
use crate::secrets::{self, Credential, Secret};

/// The variable with the key.
pub const KEY_VARIABLE: &str = "ALTHING_KEY";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A component is compiled while its upload waits.
const TIMEOUT: Duration = Duration::from_secs(120);
/// More than any answer of the API; it bounds what a wrong address may send.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Which host, and with which key.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// The host's address
    #[arg(
        long,
        value_name = "URL",
        env = "ALTHING_URL",
        default_value = "http://127.0.0.1:7600",
        hide_env_values = true
    )]
    pub url: String,
    /// A file with the key; without it the variable ALTHING_KEY is taken
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// A host that can be asked.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    key: Secret<String>,
}

/// What a request carries.
pub enum Body {
    Empty,
    Json(Value),
    Component(Vec<u8>),
}

impl Connection {
    /// Gets ready to ask the host. `kind` says in words which key the command takes. Sends nothing.
    pub fn open(&self, screen: &mut Screen<'_>, kind: &str) -> Result<Client, Failure> {
        let key = self.key(kind)?;
        let base = self.base()?;
        let loopback = is_loopback(&base);
        if base.scheme() == "http" && !loopback {
            screen.note(&format!(
                "warning: the key travels unencrypted to {base}; use https"
            ))?;
        }
        // Fails only if somebody was quicker, and then there is a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .min_tls_version(tls::Version::TLS_1_2)
            .user_agent(concat!("althing/", env!("CARGO_PKG_VERSION")));
        // A proxy for the outside must not see what stays on this machine.
        let http = if loopback { http.no_proxy() } else { http };
        let http = http
            .build()
            .map_err(|error| Failure::Other(format!("can't start the client: {error}")))?;
        Ok(Client { http, base, key })
    }

    fn key(&self, kind: &str) -> Result<Secret<String>, Failure> {
        let (key, origin) = match &self.key_file {
            Some(path) => {
                let key = secrets::load(path).map_err(|error| Failure::Usage(error.to_string()))?;
                let missing =
                    || Failure::Usage(format!("{}: there is no such key file", path.display()));
                (key.ok_or_else(missing)?, path.display().to_string())
            }
            None => match std::env::var(KEY_VARIABLE) {
                Ok(key) if !key.trim().is_empty() => {
                    (Secret::new(key.trim().to_owned()), KEY_VARIABLE.to_owned())
                }
                _ => {
                    let text = format!(
                        "a key is needed: {kind}, in the variable {KEY_VARIABLE} or with --key-file"
                    );
                    return Err(Failure::Usage(text));
                }
            },
        };
        Credential::parse(key.expose())
            .map_err(|error| Failure::Usage(format!("{origin}: {error}")))?;
        Ok(key)
    }

    fn base(&self) -> Result<Url, Failure> {
        let refuse = || {
            Failure::Usage("--url: expected an address such as https://chat.example.com, without user, query or `#`".into())
        };
        let url = Url::parse(&self.url).map_err(|_| refuse())?;
        let fits = matches!(url.scheme(), "http" | "https") && url.has_host();
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if fits && bare && url.fragment().is_none() {
            Ok(url)
        } else {
            Err(refuse())
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl Client {
    /// Reads something. `query` goes behind the path.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut url = self.address(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.ask(Method::GET, url, Body::Empty).await
    }

    /// Reads all pages of a list and gives one document, with what stands under `field` in one
    /// array.
    pub async fn get_all(&self, path: &[&str], field: &str) -> Result<Value, Failure> {
        let mut items = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let query: Vec<(&str, &str)> =
                next.iter().map(|next| ("next", next.as_str())).collect();
            let mut page = self.get(path, &query).await?;
            if let Some(Value::Array(more)) = page.get_mut(field).map(Value::take) {
                items.extend(more);
            }
            let before = next.take();
            next = page.get("next").and_then(Value::as_str).map(str::to_owned);
            // A cursor that comes again would go on for ever.
            if next.is_none() || next == before {
                return Ok(serde_json::json!({ field: items }));
            }
        }
    }

    /// Changes something.
    pub async fn send(&self, method: Method, path: &[&str], body: Body) -> Result<Value, Failure> {
        self.ask(method, self.address(path), body).await
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Only addresses without a host have no path, and those are refused.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    async fn ask(&self, method: Method, url: Url, body: Body) -> Result<Value, Failure> {
        let request = self
            .http
            .request(method, url)
            .bearer_auth(self.key.expose());
        let request = match body {
            Body::Empty => request,
            Body::Json(value) => request.json(&value),
            Body::Component(bytes) => request
                .header("Content-Type", "application/wasm")
                .body(bytes),
        };
        let mut answer = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(part) = answer
            .chunk()
            .await
            .map_err(|error| self.unreachable(&error))?
        {
            bytes.extend_from_slice(&part);
            if bytes.len() > ANSWER_BYTES_MAX {
                return Err(Failure::Other(format!(
                    "{} answered with too much",
                    self.base
                )));
            }
        }
        let value = serde_json::from_slice::<Value>(&bytes);
        match (status.is_success(), value) {
            (true, Ok(value)) => Ok(value),
            (true, Err(_)) if bytes.is_empty() => Ok(Value::Null),
            (false, Ok(value)) if value.get("code").is_some() => {
                let mut problem: Problem =
                    serde_json::from_value(value.clone()).unwrap_or_default();
                problem.whole = value;
                Err(Failure::Problem(Box::new(problem)))
            }
            _ => Err(Failure::Other(format!(
                "{} answered {status}, but not as an Althing host does; is --url right?",
                self.base
            ))),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        // The innermost error names the cause; the outer ones repeat the address.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let base = &self.base;
        let text = if error.is_timeout() {
            format!("{base} did not answer in time")
        } else if error.is_connect() {
            format!("can't reach {base}: {cause}. Does the host run, and is --url right?")
        } else {
            format!("{base}: {cause}")
        };
        Failure::Other(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(url: &str) -> Connection {
        Connection {
            url: url.into(),
            key_file: None,
        }
    }

    #[test]
    fn addresses_keep_their_path_and_names_stay_one_segment() {
        let client = |url: &str| Client {
            http: reqwest::Client::new(),
            base: connection(url).base().unwrap(),
            key: Secret::new(String::new()),
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = |url: &str, path: &[&str]| client(url).address(path).to_string();
        assert_eq!(address("http://h:1", &["plugins"]), "http://h:1/v1/plugins");
        assert_eq!(
            address("https://h/chat/", &["plugins", "a/b?c"]),
            "https://h/chat/v1/plugins/a%2Fb%3Fc"
        );
    }

    #[test]
    fn addresses_that_are_none_are_refused_without_being_repeated() {
        for bad in [
            "localhost:7600",
            "ftp://h",
            "http://user:hunter2@h",
            "http://h?x",
            "http://h#x",
            "",
        ] {
            let Err(Failure::Usage(text)) = connection(bad).base() else {
                panic!("{bad}")
            };
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        for (url, is) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://127.0.0.1.example.com", false),
            ("http://192.168.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), is, "{url}");
        }
    }
}
