//! What roles stand on: database, key-value store, bus, mail, clock, dice, life cycle, telemetry.
//!
//! Backends are closed enums, embedded first; the embedded one is also the test double. Nothing here knows a
//! business rule.

pub mod board;
pub mod bus;
pub mod clock;
pub mod db;
pub mod dials;
pub mod dice;
pub mod folder;
pub mod hidden;
pub mod jobs;
pub mod kv;
pub mod lease;
pub mod lifecycle;
pub mod lossy;
pub mod mail;
pub mod nodes;
pub mod pages;
pub mod patience;
pub mod places;
pub mod redis_link;
pub mod rpc;
pub mod seats;
pub mod secret;
pub mod session_log;
pub mod telemetry;
pub mod webhook;

pub use board::Board;
pub use bus::Bus;
pub use clock::Clock;
pub use db::Db;
pub use dials::Dials;
pub use dice::Dice;
pub use hidden::Hidden;
pub use kv::Kv;
pub use lease::Lease;
pub use lifecycle::Lifecycle;
pub use nodes::Nodes;
pub use pages::Pages;
pub use places::Places;
pub use rpc::Rpc;
pub use seats::Seats;
