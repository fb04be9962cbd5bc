//! Key exchange over secp521r1, which rustls leaves out: there are servers that have nothing else, and under TLS 1.2 it must be
//! offered for a P-521 certificate to be served at all (RFC 8422, section 5.1).

use aws_lc_rs::{
    agreement::{ECDH_P521, EphemeralPrivateKey, PublicKey, UnparsedPublicKey, agree_ephemeral},
    rand::SystemRandom,
};
use rustls::{
    Error, NamedGroup, PeerMisbehaved,
    crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup},
    ffdhe_groups::FfdheGroup,
};

/// Ephemeral ECDH on P-521.
pub(super) static SECP521R1: &dyn SupportedKxGroup = &P521;

#[derive(Debug)]
struct P521;

impl SupportedKxGroup for P521 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let key = EphemeralPrivateKey::generate(&ECDH_P521, &SystemRandom::new()).map_err(|_| Error::FailedToGetRandomBytes)?;
        let share = key.compute_public_key().map_err(|_| Error::FailedToGetRandomBytes)?;
        Ok(Box::new(UnderWay { key, share }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

struct UnderWay {
    key: EphemeralPrivateKey,
    share: PublicKey,
}

impl ActiveKeyExchange for UnderWay {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let refused = || Error::from(PeerMisbehaved::InvalidKeyShare);
        // Uncompressed points only (RFC 8446, section 4.2.8.2).
        if peer.first() != Some(&4) {
            return Err(refused());
        }
        let peer = UnparsedPublicKey::new(&ECDH_P521, peer);
        agree_ephemeral(self.key, peer, refused(), |secret| Ok(SharedSecret::from(secret)))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }

    fn pub_key(&self) -> &[u8] {
        self.share.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_come_to_one_secret_and_odd_points_are_refused() {
        let (ours, theirs) = (P521.start().expect("ours"), P521.start().expect("theirs"));
        let (our_share, their_share) = (ours.pub_key().to_vec(), theirs.pub_key().to_vec());
        assert_eq!(our_share.len(), 133);
        let secret = ours.complete(&their_share).expect("secret");
        assert_eq!(secret.secret_bytes(), theirs.complete(&our_share).expect("secret").secret_bytes());
        assert_eq!(secret.secret_bytes().len(), 66);
        assert!(P521.start().expect("share").complete(&our_share[1..]).is_err());
        assert!(P521.start().expect("share").complete(&[]).is_err());
    }
}
