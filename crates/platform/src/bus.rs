//! News between roles. Embedded: one broadcast channel per topic. At most once; what must not be missed is also in
//! `Kv` or `Db`, and a subscriber that fell behind is told so, to look there.

use std::sync::Arc;

use tokio::sync::broadcast;
use visavis_domain::event::{Event, Topic};

/// Events a slow subscriber may be behind per topic before it is told that it missed some: at the busiest topic
/// (session nudges, some 10 000 a second) about half a second.
const TOPIC_CAPACITY: usize = 4_096;

/// Publish and subscribe.
#[derive(Debug, Clone)]
pub enum Bus {
    /// Inside this process.
    Memory(Arc<Topics>),
}

/// The channels of the embedded bus.
#[derive(Debug)]
pub struct Topics {
    seats: broadcast::Sender<Event>,
    sessions: broadcast::Sender<Event>,
    logins: broadcast::Sender<Event>,
    people: broadcast::Sender<Event>,
    nodes: broadcast::Sender<Event>,
}

impl Topics {
    const fn of(&self, topic: Topic) -> &broadcast::Sender<Event> {
        match topic {
            Topic::Seats => &self.seats,
            Topic::Sessions => &self.sessions,
            Topic::Logins => &self.logins,
            Topic::People => &self.people,
            Topic::Nodes => &self.nodes,
        }
    }
}

impl Bus {
    /// A bus inside this process.
    pub fn memory() -> Self {
        let channel = || broadcast::channel(TOPIC_CAPACITY).0;
        Self::Memory(Arc::new(Topics {
            seats: channel(),
            sessions: channel(),
            logins: channel(),
            people: channel(),
            nodes: channel(),
        }))
    }

    /// Tells everybody who listens now. Nobody listening is no error.
    #[expect(clippy::unused_async, reason = "the contract of a bus that crosses the network")]
    pub async fn publish(&self, event: Event) {
        match self {
            Self::Memory(topics) => {
                let _ = topics.of(event.topic()).send(event);
            }
        }
    }

    /// Listens to a topic from now on.
    pub fn subscribe(&self, topic: Topic) -> Subscription {
        match self {
            Self::Memory(topics) => Subscription { inner: topics.of(topic).subscribe() },
        }
    }
}

/// One listener.
#[derive(Debug)]
pub struct Subscription {
    inner: broadcast::Receiver<Event>,
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// An event.
    Event(Event),
    /// Events were missed: look at the truth itself.
    Missed,
}

impl Subscription {
    /// The next news; `None` when the bus is gone.
    pub async fn next(&mut self) -> Option<News> {
        match self.inner.recv().await {
            Ok(event) => Some(News::Event(event)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_hears_its_topic_only_and_in_order() {
        let bus = Bus::memory();
        let mut logins = bus.subscribe(Topic::Logins);
        let blocked = Event::Blocked {
            user: visavis_domain::id::UserId::from_bits(1),
            other: visavis_domain::id::UserId::from_bits(2),
        };
        bus.publish(blocked).await;
        bus.publish(Event::KeysChanged).await;
        assert_eq!(logins.next().await, Some(News::Event(Event::KeysChanged)));
    }

    #[tokio::test]
    async fn a_listener_that_fell_behind_is_told() {
        let bus = Bus::memory();
        let mut logins = bus.subscribe(Topic::Logins);
        for _ in 0..=TOPIC_CAPACITY {
            bus.publish(Event::KeysChanged).await;
        }
        assert_eq!(logins.next().await, Some(News::Missed));
    }
}
