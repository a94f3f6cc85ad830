//! What one consumer takes of one room: key frames when they are due, sound in runs. Everything stays compressed. Pure: what
//! is wanted goes to the publisher by [`Tap::awaits`], what was gathered comes out of [`Tap::poll`].

mod picture;
mod sound;

use std::{collections::VecDeque, sync::Arc};

use visavis_domain::{
    Timestamp,
    id::{ParticipantId, RoomId},
    room::{
        layers::{Layer, MAX_LAYERS},
        slots::Origin,
        tap::{Body, Consumer, Demand, Input, Output, PictureCodec, Sample, Watch},
    },
};

use crate::{
    peer::{Coding, Inbound},
    vp8,
};
use picture::{Assembly, Begins, Piece};
use sound::{Ended, Run};

/// Runs of one room: a microphone and a screen's sound of each of its connections, and those that just left.
const MAX_RUNS: usize = 64;

/// A picture that flows, and the layer that the consumer would have of it.
pub(crate) struct Flowing {
    pub(crate) origin: Origin,
    pub(crate) layer: u8,
    pub(crate) stream: crate::forward::StreamKey,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Tap {
    room: RoomId,
    pub(crate) consumer: Consumer,
    demand: Demand,
    watch: Watch,
    /// Pictures that are being waited for.
    awaited: Vec<Awaited>,
    runs: Vec<(Origin, Run)>,
    out: VecDeque<Sample>,
    /// Key frames that were asked for and didn't come.
    pub(crate) missed: u64,
}

#[derive(Debug)]
struct Awaited {
    origin: Origin,
    /// The layer and its packets, once it is known which.
    layer: Option<(u8, Assembly)>,
}

impl Tap {
    pub(crate) fn new(now: Timestamp, room: RoomId, consumer: Consumer, demand: Demand) -> Self {
        let mut tap = Self {
            room,
            consumer,
            demand: Demand::default(),
            watch: Watch::default(),
            awaited: Vec::new(),
            runs: Vec::new(),
            out: VecDeque::new(),
            missed: 0,
        };
        tap.set_demand(now, demand);
        tap
    }

    /// Somebody has come: nobody knows all of these bits.
    pub(crate) fn stir(&mut self, now: Timestamp, bits: u64) {
        self.watch.handle(now, Input::Chance(bits));
    }

    pub(crate) fn set_demand(&mut self, now: Timestamp, demand: Demand) {
        self.demand = demand;
        self.watch.handle(now, Input::Every(demand.pictures.and_then(|p| p.every)));
        if demand.sound.is_none() {
            self.runs.clear();
        }
        self.follow(now);
    }

    /// The next sample.
    pub(crate) fn poll(&mut self) -> Option<Sample> {
        self.out.pop_front()
    }

    /// A picture of this is wanted now.
    pub(crate) fn request(&mut self, now: Timestamp, origin: Origin) {
        self.watch.handle(now, Input::Request(origin));
        self.follow(now);
    }

    /// Time has passed; these pictures flow.
    pub(crate) fn look(&mut self, now: Timestamp, flowing: &[Flowing]) {
        if self.demand.pictures.is_some() {
            let origins = flowing.iter().map(|f| f.origin).collect();
            self.watch.handle(now, Input::Flowing(origins));
            self.follow(now);
        }
        for awaited in &mut self.awaited {
            let Some(now) = flowing.iter().find(|f| f.origin == awaited.origin) else { continue };
            let kept = awaited.layer.as_ref().is_some_and(|(_, a)| a.stream == now.stream);
            if !kept {
                awaited.layer = Some((now.layer, Assembly::new(now.stream, PictureCodec::Vp8)));
            }
        }
        if let Some(runs) = self.demand.sound {
            for i in 0..self.runs.len() {
                let (origin, run) = &mut self.runs[i];
                let (origin, ended) = (*origin, run.end(now, &runs));
                self.sound(origin, ended);
            }
            self.runs.retain(|(_, run)| !run.is_empty());
        }
    }

    /// The layer of which a picture is waited for.
    pub(crate) fn awaits(&self, origin: Origin) -> Option<u8> {
        let awaited = self.awaited.iter().find(|a| a.origin == origin)?;
        awaited.layer.as_ref().map(|(layer, _)| *layer)
    }

    /// Which layer would do.
    pub(crate) fn choose(&self, layers: &[Layer; MAX_LAYERS]) -> Option<u8> {
        let least = self.demand.pictures?.min_height;
        let live = || (0..).zip(layers).filter(|(_, layer)| layer.live);
        let enough = live().find(|(_, layer)| layer.height >= least);
        enough.or_else(|| live().last()).map(|(i, _)| i)
    }

    /// Takes what somebody sends and others may have.
    pub(crate) fn take(&mut self, now: Timestamp, participant: ParticipantId, packet: &Inbound) {
        let origin = Origin { participant, source: packet.source };
        if packet.source.is_audio() {
            self.take_sound(now, origin, packet);
        } else if !self.awaited.is_empty() {
            self.take_picture(now, origin, packet);
        }
    }

    fn take_sound(&mut self, now: Timestamp, origin: Origin, packet: &Inbound) {
        let Some(runs) = self.demand.sound else { return };
        let at = self.runs.iter().position(|(o, _)| *o == origin).unwrap_or(self.runs.len());
        if at == self.runs.len() {
            if at >= MAX_RUNS {
                return;
            }
            self.runs.push((origin, Run::default()));
        }
        let heard = (packet.stream, packet.rtp.header.timestamp, &packet.rtp.payload);
        let ended = self.runs[at].1.take(now, &runs, heard);
        self.sound(origin, ended);
    }

    fn sound(&mut self, origin: Origin, ended: Option<Ended>) {
        let Some((at, packets)) = ended else { return };
        self.hand(at, origin, Body::Sound(origin.source, packets));
    }

    fn take_picture(&mut self, now: Timestamp, origin: Origin, packet: &Inbound) {
        let Some(at) = self.awaited.iter().position(|a| a.origin == origin) else { return };
        let Some((_, assembly)) = &mut self.awaited[at].layer else { return };
        let Some((codec, piece)) = piece(packet).filter(|_| assembly.stream == packet.stream) else { return };
        if let Some(key_frame) = assembly.take(codec, piece) {
            self.awaited.remove(at);
            self.watch.handle(now, Input::Came(origin));
            self.hand(now, origin, Body::KeyFrame(origin.source, key_frame));
            self.follow(now);
        }
    }

    fn hand(&mut self, at: Timestamp, origin: Origin, body: Body) {
        self.out.push_back(Sample { room: self.room, participant: origin.participant, at, ready: at, body });
    }

    fn follow(&mut self, now: Timestamp) {
        while let Some(output) = self.watch.poll() {
            match output {
                Output::Want(origin) => self.awaited.push(Awaited { origin, layer: None }),
                // Also of one that has just ended: else it could be shown in bursts.
                Output::GiveUp(origin) => {
                    self.awaited.retain(|a| a.origin != origin);
                    self.missed += 1;
                    if self.consumer == Consumer::Moderation {
                        self.hand(now, origin, Body::Unseen(origin.source));
                    }
                }
            }
        }
    }
}

fn piece(packet: &Inbound) -> Option<(PictureCodec, Piece)> {
    let (codec, begins, header) = match packet.coding {
        Coding::Vp8(vp8) => {
            let begins = if vp8.key { Begins::Key } else { Begins::Other };
            (PictureCodec::Vp8, vp8.begins.then_some(begins), vp8.header)
        }
        Coding::H264 => (PictureCodec::H264, vp8::h264_begins(&packet.rtp.payload).then_some(Begins::Key), 0),
        Coding::Opus => return None,
    };
    let rtp = &packet.rtp;
    let piece = Piece {
        seq: *rtp.seq_no,
        time: rtp.header.timestamp,
        begins,
        marker: rtp.header.marker,
        header,
        payload: Arc::clone(&rtp.payload),
    };
    Some((codec, piece))
}
