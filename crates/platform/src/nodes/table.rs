//! Which nodes live: what was found of them, and when to believe that one is gone.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use visavis_domain::{Timestamp, contract::node::Record, id::NodeId};

/// The living nodes at one moment.
#[derive(Debug, Default)]
pub struct View {
    by_id: BTreeMap<NodeId, Arc<Record>>,
    by_role: BTreeMap<String, Vec<Arc<Record>>>,
}

impl View {
    fn of(records: impl Iterator<Item = Arc<Record>>) -> Self {
        let mut view = Self::default();
        for record in records {
            if record.open {
                for role in &record.roles {
                    view.by_role.entry(role.clone()).or_default().push(Arc::clone(&record));
                }
            }
            view.by_id.insert(record.id, record);
        }
        view
    }

    /// A node that lives, also one that is about to end.
    pub fn get(&self, id: NodeId) -> Option<&Arc<Record>> {
        self.by_id.get(&id)
    }

    /// Those that have the role and take new work.
    pub fn serving(&self, role: &str) -> &[Arc<Record>] {
        self.by_role.get(role).map_or(&[], Vec::as_slice)
    }

    /// All that live.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.by_id.values()
    }
}

/// What was found, look by look.
#[derive(Debug)]
pub(super) struct Table {
    me: NodeId,
    /// A node that a look doesn't find is gone when nothing was seen of it for so long.
    grace: Duration,
    /// After a doubt, and after a look that didn't even find ourselves, the absence of others means nothing for so long.
    distrust: Duration,
    distrusted: Option<Timestamp>,
    known: BTreeMap<NodeId, (Arc<Record>, Timestamp)>,
}

impl Table {
    pub(super) fn new(now: Timestamp, me: &Record, grace: Duration, distrust: Duration) -> Self {
        let known = BTreeMap::from([(me.id, (Arc::new(me.clone()), now))]);
        Self { me: me.id, grace, distrust, distrusted: None, known }
    }

    /// What is known of ourselves has changed.
    pub(super) fn myself(&mut self, now: Timestamp, me: Record) {
        self.known.insert(self.me, (Arc::new(me), now));
    }

    /// The store was away, or is another one than before: the living may have to write themselves down again.
    pub(super) fn doubt(&mut self, now: Timestamp) {
        self.distrusted = Some(now);
    }

    /// Takes all that one look found. A store that came back empty has forgotten everybody, ourselves too, and must not
    /// part those who live.
    pub(super) fn handle(&mut self, now: Timestamp, found: Vec<Record>) {
        if !found.iter().any(|record| record.id == self.me) {
            self.distrusted = Some(now);
        }
        for record in found {
            let same = self.known.get(&record.id).filter(|(known, _)| **known == record);
            let record = same.map_or_else(|| Arc::new(record), |(known, _)| Arc::clone(known));
            self.known.insert(record.id, (record, now));
        }
        if self.distrusted.is_some_and(|since| now >= since && now.since(since) < self.distrust) {
            return;
        }
        let (me, grace) = (self.me, self.grace);
        self.known.retain(|id, (_, seen)| *id == me || *seen == now || now.since(*seen) < grace);
    }

    pub(super) fn view(&self) -> View {
        View::of(self.known.values().map(|(record, _)| Arc::clone(record)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    fn record(id: u128, roles: &[&str]) -> Record {
        Record {
            id: NodeId::from_bits(id),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            address: format!("http://10.0.0.{id}:8081"),
            media: Vec::new(),
            load: 0,
            open: true,
        }
    }

    fn table(grace: Duration) -> Table {
        Table::new(at(0), &record(1, &["gateway"]), grace, Duration::from_secs(4))
    }

    fn users(table: &Table) -> usize {
        table.view().serving("users").len()
    }

    #[test]
    fn a_node_is_there_while_it_is_found() {
        let mut table = table(Duration::ZERO);
        table.handle(at(0), vec![record(1, &["gateway"]), record(2, &["users"])]);
        assert_eq!(users(&table), 1);
        table.handle(at(SECOND), vec![record(1, &["gateway"])]);
        assert_eq!(users(&table), 0);
        assert!(table.view().get(NodeId::from_bits(1)).is_some(), "oneself is always there");
    }

    #[test]
    fn a_node_that_leaves_takes_no_new_work_but_still_answers() {
        let mut table = table(Duration::ZERO);
        let leaving = Record { open: false, ..record(2, &["users"]) };
        table.handle(at(0), vec![record(1, &[]), leaving]);
        assert_eq!(users(&table), 0);
        assert!(table.view().get(NodeId::from_bits(2)).is_some());
    }

    #[test]
    fn a_store_that_forgot_everybody_parts_nobody() {
        let mut table = table(Duration::ZERO);
        table.handle(at(0), vec![record(1, &[]), record(2, &["users"])]);
        table.handle(at(SECOND), Vec::new());
        assert_eq!(users(&table), 1, "it doesn't know us either");
        table.handle(at(2 * SECOND), vec![record(1, &[])]);
        assert_eq!(users(&table), 1, "the other has not come back yet");
        table.handle(at(4 * SECOND), vec![record(1, &[]), record(2, &["users"])]);
        table.handle(at(6 * SECOND), vec![record(1, &[])]);
        assert_eq!(users(&table), 0, "now its absence means something again");
    }

    #[test]
    fn after_a_doubt_nobody_is_gone_for_a_while() {
        let mut table = table(Duration::ZERO);
        table.handle(at(0), vec![record(1, &["gateway"]), record(2, &["users"])]);
        // Away for half a minute: all leases are over, and we are the first to be back.
        table.doubt(at(30 * SECOND));
        table.handle(at(31 * SECOND), vec![record(1, &["gateway"])]);
        assert_eq!(users(&table), 1, "the other has not come back yet");
        table.handle(at(35 * SECOND), vec![record(1, &["gateway"])]);
        assert_eq!(users(&table), 0, "it had its time");
    }

    #[test]
    fn where_there_is_no_lease_one_missed_look_is_forgiven() {
        let mut table = table(Duration::from_secs(3));
        table.handle(at(0), vec![record(1, &[]), record(2, &["users"])]);
        table.handle(at(2 * SECOND), vec![record(1, &[])]);
        assert_eq!(users(&table), 1);
        table.handle(at(3 * SECOND), vec![record(1, &[])]);
        assert_eq!(users(&table), 0);
    }
}
