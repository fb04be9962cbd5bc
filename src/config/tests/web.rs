//! The web port: TLS and users from a file in Prometheus's format, and the endpoint that its certificate is.

use super::*;
use crate::{
    endpoint::Host,
    web::{ClientAuth, Listen},
};

/// A directory with `web.pem` and `web.key`, for these names; signed by itself.
fn served(names: &[&str]) -> Scratch {
    let scratch = Scratch::new();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    scratch.write("web.pem", certificate.pem());
    scratch.write("web.key", key.serialize_pem());
    fs::set_permissions(scratch.0.join("web.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    scratch
}

const TLS: &str = "tls_server_config: {cert_file: web.pem, key_file: web.key}\n";

fn load(scratch: &Scratch, file: &str, web: &str) -> Loaded {
    scratch.write("web.yml", file);
    let text = format!("web: {{config_file: web.yml, {web}}}\nendpoints: [a.example, {{target: b.example, name: b}}]\n");
    scratch.load(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn warnings(loaded: &Loaded, scratch: &Scratch) -> String {
    let told: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    told.join("\n").replace(&*scratch.0.to_string_lossy(), "")
}

#[test]
fn the_own_certificate_is_an_endpoint() {
    let scratch = served(&["certs.example.com", "*.example.org"]);
    let own = |web: &str| {
        let loaded = load(&scratch, TLS, web);
        let watches = &loaded.config.watches;
        watches.iter().find(|watch| &*watch.endpoint.name == "certvigil-web").map(|watch| {
            let accepted: Vec<_> = watch.expectation.rules.accept.iter().cloned().collect();
            format!("{} as {} {accepted:?}", watch.endpoint.target, watch.endpoint.server_name)
        })
    };
    let plain = Some("127.0.0.1:9843 as certs.example.com [\"self_signed\"]".to_owned());
    assert_eq!(own(""), plain);
    assert_eq!(own("listen: '0.0.0.0:9843', public_url: 'https://elsewhere.example.net'"), plain);
    let other = own("listen: ['unix:/run/x', '[::]:443'], public_url: 'https://a.example.org/certs'").unwrap();
    assert_eq!(other, "[::1]:443 as a.example.org [\"self_signed\"]");
    assert_eq!(own("watch_certificate: false"), None);
    assert_eq!(own("listen: 'unix:/run/x'"), None);
    assert_eq!(own("listen: '127.0.0.1:0'"), None);
}

#[test]
fn an_endpoint_of_the_inventory_stands_before_our_own() {
    let scratch = served(&["certs.example.com"]);
    scratch.write("web.yml", TLS);
    for endpoint in ["{target: x.example, name: certvigil-web}", "'127.0.0.1:9843'"] {
        let text = format!("web: {{config_file: web.yml}}\nendpoints: [{endpoint}]\n");
        let loaded = scratch.load(&text, &Environment::default()).unwrap();
        assert_eq!(loaded.config.watches.len(), 1, "{endpoint}");
    }
    // What routes say of its name holds for it.
    let routed =
        "web: {config_file: web.yml}\nroutes: [{endpoints: 'certvigil-*', owner: web@example.com}]\nendpoints: [a.example]\n";
    let loaded = scratch.load(routed, &Environment::default()).unwrap();
    assert_eq!(loaded.config.watches[1].policy.owners, ["web@example.com"]);
}

#[test]
fn a_certificate_without_names_is_asked_for_by_its_address() {
    let scratch = served(&[]);
    let loaded = load(&scratch, TLS, "");
    assert_eq!(loaded.config.watches[2].endpoint.server_name, "127.0.0.1".parse::<Host>().unwrap());
}

#[test]
fn what_rustls_has_not_is_told_and_the_rest_is_served() {
    let scratch = served(&["certs.example.com"]);
    let file = "tls_server_config:
  cert_file: web.pem
  key_file: web.key
  client_auth_type: RequestClientCert
  min_version: TLS11
  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [CurveP521, CurveP256]
http_server_config: {http2: true}
";
    let loaded = load(&scratch, file, "");
    insta::assert_snapshot!(warnings(&loaded, &scratch), @r#"
    /web.yml:5: tls_server_config.min_version: TLS 1.0 and 1.1 are not served; write TLS12
    /web.yml:6: tls_server_config.cipher_suites[0]: this suite is not served, as it has no authenticated encryption or no forward secrecy; remove it
    /web.yml:7: tls_server_config.curve_preferences[0]: this curve is not served; remove it
    /web.yml:8: http_server_config.http2: HTTP/1.1 alone is served, which every client speaks too; write false, or remove the key
    "#);
    let tls = loaded.config.web.rules.tls.unwrap();
    assert_eq!(tls.client_auth(), ClientAuth::RequestClientCert);
    let shown = format!("{tls:?}");
    assert!(shown.contains("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], groups: [secp256r1]"), "{shown}");
}

#[test]
fn passwords_in_plain_text_over_the_network_are_told() {
    let scratch = served(&["certs.example.com"]);
    let users = "basic_auth_users: {alice: $2y$10$yKL1sLvwxaTIxYHHqHQAaeOlLt4JXPhluWR.aQ8JCcsfQNd4UXv0G}\n";
    assert_eq!(warnings(&load(&scratch, users, "writers: alice"), &scratch), "");
    insta::assert_snapshot!(warnings(&load(&scratch, users, "listen: '[::]:9843'"), &scratch), @r#"/config.yaml:1: web.config_file: passwords would cross the network in plain text; write tls_server_config into it, or listen on loopback behind a proxy with TLS"#);
    assert_eq!(warnings(&load(&scratch, &format!("{TLS}{users}"), "listen: '[::]:9843'"), &scratch), "");
}

#[test]
fn the_example_of_the_web_file_is_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = "web: {config_file: web-config.example.yml, writers: [alice]}\nendpoints: [a.example]\n";
    let loaded = parse(text, &root.join("config.yaml"), &Environment::default()).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.web.rules.headers.len(), 1);
    assert_eq!(loaded.config.web.listen, [Listen::Tcp("127.0.0.1:9843".parse().unwrap())]);
}
