//! otp (pending).
