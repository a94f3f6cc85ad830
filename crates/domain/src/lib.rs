//! What Visavis decides: ids, faults, events, the contracts between roles and the pure state machines.
//!
//! Nothing here reads a clock, rolls dice or does I/O. Time comes in with every input, decisions come out of
//! `poll`, so a seed replays a whole day.

pub mod age;
pub mod breaker;
pub mod cases;
pub mod contract;
pub mod dsa;
pub mod event;
pub mod fault;
pub mod figures;
pub mod friendship;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod hints;
pub mod id;
pub mod limit;
pub mod otp;
pub mod pool;
pub mod presence;
pub mod privacy;
pub mod private_id;
pub mod queue;
pub mod replay;
pub mod reputation;
pub mod room;
pub mod statement;
pub mod strangers;
pub mod strikes;
pub mod text;
pub mod time;
pub mod wire;

pub use fault::{Code, Fault};
pub use time::Timestamp;
