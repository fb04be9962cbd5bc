//! A plain list: a host a line, as text, CSV, `/etc/hosts` or the simple inventory of Ansible have it.

use super::inventory::{Found, Inventory};
use crate::endpoint::{Host, Target};

/// Whether the first line that says something names a host.
pub(super) fn is_list(text: &str) -> bool {
    let first = text.lines().map(without_comment).find(|line| !line.is_empty() && group(line).is_none());
    first.is_some_and(|line| !is_prose(line) && fields(line).next().is_some_and(|field| field.parse::<Target>().is_ok()))
}

/// Reads every line.
pub(super) fn read(text: &str, inventory: &mut Inventory) {
    let mut section = None;
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let line = without_comment(line);
        if line.is_empty() {
            continue;
        }
        if let Some(name) = group(line) {
            section = Some(name.to_owned());
            continue;
        }
        if section.as_deref().is_some_and(|name| name.contains(':')) {
            inventory.note(line_number, format!("{line}: belongs to the section of no hosts above; left out"));
            continue;
        }
        if fields(line).next().is_some_and(|first| index == 0 && HEADINGS.contains(&first.to_ascii_lowercase().as_str())) {
            continue;
        }
        match read_line(line_number, line, inventory) {
            Ok(mut found) => {
                if let Some(group) = &section {
                    found.label("group", group);
                }
                inventory.add(found);
            }
            Err(said) => inventory.note(line_number, said),
        }
    }
}

/// `host`, `host port`, `address name`, a URL; behind it nothing that is known.
fn read_line(line_number: usize, line: &str, inventory: &mut Inventory) -> Result<Found, String> {
    let mut fields = fields(line);
    let first = fields.next().unwrap_or_default();
    if first.starts_with("http://") {
        return Err(format!("{first} is plain HTTP, which has no certificate; left out"));
    }
    if is_prose(line) {
        return Err(format!("\"{line}\" is a sentence and no host; left out"));
    }
    let mut target: Target = first.parse().map_err(|error| format!("{error}; left out"))?;
    let mut server_name = None;
    let mut rest = Vec::new();
    for (position, field) in fields.enumerate() {
        match (field.parse::<u16>(), field.parse::<Host>()) {
            (Ok(port), _) if position == 0 && port > 0 && !first.contains("://") => target.port = port,
            (_, Ok(Host::Name(name))) if server_name.is_none() && matches!(target.host, Host::Ip(_)) && name.contains('.') => {
                server_name = Some(Host::Name(name));
            }
            _ => rest.push(field),
        }
    }
    if !rest.is_empty() {
        inventory.note(line_number, format!("{first}: \"{}\" means nothing here; left out", rest.join(" ")));
    }
    let mut found = Found::new(line_number, target);
    found.name = server_name.as_ref().map(ToString::to_string);
    found.server_name = server_name;
    Ok(found)
}

/// Words of which the first is none that only a host can be: without a dot, a colon or a port behind it. Behind an alias of Ansible's
/// are variables, behind the first column of a table is a comma.
fn is_prose(line: &str) -> bool {
    let mut words = line.strip_prefix("- ").unwrap_or(line).split_whitespace();
    let first = words.next().unwrap_or_default();
    let means_something = |word: &str| word.contains('=') || word.parse::<u16>().is_ok();
    !first.contains(['.', ':', '/', ',', ';', '"', '\'']) && words.next().is_some_and(|word| !means_something(word))
}

fn without_comment(line: &str) -> &str {
    let line = line.trim_start_matches('\u{feff}');
    let line = if line.starts_with([';', '#']) { "" } else { line };
    // A `#` within a URL is none.
    line.split(" #").next().unwrap_or_default().split("\t#").next().unwrap_or_default().trim()
}

/// `[web]`; an address in brackets is no group.
fn group(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    (name.parse::<core::net::Ipv6Addr>().is_err()).then_some(name)
}

/// The words of a line. Lists of YAML have a dash before each.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    let line = line.strip_prefix("- ").unwrap_or(line);
    line.split([' ', '\t', ',', ';']).map(|field| field.trim_matches(['"', '\''])).filter(|field| !field.is_empty())
}

/// What the first column of a table is called.
const HEADINGS: &[&str] = &["host", "hostname", "hosts", "target", "url", "domain", "fqdn", "name", "endpoint", "server"];
