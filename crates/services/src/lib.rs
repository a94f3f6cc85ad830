//! The roles that hold no media: accounts, signing in, what is between two people, meeting strangers, reports.
//!
//! No module here names another one: they meet by contract only, so each can run in a process of its own.

pub mod age;
pub mod analytics;
pub mod auth;
pub mod friends;
pub mod matchmaking;
pub mod moderation;
pub mod users;
