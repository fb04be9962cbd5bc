//! The families with a series for each endpoint or address: a table of name, help and how one endpoint fills it.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{Lines, strangers};
use crate::{
    certificate::Certificate,
    diagnosis::{ChainStatus, Diagnosis, Fault, Severity, Status},
    monitor::{AddressView, EndpointView},
};

/// A family: all of them gauges.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) write: fn(&mut Lines<'_>, &EndpointView),
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
        write: |lines, view| {
            let value = match view.status() {
                Status::Ok => 0,
                Status::Info => 1,
                Status::Warning => 2,
                Status::Critical => 3,
                Status::Unknown => 4,
            };
            lines.sample(&[("endpoint", &view.watch.endpoint.name)], value);
        },
    },
    Family {
        name: "certvigil_endpoint_not_after_timestamp_seconds",
        help: "The earliest end of a leaf certificate over the endpoint's addresses.",
        write: |lines, view| {
            if let Some(at) = view.not_after() {
                lines.sample(&[("endpoint", &view.watch.endpoint.name)], at.as_second());
            }
        },
    },
    Family {
        name: "certvigil_endpoint_addresses",
        help: "How many addresses of the endpoint are watched.",
        write: |lines, view| {
            let known = view.addresses.iter().filter(|address| address.address.is_some()).count();
            lines.sample(&[("endpoint", &view.watch.endpoint.name)], known);
        },
    },
    Family {
        name: "certvigil_endpoint_interval_seconds",
        help: "From one visit of the endpoint to the next, as configured.",
        write: |lines, view| {
            lines.sample(&[("endpoint", &view.watch.endpoint.name)], view.watch.policy.interval.as_secs_f64());
        },
    },
    Family {
        name: "certvigil_probe_success",
        help: "1 when the peer presented a certificate at the last visit, whatever the verdict.",
        write: |lines, view| {
            per_address(view, |address, labels| {
                lines.sample(&labels, u8::from(address.failed.is_none() && address.known.is_some()));
            });
        },
    },
    Family {
        name: "certvigil_probe_failure",
        help: "1 while visits fail: how far they come, and why they come no further.",
        write: |lines, view| {
            per_address(view, |address, [endpoint, label]| {
                if let Some(failure) = address.failure() {
                    lines.sample(&[endpoint, label, ("stage", failure.stage.name()), ("kind", failure.kind.name())], 1);
                }
            });
        },
    },
    Family {
        name: "certvigil_last_probe_timestamp_seconds",
        help: "When the address was last visited, whatever came of it.",
        write: |lines, view| per_address(view, |address, labels| lines.sample(&labels, address.last_probe.as_second())),
    },
    Family {
        name: "certvigil_last_success_timestamp_seconds",
        help: "When a visit last saw a certificate.",
        write: |lines, view| {
            per_address(view, |address, labels| {
                if let Some(at) = address.last_success {
                    lines.sample(&labels, at.as_second());
                }
            });
        },
    },
    Family {
        name: "certvigil_verify_code",
        help: "What openssl s_client prints as its Verify return code for the last certificate seen; 0 is ok.",
        write: |lines, view| {
            per_address(view, |address, labels| {
                if let Some(verdict) = diagnosis(address).and_then(|diagnosis| diagnosis.verdict.as_ref()) {
                    lines.sample(&labels, verdict.code());
                }
            });
        },
    },
    Family {
        name: "certvigil_chain_complete",
        help: "1 when the server sends all that a strict client needs, 0 when it does not.",
        write: |lines, view| {
            per_address(view, |address, labels| {
                if let Some(complete) = chain_status(address).is_complete() {
                    lines.sample(&labels, u8::from(complete));
                }
            });
        },
    },
    Family {
        name: "certvigil_chain_status",
        help: "The shape of the presented chain: exactly one series for each address, always 1.",
        write: |lines, view| {
            per_address(view, |address, [endpoint, label]| {
                lines.sample(&[endpoint, label, ("status", chain_status(address).name())], 1);
            });
        },
    },
    Family {
        name: "certvigil_certificate_not_after_timestamp_seconds",
        help: "The end of each presented certificate; position 0 is the leaf.",
        write: |lines, view| {
            per_certificate(view, |certificate, labels| {
                if let Some(facts) = certificate.facts() {
                    lines.sample(&labels, facts.not_after.as_second());
                }
            });
        },
    },
    Family {
        name: "certvigil_certificate_not_before_timestamp_seconds",
        help: "The beginning of each presented certificate; position 0 is the leaf.",
        write: |lines, view| {
            per_certificate(view, |certificate, labels| {
                if let Some(facts) = certificate.facts() {
                    lines.sample(&labels, facts.not_before.as_second());
                }
            });
        },
    },
    Family {
        name: "certvigil_certificate_info",
        help: "Each presented certificate; subject, issuer and serial are empty where it cannot be read.",
        write: |lines, view| {
            per_certificate(view, |certificate, [endpoint, label, position]| {
                let [subject, issuer, serial] = certificate.facts().map_or_else(Default::default, |facts| {
                    [strangers(&facts.subject.text), strangers(&facts.issuer.text), strangers(&facts.serial_hex())]
                });
                let fingerprint = certificate.fingerprint.to_string();
                let names = [("subject", &*subject), ("issuer", &issuer), ("serial", &serial)];
                let [subject, issuer, serial] = names;
                let labels = [endpoint, label, position, subject, issuer, serial, ("fingerprint_sha256", &fingerprint)];
                lines.sample(&labels, 1);
            });
        },
    },
    Family {
        name: "certvigil_finding",
        help: "What is wrong, and who must act: 1 info (or accepted), 2 warning, 3 critical.",
        write: |lines, view| {
            per_address(view, |address, [endpoint, label]| {
                for ((code, fault), severity) in worst_findings(address) {
                    let value = match severity {
                        Severity::Info => 1,
                        Severity::Warning => 2,
                        Severity::Critical => 3,
                    };
                    lines.sample(&[endpoint, label, ("code", code), ("fault", fault.name())], value);
                }
            });
        },
    },
    Family {
        name: "certvigil_tls_info",
        help: "What was negotiated when a certificate was last seen; empty where the handshake ended before.",
        write: |lines, view| {
            per_address(view, |address, [endpoint, label]| {
                if let Some(handshake) = address.known.as_ref().and_then(|known| known.observation.handshake()) {
                    let [version, cipher, group] =
                        [&handshake.tls.version, &handshake.tls.cipher, &handshake.tls.group].map(|text| strangers(text));
                    lines.sample(&[endpoint, label, ("version", &version), ("cipher", &cipher), ("group", &group)], 1);
                }
            });
        },
    },
];

type Label<'a> = (&'static str, &'a str);

fn per_address(view: &EndpointView, mut each: impl FnMut(&AddressView, [Label<'_>; 2])) {
    for address in &view.addresses {
        let text = address.address.map_or_else(String::new, |ip| ip.to_string());
        each(address, [("endpoint", &view.watch.endpoint.name), ("address", &text)]);
    }
}

fn per_certificate(view: &EndpointView, mut each: impl FnMut(&Certificate, [Label<'_>; 3])) {
    per_address(view, |address, [endpoint, label]| {
        let chain = address.known.as_ref().and_then(|known| known.observation.chain());
        for (position, certificate) in chain.iter().flat_map(|chain| chain.iter()).take(POSITIONS).enumerate() {
            each(certificate, [endpoint, label, ("position", &position.to_string())]);
        }
    });
}

/// So many certificates of one chain are shown; a stranger may send thousands.
const POSITIONS: usize = 10;

/// Of the last certificate seen, which stays while visits fail.
fn diagnosis(address: &AddressView) -> Option<&Diagnosis> {
    address.known.as_ref().map(|known| &known.diagnosis)
}

fn chain_status(address: &AddressView) -> ChainStatus {
    diagnosis(address).map_or(ChainStatus::None, |diagnosis| diagnosis.chain_status)
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

fn endpoint_info(lines: &mut Lines<'_>, view: &EndpointView) {
    let endpoint = &view.watch.endpoint;
    let target = endpoint.target.to_string();
    let own = label_names(&view.watch.policy.labels);
    let mut labels = vec![("endpoint", &*endpoint.name), ("target", &target)];
    labels.extend(own.iter().map(|(name, value)| (&**name, *value)));
    lines.sample(&labels, 1);
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
