//! A TCP proxy in front of a real server, to have it away, slow or silent without touching it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use visavis_platform::Lifecycle;

/// Read at once: more than any packet of a test.
const CHUNK: usize = 64 << 10;

/// How the server seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As it is.
    Pass,
    /// Each packet of its answers comes so much later.
    Slow(Duration),
    /// Connections stay open and nothing comes any more.
    Silent,
    /// Connections are cut, new ones too.
    Away,
}

/// The proxy; gone with its owner's lifecycle.
#[derive(Debug)]
pub struct Proxy {
    at: SocketAddr,
    mode: watch::Sender<Mode>,
    accepted: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy on a free loopback port.
    pub async fn start(server: SocketAddr, lifecycle: &Lifecycle) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mode = watch::Sender::new(Mode::Pass);
        let (heard, tasks) = (mode.subscribe(), lifecycle.clone());
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        lifecycle.spawn("proxy", async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let heard = heard.clone();
                tasks.spawn("proxied", async move { serve(client, server, heard).await });
            }
        });
        Self { at, mode, accepted }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.at.port()
    }

    /// Connections that were made to it so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// From now on, for every connection.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// The address of a URL, and the URL with the proxy's address instead.
    pub async fn before(url: &str, lifecycle: &Lifecycle) -> (Self, String) {
        let start = url.rfind('@').map_or_else(|| url.find("//").unwrap() + 2, |at| at + 1);
        let end = url[start..].find('/').map_or(url.len(), |slash| start + slash);
        let server = url[start..end].parse().expect("an address with a port");
        let proxy = Self::start(server, lifecycle).await;
        let proxied = format!("{}{}{}", &url[..start], proxy.at, &url[end..]);
        (proxy, proxied)
    }
}

async fn serve(client: TcpStream, server: SocketAddr, mode: watch::Receiver<Mode>) {
    if *mode.borrow() == Mode::Away {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let mut away = mode.clone();
    tokio::select! {
        () = carry(from_client, to_server, mode.clone(), false) => {}
        () = carry(from_server, to_client, mode, true) => {}
        _ = away.wait_for(|mode| *mode == Mode::Away) => {}
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
    answers: bool,
) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let Ok(read) = from.read(&mut chunk).await else { return };
        if read == 0 {
            return;
        }
        let Ok(now) = mode.wait_for(|mode| *mode != Mode::Silent).await.map(|mode| *mode) else { return };
        if let (Mode::Slow(by), true) = (now, answers) {
            tokio::time::sleep(by).await;
        }
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}
