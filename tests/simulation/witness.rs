//! Who could have known: the visits that met each trouble, by which the deadlines are counted.

use crate::{
    fleet::Fleet,
    truth::{Kind, Moment, Trouble},
    world::Seen,
};

pub(crate) struct Witness {
    /// Of each trouble, when the first few visits that met it were back.
    pub(crate) met: Vec<Vec<Moment>>,
    /// Of each endpoint, its troubles in the order in which they begin.
    by_endpoint: Vec<Vec<usize>>,
    /// Of each endpoint, those that may be going on, and how many have begun.
    now: Vec<(Vec<usize>, usize)>,
}

impl Witness {
    pub(crate) fn new(fleet: &Fleet) -> Self {
        let mut by_endpoint = vec![Vec::new(); fleet.endpoints.len()];
        for (number, trouble) in fleet.troubles.iter().enumerate() {
            by_endpoint[trouble.endpoint].push(number);
        }
        for numbers in &mut by_endpoint {
            numbers.sort_by_key(|number| fleet.troubles[*number].span);
        }
        let now = by_endpoint.iter().map(|_| (Vec::new(), 0)).collect();
        Witness { met: vec![Vec::new(); fleet.troubles.len()], by_endpoint, now }
    }

    /// A visit that began at `at` and is back at `back`.
    pub(crate) fn visited(&mut self, fleet: &Fleet, endpoint: usize, at: Moment, back: Moment, seen: &Seen) {
        let (going_on, begun) = &mut self.now[endpoint];
        let all = &self.by_endpoint[endpoint];
        while let Some(number) = all.get(*begun).filter(|number| fleet.troubles[**number].span.from <= at) {
            going_on.push(*number);
            *begun += 1;
        }
        going_on.retain(|number| at < fleet.troubles[*number].span.to);
        if seen.is_own_fault {
            return;
        }
        let has_certificate = seen.judged.iter().any(|judged| judged.observation.chain().is_some());
        for number in going_on {
            let Trouble { kind, .. } = fleet.troubles[*number];
            if (kind == Kind::Network || has_certificate) && self.met[*number].len() < ENOUGH {
                self.met[*number].push(back);
            }
        }
    }
}

/// No deadline asks for more.
const ENOUGH: usize = 4;
