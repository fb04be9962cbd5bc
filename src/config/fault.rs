//! What is wrong with a configuration: where, what, and what to write instead.

use std::{fmt, sync::Arc};

use super::read::At;
use crate::certificate::{printable, printable_cut};

/// One problem of the configuration. Shown as one line: `config.yaml:14: endpoints[3].interval: "10 min" is no duration; write 10m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was named to us.
    pub file: Arc<str>,
    /// The line, counted from 1; `None` when the fault is in no line (a missing file).
    pub line: Option<usize>,
    /// The key, from the top: `endpoints[3].interval`; empty for the document as a whole.
    pub key: String,
    /// What is wrong, as a fragment.
    pub problem: String,
    /// What to write or do instead.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}; {}", self.problem, self.remedy)
    }
}

/// Every fault of a configuration, in the order of its lines; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    /// A line for each, then their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{fault}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 fault"),
            count => write!(f, "{count} faults"),
        }
    }
}

impl std::error::Error for Faults {}

/// Collects what the readers find.
pub(super) struct Report {
    file: Arc<str>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Report { file: printable(file).into(), faults: Vec::new(), warnings: Vec::new() }
    }

    /// The file, as messages name it.
    pub(super) fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The configuration cannot be used.
    pub(super) fn fault(&mut self, at: &At<'_>, problem: impl Into<String>, remedy: impl Into<String>) {
        let fault = self.make(Some(at.line()), at.key(), problem, remedy);
        self.faults.push(fault);
    }

    /// It can be used, though hardly as it was meant.
    pub(super) fn warn(&mut self, at: &At<'_>, problem: impl Into<String>, remedy: impl Into<String>) {
        let fault = self.make(Some(at.line()), at.key(), problem, remedy);
        self.warnings.push(fault);
    }

    /// The same about a place that has been left.
    pub(super) fn warn_at(&mut self, line: usize, key: String, problem: impl Into<String>, remedy: impl Into<String>) {
        let fault = self.make(Some(line), key, problem, remedy);
        self.warnings.push(fault);
    }

    /// The file itself is the problem; ends the matter.
    pub(super) fn refuse(self, line: Option<usize>, problem: impl Into<String>, remedy: impl Into<String>) -> Faults {
        Faults(vec![self.make(line, String::new(), problem, remedy)])
    }

    fn make(&self, line: Option<usize>, key: String, problem: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault {
            file: self.file.clone(),
            line: line.filter(|line| *line > 0),
            key,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// A value for a message: printable, and at most 80 characters of it.
pub(super) fn shorten(text: &str) -> String {
    printable_cut(text, 80)
}

/// The known word that was probably meant: at most a third of its letters wrong, or only its beginning written.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.chars().count() > 40 {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= (candidate.len() / 3).max(1) || (word.len() >= 3 && candidate.starts_with(word))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.to_lowercase().chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant() {
        let known = ["interval", "timeout", "addresses", "admin", "to"];
        assert_eq!(nearest("intervall", known), Some("interval"));
        assert_eq!(nearest("Interval", known), Some("interval"));
        assert_eq!(nearest("tiemout", known), Some("timeout"));
        assert_eq!(nearest("adresses", known), Some("addresses"));
        assert_eq!(nearest("ot", known), Some("to"));
        assert_eq!(nearest("addr", known), Some("addresses"));
        assert_eq!(nearest("ad", known), None);
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"interval".repeat(10_000), known), None);
    }

    #[test]
    fn long_and_unprintable_values_are_tamed() {
        assert_eq!(shorten("short"), "short");
        assert_eq!(shorten(&"x".repeat(100)), format!("{}...", "x".repeat(77)));
        assert_eq!(shorten("a\u{1b}[2Jb\u{202e}"), "a\\1B[2Jb\\E2\\80\\AE");
    }
}
