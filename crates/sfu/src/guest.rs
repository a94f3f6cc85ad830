//! A person without a face, for load tests and simulations: a real WebRTC connection that offers the lines of protocol
//! section 5, sends sound and simulcast pictures, asks for key frames when its decoders need them, and counts what a person
//! would have seen and heard. Pure: datagrams and time come in, datagrams come out.

pub mod film;
#[cfg(any(test, feature = "testing"))]
mod hostile;
pub mod picture;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcError,
    change::{SdpAnswer, SdpPendingOffer},
    config::DtlsVersion,
    format::Codec,
    media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive},
    rtp::{ExtensionValues, RtpPacket, RtpWrite},
};
use visavis_domain::{room::slots, wire::Source};

pub use film::{Film, Reel};
pub use picture::{Decoder, Encoder, Shape, Shown};

/// A packet of sound every 20 ms, as Opus in browsers.
const VOICE_EVERY: Duration = Duration::from_millis(20);
/// Bytes of one: 32 kbit/s.
const VOICE_BYTES: usize = 80;
/// Between two requests for a key frame of one line.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// Between two looks at decoders that wait for lost packets.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A camera's layers as the page sends them at 1280×720: about 120, 350 and 1200 kbit/s.
pub const CAMERA: [(&str, Shape); 3] = [
    ("l", Shape { height: 180, fps: 15, packets: 1, bytes: 1_000 }),
    ("m", Shape { height: 360, fps: 15, packets: 3, bytes: 1_000 }),
    ("h", Shape { height: 720, fps: 30, packets: 5, bytes: 1_000 }),
];

/// What a guest sends and how many it expects to see.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Most people of the room: it decides how many lines are offered.
    pub limit: usize,
    /// The camera's layers; none: it stays dark.
    pub camera: Vec<(&'static str, Shape)>,
    /// Whether it has a microphone.
    pub voice: bool,
    /// Names its encoders; no two guests of a room may share it.
    pub number: u32,
}

/// What was heard on a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    /// Packets.
    pub packets: u64,
    /// Missing among them.
    pub lost: u64,
    /// Numbers left out before a key frame: the sender has given up what waited and begun anew, as on a link that is too thin.
    pub cut: u64,
    first: Option<u64>,
    last: u64,
}

/// A layer that is sent.
struct Sender {
    mid: Mid,
    rid: Option<Rid>,
    encoder: Encoder,
    on: bool,
}

/// The person.
pub struct Guest {
    rtc: Rtc,
    at: SocketAddr,
    pending: Option<SdpPendingOffer>,
    mids: HashMap<Source, Mid>,
    receives: Vec<Mid>,
    senders: Vec<Sender>,
    voice: Option<Voice>,
    decoders: HashMap<Mid, Decoder>,
    asked: HashMap<Mid, Instant>,
    heard: HashMap<Mid, Heard>,
    received: HashMap<Mid, Heard>,
    bytes: (u64, u64),
    first_packet: Option<Instant>,
    deadline: Instant,
    looked: Instant,
    connected: Option<Instant>,
    /// Key-frame requests that came to it, by layer.
    pub requests: Vec<(Instant, Option<String>)>,
    /// It gives none, whatever is asked.
    pub deaf: bool,
    out: VecDeque<(SocketAddr, Vec<u8>)>,
}

struct Voice {
    mid: Mid,
    /// What it says, if it isn't silence of the usual size.
    film: Option<Arc<Film>>,
    seq: u64,
    time: u32,
    due: Instant,
    /// RFC 6464, as a positive number.
    level: i8,
    on: bool,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Guest {
    /// A guest at the address `at`, and its offer.
    pub fn new(now: Instant, at: SocketAddr, plan: &Plan) -> Result<(Self, String), RtcError> {
        let mut rtc = Rtc::builder()
            .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
            .set_dtls_version(DtlsVersion::Dtls12)
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        if let Ok(candidate) = Candidate::host(at, "udp") {
            rtc.add_local_candidate(candidate);
        }
        let mut api = rtc.sdp_api();
        let mut mids = HashMap::new();
        for source in Source::ALL {
            let kind = if source.is_audio() { MediaKind::Audio } else { MediaKind::Video };
            let simulcast = (source == Source::Camera && plan.camera.len() > 1).then(|| layers(&plan.camera));
            mids.insert(source, api.add_media(kind, Direction::SendOnly, None, None, simulcast));
        }
        let mut receives = Vec::new();
        for lane in slots::lanes(plan.limit) {
            let kind = if lane == slots::Lane::Audio { MediaKind::Audio } else { MediaKind::Video };
            receives.push(api.add_media(kind, Direction::RecvOnly, None, None, None));
        }
        let Some((offer, pending)) = api.apply() else {
            return Err(RtcError::RemoteSdp("nothing to offer".to_owned()));
        };
        let simulcast = plan.camera.len() > 1;
        let senders = (0..).zip(&plan.camera).map(|(i, (rid, shape))| Sender {
            mid: mids[&Source::Camera],
            rid: simulcast.then(|| Rid::from(*rid)),
            encoder: Encoder::new(now, plan.number * 8 + i, *shape),
            on: true,
        });
        let senders = senders.collect();
        let voice = plan.voice.then(|| Voice {
            mid: mids[&Source::Mic],
            film: None,
            seq: 1,
            time: 0,
            due: now,
            level: 100,
            on: true,
        });
        let guest = Self {
            rtc,
            at,
            pending: Some(pending),
            mids,
            receives,
            senders,
            voice,
            decoders: HashMap::new(),
            asked: HashMap::new(),
            heard: HashMap::new(),
            received: HashMap::new(),
            bytes: (0, 0),
            first_packet: None,
            deadline: now,
            looked: now,
            connected: None,
            requests: Vec::new(),
            deaf: false,
            out: VecDeque::new(),
        };
        Ok((guest, offer.to_sdp_string()))
    }

    /// Takes the answer to the offer.
    pub fn accept(&mut self, now: Instant, answer: &str) -> Result<(), RtcError> {
        let answer = SdpAnswer::from_sdp_string(answer)?;
        if let Some(pending) = self.pending.take() {
            self.rtc.sdp_api().accept_answer(pending, answer)?;
            // A restart forgets the addresses of before; one that is known already isn't added again.
            if let Ok(candidate) = Candidate::host(self.at, "udp") {
                self.rtc.add_local_candidate(candidate);
            }
        }
        self.rtc.handle_input(Input::Timeout(now))?;
        self.drain(now)
    }

    /// A new offer that restarts ICE from the address `at`.
    pub fn restart(&mut self, now: Instant, at: SocketAddr) -> Result<String, RtcError> {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(false);
        let Some((offer, pending)) = api.apply() else {
            return Err(RtcError::RemoteSdp("nothing to offer".to_owned()));
        };
        self.pending = Some(pending);
        self.at = at;
        self.rtc.handle_input(Input::Timeout(now))?;
        self.drain(now)?;
        Ok(offer.to_sdp_string())
    }

    /// Takes a datagram.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Result<(), RtcError> {
        self.bytes.0 += datagram.len() as u64;
        let Ok(contents) = datagram.try_into() else { return Ok(()) };
        let receive = Receive { proto: Protocol::Udp, source: from, destination: self.at, contents };
        self.rtc.handle_input(Input::Receive(now, receive))?;
        self.drain(now)
    }

    /// Sends what is due, and lets time pass.
    pub fn advance(&mut self, now: Instant) -> Result<(), RtcError> {
        if self.connected.is_some() {
            self.send(now)?;
        }
        if now >= self.looked + LOOK_EVERY {
            self.looked = now;
            self.decoders.values_mut().for_each(|d| d.advance(now));
            self.ask(now)?;
        }
        if self.deadline <= now {
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain(now)?;
        }
        Ok(())
    }

    /// When `advance` must be called.
    pub fn wake(&self) -> Instant {
        let media = self.senders.iter().filter(|s| s.on).map(|s| s.encoder.due());
        let voice = self.voice.iter().filter(|v| v.on).map(|v| v.due);
        let next = media.chain(voice).min().filter(|_| self.connected.is_some());
        next.into_iter().chain([self.deadline, self.looked + LOOK_EVERY]).min().unwrap_or(self.deadline)
    }

    /// The next datagram to send.
    pub fn poll(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.out.pop_front()
    }

    /// When media could flow.
    pub const fn connected(&self) -> Option<Instant> {
        self.connected
    }

    /// Whether the other side has ended it.
    pub fn is_alive(&self) -> bool {
        self.rtc.is_alive()
    }

    /// Its camera and microphone are those of a film from now on.
    pub fn play(&mut self, film: &Arc<Film>) {
        let camera = self.mids[&Source::Camera];
        let layers = self.senders.iter_mut().filter(|s| s.mid == camera);
        layers.zip(0..).for_each(|(sender, layer)| sender.encoder.play(film, layer));
        if let Some(voice) = self.voice.as_mut().filter(|_| !film.voice.is_empty()) {
            voice.film = Some(Arc::clone(film));
        }
    }

    /// Lines whose picture waits for a key frame.
    pub fn waiting(&self) -> usize {
        self.decoders.values().filter(|d| d.needs_key()).count()
    }

    /// How loud it is from now on: −dBov, 127 is silence.
    pub fn speak(&mut self, level: u8) {
        if let Some(voice) = &mut self.voice {
            voice.level = i8::try_from(level.min(127)).unwrap_or(127);
        }
    }

    /// Sends one of its layers or not.
    pub fn set_layer(&mut self, layer: usize, on: bool) {
        if let Some(sender) = self.senders.get_mut(layer) {
            sender.on = on;
        }
    }

    /// Sends nothing for a while, or goes on.
    pub fn hush(&mut self, now: Instant, quiet: bool) {
        for sender in &mut self.senders {
            sender.on = !quiet;
            // What was due meanwhile is not made up for.
            drop(sender.encoder.make(now));
            sender.encoder.want_key();
        }
        if let Some(voice) = &mut self.voice {
            if voice.on == quiet && !quiet {
                let ms = now.saturating_duration_since(voice.due).as_millis();
                voice.time = voice.time.wrapping_add(u32::try_from(ms).unwrap_or(0).wrapping_mul(48));
                voice.due = now;
            }
            voice.on = !quiet;
        }
    }

    /// Shares a screen of this shape.
    pub fn share_screen(&mut self, now: Instant, number: u32, shape: Shape) {
        let mid = self.mids[&Source::Screen];
        let encoder = Encoder::new(now, number * 8 + 7, shape);
        self.senders.push(Sender { mid, rid: None, encoder, on: true });
    }

    /// Receiving lines in their order.
    pub fn lines(&self) -> &[Mid] {
        &self.receives
    }

    /// What a line has shown.
    pub fn shown(&self, mid: &str) -> Shown {
        self.decoders.get(&Mid::from(mid)).map(|d| d.shown.clone()).unwrap_or_default()
    }

    /// What all its lines have shown.
    pub fn all_shown(&self) -> impl Iterator<Item = &Shown> {
        self.decoders.values().map(|d| &d.shown)
    }

    /// What was heard on a line.
    pub fn heard(&self, mid: &str) -> Heard {
        self.heard.get(&Mid::from(mid)).copied().unwrap_or_default()
    }

    /// What was heard on all lines.
    pub fn all_heard(&self) -> impl Iterator<Item = &Heard> {
        self.heard.values()
    }

    /// Packets of pictures on all lines that carried some.
    pub fn all_received(&self) -> impl Iterator<Item = &Heard> {
        self.received.values()
    }

    /// When the first media came.
    pub const fn first_packet(&self) -> Option<Instant> {
        self.first_packet
    }

    /// Bytes of datagrams that came and went.
    pub const fn bytes(&self) -> (u64, u64) {
        self.bytes
    }

    /// Frames its layers have made.
    pub fn sent_frames(&self) -> Vec<u32> {
        self.senders.iter().map(|s| s.encoder.frames()).collect()
    }

    fn send(&mut self, now: Instant) -> Result<(), RtcError> {
        let (vp8, opus) = (self.pt(Codec::Vp8), self.pt(Codec::Opus));
        for i in 0..self.senders.len() {
            let sender = &mut self.senders[i];
            let made = sender.encoder.make(now);
            let (mid, rid, on) = (sender.mid, sender.rid, sender.on);
            let (Some(pt), true) = (vp8, on) else { continue };
            let mut direct = self.rtc.direct_api();
            let Some(stream) = direct.stream_tx_by_mid(mid, rid) else { continue };
            for packet in made {
                let write = RtpWrite::new(pt, packet.seq.into(), packet.time, now, packet.payload);
                stream.write_rtp(write.marker(packet.marker).nackable(true));
            }
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain(now)?;
        }
        while let (Some(voice), Some(pt)) = (self.voice.as_mut().filter(|v| v.on && v.due <= now), opus) {
            let level = ExtensionValues {
                audio_level: Some(-voice.level),
                voice_activity: Some(voice.level < 50),
                ..ExtensionValues::default()
            };
            let write = RtpWrite::new(pt, voice.seq.into(), voice.time, now, voice.says());
            let mid = voice.mid;
            voice.seq += 1;
            voice.time = voice.time.wrapping_add(960);
            voice.due += VOICE_EVERY;
            if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
                stream.write_rtp(write.ext_vals(level));
            }
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain(now)?;
        }
        Ok(())
    }

    fn pt(&self, codec: Codec) -> Option<Pt> {
        self.rtc
            .codec_config()
            .params()
            .iter()
            .find(|p| p.spec().codec == codec)
            .map(str0m::format::PayloadParams::pt)
    }

    fn ask(&mut self, now: Instant) -> Result<(), RtcError> {
        let needing: Vec<Mid> =
            self.decoders.iter().filter(|(_, d)| d.needs_key()).map(|(mid, _)| *mid).collect();
        for mid in needing {
            if self.asked.get(&mid).is_some_and(|at| now < *at + ASK_EVERY) {
                continue;
            }
            self.asked.insert(mid, now);
            if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain(now)?;
        }
        Ok(())
    }

    fn drain(&mut self, now: Instant) -> Result<(), RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return Ok(());
                }
                Output::Transmit(t) => {
                    self.bytes.1 += t.contents.len() as u64;
                    self.out.push_back((t.destination, t.contents.to_vec()));
                }
                Output::Event(event) => self.event(now, event),
            }
        }
    }

    fn event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connected => {
                self.connected = Some(now);
                // What was due before is not made up for.
                self.senders.iter_mut().for_each(|s| drop(s.encoder.make(now)));
                self.senders.iter_mut().for_each(|s| s.encoder.want_key());
                self.voice.iter_mut().for_each(|v| v.due = now);
            }
            Event::KeyframeRequest(request) => {
                let of =
                    |s: &&mut Sender| s.mid == request.mid && (request.rid.is_none() || s.rid == request.rid);
                if !self.deaf {
                    self.senders.iter_mut().filter(of).for_each(|s| s.encoder.want_key());
                }
                self.requests.push((now, request.rid.map(|rid| rid.to_string())));
            }
            Event::RtpPacket(packet) => self.packet(now, packet),
            _ => {}
        }
    }

    fn packet(&mut self, now: Instant, packet: RtpPacket) {
        let Some(mid) = self.rtc.direct_api().stream_rx(&packet.header.ssrc).map(|s| s.mid()) else { return };
        self.first_packet.get_or_insert(now);
        let audio = self.rtc.media(mid).is_some_and(|m| m.kind() == MediaKind::Audio);
        if audio {
            self.heard.entry(mid).or_default().take(*packet.seq_no, false);
        } else {
            let begins_anew = crate::vp8::read(&packet.payload).is_some_and(|vp8| vp8.begins && vp8.key);
            self.received.entry(mid).or_default().take(*packet.seq_no, begins_anew);
            let decoder = self.decoders.entry(mid).or_default();
            let (time, marker) = (packet.header.timestamp, packet.header.marker);
            decoder.take(now, *packet.seq_no, time, marker, packet.payload);
        }
    }
}

impl Voice {
    fn says(&self) -> Vec<u8> {
        let packets = self.film.as_ref().map(|film| &film.voice).filter(|packets| !packets.is_empty());
        let at = |count: usize| usize::try_from(self.seq).unwrap_or(0) % count;
        packets.map_or_else(|| vec![0x78; VOICE_BYTES], |packets| packets[at(packets.len())].clone())
    }
}

impl Heard {
    /// Adds another line's figures.
    pub const fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.lost += other.lost;
        self.cut += other.cut;
    }

    fn take(&mut self, seq: u64, begins_anew: bool) {
        let first = *self.first.get_or_insert(seq);
        if begins_anew && self.packets > 0 {
            self.cut += seq.saturating_sub(self.last + 1);
        }
        self.packets += 1;
        self.last = self.last.max(seq);
        self.lost = (self.last + 1).saturating_sub(first).saturating_sub(self.packets + self.cut);
    }
}

fn layers(camera: &[(&'static str, Shape)]) -> Simulcast {
    let mut simulcast = Simulcast::new();
    for (rid, _) in camera {
        simulcast.add_send_layer(SimulcastLayer::new(rid));
    }
    simulcast
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(packets: &[(u64, bool)]) -> (u64, u64) {
        let mut heard = Heard::default();
        for &(seq, begins_anew) in packets {
            heard.take(seq, begins_anew);
        }
        (heard.lost, heard.cut)
    }

    #[test]
    fn what_is_missing_is_lost_unless_a_key_frame_begins_anew_behind_it() {
        assert_eq!(heard(&[(7, true), (8, false), (9, false)]), (0, 0));
        assert_eq!(heard(&[(7, true), (9, false)]), (1, 0));
        assert_eq!(heard(&[(7, true), (9, false), (8, false)]), (0, 0), "it came late");
        assert_eq!(heard(&[(7, true), (8, false), (12, true), (13, false)]), (0, 3));
        assert_eq!(heard(&[(7, true), (12, true), (14, false)]), (1, 4));
        assert_eq!(heard(&[(7, false), (8, true), (9, true)]), (0, 0));
    }
}
