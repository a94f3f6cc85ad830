//! The one offer of a call (protocol section 5): what it may be, and its answer. A stranger's text is bounded, checked and
//! cut down to the lines that are known here before the WebRTC stack reads it; candidates are dropped, since this side
//! never sends to an address that hasn't proven itself.

use std::{
    collections::HashSet,
    fmt::Write,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, IceCreds, Rtc,
    bwe::Bitrate,
    change::SdpOffer,
    config::{CryptoProvider, DtlsCert, DtlsVersion},
    media::Mid,
    net::TcpType,
    rtp::{Extension, ExtensionMap},
};
use visavis_domain::{
    Code, Fault,
    room::slots::{AUDIO_LINES, Lane, SCREENS},
    wire::Source,
};

/// Longest description: an unrestricted offer of ten people has 71 KB.
pub const MAX_SDP: usize = 128 * 1024;
/// Longest line; browsers stay below 200.
const MAX_LINE: usize = 1_024;
/// Most lines that carry media: four that send, four with sound, nine cameras and two screens, and room for appended ones.
const MAX_MEDIA: usize = 32;
/// Most attributes of one kind in one section: browsers list up to 40 payload types.
const MAX_ATTRIBUTES: usize = 256;
/// Layers of one picture.
pub const MAX_RIDS: usize = 3;
/// Longest names that the wire formats carry.
const MAX_MID: usize = 16;
const MAX_RID: usize = 8;
/// What is believed of a link before anything was measured, in bit/s.
pub const FIRST_ESTIMATE: u64 = 1_500_000;
/// How often loss and round trip of a connection are looked at.
const MEASURED_EVERY: Duration = Duration::from_millis(250);

/// What stands in a description for a port that doesn't matter.
const SOME_PORT: u16 = 9;

/// Session attributes that are passed on.
const SESSION: [&str; 8] = [
    "group",
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "fingerprint",
    "setup",
    "extmap-allow-mixed",
    "msid-semantic",
];
/// Media attributes that are passed on.
const MEDIA: [&str; 22] = [
    "mid",
    "sendonly",
    "recvonly",
    "sendrecv",
    "inactive",
    "rtcp-mux",
    "rtcp-rsize",
    "rtpmap",
    "fmtp",
    "rtcp-fb",
    "extmap",
    "rid",
    "simulcast",
    "ssrc",
    "ssrc-group",
    "msid",
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "fingerprint",
    "setup",
    "extmap-allow-mixed",
];

/// An offer that may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What is passed on.
    pub text: String,
    /// What the other side sends: the four lines in their order, with the names of their layers, lowest first.
    pub sends: Vec<(Source, Mid, Vec<String>)>,
    /// The receiving lines in their order.
    pub receives: Vec<(Lane, Mid)>,
    /// The certificate: the same one means the same page.
    pub fingerprint: String,
    /// Every line of pictures can be VP8.
    pub vp8: bool,
}

/// What connections to a shard have in common.
#[derive(Debug, Clone)]
pub struct Common {
    /// Addresses that answers name, of the UDP port.
    pub udp: Vec<SocketAddr>,
    /// And of the TCP port.
    pub tcp: Vec<SocketAddr>,
    /// One certificate for all connections of the process.
    pub cert: DtlsCert,
    /// The cryptography.
    pub crypto: Arc<CryptoProvider>,
    /// H.264 may be spoken, too: nobody looks at these calls.
    pub h264: bool,
}

impl Common {
    /// With a fresh certificate. `None` when the cryptography gives none.
    pub fn new(udp: Vec<SocketAddr>, tcp: Vec<SocketAddr>) -> Option<Self> {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let cert = crypto.dtls_provider.generate_certificate()?;
        Some(Self { udp, tcp, cert, crypto, h264: true })
    }

    /// Whether this offer is taken. Where calls are looked at, pictures are VP8: H.264 can't be looked at, and every browser has
    /// VP8 (RFC 7742 section 5).
    pub fn takes(&self, offer: &Offer) -> Result<(), Fault> {
        if self.h264 || offer.vp8 {
            return Ok(());
        }
        Err(invalid("calls are looked at here, so every line of pictures must offer VP8"))
    }

    /// A connection that waits for an offer.
    pub fn connection(&self, now: Instant) -> Result<Rtc, Fault> {
        let builder = Rtc::builder()
            .set_crypto_provider(Arc::clone(&self.crypto))
            .set_dtls_cert(self.cert.clone())
            // 1.3 falls back to a cipher that costs eight times as much.
            .set_dtls_version(DtlsVersion::Dtls12)
            .set_local_ice_credentials(IceCreds::new())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_extension_map(extensions())
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(self.h264)
            .enable_bwe(Some(Bitrate::from(FIRST_ESTIMATE)))
            .set_stats_interval(Some(MEASURED_EVERY));
        let mut rtc = builder.build(now);
        for &at in &self.udp {
            let candidate = Candidate::host(at, "udp").map_err(|_| Fault::internal())?;
            rtc.add_local_candidate(candidate);
        }
        for &at in &self.tcp {
            let passive = Candidate::builder().tcp().host(at).tcptype(TcpType::Passive).build();
            rtc.add_local_candidate(passive.map_err(|_| Fault::internal())?);
        }
        Ok(rtc)
    }
}

/// Lets the stack answer an offer. What it can't read is the stranger's fault, whatever way it fails.
pub(crate) fn answer(rtc: &mut Rtc, offer: &Offer) -> Result<String, Fault> {
    let invalid = || Fault::new(Code::InvalidSdp, "The session description can't be used.");
    let read = std::panic::AssertUnwindSafe(|| {
        let parsed = SdpOffer::from_sdp_string(&offer.text).map_err(|_| invalid())?;
        rtc.sdp_api().accept_offer(parsed).map(|answer| answer.to_sdp_string()).map_err(|_| invalid())
    });
    std::panic::catch_unwind(read).map_err(|_| invalid())?
}

/// Only what forwarding needs: every extension is bytes and work in every packet.
fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::empty();
    map.set(1, Extension::AudioLevel);
    map.set(3, Extension::TransportSequenceNumber);
    map.set(4, Extension::RtpMid);
    map.set(10, Extension::RtpStreamId);
    map.set(11, Extension::RepairedRtpStreamId);
    map.set(13, Extension::VideoOrientation);
    map
}

/// Reads an offer. Every refusal is `invalid-sdp` and says what is wrong.
pub fn read(sdp: &str) -> Result<Offer, Fault> {
    if sdp.len() > MAX_SDP {
        return Err(invalid("it is too long"));
    }
    let mut sections = Sections::default();
    for line in sdp.lines() {
        sections.line(line)?;
    }
    sections.finish()
}

fn invalid(what: &str) -> Fault {
    Fault::new(Code::InvalidSdp, format!("The session description can't be used: {what}."))
}

/// The offer as it is read line by line.
#[derive(Default)]
struct Sections {
    text: String,
    /// Names of the lines that share one transport.
    bundle: Vec<String>,
    mids: HashSet<String>,
    fingerprint: Option<String>,
    media: Vec<Section>,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "what a line says, each by itself")]
struct Section {
    audio: bool,
    /// It has no port of its own, as Firefox writes lines that share the first one's (RFC 8843 section 6).
    portless: bool,
    bundle_only: bool,
    mid: Option<String>,
    direction: Option<bool>,
    rids: Vec<String>,
    order: Vec<String>,
    vp8: bool,
    attributes: usize,
}

impl Sections {
    fn line(&mut self, line: &str) -> Result<(), Fault> {
        if line.len() > MAX_LINE || line.bytes().any(|b| b < b' ' && b != b'\t') {
            return Err(invalid("a line is too long or not text"));
        }
        let keep = match line.split_at_checked(2) {
            Some(("m=", media)) => {
                self.begin(media)?;
                false
            }
            Some(("a=", attribute)) => self.attribute(attribute)?,
            Some(("v=" | "o=" | "s=" | "t=" | "c=", _)) => true,
            Some(("b=" | "i=" | "k=" | "u=" | "e=" | "p=" | "r=" | "z=", _)) => false,
            _ => return Err(invalid("a line isn't SDP")),
        };
        if keep {
            let _ = write!(self.text, "{line}\r\n");
        }
        Ok(())
    }

    fn begin(&mut self, media: &str) -> Result<(), Fault> {
        if self.media.len() >= MAX_MEDIA {
            return Err(invalid("it has too many lines"));
        }
        let mut words = media.splitn(3, ' ');
        let (kind, port, rest) = (words.next(), words.next(), words.next().unwrap_or(""));
        let audio = match kind {
            Some("audio") => true,
            Some("video") => false,
            _ => return Err(invalid("only sound and pictures are taken")),
        };
        if port.is_none() || !rest.starts_with("UDP/TLS/RTP/SAVPF ") {
            return Err(invalid("every line must be UDP/TLS/RTP/SAVPF"));
        }
        // All run over one port anyway; that of a stopped line is found out at the end.
        let _ = write!(self.text, "m={} {SOME_PORT} {rest}\r\n", if audio { "audio" } else { "video" });
        self.media.push(Section { audio, portless: port == Some("0"), ..Section::default() });
        Ok(())
    }

    fn attribute(&mut self, attribute: &str) -> Result<bool, Fault> {
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        if name == "fingerprint" {
            let first = self.fingerprint.get_or_insert_with(|| value.to_ascii_lowercase());
            if *first != value.to_ascii_lowercase() {
                return Err(invalid("it has two fingerprints"));
            }
        }
        if name == "ice-lite" {
            return Err(invalid("the other side must be a full ICE agent"));
        }
        let Some(section) = self.media.last_mut() else {
            if let Some(mids) = attribute.strip_prefix("group:BUNDLE ") {
                self.bundle = mids.split(' ').take(MAX_MEDIA + 1).map(str::to_owned).collect();
            }
            return Ok(SESSION.contains(&name));
        };
        section.bundle_only |= name == "bundle-only";
        if !MEDIA.contains(&name) {
            return Ok(false);
        }
        section.attributes += 1;
        if section.attributes > MAX_ATTRIBUTES {
            return Err(invalid("a line has too many attributes"));
        }
        match name {
            "mid" => {
                let token = !value.is_empty()
                    && value.len() <= MAX_MID
                    && value.bytes().all(|b| b.is_ascii_graphic());
                if !token || section.mid.is_some() || !self.mids.insert(value.to_owned()) {
                    return Err(invalid("every line needs a name of its own"));
                }
                section.mid = Some(value.to_owned());
            }
            "sendonly" => section.direction = Some(true),
            "recvonly" => section.direction = Some(false),
            "sendrecv" | "inactive" => return Err(invalid("every line either sends or receives")),
            "rtpmap" => section.vp8 |= value.to_ascii_uppercase().ends_with(" VP8/90000"),
            "rid" => section.rid(value)?,
            "simulcast" => section.simulcast(value)?,
            _ => {}
        }
        Ok(true)
    }

    fn finish(self) -> Result<Offer, Fault> {
        let fingerprint = self.fingerprint.ok_or_else(|| invalid("it has no fingerprint"))?;
        let vp8 = self.media.iter().all(|section| section.audio || section.vp8);
        let mut offer = Offer { text: self.text, sends: Vec::new(), receives: Vec::new(), fingerprint, vp8 };
        for (i, section) in self.media.into_iter().enumerate() {
            if section.portless && !section.bundle_only {
                return Err(invalid("no line may be stopped"));
            }
            let mid = section.mid.as_deref().ok_or_else(|| invalid("a line has no name"))?;
            if !self.bundle.iter().any(|bundled| bundled == mid) {
                return Err(invalid("all lines must be bundled"));
            }
            let mid = Mid::from(mid);
            let direction =
                section.direction.ok_or_else(|| invalid("every line either sends or receives"))?;
            match Source::ALL.get(i) {
                Some(source) if direction && source.is_audio() == section.audio => {
                    let layers = section.layers();
                    offer.sends.push((*source, mid, layers));
                }
                Some(source) => {
                    return Err(invalid(&format!(
                        "line {i} must be the one that sends the {}",
                        source.as_str()
                    )));
                }
                None if !direction => {
                    let lane = if section.audio { Lane::Audio } else { Lane::Camera };
                    offer.receives.push((lane, mid));
                }
                None => return Err(invalid("only the first four lines send")),
            }
        }
        offer.place_screens()?;
        Ok(offer)
    }
}

impl Section {
    fn rid(&mut self, value: &str) -> Result<(), Fault> {
        let mut words = value.split(' ');
        let name = words.next().filter(|name| is_rid(name)).ok_or_else(|| invalid("a layer has no name"))?;
        if words.next() == Some("send") {
            if self.rids.len() >= MAX_RIDS || self.rids.iter().any(|rid| rid == name) {
                return Err(invalid("a picture has at most three layers"));
            }
            self.rids.push(name.to_owned());
        }
        Ok(())
    }

    /// `send l;m;h`: the order of layers.
    fn simulcast(&mut self, value: &str) -> Result<(), Fault> {
        let mut words = value.split(' ');
        if words.next() == Some("send") {
            let names = words.next().unwrap_or("").split(';').map(|name| name.trim_start_matches('~'));
            self.order = names.take(MAX_RIDS + 1).map(str::to_owned).collect();
            if self.order.len() > MAX_RIDS || !self.order.iter().all(|name| is_rid(name)) {
                return Err(invalid("a picture has at most three layers"));
            }
        }
        Ok(())
    }

    fn layers(self) -> Vec<String> {
        let Self { rids, order, .. } = self;
        order.into_iter().filter(|name| rids.contains(name)).collect()
    }
}

fn is_rid(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_RID && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl Offer {
    /// Four lines for sound, then pictures; the last two of these are for screens, or fewer when there are few.
    fn place_screens(&mut self) -> Result<(), Fault> {
        let audio = self.receives.iter().filter(|(lane, _)| *lane == Lane::Audio).count();
        let ordered = self.receives[..audio].iter().all(|(lane, _)| *lane == Lane::Audio);
        if self.sends.len() != Source::ALL.len() || audio != AUDIO_LINES || !ordered {
            return Err(invalid("four lines send, then four receive sound, then the others pictures"));
        }
        let pictures = self.receives.len() - audio;
        let screens = pictures.saturating_sub(1).min(SCREENS);
        let from = self.receives.len() - screens;
        self.receives[from..].iter_mut().for_each(|(lane, _)| *lane = Lane::Screen);
        Ok(())
    }

    /// The lines that were appended to what `before` were: cameras all of them.
    pub fn appended(&mut self, before: &[(Lane, Mid)]) -> Result<Vec<(Lane, Mid)>, Fault> {
        if self.receives.len() < before.len() || !self.receives.iter().zip(before).all(|(a, b)| a.1 == b.1) {
            return Err(invalid("lines can only be appended"));
        }
        let appended: Vec<_> =
            self.receives[before.len()..].iter().map(|(_, mid)| (Lane::Camera, *mid)).collect();
        self.receives = before.iter().chain(&appended).copied().collect();
        Ok(appended)
    }
}

/// Groups the lines of a small room: picture and sound of one person are to be played in step. `answer` has its sending
/// lines in the order of `receives`.
pub fn group_pairs(answer: &str, receives: &[(Lane, Mid)]) -> String {
    let nth = |name: &str| {
        let at = receives.iter().position(|(_, m)| *m == Mid::from(name))?;
        let lane = receives[at].0;
        (lane != Lane::Screen).then(|| receives[..at].iter().filter(|(l, _)| *l == lane).count())
    };
    let mut out = String::with_capacity(answer.len());
    for section in sections(answer) {
        let pair = section.lines().find_map(|line| line.strip_prefix("a=mid:")).and_then(nth);
        for line in section.lines() {
            match (pair, line.strip_prefix("a=msid:").and_then(|msid| msid.split_once(' '))) {
                (Some(pair), Some((_, track))) => {
                    let _ = write!(out, "a=msid:pair{pair} {track}\r\n");
                }
                _ => {
                    let _ = write!(out, "{line}\r\n");
                }
            }
        }
    }
    out
}

/// The session part and every media part, each with its own lines.
fn sections(sdp: &str) -> impl Iterator<Item = &str> {
    let mut rest = sdp;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest[1..].find("\nm=").map_or(rest.len(), |at| at + 2);
        let (section, after) = rest.split_at(end);
        rest = after;
        Some(section)
    })
}

#[cfg(test)]
mod tests;
