//! limit (pending).
