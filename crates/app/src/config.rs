//! All settings in one tree, composed of the crates' own. This file says what there is and what fits together;
//! `load` brings the sources together, `example` writes the documented file.
//!
//! A setting that can't be used names its key, its value (never of a secret) and what would be right.

mod example;
mod files;
mod load;
mod role;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{queue, room, strangers};
use visavis_edge::{
    Site,
    guard::{
        client::ProxyHeader,
        site::{BadUrl, ExtraHost, Hosts, PublicUrl},
    },
    ice,
    settings::Limits,
    socket, tls,
};
use visavis_platform::{Clock, db, mail, redis_link, rpc, telemetry};
use visavis_services::{age, auth, friends, moderation, users};
use visavis_workers::settings as watch;

pub use example::example;
pub use load::{Loaded, load};
pub use role::Role;
pub use visavis_platform::{Hidden, hidden::HIDDEN};

/// Everything an operator may set.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where people reach this place: page, API and sockets. Port 0 takes any free one, and then the private and the
    /// media port are any free ones too, unless they are set.
    pub listen: SocketAddr,
    /// The folder for everything that is kept: database, keys, mails of the `dir` backend.
    pub data: PathBuf,
    /// The address people type, like `https://meet.example`. Links, tokens, cookies and the origin check come from
    /// it, never from a request. Not set: the address that is listened on.
    pub public_url: Option<String>,
    /// Other hosts that are answered too, with or without a port.
    pub extra_hosts: Vec<String>,
    /// Proxies (addresses or networks) that are believed about the address of their clients.
    pub trusted_proxies: Vec<String>,
    /// The header in which trusted proxies write the address of their client. The other one is never read.
    pub proxy_header: ProxyHeader,
    /// Several processes of this machine may listen on the same port; the system spreads their clients.
    pub share_port: bool,
    /// What this process does. `all` is a complete place; processes with other roles are found through Redis.
    pub roles: Vec<Role>,
    /// Addresses of the private listeners of all other processes, like `http://10.0.0.7:8081`. Set: they are asked who
    /// they are, instead of being looked up in Redis.
    pub peers: Vec<String>,
    /// Calls between processes.
    pub rpc: Rpc,
    /// 32 random bytes in base64 (`openssl rand -base64 32`), the same on all nodes. Not set: made at the first start
    /// and kept in the data folder.
    pub secret_key: Option<Hidden>,
    /// Metrics and developer pages.
    pub private: Private,
    /// Audio and video.
    pub media: Media,
    /// The database. A text alone is its address.
    pub database: db::Settings,
    /// How long things are remembered.
    pub retention: db::retention::Retention,
    /// What several processes share beside the database. A text alone is its address.
    pub redis: redis_link::Settings,
    /// Logs.
    pub log: telemetry::Settings,
    /// Mails.
    pub mail: mail::Settings,
    /// Strangers who meet.
    pub strangers: strangers::Settings,
    /// Signing in.
    pub auth: auth::Settings,
    /// Accounts.
    pub users: users::Settings,
    /// How old people are.
    pub age: age::Settings,
    /// Friends, who is there, and blocks.
    pub friends: friends::Settings,
    /// Reports, and what was decided about people.
    pub moderation: moderation::Settings,
    /// Looking at calls.
    pub watch: watch::Settings,
    /// Who is matched with whom.
    pub queue: queue::Settings,
    /// Rooms.
    pub rooms: room::Settings,
    /// Signalling.
    pub signalling: socket::Settings,
    /// Limits of the gateway.
    pub limits: Limits,
    /// A TURN service for people whose networks let nothing else through.
    pub turn: Turn,
    /// TLS by this process itself. Without it, put a proxy in front.
    pub tls: Tls,
    /// Roles call one another through the bytes that a network would carry, not directly. For tests: it changes
    /// nothing but the speed.
    pub loopback: bool,
    /// A developer's machine. Only by `--dev`.
    #[serde(skip)]
    pub dev: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: "./data".into(),
            public_url: None,
            extra_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            share_port: false,
            roles: vec![Role::All],
            peers: Vec::new(),
            rpc: Rpc::default(),
            secret_key: None,
            private: Private::default(),
            media: Media::default(),
            database: db::Settings::default(),
            retention: db::retention::Retention::default(),
            redis: redis_link::Settings::default(),
            log: telemetry::Settings::default(),
            mail: mail::Settings::default(),
            strangers: strangers::Settings::default(),
            auth: auth::Settings::default(),
            users: users::Settings::default(),
            age: age::Settings::default(),
            friends: friends::Settings::default(),
            moderation: moderation::Settings::default(),
            watch: watch::Settings::default(),
            queue: queue::Settings::default(),
            rooms: room::Settings::default(),
            signalling: socket::Settings::default(),
            limits: Limits::default(),
            turn: Turn::default(),
            tls: Tls::default(),
            loopback: false,
            dev: false,
        }
    }
}

/// Calls between processes: they go to the private listener.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rpc {
    /// Where others reach the private listener, like `http://10.0.0.7:8081`; `https` with `rpc.tls`. Not set: its own
    /// address.
    pub advertise: Option<String>,
    /// TLS between processes, for networks that others can read. All have it or none.
    pub tls: RpcTls,
}

/// Certificate files, read again when they change.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RpcTls {
    /// PEM: the certificate of this process, for the host of `rpc.advertise`, and those that lead to `ca`.
    pub cert: Option<PathBuf>,
    /// PEM: its private key.
    pub key: Option<PathBuf>,
    /// PEM: the authority that made the certificates of all processes.
    pub ca: Option<PathBuf>,
}

/// The private listener.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Private {
    /// Where it listens. Keep it where only you can reach it.
    pub listen: SocketAddr,
}

impl Default for Private {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8081)) }
    }
}

/// The media port.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Where it listens (UDP and TCP). `[::]` is every interface, IPv4 too.
    pub listen: SocketAddr,
    /// Addresses that clients are told, when this machine doesn't know them itself (behind NAT).
    pub public_ip: Vec<IpAddr>,
    /// Threads that forward media, each with a port of its own: the one above and those after it, UDP and TCP. 0 is one
    /// for each core.
    #[schemars(range(min = 0, max = 64))]
    pub shards: usize,
}

impl Default for Media {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0_u16; 8], 7882)), public_ip: Vec::new(), shards: 0 }
    }
}

/// A TURN service (coturn with `use-auth-secret`).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// Like `turn:turn.example:3478` or `turns:turn.example:443?transport=tcp`. Empty: there is none.
    pub urls: Vec<String>,
    /// `static-auth-secret` of the TURN server.
    pub secret: Option<Hidden>,
    /// Hours a credential lasts; at least as long as the longest call.
    #[schemars(range(min = 12, max = 168))]
    pub hours: u32,
}

impl Default for Turn {
    fn default() -> Self {
        Self { urls: Vec::new(), secret: None, hours: 12 }
    }
}

/// Certificate files, read again when they change.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM: the certificate and those that lead to a root.
    pub cert: Option<PathBuf>,
    /// PEM: the private key.
    pub key: Option<PathBuf>,
}

/// Why the settings can't be used: to be printed, then exit 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// `limits.json_bytes`, or the file.
    pub key: String,
    /// As it was given; «hidden» for a secret.
    pub value: Option<String>,
    /// Where it was given: the file, the environment variable, the flag.
    pub source_name: Option<String>,
    /// What would be right.
    pub right: String,
}

impl ConfigError {
    fn of(key: &str, right: String) -> Self {
        Self { key: key.to_owned(), value: None, source_name: None, right }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        if let Some(source) = &self.source_name {
            write!(f, " ({source})")?;
        }
        write!(f, ": {}", self.right)
    }
}

/// A problem of one key, before its source is known: the key and what would be right.
type Wrong = (&'static str, String);

impl Config {
    /// What the edge wants to know, once it is known what the two listeners are bound to.
    pub fn site(&self, public: SocketAddr, private: SocketAddr) -> Result<Site, ConfigError> {
        let (hosts, trusted_proxies) =
            self.names(public).map_err(|(key, right)| ConfigError::of(key, right))?;
        // Mails are written where sign-in runs.
        let outbox = self.dev && matches!(self.mail.backend, mail::Kind::Dir) && self.does(Role::Auth);
        let dev_outbox = outbox.then(|| format!("{}/dev/outbox", PublicUrl::of_listener(private, false)));
        let mut limits = self.limits.clone();
        if !trusted_proxies.is_empty() {
            limits.connections_per_ip = limits.connections;
        }
        let proxy_header = self.proxy_header;
        Ok(Site { hosts, trusted_proxies, proxy_header, dev_outbox, limits })
    }

    /// The names of this place and its proxies, read from their texts.
    fn names(&self, bound: SocketAddr) -> Result<(Hosts, Vec<IpNet>), Wrong> {
        let extra = self.extra_hosts.iter().map(|host| host.parse::<ExtraHost>()).collect::<Result<_, _>>();
        let extra = extra.map_err(|error| ("extra_hosts", error.to_string()))?;
        let proxies = self.trusted_proxies.iter().map(|text| network(text)).collect::<Option<_>>();
        let right = "each must be an address or a network, like 10.0.0.0/8";
        let proxies = proxies.ok_or_else(|| ("trusted_proxies", right.to_owned()))?;
        Ok((Hosts { public: self.public_url(bound)?, extra }, proxies))
    }

    fn public_url(&self, bound: SocketAddr) -> Result<PublicUrl, Wrong> {
        let listener = || Ok(PublicUrl::of_listener(bound, self.tls.cert.is_some()));
        let set = self.public_url.as_ref().map(|url| url.parse().map_err(|error: BadUrl| error.to_string()));
        set.map_or_else(listener, |url| url.map_err(|right| ("public_url", right)))
    }

    /// The TURN service, if there is one.
    pub fn turn(&self) -> Option<ice::Turn> {
        let secret = self.turn.secret.as_ref().filter(|_| !self.turn.urls.is_empty())?;
        let life = Duration::from_hours(u64::from(self.turn.hours));
        Some(ice::Turn { urls: self.turn.urls.clone(), secret: secret.expose().to_owned(), life })
    }

    /// The certificate files, if TLS is on.
    pub fn tls_files(&self) -> Option<tls::Files> {
        Some(tls::Files { cert: self.tls.cert.clone()?, key: self.tls.key.clone()? })
    }

    /// The certificate files between processes, if there are.
    pub fn rpc_tls(&self) -> Option<rpc::tls::Files> {
        let RpcTls { cert, key, ca } = &self.rpc.tls;
        Some(rpc::tls::Files { cert: cert.clone()?, key: key.clone()?, ca: ca.clone()? })
    }

    /// Where other processes reach the private listener.
    pub fn address(&self, private: SocketAddr) -> String {
        let scheme = if self.rpc.tls.cert.is_some() { "https" } else { "http" };
        self.rpc.advertise.clone().unwrap_or_else(|| format!("{scheme}://{private}"))
    }

    /// Where clients reach the media port of this process, `HOST:PORT` each.
    pub fn media_addresses(&self, site: &Site, private: SocketAddr, port: u16) -> Vec<String> {
        if !self.media.public_ip.is_empty() {
            return self.media.public_ip.iter().map(|ip| SocketAddr::new(*ip, port).to_string()).collect();
        }
        // Without gateway the public URL leads to another machine.
        let own = self.address(private);
        let host = if self.does(Role::Gateway) { site.hosts.public.host() } else { host_of(&own) };
        vec![format!("{host}:{port}")]
    }

    /// What the types can't say: texts that must parse, settings that need one another.
    fn check_age(&self) -> Result<(), Wrong> {
        age::Age::new(&self.age, Clock::System).map(drop).map_err(|error| match error {
            age::BadSettings::Url(why) => ("age.url", why.to_string()),
            age::BadSettings::NoSecret => ("age.secret", "must be set when age.url is".to_owned()),
        })
    }

    fn check(&self) -> Result<(), Wrong> {
        let (hosts, _) = self.names(self.listen)?;
        self.check_roles()?;
        if self.dev && !hosts.public.is_loopback() {
            let key = if self.public_url.is_some() { "public_url" } else { "listen" };
            return Err((
                key,
                "must be an address of this machine alone, like 127.0.0.1, with --dev".to_owned(),
            ));
        }
        match (&self.tls.cert, &self.tls.key) {
            (Some(_), None) => return Err(("tls.key", "must be set when tls.cert is".to_owned())),
            (None, Some(_)) => return Err(("tls.cert", "must be set when tls.key is".to_owned())),
            _ => {}
        }
        self.check_age()?;
        self.check_turn()
    }

    fn check_roles(&self) -> Result<(), Wrong> {
        if self.roles.is_empty() {
            return Err(("roles", "must name at least one role, or all".to_owned()));
        }
        let RpcTls { cert, key, ca } = &self.rpc.tls;
        for (name, file) in [("rpc.tls.cert", cert), ("rpc.tls.key", key), ("rpc.tls.ca", ca)] {
            if file.is_none() && (cert.is_some() || key.is_some() || ca.is_some()) {
                return Err((name, "must be set when another of rpc.tls is".to_owned()));
            }
        }
        let scheme = if cert.is_some() { "https://" } else { "http://" };
        let right = |url: &String| url.starts_with(scheme) && is_address(url);
        let like = format!("must be like {scheme}10.0.0.7:8081");
        if self.rpc.advertise.as_ref().is_some_and(|url| !right(url)) {
            return Err(("rpc.advertise", like));
        }
        if !self.peers.iter().all(right) {
            return Err(("peers", format!("each {like}")));
        }
        if self.is_whole() {
            return Ok(());
        }
        if self.redis.url.is_none() {
            return Err(("redis.url", "must be set when roles aren't all: processes meet there".to_owned()));
        }
        if self.secret_key.is_none() {
            return Err((
                "secret_key",
                "must be set, the same for all processes, when roles aren't all".to_owned(),
            ));
        }
        if self.public_url.is_none() {
            return Err((
                "public_url",
                "must be set, the same for all processes, when roles aren't all".to_owned(),
            ));
        }
        if self.private.listen.ip().is_unspecified() && self.rpc.advertise.is_none() {
            let right = "must be set when private.listen is every interface: others must know one".to_owned();
            return Err(("rpc.advertise", right));
        }
        Ok(())
    }

    fn check_turn(&self) -> Result<(), Wrong> {
        if self.turn.urls.iter().any(|url| !url.starts_with("turn:") && !url.starts_with("turns:")) {
            return Err(("turn.urls", "each must begin with turn: or turns:".to_owned()));
        }
        if !self.turn.urls.is_empty() && self.turn.secret.is_none() {
            return Err(("turn.secret", "must be set when turn.urls is".to_owned()));
        }
        Ok(())
    }

    /// What works but is hardly meant.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let Ok(url) = self.public_url(self.listen) else { return warnings };
        if self.public_url.is_none() && !self.listen.ip().is_loopback() {
            warnings.push(format!(
                "public_url isn't set, though other machines can reach {}: links in mails will lead to {url}. Set it to the \
                 address that people type, like https://meet.example",
                self.listen
            ));
        }
        if !url.is_https() && !url.is_loopback() {
            warnings.push(format!(
                "{url} isn't https: browsers give no camera or microphone to such pages, except on this machine"
            ));
        }
        if !self.private.listen.ip().is_loopback() {
            let listen = self.private.listen;
            warnings.push(format!(
                "private.listen = {listen} isn't loopback: whoever can reach it reads the metrics"
            ));
        }
        let on_a_server = self.database.url.as_ref().is_some_and(|url| url.expose().starts_with("postgres"));
        if on_a_server && self.redis.url.is_none() {
            warnings.push("redis isn't set: this must be the only process on its database".to_owned());
        }
        if !self.is_whole() && self.does(Role::Moderation) && self.moderation.evidence.keys.is_none() {
            warnings.push(
                "moderation.evidence.keys isn't set: this must be the only process with the role moderation, for the keys of \
                 evidence are in its data folder"
                    .to_owned(),
            );
        }
        if matches!(self.mail.backend, mail::Kind::Dir) && !self.dev {
            warnings.push(
                "mail.backend = dir: mails are written to files only, nobody is sent a code".to_owned(),
            );
        }
        warnings
    }
}

/// `http://HOST:PORT` and nothing behind it.
fn is_address(url: &str) -> bool {
    let parsed = url.parse::<axum::http::Uri>().ok();
    parsed.is_some_and(|uri| {
        uri.port_u16().is_some() && uri.path() == "/" && !url.ends_with('/') && uri.query().is_none()
    })
}

/// The host of an address as it stands there, IPv6 in brackets.
fn host_of(address: &str) -> String {
    let uri = address.parse::<axum::http::Uri>().ok();
    uri.and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_else(|| "127.0.0.1".to_owned())
}

/// `10.0.0.0/8`, or one address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests;
