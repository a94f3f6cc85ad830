//! How many files this process may have open. A shell or service manager often allows a thousand where the kernel
//! would give many times that; whoever holds a thousand idle connections would then keep the database and the mails
//! from being opened, too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use visavis_edge::settings::Limits;

/// Kept free of connections: the database's, logs, mails, other nodes, the listeners.
const SPARE: u64 = 512;

/// Asks for as many as the process may have, and lowers the limits of connections to what fits. It is told where it may
/// matter: a place that only this machine can reach never has so many people.
pub fn make_room(limits: &mut Limits, is_public: bool) {
    let limit = getrlimit(Resource::Nofile);
    // What is refused stays as it was.
    let raised =
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_ok();
    let open = if raised { limit.maximum } else { limit.current };
    let wanted = limits.connections;
    fit(limits, open);
    if is_public && limits.connections < wanted {
        tracing::info!(
            limits.connections = limits.connections,
            limits.wanted = wanted,
            "the system's limit of open files (ulimit -n) leaves room for so many connections at a time"
        );
    }
}

fn fit(limits: &mut Limits, open: Option<u64>) {
    let fitting = fitting(limits.connections, open);
    if fitting < limits.connections && limits.connections_per_ip < limits.connections {
        // Of fewer places, too, nobody takes all.
        limits.connections_per_ip = limits.connections_per_ip.min(fitting / 2);
    }
    limits.connections = fitting;
}

/// Of few files at most half are for connections.
fn fitting(wanted: usize, open: Option<u64>) -> usize {
    let Some(open) = open else { return wanted };
    let most = open.saturating_sub(SPARE).max(open / 2);
    wanted.min(usize::try_from(most).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_everything_else() {
        assert_eq!(fitting(20_000, None), 20_000);
        assert_eq!(fitting(20_000, Some(1_000_000)), 20_000);
        assert_eq!(fitting(20_000, Some(20_000)), 19_488);
        assert_eq!(fitting(20_000, Some(1_024)), 512);
        assert_eq!(fitting(20_000, Some(256)), 128);
        assert_eq!(fitting(100, Some(1_024)), 100);
    }

    #[test]
    fn nobody_takes_all_of_fewer_places() {
        let mut limits = Limits { connections: 20_000, connections_per_ip: 2_000, ..Limits::default() };
        fit(&mut limits, Some(1_024));
        assert_eq!((limits.connections, limits.connections_per_ip), (512, 256));
        let mut behind_a_proxy =
            Limits { connections: 20_000, connections_per_ip: 20_000, ..Limits::default() };
        fit(&mut behind_a_proxy, Some(1_024));
        assert!(behind_a_proxy.connections_per_ip >= behind_a_proxy.connections);
    }
}
