//! Headers of proxies, and those that carry credentials.
#![no_main]

visavis_fuzz::target!(visavis_edge::fuzzing::client_address);
