//! Which protocol answered where TLS was expected, from the first octets it sent.

/// Whether a TLS record may begin with this octet: its content types are 20 to 24 (RFC 8446, section 5.1; RFC 6520).
pub(super) fn may_begin_tls(octet: u8) -> bool {
    (20..=24).contains(&octet)
}

/// The scheme-like name of the protocol whose server says this first, or answers a ClientHello so; `unknown` otherwise.
pub(super) fn recognise(first: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(first).to_ascii_lowercase();
    let has = |part: &str| text.contains(part);
    if let Some((_, name)) = OPENINGS.iter().find(|(opening, _)| text.starts_with(opening)) {
        return name;
    }
    if is_mysql(first) {
        return "mysql";
    }
    if first.starts_with(b"E\0\0") {
        return "postgres";
    }
    if has("400 bad request") || has("<html") || has("<!doctype html") {
        return "http";
    }
    if has(" notice ") && text.starts_with(':') {
        return "irc";
    }
    // An LDAPMessage: a SEQUENCE that begins with a short INTEGER (RFC 4511, section 4.1.1).
    if let [0x30, length, 0x02, 0x01, ..] = first
        && *length < 0x80
    {
        return "ldap";
    }
    match first {
        [b'2' | b'4' | b'5', a, b, b' ' | b'-', ..] if a.is_ascii_digit() && b.is_ascii_digit() => {
            if has("ftp") || has("filezilla") {
                "ftp"
            } else if text.starts_with("200") || text.starts_with("201") || has("nntp") {
                "nntp"
            } else if has("lmtp") {
                "lmtp"
            } else {
                "smtp"
            }
        }
        _ => "unknown",
    }
}

/// A packet header (three octets of length, sequence number 0), then protocol version 10 or an error.
fn is_mysql(first: &[u8]) -> bool {
    matches!(first, [_, _, 0, 0, 0x0a | 0xff, ..])
}

/// In lowercase.
const OPENINGS: &[(&str, &str)] = &[
    ("http/", "http"),
    ("ssh-", "ssh"),
    ("* ok", "imap"),
    ("* bye", "imap"),
    ("* preauth", "imap"),
    ("+ok", "pop3"),
    ("-err", "redis"),
    ("-denied", "redis"),
    ("-noauth", "redis"),
    ("<?xml version='1.0'?><stream", "xmpp"),
    ("<?xml version=\"1.0\"?><stream", "xmpp"),
    ("<stream", "xmpp"),
    ("<?xml", "xmpp"),
    ("\"implementation\"", "sieve"),
    ("notice auth", "irc"),
    ("error :", "irc"),
    ("amqp", "amqp"),
    ("rfb 0", "vnc"),
    ("@rsyncd", "rsync"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_by_their_first_words() {
        let table: &[(&[u8], &str)] = &[
            (b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n", "http"),
            (b"<html>\r\n<head><title>400 The plain HTTP request", "http"),
            (b"220 mail.example.org ESMTP Postfix\r\n", "smtp"),
            (b"220-mail.example.org\r\n", "smtp"),
            (b"554 5.7.1 go away\r\n", "smtp"),
            (b"220 (vsFTPd 3.0.3)\r\n", "ftp"),
            (b"220 lmtp.example.org LMTP ready\r\n", "lmtp"),
            (b"200 news.example.org InterNetNews ready\r\n", "nntp"),
            (b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "imap"),
            (b"+OK Dovecot ready.\r\n", "pop3"),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", "ssh"),
            (b"-ERR Protocol error\r\n", "redis"),
            (b"<?xml version='1.0'?><stream:stream xmlns", "xmpp"),
            (b"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n", "sieve"),
            (b":irc.example.org NOTICE * :*** Looking up", "irc"),
            (b"\x5a\0\0\0\x0a8.0.36\0", "mysql"),
            (b"E\0\0\0\x90SFATAL\0VFATAL\0C0A000", "postgres"),
            (b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x02", "ldap"),
            (b"hello there", "unknown"),
            (b"2", "unknown"),
            (b"", "unknown"),
        ];
        for (first, name) in table {
            assert_eq!(recognise(first), *name, "{}", String::from_utf8_lossy(first));
            assert!(first.first().is_none_or(|octet| !may_begin_tls(*octet)));
        }
        assert!(may_begin_tls(0x16) && may_begin_tls(0x15));
    }
}
