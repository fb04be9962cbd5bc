//! A scrape configuration of Prometheus whose jobs go through `blackbox_exporter` or `ssl_exporter` by relabelling.

use std::time::Duration;

use super::{
    inventory::Inventory,
    modules::{self, Exporter, Modules},
    relabel::{self, Labels},
};
use crate::{
    config::{
        self,
        tree::{Node, Value},
    },
    monitor::Glob,
};

/// What the other files say that belong to the same Prometheus.
#[derive(Debug, Default)]
pub(super) struct Around {
    pub(super) blackbox: Modules,
    pub(super) ssl: Modules,
    /// Files of targets, by their names without a folder.
    pub(super) targets: Vec<(String, Node)>,
    /// Whose every job is.
    pub(super) exporter: Option<Exporter>,
}

/// Reads all jobs.
pub(super) fn read(root: &Node, around: &Around, inventory: &mut Inventory) {
    let global = root.get("global").and_then(|global| global.text_of("scrape_interval"));
    if let Some(files) = root.get("scrape_config_files") {
        let said = format!("more jobs are in {}; import these files too", files.texts().join(", "));
        inventory.note(files.line, said);
    }
    for job in inventory.mappings(root, "scrape_configs") {
        Job::new(job, global.as_deref(), around).read(inventory);
    }
}

struct Job<'a> {
    node: &'a Node,
    name: String,
    interval: Option<Duration>,
    around: &'a Around,
}

impl<'a> Job<'a> {
    fn new(node: &'a Node, global: Option<&str>, around: &'a Around) -> Self {
        let interval = node.text_of("scrape_interval");
        let interval = interval.as_deref().or(global).and_then(config::parse_duration);
        Job { node, name: node.text_of("job_name").unwrap_or_else(|| "(without a name)".into()), interval, around }
    }

    fn read(&self, inventory: &mut Inventory) {
        let (rules, unclear) = self.node.get("relabel_configs").map(relabel::read).unwrap_or_default();
        let params = self.node.get("params").map(Node::entries).unwrap_or_default();
        let probes = relabel::sets(&rules, "__param_target") || params.iter().any(|param| &*param.key == "target");
        if !probes {
            let said = format!("the job \"{}\" scrapes metrics and probes no target; left out", self.name);
            return inventory.note(self.node.line, said);
        }
        for (line, said) in unclear {
            inventory.note(line, format!("in the job \"{}\" {said}", self.name));
        }
        let mut base = Labels::new();
        base.insert("job".into(), self.name.clone());
        base.insert("__scheme__".into(), self.node.text_of("scheme").unwrap_or_else(|| "http".into()));
        base.insert("__metrics_path__".into(), self.node.text_of("metrics_path").unwrap_or_else(|| "/metrics".into()));
        for param in params {
            if let Some(first) = param.value.texts().into_iter().next() {
                base.insert(format!("__param_{}", param.key), first);
            }
        }
        let mut dropped = 0;
        for (group, is_own) in self.groups(inventory) {
            let mut labels = base.clone();
            for entry in group.get("labels").map(Node::entries).unwrap_or_default() {
                if let Some(value) = entry.value.text() {
                    labels.insert(entry.key.to_string(), value);
                }
            }
            let targets = group.get("targets");
            if let Some(odd) = targets.filter(|targets| !matches!(targets.value, Value::List(_))) {
                inventory.note(if is_own { odd.line } else { 0 }, "targets is no list; left out");
            }
            for target in targets.map(Node::items).unwrap_or_default() {
                let Some(written) = target.text() else {
                    inventory.note(if is_own { target.line } else { 0 }, "a target that is no text; left out");
                    continue;
                };
                let line = if is_own { target.line } else { self.node.line };
                let mut labels = labels.clone();
                labels.insert("__address__".into(), written);
                match relabel::apply(&rules, labels) {
                    Some(labels) => self.visit(line, &labels, inventory),
                    None => dropped += 1,
                }
            }
        }
        if dropped > 0 {
            let said = format!("the relabelling of the job \"{}\" drops {dropped} of its targets; left out here too", self.name);
            inventory.note(self.node.line, said);
        }
    }

    /// The groups of targets, and whether they stand in this file.
    fn groups(&self, inventory: &mut Inventory) -> Vec<(&'a Node, bool)> {
        let mut groups = Vec::new();
        for entry in self.node.entries() {
            match &*entry.key {
                "static_configs" => {
                    groups.extend(inventory.mappings(self.node, "static_configs").iter().map(|group| (group, true)));
                }
                "file_sd_configs" => {
                    let patterns = entry.value.items().iter().filter_map(|item| item.get("files")).flat_map(Node::texts);
                    for pattern in patterns {
                        let name = pattern.rsplit('/').next().unwrap_or_default();
                        let wanted = Glob::new(name);
                        let given = self.around.targets.iter().filter(|(file, _)| wanted.matches(file));
                        let before = groups.len();
                        groups.extend(given.flat_map(|(_, root)| root.items()).map(|group| (group, false)));
                        if groups.len() == before {
                            let said = format!("the job \"{}\" takes targets from {pattern}; import that file too", self.name);
                            inventory.note(entry.line, said);
                        }
                    }
                }
                key if key.ends_with("_sd_configs") => {
                    let said = format!(
                        "the job \"{}\" finds targets by {key}, which only Prometheus can ask; list them in a file for `--from hosts`",
                        self.name
                    );
                    inventory.note(entry.line, said);
                }
                _ => {}
            }
        }
        groups
    }

    /// One target after its relabelling.
    fn visit(&self, line: usize, labels: &Labels, inventory: &mut Inventory) {
        let Some(written) = labels.get("__param_target") else {
            return inventory.note(line, "the relabelling gives this target no __param_target; left out");
        };
        let module = labels.get("__param_module").map_or("", String::as_str);
        let address = labels.get("__address__").map_or("", String::as_str);
        let (is_blackbox, is_ssl) = (self.around.blackbox.contains_key(module), self.around.ssl.contains_key(module));
        let exporter = self.around.exporter.unwrap_or_else(|| {
            let looks_ssl = address.ends_with(":9219") || address.contains("ssl");
            if is_ssl && !is_blackbox || looks_ssl && is_ssl == is_blackbox { Exporter::Ssl } else { Exporter::Blackbox }
        });
        let known = match exporter {
            Exporter::Blackbox => &self.around.blackbox,
            Exporter::Ssl => &self.around.ssl,
        };
        let guessed = modules::guess(module, exporter);
        match known.get(module).unwrap_or(&guessed).visit(line, written, inventory) {
            Ok(mut found) => {
                if let Some(host) = labels.get("__param_hostname").and_then(|host| host.parse().ok()) {
                    found.server_name = Some(host);
                }
                found.name = labels.get("instance").cloned();
                found.interval = self.interval;
                for (name, value) in labels {
                    if !name.starts_with("__") && name != "instance" {
                        found.label(name, value);
                    }
                }
                inventory.add(found);
            }
            Err(said) => inventory.note(line, said),
        }
    }
}

/// The targets that modules of `ssl_exporter` have of their own.
pub(super) fn read_modules(modules: &Modules, inventory: &mut Inventory) {
    for module in modules.values() {
        if let Some((line, target)) = &module.target {
            match module.visit(*line, target, inventory) {
                Ok(found) => inventory.add(found),
                Err(said) => inventory.note(*line, said),
            }
        }
    }
}
