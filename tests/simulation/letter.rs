//! A mail as the judge of the simulation sees it: who was told what of which endpoints, and when it arrived.

use crate::truth::Moment;

#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// The Message-ID's root.
    pub(crate) id: String,
    /// The number of the owner.
    pub(crate) recipient: usize,
    pub(crate) says: Says,
    pub(crate) items: Vec<Item>,
    pub(crate) decided: Moment,
    pub(crate) delivered: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Alarm,
    AllClear,
}

/// A finding at an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) endpoint: usize,
    pub(crate) code: String,
    /// When the certificate ends that it is about, where it is about an end.
    pub(crate) ends: Option<Moment>,
    /// 1 a warning, 2 critical, 3 the last day, 4 has ended; more with each day after that.
    pub(crate) rank: u8,
}

/// To the operators: that our own network is out, or was.
#[derive(Clone, Debug)]
pub(crate) struct OwnLetter {
    pub(crate) id: String,
    pub(crate) is_over: bool,
    pub(crate) decided: Moment,
    pub(crate) delivered: Option<Moment>,
}
