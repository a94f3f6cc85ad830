//! The services by their contracts: every suite runs on the object itself, through the bytes of a network and
//! over a network.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]
#![expect(clippy::unchecked_time_subtraction, reason = "of constants")]

mod age;
mod analytics;
mod auth;
mod avatars;
mod calls;
mod erase;
mod friends;
mod http;
mod keys;
mod moderation;
mod people;
mod roles;
mod sessions;
mod standing;
mod users;
mod world;
