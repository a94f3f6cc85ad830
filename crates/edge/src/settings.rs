//! What an operator may set about the edge. The form is the configuration file's; `app` checks what needs checking.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::limit::Rule;

/// So many requests at once, and so many a minute on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Requests at once after a quiet time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: u32,
    /// Requests a minute on average.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_min: u32,
}

impl Limit {
    /// The rule that `Kv` counts by.
    pub fn rule(self) -> Rule {
        Rule::per_minute(self.burst, self.per_min)
    }
}

/// How much one client may ask for. Clients behind one address share the limits of that address (IPv6: of the /64).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Sign-in requests (login, verify, magic) from one address.
    pub auth_per_ip: Limit,
    /// Requests that change something, from one address.
    pub write_per_ip: Limit,
    /// Requests that only read, from one address.
    pub read_per_ip: Limit,
    /// New sockets from one address.
    pub connect_per_ip: Limit,
    /// Requests that change something, by one person.
    pub write_per_user: Limit,
    /// Requests that only read, by one person.
    pub read_per_user: Limit,
    /// Largest JSON body, in bytes.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub json_bytes: usize,
    /// Longest time for one request, in milliseconds.
    #[schemars(range(min = 100, max = 300_000))]
    pub request_ms: u64,
    /// Open connections of the public listener; further ones wait to be accepted.
    #[schemars(range(min = 16))]
    pub connections: usize,
    /// Of these, so many of one address (IPv6: of one /64); further ones are closed at once. Behind proxies
    /// (`trusted_proxies`) it doesn't hold: there every connection is theirs.
    #[schemars(range(min = 4))]
    pub connections_per_ip: usize,
    /// Time for a client to send the head of a request (or finish the TLS handshake), in milliseconds. Also ends
    /// idle connections.
    #[schemars(range(min = 100, max = 300_000))]
    pub header_ms: u64,
    /// Largest head of a request, in bytes.
    #[schemars(range(min = 8192, max = 1_048_576))]
    pub header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // An address may stand for a household or a school, so its limits are several times a person's.
        Self {
            auth_per_ip: Limit { burst: 30, per_min: 30 },
            write_per_ip: Limit { burst: 120, per_min: 240 },
            read_per_ip: Limit { burst: 300, per_min: 1_200 },
            connect_per_ip: Limit { burst: 60, per_min: 120 },
            write_per_user: Limit { burst: 40, per_min: 60 },
            read_per_user: Limit { burst: 100, per_min: 300 },
            json_bytes: 64 * 1024,
            request_ms: 10_000,
            connections: 20_000,
            connections_per_ip: 2_000,
            header_ms: 15_000,
            header_bytes: 32 * 1024,
        }
    }
}

impl Limits {
    /// Longest time for one request.
    pub const fn request(&self) -> Duration {
        Duration::from_millis(self.request_ms)
    }
}
