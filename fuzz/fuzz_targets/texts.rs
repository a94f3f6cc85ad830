//! Names, chat, interests, languages, countries.
#![no_main]

visavis_fuzz::target!(visavis_domain::fuzzing::texts);
