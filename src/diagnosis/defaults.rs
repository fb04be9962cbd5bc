//! Certificates that software made for itself when nobody gave it one: by the names that it writes into them.

use crate::certificate::{Facts, San, split};

/// Software, and how its certificates are recognised.
#[derive(Debug, PartialEq, Eq)]
pub struct Maker {
    /// Its name.
    pub software: &'static str,
    /// Nobody is meant to see this certificate: it stands in where the right one is missing.
    pub placeholder: bool,
    /// What to do in the software.
    pub remedy: &'static str,
    /// Attributes of the subject, `*` at the end for any rest; every one must be there.
    subject: &'static [&'static str],
    /// The same of the issuer.
    issuer: &'static [&'static str],
}

/// All that are known.
pub fn makers() -> impl Iterator<Item = &'static Maker> {
    MAKERS.iter().chain([&SNAKEOIL, &CPANEL])
}

/// Whose default certificate this is. The caller has made sure that no public CA issued it.
pub(super) fn maker(leaf: &Facts) -> Option<&'static Maker> {
    let by_name = by_names(leaf.subject.text(), leaf.issuer.text());
    by_name.or_else(|| is_snakeoil(leaf).then_some(&SNAKEOIL)).or_else(|| is_cpanel(leaf).then_some(&CPANEL))
}

/// Who makes certificates of these names.
fn by_names(subject: &str, issuer: &str) -> Option<&'static Maker> {
    let [subject, issuer] = [subject, issuer].map(|name| split(name, &[',', '+']));
    MAKERS.iter().find(|maker| has_all(&subject, maker.subject) && has_all(&issuer, maker.issuer))
}

fn has_all(attributes: &[&str], wanted: &[&str]) -> bool {
    let has = |wanted: &&str| match wanted.strip_suffix('*') {
        Some(start) => attributes.iter().any(|attribute| attribute.starts_with(start)),
        None => attributes.contains(wanted),
    };
    wanted.iter().all(has)
}

/// As Debian's make-ssl-cert writes it: self-signed, RSA, ten years, the machine's bare name as CN and only alternative name.
fn is_snakeoil(leaf: &Facts) -> bool {
    if !leaf.is_self_signed() {
        return false;
    }
    let days = (leaf.not_after.as_second() - leaf.not_before.as_second()) / 86_400;
    let bare = leaf.common_names().next().filter(|name| !name.contains('.') && leaf.subject.shape().attributes == 1);
    let ext = &leaf.extensions;
    let named = bare.is_some_and(|bare| leaf.sans().eq([San::Dns(bare.into())]));
    named
        && days == 3650
        && ext.key_usage.is_none()
        && leaf.extended_key_usage().is_none()
        && ext.basic_constraints.is_some_and(|bc| !bc.ca)
        && matches!(leaf.key.kind, crate::certificate::KeyKind::Rsa(_))
}

/// As cPanel writes it: self-signed, with the address `ssl@` at the name itself.
fn is_cpanel(leaf: &Facts) -> bool {
    leaf.is_self_signed()
        && leaf.common_names().next().is_some_and(|name| {
            !name.is_empty() && split(leaf.subject.text(), &[',', '+']).contains(&&*format!("emailAddress=ssl@{name}"))
        })
}

const fn placeholder(
    software: &'static str,
    subject: &'static [&'static str],
    issuer: &'static [&'static str],
    remedy: &'static str,
) -> Maker {
    Maker { software, placeholder: true, remedy, subject, issuer }
}

const fn device(
    software: &'static str,
    subject: &'static [&'static str],
    issuer: &'static [&'static str],
    remedy: &'static str,
) -> Maker {
    Maker { software, placeholder: false, remedy, subject, issuer }
}

const SNAKEOIL: Maker = placeholder(
    "the package ssl-cert of Debian and Ubuntu (snakeoil)",
    &[],
    &[],
    "replace /etc/ssl/certs/ssl-cert-snakeoil.pem in the server's configuration by the right certificate",
);

const CPANEL: Maker =
    placeholder("cPanel", &[], &[], "install a certificate for this name in SSL/TLS, or let AutoSSL run for it");

/// The first that fits counts.
const MAKERS: &[Maker] = &[
    placeholder(
        "ingress-nginx of Kubernetes",
        &["CN=Kubernetes Ingress Controller Fake Certificate"],
        &[],
        "name the secret with the certificate under spec.tls of the Ingress, in the same namespace and for this host, or give the controller --default-ssl-certificate",
    ),
    placeholder(
        "Traefik",
        &["CN=TRAEFIK DEFAULT CERT"],
        &[],
        "give the router of this host a tls.certResolver, or put a certificate for it into the TLS store",
    ),
    placeholder(
        "cert-manager",
        &["O=cert-manager", "CN=cert-manager.local"],
        &[],
        "it is a temporary one: see with kubectl describe certificate why the right one is not issued",
    ),
    placeholder("Argo CD", &["O=Argo CD"], &["O=Argo CD"], "put a certificate into the secret argocd-server-tls"),
    placeholder(
        "Nginx Proxy Manager",
        &["O=Nginx Proxy Manager", "OU=Dummy Certificate"],
        &[],
        "choose a certificate for the proxy host of this name",
    ),
    placeholder(
        "mod_ssl of Red Hat's Apache",
        &["O=SomeOrganization", "OU=SomeOrganizationalUnit"],
        &[],
        "set SSLCertificateFile and SSLCertificateKeyFile of the virtual host instead of localhost.crt",
    ),
    placeholder("Plesk", &["CN=Plesk", "O=Plesk*"], &[], "choose a certificate for the domain, or for Plesk itself, in SSL/TLS"),
    placeholder("Plesk", &["CN=Parallels Panel"], &[], "choose a certificate for the domain, or for Plesk itself, in SSL/TLS"),
    placeholder(
        "F5 BIG-IP",
        &["O=MyCompany", "CN=localhost.localdomain"],
        &[],
        "put a certificate into the client SSL profile of the virtual server, or into the device's own",
    ),
    placeholder("Citrix NetScaler", &["O=Citrix ANG", "OU=NS Internal"], &[], "bind a certificate to the virtual server"),
    placeholder(
        "Java's keytool",
        &["CN=Unknown", "OU=Unknown", "O=Unknown"],
        &[],
        "import the right certificate into the keystore, under the alias that the server uses",
    ),
    placeholder(
        "the questions of openssl req, unanswered",
        &["O=Internet Widgits Pty Ltd"],
        &[],
        "get a certificate for this server, or make one with its name (-subj, -addext subjectAltName=..)",
    ),
    placeholder("Courier", &["O=Courier Mail Server"], &[], "name the right certificate as TLS_CERTFILE"),
    placeholder("Dovecot", &["OU=Dovecot mail server*"], &[], "name the right certificate as ssl_cert"),
    placeholder("Dovecot", &["O=Dovecot mail server*"], &[], "name the right certificate as ssl_cert"),
    placeholder("Webmin", &["O=Webmin Webserver on *"], &[], "upload a certificate in Webmin Configuration, SSL Encryption"),
    device(
        "the origin CA of Cloudflare, which only Cloudflare's own proxy trusts,",
        &[],
        &["OU=CloudFlare Origin SSL Certificate Authority"],
        "let clients in through Cloudflare's proxy only, or install a certificate of a public CA",
    ),
    device(
        "Proxmox VE",
        &[],
        &["CN=Proxmox Virtual Environment", "O=PVE Cluster Manager CA"],
        "trust the cluster's CA (/etc/pve/pve-root-ca.pem), or upload a certificate under Certificates of the node",
    ),
    device("Proxmox Backup Server", &["O=Proxmox Backup Server"], &[], "upload a certificate under Certificates of the server"),
    device(
        "VMware ESXi",
        &["OU=VMware ESX Server Default Certificate"],
        &[],
        "replace rui.crt and rui.key, or let vCenter issue a certificate for the host",
    ),
    device(
        "VMware vCenter's own CA",
        &[],
        &["CN=CA", "DC=vsphere", "DC=local"],
        "trust vCenter's root (it is offered at https://the-vcenter/certs/download.zip), or replace the machine certificate",
    ),
    device(
        "Dell iDRAC",
        &["OU=Remote Access Group", "CN=idrac*"],
        &[],
        "upload a certificate in iDRAC Settings, Services, Web Server",
    ),
    device(
        "Dell iDRAC",
        &["OU=Remote Access Group", "CN=iDRAC*"],
        &[],
        "upload a certificate in iDRAC Settings, Services, Web Server",
    ),
    device("HPE iLO", &[], &["CN=Default Issuer (Do not trust)"], "import a certificate in Security, SSL Certificate"),
    device(
        "FortiGate",
        &["O=Fortinet", "OU=FortiGate"],
        &[],
        "choose another certificate under System, Settings, HTTPS server certificate, or for the SSL VPN",
    ),
    device(
        "SonicWall",
        &["O=HTTPS Management Certificate for SonicWALL*"],
        &[],
        "import a certificate and choose it under Administration, Web Management Settings",
    ),
    device(
        "Cisco IOS",
        &["CN=IOS-Self-Signed-Certificate-*"],
        &[],
        "set ip http secure-trustpoint to a trustpoint with the right certificate",
    ),
    device(
        "Cisco ASA",
        &["CN=ASA Temporary Self Signed Certificate"],
        &[],
        "set ssl trust-point to a trustpoint with the right certificate",
    ),
    device("Synology DSM", &["O=Synology Inc.*"], &[], "add a certificate under Security, Certificate, and make it the default"),
    device("QNAP QTS", &["O=QNAP Systems*"], &[], "replace the certificate under Security, SSL Certificate & Private Key"),
    device("UniFi", &["CN=UniFi", "O=Ubiquiti*"], &[], "import a certificate into the keystore of the UniFi controller"),
    device("UniFi", &["CN=unifi.local", "O=Ubiquiti*"], &[], "upload a certificate in the console's settings"),
    device("pfSense", &["O=pfSense webConfigurator Self-Signed Certificate"], &[], "choose a certificate under System, Advanced"),
    device(
        "OPNsense",
        &["O=OPNsense self-signed web certificate"],
        &[],
        "choose a certificate under System, Settings, Administration",
    ),
    device(
        "the management service of IIS",
        &["CN=WMSvc-*"],
        &[],
        "choose a certificate for the site's https binding in IIS, or for the Management Service",
    ),
    device(
        "Caddy's local CA",
        &[],
        &["CN=Caddy Local Authority*"],
        "name the site by its public name, or trust Caddy's root (caddy trust)",
    ),
    device(
        "mkcert",
        &[],
        &["O=mkcert development CA"],
        "it is for development: install a certificate of a CA that the clients trust",
    ),
    device(
        "Elasticsearch",
        &[],
        &["CN=Elasticsearch security auto-configuration HTTP CA"],
        "trust http_ca.crt of the cluster, or set xpack.security.http.ssl to the right certificate",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        certificate::{Certificate, Name, der},
        lab::pki::{KeyType, Recipe},
    };

    #[test]
    fn software_is_known_by_what_it_writes() {
        for (subject, issuer, expected) in [
            (
                "CN=Kubernetes Ingress Controller Fake Certificate,O=Acme Co",
                "CN=Kubernetes Ingress Controller Fake Certificate,O=Acme Co",
                Some("ingress-nginx of Kubernetes"),
            ),
            ("CN=TRAEFIK DEFAULT CERT", "CN=TRAEFIK DEFAULT CERT", Some("Traefik")),
            (
                "emailAddress=root@localhost.localdomain,CN=localhost.localdomain,OU=SomeOrganizationalUnit,O=SomeOrganization,L=SomeCity,ST=SomeState,C=--",
                "",
                Some("mod_ssl of Red Hat's Apache"),
            ),
            (
                "CN=pve1.example,OU=PVE Cluster Node,O=Proxmox Virtual Environment",
                "CN=Proxmox Virtual Environment,OU=0a1b,O=PVE Cluster Manager CA",
                Some("Proxmox VE"),
            ),
            ("CN=a.example", "CN=Caddy Local Authority - ECC Intermediate", Some("Caddy's local CA")),
            ("CN=IOS-Self-Signed-Certificate-123", "", Some("Cisco IOS")),
            // Nobody's: a part of a value is no value, an escaped comma separates nothing, a word in another attribute is not it.
            ("CN=Our TRAEFIK DEFAULT CERT", "", None),
            ("CN=a\\,O=cert-manager,CN=cert-manager.local", "", None),
            ("CN=a\\\\,O=cert-manager,CN=cert-manager.local", "", Some("cert-manager")),
            ("CN=www.plesk.example,O=Plesk International GmbH", "CN=Public CA", None),
            ("CN=a.example,O=Fortinet", "", None),
        ] {
            assert_eq!(by_names(subject, issuer).map(|maker| maker.software), expected, "{subject} {issuer}");
        }
    }

    #[test]
    fn debians_snakeoil_is_known_by_its_shape() {
        let now = "2026-11-22T12:00:00Z".parse().expect("a timestamp");
        let leaf = |name| {
            let recipe = Recipe::leaf(now, [name]).key(KeyType::Rsa2048).key_usages([]).extended_key_usages([]);
            let made = recipe.days(-10, 3640).self_signed().expect("RSA");
            let mut facts = Certificate::from_der(&made.der()).facts().expect("readable").clone();
            // The lab's subjects have an organization as well, which comes first.
            let common_name = [&[0x06, 3, 0x55, 4, 3][..], &der::written(0x0c, name.as_bytes())].concat();
            facts.subject = Name::of_relative(&der::written(der::SEQUENCE, &common_name)).expect("sound");
            facts.issuer = facts.subject.clone();
            facts
        };
        assert_eq!(maker(&leaf("debian")), Some(&SNAKEOIL));
        assert_eq!(maker(&leaf("debian.example")), None);
        let mut shorter = leaf("debian");
        shorter.not_after = now;
        assert_eq!(maker(&shorter), None);
    }

    #[test]
    fn every_maker_has_something_to_be_known_by() {
        for maker in MAKERS {
            assert!(!(maker.subject.is_empty() && maker.issuer.is_empty()), "{}", maker.software);
            assert!(!maker.remedy.ends_with('.') && !maker.remedy.starts_with(char::is_uppercase), "{}", maker.remedy);
        }
    }
}
