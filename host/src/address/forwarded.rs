//! The client's address behind proxies, from `X-Forwarded-For`.
//!
//! The header is a list that every proxy appends to, and everything left of the entries of our own
//! proxies is whatever the client wrote. So it is read from the right, and only as long as the hop
//! that wrote an entry is trusted.
//!
//! A request that says that somebody passed it on, and comes from a peer that is no trusted proxy, is
//! from anywhere: taking the peer's own address would lend it to whoever is behind that peer.

use std::net::{IpAddr, SocketAddr};

use super::Networks;

/// The most hops that are read; more is no honest request.
pub const FORWARDED_HOPS_MAX: usize = 50;

/// The headers by which proxies say that a request is somebody else's.
pub const FORWARDING_HEADERS: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

/// Why the client's address can't be told. Answers 400: taking the proxy's own address instead
/// would let a client borrow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedError {
    /// The hop before a trusted proxy is no address.
    #[error("X-Forwarded-For names no address where the client's should be")]
    Malformed,
    /// More than `FORWARDED_HOPS_MAX`.
    #[error("X-Forwarded-For has more than {FORWARDED_HOPS_MAX} hops")]
    TooManyHops,
}

impl ForwardedError {
    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        match self {
            ForwardedError::Malformed => "forwarded_for_invalid",
            ForwardedError::TooManyHops => "forwarded_for_too_long",
        }
    }
}

/// The address of the client: the peer itself, unless it is one of the `trusted` proxies; then the
/// rightmost hop that isn't. `headers` are the values of all `X-Forwarded-For` headers in order;
/// `is_forwarded` tells whether any of the `FORWARDING_HEADERS` is there. `None` is an address that
/// nobody knows.
pub fn client_address<'a>(
    peer: IpAddr,
    headers: impl IntoIterator<Item = &'a [u8]>,
    is_forwarded: bool,
    trusted: &Networks,
) -> Result<Option<IpAddr>, ForwardedError> {
    let mut address = peer.to_canonical();
    if !trusted.contains(address) {
        return Ok((!is_forwarded).then_some(address));
    }
    // A proxy may append to the last header or add one of its own: both are one list.
    let hops: Vec<&[u8]> = headers
        .into_iter()
        .flat_map(|value| value.split(|byte| *byte == b','))
        .take(FORWARDED_HOPS_MAX + 1)
        .collect();
    if hops.len() > FORWARDED_HOPS_MAX {
        return Err(ForwardedError::TooManyHops);
    }
    if hops.is_empty() && is_forwarded {
        return Ok(None);
    }
    for hop in hops.into_iter().rev() {
        address = read_hop(hop).ok_or(ForwardedError::Malformed)?;
        if !trusted.contains(address) {
            break;
        }
    }
    Ok(Some(address))
}

/// `10.0.0.1`, `10.0.0.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`. Zones are
/// refused: they mean something on the machine that wrote them only.
fn read_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    if text.contains('%') {
        return None;
    }
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match bracketed {
        Some(inside) => IpAddr::V6(inside.parse().ok()?),
        None => match text.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
        },
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trusted() -> Networks {
        Networks::parse(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]).unwrap()
    }

    fn client(peer: &str, headers: &[&str]) -> Result<String, ForwardedError> {
        let hops = headers.iter().map(|header| header.as_bytes());
        let found = client_address(peer.parse().unwrap(), hops, !headers.is_empty(), &trusted());
        found.map(|ip| ip.map_or("nobody knows".into(), |ip| ip.to_string()))
    }

    fn is(address: &str) -> Result<String, ForwardedError> {
        Ok(address.to_owned())
    }

    #[test]
    fn an_untrusted_peer_is_the_client_unless_it_passes_something_on() {
        for peer in ["203.0.113.9", "::ffff:203.0.113.9"] {
            assert_eq!(client(peer, &[]), is("203.0.113.9"));
            let hops = vec!["1.1.1.1"; 1000].join(",");
            for claimed in ["127.0.0.1", "203.0.113.9", "rubbish", "", &hops] {
                assert_eq!(client(peer, &[claimed]), is("nobody knows"), "{claimed}");
            }
        }
    }

    #[test]
    fn what_a_trusted_proxy_says_in_other_words_is_not_understood() {
        let found = client_address("127.0.0.1".parse().unwrap(), [], true, &trusted());
        assert_eq!(found, Ok(None));
    }

    #[test]
    fn behind_a_proxy_the_rightmost_untrusted_hop_is_the_client() {
        assert_eq!(client("127.0.0.1", &["203.0.113.9"]), is("203.0.113.9"));
        assert_eq!(
            client("127.0.0.1", &["198.51.100.1, 203.0.113.9"]),
            is("203.0.113.9")
        );
        assert_eq!(
            client("127.0.0.1", &["127.0.0.1, 203.0.113.9"]),
            is("203.0.113.9")
        );
        assert_eq!(
            client("127.0.0.1", &["6.6.6.6, 203.0.113.9, 10.1.2.3"]),
            is("203.0.113.9")
        );
        assert_eq!(
            client("::ffff:127.0.0.1", &["203.0.113.9"]),
            is("203.0.113.9")
        );
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(
            client("127.0.0.1", &["10.0.0.1", "203.0.113.9"]),
            is("203.0.113.9")
        );
        assert_eq!(
            client("127.0.0.1", &["6.6.6.6", "203.0.113.9", "10.0.0.7"]),
            is("203.0.113.9")
        );
        assert_eq!(
            client("127.0.0.1", &["203.0.113.9, 10.0.0.7", "10.0.0.8"]),
            is("203.0.113.9")
        );
    }

    #[test]
    fn when_all_hops_are_ours_the_first_is_the_client() {
        assert_eq!(client("127.0.0.1", &["10.0.0.9, 10.0.0.7"]), is("10.0.0.9"));
        assert_eq!(client("127.0.0.1", &[]), is("127.0.0.1"));
    }

    #[test]
    fn all_ways_to_write_an_address_are_read() {
        for (hop, address) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("[::ffff:cb00:7109]:1", "203.0.113.9"),
            (" \t203.0.113.9\t ", "203.0.113.9"),
            ("[fd00::1]:80", "fd00::1"),
        ] {
            assert_eq!(client("127.0.0.1", &[hop]), is(address), "{hop}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_where_it_counts() {
        for hop in [
            "unknown",
            "_hidden",
            "",
            " ",
            "localhost",
            "010.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.4:99999",
            "fe80::1%eth0",
            "[fe80::1%1]:80",
            "[fe80::1%25eth0]",
            "[1.2.3.4]",
            "[::1",
            "::1]",
            "\"1.2.3.4\"",
            "for=1.2.3.4",
            "203.0.113.9;",
            "１.2.3.4",
            "2130706433",
        ] {
            assert_eq!(
                client("127.0.0.1", &[hop]),
                Err(ForwardedError::Malformed),
                "{hop}"
            );
            let behind = format!("{hop}, 203.0.113.9");
            assert_eq!(client("127.0.0.1", &[&behind]), is("203.0.113.9"), "{hop}");
        }
    }

    #[test]
    fn a_thousand_hops_are_refused() {
        let many = |count| vec!["10.0.0.1"; count].join(",");
        assert_eq!(client("127.0.0.1", &[&many(50)]), is("10.0.0.1"));
        assert_eq!(
            client("127.0.0.1", &[&many(51)]),
            Err(ForwardedError::TooManyHops)
        );
        assert_eq!(
            client("127.0.0.1", &[&many(1000)]),
            Err(ForwardedError::TooManyHops)
        );
        assert_eq!(ForwardedError::TooManyHops.code(), "forwarded_for_too_long");
    }

    proptest! {
        /// What a client writes to the left of what the proxy saw changes nothing.
        #[test]
        fn forged_hops_change_nothing(forged in "[ -~]{0,60}") {
            prop_assume!(forged.matches(',').count() < FORWARDED_HOPS_MAX - 1);
            let header = format!("{forged}, 203.0.113.9");
            prop_assert_eq!(client("127.0.0.1", &[&header]), is("203.0.113.9"));
            prop_assert_eq!(client("127.0.0.1", &[&forged, "203.0.113.9"]), is("203.0.113.9"));
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let trusted = Networks::loopback();
            let _ = client_address("127.0.0.1".parse().unwrap(), [&bytes[..]], true, &trusted);
        }
    }
}
