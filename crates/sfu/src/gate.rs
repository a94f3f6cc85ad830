//! How many strangers are answered: a limit for each network and one for all together. A packet makes no state but one
//! bounded counter.

use std::{collections::HashMap, net::IpAddr};

use visavis_domain::{Timestamp, limit::Rule};

/// Networks in one generation of the table: two of them are about 3 MiB. When an attack fills it, what is forgotten
/// is bounded by [`Limits::total`].
pub(crate) const MAX_PREFIXES: usize = 32_768;

/// How many STUN answers go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To one network: IPv4 /24, IPv6 /48.
    pub prefix: Rule,
    /// To all together, so that forged senders of many networks can't make a reflector of this port.
    pub total: Rule,
}

impl Default for Limits {
    /// A browser that gathers asks a few times for each of its interfaces; a network of many people shares a prefix. In
    /// total 2000 answers a second are at most 104 kB.
    fn default() -> Self {
        Self { prefix: Rule::per_second(200, 50), total: Rule::per_second(4_000, 2_000) }
    }
}

/// Both limits. Networks are kept in two generations: when the younger is full it becomes the elder and the elder is
/// forgotten. So memory is bounded, no packet pays for a clean-up, and who keeps asking is kept.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: Limits,
    most: usize,
    total: Option<i64>,
    younger: HashMap<IpAddr, i64>,
    elder: HashMap<IpAddr, i64>,
}

impl Gate {
    pub(crate) fn new(limits: Limits, most: usize) -> Self {
        Self { limits, most, total: None, younger: HashMap::new(), elder: HashMap::new() }
    }

    pub(crate) fn passes(&mut self, now: Timestamp, ip: IpAddr) -> bool {
        let total = self.limits.total.decide(now, self.total);
        if !total.allowed {
            return false;
        }
        let key = prefix(ip);
        let known = self.younger.get(&key).copied();
        let tat = known.or_else(|| self.elder.get(&key).copied());
        let own = self.limits.prefix.decide(now, tat);
        if known.is_none() && self.younger.len() >= self.most {
            self.elder = std::mem::take(&mut self.younger);
        }
        self.younger.insert(key, own.new_tat);
        if own.allowed {
            // A refused packet takes nothing of what all share.
            self.total = Some(total.new_tat);
        }
        own.allowed
    }
}

/// IPv4: /24. IPv6: /48, what one customer usually has.
fn prefix(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[6..].fill(0);
            IpAddr::from(octets)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gate(prefix: u32, total: u32, most: usize) -> Gate {
        Gate::new(Limits { prefix: Rule::per_second(prefix, 1), total: Rule::per_second(total, 1) }, most)
    }

    fn ask(gate: &mut Gate, ip: &str) -> bool {
        gate.passes(Timestamp::from_millis(0), ip.parse().unwrap())
    }

    #[test]
    fn neighbours_share_a_limit_and_strangers_do_not() {
        for (one, neighbour, stranger) in [
            ("203.0.113.7", "203.0.113.99", "203.0.114.7"),
            ("203.0.113.7", "::ffff:203.0.113.8", "::ffff:203.0.114.7"),
            ("2001:db8:1:2::3", "2001:db8:1:ffff::9", "2001:db8:2:2::3"),
        ] {
            let mut gate = gate(1, 100, 10);
            assert!(ask(&mut gate, one));
            assert!(!ask(&mut gate, neighbour), "{neighbour}");
            assert!(ask(&mut gate, stranger), "{stranger}");
        }
    }

    #[test]
    fn all_share_a_limit_that_refused_ones_do_not_use_up() {
        let mut gate = gate(1, 2, 10);
        assert!(ask(&mut gate, "192.0.2.1"));
        assert!((0..50).all(|_| !ask(&mut gate, "192.0.2.1")));
        assert!(ask(&mut gate, "198.51.100.1"));
        assert!(!ask(&mut gate, "203.0.113.1"));
    }

    #[test]
    fn a_full_table_forgets_who_was_silent_longest() {
        let mut gate = gate(1, 100, 2);
        for ip in ["10.0.1.1", "10.0.2.1", "10.0.3.1"] {
            assert!(ask(&mut gate, ip));
        }
        assert!(!ask(&mut gate, "10.0.1.1"), "in the elder generation; asking keeps it");
        assert!(ask(&mut gate, "10.0.4.1"));
        assert!(ask(&mut gate, "10.0.2.1"), "forgotten");
        assert!(!ask(&mut gate, "10.0.1.1"));
    }

    proptest! {
        #[test]
        fn the_table_never_outgrows_its_bound(ips in prop::collection::vec(any::<IpAddr>(), 0..300), most in 1usize..20) {
            let mut gate = gate(1, 1_000, most);
            for ip in ips {
                gate.passes(Timestamp::from_millis(0), ip);
                prop_assert!(gate.younger.len() <= most && gate.elder.len() <= most);
            }
        }
    }
}
