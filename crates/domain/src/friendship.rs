//! What is between two people: nothing, a request, a friendship, a block. Pure: whoever keeps it reads the bond of a
//! pair under a lock, lets one act change it, and writes what it is then.
//!
//! Two people are friends only when both said so and neither blocks the other. A declined request stays what it is for
//! whoever asked, so that a no is never told and asking again brings nothing.

use std::time::Duration;

use crate::{Code, Fault, Timestamp, id::RequestId};

/// A request that nobody answers is nothing after so long; so is the memory of a declined one, counted from when it was last
/// asked.
pub const REQUEST_LIFE: Duration = Duration::from_hours(14 * 24);

/// Which of the two. The one with the smaller id is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The smaller id.
    First,
    /// The larger id.
    Second,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its name.
    pub id: RequestId,
    /// Who asked.
    pub by: Side,
    /// When.
    pub at: Timestamp,
    /// Until then it holds.
    pub until: Timestamp,
    /// Whoever was asked doesn't want to see it.
    pub declined: bool,
    /// Taken back after it was declined: only the memory of it is left.
    pub withdrawn: bool,
}

/// What there is, blocks aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// Nothing.
    Nothing,
    /// One has asked.
    Asked(Request),
    /// Both wanted it.
    Friends {
        /// The request it came from.
        request: Request,
        /// When the second said yes.
        since: Timestamp,
    },
}

/// What one of them does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Asks; the request gets this name if it is a new one.
    Ask(RequestId),
    /// Says yes to a request.
    Accept(RequestId),
    /// Doesn't want to see it.
    Decline(RequestId),
    /// Takes it back.
    Withdraw(RequestId),
    /// Ends the friendship.
    Remove,
    /// Never wants to meet the other.
    Block,
    /// Takes the block back.
    Unblock,
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was so before.
    Nothing,
    /// There is a request now. Whoever is asked is told, unless they declined this one before.
    Asked {
        /// Whether they are told.
        tell: bool,
    },
    /// They are friends now.
    Friends,
    /// The request isn't shown any more; nobody is told.
    Declined,
    /// The request is no more.
    Withdrawn {
        /// Whether the other saw it.
        seen: bool,
    },
    /// What was between them has ended.
    Parted,
    /// A block came or went, and there was nothing else.
    Blocks,
}

/// Why an act isn't possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// I block the other.
    #[error("the one who asks blocks the other")]
    Mine,
    /// The other blocks me, or there is no such request: one answer, for nobody may learn of a block.
    #[error("not found")]
    NotFound,
    /// They are friends already.
    #[error("they are friends already")]
    Friends,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Mine => Self::new(Code::Blocked, "You have blocked this person."),
            Refusal::NotFound => Self::not_found("That"),
            Refusal::Friends => Self::new(Code::Conflict, "You are friends already."),
        }
    }
}

/// The machine of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond {
    tie: Tie,
    /// Whether the first blocks the second, and the second the first.
    blocks: [bool; 2],
}

impl Bond {
    /// What was kept.
    pub const fn new(tie: Tie, blocks: [bool; 2]) -> Self {
        Self { tie, blocks }
    }

    /// What is to be kept.
    pub const fn tie(&self) -> Tie {
        self.tie
    }

    /// The request from which it came.
    pub const fn request(&self) -> Option<RequestId> {
        match self.tie {
            Tie::Nothing => None,
            Tie::Asked(request) | Tie::Friends { request, .. } => Some(request.id),
        }
    }

    /// Whether one of them blocks the other.
    pub const fn is_blocked(&self) -> bool {
        self.blocks[0] || self.blocks[1]
    }

    /// Whether they are friends.
    pub const fn is_friends(&self) -> bool {
        matches!(self.tie, Tie::Friends { .. })
    }

    /// The request as that side sees it.
    pub fn request_for(&self, now: Timestamp, side: Side) -> Option<Request> {
        match self.tie {
            Tie::Asked(request) => {
                let hidden = request.withdrawn || (request.declined && request.by != side);
                (request.until > now && !hidden).then_some(request)
            }
            _ => None,
        }
    }

    /// Takes one act. A refusal changes nothing.
    pub fn handle(&mut self, now: Timestamp, by: Side, act: Act) -> Result<Change, Refusal> {
        if matches!(self.tie, Tie::Asked(request) if request.until <= now) {
            self.tie = Tie::Nothing;
        }
        match act {
            Act::Ask(id) => self.ask(now, by, id),
            Act::Accept(id) => self.accept(now, by, id),
            Act::Decline(id) => self.decline(by, id),
            Act::Withdraw(id) => self.withdraw(by, id),
            Act::Remove => Ok(self.remove()),
            Act::Block => Ok(self.block(by)),
            Act::Unblock => {
                let was = std::mem::replace(&mut self.blocks[by as usize], false);
                Ok(if was { Change::Blocks } else { Change::Nothing })
            }
        }
    }

    fn ask(&mut self, now: Timestamp, by: Side, id: RequestId) -> Result<Change, Refusal> {
        if self.blocks[by as usize] {
            return Err(Refusal::Mine);
        }
        if self.blocks[by.other() as usize] {
            return Err(Refusal::NotFound);
        }
        match self.tie {
            Tie::Friends { .. } => Err(Refusal::Friends),
            Tie::Asked(request) if request.by == by && request.withdrawn => {
                // To whoever asks it is a new one, as it would be had nobody declined.
                let until = now + REQUEST_LIFE;
                self.tie = Tie::Asked(Request { id, at: now, until, withdrawn: false, ..request });
                Ok(Change::Asked { tell: false })
            }
            Tie::Asked(request) if request.by == by => Ok(Change::Nothing),
            // The other wants it too, whether I had a look at their request or not.
            Tie::Asked(request) if !request.withdrawn => Ok(self.befriend(now, request)),
            _ => {
                let until = now + REQUEST_LIFE;
                let request = Request { id, by, at: now, until, declined: false, withdrawn: false };
                self.tie = Tie::Asked(request);
                Ok(Change::Asked { tell: true })
            }
        }
    }

    fn befriend(&mut self, now: Timestamp, request: Request) -> Change {
        self.tie = Tie::Friends { request, since: now };
        Change::Friends
    }

    fn accept(&mut self, now: Timestamp, by: Side, id: RequestId) -> Result<Change, Refusal> {
        match self.tie {
            Tie::Friends { request, .. } if request.id == id && request.by != by => Ok(Change::Nothing),
            Tie::Asked(request)
                if request.id == id && request.by != by && !request.withdrawn && !self.is_blocked() =>
            {
                Ok(self.befriend(now, request))
            }
            _ => Err(Refusal::NotFound),
        }
    }

    fn decline(&mut self, by: Side, id: RequestId) -> Result<Change, Refusal> {
        match self.tie {
            Tie::Asked(request) if request.id == id && request.by != by && !request.withdrawn => {
                self.tie = Tie::Asked(Request { declined: true, ..request });
                Ok(if request.declined { Change::Nothing } else { Change::Declined })
            }
            _ => Err(Refusal::NotFound),
        }
    }

    fn withdraw(&mut self, by: Side, id: RequestId) -> Result<Change, Refusal> {
        match self.tie {
            Tie::Asked(request) if request.id == id && request.by == by && !request.withdrawn => {
                self.tie = Self::remembered(request);
                Ok(Change::Withdrawn { seen: !request.declined })
            }
            _ => Err(Refusal::NotFound),
        }
    }

    /// What is left of a request that has ended early: of a declined one, that it was.
    const fn remembered(request: Request) -> Tie {
        if request.declined { Tie::Asked(Request { withdrawn: true, ..request }) } else { Tie::Nothing }
    }

    fn remove(&mut self) -> Change {
        if self.is_friends() {
            self.tie = Tie::Nothing;
            return Change::Parted;
        }
        Change::Nothing
    }

    fn block(&mut self, by: Side) -> Change {
        let was = std::mem::replace(&mut self.blocks[by as usize], true);
        match self.tie {
            Tie::Friends { .. } => {
                self.tie = Tie::Nothing;
                Change::Parted
            }
            Tie::Asked(request) => {
                self.tie = Self::remembered(request);
                if request.withdrawn { Change::Blocks } else { Change::Parted }
            }
            Tie::Nothing if was => Change::Nothing,
            Tie::Nothing => Change::Blocks,
        }
    }
}
