//! What the numbers were measured on.

use std::fs;

use certvigil::clock::Timestamp;

use crate::nginx::command;

/// As a list in Markdown.
pub(crate) fn describe() -> anyhow::Result<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let megahertz = value(&cpuinfo, "cpu MHz");
    let memory = value(&fs::read_to_string("/proc/meminfo")?, "MemTotal");
    let load = fs::read_to_string("/proc/loadavg")?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!(
        "- Date: {date}\n- Machine: {cores} cores of {model} ({megahertz} MHz), memory {memory}, Linux {kernel}, load before the run \
         {load}\n- Built: certvigil {version}, release profile, {rustc}; {crates}\n- Server: {nginx}, {openssl}\n",
        date = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        cores = std::thread::available_parallelism()?,
        model = value(&cpuinfo, "model name"),
        kernel = kernel.trim(),
        load = load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        version = env!("CARGO_PKG_VERSION"),
        rustc = said("rustc", "--version"),
        crates = ["rustls", "rustls-webpki", "aws-lc-rs", "tokio", "x509-parser"].map(locked).join(", "),
        nginx = said("nginx", "-v").replace("nginx version: ", ""),
        openssl = said("nginx", "-V").lines().find(|line| line.starts_with("built with")).unwrap_or_default(),
    ))
}

/// What a program says of itself, to either stream.
fn said(program: &str, option: &str) -> String {
    let Ok(output) = command(program).arg(option).output() else { return format!("{program} of unknown version") };
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// A crate with its version in our lock file.
fn locked(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let version = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).and_then(|(_, rest)| rest.split('"').next());
    format!("{name} {}", version.unwrap_or("?"))
}
