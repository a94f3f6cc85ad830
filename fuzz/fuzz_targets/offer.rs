//! Offers to the server's media: cut down to what is known, or refused.
#![no_main]

visavis_fuzz::target!(visavis_sfu::fuzzing::offer);
