//! One candidate (RFC 8839 section 5.1): parsed whole, judged by its type, written anew.

use std::net::IpAddr;

use super::{Rule, invalid, is_local, is_token};
use crate::Fault;

/// A candidate has seven fixed fields and a few pairs; browsers send fewer than twenty words.
const MAX_WORDS: usize = 40;
/// Extensions that browsers send and that hold no address.
const KNOWN: [&str; 5] = ["generation", "ufrag", "network-id", "network-cost", "tcptype"];

enum Place {
    Addr(IpAddr),
    /// `uuid.local`: a random name that only the same network can resolve.
    Mdns(String),
}

/// `foundation component transport priority address port typ type …`, without `candidate:`. None: not for the receiver.
pub(super) fn filter(text: &str, rule: &Rule) -> Result<Option<String>, Fault> {
    let words: Vec<&str> = text.split_ascii_whitespace().take(MAX_WORDS + 1).collect();
    let [foundation, component, transport, priority, address, port, "typ", kind, rest @ ..] = &words[..]
    else {
        return Err(invalid());
    };
    let component: u16 = number(component)?;
    let (priority, port): (u32, u16) = (number(priority)?, number(port)?);
    let fixed = is_short_token(foundation)
        && (1..=256).contains(&component)
        && ["udp", "tcp"].iter().any(|t| transport.eq_ignore_ascii_case(t));
    if !fixed || words.len() > MAX_WORDS || rest.len() % 2 != 0 {
        return Err(invalid());
    }
    let place = place(address)?;
    let extensions = extensions(rest)?;
    let passes = match *kind {
        "relay" => matches!(place, Place::Addr(_)),
        // One that means nothing outside was told by a server inside: it is the sender's own neighbourhood.
        "srflx" => {
            matches!(place, Place::Addr(addr) if !is_local(addr.to_canonical()) || rule.allows_host(addr))
        }
        "host" => match &place {
            Place::Addr(addr) => rule.allows_host(*addr),
            Place::Mdns(_) => rule.is_at_home(),
        },
        // A peer finds peer-reflexive ones by itself; nobody signals them.
        "prflx" => false,
        _ => return Err(invalid()),
    };
    if !passes {
        return Ok(None);
    }
    let related = match (*kind, &place) {
        ("host", _) => String::new(),
        (_, Place::Addr(IpAddr::V6(_))) => " raddr :: rport 0".to_owned(),
        _ => " raddr 0.0.0.0 rport 0".to_owned(),
    };
    let address = match place {
        Place::Addr(addr) => addr.to_string(),
        Place::Mdns(name) => name,
    };
    Ok(Some(format!(
        "{foundation} {component} {transport} {priority} {address} {port} typ {kind}{related}{extensions}"
    )))
}

/// Written anew from its value, so that no other way to write it gets through.
fn number<T: std::str::FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| invalid())
}

fn is_short_token(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.chars().all(is_token)
}

fn place(text: &str) -> Result<Place, Fault> {
    if let Ok(addr) = text.parse() {
        return Ok(Place::Addr(addr));
    }
    let name = text.strip_suffix(".local").filter(|uuid| is_uuid(uuid)).ok_or_else(invalid)?;
    Ok(Place::Mdns(format!("{name}.local")))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// The known pairs, each once; `raddr` and `rport` are checked and dropped, unknown ones dropped.
fn extensions(words: &[&str]) -> Result<String, Fault> {
    let mut kept = String::new();
    let mut seen = Vec::new();
    for pair in words.chunks_exact(2) {
        let [name, value] = pair else { return Err(invalid()) };
        match *name {
            "raddr" => {
                place(value)?;
            }
            "rport" => {
                number::<u16>(value)?;
            }
            name if KNOWN.contains(&name) => {
                // No browser repeats one; a candidate that could would grow by being written anew.
                if value.len() > 256 || !value.chars().all(is_token) || seen.contains(&name) {
                    return Err(invalid());
                }
                seen.push(name);
                kept.push(' ');
                kept.push_str(name);
                kept.push(' ');
                kept.push_str(value);
            }
            _ => {}
        }
    }
    Ok(kept)
}
