//! The media port. Today it answers STUN; media comes with the forwarding unit. A stranger's packet makes no state but one
//! bounded counter, and no more than one small answer. It must never queue, and never wait for a sender.

use std::{collections::HashMap, io, net::IpAddr};

use tokio::net::UdpSocket;
use visavis_domain::{Timestamp, limit::Rule};
use visavis_platform::{Clock, Lifecycle};

use crate::stun;

/// Networks in one generation of the table: two of them are about 3 MiB. When an attack fills it, what is forgotten
/// is bounded by [`Limits::total`].
const MAX_PREFIXES: usize = 32_768;
/// Receive errors in a row after which the socket is beyond help. Single ones tell that an earlier answer met a closed
/// port or a dead route, and say nothing about this socket.
const MAX_ERRORS: u32 = 100;

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

/// Answers until the process stops.
pub async fn serve(socket: UdpSocket, clock: Clock, lifecycle: &Lifecycle) -> io::Result<()> {
    serve_with(socket, Limits::default(), clock, lifecycle).await
}

/// As [`serve`], with other limits.
pub async fn serve_with(
    socket: UdpSocket,
    limits: Limits,
    clock: Clock,
    lifecycle: &Lifecycle,
) -> io::Result<()> {
    let dropped = |why: &'static str| metrics::counter!("visavis_udp_dropped_total", "why" => why);
    let (not_stun, rate, unsent) = (dropped("not-stun"), dropped("rate"), dropped("unsent"));
    let answered = metrics::counter!("visavis_stun_answers_total");
    let mut gate = Gate::new(limits, MAX_PREFIXES);
    // One byte more than is read: a longer packet is cut, which shows that it was longer.
    let mut buffer = [0; stun::MAX_REQUEST + 1];
    let mut errors = 0;
    loop {
        let received = tokio::select! {
            () = lifecycle.stop.cancelled() => return Ok(()),
            received = socket.recv_from(&mut buffer) => received,
        };
        let (length, from) = match received {
            Ok(received) => received,
            Err(error) if errors >= MAX_ERRORS => return Err(error),
            Err(_) => {
                errors += 1;
                continue;
            }
        };
        errors = 0;
        let Some(answer) = stun::answer(&buffer[..length], from) else {
            not_stun.increment(1);
            continue;
        };
        if !gate.passes(clock.now(), from.ip()) {
            rate.increment(1);
            continue;
        }
        // A full send buffer loses the answer; the client asks again.
        match socket.try_send_to(answer.as_bytes(), from) {
            Ok(_) => answered.increment(1),
            Err(_) => unsent.increment(1),
        }
    }
}

/// Both limits. Networks are kept in two generations: when the younger is full it becomes the elder and the elder is
/// forgotten. So memory is bounded, no packet pays for a clean-up, and who keeps asking is kept.
#[derive(Debug)]
struct Gate {
    limits: Limits,
    most: usize,
    total: Option<i64>,
    younger: HashMap<IpAddr, i64>,
    elder: HashMap<IpAddr, i64>,
}

impl Gate {
    fn new(limits: Limits, most: usize) -> Self {
        Self { limits, most, total: None, younger: HashMap::new(), elder: HashMap::new() }
    }

    fn passes(&mut self, now: Timestamp, ip: IpAddr) -> bool {
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
    use std::{net::SocketAddr, time::Duration};

    use proptest::prelude::*;
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A request whose transaction id ends in `n`.
    fn request(n: u8) -> [u8; 20] {
        let mut request = [7; 20];
        request[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
        request[19] = n;
        request
    }

    /// Which request the next answer belongs to.
    async fn next(client: &UdpSocket) -> u8 {
        let mut buffer = [0; 100];
        let length = timeout(PATIENCE, client.recv(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((length, &buffer[..2]), (32, &[1, 1][..]));
        buffer[19]
    }

    async fn client(local: &str, server: SocketAddr) -> UdpSocket {
        let client = UdpSocket::bind(local).await.unwrap();
        client.connect(server).await.unwrap();
        client
    }

    /// A served socket, its clock and its end.
    async fn start(limits: Limits) -> (SocketAddr, Clock, Lifecycle) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (clock, lifecycle) = (Clock::manual(Timestamp::from_millis(1_000)), Lifecycle::default());
        let (its_clock, its_life) = (clock.clone(), lifecycle.clone());
        lifecycle
            .spawn("udp", async move { serve_with(socket, limits, its_clock, &its_life).await.unwrap() });
        (address, clock, lifecycle)
    }

    #[tokio::test]
    async fn a_request_is_answered_over_a_real_socket_and_noise_is_not() {
        let (address, _, lifecycle) = start(Limits::default()).await;
        let client = client("127.0.0.1:0", address).await;
        // Packets are read in order: an answer to any of these would come before the one that is awaited.
        for noise in [&[][..], b"hello", &[0; 20], &[0x80; 200], &[0; 1_400], &request(1)[..19]] {
            client.send(noise).await.unwrap();
        }
        client.send(&request(2)).await.unwrap();
        assert_eq!(next(&client).await, 2);
        assert!(lifecycle.shut_down(PATIENCE).await);
    }

    #[tokio::test]
    async fn a_flooding_network_is_refused_until_its_time_has_come_and_others_are_not() {
        let limits = Limits { prefix: Rule::per_second(3, 1), ..Limits::default() };
        let (address, clock, lifecycle) = start(limits).await;
        let flooder = client("127.0.0.1:0", address).await;
        let other = client("127.0.1.1:0", address).await;
        for n in 0..4 {
            flooder.send(&request(n)).await.unwrap();
        }
        // Once somebody behind it has an answer, the fourth has been read and judged.
        other.send(&request(100)).await.unwrap();
        assert_eq!(next(&other).await, 100);
        clock.advance(Duration::from_secs(1));
        flooder.send(&request(4)).await.unwrap();
        for n in [0, 1, 2, 4] {
            assert_eq!(next(&flooder).await, n, "the fourth request has no answer");
        }
        assert!(lifecycle.shut_down(PATIENCE).await);
    }

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
