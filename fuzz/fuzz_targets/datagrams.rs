//! Datagrams to a shard.
#![no_main]

visavis_fuzz::target!(visavis_sfu::fuzzing::datagrams);
