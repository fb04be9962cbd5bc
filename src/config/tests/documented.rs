//! What the pages in `docs/` say of the configuration, in blocks and in passing, has keys that exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::config::{Environment, parse_with, trust::Stores};

/// The README and every page.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir("docs").expect("the pages").map(|entry| entry.expect("a page").path());
    let mut pages: Vec<_> = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    pages.extend(["README.md", "SECURITY.md"].map(PathBuf::from));
    pages.sort();
    pages.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("UTF-8"))).collect()
}

/// The key of a mapping in one line, `interval: 6h`.
fn key(text: &str) -> Option<&str> {
    let (key, _) = text.split_once(": ")?;
    (!key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')).then_some(key)
}

/// Reads hundreds of texts, and the stores, which take the most time of all, once.
#[derive(Default)]
struct Reader(Stores);

impl Reader {
    /// The unknown keys of a text, as `validate` tells them.
    fn unknown(&mut self, text: &str) -> Vec<String> {
        let read = parse_with(&mut self.0, text, Path::new("config.yaml"), &Environment::default());
        let told = read.err().map(|faults| faults.to_string()).unwrap_or_default();
        told.lines().filter(|line| line.contains("unknown key")).map(str::to_owned).collect()
    }

    /// Those below `section`; nothing if it is no section of ours.
    fn strangers(&mut self, section: &str, text: &str) -> Vec<String> {
        let is_ours = self.unknown(&format!("{section}: 7")).is_empty();
        if is_ours { self.unknown(text) } else { Vec::new() }
    }
}

/// The blocks of YAML that begin with a section of ours.
fn blocks(page: &str) -> impl Iterator<Item = &str> {
    page.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0))
}

/// What stands between two backticks.
fn spans(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| !line.starts_with("```")).flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_key_that_a_page_names_exists() {
    let mut reader = Reader::default();
    let (mut sections, mut keys) = (0, 0);
    for (path, page) in pages() {
        for block in blocks(&page) {
            let first = block.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
            let Some((section, _)) = first.split_once(':') else { continue };
            assert_eq!(reader.strangers(section, block), [""; 0], "{}", path.display());
            sections += 1;
        }
        for span in spans(&page) {
            let Some(key) = key(span) else { continue };
            assert_eq!(reader.strangers(key, span), [""; 0], "{}: {span}", path.display());
            let of_endpoint = format!("endpoints: [{{target: a.example, {span}}}]");
            if reader.unknown(&format!("endpoints: [{{target: a.example, {key}: }}]")).is_empty() {
                assert_eq!(reader.strangers("endpoints", &of_endpoint), [""; 0], "{}: {span}", path.display());
                keys += 1;
            }
        }
    }
    assert!(sections > 10 && keys > 10, "the scan finds {sections} blocks and {keys} keys");
    assert_eq!(reader.strangers("limits", "limits: {visit: 7}").len(), 1, "and it can fail");
    assert_eq!(reader.strangers("endpoints", "endpoints: [{target: a.example, expiry: {warn: {before: 1d}}}]").len(), 1);
}
