//! privacy (pending).
