//! What a node says of itself to those that know nothing of it but an address.

use serde::{Deserialize, Serialize};

use crate::id::NodeId;

crate::contract! {
    /// A process of the cluster.
    "node" => trait Node {
        /// Who it is and what it does.
        fn describe(()) -> Record [idempotent, 1000 ms];
    }
}

/// What others need to know of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Which process: a new one at every start.
    pub id: NodeId,
    /// What it does. Texts, so that a newer node may have roles that this one doesn't know.
    pub roles: Vec<String>,
    /// Where it is called: `http://10.0.0.7:8081`.
    pub address: String,
    /// Where its media port is reached, `HOST:PORT`, if it holds rooms.
    #[serde(default)]
    pub media: Vec<String>,
    /// How much it carries: rooms and sockets.
    #[serde(default)]
    pub load: u64,
    /// Takes new work: since it has found everybody it needs, and until it is about to end.
    #[serde(default)]
    pub open: bool,
}

impl Record {
    /// Whether it has this role and takes new work.
    pub fn serves(&self, role: &str) -> bool {
        self.open && self.roles.iter().any(|own| own == role)
    }
}
