//! Whether a configuration that was read while running can be taken.

use tracing::warn;

use crate::config::{Config, Faults, Loaded};

/// The new configuration, or every reason why it was not taken. What cannot change while running is refused by name.
pub(super) fn taken(loaded: Result<Loaded, Faults>, old: &Config) -> Result<Config, Vec<String>> {
    let loaded = loaded.map_err(|faults| faults.0.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    let new = loaded.config;
    let fixed = [
        ("web.listen", new.web.listen == old.web.listen),
        ("web.public_url", new.web.public_url == old.web.public_url),
        ("state.directory", new.store == old.store),
        ("limits", new.limits == old.limits),
        ("probe", new.resolver == old.resolver),
        ("fetch", new.fetch == old.fetch),
        ("mail (whether there is any)", new.mail.is_some() == old.mail.is_some()),
    ];
    let changed: Vec<String> = fixed
        .iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(key, _)| format!("{key} cannot change while running; restart certvigil to have it so"))
        .collect();
    if changed.is_empty() { Ok(new) } else { Err(changed) }
}
