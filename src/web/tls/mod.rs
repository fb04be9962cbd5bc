//! TLS on the web port. A certificate that is renewed on disk is served from the next connection on; one that cannot be used is told,
//! and the one before it goes on.

mod accept;
mod clients;
mod load;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use rustls::{CipherSuite, NamedGroup, ServerConfig};
use tokio::time::Instant;

use crate::certificate::Certificate;
pub(super) use accept::accept;

/// What the configuration says of TLS: `tls_server_config` of Prometheus's web configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificates, leaf first.
    pub certificate: Source,
    /// The leaf's key.
    pub key: Source,
    /// Whether clients show a certificate.
    pub client_auth: ClientAuth,
    /// Who signs those; the machine's store, if nothing is said.
    pub client_ca: Option<Source>,
    /// A client's certificate has one of these names: DNS, address, mail address or URI. Empty: any.
    pub client_sans: Vec<String>,
    /// TLS 1.2 and TLS 1.3.
    pub versions: Vec<&'static rustls::SupportedProtocolVersion>,
    /// Those of TLS 1.2 that may be used; empty: all that rustls has.
    pub cipher_suites: Vec<CipherSuite>,
    /// Those of the key exchange that may be used; empty: all that rustls has.
    pub groups: Vec<NamedGroup>,
}

/// Where PEM comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// The configuration itself. Shows itself to nobody, as it may be a key.
    Text(Arc<str>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Text(_) => f.write_str("***"),
        }
    }
}

/// Go's names for it, `crypto/tls.ClientAuthType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nobody is asked for a certificate.
    #[default]
    NoClientCert,
    /// Asked; none and any are fine.
    RequestClientCert,
    /// Any is fine, if the client has its key.
    RequireAnyClientCert,
    /// None is fine, and one that verifies.
    VerifyClientCertIfGiven,
    /// One that verifies.
    RequireAndVerifyClientCert,
}

/// Why a certificate cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}; {remedy}")]
pub struct Unservable {
    /// `certificate`, `key` or `client_ca`, and what of it is wrong.
    pub key: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: &'static str,
}

/// A certificate to serve, as it is on disk.
pub struct Tls {
    settings: TlsSettings,
    current: Mutex<Current>,
}

struct Current {
    served: Served,
    /// As the files were when they were looked at last.
    stamps: Vec<Option<Stamp>>,
    looked: Instant,
    is_fresh: bool,
}

/// What the files gave.
#[derive(Clone)]
struct Served {
    config: Arc<ServerConfig>,
    leaf: Arc<Certificate>,
}

/// A file has changed when this has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl Eq for Tls {}

impl Tls {
    /// Reads what the settings name; or everything that is wrong with it.
    pub fn open(settings: TlsSettings) -> Result<Self, Vec<Unservable>> {
        let stamps = settings.stamps();
        let served = load::load(&settings)?;
        Ok(Tls { settings, current: Mutex::new(Current { served, stamps, looked: Instant::now(), is_fresh: true }) })
    }

    /// What is served now.
    pub fn leaf(&self) -> Arc<Certificate> {
        Arc::clone(&self.current().served.leaf)
    }

    /// Whether clients are asked for a certificate.
    pub fn client_auth(&self) -> ClientAuth {
        self.settings.client_auth
    }

    /// What to shake hands by.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current().served.config)
    }

    /// Whether it is time to [`look`](Tls::look) at the files again.
    pub(super) fn is_due(&self) -> bool {
        self.current().looked.elapsed() >= LOOK_EVERY
    }

    /// Whether what is served is what was on disk when it was looked at last.
    pub(super) fn is_fresh(&self) -> bool {
        self.current().is_fresh
    }

    /// Takes what has changed on disk; whether what is served is what is there. Blocks for as long as the disk does.
    pub(super) fn look(&self) -> bool {
        let stamps = self.settings.stamps();
        {
            let mut current = self.current();
            current.looked = Instant::now();
            if current.stamps == stamps {
                return current.is_fresh;
            }
        }
        // Not while others wait for the lock.
        let loaded = load::load(&self.settings);
        let mut current = self.current();
        current.stamps = stamps;
        current.is_fresh = loaded.is_ok();
        match loaded {
            Ok(served) => {
                tracing::info!(certificate = ?self.settings.certificate, "the page's new certificate is served");
                current.served = served;
            }
            Err(troubles) => {
                for trouble in troubles {
                    tracing::error!("the page's new certificate cannot be served, and the old one goes on: {trouble}");
                }
            }
        }
        current.is_fresh
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TlsSettings {
    fn stamps(&self) -> Vec<Option<Stamp>> {
        let sources = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        let files = sources.into_iter().flatten().filter_map(|source| match source {
            Source::File(path) => Some(stamp(path)),
            Source::Text(_) => None,
        });
        files.collect()
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = path.metadata().ok()?;
    Some(Stamp { modified: metadata.modified().ok(), length: metadata.len(), inode: metadata.ino() })
}

/// The files are looked at no more often than this, and only when somebody connects.
const LOOK_EVERY: Duration = Duration::from_secs(1);
