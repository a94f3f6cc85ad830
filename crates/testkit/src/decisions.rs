//! Decisions as tests need them.

use visavis_domain::{
    Timestamp,
    id::{DecisionId, RoomId, UserId},
};
use visavis_platform::db::decisions::Decision;

/// A suspension by a rule, of somebody seen naked in a call.
pub fn suspension(n: u128, user: UserId, at: Timestamp, until: Timestamp) -> Decision {
    Decision {
        id: DecisionId::from_bits(n),
        user,
        room: RoomId::from_bits(1),
        at,
        action: "suspend".to_owned(),
        concern: "nudity".to_owned(),
        rule: "nudity-picture".to_owned(),
        version: "1".to_owned(),
        until: Some(until),
        automated: true,
        dry_run: false,
        act: "{}".to_owned(),
        signals: "[]".to_owned(),
        case: None,
        decided_by: None,
        note: None,
        reports: 0,
        because_of: None,
        overturned_at: None,
    }
}
