//! The straw man that mails on every finding, as a script around `openssl s_client` and a local mail queue would. (The one who is always silent needs
//! no code.)

use certvigil::diagnosis::{Finding, Severity};

use crate::{
    letter::{Item, Letter, Says},
    mint::moment,
    truth::Moment,
    world::{Seen, World},
};

/// Sees the same visits as certvigil, and tells of each that is not good.
#[derive(Default)]
pub(crate) struct Crier {
    pub(crate) letters: Vec<Letter>,
}

impl Crier {
    pub(crate) fn visited(&mut self, world: &World, endpoint: usize, at: Moment, seen: &Seen) {
        let found = seen.judged.iter().flat_map(|judged| &judged.diagnosis.findings);
        let bad = found.filter(|found| found.severity() >= Severity::Warning);
        let item = |finding: &Finding| {
            let ends = match finding {
                Finding::ExpiresSoon { not_after, .. } | Finding::Expired { not_after, .. } => Some(moment(*not_after)),
                _ => None,
            };
            Item { endpoint, code: finding.code().to_owned(), ends, rank: 1 }
        };
        let items: Vec<Item> = bad.map(|found| item(&found.finding)).collect();
        if !items.is_empty() {
            self.letters.push(Letter {
                id: format!("finding-{}", self.letters.len()),
                recipient: world.fleet.endpoints[endpoint].owner,
                says: Says::Alarm,
                items,
                decided: at,
                delivered: Some(world.mail_by(at)),
            });
        }
    }
}
