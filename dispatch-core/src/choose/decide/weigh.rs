//! What each person of a decision adds to modelled survival: the same sums as the choice, told afterwards. Decides nothing.

use super::{
    Ambulance, Candidate, Decision, Offer, Policy, Role, Travel, Verdict, ambulance, offers, stakes, take_into_play,
    tie, worth_in,
};

/// What the people of a decision add, under a policy.
#[derive(Clone, PartialEq, Debug)]
pub struct Weighing {
    /// When the ambulance was expected, from the decision on; as assumed by the policy when that was not known.
    pub ambulance: Ambulance,
    /// Those asked, in the order of the decision's alerts; one that has no candidate is left out.
    pub asked: Vec<Added>,
    /// Those who might have been asked and were not, each in the role in which they add most once all those asked count;
    /// most worth while first.
    pub left: Vec<Worth>,
}

/// What somebody who was asked adds, given who was in play and those asked before them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Added {
    /// They themselves.
    pub worth: Worth,
    /// At that point, the best of those who were not asked; `None` = there was nobody.
    pub next: Option<Worth>,
}

/// What somebody adds in a role.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Worth {
    /// Their place among the decision's candidates.
    pub candidate: usize,
    /// The role.
    pub role: Role,
    /// What being asked adds to the chance of survival, 0 to 1: they may not come.
    pub survival: f64,
    /// What it must add to be worth an alert, 0 to 1.
    pub price: f64,
}

/// Weighs the people of a recorded decision by the policy it was made by. Guides add nothing: they bring no hands.
pub fn weigh(policy: &Policy, made: &Decision) -> Weighing {
    let mut open = made.clone();
    for candidate in open.candidates.iter_mut().filter(|c| c.verdict == Verdict::Asked) {
        candidate.verdict = Verdict::EnoughSooner;
    }
    let travel = Travel::new(policy, made.place.position, made.decided_at);
    let people = open.candidates.iter().enumerate();
    let offers = people
        .filter(|(_, candidate)| candidate.verdict == Verdict::EnoughSooner)
        .flat_map(|(index, candidate)| offers(policy, &travel, index, candidate));
    let (mut left, taken): (Vec<Offer>, Vec<Offer>) =
        offers.partition(|offer| made.candidates[offer.chosen.candidate].verdict != Verdict::Asked);
    let mut stakes = stakes(policy, made);
    let mut asked = Vec::new();
    for plan in &made.alerts {
        let is_of = |candidate: &Candidate| candidate.responder == plan.responder;
        let same = |offer: &&Offer| {
            is_of(&made.candidates[offer.chosen.candidate])
                && (offer.chosen.role == plan.role || plan.role == Role::Guide)
        };
        let Some(offer) = taken.iter().find(same) else {
            continue;
        };
        let worth = |offer: &Offer, role, arrival| Worth {
            candidate: offer.chosen.candidate,
            role,
            survival: worth_in(&stakes, role, offer.acceptance, offer.aed_chance, arrival),
            price: offer.price,
        };
        let best = best_first(&stakes, made, &left).into_iter().next();
        asked.push(Added {
            worth: worth(offer, plan.role, &(&plan.arrival).into()),
            next: best,
        });
        take_into_play(
            &mut stakes,
            plan.role,
            offer.acceptance,
            offer.aed_chance,
            &plan.arrival,
        );
        // A defibrillator can be fetched once.
        left.retain(|other| plan.role.aed().is_none() || other.chosen.role.aed() != plan.role.aed());
    }
    Weighing {
        ambulance: ambulance(policy, made),
        asked,
        left: best_first(&stakes, made, &left),
    }
}

/// Each person once, in the role in which they are most worth an alert; most worth while first, ties as in the choice.
fn best_first(stakes: &super::Stakes, made: &Decision, offers: &[Offer]) -> Vec<Worth> {
    let mut weighed: Vec<(f64, &Offer)> = offers.iter().map(|offer| (offer.net(stakes), offer)).collect();
    weighed.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| tie(made, first).cmp(&tie(made, second))));
    let mut seen = std::collections::BTreeSet::new();
    weighed.retain(|(_, offer)| seen.insert(offer.chosen.candidate));
    let worth = |&(net, offer): &(f64, &Offer)| Worth {
        candidate: offer.chosen.candidate,
        role: offer.chosen.role,
        survival: net + offer.price,
        price: offer.price,
    };
    weighed.iter().map(worth).collect()
}
