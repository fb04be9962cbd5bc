//! The same with a hundred endpoints, and a year's worth of trouble in two months.

use std::{fs, path::Path, time::Duration};

use crate::{
    fleet::{Fleet, Plan},
    run::run,
    truth::{Kind, MINUTE},
};

const SMALL: Plan = Plan { endpoints: 100, owners: 10, days: 60, seed: 1 };

#[test]
fn every_incident_is_told_in_time() {
    for seed in 1..=3 {
        let outcome = run(Plan { seed, ..SMALL }, Duration::from_hours(3)).expect("certificates can be made");
        let score = outcome.certvigil;
        assert!(score.due > 20, "{} incidents", score.due);
        assert_eq!((score.late, score.missed, score.in_time), (0, 0, score.due), "{:#?}", score.faults);
    }
}

#[test]
fn the_straw_men_score_badly() {
    let outcome = run(SMALL, Duration::from_hours(3)).expect("certificates can be made");
    assert_eq!(outcome.straw_faults(), [""; 0]);
}

#[test]
fn the_generator_has_never_heard_of_the_brain() {
    for file in ["fleet.rs", "line.rs", "truth.rs", "letter.rs"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation").join(file);
        let source = fs::read_to_string(path).expect("the source is there");
        for stranger in ["certvigil::", "crate::run", "crate::world", "crate::mint", "crate::witness", "crate::score"] {
            assert!(!source.contains(stranger), "{file} says {stranger}");
        }
    }
}

#[test]
fn a_year_brings_what_it_should() {
    let fleet = Fleet::generate(Plan { endpoints: 1000, owners: 20, days: 365, seed: 7 });
    let count = |kind| fleet.troubles.iter().filter(|trouble| trouble.kind == kind).count();
    assert_eq!(count(Kind::Network), 2000);
    assert_eq!(count(Kind::Chain), 200);
    assert_eq!(count(Kind::Name), 50);
    assert_eq!(count(Kind::Rollout), 300);
    // Those that were forgotten, and what was left over of partial roll-outs.
    assert!((200..300).contains(&count(Kind::Expiry)), "{}", count(Kind::Expiry));
    assert!((50..200).contains(&count(Kind::Intermediate)), "{}", count(Kind::Intermediate));
    assert_eq!((fleet.outages.len(), fleet.mail_outages.len()), (4, 6));
    let flaps = fleet.endpoints.iter().flat_map(|endpoint| &endpoint.flaps);
    assert!(flaps.clone().all(|flap| (MINUTE..=60 * MINUTE).contains(&(flap.span.to - flap.span.from))));
}
