//! Hosts, origins and the public URL.
#![no_main]

visavis_fuzz::target!(visavis_edge::fuzzing::host);
