//! What must hold of any bytes a stranger may send: one function for each parser of this crate. Fuzz targets (`fuzz/`)
//! call them with whatever they make up, the tests below with the seeds and with every input that once failed.
//!
//! Each panics when its promise is broken. None of this is in the product.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use unicode_normalization::is_nfc;

use crate::{
    Code, Fault,
    contract::{
        auth, decode, encode, friends, matchmaking, moderation,
        rooms::{self, Candidate},
        users,
    },
    event::{Event, ServerEvent},
    id::{RoomId, UserId},
    otp::{self, Email},
    pool, privacy, private_id, text,
};

/// What two pages may be to one another: far apart, in one network, on one machine, behind one IPv6 prefix.
fn rules() -> [privacy::Rule; 4] {
    let v4 = |a, b, c, d| IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    let v6 = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, last));
    [
        privacy::Rule { own: v4(198, 51, 100, 7), peer: v4(203, 0, 113, 9) },
        privacy::Rule { own: v4(192, 168, 1, 2), peer: v4(192, 168, 1, 2) },
        privacy::Rule { own: v4(127, 0, 0, 1), peer: v4(127, 0, 0, 1) },
        privacy::Rule { own: v6(7), peer: v6(9) },
    ]
}

fn is_local(addr: IpAddr) -> bool {
    match addr.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

fn is_own(addr: IpAddr, own: IpAddr) -> bool {
    match (addr.to_canonical(), own.to_canonical()) {
        (IpAddr::V6(a), IpAddr::V6(b)) => a.octets()[..8] == b.octets()[..8],
        (a, b) => a == b,
    }
}

/// Every address that stands in `text`, alone or with brackets, a port or a name around it.
fn addresses(text: &str) -> Vec<IpAddr> {
    let part_of = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    let mut found = Vec::new();
    for run in text.split(|c| !part_of(c)) {
        let bare = run.trim_end_matches(['.', ':']).trim_start_matches('.');
        let no_port = bare.rsplit_once(':').map_or("", |(addr, _)| addr);
        let whole = [run, bare, no_port].into_iter().find_map(|text| text.parse().ok());
        let parts = || run.split(':').filter_map(|part| part.trim_matches('.').parse::<IpAddr>().ok());
        match whole {
            Some(addr) => found.push(addr),
            None => found.extend(parts()),
        }
    }
    found
}

/// The one address field of a candidate whose type may carry it, or nothing.
fn told(candidate: &str, rule: &privacy::Rule) -> Option<IpAddr> {
    let words: Vec<&str> = candidate.split_ascii_whitespace().collect();
    let addr: IpAddr = words.get(4)?.parse().ok()?;
    let home = rule.own.to_canonical() == rule.peer.to_canonical() && is_local(rule.own);
    let may = match *words.get(7)? {
        "relay" | "srflx" => true,
        "host" => is_own(addr, rule.own) || (home && is_local(addr)),
        _ => false,
    };
    may.then_some(addr)
}

/// No address literal is in a filtered line but the zero one and, in a candidate, the one that may be told.
fn holds_nothing_else(line: &str, rule: &privacy::Rule) {
    let line = line.strip_prefix("a=").unwrap_or(line);
    if line.strip_prefix("fingerprint:").is_some() {
        // Twenty bytes and more of a hash in hexadecimal; its form is the filter's own business.
        return;
    }
    let known = line.strip_prefix("candidate:").and_then(|candidate| told(candidate, rule));
    for addr in addresses(line) {
        assert!(addr.is_unspecified() || Some(addr) == known, "{addr} is in {line:?}");
    }
}

/// Descriptions: refused as `invalid-sdp`, or filtered so that no other address is left and filtering again changes
/// nothing.
pub fn sdp(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for rule in rules() {
        match privacy::filter_sdp(text, &rule) {
            Err(fault) => assert_eq!(fault.code, Code::InvalidSdp),
            Ok(out) => {
                assert!(out.len() <= text.len() * 4 + 64, "{} bytes became {}", text.len(), out.len());
                out.lines().for_each(|line| holds_nothing_else(line, &rule));
                assert_eq!(privacy::filter_sdp(&out, &rule).as_ref(), Ok(&out), "filtered twice");
            }
        }
    }
}

/// Candidates: as descriptions. The first line is the candidate, the second the media line's name, the third the user
/// name fragment.
pub fn candidate(bytes: &[u8]) {
    let Ok(input) = std::str::from_utf8(bytes) else { return };
    let mut lines = input.split('\n');
    let candidate = Candidate {
        candidate: lines.next().unwrap_or_default().to_owned(),
        sdp_mid: lines.next().map(str::to_owned),
        sdp_m_line_index: None,
        username_fragment: lines.next().map(str::to_owned),
    };
    for rule in rules() {
        match privacy::filter_candidate(&candidate, &rule) {
            Err(fault) => assert_eq!(fault.code, Code::InvalidSdp),
            Ok(None) => {}
            Ok(Some(out)) => {
                holds_nothing_else(&out.candidate, &rule);
                for name in [&out.sdp_mid, &out.username_fragment].into_iter().flatten() {
                    assert!(addresses(name).is_empty(), "an address in {name:?}");
                }
                assert_eq!(privacy::filter_candidate(&out, &rule), Ok(Some(out)), "filtered twice");
            }
        }
    }
}

/// Addresses and codes of a sign-in: one normal form, nothing that could break a mail, no address in a fault or a mask.
pub fn sign_in(bytes: &[u8]) {
    let Ok(input) = std::str::from_utf8(bytes) else { return };
    match Email::parse(input) {
        Ok(email) => {
            let address = email.as_str();
            assert_eq!(Email::parse(address).as_ref(), Ok(&email), "normalised twice");
            assert!(is_nfc(address) && address.len() <= 254 && address.matches('@').count() == 1);
            assert!(
                !address.chars().any(|c| c.is_control() || c.is_whitespace() || "<>,;:\"\\()[]".contains(c))
            );
            assert!(email.mask().chars().count() <= address.chars().count() + 1);
            assert_eq!(format!("{email:?}"), "Email(hidden)");
        }
        Err(fault) => assert_eq!(fault.code, Code::BadRequest),
    }
    match otp::code(input) {
        Ok(code) => {
            assert!(code.len() == otp::CODE_DIGITS && code.bytes().all(|b| b.is_ascii_digit()));
            assert_eq!(otp::code(&code).as_ref(), Ok(&code));
        }
        Err(fault) => assert_eq!(fault.code, Code::InvalidCode),
    }
}

/// A rule of text: from what is written to its normal form.
type TextRule = fn(&str) -> Result<String, Fault>;

/// Names, chat, interests, languages, countries: one normal form that is accepted unchanged, bounded, and free of
/// characters that hide or reorder; a refusal doesn't quote what it refuses.
pub fn texts(bytes: &[u8]) {
    let Ok(input) = std::str::from_utf8(bytes) else { return };
    let rules: [(TextRule, usize); 6] = [
        (text::display_name, text::MAX_NAME * 8),
        (text::bio, text::MAX_BIO * 8),
        (text::chat, text::MAX_CHAT * 4),
        (text::interest, text::MAX_INTEREST * 8),
        (text::language, 3),
        (text::country, 2),
    ];
    for (rule, most) in rules {
        match rule(input) {
            Ok(once) => {
                assert!(once.len() <= most && is_nfc(&once), "{once:?}");
                let hides = |c: char| matches!(c, '\u{200B}' | '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
                assert!(!once.chars().any(|c| hides(c) || (c.is_control() && c != '\n')), "{once:?}");
                assert_eq!(rule(&once).as_ref(), Ok(&once), "judged twice");
            }
            Err(fault) => assert!(matches!(fault.code, Code::BadRequest | Code::HeldBack)),
        }
    }
}

/// Ids that people type and ids that programs send: what is read is written the same way again.
pub fn ids(bytes: &[u8]) {
    let Ok(input) = std::str::from_utf8(bytes) else { return };
    match private_id::parse(input) {
        Ok(id) => assert_eq!(private_id::parse(&id).as_ref(), Ok(&id)),
        Err(fault) => assert_eq!(fault.code, Code::BadRequest),
    }
    if let Ok(id) = input.parse::<RoomId>() {
        assert_eq!(id.to_string(), input, "one id, one text");
    }
    if let Ok(id) = input.parse::<UserId>() {
        assert_eq!(id.to_string(), input, "one id, one text");
    }
}

/// A body that another process of the cluster sends: refused as `bad-request`, or what it says survives the wire.
fn body<T>(bytes: &[u8])
where
    T: serde::Serialize + serde::de::DeserializeOwned + std::fmt::Debug,
{
    match decode::<T>(bytes) {
        Err(fault) => assert_eq!(fault.code, Code::BadRequest),
        Ok(read) => {
            let written = encode(&read).and_then(|bytes| decode::<T>(&bytes));
            // Compared as text: not every body is comparable, and each says all of itself.
            assert_eq!(written.map(|again| format!("{again:?}")), Ok(format!("{read:?}")));
        }
    }
}

/// Bodies of contract calls, bus messages, and what the shared stores hold. The first byte says as what to read it.
pub fn bodies(bytes: &[u8]) {
    const READERS: [fn(&[u8]); 22] = [
        body::<auth::Login>,
        body::<auth::Verify>,
        body::<auth::MagicSignIn>,
        body::<auth::Refresh>,
        body::<auth::Revoke>,
        body::<auth::SignedIn>,
        body::<users::Ensure>,
        body::<friends::Pair>,
        body::<friends::Ask>,
        body::<friends::Asked>,
        body::<matchmaking::Enqueue>,
        body::<matchmaking::Wishes>,
        body::<moderation::Report>,
        body::<moderation::Attach>,
        body::<rooms::OpenPair>,
        body::<rooms::Join>,
        body::<rooms::Signal>,
        body::<rooms::Chat>,
        body::<Event>,
        body::<ServerEvent>,
        body::<pool::Entry>,
        body::<pool::Pairing>,
    ];
    let Some((kind, rest)) = bytes.split_first() else { return };
    READERS[usize::from(*kind) % READERS.len()](rest);
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn replay(target: &str, check: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let mut seeds = 0;
        for file in fs::read_dir(&folder).unwrap() {
            check(&fs::read(file.unwrap().path()).unwrap());
            seeds += 1;
        }
        assert!(seeds >= 3, "only {seeds} seeds in {}", folder.display());
    }

    #[test]
    fn the_seeds_of_every_target_keep_their_promise() {
        replay("sdp", sdp);
        replay("candidate", candidate);
        replay("sign_in", sign_in);
        replay("texts", texts);
        replay("ids", ids);
        replay("bodies", bodies);
    }

    #[test]
    fn an_address_is_found_wherever_it_stands() {
        for text in ["x 10.0.0.1 y", "[2001:db8::1]:80", "mid:1.2.3.4:80", "h1.2.3.4.", "::1"] {
            assert_eq!(addresses(text).len().min(1), 1, "{text}");
        }
        assert!(addresses("candidate foundation 1 udp 77").is_empty());
    }

    #[test]
    #[should_panic(expected = "is in")]
    fn an_address_that_may_not_be_told_is_noticed() {
        holds_nothing_else("a=candidate:1 1 udp 1 10.1.2.3 9 typ host", &rules()[0]);
    }
}
