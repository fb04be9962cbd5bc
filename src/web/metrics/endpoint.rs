//! The families with a series for each endpoint or address: a table of name, help and how one endpoint fills it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    rows::{AddressRow, One, POSITIONS, certificates, chain},
    text::Lines,
};
use crate::{
    diagnosis::{Fault, Severity},
    monitor::AddressView,
};

/// A family: all of them gauges.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) write: fn(&mut Lines<'_>, &One<'_>),
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "certvigil_endpoint_info",
        help: "Every endpoint of the inventory; the endpoint's own labels carry the prefix label_.",
        write: endpoint_info,
    },
    Family {
        name: "certvigil_endpoint_severity",
        help: "The headline of an endpoint, the worst over its addresses: 0 ok, 1 info, 2 warning, 3 critical, 4 could not be judged.",
        write: |lines, one| lines.of(one.labels()).is(one.row.severity),
    },
    Family {
        name: "certvigil_endpoint_not_after_timestamp_seconds",
        help: "The earliest end of a leaf certificate over the endpoint's addresses.",
        write: |lines, one| {
            if let Some(at) = one.row.not_after {
                lines.of(one.labels()).is(at);
            }
        },
    },
    Family {
        name: "certvigil_endpoint_usual_renewal_seconds",
        help: "How much the endpoint usually leaves of a certificate when it renews; only where that has been seen.",
        write: |lines, one| {
            if let Some(usual) = one.row.usual_renewal {
                lines.of(one.labels()).is_seconds(usual);
            }
        },
    },
    Family {
        name: "certvigil_endpoint_addresses",
        help: "How many addresses of the endpoint are watched.",
        write: |lines, one| lines.of(one.labels()).is(one.row.watched),
    },
    Family {
        name: "certvigil_endpoint_interval_seconds",
        help: "From one visit of the endpoint to the next, as configured.",
        write: |lines, one| lines.of(one.labels()).is_seconds(one.row.interval),
    },
    Family {
        name: "certvigil_probe_success",
        help: "1 when the peer presented a certificate at the last visit, whatever the verdict.",
        write: |lines, one| {
            for (address, labels) in one.addresses() {
                lines.of(labels).is(u8::from(address.is_success));
            }
        },
    },
    Family {
        name: "certvigil_probe_failure",
        help: "1 while visits fail: how far they come, and why they come no further.",
        write: |lines, one| {
            for (address, labels) in one.views().filter_map(at_fault) {
                if let Some(failure) = address.failure() {
                    lines.of(labels).plain("stage", failure.stage.name()).plain("kind", failure.kind.name()).is(1);
                }
            }
        },
    },
    Family {
        name: "certvigil_last_probe_timestamp_seconds",
        help: "When the address was last visited, whatever came of it.",
        write: |lines, one| {
            for (address, labels) in one.addresses() {
                lines.of(labels).is(address.last_probe);
            }
        },
    },
    Family {
        name: "certvigil_last_success_timestamp_seconds",
        help: "When a visit last saw a certificate.",
        write: |lines, one| {
            for (address, labels) in one.addresses() {
                if let Some(at) = address.last_success {
                    lines.of(labels).is(at);
                }
            }
        },
    },
    Family {
        name: "certvigil_last_probe_duration_seconds",
        help: "How long the last visit took, from the name to the end of the handshake.",
        write: |lines, one| {
            for (address, labels) in one.addresses() {
                if let Some(took) = address.took {
                    lines.of(labels).is_seconds(took);
                }
            }
        },
    },
    Family {
        name: "certvigil_verify_code",
        help: "What openssl s_client prints as its Verify return code for the last certificate seen; 0 is ok.",
        write: |lines, one| {
            for (address, labels) in one.addresses() {
                if let Some(code) = address.verify_code {
                    lines.of(labels).is(code);
                }
            }
        },
    },
    Family {
        name: "certvigil_chain_complete",
        help: "1 when the server sends all that a strict client needs, 0 when it does not.",
        write: |lines, one| {
            for (address, labels) in one.addresses() {
                if let Some(complete) = address.chain_status.is_complete() {
                    lines.of(labels).is(u8::from(complete));
                }
            }
        },
    },
    Family {
        name: "certvigil_chain_status",
        help: "The shape of the presented chain: exactly one series for each address, always 1.",
        write: |lines, one| {
            for (address, labels) in one.addresses() {
                lines.of(labels).plain("status", address.chain_status.name()).is(1);
            }
        },
    },
    Family {
        name: "certvigil_certificate_not_after_timestamp_seconds",
        help: "The end of each presented certificate; position 0 is the leaf.",
        write: |lines, one| {
            for (address, labels) in one.addresses() {
                for validity in one.validities(address) {
                    lines.of(labels).plain("position", validity.position).is(validity.not_after);
                }
            }
        },
    },
    Family {
        name: "certvigil_certificate_not_before_timestamp_seconds",
        help: "The beginning of each presented certificate; position 0 is the leaf.",
        write: |lines, one| {
            for (address, labels) in one.addresses() {
                for validity in one.validities(address) {
                    lines.of(labels).plain("position", validity.position).is(validity.not_before);
                }
            }
        },
    },
    Family {
        name: "certvigil_certificate_info",
        help: "Each presented certificate; subject, issuer and serial are empty where it cannot be read.",
        write: |lines, one| {
            for (_, address, labels) in one.views() {
                for (position, certificate) in certificates(address) {
                    let (subject, issuer, serial) = certificate.facts().map_or_else(Default::default, |facts| {
                        (facts.subject.text(), facts.issuer.text(), facts.serial_number())
                    });
                    let mut series = lines.of(labels);
                    series.plain("position", position).strangers("subject", subject).strangers("issuer", issuer);
                    series.octets("serial", serial).octets("fingerprint_sha256", &certificate.fingerprint.0).is(1);
                }
                lines.positions_cut += chain(address).map_or(0, |chain| chain.len().saturating_sub(POSITIONS.len()));
            }
        },
    },
    Family {
        name: "certvigil_finding",
        help: "What is wrong, and who must act: 1 info (or accepted), 2 warning, 3 critical.",
        write: |lines, one| {
            for (address, labels) in one.views().filter_map(at_fault) {
                for ((code, fault), severity) in worst_findings(address) {
                    let value = match severity {
                        Severity::Info => 1,
                        Severity::Warning => 2,
                        Severity::Critical => 3,
                    };
                    lines.of(labels).plain("code", code).plain("fault", fault.name()).is(value);
                }
            }
        },
    },
    Family {
        name: "certvigil_tls_info",
        help: "What was negotiated when a certificate was last seen; empty where the handshake ended before.",
        write: |lines, one| {
            for (_, address, labels) in one.views() {
                if let Some(handshake) = address.known.as_ref().and_then(|known| known.observation.handshake()) {
                    let (mut series, tls) = (lines.of(labels), &handshake.tls);
                    series
                        .strangers("version", &tls.version)
                        .strangers("cipher", &tls.cipher)
                        .strangers("group", &tls.group)
                        .is(1);
                }
            }
        },
    },
];

/// Few are, and the others need no look at the snapshot.
fn at_fault<'a>((row, view, labels): (&AddressRow, &'a AddressView, &'a str)) -> Option<(&'a AddressView, &'a str)> {
    row.is_at_fault.then_some((view, labels))
}

/// One for each code and fault: two weak keys in one chain are one series.
fn worst_findings(address: &AddressView) -> BTreeMap<(&'static str, Fault), Severity> {
    let mut worst = BTreeMap::new();
    for found in address.findings() {
        let severity = found.severity();
        let held = worst.entry((found.finding.code(), found.finding.fault())).or_insert(severity);
        *held = severity.max(*held);
    }
    worst
}

fn endpoint_info(lines: &mut Lines<'_>, one: &One<'_>) {
    let watch = &one.view.watch;
    let mut series = lines.of(one.labels());
    series.label("target", &watch.endpoint.target.to_string());
    for (name, value) in label_names(&watch.policy.labels) {
        series.label(&name, value);
    }
    series.is(1);
}

/// The endpoint's own labels under names that Prometheus takes. A name that needs no change keeps it; of several that become
/// the same, the later in the alphabet get a number.
fn label_names(labels: &BTreeMap<String, String>) -> Vec<(String, &str)> {
    let is_sound = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let (sound, unsound): (Vec<_>, Vec<_>) = labels.iter().partition(|(name, _)| is_sound(name));
    let mut taken = BTreeSet::new();
    let mut named = Vec::with_capacity(labels.len());
    for (name, value) in sound.into_iter().chain(unsound) {
        let mapped: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let plain = format!("label_{mapped}");
        let mut unique = plain.clone();
        for number in 2.. {
            if taken.insert(unique.clone()) {
                break;
            }
            unique = format!("{plain}_{number}");
        }
        named.push((unique, value.as_str()));
    }
    named.sort();
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names_are_sound_and_unique() {
        let labels = ["a-b", "a.b", "a_b", "a_b_2", "9", "", "größe"].map(|name| (name.to_owned(), name.to_owned()));
        let named = label_names(&labels.into()).into_iter().map(|(name, was)| format!("{name}={was}")).collect::<Vec<_>>();
        let wanted = [
            "label_=",
            "label_9=9",
            "label_a_b=a_b",
            "label_a_b_2=a_b_2",
            "label_a_b_3=a-b",
            "label_a_b_4=a.b",
            "label_gr__e=größe",
        ];
        assert_eq!(named, wanted);
    }
}
