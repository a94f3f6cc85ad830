//! REF-N: what one proxy hop through nginx costs. Two of them: the hop that is measured, and what answers behind it.

use std::{fs, net::TcpListener};

use super::{Bench, measured, on_core, peer::Peer};
use crate::{Outcome, clock::Watch, command::which, tree};

/// Both running, each a single process so that its time is all there is.
pub struct Hop {
    pub proxy: Peer,
    _behind: Peer,
    pub port: u16,
}

impl Hop {
    pub fn start(bench: &Bench, body: &str) -> Outcome<Self> {
        if which("nginx").is_none() && !std::path::Path::new("/usr/sbin/nginx").exists() {
            bench.apt.install(&["nginx-light"], "the reference that a hop is compared with")?;
        }
        let program = which("nginx").unwrap_or_else(|| "/usr/sbin/nginx".into());
        let (front, back) = (free_port()?, free_port()?);
        let answer = format!("location / {{ default_type application/json; return 200 '{body}'; }}");
        let pass = "location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection \"\"; }";
        let upstream = format!("upstream behind {{ server 127.0.0.1:{back}; keepalive 64; }}");
        let behind = config("behind", "", back, &answer)?;
        let proxy = config("proxy", &upstream, front, pass)?;
        let behind = Peer::start(on_core(1, &program).arg("-c").arg(behind))?;
        let proxy = Peer::start(measured(&program).arg("-c").arg(proxy))?;
        wait_for(back)?;
        wait_for(front)?;
        Ok(Self { proxy, _behind: behind, port: front })
    }
}

/// Writes a configuration that touches nothing outside `target/bench`.
fn config(name: &str, upstream: &str, port: u16, location: &str) -> Outcome<std::path::PathBuf> {
    let folder = tree::target(format!("bench/nginx-{name}"));
    fs::create_dir_all(&folder).map_err(|err| err.to_string())?;
    let at = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
        .concat();
    let text = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; {temporary}\n{upstream}\n\
         server {{ listen 127.0.0.1:{port}; {location} }} }}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).map_err(|err| format!("{}: {err}", file.display()))?;
    Ok(file)
}

/// A port nobody has right now. Someone could take it before nginx does; then the bench fails and says so.
fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|err| err.to_string())
}

fn wait_for(port: u16) -> Outcome {
    let watch = Watch::start();
    while watch.elapsed().as_secs() < 10 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Err(format!("nginx doesn't answer on port {port}: see target/bench/nginx-*/error.log"))
}
