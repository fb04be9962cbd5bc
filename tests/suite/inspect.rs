//! `certvigil inspect`, and `verify` before a deployment: files as openssl and Java write them, made on the spot.

use std::{fs, process::Command};

use certvigil::inspect::{self, Format};
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use crate::support::{
    program::{Said, certvigil},
    scratch::Scratch,
};

/// A root, a chain of leaf and intermediate, and the leaf's key, as files.
struct Files {
    scratch: Scratch,
    leaf_key: KeyPair,
}

impl Files {
    fn new() -> Self {
        let ca = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).expect("no names");
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let key = || KeyPair::generate().expect("a key");
        let root = CertifiedIssuer::self_signed(ca("Root"), key()).expect("a root");
        let intermediate = CertifiedIssuer::signed_by(ca("Intermediate"), key(), &root).expect("an intermediate");
        let leaf_key = key();
        let mut params = CertificateParams::new(vec!["shop.example".into()]).expect("a name");
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 3, 1);
        let leaf = params.signed_by(&leaf_key, &intermediate).expect("a leaf");
        let scratch = Scratch::new();
        scratch.file("root.pem", root.pem());
        scratch.file("leaf.pem", leaf.pem());
        scratch.file("fullchain.pem", leaf.pem() + &intermediate.pem());
        scratch.file("reversed.pem", intermediate.pem() + &leaf.pem());
        scratch.file("leaf.key", leaf_key.serialize_pem());
        scratch.file("other.key", key().serialize_pem());
        Files { scratch, leaf_key }
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path().join(name).display().to_string()
    }

    /// Runs openssl here.
    fn openssl(&self, arguments: &str) -> &Self {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(self.scratch.path()).output();
        let output = output.expect("these tests need the openssl program (Debian: apt-get install openssl)");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        self
    }

    /// What `inspect --json` says of these files, an object a file.
    fn inspect(&self, arguments: &[&str]) -> Vec<Value> {
        let said = self.run(&[&["inspect", "--json"], arguments].concat());
        assert_eq!(said.status, 0, "{}", said.err);
        said.out.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
    }

    /// The program, with names of files made paths; whatever it says, the key is not in it.
    fn run(&self, arguments: &[&str]) -> Said {
        let paths: Vec<String> = arguments
            .iter()
            .map(|argument| {
                if argument.contains('.') && !argument.ends_with("example") {
                    self.path(argument)
                } else {
                    (*argument).to_owned()
                }
            })
            .collect();
        let said = certvigil(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        let pem = self.leaf_key.serialize_pem();
        for line in pem.lines().filter(|line| !line.starts_with('-')) {
            assert!(
                !said.out.contains(&line[..16]) && !said.err.contains(&line[..16]),
                "the key is shown: {}{}",
                said.out,
                said.err
            );
        }
        said
    }
}

fn kinds(file: &Value) -> String {
    let kinds: Vec<&str> = file["items"].as_array().expect("items").iter().filter_map(|item| item["kind"].as_str()).collect();
    format!("{} {}", file["format"].as_str().expect("a format"), kinds.join(" "))
}

#[test]
fn a_form_is_known_by_its_content() {
    let files = Files::new();
    files
        .openssl("pkcs12 -export -in fullchain.pem -inkey leaf.key -passout pass:open -name web -out a.txt")
        .openssl("pkcs12 -export -in fullchain.pem -inkey leaf.key -passout pass: -out b.txt")
        .openssl("crl2pkcs7 -nocrl -certfile fullchain.pem -outform DER -out c.txt")
        .openssl("crl2pkcs7 -nocrl -certfile fullchain.pem -out d.txt")
        .openssl("x509 -in leaf.pem -outform DER -out e.txt")
        .openssl("pkcs8 -topk8 -in leaf.key -passout pass:x -out f.txt")
        .openssl("pkcs8 -topk8 -in leaf.key -passout pass:x -outform DER -out g.txt")
        .openssl("ec -in leaf.key -out h.txt")
        .openssl("ec -in leaf.key -aes128 -passout pass:x -out i.txt")
        .openssl("req -new -key leaf.key -subj /CN=shop.example -addext subjectAltName=DNS:shop.example -out j.txt")
        .openssl("req -in j.txt -outform DER -out k.txt")
        .openssl("genrsa -traditional -out l.txt 1024");
    files.scratch.file("password.txt", "open\n");
    fs::write(files.path("m.txt"), keystore(&fs::read(files.path("e.txt")).expect("just made"))).expect("writable");
    for (name, expected) in [
        ("a.txt", "PKCS#12 certificate certificate private_key"),
        ("c.txt", "PKCS#7 certificate certificate"),
        ("d.txt", "PKCS#7 certificate certificate"),
        ("e.txt", "DER certificate"),
        ("f.txt", "PEM private_key"),
        ("g.txt", "DER private_key"),
        ("h.txt", "PEM private_key"),
        ("i.txt", "PEM private_key"),
        ("j.txt", "PEM request"),
        ("k.txt", "DER request"),
        ("l.txt", "PEM private_key"),
        ("m.txt", "JKS private_key certificate certificate"),
    ] {
        let said = files.inspect(&[name, "--password-file", "password.txt"]);
        assert_eq!(kinds(&said[0]), expected, "{name}");
    }
    // What is offered for these works as it stands, and gives what was there.
    for name in ["c.txt", "d.txt", "e.txt", "k.txt"] {
        for conversion in files.inspect(&[name])[0]["conversions"].as_array().expect("conversions") {
            let command = conversion["command"].as_str().expect("a command");
            let arguments = command.strip_prefix("openssl ").expect("a command of openssl");
            let made = files.openssl(arguments).inspect(&[arguments.rsplit('/').next().expect("a file")]);
            assert_eq!(made[0]["format"], "PEM", "{command}");
        }
    }
    // An empty password needs no file.
    assert_eq!(kinds(&files.inspect(&["b.txt"])[0]), "PKCS#12 certificate certificate private_key");
    let key = |name: &str| files.inspect(&[name])[0]["items"][0].clone();
    assert_eq!(key("i.txt")["form"], "encrypted");
    assert_eq!((&key("h.txt")["form"], &key("h.txt")["key"]), (&"SEC1".into(), &"EC P-256".into()));
    assert_eq!((&key("l.txt")["form"], &key("l.txt")["key"]), (&"PKCS#1".into(), &"RSA 1024".into()));
    let request = key("k.txt");
    assert_eq!((&request["subject"], &request["signed"]), (&"CN=shop.example".into(), &true.into()), "{request}");
    assert_eq!(request["sans"][0], "dns:shop.example");
}

/// A Java keystore of version 2: a private key with a chain of one, and a trusted certificate.
fn keystore(certificate: &[u8]) -> Vec<u8> {
    let size = |octets: usize| u32::try_from(octets).expect("small").to_be_bytes();
    let text = |text: &str| [&u16::try_from(text.len()).expect("short").to_be_bytes()[..], text.as_bytes()].concat();
    let certificate = [&text("X.509")[..], &size(certificate.len()), certificate].concat();
    let head = [&[0xfe, 0xed, 0xfe, 0xed][..], &size(2), &size(2)].concat();
    let key = [&size(1)[..], &text("web"), &[0; 8], &size(5), b"12345", &size(1), &certificate].concat();
    let trusted = [&size(2)[..], &text("root"), &[0; 8], &certificate].concat();
    [&head[..], &key, &trusted, &[7; 20]].concat()
}

#[test]
fn keys_are_told_with_the_certificates_they_belong_to() {
    let files = Files::new();
    let said = files.inspect(&[
        "fullchain.pem",
        "leaf.key",
        "other.key",
        "--ca-file",
        "root.pem",
        "--only-ca-file",
        "--host",
        "shop.example",
    ]);
    assert_eq!(said[1]["items"][0]["belongs_to"][0]["item"], 1, "{}", said[1]);
    assert_eq!(said[2]["items"][0]["belongs_to"], serde_json::json!([]), "{}", said[2]);
    assert!(said[1]["verdict"].is_null() && said[0]["verdict"]["findings"].as_array().is_some_and(|found| !found.is_empty()));
    let said = files.run(&["inspect", "fullchain.pem", "leaf.key", "other.key"]);
    for expected in [
        "belongs to   certificate 1 of ",
        "belongs to   none of the certificates",
        "role         intermediate CA",
        "names        dns:shop.example\n",
        "As a server would present it:\n",
        &format!("openssl pkcs12 -export -in {} -inkey {} -out ", files.path("fullchain.pem"), files.path("leaf.key")),
    ] {
        assert!(said.out.contains(expected), "{expected} in {}", said.out);
    }
}

#[test]
fn an_archive_that_is_encrypted_as_of_old_is_opened_by_openssl_on_request() {
    let files = Files::new();
    let export = "pkcs12 -export -in fullchain.pem -inkey leaf.key -passout pass:open";
    files.openssl(&format!("{export} -legacy -out old.p12"));
    files.openssl(&format!("{export} -out new.p12"));
    files.scratch.file("password.txt", "open\n");
    for (archive, option) in [("old.p12", " -legacy"), ("new.p12", "")] {
        let said = files.run(&["inspect", archive, "--password-file", "password.txt"]);
        let command = format!("openssl pkcs12{option} -in {} -nokeys -out ", files.path(archive));
        assert!(said.out.contains(&command), "{command} in {}", said.out);
        files.openssl(&format!("pkcs12{option} -in {archive} -passin pass:open -nokeys -out {archive}.pem"));
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let files = Files::new();
    let chain = fs::read_to_string(files.path("fullchain.pem")).expect("just made");
    let key = files.leaf_key.serialize_pem();
    files.scratch.file("cut.pem", &chain[..chain.len() - 40]);
    files.scratch.file("damaged.key", key.replacen('\n', "\n*", 1));
    files.scratch.file("cut.jks", &keystore(b"certificate")[..40]);
    files.scratch.file("old.jks", [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 9, 0, 0, 0, 0]);
    files.scratch.file("page.html", "<html>");
    files.scratch.file("empty.pem", "");
    files.openssl("pkcs12 -export -in fullchain.pem -inkey leaf.key -passout pass:open -out web.p12");
    files.openssl("x509 -in leaf.pem -outform DER -out leaf.der");
    files.scratch.file("wrong.txt", "shut\n");
    let der = fs::read(files.path("leaf.der")).expect("just made");
    files.scratch.file("cut.der", &der[..der.len() - 9]);
    let second = chain[..chain.rfind("-----BEGIN").expect("two certificates")].lines().count() + 1;
    for (arguments, expected) in [
        (
            &["cut.pem"][..],
            format!("cut.pem:{second}: the PEM block that begins \"-----BEGIN CERTIFICATE-----\" has no end line"),
        ),
        (&["damaged.key"], "damaged.key:1: the PEM block \"PRIVATE KEY\" holds something that is no Base64".into()),
        (&["cut.jks"], "cut.jks: at octet 38: the Java keystore should have 4 more octets here".into()),
        (&["old.jks"], "old.jks: at octet 8: is a Java keystore of version 9".into()),
        (&["page.html"], "page.html: looks like HTML or XML; name a file of certificates".into()),
        (&["empty.pem"], "empty.pem: is empty".into()),
        (&["cut.der"], "cut.der: at octet 0: is DER, but is no DER sequence; it ends before its own length says".into()),
        (&["web.p12"], "web.p12: is PKCS#12 with a password; give it with --password-file FILE".into()),
        (&["web.p12", "--password-file", "wrong.txt"], "web.p12: is PKCS#12, and the password does not open it".into()),
    ] {
        let said = files.run(&[&["inspect"], arguments].concat());
        assert_eq!(said.status, 3, "{arguments:?}");
        assert!(said.err.contains(&expected), "{expected}: {}", said.err);
    }
    let zero = certvigil(&["inspect", "/dev/zero"]);
    assert!(zero.status == 3 && zero.err.contains("is larger than 10 MB"), "{}", zero.err);
    // The others are shown all the same.
    let said = files.run(&["inspect", "empty.pem", "leaf.pem"]);
    assert!(said.status == 3 && said.out.contains("CN=Intermediate"), "{}", said.out);
}

#[test]
fn a_chain_is_verified_with_its_key_before_it_is_deployed() {
    let files = Files::new();
    let verify = |arguments: &[&str]| {
        let usual = [
            "verify",
            "--ca-file",
            "root.pem",
            "--only-ca-file",
            "--host",
            "shop.example",
            "--at",
            "2026-01-20T00:00:00Z",
            "--chain",
        ];
        files.run(&[&usual, arguments].concat())
    };
    let sound = verify(&["fullchain.pem", "--key", "leaf.key", "--min-days", "30"]);
    assert_eq!(sound.status, 0, "{}{}", sound.out, sound.err);
    let late = verify(&["fullchain.pem", "--key", "leaf.key", "--min-days", "60"]);
    assert!(late.status == 2 && late.out.contains("critical expires_soon"), "{}", late.out);
    let foreign = verify(&["fullchain.pem", "--key", "other.key"]);
    assert!(foreign.status == 2 && foreign.out.contains("critical key_possession_failed"), "{}", foreign.out);
    assert!(foreign.err.contains("other.key: this private key does not belong to the first certificate of "), "{}", foreign.err);
    let reversed = verify(&["reversed.pem", "--key", "leaf.key"]);
    assert!(reversed.status == 2 && reversed.err.ends_with(", but to number 2\n"), "{}", reversed.err);
    files.openssl("pkcs8 -topk8 -in leaf.key -passout pass:x -out encrypted.key");
    for (key, expected) in [
        ("encrypted.key", "the private key is encrypted, so that it cannot be compared"),
        ("root.pem", "holds no private key"),
        ("none.key", "does not exist"),
    ] {
        let said = verify(&["fullchain.pem", "--key", key]);
        assert!(said.status == 3 && said.err.contains(expected), "{key}: {}", said.err);
    }
}

#[test]
fn the_facts_read_well() {
    let said =
        certvigil(&["inspect", "tests/fixtures/certs/shop-leaf.pem", "--at", "2026-11-01T00:00:00Z", "--host", "shop.example"]);
    assert_eq!(said.status, 0, "{}", said.err);
    let (facts, rest) = said.out.split_once("\nAs a server would present it:\n").expect("a verdict");
    assert!(rest.contains("\n  Verify return code: 21 ") && rest.contains("\nTo convert it:\n"), "{rest}");
    insta::assert_snapshot!(facts, @r"
    tests/fixtures/certs/shop-leaf.pem: PEM, 1 certificate

      1 certificate (line 1)
        role         end entity, such as a server
        subject      CN=shop.example
        issuer       CN=Example Intermediate R1,O=Example Trust,C=DE
        names        dns:shop.example, dns:www.shop.example
        valid        2026-08-30 to 2026-11-28 12:00 UTC (27 days left)
        key          EC P-256
        signature    ecdsa-with-SHA256
        serial       1a2b3c4d5e6f7003
        sha256       8546f4f52fe99f441f9cea593b705bc40be3c6e606c663faf42d53119a7ab349
        key id       6e2efd997e11fb21cc02508a0da5c16131007d2f
        issuer's id  04c9ae76f2aa7eaca53efd28a9fe5ae44a457310
    ");
}

proptest! {
    #[test]
    fn no_content_panics(which in 0_usize..3, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut in any::<prop::sample::Index>()) {
        let pki = rcgen::generate_simple_self_signed(vec!["a.example".into()]).expect("a certificate");
        let mut content = match which {
            0 => keystore(pki.cert.der()),
            1 => (pki.cert.pem() + &pki.signing_key.serialize_pem()).into_bytes(),
            _ => pki.signing_key.serialize_der(),
        };
        let format = inspect::read(&content, None).map(|contents| contents.format);
        prop_assert_eq!(format, Ok([Format::Jks, Format::Pem, Format::Der][which]));
        for (at, octet) in damage {
            let at = at.index(content.len());
            content[at] = octet;
        }
        content.truncate(cut.index(content.len()) + 1);
        let _ = inspect::read(&content, None);
    }
}
