//! News between roles. Embedded: one broadcast channel per topic. For several processes: Redis' publish and subscribe.
//! At most once; what must not be missed is also in `Kv` or `Db`, and a subscriber that may have missed something (it
//! fell behind, the connection was lost, a publisher couldn't publish) is told so, to look there.

mod redis;

use std::sync::Arc;

use tokio::sync::broadcast;
use visavis_domain::event::{Event, Topic};

use crate::{
    Dice, Lifecycle,
    redis_link::{Link, OpenError},
};

/// Events a slow subscriber may be behind per topic before it is told that it missed some: at the busiest topic
/// (session nudges, some 10 000 a second) about half a second.
pub const TOPIC_CAPACITY: usize = 4_096;

/// Publish and subscribe.
#[derive(Debug, Clone)]
pub enum Bus {
    /// Inside this process.
    Memory(Arc<Topics>),
    /// Between the processes of a cluster; a process hears its own events by the same way, once.
    Redis(Arc<redis::Redis>),
}

/// The listeners of this process.
#[derive(Debug)]
pub struct Topics([broadcast::Sender<News>; Topic::ALL.len()]);

impl Topics {
    fn new() -> Self {
        Self(Topic::ALL.map(|_| broadcast::channel(TOPIC_CAPACITY).0))
    }

    const fn of(&self, topic: Topic) -> &broadcast::Sender<News> {
        &self.0[topic as usize]
    }
}

impl Bus {
    /// A bus inside this process.
    pub fn memory() -> Self {
        Self::Memory(Arc::new(Topics::new()))
    }

    /// A bus over Redis: commands by `link`, news by a connection of its own. What is published after this returns is
    /// heard by subscriptions made before.
    pub async fn redis(
        link: Link,
        prefix: &str,
        dice: Dice,
        lifecycle: &Lifecycle,
    ) -> Result<Self, OpenError> {
        Ok(Self::Redis(redis::Redis::open(link, prefix, dice, lifecycle).await?))
    }

    /// Tells everybody who listens now. Nobody listening is no error, nor is a bus that is away: its listeners are told
    /// that they missed something when it is back.
    pub async fn publish(&self, event: Event) {
        let _ = self.tell(&event).await;
    }

    /// The same for somebody who would say it again: whether it was said. A bus that is away may have said it
    /// nevertheless.
    pub async fn tell(&self, event: &Event) -> bool {
        match self {
            Self::Memory(topics) => {
                let _ = topics.of(event.topic()).send(News::Event(event.clone()));
                true
            }
            Self::Redis(redis) => redis.publish(event).await,
        }
    }

    /// Listens to a topic from now on.
    pub fn subscribe(&self, topic: Topic) -> Subscription {
        let topics = match self {
            Self::Memory(topics) => topics,
            Self::Redis(redis) => redis.topics(),
        };
        Subscription { inner: topics.of(topic).subscribe() }
    }
}

/// One listener.
#[derive(Debug)]
pub struct Subscription {
    inner: broadcast::Receiver<News>,
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
            Ok(news) => Some(news),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
