//! A city that waits, for `cargo xtask bench queue`: reads `fill N` and `match N`, answers `done …`.
//!
//! The many who wait are from one country and wish for people from another, from where some come: that is how a city can
//! be crowded and still match. For whoever left others come, so that N are always waiting, and time passes. All that a
//! queue does meanwhile counts: joins, searches (anew each second), notices, blocks looked up. One seed makes it all.

use std::{
    io::{BufRead as _, Write as _},
    time::Duration,
};

use visavis_domain::{
    Timestamp,
    id::{TicketId, UserId},
    queue::{Input, Output, Pool, Queue, Settings, Ticket},
};

/// Words people like, three of them each: two people share one in about three of a hundred cases.
const INTERESTS: u64 = 300;
/// Two of them each.
const LANGUAGES: u64 = 20;
/// People each has a block with, of the last that came.
const BLOCKED: u64 = 8;
/// Between two looks at the clock.
const STEP: Duration = Duration::from_millis(10);
/// Wished-for people that come in a step: 50 000 a second, more than any city sends.
const COMERS: u64 = 500;

struct City {
    queue: Queue,
    now: Timestamp,
    size: usize,
    came: u64,
    dice: u64,
}

impl City {
    /// Below `sides`; splitmix64.
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn person(&mut self, from: &str, wishes: Option<&str>) -> Ticket {
        self.came += 1;
        let words = |city: &mut Self, count, of, kind| {
            (0..count).map(|_| format!("{kind}{}", city.roll(of))).collect()
        };
        let interests = words(self, 3, INTERESTS, "i");
        let languages = words(self, 2, LANGUAGES, "l");
        let blocked = (0..BLOCKED).map(|_| user(self.came.saturating_sub(1 + self.roll(100_000)))).collect();
        Ticket {
            id: TicketId::from_bits(u128::from(self.came)),
            user: user(self.came),
            pool: Pool::Adult,
            reputation: u8::try_from(40 + self.roll(61)).unwrap_or(70),
            languages,
            interests,
            country: Some(from.to_owned()),
            countries: wishes.map(str::to_owned).into_iter().collect(),
            blocked,
            recent: Vec::new(),
            since: self.now,
        }
    }

    /// Matches made by what just happened; somebody met somebody they have a block with is the end of the run.
    fn matches(&mut self) -> u64 {
        let mut made = 0;
        while let Some(output) = self.queue.poll() {
            if let Output::Matched(two) = output {
                assert!(!two.a.blocked.contains(&two.b.user) && !two.b.blocked.contains(&two.a.user));
                made += 1;
            }
        }
        made
    }

    fn join(&mut self, from: &str, wishes: Option<&str>) -> u64 {
        let ticket = self.person(from, wishes);
        self.queue.handle(self.now, Input::Join(ticket));
        self.matches()
    }

    /// People come until the city is full; gives the matches made among them.
    fn fill(&mut self) -> u64 {
        let mut made = 0;
        while self.queue.len() < self.size {
            made += self.join("here", Some("there"));
        }
        made
    }

    /// Time passes, and for whoever left others come, until so many matches are made; gives the milliseconds passed.
    fn make(&mut self, wanted: u64) -> u128 {
        let begun = self.now;
        let mut made = 0;
        while made < wanted {
            self.now = self.now + STEP;
            self.queue.handle(self.now, Input::Tick);
            made += self.matches();
            for _ in 0..COMERS {
                made += self.join("there", None);
            }
            made += self.fill();
        }
        self.now.since(begun).as_millis()
    }
}

fn user(number: u64) -> UserId {
    UserId::from_bits(u128::from(number))
}

fn main() -> std::io::Result<()> {
    let mut city = City {
        queue: Queue::new(Settings::default()),
        now: Timestamp::from_millis(1_800_000_000_000),
        size: 0,
        came: 0,
        dice: 1,
    };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let number = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
        if line.starts_with("fill") {
            city.size = usize::try_from(number).unwrap_or_default();
            city.fill();
            writeln!(out, "done waiting={}", city.queue.len())?;
        } else {
            let passed = city.make(number);
            writeln!(out, "done waiting={} passed_ms={passed}", city.queue.len())?;
        }
        out.flush()?;
    }
    Ok(())
}
