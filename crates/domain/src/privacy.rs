//! privacy (pending: refuses everything until the filter is in).
use std::net::IpAddr;
use crate::{Code, Fault, contract::rooms::Candidate};
/// Whose addresses.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The address the server sees for the sender.
    pub own: IpAddr,
    /// The address the server sees for the receiver.
    pub peer: IpAddr,
}
/// Pending.
pub fn filter_sdp(_: &str, _: &Rule) -> Result<String, Fault> {
    Err(Fault::new(Code::InvalidSdp, "pending"))
}
/// Pending.
pub fn filter_candidate(_: &Candidate, _: &Rule) -> Result<Option<Candidate>, Fault> {
    Err(Fault::new(Code::InvalidSdp, "pending"))
}
