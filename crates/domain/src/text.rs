//! text (pending).
