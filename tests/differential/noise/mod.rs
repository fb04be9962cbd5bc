//! What else may be odd about a chain: changes of every kind, each of which may do harm or none.

mod arrangements;
mod certificates;
mod contents;
mod names;

use fastrand::Rng;

use self::{arrangements::ARRANGEMENTS, certificates::CERTIFICATES, contents::CONTENTS};
use crate::plan::Plan;

type Change = fn(&mut Plan, &mut Rng);

/// Changes a plan in one way.
pub(crate) fn add(plan: &mut Plan, rng: &mut Rng) {
    match rng.u8(0..6) {
        0 | 1 => rng.choice(ARRANGEMENTS).expect("there are some")(plan, rng),
        2 | 3 => rng.choice(CONTENTS).expect("there are some")(plan, rng),
        _ => {
            let at = plan.any(rng);
            rng.choice(CERTIFICATES).expect("there are some")(&mut plan.specs[at], rng);
        }
    }
}
