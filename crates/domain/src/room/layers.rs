//! Which simulcast layer of each picture a viewer gets. Pure; one per viewer.
//!
//! The bandwidth estimate is shared out: sound first, always; then the lowest layer of every picture, the largest wanted
//! ones first; then more for the stage, then for the rest by size. When even the lowest layers don't fit, the smallest
//! pictures pause. Down is at once, up needs room to spare for a while; an upgrade that had to be taken back makes the
//! next one wait longer, so that a steady link stays still.
//!
//! An estimate is a guess from arrival times, and errs on a busy machine or when little is sent. What flows without loss and
//! without a growing queue is proof, and proof goes before the guess ([`Input::Path`]): nothing that arrives is taken away.

use std::collections::VecDeque;

use crate::{Timestamp, room::slots::Origin, wire::Source};

/// Kept back for each voice: Opus at the browser's 32 kbit/s with headers, error correction and some retransmission.
pub const VOICE_BPS: u64 = 48_000;
/// Most layers of a picture.
pub const MAX_LAYERS: usize = 3;
/// Height that is sent without a `view` (protocol section 3).
pub const DEFAULT_CAMERA_HEIGHT: u16 = 360;

/// What is used of the estimate, in per cent: the rest is for retransmissions and what a key frame adds.
const USED: u64 = 95;
/// An estimate is an average of some seconds. When it falls below this much (per cent) of what it was within
/// [`FALL_MS`], the link is far below the average already, and it's taken to fall as far again.
const FALL: u64 = 75;
const FALL_MS: i64 = 1_000;
/// Estimates that are remembered for that; they come with every change of a twentieth.
const MAX_TOLD: usize = 64;
/// An estimate this much (per cent) below what is sent is believed at once, a smaller lack after [`DOWN_AFTER_MS`].
const CLEARLY: u64 = 110;
const DOWN_AFTER_MS: i64 = 500;
/// A fall comes in many steps within moments: it is waited for where it ends, until the estimate has stood still for so
/// long, but no longer than that. A key frame is asked for once, of the right layer.
const STILL_MS: i64 = 20;
const SINKING_MS: i64 = 100;
/// An upgrade must fit with this much (per cent) to spare, for [`UP_AFTER_MS`].
const SPARE: u64 = 120;
const UP_AFTER_MS: i64 = 1_000;
/// An upgrade begins with a key frame, and its burst makes an estimate dip, however well it was rehearsed: within this time
/// only what lasts is believed, and the link is asked again at once.
const GRACE_MS: i64 = 3_000;
const DIP_MS: i64 = 1_500;
/// Nothing more is looked for so soon after a fall: what is looked with would fill the queue that has to empty.
const CALM_MS: i64 = 2_000;
/// An upgrade that is taken back within this time was wrong.
const REGRET_MS: i64 = 10_000;
/// After a wrong upgrade the next waits this long, doubled with each further one.
const WRONG_HOLD_MS: i64 = 30_000;
const MAX_HOLD_MS: i64 = 240_000;
/// A path with less loss (per cent), and a round trip at most this much over its shortest, carries what is sent. More loss
/// than a tenth is where GCC (draft-ietf-rmcat-gcc, section 6) takes it for congestion.
const LOSS_PERCENT: u8 = 10;
const QUEUE_MS: u32 = 100;
/// Loss is measured with a hundred packets or two, and of a link that loses one in twenty often enough more than ten are gone:
/// it is averaged over about as many measurements as this.
const LOSS_OVER: u32 = 4;
/// What was measured vouches for what was sent for so long before, and for so long after.
const PROOF_MS: i64 = 500;
/// A path that has been well for so long, or of which nothing is known because nothing flows, is tried with a paused picture,
/// whatever the estimate says.
const WELL_MS: i64 = 2_000;
/// And again after so long, if that went wrong: a lowest layer is little, and a picture that stands still is no picture. As
/// long it may take until something is known of the path. Each time that the path is then seen not to carry it makes the next
/// try wait four times longer.
const TRY_AGAIN_MS: i64 = 5_000;
const MAX_TRY_AGAIN_MS: i64 = 80_000;
/// What an upgrade left in the queue has gone by then.
const TAKEN_BACK_MS: i64 = 1_000;
/// A link that has been still for so long is trusted anew.
const FORGIVEN_MS: i64 = 120_000;

/// One layer of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layer {
    /// Lines of its picture.
    pub height: u16,
    /// What it costs now.
    pub bps: u64,
    /// Whether the publisher sends it at the moment.
    pub live: bool,
}

/// A picture that a viewer may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Whose, and which.
    pub origin: Origin,
    /// As large as the viewer shows it; 0 when it isn't shown.
    pub max_height: u16,
    /// From the lowest to the highest.
    pub layers: [Layer; MAX_LAYERS],
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// What the link carries, in bit/s.
    Estimate(u64),
    /// What became of the packets lately.
    Path {
        /// Lost, of a hundred.
        loss_percent: u8,
        /// The round trip, and what waits before it.
        rtt_ms: u32,
    },
    /// All pictures on the viewer's lines as they are now, and how many voices.
    Wanted {
        /// The pictures.
        pictures: Vec<Want>,
        /// Lines with sound.
        voices: u64,
    },
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Send this layer of the picture; `None` pauses it.
    Send(Origin, Option<u8>),
    /// What is sent now and what would be if the link carried it, for the estimator's probing.
    Rates {
        /// Now.
        current: u64,
        /// At best.
        desired: u64,
    },
    /// Call `handle(Tick)` then.
    WakeAt(Timestamp),
}

/// The machine.
#[derive(Debug)]
pub struct Layers {
    /// What is believed of the link.
    estimate: u64,
    /// What was told of it lately, the newest last.
    told: VecDeque<(Timestamp, u64)>,
    shortest_rtt_ms: u32,
    /// Of what is sent, in hundredths of a per cent.
    loss: Option<u32>,
    /// When the path was last measured, and since when it has been well.
    path: Option<(Timestamp, Option<Timestamp>)>,
    pictures: Vec<Want>,
    voices: u64,
    picks: Vec<(Origin, Option<u8>)>,
    lacking: Option<Timestamp>,
    fell: Option<Timestamp>,
    roomy: Option<Timestamp>,
    upgraded: Option<Timestamp>,
    /// Whether the last change was a paused picture that is tried.
    tried: bool,
    /// Whether it was to take a wrong upgrade back.
    taken_back: bool,
    /// Whether it was a fall.
    fallen: bool,
    try_after_ms: i64,
    changed: Timestamp,
    hold_ms: i64,
    rates: (u64, u64),
    out: VecDeque<Output>,
}

impl Layers {
    /// Nothing is sent yet; `estimate` is what is tried before anything is known.
    pub fn new(now: Timestamp, estimate: u64) -> Self {
        Self {
            estimate,
            told: VecDeque::from([(now, estimate)]),
            shortest_rtt_ms: u32::MAX,
            loss: None,
            path: None,
            pictures: Vec::new(),
            voices: 0,
            picks: Vec::new(),
            lacking: None,
            fell: None,
            roomy: None,
            upgraded: None,
            tried: false,
            taken_back: false,
            fallen: false,
            try_after_ms: TRY_AGAIN_MS,
            changed: now,
            hold_ms: UP_AFTER_MS,
            rates: (0, 0),
            out: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// What is sent of a picture.
    pub fn pick(&self, origin: Origin) -> Option<u8> {
        self.picks.iter().find(|(o, _)| *o == origin).and_then(|(_, layer)| *layer)
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        if !matches!(input, Input::Estimate(_)) {
            self.believe(now);
        }
        match input {
            Input::Estimate(bps) => {
                if self.told.len() >= MAX_TOLD {
                    self.told.pop_front();
                }
                self.told.push_back((now, bps));
                self.believe(now);
            }
            Input::Path { loss_percent, rtt_ms } => {
                self.shortest_rtt_ms = self.shortest_rtt_ms.min(rtt_ms);
                let new = u32::from(loss_percent) * 100;
                let loss = self.loss.map_or(new, |before| (before * (LOSS_OVER - 1) + new) / LOSS_OVER);
                self.loss = Some(loss);
                let lossless = loss < u32::from(LOSS_PERCENT) * 100;
                let well = lossless && rtt_ms - self.shortest_rtt_ms <= QUEUE_MS;
                let since = self.path.and_then(|(_, since)| since);
                self.path = Some((now, well.then(|| since.unwrap_or(now))));
                self.believe(now);
            }
            Input::Wanted { mut pictures, voices } => {
                pictures.sort_by_key(rank);
                let changed = !same_shape(&self.pictures, &pictures);
                (self.pictures, self.voices) = (pictures, voices);
                if changed {
                    self.reshape(now);
                }
            }
            Input::Tick => {}
        }
        self.adapt(now);
        self.tell_rates();
    }

    /// What should flow while an upgrade is being waited for, media and padding together: a link that can't carry it tells
    /// before the upgrade, and an estimator that sees it carried doesn't take the upgrade for an accident.
    pub fn rehearsed(&self) -> u64 {
        let better = || fit(&self.pictures, self.budget() * 100 / SPARE);
        let cost = |picks: &[(Origin, Option<u8>)]| {
            let of = |(o, layer): &(Origin, Option<u8>)| {
                let want = self.pictures.iter().find(|w| w.origin == *o);
                want.zip(*layer).map_or(0, |(want, layer)| want.bps(layer))
            };
            picks.iter().map(of).sum::<u64>()
        };
        self.roomy.map_or(0, |_| cost(&better()) + self.voices * VOICE_BPS)
    }

    /// Makes up its mind about the link from what it was told.
    fn believe(&mut self, now: Timestamp) {
        let past = |at: &Timestamp| now.as_millis() - at.as_millis() >= FALL_MS;
        // The last of those that are past held until the next one.
        while self.told.len() > 1 && self.told.get(1).is_some_and(|(at, _)| past(at)) {
            self.told.pop_front();
        }
        let newest = self.told.back().map_or(self.estimate, |(_, bps)| *bps);
        let highest = self.told.iter().map(|(_, bps)| *bps).max().unwrap_or(newest);
        let falling = newest * 100 < highest * FALL;
        if falling {
            self.fell = Some(now);
        }
        let guess = if falling { newest.saturating_sub(highest - newest).max(newest / 2) } else { newest };
        self.estimate = guess.max(self.proven(now));
    }

    /// What the path is seen to carry: all that is sent, if that arrives.
    fn proven(&self, now: Timestamp) -> u64 {
        let since = |at: Timestamp| now.as_millis() - at.as_millis();
        let fresh =
            |at: Timestamp| since(at) <= PROOF_MS && at.as_millis() - self.changed.as_millis() >= PROOF_MS;
        let sent = (self.cost() + self.voices * VOICE_BPS) * 100;
        match self.path {
            Some((at, Some(_))) if fresh(at) => sent.div_ceil(USED),
            _ => 0,
        }
    }

    /// Whether nothing speaks against a little more than the estimate says.
    fn may_try(&self, now: Timestamp) -> bool {
        let since = |at: Timestamp| now.as_millis() - at.as_millis();
        match self.path {
            Some((at, well)) if since(at) <= PROOF_MS => well.is_some_and(|well| since(well) >= WELL_MS),
            _ => true,
        }
    }

    /// Whether the path was measured with what is sent now.
    fn is_measured(&self) -> bool {
        self.path.is_some_and(|(at, _)| at.as_millis() - self.changed.as_millis() >= PROOF_MS)
    }

    /// Whether nothing is known yet of what is sent now: a picture that is tried waits for its key frame; and what was sent
    /// before an upgrade that was wrong had been carried, and is seen to be in a moment.
    fn is_awaited(&self, now: Timestamp) -> bool {
        let most = if self.tried { TRY_AGAIN_MS } else { TAKEN_BACK_MS };
        (self.tried || self.taken_back)
            && !self.is_measured()
            && now.as_millis() - self.changed.as_millis() < most
    }

    /// Whether more is wanted than the link is believed to carry, and it may be asked whether it carries more.
    pub fn may_look(&self, now: Timestamp) -> bool {
        let calm =
            self.in_grace(now) || self.fell.is_none_or(|fell| now.as_millis() - fell.as_millis() >= CALM_MS);
        let dipped = self.in_grace(now) && self.lacking.is_some();
        calm && (dipped || self.pictures.iter().any(|want| self.pick(want.origin) < want.best()))
    }

    /// Whether the path was seen not to carry what is sent.
    pub fn is_unwell(&self, now: Timestamp) -> bool {
        matches!(self.path, Some((at, None)) if now.as_millis() - at.as_millis() <= PROOF_MS)
    }

    /// Whether an upgrade was made just now.
    pub fn is_young(&self, now: Timestamp) -> bool {
        self.upgraded.is_some_and(|at| now.as_millis() - at.as_millis() < GRACE_MS)
    }

    /// Whether a lack may be the dip of an upgrade: what the path itself says is no guess.
    fn in_grace(&self, now: Timestamp) -> bool {
        self.is_young(now) && !self.is_unwell(now)
    }

    /// Whether the estimate fell just now, and may fall further.
    fn is_sinking(&self, now: Timestamp, lacking: Timestamp) -> bool {
        let since = |at: Timestamp| now.as_millis() - at.as_millis();
        let told = self.told.back().is_some_and(|(at, _)| since(*at) < STILL_MS);
        told && since(lacking) < SINKING_MS
    }

    /// Whether what made everything fall may still be in the queue, and nothing is known yet of what is sent now.
    fn is_settling(&self, now: Timestamp) -> bool {
        self.fallen && !self.is_measured() && now.as_millis() - self.changed.as_millis() < TAKEN_BACK_MS
    }

    /// The viewer shows something else, or a publisher sends other layers: that is no matter of patience.
    fn reshape(&mut self, now: Timestamp) {
        let mut next = fit(&self.pictures, self.budget());
        // What was there and may stay isn't raised on the way: that is `adapt`'s decision.
        let risen = next.iter().any(|(o, layer)| *layer > self.pick(*o) && self.pick(*o).is_some());
        if risen {
            let cautious = fit(&self.pictures, self.budget() * 100 / SPARE);
            if cautious.iter().all(|(o, layer)| layer.is_some() || self.pick(*o).is_none()) {
                next = cautious;
            }
        }
        self.apply(next);
        // What was only tried is something else now: a lack is no dip of an upgrade.
        self.upgraded = self.upgraded.filter(|_| !self.tried);
        (self.lacking, self.roomy, self.changed) = (None, None, now);
        (self.tried, self.taken_back, self.fallen) = (false, false, false);
    }

    fn adapt(&mut self, now: Timestamp) {
        let (budget, cost) = (self.budget(), self.cost());
        let since = |at: Timestamp| now.as_millis() - at.as_millis();
        if cost > budget {
            let lacking = *self.lacking.get_or_insert(now);
            self.roomy = None;
            if self.is_awaited(now) {
                self.wake(self.changed, if self.tried { TRY_AGAIN_MS } else { TAKEN_BACK_MS });
                return;
            }
            let clearly = cost * 100 > budget * CLEARLY;
            let patience = if self.in_grace(now) { DIP_MS } else { DOWN_AFTER_MS };
            if clearly && !self.in_grace(now) && self.is_sinking(now, lacking) {
                self.wake(now, STILL_MS);
            } else if (clearly && !self.in_grace(now)) || since(lacking) >= patience {
                self.lower(now);
            } else {
                self.wake(lacking, patience);
            }
            return;
        }
        self.lacking = None;
        if since(self.changed) >= FORGIVEN_MS {
            (self.hold_ms, self.try_after_ms) = (UP_AFTER_MS, TRY_AGAIN_MS);
        }
        // A picture that stands still is worse than a small one: it comes back as soon as there is room, whatever was
        // learnt about upgrades.
        let starved = self.pictures.iter().any(|w| w.lowest().is_some() && self.pick(w.origin).is_none());
        let patience =
            if self.try_after_ms > TRY_AGAIN_MS { self.try_after_ms } else { self.hold_ms.min(TRY_AGAIN_MS) };
        if starved && since(self.changed) >= patience && self.may_try(now) {
            self.apply(self.one_more());
            (self.roomy, self.changed, self.upgraded) = (None, now, Some(now));
            (self.tried, self.taken_back, self.fallen) = (true, false, false);
            return;
        }
        if starved && since(self.changed) < patience {
            self.wake(self.changed, patience);
        }
        let (better, hold) = if starved {
            (self.unpaused(budget * 100 / SPARE), UP_AFTER_MS)
        } else {
            (fit(&self.pictures, budget * 100 / SPARE), self.hold_ms)
        };
        if !self.rises(&better) {
            self.roomy = None;
            return;
        }
        let roomy = *self.roomy.get_or_insert(now);
        if since(roomy) >= UP_AFTER_MS && since(self.changed) >= hold {
            self.apply(better);
            (self.roomy, self.changed) = (None, now);
            (self.tried, self.taken_back, self.fallen) = (false, false, false);
            // What only comes back is no upgrade that could be regretted.
            if !starved {
                self.upgraded = Some(now);
            }
        } else {
            self.wake(roomy, UP_AFTER_MS);
            self.wake(self.changed, hold);
        }
    }

    /// What is sent now, and the lowest layers of what is paused as far as they fit.
    fn unpaused(&self, budget: u64) -> Vec<(Origin, Option<u8>)> {
        let mut left = budget.saturating_sub(self.cost());
        let next = |want: &Want| {
            let pick = self.pick(want.origin).or_else(|| {
                let lowest = want.lowest().filter(|&layer| want.bps(layer) <= left);
                left -= lowest.map_or(0, |layer| want.bps(layer));
                lowest
            });
            (want.origin, pick)
        };
        self.pictures.iter().map(next).collect()
    }

    /// What is sent now, and the lowest layer of the most important that is paused.
    fn one_more(&self) -> Vec<(Origin, Option<u8>)> {
        let mut room = true;
        let next = |want: &Want| {
            let pick = self.pick(want.origin).or_else(|| want.lowest().filter(|_| std::mem::take(&mut room)));
            (want.origin, pick)
        };
        self.pictures.iter().map(next).collect()
    }

    fn lower(&mut self, now: Timestamp) {
        let mut next = fit(&self.pictures, self.budget());
        // In free fall the link is below what is guessed, a queue has to empty, and how little would be too much isn't known:
        // then it is the least of everything, and a pause only when that is measured not to be carried.
        let sinks = self.is_unwell(now) && self.fell == Some(now);
        let above = self.pictures.iter().any(|want| self.pick(want.origin) > want.lowest());
        let pauses = next.iter().any(|(origin, layer)| layer.is_none() && self.pick(*origin).is_some());
        if sinks || (pauses && (above || self.is_settling(now))) {
            next = self.pictures.iter().map(|w| (w.origin, self.pick(w.origin).and(w.lowest()))).collect();
            if next == self.picks {
                self.wake(self.changed, TAKEN_BACK_MS);
                return;
            }
        }
        let wrong = self.upgraded.take().is_some_and(|at| now.as_millis() - at.as_millis() < REGRET_MS);
        if self.tried && self.is_measured() {
            self.try_after_ms =
                if wrong { (self.try_after_ms * 4).min(MAX_TRY_AGAIN_MS) } else { TRY_AGAIN_MS };
        }
        if wrong {
            self.hold_ms = (self.hold_ms * 2).clamp(WRONG_HOLD_MS, MAX_HOLD_MS);
        }
        self.apply(next);
        (self.lacking, self.changed) = (None, now);
        (self.tried, self.taken_back, self.fallen) = (false, wrong, true);
    }

    /// Whether `next` gives something more and nothing less.
    fn rises(&self, next: &[(Origin, Option<u8>)]) -> bool {
        next.iter().all(|(o, layer)| *layer >= self.pick(*o))
            && next.iter().any(|(o, layer)| *layer > self.pick(*o))
    }

    fn apply(&mut self, next: Vec<(Origin, Option<u8>)>) {
        for (origin, layer) in &next {
            let known = self.picks.iter().find(|(o, _)| o == origin).map(|(_, layer)| *layer);
            if known != Some(*layer) {
                self.out.push_back(Output::Send(*origin, *layer));
            }
        }
        self.picks = next;
    }

    fn budget(&self) -> u64 {
        (self.estimate * USED / 100).saturating_sub(self.voices * VOICE_BPS)
    }

    fn cost(&self) -> u64 {
        self.pictures.iter().filter_map(|want| self.pick(want.origin).map(|layer| want.bps(layer))).sum()
    }

    fn tell_rates(&mut self) {
        let voices = self.voices * VOICE_BPS;
        let desired: u64 = self.pictures.iter().filter_map(|w| w.best().map(|layer| w.bps(layer))).sum();
        // What is desired must leave the spare that an upgrade asks for.
        let rates = (self.cost() + voices, desired * SPARE / USED + voices);
        let near = |a: u64, b: u64| a.abs_diff(b) * 10 <= a.max(b);
        if !near(rates.0, self.rates.0) || !near(rates.1, self.rates.1) {
            self.rates = rates;
            self.out.push_back(Output::Rates { current: rates.0, desired: rates.1 });
        }
    }

    fn wake(&mut self, from: Timestamp, after_ms: i64) {
        self.out.push_back(Output::WakeAt(Timestamp::from_millis(from.as_millis() + after_ms)));
    }
}

impl Want {
    fn bps(&self, layer: u8) -> u64 {
        self.layers.get(usize::from(layer)).map_or(0, |l| l.bps)
    }

    fn live(&self) -> impl DoubleEndedIterator<Item = (u8, &Layer)> {
        [0, 1, 2].into_iter().zip(&self.layers).filter(|(_, layer)| layer.live)
    }

    fn lowest(&self) -> Option<u8> {
        self.live().next().map(|(i, _)| i).filter(|_| self.max_height > 0)
    }

    /// The highest that is no larger than shown (a tenth more is the same), else the lowest.
    fn best(&self) -> Option<u8> {
        let most = u32::from(self.max_height) * 11 / 10;
        let fits = self.live().rev().find(|(_, layer)| u32::from(layer.height) <= most);
        fits.map(|(i, _)| i).filter(|_| self.max_height > 0).or_else(|| self.lowest())
    }
}

/// The stage first, then by size; a screen before a camera of the same size.
fn rank(want: &Want) -> (std::cmp::Reverse<u16>, bool) {
    (std::cmp::Reverse(want.max_height), want.origin.source != Source::Screen)
}

/// The same pictures at the same sizes with the same layers.
fn same_shape(a: &[Want], b: &[Want]) -> bool {
    let shape = |w: &Want| (w.origin, w.max_height, w.layers.map(|l| l.live.then_some(l.height)));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| shape(a) == shape(b))
}

/// Shares `budget` out. `pictures` are in order of importance.
fn fit(pictures: &[Want], budget: u64) -> Vec<(Origin, Option<u8>)> {
    let mut left = budget;
    let mut picks: Vec<Option<u8>> = Vec::with_capacity(pictures.len());
    for want in pictures {
        let pick = want.lowest().filter(|&layer| want.bps(layer) <= left);
        left -= pick.map_or(0, |layer| want.bps(layer));
        picks.push(pick);
    }
    for (want, pick) in pictures.iter().zip(&mut picks) {
        let (Some(now), Some(best)) = (*pick, want.best()) else { continue };
        let had = want.bps(now);
        let higher = want.live().rev().filter(|(i, _)| *i > now && *i <= best);
        if let Some((layer, cost)) =
            higher.map(|(i, l)| (i, l.bps)).find(|(_, bps)| *bps <= left.saturating_add(had))
        {
            left = (left + had).saturating_sub(cost);
            *pick = Some(layer);
        }
    }
    pictures.iter().map(|w| w.origin).zip(picks).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::ParticipantId;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }
    fn origin(n: u128, source: Source) -> Origin {
        Origin { participant: ParticipantId::from_bits(n), source }
    }
    fn camera(n: u128, max_height: u16) -> Want {
        let layer = |height, bps| Layer { height, bps, live: true };
        let layers = [layer(180, 120_000), layer(360, 350_000), layer(720, 1_200_000)];
        Want { origin: origin(n, Source::Camera), max_height, layers }
    }
    fn wanted(pictures: &[Want]) -> Input {
        Input::Wanted { pictures: pictures.to_vec(), voices: 3 }
    }
    fn switches(layers: &mut Layers) -> usize {
        std::iter::from_fn(|| layers.poll()).filter(|o| matches!(o, Output::Send(..))).count()
    }

    #[test]
    fn with_bandwidth_everybody_gets_what_they_show() {
        let mut layers = Layers::new(at(0), 5_000_000);
        layers.handle(at(0), wanted(&[camera(1, 720), camera(2, 360), camera(3, 180), camera(4, 0)]));
        let picks: Vec<_> = (1..=4).map(|n| layers.pick(origin(n, Source::Camera))).collect();
        assert_eq!(picks, [Some(2), Some(1), Some(0), None]);
    }

    #[test]
    fn the_stage_comes_first_and_the_smallest_pause_before_sound_suffers() {
        let people = [camera(2, 180), camera(3, 180), camera(1, 720)];
        let stage = origin(1, Source::Camera);
        let shown = |estimate| {
            let mut layers = Layers::new(at(0), estimate);
            layers.handle(at(0), wanted(&people));
            (layers.pick(stage), [2, 3].map(|n| layers.pick(origin(n, Source::Camera)).is_some()))
        };
        assert_eq!(shown(1_000_000), (Some(1), [true, true]));
        assert_eq!(shown(550_000), (Some(0), [true, true]));
        assert_eq!(shown(410_000), (Some(0), [true, false]));
        assert_eq!(shown(200_000), (None, [false, false]), "three voices need 144 kbit/s");
    }

    #[test]
    fn a_drop_is_followed_at_once_and_recovery_within_seconds() {
        let mut layers = Layers::new(at(0), 2_500_000);
        layers.handle(at(0), wanted(&[camera(1, 720)]));
        layers.handle(at(30_000), Input::Estimate(500_000));
        layers.handle(at(30_000 + STILL_MS), Input::Tick);
        assert!(layers.pick(origin(1, Source::Camera)) < Some(1));
        for i in 0..40 {
            layers.handle(at(30_000 + i * 100), Input::Tick);
        }
        assert_eq!(layers.pick(origin(1, Source::Camera)), Some(0), "the fall is over");
        layers.handle(at(60_000), Input::Estimate(2_500_000));
        assert_eq!(layers.pick(origin(1, Source::Camera)), Some(0), "not before it has lasted");
        layers.handle(at(61_100), Input::Tick);
        assert_eq!(layers.pick(origin(1, Source::Camera)), Some(2));
    }

    #[test]
    fn what_was_paused_comes_back_before_anything_is_upgraded() {
        let mut layers = Layers::new(at(0), 2_500_000);
        let people = [camera(1, 720), camera(2, 180)];
        let picks = |layers: &Layers| [1, 2].map(|n| layers.pick(origin(n, Source::Camera)));
        layers.handle(at(0), wanted(&people));
        // An upgrade that was wrong makes the next one wait; a pause doesn't.
        for (t, bps) in [
            (20_000, 900_000),
            (40_000, 2_500_000),
            (42_000, 2_500_000),
            (44_000, 330_000),
            (47_000, 330_000),
        ] {
            layers.handle(at(t), Input::Estimate(bps));
            layers.handle(at(t + STILL_MS), Input::Tick);
        }
        layers.handle(at(48_100), Input::Tick);
        assert_eq!(picks(&layers), [Some(0), None]);
        layers.handle(at(50_000), Input::Estimate(2_500_000));
        layers.handle(at(51_500), Input::Tick);
        assert_eq!(picks(&layers), [Some(0), Some(0)]);
    }

    #[test]
    fn a_steady_link_stays_still_however_noisy_its_estimate() {
        for seed in 0..100_u64 {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let base = 300_000 + (seed % 20) * 100_000;
            let mut layers = Layers::new(at(0), base);
            let people = [camera(1, 720), camera(2, 360), camera(3, 360)];
            layers.handle(at(0), wanted(&people));
            let mut times = Vec::new();
            for i in 0..1_800 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let noise = (random >> 40) % (base / 5);
                let now = at(i * 100);
                let carried = layers.cost() + 3 * VOICE_BPS <= base;
                layers.handle(now, Input::Path { loss_percent: if carried { 0 } else { 20 }, rtt_ms: 40 });
                layers.handle(now, Input::Estimate(base - base / 10 + noise));
                layers.handle(now, wanted(&people));
                if switches(&mut layers) > 0 && i > 300 {
                    times.push(i * 100);
                }
            }
            let worst =
                times.iter().map(|t| times.iter().filter(|u| (*t..*t + 60_000).contains(*u)).count()).max();
            assert!(worst.unwrap_or(0) <= 2, "seed {seed}: {times:?}");
        }
    }

    #[test]
    fn what_arrives_is_not_taken_away_whatever_is_guessed() {
        let mut layers = Layers::new(at(0), 2_500_000);
        layers.handle(at(0), wanted(&[camera(1, 720)]));
        let pick = |layers: &Layers| layers.pick(origin(1, Source::Camera));
        let run = |layers: &mut Layers, from: i64, loss_percent, rtt_ms, bps| {
            for i in 0..20 {
                layers.handle(at(from + i * 250), Input::Path { loss_percent, rtt_ms });
                layers.handle(at(from + i * 250 + 100), Input::Estimate(bps));
            }
        };
        run(&mut layers, 10_000, 5, 40, 2_500_000);
        run(&mut layers, 15_000, 5, 60, 100_000);
        assert_eq!(pick(&layers), Some(2), "all arrives");
        run(&mut layers, 20_000, 5, 300, 500_000);
        assert_eq!(pick(&layers), Some(0), "a queue grows");
        run(&mut layers, 25_000, 30, 40, 100_000);
        assert_eq!(pick(&layers), None, "a third is lost");
        run(&mut layers, 65_000, 0, 40, 100_000);
        assert_eq!(pick(&layers), Some(0), "a path that is well is tried");
    }

    #[test]
    fn a_picture_that_stands_still_is_tried_when_nothing_is_known_and_nothing_flows() {
        let mut layers = Layers::new(at(0), 5_000);
        layers.handle(at(0), wanted(&[camera(1, 720)]));
        let pick = |layers: &Layers| layers.pick(origin(1, Source::Camera));
        assert_eq!(pick(&layers), None);
        layers.handle(at(1_000), Input::Tick);
        assert_eq!(pick(&layers), Some(0), "nothing speaks against it");
        layers.handle(at(4_000), Input::Estimate(5_000));
        assert_eq!(pick(&layers), Some(0), "its key frame is on its way");
        layers.handle(at(4_100), Input::Path { loss_percent: 0, rtt_ms: 40 });
        layers.handle(at(4_200), Input::Estimate(5_000));
        assert_eq!(pick(&layers), Some(0), "it flows");
        layers.handle(at(6_000), Input::Path { loss_percent: 50, rtt_ms: 40 });
        assert_eq!(pick(&layers), None, "it doesn't");
        for ms in (6_250..20_000).step_by(250) {
            layers.handle(at(ms), Input::Path { loss_percent: 50, rtt_ms: 40 });
            assert_eq!(pick(&layers), None, "what is known to be bad isn't tried");
        }
        layers.handle(at(25_900), Input::Tick);
        assert_eq!(pick(&layers), None, "nor so soon");
        layers.handle(at(26_000), Input::Tick);
        assert_eq!(pick(&layers), Some(0));
        layers.handle(at(30_900), Input::Tick);
        assert_eq!(pick(&layers), Some(0));
        layers.handle(at(31_000), Input::Tick);
        layers.handle(at(31_600), Input::Tick);
        assert_eq!(pick(&layers), None, "nothing came");
        layers.handle(at(51_600), Input::Tick);
        assert_eq!(pick(&layers), Some(0), "once more");
    }

    #[test]
    fn a_fall_ends_in_the_lowest_layer_and_not_in_a_pause_before_anything_was_measured() {
        let mut layers = Layers::new(at(0), 2_500_000);
        layers.handle(at(0), wanted(&[camera(1, 720)]));
        let pick = |layers: &Layers| layers.pick(origin(1, Source::Camera));
        layers.handle(at(10_000), Input::Path { loss_percent: 6, rtt_ms: 40 });
        layers.handle(at(10_250), Input::Path { loss_percent: 6, rtt_ms: 190 });
        for (i, bps) in (0..).zip([1_300_000, 1_000_000, 700_000, 500_000, 400_000]) {
            layers.handle(at(10_300 + i * 10), Input::Estimate(bps));
        }
        assert_eq!(pick(&layers), Some(2), "it may go on falling");
        layers.handle(at(10_340 + STILL_MS), Input::Tick);
        assert_eq!(pick(&layers), Some(0), "at once where it ends");
        layers.handle(at(10_380), Input::Estimate(150_000));
        layers.handle(at(10_380 + STILL_MS), Input::Tick);
        assert_eq!(pick(&layers), Some(0), "what was sent before still fills the queue");
        layers.handle(at(10_900), Input::Path { loss_percent: 20, rtt_ms: 190 });
        layers.handle(at(11_400), Input::Path { loss_percent: 20, rtt_ms: 190 });
        assert_eq!(pick(&layers), None, "even that isn't carried");
    }

    #[test]
    fn an_upgrade_is_taken_back_at_once_when_the_path_itself_says_so() {
        let upgraded = || {
            let mut layers = Layers::new(at(0), 600_000);
            layers.handle(at(0), wanted(&[camera(1, 720)]));
            layers.handle(at(60_000), Input::Estimate(2_500_000));
            layers.handle(at(61_100), Input::Path { loss_percent: 0, rtt_ms: 40 });
            assert_eq!(layers.pick(origin(1, Source::Camera)), Some(2));
            layers
        };
        let fallen = |mut layers: Layers, rtt_ms| {
            layers.handle(at(61_500), Input::Path { loss_percent: 0, rtt_ms });
            layers.handle(at(61_600), Input::Estimate(500_000));
            layers.handle(at(61_600 + STILL_MS), Input::Tick);
            layers.pick(origin(1, Source::Camera))
        };
        assert_eq!(fallen(upgraded(), 60), Some(2), "an estimate may dip");
        assert_eq!(fallen(upgraded(), 190), Some(0), "a queue is no guess");
    }

    #[test]
    fn a_layer_that_its_publisher_stops_is_left_at_once() {
        let mut layers = Layers::new(at(0), 5_000_000);
        let mut one = camera(1, 720);
        layers.handle(at(0), wanted(&[one]));
        one.layers[2].live = false;
        layers.handle(at(100), wanted(&[one]));
        assert_eq!(layers.pick(one.origin), Some(1));
    }

    #[test]
    fn one_measurement_with_more_loss_than_the_link_has_is_chance() {
        let mut layers = Layers::new(at(0), 5_000_000);
        layers.handle(at(0), wanted(&[camera(1, 360), camera(2, 360)]));
        let mut step = |t: i64, loss_percent| {
            layers.handle(at(t), Input::Path { loss_percent, rtt_ms: 50 });
            layers.handle(at(t), Input::Estimate(100_000));
            [1, 2].map(|n| layers.pick(origin(n, Source::Camera)))
        };
        for n in 4..100 {
            let loss = [4, 6, 12, 5, 3][n % 5];
            assert_eq!(
                step(250 * i64::try_from(n).unwrap(), loss),
                [Some(1), Some(1)],
                "what flows is proof"
            );
        }
        assert_ne!(step(25_000, 50), [Some(1), Some(1)], "half of it lost is none, at once");
    }

    #[test]
    fn a_trial_that_became_something_else_is_no_upgrade_that_may_dip() {
        let mut layers = Layers::new(at(0), 300_000);
        let want = |max_height, live: [bool; 3]| {
            let layer = |n: usize| Layer { height: [180, 360, 720][n], bps: 1_000, live: live[n] };
            vec![Want {
                origin: origin(1, Source::Camera),
                max_height,
                layers: [layer(0), layer(1), layer(2)],
            }]
        };
        let mut step = |now: i64, bps, pictures: Vec<Want>| {
            layers.handle(at(now), Input::Estimate(bps));
            layers.handle(at(now), Input::Wanted { pictures, voices: 0 });
            layers.handle(at(now + STILL_MS), Input::Tick);
            layers.pick(origin(1, Source::Camera))
        };
        assert_eq!(step(0, 0, want(180, [false, true, false])), None);
        let next = STILL_MS + 980;
        assert_eq!(step(next, 914_278, want(360, [true, false, false])), Some(0));
        assert_eq!(
            step(next + STILL_MS, 0, want(360, [true, false, false])),
            None,
            "nothing is carried any more"
        );
    }

    fn pictures() -> impl Strategy<Value = Vec<Want>> {
        let layer = |height: u16| {
            (1_000_u64..2_000_000, any::<bool>()).prop_map(move |(bps, live)| Layer { height, bps, live })
        };
        let want = (0_usize..4, layer(180), layer(360), layer(720));
        prop::collection::vec(want, 0..10).prop_map(|wants| {
            wants
                .into_iter()
                .enumerate()
                .map(|(n, (size, a, b, c))| Want {
                    origin: origin(n as u128, if n % 4 == 3 { Source::Screen } else { Source::Camera }),
                    max_height: [0, 180, 360, 1080][size],
                    layers: [a, b, c],
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_sent_fits_is_live_and_no_larger_than_shown(
            steps in prop::collection::vec((0_i64..2_000, 0_u64..6_000_000, pictures(), 0_u64..5), 1..40),
        ) {
            let (mut layers, mut now) = (Layers::new(at(0), 300_000), 0);
            for (gap, estimate, pictures, voices) in steps {
                now += gap;
                layers.handle(at(now), Input::Estimate(estimate));
                layers.handle(at(now), Input::Wanted { pictures: pictures.clone(), voices });
                for want in &pictures {
                    if let Some(layer) = layers.pick(want.origin) {
                        let layer = want.layers[usize::from(layer)];
                        prop_assert!(layer.live && want.max_height > 0);
                        let lowest = want.layers.iter().find(|l| l.live).map(|l| l.height);
                        prop_assert!(layer.height <= want.max_height + want.max_height / 10 || Some(layer.height) == lowest);
                    }
                }
                // A lack below a tenth may last half a second, the least of everything a second after a fall, a picture is
                // tried for longer; sound is never part of it.
                now += STILL_MS;
                layers.handle(at(now), Input::Tick);
                let least = layers.pictures.iter().all(|w| layers.pick(w.origin).is_none_or(|l| Some(l) == w.lowest()));
                let excused = layers.tried || layers.taken_back || (layers.fallen && least);
                let cost = layers.cost();
                prop_assert!(
                    excused || cost * 100 <= layers.budget() * CLEARLY,
                    "{cost} of {}",
                    layers.budget()
                );
            }
        }
    }
}
