//! A session description, line by line: origin, connection and candidates are rewritten, known attributes pass if they
//! hold nothing that reads as an address, everything else is dropped.

use std::{fmt::Write, net::IpAddr};

use super::{Rule, candidate, invalid};
use crate::Fault;

/// As the protocol allows for a description.
const MAX_BYTES: usize = 128 * 1024;
/// No line of a browser's offer comes near; a longer one isn't SDP.
const MAX_LINE: usize = 2_048;

/// Attributes that two browsers need of each other. What isn't here (`rtcp`, `remote-candidates`, `rtcp-xr` reports to
/// third parties, source filters, anything new) isn't passed on.
const PASSED: [&str; 36] = [
    "bundle-only",
    "crypto-suite",
    "end-of-candidates",
    "extmap",
    "extmap-allow-mixed",
    "fingerprint",
    "fmtp",
    "framerate",
    "group",
    "ice-lite",
    "ice-options",
    "ice-pwd",
    "ice-ufrag",
    "imageattr",
    "inactive",
    "label",
    "max-message-size",
    "maxptime",
    "mid",
    "msid",
    "msid-semantic",
    "ptime",
    "recvonly",
    "rid",
    "rtcp-fb",
    "rtcp-mux",
    "rtcp-mux-only",
    "rtcp-rsize",
    "rtpmap",
    "sctp-port",
    "sctpmap",
    "sendonly",
    "sendrecv",
    "setup",
    "simulcast",
    "ssrc",
];
/// Also passed; apart because of its dash-separated semantics (`FID`, `FEC-FR`).
const SSRC_GROUP: &str = "ssrc-group";

pub(super) fn filter(sdp: &str, rule: &Rule) -> Result<String, Fault> {
    if sdp.len() > MAX_BYTES || !sdp.starts_with("v=0") {
        return Err(invalid());
    }
    let mut out = String::with_capacity(sdp.len());
    let (mut origins, mut sections) = (0, 0);
    for line in sdp.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let (kind, value) = line.split_once('=').filter(|(kind, _)| kind.len() == 1).ok_or_else(invalid)?;
        if line.len() > MAX_LINE || value.chars().any(char::is_control) {
            return Err(invalid());
        }
        match kind {
            "v" => push(&mut out, "v", "0"),
            "o" => {
                origins += 1;
                push(&mut out, "o", &origin(value)?);
            }
            // The name of a session says nothing to a browser.
            "s" => push(&mut out, "s", "-"),
            "t" => push(&mut out, "t", "0 0"),
            "c" => {
                connection(value)?;
                push(&mut out, "c", "IN IP4 0.0.0.0");
            }
            "b" => bandwidth(&mut out, value)?,
            "m" => {
                sections += 1;
                push(&mut out, "m", &media(value)?);
            }
            "a" => attribute(&mut out, value, rule)?,
            // Information, links, addresses, repeats, zones, keys: nothing that a call needs.
            "i" | "u" | "e" | "p" | "r" | "z" | "k" => {}
            _ => return Err(invalid()),
        }
    }
    // A description says whose it is, once, and describes something. Many short lines become longer ones.
    if origins == 1 && sections > 0 && out.len() <= MAX_BYTES { Ok(out) } else { Err(invalid()) }
}

fn push(out: &mut String, kind: &str, value: &str) {
    // Writing to a string never fails.
    let _ = write!(out, "{kind}={value}\r\n");
}

/// `username sess-id sess-version nettype addrtype unicast-address`: only the numbers are kept.
fn origin(value: &str) -> Result<String, Fault> {
    let words: Vec<&str> = value.split(' ').collect();
    let [_, id, version, _, _, _] = words[..] else { return Err(invalid()) };
    let number = |text: &str| text.parse::<u64>().map_err(|_| invalid());
    Ok(format!("- {} {} IN IP4 0.0.0.0", number(id)?, number(version)?))
}

/// `nettype addrtype connection-address`: checked, and never passed on.
fn connection(value: &str) -> Result<(), Fault> {
    let words: Vec<&str> = value.split(' ').collect();
    let ["IN", "IP4" | "IP6", address] = words[..] else { return Err(invalid()) };
    // A multicast address has a time to live behind a slash; a call has none.
    let known =
        address.parse::<IpAddr>().is_ok() || (!address.is_empty() && address.chars().all(is_host_name));
    if known { Ok(()) } else { Err(invalid()) }
}

const fn is_host_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.')
}

/// `type:value`
fn bandwidth(out: &mut String, value: &str) -> Result<(), Fault> {
    let (kind, number) = value.split_once(':').ok_or_else(invalid)?;
    let number: u64 = number.parse().map_err(|_| invalid())?;
    if matches!(kind, "AS" | "TIAS" | "CT" | "RS" | "RR") {
        push(out, "b", &format!("{kind}:{number}"));
    }
    Ok(())
}

/// `media port proto formats`: words and numbers of a closed form. The port is the discard port (RFC 8829 section 5.2.1)
/// or 0 for a rejected line; a real one would belong to an address that isn't told.
fn media(value: &str) -> Result<String, Fault> {
    let mut words = value.split(' ');
    let (Some(kind), Some(port), Some(proto)) = (words.next(), words.next(), words.next()) else {
        return Err(invalid());
    };
    let known = matches!(kind, "audio" | "video" | "application")
        && proto.chars().all(|c| c.is_ascii_uppercase() || c == '/')
        && proto.len() <= 32;
    let port: u16 = port.parse().map_err(|_| invalid())?;
    let formats: Vec<&str> = words.collect();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let format = |f: &&str| (digits(f) && f.parse::<u8>().is_ok()) || matches!(*f, "webrtc-datachannel");
    if !known || formats.is_empty() || !formats.iter().all(format) {
        return Err(invalid());
    }
    Ok(format!("{kind} {} {proto} {}", if port == 0 { 0 } else { 9 }, formats.join(" ")))
}

fn attribute(out: &mut String, value: &str, rule: &Rule) -> Result<(), Fault> {
    let (name, rest) = value.split_once(':').map_or((value, None), |(name, rest)| (name, Some(rest)));
    match (name, rest) {
        ("candidate", Some(text)) => {
            if let Some(text) = candidate::filter(text, rule)? {
                push(out, "a", &format!("candidate:{text}"));
            }
        }
        ("fingerprint", Some(text)) => push(out, "a", &format!("fingerprint:{}", fingerprint(text)?)),
        (name, _) if PASSED.contains(&name) || name == SSRC_GROUP => {
            if rest.is_none_or(|text| text.is_ascii() && !holds_address(text)) {
                push(out, "a", value);
            } else {
                return Err(invalid());
            }
        }
        _ => {}
    }
    Ok(())
}

/// `hash AA:BB:…` (RFC 8122). It looks like an IPv6 address to the check below, so it has one of its own.
fn fingerprint(text: &str) -> Result<&str, Fault> {
    let (hash, digits) = text.split_once(' ').ok_or_else(invalid)?;
    let byte = |b: &str| b.len() == 2 && b.bytes().all(|c| c.is_ascii_hexdigit());
    // Twenty bytes (SHA-1) at least: an IPv6 address would be sixteen.
    let long = (20..=64).contains(&digits.split(':').count());
    let known = hash.starts_with("sha-") && hash[4..].bytes().all(|b| b.is_ascii_digit()) && hash.len() <= 8;
    if known && long && digits.split(':').all(byte) { Ok(text) } else { Err(invalid()) }
}

/// Whether some run of address characters in `text` could hold an address, alone or with more around it. Strict on
/// purpose (no line that browsers send looks like that) and linear, so that a hostile line costs no more than another.
fn holds_address(text: &str) -> bool {
    let part_of = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    text.split(|c| !part_of(c)).any(|run| is_like_v6(run) || is_like_v4(run))
}

/// Compressed, or with the six colons that the shortest uncompressed form (an IPv4 tail) has.
fn is_like_v6(run: &str) -> bool {
    run.contains("::") || run.matches(':').count() >= 6
}

/// Three numbers with dots between them, or more: `10.0.1` is an address too where addresses are read as `inet_aton` does.
fn is_like_v4(run: &str) -> bool {
    let parts: Vec<&[u8]> = run.split('.').map(str::as_bytes).collect();
    let number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    parts.windows(3).any(|three| digit(three[0].last()) && number(three[1]) && digit(three[2].first()))
}
