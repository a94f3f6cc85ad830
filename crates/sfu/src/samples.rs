//! From the media's threads to those who look at calls: one lossy queue for each of them. A thread never waits for a
//! consumer, and a slow one loses the oldest samples, which is counted.
//!
//! The contract of a consumer: it takes its receiver once ([`Samples::take`]), says what it wants
//! ([`crate::media::Shards::tap`]), and empties the queue. What comes is described at
//! [`visavis_domain::room::tap::Sample`]. It lowers what it wants when it can't keep up; nobody slows down for it.

use std::sync::{Mutex, PoisonError};

use visavis_domain::room::tap::{Consumer, Sample};
use visavis_platform::lossy::{self, Bound, Receiver, Sender};

/// Samples that wait for one consumer: a key frame every five seconds of 5000 cameras for a second, or a minute of a
/// thousand people's sound. Beyond it the oldest are lost.
const WAITING: Bound = Bound { items: 2_048, bytes: 64 << 20 };

/// The consumers' ends.
#[derive(Debug)]
pub struct Samples(Mutex<Vec<(Consumer, Receiver<Sample>)>>);

impl Samples {
    /// Whether somebody empties this consumer's queue.
    pub(crate) fn is_taken(&self, consumer: Consumer) -> bool {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !ends.iter().any(|(known, _)| *known == consumer)
    }

    /// The end of this consumer; the first time only.
    pub fn take(&self, consumer: Consumer) -> Option<Receiver<Sample>> {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = ends.iter().position(|(known, _)| *known == consumer)?;
        Some(ends.swap_remove(at).1)
    }
}

/// The threads' ends.
#[derive(Debug, Clone)]
pub(crate) struct SampleQueues(Vec<(Consumer, Sender<Sample>)>);

/// Both ends of every consumer's queue.
pub(crate) fn queues() -> (SampleQueues, Samples) {
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for consumer in Consumer::ALL {
        let (sender, receiver) = lossy::channel(WAITING);
        senders.push((consumer, sender));
        receivers.push((consumer, receiver));
    }
    (SampleQueues(senders), Samples(Mutex::new(receivers)))
}

impl SampleQueues {
    pub(crate) fn push(&self, consumer: Consumer, sample: Sample) {
        let Some((_, queue)) = self.0.iter().find(|(known, _)| *known == consumer) else { return };
        let (who, size) = (consumer.as_str(), sample.size());
        metrics::counter!("visavis_samples_total", "consumer" => who, "kind" => sample.kind()).increment(1);
        for lost in queue.push(sample, size) {
            metrics::counter!("visavis_samples_lost_total", "consumer" => who, "kind" => lost.kind())
                .increment(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use visavis_domain::{
        Timestamp,
        id::{ParticipantId, RoomId},
        room::tap::{Body, KeyFrame, PictureCodec},
        wire::Source,
    };

    use super::*;

    fn sample(n: i64) -> Sample {
        Sample {
            room: RoomId::from_bits(1),
            participant: ParticipantId::from_bits(1),
            at: Timestamp::from_millis(n),
            ready: Timestamp::from_millis(n),
            body: Body::KeyFrame(
                Source::Camera,
                KeyFrame { codec: PictureCodec::Vp8, bytes: vec![0; 1 << 20] },
            ),
        }
    }

    #[test]
    fn a_consumer_that_sleeps_loses_the_oldest_and_delays_nobody() {
        let (queues, samples) = queues();
        let mut slow = samples.take(Consumer::Moderation).unwrap();
        assert!(samples.take(Consumer::Moderation).is_none(), "there is one of each");
        for n in 0..200 {
            queues.push(Consumer::Moderation, sample(n));
        }
        let left: Vec<_> = std::iter::from_fn(|| slow.try_recv()).map(|s| s.at.as_millis()).collect();
        assert_eq!(left, (137..200).collect::<Vec<_>>(), "63 of a MiB and a little are 64 MiB at most");
        assert!(samples.take(Consumer::Broadcast).unwrap().try_recv().is_none(), "the other has its own");
    }
}
