//! The bus over Redis: one channel per topic, all of them listened to from the start, so that a subscription is good at
//! once. After a connection was lost, and after somebody couldn't publish, every listener is told that it may have
//! missed something.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt as _;
use redis::{
    Msg, RedisResult,
    aio::{PubSub, PubSubSink, PubSubStream},
    cmd,
};
use visavis_domain::event::{Event, Topic};

use super::{News, Topics};
use crate::{
    Dice, Lifecycle,
    redis_link::{BackOff, Link, OpenError, PING_EVERY, PINGS_MISSED},
};

/// Published instead of an event by whoever couldn't publish some: no event is this.
const MISSED: &str = "missed";

/// How long the other connection is waited for after this one is back: its longest wait between two attempts, twice.
const LOOKED_FOR: Duration = Duration::from_secs(5);

/// The bus.
#[derive(Debug)]
pub struct Redis {
    link: Link,
    channels: [String; Topic::ALL.len()],
    topics: Topics,
    /// Topics of which an event could not be published.
    unsaid: [AtomicBool; Topic::ALL.len()],
}

impl Redis {
    pub(super) async fn open(
        link: Link,
        prefix: &str,
        dice: Dice,
        lifecycle: &Lifecycle,
    ) -> Result<Arc<Self>, OpenError> {
        let unsaid = Topic::ALL.map(|_| AtomicBool::new(false));
        let channels = Topic::ALL.map(|topic| format!("{prefix}bus/{}", topic.as_str()));
        let bus = Arc::new(Self { link, channels, topics: Topics::new(), unsaid });
        let first = bus.connect().await.map_err(|error| bus.link.away(&error))?;
        let listening = Arc::clone(&bus);
        lifecycle.keep("bus", async move { listening.listen(first, dice).await });
        Ok(bus)
    }

    pub(super) const fn topics(&self) -> &Topics {
        &self.topics
    }

    pub(super) async fn publish(&self, event: &Event) -> bool {
        let topic = event.topic();
        let said = match serde_json::to_string(event) {
            Ok(text) => self.say(topic, &text).await,
            Err(_) => false,
        };
        if !said {
            metrics::counter!("visavis_bus_failures_total", "topic" => topic.as_str()).increment(1);
            self.unsaid[topic as usize].store(true, Ordering::SeqCst);
        }
        said
    }

    async fn say(&self, topic: Topic, text: &str) -> bool {
        self.link.ask::<i64>(cmd("PUBLISH").arg(&self.channels[topic as usize]).arg(text)).await.is_ok()
    }

    /// A connection that listens to every topic.
    async fn connect(&self) -> RedisResult<PubSub> {
        let connect = async {
            let mut listener = self.link.client().get_async_pubsub().await?;
            listener.subscribe(self.channels.as_slice()).await?;
            Ok(listener)
        };
        let answer = tokio::time::timeout(self.link.timeout() * 2, connect).await;
        answer.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    /// Hands on what comes, for as long as the process runs.
    async fn listen(&self, first: PubSub, dice: Dice) {
        let mut connection = first;
        loop {
            let (sink, stream) = connection.split();
            self.until_lost(sink, stream).await;
            tracing::warn!(redis.place = self.link.place(), "the bus has lost its connection");
            connection = self.reconnect(&dice).await;
            tracing::info!(redis.place = self.link.place(), "the bus is connected again");
            // Whoever hears that something was missed looks at the store at once, by the other connection.
            self.link.answers_within(LOOKED_FOR).await;
            for topic in Topic::ALL {
                let _ = self.topics.of(topic).send(News::Missed);
            }
        }
    }

    async fn reconnect(&self, dice: &Dice) -> PubSub {
        let mut back_off = BackOff::default();
        loop {
            if let Ok(connection) = self.connect().await {
                return connection;
            }
            back_off.wait(dice).await;
        }
    }

    async fn until_lost(&self, mut sink: PubSubSink, mut stream: PubSubStream) {
        let mut missed = 0;
        let mut tick = tokio::time::interval(PING_EVERY);
        while missed < PINGS_MISSED {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.hear(&message),
                    None => return,
                },
                _ = tick.tick() => {
                    missed = if self.alive(&mut sink, &mut stream).await { 0 } else { missed + 1 };
                    self.say_what_was_missed().await;
                }
            }
        }
    }

    /// Asks whether the server is there, listening meanwhile: what comes before the answer is handed on.
    async fn alive(&self, sink: &mut PubSubSink, stream: &mut PubSubStream) -> bool {
        let ping = tokio::time::timeout(self.link.timeout(), sink.ping::<redis::Value>());
        tokio::pin!(ping);
        loop {
            tokio::select! {
                answer = &mut ping => return matches!(answer, Ok(Ok(_))),
                Some(message) = stream.next() => self.hear(&message),
            }
        }
    }

    fn hear(&self, message: &Msg) {
        let channel = message.get_channel_name();
        let Some(topic) = Topic::ALL.into_iter().find(|topic| self.channels[*topic as usize] == channel)
        else {
            return;
        };
        let listeners = self.topics.of(topic);
        // Most processes don't listen to the busiest topic: they needn't read it.
        if listeners.receiver_count() == 0 {
            return;
        }
        let text = message.get_payload_bytes();
        if text == MISSED.as_bytes() {
            let _ = listeners.send(News::Missed);
            return;
        }
        match serde_json::from_slice(text) {
            Ok(event) => {
                let _ = listeners.send(News::Event(event));
            }
            // Of a newer build: nothing here could act on it.
            Err(_) => metrics::counter!("visavis_bus_unread_total", "topic" => topic.as_str()).increment(1),
        }
    }

    /// Who listens to a topic of which an event couldn't be published is told so, as soon as that can be.
    async fn say_what_was_missed(&self) {
        for topic in Topic::ALL {
            let unsaid = &self.unsaid[topic as usize];
            if unsaid.swap(false, Ordering::SeqCst) && !self.say(topic, MISSED).await {
                unsaid.store(true, Ordering::SeqCst);
            }
        }
    }
}
