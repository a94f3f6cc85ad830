//! sfu.
