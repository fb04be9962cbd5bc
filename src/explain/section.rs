//! The sections of `docs/findings.md`.

use crate::diagnosis::Finding;

/// What the documentation says of a finding, in Markdown.
#[derive(Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// The finding's code.
    pub code: &'a str,
    /// What it means.
    pub meaning: &'a str,
    /// Who must act.
    pub who: &'a str,
    /// How to fix it.
    pub fix: &'a str,
    /// How to see it without certvigil.
    pub see: &'a str,
}

impl Section<'static> {
    /// The section of this code.
    pub fn of(code: &str) -> Option<Self> {
        FINDINGS.split("\n## ").skip(1).filter_map(read).find(|section| section.code == code)
    }
}

impl Section<'_> {
    /// Where it can be read.
    pub fn link(&self) -> String {
        Finding::link(self.code)
    }
}

fn read(section: &str) -> Option<Section<'_>> {
    let (code, body) = section.split_once('\n')?;
    let (_, rest) = body.split_once("**What it means.**")?;
    let (meaning, rest) = rest.split_once("**Who must act.**")?;
    let (who, rest) = rest.split_once("**How to fix it.**")?;
    let (fix, see) = rest.split_once("**See it.**")?;
    Some(Section { code, meaning: meaning.trim(), who: who.trim(), fix: fix.trim(), see: see.trim() })
}

const FINDINGS: &str = include_str!("../../docs/findings.md");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_answered() {
        for code in Finding::CODES {
            let section = Section::of(code).unwrap_or_else(|| panic!("docs/findings.md has no section {code}"));
            assert!(section.see.contains("openssl"), "{section:?}");
        }
        assert_eq!(Section::of("no_such_code"), None);
    }
}
