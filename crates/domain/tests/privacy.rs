//! No stranger learns an address that the rules don't allow, and real descriptions survive.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use visavis_domain::{
    Code,
    contract::rooms::Candidate,
    privacy::{Rule, filter_candidate, filter_sdp},
};

/// Clients on the open internet, seen at documentation addresses (RFC 5737).
fn apart() -> Rule {
    Rule { own: "203.0.113.7".parse().unwrap(), peer: "198.51.100.9".parse().unwrap() }
}

fn desk(addr: &str) -> Rule {
    Rule { own: addr.parse().unwrap(), peer: addr.parse().unwrap() }
}

/// What a browser of the Chromium family offers, shortened.
const OFFER: &str = "v=0\r\n\
o=- 4611731400430051336 2 IN IP4 192.168.7.20\r\n\
s=-\r\n\
t=0 0\r\n\
a=group:BUNDLE 0 1\r\n\
a=extmap-allow-mixed\r\n\
a=msid-semantic: WMS 5b6c1f0a-0b7e-4d0a-9d3c-0a4c7c5f2d11\r\n\
m=audio 54321 UDP/TLS/RTP/SAVPF 111 63\r\n\
c=IN IP4 192.168.7.20\r\n\
a=rtcp:9 IN IP4 192.168.7.20\r\n\
a=candidate:3098175849 1 udp 2122260223 192.168.7.20 54321 typ host generation 0 network-id 1\r\n\
a=candidate:842163049 1 udp 1686052607 203.0.113.7 54321 typ srflx raddr 192.168.7.20 rport 54321 generation 0\r\n\
a=candidate:1 1 udp 41885439 192.0.2.55 3478 typ relay raddr 203.0.113.7 rport 61000 generation 0\r\n\
a=candidate:77 1 tcp 1518280447 192.168.7.20 9 typ host tcptype active generation 0\r\n\
a=candidate:5 1 udp 2122194687 9b36eaac-bb2e-49bb-bb78-21c41c499900.local 50001 typ host\r\n\
a=ice-ufrag:Zx4Q\r\n\
a=ice-pwd:vQz3Jr2e5bY0i9W8pXnS7aLm\r\n\
a=ice-options:trickle\r\n\
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08\r\n\
a=setup:actpass\r\n\
a=mid:0\r\n\
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
a=sendrecv\r\n\
a=msid:5b6c1f0a-0b7e-4d0a-9d3c-0a4c7c5f2d11 4c3f8e3e-9f7a-4d1c-8a44-6c7b8a9d0e1f\r\n\
a=rtcp-mux\r\n\
a=rtpmap:111 opus/48000/2\r\n\
a=rtcp-fb:111 transport-cc\r\n\
a=fmtp:111 minptime=10;useinbandfec=1\r\n\
a=rtpmap:63 red/48000/2\r\n\
a=fmtp:63 111/111\r\n\
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r\n\
a=ssrc-group:FID 2231627014 632943048\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
c=IN IP6 ::\r\n\
a=mid:1\r\n\
a=rtpmap:96 VP8/90000\r\n\
a=rtcp-fb:96 nack pli\r\n\
a=x-google-flag:conference\r\n\
a=recvonly\r\n";

/// What Firefox offers, shortened: other order, other names, a data channel, addresses where Chromium has none.
const FIREFOX: &str = "v=0\r\n\
o=mozilla...THIS_IS_SDPARTA-99.0 7315429803158264132 0 IN IP4 0.0.0.0\r\n\
s=-\r\n\
t=0 0\r\n\
a=sendrecv\r\n\
a=fingerprint:sha-256 AC:0B:6E:1C:96:2D:47:6B:12:E4:5F:30:D1:8A:77:02:C9:E0:31:54:98:AB:CD:EF:01:23:45:67:89:AB:CD:EF\r\n\
a=group:BUNDLE 0 1\r\n\
a=ice-options:trickle\r\n\
a=msid-semantic:WMS *\r\n\
m=audio 41873 UDP/TLS/RTP/SAVPF 109 9 0 8 101\r\n\
c=IN IP4 203.0.113.7\r\n\
a=candidate:0 1 UDP 2122252543 4c7e9b10-2f6d-4a38-9e55-0d1c2b3a4f5e.local 41873 typ host\r\n\
a=candidate:2 1 TCP 2105524479 4c7e9b10-2f6d-4a38-9e55-0d1c2b3a4f5e.local 9 typ host tcptype active\r\n\
a=candidate:1 1 UDP 1686052863 203.0.113.7 41873 typ srflx raddr 0.0.0.0 rport 0\r\n\
a=candidate:3 2 UDP 92217086 2001:db8:ffff::9 50123 typ relay raddr 2001:db8:1::7 rport 50123\r\n\
a=sendrecv\r\n\
a=end-of-candidates\r\n\
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level\r\n\
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\n\
a=fmtp:101 0-15\r\n\
a=ice-pwd:0f1e2d3c4b5a69788796a5b4c3d2e1f0\r\n\
a=ice-ufrag:8c41d9e2\r\n\
a=mid:0\r\n\
a=msid:{5b1d7c2e-90aa-4b0e-8a5c-7f3e2d1c0b9a} {0a9b8c7d-6e5f-4031-a2b3-c4d5e6f70819}\r\n\
a=rtcp:41874 IN IP4 203.0.113.7\r\n\
a=rtcp-mux\r\n\
a=rtpmap:109 opus/48000/2\r\n\
a=rtpmap:101 telephone-event/8000/1\r\n\
a=setup:actpass\r\n\
a=ssrc:2655508255 cname:{735484ea-4f6c-f74a-bd66-7425f8476c2e}\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
c=IN IP4 0.0.0.0\r\n\
a=mid:1\r\n\
a=sctp-port:5000\r\n\
a=max-message-size:1073741823\r\n\
a=setup:actpass\r\n";

/// Every address literal in `text`, found the blunt way: any substring that parses.
fn addresses(text: &str) -> Vec<IpAddr> {
    let run = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':';
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("a=fingerprint:")) {
        // The attribute's own colon isn't part of an address.
        let line = line.split_once(':').filter(|_| line.starts_with("a=")).map_or(line, |(_, rest)| rest);
        for word in line.split(|c| !run(c)) {
            for from in 0..word.len() {
                for to in from + 2..=word.len() {
                    found.extend(word[from..to].parse::<IpAddr>());
                }
            }
        }
    }
    found
}

fn is_blank(addr: &IpAddr) -> bool {
    addr.is_unspecified()
}

#[test]
fn a_browsers_offer_keeps_what_connects_and_loses_every_other_address() {
    let out = filter_sdp(OFFER, &apart()).unwrap();
    let told: std::collections::BTreeSet<IpAddr> =
        addresses(&out).into_iter().filter(|a| !is_blank(a)).collect();
    let parts_of =
        |a: &IpAddr| ["203.0.113.7", "192.0.2.55"].iter().any(|full| full.contains(&a.to_string()));
    assert!(told.iter().all(parts_of), "{told:?}");
    for line in [
        "o=- 4611731400430051336 2 IN IP4 0.0.0.0",
        "c=IN IP4 0.0.0.0",
        "a=candidate:842163049 1 udp 1686052607 203.0.113.7 54321 typ srflx raddr 0.0.0.0 rport 0 generation 0",
        "a=candidate:1 1 udp 41885439 192.0.2.55 3478 typ relay raddr 0.0.0.0 rport 0 generation 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
    ] {
        assert!(out.lines().any(|l| l == line), "missing: {line}\n{out}");
    }
    assert!(!out.contains("a=rtcp:") && !out.contains("x-google-flag") && !out.contains("192.168"));
    assert!(!out.contains(".local"), "a name of the sender's own network is no use to somebody elsewhere");
}

#[test]
fn everything_a_browser_needs_to_connect_is_untouched() {
    let needs = [
        "ice-",
        "fingerprint",
        "setup",
        "mid",
        "extmap",
        "rtpmap",
        "fmtp",
        "rtcp-",
        "ssrc",
        "msid",
        "group",
        "sctp",
    ];
    for offer in [OFFER, FIREFOX] {
        let out = filter_sdp(offer, &apart()).unwrap();
        let needed = |line: &&str| needs.iter().any(|n| line.starts_with(&format!("a={n}")));
        let lines = |sdp: &str| sdp.lines().filter(needed).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&out), lines(offer), "same lines, same order");
        assert_eq!(out.matches("m=").count(), 2);
    }
}

#[test]
fn firefoxs_candidates_come_through_without_what_they_relate_to() {
    let out = filter_sdp(FIREFOX, &apart()).unwrap();
    let candidates: Vec<&str> = out.lines().filter(|l| l.starts_with("a=candidate:")).collect();
    assert_eq!(
        candidates,
        [
            "a=candidate:1 1 UDP 1686052863 203.0.113.7 41873 typ srflx raddr 0.0.0.0 rport 0",
            "a=candidate:3 2 UDP 92217086 2001:db8:ffff::9 50123 typ relay raddr :: rport 0",
        ]
    );
    assert!(!out.contains("a=rtcp:") && !out.contains("41874") && !out.contains("2001:db8:1::7"));
}

#[test]
fn filtering_twice_changes_nothing_more() {
    let once = filter_sdp(OFFER, &apart()).unwrap();
    assert_eq!(filter_sdp(&once, &apart()).unwrap(), once);
}

fn host(addr: &str, rule: &Rule) -> bool {
    let candidate = Candidate {
        candidate: format!("candidate:1 1 udp 2122260223 {addr} 5000 typ host"),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: Some(0),
        username_fragment: Some("Zx4Q".into()),
    };
    filter_candidate(&candidate, rule).unwrap().is_some()
}

#[test]
fn a_host_candidate_passes_only_at_the_address_the_server_sees() {
    assert!(host("203.0.113.7", &apart()));
    assert!(!host("203.0.113.8", &apart()));
    assert!(!host("198.51.100.9", &apart()), "the peer's own address isn't the sender's");
    assert!(!host("10.0.0.1", &apart()));
    assert!(!host("127.0.0.1", &apart()));
    assert!(host("::ffff:203.0.113.7", &apart()), "the same address in IPv6 dress");
}

#[test]
fn an_ipv6_host_candidate_passes_within_its_64() {
    let rule = Rule { own: "2001:db8:1:2::5".parse().unwrap(), peer: "2001:db8:9::1".parse().unwrap() };
    assert!(host("2001:db8:1:2:ffff::9", &rule));
    assert!(!host("2001:db8:1:3::5", &rule));
    assert!(!host("fe80::1", &rule));
}

#[test]
fn two_browsers_on_one_desk_or_in_one_network_may_use_local_addresses() {
    for (seen, local, far) in [
        ("127.0.0.1", "192.168.7.20", "203.0.113.7"),
        ("10.1.2.3", "10.9.9.9", "8.8.4.4"),
        ("::1", "fd00::5", "2001:db8::1"),
    ] {
        assert!(host(local, &desk(seen)), "{seen} {local}");
        assert!(host("4c7e9b10-2f6d-4a38-9e55-0d1c2b3a4f5e.local", &desk(seen)), "{seen}");
        assert!(host("127.0.0.1", &desk(seen)));
        assert!(!host(far, &desk(seen)), "{seen} {far}");
    }
    let public = desk("203.0.113.7");
    assert!(!host("192.168.7.20", &public), "one public address may be a carrier's, not a desk");
    let neighbours = Rule { own: "10.0.0.1".parse().unwrap(), peer: "10.0.0.2".parse().unwrap() };
    assert!(!host("192.168.7.20", &neighbours), "two private addresses may be two networks");
    assert!(host("10.0.0.1", &neighbours));
}

#[test]
fn what_is_no_candidate_is_refused() {
    let long = format!("candidate:1 1 udp 1 1.2.3.4 5 typ host {}", "generation 0 ".repeat(30));
    for text in [
        "1 1 udp 1 1.2.3.4 5 typ host",
        "candidate:1 1 udp 1 1.2.3.4 5 typ",
        "candidate:1 1 udp 1 1.2.3.4 5 type host",
        "candidate:1 1 udp 1 1.2.3.4 99999 typ host",
        "candidate:1 0 udp 1 1.2.3.4 5 typ host",
        "candidate:1 1 sctp 1 1.2.3.4 5 typ host",
        "candidate:1 1 udp -1 1.2.3.4 5 typ host",
        "candidate:1 1 udp 1 example.org 5 typ host",
        "candidate:1 1 udp 1 evil.local 5 typ host",
        "candidate:1 1 udp 1 1.2.3.4 5 typ wormhole",
        "candidate:1 1 udp 1 1.2.3.4 5 typ srflx raddr nonsense rport 0",
        "candidate:1 1 udp 1 1.2.3.4 5 typ srflx raddr",
        "candidate:1.2.3.4 1 udp 1 203.0.113.7 5 typ host",
        "candidate:1 1 udp 1 203.0.113.7 5 typ host ufrag 1.2.3.4",
        &long,
    ] {
        let candidate = Candidate {
            candidate: text.to_owned(),
            sdp_mid: None,
            sdp_m_line_index: None,
            username_fragment: None,
        };
        assert_eq!(
            filter_candidate(&candidate, &apart()).map_err(|f| f.code),
            Err(Code::InvalidSdp),
            "{text}"
        );
    }
}

#[test]
fn the_end_of_candidates_passes_and_a_mid_cannot_carry_an_address() {
    let end = Candidate {
        candidate: String::new(),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: None,
        username_fragment: None,
    };
    assert_eq!(filter_candidate(&end, &apart()).unwrap(), Some(end.clone()));
    let smuggled = Candidate { sdp_mid: Some("10.0.0.1".into()), ..end.clone() };
    assert!(filter_candidate(&smuggled, &apart()).is_err());
    let smuggled = Candidate { username_fragment: Some("fe80::1".into()), ..end };
    assert!(filter_candidate(&smuggled, &apart()).is_err());
}

#[test]
fn what_is_no_description_is_refused() {
    for text in [
        "",
        "hello",
        "v=1\r\n",
        "v=0\r\nq=1\r\n",
        "v=0\r\nxx=1\r\n",
        "v=0\r\no=- 1 2 IN IP4\r\n",
        "v=0\r\nm=audio x\r\n",
        "v=0\r\nm=image 9 TCP 1\r\n",
        "v=0\r\na=mid:\u{1}\r\n",
        "v=0\r\nb=AS\r\n",
        "v=0\r\na=fmtp:96 x=10.0.0.1\r\n",
        "v=0\r\na=fingerprint:sha-256 20:01:0D:B8:00:00\r\n",
    ] {
        assert_eq!(filter_sdp(text, &apart()).map_err(|f| f.code), Err(Code::InvalidSdp), "{text:?}");
    }
    assert!(filter_sdp(&format!("v=0\r\na=mid:{}\r\n", "x".repeat(2_100)), &apart()).is_err());
    assert!(filter_sdp(&format!("v=0\r\n{}", "a=mid:1\r\n".repeat(15_000)), &apart()).is_err());
}

fn any_addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits))),
        (0u16..=u16::MAX).prop_map(|n| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The property: wherever an address is planted, it doesn't come out (or nothing does).
    #[test]
    fn no_planted_address_survives(
        addr in any_addr(), at: prop::sample::Index, firefox: bool, port: Option<u16>, spaced: bool,
    ) {
        let offer = if firefox { FIREFOX } else { OFFER };
        let at = at.index(offer.len());
        // Some addresses are in the offer as they should be.
        prop_assume!(!is_blank(&addr) && !offer.contains(&addr.to_string()));
        let planted = port.map_or_else(|| addr.to_string(), |port| format!("{addr}:{port}"));
        let planted = if spaced { format!(" {planted} ") } else { planted };
        let sdp = format!("{}{planted}{}", &offer[..at], &offer[at..]);
        if let Ok(out) = filter_sdp(&sdp, &apart()) {
            // `typ srflx` and `typ relay` may carry any address: that is their point.
            let rest: Vec<&str> = out.lines().filter(|l| !l.starts_with("a=candidate:")).collect();
            let rest = rest.join("\n");
            prop_assert!(!addresses(&rest).contains(&addr), "{addr} in\n{rest}");
        }
    }

    #[test]
    fn host_candidates_tell_only_what_the_rule_allows(addr in any_addr(), own in any_addr(), peer in any_addr()) {
        let rule = Rule { own, peer };
        if host(&addr.to_string(), &rule) {
            let same = match (addr.to_canonical(), own.to_canonical()) {
                (IpAddr::V6(a), IpAddr::V6(b)) => a.octets()[..8] == b.octets()[..8],
                (a, b) => a == b,
            };
            prop_assert!(same || own.to_canonical() == peer.to_canonical());
        }
    }

    /// As whole lines, in every attribute name that passes and in names nobody knows.
    #[test]
    fn no_address_survives_in_an_attribute(
        addr in any_addr(), name in "(mid|msid|fmtp:96|ssrc:1 cname|ice-ufrag|group|extmap|rid|rtcp|alt|source-filter|[a-z-]{1,12})",
        glue in "(| |:|=|/|x|\\{|;a=)", tail in "(| |/24|%eth0|\\}|:9|\\.|x)",
    ) {
        prop_assume!(!is_blank(&addr) && name != "candidate");
        let sdp = format!("v=0\r\na={name}:{glue}{addr}{tail}\r\n");
        if let Ok(out) = filter_sdp(&sdp, &apart()) {
            prop_assert!(!addresses(&out).contains(&addr), "{addr} in\n{out}");
        }
    }

    #[test]
    fn any_bytes_are_filtered_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = filter_sdp(&text, &apart());
        let _ = filter_sdp(&format!("v=0\r\na={text}"), &apart());
    }

    #[test]
    fn any_text_is_filtered_or_refused(text in "(v=0\r\n)?(\\PC{0,30}\r?\n){0,10}") {
        let _ = filter_sdp(&text, &apart());
        let candidate = Candidate { candidate: text, sdp_mid: None, sdp_m_line_index: None, username_fragment: None };
        let _ = filter_candidate(&candidate, &apart());
    }
}

/// The check of the property is no empty one: it finds an address that is there.
#[test]
fn the_search_for_addresses_finds_them() {
    assert!(addresses("a=x:10.0.0.1:5000").contains(&"10.0.0.1".parse().unwrap()));
    assert!(addresses("c=IN IP6 2001:db8::7").contains(&"2001:db8::7".parse().unwrap()));
    assert!(addresses("a=ssrc:1 cname:abc").is_empty());
}
