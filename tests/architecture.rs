//! The arrows between the modules, as `src/lib.rs` draws them, hold; and the pure modules are pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Module to the modules it may import, and the pure ones among them.
struct Table {
    arrows: BTreeMap<String, BTreeSet<String>>,
    pure: BTreeSet<String>,
}

/// The table in the documentation of the crate.
fn table(lib: &str) -> Table {
    let mut table = Table { arrows: BTreeMap::new(), pure: BTreeSet::new() };
    let mut pure = false;
    let lines = lib.lines().filter_map(|line| line.strip_prefix("//! "));
    for line in lines.skip_while(|line| *line != "```text").skip(1).take_while(|line| *line != "```") {
        match line.split_once("->") {
            None => pure = line == "pure",
            Some((module, imports)) => {
                let module = module.trim().to_owned();
                if pure {
                    table.pure.insert(module.clone());
                }
                table.arrows.insert(module, imports.split_whitespace().map(str::to_owned).collect());
            }
        }
    }
    table
}

/// What is wrong with one file, by the table.
fn violations(table: &Table, module: &str, source: &str) -> Vec<String> {
    let source = without_tests_and_comments(source);
    let mut found = Vec::new();
    for imported in imports(&source) {
        let allowed = imported == module || table.arrows[module].contains(&imported);
        if table.arrows.contains_key(&imported) && !allowed {
            found.push(format!("{module} imports {imported}"));
        }
    }
    if table.pure.contains(module) {
        for impure in IMPURE {
            if source.contains(impure) {
                found.push(format!("{module} is pure and says {impure}"));
            }
        }
    }
    found
}

/// The modules of this crate that a source names, `use crate::{a, b::c}` and `crate::a::b` alike.
fn imports(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in source.match_indices("crate::") {
        let rest = &source[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => names.extend(word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut is_start = true;
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => is_start = true,
                        c if is_start && (c.is_alphanumeric() || c == '_') => {
                            names.extend(word(&list[i..]));
                            is_start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// Tests stand at the end of a file, and may do as they like.
fn without_tests_and_comments(source: &str) -> String {
    let before_tests = match source.find("#[cfg(test)]\nmod tests {") {
        Some(at) => &source[..at],
        None => source,
    };
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn rust_files(directory: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the source is there").map(|entry| entry.expect("readable").path()) {
        if entry.is_dir() {
            rust_files(&entry, out);
        } else if entry.extension().is_some_and(|ext| ext == "rs") {
            out.push(entry);
        }
    }
}

/// Files that only tests, or the fuzzers, compile: `tests.rs`, `tests/`, and what a `#[cfg(test)] mod` names.
fn is_test_file(path: &Path, all: &BTreeMap<PathBuf, String>) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let declared_for_tests = |parent: &PathBuf| {
        all.get(parent).is_some_and(|source| {
            ["test", "any(test, fuzzing)"]
                .iter()
                .flat_map(|cfg| {
                    ["", "pub ", "pub(crate) ", "pub(super) "].map(|public| format!("#[cfg({cfg})]\n{public}mod {stem};"))
                })
                .any(|declaration| source.contains(&declaration))
        })
    };
    let directory = path.parent().unwrap_or(Path::new(""));
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
        || declared_for_tests(&directory.join("mod.rs"))
        || declared_for_tests(&directory.with_extension("rs"))
        || declared_for_tests(&directory.join("lib.rs"))
}

fn source_tree() -> (Table, BTreeMap<PathBuf, String>) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let all: BTreeMap<PathBuf, String> =
        files.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).expect("UTF-8"))).collect();
    (table(&all[&source.join("lib.rs")]), all)
}

fn module_of(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("below src");
    let first = below.components().next().expect("a name").as_os_str().to_str().expect("UTF-8");
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn every_module_keeps_to_its_arrows() {
    let (table, all) = source_tree();
    let mut found = Vec::new();
    for (path, source) in &all {
        let module = module_of(path);
        if matches!(module.as_str(), "lib" | "main") || is_test_file(path, &all) {
            continue;
        }
        assert!(table.arrows.contains_key(&module), "{module} is not in the table of src/lib.rs");
        found.extend(violations(&table, &module, source).into_iter().map(|what| format!("{}: {what}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_arrows_are_acyclic_and_lead_to_modules_that_exist() {
    let (table, all) = source_tree();
    let modules: BTreeSet<String> = all.keys().map(|path| module_of(path)).collect();
    let mut settled: BTreeSet<&String> = BTreeSet::new();
    while settled.len() < table.arrows.len() {
        let before = settled.len();
        for (module, imports) in &table.arrows {
            assert!(modules.contains(module), "{module} is in the table and not in src");
            if imports.iter().all(|import| settled.contains(import)) {
                settled.insert(module);
            }
        }
        assert!(settled.len() > before, "a circle, or an unknown name, among those left beside {settled:?}");
    }
    for module in &table.pure {
        assert!(table.arrows[module].is_subset(&table.pure), "{module} is pure and imports a door");
    }
}

#[test]
fn files_stay_small() {
    let (_, all) = source_tree();
    let long: Vec<_> = all.iter().filter(|(_, source)| source.lines().count() > 500).map(|(path, _)| path.display()).collect();
    assert!(long.is_empty(), "over 500 lines, look for the seam: {long:?}");
}

/// The test above is worth something only if it fails where it should.
#[test]
fn seeded_violations_are_found() {
    let (table, _) = source_tree();
    let seeded = [
        ("diagnosis", "use crate::{certificate::Name, probe};", "diagnosis imports probe"),
        ("endpoint", "fn f() { crate::certificate::printable(\"\"); }", "endpoint imports certificate"),
        ("web", "use crate::{monitor::{Snapshot, Watch}, probe::Place};", "web imports probe"),
        ("monitor", "use crate::config;", "monitor imports config"),
        ("monitor", "fn f() { let _ = Timestamp::now(); }", "monitor is pure and says ::now("),
        ("incident", "use std::net::IpAddr;", "incident is pure and says std::net"),
        ("report", "use std::{fmt, fs};", "report is pure and says fs}"),
        ("diagnosis", "async fn f() { tokio::time::sleep(d).await }", "diagnosis is pure and says tokio"),
    ];
    for (module, source, expected) in seeded {
        assert_eq!(violations(&table, module, source), [expected], "{source}");
    }
    let harmless = "// crate::probe\nuse core::net::IpAddr;\nuse crate::diagnosis::Finding;\n#[cfg(test)]\nmod tests {\n use crate::probe;\n}";
    assert_eq!(violations(&table, "diagnosis", harmless), [""; 0]);
}

/// What a pure module has no business with. Addresses are `core::net`.
const IMPURE: [&str; 8] = ["tokio", "std::net", "std::fs", "std::io", "fs}", "::now(", "std::thread", "std::env"];
