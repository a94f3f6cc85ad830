//! The media of one room: who sends what to whom. It belongs to one shard; a panic in it closes this room only.

mod allot;
mod lines;
mod news;
mod samples;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use visavis_domain::{
    Code, Fault, Timestamp,
    id::{ParticipantId, RoomId},
    room::{
        Allowed, keyframes, layers,
        slots::{self, Lane, Origin, PAIRED_ROOM},
        speaker::{self, Speakers},
    },
    wire::Source,
};

use crate::{
    burst::Route,
    negotiate::{self, Common, Offer},
    peer::{Inbound, Parts, Peer, Said, index_of},
    tap::Tap,
};
pub(crate) use news::Effects;
pub use news::{Counts, LinkNews, News, SlotView};

/// Connections of one room: its ten people and as many that are just being replaced.
pub const MAX_PEERS: usize = 20;
/// Between two looks at who is loud, which layers fit and who has fallen silent.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Every how many looks layers are measured and shared out.
const SHARE_EVERY: u32 = 2;
/// A browser checks its consent at least every 2.5 s (RFC 7675 says 5 ± 20 %); nothing for so long means trouble.
const SILENT_AFTER: Duration = Duration::from_millis(4_500);
/// Packets taken of one peer between two forwardings; more is a flood.
const MAX_INBOUND: usize = 4_096;

pub(crate) struct Call {
    pub(crate) id: RoomId,
    limit: usize,
    /// Time of the machines: the wall clock at a known instant.
    epoch: (Instant, Timestamp),
    peers: Vec<Option<Peer>>,
    next_serial: u64,
    speakers: Speakers,
    taps: Vec<Tap>,
    /// Of all who came.
    chance: u64,
    inbound: VecDeque<(usize, Inbound)>,
    said: Vec<Said>,
    looked: Instant,
    looks: u32,
    pub(crate) counts: Counts,
}

/// A join, as the shard hands it on.
pub(crate) struct JoinCall<'a> {
    pub(crate) participant: ParticipantId,
    pub(crate) sdp: &'a str,
    pub(crate) media: Option<Allowed>,
    pub(crate) apart: &'a [ParticipantId],
    pub(crate) random: u64,
}

impl Call {
    pub(crate) fn new(id: RoomId, limit: usize, now: Instant, epoch: (Instant, Timestamp)) -> Self {
        Self {
            id,
            limit,
            epoch,
            peers: Vec::new(),
            next_serial: 1,
            speakers: Speakers::new(),
            taps: Vec::new(),
            chance: 0,
            inbound: VecDeque::new(),
            said: Vec::new(),
            looked: now,
            looks: 0,
            counts: Counts::default(),
        }
    }

    fn at(&self, now: Instant) -> Timestamp {
        self.epoch.1 + now.saturating_duration_since(self.epoch.0)
    }

    fn at_us(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch.0).as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.peers.iter().all(Option::is_none)
    }

    fn find(&self, participant: ParticipantId) -> Option<usize> {
        self.peers.iter().position(|p| p.as_ref().is_some_and(|p| p.participant == participant))
    }

    /// ICE names and addresses of a peer, for the shard's demultiplexing.
    pub(crate) fn ufrag(&mut self, index: usize) -> Option<String> {
        let peer = self.peers.get_mut(index)?.as_mut()?;
        Some(peer.rtc.direct_api().local_ice_credentials().ufrag)
    }

    /// Places of people who have left.
    pub(crate) fn vacant(&self) -> Vec<usize> {
        (0..self.peers.len()).filter(|i| self.peers[*i].is_none()).collect()
    }

    /// The addresses that a peer has proven.
    pub(crate) fn routes(&self, index: usize) -> &[SocketAddr] {
        self.peers.get(index).and_then(Option::as_ref).map_or(&[], |peer| &peer.routes)
    }

    /// Whether this is the very offer that was answered last: the answer was lost on its way.
    fn repeated(&self, index: usize, sdp: &str) -> Option<String> {
        let peer = self.peers[index].as_ref()?;
        (peer.asked == sdp).then(|| peer.answer.clone())
    }

    /// Answers an offer: a new connection, a restart of ICE, or appended lines.
    pub(crate) fn join(
        &mut self,
        now: Instant,
        common: &Common,
        join: &JoinCall<'_>,
        fx: &mut Effects,
    ) -> Result<(usize, String), Fault> {
        let offer = negotiate::read(join.sdp)?;
        common.takes(&offer)?;
        if let Some(index) = self.find(join.participant) {
            if let Some(answer) = self.repeated(index, join.sdp) {
                return Ok((index, answer));
            }
            if let Some(answer) = self.renew(now, index, &offer, join, fx)? {
                return Ok((index, answer));
            }
            self.remove(now, index, fx);
        }
        let index = self.add(now, common, offer, join, fx)?;
        self.stir(now, join.random);
        let answer = self.peers[index].as_ref().map(|p| p.answer.clone()).ok_or_else(Fault::internal)?;
        Ok((index, answer))
    }

    fn add(
        &mut self,
        now: Instant,
        common: &Common,
        offer: Offer,
        join: &JoinCall<'_>,
        fx: &mut Effects,
    ) -> Result<usize, Fault> {
        let free = self.peers.iter().position(Option::is_none);
        let index = free.unwrap_or(self.peers.len());
        if index >= MAX_PEERS {
            return Err(Fault::new(Code::RoomFull, "The room is full."));
        }
        let mut rtc = common.connection(now)?;
        let answer = negotiate::answer(&mut rtc, &offer)?;
        let paired = self.limit <= PAIRED_ROOM;
        let answer = if paired { negotiate::group_pairs(&answer, &offer.receives) } else { answer };
        let serial = self.next_serial;
        self.next_serial += 1;
        let parts = Parts {
            participant: join.participant,
            rtc,
            serial,
            offer,
            asked: join.sdp.to_owned(),
            answer,
            paired,
            estimate: negotiate::FIRST_ESTIMATE,
            random: join.random,
        };
        let mut peer = Peer::new(now, self.at(now), parts);
        if let Some(media) = join.media {
            set_open(&mut peer, media);
        }
        join.apart.clone_into(&mut peer.apart);
        if index == self.peers.len() {
            self.peers.push(Some(peer));
        } else {
            self.peers[index] = Some(peer);
        }
        self.drain(now, index, fx);
        self.introduce(now, index);
        self.settle(now, fx);
        Ok(index)
    }

    /// A further offer of a page that is here already. `None` when it comes from another page.
    fn renew(
        &mut self,
        now: Instant,
        index: usize,
        offer: &Offer,
        join: &JoinCall<'_>,
        fx: &mut Effects,
    ) -> Result<Option<String>, Fault> {
        let at = self.at(now);
        let Some(peer) = self.peers[index].as_mut() else { return Ok(None) };
        if peer.offer.fingerprint != offer.fingerprint || !peer.rtc.is_alive() {
            return Ok(None);
        }
        let mut offer = offer.clone();
        let appended = offer.appended(&peer.offer.receives)?;
        let answer = negotiate::answer(&mut peer.rtc, &offer)?;
        let paired = self.limit <= PAIRED_ROOM;
        peer.answer = if paired { negotiate::group_pairs(&answer, &offer.receives) } else { answer };
        peer.offer = offer;
        join.sdp.clone_into(&mut peer.asked);
        peer.append(&appended, join.random);
        let lanes: Vec<Lane> = appended.iter().map(|(lane, _)| *lane).collect();
        peer.lines.handle(at, slots::Input::Add(lanes));
        let answer = peer.answer.clone();
        self.drain(now, index, fx);
        // After a restart both directions have lost packets; without fresh pictures they'd stand still for seconds.
        self.refresh(now, index);
        self.settle(now, fx);
        Ok(Some(answer))
    }

    /// Asks for key frames of everything that this peer sends or gets.
    fn refresh(&mut self, now: Instant, index: usize) {
        let Some(own) = self.peers[index].as_ref().map(|p| p.participant) else { return };
        for (viewer, peer) in self.peers.iter_mut().enumerate() {
            for slot in peer.iter_mut().flat_map(|p| &mut p.slots) {
                let concerned = viewer == index || slot.origin.is_some_and(|o| o.participant == own);
                slot.lost |= concerned && slot.lane != Lane::Audio;
            }
        }
        self.ask_all(now);
    }

    /// Tells a newcomer of the others and the others of the newcomer.
    fn introduce(&mut self, now: Instant, index: usize) {
        let at = self.at(now);
        let sources = |peer: &Peer| {
            let participant = peer.participant;
            let on = Source::ALL.into_iter().filter(|s| peer.published(*s).is_some_and(|p| p.on));
            on.map(|source| Origin { participant, source }).collect::<Vec<_>>()
        };
        let Some(own) = self.peers[index].as_ref().map(sources) else { return };
        let others: Vec<Origin> = self
            .audience(index)
            .into_iter()
            .filter_map(|i| self.peers[i].as_ref())
            .flat_map(sources)
            .collect();
        for i in self.audience(index) {
            let Some(peer) = &mut self.peers[i] else { continue };
            for origin in &own {
                peer.lines.handle(at, slots::Input::On(*origin));
            }
        }
        let Some(peer) = &mut self.peers[index] else { return };
        for origin in others {
            peer.lines.handle(at, slots::Input::On(origin));
        }
    }

    /// Who gets what this one sends, and sends what this one gets.
    fn audience(&self, index: usize) -> Vec<usize> {
        let Some(own) = &self.peers[index] else { return Vec::new() };
        let meets =
            |peer: &Peer| !peer.apart.contains(&own.participant) && !own.apart.contains(&peer.participant);
        (0..self.peers.len()).filter(|i| *i != index && self.peers[*i].as_ref().is_some_and(meets)).collect()
    }

    /// Neither of these gets anything of the other any more.
    pub(crate) fn part(&mut self, now: Instant, [a, b]: [ParticipantId; 2], fx: &mut Effects) {
        let at = self.at(now);
        for (viewer, gone) in [(a, b), (b, a)] {
            let Some(peer) = self.find(viewer).and_then(|i| self.peers[i].as_mut()) else { continue };
            for source in Source::ALL {
                peer.lines.handle(at, slots::Input::Off(Origin { participant: gone, source }));
            }
            if !peer.apart.contains(&gone) {
                peer.apart.push(gone);
            }
        }
        self.settle(now, fx);
    }

    pub(crate) fn leave(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        fx: &mut Effects,
    ) -> Option<usize> {
        let index = self.find(participant)?;
        self.remove(now, index, fx);
        self.settle(now, fx);
        Some(index)
    }

    fn remove(&mut self, now: Instant, index: usize, fx: &mut Effects) {
        let at = self.at(now);
        let Some(mut peer) = self.peers[index].take() else { return };
        // A word of goodbye, so that the page needn't wait for its timers.
        let _ = peer.rtc.close();
        peer.drain(now, &mut self.said);
        self.said.clear();
        fx.bursts.extend(peer.gather.ripe(now + crate::burst::HOLD));
        self.inbound.retain(|(from, _)| *from != index);
        for source in Source::ALL {
            self.switch(at, index, Origin { participant: peer.participant, source }, false);
        }
        self.speakers.handle(at, speaker::Input::Gone(peer.participant));
    }

    /// A source appears or vanishes for everybody but its owner.
    fn switch(&mut self, at: Timestamp, owner: usize, origin: Origin, on: bool) {
        let input = if on { slots::Input::On(origin) } else { slots::Input::Off(origin) };
        // Whoever never had it has nothing to lose.
        let viewers =
            if on { self.audience(owner) } else { (0..self.peers.len()).filter(|i| *i != owner).collect() };
        for i in viewers {
            if let Some(peer) = &mut self.peers[i] {
                peer.lines.handle(at, input.clone());
            }
        }
    }

    /// What a page says is on, less what its host forbids.
    pub(crate) fn set_media(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        allowed: Allowed,
        fx: &mut Effects,
    ) {
        let at = self.at(now);
        let Some(index) = self.find(participant) else { return };
        let Some(peer) = &mut self.peers[index] else { return };
        let was = |p: &Peer, s| p.published(s).is_some_and(|p| p.on);
        let before = [was(peer, Source::Screen), was(peer, Source::ScreenAudio)];
        let Allowed { media, screen_audio } = allowed;
        set_open(peer, allowed);
        for (source, before) in [Source::Screen, Source::ScreenAudio].into_iter().zip(before) {
            let sound = screen_audio && (before || is_flowing(peer, source, now));
            let on = if source == Source::Screen { media.screen } else { sound };
            if let Some(published) = peer.published_mut(source) {
                published.on = on;
            }
        }
        let after = [was(peer, Source::Screen), was(peer, Source::ScreenAudio)];
        for (i, source) in [Source::Screen, Source::ScreenAudio].into_iter().enumerate() {
            if before[i] != after[i] {
                self.switch(at, index, Origin { participant, source }, after[i]);
            }
        }
        if !media.audio {
            self.speakers.handle(at, speaker::Input::Gone(participant));
        }
        self.settle(now, fx);
    }

    /// Takes a datagram of a peer; what it brings is forwarded by the next [`Self::advance`].
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        index: usize,
        route: Route,
        datagram: &[u8],
        fx: &mut Effects,
    ) {
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_mut) else { return };
        peer.receive(now, route, datagram);
        self.drain(now, index, fx);
    }

    /// Carries what a connection has to say.
    fn drain(&mut self, now: Instant, index: usize, fx: &mut Effects) {
        let mut said = std::mem::take(&mut self.said);
        if let Some(peer) = &mut self.peers[index] {
            peer.drain(now, &mut said);
        }
        for said in said.drain(..) {
            self.hear(now, index, said, fx);
        }
        self.said = said;
    }

    fn hear(&mut self, now: Instant, index: usize, said: Said, fx: &mut Effects) {
        let at = self.at(now);
        let Some(peer) = &mut self.peers[index] else { return };
        match said {
            Said::Packet(packet) => {
                self.counts.received += 1;
                let open = peer.published(packet.source).is_some_and(|p| p.open);
                if !open || self.inbound.len() >= MAX_INBOUND {
                    return;
                }
                if packet.source == Source::Mic
                    && let Some(level) = packet.rtp.header.ext_vals.audio_level
                {
                    let (who, level) = (peer.participant, level.unsigned_abs());
                    self.speakers.handle(at, speaker::Input::Level { who, level });
                }
                self.taps.iter_mut().for_each(|tap| tap.take(at, peer.participant, &packet));
                self.inbound.push_back((index, packet));
            }
            Said::Lost(line) => {
                if let Some(slot) = peer.slots.get_mut(line).filter(|s| s.origin.is_some()) {
                    slot.lost = true;
                    self.ask_for(now, index, line);
                }
            }
            Said::Estimate(bps) => {
                peer.layers.handle(at, layers::Input::Estimate(bps));
                self.follow(now, index);
            }
            Said::Path { loss, rtt } => {
                let rtt_ms = u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX);
                peer.layers.handle(at, layers::Input::Path { loss_percent: percent(loss), rtt_ms });
                self.follow(now, index);
            }
            Said::Connected => fx.news.push(News::Link(peer.participant, LinkNews::Connected)),
            Said::Address(address) => {
                fx.addresses.push((address, index));
                // The handshake takes as long as a key frame: both arrive together.
                (0..peer.slots.len()).for_each(|line| self.ask_for(now, index, line));
            }
        }
    }

    /// Forwards what has come, turns due timers, and hands out what is ripe. When it must be called again.
    pub(crate) fn advance(&mut self, now: Instant, fx: &mut Effects) -> Instant {
        let mut touched = 0_u32;
        loop {
            touched |= self.forward(now);
            for index in 0..self.peers.len() {
                let thought = self.rethink(now, index);
                let Some(peer) = &mut self.peers[index] else { continue };
                if thought || touched & (1 << index) != 0 || peer.deadline <= now {
                    peer.advance(now);
                    self.drain(now, index, fx);
                }
            }
            touched = 0;
            if now >= self.looked + LOOK_EVERY {
                self.look(now, fx);
            }
            self.speak(fx);
            touched |= self.ask_due(now);
            if self.inbound.is_empty() && touched == 0 {
                break;
            }
        }
        self.end_dead(fx);
        self.hand_samples(fx);
        self.ripen(now, fx)
    }

    fn ripen(&mut self, now: Instant, fx: &mut Effects) -> Instant {
        let mut wake = self.looked + LOOK_EVERY;
        for peer in self.peers.iter_mut().flatten() {
            fx.bursts.extend(peer.gather.ripe(now));
            wake = wake.min(peer.deadline).min(peer.gather.wake().unwrap_or(wake));
            wake = wake.min(peer.rethink.unwrap_or(wake));
        }
        wake
    }

    /// Writes every waiting packet to its audience. Whom it wrote to, as bits.
    fn forward(&mut self, now: Instant) -> u32 {
        let (mut touched, at_us, at) = (0, self.at_us(now), self.at(now));
        while let Some((from, packet)) = self.inbound.pop_front() {
            let Some(owner) = &mut self.peers[from] else { continue };
            let Some(published) = owner.published.get_mut(index_of(packet.source)) else { continue };
            if packet.entry && !packet.source.is_audio() {
                published.keyframes.handle(at, keyframes::Input::Came(packet.layer));
            }
            let audience = std::mem::take(&mut published.audience);
            for &(viewer, line) in &audience {
                let Some(peer) = self.peers.get_mut(viewer).and_then(Option::as_mut) else { continue };
                if peer.takes_media(now) && peer.write(at_us, line, &packet) {
                    touched |= 1 << viewer;
                    self.counts.forwarded += 1;
                }
            }
            if let Some(published) = self.peers[from].as_mut().and_then(|p| p.published_mut(packet.source)) {
                published.audience = audience;
            }
        }
        touched
    }

    fn speak(&mut self, fx: &mut Effects) {
        while let Some(output) = self.speakers.poll() {
            if let speaker::Output::Speaking { who, levels } = output {
                fx.news.push(News::Speaking(who, levels));
            }
        }
    }

    fn look(&mut self, now: Instant, fx: &mut Effects) {
        let at = self.at(now);
        let over = now.saturating_duration_since(self.looked);
        self.looked = now;
        self.looks = self.looks.wrapping_add(1);
        self.speakers.handle(at, speaker::Input::Tick);
        self.cast(at);
        self.notice_screens(now);
        let share = self.looks.is_multiple_of(SHARE_EVERY);
        for index in 0..self.peers.len() {
            let Some(peer) = &mut self.peers[index] else { continue };
            let silent = now.saturating_duration_since(peer.heard) >= SILENT_AFTER && !peer.routes.is_empty();
            if silent != std::mem::replace(&mut peer.silent, silent) {
                let news = if silent { LinkNews::Silent } else { LinkNews::Back };
                fx.news.push(News::Link(peer.participant, news));
            }
            if share {
                peer.published.iter_mut().for_each(|p| p.measure(over * SHARE_EVERY));
            }
        }
        self.settle(now, fx);
        if share {
            (0..self.peers.len()).for_each(|index| self.share(now, index, fx));
        }
        self.look_for_samples(now);
        self.ask_all(now);
    }

    /// A connection that has ended is told once; its place stays until it is left or replaced.
    fn end_dead(&mut self, fx: &mut Effects) {
        for peer in self.peers.iter_mut().flatten() {
            if !peer.rtc.is_alive() && peer.connected {
                peer.connected = false;
                fx.news.push(News::Link(peer.participant, LinkNews::Ended));
            }
        }
    }

    pub(crate) fn recycle(&mut self, index: usize, bytes: Vec<u8>) {
        if let Some(peer) = self.peers.get_mut(index).and_then(Option::as_mut) {
            peer.gather.recycle(bytes);
        }
    }
}

fn is_flowing(peer: &Peer, source: Source, now: Instant) -> bool {
    peer.published(source).is_some_and(|p| p.is_flowing(now))
}

fn set_open(peer: &mut Peer, Allowed { media, screen_audio }: Allowed) {
    for source in Source::ALL {
        let open = match source {
            Source::Mic => media.audio,
            Source::Camera => media.video,
            Source::Screen => media.screen,
            Source::ScreenAudio => screen_audio,
        };
        if let Some(published) = peer.published_mut(source) {
            published.open = open;
        }
    }
}

/// A part of one as whole hundredths; what isn't a part counts as all.
fn percent(part: f32) -> u8 {
    (0..=100_u8).find(|hundredths| part * 100.0 <= f32::from(*hundredths)).unwrap_or(100)
}
