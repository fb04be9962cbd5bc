//! Trust stores from disk: the machine's, Mozilla's, and files.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    fault::{Report, shorten},
    file::{self, FileError, Unusable},
    read::{self, At, Fields},
};
use crate::{
    certificate::Certificate,
    diagnosis::{Stores as ClientStores, Trust},
};

/// Where the anchors come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrustSources {
    /// The machine's store; `SSL_CERT_FILE` and `SSL_CERT_DIR` name another.
    pub system: bool,
    /// Mozilla's roots, as they were when certvigil was built.
    pub mozilla: bool,
    /// Files of certificates: PEM, any number of them, or one in DER.
    pub files: Vec<PathBuf>,
}

impl Default for TrustSources {
    fn default() -> Self {
        TrustSources { system: true, mozilla: true, files: Vec::new() }
    }
}

/// What [`load`] brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The stores, joined.
    pub trust: Trust,
    /// The files that hold nothing at all that could be a certificate.
    pub empty: Vec<PathBuf>,
}

/// Loads the stores and joins them. A file without any certificate trusts nothing, which can be meant; a damaged one is an error.
pub fn load(sources: &TrustSources) -> Result<Loaded, FileError> {
    let mut stores = Stores::default();
    let mut empty = Vec::new();
    for path in &sources.files {
        let certificates = stores.maybe_empty_file(path).map_err(|unusable| FileError::of(path, unusable))?;
        if certificates.is_empty() {
            empty.push(path.clone());
        }
    }
    Ok(Loaded { trust: Trust::new(stores.certificates(sources)), empty })
}

/// The stores that clients bring along: the machine's, and Mozilla's.
pub fn of_clients() -> ClientStores {
    Stores::default().of_clients()
}

/// What was read, so that nothing is read twice.
#[derive(Default)]
pub(super) struct Stores {
    system: Option<Store>,
    mozilla: Option<Store>,
    files: HashMap<PathBuf, Result<Store, Unusable>>,
    joined: HashMap<TrustSources, Arc<Trust>>,
}

type Store = Arc<[Arc<Certificate>]>;

impl Stores {
    /// The certificates of a file, at least one of them readable.
    pub(super) fn file(&mut self, path: &Path) -> Result<Store, Unusable> {
        self.maybe_empty_file(path).and_then(|store| if store.is_empty() { Err(no_certificate()) } else { Ok(store) })
    }

    /// The same, or none at all.
    fn maybe_empty_file(&mut self, path: &Path) -> Result<Store, Unusable> {
        if let Some(known) = self.files.get(path) {
            return known.clone();
        }
        let loaded = load_file(path).map(Store::from);
        self.files.insert(path.to_owned(), loaded.clone());
        loaded
    }

    /// The machine's store; empty where the machine has none.
    fn system(&mut self) -> Store {
        let load = || rustls_native_certs::load_native_certs().certs.iter().map(|der| Certificate::from_der(der)).collect();
        self.system.get_or_insert_with(load).clone()
    }

    fn mozilla(&mut self) -> Store {
        let load = || webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| Certificate::from_der(der)).collect();
        self.mozilla.get_or_insert_with(load).clone()
    }

    fn certificates(&mut self, sources: &TrustSources) -> Vec<Arc<Certificate>> {
        let mut parts = Vec::new();
        if sources.system {
            parts.push(self.system());
        }
        if sources.mozilla {
            parts.push(self.mozilla());
        }
        parts.extend(sources.files.iter().filter_map(|path| self.file(path).ok()));
        parts.iter().flat_map(|part| part.iter().cloned()).collect()
    }

    /// The trust of these sources, the same for whoever names the same ones. Files that are of no use are left out.
    pub(super) fn trust(&mut self, sources: &TrustSources) -> Arc<Trust> {
        let mut sources = sources.clone();
        sources.files.sort_unstable();
        sources.files.dedup();
        if let Some(known) = self.joined.get(&sources) {
            return known.clone();
        }
        let trust = Arc::new(Trust::new(self.certificates(&sources)));
        self.joined.insert(sources, trust.clone());
        trust
    }

    /// What clients bring along.
    pub(super) fn of_clients(&mut self) -> ClientStores {
        let mut only = |system| self.trust(&TrustSources { system, mozilla: !system, files: Vec::new() });
        ClientStores { system: only(true), mozilla: only(false) }
    }

    /// Reads `{system, mozilla, files}`; what is not named is taken from `unnamed`.
    pub(super) fn read(
        &mut self,
        at: &At<'_>,
        unnamed: TrustSources,
        directory: &Path,
        report: &mut Report,
    ) -> Option<Arc<Trust>> {
        let faults_before = report.faults.len();
        let fields = Fields::read(at, &["system", "mozilla", "files"], report)?;
        let mut sources = unnamed;
        fields.set("system", &mut sources.system, report, read::boolean);
        fields.set("mozilla", &mut sources.mozilla, report, read::boolean);
        fields.set("files", &mut sources.files, report, |at, report| {
            read::each(at, report, |at, report| self.read_file(at, directory, report))
        });
        if report.faults.len() > faults_before {
            return None;
        }
        if !sources.system && !sources.mozilla && sources.files.is_empty() {
            return read::refuse(at, "trusts nothing", "name files, or write system: true or mozilla: true", report);
        }
        if sources.system && !sources.mozilla && sources.files.is_empty() && self.system().is_empty() {
            let remedy = "install the package ca-certificates, or write mozilla: true";
            report.warn(at, "the machine's store is empty, so that nothing is trusted", remedy);
        }
        Some(self.trust(&sources))
    }

    /// The path of a file of certificates, once it is loaded.
    pub(super) fn read_file(&mut self, at: &At<'_>, directory: &Path, report: &mut Report) -> Option<PathBuf> {
        let path = read::path(at, directory, report)?;
        match self.file(&path) {
            Ok(certificates) => {
                let unreadable = certificates.iter().filter(|certificate| certificate.facts().is_none()).count();
                if unreadable > 0 {
                    let problem = format!("{unreadable} of its {} certificates cannot be read", certificates.len());
                    report.warn(at, problem, "they are left out; remove them from the file");
                }
                Some(path)
            }
            Err(unusable) => {
                let problem = format!("\"{}\" {}", shorten(&path.to_string_lossy()), unusable.problem);
                read::refuse(at, problem, unusable.remedy, report)
            }
        }
    }
}

/// None at all, or at least one that is readable.
fn load_file(path: &Path) -> Result<Vec<Arc<Certificate>>, Unusable> {
    let content = file::read(path, 64 * 1024 * 1024)?;
    if !content.windows(PEM_BEGIN.len()).any(|window| window == PEM_BEGIN) {
        let certificate = Certificate::from_der(&content);
        return Ok(if certificate.facts().is_some() { vec![certificate] } else { Vec::new() });
    }
    let mut certificates = Vec::new();
    for block in blocks(&String::from_utf8_lossy(&content)) {
        let certificate = block.and_then(|block| match block.tag() {
            TRUSTED => Certificate::from_trusted_der(block.contents()),
            _ => Some(Certificate::from_der(block.contents())),
        });
        let damaged =
            || Unusable::new(format!("has a damaged certificate, number {}", certificates.len() + 1), "copy the file again");
        certificates.push(certificate.ok_or_else(damaged)?);
    }
    let usable = certificates.is_empty() || certificates.iter().any(|certificate| certificate.facts().is_some());
    if usable { Ok(certificates) } else { Err(no_certificate()) }
}

/// The blocks that hold certificates, whatever stands between them; `None` for a damaged one.
fn blocks(text: &str) -> impl Iterator<Item = Option<pem::Pem>> {
    text.match_indices("-----BEGIN ").filter_map(|(at, begin)| {
        let block = &text[at..];
        let label = block[begin.len()..].split_once("-----")?.0;
        if !LABELS.contains(&label) {
            return None;
        }
        let end = format!("-----END {label}-----");
        let length = block.find(&end).map(|at| at + end.len());
        Some(length.and_then(|length| pem::parse(&block[..length]).ok()))
    })
}

fn no_certificate() -> Unusable {
    Unusable::new("holds no certificate", "name a file in PEM, or with one certificate in DER")
}

const PEM_BEGIN: &[u8] = b"-----BEGIN ";
/// OpenSSL's own form: a certificate, and what it is trusted for.
const TRUSTED: &str = "TRUSTED CERTIFICATE";
/// What OpenSSL takes for certificates.
const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", TRUSTED];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tree;

    #[test]
    fn a_machine_without_a_store_is_told() {
        let mut stores = Stores { system: Some(Arc::from([])), ..Stores::default() };
        let mut told = |text: &str| {
            let root = tree::parse(text).expect("YAML");
            let mut report = Report::new("config.yaml");
            let nothing = TrustSources { system: false, mozilla: false, files: Vec::new() };
            let trust = stores.read(&At::root(&root), nothing, Path::new(""), &mut report).expect("no fault");
            (trust.len(), report.warnings.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let warning = "config.yaml:1: the machine's store is empty, so that nothing is trusted; \
                       install the package ca-certificates, or write mozilla: true";
        assert_eq!(told("{system: true}"), (0, vec![warning.to_owned()]));
        let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.len();
        assert_eq!(told("{system: true, mozilla: true}"), (mozilla, Vec::new()));
    }
}
