//! Connections to addresses that were looked at.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::{Client, Error, Slot, Target, tls};
use crate::address::Reach;

/// How many addresses of a host are tried.
const ADDRESSES_TRIED_MAX: usize = 4;

impl Client {
    /// A connection to the target, before TLS.
    pub(super) async fn connect(
        &self,
        target: &Target,
        reach: Reach,
        slot: &Slot,
    ) -> Result<TcpStream, Error> {
        let mut addresses = self.resolve(target, reach, slot).await?;
        addresses.truncate(ADDRESSES_TRIED_MAX);
        let all = Duration::from_millis(self.settings.connect_timeout_ms);
        // One that is silent must not take the time of the others.
        let each = all / u32::try_from(addresses.len()).unwrap_or(1).max(1);
        for address in addresses {
            if let Some(stream) = self.dial(address, each).await {
                return Ok(stream);
            }
        }
        let host = target.authority();
        Err(Error::Unreachable { host })
    }

    async fn dial(&self, address: SocketAddr, time: Duration) -> Option<TcpStream> {
        let stream = timeout(time, TcpStream::connect(address))
            .await
            .ok()?
            .ok()?;
        // The request goes out in one piece; a failure here only makes it slower.
        let _ = stream.set_nodelay(true);
        Some(stream)
    }

    /// The same connection under TLS, with whoever shows to be the target.
    pub(super) async fn encrypt(
        &self,
        target: &Target,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let host = || target.authority();
        let Some(name) = tls::name(&target.host()) else {
            let reason = "no certificate can be for this name".into();
            return Err(Error::NotTrusted {
                host: host(),
                reason,
            });
        };
        let time = Duration::from_millis(self.settings.connect_timeout_ms);
        let agreed = timeout(time, self.tls.connector().connect(name, stream)).await;
        match agreed {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Error::NotTrusted {
                host: host(),
                reason: error.to_string(),
            }),
            Err(_) => Err(Error::Unreachable { host: host() }),
        }
    }
}
