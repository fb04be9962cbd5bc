//! What a server behind TLS says it is: the greeting of those who speak first, the `Server:` header of those who speak HTTP.
//!
//! For a second connection, made only where the answer is of use: a visit sends nothing over TLS. Nor does this connection know
//! whom it talks to, so that nothing goes out but `HEAD /`, with the host's name and our own: what any stranger may ask of any web
//! server, and no secret.

use crate::{
    endpoint::{Endpoint, HostPort, Protocol},
    observation::{Party, Said},
};

/// How a server is brought to say what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// It greets unasked.
    None,
    /// By this HTTP/1.1 request; where nothing says that it speaks HTTP, only after it has said so itself (ALPN, RFC 7301).
    Head { request: String, known_to_speak_http: bool },
}

impl Question {
    /// The question for this endpoint; `None` where there is no harmless one.
    pub(super) fn to(endpoint: &Endpoint) -> Option<Self> {
        match endpoint.target.protocol {
            Protocol::Smtps | Protocol::Imaps | Protocol::Pop3s | Protocol::Ftps | Protocol::Nntps => Some(Question::None),
            protocol @ (Protocol::Https | Protocol::Tls) => {
                let host = HostPort(&endpoint.server_name, endpoint.target.port).to_string();
                let host = host.strip_suffix(":443").unwrap_or(&host);
                let user_agent = concat!("certvigil/", env!("CARGO_PKG_VERSION"));
                let request = format!("{HEAD}\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\nConnection: close\r\n\r\n");
                Some(Question::Head { request, known_to_speak_http: protocol == Protocol::Https })
            }
            _ => None,
        }
    }

    /// What is offered by ALPN.
    pub(super) fn alpn(&self) -> Vec<Vec<u8>> {
        match self {
            Question::None => Vec::new(),
            Question::Head { .. } => vec![HTTP.to_vec()],
        }
    }

    /// What to send to a server that has agreed to this by ALPN. `None` where it may not be asked.
    pub(super) fn request(&self, agreed: Option<&[u8]>) -> Option<&str> {
        match self {
            Question::None => Some(""),
            Question::Head { request, known_to_speak_http } => {
                (*known_to_speak_http || agreed == Some(HTTP)).then_some(request.as_str())
            }
        }
    }

    /// Whether the answer is all there, as far as it matters.
    pub(super) fn is_answered(&self, answer: &[u8]) -> bool {
        match self {
            Question::None => answer.contains(&b'\n'),
            Question::Head { .. } => {
                answer.windows(4).any(|four| four == b"\r\n\r\n") || answer.windows(2).any(|two| two == b"\n\n")
            }
        }
    }

    /// What of the conversation is worth keeping; nothing where it was none of the protocol.
    pub(super) fn told(&self, answer: &[u8]) -> Vec<Said> {
        let text = String::from_utf8_lossy(answer);
        let mut lines = text.lines();
        let Some(first) = lines.next().filter(|line| !line.trim().is_empty()) else { return Vec::new() };
        let first = Said::new(Party::Server, first);
        match self {
            Question::None => vec![first],
            Question::Head { .. } if !first.text.starts_with("HTTP/1.") => Vec::new(),
            Question::Head { .. } => {
                let is_server = |line: &&str| line.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case("server"));
                let server = lines.take_while(|line| !line.is_empty()).find(is_server);
                let server = server.map(|line| Said::new(Party::Server, line));
                [Said::new(Party::Client, HEAD), first].into_iter().chain(server).collect()
            }
        }
    }
}

const HEAD: &str = "HEAD / HTTP/1.1";
/// The protocol's name in ALPN.
const HTTP: &[u8] = b"http/1.1";

#[cfg(test)]
mod tests {
    use super::*;

    fn question(target: &str) -> Option<Question> {
        Question::to(&Endpoint::new(target.parse().expect("a target")))
    }

    fn told(target: &str, answer: &[u8]) -> Vec<String> {
        let said = question(target).expect("it can be asked").told(answer);
        said.into_iter().map(|said| said.text).collect()
    }

    #[test]
    fn nothing_is_sent_to_a_server_of_which_it_is_not_known_that_it_speaks_http() {
        let request = |target: &str, agreed: Option<&[u8]>| question(target)?.request(agreed).map(str::to_owned);
        let version = env!("CARGO_PKG_VERSION");
        let head = |host| {
            Some(format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: certvigil/{version}\r\nConnection: close\r\n\r\n"))
        };
        assert_eq!(request("https://a.example", None), head("a.example"));
        assert_eq!(request("https://[2001:db8::1]:8443", None), head("[2001:db8::1]:8443"));
        assert_eq!(request("tls://a.example:8443", Some(b"http/1.1")), head("a.example:8443"));
        for agreed in [None, Some(&b"h2"[..]), Some(b"imap")] {
            assert_eq!(request("tls://a.example:8443", agreed), None);
        }
        for greeting in ["imaps", "pop3s", "smtps", "ftps", "nntps"] {
            assert_eq!(request(&format!("{greeting}://a.example"), None).as_deref(), Some(""));
        }
        for other in ["ldaps", "mqtts", "rediss", "amqps", "ircs", "smtp", "postgres"] {
            assert_eq!(question(&format!("{other}://a.example")), None, "{other}");
        }
    }

    #[test]
    fn an_answer_is_cut_down_to_what_matters() {
        let answer = b"HTTP/1.1 301 Moved\r\nDate: now\r\nSERVER: nginx/1.25.3\x1b[2J\r\nSet-Cookie: secret\r\n\r\nServer: other";
        let kept = ["HEAD / HTTP/1.1", "HTTP/1.1 301 Moved", r"SERVER: nginx/1.25.3\1B[2J"];
        assert_eq!(told("https://a.example", answer), kept);
        assert_eq!(told("https://a.example", b"HTTP/1.0 200\n\nServer: body"), ["HEAD / HTTP/1.1", "HTTP/1.0 200"]);
        assert_eq!(told("https://a.example", b"220 mail.example ESMTP Postfix\r\n"), [""; 0]);
        assert_eq!(told("imaps://a.example", b"* OK Dovecot ready.\r\n* more"), ["* OK Dovecot ready."]);
        for empty in [&b""[..], b"\r\n", b"\n\n"] {
            assert_eq!(told("imaps://a.example", empty), [""; 0]);
            assert_eq!(told("https://a.example", empty), [""; 0]);
        }
    }
}
