//! A chain without fault, to be spoiled: the certificates of a path, who presents and who trusts what, and the question.

use fastrand::Rng;

use crate::{
    case::{Ask, Case, Root},
    certificate::{Algorithm, Date, Extension, KEYS, Name, ORDINARY, Spec, Spoil},
    der::{self, named_bits, sequence, tlv},
    oracle::Oracle,
};

pub(crate) struct Plan {
    /// The path from the leaf to its root, then others.
    pub(crate) specs: Vec<Spec>,
    /// How many of them are the path.
    pub(crate) path: usize,
    /// What is presented.
    pub(crate) presented: Vec<usize>,
    /// What the store holds.
    pub(crate) store: Vec<Stored>,
    pub(crate) host: Option<Ask>,
    pub(crate) at: i64,
    pub(crate) level: u8,
}

#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) spec: usize,
    pub(crate) settings: Option<Vec<u8>>,
}

/// 2026-11-22T12:00:00Z.
const EPOCH: i64 = 1_795_348_800;
pub(crate) const DAY: i64 = 86_400;

pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(crate) const ALTERNATIVE_NAME: &str = "2.5.29.17";
pub(crate) const SUBJECT_KEY_ID: &str = "2.5.29.14";
pub(crate) const AUTHORITY_KEY_ID: &str = "2.5.29.35";
pub(crate) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(crate) const PROXY: &str = "1.3.6.1.5.5.7.1.14";
pub(crate) const NETSCAPE_TYPE: &str = "2.16.840.1.113730.1.1";

pub(crate) const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
pub(crate) const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// A `GeneralName`: tag and content.
pub(crate) type General<'a> = (u8, &'a [u8]);

pub(crate) const EMAIL_NAME: u8 = 0x81;
pub(crate) const DNS_NAME: u8 = 0x82;
pub(crate) const DIRECTORY_NAME: u8 = 0xa4;
pub(crate) const URI_NAME: u8 = 0x86;
pub(crate) const IP_NAME: u8 = 0x87;

impl Plan {
    /// A path of one root, up to three intermediates and a leaf, of ordinary keys, each with what usually stands in it.
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let intermediates = [0, 1, 1, 1, 2, 2, 3][rng.usize(0..7)];
        let path = intermediates + 2;
        let at = EPOCH + rng.i64(0..10 * DAY);
        let keys: Vec<usize> = (0..path).map(|_| rng.usize(ORDINARY)).collect();
        let subjects: Vec<Name> = (0..path)
            .map(|depth| match depth {
                0 => Name::new("www.example.org"),
                top if top + 1 == path => Name::new("Root"),
                between => Name::new(&format!("CA {between}")),
            })
            .collect();
        let specs = (0..path).map(|depth| {
            let above = (depth + 1).min(path - 1);
            let mut spec = Spec::new(rng, at, &subjects[depth], keys[depth], &subjects[above], keys[above]);
            if depth == 0 {
                spec.make_leaf(rng);
            } else {
                spec.make_ca(rng);
            }
            spec
        });
        let specs: Vec<Spec> = specs.collect();
        let host = (rng.u8(0..10) > 1).then(|| Ask::Name("www.example.org".into()));
        let store = vec![Stored { spec: path - 1, settings: None }];
        Plan { specs, path, presented: (0..path - 1).collect(), store, host, at, level: if rng.u8(0..5) == 0 { 1 } else { 2 } }
    }

    /// The same, with so many intermediates at least.
    pub(crate) fn with_intermediates(rng: &mut Rng, least: usize) -> Self {
        loop {
            let plan = Plan::new(rng);
            if plan.path >= least + 2 {
                return plan;
            }
        }
    }

    pub(crate) fn leaf(&mut self) -> &mut Spec {
        &mut self.specs[0]
    }

    pub(crate) fn root(&mut self) -> &mut Spec {
        let root = self.path - 1;
        &mut self.specs[root]
    }

    /// Any of the path.
    pub(crate) fn any(&mut self, rng: &mut Rng) -> usize {
        rng.usize(0..self.path)
    }

    /// One that signs another of the path.
    pub(crate) fn any_ca(&mut self, rng: &mut Rng) -> usize {
        rng.usize(1..self.path)
    }

    /// One that is neither leaf nor root, if there is one; else the root.
    pub(crate) fn any_intermediate(&mut self, rng: &mut Rng) -> usize {
        if self.path > 2 { rng.usize(1..self.path - 1) } else { self.path - 1 }
    }

    /// Gives one of the path another key of the pool, and lets it sign as before.
    pub(crate) fn set_key(&mut self, at: usize, key: usize) {
        self.specs[at].key = key;
        self.specs[at].set(subject_key_id(key));
        let signs_itself = at + 1 == self.path;
        for below in [at.checked_sub(1), signs_itself.then_some(at)].into_iter().flatten() {
            let signed = &mut self.specs[below];
            signed.signer = key;
            signed.algorithm = Algorithm::usual(KEYS[key].family);
            if signed.has(AUTHORITY_KEY_ID) {
                signed.set(authority_key_id(key));
            }
        }
    }

    /// Another name for one of the path, which its subject's issuer follows.
    pub(crate) fn set_subject(&mut self, at: usize, name: Name) {
        if at > 0 {
            self.specs[at - 1].issuer = name.clone();
        }
        if at + 1 == self.path {
            self.specs[at].issuer = name.clone();
        }
        self.specs[at].subject = name;
    }

    /// One more certificate, apart from the path.
    pub(crate) fn add(&mut self, spec: Spec) -> usize {
        self.specs.push(spec);
        self.specs.len() - 1
    }

    pub(crate) fn trust(&mut self, spec: usize) {
        self.store.push(Stored { spec, settings: None });
    }

    pub(crate) fn build(&self, oracle: &mut Oracle) -> Case {
        let mut made: Vec<Option<Vec<u8>>> = vec![None; self.specs.len()];
        let mut der = |at: usize| made[at].get_or_insert_with(|| self.specs[at].der(oracle)).clone();
        let chain = self.presented.iter().map(|at| der(*at)).collect();
        let roots = self.store.iter().map(|stored| Root { der: der(stored.spec), settings: stored.settings.clone() }).collect();
        Case { chain, roots, host: self.host.clone(), at: self.at, level: self.level }
    }
}

impl Spec {
    /// Without any extension.
    pub(crate) fn new(rng: &mut Rng, at: i64, subject: &Name, key: usize, issuer: &Name, signer: usize) -> Self {
        Spec {
            version: 2,
            serial: vec![rng.u8(1..0x7f), rng.u8(..), rng.u8(..)],
            algorithm: Algorithm::strong(KEYS[signer].family, rng),
            algorithm_outside: None,
            issuer: issuer.clone(),
            not_before: Date::of(at - rng.i64(2..300) * DAY),
            not_after: Date::of(at + rng.i64(2..300) * DAY),
            subject: subject.clone(),
            key,
            spki: None,
            unique: Vec::new(),
            extensions: Vec::new(),
            signer,
            changed: Vec::new(),
            spoil: Spoil::Nothing,
            trailing: Vec::new(),
        }
    }

    pub(crate) fn make_leaf(&mut self, rng: &mut Rng) {
        self.set(alternative_name(&[(DNS_NAME, b"www.example.org")]));
        if rng.bool() {
            self.set(basic_constraints(false, None));
        }
        if rng.bool() {
            self.set(key_usage(&[0]));
        }
        if rng.bool() {
            self.set(extended_key_usage(&[SERVER_AUTH]));
        }
        self.identify(rng);
    }

    pub(crate) fn make_ca(&mut self, rng: &mut Rng) {
        self.set(basic_constraints(true, None));
        if rng.bool() {
            self.set(key_usage(&[5, 6]));
        }
        self.identify(rng);
    }

    fn identify(&mut self, rng: &mut Rng) {
        if rng.u8(0..4) > 0 {
            self.set(subject_key_id(self.key));
        }
        if rng.u8(0..4) > 0 {
            self.set(authority_key_id(self.signer));
        }
    }

    pub(crate) fn has(&self, oid: &str) -> bool {
        self.extensions.iter().any(|extension| extension.oid == oid)
    }

    pub(crate) fn remove(&mut self, oid: &str) {
        self.extensions.retain(|extension| extension.oid != oid);
    }

    /// In the place of another of its kind.
    pub(crate) fn set(&mut self, extension: Extension) {
        self.remove(extension.oid);
        self.extensions.push(extension);
    }
}

pub(crate) fn extension(oid: &'static str, critical: bool, value: Vec<u8>) -> Extension {
    Extension { oid, critical, value }
}

pub(crate) fn basic_constraints(ca: bool, path_length: Option<u8>) -> Extension {
    let ca = if ca { der::boolean(true) } else { Vec::new() };
    let limit = path_length.map_or(Vec::new(), der::small);
    extension(BASIC_CONSTRAINTS, true, sequence([&ca[..], &limit]))
}

pub(crate) fn key_usage(bits: &[u8]) -> Extension {
    extension(KEY_USAGE, true, named_bits(bits))
}

pub(crate) fn extended_key_usage(uses: &[&str]) -> Extension {
    extension(EXTENDED_KEY_USAGE, false, tlv(0x30, &uses.iter().flat_map(|oid| der::oid(oid)).collect::<Vec<_>>()))
}

fn key_id(key: usize) -> [u8; 20] {
    [u8::try_from(key).expect("few keys"); 20]
}

pub(crate) fn subject_key_id(key: usize) -> Extension {
    extension(SUBJECT_KEY_ID, false, tlv(4, &key_id(key)))
}

pub(crate) fn authority_key_id(key: usize) -> Extension {
    extension(AUTHORITY_KEY_ID, false, sequence([&tlv(0x80, &key_id(key))[..]]))
}

pub(crate) fn alternative_name(names: &[General<'_>]) -> Extension {
    extension(ALTERNATIVE_NAME, false, tlv(0x30, &names.iter().flat_map(|(tag, name)| tlv(*tag, name)).collect::<Vec<_>>()))
}

/// Subtrees, permitted and excluded.
pub(crate) fn name_constraints(permitted: &[General<'_>], excluded: &[General<'_>]) -> Extension {
    let subtrees = |tag, names: &[General<'_>]| match names {
        [] => Vec::new(),
        names => tlv(tag, &names.iter().flat_map(|(kind, name)| tlv(0x30, &tlv(*kind, name))).collect::<Vec<_>>()),
    };
    extension(NAME_CONSTRAINTS, true, sequence([&subtrees(0xa0, permitted)[..], &subtrees(0xa1, excluded)]))
}
