//! What is gathered of a room for those who look at it: see [`crate::tap`].

use std::time::{Duration, Instant};

use visavis_domain::{
    room::{
        keyframes,
        slots::Origin,
        tap::{Consumer, Demand},
    },
    wire::Source,
};

use super::{Call, Effects};
use crate::{
    peer::Published,
    tap::{Flowing, Tap},
};

/// A picture is looked at this long after its first packet at the earliest: by then all of its layers have come.
const SETTLED: Duration = Duration::from_millis(500);

impl Call {
    /// What a consumer wants from now on; nothing: no more samples.
    pub(crate) fn set_demand(&mut self, now: Instant, consumer: Consumer, demand: Option<Demand>) {
        let at = self.at(now);
        let Some(demand) = demand else { return self.taps.retain(|tap| tap.consumer != consumer) };
        if let Some(tap) = self.taps.iter_mut().find(|tap| tap.consumer == consumer) {
            return tap.set_demand(at, demand);
        }
        let mut tap = Tap::new(at, self.id, consumer, demand);
        tap.stir(at, self.chance);
        self.taps.push(tap);
    }

    /// Somebody has come, and with them bits that the others don't know.
    pub(super) fn stir(&mut self, now: Instant, random: u64) {
        let at = self.at(now);
        self.chance = self.chance.rotate_left(1) ^ random;
        self.taps.iter_mut().for_each(|tap| tap.stir(at, random));
    }

    /// A consumer wants a picture of this now.
    pub(crate) fn request_picture(&mut self, now: Instant, consumer: Consumer, origin: Origin) {
        let at = self.at(now);
        self.taps.iter_mut().filter(|tap| tap.consumer == consumer).for_each(|tap| tap.request(at, origin));
    }

    /// Tells the taps what flows, and publishers what the taps wait for.
    pub(super) fn look_for_samples(&mut self, now: Instant) {
        let at = self.at(now);
        let mut taps = std::mem::take(&mut self.taps);
        for tap in &mut taps {
            let flowing = self.flowing(now, tap);
            tap.look(at, &flowing);
            self.counts.missed += std::mem::take(&mut tap.missed);
            for Flowing { origin, .. } in flowing {
                let Some(layer) = tap.awaits(origin) else { continue };
                let Some(index) = self.find(origin.participant) else { continue };
                let published = self.peers[index].as_mut().and_then(|p| p.published_mut(origin.source));
                if let Some(published) = published {
                    published.keyframes.handle(at, keyframes::Input::Need(layer));
                }
            }
        }
        self.taps = taps;
    }

    /// The pictures that others may have and that flow, with the layer that this tap would take. One that has stopped and wasn't
    /// put away stands on the pages of the others: it flows, too, or its last picture would be one that nobody looks at.
    fn flowing(&self, now: Instant, tap: &Tap) -> Vec<Flowing> {
        let mut flowing = Vec::new();
        for peer in self.peers.iter().flatten() {
            for source in [Source::Camera, Source::Screen] {
                let settled = |first: Instant| now.saturating_duration_since(first) >= SETTLED;
                let published = peer.published(source).filter(|p| p.open && p.first().is_some_and(settled));
                let stands = |p: &Published| (p.on && !peer.silent).then(|| p.lowest()).flatten();
                let layer = published.and_then(|p| tap.choose(&p.layers(now, source)).or_else(|| stands(p)));
                let Some(layer) = layer else { continue };
                let origin = Origin { participant: peer.participant, source };
                flowing.push(Flowing { origin, layer, stream: peer.stream_key(source, layer) });
            }
        }
        flowing
    }

    pub(super) fn is_sampled(&self, origin: Origin, layer: u8) -> bool {
        self.taps.iter().any(|tap| tap.awaits(origin) == Some(layer))
    }

    pub(super) fn hand_samples(&mut self, fx: &mut Effects) {
        for tap in &mut self.taps {
            while let Some(sample) = tap.poll() {
                fx.samples.push((tap.consumer, sample));
            }
        }
    }
}
