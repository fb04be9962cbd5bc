//! `certvigil import`: the inventory of another program as one of ours. The formats are pure; files are read and written here.

mod document;
mod gatus;
mod hosts;
mod inventory;
mod modules;
mod prometheus;
mod relabel;
mod rules;
#[cfg(test)]
mod tests;
mod uptime_kuma;

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};

use self::{inventory::Inventory, modules::Exporter, prometheus::Around};
use super::{output, run::environment};
use crate::{
    certificate::{printable, printable_cut},
    config::{
        self,
        tree::{Node, Value},
    },
};

/// Make the inventory from what another monitor has
///
/// Reads a scrape configuration of Prometheus that goes through `blackbox_exporter` or `ssl_exporter`, together with the exporter's own
/// file, the files of targets and the alert rules; a list of hosts; a backup of Uptime Kuma; a configuration of gatus. What cannot
/// be carried over is told on standard error, each with its file and line.
///
/// Exit status: 0 written, 1 not.
#[derive(Args)]
#[command(after_help = "Examples:
  certvigil import prometheus.yml blackbox.yml rules.yml -o certvigil.yaml
  certvigil import --from hosts hosts.txt
  ssh monitor cat /etc/gatus/config.yaml | certvigil import -")]
pub(super) struct Import {
    /// The files, which belong together; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What they are; by default recognised by what is in them
    #[arg(long, value_enum, value_name = "FORMAT")]
    from: Option<Format>,
    /// Write the configuration there instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the file where there is one
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A scrape configuration with the relabelling of `blackbox_exporter`
    Prometheus,
    /// The same by `ssl_exporter`, and its configuration
    #[value(name = "ssl_exporter")]
    SslExporter,
    /// A host a line
    Hosts,
    /// A backup as JSON
    UptimeKuma,
    /// A configuration
    Gatus,
}

impl Import {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(path) = self.output.as_deref().filter(|path| !self.force && path.exists()) {
            return Err(exists(path));
        }
        let mut sources = Vec::with_capacity(self.files.len());
        for path in &self.files {
            sources.push(read(path)?);
        }
        let inventory = collect(&sources, self.from)?;
        for note in &inventory.notes {
            output::warn(&note.to_string());
        }
        if inventory.found.is_empty() {
            bail!("there is no endpoint with a certificate in these files");
        }
        let names: Vec<String> = sources.into_iter().map(|source| source.name).collect();
        let directory = self.output.as_deref().unwrap_or(Path::new("import.yaml"));
        let rendered = settled(&inventory, &names, directory)?;
        match &self.output {
            Some(path) => write(path, &rendered, self.force)?,
            None => output::say(rendered.trim_end())?,
        }
        let (endpoints, notes) = (inventory.found.len(), inventory.notes.len());
        output::warn(&format!("{} and {}", counted(endpoints, "endpoint"), counted(notes, "note")));
        Ok(ExitCode::SUCCESS)
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A file and what is in it.
struct Source {
    name: String,
    text: String,
}

fn read(path: &Path) -> anyhow::Result<Source> {
    let name = printable(&path.to_string_lossy());
    let (name, content) = if path == Path::new("-") {
        let mut content = Vec::new();
        std::io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut content).context("cannot read standard input")?;
        if content.len() as u64 > MAX_FILE {
            bail!("standard input is larger than {} MB; import it in parts", MAX_FILE >> 20);
        }
        ("standard input".to_owned(), content)
    } else {
        (name, config::read_file(path, MAX_FILE)?)
    };
    let text = String::from_utf8(content).map_err(|_| anyhow!("{name}: is not UTF-8; save the file in UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}').to_owned();
    Ok(Source { name, text })
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scrapes,
    Modules,
    Targets,
    Rules,
    UptimeKuma,
    Gatus,
}

/// The document of a file and what it is; `None` is a list of hosts.
fn recognise(source: &Source, from: Option<Format>) -> anyhow::Result<Option<(Kind, Node)>> {
    if from == Some(Format::Hosts) {
        return Ok(None);
    }
    let is_list = from.is_none() && hosts::is_list(&source.text);
    let root = match document::parse(&source.text) {
        Ok(root) => root,
        Err(_) if is_list => return Ok(None),
        Err(none) => {
            let line = none.line.map(|line| format!(":{line}")).unwrap_or_default();
            bail!("{}{line}: {}; {}", source.name, printable_cut(&none.problem, 300), none.remedy);
        }
    };
    let is_group = |item: &Node| item.get("targets").is_some();
    let kind = if root.get("scrape_configs").is_some() || root.get("scrape_config_files").is_some() {
        Some(Kind::Scrapes)
    } else if root.get("modules").is_some() {
        Some(Kind::Modules)
    } else if root.get("groups").is_some_and(|groups| groups.items().iter().any(|group| group.get("rules").is_some())) {
        Some(Kind::Rules)
    } else if !root.items().is_empty() && root.items().iter().all(is_group) {
        Some(Kind::Targets)
    } else if gatus::is_one(&root) {
        Some(Kind::Gatus)
    } else if uptime_kuma::is_one(&root) {
        Some(Kind::UptimeKuma)
    } else {
        None
    };
    let of_prometheus = [Kind::Scrapes, Kind::Modules, Kind::Targets, Kind::Rules];
    match (kind, from) {
        (None, None) if is_list => Ok(None),
        (None, None) if root.get("endpoints").is_some() => {
            bail!("{}: is a configuration of certvigil itself, or of something that is not known", source.name)
        }
        (None, None) => {
            bail!("{}: is nothing that can be imported; name its format with --from, or list its hosts in a file", source.name)
        }
        (Some(kind), None) => Ok(Some((kind, root))),
        (Some(kind), Some(Format::Prometheus | Format::SslExporter)) if of_prometheus.contains(&kind) => Ok(Some((kind, root))),
        (Some(Kind::Gatus), Some(Format::Gatus)) => Ok(Some((Kind::Gatus, root))),
        (Some(Kind::UptimeKuma), Some(Format::UptimeKuma)) => Ok(Some((Kind::UptimeKuma, root))),
        (_, Some(format)) => {
            let (what, expected) = match format {
                Format::Prometheus => ("scrape configuration of Prometheus", "scrape_configs"),
                Format::SslExporter => ("configuration of ssl_exporter", "scrape_configs or modules"),
                Format::UptimeKuma => ("backup of Uptime Kuma", "monitorList"),
                Format::Gatus => ("configuration of gatus", "endpoints, each with a url"),
                Format::Hosts => ("list of hosts", "hosts"),
            };
            let held = if matches!(root.value, Value::Map(_) | Value::List(_)) { "" } else { " and no mapping" };
            bail!("{}: is no {what}: it has no {expected}{held}; leave out --from to have it recognised", source.name)
        }
    }
}

/// Reads all sources, those first that only say something about others.
fn collect(sources: &[Source], from: Option<Format>) -> anyhow::Result<Inventory> {
    let mut inventory = Inventory::default();
    let mut around = Around { exporter: (from == Some(Format::SslExporter)).then_some(Exporter::Ssl), ..Around::default() };
    let (mut documents, mut lists) = (Vec::new(), Vec::new());
    for source in sources {
        match recognise(source, from)? {
            None => lists.push(source),
            Some((Kind::Modules, root)) => {
                let exporter = around.exporter.unwrap_or_else(|| modules::exporter(&root));
                let modules = modules::read(&root, exporter);
                match exporter {
                    Exporter::Blackbox => around.blackbox.extend(modules),
                    Exporter::Ssl => {
                        inventory.file = source.name.as_str().into();
                        prometheus::read_modules(&modules, &mut inventory);
                        around.ssl.extend(modules);
                    }
                }
            }
            Some((Kind::Targets, root)) => {
                let name = source.name.rsplit('/').next().unwrap_or_default().to_owned();
                around.targets.push((name, root));
            }
            Some((kind, root)) => documents.push((source, kind, root)),
        }
    }
    for (source, kind, root) in &documents {
        inventory.file = source.name.as_str().into();
        match kind {
            Kind::Scrapes => prometheus::read(root, &around, &mut inventory),
            Kind::Rules => rules::read(root, &mut inventory),
            Kind::UptimeKuma => uptime_kuma::read(root, &mut inventory),
            Kind::Gatus => gatus::read(root, &mut inventory),
            Kind::Modules | Kind::Targets => {}
        }
    }
    for source in lists {
        inventory.file = source.name.as_str().into();
        hosts::read(&source.text, &mut inventory);
    }
    Ok(inventory)
}

/// The configuration, which is sound: files of roots that cannot be read here are only mentioned.
fn settled(inventory: &Inventory, files: &[String], path: &Path) -> anyhow::Result<String> {
    let rendered = inventory.render(files, true);
    if config::parse(&rendered, path, &environment()).is_ok() {
        return Ok(rendered);
    }
    let rendered = inventory.render(files, false);
    match config::parse(&rendered, path, &environment()) {
        Ok(_) => Ok(rendered),
        Err(faults) => Err(anyhow!("{faults}").context("what was made of these files would be refused")),
    }
}

fn write(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    if !force {
        options.create_new(true);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        _ => anyhow::Error::new(error).context(format!("cannot write {}", printable(&path.to_string_lossy()))),
    })
}

fn exists(path: &Path) -> anyhow::Error {
    anyhow!("{} is there already; write to another file, or overwrite it with --force", printable(&path.to_string_lossy()))
}

/// As of a configuration.
const MAX_FILE: u64 = 64 * 1024 * 1024;
