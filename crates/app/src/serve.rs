//! `visavis serve`: opens the stores, builds the roles, listens, and ends in order.

use std::{
    io::Write,
    net::{SocketAddr, TcpListener, UdpSocket},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use tokio::signal::unix::{SignalKind, signal};
use visavis_edge::{
    Check, Edge, Parts, Site,
    guard::{
        self,
        tokens::{self, Tokens},
    },
    http,
    ice::Ice,
    private::{self, PrivateDeps},
    serve::serve,
    settings::Limits,
    socket,
    tls::Tls,
};
use visavis_platform::{
    Clock, Db, Dice, Lifecycle,
    db::calls,
    folder::Claim,
    jobs,
    mail::{Kind, Mailer},
    secret::Secret,
    session_log::SessionLog,
    telemetry,
};
use visavis_sfu::udp;

use crate::{
    Failure,
    config::{Config, Hidden, Loaded},
    shared,
    wire::{self, Ground, Roles},
};

/// Between telling pages to come back later and closing: long enough for the word to reach them.
const DRAIN: Duration = Duration::from_millis(500);
/// How long the tasks of the process may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two sweeps of what has expired.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Clocks of two nodes may be so far apart when a token is judged.
const LEEWAY: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or SIGINT.
pub async fn run(loaded: Loaded) -> Result<(), Failure> {
    let Loaded { config, warnings } = loaded;
    let metrics = telemetry::init(&config.log)?;
    let lifecycle = Lifecycle::default();
    telemetry::upkeep(&metrics, &lifecycle);
    let ports = Ports::open(&config)?;
    let site = config.site(ports.public.local_addr()?, ports.private.local_addr()?)?;
    let issuer = site.hosts.public.to_string();
    let claim = Claim::of(&config.data)?;
    let ground = ground(&config, &lifecycle).await?;
    let roles = wire::roles(&ground, &config, &issuer).await?;
    let tls = config.tls_files().map(|files| Tls::load(files, &lifecycle)).transpose()?;
    let (public, hub) = public_router(&config, &ground, &roles, &site, ports.media.local_addr()?.port());
    let outbox = matches!(config.mail.backend, Kind::Dir).then(|| config.data.join("outbox"));
    let render = Arc::new(move || metrics.render());
    let private = private::router(PrivateDeps { metrics: render, outbox, dev: config.dev });

    let lines = banner(&config, &site, &ground, &ports)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    spawn_sweep(&ground);
    start_jobs(&ground);
    spawn_media(ports.media, &ground)?;
    spawn_server(ports.public, public, tls, &site.limits, &lifecycle);
    spawn_server(ports.private, private, None, &site.limits, &lifecycle);
    print(&issuer, &lines)?;

    stop_signal().await?;
    tracing::info!("draining");
    lifecycle.drain.cancel();
    tokio::time::sleep(DRAIN).await;
    roles.node.close_all().await;
    drop(hub);
    if !lifecycle.shut_down(PATIENCE).await {
        tracing::warn!("some tasks did not end in time");
    }
    ground.db.close().await;
    drop(claim);
    Ok(())
}

/// The sockets, all bound before anything is built: a port that is taken ends the start at once.
struct Ports {
    public: TcpListener,
    private: TcpListener,
    media: UdpSocket,
}

impl Ports {
    fn open(config: &Config) -> Result<Self, Failure> {
        let tcp = |key: &'static str, at: SocketAddr| {
            TcpListener::bind(at).map_err(|cause| Failure::Bind { key, at, cause })
        };
        let media = UdpSocket::bind(config.media.listen).or_else(|cause| match config.media.listen {
            // A machine without IPv6: every interface is then every IPv4 one.
            SocketAddr::V6(at) if at.ip().is_unspecified() => UdpSocket::bind(("0.0.0.0", at.port())),
            _ => Err(cause),
        });
        let media =
            media.map_err(|cause| Failure::Bind { key: "media.listen", at: config.media.listen, cause })?;
        Ok(Self {
            public: tcp("listen", config.listen)?,
            private: tcp("private.listen", config.private.listen)?,
            media,
        })
    }
}

async fn ground(config: &Config, lifecycle: &Lifecycle) -> Result<Ground, Failure> {
    let (clock, dice) = (Clock::System, Dice::Secure);
    let secret = Secret::load(config.secret_key.as_ref().map(Hidden::expose), &config.data, &dice)?;
    let db = Db::open(&config.database, &config.data).await?;
    if config.redis.url.is_none() {
        // This process is the only one on its database: what still looks alive died with the one before.
        let dangling = calls::close_dangling(&db, None, clock.now(), "server-lost").await.map_err(failure)?;
        if dangling > 0 {
            tracing::info!(calls = dangling, "calls of the process before were closed");
        }
    }
    let mailer = Mailer::new(&config.mail, &config.data)?;
    let (kv, bus) = shared::open(config, &clock, &dice, lifecycle).await?;
    let log = SessionLog::new(kv.clone(), bus.clone());
    let node = dice.id(&clock);
    Ok(Ground { db, kv, bus, clock, dice, lifecycle: lifecycle.clone(), log, secret, mailer, node })
}

fn failure(error: visavis_platform::db::Error) -> Failure {
    Failure::Fault(error.into())
}

fn public_router(
    config: &Config,
    ground: &Ground,
    roles: &Roles,
    site: &Site,
    media_port: u16,
) -> (Router, socket::Hub) {
    let issuer = site.hosts.public.to_string();
    let checker = tokens::Settings { issuer: issuer.clone(), audience: issuer, leeway: LEEWAY };
    let tokens =
        Tokens::new(Arc::clone(&roles.auth), ground.clock.clone(), checker, &ground.bus, &ground.lifecycle);
    let host = site.hosts.public.host();
    let ice = Ice::new(&host, media_port, config.turn(), ground.clock.clone(), ground.dice.clone());
    let (layer, hub) = socket::layer(socket::Deps {
        users: Arc::clone(&roles.users),
        matchmaking: Arc::clone(&roles.matchmaking),
        rooms: Arc::clone(&roles.rooms),
        tokens: tokens.clone(),
        kv: ground.kv.clone(),
        log: ground.log.clone(),
        bus: ground.bus.clone(),
        clock: ground.clock.clone(),
        dice: ground.dice.clone(),
        lifecycle: ground.lifecycle.clone(),
        ice: Arc::new(move |_| ice.servers()),
        seat_grace_s: config.rooms.seat_grace_s,
        settings: config.signalling.clone(),
    });
    let edge = Edge::new(Parts {
        auth: Arc::clone(&roles.auth),
        users: Arc::clone(&roles.users),
        friends: Arc::clone(&roles.friends),
        moderation: Arc::clone(&roles.moderation),
        kv: ground.kv.clone(),
        clock: ground.clock.clone(),
        dice: ground.dice.clone(),
        lifecycle: ground.lifecycle.clone(),
        tokens,
        site: site.clone(),
        checks: checks(ground),
    });
    (guard::wrap(http::routes(edge.clone()).layer(layer), edge), hub)
}

/// What `/readyz` asks.
fn checks(ground: &Ground) -> Vec<(&'static str, Check)> {
    let (db, kv) = (ground.db.clone(), ground.kv.clone());
    let database: Check = Arc::new(move || {
        let db = db.clone();
        Box::pin(async move { db.ping().await.map_err(Into::into) })
    });
    let store: Check = Arc::new(move || {
        let kv = kv.clone();
        Box::pin(async move { kv.ping().await })
    });
    vec![("database", database), ("kv", store)]
}

/// The lines an operator sees at the start: what is on, where mail goes, what is where.
fn banner(config: &Config, site: &Site, ground: &Ground, ports: &Ports) -> Result<Vec<String>, Failure> {
    let mut lines = vec![
        "  roles     all in this process".to_owned(),
        format!("  data      {}", config.data.display()),
        format!("  mail      {}", ground.mailer.describe()),
        format!("  private   http://{} (metrics{})", ports.private.local_addr()?, dev(site)),
        format!("  media     udp {} (STUN)", ports.media.local_addr()?),
        format!("  calls     directly between browsers{}", turn(config)),
    ];
    if config.dev {
        lines.push("  mode      --dev: for this machine only".to_owned());
    }
    Ok(lines)
}

fn dev(site: &Site) -> String {
    site.dev_outbox.as_ref().map_or_else(String::new, |url| format!(", mails at {url}"))
}

fn turn(config: &Config) -> String {
    config
        .turn()
        .map_or_else(|| ", no TURN server".to_owned(), |turn| format!(", TURN at {}", turn.urls.join(", ")))
}

fn print(issuer: &str, lines: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {issuer}")?;
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}

fn spawn_server(
    listener: TcpListener,
    router: Router,
    tls: Option<Tls>,
    limits: &Limits,
    lifecycle: &Lifecycle,
) {
    let (limits, inner) = (limits.clone(), lifecycle.clone());
    lifecycle.spawn("listener", async move {
        if let Err(error) = serve(listener, router, tls, &limits, inner.clone()).await {
            tracing::error!(%error, "a listener has failed");
            inner.drain.cancel();
        }
    });
}

fn spawn_media(socket: UdpSocket, ground: &Ground) -> Result<(), Failure> {
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    let (clock, lifecycle) = (ground.clock.clone(), ground.lifecycle.clone());
    ground.lifecycle.spawn("media-port", async move {
        if let Err(error) = udp::serve(socket, clock, &lifecycle).await {
            tracing::error!(%error, "the media port has failed");
        }
    });
    Ok(())
}

fn spawn_sweep(ground: &Ground) {
    let (db, clock) = (ground.db.clone(), ground.clock.clone());
    ground.lifecycle.spawn("sweep", async move {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            // Each sweep is bounded; go on while there is something left.
            while matches!(db.sweep(clock.now()).await, Ok(true)) {}
        }
    });
}

/// Carries out what requests have left to be done.
fn start_jobs(ground: &Ground) {
    let deps = jobs::Deps {
        db: ground.db.clone(),
        bus: ground.bus.clone(),
        clock: ground.clock.clone(),
        dice: ground.dice.clone(),
        lifecycle: ground.lifecycle.clone(),
    };
    let mails = ground.mailer.effect(ground.secret.clone());
    jobs::Worker::new(deps, jobs::Kind::Mail, mails).start();
}

async fn stop_signal() -> Result<(), Failure> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}
