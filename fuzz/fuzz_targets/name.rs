//! STUN requests that name a connection.
#![no_main]

visavis_fuzz::target!(visavis_sfu::fuzzing::name);
