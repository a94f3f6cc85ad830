//! Private ids and ids of programs.
#![no_main]

visavis_fuzz::target!(visavis_domain::fuzzing::ids);
