//! Where calls live: the rooms of this node, and the media of those that run through it.
//!
//! `node` is the role; `shard` forwards media, purely; `udp` moves its bytes. One file per part of the way: `negotiate` (the
//! offer), `peer` (one connection), `call` (one room), `forward` (numbering), `burst` (what the kernel sends at once).

pub mod burst;
pub mod call;
pub mod forward;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod gate;
pub mod guest;
pub mod media;
mod moments;
pub mod negotiate;
pub mod node;
mod peer;
pub mod samples;
pub mod shard;
pub mod stun;
mod tap;
mod tcp;
pub mod udp;
mod vigil;
pub mod vp8;
