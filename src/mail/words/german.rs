//! The words for each finding in German, as `diagnosis` has them in English. What stands in quotation marks is quoted: names of
//! strangers, and the words of OpenSSL and of the system.

use crate::{
    certificate::{HashAlgorithm, printable},
    clock::Timestamp,
    diagnosis::{Broken, Client, Extra, ExtraKind, Finding, NearMiss, Views, verify_text},
    endpoint::Protocol,
    monitor::{Habit, Rollout},
    observation::{Failure, FailureKind, Stage},
};

use super::Language;

/// One sentence: what is the case. No full stop at its end; safe to print.
pub(super) fn summary(finding: &Finding) -> String {
    match finding {
        Finding::Expired { not_after, now } => {
            format!("das Zertifikat ist am {} abgelaufen (vor {})", date(*not_after), span(*not_after, *now))
        }
        Finding::NotYetValid { not_before } => format!("das Zertifikat gilt erst ab dem {}", date(*not_before)),
        Finding::ExpiresSoon { not_after, now, .. } => {
            format!("das Zertifikat läuft am {} ab (in {})", date(*not_after), span(*now, *not_after))
        }
        Finding::MissingIntermediate { missing, after } if missing.len() > 1 => {
            format!("der Server sendet die Zwischenzertifikate {} nicht mit, die über „{after}“ stehen", quoted(missing))
        }
        Finding::MissingIntermediate { missing, after } => {
            format!("der Server sendet das Zwischenzertifikat {} nicht mit, das „{after}“ ausgestellt hat", quoted(missing))
        }
        Finding::IssuerUnknown { issuer, tried } => format!(
            "der Aussteller „{issuer}“ wird weder mitgesendet, noch ist er im Vertrauensspeicher, und er war nicht zu beschaffen („{tried}“)"
        ),
        Finding::WrongOrder => "die Zertifikate werden in der falschen Reihenfolge gesendet".into(),
        Finding::ExtraCertificates { extra } => {
            format!("der Server sendet mehr, als sein Pfad braucht: {}", listed(extra.iter().map(self::extra)))
        }
        Finding::RootIncluded { root } => {
            format!("der Server sendet auch die Wurzel „{root}“, die Clients entweder schon haben oder der sie nicht vertrauen")
        }
        Finding::SelfSigned { subject } => format!("der Server zeigt ein selbstsigniertes Zertifikat, „{subject}“"),
        Finding::UnknownCa { root, presented: true } => {
            format!("die Kette endet bei der Wurzel „{root}“, die mitgesendet wird, aber nicht im Vertrauensspeicher ist")
        }
        Finding::UnknownCa { root, presented: false } => {
            format!("die Kette führt zur Wurzel „{root}“, die nicht im Vertrauensspeicher ist")
        }
        Finding::HostnameMismatch { asked, carries, near } => {
            let carried = if carries.is_empty() {
                format!("das Zertifikat trägt keinen Namen, der auf {asked} passen könnte")
            } else {
                format!("das Zertifikat gilt für {}, nicht für {asked}", listed(carries.iter().cloned()))
            };
            format!("{carried}{}", near_miss(near, asked))
        }
        Finding::IntermediateExpired { subject, not_before, now, .. } if not_before > now => {
            format!("das CA-Zertifikat „{subject}“ im Pfad gilt erst ab dem {}", date(*not_before))
        }
        Finding::IntermediateExpired { subject, not_after, .. } => {
            format!("das CA-Zertifikat „{subject}“ im Pfad ist am {} abgelaufen", date(*not_after))
        }
        Finding::KeyPossessionFailed => "der Server besitzt den privaten Schlüssel des gezeigten Zertifikats nicht".into(),
        Finding::UnreadableCertificate { position: 0, reason } => {
            format!("das Zertifikat des Servers ist nicht lesbar („{reason}“)")
        }
        Finding::UnreadableCertificate { position, reason } => {
            format!("Zertifikat {position} der Kette ist nicht lesbar („{reason}“)")
        }
        Finding::BadSignature { subject } => {
            format!("die Signatur von „{subject}“ stammt nicht vom Schlüssel des Ausstellers")
        }
        Finding::WeakKey { subject, key } => format!("der Schlüssel von „{subject}“ ist zu schwach: {key}"),
        Finding::WeakSignature { subject, algorithm, hash } => {
            let why = match hash {
                Some(HashAlgorithm::Sha1) => "SHA-1, was Browser seit 2017 ablehnen",
                Some(HashAlgorithm::Md2 | HashAlgorithm::Md5) => {
                    "ein Verfahren, mit dem seit 2008 Zertifikate gefälscht worden sind"
                }
                _ => "ein zu schwaches Verfahren",
            };
            format!("„{subject}“ ist mit {algorithm} signiert: {why}")
        }
        Finding::IntermediateExpiresSoon { subject, not_after, now, .. } => {
            format!("das CA-Zertifikat „{subject}“ im Pfad läuft am {} ab (in {})", date(*not_after), span(*now, *not_after))
        }
        Finding::OutlivesIssuer { subject, not_after, leaf_ends, .. } => format!(
            "das CA-Zertifikat „{subject}“ im Pfad endet am {}, vor dem des Servers am {}",
            date(*not_after),
            date(*leaf_ends)
        ),
        Finding::UnusualKey { subject, key } => {
            format!("der Schlüssel von „{subject}“ ist von einer Art, die Browser nicht annehmen: {key}")
        }
        Finding::Lint { broken } => {
            let told = broken.iter().map(|Broken { lint, section, subject }| format!("{lint} bei „{subject}“ ({section})"));
            format!("Regeln für Zertifikate sind verletzt: {}", listed(told))
        }
        Finding::FewScts { count, least } => {
            let count = match count {
                0 => "keinen Zeitstempel".to_owned(),
                1 => "nur 1 Zeitstempel".to_owned(),
                _ => format!("nur {count} Zeitstempel"),
            };
            format!("das Zertifikat trägt {count} von Certificate Transparency; Chrome und Safari verlangen {least}")
        }
        Finding::InternalNames { names } => format!(
            "das öffentliche Zertifikat gilt auch für {}, was öffentlich niemandem gehören kann",
            listed(names.iter().cloned())
        ),
        Finding::BroadWildcard { names } => {
            format!("das Zertifikat trägt {}, weiter, als ein Browser es annimmt", listed(names.iter().cloned()))
        }
        Finding::PartialWildcard { asked, names } => format!(
            "nur {} passt auf {asked}: OpenSSL nimmt einen Stern innerhalb eines Labels an, curl, Python und Browser nicht",
            listed(names.iter().cloned())
        ),
        Finding::MustStaple { stapled: Some(false) } => {
            "das Zertifikat verpflichtet den Server, eine OCSP-Antwort mitzusenden, und er tut es nicht".into()
        }
        Finding::MustStaple { stapled: Some(true) } => {
            "das Zertifikat verpflichtet den Server, eine OCSP-Antwort mitzusenden, und er tut es".into()
        }
        Finding::MustStaple { stapled: None } => "das Zertifikat verpflichtet den Server, eine OCSP-Antwort mitzusenden".into(),
        Finding::DefaultCertificate { subject, maker } => {
            let what =
                if maker.placeholder { "das für das richtige einspringt" } else { "das die Software sich selbst gemacht hat" };
            format!("der Server zeigt ein Zertifikat von „{}“, {what}: „{subject}“", maker.software)
        }
        Finding::MissingSan { common_names } if common_names.is_empty() => {
            "das Zertifikat trägt überhaupt keinen Namen eines Servers".into()
        }
        Finding::MissingSan { common_names } => format!(
            "das Zertifikat nennt {} nur als Common Name (CN), den Browser, Go und rustls nicht ansehen",
            listed(common_names.iter().cloned())
        ),
        Finding::MissingServerAuth { subject, uses } => {
            let uses = if uses.is_empty() { "nichts".to_owned() } else { listed(uses.iter().cloned()) };
            format!("„{subject}“ ist nicht für Server: die Extended Key Usage nennt {uses}, nicht serverAuth")
        }
        Finding::CaAsLeaf { subject, self_signed: true } => {
            format!("das selbstsignierte Zertifikat „{subject}“ des Servers ist als das einer CA gekennzeichnet")
        }
        Finding::CaAsLeaf { subject, self_signed: false } => {
            format!("der Server zeigt ein CA-Zertifikat, „{subject}“, als sein eigenes")
        }
        Finding::LifetimeTooLong { days, limit } => format!(
            "das Zertifikat gilt {days} Tage; öffentliche, die an seinem Tag ausgestellt wurden, dürfen höchstens {limit} gelten"
        ),
        Finding::SignatureUnchecked { subject, algorithm } => {
            format!("die Signatur von „{subject}“ war nicht zu prüfen: certvigil kennt das Verfahren nicht („{algorithm}“)")
        }
        Finding::Refused { code, depth } => {
            format!("OpenSSL lehnt das Zertifikat in Tiefe {depth} ab („{}“)", verify_text(*code))
        }
        Finding::HandshakeFailed { failure } | Finding::Unreachable { failure } => self::failure(failure),
        Finding::ClientCertificateWanted => {
            "der Server verlangt ein Client-Zertifikat und hat den Handshake ohne eines beendet".into()
        }
    }
}

/// What to do about it, as one or two sentences.
pub(super) fn hint(finding: &Finding) -> String {
    match finding {
        Finding::Expired { .. } => {
            "erneuern Sie das Zertifikat und laden Sie den Server neu; wurde es schon erneuert, hat der Server noch das alte geladen"
        }
        Finding::NotYetValid { .. } => {
            "prüfen Sie die Uhren der CA und dieser Maschine; liefern Sie bis dahin das vorige Zertifikat aus"
        }
        Finding::ExpiresSoon { .. } => {
            "erneuern Sie das Zertifikat und laden Sie den Server neu; sehen Sie nach, ob die automatische Erneuerung noch läuft"
        }
        Finding::MissingIntermediate { .. } => {
            "liefern Sie die ganze Kette aus, erst das Serverzertifikat, dann die Zwischenzertifikate (fullchain.pem statt cert.pem)"
        }
        Finding::IssuerUnknown { .. } => {
            "ist die CA öffentlich, fehlt dem Server ein Zwischenzertifikat: bitten Sie den Betreiber um die ganze Kette; ist es Ihre eigene, tragen Sie ihre Wurzel unter trust.files ein"
        }
        Finding::WrongOrder => {
            "sortieren Sie die Kettendatei: erst das Serverzertifikat, dann jeweils der Aussteller des vorigen"
        }
        Finding::ExtraCertificates { extra } if extra.iter().any(|extra| matches!(extra.kind, ExtraKind::Alternative(_))) => {
            "behalten Sie den anderen Pfad, solange Clients, die nur dessen Wurzel kennen, hineinmüssen; was sonst noch da ist, kann aus der Kettendatei"
        }
        Finding::ExtraCertificates { .. } => {
            "nehmen Sie sie aus der Kettendatei; sie kosten in jedem Handshake Daten"
        }
        Finding::RootIncluded { .. } => {
            "nehmen Sie die Wurzel aus der Kettendatei; sie beweist nichts und kostet in jedem Handshake Daten"
        }
        Finding::SelfSigned { .. } => {
            "besorgen Sie ein Zertifikat von einer CA; ist dieses gewollt, tragen Sie es unter trust.files des Endpunkts ein"
        }
        Finding::UnknownCa { .. } => {
            "ist diese CA gewollt, gehört ihre Wurzel unter trust.files und in den Speicher jedes Clients; ist es eine öffentliche CA, ist der Speicher veraltet"
        }
        Finding::HostnameMismatch { asked, near, .. } => return near_miss_hint(near, asked),
        Finding::IntermediateExpired { is_anchor: true, .. } => {
            "die Wurzel im Vertrauensspeicher ist veraltet: nehmen Sie die aktuelle der CA und lassen Sie das Serverzertifikat unter ihr ausstellen"
        }
        Finding::IntermediateExpired { .. } => {
            "nehmen Sie das aktuelle Zwischenzertifikat der CA in die Kettendatei und laden Sie den Server neu"
        }
        Finding::KeyPossessionFailed => {
            "installieren Sie den Schlüssel, der zum Zertifikat gehört; ist er installiert, antwortet jemand anderes"
        }
        Finding::UnreadableCertificate { .. } => {
            "sehen Sie die Kettendatei an: sie ist vielleicht abgeschnitten oder enthält etwas, das kein Zertifikat ist"
        }
        Finding::BadSignature { .. } => {
            "holen Sie Zertifikat und Aussteller neu von der CA; eines von beiden wurde verändert oder gehört nicht dorthin"
        }
        Finding::WeakKey { .. } => "besorgen Sie ein Zertifikat mit einem Schlüssel von mindestens RSA 2048 oder EC P-256",
        Finding::WeakSignature { .. } => "besorgen Sie ein Zertifikat, das mit SHA-256 oder besser signiert ist",
        Finding::IntermediateExpiresSoon { is_anchor: true, .. } => {
            "nehmen Sie die nächste Wurzel der CA in den Vertrauensspeicher und lassen Sie das Serverzertifikat unter ihr ausstellen"
        }
        Finding::IntermediateExpiresSoon { .. } => {
            "nehmen Sie das nächste Zwischenzertifikat der CA in die Kettendatei; hat es einen anderen Schlüssel, erneuern Sie zuerst das Serverzertifikat darunter"
        }
        Finding::OutlivesIssuer { .. } => {
            "erneuern Sie das Serverzertifikat vor diesem Tag, unter dem nächsten Zertifikat der CA"
        }
        Finding::UnusualKey { .. } => {
            "nichts zu tun, wo kein Browser hinkommt; sonst besorgen Sie ein Zertifikat mit einem Schlüssel RSA 2048 oder EC P-256"
        }
        Finding::Lint { .. } => {
            "Clients sehen heute vielleicht darüber hinweg: berichtigen Sie die Vorlage, nach der die CA ausstellt, oder sagen Sie es der CA"
        }
        Finding::FewScts { .. } => {
            "lassen Sie es von einer CA neu ausstellen, die sie einbettet; es ist gut, wo der Server sie im Handshake sendet (was selten ist)"
        }
        Finding::InternalNames { .. } => {
            "lassen Sie es ohne diese Namen neu ausstellen, und nehmen Sie für Internes ein Zertifikat Ihrer eigenen CA: die CA muss dieses widerrufen"
        }
        Finding::BroadWildcard { .. } => {
            "lassen Sie ihn beim nächsten Zertifikat weg und nennen Sie die Rechner oder ihre Domain"
        }
        Finding::PartialWildcard { asked, .. } => {
            return format!("lassen Sie das Zertifikat für {asked} neu ausstellen, oder mit einem Stern für ein ganzes Label");
        }
        Finding::MustStaple { stapled: Some(false) } => {
            "schalten Sie OCSP-Stapling am Server ein (nginx ssl_stapling, Apache SSLUseStapling), oder erneuern Sie ohne die Erweiterung TLS Feature: Firefox lehnt es ab"
        }
        Finding::MustStaple { .. } => "achten Sie darauf, dass Stapling eingeschaltet bleibt; ohne lehnt Firefox das Zertifikat ab",
        Finding::DefaultCertificate { maker, .. } => {
            return format!("hinterlegen Sie dort das richtige Zertifikat; für „{}“ heißt das: „{}“", maker.software, maker.remedy);
        }
        Finding::MissingSan { .. } => {
            "besorgen Sie ein Zertifikat, das seine Namen als Subject Alternative Names (SAN) trägt"
        }
        Finding::MissingServerAuth { .. } => {
            "besorgen Sie ein Zertifikat für Server, von einer CA, die solche ausstellen darf: Extended Key Usage serverAuth"
        }
        Finding::CaAsLeaf { self_signed: true, .. } => {
            "strenge Clients (rustls) lehnen es ab, selbst wo ihm vertraut wird: machen Sie es ohne CA:TRUE (openssl req -x509 -addext basicConstraints=critical,CA:FALSE)"
        }
        Finding::CaAsLeaf { .. } => {
            "stellen Sie dem Server ein eigenes Zertifikat aus und nehmen Sie den Schlüssel der CA von ihm weg: wer ihn hat, kann für jeden Namen ausstellen"
        }
        Finding::LifetimeTooLong { .. } => "erneuern Sie es: Browser lehnen ein öffentliches Zertifikat so langer Laufzeit ab",
        Finding::SignatureUnchecked { .. } => {
            "sehen Sie selbst mit openssl verify nach; ist alles in Ordnung, tragen Sie signature_unchecked unter accept des Endpunkts ein"
        }
        Finding::Refused { code: 1, .. } => {
            "OpenSSL nennt keinen Grund; der bekannte ist, dass mehr Namen mit mehr Namensbeschränkungen zu vergleichen sind, als es vergleicht (2^20): bitten Sie die CA um weniger"
        }
        Finding::Refused { .. } => {
            "schlagen Sie den Code in openssl-verification-options(1) nach, und fragen Sie die CA"
        }
        Finding::HandshakeFailed { failure } => return handshake_hint(&failure.kind),
        Finding::Unreachable { failure } => unreachable_hint(&failure.kind),
        Finding::ClientCertificateWanted => {
            "nichts zu tun: das Zertifikat des Servers wurde gesehen und beurteilt"
        }
    }
    .to_owned()
}

fn handshake_hint(kind: &FailureKind) -> String {
    match kind {
        FailureKind::Plaintext(protocol) if protocol == "unknown" => {
            "der Port spricht kein TLS: berichtigen Sie den Port, oder nennen Sie das Protokoll im Ziel (smtp://, imap://, ..)"
                .into()
        }
        FailureKind::Plaintext(protocol) if Protocol::from_starttls(protocol).is_some() => format!(
            "der Port spricht {protocol} ohne TLS: nennen Sie das Protokoll im Ziel ({protocol}://), falls er STARTTLS hat, oder berichtigen Sie den Port"
        ),
        FailureKind::Plaintext(protocol) => {
            format!("der Port spricht {protocol} ohne TLS: berichtigen Sie den Port, oder schalten Sie TLS am Server ein")
        }
        FailureKind::NoCommonVersion => "der Server bietet weder TLS 1.2 noch TLS 1.3: bringen Sie ihn auf den Stand".into(),
        FailureKind::NoCommonCipher => {
            "der Server bietet nur Verfahren, die moderne Clients ablehnen: bringen Sie seine Konfiguration auf den Stand".into()
        }
        FailureKind::TooMuchData => {
            "das ist mehr, als certvigil von einem Handshake liest: sehen Sie mit openssl s_client, was der Server sendet, und kürzen Sie seine Kette".into()
        }
        FailureKind::StarttlsRefused => "schalten Sie STARTTLS am Server ein, oder berichtigen Sie das Protokoll im Ziel".into(),
        _ => "sehen Sie ins Protokoll des Servers von diesem Zeitpunkt".into(),
    }
}

fn unreachable_hint(kind: &FailureKind) -> &'static str {
    match kind {
        FailureKind::NameNotFound => "berichtigen Sie den Namen, oder nehmen Sie den Endpunkt aus dem Inventar",
        FailureKind::DnsFailure => "sehen Sie nach, ob die Namensauflösung dieser Maschine arbeitet",
        FailureKind::Refused => "dort nimmt niemand Verbindungen an: starten Sie den Server, oder berichtigen Sie den Port",
        FailureKind::ProxyRefused => {
            "sehen Sie nach, ob der Proxy läuft und ob er diese Maschine dorthin lässt; oder gehen Sie ohne ihn"
        }
        FailureKind::Internal => "certvigil konnte den Besuch nicht machen: sehen Sie in sein Protokoll",
        _ => "sehen Sie nach, ob eine Firewall oder die Route dorthin die Verbindung verwirft",
    }
}

/// What happened, then the system's own words.
fn failure(failure: &Failure) -> String {
    let what = match &failure.kind {
        FailureKind::NameNotFound => "der Name existiert nicht oder hat keine Adresse",
        FailureKind::DnsFailure => "die Namensauflösung ist fehlgeschlagen",
        FailureKind::Refused => "die Verbindung wurde abgelehnt",
        FailureKind::Unreachable => "es gibt keinen Weg dorthin",
        FailureKind::Timeout => "die Gegenseite hat nicht rechtzeitig geantwortet",
        FailureKind::Reset => "die Gegenseite hat die Verbindung abgebrochen",
        FailureKind::ClosedEarly => "die Gegenseite hat die Verbindung zu früh geschlossen",
        FailureKind::Alert(_) => "die Gegenseite hat den Handshake mit einem Alarm beendet",
        FailureKind::NoCommonVersion => "es gibt keine gemeinsame TLS-Version",
        FailureKind::NoCommonCipher => "es gibt kein gemeinsames Verschlüsselungsverfahren",
        FailureKind::Plaintext(_) => "die Gegenseite antwortet unverschlüsselt, wo TLS erwartet war",
        FailureKind::TooMuchData => "die Gegenseite sendet mehr, als ein Handshake haben darf",
        FailureKind::ProtocolViolation => "die Gegenseite spricht kein TLS",
        FailureKind::StarttlsRefused => "der Server hat kein STARTTLS oder lehnt es ab",
        FailureKind::ProxyRefused => "der Proxy lehnt die Verbindung ab",
        FailureKind::Internal => "der Besuch ist bei certvigil selbst gescheitert",
    };
    format!("{what} („{}“)", printable(&failure.detail))
}

/// How far a visit came.
pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Resolve => "Namensauflösung",
        Stage::Connect => "Verbindungsaufbau",
        Stage::Starttls => "STARTTLS",
        Stage::Handshake => "TLS-Handshake",
    }
}

/// When an endpoint usually renews: a sentence.
pub(super) fn habit(habit: &Habit, now: Timestamp) -> String {
    let (usual, left, is_days) = habit.numbers(now);
    let unit = if is_days { "Tage" } else { "Stunden" };
    let overdue = if habit.is_overdue(now) { ": überfällig" } else { "" };
    format!("Üblicherweise wird es erneuert, wenn noch {usual} {unit} bleiben; jetzt sind es {left}{overdue}.")
}

/// How far a new certificate has come: a sentence.
pub(super) fn rollout(rollout: &Rollout) -> String {
    let Rollout { renewed, of, old, alternates } = rollout;
    let new = if *renewed > 0 { format!("{renewed} von {of} Adressen haben das neue Zertifikat, ") } else { String::new() };
    let rest = match (alternates, old.len() > 1) {
        (true, false) => "zeigt mal das alte, mal das neue",
        (true, true) => "zeigen mal das alte, mal das neue",
        (false, false) => "hat noch das alte",
        (false, true) => "haben noch das alte",
    };
    format!("unvollständig ausgerollt: {new}{} {rest}", old.join(", "))
}

/// Which clients accept it, and which refuse it.
pub(super) fn works_where(views: &Views) -> String {
    let answering = |answer: &str| {
        let clients = views.clients.iter().filter(|view| view.answer.name() == answer).map(|view| client(view.client));
        clients.collect::<Vec<_>>()
    };
    let (works, fails) = (answering("accepts"), answering("refuses"));
    if fails.len() == views.clients.len() {
        return "scheitert überall".into();
    }
    let parts = [("funktioniert in", works), ("scheitert in", fails)].into_iter().filter(|(_, clients)| !clients.is_empty());
    parts.map(|(what, clients)| format!("{what} {}", clients.join(", "))).collect::<Vec<_>>().join("; ")
}

/// As it stands after "in".
fn client(client: Client) -> &'static str {
    match client {
        Client::Curl => "curl",
        Client::Python => "Python",
        Client::Company => "Clients mit der eingetragenen CA",
        Client::Browser => "Browsern",
        Client::Rustls => "rustls",
    }
}

fn extra(extra: &Extra) -> String {
    let subject = &extra.subject;
    match &extra.kind {
        ExtraKind::Copy => format!("„{subject}“ mehr als einmal"),
        ExtraKind::ExpiredRoot => format!("die abgelaufene Wurzel „{subject}“"),
        ExtraKind::Alternative(issuer) => {
            format!("„{subject}“ wie von „{issuer}“ ausgestellt, ein anderer Pfad für ältere Clients")
        }
        ExtraKind::ExpiredAlternative(issuer) => format!("„{subject}“ wie von „{issuer}“ ausgestellt, was abgelaufen ist"),
        ExtraKind::Unrelated => format!("„{subject}“, das zu keinem Pfad gehört"),
    }
}

/// What makes the mismatch a near one, to follow what is carried and what was asked for; empty where nothing does.
fn near_miss(near: &NearMiss, asked: &str) -> String {
    match near {
        NearMiss::Far | NearMiss::SameDomain(_) => String::new(),
        NearMiss::NoAddresses => ": es trägt keine Adresse, und ein Name steht nicht für eine".into(),
        NearMiss::AddressAsName => format!(": es trägt {asked} als Namen, und Clients suchen sie unter den Adressen"),
        NearMiss::OnlyAddresses => ": es trägt nur Adressen und keinen Namen".into(),
        NearMiss::OnlyCommonName => ": nur sein Common Name (CN) sagt es, der neben Alternativnamen nicht zählt".into(),
        NearMiss::TrailingDot => ": es schreibt den Namen mit einem Punkt am Ende, was auf nichts passt".into(),
        NearMiss::AskedWithDot => ": der Punkt am Ende des Gefragten steht in keinem Zertifikat".into(),
        NearMiss::OnlyWww => format!(": es deckt www.{asked} ab, aber nicht {asked} selbst"),
        NearMiss::OnlyApex => {
            format!(": es deckt {} ab, aber nicht den Namen mit www", asked.trim_start_matches("www."))
        }
        NearMiss::WildcardAboveApex(wildcard) => {
            format!(": {wildcard} deckt die Namen unter {asked} ab, aber nicht {asked} selbst")
        }
        NearMiss::WildcardTooShort(wildcard) => {
            format!(": der Stern von {wildcard} steht für ein Glied des Namens, und {asked} hat mehr")
        }
        NearMiss::WildcardTooLong(wildcard) => format!(": {wildcard} deckt Namen ein Glied tiefer ab"),
        NearMiss::WildcardRefused(wildcard) => format!(": {wildcard} ist weiter, als ein Client es annimmt"),
    }
}

fn near_miss_hint(near: &NearMiss, asked: &str) -> String {
    match near {
        NearMiss::NoAddresses | NearMiss::AddressAsName => format!(
            "verbinden Sie sich über einen Namen, den es trägt (server_name), oder besorgen Sie ein Zertifikat mit {asked} als IP-Adresse unter den Alternativnamen"
        ),
        NearMiss::OnlyCommonName => format!("besorgen Sie ein Zertifikat mit {asked} unter den Alternativnamen (SAN)"),
        NearMiss::TrailingDot => {
            format!("besorgen Sie ein Zertifikat mit {asked} unter den Alternativnamen, ohne den Punkt")
        }
        NearMiss::AskedWithDot => "schreiben Sie den Namen ohne den Punkt am Ende".into(),
        NearMiss::OnlyWww
        | NearMiss::OnlyApex
        | NearMiss::WildcardAboveApex(_)
        | NearMiss::WildcardTooShort(_)
        | NearMiss::WildcardTooLong(_)
        | NearMiss::WildcardRefused(_) => format!(
            "besorgen Sie ein Zertifikat, das auch {asked} nennt, oder verbinden Sie sich über einen Namen, den es trägt (server_name)"
        ),
        NearMiss::SameDomain(name) => format!(
            "sehen Sie nach, ob der Server ein Zertifikat für {asked} hat und es nach SNI auswählt, denn dieses ist für {name}, aus derselben Domain; sonst verbinden Sie sich über einen Namen, den es trägt (server_name)"
        ),
        NearMiss::Far | NearMiss::OnlyAddresses => {
            "installieren Sie ein Zertifikat, das den Namen trägt, oder verbinden Sie sich über einen Namen, den es trägt (server_name)"
                .into()
        }
    }
}

fn quoted(names: &[String]) -> String {
    listed(names.iter().map(|name| format!("„{name}“")))
}

/// The first few, and how many more there are.
fn listed(mut names: impl ExactSizeIterator<Item = String>) -> String {
    let shown = names.by_ref().take(10).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => shown,
        more => format!("{shown} und {more} weitere"),
    }
}

fn date(at: Timestamp) -> String {
    Language::German.date(at)
}

fn span(from: Timestamp, to: Timestamp) -> String {
    Language::German.span(from, to)
}
