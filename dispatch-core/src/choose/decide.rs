//! From what was worked out about everybody to who is asked for what. Looks at the decision record and the policy and at
//! nothing else, so that a record can be decided again, years later, and must give the same.

mod weigh;

use std::{collections::BTreeSet, time::Duration};

use super::{
    arrival::{Arrival, Travel},
    stakes::{Ambulance, Brings, Stakes},
};
use crate::{
    alert::Role,
    ids::AedId,
    policy::{Policy, Ranking, RoleKind},
    record::{Candidate, Decision, Verdict},
};

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

/// An ambulance whose announced time has passed by this much without a word of its arrival counts as one whose time is
/// unknown; until then it is taken to be about to arrive.
const OVERDUE_AFTER: Duration = Duration::from_secs(300);

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
    for candidate in &mut decision.candidates {
        candidate.estimated_arrival = travel.direct(candidate).median;
        if candidate.verdict.is_of_choice() {
            candidate.verdict = Verdict::EnoughSooner;
        }
    }
    decision.candidates.sort_by_key(|candidate| match policy.ranking {
        Ranking::Nearest => (candidate.distance.mm(), candidate.responder),
        Ranking::Soonest | Ranking::Survival => (ms(candidate.estimated_arrival), candidate.responder),
    });
    rule_out(policy, &travel, decision);
    let chosen = match policy.ranking {
        Ranking::Nearest | Ranking::Soonest => first_in_order(policy, &travel, decision),
        Ranking::Survival => worth_most(policy, &travel, decision),
    };
    for chosen in &chosen {
        decision.candidates[chosen.candidate].verdict = Verdict::Asked;
    }
    chosen
}

/// Those who surely cannot beat the ambulance, and those not to be woken while others are sooner.
fn rule_out(policy: &Policy, travel: &Travel<'_>, decision: &mut Decision) {
    if let Some(left) = ambulance_left(decision) {
        if let Some(margin) = policy.ambulance_margin {
            for candidate in open_to_choice(decision) {
                if travel.direct(candidate).fast > left + margin {
                    candidate.verdict = Verdict::AmbulanceSooner;
                }
            }
        }
    }
    let mut soonest: Vec<_> = open_to_choice(decision)
        .map(|candidate| (candidate.estimated_arrival, candidate.responder))
        .collect();
    soonest.sort_unstable();
    let woken = soonest.get(policy.wake_among as usize).copied();
    for candidate in open_to_choice(decision) {
        let key = (candidate.estimated_arrival, candidate.responder);
        if candidate.quiet && woken.is_some_and(|first_left_asleep| key >= first_left_asleep) {
            candidate.verdict = Verdict::Quiet;
        }
    }
}

fn open_to_choice(decision: &mut Decision) -> impl Iterator<Item = &mut Candidate> {
    let candidates = decision.candidates.iter_mut();
    candidates.filter(|candidate| candidate.verdict == Verdict::EnoughSooner)
}

/// What is left until the ambulance comes, if that is known.
fn ambulance_left(decision: &Decision) -> Option<Duration> {
    let at = decision.ambulance_at?;
    (decision.decided_at < at + OVERDUE_AFTER).then(|| at.since(decision.decided_at))
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
        let (role, arrival) = match (kind, aed) {
            (RoleKind::FetchAed, Some(option)) => {
                taken.insert(option.aed);
                (Role::FetchAed(option.aed), travel.by_way_of_aed(candidate, option.way))
            }
            (RoleKind::Guide, _) => (Role::Guide, travel.direct(candidate)),
            (RoleKind::Direct | RoleKind::FetchAed, _) => (Role::Direct, travel.direct(candidate)),
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
    acceptance: f64,
    /// That the defibrillator is there.
    aed_chance: f64,
    /// The survival it must add.
    price: f64,
}

impl Offer {
    fn net(&self, stakes: &Stakes) -> f64 {
        let Chosen { role, arrival, .. } = &self.chosen;
        worth_in(stakes, *role, self.acceptance, self.aed_chance, arrival) - self.price
    }
}

/// What somebody adds to survival who comes with this chance, given who is in play in a decision.
pub fn worth(policy: &Policy, decision: &Decision, role: Role, chance: f64, arrival: &Arrival) -> f64 {
    let there = f64::from(policy.aeds.there_permille) / 1_000.0;
    worth_in(&stakes(policy, decision), role, chance, there, arrival)
}

fn worth_in(stakes: &Stakes, role: Role, chance: f64, aed_chance: f64, arrival: &Arrival) -> f64 {
    match role {
        Role::Direct => stakes.worth(Brings::Cpr, chance, arrival),
        Role::FetchAed(_) => {
            stakes.worth(Brings::Aed, chance * aed_chance, arrival)
                + stakes.worth(Brings::Cpr, chance * (1.0 - aed_chance), arrival)
        }
        Role::Guide => 0.0,
    }
}

/// One after the other, whoever adds most to modelled survival in the role in which they do, while it is worth an alert.
fn worth_most(policy: &Policy, travel: &Travel<'_>, decision: &Decision) -> Vec<Chosen> {
    let mut stakes = stakes(policy, decision);
    let mut taken: BTreeSet<AedId> = BTreeSet::new();
    let mut offers = offers(policy, travel, decision);
    let mut chosen: Vec<Chosen> = Vec::new();
    while chosen.len() < decision.sought as usize {
        let best = offers
            .iter()
            .filter(|offer| offer.chosen.role.aed().is_none_or(|aed| !taken.contains(&aed)))
            .map(|offer| (offer.net(&stakes), offer))
            .filter(|(net, _)| *net > 0.0)
            .max_by(|(a, first), (b, second)| {
                a.total_cmp(b)
                    .then_with(|| tie(decision, second).cmp(&tie(decision, first)))
            });
        let Some((_, &best)) = best else {
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
        offers.retain(|offer| offer.chosen.candidate != best.chosen.candidate);
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
fn stakes(policy: &Policy, decision: &Decision) -> Stakes {
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
        Role::Guide => {}
    }
}

fn offers(policy: &Policy, travel: &Travel<'_>, decision: &Decision) -> Vec<Offer> {
    let mut offers = Vec::new();
    for (index, candidate) in decision.candidates.iter().enumerate() {
        if candidate.verdict != Verdict::EnoughSooner {
            continue;
        }
        let grown = 1_000 + u64::from(policy.joint.fairness_permille) * u64::from(candidate.recent_alerts);
        #[allow(clippy::cast_precision_loss)]
        let price = f64::from(policy.joint.alert_price_ppm) * grown as f64 / 1e9;
        let offer = |role, arrival, aed_chance| Offer {
            chosen: Chosen {
                candidate: index,
                role,
                arrival,
            },
            acceptance: permille(candidate.acceptance_permille),
            aed_chance,
            price,
        };
        offers.push(offer(Role::Direct, travel.direct(candidate), 0.0));
        for option in candidate.aeds.iter().flatten() {
            let arrival = travel.by_way_of_aed(candidate, option.way);
            offers.push(offer(
                Role::FetchAed(option.aed),
                arrival,
                permille(option.chance_permille),
            ));
        }
    }
    offers
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
    let mut left: Vec<(usize, &Candidate)> = decision.candidates.iter().enumerate().collect();
    left.retain(|(index, candidate)| {
        candidate.verdict == Verdict::EnoughSooner && chosen.iter().all(|chosen| chosen.candidate != *index)
    });
    left.sort_by_key(|(_, candidate)| (candidate.estimated_arrival, candidate.responder));
    for (index, candidate) in left.into_iter().take(wanted.min(room)) {
        chosen.push(Chosen {
            candidate: index,
            role: Role::Guide,
            arrival: travel.direct(candidate),
        });
    }
}

fn permille(permille: u16) -> f64 {
    f64::from(permille) / 1_000.0
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
