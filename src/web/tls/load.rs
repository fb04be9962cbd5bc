//! From the settings and their files to what rustls needs.

use std::{fs::File, io::Read as _, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::NoServerSessionStorage,
    sign::{CertifiedKey, SingleCertAndKey},
};

use super::{ClientAuth, Served, Source, TlsSettings, Unservable, clients};
use crate::certificate::Certificate;

/// Everything that is wrong is told.
pub(super) fn load(settings: &TlsSettings) -> Result<Served, Vec<Unservable>> {
    let provider = Arc::new(provider(settings));
    let certificates = certificates(&settings.certificate, "certificate");
    let key = key(&settings.key, &provider);
    let clients = roots(settings);
    let (certificates, key, roots) = match (certificates, key, clients) {
        (Ok(certificates), Ok(key), Ok(roots)) => (certificates, key, roots),
        (certificates, key, clients) => {
            return Err([certificates.err(), key.err(), clients.err()].into_iter().flatten().collect());
        }
    };
    let leaf = Certificate::from_der(&certificates[0]);
    let pair = CertifiedKey::new(certificates, key);
    match pair.keys_match() {
        // A kind of key whose public half cannot be had is tried as it is.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(_) => {
            return Err(vec![Unservable {
                key: "key",
                problem: "does not belong to the first certificate".into(),
                remedy: "name the leaf's key, and write the leaf first into the file of certificates",
            }]);
        }
    }
    let impossible = |error: rustls::Error| {
        vec![Unservable {
            key: "certificate",
            problem: format!("cannot be served: {error}"),
            remedy: "check cipher_suites, curve_preferences and the kind of the key",
        }]
    };
    let verifier = clients::verifier(settings, roots, &provider).map_err(|problem| vec![problem])?;
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&settings.versions).map_err(impossible)?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config: ServerConfig = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if settings.client_auth != ClientAuth::NoClientCert {
        // Who once had the right certificate shows it again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Served { config: Arc::new(config), leaf })
}

/// What rustls has, or of that what was chosen.
fn provider(settings: &TlsSettings) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if !settings.cipher_suites.is_empty() {
        let all = std::mem::take(&mut provider.cipher_suites);
        provider.cipher_suites = all.iter().copied().filter(|suite| suite.tls13().is_some()).collect();
        let chosen = settings.cipher_suites.iter();
        provider.cipher_suites.extend(chosen.filter_map(|name| all.iter().copied().find(|suite| suite.suite() == *name)));
    }
    if !settings.groups.is_empty() {
        let all = std::mem::take(&mut provider.kx_groups);
        let chosen = settings.groups.iter();
        provider.kx_groups = chosen.filter_map(|name| all.iter().copied().find(|group| group.name() == *name)).collect();
    }
    provider
}

fn certificates(source: &Source, key: &'static str) -> Result<Vec<CertificateDer<'static>>, Unservable> {
    let pem = read(source, key)?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => {
            Err(Unservable::new(source, key, "holds no certificate in PEM", "name the file of the certificates, leaf first"))
        }
        Err(_) => Err(Unservable::new(source, key, "has a damaged certificate", "copy the file again")),
    }
}

fn key(source: &Source, provider: &CryptoProvider) -> Result<Arc<dyn rustls::sign::SigningKey>, Unservable> {
    let pem = read(source, "key")?;
    let problem = if pem.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
        Unservable::new(source, "key", "is encrypted", "decrypt it: openssl pkey -in KEY -out PLAIN, with mode 0600")
    } else {
        Unservable::new(
            source,
            "key",
            "holds no private key in PEM that can be used",
            "name the leaf's key, in PKCS#8, PKCS#1 or SEC1",
        )
    };
    let key = PrivateKeyDer::from_pem_slice(&pem).ok();
    key.and_then(|key| provider.key_provider.load_private_key(key).ok()).ok_or(problem)
}

/// Who may sign the certificates of clients.
fn roots(settings: &TlsSettings) -> Result<Arc<RootCertStore>, Unservable> {
    let mut roots = RootCertStore::empty();
    let verifies = matches!(settings.client_auth, ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert);
    match &settings.client_ca {
        Some(source) => {
            let (good, _) = roots.add_parsable_certificates(certificates(source, "client_ca")?);
            if good == 0 {
                let remedy = "name the certificate of the authority that signs the clients'";
                return Err(Unservable::new(source, "client_ca", "holds no certificate that can be used", remedy));
            }
        }
        None if verifies => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        None => {}
    }
    Ok(Arc::new(roots))
}

fn read(source: &Source, key: &'static str) -> Result<Vec<u8>, Unservable> {
    let path = match source {
        Source::Text(text) => return Ok(text.as_bytes().to_vec()),
        Source::File(path) => path,
    };
    let mut content = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut content)) {
        Ok(_) => Ok(content),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Unservable::new(source, key, "does not exist", "check the path, which begins at the directory of this file"))
        }
        Err(error) => {
            let remedy = "let the user that runs certvigil read it";
            Err(Unservable::new(source, key, &format!("cannot be read: {error}"), remedy))
        }
    }
}

impl Unservable {
    pub(super) fn new(source: &Source, key: &'static str, problem: &str, remedy: &'static str) -> Self {
        let shown = match source {
            Source::File(path) => format!("\"{}\" ", crate::certificate::printable_cut(&path.to_string_lossy(), 80)),
            Source::Text(_) => String::new(),
        };
        Unservable { key, problem: format!("{shown}{problem}"), remedy }
    }
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";
const MAX_FILE: u64 = 1024 * 1024;
