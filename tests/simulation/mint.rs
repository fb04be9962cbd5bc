//! Real certificates for the leaves and issuers of a fleet, of few keys, made when they are first shown.

use std::{collections::HashMap, sync::Arc};

use certvigil::{
    certificate::Certificate,
    clock::Timestamp,
    diagnosis::{Issuers, Trust},
    lab::pki::{Issued, Recipe},
    observation::Chain,
};

use crate::{
    fleet::{Face, Fleet, Leaf, Names, Sent},
    truth::{DAY, Moment},
};

/// The beginning of the simulated year.
pub(crate) const BEGIN: i64 = 1_767_225_600; // 2026-01-01T00:00:00Z

pub(crate) fn wall(at: Moment) -> Timestamp {
    Timestamp::from_second(BEGIN + at).expect("within the calendar")
}

pub(crate) fn moment(at: Timestamp) -> Moment {
    at.as_second() - BEGIN
}

/// The certification authority of the world.
pub(crate) struct Mint {
    pub(crate) trust: Arc<Trust>,
    /// Of each authority, the first and the second certificate.
    issuers: Vec<[(Issued, Arc<Certificate>); 2]>,
    leaf_key: Issued,
    leaves: HashMap<usize, Arc<Certificate>>,
}

impl Mint {
    pub(crate) fn new(fleet: &Fleet) -> Result<Self, rcgen::Error> {
        let root = Recipe::ca(wall(0), "Simulated Root").days(-3650, 7300).self_signed()?;
        let mut issuers = Vec::new();
        for (number, authority) in fleet.authorities.iter().enumerate() {
            let name = format!("Simulated Issuer {number}");
            let of = |span: crate::truth::Span| {
                Recipe::ca(wall(0), &name).path_length(0).not_before(wall(span.from)).not_after(wall(span.to))
            };
            let first = of(authority.first).signed_by(&root)?;
            let second = of(authority.second).key_of(&first).signed_by(&root)?;
            issuers.push([first, second].map(|issued| {
                let certificate = Certificate::from_der(&issued.der());
                (issued, certificate)
            }));
        }
        let leaf_key = Recipe::leaf(wall(0), ["key.test"]).signed_by(&root)?;
        let trust = Arc::new(Trust::new([Certificate::from_der(&root.der())]));
        Ok(Mint { trust, issuers, leaf_key, leaves: HashMap::new() })
    }

    /// What a server with this face sends, and what a fetch by AIA brings.
    pub(crate) fn chain(&mut self, fleet: &Fleet, face: Face, at: Moment) -> Result<(Chain, Issuers), rcgen::Error> {
        let Leaf { authority, .. } = fleet.leaves[face.leaf];
        let mut certificates = vec![self.leaf(fleet, face.leaf)?];
        let mut issuers = Issuers::default();
        match face.sent {
            Sent::Nothing => {
                let newest = usize::from(at >= fleet.authorities[authority].first.to - 60 * DAY);
                issuers.certificates.push(Arc::clone(&self.issuers[authority][newest].1));
            }
            Sent::First => certificates.push(Arc::clone(&self.issuers[authority][0].1)),
            Sent::Second => certificates.push(Arc::clone(&self.issuers[authority][1].1)),
        }
        Ok((Chain::new(certificates).expect("there is a leaf"), issuers))
    }

    fn leaf(&mut self, fleet: &Fleet, number: usize) -> Result<Arc<Certificate>, rcgen::Error> {
        if let Some(known) = self.leaves.get(&number) {
            return Ok(Arc::clone(known));
        }
        let Leaf { names, begins, ends, authority } = fleet.leaves[number];
        let name = match names {
            Names::Endpoint(endpoint) => format!("host-{endpoint}.test"),
            Names::Wildcard(line) => format!("*.w{line}.test"),
            Names::Wrong => format!("other-{number}.test"),
        };
        let recipe = Recipe::leaf(wall(0), [name.as_str()]).not_before(wall(begins)).not_after(wall(ends));
        let issued = recipe.key_of(&self.leaf_key).signed_by(&self.issuers[authority][0].0)?;
        let certificate = Certificate::from_der(&issued.der());
        self.leaves.insert(number, Arc::clone(&certificate));
        Ok(certificate)
    }
}
