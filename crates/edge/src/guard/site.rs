//! Which address this place has: `public_url`, and the hosts and origins that are ours. The `Host` header is compared,
//! never believed: links, tokens and cookies are made from `public_url` alone.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use http::{Uri, uri::Authority};

/// The origin under which people reach this place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    host: Host,
    port: u16,
    /// Nobody named an address and every interface is listened on: then any address (never a name) is ours.
    any_address: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Name(String),
    Addr(IpAddr),
}

impl Host {
    /// From a URL's or header's host part: brackets around IPv6, case doesn't matter.
    fn parse(text: &str) -> Self {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse().map_or_else(|_| Self::Name(text.to_ascii_lowercase()), Self::Addr)
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::Addr(addr) => addr.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Addr(IpAddr::V4(addr)) => addr.fmt(f),
            Self::Addr(IpAddr::V6(addr)) => write!(f, "[{addr}]"),
        }
    }
}

impl PublicUrl {
    /// The default: the address that is listened on.
    pub fn of_listener(bound: SocketAddr, tls: bool) -> Self {
        let any_address = bound.ip().is_unspecified();
        let ip = if any_address { Ipv4Addr::LOCALHOST.into() } else { bound.ip() };
        Self { https: tls, host: Host::Addr(ip), port: bound.port(), any_address }
    }

    /// Whether cookies are `Secure` and browsers are told to stay with TLS.
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Whether only this machine can mean it.
    pub fn is_loopback(&self) -> bool {
        self.host.is_loopback() && !self.any_address
    }

    /// The host alone, IPv6 in brackets, as it stands in `stun:` URLs.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    const fn default_port(https: bool) -> u16 {
        if https { 443 } else { 80 }
    }

    /// The same origin for WebSockets, for the content security policy.
    pub fn websocket(&self) -> String {
        self.to_string().replacen("http", "ws", 1)
    }

    /// Whether host and port are this place's.
    fn is(&self, host: &Host, port: u16) -> bool {
        let same = *host == self.host
            || (self.host.is_loopback() && host.is_loopback())
            || (self.any_address && matches!(host, Host::Addr(_)));
        same && port == self.port
    }
}

impl fmt::Display for PublicUrl {
    /// Without a slash at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.host)?;
        if self.port == Self::default_port(self.https) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// The text was not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be like https://meet.example or http://127.0.0.1:8080, without a path")]
pub struct BadUrl;

impl FromStr for PublicUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let uri: Uri = text.parse().map_err(|_| BadUrl)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(BadUrl),
        };
        let authority = uri.authority().ok_or(BadUrl)?;
        let bare = uri.path().len() <= 1 && uri.query().is_none() && !text.contains('#');
        let (host, port) = split(authority).ok_or(BadUrl)?;
        if !bare || matches!(host, Host::Addr(addr) if addr.is_unspecified()) {
            return Err(BadUrl);
        }
        Ok(Self { https, host, port: port.unwrap_or(Self::default_port(https)), any_address: false })
    }
}

/// Host and port; `None` when there is user info or the host is empty.
fn split(authority: &Authority) -> Option<(Host, Option<u16>)> {
    let text = authority.as_str();
    let port = authority.port_u16();
    // `host:` and `host:99999` parse as authorities without a port: not ours.
    let rest = &text[text.rfind(']').map_or(0, |end| end + 1)..];
    if text.contains('@') || authority.host().is_empty() || (rest.contains(':') && port.is_none()) {
        return None;
    }
    Some((Host::parse(authority.host()), port))
}

/// One of `extra_hosts`: a name or an address, with or without a port (without one, every port).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraHost {
    host: Host,
    port: Option<u16>,
}

/// The text was not a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a host name or an address, with or without a port, like meet.example or 10.0.0.7:8080")]
pub struct BadHost;

impl FromStr for ExtraHost {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        let authority = text.parse().map_err(|_| BadHost)?;
        let (host, port) = split(&authority).ok_or(BadHost)?;
        Ok(Self { host, port })
    }
}

/// All names of this place.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// The one links are made with.
    pub public: PublicUrl,
    /// Others that are answered too.
    pub extra: Vec<ExtraHost>,
}

impl Hosts {
    /// Whether a request for this `Host` (or `:authority`) is for us.
    pub fn is_ours(&self, authority: &str) -> bool {
        let Some((host, port)) = authority.parse().ok().and_then(|authority| split(&authority)) else {
            return false;
        };
        let port = port.unwrap_or(PublicUrl::default_port(self.public.https));
        self.public.is(&host, port) || self.is_extra(&host, port)
    }

    /// Whether a page of this `Origin` may change something here, by a request for this `Host`. `null` never may.
    pub fn is_own_origin(&self, origin: &str, authority: Option<&str>) -> bool {
        let Ok(PublicUrl { https, host, port, .. }) = origin.parse() else { return false };
        // Where any address is ours, only the one that was asked is this very machine's for sure.
        let asked = || {
            let asked = authority.and_then(|text| text.parse().ok()).and_then(|authority| split(&authority));
            asked.is_some_and(|(asked, _)| asked == host || (asked.is_loopback() && host.is_loopback()))
        };
        let ours = https == self.public.https && self.public.is(&host, port);
        (ours && (!self.public.any_address || asked())) || self.is_extra(&host, port)
    }

    fn is_extra(&self, host: &Host, port: u16) -> bool {
        self.extra.iter().any(|extra| extra.host == *host && extra.port.is_none_or(|own| own == port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(public: &str, extra: &[&str]) -> Hosts {
        Hosts {
            public: public.parse().unwrap(),
            extra: extra.iter().map(|host| host.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn the_public_host_and_the_extra_ones_are_ours_and_no_other() {
        let hosts = hosts("https://meet.example", &["old.example", "10.0.0.7:8443"]);
        for ours in ["meet.example", "MEET.example", "meet.example:443", "old.example:99", "10.0.0.7:8443"] {
            assert!(hosts.is_ours(ours), "{ours}");
        }
        for other in [
            "",
            "evil.example",
            "meet.example:80",
            "meet.example:",
            "meet.example:99999",
            "meet.example.",
            "x@meet.example",
            "meet.example@x",
            "10.0.0.7",
            "localhost",
            "meet.example/",
            "[::1]",
        ] {
            assert!(!hosts.is_ours(other), "{other}");
        }
    }

    #[test]
    fn on_loopback_its_three_names_are_one() {
        for public in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            let hosts = hosts(public, &[]);
            for name in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LocalHost:8080"] {
                assert!(hosts.is_ours(name), "{public} {name}");
                assert!(hosts.is_own_origin(&format!("http://{name}"), None), "{public} {name}");
            }
            assert!(!hosts.is_ours("127.0.0.1:8081") && !hosts.is_ours("evil.example:8080"));
            assert!(
                !hosts.is_own_origin("https://localhost:8080", None)
                    && !hosts.is_own_origin("http://localhost", None)
            );
        }
    }

    #[test]
    fn a_foreign_or_odd_origin_is_not_ours() {
        let hosts = hosts("https://meet.example", &["old.example"]);
        assert!(
            hosts.is_own_origin("https://meet.example", None)
                && hosts.is_own_origin("http://old.example", None)
        );
        for foreign in [
            "null",
            "",
            "http://meet.example",
            "https://meet.example.evil",
            "https://evil/?https://meet.example",
            "https://meet.example:444",
            "https://a@meet.example",
            "file://meet.example",
        ] {
            assert!(!hosts.is_own_origin(foreign, None), "{foreign}");
        }
    }

    #[test]
    fn listening_everywhere_takes_every_address_but_no_name() {
        let public = PublicUrl::of_listener("0.0.0.0:8080".parse().unwrap(), false);
        assert_eq!(public.to_string(), "http://127.0.0.1:8080");
        assert!(!public.is_loopback());
        let hosts = Hosts { public, extra: vec![] };
        assert!(hosts.is_ours("192.168.1.5:8080") && hosts.is_ours("localhost:8080"));
        let own = |origin| hosts.is_own_origin(origin, Some("192.168.1.5:8080"));
        assert!(
            own("http://192.168.1.5:8080")
                && !own("http://192.168.1.66:8080")
                && !own("http://127.0.0.1:8080")
        );
        assert!(hosts.is_own_origin("http://localhost:8080", Some("127.0.0.1:8080")));
        assert!(!hosts.is_own_origin("http://192.168.1.5:8080", None));
        assert!(!hosts.is_ours("rebound.evil.example:8080") && !hosts.is_ours("192.168.1.5:80"));
    }

    #[test]
    fn a_public_url_prints_as_an_origin_and_nothing_else_parses() {
        for (text, printed) in [
            ("https://Meet.Example/", "https://meet.example"),
            ("https://meet.example:443", "https://meet.example"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://10.0.0.1:8080", "http://10.0.0.1:8080"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), printed);
        }
        for bad in [
            "meet.example",
            "ftp://meet.example",
            "https://meet.example/app",
            "https://meet.example/?a",
            "https://",
            "https://a@b.example",
            "https://meet.example/#x",
            "https://meet.example:0x1",
            "http://0.0.0.0:8080",
        ] {
            assert_eq!(bad.parse::<PublicUrl>(), Err(BadUrl), "{bad}");
        }
        assert_eq!("https://meet.example".parse::<PublicUrl>().unwrap().websocket(), "wss://meet.example");
    }
}
