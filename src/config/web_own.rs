//! The page's own certificate is watched like any other, where the port has one.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::endpoints::{Around, Common};
use crate::{
    certificate::{Certificate, Facts, San},
    endpoint::{Endpoint, Host, Protocol, Target},
    monitor::Watch,
    web::{Listen, Settings, Tls},
};

/// The endpoint of our own port; `None` where it has no TLS, as a socket in the file system has none, or where the inventory has an endpoint of this name or place.
pub(super) fn watch(
    settings: &Settings,
    tls: &Tls,
    others: &[Arc<Watch>],
    common: &Common,
    around: &mut Around<'_>,
) -> Option<Watch> {
    let listen =
        settings.listen.iter().find_map(|listen| if let Listen::Tcp(address) = listen { Some(*address) } else { None })?;
    let target = Target { protocol: Protocol::Tls, host: Host::Ip(reachable(listen)), port: listen.port() };
    let is_there = |watch: &&Arc<Watch>| &*watch.endpoint.name == NAME || watch.endpoint.target == target;
    if target.port == 0 || others.iter().any(|watch| is_there(&watch)) {
        return None;
    }
    let leaf = tls.leaf();
    let server_name = server_name(&leaf, settings.public_url.as_deref()).unwrap_or_else(|| target.host.clone());
    // Who serves a certificate that signs itself has put it there: its end counts, and nothing else of it is news.
    let is_self_signed = leaf.facts().is_some_and(Facts::is_self_signed);
    let endpoint = Endpoint { server_name, ..Endpoint::named(NAME.into(), target) };
    Some(common.own_page(endpoint, is_self_signed, around))
}

/// What listens everywhere is asked here.
fn reachable(listen: SocketAddr) -> IpAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// One of its names: the public one, if it is among them, or the first.
fn server_name(leaf: &Certificate, public_url: Option<&str>) -> Option<Host> {
    let leaf = leaf.facts()?;
    let names: Vec<_> = leaf.dns_names().collect();
    let public = public_url.and_then(|url| url.parse::<Target>().ok()).map(|target| target.host);
    if let Some(host @ Host::Name(public)) = &public
        && names.iter().any(|name| covers(name, public))
    {
        return Some(host.clone());
    }
    // Any name below a wildcard is as good as another.
    let first = names.first().map(|name| name.strip_prefix("*.").map_or(name.to_string(), |rest| format!("certvigil.{rest}")));
    if let Some(name) = first.and_then(|name| name.parse().ok()) {
        return Some(name);
    }
    let address = |san: San<'_>| if let San::Ip(_) = san { san.to_string().strip_prefix("ip:")?.parse().ok() } else { None };
    leaf.sans().find_map(address)
}

fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) => name.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

const NAME: &str = "certvigil-web";
