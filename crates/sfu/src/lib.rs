//! Where calls live: the rooms of this node, and its media port. Media itself comes with the forwarding unit.

pub mod node;
pub mod stun;
pub mod udp;
