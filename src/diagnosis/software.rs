//! The programs that serve TLS: how each is told to serve a full chain, and how each names itself. What a server says of itself is
//! a claim, never a fact: another program may stand before it.

use crate::{
    certificate::printable_cut,
    endpoint::Protocol,
    observation::{Party, Said},
};

/// A program whose configuration is known.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// What people call it: `nginx`, `Apache httpd`.
    pub name: &'static str,
    /// What makes it serve `fullchain.pem`, line by line.
    pub configure: &'static [&'static str],
    /// The command after which it does.
    pub reload: &'static str,
    /// How it names itself in a greeting or a `Server:` header, in any case.
    marks: &'static [&'static str],
}

/// The program that a server says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Software {
    /// The program.
    pub program: &'static Program,
    /// Its own words, with the version where it tells one: `nginx/1.25.3`. Safe to print, at most 80 characters.
    pub says: String,
}

/// The program that a greeting or a `Server:` header names first; `None` where it names none that is known.
pub fn recognise(text: &str) -> Option<Software> {
    let lower = text.to_ascii_lowercase();
    let named = |mark: &str| {
        let mark = mark.to_ascii_lowercase();
        lower.match_indices(&mark).map(|(at, _)| at).find(|at| is_word(&lower, *at, at + mark.len()))
    };
    let marks = PROGRAMS.iter().flat_map(|program| program.marks.iter().map(move |mark| (program, *mark)));
    let found = marks.filter_map(|(program, mark)| Some((named(mark)?, mark.len(), program)));
    // Of two that begin at one place the longer is meant: Apache Tomcat is not Apache.
    let (at, length, program) = found.min_by_key(|(at, length, _)| (*at, usize::MAX - length))?;
    Some(Software { program, says: printable_cut(words(&text[at..], length), MAX_SAYS) })
}

/// The program that a server named in a conversation, the first where it named several.
pub fn introduced(said: &[Said]) -> Option<Software> {
    said.iter().filter(|said| said.by == Party::Server).find_map(|said| recognise(&said.text))
}

/// The programs that are likely behind a protocol, the likeliest first: for a server that does not say what it is.
pub fn likely(protocol: Protocol) -> Vec<&'static Program> {
    let names: &[&str] = match protocol {
        // HAProxy, Traefik and an ingress do not name themselves, Apache and nginx may be told not to.
        Protocol::Tls | Protocol::Https => &["nginx", "Apache httpd", "HAProxy", "Traefik", "Kubernetes"],
        Protocol::Smtp | Protocol::Submission | Protocol::Smtps => &["Postfix", "Exim"],
        Protocol::Lmtp | Protocol::Imap | Protocol::Imaps | Protocol::Pop3 | Protocol::Pop3s | Protocol::Sieve => &["Dovecot"],
        Protocol::Ftp | Protocol::Ftps => &["ProFTPD", "vsftpd"],
        Protocol::Ldap | Protocol::Ldaps => &["OpenLDAP"],
        Protocol::Xmpp | Protocol::XmppServer | Protocol::Xmpps => &["Prosody", "ejabberd"],
        Protocol::Postgres => &["PostgreSQL"],
        Protocol::Mysql => &["MariaDB", "MySQL"],
        Protocol::Nntp
        | Protocol::Nntps
        | Protocol::Irc
        | Protocol::Ircs
        | Protocol::Rediss
        | Protocol::Mqtts
        | Protocol::Amqps => &[],
    };
    names.iter().filter_map(|name| PROGRAMS.iter().find(|program| program.name == *name)).collect()
}

/// How these are configured and reloaded, line by line, each program's name before its own.
pub fn directives(programs: &[&Program]) -> Vec<String> {
    let width = programs.iter().map(|program| program.name.len()).max().unwrap_or_default();
    let lines = programs.iter().flat_map(|program| {
        let names = std::iter::once(program.name).chain(std::iter::repeat(""));
        names.zip(program.configure.iter().chain([&program.reload]))
    });
    lines.map(|(name, line)| format!("{name:width$}  {line}")).collect()
}

/// Whether a mark stands there as a word of its own: a host may be called `nginx.example.org`.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back().is_none_or(|c| c.is_whitespace() || "([/\"".contains(c));
    let after = text[end..].chars().next().is_none_or(|c| c.is_whitespace() || "()[]/,;\"".contains(c));
    before && after
}

/// The mark, up to the end of its word, and the next one where that is a version: `Exim 4.96`.
fn words(text: &str, mark: usize) -> &str {
    let word_end =
        |from: usize| text[from..].find(|c: char| c.is_whitespace() || ",;\"".contains(c)).map_or(text.len(), |at| from + at);
    let mut end = word_end(mark);
    let next = text[end..].strip_prefix(' ').and_then(|rest| rest.chars().next());
    if next.is_some_and(|c| c.is_ascii_digit()) {
        end = word_end(end + 1);
    }
    let said = &text[..end];
    if said.contains('(') { said } else { said.trim_end_matches(')') }
}

const MAX_SAYS: usize = 80;

/// From each program's own manual. Where one needs more than a file, the commands are named.
const PROGRAMS: &[Program] = &[
    Program {
        name: "nginx",
        configure: &["ssl_certificate /path/to/fullchain.pem;"],
        reload: "nginx -t && nginx -s reload",
        marks: &["nginx", "openresty"],
    },
    Program {
        name: "Apache httpd",
        configure: &["SSLCertificateFile /path/to/fullchain.pem    (2.4.8 or later)"],
        reload: "apachectl configtest && apachectl graceful",
        marks: &["Apache"],
    },
    Program {
        name: "HAProxy",
        configure: &["cat fullchain.pem privkey.pem > /path/to/site.pem", "bind :443 ssl crt /path/to/site.pem"],
        reload: "systemctl reload haproxy",
        marks: &["HAProxy"],
    },
    Program {
        name: "Caddy",
        configure: &["tls /path/to/fullchain.pem /path/to/privkey.pem"],
        reload: "caddy reload --config /etc/caddy/Caddyfile --force",
        marks: &["Caddy"],
    },
    Program {
        name: "Traefik",
        configure: &["tls:", "  certificates:", "    - certFile: /path/to/fullchain.pem", "      keyFile: /path/to/privkey.pem"],
        reload: "touch the dynamic configuration: its file provider watches it",
        marks: &["Traefik"],
    },
    Program {
        name: "Envoy",
        configure: &[
            "tls_certificates:",
            "- certificate_chain: { filename: /path/to/fullchain.pem }",
            "  private_key: { filename: /path/to/privkey.pem }",
        ],
        reload: "systemctl restart envoy    (not needed where the certificates come by SDS)",
        marks: &["envoy", "istio-envoy"],
    },
    Program {
        name: "Kubernetes",
        configure: &[
            "kubectl create secret tls NAME --cert=fullchain.pem --key=privkey.pem \\",
            "  --dry-run=client -o yaml | kubectl apply -f -",
        ],
        reload: "kubectl get secret NAME    (the ingress controller takes it up by itself)",
        marks: &[],
    },
    Program {
        name: "lighttpd",
        configure: &["ssl.pemfile = \"/path/to/fullchain.pem\"", "ssl.privkey = \"/path/to/privkey.pem\""],
        reload: "systemctl restart lighttpd",
        marks: &["lighttpd"],
    },
    Program {
        name: "IIS",
        configure: &[
            "openssl pkcs12 -export -in fullchain.pem -inkey privkey.pem -out site.pfx",
            "certutil -importpfx site.pfx    (as administrator; then choose it in the site's binding)",
        ],
        reload: "iisreset",
        marks: &["Microsoft-IIS", "Microsoft-HTTPAPI"],
    },
    Program {
        name: "Tomcat",
        configure: &[
            "openssl pkcs12 -export -in fullchain.pem -inkey privkey.pem -name tomcat -out keystore.p12",
            "<Certificate certificateKeystoreFile=\"conf/keystore.p12\" certificateKeystoreType=\"PKCS12\" />",
        ],
        reload: "systemctl restart tomcat",
        marks: &["Apache-Coyote", "Apache Tomcat", "Apache-Tomcat", "Tomcat"],
    },
    Program {
        name: "Jetty",
        configure: &[
            "openssl pkcs12 -export -in fullchain.pem -inkey privkey.pem -name jetty -out keystore.p12",
            "keytool -importkeystore -srckeystore keystore.p12 -srcstoretype PKCS12 \\",
            "  -destkeystore /path/to/the/keystore    (where it is to stay a JKS)",
        ],
        reload: "systemctl restart jetty",
        marks: &["Jetty"],
    },
    Program {
        name: "Postfix",
        configure: &[
            "smtpd_tls_chain_files = /path/to/privkey.pem, /path/to/fullchain.pem    (3.4 or later)",
            "smtpd_tls_cert_file = /path/to/fullchain.pem    (before)",
        ],
        reload: "postfix reload",
        marks: &["Postfix"],
    },
    Program {
        name: "Exim",
        configure: &["tls_certificate = /path/to/fullchain.pem"],
        reload: "systemctl reload exim4",
        marks: &["Exim"],
    },
    Program {
        name: "Dovecot",
        configure: &[
            "ssl_server_cert_file = /path/to/fullchain.pem    (2.4 or later)",
            "ssl_cert = </path/to/fullchain.pem    (before)",
        ],
        reload: "doveadm reload",
        marks: &["Dovecot"],
    },
    Program {
        name: "ProFTPD",
        configure: &["TLSCertificateChainFile /path/to/chain.pem    (fullchain.pem without its first certificate)"],
        reload: "systemctl reload proftpd",
        marks: &["ProFTPD"],
    },
    Program {
        name: "vsftpd",
        configure: &["rsa_cert_file=/path/to/fullchain.pem"],
        reload: "systemctl restart vsftpd",
        marks: &["vsFTPd"],
    },
    Program {
        name: "OpenLDAP",
        configure: &[
            "olcTLSCertificateFile: /path/to/fullchain.pem",
            "olcTLSCACertificateFile: /path/to/chain.pem    (the intermediates here too: older ones send them from here)",
        ],
        reload: "systemctl restart slapd",
        marks: &["slapd", "OpenLDAP"],
    },
    Program {
        name: "PostgreSQL",
        configure: &["ssl_cert_file = '/path/to/fullchain.pem'"],
        reload: "SELECT pg_reload_conf();",
        marks: &["PostgreSQL"],
    },
    Program { name: "MariaDB", configure: &["ssl_cert = /path/to/fullchain.pem"], reload: "FLUSH SSL;", marks: &["MariaDB"] },
    Program {
        name: "MySQL",
        configure: &["ssl_cert = /path/to/fullchain.pem"],
        reload: "ALTER INSTANCE RELOAD TLS;",
        marks: &["MySQL"],
    },
    Program {
        name: "Prosody",
        configure: &["certificate = \"/path/to/fullchain.pem\"", "key = \"/path/to/privkey.pem\""],
        reload: "prosodyctl reload",
        marks: &["Prosody"],
    },
    Program {
        name: "ejabberd",
        configure: &["certfiles:", "  - /path/to/fullchain.pem", "  - /path/to/privkey.pem"],
        reload: "ejabberdctl reload_config",
        marks: &["ejabberd"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_in_the_wild_is_recognised_with_its_version() {
        for (text, name, says) in [
            ("nginx", "nginx", "nginx"),
            ("nginx/1.25.3", "nginx", "nginx/1.25.3"),
            ("nginx/1.18.0 (Ubuntu)", "nginx", "nginx/1.18.0"),
            ("openresty/1.21.4.1", "nginx", "openresty/1.21.4.1"),
            ("Apache/2.4.6 (CentOS) OpenSSL/1.0.2k-fips PHP/5.4.16", "Apache httpd", "Apache/2.4.6"),
            ("Apache", "Apache httpd", "Apache"),
            ("Apache-Coyote/1.1", "Tomcat", "Apache-Coyote/1.1"),
            ("Apache Tomcat/9.0.41", "Tomcat", "Apache Tomcat/9.0.41"),
            ("Jetty(9.4.43.v20210629)", "Jetty", "Jetty(9.4.43.v20210629)"),
            ("Microsoft-IIS/10.0", "IIS", "Microsoft-IIS/10.0"),
            ("Caddy", "Caddy", "Caddy"),
            ("istio-envoy", "Envoy", "istio-envoy"),
            ("lighttpd/1.4.69", "lighttpd", "lighttpd/1.4.69"),
            ("220 mail.example.org ESMTP Postfix (Debian/GNU)", "Postfix", "Postfix"),
            ("220 mx.example.org ESMTP Exim 4.96 Thu, 26 Nov 2026 13:00:00 +0000", "Exim", "Exim 4.96"),
            ("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] Dovecot (Debian) ready.", "Dovecot", "Dovecot"),
            ("+OK Dovecot ready.", "Dovecot", "Dovecot"),
            ("220 ProFTPD 1.3.5 Server (Debian) [::ffff:192.0.2.1]", "ProFTPD", "ProFTPD 1.3.5"),
            ("220 (vsFTPd 3.0.3)", "vsftpd", "vsFTPd 3.0.3"),
            ("220 nginx.example.org ESMTP Postfix", "Postfix", "Postfix"),
        ] {
            let found = recognise(text).map(|software| (software.program.name, software.says));
            assert_eq!(found, Some((name, says.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for text in
            ["", "cloudflare", "220 postfix.example.org ESMTP", "* OK IMAP4 ready", "nginxx/1.0", "my-nginx", "\u{130}nginx"]
        {
            assert_eq!(recognise(text), None, "{text}");
        }
    }

    #[test]
    fn of_a_conversation_the_server_is_heard_and_nobody_else() {
        let line = |by, text| Said::new(by, text);
        let named = |said: &[Said]| introduced(said).map(|software| software.says);
        let greeting =
            [line(Party::Server, "220 mx.example.org"), line(Party::Client, "EHLO nginx"), line(Party::Server, "250 Exim 4.96")];
        assert_eq!(named(&greeting).as_deref(), Some("Exim 4.96"));
        assert_eq!(named(&greeting[..2]), None);
    }

    #[test]
    fn what_is_kept_can_be_shown() {
        let said = |text: &str| recognise(text).map(|software| software.says).unwrap_or_default();
        assert_eq!(said("nginx/\u{1b}[2J1.25"), "nginx/\\1B[2J1.25");
        let long = said(&format!("nginx/{}", "9".repeat(1000)));
        assert!(long.starts_with("nginx/999") && long.chars().count() <= MAX_SAYS, "{long}");
    }

    #[test]
    fn every_program_can_come_up_and_fits_a_letter() {
        use Protocol as P;
        let protocols = [P::Https, P::Smtp, P::Imaps, P::Ftp, P::Ldap, P::Xmpp, P::Postgres, P::Mysql];
        let likely: Vec<_> = protocols.into_iter().flat_map(likely).collect();
        for program in PROGRAMS {
            assert!(likely.contains(&program) || !program.marks.is_empty(), "{}", program.name);
            assert!(program.configure.iter().all(|line| line.len() <= 110), "{}", program.name);
            assert!(program.marks.iter().all(|mark| recognise(mark).is_some_and(|found| found.program == program)));
        }
        assert_eq!(likely.len(), 16, "no name in the table of protocols is misspelt");
    }
}
