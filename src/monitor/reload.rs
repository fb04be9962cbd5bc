//! A new inventory: what stays as it is, what is visited anew, what is forgotten.

use std::{collections::HashMap, sync::Arc};

use super::{Inventory, Monitor, Record, Turn, Watch, dossier::Dossier, schedule::Plan};
use crate::{clock::Now, diagnosis::Trust};

/// What distinguishes two entries of the same name. Ordered: each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// When it is visited and who hears of it, if anything.
    Policy,
    /// What it is judged against: visited anew, and a report that was judged by the old measure is dropped.
    Measure,
    /// Where it is, or the name it is asked by: what was seen there says nothing about it now.
    Place,
}

impl Monitor {
    /// Takes the inventory. What can be reached is counted anew by the caller, once all that is known of it is there.
    pub(super) fn reloaded(&mut self, inventory: Inventory, now: Now, turn: &mut Turn) {
        self.operators = inventory.operators;
        self.life.want(inventory.alive);
        let mut old: HashMap<Arc<str>, Dossier> = self.dossiers.drain(..).map(|d| (d.name().clone(), d)).collect();
        self.places.clear();
        self.index = Arc::default();
        let count = inventory.watches.len() + inventory.canaries.len();
        self.dossiers.reserve_exact(count);
        self.places.reserve(count);
        let mut trusts = SameTrust::default();
        let mut anew = Vec::new();
        let endpoints = inventory.watches.into_iter().map(|watch| (watch, false));
        for (watch, is_canary) in endpoints.chain(inventory.canaries.into_iter().map(|watch| (watch, true))) {
            let (name, interval) = (watch.endpoint.name.clone(), watch.policy.interval);
            if self.places.contains_key(&name) {
                continue;
            }
            let (mut dossier, is_asked_anew) = match old.remove(&name) {
                None => (Dossier::new(watch, now.wall), true),
                Some(mut dossier) => {
                    let change = trusts.change(&dossier.view.watch, &watch);
                    if change == Change::Place {
                        dossier.forget_addresses(&mut turn.records);
                    }
                    if change == Change::Policy && dossier.view.watch.policy.interval != interval {
                        self.schedule.set_interval(&name, interval, self.settings.limits.spread, now.uptime);
                    }
                    dossier.rewrite(watch);
                    (dossier, change > Change::Policy)
                }
            };
            if is_asked_anew {
                self.generations += 1;
                anew.push(Plan { name: name.clone(), generation: self.generations, interval });
                self.sweep.iter_mut().for_each(|sweep| sweep.unsettled(&name));
            }
            dossier.is_canary = is_canary;
            self.places.insert(name, self.dossiers.len());
            self.dossiers.push(dossier);
        }
        self.forget(old, now, turn);
        self.forget_refusals(turn);
        self.forget_ways();
        if trusts.has_changed() {
            self.anchors.changed(now.uptime);
        }
        self.schedule.begin(anew, self.settings.limits.spread, now.uptime);
        self.reload.successful = true;
        self.reload.success_at = now.wall;
        self.begin_sweep(now);
        self.escalates = self.dossiers.iter().any(|dossier| !dossier.view.watch.policy.escalation.is_empty());
        self.next_escalation = self.escalates.then_some(now.uptime);
    }

    /// Endpoints that have left: their incidents end, and nobody is told that anything is mended.
    fn forget(&mut self, gone: HashMap<Arc<str>, Dossier>, now: Now, turn: &mut Turn) {
        let mut gone: Vec<_> = gone.into_iter().collect();
        gone.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, dossier) in gone {
            self.schedule.remove(&name);
            self.sweep.iter_mut().for_each(|sweep| sweep.forget(&name));
            dossier.members.values().for_each(|member| self.left(&name, &member.key, &member.heard, now, turn));
            turn.records.push(Record::EndpointGone(name));
        }
    }
}

/// Trust stores are large and few, and read from disk anew at each reload: each pair is compared once.
#[derive(Default)]
struct SameTrust(HashMap<(*const Trust, *const Trust), bool>);

impl SameTrust {
    fn has_changed(&self) -> bool {
        self.0.values().any(|is_same| !is_same)
    }

    fn change(&mut self, old: &Watch, new: &Watch) -> Change {
        if old.endpoint.place() != new.endpoint.place() {
            Change::Place
        } else if !self.is_same(&old.trust, &new.trust) || old.expectation != new.expectation {
            Change::Measure
        } else {
            Change::Policy
        }
    }

    fn is_same(&mut self, old: &Arc<Trust>, new: &Arc<Trust>) -> bool {
        Arc::ptr_eq(old, new) || *self.0.entry((Arc::as_ptr(old), Arc::as_ptr(new))).or_insert_with(|| old == new)
    }
}
