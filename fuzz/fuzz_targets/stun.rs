//! Datagrams to the media port.
#![no_main]

visavis_fuzz::target!(visavis_sfu::fuzzing::stun);
