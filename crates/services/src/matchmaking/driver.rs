//! Drives the pure queue: commands and news in, rooms and notices out. It decides nothing about who meets whom.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::{Semaphore, mpsc, oneshot};
use visavis_domain::{
    Fault, Timestamp,
    contract::{
        Caller,
        matchmaking::{Holder, Ticket as Place},
        rooms::{Guest, OpenPair},
    },
    event::{Event, ServerEvent, Topic},
    id::{SocketId, UserId},
    queue::{Input, Match, Output, Queue, Ticket},
    wire::{Card, Path},
};
use visavis_platform::bus::News;

use super::{Deps, Seated};

/// Rooms being opened at once: each waits for one row in the database; more would only queue there.
const OPENING: usize = 64;
/// The longest sleep: after it the clock is read again, in case it was set.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// What the role asks of its driver.
#[derive(Debug)]
pub(super) enum Command {
    Join {
        ticket: Box<Ticket>,
        session: SocketId,
        card: Box<Card>,
        reply: oneshot::Sender<Place>,
    },
    Cancel {
        user: UserId,
        reply: oneshot::Sender<bool>,
    },
    Park(Holder),
    Unpark(Holder),
    /// A room could not be opened: both go on waiting.
    Back(Box<[(Ticket, Seated); 2]>),
}

pub(super) struct Driver {
    deps: Deps,
    queue: Queue,
    seated: HashMap<UserId, Seated>,
    wake: Option<Timestamp>,
    opening: Arc<Semaphore>,
    back: (mpsc::Sender<Command>, mpsc::Receiver<Command>),
}

impl Driver {
    pub(super) fn new(deps: Deps) -> Self {
        let queue = Queue::new(deps.settings.clone());
        let opening = Arc::new(Semaphore::new(OPENING));
        Self { deps, queue, seated: HashMap::new(), wake: None, opening, back: mpsc::channel(OPENING) }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut people = self.deps.bus.subscribe(Topic::People);
        loop {
            let sleep =
                self.wake.map_or(LONGEST_SLEEP, |at| at.since(self.deps.clock.now()).min(LONGEST_SLEEP));
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => break,
                },
                Some(command) = self.back.1.recv() => self.on_command(command),
                Some(news) = people.next() => if let News::Event(Event::Blocked { user, other }) = news {
                    self.queue.handle(self.deps.clock.now(), Input::Block { a: user, b: other });
                },
                () = tokio::time::sleep(sleep) => {
                    self.wake = None;
                    self.queue.handle(self.deps.clock.now(), Input::Tick);
                }
            }
            self.carry().await;
        }
    }

    fn on_command(&mut self, command: Command) {
        let now = self.deps.clock.now();
        match command {
            Command::Join { ticket, session, card, reply } => {
                let user = ticket.user;
                self.seated.insert(user, Seated { session, card: *card });
                let fallback = Place { ticket_id: ticket.id, since: ticket.since };
                self.queue.handle(now, Input::Join(*ticket));
                // Matched at once: the ticket is in the outputs already and goes by the id it came with.
                let place = self.queue.ticket_of(user).map(|t| Place { ticket_id: t.id, since: t.since });
                let _ = reply.send(place.unwrap_or(fallback));
            }
            Command::Cancel { user, reply } => {
                let waiting = self.queue.ticket_of(user).is_some();
                self.queue.handle(now, Input::Cancel(user));
                self.seated.remove(&user);
                let _ = reply.send(waiting);
            }
            Command::Park(holder) if self.holds(holder) => self.queue.handle(now, Input::Park(holder.user)),
            Command::Unpark(holder) if self.holds(holder) => {
                self.queue.handle(now, Input::Unpark(holder.user));
            }
            Command::Park(_) | Command::Unpark(_) => {}
            Command::Back(pair) => {
                for (ticket, seated) in *pair {
                    // Somebody who has a new ticket by now is served by that one.
                    if self.queue.ticket_of(ticket.user).is_none() {
                        self.seated.insert(ticket.user, seated);
                        self.queue.handle(now, Input::Join(ticket));
                    }
                }
            }
        }
    }

    fn holds(&self, holder: Holder) -> bool {
        self.seated.get(&holder.user).is_some_and(|s| s.session == holder.session)
    }

    async fn carry(&mut self) {
        while let Some(output) = self.queue.poll() {
            match output {
                Output::Matched(pair) => self.open(*pair).await,
                Output::Waiting { ticket, user, waited, widened } => {
                    let Some(seated) = self.seated.get(&user) else { continue };
                    let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                    let event = ServerEvent::MatchWaiting { ticket_id: ticket, waited_ms, widened };
                    // Volatile: it goes to the bus, which never fails.
                    let _ = self.deps.log.emit(seated.session, event).await;
                }
                Output::Expired { ticket, user } => {
                    self.seated.remove(&user);
                    self.deps.bus.publish(Event::TicketEnded { user, ticket }).await;
                }
                Output::WakeAt(at) => self.wake = Some(at),
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!("visavis_queue_waiting").set(self.queue.len() as f64);
    }

    /// Opens the room in a task of its own, so that the queue goes on while the database writes.
    async fn open(&mut self, pair: Match) {
        let (Some(a), Some(b)) = (self.seated.remove(&pair.a.user), self.seated.remove(&pair.b.user)) else {
            tracing::error!("a matched ticket has no seat");
            return;
        };
        let Ok(permit) = Arc::clone(&self.opening).acquire_owned().await else { return };
        let deps = self.deps.clone();
        let back = self.back.0.clone();
        self.deps.lifecycle.spawn("open-pair", async move {
            if let Err(fault) = announce(&deps, &pair, [&a, &b]).await {
                tracing::warn!(fault.code = %fault.code, "a room could not be opened; both go on waiting");
                let _ = back.send(Command::Back(Box::new([(pair.a, a), (pair.b, b)]))).await;
            }
            drop(permit);
        });
    }
}

async fn announce(deps: &Deps, pair: &Match, seats: [&Seated; 2]) -> Result<(), Fault> {
    let now = deps.clock.now();
    let guest = |ticket: &Ticket, seated: &Seated| {
        metrics::histogram!("visavis_match_wait_seconds").record(now.since(ticket.since).as_secs_f64());
        Guest {
            user: ticket.user,
            session: seated.session,
            ticket: ticket.id,
            since: ticket.since,
            card: seated.card.clone(),
        }
    };
    let open = OpenPair {
        room: deps.dice.id(&deps.clock),
        guests: [guest(&pair.a, seats[0]), guest(&pair.b, seats[1])],
        transport: Path::P2p,
        common_interests: pair.common_interests.clone(),
    };
    let opened = deps.rooms.open_pair(&Caller::internal("matchmaking"), open).await?;
    metrics::counter!("visavis_matches_total").increment(1);
    deps.bus.publish(Event::MatchFound { seats: Box::new(opened.seats) }).await;
    Ok(())
}
