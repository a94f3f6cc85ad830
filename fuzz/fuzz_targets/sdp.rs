//! Session descriptions between strangers: no address survives.
#![no_main]

visavis_fuzz::target!(visavis_domain::fuzzing::sdp);
