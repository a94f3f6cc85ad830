//! `visavis serve`: opens the stores, builds the roles, listens, and ends in order.

use std::{
    io::Write,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use tokio::{
    net::TcpSocket,
    signal::unix::{Signal, SignalKind, signal},
};
use visavis_domain::{Fault, contract::node::Record, strangers::Transport};
use visavis_edge::{
    Edge, Parts, Site,
    guard::{
        self,
        tokens::{self, Tokens},
    },
    health::{Check, Checks},
    http,
    ice::Ice,
    private::{self, PrivateDeps},
    proxy,
    serve::{Front, serve},
    settings::Limits,
    socket::{self, Hub, SocketIoLayer},
    tls::Tls,
    watching::Watching,
};
use visavis_platform::{
    Clock, Db, Dice, Lifecycle, Nodes, Places, Rpc,
    db::retention::Retention,
    folder::Claim,
    jobs,
    mail::{Kind, Mailer},
    rpc::{self, tls::Mutual},
    session_log::SessionLog,
    telemetry,
};
use visavis_sfu::media::Reach;
use visavis_workers::{models::Models, rules};

use crate::{
    Failure,
    config::{Config, Loaded, Role},
    descriptors, media, shared, undertaker,
    wire::{self, Ground, Roles},
};

/// Newcomers that wait to be accepted, where the port is shared (as many as the standard library lets wait).
const BACKLOG: u32 = 4_096;
/// Between telling pages to come back later and closing: long enough for the word to reach them.
const DRAIN: Duration = Duration::from_millis(500);
/// How long the tasks of the process may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// A file would become larger than this process may make one (signal(7)).
const XFSZ: i32 = 25;

/// Between two sweeps of what has expired.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Clocks of two nodes may be so far apart when a token is judged.
const LEEWAY: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or SIGINT, or until a part of it has failed that the others need.
pub async fn run(loaded: Loaded) -> Result<(), Failure> {
    let Loaded { config, warnings, .. } = loaded;
    check_rules(&config)?;
    // Heard from the first moment: who is told to end while it starts ends in order as well.
    let stop = StopSignal::listen()?;
    let metrics = telemetry::init(&config.log)?;
    let lifecycle = Lifecycle::default();
    telemetry::upkeep(&metrics, &lifecycle);
    let mut ports = Ports::open(&config)?;
    let private_at = ports.private.local_addr()?;
    let public_at = ports.public.as_ref().map_or(Ok(config.listen), TcpListener::local_addr)?;
    let mut site = config.site(public_at, private_at)?;
    let is_public = !site.hosts.public.is_loopback();
    descriptors::make_room(&mut site.limits, is_public);
    let issuer = site.hosts.public.to_string();
    let claim = Claim::of(&config.data)?;
    let mutual = config.rpc_tls().map(|files| Mutual::load(files, &lifecycle)).transpose()?;
    let me = record(&config, &site, &ports)?;
    let ground = ground(&config, &lifecycle, me, mutual.clone()).await?;
    let reach = media::reach(&config, public_at);
    let lines = banner(&config, &site, &ground, &ports, &reach)?;
    let forwards = (std::mem::take(&mut ports.media), reach);
    let warnings = warnings.into_iter().chain(media::warning(&config, &forwards.1, public_at));
    let roles = wire::roles(&ground, &config, &issuer, forwards).await?;
    let tls = config.tls_files().map(|files| Tls::load(files, &lifecycle)).transpose()?;
    let fronts = Fronts::build(&config, &ground, &roles, &site);
    let writes_mail = matches!(config.mail.backend, Kind::Dir) && config.does(Role::Auth);
    let outbox = writes_mail.then(|| config.data.join("outbox"));
    let private = private::router(PrivateDeps {
        metrics: Arc::new(move || metrics.render()),
        rpc: ground.rpc.clone(),
        checks: fronts.checks.clone(),
        watching: fronts.watching.clone(),
        lifecycle: lifecycle.clone(),
        outbox,
        dev: config.dev,
    });

    for warning in warnings {
        tracing::warn!("{warning}");
    }
    spawn_sweep(&ground, config.retention.clone());
    start_jobs(&ground);
    if let (Some(listener), Some(public)) = (ports.public, fronts.public) {
        spawn_server(listener, public, Front::Public(tls), &site.limits, &lifecycle);
    }
    // Other nodes are answered to the end: they may hold the other end of what is just being finished.
    let mut to_the_end = lifecycle.clone();
    to_the_end.drain = lifecycle.stop.clone();
    let private = match fronts.sockets {
        Some(sockets) => proxy::admit(private.layer(sockets), ground.rpc.clone()),
        None => private,
    };
    spawn_server(ports.private, private, Front::Private(mutual), &site.limits, &to_the_end);
    join_the_others(&config, &ground, &roles, fronts.hub.clone()).await;
    print(&config, &issuer, &lines)?;

    let ended = tokio::select! {
        () = stop.came() => Ok(()),
        () = lifecycle.failed() => Err(Failure::Broken),
    };
    tracing::info!("draining");
    lifecycle.drain.cancel();
    tokio::time::sleep(DRAIN).await;
    if let Some(node) = &roles.node {
        node.close_all().await;
    }
    if let Some(hub) = &fronts.hub {
        hub.close().await;
    }
    if !lifecycle.shut_down(PATIENCE).await {
        tracing::warn!("some tasks did not end in time");
    }
    if let Some(db) = &ground.db {
        db.close().await;
    }
    drop(claim);
    ended
}

/// Said here, where it can be said which file and why.
fn check_rules(config: &Config) -> Result<(), Failure> {
    if config.watch.on && config.does(Role::Rooms) {
        rules::load(config.watch.rules.as_deref())?;
    }
    Ok(())
}

/// The sockets, all bound before anything is built: a port that is taken ends the start at once.
struct Ports {
    public: Option<TcpListener>,
    private: TcpListener,
    media: Vec<visavis_sfu::media::Ports>,
}

impl Ports {
    fn open(config: &Config) -> Result<Self, Failure> {
        let public = config.does(Role::Gateway).then(|| listener("listen", config.listen, config.share_port));
        let media = if config.does(Role::Rooms) { media::open(config)? } else { Vec::new() };
        Ok(Self {
            public: public.transpose()?,
            private: listener("private.listen", config.private.listen, false)?,
            media,
        })
    }
}

pub(crate) fn listener(key: &'static str, at: SocketAddr, share: bool) -> Result<TcpListener, Failure> {
    let failed = |cause| Failure::Bind { key, at, cause };
    if !share {
        return TcpListener::bind(at).map_err(failed);
    }
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    let bound = socket.set_reuseaddr(true).and_then(|()| socket.set_reuseport(true));
    bound.and_then(|()| socket.bind(at)).map_err(failed)?;
    socket.listen(BACKLOG).and_then(tokio::net::TcpListener::into_std).map_err(failed)
}

/// What others are told of this process.
fn record(config: &Config, site: &Site, ports: &Ports) -> Result<Record, Failure> {
    let private = ports.private.local_addr()?;
    let media = match ports.media.first() {
        Some(first) => config.media_addresses(site, private, first.udp.local_addr()?.port()),
        None => Vec::new(),
    };
    Ok(Record {
        id: Dice::Secure.id(&Clock::System),
        roles: config.own_roles().iter().map(|role| role.name().to_owned()).collect(),
        address: config.address(private),
        media,
        load: 0,
        open: false,
    })
}

async fn ground(
    config: &Config,
    lifecycle: &Lifecycle,
    me: Record,
    tls: Option<Mutual>,
) -> Result<Ground, Failure> {
    let (clock, dice, lifecycle) = (Clock::System, Dice::Secure, lifecycle.clone());
    let secret = shared::secret(config)?;
    let db =
        if config.needs_database() { Some(Db::open(&config.database, &config.data).await?) } else { None };
    if let Some(db) = &db {
        shared::belong(db, &secret).await?;
    }
    let mailer = config.does(Role::Auth).then(|| Mailer::new(&config.mail, &config.data));
    let (kv, bus) = shared::open(config, &clock, &dice, &lifecycle).await?;
    let log = SessionLog::new(kv.clone(), bus.clone());
    let nodes = Nodes::new(clock.clone(), me, !config.peers.is_empty());
    let places = Places::new(kv.clone());
    let rpc = Rpc::new(rpc::Deps {
        secret: secret.clone(),
        nodes: nodes.clone(),
        places: places.clone(),
        clock: clock.clone(),
        dice: dice.clone(),
        lifecycle: lifecycle.clone(),
        tls,
    });
    let mailer = mailer.transpose()?;
    Ok(Ground { db, kv, bus, clock, dice, lifecycle, log, secret, mailer, nodes, places, rpc })
}

/// Finds the others and is found by them, from now on; and looks after those who die.
async fn join_the_others(config: &Config, ground: &Ground, roles: &Roles, hub: Option<Hub>) {
    if config.peers.is_empty() {
        let (node, sockets) = (roles.node.clone(), hub.clone());
        let load =
            move || node.as_ref().map_or(0, |node| node.load()) + sockets.as_ref().map_or(0, Hub::load);
        let (kv, bus) = (ground.kv.clone(), ground.bus.clone());
        ground.nodes.register(kv, bus, Arc::new(load), &ground.lifecycle).await;
    } else {
        ground.rpc.watch(config.peers.clone()).await;
    }
    undertaker::start(ground, hub);
    let rpc = ground.rpc.clone();
    let needed: Vec<_> = config.needed_roles().iter().map(|role| role.name()).collect();
    ground.lifecycle.spawn("node-open", async move { rpc.open_with(&needed).await });
}

/// What the two listeners serve.
struct Fronts {
    public: Option<Router>,
    /// Signalling, for clients that other nodes pass on.
    sockets: Option<SocketIoLayer>,
    hub: Option<Hub>,
    checks: Checks,
    watching: Watching,
}

impl Fronts {
    fn build(config: &Config, ground: &Ground, roles: &Roles, site: &Site) -> Self {
        let checks = checks(config, ground);
        let asks = [Role::Gateway, Role::Signalling, Role::Sight].into_iter().any(|role| config.does(role));
        let tells = config.watch.on && asks;
        let watching = if tells {
            let nodes = ground.nodes.clone();
            let there = Box::new(move || nodes.has(Role::Sight.name()));
            Watching::keep(Arc::clone(&roles.sight), there, config.strangers.moves(), &ground.lifecycle)
        } else {
            Watching::default()
        };
        if !config.does(Role::Gateway) && !config.does(Role::Signalling) {
            return Self { public: None, sockets: None, hub: None, checks, watching };
        }
        let issuer = site.hosts.public.to_string();
        let checker = tokens::Settings { issuer: issuer.clone(), audience: issuer, leeway: LEEWAY };
        let (auth, clock) = (Arc::clone(&roles.auth), ground.clock.clone());
        let tokens = Tokens::new(auth, clock, checker, &ground.bus, &ground.lifecycle);
        let signalling = config
            .does(Role::Signalling)
            .then(|| socket::layer(signalling(config, ground, roles, tokens.clone(), watching.clone())));
        let (sockets, hub) = signalling.unzip();
        let public = config.does(Role::Gateway).then(|| {
            let told = (Arc::clone(&checks), watching.clone());
            let edge = edge(ground, roles, site, tokens, told);
            let routes = http::routes(edge.clone());
            let routes = match &sockets {
                Some(sockets) => routes.layer(sockets.clone()),
                None => routes.merge(proxy::routes(ground.rpc.clone(), ground.lifecycle.clone())),
            };
            guard::wrap(routes, edge)
        });
        Self { public, sockets, hub, checks, watching }
    }
}

fn signalling(
    config: &Config,
    ground: &Ground,
    roles: &Roles,
    tokens: Tokens,
    watching: Watching,
) -> socket::Deps {
    let nodes = ground.nodes.clone();
    let media = move || {
        let view = nodes.view();
        view.serving(Role::Rooms.name()).iter().flat_map(|node| node.media.clone()).collect()
    };
    let ice = Ice::new(Arc::new(media), config.turn(), ground.clock.clone(), ground.dice.clone());
    socket::Deps {
        users: Arc::clone(&roles.users),
        friends: Arc::clone(&roles.friends),
        matchmaking: Arc::clone(&roles.matchmaking),
        rooms: Arc::clone(&roles.rooms),
        moderation: Arc::clone(&roles.moderation),
        tokens,
        kv: ground.kv.clone(),
        log: ground.log.clone(),
        bus: ground.bus.clone(),
        clock: ground.clock.clone(),
        dice: ground.dice.clone(),
        node: ground.nodes.id(),
        lifecycle: ground.lifecycle.clone(),
        ice: Arc::new(move |path| ice.servers(path)),
        watching,
        seat_grace_s: config.rooms.seat_grace_s,
        settings: config.signalling.clone(),
    }
}

fn edge(
    ground: &Ground,
    roles: &Roles,
    site: &Site,
    tokens: Tokens,
    (checks, watching): (Checks, Watching),
) -> Edge {
    Edge::new(Parts {
        auth: Arc::clone(&roles.auth),
        users: Arc::clone(&roles.users),
        friends: Arc::clone(&roles.friends),
        moderation: Arc::clone(&roles.moderation),
        analytics: Arc::clone(&roles.analytics),
        rooms: Arc::clone(&roles.rooms),
        kv: ground.kv.clone(),
        clock: ground.clock.clone(),
        dice: ground.dice.clone(),
        lifecycle: ground.lifecycle.clone(),
        tokens,
        site: site.clone(),
        studio: visavis_edge::picture::Studio::default(),
        checks,
        watching,
    })
}

/// What `/readyz` asks: the stores, and for every role that is needed whether somebody of it answers.
fn checks(config: &Config, ground: &Ground) -> Checks {
    let kv = ground.kv.clone();
    let store: Check = Arc::new(move || {
        let kv = kv.clone();
        Box::pin(async move { kv.ping().await })
    });
    let database = ground.db.clone().map(|db| -> (&'static str, Check) {
        let ping: Check = Arc::new(move || {
            let db = db.clone();
            Box::pin(async move { db.ping().await.map_err(Into::into) })
        });
        ("database", ping)
    });
    let needed = config.needed_roles().into_iter().map(|role| -> (&'static str, Check) {
        let rpc = ground.rpc.clone();
        let there: Check = Arc::new(move || {
            let rpc = rpc.clone();
            Box::pin(
                async move { rpc.reaches(role.name()).await.then_some(()).ok_or_else(Fault::unavailable) },
            )
        });
        (role.name(), there)
    });
    std::iter::once(("kv", store)).chain(database).chain(needed).collect()
}

/// The lines an operator sees at the start: what is on, where mail goes, what is where.
fn banner(
    config: &Config,
    site: &Site,
    ground: &Ground,
    ports: &Ports,
    reach: &Reach,
) -> Result<Vec<String>, Failure> {
    let roles: Vec<_> = config.own_roles().iter().map(|role| role.name()).collect();
    let roles = if config.is_whole() { "all in this process".to_owned() } else { roles.join(", ") };
    let mut lines = vec![format!("  roles     {roles}"), format!("  data      {}", config.data.display())];
    lines.extend(ground.mailer.as_ref().map(|mailer| format!("  mail      {}", mailer.describe())));
    lines.push(format!("  private   http://{} (metrics{})", ports.private.local_addr()?, dev(site)));
    if let Some((first, others)) = ports.media.split_first() {
        let mut more = String::new();
        for other in others {
            more = format!("{more}, {}", other.udp.local_addr()?.port());
        }
        let told: Vec<String> = reach.advertised.iter().map(ToString::to_string).collect();
        lines.push(format!(
            "  media     udp and tcp {}{more}, told as {}",
            first.udp.local_addr()?,
            told.join(", ")
        ));
    }
    if config.does(Role::Signalling) {
        let way = match config.strangers.transport {
            Transport::Auto => "of strangers over this server until both are proven, then directly",
            Transport::P2p => "of strangers directly between browsers",
            Transport::Sfu => "of strangers over this server",
        };
        lines.push(format!("  calls     {way}{}; groups over this server", turn(config)));
    }
    if config.does(Role::Sight) || config.does(Role::Rooms) {
        lines.push(format!("  watching  {}", watching(config)));
    }
    if config.dev {
        lines.push("  mode      --dev: for this machine only".to_owned());
    }
    Ok(lines)
}

/// What is looked at, as far as it is known before the models are loaded.
fn watching(config: &Config) -> String {
    let watch = &config.watch;
    if !watch.on {
        return "off (watch.on): nothing is noticed but what people report".to_owned();
    }
    if !config.does(Role::Sight) {
        return "calls over this server, by processes with the role sight".to_owned();
    }
    match Models::open(&watch.models) {
        Ok(_) => format!("calls over this server, with the models in {}", watch.models.display()),
        Err(_) => format!("OFF: no models in {} (cargo xtask models fetches them)", watch.models.display()),
    }
}

fn dev(site: &Site) -> String {
    site.dev_outbox.as_ref().map_or_else(String::new, |url| format!(", mails at {url}"))
}

fn turn(config: &Config) -> String {
    config
        .turn()
        .map_or_else(|| ", no TURN server".to_owned(), |turn| format!(", TURN at {}", turn.urls.join(", ")))
}

fn print(config: &Config, issuer: &str, lines: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if config.does(Role::Gateway) {
        writeln!(out, "listening on {issuer}")?;
    } else {
        writeln!(out, "running for {issuer}")?;
    }
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}

fn spawn_server(listener: TcpListener, router: Router, front: Front, limits: &Limits, lifecycle: &Lifecycle) {
    let (limits, inner) = (limits.clone(), lifecycle.clone());
    lifecycle.keep("listener", async move {
        if let Err(error) = serve(listener, router, front, &limits, inner.clone()).await {
            tracing::error!(%error, "a listener has failed");
            inner.fail("nobody can reach this process any more");
        }
    });
}

fn spawn_sweep(ground: &Ground, retention: Retention) {
    let (Some(db), clock) = (ground.db.clone(), ground.clock.clone()) else { return };
    ground.lifecycle.keep("sweep", async move {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            // Each sweep is bounded; go on while there is something left.
            while matches!(db.sweep(clock.now(), &retention).await, Ok(true)) {}
        }
    });
}

/// Carries out what requests have left to be done.
/// Mails are sent by whoever signs people in: that process has the mail server.
fn start_jobs(ground: &Ground) {
    let (Some(mailer), Some(db)) = (&ground.mailer, &ground.db) else { return };
    let deps = jobs::Deps {
        db: db.clone(),
        bus: ground.bus.clone(),
        clock: ground.clock.clone(),
        dice: ground.dice.clone(),
        lifecycle: ground.lifecycle.clone(),
    };
    let mails = mailer.effect(ground.secret.clone());
    let forgetting = mailer.forgetting(ground.secret.clone(), db.clone(), ground.kv.clone());
    jobs::Worker::new(deps.clone(), jobs::Kind::Mail, mails).start();
    jobs::Worker::new(deps, jobs::Kind::Forget, forgetting).start();
}

struct StopSignal {
    term: Signal,
    int: Signal,
}

impl StopSignal {
    fn listen() -> Result<Self, Failure> {
        // A limit of the size of files is an error like a full disk, not an end.
        drop(signal(SignalKind::from_raw(XFSZ))?);
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn came(mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
