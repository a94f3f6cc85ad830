//! ICE candidates between strangers.
#![no_main]

visavis_fuzz::target!(visavis_domain::fuzzing::candidate);
