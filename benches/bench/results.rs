//! The file of the results: each section is written by what has measured it, and the others stay.

use std::{fs, path::PathBuf};

use anyhow::Context as _;

/// Writes everything from the beginning to the last section of the whole run; those that are measured apart stay behind it.
pub(crate) fn write(text: &str, apart: &[&str]) -> anyhow::Result<()> {
    let kept: Vec<String> = apart.iter().filter_map(|heading| section(&read(), heading)).collect();
    store(&[&[text.to_owned()], &kept[..]].concat().join("\n"))
}

/// Writes one section, in place of the one whose heading begins so.
pub(crate) fn put(heading: &str, text: &str) -> anyhow::Result<()> {
    let file = read();
    let rest = match section(&file, heading) {
        Some(old) => file.replace(&old, ""),
        None => file,
    };
    // The judge's own bench writes behind all others.
    let (before, after) = rest.split_at(rest.find(LAST).unwrap_or(rest.len()));
    store(&format!("{}\n\n{}\n\n{after}", before.trim_end(), text.trim_end()))
}

fn section(file: &str, heading: &str) -> Option<String> {
    let start = file.find(&format!("## {heading}"))?;
    let length = file[start + 3..].find("\n## ").map_or(file.len() - start, |end| end + 4);
    Some(file[start..start + length].to_owned())
}

fn read() -> String {
    fs::read_to_string(path()).unwrap_or_default()
}

fn store(text: &str) -> anyhow::Result<()> {
    fs::write(path(), text.trim_end().to_owned() + "\n").with_context(|| format!("cannot write {}", path().display()))?;
    println!("written to {}", path().display());
    Ok(())
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md")
}

const LAST: &str = "## The judge beside webpki";
