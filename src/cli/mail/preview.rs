//! `certvigil mail preview`: what mails look like, before anything is wrong.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;

use crate::{
    cli::{arguments, output},
    mail::{
        self, Language, Settings,
        samples::{self, Mail},
    },
};

/// Show a mail of each kind, about made-up facts; nothing is sent
///
/// FINDING is a finding's code, as in docs/findings.md, or a word for another kind of mail. Without it the known ones are listed.
///
/// Exit status: 0 shown, 1 not.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil mail preview missing_intermediate
  certvigil mail preview expires_soon --language de --html mail.html
  certvigil mail preview resolved --eml mail.eml --config /etc/certvigil/config.yaml
  certvigil mail preview --all --folder gallery")]
pub(super) struct Preview {
    /// Which mail
    #[arg(value_name = "FINDING", conflicts_with = "all")]
    name: Option<String>,
    /// Sender, language and templates as this configuration has them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// In this language: en, de
    #[arg(long, value_name = "LANGUAGE", value_parser = arguments::language)]
    language: Option<Language>,
    /// Write the message as it would travel to this file, or into this directory
    #[arg(long, value_name = "FILE|DIR", requires = "name")]
    eml: Option<PathBuf>,
    /// Write the HTML part to this file
    #[arg(long, value_name = "FILE", requires = "name")]
    html: Option<PathBuf>,
    /// Write every mail, as text, HTML and message, with an index.html
    #[arg(long, requires = "folder")]
    all: bool,
    /// Where --all writes to; made where it is not there
    #[arg(long, value_name = "DIR", requires = "all")]
    folder: Option<PathBuf>,
}

impl Preview {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut settings = match &self.config {
            Some(path) => super::settings(path)?,
            None => samples::settings(),
        };
        if let Some(language) = self.language {
            settings.language = language;
            settings.languages.clear();
        }
        let mails = samples::mails(&settings);
        if let Some(folder) = &self.folder {
            gallery(&mails, &settings, folder)?;
            output::say(&format!("{} mails, listed in {}", mails.len(), folder.join("index.html").display()))?;
            return Ok(ExitCode::SUCCESS);
        }
        let Some(name) = &self.name else {
            output::say(&known(&mails))?;
            return Ok(ExitCode::SUCCESS);
        };
        let Some(mail) = mails.iter().find(|mail| mail.name == *name) else {
            anyhow::bail!("no mail is called {name:?}\n{}", known(&mails));
        };
        if let Some(path) = &self.eml {
            let path = if path.is_dir() { path.join(format!("{name}.eml")) } else { path.clone() };
            write(&path, &mail.message)?;
        }
        if let Some(path) = &self.html {
            write(path, mail.letter.html.as_bytes())?;
        }
        if self.eml.is_none() && self.html.is_none() {
            output::say(&shown(mail, &settings))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The mail as a person reads it: who, to whom, about what, and what is attached.
fn shown(mail: &Mail, settings: &Settings) -> String {
    let (from, to, letter) = (&settings.from, &mail.recipient, &mail.letter);
    let mut out = format!("From: {from}\nTo: {to}\nSubject: {}\n\n{}", letter.subject, letter.text);
    for attachment in &letter.attachments {
        let _ = write!(out, "\n[{}: {} octets]", attachment.name, attachment.text.len());
    }
    out.trim_end().to_owned()
}

fn known(mails: &[Mail]) -> String {
    let names: Vec<&str> = mails.iter().map(|mail| mail.name).collect();
    format!("The mails that there are:\n  {}", names.join("\n  "))
}

/// Every mail in three forms, and a page that leads to them.
fn gallery(mails: &[Mail], settings: &Settings, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for mail in mails {
        let file = |ending: &str| folder.join(format!("{}.{ending}", mail.name));
        write(&file("txt"), format!("{}\n", shown(mail, settings)).as_bytes())?;
        write(&file("html"), mail.letter.html.as_bytes())?;
        write(&file("eml"), &mail.message)?;
    }
    write(&folder.join("index.html"), mail::gallery(mails).as_bytes())
}

fn write(path: &Path, octets: &[u8]) -> anyhow::Result<()> {
    fs::write(path, octets).with_context(|| format!("cannot write {}", path.display()))
}
