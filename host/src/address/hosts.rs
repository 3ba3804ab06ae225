//! Lists of hosts on the internet that somebody may send requests to.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The most hosts one list may have.
pub const HOSTS_MAX: usize = 20;
const HOST_BYTES_MAX: usize = 253;

/// In a list, in place of a host: any name on the internet, at the port of the request's scheme and
/// at public addresses alone.
pub const ANYWHERE: &str = "*";

/// Why a text is no rule. All are the fault of whoever wrote the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not a name or address in the form in which it is compared.
    #[error(
        "expected a host such as api.example.com: lower case, xn--… for letters outside ASCII, \
         without scheme, path or dot at its end"
    )]
    Host,
    /// A port that is no number, or one that services other than HTTP have.
    #[error("the port must be 80, 443 or a number from 1024 to 65535")]
    Port,
    /// A `*` elsewhere, or directly under a top-level domain.
    #[error("`*` may stand for the leftmost label only, with two or more after it: *.example.com")]
    Wildcard,
    /// More than `HOSTS_MAX`.
    #[error("a list has at most {HOSTS_MAX} hosts")]
    TooMany,
}

impl HostError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            HostError::Host => "host_invalid",
            HostError::Port => "host_port_invalid",
            HostError::Wildcard => "host_wildcard_invalid",
            HostError::TooMany => "hosts_too_many",
        }
    }
}

/// Whether requests may go to this port at all. Below 1024 there are services that take a request
/// for something in a protocol of their own.
pub fn is_web_port(port: u16) -> bool {
    matches!(port, 80 | 443 | 1024..)
}

/// One host, or all with one more label on the left, at the port of the request's scheme or at one
/// port of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    host: Host<String>,
    wildcard: bool,
    port: Option<u16>,
}

impl FromStr for HostRule {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let (wildcard, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.contains('*') {
            return Err(HostError::Wildcard);
        }
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(read_port(port)?)),
            _ => (rest, None),
        };
        let host = read_host(name)?;
        if wildcard && !matches!(&host, Host::Domain(name) if name.contains('.')) {
            return Err(HostError::Wildcard);
        }
        Ok(Self {
            host,
            wildcard,
            port,
        })
    }
}

/// Only what the URL parser would make of it itself: a list that is read by people must not say one
/// thing and mean another.
fn read_host(text: &str) -> Result<Host<String>, HostError> {
    let host = Host::parse(text).map_err(|_| HostError::Host)?;
    let labels_fit = match &host {
        Host::Domain(name) => name.split('.').all(|label| !label.is_empty()),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    };
    if labels_fit && text.len() <= HOST_BYTES_MAX && host.to_string() == text {
        Ok(host)
    } else {
        Err(HostError::Host)
    }
}

fn read_port(digits: &str) -> Result<u16, HostError> {
    let port: u16 = digits.parse().map_err(|_| HostError::Port)?;
    if port.to_string() == digits && is_web_port(port) {
        Ok(port)
    } else {
        Err(HostError::Port)
    }
}

impl HostRule {
    /// Whether a request to `url` may be made. Without a port of its own the rule allows the
    /// scheme's own port alone.
    pub fn allows(&self, url: &Url) -> bool {
        let port_fits = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => url.port().is_none(),
        };
        let host_fits = match (url.host(), &self.host) {
            (Some(Host::Domain(name)), Host::Domain(end)) if self.wildcard => name
                .strip_suffix(end.as_str())
                .and_then(|label| label.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
            (Some(Host::Domain(name)), Host::Domain(own)) => name == own,
            (Some(Host::Ipv4(address)), Host::Ipv4(own)) => address == *own,
            (Some(Host::Ipv6(address)), Host::Ipv6(own)) => address == *own,
            _ => false,
        };
        port_fits && host_fits
    }
}

/// As it is written.
impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.wildcard { "*." } else { "" };
        write!(f, "{star}{}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// By what a list allows a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It names the host.
    Named,
    /// It has [`ANYWHERE`]. Addresses that are not public stay out of reach, also those that the
    /// operator allows to lists that name a host there.
    Anywhere,
}

/// The hosts that somebody may send requests to. An empty list allows none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    rules: Vec<HostRule>,
    anywhere: bool,
}

impl Hosts {
    /// Reads a list of hosts that are named, or says what is wrong with its first wrong entry.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, HostError> {
        let mut rules = Vec::new();
        for text in texts {
            if rules.len() == HOSTS_MAX {
                return Err(HostError::TooMany);
            }
            rules.push(text.as_ref().parse()?);
        }
        let anywhere = false;
        Ok(Self { rules, anywhere })
    }

    /// Reads a list that may have [`ANYWHERE`] in it.
    pub fn parse_wide<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Self, HostError> {
        let mut anywhere = false;
        let named = texts.into_iter().filter(|text| {
            let is_named = text.as_ref() != ANYWHERE;
            anywhere |= !is_named;
            is_named
        });
        let named = Self::parse(named)?;
        Ok(Self { anywhere, ..named })
    }

    /// The host and port of `url` alone.
    pub fn of(url: &Url) -> Self {
        let rule = url.host().map(|host| HostRule {
            host: host.to_owned(),
            wildcard: false,
            port: url.port(),
        });
        Self {
            rules: rule.into_iter().collect(),
            anywhere: false,
        }
    }

    /// Whether a request to `url` may be made.
    pub fn allows(&self, url: &Url) -> bool {
        self.reach(url).is_some()
    }

    /// By what a request to `url` may be made; `None` if it may not.
    pub fn reach(&self, url: &Url) -> Option<Reach> {
        let is_name = || matches!(url.host(), Some(Host::Domain(_))) && url.port().is_none();
        if self.rules.iter().any(|rule| rule.allows(url)) {
            Some(Reach::Named)
        } else if self.anywhere && is_name() {
            Some(Reach::Anywhere)
        } else {
            None
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && !self.anywhere
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allows(rule: &str, url: &str) -> bool {
        let hosts = Hosts::parse([rule]).unwrap();
        hosts.allows(&Url::parse(url).unwrap())
    }

    #[test]
    fn hosts_are_compared_as_a_whole() {
        for (rule, url) in [
            ("api.example.com", "https://api.example.com/v1?x#y"),
            ("api.example.com", "https://API.Example.COM:443"),
            ("api.example.com", "http://api.example.com:80/"),
            ("api.example.com", "https://api%2Eexample.com/"),
            ("api.example.com:8443", "https://api.example.com:8443/"),
            ("api.example.com:443", "https://api.example.com/"),
            ("xn--bcher-kva.example", "https://bücher.example/"),
            ("*.example.com", "https://a.example.com/"),
            ("10.0.0.5", "https://0xa.0.0.5/"),
            ("[2001:db8::1]:8080", "http://[2001:DB8:0::1]:8080/"),
        ] {
            assert!(allows(rule, url), "{rule} {url}");
        }
        for (rule, url) in [
            ("api.example.com", "https://example.com/"),
            ("api.example.com", "https://xapi.example.com/"),
            ("api.example.com", "https://api.example.com.evil.test/"),
            ("api.example.com", "https://evil.test/api.example.com"),
            ("api.example.com", "https://api.example.com@evil.test/"),
            ("api.example.com", "https://evil.test?api.example.com"),
            ("api.example.com", "https://evil.test#api.example.com"),
            ("api.example.com", "https://api.example.com./"),
            ("api.example.com", "https://api.example.com:8443/"),
            ("api.example.com", "https://api.example.com:80/"),
            ("api.example.com:8443", "https://api.example.com/"),
            ("*.example.com", "https://example.com/"),
            ("*.example.com", "https://a.b.example.com/"),
            ("*.example.com", "https://a.example.com.evil.test/"),
            ("10.0.0.5", "https://10.0.0.6/"),
            ("10.0.0.5", "https://[::ffff:10.0.0.5]/"),
        ] {
            assert!(!allows(rule, url), "{rule} {url}");
        }
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        let url = Url::parse("https://example.com").unwrap();
        assert!(!Hosts::default().allows(&url) && Hosts::default().is_empty());
        assert!(Hosts::of(&url).allows(&url));
        let other = Url::parse("https://example.com:8443").unwrap();
        assert!(!Hosts::of(&url).allows(&other) && !Hosts::of(&other).allows(&url));
    }

    #[test]
    fn anywhere_is_where_names_are() {
        let hosts = Hosts::parse_wide(["api.example.com:8443", ANYWHERE]).unwrap();
        let reach = |url: &str| hosts.reach(&Url::parse(url).unwrap());
        assert_eq!(
            reach("https://api.example.com:8443/"),
            Some(Reach::Named),
            "who is named is named"
        );
        assert_eq!(reach("https://example.org/a?b"), Some(Reach::Anywhere));
        assert_eq!(reach("http://localhost/"), Some(Reach::Anywhere));
        for url in [
            "https://example.org:8443/",
            "https://93.184.216.34/",
            "https://0x7f.1/",
            "https://[2606:4700::1]/",
        ] {
            assert_eq!(reach(url), None, "{url}");
        }
        assert!(!Hosts::parse_wide([ANYWHERE]).unwrap().is_empty());
        assert_eq!(Hosts::parse([ANYWHERE]), Err(HostError::Wildcard));
    }

    #[test]
    fn each_fault_is_named() {
        for (text, error) in [
            ("", HostError::Host),
            ("https://example.com", HostError::Port),
            ("example.com/", HostError::Host),
            ("example.com.", HostError::Host),
            ("a..example.com", HostError::Host),
            (".example.com", HostError::Host),
            ("Example.com", HostError::Host),
            ("bücher.example", HostError::Host),
            ("user@example.com", HostError::Host),
            ("example.com ", HostError::Host),
            ("exam%70le.com", HostError::Host),
            ("127.1", HostError::Host),
            ("0x7f.0.0.1", HostError::Host),
            ("::1", HostError::Port),
            ("[0::1]", HostError::Host),
            ("example.com:", HostError::Port),
            ("example.com:0", HostError::Port),
            ("example.com:25", HostError::Port),
            ("example.com:0443", HostError::Port),
            ("example.com:+443", HostError::Port),
            ("example.com:65536", HostError::Port),
            ("*", HostError::Wildcard),
            ("*.com", HostError::Wildcard),
            ("*.*.example.com", HostError::Wildcard),
            ("a*.example.com", HostError::Wildcard),
            ("*.10.0.0.5", HostError::Wildcard),
        ] {
            assert_eq!(text.parse::<HostRule>(), Err(error), "{text}");
        }
        let long = format!("{}.example", "a.".repeat(200));
        assert_eq!(long.parse::<HostRule>(), Err(HostError::Host));
        let many = vec!["example.com"; HOSTS_MAX + 1];
        assert_eq!(Hosts::parse(&many), Err(HostError::TooMany));
        assert!(Hosts::parse(&many[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_what_is_read_is_written_back(text in "\\PC{0,40}") {
            if let Ok(rule) = text.parse::<HostRule>() {
                prop_assert_eq!(rule.to_string(), text);
            }
        }
    }
}
