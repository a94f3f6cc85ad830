//! Contract calls, bus messages and store entries of other processes.
#![no_main]

visavis_fuzz::target!(visavis_domain::fuzzing::bodies);
