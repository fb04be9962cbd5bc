//! The cure: the chain the server should serve, judged before it is offered.

use std::sync::Arc;

use super::Verdict;
use crate::certificate::Certificate;

/// What the server should serve: leaf first, then the intermediates, no root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The whole chain.
    pub chain: Vec<Arc<Certificate>>,
    /// Those of it that the server left out.
    pub added: Vec<Arc<Certificate>>,
    /// The verdict on what is served now, by a client with the roots alone: our own store may hold the very intermediate that
    /// others lack.
    pub served: Verdict,
    /// The judge's verdict on `chain`: 0, or only what the leaf itself is to blame for (its dates, its name).
    pub verdict: Verdict,
}

impl Repair {
    /// `fullchain.pem`.
    pub fn to_pem(&self) -> String {
        self.chain.iter().map(|certificate| certificate.to_pem()).collect()
    }
}
