//! Who is on which line, and so who is forwarded to whom.

use std::time::Instant;

use visavis_domain::{
    Timestamp,
    room::slots::{self, Origin},
    wire::Source,
};

use super::{Call, Effects, News, SlotView};
use crate::peer::Peer;

impl Call {
    /// Gives the loudest their lines.
    pub(super) fn cast(&mut self, at: Timestamp) {
        let mics = self.peers.iter().flatten().count();
        if mics <= slots::AUDIO_LINES {
            return;
        }
        let loud = self.speakers.loudest();
        for peer in self.peers.iter_mut().flatten() {
            let unheard = |p| p == peer.participant || peer.apart.contains(&p);
            let others = loud.iter().filter(|l| !unheard(l.participant_id)).copied().collect();
            peer.lines.handle(at, slots::Input::Loud(others));
        }
    }

    /// A screen that flows is shared, whether its page has said so or not; its sound comes and goes with packets alone.
    pub(super) fn notice_screens(&mut self, now: Instant) {
        let at = self.at(now);
        for index in 0..self.peers.len() {
            for source in [Source::Screen, Source::ScreenAudio] {
                let Some(peer) = &mut self.peers[index] else { continue };
                let participant = peer.participant;
                let Some(published) = peer.published_mut(source) else { continue };
                if published.open && !published.on && published.is_flowing(now) {
                    published.on = true;
                    self.switch(at, index, Origin { participant, source }, true);
                }
            }
        }
    }

    /// Carries changes of lines: who forwards to whom, and what viewers are told.
    pub(super) fn settle(&mut self, now: Instant, fx: &mut Effects) {
        let mut changed = false;
        for index in 0..self.peers.len() {
            let Some(peer) = &mut self.peers[index] else { continue };
            let mut moved = std::mem::take(&mut peer.slots_changed);
            while let Some(change) = peer.lines.poll() {
                moved = true;
                let Some(slot) = peer.slots.get_mut(change.line) else { continue };
                slot.origin = change.now;
                slot.lost = false;
                slot.rewriter.cut(None);
            }
            if moved {
                changed = true;
                fx.news.push(News::Slots(peer.participant, peer.view_of_lines()));
            }
        }
        if changed {
            self.rewire();
            (0..self.peers.len()).for_each(|index| self.share(now, index, fx));
            self.ask_all(now);
        }
    }

    /// Rebuilds the audiences from the lines.
    pub(super) fn rewire(&mut self) {
        let lines: Vec<(usize, usize, Origin)> = self
            .peers
            .iter()
            .enumerate()
            .filter_map(|(viewer, peer)| Some((viewer, peer.as_ref()?)))
            .flat_map(|(viewer, peer)| {
                let carried = peer.slots.iter().enumerate();
                carried.filter_map(move |(line, slot)| Some((viewer, line, slot.origin?)))
            })
            .collect();
        for peer in self.peers.iter_mut().flatten() {
            peer.published.iter_mut().for_each(|p| p.audience.clear());
        }
        for (viewer, line, origin) in lines {
            let Some(index) = self.find(origin.participant) else { continue };
            let stream = self.peers[index].as_ref().map(|p| p.stream_key(origin.source, 0));
            if let Some(published) = self.peers[index].as_mut().and_then(|p| p.published_mut(origin.source)) {
                published.audience.push((viewer, line));
            }
            // Sound needs no choice of a layer.
            if origin.source.is_audio()
                && let Some(slot) = self.peers[viewer].as_mut().and_then(|p| p.slots.get_mut(line))
            {
                slot.rewriter.want(stream);
            }
        }
    }
}

impl Peer {
    pub(super) fn view_of_lines(&self) -> Vec<SlotView> {
        let view = |slot: &crate::peer::Slot| SlotView {
            mid: slot.mid.to_string(),
            participant: slot.origin.map(|o| o.participant),
            source: slot.origin.map_or(slot.lane.idle(), |o| o.source),
        };
        self.slots.iter().map(view).collect()
    }
}
