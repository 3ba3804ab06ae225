//! From a host's name to its addresses: once for each request, all of them looked at.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::lookup_host;
use url::Host;

use super::{Client, Error, Slot, Target};
use crate::address::{Reach, destination, is_public};

/// From a name to all its addresses.
pub type Find = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// Finds addresses of names.
#[derive(Clone, Default)]
pub enum Resolver {
    /// The system's own.
    #[default]
    System,
    /// A function, which may answer differently each time it is asked.
    Fixed(Arc<Find>),
}

impl Resolver {
    async fn find(&self, name: &str, port: u16, slot: &Slot) -> Vec<IpAddr> {
        match self {
            Resolver::Fixed(find) => find(name),
            Resolver::System => {
                let (name, slot) = (name.to_owned(), slot.clone());
                // The system's resolver takes a thread and its own time, and can't be stopped: the
                // place among the requests is taken until it is done.
                let asked = tokio::spawn(async move {
                    let _slot = slot;
                    let found = lookup_host((name, port)).await;
                    found.map(|found| found.map(|address| address.ip()).collect())
                });
                asked.await.ok().and_then(Result::ok).unwrap_or_default()
            }
        }
    }
}

impl Client {
    /// The addresses of a target, each of which may be connected to.
    pub(super) async fn resolve(
        &self,
        target: &Target,
        reach: Reach,
        slot: &Slot,
    ) -> Result<Vec<SocketAddr>, Error> {
        let port = target.port();
        let found = match target.host() {
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
            Host::Domain(name) => self.resolver.find(name, port, slot).await,
        };
        if found.is_empty() {
            let host = target.authority();
            return Err(Error::NoAddress { host });
        }
        // One that may not be asked spoils the rest: nobody honest has such a mix.
        for address in &found {
            self.check_address(target, reach, *address)?;
        }
        Ok(found
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect())
    }

    fn check_address(&self, target: &Target, reach: Reach, address: IpAddr) -> Result<(), Error> {
        let reached = destination(address);
        let host = || target.authority();
        // What the operator opened is for those who name it, not for whoever may go anywhere.
        let is_opened =
            || reach == Reach::Named && self.settings.allowed_networks.contains(reached);
        if !is_public(address) && !is_opened() {
            return Err(Error::AddressNotAllowed { host: host() });
        }
        if !target.is_encrypted() && !self.settings.plain_http_networks.contains(reached) {
            return Err(Error::NotEncrypted { host: host() });
        }
        Ok(())
    }
}
