//! Prometheus's relabelling, as its documentation has it: `relabel_configs` turn the labels of a target into others.

use std::collections::BTreeMap;

use regex::{Captures, Regex, RegexBuilder};

use crate::config::tree::{Node, Value};

/// Names to values; what begins with two underscores is Prometheus's own.
pub(super) type Labels = BTreeMap<String, String>;

/// One step.
#[derive(Debug)]
pub(super) struct Rule {
    sources: Vec<String>,
    separator: String,
    regex: Regex,
    target: String,
    replacement: String,
    action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
    HashMod,
}

/// Why a step cannot be followed, and its line.
pub(super) type Unclear = (usize, String);

/// Reads the steps of a job. Sharding (`hashmod`) and the choice that follows it are left out, as all shards are wanted.
pub(super) fn read(list: &Node) -> (Vec<Rule>, Vec<Unclear>) {
    let (mut rules, mut unclear, mut hashed) = (Vec::new(), Vec::new(), Vec::new());
    for node in list.items() {
        match read_rule(node) {
            Ok(rule) if rule.action == Action::HashMod => {
                unclear.push((node.line, "the targets are sharded by hashmod; those of all shards are taken".to_owned()));
                hashed.push(rule.target);
            }
            Ok(rule) if rule.sources.iter().any(|source| hashed.contains(source)) => {}
            Ok(rule) => rules.push(rule),
            Err(problem) => unclear.push((node.line, problem)),
        }
    }
    (rules, unclear)
}

fn read_rule(node: &Node) -> Result<Rule, String> {
    let action = match node.text_of("action").unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "replace" => Action::Replace,
        "keep" => Action::Keep,
        "drop" => Action::Drop,
        "keepequal" => Action::KeepEqual,
        "dropequal" => Action::DropEqual,
        "labelmap" => Action::LabelMap,
        "labeldrop" => Action::LabelDrop,
        "labelkeep" => Action::LabelKeep,
        "lowercase" => Action::Lowercase,
        "uppercase" => Action::Uppercase,
        "hashmod" => Action::HashMod,
        other => return Err(format!("the relabelling action \"{other}\" is not known; this step is left out")),
    };
    let raw = |key: &str| match &node.get(key)?.value {
        Value::Text(text) => Some(text.clone()),
        _ => node.text_of(key),
    };
    let sources = node.get("source_labels").map(Node::texts).unwrap_or_default();
    let replacement = raw("replacement").unwrap_or_else(|| "$1".to_owned());
    if sources.len() > 100 || replacement.len() > 1000 {
        return Err("this step is too large to be followed; it is left out".to_owned());
    }
    let written = raw("regex").unwrap_or_else(|| "(.*)".to_owned());
    let regex = RegexBuilder::new(&format!("^(?s:{written})$"))
        .size_limit(1 << 20)
        .build()
        .map_err(|_| format!("the regular expression \"{written}\" cannot be read; this step is left out"))?;
    Ok(Rule {
        sources,
        separator: raw("separator").unwrap_or_else(|| ";".to_owned()),
        regex,
        target: node.text_of("target_label").unwrap_or_default(),
        replacement,
        action,
    })
}

/// Whether a step gives a label of this name.
pub(super) fn sets(rules: &[Rule], label: &str) -> bool {
    rules.iter().any(|rule| rule.target == label || rule.action == Action::LabelMap && rule.replacement.contains("__param_"))
}

/// Follows the steps; `None` when the target is dropped, or its labels grow beyond all use.
pub(super) fn apply(rules: &[Rule], mut labels: Labels) -> Option<Labels> {
    for rule in rules {
        let values = rule.sources.iter().map(|source| labels.get(source).map_or("", String::as_str));
        let value = values.collect::<Vec<_>>().join(&rule.separator);
        let target = || labels.get(&rule.target).map_or("", String::as_str);
        match rule.action {
            Action::Keep if !rule.regex.is_match(&value) => return None,
            Action::Drop if rule.regex.is_match(&value) => return None,
            Action::KeepEqual if value != target() => return None,
            Action::DropEqual if value == target() => return None,
            Action::Keep | Action::Drop | Action::KeepEqual | Action::DropEqual | Action::HashMod => {}
            Action::Replace => {
                if let Some(captures) = rule.regex.captures(&value) {
                    let name = expand(&captures, &rule.target);
                    set(&mut labels, name, expand(&captures, &rule.replacement));
                }
            }
            Action::Lowercase => set(&mut labels, rule.target.clone(), value.to_lowercase()),
            Action::Uppercase => set(&mut labels, rule.target.clone(), value.to_uppercase()),
            Action::LabelMap => {
                let mapped: Vec<_> = labels
                    .iter()
                    .filter_map(|(name, value)| Some((expand(&rule.regex.captures(name)?, &rule.replacement), value.clone())))
                    .collect();
                labels.extend(mapped);
            }
            Action::LabelDrop => labels.retain(|name, _| !rule.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| rule.regex.is_match(name)),
        }
        if labels.values().any(|value| value.len() > MAX_VALUE) {
            return None;
        }
    }
    Some(labels)
}

fn expand(captures: &Captures<'_>, template: &str) -> String {
    let mut out = String::new();
    captures.expand(template, &mut out);
    out
}

fn set(labels: &mut Labels, name: String, value: String) {
    if value.is_empty() {
        labels.remove(&name);
    } else {
        labels.insert(name, value);
    }
}

/// A step may double a value, and there may be many steps.
const MAX_VALUE: usize = 10_000;
