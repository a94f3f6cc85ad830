//! Several keys changed at once, under conditions: what leases, seats and claims are made of.

use visavis_domain::Fault;

use super::Ttl;

/// Conditions and steps of one change: enough for a claim of two tickets with everything about them, few enough that
/// the one thread of Redis isn't held up.
pub const MOST_STEPS: usize = 64;

/// What must hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum If<'a> {
    /// The text at `key` is `value`.
    Is {
        /// Where.
        key: &'a str,
        /// What.
        value: &'a str,
    },
    /// Nothing is at `key`.
    Absent {
        /// Where.
        key: &'a str,
    },
    /// That field of the hash at `key` is `value`.
    Field {
        /// Where.
        key: &'a str,
        /// Which.
        field: &'a str,
        /// What.
        value: &'a str,
    },
    /// The hash at `key` has no such field, or there is none.
    NoField {
        /// Where.
        key: &'a str,
        /// Which.
        field: &'a str,
    },
}

/// What is done then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Do<'a> {
    /// Writes a text, with its life time.
    Put {
        /// Where.
        key: &'a str,
        /// What.
        value: &'a str,
        /// How long it stays.
        ttl: Ttl,
    },
    /// Removes whatever is at `key`.
    Delete {
        /// Where.
        key: &'a str,
    },
    /// Writes one field of a hash.
    FieldPut {
        /// Where.
        key: &'a str,
        /// Which.
        field: &'a str,
        /// What.
        value: &'a str,
    },
    /// Removes one field of a hash; an empty hash is no more.
    FieldDelete {
        /// Where.
        key: &'a str,
        /// Which.
        field: &'a str,
    },
    /// Appends to a list. When it then held more than `most`, nothing of the change is done.
    Push {
        /// Where.
        list: &'a str,
        /// What.
        value: &'a str,
        /// The bound.
        most: usize,
    },
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a change may be refused"]
pub enum Change {
    /// All of it was done.
    Done,
    /// A condition didn't hold; nothing was done.
    Refused,
    /// A list has no room; nothing was done.
    Full,
}

impl<'a> If<'a> {
    pub(super) const fn key(&self) -> &'a str {
        match self {
            Self::Is { key, .. }
            | Self::Absent { key }
            | Self::Field { key, .. }
            | Self::NoField { key, .. } => key,
        }
    }
}

impl<'a> Do<'a> {
    pub(super) const fn key(&self) -> &'a str {
        match self {
            Self::Put { key, .. }
            | Self::Delete { key }
            | Self::FieldPut { key, .. }
            | Self::FieldDelete { key, .. }
            | Self::Push { list: key, .. } => key,
        }
    }
}

/// The part of a key that says where it lies.
pub(super) fn tag(key: &str) -> &str {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(tag, _)| tag);
    if tag.is_empty() { key } else { tag }
}

/// Every key in one place, and not too many: anything else is a bug of the caller.
pub(super) fn check(conditions: &[If<'_>], steps: &[Do<'_>]) -> Result<(), Fault> {
    let mut tags = conditions.iter().map(If::key).chain(steps.iter().map(Do::key)).map(tag);
    let first = tags.next();
    if first.is_none() || tags.any(|tag| Some(tag) != first) || conditions.len() + steps.len() > MOST_STEPS {
        tracing::error!(
            kv.conditions = conditions.len(),
            kv.steps = steps.len(),
            "a change of the kv store is empty, too long, or of keys with different hash tags"
        );
        return Err(Fault::internal());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_of_a_redis_cluster() {
        for (key, expected) in [
            ("pool/{eu}/tickets", "eu"),
            ("a{b}{c}", "b"),
            ("plain", "plain"),
            ("{}empty", "{}empty"),
            ("{open", "{open"),
            ("}{x}", "x"),
            ("{{x}}", "{x"),
        ] {
            assert_eq!(tag(key), expected, "{key}");
        }
    }
}
