//! The media port. Today it answers STUN; media comes with the forwarding unit. A stranger's packet makes no state but one
//! bounded counter, and no more than one small answer.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::net::UdpSocket;
use visavis_domain::limit::{LocalLimiter, Rule};
use visavis_platform::{Clock, Lifecycle};

use crate::stun;

/// A browser that gathers asks a few times for each of its interfaces; a network of many people shares a prefix.
const BURST: u32 = 200;
const PER_SECOND: u32 = 50;
/// Prefixes remembered. When there are more, all are forgotten, which gives each at most one burst more.
const MAX_PREFIXES: usize = 16_384;
/// Larger than any packet that is answered: longer ones are cut, which makes them wrong.
const BUFFER: usize = 2_048;

/// Answers until the process stops.
pub async fn serve(socket: UdpSocket, clock: Clock, lifecycle: &Lifecycle) -> io::Result<()> {
    let mut limits: HashMap<IpAddr, LocalLimiter> = HashMap::new();
    let mut buffer = [0; BUFFER];
    loop {
        let (length, from) = tokio::select! {
            () = lifecycle.stop.cancelled() => return Ok(()),
            received = socket.recv_from(&mut buffer) => match received {
                Ok(received) => received,
                // An earlier answer met a closed port; that says nothing about this socket.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error),
            },
        };
        let Some(answer) = stun::answer(&buffer[..length], from) else {
            metrics::counter!("visavis_udp_dropped_total", "why" => "not-stun").increment(1);
            continue;
        };
        if limits.len() >= MAX_PREFIXES {
            limits.clear();
        }
        let limit = limits.entry(prefix(from)).or_insert_with(|| LocalLimiter::new(Rule::per_second(BURST, PER_SECOND)));
        if !limit.decide(clock.now()).allowed {
            metrics::counter!("visavis_udp_dropped_total", "why" => "rate").increment(1);
            continue;
        }
        // A full send buffer loses the answer; the client asks again.
        if socket.try_send_to(&answer, from).is_ok() {
            metrics::counter!("visavis_stun_answers_total").increment(1);
        }
    }
}

/// IPv4: /24. IPv6: /48, what one customer usually has.
fn prefix(from: SocketAddr) -> IpAddr {
    match from.ip().to_canonical() {
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
    use std::time::Duration;

    use visavis_domain::Timestamp;

    use super::*;

    async fn ask(client: &UdpSocket) -> Option<usize> {
        let mut request = [0; 20];
        request[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
        client.send(&request).await.unwrap();
        let mut buffer = [0; 100];
        tokio::time::timeout(Duration::from_millis(500), client.recv(&mut buffer)).await.ok()?.ok()
    }

    #[tokio::test]
    async fn a_real_socket_is_answered_and_a_flooding_prefix_is_not() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let (clock, lifecycle) = (Clock::manual(Timestamp::from_millis(1_000)), Lifecycle::default());
        let (its_clock, its_life) = (clock.clone(), lifecycle.clone());
        lifecycle.spawn("udp", async move { serve(server, its_clock, &its_life).await.unwrap() });
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(address).await.unwrap();
        for _ in 0..200 {
            assert_eq!(ask(&client).await, Some(32));
        }
        assert_eq!(ask(&client).await, None, "the burst is used up");
        clock.advance(Duration::from_secs(1));
        assert_eq!(ask(&client).await, Some(32));
        assert!(lifecycle.shut_down(Duration::from_secs(2)).await);
    }

    #[test]
    fn prefixes_are_networks() {
        let of = |text: &str| prefix(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.77:1"), "203.0.113.0");
        assert_eq!(of("[::ffff:203.0.113.77]:1"), "203.0.113.0");
        assert_eq!(of("[2001:db8:1:2::3]:1"), "2001:db8:1::");
    }
}
