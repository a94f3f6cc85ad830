//! Matchmaking (pending).
