//! What is watched: [`Endpoint`], its [`Target`] and the [`Protocol`] spoken there. Always valid once built.

use core::net::{IpAddr, Ipv6Addr};
use std::{fmt, str::FromStr, sync::Arc, time::Duration};

/// One entry of the inventory, as a visit needs it. Who hears of it, and how often it is visited, is `monitor`'s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Unique in the inventory; the `endpoint` label of every metric.
    pub name: Arc<str>,
    /// Where to connect and what to speak.
    pub target: Target,
    /// The SNI that is sent, and the identity the leaf must carry. An address sends no SNI (RFC 6066, section 3).
    pub server_name: Host,
    /// Which of the name's addresses are visited.
    pub addresses: Addresses,
    /// The deadline of one visit, from the name to the end of the handshake, at each address. Waiting for a place at a crowded
    /// address and fetching a missing issuer (15 seconds at most) come on top.
    pub timeout: Duration,
}

impl Endpoint {
    /// An endpoint with the defaults of the configuration: every address, 10 seconds, named after its target.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Endpoint::named(target.to_string().into(), target)
    }

    /// The same, of this name.
    #[must_use]
    pub fn named(name: Arc<str>, target: Target) -> Self {
        Endpoint { name, server_name: target.host.clone(), target, addresses: Addresses::All, timeout: Duration::from_secs(10) }
    }

    /// Where it is and the name it is asked by, as text: what was seen at another place says nothing about this one.
    pub fn place(&self) -> String {
        let addresses = match self.addresses {
            Addresses::All => "all".to_owned(),
            Addresses::First => "first".to_owned(),
            Addresses::Only(ip) => ip.to_string(),
        };
        format!("{}|{}|{addresses}", self.target, self.server_name)
    }
}

/// Which of a name's addresses are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Every A and AAAA record, at most 16.
    All,
    /// The first that the resolver gives.
    First,
    /// This one, whatever the name resolves to (`check --address`).
    Only(IpAddr),
}

/// Where to connect: protocol, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// What is spoken, before TLS and within it.
    pub protocol: Protocol,
    /// A DNS name or an address.
    pub host: Host,
    /// TCP port, never 0.
    pub port: u16,
}

impl fmt::Display for Target {
    /// The short form, `host:port`, for direct TLS; a URL for everything else. Parses back to the same target.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Protocol::Tls => write!(f, "{}", HostPort(&self.host, self.port)),
            protocol => write!(f, "{}://{}", protocol.scheme(), HostPort(&self.host, self.port)),
        }
    }
}

/// `host:port`, with an IPv6 address in brackets.
pub struct HostPort<'a>(pub &'a Host, pub u16);

impl fmt::Display for HostPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.1),
            host => write!(f, "{host}:{}", self.1),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// `host`, `host:port`, `scheme://host`, `scheme://host:port`; a path behind the host is ignored, as a browser's
    /// address line may carry one. IPv6 addresses stand in brackets; a bare one is taken without a port.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        let (protocol, rest) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let protocol = Protocol::from_scheme(scheme).ok_or_else(|| TargetError::Scheme(scheme.to_owned()))?;
                (protocol, rest.split(['/', '?', '#']).next().unwrap_or_default())
            }
            None => (Protocol::Tls, text),
        };
        if rest.contains('@') {
            return Err(TargetError::UserInfo);
        }
        let (host, port) = split_port(rest)?;
        let port = match port {
            None => protocol.port(),
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port != 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
                _ => return Err(TargetError::Port(digits.to_owned())),
            },
        };
        Ok(Target { protocol, host: host.parse()?, port })
    }
}

/// Splits `host:port`; `[::1]:443` and a bare `::1` included.
fn split_port(text: &str) -> Result<(&str, Option<&str>), TargetError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(|| TargetError::Host(text.to_owned()))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(TargetError::Host(text.to_owned())),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(TargetError::Host(text.to_owned())),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

/// A DNS name (lowercase ASCII, A-labels, no trailing dot) or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A DNS name.
    Name(Arc<str>),
    /// An address.
    Ip(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Ip(ip) => write!(f, "{ip}"),
        }
    }
}

impl FromStr for Host {
    type Err = TargetError;

    /// Follows the preferred name syntax of RFC 1123, section 2.1, plus the underscore that the wild has.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse() {
            return Ok(Host::Ip(ip));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label_is_sound = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let all_digits = name.rsplit('.').next().is_some_and(|tld| !tld.is_empty() && tld.bytes().all(|b| b.is_ascii_digit()));
        if name.len() > 253 || !name.split('.').all(label_is_sound) || all_digits {
            return Err(if name.is_ascii() {
                TargetError::Host(text.to_owned())
            } else {
                TargetError::NotAscii(text.to_owned())
            });
        }
        Ok(Host::Name(name.into()))
    }
}

/// Why a target was refused. The sentence ends with what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The part before `://` is no protocol we speak.
    #[error("\"{0}\" is no protocol certvigil knows; write one of {list}", list = Protocol::schemes())]
    Scheme(String),
    /// Not a DNS name, nor an address.
    #[error("\"{0}\" is no host; write a DNS name, an IPv4 address, or an IPv6 address in brackets")]
    Host(String),
    /// A name with letters beyond ASCII.
    #[error("\"{0}\" is not ASCII; write the name in its xn-- form")]
    NotAscii(String),
    /// Out of range or not digits.
    #[error("\"{0}\" is no port; write a number from 1 to 65535")]
    Port(String),
    /// `user@` or `user:password@`.
    #[error("a target carries no user or password; write only the host and the port")]
    UserInfo,
}

/// What is spoken at a port: direct TLS, or a protocol that is upgraded by STARTTLS (always required, never opportunistic).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the protocol of its name; the table below says all")]
pub enum Protocol {
    Tls,
    Https,
    Smtp,
    Submission,
    Smtps,
    Lmtp,
    Imap,
    Imaps,
    Pop3,
    Pop3s,
    Sieve,
    Ftp,
    Ftps,
    Ldap,
    Ldaps,
    Xmpp,
    XmppServer,
    Xmpps,
    Postgres,
    Mysql,
    Nntp,
    Nntps,
    Irc,
    Ircs,
    Rediss,
    Mqtts,
    Amqps,
}

/// The plaintext conversation that leads to TLS; one file each in `probe::starttls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the protocol of its name")]
pub enum StartTls {
    Smtp,
    Lmtp,
    Imap,
    Pop3,
    Sieve,
    Ftp,
    Ldap,
    Xmpp,
    XmppServer,
    Postgres,
    Mysql,
    Nntp,
    Irc,
}

/// Protocol, URL scheme, usual port (IANA service names), STARTTLS.
const PROTOCOLS: &[(Protocol, &str, u16, Option<StartTls>)] = &[
    (Protocol::Tls, "tls", 443, None),
    (Protocol::Https, "https", 443, None),
    (Protocol::Smtp, "smtp", 25, Some(StartTls::Smtp)),
    (Protocol::Submission, "submission", 587, Some(StartTls::Smtp)),
    (Protocol::Smtps, "smtps", 465, None),
    (Protocol::Lmtp, "lmtp", 24, Some(StartTls::Lmtp)),
    (Protocol::Imap, "imap", 143, Some(StartTls::Imap)),
    (Protocol::Imaps, "imaps", 993, None),
    (Protocol::Pop3, "pop3", 110, Some(StartTls::Pop3)),
    (Protocol::Pop3s, "pop3s", 995, None),
    (Protocol::Sieve, "sieve", 4190, Some(StartTls::Sieve)),
    (Protocol::Ftp, "ftp", 21, Some(StartTls::Ftp)),
    (Protocol::Ftps, "ftps", 990, None),
    (Protocol::Ldap, "ldap", 389, Some(StartTls::Ldap)),
    (Protocol::Ldaps, "ldaps", 636, None),
    (Protocol::Xmpp, "xmpp", 5222, Some(StartTls::Xmpp)),
    (Protocol::XmppServer, "xmpp-server", 5269, Some(StartTls::XmppServer)),
    (Protocol::Xmpps, "xmpps", 5223, None),
    (Protocol::Postgres, "postgres", 5432, Some(StartTls::Postgres)),
    (Protocol::Mysql, "mysql", 3306, Some(StartTls::Mysql)),
    (Protocol::Nntp, "nntp", 119, Some(StartTls::Nntp)),
    (Protocol::Nntps, "nntps", 563, None),
    (Protocol::Irc, "irc", 6667, Some(StartTls::Irc)),
    (Protocol::Ircs, "ircs", 6697, None),
    (Protocol::Rediss, "rediss", 6379, None),
    (Protocol::Mqtts, "mqtts", 8883, None),
    (Protocol::Amqps, "amqps", 5671, None),
];

impl Protocol {
    /// The protocol of a URL scheme, in any case.
    pub fn from_scheme(scheme: &str) -> Option<Self> {
        PROTOCOLS.iter().find(|row| row.1.eq_ignore_ascii_case(scheme)).map(|row| row.0)
    }

    /// The scheme that names it in a target URL.
    pub fn scheme(self) -> &'static str {
        self.row().1
    }

    /// The port where none is written.
    pub fn port(self) -> u16 {
        self.row().2
    }

    /// The conversation before TLS, where there is one.
    pub fn starttls(self) -> Option<StartTls> {
        self.row().3
    }

    /// The protocol that `check --starttls NAME` asks for.
    pub fn from_starttls(name: &str) -> Option<Self> {
        Self::from_scheme(name).filter(|protocol| protocol.starttls().is_some())
    }

    /// Every scheme, for messages.
    pub fn schemes() -> String {
        PROTOCOLS.iter().map(|row| row.1).collect::<Vec<_>>().join(", ")
    }

    fn row(self) -> &'static (Protocol, &'static str, u16, Option<StartTls>) {
        PROTOCOLS.iter().find(|row| row.0 == self).expect("PROTOCOLS has a row for every Protocol")
    }
}

impl StartTls {
    /// The name OpenSSL's `s_client -starttls` takes.
    pub fn openssl_name(self) -> &'static str {
        match self {
            StartTls::Smtp => "smtp",
            StartTls::Lmtp => "lmtp",
            StartTls::Imap => "imap",
            StartTls::Pop3 => "pop3",
            StartTls::Sieve => "sieve",
            StartTls::Ftp => "ftp",
            StartTls::Ldap => "ldap",
            StartTls::Xmpp => "xmpp",
            StartTls::XmppServer => "xmpp-server",
            StartTls::Postgres => "postgres",
            StartTls::Mysql => "mysql",
            StartTls::Nntp => "nntp",
            StartTls::Irc => "irc",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> String {
        match text.parse::<Target>() {
            Ok(t) => format!("{} {} {}", t.protocol.scheme(), t.host, t.port),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn targets_are_hosts_host_ports_or_urls() {
        assert_eq!(target("Example.ORG."), "tls example.org 443");
        assert_eq!(target("example.org:8443"), "tls example.org 8443");
        assert_eq!(target("https://example.org/a?b=c:1"), "https example.org 443");
        assert_eq!(target("submission://mail.example.org"), "submission mail.example.org 587");
        assert_eq!(target("SMTP://mail.example.org:2525"), "smtp mail.example.org 2525");
        assert_eq!(target("[2001:db8::1]:443"), "tls 2001:db8::1 443");
        assert_eq!(target("2001:db8::1"), "tls 2001:db8::1 443");
        assert_eq!(target("imaps://[::1]"), "imaps ::1 993");
        assert_eq!(target("192.0.2.1"), "tls 192.0.2.1 443");
        assert_eq!(target("_dmarc.a-b.example"), "tls _dmarc.a-b.example 443");
    }

    #[test]
    fn bad_targets_say_what_to_write() {
        assert_eq!(target("example.org:70000"), "\"70000\" is no port; write a number from 1 to 65535");
        assert_eq!(target("example.org:0"), "\"0\" is no port; write a number from 1 to 65535");
        assert_eq!(target("example.org:+1"), "\"+1\" is no port; write a number from 1 to 65535");
        assert!(
            target("gopher://example.org")
                .starts_with("\"gopher\" is no protocol certvigil knows; write one of tls, https, smtp")
        );
        assert!(target("exa mple.org").starts_with("\"exa mple.org\" is no host"));
        assert!(target("").starts_with("\"\" is no host"));
        assert!(target("256.1.1.1").starts_with("\"256.1.1.1\" is no host"));
        assert!(target("[::1").starts_with("\"[::1\" is no host"));
        assert!(target("bücher.example").ends_with("write the name in its xn-- form"));
        assert!(target("https://me:pw@example.org").starts_with("a target carries no user"));
    }

    #[test]
    fn a_target_parses_back_from_its_text() {
        for row in PROTOCOLS {
            for host in ["example.org", "192.0.2.1", "2001:db8::1"] {
                let target = Target { protocol: row.0, host: host.parse().expect("host"), port: 4433 };
                assert_eq!(target.to_string().parse(), Ok(target));
            }
        }
    }
}
