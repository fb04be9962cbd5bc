//! The commands with which anybody can see what was seen. Host names and addresses are of checked types: only the names of files need
//! to be quoted.

use core::net::IpAddr;
use std::fmt::Write as _;

use crate::endpoint::{Endpoint, Host, HostPort, StartTls};

/// What shows a visit: openssl, and where they can speak the protocol, curl and Python. `proxy` is `host:port`.
pub(super) fn of_visit(endpoint: &Endpoint, host: &Host, proxy: Option<&str>) -> Vec<String> {
    let mut commands = vec![command(endpoint, host, proxy)];
    commands.extend(curl(endpoint, host, proxy));
    commands.extend(python(endpoint, host, proxy));
    commands
}

/// What shows a chain in a file; `options` are further ones of `openssl verify`, each after a space.
pub(super) fn of_file(path: &str, options: &str) -> Vec<String> {
    let file = word(path);
    vec![
        format!("openssl verify -show_chain -purpose sslserver{options} -untrusted {file} {file}"),
        format!("openssl crl2pkcs7 -nocrl -certfile {file} | openssl pkcs7 -print_certs -noout"),
    ]
}

/// `curl -v`, where it speaks the protocol.
fn curl(endpoint: &Endpoint, host: &Host, proxy: Option<&str>) -> Option<String> {
    let Endpoint { target, server_name, .. } = endpoint;
    let (scheme, option) = match target.protocol.starttls() {
        None => ("https", ""),
        Some(StartTls::Smtp) => ("smtp", " --ssl-reqd"),
        Some(StartTls::Imap) => ("imap", " --ssl-reqd"),
        Some(StartTls::Pop3) => ("pop3", " --ssl-reqd"),
        Some(StartTls::Ftp) => ("ftp", " --ssl-reqd"),
        Some(_) => return None,
    };
    let proxy = proxy.map_or_else(String::new, |proxy| format!(" --proxy http://{proxy}"));
    let (place, asked) = (HostPort(host, target.port), HostPort(server_name, target.port));
    Some(format!("curl -v{option}{proxy} --max-time 10 --connect-to '{asked}:{place}' '{scheme}://{asked}/'"))
}

/// Python's own ssl module, with the machine's store.
fn python(endpoint: &Endpoint, host: &Host, proxy: Option<&str>) -> Option<String> {
    let Endpoint { target, server_name, .. } = endpoint;
    if target.protocol.starttls().is_some() || proxy.is_some() {
        return None;
    }
    let connect = format!("socket.create_connection((\"{host}\", {}), 10)", target.port);
    let wrap = format!("ssl.create_default_context().wrap_socket({connect}, server_hostname=\"{server_name}\")");
    Some(format!("python3 -c 'import socket, ssl; print({wrap}.version())'"))
}

/// As one word of a shell; a name that begins with a dash is no option.
pub(crate) fn word(path: &str) -> String {
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !path.is_empty() && path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// `openssl s_client ...` as a shell takes it, with which anybody can see what was seen at this address, or without one at the
/// target itself. Host names and addresses are of checked types, so nothing needs quoting.
pub fn s_client(endpoint: &Endpoint, address: Option<IpAddr>) -> String {
    let host = address.map_or_else(|| endpoint.target.host.clone(), Host::Ip);
    command(endpoint, &host, None)
}

/// The same, connecting to `host`, through this HTTP proxy (`host:port`) where there is one.
fn command(endpoint: &Endpoint, host: &Host, proxy: Option<&str>) -> String {
    let Endpoint { target, server_name, .. } = endpoint;
    let proxy = proxy.map_or_else(String::new, |proxy| format!(" -proxy {proxy}"));
    let mut command = format!("openssl s_client{proxy} -connect {}", HostPort(host, target.port));
    if let Some(starttls) = target.protocol.starttls() {
        let _ = write!(command, " -starttls {}", starttls.openssl_name());
        if let (StartTls::Xmpp | StartTls::XmppServer, Host::Name(name)) = (starttls, server_name) {
            let _ = write!(command, " -xmpphost {name}");
        }
    }
    match server_name {
        Host::Name(name) => format!("{command} -servername {name} -verify_hostname {name} </dev/null"),
        Host::Ip(ip) => format!("{command} -noservername -verify_ip {ip} </dev/null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_word_of_a_shell() {
        for (path, expected) in [
            ("a/b-1.pem", "a/b-1.pem"),
            ("-rf", "./-rf"),
            ("two words.pem", "'two words.pem'"),
            ("$(id).pem", "'$(id).pem'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(word(path), expected);
        }
    }

    #[test]
    fn each_protocol_has_the_commands_that_speak_it() {
        let commands = |target: &str, host: &str, proxy| {
            let endpoint = Endpoint::new(target.parse().expect("a target"));
            of_visit(&endpoint, &host.parse().expect("a host"), proxy).join("\n")
        };
        insta::assert_snapshot!(commands("shop.example", "2001:db8::1", None), @r#"
        openssl s_client -connect [2001:db8::1]:443 -servername shop.example -verify_hostname shop.example </dev/null
        curl -v --max-time 10 --connect-to 'shop.example:443:[2001:db8::1]:443' 'https://shop.example:443/'
        python3 -c 'import socket, ssl; print(ssl.create_default_context().wrap_socket(socket.create_connection(("2001:db8::1", 443), 10), server_hostname="shop.example").version())'
        "#);
        insta::assert_snapshot!(commands("imap://shop.example", "192.0.2.1", None), @r"
        openssl s_client -connect 192.0.2.1:143 -starttls imap -servername shop.example -verify_hostname shop.example </dev/null
        curl -v --ssl-reqd --max-time 10 --connect-to 'shop.example:143:192.0.2.1:143' 'imap://shop.example:143/'
        ");
        insta::assert_snapshot!(commands("postgres://shop.example", "192.0.2.1", None), @r"
        openssl s_client -connect 192.0.2.1:5432 -starttls postgres -servername shop.example -verify_hostname shop.example </dev/null
        ");
        insta::assert_snapshot!(commands("shop.example", "shop.example", Some("192.0.2.9:3128")), @r"
        openssl s_client -proxy 192.0.2.9:3128 -connect shop.example:443 -servername shop.example -verify_hostname shop.example </dev/null
        curl -v --proxy http://192.0.2.9:3128 --max-time 10 --connect-to 'shop.example:443:shop.example:443' 'https://shop.example:443/'
        ");
    }
}
