//! The media ports of this process and how they are reached from outside.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    thread::available_parallelism,
};

use visavis_sfu::{
    gate::Limits,
    media::{Ports, Reach},
};

use crate::{Failure, config::Config};

/// Most shards: more threads than any machine's cores would only take turns.
const MOST_SHARDS: usize = 64;
/// Free numbers that are tried for one that is free for both.
const TRIES: usize = 20;
/// Addresses that lead nowhere (RFC 5737, RFC 3849): asked only which of our own would be the sender's.
const AWAY_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);
const AWAY_V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9);

/// Binds a port for each shard: the configured one and those after it, or any free ones.
pub fn open(config: &Config) -> Result<Vec<Ports>, Failure> {
    let cores = available_parallelism().map_or(1, usize::from);
    let shards = if config.media.shards == 0 { cores } else { config.media.shards }.min(MOST_SHARDS);
    (0..shards).map(|shard| bind(config.media.listen, shard)).collect()
}

fn bind(listen: SocketAddr, shard: usize) -> Result<Ports, Failure> {
    let offset = u16::try_from(shard).unwrap_or(u16::MAX);
    let port = if listen.port() == 0 { 0 } else { listen.port().saturating_add(offset) };
    let at = SocketAddr::new(listen.ip(), port);
    let failed = |cause| Failure::Bind { key: "media.listen", at, cause };
    let mut found = pair(at).map_err(failed)?;
    // A number that is free for UDP may be somebody's for TCP.
    for _ in 1..TRIES {
        if port != 0 || found.tcp.is_some() {
            break;
        }
        found = pair(at).map_err(failed)?;
    }
    if found.tcp.is_none() {
        // Whoever may use UDP doesn't miss it: no reason not to start.
        tracing::warn!(
            port,
            "media has no TCP here: the number is taken; who may use no UDP can't be in a call"
        );
    }
    Ok(found)
}

/// UDP at that address and, if the number is free, TCP.
fn pair(at: SocketAddr) -> io::Result<Ports> {
    let udp = UdpSocket::bind(at).or_else(|cause| match at {
        // A machine without IPv6: every interface is then every IPv4 one.
        SocketAddr::V6(at) if at.ip().is_unspecified() => UdpSocket::bind(("0.0.0.0", at.port())),
        _ => Err(cause),
    })?;
    let tcp = TcpListener::bind(udp.local_addr()?).ok();
    Ok(Ports { udp, tcp })
}

/// What answers name.
pub fn reach(config: &Config, web: SocketAddr) -> Reach {
    let listen = config.media.listen.ip();
    let own = if listen.is_unspecified() { own_addresses() } else { vec![listen] };
    let mut advertised =
        if config.media.public_ip.is_empty() { own.clone() } else { config.media.public_ip.clone() };
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    if web.ip().is_loopback() && listen.is_unspecified() && !advertised.contains(&loopback) {
        advertised.push(loopback);
    }
    let mut own = own;
    own.push(loopback);
    // What can't be looked at isn't let through unseen.
    Reach { advertised, own, limits: Limits::default(), h264: !config.watch.on }
}

/// The addresses this machine would speak from.
fn own_addresses() -> Vec<IpAddr> {
    let asked = [AWAY_V4, AWAY_V6].into_iter().filter_map(|away| {
        let any: SocketAddr = if away.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).ok()?;
        // Connecting a datagram socket sends nothing.
        socket.connect(away).ok()?;
        socket.local_addr().ok().map(|own| own.ip())
    });
    asked.filter(|ip| !ip.is_unspecified()).collect()
}

/// What works but is hardly meant.
pub fn warning(config: &Config, reach: &Reach, web: SocketAddr) -> Option<String> {
    let only_here = reach.advertised.iter().all(IpAddr::is_loopback);
    let private = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    if reach.advertised.is_empty() {
        return Some("media has no address that clients could be told: set media.public_ip".to_owned());
    }
    if only_here && !web.ip().is_loopback() {
        return Some("media can be reached from this machine only: set media.public_ip".to_owned());
    }
    let public = config.public_url.as_ref().is_some_and(|url| url.starts_with("https"));
    (public && reach.advertised.iter().all(private))
        .then(|| "media is told to be at private addresses: behind NAT set media.public_ip".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn a_number_that_the_system_chooses_is_free_for_both() {
        for shard in 0..100 {
            assert!(bind(HERE, shard).unwrap().tcp.is_some());
        }
    }

    #[test]
    fn a_configured_number_that_is_taken_for_tcp_serves_udp() {
        // Other tests have ports, too.
        let tried = (0..50).find_map(|_| {
            let taken = TcpListener::bind(HERE).unwrap();
            let at = taken.local_addr().unwrap();
            Some((bind(at, 0).ok()?, at, taken))
        });
        let (found, at, _taken) = tried.unwrap();
        assert_eq!((found.udp.local_addr().unwrap(), found.tcp.is_none()), (at, true));
        assert!(matches!(bind(at, 0), Err(Failure::Bind { key: "media.listen", .. })));
    }
}
