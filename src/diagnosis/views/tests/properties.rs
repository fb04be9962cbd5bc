//! What follows from the differences, whatever the differences are.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// Certificates to choose from, made once.
struct Made {
    pki: Pki,
    public: Pki,
    leaves: [Issued; 4],
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let (pki, public) = (pki(), Pki::named(now(), "Public").expect("P-256"));
    let leaf = |name: &str, last| pki.leaf([name]).aia("http://ca.test/i.der").days(-30, last);
    let leaves = [leaf("a.test", 60), leaf("a.test", -1), leaf("b.test", 60), leaf("b.test", -1)];
    let leaves = leaves.map(|recipe| sign(&recipe, &pki.intermediate));
    Made { pki, public, leaves }
});

/// What is served, what was fetched, and where the root is known.
#[derive(Clone, Copy, Debug)]
struct World {
    /// Which of the leaves; only the first is sound.
    leaf: usize,
    serves_intermediate: bool,
    serves_root: bool,
    fetched: bool,
    /// In the system's store, in Mozilla's, configured.
    root_is_in: [bool; 3],
}

impl World {
    fn case(self) -> Case<'static> {
        let Made { pki, public, leaves } = &*MADE;
        let when = |holds: bool, issued: &'static Issued| holds.then_some(issued);
        let [in_system, in_mozilla, in_own] = self.root_is_in;
        let chain =
            [Some(&leaves[self.leaf]), when(self.serves_intermediate, &pki.intermediate), when(self.serves_root, &pki.root)];
        Case {
            chain: chain.into_iter().flatten().collect(),
            fetched: when(self.fetched, &pki.intermediate).into_iter().collect(),
            // No store is empty.
            system: std::iter::once(&public.root).chain(when(in_system, &pki.root)).collect(),
            mozilla: std::iter::once(&public.root).chain(when(in_mozilla, &pki.root)).collect(),
            own: when(in_own, &pki.root).into_iter().collect(),
            host: "a.test",
        }
    }
}

fn world() -> impl Strategy<Value = World> {
    (0..4_usize, any::<[bool; 3]>(), any::<[bool; 3]>()).prop_map(
        |(leaf, [serves_intermediate, serves_root, fetched], root_is_in)| World {
            leaf,
            serves_intermediate,
            serves_root,
            fetched,
            root_is_in,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fault_follows_from_the_views(world in world()) {
        let (views, _) = world.case().views();
        let answer = |client| views.clients.iter().find(|view| view.client == client).map(|view| &view.answer);
        let accepts = |client| answer(client) == Some(&Answer::Accepts);
        let strict = [Client::Curl, Client::Python, Client::Company, Client::Rustls];
        let is_sound = world.leaf == 0;
        let all = views.clients.iter().all(|view| view.answer == Answer::Accepts);
        if all {
            prop_assert_eq!((&*views.works_where, views.fault), ("works everywhere", None));
        } else {
            prop_assert!(views.works_where != "works everywhere");
        }
        if accepts(Client::Browser) && !strict.into_iter().any(accepts) {
            prop_assert_eq!(views.fault, Some(Fault::Server), "{}", views.works_where);
        }
        // A CA of one's own that is trusted where it is meant to be is nobody's fault.
        if accepts(Client::Company) && !accepts(Client::Curl) && !accepts(Client::Python) {
            prop_assert_eq!(views.fault, None, "{}", views.works_where);
        }
        if accepts(Client::Curl) != accepts(Client::Python) {
            prop_assert_eq!(views.fault, Some(Fault::Client), "{}", views.works_where);
        }
        // Who knows the root sees what is wrong with the leaf, and nobody takes it.
        if world.root_is_in.contains(&true) && !is_sound {
            prop_assert!(!views.clients.iter().any(|view| view.answer == Answer::Accepts));
            prop_assert_eq!(views.fault, Some(Fault::Server), "{}", views.works_where);
        }
        prop_assert_eq!(accepts(Client::Curl), is_sound && world.serves_intermediate && world.root_is_in[0]);
        prop_assert_eq!(accepts(Client::Python), accepts(Client::Rustls));
    }

    #[test]
    fn whoever_accepts_a_chain_accepts_it_with_its_intermediate_too(world in world()) {
        let (with, _) = World { serves_intermediate: true, ..world }.case().views();
        let (without, _) = World { serves_intermediate: false, ..world }.case().views();
        for (with, without) in with.clients.iter().zip(&without.clients) {
            prop_assert!(without.answer != Answer::Accepts || with.answer == Answer::Accepts, "{with:?}");
        }
        let taken = |client| with.paths.iter().filter(|path| path.used_by.contains(&client)).count();
        for view in &with.clients {
            prop_assert_eq!(taken(view.client), usize::from(view.answer == Answer::Accepts), "{:?}", view);
        }
    }
}
