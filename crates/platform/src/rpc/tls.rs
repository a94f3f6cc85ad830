//! TLS between nodes, from files: every node has a certificate of one authority of the operator's, shows it and asks for
//! the other's. It comes on top of the seals, for networks that others can read.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{VerifierBuilderError, WebPkiClientVerifier},
};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::Lifecycle;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where certificate, key and authority are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// PEM: this node's certificate, for the host of its address, then those that lead to the authority.
    pub cert: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// PEM: the authority that made the certificates of all nodes.
    pub ca: PathBuf,
}

/// Why they can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read or holds nothing of the kind.
    #[error("{file} can't be used: {why}", file = .0.display(), why = .1)]
    File(PathBuf, rustls::pki_types::pem::Error),
    /// The parts don't belong together.
    #[error("rpc.tls: certificate, key and authority can't be used together: {0}")]
    Parts(#[from] rustls::Error),
    /// The authority is none.
    #[error("rpc.tls.ca can't be used: {0}")]
    Authority(#[from] VerifierBuilderError),
}

/// Both halves of one node's TLS.
#[derive(Debug)]
pub struct Configs {
    /// For the private listener. Who shows no certificate is let in (to `/metrics`), but can make no call.
    pub server: Arc<ServerConfig>,
    client: ClientConfig,
}

/// The certificates in use, read again when they change.
#[derive(Debug, Clone)]
pub struct Mutual(watch::Receiver<Arc<Configs>>);

impl Mutual {
    /// Reads the files and keeps looking at them until the process stops.
    pub fn load(files: Files, lifecycle: &Lifecycle) -> Result<Self, TlsError> {
        let (sender, receiver) = watch::channel(Arc::new(read(&files)?));
        let mut seen = changed_at(&files);
        lifecycle.keep("rpc tls files", async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let now = changed_at(&files);
                if now == seen {
                    continue;
                }
                seen = now;
                match read(&files) {
                    Ok(configs) => {
                        sender.send_replace(Arc::new(configs));
                        tracing::info!("the certificate between nodes was renewed");
                    }
                    Err(error) => tracing::warn!(%error, "the new files can't be used, the old ones stay"),
                }
            }
        });
        Ok(Self(receiver))
    }

    /// For the next connection that comes in.
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.borrow().server)
    }

    pub(super) async fn connect(
        &self,
        host: &str,
        tcp: TcpStream,
        protocol: &[u8],
    ) -> Option<TlsStream<TcpStream>> {
        let mut client = self.0.borrow().client.clone();
        client.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from(host.to_owned()).ok()?;
        match TlsConnector::from(Arc::new(client)).connect(name, tcp).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::warn!(%error, "TLS to a node could not be set up");
                None
            }
        }
    }
}

fn changed_at(files: &Files) -> [Option<SystemTime>; 3] {
    let of = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    [of(&files.cert), of(&files.key), of(&files.ca)]
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |error| TlsError::File(path.to_owned(), error);
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if found.is_empty() {
        return Err(failed(rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn read(files: &Files) -> Result<Configs, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates(&files.cert)?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| TlsError::File(files.key.clone(), error))?;
    let mut roots = RootCertStore::empty();
    for root in certificates(&files.ca)? {
        roots.add(root)?;
    }
    let roots = Arc::new(roots);
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()?;
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain.clone(), key.clone_key())?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    Ok(Configs { server: Arc::new(server), client })
}
