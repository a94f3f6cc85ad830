//! TLS between nodes: who shows no certificate of the place's authority can look at the metrics and make no call.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{net::TcpListener, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};
use visavis_domain::{
    Code, Fault,
    contract::{Caller, node::Record},
    id::NodeId,
};
use visavis_edge::{
    private::{self, PrivateDeps},
    serve::{Front, serve as listen},
    settings::Limits,
};
use visavis_platform::{
    Clock, Dice, Kv, Lifecycle, Nodes, Places, Rpc,
    rpc::{
        self,
        tls::{Files, Mutual},
    },
    secret::Secret,
};

visavis_domain::contract! {
    /// Says back what it hears.
    "echo" => trait Echo {
        /// As it says.
        fn say(String) -> String [idempotent, 2000 ms];
    }
}

struct Parrot;

#[async_trait]
impl Echo for Parrot {
    async fn say(&self, _: &Caller, text: String) -> Result<String, Fault> {
        Ok(text)
    }
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A node's three files.
    fn files(&self, folder: &Path, name: &str) -> Files {
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let cert = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        let at = |end: &str| folder.join(format!("{name}.{end}"));
        let files = Files { cert: at("cert"), key: at("key"), ca: at("ca") };
        std::fs::write(&files.cert, cert.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        std::fs::write(&files.ca, self.0.pem()).unwrap();
        files
    }
}

struct Node {
    rpc: Rpc,
    nodes: Nodes,
    record: Record,
}

/// A node with the very listener of the product.
fn node(id: u128, role: &str, scheme: &str, tls: Option<Files>) -> Node {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("{scheme}://{}", listener.local_addr().unwrap());
    let (clock, lifecycle) = (Clock::System, Lifecycle::default());
    let mutual = tls.map(|files| Mutual::load(files, &lifecycle).unwrap());
    let record = Record {
        id: NodeId::from_bits(id),
        roles: vec![role.to_owned()],
        address,
        media: Vec::new(),
        load: 0,
        open: true,
    };
    let nodes = Nodes::new(clock.clone(), record.clone(), true);
    let rpc = Rpc::new(rpc::Deps {
        secret: Secret::from_bytes([1; 32]),
        nodes: nodes.clone(),
        places: Places::new(Kv::memory(clock.clone())),
        clock,
        dice: Dice::Secure,
        lifecycle: lifecycle.clone(),
        tls: mutual.clone(),
    });
    rpc.serve(serve(Arc::new(Parrot)));
    let router = private::router(PrivateDeps {
        metrics: Arc::new(|| "up 1\n".to_owned()),
        rpc: rpc.clone(),
        checks: Arc::new([]),
        watching: visavis_edge::watching::Watching::default(),
        lifecycle: lifecycle.clone(),
        outbox: None,
        dev: false,
    });
    let inner = lifecycle.clone();
    lifecycle.spawn("listener", async move {
        let _ = listen(listener, router, Front::Private(mutual), &Limits::default(), inner).await;
    });
    Node { rpc, nodes, record }
}

async fn say(from: &Node, to: &Node) -> Result<String, Code> {
    from.nodes.found(vec![to.record.clone()]);
    let cx = Caller { request: "test".to_owned(), remaining_ms: 5_000 };
    remote(from.rpc.transport()).say(&cx, "hello".to_owned()).await.map_err(|fault| fault.code)
}

#[tokio::test]
async fn nodes_with_certificates_of_one_authority_call_each_other_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, others) = (Authority::new(), Authority::new());
    let there = node(1, "echo", "https", Some(ours.files(folder.path(), "there")));
    let here = node(2, "gateway", "https", Some(ours.files(folder.path(), "here")));
    assert_eq!(say(&here, &there).await.as_deref(), Ok("hello"));
    let stranger = node(3, "gateway", "https", Some(others.files(folder.path(), "stranger")));
    assert_eq!(say(&stranger, &there).await, Err(Code::Unavailable), "another authority");
    let plain = node(4, "gateway", "http", None);
    assert_eq!(say(&plain, &there).await, Err(Code::Unavailable), "no certificate at all");
    // A node that speaks https calls nobody without, even when that is how it is listed.
    let open = node(5, "echo", "http", None);
    let here = node(6, "gateway", "https", Some(ours.files(folder.path(), "again")));
    assert_eq!(say(&here, &open).await, Err(Code::Unavailable));
    let plain = node(7, "gateway", "http", None);
    assert_eq!(say(&plain, &open).await.as_deref(), Ok("hello"));
}

/// What somebody without a certificate of their own is answered.
async fn ask(node: &Node, ca: &Path, head: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = node.record.address.trim_start_matches("https://");
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    tls.write_all(format!("{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(5), tls.read_to_string(&mut answer));
    let _ = read.await.unwrap();
    answer
}

#[tokio::test]
async fn whoever_has_no_certificate_reads_the_metrics_and_makes_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let files = Authority::new().files(folder.path(), "there");
    let there = node(1, "echo", "https", Some(files.clone()));
    assert!(ask(&there, &files.ca, "GET /metrics").await.contains("up 1"));
    assert!(ask(&there, &files.ca, "POST /rpc/node/describe").await.starts_with("HTTP/1.1 401"));
}
