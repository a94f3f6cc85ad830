//! Access tokens.
#![no_main]

visavis_fuzz::target!(visavis_edge::fuzzing::token);
