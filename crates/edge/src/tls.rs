//! TLS from files, read again when they change. A new file that can't be used leaves the old certificate in service
//! and says so; connections that are open keep what they began with.

mod ends;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::sync::watch;
use visavis_platform::Lifecycle;

pub use ends::{ends, look_at};

/// How often the files are looked at: renewed certificates overlap by weeks, and a look costs two system calls.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// PEM: the certificate, then the ones that lead to a root.
    pub cert: PathBuf,
    /// PEM: the private key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// Why they can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read or holds nothing of the kind.
    #[error("{file} can't be used: {why}", file = .0.display(), why = .1)]
    File(PathBuf, rustls::pki_types::pem::Error),
    /// There is no certificate in the file.
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    /// The two don't belong together, or the key is of a kind that isn't known.
    #[error("certificate and key can't be used together: {0}")]
    Pair(#[from] rustls::Error),
}

/// The certificate in service.
#[derive(Debug, Clone)]
pub struct Tls(watch::Receiver<Arc<ServerConfig>>);

impl Tls {
    /// Reads the files and keeps looking at them until the process stops.
    pub fn load(files: Files, lifecycle: &Lifecycle) -> Result<Self, TlsError> {
        Self::load_looking_every(files, lifecycle, LOOK_EVERY)
    }

    fn load_looking_every(files: Files, lifecycle: &Lifecycle, every: Duration) -> Result<Self, TlsError> {
        let mut seen = changed_at(&files);
        let (sender, receiver) = watch::channel(Arc::new(read(&files)?));
        lifecycle.keep("tls files", async move {
            loop {
                tokio::time::sleep(every).await;
                let now = changed_at(&files);
                if now != seen {
                    seen = now;
                    renew(&files, &sender);
                }
            }
        });
        Ok(Self(receiver))
    }

    /// For the next connection.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.0.borrow().clone()
    }
}

fn renew(files: &Files, sender: &watch::Sender<Arc<ServerConfig>>) {
    match read(files) {
        Ok(config) => {
            sender.send_replace(Arc::new(config));
            tracing::info!("the TLS certificate was renewed");
        }
        Err(error) => tracing::warn!(%error, "the new TLS files can't be used, the old certificate stays"),
    }
}

fn changed_at(files: &Files) -> [Option<SystemTime>; 2] {
    let of = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    [of(&files.cert), of(&files.key)]
}

fn read(files: &Files) -> Result<ServerConfig, TlsError> {
    let in_cert = |error| TlsError::File(files.cert.clone(), error);
    let chain = CertificateDer::pem_file_iter(&files.cert).map_err(in_cert)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(in_cert)?;
    if chain.is_empty() {
        return Err(TlsError::Empty(files.cert.clone()));
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| TlsError::File(files.key.clone(), error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // WebSockets need HTTP/1.1; browsers open a connection of their own for them.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(files: &Files) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&files.cert, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        let lifecycle = Lifecycle::default();
        assert!(Tls::load(files.clone(), &lifecycle).is_err());
        write(&files);
        let tls = Tls::load_looking_every(files.clone(), &lifecycle, Duration::from_millis(5)).unwrap();
        let first = tls.config();

        let mut changes = tls.0.clone();
        changes.mark_unchanged();
        write(&files);
        tokio::time::timeout(Duration::from_secs(5), changes.changed()).await.unwrap().unwrap();
        let second = tls.config();
        assert!(!Arc::ptr_eq(&first, &second));

        let (sender, receiver) = watch::channel(second.clone());
        std::fs::write(&files.cert, "not a certificate").unwrap();
        renew(&files, &sender);
        assert!(Arc::ptr_eq(&receiver.borrow(), &second));
        lifecycle.shut_down(Duration::from_secs(1)).await;
    }

    #[test]
    fn a_key_of_another_certificate_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        write(&files);
        let other = Files { cert: files.cert.clone(), key: folder.path().join("other.pem") };
        write(&Files { cert: folder.path().join("other-cert.pem"), key: other.key.clone() });
        assert!(read(&other).unwrap_err().to_string().contains("together"));
    }
}
