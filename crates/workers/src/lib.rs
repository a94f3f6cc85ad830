//! What is done beside calls: looking at pictures, listening, reading. Slow work on the threads of whoever calls; nothing
//! here knows a room, a person or a rule: samples go in and scores come out.

pub mod eyes;
pub mod listen;
pub mod look;
pub mod models;
mod net;
mod pace;
pub mod picture;
pub mod read;
pub mod rules;
pub mod settings;
pub mod watch;

pub use net::Error;

/// How sure something is, in thousandths.
pub type Score = u16;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000 first")]
fn score(probability: f32) -> Score {
    if probability.is_nan() { 0 } else { (probability.clamp(0.0, 1.0) * 1_000.0).round() as Score }
}
