//! One person's connection: its `Rtc`, what it sends, the lines it receives on. It must be drained after every change,
//! or the WebRTC stack loses media without a word; so every method here that changes it says what has to follow.

mod published;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Input as RtcInput, Output as RtcOutput, Rtc,
    bwe::{Bitrate, BweKind},
    format::Codec,
    media::{Direction, KeyframeRequestKind, Mid, Pt},
    net::{Protocol, Receive},
    rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc, Vp8Descriptor},
};
use visavis_domain::{
    Timestamp,
    id::ParticipantId,
    room::{
        layers::Layers,
        slots::{Lane, Origin, Slots},
    },
    wire::Source,
};

use crate::{
    burst::{Carrier, Gather, Route},
    forward::{Arrival, Rewriter, StreamKey},
    negotiate::Offer,
    vp8,
};
pub(crate) use published::Published;

/// Encodings that are remembered: seven of four lines, and as many again after a codec change.
const MAX_STREAMS: usize = 16;
/// Addresses of one peer: its interfaces, both families, a change of network.
const MAX_ROUTES: usize = 8;
/// Media is written to a connection that is still shaking hands, so that its first picture leaves with the last
/// handshake message; for no longer than this.
const WARM: Duration = Duration::from_millis(1_500);
/// What the estimator looks for as soon as somebody gets pictures, in bit/s. Probes end at twice what is looked for: with
/// little in the beginning, the first probes would find little and take the estimate down to it.
const PROBED: u64 = 2_000_000;
/// Between two looks for more than is sent; a look costs a link that carries no more a few packets.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// The same after an upgrade that made the estimate dip.
const PROBE_YOUNG: Duration = Duration::from_millis(400);
const NUDGE: u64 = 50_000;

/// Packets of a line that can be sent again, a second of the highest layer; later than this they come too late.
const RESENT_PACKETS: usize = 512;
const RESENT_WITHIN: Duration = Duration::from_secs(1);
/// At most this share of what is sent may be sent again: a link that loses more needs a lower layer, not more packets.
const RESENT_SHARE: f32 = 0.4;

/// How a packet is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Opus,
    Vp8(vp8::Vp8),
    H264,
}

/// A packet on its way through the room.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) source: Source,
    pub(crate) layer: u8,
    pub(crate) stream: StreamKey,
    pub(crate) coding: Coding,
    pub(crate) entry: bool,
    pub(crate) rtp: RtpPacket,
    descriptor: Option<Vp8Descriptor>,
}

/// What a peer's connection has to say.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are packets, and a box for each costs more"
)]
pub(crate) enum Said {
    Packet(Inbound),
    /// Its decoder on this line can't go on.
    Lost(usize),
    Estimate(u64),
    /// What became of the packets of the last second: the part that was lost, and the round trip.
    Path {
        loss: f32,
        rtt: Duration,
    },
    /// Media can flow.
    Connected,
    /// An address has proven itself.
    Address(SocketAddr),
}

/// One receiving line.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) mid: Mid,
    ssrc: Option<Ssrc>,
    pub(crate) lane: Lane,
    pub(crate) origin: Option<Origin>,
    pub(crate) rewriter: Rewriter,
    /// The decoder has lost its thread since the last key frame.
    pub(crate) lost: bool,
    /// Highest temporal layer that goes out.
    pub(crate) temporal: u8,
}

pub(crate) struct Peer {
    pub(crate) participant: ParticipantId,
    pub(crate) rtc: Rtc,
    /// Who gets nothing of them, nor they of who; said of at least one of the two.
    pub(crate) apart: Vec<ParticipantId>,
    /// Distinguishes this connection's numbering from an earlier one of the same person.
    serial: u64,
    pub(crate) offer: Offer,
    pub(crate) asked: String,
    pub(crate) answer: String,
    pub(crate) published: Vec<Published>,
    streams: Vec<(Ssrc, usize, u8)>,
    codecs: Vec<(Pt, Codec)>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) lines: Slots,
    pub(crate) layers: Layers,
    /// What its page shows, as it said; nothing: everything at the default size.
    pub(crate) view: Option<Vec<(Origin, u16)>>,
    pub(crate) deadline: Instant,
    /// When its allocator wants to be asked again.
    pub(crate) rethink: Option<Instant>,
    desired: u64,
    probed: Instant,
    pub(crate) gather: Gather,
    /// When the oldest came of the packets that were written since it was drained.
    since: Option<Instant>,
    pub(crate) routes: Vec<SocketAddr>,
    /// When something came last, and whether that is too long ago.
    pub(crate) heard: Instant,
    pub(crate) silent: bool,
    warm: Option<Instant>,
    pub(crate) connected: bool,
    pub(crate) slots_changed: bool,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("participant", &self.participant).finish_non_exhaustive()
    }
}

/// What a peer is made of.
pub(crate) struct Parts {
    pub(crate) participant: ParticipantId,
    pub(crate) rtc: Rtc,
    pub(crate) serial: u64,
    pub(crate) offer: Offer,
    pub(crate) asked: String,
    pub(crate) answer: String,
    pub(crate) paired: bool,
    pub(crate) estimate: u64,
    /// For the first sequence numbers of its lines.
    pub(crate) random: u64,
}

impl Peer {
    pub(crate) fn new(now: Instant, at: Timestamp, parts: Parts) -> Self {
        let Parts { participant, mut rtc, serial, offer, asked, answer, paired, estimate, random } = parts;
        let published =
            offer.sends.iter().map(|(source, mid, rids)| Published::new(*source, *mid, rids)).collect();
        let lanes: Vec<Lane> = offer.receives.iter().map(|(lane, _)| *lane).collect();
        let slots = (0..).zip(&offer.receives);
        let slots = slots.map(|(i, (lane, mid))| Slot::new(&mut rtc, *lane, *mid, random, i)).collect();
        let codecs = codecs(&rtc);
        Self {
            participant,
            rtc,
            apart: Vec::new(),
            serial,
            offer,
            asked,
            answer,
            published,
            streams: Vec::new(),
            codecs,
            slots,
            lines: Slots::new(&lanes, paired),
            layers: Layers::new(at, estimate),
            view: None,
            deadline: now,
            rethink: None,
            desired: 0,
            probed: now,
            gather: Gather::default(),
            since: None,
            routes: Vec::new(),
            heard: now,
            silent: false,
            warm: None,
            connected: false,
            slots_changed: true,
        }
    }

    /// Lines that a later offer appended. Drain after it.
    pub(crate) fn append(&mut self, appended: &[(Lane, Mid)], random: u64) {
        for (i, (lane, mid)) in (self.slots.len() as u64..).zip(appended) {
            self.slots.push(Slot::new(&mut self.rtc, *lane, *mid, random, i));
        }
        self.codecs = codecs(&self.rtc);
    }

    /// Takes a datagram. Drain after it. A connection that can't read one is at its end.
    pub(crate) fn receive(&mut self, now: Instant, route: Route, datagram: &[u8]) {
        let Ok(contents) = datagram.try_into() else { return };
        let proto = match route.carrier {
            Carrier::Udp => Protocol::Udp,
            Carrier::Tcp => Protocol::Tcp,
        };
        let receive = Receive { proto, source: route.to, destination: route.at, contents };
        if self.routes.contains(&route.to) {
            self.heard = now;
        }
        if self.rtc.handle_input(RtcInput::Receive(now, receive)).is_err() {
            self.rtc.disconnect();
        }
    }

    /// Time has passed, or packets were written. Drain after it.
    pub(crate) fn advance(&mut self, now: Instant) {
        if self.rtc.handle_input(RtcInput::Timeout(now)).is_err() {
            self.rtc.disconnect();
        }
    }

    /// Takes everything that the connection has to say, down to its next deadline.
    pub(crate) fn drain(&mut self, now: Instant, said: &mut Vec<Said>) {
        while self.rtc.is_alive() {
            match self.rtc.poll_output() {
                Ok(RtcOutput::Timeout(at)) => {
                    self.deadline = at;
                    self.since = None;
                    return;
                }
                Ok(RtcOutput::Transmit(t)) => {
                    let carrier = if t.proto == Protocol::Udp { Carrier::Udp } else { Carrier::Tcp };
                    self.learn(now, t.destination, said);
                    let route = Route { carrier, to: t.destination, at: t.source };
                    self.gather.push(now, self.since.unwrap_or(now), route, &t.contents);
                }
                Ok(RtcOutput::Event(event)) => self.event(now, event, said),
                Err(_) => self.rtc.disconnect(),
            }
        }
        self.deadline = now + Duration::from_hours(1);
    }

    /// Whoever is answered has proven that they know this connection's password.
    fn learn(&mut self, now: Instant, to: SocketAddr, said: &mut Vec<Said>) {
        if self.routes.last() == Some(&to) || self.routes.contains(&to) {
            return;
        }
        if self.routes.len() >= MAX_ROUTES {
            self.routes.remove(0);
        }
        self.routes.push(to);
        self.heard = now;
        self.warm.get_or_insert(now);
        said.push(Said::Address(to));
    }

    fn event(&mut self, now: Instant, event: str0m::Event, said: &mut Vec<Said>) {
        match event {
            str0m::Event::RtpPacket(rtp) => said.extend(self.inbound(now, rtp).map(Said::Packet)),
            str0m::Event::Connected => {
                self.connected = true;
                said.push(Said::Connected);
            }
            str0m::Event::KeyframeRequest(request) => {
                said.extend(self.slots.iter().position(|slot| slot.mid == request.mid).map(Said::Lost));
            }
            str0m::Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                said.push(Said::Estimate(estimate.as_u64()));
            }
            str0m::Event::PeerStats(stats) => {
                if let (Some(loss), Some(rtt)) = (stats.egress_loss_fraction, stats.rtt) {
                    // What waits here for its turn is on the way as well.
                    said.push(Said::Path { loss, rtt: rtt + self.backlog(now) });
                }
            }
            _ => {}
        }
    }

    fn inbound(&mut self, now: Instant, rtp: RtpPacket) -> Option<Inbound> {
        let (index, layer) = self.stream(rtp.header.ssrc)?;
        let coding = self.coding(rtp.header.payload_type, &rtp.payload)?;
        let source = Source::ALL[index];
        // The stack knows codecs by connection, not by line: a picture on a line of sound would be nothing to those who play it, and
        // sound to those who listen for safety.
        if source.is_audio() != (coding == Coding::Opus) {
            return None;
        }
        let published = self.published.get_mut(index)?;
        let encoding = published.encodings.get_mut(usize::from(layer))?;
        encoding.take(now, rtp.payload.len(), &coding);
        let header = &rtp.header;
        if coding == Coding::Opus
            && !published.moments.take(now, *header.ssrc, header.timestamp, &rtp.payload)
        {
            metrics::counter!("visavis_sfu_doubled_total").increment(1);
            return None;
        }
        let entry = match &coding {
            Coding::Opus => true,
            Coding::Vp8(vp8) => vp8.key,
            Coding::H264 => vp8::h264_key(&rtp.payload),
        };
        let descriptor = match coding {
            Coding::Vp8(_) => Vp8Descriptor::parse(&rtp.payload).ok(),
            Coding::Opus | Coding::H264 => None,
        };
        let stream = stream_key(self.serial, index, layer);
        Some(Inbound { source, layer, stream, coding, entry, rtp, descriptor })
    }

    /// Which line and layer an SSRC belongs to, as the stack learnt from the first packets' extensions.
    fn stream(&mut self, ssrc: Ssrc) -> Option<(usize, u8)> {
        if let Some((_, index, layer)) = self.streams.iter().find(|(s, ..)| *s == ssrc) {
            return Some((*index, *layer));
        }
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_rx(&ssrc)?;
        let (mid, rid) = (stream.mid(), stream.rid());
        let index = self.published.iter().position(|p| p.mid == mid)?;
        let nth = rid.and_then(|rid| self.published[index].rids.iter().position(|r| *r == rid));
        let layer = u8::try_from(nth.unwrap_or(0)).unwrap_or(0);
        if self.streams.len() >= MAX_STREAMS {
            self.streams.remove(0);
        }
        self.streams.push((ssrc, index, layer));
        Some((index, layer))
    }

    fn coding(&self, pt: Pt, payload: &[u8]) -> Option<Coding> {
        let (_, codec) = self.codecs.iter().find(|(p, _)| *p == pt)?;
        match codec {
            // Padding has no payload.
            _ if payload.is_empty() => None,
            Codec::Opus => Some(Coding::Opus),
            Codec::Vp8 => vp8::read(payload).map(Coding::Vp8),
            Codec::H264 => Some(Coding::H264),
            _ => None,
        }
    }

    /// Whether packets may be written to it.
    pub(crate) fn takes_media(&self, now: Instant) -> bool {
        self.rtc.is_alive() && (self.connected || self.warm.is_some_and(|since| now < since + WARM))
    }

    /// Writes a packet to one of its lines; true when it did. `advance` and drain after it.
    pub(crate) fn write(&mut self, at_us: u64, line: usize, packet: &Inbound) -> bool {
        let Some(slot) = self.slots.get_mut(line) else { return false };
        let Some(pt) = translate(&self.codecs, &packet.coding) else { return false };
        let vp8 = if let Coding::Vp8(vp8) = packet.coding { Some(vp8) } else { None };
        let arrival = Arrival {
            seq: *packet.rtp.seq_no,
            time: packet.rtp.header.timestamp,
            at_us,
            entry: packet.entry,
            picture_id: vp8.and_then(|v| v.picture_id),
            tl0: vp8.and_then(|v| v.tl0),
            skip: vp8.is_some_and(|v| v.tid > slot.temporal),
        };
        let Some(out) = slot.rewriter.pass(packet.stream, &arrival) else { return false };
        let Some(ssrc) = slot.ssrc else { return false };
        let audio = packet.source.is_audio();
        let header = &packet.rtp.header;
        let ext_vals = ExtensionValues {
            audio_level: header.ext_vals.audio_level,
            voice_activity: header.ext_vals.voice_activity,
            video_orientation: header.ext_vals.video_orientation,
            ..ExtensionValues::default()
        };
        // A new voice on the line starts with a marker, as after a silence (RFC 7587 section 4.2).
        let marker = header.marker || (audio && out.fresh);
        let payload = Arc::clone(&packet.rtp.payload);
        let mut write = RtpWrite::new(pt, out.seq.into(), out.time, packet.rtp.timestamp, payload)
            .marker(marker)
            .nackable(!audio)
            .ext_vals(ext_vals);
        if let Some(descriptor) = &packet.descriptor {
            let mut patch = descriptor.patch();
            if let Some(id) = out.picture_id {
                patch = patch.picture_id(id);
            }
            if let Some(tl0) = out.tl0 {
                patch = patch.tl0_pic_idx(tl0);
            }
            let Ok(patch) = patch.build() else { return false };
            write = write.vp8_patch(patch);
        }
        if packet.entry {
            slot.lost = false;
        }
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_tx(&ssrc) else { return false };
        stream.write_rtp(write);
        let came = packet.rtp.timestamp;
        self.since = Some(self.since.map_or(came, |since| since.min(came)));
        true
    }

    /// How long the oldest packet has been waiting to be sent.
    fn backlog(&mut self, now: Instant) -> Duration {
        let mut direct = self.rtc.direct_api();
        let waiting =
            self.slots.iter().filter_map(|slot| direct.stream_tx(&slot.ssrc?)?.queue_info()?.first_unsent());
        waiting.min().map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Drops what waits on a line for its turn, and what could be asked for again.
    pub(crate) fn flush(&mut self, line: usize) {
        let Some(mid) = self.slots.get(line).map(|slot| slot.mid) else { return };
        // The stack empties a line's buffers when it stops sending; nothing is said of it to the other side.
        let mut api = self.rtc.sdp_api();
        api.set_direction(mid, Direction::Inactive);
        api.set_direction(mid, Direction::SendOnly);
    }

    /// Asks for a key frame of one of its layers. Drain after it.
    pub(crate) fn request_key_frame(&mut self, source: Source, layer: u8) -> bool {
        let Some(published) = self.published.iter().find(|p| p.mid == self.offer.mid(source)) else {
            return false;
        };
        let rid = published.rids.get(usize::from(layer)).copied();
        let mid = published.mid;
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_rx_by_mid(mid, rid) else { return false };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        true
    }

    /// What would be liked, for the estimator's probes.
    pub(crate) fn set_desired(&mut self, desired: u64) {
        self.desired = if desired > 0 { desired.max(PROBED) } else { 0 };
    }

    /// Lets the estimator look for more, again and again while more is wanted. Drain after it.
    pub(crate) fn probe(&mut self, now: Instant, at: Timestamp) {
        let every = if self.layers.is_young(at) { PROBE_YOUNG } else { PROBE_EVERY };
        let due = self.layers.may_look(at) && now >= self.probed + every;
        // Only a rise of what is desired makes it look at once.
        let nudge = if due { NUDGE } else { 0 };
        if due {
            self.probed = now;
        }
        let rehearsed = Bitrate::from(self.layers.rehearsed());
        self.rtc.bwe().set_bitrate(rehearsed, Bitrate::from(self.desired + nudge));
    }

    pub(crate) fn stream_key(&self, source: Source, layer: u8) -> StreamKey {
        stream_key(self.serial, index_of(source), layer)
    }

    pub(crate) fn published(&self, source: Source) -> Option<&Published> {
        self.published.get(index_of(source))
    }

    pub(crate) fn published_mut(&mut self, source: Source) -> Option<&mut Published> {
        self.published.get_mut(index_of(source))
    }
}

pub(crate) const fn index_of(source: Source) -> usize {
    match source {
        Source::Mic => 0,
        Source::Camera => 1,
        Source::Screen => 2,
        Source::ScreenAudio => 3,
    }
}

/// The layer that a stream is.
pub(crate) fn layer_of(stream: StreamKey) -> u8 {
    u8::try_from(stream.0 & 0xF).unwrap_or(0)
}

fn stream_key(serial: u64, index: usize, layer: u8) -> StreamKey {
    StreamKey((serial << 8) | ((index as u64) << 4) | u64::from(layer))
}

/// Payload types belong to each connection.
fn codecs(rtc: &Rtc) -> Vec<(Pt, Codec)> {
    rtc.codec_config().params().iter().map(|p| (p.pt(), p.spec().codec)).collect()
}

fn translate(codecs: &[(Pt, Codec)], coding: &Coding) -> Option<Pt> {
    let codec = match coding {
        Coding::Opus => Codec::Opus,
        Coding::Vp8(_) => Codec::Vp8,
        Coding::H264 => Codec::H264,
    };
    codecs.iter().find(|(_, c)| *c == codec).map(|(pt, _)| *pt)
}

impl Offer {
    fn mid(&self, source: Source) -> Mid {
        self.sends.iter().find(|(s, ..)| *s == source).map_or_else(Mid::new, |(_, mid, _)| *mid)
    }
}

impl Slot {
    fn new(rtc: &mut Rtc, lane: Lane, mid: Mid, random: u64, nth: u64) -> Self {
        let ssrc = rtc.direct_api().stream_tx_by_mid(mid, None).map(|stream| {
            stream.set_rtx_cache(RESENT_PACKETS, RESENT_WITHIN, Some(RESENT_SHARE));
            stream.ssrc()
        });
        // Fibonacci hashing: one random number gives every line a first number of its own.
        let first = random.wrapping_add(nth).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        let ticks = if lane == Lane::Audio { 48 } else { 90 };
        let rewriter = Rewriter::new(ticks, u16::try_from(first).unwrap_or(1));
        Self { mid, ssrc, lane, origin: None, rewriter, lost: false, temporal: u8::MAX }
    }
}
