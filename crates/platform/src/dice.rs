//! The only place where randomness comes from: the operating system's, through aws-lc. Tests may seed it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use visavis_domain::id::{Id, Kind};

use crate::Clock;

/// A source of random bytes.
#[derive(Debug, Clone)]
pub enum Dice {
    /// Cryptographically secure.
    Secure,
    /// Repeatable, for tests only (splitmix64).
    Seeded(Arc<AtomicU64>),
}

impl Dice {
    /// Repeatable dice.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(AtomicU64::new(seed)))
    }

    /// Fills `bytes`. Without randomness from the system no secret can be made, so the process ends.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Self::Secure => {
                if aws_lc_rs::rand::fill(bytes).is_err() {
                    tracing::error!("the system gives no randomness");
                    std::process::abort();
                }
            }
            Self::Seeded(state) => {
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&splitmix(state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// 64 random bits.
    pub fn u64(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// A number below `end`, without modulo bias (rejection sampling). `end` must not be 0.
    pub fn below(&self, end: u64) -> u64 {
        let zone = u64::MAX - (u64::MAX % end + 1) % end;
        loop {
            let value = self.u64();
            if value <= zone {
                return value % end;
            }
        }
    }

    /// A fresh id.
    pub fn id<K: Kind>(&self, clock: &Clock) -> Id<K> {
        Id::new(clock.now(), u128::from_le_bytes(self.bytes()))
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
fn splitmix(state: &AtomicU64) -> u64 {
    let mut z = state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_reaches_every_number_and_no_other() {
        let dice = Dice::seeded(1);
        let mut seen = [0; 6];
        for _ in 0..600 {
            seen[usize::try_from(dice.below(6)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
    }

    #[test]
    fn secure_dice_do_not_repeat() {
        assert_ne!(Dice::Secure.bytes::<16>(), Dice::Secure.bytes::<16>());
    }
}
