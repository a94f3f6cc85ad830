//! What two strangers may learn of each other's addresses (protocol, *Privacy of addresses*). Session descriptions and
//! candidates are parsed, filtered and written anew; what can't be parsed is refused, and a line that isn't known to be
//! free of addresses isn't passed on.
//!
//! Sources: SDP RFC 8866, ICE SDP RFC 8839, mDNS candidates draft-ietf-mmusic-mdns-ice-candidates.

mod candidate;
mod sdp;

use std::net::IpAddr;

use crate::{Code, Fault, contract::rooms::Candidate};

/// The addresses the server sees for the two clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The sender's.
    pub own: IpAddr,
    /// The receiver's.
    pub peer: IpAddr,
}

impl Rule {
    /// Two on one desk or in one network know each other's neighbourhood already, and need it to connect: seen at one
    /// loopback or private address, they may use addresses and names that mean nothing elsewhere.
    fn is_at_home(&self) -> bool {
        let own = self.own.to_canonical();
        own == self.peer.to_canonical() && is_local(own)
    }

    /// Whether the receiver may learn this host address of the sender's.
    fn allows_host(&self, addr: IpAddr) -> bool {
        let addr = addr.to_canonical();
        same_host(addr, self.own.to_canonical()) || (self.is_at_home() && is_local(addr))
    }
}

/// The very address; for IPv6 the /64, since privacy extensions (RFC 8981) give one host many.
fn same_host(a: IpAddr, b: IpAddr) -> bool {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => a == b,
        (IpAddr::V6(a), IpAddr::V6(b)) => a.octets()[..8] == b.octets()[..8],
        _ => false,
    }
}

/// Loopback, RFC 1918, link-local (RFC 3927, RFC 4291) or unique local (RFC 4193): means nothing outside.
fn is_local(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The description that the receiver gets. Lines in, lines out, in one pass.
pub fn filter_sdp(sdp: &str, rule: &Rule) -> Result<String, Fault> {
    sdp::filter(sdp, rule)
}

/// The candidate that the receiver gets, or none if it may not learn of it. An empty candidate (the end of candidates
/// of one generation) passes.
pub fn filter_candidate(candidate: &Candidate, rule: &Rule) -> Result<Option<Candidate>, Fault> {
    let token = |text: &str| text.len() <= 256 && text.chars().all(is_token);
    let names = [candidate.sdp_mid.as_deref(), candidate.username_fragment.as_deref()];
    if !names.into_iter().flatten().all(token) {
        return Err(invalid());
    }
    let text = candidate.candidate.trim();
    if text.is_empty() {
        return Ok(Some(Candidate { candidate: String::new(), ..candidate.clone() }));
    }
    let text = text.strip_prefix("a=").unwrap_or(text);
    let filtered = candidate::filter(text.strip_prefix("candidate:").ok_or_else(invalid)?, rule)?;
    Ok(filtered.map(|text| Candidate { candidate: format!("candidate:{text}"), ..candidate.clone() }))
}

/// RFC 8866 `token-char`, RFC 8839 `ice-char` and base64: nothing that an address in text form needs (`:` and two dots
/// in a row of numbers) gets through where a token is asked for.
const fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=')
}

fn invalid() -> Fault {
    Fault::new(Code::InvalidSdp, "The session description or candidate can't be read.")
}
