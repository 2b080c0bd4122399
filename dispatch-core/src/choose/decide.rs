//! From what was worked out about everybody to who is asked for what. Looks at the decision record and the policy and at
//! nothing else, so that a record can be decided again, years later, and must give the same.

#[cfg(test)]
mod any;
mod prospects;
mod reach;
mod weigh;

use std::{collections::BTreeSet, time::Duration};

use super::{
    arrival::{Arrival, Travel},
    stakes::{Ambulance, Brings, Moments, Stakes},
};
use crate::{
    alert::Role,
    ids::AedId,
    policy::{Policy, Ranking, RoleKind},
    record::{Calling, Candidate, Decision, Verdict},
};
use prospects::Prospects;
use reach::{ambulance_left, latest_arrival};

pub(super) use reach::{longest_useful_way, rule_out_the_far};

pub use weigh::{Added, Weighing, Worth, weigh};

/// Somebody chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// Their place among the decision's candidates.
    pub candidate: usize,
    /// For what.
    pub role: Role,
    /// When they would be there.
    pub arrival: Arrival,
}

/// An ambulance that is late, or of which nothing is known, is not taken to stand at the door: a tenth, a half, nine
/// tenths of the time it still takes at least.
const AMBULANCE_LEFT_MIN: Ambulance = Arrival {
    fast: Duration::from_secs(30),
    median: Duration::from_secs(90),
    slow: Duration::from_secs(240),
};

/// Chooses among the candidates of a decision that may be asked (their verdict is one of choice), up to `sought` of them:
/// puts the candidates in order, gives each its verdict, and returns those chosen, best first.
pub fn decide(policy: &Policy, decision: &mut Decision) -> Vec<Chosen> {
    let travel = Travel::new(policy, decision.place.position, decision.decided_at);
    let ranking = match decision.call_out {
        Some(_) => Ranking::Nearest,
        None => policy.ranking,
    };
    let order = estimate(policy, ranking, &travel, decision);
    put_in_order(order, &mut decision.candidates);
    let chosen = if let Some(calling) = decision.call_out {
        call_out(calling, &travel, decision)
    } else {
        leave_asleep(policy, &mut decision.candidates);
        match ranking {
            Ranking::Nearest | Ranking::Soonest => first_in_order(policy, &travel, decision),
            Ranking::Survival => worth_most(policy, &travel, decision),
        }
    };
    for chosen in &chosen {
        decision.candidates[chosen.candidate].verdict = Verdict::Asked;
    }
    chosen
}

/// The nearest, for a shift each; nobody is woken unless that is wanted.
fn call_out(calling: Calling, travel: &Travel<'_>, decision: &mut Decision) -> Vec<Chosen> {
    let open = |candidate: &Candidate| candidate.verdict == Verdict::EnoughSooner;
    for candidate in &mut decision.candidates {
        if open(candidate) && candidate.quiet && !calling.wake {
            candidate.verdict = Verdict::Quiet;
        }
    }
    let candidates = decision.candidates.iter().enumerate();
    let first = candidates
        .filter(|(_, candidate)| open(candidate))
        .take(decision.sought as usize);
    let chosen = first.map(|(index, candidate)| Chosen {
        candidate: index,
        role: Role::Shift,
        arrival: travel.direct(candidate),
    });
    chosen.collect()
}

/// Opens the choice between those who may be asked, except for those who surely cannot beat the ambulance; notes when
/// everybody would be there, going straight, and returns what they are put in order by, with their places.
fn estimate(policy: &Policy, ranking: Ranking, travel: &Travel<'_>, decision: &mut Decision) -> Vec<(u64, usize)> {
    let latest = latest_arrival(policy, decision);
    let mut order = Vec::with_capacity(decision.candidates.len());
    for (index, candidate) in decision.candidates.iter_mut().enumerate() {
        let traveller = travel.of(candidate);
        let median = traveller.median_direct();
        candidate.estimated_arrival = median;
        if candidate.verdict.is_of_choice() {
            candidate.verdict = match latest {
                Some(latest) if traveller.fast_direct() > latest => Verdict::AmbulanceSooner,
                _ => Verdict::EnoughSooner,
            };
        }
        let key = match ranking {
            Ranking::Nearest => candidate.distance.mm(),
            Ranking::Soonest | Ranking::Survival => ms(median),
        };
        order.push((key, index));
    }
    order
}

/// Puts everybody in the policy's order, those alike by their ids.
fn put_in_order(mut order: Vec<(u64, usize)>, candidates: &mut [Candidate]) {
    order.sort_unstable();
    for alike in order.chunk_by_mut(|(one, _), (other, _)| one == other) {
        alike.sort_unstable_by_key(|(_, index)| candidates[*index].responder);
    }
    // In place, since a crowd of candidates is megabytes: each ring of those who take each other's places once round.
    for start in 0..order.len() {
        let (first, mut place) = (candidates[start], start);
        loop {
            let from = std::mem::replace(&mut order[place].1, place);
            if from == start {
                break;
            }
            candidates[place] = candidates[from];
            place = from;
        }
        candidates[place] = first;
    }
}

/// Those not to be woken while others are sooner.
fn leave_asleep(policy: &Policy, candidates: &mut [Candidate]) {
    let open = |candidate: &Candidate| candidate.verdict == Verdict::EnoughSooner;
    if !candidates.iter().any(|candidate| candidate.quiet && open(candidate)) {
        return;
    }
    let key = |candidate: &Candidate| (candidate.estimated_arrival, candidate.responder);
    let open_ones = candidates.iter().filter(|candidate| open(candidate));
    let mut soonest: Vec<_> = open_ones.map(key).collect();
    let woken = policy.wake_among as usize;
    if woken >= soonest.len() {
        return;
    }
    let (_, &mut first_left_asleep, _) = soonest.select_nth_unstable(woken);
    for candidate in candidates {
        if candidate.quiet && open(candidate) && key(candidate) >= first_left_asleep {
            candidate.verdict = Verdict::Quiet;
        }
    }
}

/// When the ambulance is expected from now on.
fn ambulance(policy: &Policy, decision: &Decision) -> Ambulance {
    let Some(left) = ambulance_left(decision) else {
        let unknown = policy.joint.ambulance_unknown.after(decision.since_report);
        return unknown.at_least(AMBULANCE_LEFT_MIN);
    };
    let spread = policy.joint.ambulance_spread_permille;
    let permille = |permille: u32| left * permille / 1_000;
    Arrival {
        fast: permille(1_000 - spread.min(1_000)),
        median: left,
        slow: permille(1_000 + spread),
    }
}

/// The first in order, with the roles of the policy's pattern.
fn first_in_order(policy: &Policy, travel: &Travel<'_>, decision: &Decision) -> Vec<Chosen> {
    let mut taken = BTreeSet::new();
    let mut chosen = Vec::new();
    let open = decision.candidates.iter().enumerate();
    let open = open.filter(|(_, candidate)| candidate.verdict == Verdict::EnoughSooner);
    for (index, candidate) in open.take(decision.sought as usize) {
        let ordinal = decision.asked_before as usize + chosen.len();
        let kind = policy.roles[ordinal % policy.roles.len()];
        let aed = candidate
            .aeds
            .iter()
            .flatten()
            .find(|option| !taken.contains(&option.aed));
        let traveller = travel.of(candidate);
        let (role, arrival) = match (kind, aed) {
            (RoleKind::FetchAed, Some(option)) => {
                taken.insert(option.aed);
                (Role::FetchAed(option.aed), traveller.by_way_of_aed(option.way))
            }
            (RoleKind::Guide, _) => (Role::Guide, traveller.direct()),
            (RoleKind::Direct | RoleKind::FetchAed, _) => (Role::Direct, traveller.direct()),
        };
        chosen.push(Chosen {
            candidate: index,
            role,
            arrival,
        });
    }
    chosen
}

/// What somebody could do, and how it is weighed.
#[derive(Clone, Copy)]
struct Offer {
    chosen: Chosen,
    moments: Moments,
    acceptance: f64,
    /// That the defibrillator is there.
    aed_chance: f64,
    /// The survival it must add.
    price: f64,
}

impl Offer {
    fn net(&self, stakes: &Stakes) -> f64 {
        worth_in(
            stakes,
            self.chosen.role,
            self.acceptance,
            self.aed_chance,
            &self.moments,
        ) - self.price
    }
}

impl Offer {
    /// Whether it could be worth an alert, whoever else comes.
    fn may_be_worth_it(&self, stakes: &Stakes) -> bool {
        let most = match self.chosen.role {
            Role::Direct => stakes.ceiling(Brings::Cpr, &self.moments),
            Role::FetchAed(_) => stakes.ceiling(Brings::Aed, &self.moments),
            Role::Guide | Role::Shift => 0.0,
        };
        self.acceptance * most > self.price
    }
}

/// What somebody adds to survival who comes with this chance.
pub fn worth(policy: &Policy, stakes: &Stakes, role: Role, chance: f64, arrival: &Arrival) -> f64 {
    let there = f64::from(policy.aeds.there_permille) / 1_000.0;
    worth_in(stakes, role, chance, there, &arrival.into())
}

fn worth_in(stakes: &Stakes, role: Role, chance: f64, aed_chance: f64, arrival: &Moments) -> f64 {
    match role {
        Role::Direct => stakes.worth(Brings::Cpr, chance, arrival),
        Role::FetchAed(_) => {
            stakes.worth(Brings::Aed, chance * aed_chance, arrival)
                + stakes.worth(Brings::Cpr, chance * (1.0 - aed_chance), arrival)
        }
        Role::Guide | Role::Shift => 0.0,
    }
}

/// One after the other, whoever adds most to modelled survival in the role in which they do, while it is worth an alert.
fn worth_most(policy: &Policy, travel: &Travel<'_>, decision: &Decision) -> Vec<Chosen> {
    let mut stakes = stakes(policy, decision);
    let mut taken: BTreeSet<AedId> = BTreeSet::new();
    let mut prospects = Prospects::new(policy, travel, decision, &stakes);
    let mut chosen: Vec<Chosen> = Vec::new();
    while chosen.len() < decision.sought as usize {
        let is_free = |offer: &Offer| offer.chosen.role.aed().is_none_or(|aed| !taken.contains(&aed));
        let Some(best) = prospects.best(policy, travel, decision, &stakes, is_free) else {
            break;
        };
        take_into_play(
            &mut stakes,
            best.chosen.role,
            best.acceptance,
            best.aed_chance,
            &best.chosen.arrival,
        );
        taken.extend(best.chosen.role.aed());
        prospects.remove(best.chosen.candidate);
        chosen.push(best.chosen);
    }
    add_guides(policy, travel, decision, &mut chosen);
    chosen
}

/// What comes first among offers worth the same.
fn tie(decision: &Decision, offer: &Offer) -> impl Ord + use<> {
    let candidate = &decision.candidates[offer.chosen.candidate];
    (
        offer.chosen.arrival.median,
        candidate.distance.mm(),
        candidate.responder,
        offer.chosen.role,
    )
}

/// The stakes with everybody who had been asked before.
pub fn stakes(policy: &Policy, decision: &Decision) -> Stakes {
    let since_collapse = policy.joint.since_collapse + decision.since_report;
    let mut stakes = Stakes::new(policy, since_collapse, ambulance(policy, decision));
    let there = f64::from(policy.aeds.there_permille) / 1_000.0;
    for person in &decision.in_play {
        take_into_play(
            &mut stakes,
            person.role,
            permille(person.chance_permille),
            there,
            &person.arrival,
        );
    }
    stakes
}

fn take_into_play(stakes: &mut Stakes, role: Role, chance: f64, aed_chance: f64, arrival: &Arrival) {
    match role {
        Role::Direct => stakes.add(Brings::Cpr, chance, arrival),
        Role::FetchAed(_) => {
            stakes.add(Brings::Aed, chance * aed_chance, arrival);
            stakes.add(Brings::Cpr, chance * (1.0 - aed_chance), arrival);
        }
        Role::Guide | Role::Shift => {}
    }
}

/// What a candidate could do: go straight to the patient, or by way of a defibrillator.
fn offers(policy: &Policy, travel: &Travel<'_>, index: usize, candidate: &Candidate) -> impl Iterator<Item = Offer> {
    let traveller = travel.of(candidate);
    let (acceptance, price) = (permille(candidate.acceptance_permille), price(policy, candidate));
    let offer = move |role, arrival: Arrival, aed_chance| Offer {
        moments: (&arrival).into(),
        chosen: Chosen {
            candidate: index,
            role,
            arrival,
        },
        acceptance,
        aed_chance,
        price,
    };
    let by_aed = candidate.aeds.iter().flatten().map(move |option| {
        let arrival = traveller.by_way_of_aed(option.way);
        offer(Role::FetchAed(option.aed), arrival, permille(option.chance_permille))
    });
    std::iter::once(offer(Role::Direct, traveller.direct(), 0.0)).chain(by_aed)
}

/// The survival that asking somebody must add.
fn price(policy: &Policy, candidate: &Candidate) -> f64 {
    let grown = 1_000 + u64::from(policy.joint.fairness_permille) * u64::from(candidate.recent_alerts);
    #[allow(clippy::cast_precision_loss)]
    let grown = grown as f64;
    f64::from(policy.joint.alert_price_ppm) * grown / 1e9
}

/// Whoever leads the crew in is asked once somebody is asked to the patient: the soonest of those left.
fn add_guides(policy: &Policy, travel: &Travel<'_>, decision: &Decision, chosen: &mut Vec<Chosen>) {
    let guides = decision
        .in_play
        .iter()
        .filter(|person| person.role == Role::Guide)
        .count();
    let wanted = (policy.joint.guides as usize).saturating_sub(guides);
    if chosen.is_empty() && decision.in_play.is_empty() {
        return;
    }
    let room = (decision.sought as usize).saturating_sub(chosen.len());
    if wanted.min(room) == 0 {
        return;
    }
    let mut left: Vec<(usize, &Candidate)> = decision.candidates.iter().enumerate().collect();
    left.retain(|(index, candidate)| {
        candidate.verdict == Verdict::EnoughSooner && chosen.iter().all(|chosen| chosen.candidate != *index)
    });
    left.sort_by_key(|(_, candidate)| (candidate.estimated_arrival, candidate.responder));
    for (index, _) in left.into_iter().take(wanted.min(room)) {
        chosen.push(Chosen {
            candidate: index,
            role: Role::Guide,
            arrival: travel.direct(&decision.candidates[index]),
        });
    }
}

fn permille(permille: u16) -> f64 {
    f64::from(permille) / 1_000.0
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
