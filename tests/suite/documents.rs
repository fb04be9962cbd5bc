//! The pages lead where they say: every link between them has its file and its heading, and the index leads to all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

/// Every page of the repository, by its path from the root.
fn pages() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = BTreeMap::new();
    for folder in ["", "docs", "grafana", "benches"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&entry).expect("UTF-8");
                pages.insert(entry.strip_prefix(root).expect("below the root").to_owned(), text);
            }
        }
    }
    pages
}

/// What headings are called in links, as GitHub does it.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut in_code = false;
    let headings = page.lines().filter(|line| {
        in_code ^= line.starts_with("```");
        !in_code && line.starts_with('#')
    });
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-"))
        .collect()
}

/// `](target)`, but for other sites.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.contains("://") && !target.contains(char::is_whitespace))
}

/// Without `..`.
fn settled(path: &Path) -> PathBuf {
    let mut settled = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            assert!(settled.pop(), "{} leaves the repository", path.display());
        } else {
            settled.push(part);
        }
    }
    settled
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut followed = 0;
    for (path, page) in &pages {
        for link in links(page) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { settled(&path.with_file_name(file)) };
            assert!(root.join(&target).exists(), "{}: {link} leads nowhere", path.display());
            let leads = anchor.is_empty() || pages.get(&target).is_none_or(|page| anchors(page).contains(anchor));
            assert!(leads, "{}: {link} has no such heading", path.display());
            followed += 1;
        }
    }
    assert!(followed > 100, "the scan finds links");
    assert!(!anchors("# A: b_c `d`\n```\n# no\n```").contains("no") && anchors("## A: b_c `d`").contains("a-b_c-d"));
}

#[test]
fn the_index_has_every_page() {
    let pages = pages();
    let index: BTreeSet<_> = links(&pages[Path::new("docs/README.md")]).collect();
    for page in pages.keys().filter(|page| page.starts_with("docs") && !page.ends_with("README.md")) {
        let name = page.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(index.contains(name), "docs/README.md lacks {name}");
    }
}
