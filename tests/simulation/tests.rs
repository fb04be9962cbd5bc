//! The same with a hundred endpoints, and a year's worth of trouble in two months.

use std::{fs, path::Path, time::Duration};

use crate::{
    YEAR,
    fleet::{Fleet, Plan},
    run::run,
    truth::{Kind, MINUTE},
};

const SMALL: Plan = Plan { endpoints: 100, owners: 10, days: 60, ..YEAR };

#[test]
fn every_incident_is_told_in_time_and_the_straw_men_score_badly() {
    let of = |seed| run(Plan { seed, ..SMALL }, Duration::from_hours(3)).expect("certificates can be made");
    let outcomes = [of(1), of(2)];
    assert_eq!(outcomes[0].straw_faults(), [""; 0]);
    for score in outcomes.map(|outcome| outcome.certvigil) {
        assert!(score.due > 20, "{} incidents", score.due);
        assert_eq!((score.late, score.missed, score.in_time), (0, 0, score.due), "{:#?}", score.faults);
    }
}

#[test]
fn nothing_false_is_told_and_nothing_twice() {
    for seed in 1..=2 {
        let plan = Plan { seed, ..SMALL };
        let score = run(plan, Duration::from_hours(3)).expect("certificates can be made").certvigil;
        assert_eq!(score.faults, [""; 0]);
        assert_eq!((score.wrong, score.duplicates, score.premature, score.unclosed), (0, 0, 0, 0));
        assert_eq!((score.outages, score.outages_told), (4, 4));
        assert!(score.most_a_day <= 10, "{} mails to one person on one day", score.most_a_day);
    }
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
    let fleet = Fleet::generate(Plan { seed: 7, ..YEAR });
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
