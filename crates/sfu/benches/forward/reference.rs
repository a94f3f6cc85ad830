//! REF-F: the least that forwarding takes. Receives in batches, opens each packet once, seals it for each receiver, sends it:
//! one by one, or all of a receiver's from one batch with one call.

use std::{
    io::IoSliceMut,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    Answer, BYTES, FPS, PACKETS, clock,
    tally::{self, Threads, number},
};

/// In front of what is sealed, as RTP's.
const HEADER: usize = 20;
const TAG: usize = 16;
/// Sound: 50 packets a second.
const VOICE: usize = 80;
const VOICE_EVERY: Duration = Duration::from_millis(20);

struct Shared {
    stop: AtomicBool,
    sent: AtomicU64,
    forwarded: AtomicU64,
    received: AtomicU64,
}

fn key(n: usize) -> LessSafeKey {
    let mut bytes = [1; 16];
    bytes[1] = u8::try_from(n % 256).unwrap();
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &bytes).unwrap())
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([7; 12])
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
    let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), 8 << 20);
    let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), 8 << 20);
    socket
}

pub fn run(segments: bool, people: usize, time: Duration) -> Answer {
    let middle = socket();
    let at = middle.local_addr().unwrap();
    // Receivers like any other: the kernel is not asked to leave segments together for them.
    let ends: Vec<UdpSocket> =
        (0..people).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    let addresses: Vec<SocketAddr> = ends.iter().map(|end| end.local_addr().unwrap()).collect();
    let shared = Arc::new(Shared {
        stop: AtomicBool::new(false),
        sent: AtomicU64::new(0),
        forwarded: AtomicU64::new(0),
        received: AtomicU64::new(0),
    });
    let inner = Arc::clone(&shared);
    let forwarder = std::thread::Builder::new()
        .name("ref-f".to_owned())
        .spawn(move || forward(&middle, &addresses, segments, &inner))
        .unwrap();
    let inner = Arc::clone(&shared);
    let load = std::thread::spawn(move || send_and_count(&ends, at, &inner));
    std::thread::sleep(Duration::from_millis(300));
    // By now the thread has its name.
    let threads = Threads::named("ref-f", &[]);
    let done = || shared.forwarded.load(Ordering::Relaxed);
    let before = (threads.cpu(), done());
    std::thread::sleep(time);
    let (cpu, packets) = (threads.cpu().saturating_sub(before.0), done() - before.1);
    shared.stop.store(true, Ordering::Relaxed);
    load.join().map_err(|_| "the load has failed")?;
    let _ = forwarder.join();
    let (sent, came) = (shared.sent.load(Ordering::Relaxed), shared.received.load(Ordering::Relaxed));
    let due = sent * (people as u64 - 1);
    if came < due {
        return Err(format!("{} of {due} packets are missing", due - came));
    }
    Ok(vec![
        ("us", cpu.as_secs_f64() * 1e6 / number(packets)),
        ("core", cpu.as_secs_f64() / time.as_secs_f64()),
        ("rate", number(packets) / time.as_secs_f64()),
    ])
}

fn forward(socket: &UdpSocket, ends: &[SocketAddr], segments: bool, shared: &Shared) {
    tally::pin(0);
    let state = UdpSocketState::new(UdpSockRef::from(socket)).unwrap();
    let keys: Vec<LessSafeKey> = (0..ends.len()).map(key).collect();
    let mut buffers = vec![vec![0; 65_535]; BATCH_SIZE];
    let mut metas = vec![RecvMeta::default(); BATCH_SIZE];
    let mut open: Vec<(Vec<u8>, usize)> = vec![(Vec::with_capacity(65_535), 0); ends.len()];
    while !shared.stop.load(Ordering::Relaxed) {
        wait(&[socket], Duration::from_millis(50));
        let mut slices: Vec<IoSliceMut<'_>> = buffers.iter_mut().map(|b| IoSliceMut::new(b)).collect();
        let Ok(count) = state.recv(UdpSockRef::from(socket), &mut slices, &mut metas) else { continue };
        let mut packets = 0;
        for (buffer, meta) in buffers.iter_mut().zip(&metas).take(count) {
            let Some(from) = ends.iter().position(|end| *end == meta.addr) else { continue };
            for packet in buffer[..meta.len].chunks_mut(meta.stride) {
                packets += 1;
                let (header, body) = packet.split_at_mut(HEADER);
                let plain = keys[from].open_in_place(nonce(), Aad::from(&header[..]), body).unwrap();
                for to in (0..ends.len()).filter(|to| *to != from) {
                    let (out, segment) = &mut open[to];
                    let length = HEADER + plain.len() + TAG;
                    if !segments || *segment != length || out.len() + length > 60_000 {
                        flush(&state, socket, ends[to], out, *segment);
                        *segment = length;
                    }
                    let start = out.len();
                    out.extend_from_slice(header);
                    out.extend_from_slice(plain);
                    let (head, body) = out[start..].split_at_mut(HEADER);
                    let tag =
                        keys[to].seal_in_place_separate_tag(nonce(), Aad::from(&head[..]), body).unwrap();
                    out.extend_from_slice(tag.as_ref());
                    if !segments {
                        flush(&state, socket, ends[to], out, length);
                    }
                }
            }
        }
        for (to, (out, segment)) in open.iter_mut().enumerate() {
            flush(&state, socket, ends[to], out, *segment);
        }
        shared.forwarded.fetch_add(packets * (ends.len() as u64 - 1), Ordering::Relaxed);
    }
}

fn flush(state: &UdpSocketState, socket: &UdpSocket, to: SocketAddr, out: &mut Vec<u8>, segment: usize) {
    if out.is_empty() {
        return;
    }
    let segment_size = (out.len() > segment).then_some(segment);
    let transmit = Transmit { destination: to, ecn: None, contents: out, segment_size, src_ip: None };
    state.try_send(UdpSockRef::from(socket), &transmit).unwrap();
    out.clear();
}

fn wait(sockets: &[&UdpSocket], most: Duration) {
    let mut fds: Vec<PollFd<'_>> =
        sockets.iter().map(|s| PollFd::from_borrowed_fd(s.as_fd(), PollFlags::IN)).collect();
    let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: most.subsec_nanos().into() }));
}

/// Sends what as many people would, each frame at once, and takes what comes.
fn send_and_count(ends: &[UdpSocket], at: SocketAddr, shared: &Shared) {
    for end in ends {
        end.set_nonblocking(true).unwrap();
    }
    let all: Vec<&UdpSocket> = ends.iter().collect();
    let sealed: Vec<[Vec<u8>; 2]> = (0..ends.len())
        .map(|n| {
            [BYTES, VOICE].map(|bytes| {
                let mut packet = vec![0x5A; HEADER];
                let mut body = vec![0; bytes];
                let key = key(n);
                key.seal_in_place_append_tag(nonce(), Aad::from(&packet[..]), &mut body).unwrap();
                packet.extend(body);
                packet
            })
        })
        .collect();
    let began = clock();
    let spread = |n: usize, of: Duration| of * u32::try_from(n).unwrap() / u32::try_from(ends.len()).unwrap();
    let frame = Duration::from_secs(1) / FPS;
    let mut due: Vec<[Instant; 2]> =
        (0..ends.len()).map(|n| [began + spread(n, frame), began + spread(n, VOICE_EVERY)]).collect();
    let mut buffer = [0; 2_048];
    let mut stopped = None;
    loop {
        let now = clock();
        if shared.stop.load(Ordering::Relaxed)
            && now > *stopped.get_or_insert(now) + Duration::from_millis(200)
        {
            return;
        }
        for (n, due) in due.iter_mut().enumerate().filter(|_| stopped.is_none()) {
            for (kind, packets, every) in [(0, PACKETS, frame), (1, 1, VOICE_EVERY)] {
                while due[kind] <= now {
                    due[kind] += every;
                    for _ in 0..packets {
                        ends[n].send_to(&sealed[n][kind], at).unwrap();
                        shared.sent.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
        for end in ends {
            while end.recv(&mut buffer).is_ok() {
                shared.received.fetch_add(1, Ordering::Relaxed);
            }
        }
        let next = due.iter().flatten().min().copied().unwrap_or(now);
        wait(&all, next.saturating_duration_since(clock()).min(Duration::from_millis(20)));
    }
}
