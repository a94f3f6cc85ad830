//! Which layer goes on which line, and the key frames that it takes: what the machines of `domain` decide is carried here.

use std::time::{Duration, Instant};

use visavis_domain::{
    Timestamp,
    id::ParticipantId,
    room::{
        keyframes,
        layers::{self, DEFAULT_CAMERA_HEIGHT, Want},
        slots::{Lane, Origin},
    },
    wire::Source,
};

use super::{Call, Effects};
use crate::peer::{Peer, layer_of};

/// Height that a screen is sent at without a `view`: all there is.
const ANY_HEIGHT: u16 = u16::MAX;
/// A picture no taller than this needs no more than half its frames.
const SMALL_HEIGHT: u16 = 100;
/// Pictures that a page can show: those of its lines, and as many that are just changing (the edge refuses more).
const MAX_VIEW: usize = 32;

impl Call {
    pub(crate) fn set_view(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        mut wanted: Vec<(Origin, u16)>,
        fx: &mut Effects,
    ) {
        wanted.truncate(MAX_VIEW);
        let Some(index) = self.find(participant) else { return };
        if let Some(peer) = &mut self.peers[index] {
            peer.view = Some(wanted);
        }
        self.share(now, index, fx);
        self.ask_all(now);
    }

    /// Shares a viewer's bandwidth out among the pictures on its lines.
    pub(super) fn share(&mut self, now: Instant, index: usize, fx: &mut Effects) {
        let at = self.at(now);
        let Some(peer) = &self.peers[index] else { return };
        let voices = peer.slots.iter().filter(|s| s.lane == Lane::Audio && s.origin.is_some()).count() as u64;
        let origins: Vec<Origin> =
            peer.slots.iter().filter(|s| s.lane != Lane::Audio).filter_map(|s| s.origin).collect();
        let mut pictures = Vec::with_capacity(origins.len());
        for origin in origins {
            let Some(owner) = self.find(origin.participant).and_then(|i| self.peers[i].as_ref()) else {
                continue;
            };
            let Some(published) = owner.published(origin.source) else { continue };
            let layers = published.layers(now, origin.source);
            pictures.push(Want { origin, max_height: peer.height(origin), layers });
        }
        if let Some(peer) = &mut self.peers[index] {
            peer.layers.handle(at, layers::Input::Wanted { pictures, voices });
        }
        self.follow(now, index);
        if let Some(peer) = &mut self.peers[index] {
            peer.probe(now, at);
            peer.deadline = now;
        }
        self.drain(now, index, fx);
    }

    /// Carries what the allocator of a viewer decided. Drain after it.
    pub(super) fn follow(&mut self, now: Instant, index: usize) {
        let at = self.at(now);
        loop {
            let Some(peer) = &mut self.peers[index] else { return };
            let Some(output) = peer.layers.poll() else { break };
            match output {
                layers::Output::Rates { desired, .. } => peer.set_desired(desired),
                // What is past already isn't what it waits for.
                layers::Output::WakeAt(due) if due > at => {
                    let due = now + Duration::from_millis(due.as_millis().abs_diff(at.as_millis()));
                    peer.rethink = Some(peer.rethink.map_or(due, |other| other.min(due)));
                }
                layers::Output::WakeAt(_) | layers::Output::Send(..) => {}
            }
        }
        let lines = self.peers[index].as_ref().map_or(0, |p| p.slots.len());
        (0..lines).for_each(|line| self.follow_line(now, index, line));
    }

    /// Wakes a viewer's allocator when it asked for it. Drain after it.
    pub(super) fn rethink(&mut self, now: Instant, index: usize) -> bool {
        let at = self.at(now);
        let Some(peer) = self.peers[index].as_mut() else { return false };
        if peer.rethink.take_if(|due| *due <= now).is_none() {
            return false;
        }
        peer.layers.handle(at, layers::Input::Tick);
        self.follow(now, index);
        true
    }

    /// What a line shall carry is what the allocator picked for its source, however it got there.
    pub(super) fn follow_line(&mut self, now: Instant, index: usize, line: usize) {
        let Some(viewer) = &self.peers[index] else { return };
        let Some(slot) = viewer.slots.get(line).filter(|s| s.lane != Lane::Audio) else { return };
        let Some(origin) = slot.origin else { return };
        let publisher = self.find(origin.participant).and_then(|i| self.peers[i].as_ref());
        let layer = viewer.layers.pick(origin);
        let stream = layer.and_then(|layer| publisher.map(|p| p.stream_key(origin.source, layer)));
        let temporal = if viewer.height(origin) <= SMALL_HEIGHT { 1 } else { u8::MAX };
        let unwell = viewer.layers.is_unwell(self.at(now));
        let Some(peer) = &mut self.peers[index] else { return };
        let Some(slot) = peer.slots.get_mut(line) else { return };
        slot.temporal = temporal;
        if slot.rewriter.wanted() == stream {
            return;
        }
        let current = slot.rewriter.current();
        self.counts.switches += u64::from(current.is_some());
        let falls = current.zip(stream).is_some_and(|(was, is)| layer_of(is) < layer_of(was));
        if unwell && falls {
            // What doesn't get through would only be in the way of the key frame that does.
            slot.rewriter.cut(stream);
            peer.flush(line);
        } else {
            slot.rewriter.want(stream);
        }
        self.ask_for(now, index, line);
    }

    /// Asks for what a line needs to go on, if it needs something.
    pub(super) fn ask_for(&mut self, now: Instant, viewer: usize, line: usize) {
        let at = self.at(now);
        let Some(peer) = &self.peers[viewer] else { return };
        let Some(slot) = peer.slots.get(line).filter(|s| s.lane != Lane::Audio && peer.takes_media(now))
        else {
            return;
        };
        let Some(origin) = slot.origin else { return };
        let needed = slot.rewriter.awaited().or_else(|| slot.rewriter.current().filter(|_| slot.lost));
        let Some(layer) = needed.map(layer_of) else { return };
        let Some(publisher) = self.find(origin.participant) else { return };
        if let Some(published) = self.peers[publisher].as_mut().and_then(|p| p.published_mut(origin.source)) {
            published.keyframes.handle(at, keyframes::Input::Need(layer));
        }
    }

    pub(super) fn ask_all(&mut self, now: Instant) {
        for viewer in 0..self.peers.len() {
            let lines = self.peers[viewer].as_ref().map_or(0, |p| p.slots.len());
            (0..lines).for_each(|line| self.ask_for(now, viewer, line));
        }
        self.ask_due(now);
    }

    /// Sends the key-frame requests that are due and still needed. Whom it changed, as bits.
    pub(super) fn ask_due(&mut self, now: Instant) -> u32 {
        let at = self.at(now);
        let mut touched = 0;
        for index in 0..self.peers.len() {
            for source in [Source::Camera, Source::Screen] {
                let due = self.due(at, index, source);
                for layer in due {
                    let Some(peer) = &mut self.peers[index] else { continue };
                    if peer.request_key_frame(source, layer) {
                        self.counts.key_frame_requests += 1;
                        peer.deadline = now;
                        touched |= 1 << index;
                    }
                }
            }
        }
        touched
    }

    pub(super) fn due(&mut self, at: Timestamp, index: usize, source: Source) -> Vec<u8> {
        let published = self.peers[index].as_ref().and_then(|p| p.published(source));
        let waits: Vec<u8> = published.map_or_else(Vec::new, |p| p.keyframes.needed().collect());
        let moot: Vec<u8> =
            waits.into_iter().filter(|layer| !self.is_needed(index, source, *layer)).collect();
        let Some(published) = self.peers[index].as_mut().and_then(|p| p.published_mut(source)) else {
            return Vec::new();
        };
        // First, so that no request is spent on what nobody waits for any more.
        for layer in moot {
            published.keyframes.handle(at, keyframes::Input::Moot(layer));
        }
        published.keyframes.handle(at, keyframes::Input::Tick);
        let mut asked = Vec::new();
        while let Some(output) = published.keyframes.poll() {
            if let keyframes::Output::Ask(layer) = output {
                asked.push(layer);
            }
        }
        asked
    }

    fn is_needed(&self, index: usize, source: Source, layer: u8) -> bool {
        let Some(owner) = &self.peers[index] else { return false };
        let stream = owner.stream_key(source, layer);
        let Some(published) = owner.published(source) else { return false };
        let needs = |&(viewer, line): &(usize, usize)| {
            let Some(slot) = self.peers.get(viewer).and_then(Option::as_ref).and_then(|p| p.slots.get(line))
            else {
                return false;
            };
            slot.rewriter.awaited() == Some(stream) || (slot.lost && slot.rewriter.current() == Some(stream))
        };
        let sampled = || self.is_sampled(Origin { participant: owner.participant, source }, layer);
        published.open && (published.audience.iter().any(needs) || sampled())
    }
}

impl Peer {
    /// How large this viewer shows a picture.
    fn height(&self, origin: Origin) -> u16 {
        match &self.view {
            Some(view) => view.iter().find(|(o, _)| *o == origin).map_or(0, |(_, height)| *height),
            None if origin.source == Source::Screen => ANY_HEIGHT,
            None => DEFAULT_CAMERA_HEIGHT,
        }
    }
}
