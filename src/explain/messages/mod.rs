//! What clients and servers say when a certificate or a handshake fails, and what it may stand for.

mod browsers;
mod languages;
mod openssl;
mod tools;

use super::causes::Cause;

/// A message as users meet it.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Who says it: a section of the documentation.
    pub speaker: &'static str,
    /// As it reads; `…` where it varies.
    pub text: &'static str,
    /// OpenSSL's number for it, as `openssl s_client` and `openssl verify` print it.
    pub code: Option<u16>,
    /// What it may stand for, the likeliest first.
    pub causes: &'static [&'static Cause],
    /// It says little, and stands beside others that say more.
    pub vague: bool,
}

/// All of them, by speaker.
pub fn messages() -> impl Iterator<Item = Message> {
    let openssl = openssl::CODES.iter().map(|(code, causes)| Message {
        speaker: "OpenSSL's verification",
        text: crate::diagnosis::verify_text(*code),
        code: Some(*code),
        causes,
        vague: false,
    });
    let speakers = [openssl::SPEAKERS, languages::SPEAKERS, tools::SPEAKERS, browsers::SPEAKERS];
    let others = speakers.into_iter().flatten().flat_map(|(speaker, rows)| {
        rows.iter().map(|(text, causes)| {
            let vague = causes.first().is_some_and(|cause| cause.name == super::causes::UNNAMED.name);
            Message { speaker, text, code: None, causes, vague }
        })
    });
    openssl.chain(others)
}

/// Who says something, and what: texts with what they may stand for.
type Speaker = (&'static str, &'static [Row]);
type Row = (&'static str, &'static [&'static Cause]);
