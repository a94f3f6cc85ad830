//! ICE over TCP (RFC 6544, passive side): frames of RFC 4571 between a connection and the shard. A connection that doesn't
//! begin with a signed request of a call is closed; whether it's the right one is judged by the shard, and one that the shard
//! doesn't answer is closed, too.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use visavis_platform::Lifecycle;

use crate::{
    burst::{Carrier, Route},
    stun,
    udp::{Line, Note},
};

/// Connections of one shard: people behind networks that let no UDP pass.
const MAX_CONNECTIONS: usize = 2_048;
/// Connections of one address, or of one /64 that one host may have all of: a household, or a carrier's gateway with some of its customers.
const MAX_PER_ADDRESS: usize = 32;
/// The first frame must come this fast.
const FIRST_FRAME: Duration = Duration::from_secs(5);
/// Whoever is in a call is answered at once; nobody else is ever sent anything.
const ANSWERED: Duration = Duration::from_secs(10);
/// A connection without frames for so long is dead: consent is checked every few seconds.
const IDLE: Duration = Duration::from_secs(40);
/// Longest frame: a datagram of the path's size.
const MAX_FRAME: usize = 2_048;
/// Frames that wait for a slow reader, half a second of a camera; then they are lost.
const MAX_WAITING: usize = 256;
/// A write that takes longer is to somebody who doesn't read.
const WRITE: Duration = Duration::from_secs(5);

/// Takes connections until the process stops. `at` is the advertised address of a family.
pub(crate) async fn serve(
    listener: TcpListener,
    advertised: Vec<SocketAddr>,
    line: Line,
    lifecycle: Lifecycle,
) {
    let open = Arc::new(Open::default());
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors: the ones in use come back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let Some(guard) = open.enter(peer.ip()) else { continue };
        let named = stream.local_addr().ok().map(|at| SocketAddr::new(at.ip().to_canonical(), at.port()));
        let of_family = advertised.iter().find(|at| at.is_ipv4() == peer.is_ipv4()).copied();
        let Some(at) = named.filter(|at| advertised.contains(at)).or(of_family) else { continue };
        let (line, route) = (line.clone(), Route { carrier: Carrier::Tcp, to: peer, at });
        lifecycle.spawn("media-tcp", async move {
            let _guard = guard;
            connection(stream, route, &line).await;
            line.tell(Note::TcpClosed(peer));
        });
    }
}

async fn connection(stream: TcpStream, route: Route, line: &Line) {
    let _ = stream.set_nodelay(true);
    let (mut reader, mut writer) = stream.into_split();
    let mut frame = Vec::new();
    let first = timeout(FIRST_FRAME, read(&mut reader, &mut frame)).await;
    if !matches!(first, Ok(Some(()))) || stun::ufrag(&frame).is_none() {
        return;
    }
    let (frames, mut waiting) = mpsc::channel::<Vec<u8>>(MAX_WAITING);
    if !line.tell(Note::TcpOpen(route.to, frames)) || !line.tell(Note::TcpFrame(route, frame.clone())) {
        return;
    }
    let reading = async {
        while let Ok(Some(())) = timeout(IDLE, read(&mut reader, &mut frame)).await {
            // A full queue loses the frame, as a full network does.
            line.tell(Note::TcpFrame(route, frame.clone()));
        }
    };
    let sending = async {
        let mut next = timeout(ANSWERED, waiting.recv()).await.ok().flatten();
        while let Some(frame) = next {
            let length = u16::try_from(frame.len()).unwrap_or_default();
            let bytes = [&length.to_be_bytes()[..], frame.get(..length.into()).unwrap_or_default()].concat();
            if !matches!(timeout(WRITE, writer.write_all(&bytes)).await, Ok(Ok(()))) {
                return;
            }
            next = waiting.recv().await;
        }
    };
    tokio::select! {
        () = reading => {}
        () = sending => {}
    }
}

/// One frame; `None` at the end or when it is too long.
async fn read(reader: &mut (impl AsyncReadExt + Unpin), frame: &mut Vec<u8>) -> Option<()> {
    let length = usize::from(reader.read_u16().await.ok()?);
    if length > MAX_FRAME {
        return None;
    }
    frame.resize(length, 0);
    reader.read_exact(frame).await.ok().map(drop)
}

/// How many connections there are, and whose.
#[derive(Debug, Default)]
struct Open(Mutex<HashMap<IpAddr, usize>>);

impl Open {
    fn enter(self: &Arc<Self>, ip: IpAddr) -> Option<Entered> {
        let ip = match ip {
            IpAddr::V6(v6) => IpAddr::from((v6.to_bits() & (u128::MAX << 64)).to_be_bytes()),
            v4 @ IpAddr::V4(_) => v4,
        };
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= MAX_CONNECTIONS {
            return None;
        }
        let count = open.entry(ip).or_default();
        if *count >= MAX_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Entered { open: Arc::clone(self), ip })
    }
}

#[derive(Debug)]
struct Entered {
    open: Arc<Open>,
    ip: IpAddr,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_are_read_whole_and_long_ones_end_the_connection() {
        let mut frame = Vec::new();
        let mut bytes = &[0, 3, 1, 2, 3, 0, 0, 0xFF, 0xFF, 1][..];
        assert_eq!(read(&mut bytes, &mut frame).await, Some(()));
        assert_eq!(frame, [1, 2, 3]);
        assert_eq!(read(&mut bytes, &mut frame).await, Some(()));
        assert_eq!(frame, [0_u8; 0]);
        assert_eq!(read(&mut bytes, &mut frame).await, None);
    }

    #[test]
    fn one_address_has_its_share_and_gets_it_back() {
        let open = Arc::new(Open::default());
        let ip = IpAddr::from([192, 0, 2, 1]);
        let held: Vec<_> = (0..MAX_PER_ADDRESS).map_while(|_| open.enter(ip)).collect();
        assert_eq!(held.len(), MAX_PER_ADDRESS);
        assert!(open.enter(ip).is_none());
        assert!(open.enter(IpAddr::from([192, 0, 2, 2])).is_some());
        drop(held);
        assert!(open.enter(ip).is_some());
    }
}
