//! Lists of networks in CIDR notation, for allow-lists and trusted proxies.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// The most networks one list may have.
pub const NETWORKS_MAX: usize = 100;

/// Why a text is no network. The texts repeat what was written, cut to 60 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The part before the slash is no IP address.
    #[error("`{0}` is not a network: expected an address such as 10.0.0.1 or 2001:db8::/32")]
    Address(String),
    /// The number after the slash does not fit.
    #[error("`{text}` is not a network: the number after the slash must be 0 to {max}")]
    Prefix {
        /// What was written.
        text: String,
        /// The most for this kind of address.
        max: u8,
    },
    /// The address says more than the prefix covers: one of the two is not what was meant.
    #[error("`{text}` has bits set beyond its prefix: write `{network}`, or the address alone")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that it is part of.
        network: IpNet,
    },
    /// More than `NETWORKS_MAX`.
    #[error("a list has at most {NETWORKS_MAX} networks")]
    TooMany,
}

impl NetworkError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            NetworkError::Address(_) => "network_invalid",
            NetworkError::Prefix { .. } => "network_prefix_invalid",
            NetworkError::HostBits { .. } => "network_host_bits",
            NetworkError::TooMany => "networks_too_many",
        }
    }
}

/// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address. Networks of IPv4-mapped addresses
/// become IPv4 networks.
pub fn parse_network(text: &str) -> Result<IpNet, NetworkError> {
    let shown = || text.chars().take(60).collect::<String>();
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address
        .parse()
        .map_err(|_| NetworkError::Address(shown()))?;
    let max = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => max,
        Some(digits) => {
            read_prefix(digits, max).ok_or_else(|| NetworkError::Prefix { text: shown(), max })?
        }
    };
    let written =
        IpNet::new(address, prefix).map_err(|_| NetworkError::Prefix { text: shown(), max })?;
    if written.addr() != written.network() {
        return Err(NetworkError::HostBits {
            text: shown(),
            network: written.trunc(),
        });
    }
    Ok(canonical(written))
}

/// Digits alone: no sign, no leading zero, at most `max`.
fn read_prefix(digits: &str, max: u8) -> Option<u8> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'));
    let prefix: u8 = plain.then(|| digits.parse().ok())??;
    (prefix <= max).then_some(prefix)
}

/// Clients over IPv4-mapped addresses are compared as IPv4, so their networks must be too.
fn canonical(network: IpNet) -> IpNet {
    let mapped = match (
        network.addr().to_canonical(),
        network.prefix_len().checked_sub(96),
    ) {
        (IpAddr::V4(address), Some(prefix)) if network.max_prefix_len() == 128 => {
            IpNet::new(address.into(), prefix).ok()
        }
        _ => None,
    };
    mapped.unwrap_or(network)
}

/// A list of networks. An empty one contains nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads a list, or says what is wrong with its first wrong entry.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, NetworkError> {
        let mut networks = Vec::new();
        for text in texts {
            if networks.len() == NETWORKS_MAX {
                return Err(NetworkError::TooMany);
            }
            networks.push(parse_network(text.as_ref())?);
        }
        Ok(Self(networks))
    }

    /// The host itself: `127.0.0.0/8` and `::1`. What a new app allows.
    pub fn loopback() -> Self {
        let four = IpNet::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8);
        let six = IpNet::new(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), 128);
        Self([four, six].into_iter().flatten().collect())
    }

    /// Whether `address` is in one of the networks. An IPv6 network, even `::/0`, contains no
    /// IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether some entry lets in every IPv4 or every IPv6 address: worth a second question.
    pub fn has_everyone(&self) -> bool {
        self.0.iter().any(|network| network.prefix_len() == 0)
    }

    /// The networks, in the order they were written.
    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What one customer of a provider has: an IPv4 address, or the /64 around an IPv6 address. For counting those who
/// have shown no credential.
pub fn of_one_customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(texts: &[&str]) -> Networks {
        Networks::parse(texts).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn it_contains_what_it_should() {
        let networks = list(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]);
        for inside in [
            "10.255.0.1",
            "192.0.2.7",
            "2001:db8:1::5",
            "::1",
            "::ffff:10.1.1.1",
        ] {
            assert!(networks.contains(ip(inside)), "{inside}");
        }
        for outside in [
            "11.0.0.1",
            "192.0.2.8",
            "2001:db9::",
            "::2",
            "::ffff:11.0.0.1",
            "::",
        ] {
            assert!(!networks.contains(ip(outside)), "{outside}");
        }
    }

    #[test]
    fn an_empty_list_denies() {
        assert!(!list(&[]).contains(ip("127.0.0.1")));
        assert!(!Networks::default().contains(ip("::1")));
        assert!(list(&[]).is_empty());
    }

    #[test]
    fn mapped_networks_are_ipv4_networks() {
        assert_eq!(list(&["::ffff:10.0.0.0/104"]), list(&["10.0.0.0/8"]));
        assert_eq!(list(&["::ffff:192.0.2.7"]), list(&["192.0.2.7/32"]));
        assert_eq!(list(&["::ffff:0:0/96"]), list(&["0.0.0.0/0"]));
    }

    #[test]
    fn everyone_is_noticed_and_families_stay_apart() {
        assert!(list(&["10.0.0.0/8", "0.0.0.0/0"]).has_everyone());
        assert!(list(&["::/0"]).has_everyone());
        assert!(!list(&["0.0.0.0/1", "10.0.0.0/8"]).has_everyone());
        assert!(list(&["0.0.0.0/0"]).contains(ip("::ffff:8.8.8.8")));
        assert!(!list(&["0.0.0.0/0"]).contains(ip("2001:db8::1")));
        assert!(!list(&["::/0"]).contains(ip("8.8.8.8")));
    }

    #[test]
    fn loopback_is_loopback() {
        let loopback = Networks::loopback();
        assert_eq!(loopback, list(&["127.0.0.0/8", "::1"]));
        assert!(loopback.contains(ip("127.9.9.9")) && loopback.contains(ip("::ffff:127.0.0.1")));
        assert!(!loopback.contains(ip("10.0.0.1")));
    }

    #[test]
    fn each_fault_is_named() {
        let cases = [
            ("10.0.0.0/33", "network_prefix_invalid", "must be 0 to 32"),
            (
                "2001:db8::/129",
                "network_prefix_invalid",
                "must be 0 to 128",
            ),
            ("10.0.0.0/", "network_prefix_invalid", "must be 0 to 32"),
            ("10.0.0.0/+8", "network_prefix_invalid", "must be 0 to 32"),
            ("10.0.0.0/08", "network_prefix_invalid", "must be 0 to 32"),
            ("10.0.0.0/256", "network_prefix_invalid", "must be 0 to 32"),
            ("10.0.0.0/8/8", "network_prefix_invalid", "must be 0 to 32"),
            ("10.0.0.1/8", "network_host_bits", "write `10.0.0.0/8`"),
            (
                "2001:db8::1/64",
                "network_host_bits",
                "write `2001:db8::/64`",
            ),
            (
                "::ffff:10.0.0.1/104",
                "network_host_bits",
                "bits set beyond its prefix",
            ),
            ("10.0.0", "network_invalid", "not a network"),
            ("010.0.0.1", "network_invalid", "not a network"),
            ("10.0.0.*", "network_invalid", "not a network"),
            ("example.com", "network_invalid", "not a network"),
            ("fe80::1%eth0", "network_invalid", "not a network"),
            ("[::1]", "network_invalid", "not a network"),
            (" 10.0.0.1", "network_invalid", "not a network"),
            ("", "network_invalid", "not a network"),
            ("/8", "network_invalid", "not a network"),
        ];
        for (text, code, words) in cases {
            let error = parse_network(text).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
        let long = "9".repeat(10_000);
        assert!(parse_network(&long).unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn a_list_has_an_end() {
        let texts = vec!["10.0.0.0/8"; NETWORKS_MAX];
        assert_eq!(
            Networks::parse(&texts).unwrap().iter().count(),
            NETWORKS_MAX
        );
        let texts = vec!["10.0.0.0/8"; NETWORKS_MAX + 1];
        assert_eq!(Networks::parse(&texts), Err(NetworkError::TooMany));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,50}") {
            let _ = parse_network(&text);
        }

        #[test]
        fn a_network_contains_its_ends_and_is_read_back(bits: u32, prefix in 0u8..=32) {
            let network = IpNet::new(Ipv4Addr::from(bits).into(), prefix).unwrap().trunc();
            let list = Networks::parse([network.to_string()]).unwrap();
            prop_assert!(list.contains(network.network()) && list.contains(network.broadcast()));
            prop_assert!(list.contains(Ipv4Addr::from(bits).to_ipv6_mapped().into()));
        }
    }
}
