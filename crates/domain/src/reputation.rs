//! reputation (pending).
