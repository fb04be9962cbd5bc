//! A client of rustls: webpki itself is asked.

use std::{sync::Arc, time::Duration};

use ::rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::{Answer, Client, Scene, View};
use crate::{certificate::Certificate, diagnosis::Trust, endpoint::Host};

pub(super) fn view(scene: &Scene<'_>, store: &Trust) -> View {
    let (answer, path) = match ask(scene, store) {
        _ if store.is_empty() => (Answer::CannotTell("Mozilla's roots are not here".into()), Vec::new()),
        Ok(path) => (Answer::Accepts, path),
        Err(error) => (Answer::Refuses(format!("invalid peer certificate: {}", words(&error))), Vec::new()),
    };
    View { client: Client::Rustls, store: Client::Rustls.store(), answer, verify_code: None, path }
}

/// The path that webpki finds.
fn ask(scene: &Scene<'_>, store: &Trust) -> Result<Vec<Arc<Certificate>>, Error> {
    let presented: Vec<_> = scene.presented.iter().map(|certificate| CertificateDer::from(certificate.der())).collect();
    let mut roots: Vec<_> = store.iter().map(|root| (root, CertificateDer::from(root.der()))).collect();
    roots.sort_by_key(|(root, _)| root.fingerprint);
    let anchors: Vec<_> = roots.iter().filter_map(|(root, der)| Some((*root, anchor_from_trusted_cert(der).ok()?))).collect();
    let trusted: Vec<_> = anchors.iter().map(|(_, anchor)| anchor.clone()).collect();
    let leaf = EndEntityCert::try_from(&presented[0])?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(scene.now.as_second().try_into().unwrap_or(0)));
    let usage = KeyUsage::server_auth();
    let found = leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &trusted, &presented[1..], now, usage, None, None)?;
    let name = match &scene.expectation.host {
        Some(Host::Name(name)) => Some(ServerName::try_from(&**name).map_err(|_| Error::MalformedDnsIdentifier)?),
        Some(Host::Ip(ip)) => Some(ServerName::from(*ip)),
        None => None,
    };
    if let Some(name) = name {
        leaf.verify_is_valid_for_subject_name(&name)?;
    }
    let mut path = vec![Arc::clone(&scene.presented[0])];
    for step in found.intermediate_certificates() {
        path.extend(scene.presented.iter().find(|certificate| certificate.der()[..] == *step.der()).cloned());
    }
    let is_anchor = |candidate: &TrustAnchor<'_>| candidate == found.anchor();
    path.extend(anchors.iter().find(|(_, anchor)| is_anchor(anchor)).map(|(root, _)| Arc::clone(root)));
    Ok(path)
}

/// rustls' word for webpki's error; webpki's own, where rustls has none.
fn words(error: &Error) -> String {
    match error {
        Error::CertExpired { .. } => "Expired".into(),
        Error::CertNotValidYet { .. } => "NotValidYet".into(),
        Error::CertNotValidForName(_) => "NotValidForName".into(),
        Error::InvalidSignatureForPublicKey => "BadSignature".into(),
        Error::RequiredEkuNotFoundContext(_) => "InvalidPurpose".into(),
        Error::BadDer | Error::BadDerTime => "BadEncoding".into(),
        other => {
            let text = format!("{other:?}");
            text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
        }
    }
}
