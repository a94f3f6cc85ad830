//! Events of sockets.
#![no_main]

visavis_fuzz::target!(visavis_edge::fuzzing::socket_event);
