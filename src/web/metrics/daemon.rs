//! The families about the daemon as a whole that a snapshot fills.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{Format, Lines, strangers};
use crate::monitor::{IncidentView, MailResult, NoticeKind, OwnKind, Snapshot};

pub(super) fn render(out: &mut String, format: Format, snapshot: &Snapshot) {
    gauge(out, format, "certvigil_build_info", "The program that runs.", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let at = snapshot.at.as_second();
    gauge(
        out,
        format,
        "certvigil_snapshot_timestamp_seconds",
        "When these readings were taken from the daemon's memory.",
        &[],
        at,
    );
    incidents(out, format, snapshot);
    mails(out, format, snapshot);
    notifications(out, format, snapshot);
    let name = "certvigil_config_last_reload_successful";
    gauge(out, format, name, "1 while the configuration in force is the one on disk.", &[], u8::from(snapshot.reload.successful));
    let name = "certvigil_config_last_reload_success_timestamp_seconds";
    gauge(out, format, name, "When a configuration was last taken.", &[], snapshot.reload.success_at.as_second());
    let help = "How many things are wrong with the daemon itself; the status page says which.";
    gauge(out, format, "certvigil_troubles", help, &[], snapshot.troubles.len());
    own_faults(out, format, snapshot);
    canaries(out, format, snapshot);
    lag(out, format, snapshot);
    let mut lines = Lines::new(out, format, "certvigil_visits_lost_total");
    lines.head("counter", "Visits that never came back and were given up, by a fault of certvigil.");
    lines.sample(&[], snapshot.lost_visits);
}

fn own_faults(out: &mut String, format: Format, snapshot: &Snapshot) {
    let mut lines = Lines::new(out, format, "certvigil_own_fault");
    lines.head(
        "gauge",
        "1 while our own network, resolver, clock or trust store is the likely fault, and what it spoils is held back.",
    );
    for kind in OwnKind::ALL {
        let is_it = snapshot.own_faults.iter().any(|fault| fault.kind == kind);
        lines.sample(&[("kind", kind.name())], u8::from(is_it));
    }
}

fn canaries(out: &mut String, format: Format, snapshot: &Snapshot) {
    let mut lines = Lines::new(out, format, "certvigil_canary_up");
    lines.head("gauge", "1 while a canary is reached: who is not, while it is, is down; no series before the first visit.");
    for (target, is_up) in &snapshot.canaries {
        lines.sample(&[("canary", &target.to_string())], u8::from(*is_up));
    }
}

fn gauge(
    out: &mut String,
    format: Format,
    name: &'static str,
    help: &str,
    labels: &[(&str, &str)],
    value: impl std::fmt::Display,
) {
    let mut lines = Lines::new(out, format, name);
    lines.head("gauge", help);
    lines.sample(labels, value);
}

fn incidents(out: &mut String, format: Format, snapshot: &Snapshot) {
    let mut open: BTreeMap<_, u64> = BTreeMap::new();
    for member in snapshot.incidents.iter().filter_map(|incident| incident.worst()).filter(|member| member.is_open()) {
        *open.entry((strangers(&member.code), member.severity)).or_default() += 1;
    }
    let help = "The number of silences that are not over.";
    gauge(out, format, "certvigil_silences", help, &[], snapshot.silences.len());
    let is_seen_to =
        |view: &&IncidentView| view.worst().is_some_and(|member| member.is_open() && view.incident.is_acknowledged(member));
    let help = "The number of open incidents that somebody has said to see to.";
    let seen_to = snapshot.incidents.iter().filter(is_seen_to).count();
    gauge(out, format, "certvigil_acknowledged_incidents", help, &[], seen_to);
    silenced(out, format, snapshot);
    let mut lines = Lines::new(out, format, "certvigil_incident_open");
    lines.head("gauge", "The number of open incidents.");
    for ((code, severity), count) in open {
        lines.sample(&[("code", &code), ("severity", severity.name())], count);
    }
}

fn silenced(out: &mut String, format: Format, snapshot: &Snapshot) {
    let mut lines = Lines::new(out, format, "certvigil_silenced_until_timestamp_seconds");
    lines.head("gauge", "When the silence over an open incident at this endpoint ends; no series where there is none.");
    for view in &snapshot.incidents {
        let open = view.members.iter().filter(|member| member.is_open());
        for (member, silence) in open.filter_map(|member| Some((member, view.silenced.get(&member.endpoint)?))) {
            let labels = [("endpoint", &*member.endpoint), ("code", &*strangers(&member.code))];
            lines.sample(&labels, silence.until.as_second());
        }
    }
}

fn mails(out: &mut String, format: Format, snapshot: &Snapshot) {
    let mut lines = Lines::new(out, format, "certvigil_mails_total");
    lines.head("counter", "Attempts to deliver a mail since the start, by what came of them.");
    for kind in NoticeKind::ALL {
        // All of them from the beginning: Prometheus sees no increase in a series that starts at 1.
        for result in [MailResult::Delivered, MailResult::Deferred, MailResult::Refused] {
            let of_this = snapshot.outbox.sent.iter().filter(|(k, r, _)| (*k, *r) == (kind, result));
            let count: u64 = of_this.map(|(_, _, count)| count).sum();
            lines.sample(&[("kind", kind.name()), ("result", result.name())], count);
        }
    }
    gauge(
        out,
        format,
        "certvigil_outbox_length",
        "Mails, and notices to channels, that wait to be delivered.",
        &[],
        snapshot.outbox.length,
    );
    let help = "For how many people news wait: for the end of quiet hours, for their digest, or for the next day.";
    gauge(out, format, "certvigil_people_waiting", help, &[], snapshot.held.0);
    let mut lines = Lines::new(out, format, "certvigil_outbox_oldest_timestamp_seconds");
    lines.head("gauge", "When the oldest of them was decided; 0 when none waits.");
    lines.sample(&[], snapshot.outbox.oldest.map_or(0, crate::clock::Timestamp::as_second));
}

fn notifications(out: &mut String, format: Format, snapshot: &Snapshot) {
    let sent = &snapshot.outbox.channels;
    let wanted = snapshot.endpoints.iter().flat_map(|view| view.watch.policy.channels.iter()).map(|of| &of.channel);
    let channels: BTreeSet<_> = wanted.chain(sent.iter().map(|(channel, ..)| channel)).collect();
    let mut lines = Lines::new(out, format, "certvigil_notifications_total");
    lines.head("counter", "Attempts to deliver a notice to a channel since the start, by what came of them.");
    for channel in channels {
        for kind in NoticeKind::ALL {
            for result in [MailResult::Delivered, MailResult::Deferred, MailResult::Refused] {
                let of_this = sent.iter().filter(|(name, k, r, _)| (name, *k, *r) == (channel, kind, result));
                let count: u64 = of_this.map(|(.., count)| count).sum();
                lines.sample(&[("channel", channel), ("kind", kind.name()), ("result", result.name())], count);
            }
        }
    }
}

fn lag(out: &mut String, format: Format, snapshot: &Snapshot) {
    let lag = &snapshot.lag;
    let mut lines = Lines::new(out, format, "certvigil_schedule_lag_seconds");
    lines.head("histogram", "From when a visit was due to when it began.");
    for (bound, count) in lag.bounds.iter().zip(&lag.buckets) {
        let bound = lines.bound(*bound);
        lines.suffixed("_bucket", &[("le", &bound)], count);
    }
    lines.suffixed("_bucket", &[("le", "+Inf")], lag.count);
    lines.suffixed("_sum", &[], if lag.sum.is_finite() { lag.sum } else { 0.0 });
    lines.suffixed("_count", &[], lag.count);
}
