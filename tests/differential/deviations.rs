//! Where the judge may differ: the rows of docs/deviations.md that the cases come across, and nothing else.

use certvigil::{
    certificate::{Certificate, KeyKind},
    diagnosis::Diagnosis,
};

use crate::{Answer, case::Case, oracle::Oracle};

/// The row that explains the difference between the two answers, if one does.
pub(crate) fn explained(
    case: &Case,
    diagnosis: &Diagnosis,
    [ours, theirs]: [&Answer; 2],
    oracle: &mut Oracle,
) -> Option<&'static str> {
    let roots = case.roots.iter().map(|root| &root.der);
    for der in case.chain.iter().chain(roots) {
        let certificate = Certificate::from_der(der);
        let (dates, key) = oracle.look(der);
        match &certificate.facts {
            Err(reason) if reason.to_string().contains("validity") && !dates => {
                return Some("a date in a form that RFC 5280 forbids");
            }
            Ok(facts) if is_taken_at_its_word(&facts.key.kind) && !key => {
                return Some("a point on no curve that the library has");
            }
            _ => {}
        }
    }
    let unchecked = diagnosis.finding("signature_unchecked").is_some();
    (unchecked && without_signatures(ours) == without_signatures(theirs)).then_some("a signature that is not checked")
}

/// A key whose point nobody here can look for on its curve.
fn is_taken_at_its_word(key: &KeyKind) -> bool {
    match key {
        KeyKind::EcExplicit(_) => true,
        KeyKind::Ec(curve) => !["P-256", "P-384", "P-521", "secp256k1"].contains(&&**curve),
        _ => false,
    }
}

fn without_signatures(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    if let Answer::Verdict { errors, .. } = &mut answer {
        errors.retain(|(code, _)| *code != 7);
    }
    answer
}
