//! TLS to the outside: who answers must show, by a certificate that the system or the operator
//! trusts, that it is the host that was asked for.

use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use url::Host;

/// The authorities that this system trusts. Read at the first request, for most hosts send none.
static SYSTEM: LazyLock<Vec<CertificateDer<'static>>> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        tracing::warn!("this system has no certificate authorities: no host can be trusted");
    }
    found.certs
});

pub(super) struct Tls {
    /// The operator's own authorities.
    own: Vec<CertificateDer<'static>>,
    connector: OnceLock<TlsConnector>,
}

impl Tls {
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let own = ca_file.map(read).transpose()?.unwrap_or_default();
        Ok(Self {
            own,
            connector: OnceLock::new(),
        })
    }

    pub(super) fn connector(&self) -> &TlsConnector {
        self.connector.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(SYSTEM.iter().chain(&self.own).cloned());
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("ring has what these versions need")
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            // What one app's request leaves behind is not for another's.
            config.resumption = Resumption::disabled();
            TlsConnector::from(Arc::new(config))
        })
    }
}

/// The name that a certificate must be for; `None` if none can be.
pub(super) fn name(host: &Host<&str>) -> Option<ServerName<'static>> {
    match host {
        Host::Domain(name) => ServerName::try_from((*name).to_owned()).ok(),
        Host::Ipv4(address) => Some(ServerName::from(std::net::IpAddr::V4(*address))),
        Host::Ipv6(address) => Some(ServerName::from(std::net::IpAddr::V6(*address))),
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates =
        certificates.map_err(|error| format!("egress.ca_file: {shown}: can't be read: {error}"))?;
    // What can't be an authority would only be found out when a host that it stands for is asked.
    let mut roots = RootCertStore::empty();
    let faulty = certificates
        .iter()
        .any(|certificate| roots.add(certificate.clone()).is_err());
    if certificates.is_empty() || faulty {
        return Err(format!(
            "egress.ca_file: {shown}: expected certificates in PEM (`BEGIN CERTIFICATE`)"
        ));
    }
    Ok(certificates)
}
