use proptest::prelude::*;

use super::*;
use crate::guest::{CAMERA, Guest, Plan};

#[expect(clippy::disallowed_methods, reason = "a start for a test's own time")]
fn offer(limit: usize) -> String {
    let plan = Plan { limit, camera: CAMERA.to_vec(), voice: true, number: 1 };
    let at = SocketAddr::from(([127, 0, 0, 1], 9));
    Guest::new(Instant::now(), at, &plan).unwrap().1
}

#[test]
fn the_lines_of_the_protocol_are_read_in_their_order() {
    let offer = read(&offer(10)).unwrap();
    assert_eq!(offer.sends.iter().map(|(s, ..)| *s).collect::<Vec<_>>(), Source::ALL);
    assert_eq!(offer.sends[1].2, ["l", "m", "h"]);
    assert_eq!(offer.receives.len(), 4 + 9 + 2);
    let lanes: Vec<Lane> = offer.receives.iter().map(|(lane, _)| *lane).collect();
    assert_eq!(lanes, visavis_domain::room::slots::lanes(10));
}

#[test]
fn candidates_and_unknown_attributes_go_no_further() {
    let text = offer(3);
    assert!(text.contains("a=candidate"), "the check isn't vacuous");
    let strange = text.replace(
        "a=rtcp-mux\r\n",
        "a=rtcp-mux\r\na=x-strange:1\r\na=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n",
    );
    let read = read(&strange).unwrap();
    assert!(!read.text.contains("candidate:") && !read.text.contains("strange"));
}

#[test]
fn lines_that_share_the_first_ones_port_as_firefox_writes_them_are_taken() {
    let text = offer(3);
    let (first, others) = text.split_once("m=video 9 ").unwrap();
    let shared = others.replace("m=audio 9 ", "m=audio 0 ").replace("m=video 9 ", "m=video 0 ");
    let shared = format!("{first}m=video 0 {shared}").replace("a=mid:", "a=bundle-only\r\na=mid:");
    assert!(shared.contains("m=audio 0 "), "the check isn't vacuous");
    let read = read(&shared).unwrap();
    assert!(!read.text.contains(" 0 UDP"), "the stack takes such a line for a stopped one");
    assert_eq!(read.receives, super::read(&text).unwrap().receives);
}

#[test]
fn every_limit_is_kept() {
    let good = offer(3);
    let code = |text: &str| read(text).map(drop).map_err(|f| f.code);
    assert_eq!(code(&good), Ok(()));
    for (what, text) in [
        ("long", format!("{good}a=x:{}\r\n", "y".repeat(MAX_LINE))),
        ("large", good.clone() + &"a=x\r\n".repeat(MAX_SDP / 5)),
        ("attributes", good.clone() + &"a=fmtp:1 x\r\n".repeat(MAX_ATTRIBUTES)),
        ("media", good.clone() + &"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n".repeat(MAX_MEDIA)),
        ("control", good.replace("a=mid:", "a=mid:\u{1}")),
        ("two names", good.replacen("a=recvonly", "a=mid:zz\r\na=recvonly", 1)),
        ("rids", good.replacen("a=rid:h send", "a=rid:h send\r\na=rid:i send\r\na=rid:j send", 1)),
        ("data", good.clone() + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"),
        ("stopped", good.replacen("m=video 9", "m=video 0", 1)),
    ] {
        assert_eq!(code(&text), Err(Code::InvalidSdp), "{what}");
    }
}

#[test]
fn lines_may_be_appended_and_not_exchanged() {
    let text = offer(3);
    let before = read(&text).unwrap().receives;
    let mut more = read(&text).unwrap();
    more.receives.push((Lane::Screen, Mid::from("new")));
    assert_eq!(more.appended(&before).unwrap(), [(Lane::Camera, Mid::from("new"))]);
    assert_eq!(more.receives[before.len() - 1].0, Lane::Screen, "the old ones keep their meaning");
    let mut other = read(&text).unwrap();
    other.receives.swap(0, 1);
    assert!(other.appended(&before).is_err());
}

#[test]
fn pairs_of_a_small_room_share_a_stream() {
    let receives =
        vec![(Lane::Audio, Mid::from("4")), (Lane::Camera, Mid::from("8")), (Lane::Screen, Mid::from("9"))];
    let answer = "v=0\r\nm=audio 9 x\r\na=mid:4\r\na=msid:s1 t1\r\nm=video 9 x\r\na=mid:8\r\na=msid:s2 t2\r\n\
                  m=video 9 x\r\na=mid:9\r\na=msid:s3 t3\r\n";
    let grouped = group_pairs(answer, &receives);
    assert_eq!(grouped, answer.replace("s1", "pair0").replace("s2", "pair0"));
}

/// What a browser offers that would rather send H.264: its payload type stands before that of VP8.
fn preferring_h264(vp8: &str) -> String {
    const H264: &str = "a=rtpmap:127 H264/90000\r\na=rtcp-fb:127 nack pli\r\n\
        a=fmtp:127 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n";
    let mut out = String::new();
    for section in sections(vp8) {
        let preferring = section.replacen("UDP/TLS/RTP/SAVPF ", "UDP/TLS/RTP/SAVPF 127 ", 1);
        let video = section.starts_with("m=video");
        out += &if video { preferring + H264 } else { section.to_owned() };
    }
    out
}

/// The same without VP8.
fn only_h264(vp8: &str) -> String {
    let fmtp = "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
    vp8.replace("a=rtpmap:96 VP8/90000", &format!("a=rtpmap:96 H264/90000\r\n{fmtp}"))
}

#[expect(clippy::disallowed_methods, reason = "a start for a test's own time")]
fn answered(h264: bool, text: &str) -> Result<String, Fault> {
    let common = Common { h264, ..Common::new(vec![SocketAddr::from(([127, 0, 0, 1], 9))], vec![]).unwrap() };
    let offer = read(text)?;
    common.takes(&offer)?;
    let parsed = SdpOffer::from_sdp_string(&offer.text).unwrap();
    let mut rtc = common.connection(Instant::now())?;
    Ok(rtc.sdp_api().accept_offer(parsed).unwrap().to_sdp_string())
}

#[test]
fn where_calls_are_looked_at_nobody_sends_what_cannot_be_looked_at() {
    let vp8 = offer(3);
    let (both, only) = (preferring_h264(&vp8), only_h264(&vp8));
    assert!(!only.contains("VP8"), "the check isn't vacuous: {only}");
    let speaks = |answer: &str, what: &str| answer.to_ascii_lowercase().contains(what);
    for text in [&both, &only] {
        assert!(speaks(&answered(true, text).unwrap(), "h264/90000"), "taken where nobody looks");
    }
    let answer = answered(false, &both).unwrap();
    assert!(speaks(&answer, "vp8/90000") && !speaks(&answer, "h264"), "{answer}");
    assert!(!answer.lines().any(|line| line.starts_with("m=video") && line.contains(" 127")), "{answer}");
    let fault = answered(false, &only).unwrap_err();
    assert_eq!(fault.code, Code::InvalidSdp);
    assert!(fault.detail.contains("must offer VP8"), "{}", fault.detail);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(cut in 0_usize..6_000, junk in ".{0,40}", line in 0_usize..200) {
        let good = offer(3);
        let cut = (0..=cut.min(good.len())).rev().find(|i| good.is_char_boundary(*i)).unwrap_or(0);
        let _ = read(&good[..cut]);
        let mut lines: Vec<&str> = good.lines().collect();
        let at = line % lines.len();
        lines[at] = &junk;
        if let Err(fault) = read(&lines.join("\r\n")) {
            prop_assert_eq!(fault.code, Code::InvalidSdp);
        }
    }
}
