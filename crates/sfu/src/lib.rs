//! The SFU node: rooms today, media next.

pub mod node;
