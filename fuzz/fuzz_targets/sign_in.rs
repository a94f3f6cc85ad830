//! E-mail addresses and codes.
#![no_main]

visavis_fuzz::target!(visavis_domain::fuzzing::sign_in);
