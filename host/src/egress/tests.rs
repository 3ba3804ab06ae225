//! The way out against real servers on this machine, and against URLs that are not meant well.

mod limits;
mod places;
mod redirects;
mod server;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{Client, Error, Request, Resolver, Response, Target};
use crate::address::{Hosts, Networks};
use crate::admission::Holder;
use crate::config;
use crate::model::{AppId, OrgId};

const APP: Holder = Holder {
    org: OrgId(1),
    app: AppId(1),
};

/// Settings with which servers on this machine can be asked.
fn settings() -> config::Egress {
    let loopback = Networks::parse(["127.0.0.0/8"]).unwrap();
    config::Egress {
        allowed_networks: loopback.clone(),
        plain_http_networks: loopback,
        ca_file: Some(fixture("ca.pem")),
        timeout_ms: 10_000,
        ..config::Egress::for_testing()
    }
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/egress/fixtures")
        .join(name)
}

/// Every name is at this address. Counts how often it is asked.
fn at(address: &str) -> (Resolver, Arc<AtomicUsize>) {
    let address: IpAddr = address.parse().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let find = move |_: &str| {
        count.fetch_add(1, Ordering::Relaxed);
        vec![address]
    };
    (Resolver::Fixed(Arc::new(find)), asked)
}

/// A client for which every name is 127.0.0.1.
fn client(settings: &config::Egress) -> Client {
    Client::new(settings, 100, at("127.0.0.1").0).unwrap()
}

fn request(method: Method, url: &str) -> Request {
    Request {
        method,
        target: Target::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: Default::default(),
        timeout: None,
        body_start: None,
    }
}

fn with_header(mut request: Request, name: &'static str, value: &str) -> Request {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers.insert(HeaderName::from_static(name), value);
    request
}

/// A GET request to a host that is on the list.
async fn get(client: &Client, url: &str) -> Result<Response, Error> {
    let request = request(Method::GET, url);
    let hosts = Hosts::of(request.target.url());
    let sent = client.send(APP, &hosts, request);
    let long = std::time::Duration::from_secs(15);
    let ended = tokio::time::timeout(long, sent).await;
    ended.unwrap_or_else(|_| panic!("{url} takes longer than any limit"))
}

/// The code of the error.
async fn refused(client: &Client, url: &str) -> &'static str {
    match get(client, url).await {
        Ok(response) => panic!("{url} was answered: {}", response.status),
        Err(error) => error.code(),
    }
}
