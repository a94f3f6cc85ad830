//! Between rooms and the shards: what a room decides goes to its media, what the media notices goes to its room and guests.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc::Receiver;
use visavis_domain::{
    Fault,
    contract::rooms::{SfuAnswer, SfuOffer, View},
    event::{CloseReason, ServerEvent, SlotLine},
    id::{RoomId, UserId},
    room::{MediaOrder, slots::Origin},
};

use super::{Node, live::Input, who};
use crate::{
    call::{LinkNews, News, SlotView},
    media::{Join, Shards},
    udp::Report,
};

/// Between two looks at the media's threads.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Node {
    /// The media of this node's rooms; none where calls run between browsers only.
    pub fn media(&self) -> Option<&Shards> {
        self.shards.as_deref()
    }

    fn shards(&self) -> Result<&Shards, Fault> {
        self.shards.as_deref().ok_or_else(Fault::unavailable)
    }

    /// Answers an offer. The room isn't held meanwhile: a join by somebody else needn't wait for it.
    pub(super) async fn answer_offer(&self, req: SfuOffer) -> Result<SfuAnswer, Fault> {
        let room = req.seat.room;
        let live = self.room(room)?;
        let (participant, media, apart, limit) = {
            let live = live.lock().await;
            let participant = live.offering(who(req.seat))?;
            (participant, live.tracks(participant), live.apart_from(participant), live.limit())
        };
        let join = Join { room, participant, offer: req.sdp, media, apart, limit };
        let sdp = self.shards()?.join(join).await?;
        // Whoever left meanwhile has no connection to keep, and whatever they said meanwhile holds.
        let live = live.lock().await;
        match live.offering(who(req.seat)) {
            Ok(_) => {
                if let Some(now) = live.tracks(participant).filter(|now| Some(*now) != media) {
                    self.shards()?.media(room, participant, now);
                }
                for other in live.apart_from(participant) {
                    self.shards()?.apart(room, [participant, other]);
                }
                Ok(SfuAnswer { sdp })
            }
            Err(fault) => {
                self.shards()?.leave(room, participant);
                Err(fault)
            }
        }
    }

    pub(super) async fn take_view(&self, req: View) -> Result<(), Fault> {
        let room = req.seat.room;
        let participant = self.room(room)?.lock().await.offering(who(req.seat))?;
        let origin = |w: &visavis_domain::contract::rooms::Wanted| {
            (Origin { participant: w.participant_id, source: w.source }, w.max_height)
        };
        self.shards()?.view(room, participant, req.wanted.iter().map(origin).collect());
        Ok(())
    }

    /// What was written goes to those who look at calls; not what friends say to one another in a call of two.
    pub(super) async fn show_written(&self, room: RoomId, user: UserId, text: &str) {
        let (Some(shards), Ok(live)) = (&self.shards, self.room(room)) else { return };
        let writer = live.lock().await.openly(user);
        if let Some(participant) = writer {
            shards.written(room, (participant, user), self.deps.clock.now(), text);
        }
    }

    pub(super) fn order_media(&self, room: RoomId, order: MediaOrder) {
        let Some(shards) = &self.shards else { return };
        match order {
            MediaOrder::Tracks(participant, media) => shards.media(room, participant, media),
            MediaOrder::Leave(participant) => shards.leave(room, participant),
            MediaOrder::Apart(pair) => shards.apart(room, pair),
            MediaOrder::Close => shards.close(room),
        }
    }

    /// Carries what the shards report, until the process stops.
    pub(super) async fn hear_media(self: Arc<Self>, mut reports: Receiver<Report>) {
        while let Some(report) = reports.recv().await {
            match report {
                Report::Answered(ticket, answer) => {
                    if let Some(shards) = &self.shards {
                        shards.answered(ticket, answer);
                    }
                }
                Report::News(room, news) => self.hear_news(room, news).await,
                Report::Failed(room) => {
                    if let Some(shards) = &self.shards {
                        shards.close(room);
                    }
                    self.media_failed(room).await;
                }
            }
        }
    }

    /// Looks after the media's threads, until the process stops. When none is left the process is of no use.
    pub(super) async fn keep_vigil(self: Arc<Self>) {
        let Some(shards) = &self.shards else { return };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            for room in shards.look_after() {
                self.media_failed(room).await;
            }
            if shards.is_lost() {
                self.deps.lifecycle.fail("all media threads are gone or hang");
            }
        }
    }

    /// Everybody comes in again: their pages know how.
    async fn media_failed(&self, id: RoomId) {
        if let Ok(live) = self.room(id) {
            let _ = self.apply(id, &live, Input::Close(CloseReason::MediaFailed)).await;
        }
    }

    async fn hear_news(&self, id: RoomId, news: News) {
        let Ok(live) = self.room(id) else { return };
        match news {
            News::Link(participant, link) => {
                let silent = match link {
                    LinkNews::Silent | LinkNews::Ended => true,
                    LinkNews::Back | LinkNews::Connected => false,
                };
                let _ = self.apply(id, &live, Input::Silent(participant, silent)).await;
            }
            News::Slots(participant, slots) => {
                let live = live.lock().await;
                if let Some(to) = live.session(participant) {
                    let slots = slots.into_iter().map(line).collect();
                    self.emit(to, ServerEvent::Slots { room_id: id, slots }).await;
                }
            }
            News::Speaking(participant_id, levels) => {
                let listeners = live.lock().await.listeners();
                for (to, apart) in listeners {
                    let mut levels = levels.clone();
                    levels.retain(|l| !apart.contains(&l.participant_id));
                    let participant_id = participant_id.filter(|p| !apart.contains(p));
                    self.emit(to, ServerEvent::ActiveSpeaker { room_id: id, participant_id, levels }).await;
                }
            }
        }
    }
}

fn line(slot: SlotView) -> SlotLine {
    SlotLine { mid: slot.mid, participant_id: slot.participant, source: slot.source }
}
