//! room (pending).
