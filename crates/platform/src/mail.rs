//! Mails. (Being written.)
