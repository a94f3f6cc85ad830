//! Who is asking: the address of the client, also behind proxies. A header counts only when the peer is a proxy the
//! operator named, and only the one header that proxy is said to write: anybody can send the other one.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The address of the client, in the extensions of every request that came past the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// Which header the proxies in `trusted_proxies` write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For: client, proxy`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=client` (RFC 7239).
    Forwarded,
}

/// Hops that are looked at: more proxies than anybody chains, and a bound for the work.
const MAX_HOPS: usize = 32;

/// The rightmost address that isn't one of ours. What stands left of it was written by somebody we don't know.
pub fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], header: ProxyHeader) -> IpAddr {
    let ours = |addr: IpAddr| trusted.iter().any(|net| net.contains(&addr));
    let mut client = peer.to_canonical();
    for hop in hops(headers, header).into_iter().rev().take(MAX_HOPS) {
        if !ours(client) {
            break;
        }
        // A hop that can't be read (`unknown`, `_hidden`): the proxy that wrote it is the last we know of.
        match hop {
            Some(addr) => client = addr,
            None => break,
        }
    }
    client
}

/// The addresses a header names, left to right; `None` for one that isn't an address.
fn hops(headers: &HeaderMap, header: ProxyHeader) -> Vec<Option<IpAddr>> {
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match header {
        ProxyHeader::XForwardedFor => ("x-forwarded-for", literal),
        ProxyHeader::Forwarded => ("forwarded", forwarded_for),
    };
    let lines = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(|hop| read(hop.trim())).collect()
}

/// The `for` parameter of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    literal(value.trim_matches('"'))
}

/// An address with or without a port: `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn literal(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(addr, _)| addr);
    let addr =
        bare.unwrap_or(text).parse().ok().or_else(|| Some(text.parse::<std::net::SocketAddr>().ok()?.ip()));
    addr.map(|addr: IpAddr| addr.to_canonical())
}

/// What a limit counts: a whole IPv4 address, and of IPv6 the /64, for that is what one customer is given.
pub fn network(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// [`network`] as a part of a key.
pub fn prefix(addr: IpAddr) -> String {
    network(addr).to_string()
}

/// The block that an address is in, as wide as one neighbourhood: a /24, of IPv6 a /48. None of this machine's own, and of
/// networks that everybody has at home.
pub fn block(addr: IpAddr) -> Option<String> {
    match addr.to_canonical() {
        IpAddr::V4(v4)
            if v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified() =>
        {
            None
        }
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() => None,
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Some(format!("{a}.{b}.{c}.0/24"))
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            Some(format!("{a:x}:{b:x}:{c:x}::/48"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, value: &str, trusted: &[&str], header: ProxyHeader) -> String {
        let mut headers = HeaderMap::new();
        for name in ["x-forwarded-for", "forwarded"] {
            if (name == "forwarded") == (header == ProxyHeader::Forwarded) {
                headers.append(name, value.parse().unwrap());
            } else {
                headers.append(name, "for=6.6.6.6".parse().unwrap());
            }
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        address(peer.parse().unwrap(), &headers, &trusted, header).to_string()
    }

    const XFF: ProxyHeader = ProxyHeader::XForwardedFor;
    const FWD: ProxyHeader = ProxyHeader::Forwarded;

    #[test]
    fn nobody_is_believed_but_a_named_proxy() {
        assert_eq!(client("9.9.9.9", "1.1.1.1", &[], XFF), "9.9.9.9");
        assert_eq!(client("9.9.9.9", "1.1.1.1", &["10.0.0.0/8"], XFF), "9.9.9.9");
        assert_eq!(client("127.0.0.1", "1.1.1.1", &[], XFF), "127.0.0.1");
    }

    #[test]
    fn the_rightmost_address_that_is_not_ours_is_the_client() {
        let ours = &["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", "1.1.1.1", ours, XFF), "1.1.1.1");
        assert_eq!(client("10.0.0.1", "6.6.6.6, 1.1.1.1", ours, XFF), "1.1.1.1");
        assert_eq!(client("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.2.2.2", ours, XFF), "1.1.1.1");
        assert_eq!(client("10.0.0.1", "10.3.3.3, 10.2.2.2", ours, XFF), "10.3.3.3");
        assert_eq!(client("::ffff:10.0.0.1", "1.1.1.1", ours, XFF), "1.1.1.1");
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_search() {
        let ours = &["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", "6.6.6.6, unknown", ours, XFF), "10.0.0.1");
        assert_eq!(client("10.0.0.1", "6.6.6.6, , 10.2.2.2", ours, XFF), "10.2.2.2");
        assert_eq!(client("10.0.0.1", "", ours, XFF), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_only_where_it_is_the_proxys_header() {
        let ours = &["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", "for=1.1.1.1;proto=https", ours, FWD), "1.1.1.1");
        assert_eq!(client("10.0.0.1", "proto=http;For=\"[2001:db8::7]:4711\"", ours, FWD), "2001:db8::7");
        assert_eq!(client("10.0.0.1", "for=6.6.6.6, for=_hidden", ours, FWD), "10.0.0.1");
        assert_eq!(client("10.0.0.1", "for=1.1.1.1, for=10.9.9.9:80", ours, FWD), "1.1.1.1");
    }

    #[test]
    fn a_block_is_a_neighbourhood_and_never_an_address() {
        let of = |text: &str| block(text.parse().unwrap());
        assert_eq!(of("203.0.113.77").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(of("::ffff:203.0.113.77").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(of("2001:db8:7:8::9").as_deref(), Some("2001:db8:7::/48"));
        for own in ["127.0.0.1", "10.1.2.3", "192.168.1.1", "::1", "fd00::1", "0.0.0.0"] {
            assert_eq!(of(own), None, "{own}");
        }
    }

    #[test]
    fn a_limit_counts_an_address_or_a_64() {
        let of = |text: &str| prefix(text.parse().unwrap());
        assert_eq!(of("1.2.3.4"), "1.2.3.4");
        assert_eq!(of("::ffff:1.2.3.4"), "1.2.3.4");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
    }
}
