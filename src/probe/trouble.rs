//! What went wrong within a stage, before the stage is written beside it.

use std::io;

use crate::{
    certificate::printable_cut,
    observation::{Failure, FailureKind, Stage},
};

/// A failure whose stage the caller knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) kind: FailureKind,
    pub(super) detail: String,
}

impl Trouble {
    pub(super) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Trouble { kind, detail: detail.into() }
    }

    pub(super) fn at(self, stage: Stage) -> Failure {
        Failure { stage, kind: self.kind, detail: self.detail }
    }

    /// An error of connect(2), in words about `peer`.
    pub(super) fn of_connect(error: &io::Error, peer: &str) -> Self {
        let kind = kind_of(error);
        let detail = match kind {
            FailureKind::Refused => format!("connection refused by {peer}"),
            FailureKind::Timeout => format!("no answer from {peer}"),
            FailureKind::Reset => format!("connection reset by {peer}"),
            FailureKind::Unreachable => format!("{peer} cannot be reached: {}", reason(error)),
            _ => format!("cannot connect to {peer}: {}", reason(error)),
        };
        Trouble { kind, detail }
    }

    /// An error while reading from or writing to an open connection.
    pub(super) fn of_stream(error: &io::Error, peer: &str) -> Self {
        let kind = kind_of(error);
        let detail = match kind {
            FailureKind::Reset => format!("connection reset by {peer}"),
            _ => format!("the connection to {peer} broke: {}", reason(error)),
        };
        Trouble { kind, detail }
    }
}

/// A peer's words, fit for a message: printable and at most 200 characters.
pub(super) fn quoted(text: &str) -> String {
    printable_cut(text.trim(), QUOTE)
}

/// The system's text without Rust's `(os error 111)`, in lowercase, as a fragment.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Which kind an error of the socket is. What says nothing of the peer is `Internal`.
pub(super) fn kind_of(error: &io::Error) -> FailureKind {
    use io::ErrorKind as E;
    match error.kind() {
        E::ConnectionRefused => FailureKind::Refused,
        E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe | E::NotConnected => FailureKind::Reset,
        E::HostUnreachable | E::NetworkUnreachable | E::NetworkDown | E::AddrNotAvailable => FailureKind::Unreachable,
        E::TimedOut => FailureKind::Timeout,
        E::UnexpectedEof => FailureKind::ClosedEarly,
        _ if error.raw_os_error() == Some(EAFNOSUPPORT) => FailureKind::Unreachable,
        _ => FailureKind::Internal,
    }
}

const QUOTE: usize = 200;

/// The kernel was built, or booted, without this address family (Linux's number; elsewhere it reads as `Internal`).
const EAFNOSUPPORT: i32 = 97;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_faults_do_not_accuse_the_peer() {
        let out_of_files = io::Error::from_raw_os_error(24);
        let trouble = Trouble::of_connect(&out_of_files, "192.0.2.1:443");
        assert_eq!(trouble.kind, FailureKind::Internal);
        assert_eq!(trouble.detail, "cannot connect to 192.0.2.1:443: too many open files");
    }

    #[test]
    fn connect_errors_name_the_peer() {
        let refused = Trouble::of_connect(&io::ErrorKind::ConnectionRefused.into(), "192.0.2.1:443");
        assert_eq!(refused, Trouble::new(FailureKind::Refused, "connection refused by 192.0.2.1:443"));
        let unreachable = Trouble::of_connect(&io::Error::from_raw_os_error(101), "[2001:db8::1]:443");
        assert_eq!(unreachable.kind, FailureKind::Unreachable);
        assert_eq!(unreachable.detail, "[2001:db8::1]:443 cannot be reached: network is unreachable");
    }

    #[test]
    fn a_peers_words_are_cut_and_harmless() {
        assert_eq!(quoted(" 554 go\u{1b}[2Jaway\r\n"), "554 go\\1B[2Jaway");
        assert_eq!(quoted(&"x".repeat(500)).len(), QUOTE);
    }
}
