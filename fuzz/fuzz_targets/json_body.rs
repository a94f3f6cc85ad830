//! Bodies of HTTP requests.
#![no_main]

visavis_fuzz::target!(visavis_edge::fuzzing::json_body);
