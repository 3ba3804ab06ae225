//! Which addresses are somebody's on the internet, and which lead into this machine, its network or
//! nowhere. For requests that the host makes on behalf of others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{Ipv4Net, Ipv6Net};

/// IPv4 networks that are nobody's on the internet: the registry of special purposes, and the one
/// address outside it behind which a cloud keeps its own services.
static NOT_PUBLIC_V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    networks([
        "0.0.0.0/8",        // this network; 0.0.0.0 reaches this machine
        "10.0.0.0/8",       // private
        "100.64.0.0/10",    // behind a provider's NAT; a cloud's metadata
        "127.0.0.0/8",      // this machine
        "168.63.129.16/32", // a cloud's services for its machines
        "169.254.0.0/16",   // link-local; clouds' metadata
        "172.16.0.0/12",    // private
        "192.0.0.0/24",     // protocol assignments; a cloud's metadata
        "192.0.2.0/24",     // documentation
        "192.31.196.0/24",  // AS112
        "192.52.193.0/24",  // multicast tunnels
        "192.88.99.0/24",   // relays of 6to4
        "192.168.0.0/16",   // private
        "192.175.48.0/24",  // AS112
        "198.18.0.0/15",    // benchmarks
        "198.51.100.0/24",  // documentation
        "203.0.113.0/24",   // documentation
        "224.0.0.0/4",      // multicast
        "240.0.0.0/4",      // reserved, broadcast
    ])
});

/// All that is given out to anybody is in here …
static GLOBAL_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| networks(["2000::/3"]));

/// … and this is in there, but leads elsewhere.
static NOT_PUBLIC_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| {
    networks([
        "2001::/23",         // protocol assignments; Teredo, which holds an IPv4 address
        "2001:db8::/32",     // documentation
        "2002::/16",         // 6to4, which holds an IPv4 address
        "2620:4f:8000::/48", // AS112
        "3fff::/20",         // documentation
    ])
});

fn networks<N: std::str::FromStr, const COUNT: usize>(texts: [&str; COUNT]) -> Vec<N> {
    let parsed: Option<Vec<N>> = texts.iter().map(|text| text.parse().ok()).collect();
    parsed.expect("networks in CIDR notation")
}

/// The address that packets to this one arrive at: IPv4 for IPv4-mapped addresses and for those of
/// the well-known NAT64 prefix, by which hosts without IPv4 reach it.
pub fn destination(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => match six.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                Ipv4Addr::new(a, b, c, d).into()
            }
            _ => six.into(),
        },
        four => four,
    }
}

/// Whether an address is somebody's on the internet. False for this machine, private networks,
/// link-local addresses, multicast, what is reserved, and for IPv6 addresses that stand for an IPv4
/// address in ways that nobody needs any more.
pub fn is_public(address: IpAddr) -> bool {
    match destination(address) {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_in = |networks: &[Ipv6Net]| networks.iter().any(|net| net.contains(&address));
    is_in(&GLOBAL_V6) && !is_in(&NOT_PUBLIC_V6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn the_internet_is_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(public(text), "{text}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            // IPv4 in IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:7f00:1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "2002:7f00:1::",
            "2002:808:808::",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:0:7f00:1::",
            "fe80::5efe:127.0.0.1",
            "100::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    proptest! {
        /// What IPv6 makes of an IPv4 address is never more than that is.
        #[test]
        fn no_way_around_through_ipv6(bits: u32, tail: u64) {
            let four = Ipv4Addr::from(bits);
            let six = u128::from(bits);
            let ways: [u128; 7] = [
                six,                                        // compatible
                (0xffff << 32) | six,                       // mapped
                (0xffff << 48) | six,                       // translated
                (0x0064_ff9b << 96) | six,                  // NAT64
                (0x0064_ff9b_0001 << 80) | six,             // local NAT64
                (0x2002 << 112) | (six << 80) | u128::from(tail), // 6to4
                (0x2001 << 112) | (six << 64) | u128::from(tail), // Teredo
            ];
            for way in ways {
                let six = Ipv6Addr::from(way);
                prop_assert!(is_public(four.into()) || !is_public(six.into()), "{} {}", four, six);
            }
        }
    }
}
