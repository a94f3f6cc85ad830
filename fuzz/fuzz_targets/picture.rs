//! Payloads of pictures, VP8 and H.264.
#![no_main]

visavis_fuzz::target!(visavis_sfu::fuzzing::picture);
