//! Where calls live: the rooms of this node, and its media port. Media itself comes with the forwarding unit.

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod node;
pub mod stun;
pub mod udp;
