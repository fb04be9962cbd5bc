//! An intermediate that ends, behind hundreds of servers with certificates of their own, as the judge sees them.

use super::*;
use crate::{
    diagnosis::diagnose,
    lab::pki::{Pki, Recipe},
};

const SERVERS: usize = 600;
const OWNERS: usize = 5;

/// As many leaves as there are servers divided by this; each is good for so many.
const SHARED_BY: usize = 4;

/// Each server with its chain; the intermediate has three weeks left, and half a day more.
fn fleet(now: Timestamp, channel: &Subscription) -> (Vec<Watch>, Vec<Chain>) {
    let pki = Pki::new(now).expect("a root");
    let certificate = |issued: &crate::lab::pki::Issued| Certificate::from_der(&issued.der());
    let ends = later(now, 21 * DAY + 12 * HOUR);
    let issuing = Recipe::ca(now, "Ending CA").not_after(ends).path_length(0).signed_by(&pki.root).expect("an intermediate");
    let (trust, rest) = (Arc::new(Trust::new([certificate(&pki.root)])), vec![certificate(&issuing)]);
    let chain = |first: usize| {
        let names: Vec<_> = (first..first + SHARED_BY).map(|number| format!("s{number}.example")).collect();
        let leaf = pki.leaf(names.iter().map(String::as_str)).signed_by(&issuing).expect("a leaf");
        Chain { leaf: certificate(&leaf), rest: rest.clone().into() }
    };
    let watch = |number: usize| {
        let mut endpoint = Endpoint::new(format!("s{number}.example").parse().expect("a target"));
        endpoint.name = format!("s{number}").into();
        let expectation = Expectation { host: Some(endpoint.server_name.clone()), ..Expectation::default() };
        let policy = Policy {
            interval: 10 * DAY,
            owners: vec![format!("owner{}@a.org", number % OWNERS)],
            channels: [channel.clone()].into(),
            ..Policy::default()
        };
        Watch { endpoint, expectation, trust: Arc::clone(&trust), stores: Arc::default(), policy: policy.into() }
    };
    ((0..SERVERS).map(watch).collect(), (0..SERVERS).step_by(SHARED_BY).map(chain).collect())
}

#[test]
fn an_intermediate_that_ends_behind_600_servers_is_one_incident_and_one_mail_to_each_owner() {
    let channel = Subscription {
        channel: "alerts".into(),
        audience: Audience::System,
        least: Severity::Warning,
        kinds: vec![NoticeKind::Expiry, NoticeKind::Chain, NoticeKind::Problem],
        fallback: Vec::new(),
    };
    let (watches, chains) = fleet("2026-11-22T00:00:00Z".parse().expect("a date"), &channel);
    let site = move |watch: &Watch, now: Now| {
        let number: u16 = watch.endpoint.name[1..].parse().expect("a number");
        let address = IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + u32::from(number)));
        let handshake = Handshake {
            chain: chains[usize::from(number) / SHARED_BY].clone(),
            tls: Arc::default(),
            possession: Possession::Proven,
            wants_client_certificate: false,
            broken_off: None,
        };
        let observation = Observation::new(Some(address), now.wall, Outcome::Handshake(handshake));
        let diagnosis = diagnose(&observation, &watch.expectation, &watch.trust, &Issuers::default(), now.wall);
        Some((vec![Judged { observation, diagnosis: diagnosis.into() }], vec![address]))
    };
    let mut world = World::new(watches, Disk::used(), site);
    world.shared = true;
    world.run(6 * HOUR);
    assert_eq!(world.mails(), [""; 0], "nothing is wrong yet");
    world.run(12 * HOUR);

    let incidents = world.brain.snapshot(world.now).incidents;
    assert_eq!(incidents.iter().map(|view| view.members.len()).collect::<Vec<_>>(), [SERVERS]);
    let mut told: Vec<_> = world.posted.iter().map(|(_, n)| (&*n.recipient, n.kind, n.cases.len())).collect();
    told.sort();
    let owners: Vec<_> = (0..OWNERS).map(|number| format!("owner{number}@a.org")).collect();
    let mut expected = vec![("channel:alerts", NoticeKind::Problem, SERVERS)];
    expected.extend(owners.iter().map(|owner| (&**owner, NoticeKind::Problem, SERVERS / OWNERS)));
    assert_eq!(told, expected);
    for (_, notice) in &world.posted {
        assert!(notice.cases.iter().all(|case| case.incident.id == incidents[0].incident.id), "one cause");
    }
}
