//! Settings from every source, the words of refusals, the committed example.

use std::{env, fs, io::Write as _, path::Path};

use super::*;
use crate::cli::Flags;

fn flags() -> Flags {
    Flags::default()
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn of_env(pairs: &[(&str, &str)]) -> Result<Config, String> {
    load(&flags(), env(pairs)).map(|loaded| loaded.config).map_err(|error| error.to_string())
}

fn of_file(text: &str) -> Result<Config, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let flags = Flags { config: Some(file.path().to_owned()), ..flags() };
    load(&flags, []).map(|loaded| loaded.config).map_err(|error| error.to_string())
}

#[test]
fn nothing_set_is_a_working_place_on_this_machine() {
    let config = of_env(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.private.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.media.listen.to_string(), "[::]:7882");
    let site = config.site(config.listen, config.private.listen).unwrap();
    assert_eq!(site.hosts.public.to_string(), "http://127.0.0.1:8080");
    assert_eq!(site.dev_outbox, None);
    assert_eq!(config.strangers.trust_floor, 75);
    assert_eq!(config.roles, [Role::All]);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "listen = '127.0.0.1:1'\ndata = '/file'\n[limits]\njson_bytes = 4096\nrequest_ms = 500\n")
        .unwrap();
    let flags =
        Flags { config: Some(file.path().to_owned()), listen: Some("127.0.0.1:3".to_owned()), ..flags() };
    let env =
        env(&[("VISAVIS_LISTEN", "127.0.0.1:2"), ("visavis_limits__Request_Ms", "700"), ("OTHER", "x")]);
    let config = load(&flags, env).unwrap().config;
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.data, Path::new("/file"));
    assert_eq!((config.limits.json_bytes, config.limits.request_ms), (4096, 700));
}

#[test]
fn a_text_of_the_environment_becomes_what_its_key_wants() {
    let config = of_env(&[
        ("VISAVIS_TURN__SECRET", "123"),
        ("VISAVIS_TURN__URLS", "turn:a:1, turn:b:2"),
        ("VISAVIS_EXTRA_HOSTS", "[\"a.example\"]"),
        ("VISAVIS_TRUSTED_PROXIES", "10.0.0.0/8,127.0.0.1"),
        ("VISAVIS_MEDIA__PUBLIC_IP", "203.0.113.7"),
        ("VISAVIS_STRANGERS__TRUSTFLOOR", "80"),
        ("VISAVIS_STRANGERS__TRANSPORT", "sfu"),
        ("VISAVIS_LIMITS__AUTH_PER_IP__BURST", "100000"),
        ("VISAVIS_DATABASE", "sqlite:///tmp/x.db"),
        ("VISAVIS_REDIS", "redis://:secret@127.0.0.1:6379"),
        ("VISAVIS_REDIS__TIMEOUT_MS", "250"),
        ("VISAVIS_LOG__FORMAT", "json"),
    ])
    .unwrap();
    assert_eq!(config.turn().unwrap().secret, "123");
    assert_eq!(config.turn.urls, ["turn:a:1", "turn:b:2"]);
    assert_eq!(config.extra_hosts, ["a.example"]);
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.strangers.trust_floor, 80);
    assert_eq!(config.strangers.transport, strangers::Transport::Sfu);
    assert_eq!((config.limits.auth_per_ip.burst, config.limits.auth_per_ip.per_min), (100_000, 30));
    let address = |url: Option<&Hidden>| url.map(|url| url.expose().to_owned());
    assert_eq!(address(config.database.url.as_ref()).as_deref(), Some("sqlite:///tmp/x.db"));
    assert_eq!(address(config.redis.url.as_ref()).as_deref(), Some("redis://:secret@127.0.0.1:6379"));
    assert_eq!((config.redis.timeout_ms, config.redis.prefix.as_str()), (250, "visavis:"));
    assert_eq!(of_file("[strangers]\ntrustFloor = 60").unwrap().strangers.trust_floor, 60);
}

#[test]
fn a_wrong_setting_names_its_key_its_value_its_source_and_what_would_be_right() {
    let refused = |name: &str, value: &str| of_env(&[(name, value)]).unwrap_err();
    assert_eq!(
        refused("VISAVIS_LISTEN", "nowhere"),
        "listen = \"nowhere\" (environment variable VISAVIS_LISTEN): must be an address with a port, like \
         127.0.0.1:8080 or [::]:8080"
    );
    assert_eq!(
        refused("VISAVIS_STRANGERS__TRANSPORT", "pigeon"),
        "strangers.transport = \"pigeon\" (environment variable VISAVIS_STRANGERS__TRANSPORT): unknown variant \
         `pigeon`, expected one of `auto`, `p2p`, `sfu`"
    );
    for (name, value, key, right) in [
        ("VISAVIS_LIMITS__JSON_BYTES", "many", "limits.json_bytes", "must be a whole number"),
        ("VISAVIS_LIMITS__JSON_BYTES", "5", "limits.json_bytes", "must be from 1024 to 1048576"),
        ("VISAVIS_LIMITS__JSON_BYTES", "-5", "limits.json_bytes", "must be from 1024 to 1048576"),
        ("VISAVIS_LIMITS__AUTH_PER_IP__BURST", "0", "limits.auth_per_ip.burst", "must be from 1 to"),
        ("VISAVIS_STRANGERS__TRUST_FLOOR", "101", "strangers.trust_floor", "must be from 0 to 100"),
        ("VISAVIS_PUBLIC_URL", "meet.example", "public_url", "must be like https://meet.example"),
        ("VISAVIS_EXTRA_HOSTS", "a b", "extra_hosts", "must be a host name"),
        ("VISAVIS_TRUSTED_PROXIES", "10.0.0.0/40", "trusted_proxies", "an address or a network"),
        ("VISAVIS_MEDIA__PUBLIC_IP", "203.0.113.7,x", "media.public_ip[1]", "invalid IP address syntax"),
        ("VISAVIS_ROLES", "gatewy", "roles[0]", "expected one of `all`, `gateway`"),
        ("VISAVIS_ROLES", "gateway,users", "redis.url", "processes meet there"),
        ("VISAVIS_PEERS", "http://10.0.0.7", "peers", "each must be like http://10.0.0.7:8081"),
        ("VISAVIS_RPC__ADVERTISE", "https://a:1", "rpc.advertise", "must be like http://"),
        ("VISAVIS_RPC__ADVERTISE", "http://a:1/x", "rpc.advertise", "must be like http://"),
        ("VISAVIS_RPC__TLS__CA", "/ca.pem", "rpc.tls.cert", "must be set when another of rpc.tls is"),
        ("VISAVIS_ROLES", "", "roles", "must name at least one"),
        ("VISAVIS_TLS__CERT", "/x.pem", "tls.key", "must be set when tls.cert is"),
        ("VISAVIS_TURN__URLS", "stun:a", "turn.urls", "must begin with turn:"),
        ("VISAVIS_TURN__URLS", "turn:a", "turn.secret", "must be set when turn.urls is"),
        (
            "VISAVIS_LIMITS__JSON_BYTE",
            "5",
            "limits.json_byte",
            "is not a setting; in limits are: auth_per_ip,",
        ),
        (
            "VISAVIS_LIMIT__JSON_BYTES",
            "5",
            "limit.json_bytes",
            "is not a setting; there are: age, auth, data,",
        ),
    ] {
        let error = refused(name, value);
        assert!(error.starts_with(key) && error.contains(right), "{name}={value}: {error}");
    }
}

#[test]
fn a_wrong_file_is_told_with_its_line_or_key() {
    let broken = of_file("listen = '127.0.0.1:1'\n[mail\n").unwrap_err();
    assert!(broken.contains("line 2 is not TOML"), "{broken}");
    let unknown = of_file("[mail]\nfromm = 'x'\n").unwrap_err();
    assert!(
        unknown.starts_with("mail.fromm (") && unknown.contains("in mail are: backend, from"),
        "{unknown}"
    );
    let kind = of_file("[limits]\njson_bytes = '4096'\n").unwrap_err();
    assert!(kind.starts_with("limits.json_bytes = \"4096\" ("), "{kind}");
    let table = of_file("limits = 5\n").unwrap_err();
    assert!(table.starts_with("limits = 5 (") && table.contains("must be a table"), "{table}");
    let flags = Flags { config: Some("/no/such/file".into()), ..flags() };
    assert!(load(&flags, []).unwrap_err().to_string().starts_with("/no/such/file: can't be read"));
}

#[test]
fn a_secret_is_never_printed() {
    let config = of_env(&[
        ("VISAVIS_SECRET_KEY", "topsecret"),
        ("VISAVIS_TURN__SECRET", "topsecret"),
        ("VISAVIS_DATABASE", "postgres://u:topsecret@h/d"),
        ("VISAVIS_REDIS", "redis://:topsecret@h"),
    ])
    .unwrap();
    assert_eq!(config.secret_key.as_ref().unwrap().expose(), "topsecret");
    let printed = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
    assert!(!printed.contains("topsecret") && printed.contains(HIDDEN), "{printed}");
    for text in [
        "secret_key = ['topsecret']",
        "secret_key = {a = 'topsecret'}",
        "turn.secret = ['topsecret']",
        "mail.smtp.password = ['topsecret']",
        "redis = ['topsecret']",
        "redis.url = ['topsecret']",
        "database.url = ['topsecret']",
        "database = ['topsecret']",
        "redis.url = ['topsecret']",
        "redis = ['topsecret']",
        "secret_key = 'topsecret",
    ] {
        let error = of_file(text).unwrap_err();
        assert!(!error.contains("topsecret"), "{text}: {error}");
    }
}

#[test]
fn a_process_with_some_roles_needs_what_all_of_them_must_share() {
    let mut given = vec![("VISAVIS_ROLES", "auth, users")];
    for (key, value) in [
        ("VISAVIS_REDIS", "redis://h"),
        ("VISAVIS_SECRET_KEY", "x"),
        ("VISAVIS_PUBLIC_URL", "https://meet.example"),
    ] {
        assert!(of_env(&given).is_err(), "without {key}");
        given.push((key, value));
    }
    let config = of_env(&given).unwrap();
    assert_eq!(config.own_roles(), [Role::Auth, Role::Users]);
    assert!(of_env(&[&given[..], &[("VISAVIS_PRIVATE__LISTEN", "0.0.0.0:81")]].concat()).is_err());
    let at = "10.0.0.7:81".parse().unwrap();
    assert_eq!(config.address(at), "http://10.0.0.7:81");
    let site = config.site(at, at).unwrap();
    assert_eq!(config.media_addresses(&site, at, 7882), ["10.0.0.7:7882"]);
    let whole = of_env(&[("VISAVIS_PUBLIC_URL", "https://meet.example")]).unwrap();
    assert_eq!(whole.media_addresses(&whole.site(at, at).unwrap(), at, 7882), ["meet.example:7882"]);
    let behind = of_env(&[("VISAVIS_MEDIA__PUBLIC_IP", "203.0.113.7,2001:db8::1")]).unwrap();
    let site = behind.site(at, at).unwrap();
    assert_eq!(behind.media_addresses(&site, at, 5), ["203.0.113.7:5", "[2001:db8::1]:5"]);
}

#[test]
fn port_zero_makes_the_other_ports_free_ones_too_unless_they_are_set() {
    let config =
        of_env(&[("VISAVIS_LISTEN", "127.0.0.1:0"), ("VISAVIS_PRIVATE__LISTEN", "127.0.0.1:9")]).unwrap();
    assert_eq!(config.private.listen.to_string(), "127.0.0.1:9");
    assert_eq!(config.media.listen.to_string(), "[::]:0");
}

#[test]
fn dev_is_for_this_machine_alone() {
    let dev = Flags { dev: true, ..flags() };
    let config = load(&dev, []).unwrap().config;
    let site = config.site(config.listen, "127.0.0.1:4711".parse().unwrap()).unwrap();
    assert_eq!(site.dev_outbox.as_deref(), Some("http://127.0.0.1:4711/dev/outbox"));
    for (name, value) in [
        ("VISAVIS_PUBLIC_URL", "https://meet.example"),
        ("VISAVIS_LISTEN", "0.0.0.0:8080"),
        ("VISAVIS_LISTEN", "192.168.0.1:8080"),
    ] {
        let error = load(&dev, env(&[(name, value)])).unwrap_err().to_string();
        assert!(error.contains("with --dev") && error.contains(value), "{error}");
    }
}

#[test]
fn what_is_hardly_meant_is_warned_of() {
    let warnings = |pairs: &[(&str, &str)]| load(&flags(), env(pairs)).unwrap().warnings.join("\n");
    assert!(warnings(&[]).contains("mails are written to files only"));
    let open = warnings(&[("VISAVIS_LISTEN", "0.0.0.0:80"), ("VISAVIS_PRIVATE__LISTEN", "0.0.0.0:81")]);
    for words in ["public_url isn't set", "reach 0.0.0.0:80:", "isn't https", "private.listen = 0.0.0.0:81"] {
        assert!(open.contains(words), "{open}");
    }
    let alone = warnings(&[("VISAVIS_DATABASE", "postgres://u:secret@h/d")]);
    assert!(alone.contains("the only process on its database") && !alone.contains("secret"), "{alone}");
    let apart = [
        ("VISAVIS_ROLES", "moderation"),
        ("VISAVIS_REDIS", "redis://h"),
        ("VISAVIS_SECRET_KEY", "x"),
        ("VISAVIS_PUBLIC_URL", "https://meet.example"),
    ];
    assert!(warnings(&apart).contains("moderation.evidence.keys isn't set"), "{}", warnings(&apart));
    let shared = [&apart[..], &[("VISAVIS_MODERATION__EVIDENCE__KEYS", "/keys")]].concat();
    assert!(!warnings(&shared).contains("evidence.keys"));
    let good = warnings(&[("VISAVIS_PUBLIC_URL", "https://meet.example"), ("VISAVIS_MAIL__BACKEND", "smtp")]);
    assert_eq!(good, "");
}

#[test]
fn variables_of_a_container_beside_us_are_not_settings() {
    assert!(
        of_env(&[("VISAVIS_PORT", "tcp://10.0.0.1:80"), ("VISAVIS_PORT_80_TCP_ADDR", "10.0.0.1")]).is_ok()
    );
    let ours =
        [("VISAVIS_SERVICE_HOST", "10.0.0.1"), ("VISAVIS_BLESS", "1"), ("VISAVIS_TEST_REDIS", "redis://x")];
    assert!(of_env(&ours).is_ok());
}

#[test]
fn the_example_says_every_key_and_means_the_defaults_when_its_lines_are_switched_on() {
    let text = example();
    let on: String = text
        .lines()
        .filter_map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") && !setting.contains('…') => {
                let key = setting.split(" = ").next().unwrap_or_default();
                key.bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
                    .then_some(setting)
            }
            Some(_) => None,
            None => Some(line).filter(|line| !line.starts_with('#')),
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(on.lines().filter(|line| line.contains(" = ")).count() > 30, "{on}");
    let config = of_file(&on).unwrap();
    assert_eq!(serde_json::to_value(config).unwrap(), serde_json::to_value(Config::default()).unwrap());
}

#[test]
fn the_committed_example_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../visavis.example.toml");
    if env::var_os("VISAVIS_BLESS").is_some() {
        fs::write(&file, example()).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == example(),
        "stale: VISAVIS_BLESS=1 cargo test -p visavis config, or visavis config example"
    );
}

#[test]
fn a_file_that_is_named_and_cant_be_read_is_said_with_its_key_and_source() {
    let place = tempfile::tempdir().unwrap();
    let rules = place.path().join("rules.toml");
    let pairs = [("VISAVIS_WATCH__RULES", rules.to_str().unwrap()), ("VISAVIS_WATCH__MODELS", "/nowhere")];
    let unreadable = |pairs: &[(&str, &str)]| -> Vec<String> {
        load(&flags(), env(pairs)).unwrap().unreadable.iter().map(ToString::to_string).collect()
    };
    let found = unreadable(&pairs);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("watch.rules = ") && found[0].contains("VISAVIS_WATCH__RULES"), "{found:?}");
    assert!(found[1].contains("/nowhere/manifest.toml"), "{found:?}");
    fs::write(&rules, "").unwrap();
    assert_eq!(unreadable(&pairs[..1]), [""; 0]);
    let off = [pairs[0], pairs[1], ("VISAVIS_WATCH__ON", "false")];
    fs::remove_file(&rules).unwrap();
    assert_eq!(unreadable(&off), [""; 0], "nobody reads them");
}
