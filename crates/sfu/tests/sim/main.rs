//! Whole calls on a real shard in virtual time: real WebRTC connections, pictures that say whether a decoder could have
//! shown them, and a network that delays, loses, reorders and narrows.

#![expect(clippy::unwrap_used, reason = "tests")]

mod goals;
mod hostile;
mod reliability;
mod rooms;
mod tap;
mod world;
